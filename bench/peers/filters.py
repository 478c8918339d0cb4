"""SciPy, scikit-image and OpenCV on filters of images and signals, each in its own words."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ..items.filters import Filter
from .common import Call, Skip, only_float32

HOMES = {"ndimage": "scipy.ndimage", "signal": "scipy.signal", "template": "skimage.feature"}
DIRECT = 200_000_000
"""Products up to which SciPy's plain sum is timed: more take seconds, and Fourier's are faster."""


def arguments(item: Filter, arrays: tuple[np.ndarray, ...]) -> tuple[Any, ...]:
    """What SciPy's function and ours take, in their order."""
    x, *weights = arrays
    more = tuple(int(m) if m == int(m) else m for m in item.more)
    if item.what == "lfilter":
        return (*weights, np.ones(1, x.dtype), x)
    if item.what == "upfirdn":
        return (*weights, x, *more)
    return (x, *weights, *more)


def scipy_call(item: Filter, arrays: tuple[np.ndarray, ...], _threads: int) -> dict[str, Call]:
    """SciPy's function, on one thread, since it has no others; `convolve` by both methods."""
    if item.home == "template":
        raise Skip("no such function")
    function, given = getattr(import_module(HOMES[item.home]), item.what), arguments(item, arrays)
    if item.what != "convolve":
        return {"scipy": lambda: function(*given)}
    calls = {"scipy fft": lambda: function(*given, method="fft")}
    if arrays[0].size * arrays[1].size <= DIRECT:
        calls["scipy direct"] = lambda: function(*given, method="direct")
    return calls


def skimage_call(item: Filter, arrays: tuple[np.ndarray, ...], _threads: int) -> dict[str, Call]:
    """scikit-image's template matching; its other filters are SciPy's."""
    if item.home != "template":
        raise Skip("SciPy's")
    match: Any = import_module(HOMES[item.home]).match_template
    return {"skimage": lambda: match(*arrays)}


def opencv_call(item: Filter, arrays: tuple[np.ndarray, ...], threads: int) -> dict[str, Call]:
    """OpenCV's functions of images; integers are rounded and saturate there."""
    if item.home == "signal":
        raise Skip("has images alone")
    cv2: Any = import_module("cv2")
    cv2.setNumThreads(threads)
    x, *weights = arrays
    edge, whole = cv2.BORDER_REFLECT, int(item.more[0]) if item.more else 0
    if item.home == "template":
        only_float32(*arrays)
        return {"opencv": lambda: cv2.matchTemplate(x, weights[0], cv2.TM_CCOEFF_NORMED)}
    if item.what == "gaussian_filter":
        sigma = item.more[0]
        size = 2 * int(4 * sigma + 0.5) + 1
        return {"opencv": lambda: cv2.GaussianBlur(x, (size, size), sigma, borderType=edge)}
    if item.what == "uniform_filter":
        return {"opencv": lambda: cv2.blur(x, (whole, whole), borderType=edge)}
    if item.what == "sobel":
        return {"opencv": lambda: cv2.Sobel(x, -1, 1, 0, borderType=edge)}
    if item.what == "correlate":
        return {"opencv": lambda: cv2.filter2D(x, -1, weights[0], borderType=edge)}
    box = np.ones((whole, whole), np.uint8)  # an extreme does not change by a repeated edge
    return {"opencv": lambda: cv2.dilate(x, box, borderType=cv2.BORDER_REPLICATE)}


BUILDERS = {"scipy": scipy_call, "skimage": skimage_call, "opencv": opencv_call}
