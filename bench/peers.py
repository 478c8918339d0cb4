"""Other libraries on the same layers; each is optional and skipped with a word when absent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.layers import Layer

Call = Callable[[], Any]


def torch_calls(layer: Layer, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """PyTorch's function on contiguous and on channels_last tensors; {} without PyTorch."""
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(threads)
    name = ("conv_transpose" if layer.transposed else "conv") + f"{layer.rank}d"
    function = getattr(torch.nn.functional, name)
    x, w, b = (torch.from_numpy(a) for a in arrays)
    options: dict[str, Any] = {"stride": layer.stride, "dilation": layer.dilation}
    options["groups"] = layer.groups
    if layer.output_padding:
        options["output_padding"] = layer.output_padding
    pad = layer.symmetric_pad

    def call(x: Any = x, w: Any = w) -> Any:
        with torch.inference_mode():
            if pad is None:  # PyTorch takes no uneven padding: its users write this
                lo, hi = layer.pads[0]
                return function(torch.nn.functional.pad(x, (lo, hi)), w, b, **options)
            return function(x, w, b, padding=pad, **options)

    calls: dict[str, Call] = {"torch": call}
    if layer.rank == 2:
        last = torch.channels_last
        xl, wl = x.contiguous(memory_format=last), w.contiguous(memory_format=last)
        calls["torch channels_last"] = lambda: call(xl, wl)
    return calls


def as_array(result: Any) -> np.ndarray:
    """A peer's result as a contiguous array."""
    return np.ascontiguousarray(result.numpy() if hasattr(result, "numpy") else result)
