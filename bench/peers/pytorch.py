"""PyTorch's functions and gradients, on contiguous and on channels_last tensors.

Tensors are made once outside and share the arrays' memory; a call returns NumPy's view of the
result. channels_last is timed on tensors that already have that layout: its best case.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..items.gradient import Gradient
from ..items.layer import Layer
from .common import Call


def functions(layer: Layer, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """The function of `torch.nn.functional`; channels_last where there are two axes."""
    import torch

    torch.set_num_threads(threads)
    function = getattr(torch.nn.functional, layer.function)
    x, w, b = (torch.from_numpy(a) for a in arrays)
    options: dict[str, Any] = {"stride": layer.strides, "dilation": layer.dilation}
    options["groups"] = layer.groups
    if layer.output_padding:
        options["output_padding"] = layer.output_padding
    pad = layer.symmetric_pad

    def call(x: Any = x, w: Any = w) -> np.ndarray:
        with torch.inference_mode():
            if pad is None:  # PyTorch takes no uneven padding: its users write this
                edges = [edge for lo_hi in reversed(layer.pads) for edge in lo_hi]
                return function(torch.nn.functional.pad(x, edges), w, b, **options).numpy()
            return function(x, w, b, padding=pad, **options).numpy()

    calls: dict[str, Call] = {"torch": call}
    if layer.rank == 2:
        last = torch.channels_last
        xl, wl = x.contiguous(memory_format=last), w.contiguous(memory_format=last)
        calls["torch channels_last"] = lambda: call(xl, wl)
    return calls


def gradients(item: Gradient, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """What autograd calls: `convolution_backward`, with a mask of what is wanted."""
    import torch

    torch.set_num_threads(threads)
    layer = item.layer
    backward, pad_of = torch.ops.aten.convolution_backward, torch.nn.functional.pad
    mask = [item.what != "dW", item.what != "dX", item.what == "all"]
    pad = layer.symmetric_pad
    # As in `functions`, uneven padding is a step of its own, and so is its gradient.
    edges = [edge for lo_hi in reversed(layer.pads) for edge in lo_hi] if pad is None else []
    options = (
        [layer.c_out], list(layer.strides), list(pad or [0] * layer.rank),
        [layer.dilation] * layer.rank, layer.transposed, [layer.output_padding] * layer.rank,
        layer.groups, mask,
    )  # fmt: skip

    def call(x: Any, w: Any, dy: Any) -> tuple[np.ndarray, ...]:
        with torch.inference_mode():
            found = backward(dy, pad_of(x, edges) if edges else x, w, *options)
            if edges and mask[0]:
                found = (pad_of(found[0], [-edge for edge in edges]), *found[1:])
            return tuple(g.numpy() for g, wanted in zip(found, mask, strict=True) if wanted)

    given = [torch.from_numpy(a) for a in arrays]
    calls: dict[str, Call] = {"torch": lambda: call(*given)}
    if layer.rank == 2:
        last = [a.contiguous(memory_format=torch.channels_last) for a in given]
        calls["torch channels_last"] = lambda: call(*last)
    return calls
