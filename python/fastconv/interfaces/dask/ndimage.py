"""The filters of ``scipy.ndimage`` on dask arrays: SciPy's names and arguments, lazily.

::

    from fastconv.interfaces.dask import ndimage
    y = ndimage.gaussian_filter(x, 2)    # x: a dask array in chunks of any size

Each chunk of a result is one call of the same function of `fastconv.interfaces.scipy_ndimage`, on
exactly what it reads, so that integers are equal to those of one call on the whole array, whatever
the chunks. ``output`` may be a dtype, and no array. Calls take one thread unless ``threads=`` says
otherwise.

`dask_image_enabled` makes dask-image call our functions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from itertools import pairwise
from typing import Any

import dask.array as da
import numpy as np

import fastconv
from fastconv.interfaces import scipy_ndimage as ours
from fastconv.interfaces.dask._halo import Array, Axis, Read, as_dask, chunked_call
from fastconv.interfaces.dask._margins import MARGINS, Margin

__all__ = [
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "dask_image_enabled",
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "grey_closing",
    "grey_dilation",
    "grey_erosion",
    "grey_opening",
    "laplace",
    "maximum_filter",
    "maximum_filter1d",
    "minimum_filter",
    "minimum_filter1d",
    "prewitt",
    "sobel",
    "uniform_filter",
    "uniform_filter1d",
]


class _Settings:
    """A function and its arguments, which go into the graph once."""

    def __init__(self, name: str, arguments: dict[str, Any], threads: int) -> None:
        self.name, self.arguments, self.threads = name, arguments, threads

    def __call__(self, x: Array) -> Array:
        with fastconv.threads(self.threads):
            y: Array = getattr(ours, self.name)(x, **self.arguments)
        return y


def _part(x: Array, told: tuple[slice, ...], settings: _Settings) -> Array:
    """A chunk of a result: what it is told is where it is in the result of what it reads."""
    return np.ascontiguousarray(settings(x)[told])


def _axis(chunks: tuple[int, ...], margin: Margin) -> tuple[Axis, int]:
    """What the chunks of an axis read, and how many copies of it lie before and behind it.

    Where a window leaves the array, the part is at least so long that the border is that of the
    whole. Where the array is repeated, as ``mode="wrap"`` wants it, parts are read out of copies.
    """
    n, low, high = sum(chunks), margin.low, margin.high
    copies = -(-max(low, high) // n) if margin.wraps else 0
    begin, end = -copies * n, (copies + 1) * n

    def read(first: int, last: int) -> Read:
        start, stop = first - low, last + high
        if start < begin:
            stop = max(stop, begin + low + 1)
        if stop > end:
            start = min(start, end - high - 1)
        start, stop = max(start, begin), min(stop, end)
        return Read(start - begin, stop - begin, slice(first - start, last - start))

    edges = [0, *np.cumsum(chunks).tolist()]
    return Axis(chunks, tuple(read(first, last) for first, last in pairwise(edges))), copies


def _filtered(name: str, x: Any, arguments: dict[str, Any], threads: int) -> Any:
    x = as_dask(x)
    output = arguments.get("output")
    if output is not None and not isinstance(output, str | type | np.dtype):
        raise TypeError(f"output must be None or a dtype, got {type(output).__name__}")
    settings = _Settings(name, arguments, threads)
    dtype = settings(np.ones((1,) * x.ndim, x.dtype)).dtype  # refuses what SciPy refuses
    if 0 in x.shape:
        return x.astype(dtype)
    # SciPy drops chunks of no elements, which have no place in a border.
    x = x.rechunk(tuple(tuple(size for size in sizes if size) for sizes in x.chunks))
    axes = [_axis(sizes, Margin(0, 0, False))[0] for sizes in x.chunks]
    for axis, margin in MARGINS[name](x.ndim, arguments).items():
        axes[axis], copies = _axis(x.chunks[axis], margin)
        if copies:
            x = da.concatenate([x] * (2 * copies + 1), axis=axis)
    return chunked_call(name, x, axes, _part, (settings,), dtype)


def _lazy(name: str) -> Callable[..., Any]:
    """The function of that name on dask arrays."""
    function = getattr(ours, name)
    given = inspect.signature(function)
    extra = inspect.Parameter("threads", inspect.Parameter.KEYWORD_ONLY, default=1, annotation=int)
    parameters = list(given.parameters.values())
    places = [i for i, p in enumerate(parameters) if p.kind is inspect.Parameter.VAR_KEYWORD]
    parameters.insert(places[0] if places else len(parameters), extra)

    @wraps(function)
    def call(input: Any, *args: Any, threads: int = 1, **kwargs: Any) -> Any:
        bound = given.bind(None, *args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        del arguments["input"]
        arguments.update(arguments.pop("kwargs", {}))
        return _filtered(name, input, arguments, threads)

    call.__signature__ = given.replace(parameters=parameters)  # type: ignore[attr-defined]
    call.__module__ = __name__
    call.__doc__ = _DOC.format(name=name, example=_EXAMPLES[MARGINS[name].__name__])
    return call


_DOC = """Filter a dask array: `fastconv.interfaces.scipy_ndimage.{name}`, lazily.

