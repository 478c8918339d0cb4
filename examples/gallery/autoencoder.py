"""
An autoencoder, and a generator
===============================

Convolutions make a code of eight numbers from a digit, transposed convolutions make the digit
again.
Codes between two digits give digits between them. Then: why a transposed convolution with kernel 3
and stride 2 draws checkerboards, and two cures.

    python examples/gallery/autoencoder.py [--small] [PICTURE.png]

The error of reconstructions must be at most half of the mean image's (0.8 with ``--small``). Digits
are scikit-learn's (``pip install "fastconv[demo]"``).
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from fastconv import nn

SMALL = "--small" in sys.argv
PICTURE = [name for name in sys.argv[1:] if not name.startswith("-")]
EPOCHS, WANTED, CODE = (6, 0.8, 8) if SMALL else (40, 0.5, 8)

images = (load_digits().images / 16).astype(np.float32)[:, None]
order = np.random.default_rng(0).permutation(len(images))
train, test = images[order[360:]], images[order[:360]]

# %%
# Down to a code, and up again

rng = np.random.default_rng(1)
encoder = nn.Sequential(
    nn.Conv2d(1, 16, 3, 2, 1, rng=rng), nn.SiLU(),  # 16 x 4 x 4
    nn.Conv2d(16, 32, 3, 2, 1, rng=rng), nn.SiLU(),  # 32 x 2 x 2
    nn.Flatten(), nn.Linear(128, CODE, rng=rng),
)  # fmt: skip
decoder = nn.Sequential(
    nn.Linear(CODE, 128, rng=rng), nn.SiLU(), nn.Unflatten(1, (32, 2, 2)),
    nn.ConvTranspose2d(32, 16, 4, 2, 1, rng=rng), nn.SiLU(),  # 16 x 4 x 4
    nn.ConvTranspose2d(16, 1, 4, 2, 1, rng=rng), nn.Sigmoid(),  # 1 x 8 x 8
)  # fmt: skip
model = nn.Sequential(encoder, decoder)
print(model.summary((1, 1, 8, 8)))
optimizer = nn.Adam(model.parameters(), lr=3e-3)
history = nn.fit(
    model, train, train, validation=(test, test), loss=nn.MSE(), optimizer=optimizer,
    epochs=EPOCHS, batch_size=32, rng=2, progress=False, keep_best="val_loss",
    callbacks=[nn.CosineLR(optimizer, EPOCHS)],
)  # fmt: skip
error = np.square(model(test) - test).mean()
baseline = np.square(train.mean(axis=0) - test).mean()
print(f"\nmean squared error {error:.4f}; of the mean image {baseline:.4f}")
if error > WANTED * baseline:
    raise SystemExit(f"at most {WANTED} of the mean image's error was to be left")

# %%
# Between two digits
# ------------------
# Codes on a straight line from one digit to another.

ends = encoder(test[[0, 7]])
steps = np.linspace(0, 1, 10, dtype=np.float32)[:, None]
between = decoder(ends[:1] * (1 - steps) + ends[1:] * steps)

# %%
# Checkerboards
# -------------
# A transposed convolution adds one patch to the result for each input. Patches of 3 that lie 2
# apart overlap unevenly: of neighbouring outputs, one gets a sum of four, one of two, one of a
# single patch. Patches of 4 overlap evenly, and so does an image that is enlarged first and then
# convolved.

ways = {
    "kernel 3, stride 2": nn.ConvTranspose2d(1, 1, 3, 2, 1, 1, bias=False),
    "kernel 4, stride 2": nn.ConvTranspose2d(1, 1, 4, 2, 1, bias=False),
    "Upsample, then 3 x 3": nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3, padding=1, bias=False)
    ),
}
flat, boards = np.ones((1, 1, 8, 8), np.float32), {}
print("\nan even input, weights that are all the same: the least and the largest output inside")
for name, layer in ways.items():
    for weight, _ in layer.parameters():
        weight[...] = 1 / 4
    boards[name] = layer(flat)[0, 0]
    inner = boards[name][2:-2, 2:-2]
    print(f"  {name:21s} {inner.min():.2f} to {inner.max():.2f}")
    if (name == "kernel 3, stride 2") == np.isclose(inner.min(), inner.max()):
        raise SystemExit("only kernel 3 with stride 2 was to draw a checkerboard")

# %%
# The picture

figure = plt.figure(figsize=(11, 9), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=[3, 2])
axes = top.subplots(3, 10)
rows = (test[:10], model(test[:10]), between)
for line, name, pictures in zip(axes, ("held out", "again", "between"), rows, strict=True):
    for ax, picture in zip(line, pictures[:, 0], strict=True):
        ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(name)
top.suptitle(f"Codes of {CODE} numbers: {error / baseline:.0%} of the mean image's error is left")
for ax, (name, board) in zip(bottom.subplots(1, 3), boards.items(), strict=True):
    ax.imshow(board, cmap="gray", vmin=0, vmax=1.3 * board.max())
    ax.set(title=name, xticks=[], yticks=[])
if PICTURE:
    figure.savefig(PICTURE[0])
