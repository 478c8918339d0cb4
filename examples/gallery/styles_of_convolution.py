"""
Separable, dilated, depthwise, grouped
======================================

Six layers that see 64 channels of 56 x 56 pixels and give as many: what each holds, computes, sees
and takes. Fewer FLOPs are not as much less time: a layer that computes little for each number it
reads waits for memory.

    python examples/gallery/styles_of_convolution.py [--small] [PICTURE.png]

The depthwise separable layer must hold at most a seventh of the parameters of the dense one, and
answer in less time.
"""

from __future__ import annotations

import sys
import time

import matplotlib.pyplot as plt
import numpy as np

import fastconv as fc
from fastconv import nn

SMALL = "--small" in sys.argv
PICTURE = [name for name in sys.argv[1:] if not name.startswith("-")]
CALLS = 30 if SMALL else 200
C, SIDE = 64, 56

styles = {
    "dense 3 x 3": [nn.Conv2d(C, C, 3, padding=1)],
    "dense 5 x 5": [nn.Conv2d(C, C, 5, padding=2)],
    "3 x 3, dilated by 2": [nn.Conv2d(C, C, 3, padding=2, dilation=2)],
    "3 x 1, then 1 x 3": [
        nn.Conv2d(C, C, (3, 1), padding=(1, 0)), nn.Conv2d(C, C, (1, 3), padding=(0, 1)),
    ],
    "3 x 3 in 4 groups": [nn.Conv2d(C, C, 3, padding=1, groups=4)],
    "depthwise, then 1 x 1": [nn.Conv2d(C, C, 3, padding=1, groups=C), nn.Conv2d(C, C, 1)],
}  # fmt: skip

# %%
# A separable filter is two filters
# ---------------------------------
# If a kernel is an outer product, a column and then a row do the same with 6 products for 9.

column, row = np.float32([1, 2, 1]), np.float32([-1, 0, 1])
image = np.random.default_rng(0).integers(0, 9, (1, 20, 30)).astype(np.float32)
whole = fc.conv2d(image, np.outer(column, row)[None, None])
halves = fc.conv2d(fc.conv2d(image, column[None, None, :, None]), row[None, None, None])
if not np.array_equal(whole, halves):
    raise SystemExit("a column and a row must give what their outer product gives")

# %%
# What each holds, computes, sees and takes

x = np.random.default_rng(1).standard_normal((1, C, SIDE, SIDE), np.float32)
found = {}
print(f"{'':22s}  parameters   MFLOPs  sees     ms  GFLOPs a second")
for name, layers in styles.items():
    model = nn.Sequential(*layers).eval()
    last = model.summary(x.shape).splitlines()
    parameters, flops = (int(word.replace(",", "")) for word in last[-1].split()[1:])
    model(x)  # packs the weights
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        model(x)
        times.append(time.perf_counter() - began)
    seconds = min(times)  # what the machine does beside is no layer's fault
    found[name] = parameters, flops, seconds
    print(
        f"{name:22s} {parameters:11,d} {flops / 1e6:8.1f} {last[-3].split()[-1]:>5s} "
        f"{1e3 * seconds:6.2f} {flops / seconds / 1e9:16.0f}"
    )
dense, light = found["dense 3 x 3"], found["depthwise, then 1 x 1"]
if light[0] > dense[0] / 7 or light[2] >= dense[2]:
    raise SystemExit("the depthwise separable layer was to be smaller and faster")

# %%
# The picture: each as a share of the dense layer

figure, ax = plt.subplots(figsize=(10, 5), layout="constrained")
for i, (label, color) in enumerate((("parameters", "C0"), ("FLOPs", "C1"), ("time", "C2"))):
    shares = [values[i] / dense[i] for values in found.values()]
    ax.barh(np.arange(len(found)) + 0.27 * (i - 1), shares, 0.25, label=label, color=color)
ax.set(yticks=range(len(found)), yticklabels=list(found), xlabel="of the dense 3 x 3 layer")
ax.axvline(1, color="black", linewidth=0.8)
ax.invert_yaxis()
ax.legend()
if PICTURE:
    figure.savefig(PICTURE[0])
