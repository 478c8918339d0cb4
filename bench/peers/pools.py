"""Peers on pools: PyTorch's functions and ONNX Runtime's sessions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..items.pools import FORWARD, GRADIENT, Pool
from .common import Call, Skip
from .onnx_model import operator
from .onnxruntime import load


def torch_calls(pool: Pool, arrays: dict[str, np.ndarray], threads: int) -> dict[str, Call]:
    """The function, on tensors made once; channels_last where the row is."""
    import torch

    torch.set_num_threads(threads)
    functional, aten = torch.nn.functional, torch.ops.aten
    given = {name: torch.from_numpy(a) for name, a in arrays.items()}
    if pool.last:
        last = torch.channels_last
        given = {name: t.contiguous(memory_format=last) for name, t in given.items()}
    x, n = given["x"], pool.rank
    k, s, p = ([value] * n for value in (pool.kernel, pool.stride, pool.pad))

    def forward() -> Any:
        if pool.adaptive:
            name = f"adaptive_{pool.kind}_pool{n}d"
            return getattr(functional, name)(x, pool.adaptive).numpy()
        more = {"return_indices": True} if pool.what != FORWARD else {}
        pooled = getattr(functional, f"{pool.kind}_pool{n}d")(x, k, s, p, **more)
        return tuple(t.numpy() for t in pooled) if more else pooled.numpy()

    def gradient() -> Any:
        dy = given["dy"]
        if pool.kind == "max":
            at = given["at"]
            back = aten.max_pool2d_with_indices_backward
            return back(dy, x, k, s, p, [1] * n, False, at).numpy()
        if pool.adaptive:
            return aten._adaptive_avg_pool2d_backward(dy, x).numpy()
        return aten.avg_pool2d_backward(dy, x, k, s, p, False, True, None).numpy()

    call = gradient if pool.what == GRADIENT else forward

    def without_grad() -> Any:
        with torch.inference_mode():
            return call()

    if pool.kind == "max" and 2 * pool.pad > pool.kernel:
        raise Skip("padding beyond half of the kernel")
    return {"torch channels_last" if pool.last else "torch": without_grad}


def onnxruntime_calls(pool: Pool, arrays: dict[str, np.ndarray], threads: int) -> dict[str, Call]:
    """`run` of a model of one operator, with a new result each time."""
    if pool.what != FORWARD or pool.last:
        raise Skip("forward, channels first only")
    if pool.adaptive > 1:
        raise Skip("no such operator")
    x = arrays["x"]
    if pool.adaptive:
        net = operator("GlobalMaxPool" if pool.kind == "max" else "GlobalAveragePool", x)
    else:
        lists = {"kernel_shape": (pool.kernel,) * pool.rank, "strides": (pool.stride,) * pool.rank}
        lists["pads"] = (pool.pad,) * (2 * pool.rank)
        average = pool.kind == "avg"
        ints = {"count_include_pad": 1} if average else {}
        net = operator("AveragePool" if average else "MaxPool", x, lists, ints)
    session = load(net, threads)
    return {"onnxruntime": lambda: session.run(["y"], {"x": x})[0]}


BUILDERS = {"onnxruntime": onnxruntime_calls, "torch": torch_calls}
