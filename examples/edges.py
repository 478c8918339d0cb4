"""Edges of a photograph: Sobel filters as one convolution, and where they are strongest.

    python examples/edges.py [PICTURE.png]

The photograph is scikit-learn's (``pip install "fastconv[demo]"``); with a file name, it is saved
beside its edges.
"""

from __future__ import annotations

import sys

import numpy as np
from sklearn.datasets import load_sample_image

import fastconv as fc

SMOOTH, SLOPE = np.float32([1, 2, 1]) / 4, np.float32([-1, 0, 1]) / 2


def edges(grey: np.ndarray) -> np.ndarray:
    """The length of the gradient at each pixel, by Sobel's two filters."""
    sobel = np.stack([np.outer(SMOOTH, SLOPE), np.outer(SLOPE, SMOOTH)])[:, None]
    # Beyond the border the image continues as a mirror: a border of zeros would be an edge itself.
    dx, dy = fc.conv2d(grey[None], sobel, padding="same", padding_mode="reflect")
    return np.hypot(dx, dy)


def main() -> None:
    photo = load_sample_image("china.jpg").astype(np.float32) / 255
    grey = photo @ np.float32([0.299, 0.587, 0.114])
    strength = edges(grey)
    blocks, where = fc.max_pool2d(strength[None], 64, ceil_mode=True, return_indices=True)
    row, column = divmod(int(where.ravel()[blocks.argmax()]), grey.shape[1])
    print(f"{grey.shape[0]} x {grey.shape[1]} pixels, mean edge {strength.mean():.4f}")
    print(f"the strongest, {blocks.max():.3f}, is at row {row}, column {column}")
    if len(sys.argv) > 1:
        from matplotlib import image

        image.imsave(sys.argv[1], np.hstack([grey, strength / strength.max()]), cmap="gray")


if __name__ == "__main__":
    main()
