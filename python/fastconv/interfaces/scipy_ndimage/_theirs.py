"""SciPy's own functions, which take what our kernels do not, and refuse what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import wraps
from inspect import cleandoc
from typing import Any, TypeVar, cast

from ._arrays import Elsewhere
from ._recipes import cook, keep, key_of, recorded

try:
    import scipy.ndimage as theirs
except ImportError as error:
    raise ImportError(
        "fastconv.interfaces.scipy_ndimage needs scipy 1.13 or later: pip install 'fastconv[scipy]'"
    ) from error

__all__ = ["counted", "ours_or_theirs", "theirs"]

F = TypeVar("F", bound=Callable[..., Any])

#: By name, and whether our kernels took the call.
counted: Counter[tuple[str, bool]] = Counter()


def ours_or_theirs(ours: F) -> F:
    """Pass a call on to SciPy's function of the same name where ours raises Elsewhere.

    No result has been written then.
    """
    name = ours.__name__
    original = getattr(theirs, name)

    @wraps(ours)
    def call(*args: Any, **kwargs: Any) -> Any:
        key = key_of(name, args, kwargs)
        if key is not None and (cooked := cook(key, args[0])) is not None:
            counted[name, True] += 1
            return cooked
        try:
            with recorded() as calls:
                result = ours(*args, **kwargs)
        except (Elsewhere, TypeError):
            counted[name, False] += 1
            return original(*args, **kwargs)
        counted[name, True] += 1
        if key is not None:
            keep(key, args[0], result, calls)
        return result

    # Its examples draw pictures, of data that it downloads.
    words = cleandoc(original.__doc__ or "").partition("\nExamples\n--------")[0].rstrip()
    call.__doc__ = f"{cleandoc(ours.__doc__ or '')}\n\nSciPy's own words:\n\n{words}\n"
    return cast("F", call)
