"""How far the filters of ``scipy.ndimage`` read beyond a place, along each axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastconv.interfaces.scipy_ndimage._arrays import BORDERS, axes_of, each

__all__ = ["MARGINS", "Margin"]

Arguments = dict[str, Any]


class Margin(NamedTuple):
    """Places that are read before and behind; whether the axis repeats beyond its ends."""

    low: int
    high: int
    wraps: bool


Margins = dict[int, Margin]


def _window(size: int, origin: int, mode: str, turned: bool = False) -> Margin:
    before = int(size) // 2 + int(origin)
    behind = int(size) - 1 - before
    wraps = BORDERS[mode] == BORDERS["wrap"]
    return Margin(behind, before, wraps) if turned else Margin(before, behind, wraps)


def _windows(ndim: int, a: Arguments, sizes: Any, turned: bool = False) -> Margins:
    axes = axes_of(a.get("axes"), ndim)
    n = len(axes)
    places = zip(axes, each(sizes, n), each(a["origin"], n), each(a["mode"], n), strict=True)
    return {axis: _window(k, o, m, turned) for axis, k, o, m in places}


def of_kernel(ndim: int, a: Arguments) -> Margins:
    """Those of ``correlate``."""
    return _windows(ndim, a, np.shape(a["weights"]))


def of_turned_kernel(ndim: int, a: Arguments) -> Margins:
    """Those of ``convolve``."""
    return _windows(ndim, a, np.shape(a["weights"]), turned=True)


def of_line(ndim: int, a: Arguments) -> Margins:
    """Those of ``correlate1d``."""
    size = np.size(a["weights"])
    return {axes_of(a["axis"], ndim)[0]: _window(size, a["origin"], a["mode"])}


def of_turned_line(ndim: int, a: Arguments) -> Margins:
    """Those of ``convolve1d``."""
    size = np.size(a["weights"])
    return {axes_of(a["axis"], ndim)[0]: _window(size, a["origin"], a["mode"], turned=True)}


def of_run(ndim: int, a: Arguments) -> Margins:
    """Those of windows of a size along one axis."""
    return {axes_of(a["axis"], ndim)[0]: _window(a["size"], a["origin"], a["mode"])}


def _box(a: Arguments) -> Any:
    for name in ("structure", "footprint"):
        if a.get(name) is not None:
            return np.shape(a[name])
    return a["size"]


def of_box(ndim: int, a: Arguments) -> Margins:
    """Those of a box, or of a footprint of any shape in it."""
    return _windows(ndim, a, _box(a))


def of_turned_box(ndim: int, a: Arguments) -> Margins:
    """Those of ``grey_dilation``."""
    return _windows(ndim, a, _box(a), turned=True)


def of_two_boxes(ndim: int, a: Arguments) -> Margins:
    """Those of a box, and of its mirror image on the result: near a border both may be mirrored."""
    return {
        axis: Margin(2 * (one.low + one.high), 2 * (one.low + one.high), one.wraps)
        for axis, one in of_box(ndim, a).items()
    }


def _reach(sigma: Any, truncate: Any, radius: Any, mode: str) -> Margin:
    reach = int(truncate * float(sigma) + 0.5) if radius is None else int(radius)
    return _window(2 * reach + 1, 0, mode)


def of_gaussian(ndim: int, a: Arguments) -> Margins:
    """Those of ``gaussian_filter``."""
    axes = axes_of(a["axes"], ndim)
    n = len(axes)
    places = zip(axes, each(a["sigma"], n), each(a["radius"], n), each(a["mode"], n), strict=True)
    return {axis: _reach(s, a["truncate"], r, m) for axis, s, r, m in places}


def of_gaussian_line(ndim: int, a: Arguments) -> Margins:
    """Those of ``gaussian_filter1d``."""
    reach = _reach(a["sigma"], a["truncate"], a["radius"], a["mode"])
    return {axes_of(a["axis"], ndim)[0]: reach}


def of_gaussians(ndim: int, a: Arguments) -> Margins:
    """Those of sums of several Gaussians, each of which has one mode for all axes."""
    axes, words = axes_of(a["axes"], ndim), a["mode"]
    if not isinstance(words, str) and len(set(words)) > 1:
        raise ValueError(f"mode must be one word for all axes of a dask array, got {words!r}")
    if len(axes) < ndim:
        raise ValueError(f"axes must be all axes of a dask array, got {a['axes']!r}")
    return of_gaussian(ndim, {"truncate": 4.0, "radius": None, **a})


def of_neighbours(ndim: int, a: Arguments) -> Margins:
    """Those of ``laplace``."""
    axes = axes_of(a["axes"], ndim)
    return {
        axis: _window(3, 0, m) for axis, m in zip(axes, each(a["mode"], len(axes)), strict=True)
    }


def of_differences(ndim: int, a: Arguments) -> Margins:
    """Those of ``sobel`` and ``prewitt``."""
    return of_neighbours(ndim, {**a, "axes": None})


#: By the name of the filter.
MARGINS: dict[str, Callable[[int, Arguments], Margins]] = {
    "convolve": of_turned_kernel,
    "convolve1d": of_turned_line,
    "correlate": of_kernel,
    "correlate1d": of_line,
    "gaussian_filter": of_gaussian,
    "gaussian_filter1d": of_gaussian_line,
    "gaussian_gradient_magnitude": of_gaussians,
    "gaussian_laplace": of_gaussians,
    "grey_closing": of_two_boxes,
    "grey_dilation": of_turned_box,
    "grey_erosion": of_box,
    "grey_opening": of_two_boxes,
    "laplace": of_neighbours,
    "maximum_filter": of_box,
    "maximum_filter1d": of_run,
    "minimum_filter": of_box,
    "minimum_filter1d": of_run,
    "prewitt": of_differences,
    "sobel": of_differences,
    "uniform_filter": of_box,
    "uniform_filter1d": of_run,
}
