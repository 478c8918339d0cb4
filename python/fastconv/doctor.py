"""What is wrong, or could be, with how fastconv runs here, in plain words."""

from __future__ import annotations

import os
import re
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

import fastconv as fc

__all__ = ["Finding", "examine", "report"]

Kind = Literal["fine", "note", "wrong"]
_MARKS: dict[Kind, str] = {"fine": "  ", "note": "? ", "wrong": "! "}

# Measured on two CPUs of a Zen 4 guest: 1.4 and 1.8 while the machine was quiet, 1.0 while 13 tasks
# wanted them.
_LEAST_GAIN = 1.2
# Seconds that the first call may take beyond the others: 0.002 on the same machine while quiet.
_SLOW_FIRST = 0.05


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    kind : {"fine", "note", "wrong"}
        Whether all is well, something is to be known, or something costs much time.
    text : str
        What was found, and what to do about it.
    """

    kind: Kind
    text: str


def report() -> int:
    """Print every finding, and return how many are wrong.

    Returns
    -------
    int

    Examples
    --------
    >>> from fastconv import doctor
    >>> wrong = doctor.report()  # doctest: +ELLIPSIS
      fastconv ...
    """
    findings = list(examine())
    for finding in findings:
        print(
            textwrap.fill(
                finding.text, 96, initial_indent=_MARKS[finding.kind], subsequent_indent="  "
            )
        )
    wrong = sum(finding.kind == "wrong" for finding in findings)
    notes = sum(finding.kind == "note" for finding in findings)
    print(f"\n{wrong} wrong (!), {notes} to know (?)")
    return wrong


def examine() -> Iterator[Finding]:
    """Look at the process, the machine, and some calls.

    Yields
    ------
    Finding

    Examples
    --------
    >>> from fastconv import doctor
    >>> {finding.kind for finding in doctor.examine()} <= {"fine", "note", "wrong"}
    True
    """
    config = fc.show_config(mode="dicts")
    build = config["build_type"]
    yield Finding(
        "fine" if build == "Release" else "note",
        f"fastconv {fc.__version__}, built by {config['compiler']} as {build}",
    )
    yield _isa()
    yield from _threads()
    yield from _openmp()
    yield from _memory()
    yield from _calls()


def _isa() -> Finding:
    """Whether the best instruction set runs that there is."""
    used, best = fc.isa(), fc.supported_isas()[0]
    if used != best:
        return Finding(
            "wrong",
            f"The instruction set is {used}, though this CPU has {best}: FASTCONV_ISA or set_isa() "
            f"chose it. Unset FASTCONV_ISA.",
        )
    if used == "scalar":
        return Finding(
            "wrong",
            "This CPU, or the emulator that runs here, has none of the vector instructions of this "
            "build; kernels of plain C++ take 5 to 20 times as long.",
        )
    return Finding("fine", f"The instruction set is {used}, the best that this CPU has.")


def _threads() -> Iterator[Finding]:
    """How many threads there are, and who said so."""
    there, allowed = os.cpu_count() or 1, cpus_allowed()
    quota, used = cpu_quota(), fc.get_num_threads()
    if allowed < there:
        yield Finding(
            "note",
            f"This process may run on {allowed} of {there} CPUs (its affinity: taskset, a batch "
            "system or a container).",
        )
    if quota is not None and quota < allowed:
        yield Finding(
            "note",
            f"The cgroup's quota is {quota:g} CPUs of {allowed}: threads that together take more "
            "are stopped for tens of milliseconds. fastconv takes no more threads than the quota "
            "has whole CPUs.",
        )
    most = max(1, min(allowed, int(quota) if quota is not None else allowed))
    if fc.threading() == "off":
        yield Finding(
            "wrong" if most > 1 else "note",
            "Threads are off (FASTCONV_THREADING or set_threading()): every call runs on one CPU.",
        )
    elif used < most:
        named = [
            f"{name}={os.environ[name]}"
            for name in ("FASTCONV_NUM_THREADS", "OMP_NUM_THREADS")
            if name in os.environ
        ]
        who = named[0] if named else "set_num_threads(), threadpoolctl or `with threads()`"
        yield Finding(
            "note",
            f"Calls use {used} of the {most} CPUs that they could use, since {who} says so. "
            f"FASTCONV_NUM_THREADS={most} would use all of them.",
        )
    else:
        yield Finding(
            "fine", f"Calls use up to {used} threads, as many as there are CPUs for them."
        )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > allowed:
        yield Finding(
            "note",
            f"The machine is busy: {load:.1f} tasks want {allowed} CPUs. Calls wait for their "
            "turn, and more threads gain little.",
        )


def _openmp() -> Iterator[Finding]:
    """Other runtimes whose threads want the same CPUs."""
    loaded = openmp_runtimes()
    if len(loaded) > 1:
        yield Finding(
            "note",
            f"{len(loaded)} OpenMP runtimes are loaded: {', '.join(loaded)}. Each has threads of "
            "its own, which after their work wait by spinning; calls of fastconv in between then "
            "share the CPUs with them. OMP_WAIT_POLICY=PASSIVE, set before Python starts, lets "
            "them sleep.",
        )
    elif fc.threading() == "pool":
        yield Finding("fine", "No OpenMP runtime stands in the way of fastconv's own threads.")
    if os.environ.get("OMP_PROC_BIND", "false").lower() not in ("", "false") and loaded:
        yield Finding(
            "wrong" if fc.threading() == "pool" else "note",
            f"OMP_PROC_BIND={os.environ['OMP_PROC_BIND']} binds the main thread to one CPU, and so "
            "its calls. Unset it, or set FASTCONV_THREADING=openmp.",
        )


def _memory() -> Iterator[Finding]:
    kept = os.environ.get("FASTCONV_POOL_MB")
    if kept is not None and kept.strip() == "0":
        yield Finding(
            "note",
            "FASTCONV_POOL_MB=0: no memory is kept for later calls, so that each large result "
            "comes from the system, page by page, which can take as long as the convolution.",
        )


def _calls() -> Iterator[Finding]:
    """How long the first call takes, and what threads gain."""
    x = np.ones((1, 64, 56, 56), np.float32)
    w = np.ones((64, 64, 3, 3), np.float32)
    first = _seconds(lambda: fc.conv2d(x, w, padding=1))
    later = min(_seconds(lambda: fc.conv2d(x, w, padding=1)) for _ in range(20))
    extra = first - later
    times = f"The first call took {1e3 * first:.1f} ms, later ones {1e3 * later:.2f} ms"
    if extra > _SLOW_FIRST:
        yield Finding(
            "note",
            f"{times}: threads were made, and memory came from the system, which is slow here. "
            "Make plans, and one call for warmth, before what must be quick.",
        )
    else:
        yield Finding("fine", f"{times} (64 channels of 56 x 56, 3 x 3).")
    threads = fc.get_num_threads()
    if threads == 1 or fc.threading() == "off":
        return
    alone = min(_seconds(lambda: fc.conv2d(x, w, padding=1, threads=1)) for _ in range(10))
    gain = alone / min(later, min(_seconds(lambda: fc.conv2d(x, w, padding=1)) for _ in range(10)))
    if gain < _LEAST_GAIN:
        yield Finding(
            "wrong",
            f"{threads} threads are only {gain:.1f} times as fast as one: other programs, or other "
            "threads of this one, hold the CPUs. FASTCONV_NUM_THREADS=1 may serve better until "
            "they have ended.",
        )
    else:
        yield Finding("fine", f"{threads} threads are {gain:.1f} times as fast as one.")


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def cpus_allowed() -> int:
    """How many CPUs the process's affinity allows."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(
    proc: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> float | None:
    """The CPUs that the cgroup's quota, or that of one above it, allows; None: no quota."""
    quotas: list[float] = []
    with suppress(OSError, ValueError):
        for line in proc.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "":
                quotas += _quotas(root, path, "cpu.max", None)
            elif "cpu" in controllers.split(","):
                quotas += _quotas(root / "cpu", path, "cpu.cfs_quota_us", "cpu.cfs_period_us")
    return min(quotas, default=None)


def _quotas(root: Path, path: str, file: str, period: str | None) -> Iterator[float]:
    """The quotas from a cgroup up to the root."""
    folder = root / path.lstrip("/")
    for each in (folder, *folder.parents):
        if not each.is_relative_to(root):
            return
        with suppress(OSError, ValueError):
            words = (each / file).read_text().split()
            if period is not None:
                words.append((each / period).read_text())
            if words[0] not in ("max", "-1"):
                yield float(words[0]) / float(words[1])


def openmp_runtimes() -> list[str]:
    """The names of the OpenMP runtimes that are loaded in this process."""
    try:
        maps = Path("/proc/self/maps").read_text()
    except OSError:
        return []
    files = {line.split()[-1] for line in maps.splitlines() if "/" in line}
    names = (os.path.basename(file) for file in files)
    return sorted(name for name in names if re.match(r"lib(g|i|)omp5?[-.]", name))
