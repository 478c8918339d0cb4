"""torch's threads and ours: one team where both have the same OpenMP.

After each of its operations a thread of torch's OpenMP waits, spinning, for the next one. A thread
of fastconv's pool that shares a core with it gets half of it. On the same OpenMP they are the same
threads. Measured in a training step of ResNet-18, batch 8 of 128 x 128, channels_last, on two
threads: 192 ms in our kernels on the pool, 130 on OpenMP (torch: 186).

So the calls of this interface, and no others, run on OpenMP: fastconv.threading() stays.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from fastconv import _native

__all__ = ["native"]


def _is_shared() -> bool:
    """Whether torch and fastconv have loaded one OpenMP, and nobody has chosen a layer."""
    if "FASTCONV_THREADING" in os.environ or _native.config()["openmp"] == "none":
        return False
    return len(_runtimes()) == 1  # several: not the same; none: it cannot be known


def _runtimes() -> set[str]:
    """The OpenMP libraries that this process has loaded; on Linux, where it can be known."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return set()
    return set(re.findall(r"/\S*/lib(?:gomp|iomp5|omp)[^/\s]*\.so[^/\s]*", maps))


_COMPUTING = (
    "adaptive_avg_pool", "adaptive_max_pool", "adaptive_pool_input", "avg_pool", "avg_pool_input",
    "conv", "conv_grad_weight", "conv_transpose", "extreme_pool", "fold", "indexed_pool_input",
    "max_unpool", "max_unpool_input", "unfold",
)  # fmt: skip


class _Functions:
    """What this interface calls of the native module."""

    def __init__(self) -> None:
        shared = _is_shared()
        for name in _COMPUTING:
            function = getattr(_native, name)
            setattr(self, name, _native.on_openmp(function) if shared else function)

    def __getattr__(self, name: str) -> Any:  # for checkers of types; all are there
        raise AttributeError(name)


native = _Functions()
