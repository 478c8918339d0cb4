"""
Feature maps of a photograph
============================

The filters of the textbooks on a real picture, what an activation and the three pools make of their
answers, a last window that is only partly filled, and a filter that finds a pattern.

    python examples/gallery/feature_maps.py [--small] [PICTURE.png]

The photograph is scikit-learn's, "china.jpg" (``pip install "fastconv[demo]"``).
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

import fastconv as fc

SMALL = "--small" in sys.argv
PICTURE = [name for name in sys.argv[1:] if not name.startswith("-")]

photo = load_sample_image("china.jpg")[:: 2 if SMALL else 1, :: 2 if SMALL else 1]
grey = photo.astype(np.float32) / 255 @ np.float32([0.299, 0.587, 0.114])

# %%
# Six filters are one convolution
# -------------------------------
# Stacked, they are the weights of a layer with one input channel and six output channels.

smooth, slope = np.float32([1, 2, 1]) / 4, np.float32([-1, 0, 1]) / 2
sharp = np.float32([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
emboss = np.float32([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
laplace = np.float32([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
FILTERS = {
    "Sobel, across": np.outer(smooth, slope),
    "Sobel, down": np.outer(slope, smooth),
    "Gaussian": np.outer(smooth, smooth),
    "sharpen": sharp,
    "emboss": emboss,
    "Laplace": laplace,
}
weights = np.stack(list(FILTERS.values()))[:, None]
maps = fc.conv2d(grey[None], weights, padding="same", padding_mode="reflect")

# %%
# ReLU, and pools
# ---------------
# A width of 640 and windows of 24 leave 16 pixels over: with ``ceil_mode=True`` the last window is
# partly filled, and the average is over what it holds.

edges = fc.relu(maps[:1])
WINDOW = 24
pools = {
    "maximum": fc.max_pool2d(edges, WINDOW, ceil_mode=True),
    "mean": fc.avg_pool2d(edges, WINDOW, ceil_mode=True),
    "sum": fc.sum_pool2d(edges, WINDOW, ceil_mode=True),
}
height, width = edges.shape[1:]
last = edges[0, -(height % WINDOW or WINDOW) :, -(width % WINDOW or WINDOW) :]
print(f"{height} x {width} pixels in windows of {WINDOW}: {pools['maximum'].shape[1:]} of them")
print(f"the last one holds {last.shape[0]} x {last.shape[1]} pixels")
for name, of in (("maximum", np.max), ("mean", np.mean), ("sum", np.sum)):
    if not np.isclose(pools[name][0, -1, -1], of(last), rtol=1e-4):
        raise SystemExit(f"the {name} of the last window is not that of the pixels in it")

# %%
# A filter that finds a pattern
# -----------------------------
# An image of zeros and ones, and a 3 x 3 filter: +1 where the pattern has a one, -1 where it has a
# zero. The answer is the number of ones of the pattern only where it stands, and less elsewhere.

pattern = np.float32([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
image = (np.random.default_rng(3).random((12, 16)) < 0.35).astype(np.float32)
for row, column in ((1, 2), (7, 11)):
    image[row : row + 3, column : column + 3] = pattern
answer = fc.conv2d(image[None], (2 * pattern - 1)[None, None])[0]
found = np.argwhere(answer == pattern.sum())
print(f"the pattern has {pattern.sum():.0f} ones; the answer is as large at {found.tolist()}")
if not {(1, 2), (7, 11)} <= set(map(tuple, found.tolist())):
    raise SystemExit("the filter has not found the pattern")

# %%
# The picture

figure, axes = plt.subplots(3, 4, figsize=(13, 8), layout="constrained")
shown = [("photograph", photo), *zip(FILTERS, maps, strict=True), ("ReLU of Sobel", edges[0])]
shown += [(f"{name} of {WINDOW} x {WINDOW}", pool[0]) for name, pool in pools.items()]
for ax, (name, values) in zip(axes.flat, shown, strict=False):
    signed = values.min() < 0 and name not in ("sharpen", "Gaussian")
    high = float(np.percentile(np.abs(values), 99.5)) if signed or "of" in name else None
    low = -high if signed else 0
    ax.imshow(values, cmap="gray", vmin=low, vmax=high)
    ax.set_title(name)
    ax.axis("off")
ax = axes[2, 3]
ax.imshow(image, cmap="Blues", vmax=2)
for row, column in found:
    ax.add_patch(plt.Rectangle((column - 0.5, row - 0.5), 3, 3, fill=False, edgecolor="red", lw=2))
ax.set_title("the pattern, found")
ax.axis("off")
if PICTURE:
    figure.savefig(PICTURE[0])
