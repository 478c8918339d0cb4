"""Arrays in every kind of memory, and activations, for functions that read and write by rows."""

from __future__ import annotations

from typing import get_args

import numpy as np

from fastconv.typing import ActivationName

ACTIVATIONS = (None, *get_args(ActivationName), ("leaky_relu", 0.3), ("leaky_relu", -0.5))


def memories(x):
    """The array `x` in memory of every kind, each with its reason."""
    readonly = x.copy()
    readonly.flags.writeable = False
    shifted = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    shifted[...] = x
    spread = np.repeat(x, 2, axis=-1)[..., ::2]
    larger = np.zeros([n + 3 for n in x.shape], x.dtype)[tuple(slice(1, n + 1) for n in x.shape)]
    larger[...] = x
    return {
        "contiguous": x,
        "read-only": readonly,
        "other byte order": x.astype(x.dtype.newbyteorder()),
        "not aligned": shifted,
        "columns first": np.asarray(x, order="F"),
        "channels are neighbours": np.moveaxis(np.moveaxis(x, 1, -1).copy(), -1, 1),
        "every second element": spread,
        "backwards": x[..., ::-1].copy()[..., ::-1],
        "rows backwards": x[::-1].copy()[::-1],
        "a part of a larger array": larger,
    }


def targets(shape, dtype):
    """Arrays of `shape` to write into, and the array of which each is a part."""
    whole = np.full(shape, 99, dtype)
    larger = np.full([n + 2 for n in shape], 99, dtype)
    channels = np.full((shape[0], 2 * shape[1] + 3, *shape[2:]), 99, dtype)
    last = np.full((*shape[:-1], 2 * shape[-1] + 3), 99, dtype)
    spread = np.full((*shape[:-1], 2 * shape[-1]), 99, dtype)
    turned = np.full(shape[::-1], 99, dtype)
    return {
        "whole": (whole, whole),
        "inside a larger one": (larger[tuple(slice(1, n + 1) for n in shape)], larger),
        "a slice of the second axis": (channels[:, 2 : 2 + shape[1]], channels),
        "a slice of the last axis": (last[..., 1 : 1 + shape[-1]], last),
        "every second element": (spread[..., ::2], spread),
        "transposed": (turned.T, turned),
        "backwards": (whole[::-1], whole),
    }
