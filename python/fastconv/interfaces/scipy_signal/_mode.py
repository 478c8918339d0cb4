"""`enabled`: SciPy's own names take our functions, in this thread or task."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import wraps
from threading import Lock
from typing import TYPE_CHECKING, Any

from fastconv.interfaces.scipy_signal._theirs import names, original, scipy_signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["enabled", "switches"]

_active: ContextVar[bool] = ContextVar("fastconv_scipy_signal", default=False)
_lock = Lock()
_open_blocks = 0
_switches: dict[str, Callable[..., Any]] = {}


def switches() -> dict[str, Callable[..., Any]]:
    """What stands in ``scipy.signal`` during a block: ours where a block is open, else SciPy's."""
    if not _switches:
        from fastconv.interfaces import scipy_signal as ours

        for name in names:
            _switches[name] = _switch(getattr(ours, name), original(name))
    return _switches


def _switch(ours: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(theirs)
    def call(*args: Any, **options: Any) -> Any:
        return (ours if _active.get() else theirs)(*args, **options)

    return call


@contextmanager
def enabled() -> Iterator[None]:
    """Let ``scipy.signal`` itself run on fastconv inside of a ``with`` block.

    Every call that goes through the module, as in ``scipy.signal.convolve(...)``, takes the
    function of that name here; a name that was imported from it before stays SciPy's. It holds for
    this thread or task alone. Blocks nest; the end of a block, by an exception too, restores what
    was before.

    Raises
    ------
    ImportError
        If SciPy is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import scipy.signal
    >>> from fastconv.interfaces import scipy_signal
    >>> with scipy_signal.enabled():
    ...     y = scipy.signal.oaconvolve(np.ones(100_000), np.ones(1_000), mode="valid")
    >>> y.shape
    (99001,)
    """
    global _open_blocks
    module = scipy_signal()
    with _lock:
        _open_blocks += 1
        if _open_blocks == 1:
            for name, switch in switches().items():
                setattr(module, name, switch)
    token = _active.set(True)
    try:
        yield
    finally:
        with suppress(ValueError):  # the end may be in another context than the beginning
            _active.reset(token)
        with _lock:
            _open_blocks -= 1
            if _open_blocks == 0:
                for name in names:
                    setattr(module, name, original(name))
