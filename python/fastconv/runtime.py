"""Threads, instruction sets and precision: how calls run, and what this build is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, overload

from fastconv import _native

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastconv.typing import Precision, Threading

__all__ = [
    "clear_pool",
    "get_num_threads",
    "isa",
    "precision",
    "set_isa",
    "set_num_threads",
    "set_threading",
    "show_config",
    "supported_isas",
    "threading",
    "threads",
]


def set_num_threads(n: int) -> None:
    """Set how many threads a call uses unless told otherwise, in the whole process.

    Parameters
    ----------
    n : int
        Threads, from 1 to 1024. At import: the environment variable
        ``FASTCONV_NUM_THREADS``, else ``OMP_NUM_THREADS``, else the CPUs that the process's
        affinity and its cgroup's quota allow. No call takes more threads than these CPUs.

    Raises
    ------
    TypeError, ValueError
        If `n` is no int, or out of range.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.set_num_threads(fastconv.get_num_threads())
    """
    _native.set_num_threads(n)


def get_num_threads() -> int:
    """Return how many threads a call made here would use.

    Returns
    -------
    int
        That of the innermost ``with fastconv.threads(n):``, else what `set_num_threads` set; no
        more than a limit that threadpoolctl has set (`fastconv.interfaces.threadpoolctl`).

    Examples
    --------
    >>> import fastconv
    >>> fastconv.get_num_threads() >= 1
    True
    """
    return _native.get_num_threads()


def threading() -> str:
    """Return how the work of a call is shared out to threads, in the whole process.

    Returns
    -------
    {"pool", "openmp", "off"}
        See `set_threading`.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.threading() in ("pool", "openmp", "off")
    True
    """
    return _native.threading()


def set_threading(name: Threading) -> None:
    """Set how the work of a call is shared out to threads, in the whole process.

    Parameters
    ----------
    name : {"pool", "openmp", "off"}
        ``"pool"``, the default, is a pool of fastconv's own: one thread for each CPU, pinned to it,
        which sleeps 0.05 ms after its last task. The caller works from the first moment on and
        waits only for tasks that a thread has begun, so that a busy CPU does not hold it up.
        ``"openmp"`` is OpenMP, where the build has it, for programs whose own OpenMP settings are
        to hold. With ``"off"`` every call runs on its own thread. Results are the same bits. At
        import: the environment variable ``FASTCONV_THREADING``.

    Raises
    ------
    TypeError, ValueError
        If `name` is no str, or none of these names in this build.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.set_threading(fastconv.threading())
    """
    _native.set_threading(name)


def supported_isas() -> list[str]:
    """Return the names of the instruction sets that this build has and this CPU runs, best first.

    Returns
    -------
    list of str
        Some of ``"avx512"``, ``"avx2"``, and always ``"scalar"``.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.supported_isas()[-1]
    'scalar'
    """
    return _native.supported_isas()


def isa() -> str:
    """Return the name of the instruction set in use.

    Returns
    -------
    str
        The best of `supported_isas`, unless `set_isa` or the environment variable
        ``FASTCONV_ISA`` chose another.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.isa() in fastconv.supported_isas()
    True
    """
    return _native.isa()


def set_isa(name: str) -> None:
    """Use another instruction set for all later calls, in the whole process.

    Plans keep the one that they were built with.

    Parameters
    ----------
    name : str
        One of `supported_isas`.

    Raises
    ------
    ValueError
        If it is unknown, or this CPU does not run it.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.set_isa(fastconv.isa())
    """
    _native.set_isa(name)


def clear_pool() -> None:
    """Give the memory that fastconv keeps for reuse back to the system.

    Workspaces and the data of large results (256 KiB and more) return to a pool when they are
    freed, so that the next call need not ask the system for fresh pages. The pool keeps at most
    256 MiB, or as many as the environment variable ``FASTCONV_POOL_MB`` said at import (0: none);
    what has waited longest goes first. Arrays in use are not counted, and nothing happens to them.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.clear_pool()
    """
    _native.clear_pool()


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Use `n` threads for the calls inside a ``with`` block, in this thread or task only.

    Parameters
    ----------
    n : int
        Threads, from 1 to 1024. A ``threads=`` argument of a call still wins.

    Raises
    ------
    TypeError, ValueError
        If `n` is no int, or out of range.

    Examples
    --------
    >>> import fastconv
    >>> with fastconv.threads(1):
    ...     fastconv.get_num_threads()
    1
    """
    if n is None:
        raise TypeError("n must be an int, got None")
    _native.check_threads(n)
    token = _native.threads_variable.set(n)
    try:
        yield
    finally:
        _native.threads_variable.reset(token)


@contextmanager
def precision(mode: Precision) -> Iterator[None]:
    """Set the precision of the calls inside a ``with`` block, in this thread or task only.

    Parameters
    ----------
    mode : {"medium", "high", "highest"}
        ``"high"`` lets ``algorithm="auto"`` use Winograd's algorithm. In float32 its error is a
        little larger: at most ``50 * u * sum(|x| |w|)`` beyond that of plain sums, u being 2**-24
        in float32 and 2**-53 in float64, with the largest such sum of a tile of up to 4x4 outputs;
        up to 512 channels, 5e-6 of the result's norm. In float64 only those of its forms are used
        that err as plain sums do, and not at all on integers. ``"high"`` also lets long kernels be
        computed by Fourier transforms, whose error is at most ``50 * u * max|x| * sum|w|`` beyond
        that of plain sums, with the largest element of a block that is transformed together.
        ``"medium"`` lets both dtypes use any form of Winograd's algorithm that stays within
        ``100 * u * sum(|x| |w|)`` beyond plain sums. ``"highest"`` allows plain sums only. A
        ``precision=`` argument of a call still wins; a plan reads it when it is built.

    Raises
    ------
    ValueError
        If `mode` is anything else.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> x, w = np.ones((1, 1, 4, 4), np.float32), np.ones((1, 1, 3, 3), np.float32)
    >>> with fastconv.precision("highest"):
    ...     fastconv.conv2d(x, w)[0, 0, 0, 0]
    np.float32(9.0)
    """
    if mode is None:
        raise ValueError("mode must be 'medium', 'high' or 'highest', got None")
    _native.check_precision(mode)
    token = _native.precision_variable.set(mode)
    try:
        yield
    finally:
        _native.precision_variable.reset(token)


@overload
def show_config(mode: Literal["stdout"] = "stdout") -> None: ...
@overload
def show_config(mode: Literal["dicts"]) -> dict[str, Any]: ...
def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Show what this build is and how it runs here: version, ISA, threads, compiler, memory kept.

    Parameters
    ----------
    mode : {"stdout", "dicts"}
        Print a table, or return a dict.

    Returns
    -------
    dict or None

    Raises
    ------
    ValueError
        If `mode` is anything else.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.show_config(mode="dicts")["isa"] in fastconv.supported_isas()
    True
    """
    config: dict[str, Any] = _native.config()
    if mode == "dicts":
        return config
    if mode != "stdout":
        raise ValueError(f"mode must be 'stdout' or 'dicts', got {mode!r}")
    l1, l2, l3 = config.pop("cache_bytes")
    config["supported_isas"] = ", ".join(config["supported_isas"])
    config["caches"] = f"L1d {l1 >> 10} KiB, L2 {l2 >> 10} KiB, L3 {l3 >> 20} MiB"
    kept, most = config.pop("pool_bytes")
    config["pool"] = f"{kept / 2**20:.1f} MiB kept for reuse, of at most {most >> 20} MiB"
    for name, value in config.items():
        print(f"{name.replace('_', ' '):15s} {value}")
    return None
