"""PyTorch's pools on a drawn pool: contiguous tensors, and channels_last ones in two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..items.random_pools import DrawnPool
from .common import Call


def torch_calls(pool: DrawnPool, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """The function of `torch.nn.functional`, on tensors made once."""
    import torch

    torch.set_num_threads(threads)
    name = pool.function.replace("global", "adaptive")
    function = getattr(torch.nn.functional, name)
    given: tuple[Any, ...] = (pool.kernel, pool.stride, pool.pad)
    if pool.output:
        given = (pool.output if pool.rank == 2 else pool.output[0],)
    elif pool.kind == "lp":
        given = (float(pool.power), pool.kernel if pool.rank == 2 else pool.kernel[0],
                 pool.stride if pool.rank == 2 else pool.stride[0])  # fmt: skip
    elif pool.kind == "avg":
        given += (pool.ceil, pool.include)
    else:
        given += (pool.dilation, pool.ceil, pool.kind == "indices")

    def call(x: Any) -> Any:
        with torch.inference_mode():
            found = function(x, *given)
            return tuple(t.numpy() for t in found) if isinstance(found, tuple) else found.numpy()

    x = torch.from_numpy(arrays[0])
    calls: dict[str, Call] = {"torch": lambda: call(x)}
    if pool.rank == 2:
        last = x.contiguous(memory_format=torch.channels_last)
        calls["torch channels_last"] = lambda: call(last)
    return calls


BUILDERS = {"torch": torch_calls}