Parameters
----------
input : dask array
    The array, in chunks of any size along any axis.
output : dtype, optional
    The dtype of the result; no array.
threads : int, default 1
    Threads of each call. dask runs as many calls at a time as it has workers' threads.

All others are those of ``scipy.ndimage.{name}``.

Returns
-------
y : dask array
    Of the shape and the chunks of input.

Raises
------
ValueError, TypeError, RuntimeError
    As SciPy's function, at once; also if chunks of the input have no known size.

Examples
--------
>>> import dask.array as da
>>> from fastconv.interfaces.dask import ndimage
>>> x = da.arange(64.0, chunks=64).reshape(8, 8).rechunk(3)
>>> ndimage.{name}(x{example}).chunks
((3, 3, 2), (3, 3, 2))
"""

_EXAMPLES = {
    "of_kernel": ", [[0.0, 1.0, 1.0]]",
    "of_turned_kernel": ", [[0.0, 1.0, 1.0]]",
    "of_line": ", [1.0, 2.0, 1.0]",
    "of_turned_line": ", [1.0, 2.0, 1.0]",
    "of_box": ", 3",
    "of_turned_box": ", 3",
    "of_two_boxes": ", 3",
    "of_run": ", 3",
    "of_gaussian": ", 1.5",
    "of_gaussian_line": ", 1.5",
    "of_gaussians": ", 1.5",
    "of_neighbours": "",
    "of_differences": "",
}

convolve = _lazy("convolve")
convolve1d = _lazy("convolve1d")
correlate = _lazy("correlate")
correlate1d = _lazy("correlate1d")
gaussian_filter = _lazy("gaussian_filter")
gaussian_filter1d = _lazy("gaussian_filter1d")
gaussian_gradient_magnitude = _lazy("gaussian_gradient_magnitude")
gaussian_laplace = _lazy("gaussian_laplace")
grey_closing = _lazy("grey_closing")
grey_dilation = _lazy("grey_dilation")
grey_erosion = _lazy("grey_erosion")
grey_opening = _lazy("grey_opening")
laplace = _lazy("laplace")
maximum_filter = _lazy("maximum_filter")
maximum_filter1d = _lazy("maximum_filter1d")
minimum_filter = _lazy("minimum_filter")
minimum_filter1d = _lazy("minimum_filter1d")
prewitt = _lazy("prewitt")
sobel = _lazy("sobel")
uniform_filter = _lazy("uniform_filter")
uniform_filter1d = _lazy("uniform_filter1d")


def _one_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with fastconv.threads(1):
            return function(*args, **kwargs)

    return call


def _always(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a table of dask-image holds: it is given an array, and gives a function."""
    return lambda *args, **kwargs: function


@contextmanager
def dask_image_enabled() -> Iterator[None]:
    """Make dask-image build its graphs with our functions, inside of a ``with`` statement.

    Its filters ask a table for the function of an array's type when they are called; ours are put
    there for NumPy's arrays, on one thread a task, and what was there comes back at the end, also
    after an exception. Graphs that were built inside may be computed outside.

    Raises
    ------
    ImportError
        If dask-image is missing, or is a version that has no such table.

    Examples
    --------
    >>> from fastconv.interfaces.dask import ndimage
    >>> with ndimage.dask_image_enabled():  # doctest: +SKIP
    ...     y = dask_image.ndfilters.gaussian_filter(x, 2)
    """
    try:
        tables = import_module("dask_image.dispatch._dispatch_ndfilters")
    except ImportError as error:
        raise ImportError("dask_image_enabled needs dask-image: pip install dask-image") from error
    kept: list[tuple[Any, Any]] = []
    try:
        for name in ours.FUNCTIONS:
            table = getattr(tables, f"dispatch_{name}", None)
            if table is not None:
                kept.append((table, table.dispatch(np.ndarray)))
                table.register(np.ndarray, _always(_one_thread(getattr(ours, name))))
        yield
    finally:
        for table, function in kept:
            table.register(np.ndarray, function)
