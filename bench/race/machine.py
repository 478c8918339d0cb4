"""What a run records of the machine and the software, and the limits that it measures there."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import fastconv
from fastconv import _native

from ..peers import versions

COPY_BYTES = 128 << 20
"""Of each of source and target: more than most caches, little enough for a small machine."""
ALONE_BYTES = 1 << 20
"""A copy of fewer bytes takes less than waking a second thread does."""


class Peak:
    """The loop that does nothing but fused multiplications and additions, about 0.5 ms a call."""

    def __init__(self, dtype: str, threads: int) -> None:
        self.dtype, self.threads, self.rounds = dtype, threads, 1000
        seconds = min(self._seconds() for _ in range(20))
        self.rounds = max(1000, int(1000 * 0.5e-3 / seconds))
        self.flops = self()

    def __call__(self) -> int:
        flops: int = _native.testing.fma_peak(self.dtype, self.threads, self.rounds)
        return flops

    def gflops(self, calls: int = 400) -> float:
        """The best of some calls, in GFLOP/s."""
        return self.flops / min(self._seconds() for _ in range(calls)) / 1e9

    def _seconds(self) -> float:
        start = time.perf_counter()
        self()
        return time.perf_counter() - start


class Copy:
    """Copying memory, pages warm: reads and writes `size` bytes together."""

    def __init__(self, size: int, threads: int) -> None:
        source, target = np.ones(size // 2, np.uint8), np.ones(size // 2, np.uint8)
        if size < ALONE_BYTES:
            threads = 1
        self.parts = list(
            zip(np.array_split(target, threads), np.array_split(source, threads), strict=True)
        )
        self.pool = ThreadPoolExecutor(threads)

    def __call__(self) -> None:
        if len(self.parts) == 1:
            np.copyto(*self.parts[0])
            return
        for done in [self.pool.submit(np.copyto, *part) for part in self.parts]:
            done.result()


def copy_bandwidth(threads: int, repeats: int = 5) -> float:
    """GB/s of copying memory on `threads` threads, each byte counted as read and as written."""
    copy, best = Copy(2 * COPY_BYTES, threads), float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        copy()
        best = min(best, time.perf_counter() - start)
    return 2 * COPY_BYTES / best / 1e9


def describe(dtype: str, threads: int) -> dict[str, Any]:
    """Machine, versions, and the limits measured now, on one thread and on all."""
    config = fastconv.show_config(mode="dicts")
    counts = sorted({1, threads})
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "cpu": cpu_name(),
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "isa": fastconv.isa(),
        "compiler": config["compiler"],
        "cache_bytes": config["cache_bytes"],
        "commit": commit(),
        "load": round(load(), 1),
        "versions": {
            "fastconv": fastconv.__version__ or "(built in place)",
            "numpy": np.__version__,
        }
        | versions(),
        "peak_gflops": {str(n): round(Peak(dtype, n).gflops(), 1) for n in counts},
        "copy_gbs": {str(n): round(copy_bandwidth(n), 1) for n in counts},
    }


def load() -> float:
    """Processes that ran here in the last minute, on average; 0 where that is not known."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0


def cpu_name() -> str:
    """The CPU's own name, with family and model where it does not say much."""
    facts: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    except OSError:
        return platform.processor() or platform.machine()
    name = facts.get("model name", platform.machine())
    if "cpu family" in facts:
        name += f" (family {facts['cpu family']}, model {facts['model']})"
    return name


def commit() -> str:
    """The commit of a checkout, marked if files differ from it; empty for an installed copy."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
