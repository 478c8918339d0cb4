"""One layer after the other by the calls of a library: a program's, not a graph's."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

from ..items.layer import Layer
from .common import Call
from .onnx_model import model
from .onnxruntime import load


def torch_last(layers: tuple[Layer, ...], threads: int) -> Call:
    """PyTorch's functions on channels_last tensors, which stay tensors from layer to layer."""
    import torch

    torch.set_num_threads(threads)
    last = torch.channels_last
    arrays = [layer.arrays() for layer in layers]
    first = torch.from_numpy(arrays[0][0]).contiguous(memory_format=last)
    calls = []
    for layer, (_, w, b) in zip(layers, arrays, strict=True):
        weight, bias = torch.from_numpy(w).contiguous(memory_format=last), torch.from_numpy(b)
        calls.append(partial(torch.nn.functional.conv2d, weight=weight, bias=bias,
                             stride=layer.strides, padding=layer.symmetric_pad))  # fmt: skip

    def call() -> Any:
        with torch.inference_mode():
            return reduce(lambda x, run: run(x), calls, first).numpy()

    return call


def onnxruntime_calls(layers: tuple[Layer, ...], threads: int) -> Call:
    """A session for each layer."""
    arrays = [layer.arrays() for layer in layers]
    sessions = [load(model(layer, *three), threads)
                for layer, three in zip(layers, arrays, strict=True)]  # fmt: skip

    def call() -> Any:
        return reduce(lambda x, net: net.run(["y"], {"x": x})[0], sessions, arrays[0][0])

    return call


BUILDERS = {
    "torch": ("torch channels_last", torch_last),
    "onnxruntime": ("onnxruntime", onnxruntime_calls),
}
"""By the names of `--peers`: the contestant's name, and how a child builds its call."""
