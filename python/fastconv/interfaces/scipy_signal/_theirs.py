"""SciPy's own functions, looked up when they are first needed, and the record of who computed."""

from __future__ import annotations

from collections import Counter
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = ["counts", "look_alike", "names", "original", "scipy_signal"]

Function = TypeVar("Function", bound="Callable[..., Any]")

names: list[str] = []
_originals: dict[str, Callable[..., Any]] = {}
_counts: Counter[tuple[str, bool]] = Counter()  # by name, and whether we took the call


@cache
def scipy_signal() -> ModuleType:
    """``scipy.signal``; an ImportError that names the extra where SciPy is missing."""
    try:
        import scipy.signal
    except ImportError as error:
        raise ImportError(
            "fastconv.interfaces.scipy_signal needs scipy 1.13 or later for what it does not "
            "compute itself: pip install 'fastconv[scipy]'"
        ) from error
    _originals.update({name: getattr(scipy.signal, name) for name in names})
    return cast("ModuleType", scipy.signal)


def original(name: str) -> Callable[..., Any]:
    """SciPy's own function, whatever stands in its place in the meantime."""
    scipy_signal()
    return _originals[name]


def look_alike(ours: Function) -> Function:
    """A function of SciPy's name: by `ours`, and by SciPy where `ours` returns None.

    Whatever is wrong with a call SciPy is to say, in its own words.
    """
    name = ours.__name__
    names.append(name)

    @wraps(ours)
    def call(*args: Any, **options: Any) -> Any:
        y = ours(*args, **options)
        _counts[name, y is not None] += 1
        return original(name)(*args, **options) if y is None else y

    return cast("Function", call)


def counts() -> dict[str, tuple[int, int]]:
    """Return for each function how many calls fastconv took so far, and how many SciPy.

    Returns
    -------
    counts : dict of str to (int, int)
        By the names of the functions; all calls of the process.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> before = scipy_signal.counts()["convolve"]
    >>> y = scipy_signal.convolve(np.ones(8), np.ones(3))
    >>> after = scipy_signal.counts()["convolve"]
    >>> after[0] - before[0], after[1] - before[1]
    (1, 0)
    """
    return {name: (_counts[name, True], _counts[name, False]) for name in names}
