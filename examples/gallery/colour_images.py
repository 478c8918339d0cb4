"""
A classifier of small colour images
===================================

Which of ten photographs is a piece of 32 x 32 pixels from? A linear model of the pixels, a network
with and without Dropout and augmentation, and what over- and underfitting look like.

    python examples/gallery/colour_images.py [--small] [PICTURE.png]

The network must be right at least 15 points more often than the linear model. The photographs are
scikit-image's and scikit-learn's (``pip install scikit-image scikit-learn matplotlib``).
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from skimage import data
from sklearn.datasets import load_sample_image

from fastconv import nn

SMALL = "--small" in sys.argv
PICTURE = [name for name in sys.argv[1:] if not name.startswith("-")]
EPOCHS, PIECES = (5, 100) if SMALL else (12, 120)

# %%
# Pieces of photographs
# ---------------------
# Each is made grey on average and equally strong, so that colour and brightness alone do not tell.

photos = {
    "astronaut": data.astronaut(), "cat": data.chelsea(), "coffee": data.coffee(),
    "galaxies": data.hubble_deep_field(), "tissue": data.immunohistochemistry(),
    "eye": data.retina()[300:1100, 300:1100], "rocket": data.rocket(),
    "temple": load_sample_image("china.jpg"), "flower": load_sample_image("flower.jpg"),
    "grass": np.repeat(data.grass()[..., None], 3, axis=2),
}  # fmt: skip
rng = np.random.default_rng(0)
pieces, classes = [], []
for number, photo in enumerate(photos.values()):
    cells = np.argwhere(np.ones(np.array(photo.shape[:2]) // 32))
    for row, column in rng.permutation(cells)[:PIECES]:
        pieces.append(photo[32 * row : 32 * row + 32, 32 * column : 32 * column + 32])
        classes.append(number)
images = np.stack(pieces).astype(np.float32).transpose(0, 3, 1, 2)
images -= images.mean(axis=(2, 3), keepdims=True)
images /= images.std(axis=(1, 2, 3), keepdims=True) + 8
target = np.array(classes)
test, train = np.split(rng.permutation(len(images)), [len(images) // 4])

# %%


def network(dropout: float) -> nn.Sequential:
    rng, layers = np.random.default_rng(1), []
    for channels, width in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(channels, width, 3, padding=1, rng=rng), nn.BatchNorm2d()]
        layers += [nn.LeakyReLU(0.1), nn.MaxPool2d(2), nn.Dropout2d(dropout / 2, rng=rng)]
    dense = [nn.Linear(1024, 64, rng=rng), nn.LeakyReLU(0.1), nn.Dropout(dropout, rng=rng)]
    return nn.Sequential(*layers, nn.Flatten(), *dense, nn.Linear(64, 10, rng=rng))


class Augmented(nn.Layer):
    """Flips half of the images and shifts all by up to three pixels, while training."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        flipped = np.where(rng.random((len(x), 1, 1, 1)) < 0.5, x[..., ::-1], x)
        return np.roll(flipped, rng.integers(-3, 4, 2), axis=(2, 3)) if self.training else x

    def backward(self, grad_output: np.ndarray) -> np.ndarray:
        return grad_output  # nobody asks for the gradient of the images

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


models = {
    "linear": nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10, rng=1)),
    "network": network(0),
    "with Dropout": network(0.4),
    "and augmentation": nn.Sequential(Augmented(), *network(0.4)),
}
histories = {}
for name, model in models.items():
    optimizer = nn.Adam(model.parameters(), lr=2e-3 if len(model) > 2 else 3e-4)
    histories[name] = nn.fit(
        model, images[train], target[train], validation=(images[test], target[test]),
        loss=nn.SoftmaxCrossEntropy(label_smoothing=0.05), optimizer=optimizer, epochs=EPOCHS,
        batch_size=32, rng=2, progress=False, callbacks=[nn.CosineLR(optimizer, EPOCHS)],
    )  # fmt: skip
    seen, held = histories[name]["accuracy"][-1], histories[name]["val_accuracy"][-1]
    print(f"{name:17s} training {seen:.1%}, held out {held:.1%}")
plain, *others = (history["val_accuracy"][-1] for history in histories.values())
gain = max(others) - plain
print(f"the best network is {100 * gain:.0f} points better than the linear model")
if gain < 0.15:
    raise SystemExit("at least 15 points were to be gained")

# %%
# Over- and underfitting
# ----------------------
# The linear model and the plain network are right more often in training than on pieces that are
# held out: they overfit. With Dropout, and with augmentation, both numbers are lower and alike:
# after twelve epochs these networks still underfit, and would need several times as many.

figure, axes = plt.subplot_mosaic("AAB;DDD", figsize=(11, 7), layout="constrained")
for color, (name, history) in enumerate(histories.items()):
    axes["A"].plot(history["accuracy"], f"C{color}--", linewidth=1)
    axes["A"].plot(history["val_accuracy"], f"C{color}", label=name)
axes["A"].set(xlabel="epochs", ylabel="right (dashed: in training)", title="over- and underfitting")
axes["A"].legend()
filters = models["with Dropout"][0].weight.transpose(0, 2, 3, 1)
filters = (filters - filters.min()) / np.ptp(filters)
grid = np.pad(filters, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=1)
axes["B"].imshow(grid.reshape(4, 4, 4, 4, 3).swapaxes(1, 2).reshape(16, 16, 3))
axes["B"].set(title="filters of the first layer")
axes["D"].imshow(
    np.stack(pieces)[test[:20]].reshape(2, 10, 32, 32, 3).swapaxes(1, 2).reshape(64, 320, 3)
)
axes["D"].set(title="pieces that are held out")
axes["B"].axis("off"), axes["D"].axis("off")
if PICTURE:
    figure.savefig(PICTURE[0])
