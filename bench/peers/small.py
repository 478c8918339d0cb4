"""Pools and activations of one small array."""

from __future__ import annotations

import numpy as np

from ..items.small import Small
from .common import Call
from .onnx_model import operator
from .onnxruntime import bound

ONNX = {
    "max_pool2d": "MaxPool", "avg_pool2d": "AveragePool", "relu": "Relu", "sigmoid": "Sigmoid",
    "tanh": "Tanh", "softmax": "Softmax",
}  # fmt: skip


def torch_call(item: Small, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """The function, on a tensor made once."""
    import torch

    torch.set_num_threads(threads)
    x = torch.from_numpy(arrays[0])
    home = torch.nn.functional if item.window else torch
    function = getattr(home, item.what)
    more = item.window or ((1,) if item.what == "softmax" else ())

    def call() -> np.ndarray:
        with torch.inference_mode():
            found: np.ndarray = function(x, *more).numpy()
            return found

    return {"torch": call}


def onnxruntime_call(item: Small, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """A session of one operator, with buffers bound ahead."""
    x, lists, ints = arrays[0], {}, {}
    shape = x.shape
    if item.window:
        k, stride, pad = item.window
        lists = {"kernel_shape": (k, k), "strides": (stride, stride), "pads": (pad,) * 4}
        ints = {"count_include_pad": 1} if item.what == "avg_pool2d" else {}
        shape = (*shape[:2], *((size + 2 * pad - k) // stride + 1 for size in shape[2:]))
    if item.what == "softmax":
        ints = {"axis": 1}
    return bound(operator(ONNX[item.what], x, lists, ints), x, shape, threads)


BUILDERS = {"onnxruntime": onnxruntime_call, "torch": torch_call}
