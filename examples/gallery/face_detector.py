"""
A detector for images of any size
=================================

The first two networks of MTCNN (Zhang et al., "Joint Face Detection and Alignment Using Multitask
Cascaded Convolutional Networks", 2016). One is fully convolutional: it slides over a pyramid of
smaller and smaller copies of an image of any size, so that a face fits its 12 pixels in one of
them. The other looks at what it proposes; its dense layers are convolutions here as well.

    python examples/gallery/face_detector.py [--small] [PICTURE.png]

At every size one face must be found, at the same place (an IoU of at least 0.6). The weights are
mtcnn's, the photograph is scikit-image's: ``pip install mtcnn scikit-image matplotlib``.
"""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from skimage import data

from fastconv import nn

SMALL = "--small" in sys.argv
PICTURE = [name for name in sys.argv[1:] if not name.startswith("-")]
LAST = {"data_format": "channels_last"}
if (package := find_spec("mtcnn")) is None:
    raise ModuleNotFoundError("pip install mtcnn", name="mtcnn")
WEIGHTS = Path(package.origin).parent / "assets" / "weights"

# %%
# The networks, from the arrays of Keras's layers


def network(name: str, *pools: nn.Layer) -> nn.Sequential:
    """Convolutions, slopes and pools; and side by side 4 corrections of a box, and no or yes."""
    arrays, waiting, layers, heads = joblib.load(WEIGHTS / f"{name}.lz4"), list(pools), [], []
    while arrays:
        kernel, bias = arrays.pop(0), arrays.pop(0)
        if kernel.ndim == 2:  # dense: behind 3 x 3 pixels, column by column, or behind a vector
            side = 3 if len(bias) == 128 else 1
            kernel = kernel.reshape(side, side, -1, len(bias)).swapaxes(0, 1)
        conv = nn.Conv2d(kernel.shape[2], len(bias), kernel.shape[:2], **LAST)
        conv.weight, conv.bias = kernel.transpose(3, 2, 0, 1), bias
        if len(arrays) > 2:  # of the trunk
            prelu = nn.PReLU(len(bias), **LAST)
            prelu.weight = arrays.pop(0).reshape(-1)
            layers += [conv, prelu, *waiting[:1]]
            waiting = waiting[1:]
        else:
            heads.append(conv)
    return nn.Sequential(*layers, nn.Concat(*heads, axis=-1)).eval()


proposals = network("pnet", nn.MaxPool2d(2, padding="same", **LAST))
refinement = network("rnet", *(nn.MaxPool2d(3, 2, p, **LAST) for p in ("same", "valid")))

# %%
# Boxes: left, top, right, bottom, score


def overlap(box: np.ndarray, others: np.ndarray) -> np.ndarray:  # intersection over union
    inner = np.minimum(box[2:4], others[:, 2:4]) - np.maximum(box[:2], others[:, :2])
    shared = np.maximum(inner, 0).prod(axis=1)
    areas = (others[:, 2:4] - others[:, :2]).prod(axis=1)
    return shared / ((box[2:4] - box[:2]).prod() + areas - shared)


def strongest(boxes: np.ndarray, most: float) -> np.ndarray:  # those that overlap no stronger one
    boxes, kept = boxes[np.argsort(-boxes[:, 4])], []
    while len(boxes):
        kept.append(boxes[0])
        boxes = boxes[1:][overlap(boxes[0], boxes[1:]) <= most]
    return np.reshape(kept, (-1, 5))


def resized(image: np.ndarray, *size: int) -> np.ndarray:
    return nn.Upsample(size, mode="bilinear", **LAST).eval()(image[None])


def chance(y: np.ndarray) -> np.ndarray:  # the softmax of no and yes
    return 1 / (1 + np.exp(y[..., 4] - y[..., 5]))


def faces(image: np.ndarray, least: float = 40, net=proposals, look=refinement) -> np.ndarray:
    """The boxes of the faces of at least so many pixels."""
    found, scale = [], 12 / least
    while min(image.shape[:2]) * scale >= 12:
        y = net(resized(image, *(int(np.ceil(n * scale)) for n in image.shape[:2])))[0]
        rows, columns = np.nonzero(chance(y) > 0.7)
        corners = 2 * np.stack([columns, rows, columns, rows], axis=1) + [0, 0, 12, 12]
        boxes = (corners + 12 * y[rows, columns, :4]) / scale
        found.append(strongest(np.column_stack([boxes, chance(y)[rows, columns]]), 0.5))
        scale *= 0.709
    boxes = strongest(np.concatenate(found), 0.7)
    sides = np.round((boxes[:, 2:4] - boxes[:, :2]).max(axis=1)).astype(int)[:, None]
    starts = np.round((boxes[:, :2] + boxes[:, 2:4] - sides) / 2).astype(int)
    border = int(max(sides.max(initial=0), -starts.min(initial=0), 0))
    padded = np.pad(image, ((border, 2 * border), (border, 2 * border), (0, 0)))
    patches = [np.zeros((0, 24, 24, 3), np.float32)]
    for (x, y), (side,) in zip(starts + border, sides, strict=True):
        patches.append(resized(padded[y:, x:][:side, :side], 24, 24))
    y = look(np.concatenate(patches))[:, 0, 0]
    moved = np.hstack([starts, starts + sides]) + y[:, :4] * sides
    return strongest(np.column_stack([moved, chance(y)])[chance(y) > 0.9], 0.3)


# %%
# One photograph at many sizes

photo = (data.astronaut().astype(np.float32) - 127.5) / 128
sizes = [(60, 80), (120, 160), (240, 320)] + ([] if SMALL else [(480, 640), (1080, 1920)])
places = []
figure, axes = plt.subplots(1, len(sizes), figsize=(3 * len(sizes), 2.7), layout="constrained")
for ax, (height, width) in zip(axes, sizes, strict=True):
    image = np.full((height, width, 3), -1, np.float32)
    image[:, :height] = resized(photo, height, height)[0]  # the rest stays black
    began = time.perf_counter()
    boxes = faces(image, least=max(12, height // 10))
    taken = 1e3 * (time.perf_counter() - began)
    print(f"{height:4d} x {width:4d}: {taken:6.1f} ms, {np.round(boxes, 2).tolist()}")
    places.append(boxes / height)
    if len(boxes) != 1 or overlap(places[0][0], places[-1]).min() < 0.6:
        raise SystemExit("one face was to be found, where it is in the smallest image")
    ax.imshow((image * 128 + 127.5).astype(np.uint8))
    left, top, right, bottom, _ = boxes[0]
    ax.plot([left, right, right, left, left], [top, top, bottom, bottom, top], "lime")
    ax.set(title=f"{height} x {width}: {taken:.0f} ms", xticks=[], yticks=[])
if PICTURE:
    figure.savefig(PICTURE[0])
