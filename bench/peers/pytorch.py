"""PyTorch's functions, on contiguous and on channels_last tensors.

Tensors are made once outside and share the arrays' memory; a call returns NumPy's view of the
result. channels_last is timed on tensors that already have that layout: its best case.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..layer import Layer
from .common import Call


def functions(layer: Layer, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """The function of `torch.nn.functional`; channels_last where there are two axes."""
    import torch

    torch.set_num_threads(threads)
    function = getattr(torch.nn.functional, layer.function)
    x, w, b = (torch.from_numpy(a) for a in arrays)
    options: dict[str, Any] = {"stride": layer.stride, "dilation": layer.dilation}
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
