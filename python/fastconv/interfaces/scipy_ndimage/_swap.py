"""Our functions in the place of SciPy's, for programs that call these."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ._theirs import theirs

__all__ = ["enabled"]

_lock = threading.Lock()
_depth = 0
_originals: dict[str, Callable[..., Any]] = {}


def _enter(ours: dict[str, Callable[..., Any]]) -> None:
    global _depth
    with _lock:
        if _depth == 0:
            for name, function in ours.items():
                _originals[name] = getattr(theirs, name)
                setattr(theirs, name, function)
        _depth += 1


def _leave() -> None:
    global _depth
    with _lock:
        _depth -= 1
        if _depth == 0:
            for name, function in _originals.items():
                setattr(theirs, name, function)
            _originals.clear()


@contextmanager
def enabled() -> Iterator[None]:
    """Make ``scipy.ndimage`` call our functions, inside of a ``with`` statement.

    It nests, and is undone when the outermost block ends, also by an exception. It holds for the
    whole process, since SciPy has one table of functions for all threads: what runs in other
    threads meanwhile, such as dask's workers, calls ours, too. Code that took a function by
    ``from scipy.ndimage import gaussian_filter`` before keeps SciPy's.

    Examples
    --------
    >>> import numpy as np, scipy.ndimage
    >>> from fastconv.interfaces import scipy_ndimage
    >>> image = np.eye(5, dtype=np.float32)
    >>> with scipy_ndimage.enabled():
    ...     y = scipy.ndimage.uniform_filter(image, 3)
    >>> float(y.sum().round(4))
    5.0
    """
    from . import FUNCTIONS

    _enter(FUNCTIONS)
    try:
        yield
    finally:
        _leave()
