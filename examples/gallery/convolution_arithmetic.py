"""
Convolution arithmetic, drawn
=============================

Which inputs does an output see? Each panel moves one output after the other, or one input of a
transposed convolution, and marks what belongs to it, by two lines of index arithmetic. The sums
over the marked elements are compared with fastconv's: on integers they must be equal.

    python examples/gallery/convolution_arithmetic.py [--small] [PICTURE.gif]

After V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016.
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter

import fastconv as fc

SMALL = "--small" in sys.argv
PICTURE = [name for name in sys.argv[1:] if not name.startswith("-")]

# What is drawn: a name, the length of the input, whether it is transposed, and the arguments.
CASES = [
    ("3x3", 5, False, {}),
    ("padding 1 (same)", 5, False, {"padding": 1}),
    ("stride 2, padding 1", 5, False, {"stride": 2, "padding": 1}),
    ("dilation 2", 7, False, {"dilation": 2}),
    ("transposed, stride 2", 3, True, {"stride": 2, "padding": 1}),
    ("the same, output_padding 1", 3, True, {"stride": 2, "padding": 1, "output_padding": 1}),
]
KERNEL = 3

# %%
# The index formulas
# ------------------
# One axis at a time: output `o` of a convolution sees input ``o * stride - padding + t * dilation``
# by tap `t` of the kernel. A transposed convolution reads the same formula backwards: its input `i`
# adds to output ``i * stride - padding + t * dilation``.


def places(at: int, stride: int = 1, padding: int = 0, dilation: int = 1, **_: int) -> np.ndarray:
    """Where the taps fall that belong to position `at`; some of it may lie in the padding."""
    return at * stride - padding + np.arange(KERNEL) * dilation


def lengths(n: int, transposed: bool, settings: dict[str, int]) -> tuple[int, int]:
    """How many positions the kernel takes, and how long the result is."""
    shape, weight = (1, 1, n, n), (1, 1, KERNEL, KERNEL)
    if transposed:
        return n, fc.conv_transpose_output_shape(shape, weight, **settings)[-1]
    out = fc.conv_output_shape(shape, weight, **settings)[-1]
    return out, out


def by_hand(x: np.ndarray, w: np.ndarray, transposed: bool, settings: dict[str, int]) -> np.ndarray:
    """The sums over the marked elements, one product after the other."""
    steps, out = lengths(len(x), transposed, settings)
    y = np.zeros((out, out), x.dtype)
    for i, j, s, t in np.ndindex(steps, steps, KERNEL, KERNEL):
        r, c = places(i, **settings)[s], places(j, **settings)[t]
        if transposed and 0 <= r < out and 0 <= c < out:
            y[r, c] += x[i, j] * w[s, t]
        elif not transposed and 0 <= r < len(x) and 0 <= c < len(x):
            y[i, j] += x[r, c] * w[s, t]
    return y


rng = np.random.default_rng(0)
for name, n, transposed, settings in CASES:
    x = rng.integers(-9, 10, (n, n)).astype(np.float32)
    w = rng.integers(-9, 10, (KERNEL, KERNEL)).astype(np.float32)
    call = fc.conv_transpose2d if transposed else fc.conv2d
    y = call(x[None], w[None, None], **settings)[0]
    if not np.array_equal(y, by_hand(x, w, transposed, settings)):
        raise SystemExit(f"{name}: fastconv's sums are not those of the index formulas")
    print(f"{name:28s} ({n}, {n}) -> {y.shape}, equal to the formulas")

# %%
# The moving picture
# ------------------
# Blue is the input, green the output; orange is what belongs together, light where it is padding.

FRAMES = 2 if SMALL else 25
BLUE, GREEN, ORANGE, LIGHT = (0.2, 0.45, 0.7), (0.25, 0.6, 0.3), (0.95, 0.55, 0.15), (1, 0.85, 0.65)
figure, axes = plt.subplots(2, 6, figsize=(12, 4.4))
figure.subplots_adjust(0.01, 0.01, 0.99, 0.88, 0.02, 0.02)


def cells(n: int, marked: list[tuple[int, int]], color: tuple[float, ...]) -> np.ndarray:
    """A picture of n x n cells, and marked ones of them or around them."""
    grid = np.ones((9, 9, 3))
    grid[1 : n + 1, 1 : n + 1] = color
    for r, c in marked:
        grid[r + 1, c + 1] = ORANGE if 0 <= r < n and 0 <= c < n else LIGHT
    fine = np.kron(grid, np.ones((10, 10, 1)))
    fine[::10], fine[:, ::10] = 1, 1  # white lines between cells
    return fine


images = [ax.imshow(np.ones((90, 90, 3))) for ax in axes.flat]
for ax, (name, n, transposed, settings) in zip(axes[0], CASES, strict=True):
    out = lengths(n, transposed, settings)[1]
    ax.set_title(f"{name}\n{n} x {n} -> {out} x {out}", fontsize=9)
for ax in axes.flat:
    ax.axis("off")


def frame(number: int) -> None:
    for column, (_, n, transposed, settings) in enumerate(CASES):
        steps, out = lengths(n, transposed, settings)
        i, j = divmod(number % (steps * steps), steps)
        window = [(r, c) for r in places(i, **settings) for c in places(j, **settings)]
        one = [(i, j)]
        images[column].set_data(cells(n, one if transposed else window, BLUE))
        images[column + 6].set_data(cells(out, window if transposed else one, GREEN))


animation = FuncAnimation(figure, frame, frames=FRAMES, interval=500)
if PICTURE:
    animation.save(PICTURE[0], writer=PillowWriter(fps=2))
