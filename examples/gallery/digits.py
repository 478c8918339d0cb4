"""
A classifier of handwritten digits
==================================

Convolution, pool, twice, and two dense layers, trained on scikit-learn's digits: what it learns,
what it confuses, and what the size of a batch does to time and accuracy.

    python examples/gallery/digits.py [--small] [PICTURE.png]

At least 97 % of the digits that it has not seen must be right (90 % with ``--small``).
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from fastconv import nn

SMALL = "--small" in sys.argv
PICTURE = [name for name in sys.argv[1:] if not name.startswith("-")]
EPOCHS, WANTED = (4, 0.90) if SMALL else (20, 0.97)

bunch = load_digits()
images = (bunch.images / 16).astype(np.float32)[:, None]
order = np.random.default_rng(0).permutation(len(images))
train, test = order[360:], order[:360]

# %%
# The network


def network(kernel=3, padding="same", side=8, channels=1) -> nn.Sequential:
    rng = np.random.default_rng(1)
    features = nn.Sequential(
        nn.Conv2d(channels, 16, kernel, padding=padding, rng=rng), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, kernel, padding=padding, rng=rng), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
    )  # fmt: skip
    _, inputs = features.output_shape((1, channels, side, side))
    dense = nn.Linear(inputs, 128, rng=rng), nn.ReLU(), nn.Linear(128, 10, rng=rng)
    return nn.Sequential(*features, *dense)


def fitted(batch: int, epochs: int, lr: float = 2e-3) -> tuple[nn.Sequential, dict]:
    model = network()
    optimizer = nn.Adam(model.parameters(), lr=lr, weight_decay=1e-4)
    history = nn.fit(
        model, images[train], bunch.target[train], loss=nn.SoftmaxCrossEntropy(),
        optimizer=optimizer, epochs=epochs, batch_size=batch, rng=2, progress=False,
        validation=(images[test], bunch.target[test]), callbacks=[nn.CosineLR(optimizer, epochs)],
    )  # fmt: skip
    return model, history


model, history = fitted(batch=32, epochs=EPOCHS)
print(model.summary((1, 8, 8)))
accuracy = history["val_accuracy"][-1]
print(f"\n{accuracy:.1%} of {len(test)} digits that it has not seen are right")
if accuracy < WANTED:
    raise SystemExit(f"at least {WANTED:.0%} were to be reached")

# %%
# The size of a batch
# -------------------
# Small batches take more steps in an epoch, and so learn more from it, but use the machine less.

print("\nbatch   accuracy   seconds an epoch   (3 epochs)")
for batch in (10, 100) if SMALL else (1, 10, 100):
    _, found = fitted(batch, 1 if SMALL else 3, lr=5e-4 * batch**0.5)
    print(f"{batch:5d}   {found['val_accuracy'][-1]:8.1%}   {np.mean(found['seconds']):.2f}")

# %%
# The same stack on 20 x 20 colour images
# ---------------------------------------
# Larger filters without padding leave less and less of an image.

print("\nfilters  padding  shapes behind the convolutions and pools")
for kernel in (3, 5, 7):
    for padding in ("same", "valid"):
        shape, shapes = (1, 3, 20, 20), []
        try:
            for layer in network(kernel, padding, side=20, channels=3)[:6]:
                shape = layer.output_shape(shape)
                shapes += [] if isinstance(layer, nn.ReLU) else [shape[1:]]
        except ValueError:
            shapes = ["nothing is left"]
        print(f"{kernel} x {kernel}    {padding:6s}  ", *shapes)

# %%
# The loss, the first filters, what they make of a digit, and what is confused
figure, axes = plt.subplot_mosaic("AB;CD", figsize=(11, 9), layout="constrained")
for name in ("loss", "val_loss"):
    axes["A"].plot(range(1, EPOCHS + 1), history[name], label=name)
axes["A"].set(xlabel="epochs", yscale="log", title=f"loss; {accuracy:.1%} right")
axes["A"].legend()


def tiles(values: np.ndarray) -> np.ndarray:
    framed = np.pad(values, ((0, 0), (0, 1), (0, 1)), constant_values=np.nan)
    side = framed.shape[1]
    return framed.reshape(4, 4, side, side).swapaxes(1, 2).reshape(4 * side, 4 * side)


axes["B"].imshow(tiles(model[0].weight[:, 0]), cmap="RdBu")
axes["B"].set(title="the 16 filters of the first layer")
axes["C"].imshow(tiles(model[:2](images[test[:1]])[0]), cmap="viridis")
axes["C"].set(title=f"their feature maps of a {bunch.target[test[0]]}")
confusion = np.zeros((10, 10), int)
np.add.at(confusion, (bunch.target[test], model(images[test]).argmax(axis=1)), 1)
axes["D"].imshow(np.log1p(confusion), cmap="Blues")
for (row, column), count in np.ndenumerate(confusion):
    axes["D"].text(column, row, count or "", ha="center", va="center", color="C1")
axes["D"].set(xlabel="said", ylabel="is", title="confusion", xticks=range(10), yticks=range(10))
axes["B"].axis("off"), axes["C"].axis("off")
if PICTURE:
    figure.savefig(PICTURE[0])
