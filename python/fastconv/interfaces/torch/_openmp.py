"""torch's threads and ours: one team where both have the same OpenMP.

After each of its operations a thread of torch's OpenMP waits, spinning, for the next one. A thread
of fastconv's pool that shares a core with it gets half of it. On the same OpenMP they are the same
threads. Measured in a training step of ResNet-18, batch 8 of 128 x 128, on two threads: 165 ms in
our kernels on the pool, 112 on OpenMP.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import fastconv

__all__ = ["share"]


def share() -> None:
    """Switch from the pool to OpenMP if that is torch's OpenMP and nobody has chosen a layer."""
    if "FASTCONV_THREADING" in os.environ or fastconv.threading() != "pool":
        return
    if len(_runtimes()) != 1:  # several: not the same; none: built without
        return
    try:
        fastconv.set_threading("openmp")
    except ValueError:  # fastconv is the one that was built without
        return


def _runtimes() -> set[str]:
    """The OpenMP libraries that this process has loaded; on Linux, where it can be known."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return set()
    return set(re.findall(r"/\S*/lib(?:gomp|iomp5|omp)[^/\s]*\.so[^/\s]*", maps))
