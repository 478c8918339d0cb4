"""Threads, instruction sets and precision: how calls run, and what this build is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, overload

from fastconv import _native
from fastconv._native import (
    clear_pool,
    get_num_threads,
    isa,
    set_isa,
    set_num_threads,
    supported_isas,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "clear_pool",
    "get_num_threads",
    "isa",
    "precision",
    "set_isa",
    "set_num_threads",
    "show_config",
    "supported_isas",
    "threads",
]


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Use `n` threads for the calls inside a ``with`` block, in this thread or task only.

    Parameters
    ----------
    n : int
        OpenMP threads, from 1 to 1024. A ``threads=`` argument of a call still wins.

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
    _native.check_threads(n)
    token = _native.threads_variable.set(n)
    try:
        yield
    finally:
        _native.threads_variable.reset(token)


@contextmanager
def precision(mode: Literal["high", "highest"]) -> Iterator[None]:
    """Set the precision of the calls inside a ``with`` block, in this thread or task only.

    Parameters
    ----------
    mode : {"high", "highest"}
        ``"high"`` lets ``algorithm="auto"`` use fast algorithms whose float32 error is a little
        larger; ``"highest"`` allows plain sums only. A ``precision=`` argument of a call still
        wins; a plan reads it when it is built.

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
    """Show what this build is and how it runs here: version, ISA, threads, OpenMP, compiler.

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
    for name, value in config.items():
        print(f"{name.replace('_', ' '):15s} {value}")
    return None
