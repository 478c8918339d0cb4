"""The textbook's convolutional network in Keras, on its torch backend, by fastconv's kernels.

    python examples/keras_digits.py

scikit-learn's digits are enlarged to the 28 x 28 pixels of MNIST.
"""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "torch"  # before Keras is imported

from fastconv.interfaces import torch as fct  # isort: skip  # says what to install

import keras
import numpy as np
from keras.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from sklearn.datasets import load_digits


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images as MNIST has them, (n, 28, 28, 1) from 0 to 1, and what they show."""
    found = load_digits()
    large = np.kron(found.images / 16, np.ones((3, 3)))
    images = np.pad(large, ((0, 0), (2, 2), (2, 2))).astype(np.float32)[..., None]
    order = np.random.default_rng(0).permutation(len(images))
    return images[order], found.target[order]


def main() -> None:
    keras.utils.set_random_seed(0)
    images, targets = digits()
    model = keras.Sequential([
        Input((28, 28, 1)),
        Conv2D(32, 3, padding="same", activation="relu"), MaxPooling2D(),
        Conv2D(64, 3, padding="same", activation="relu"), MaxPooling2D(),
        Flatten(), Dense(128, activation="relu"), Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    with fct.enabled():
        model.fit(images[:1400], targets[:1400], batch_size=64, epochs=10, verbose=2)
        _, right = model.evaluate(images[1400:], targets[1400:], verbose=0)
    print(f"{right:.1%} of {len(images) - 1400} digits that it has not seen are right")
    print(fct.explain())


if __name__ == "__main__":
    main()
