"""Template matching with the signature of `skimage.feature.match_template`, on our kernels.

scikit-image is imported for what is passed on to it alone: three dimensions, and arguments that it
is to refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import fastconv

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["match_template"]

Array = np.ndarray[Any, np.dtype[Any]]

# Beyond the border these do not depend on how much is asked for.
_NARROW = ("constant", "edge", "reflect", "symmetric", "wrap")

# Outputs of a tile: its level is taken away first, so that what is summed is no larger than what
# varies there, and what it computes stays in the caches.
_TILE = (256, 512)

# Windows that vary by less than this part of their squares about the level of the tile have lost
# too many digits, and are computed again about their own. So many levels at a time; windows that
# are left then are computed one by one.
_LOST = 1e-6
_LEVELS = 16
_GATHERED = 1 << 20  # elements of them at once


def match_template(
    image: NDArray[Any],
    template: NDArray[Any],
    pad_input: bool = False,
    mode: str = "constant",
    constant_values: Any = 0,
) -> NDArray[Any]:
    """Match a template to an image by normalised cross-correlation.

    Each output is the correlation coefficient [1]_ of the template and the window there::

        sum((window - mean(window)) * (template - mean(template)))
        / sqrt(sum((window - mean(window))**2) * sum((template - mean(template))**2))

    All sums are in float64, of what remains of a part of the image when its level is taken away, so
    that windows that are nearly flat have coefficients that are right. Windows that are flat, and
    all windows if the template is, have the result 0.

    Parameters
    ----------
    image : (H, W) array
        Integers or floats. Three dimensions scikit-image computes.
    template : (KH, KW) array
        At most as large as the image.
    pad_input : bool, default False
        Whether the result has the shape of the image, with matches at the template's centre.
        Otherwise matches are at its upper left corner.
    mode : str, default "constant"
        What is beyond the border if `pad_input` is set, as in `numpy.pad`.
    constant_values : scalar or sequence, default 0
        For ``mode="constant"``, as in `numpy.pad`.

    Returns
    -------
    y : (H - KH + 1, W - KW + 1) ndarray, or (H, W) with `pad_input`
        Coefficients from -1 to 1: float32 if the image is float32 or float16, else float64. Where a
        window holds a NaN or an infinity, NaN.

    Raises
    ------
    ValueError
        scikit-image's own.
    ImportError
        Where scikit-image would compute or refuse and is not installed.

    References
    ----------
    .. [1] Lewis, "Fast Normalized Cross-Correlation", Industrial Light and Magic 1995.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces.skimage_feature import match_template
    >>> image = np.random.default_rng(0).random((64, 64))
    >>> y = match_template(image, image[20:29, 30:39])
    >>> [int(i) for i in np.unravel_index(y.argmax(), y.shape)]
    [20, 30]
    """
    if not _ours(image, template):
        return _theirs()(image, template, pad_input, mode, constant_values)  # type: ignore[no-any-return]
    single = image.dtype.char in "ef"
    kh, kw = template.shape
    if pad_input:
        image = _padded(image, template.shape, mode, constant_values)
    shape = (image.shape[0] - kh + 1, image.shape[1] - kw + 1)
    centred = template.astype(np.float64)
    centred -= centred.mean()
    centred -= centred.mean()  # what the first mean was rounded by, times the level of a window
    norm = float(np.sqrt(np.sum(centred * centred)))
    y = np.zeros(shape, np.float32 if single else np.float64)
    if norm == 0:
        return y
    centred /= norm
    rows, columns = max(_TILE[0], 2 * kh), max(_TILE[1], 2 * kw)
    for top in range(0, shape[0], rows):
        for left in range(0, shape[1], columns):
            part = image[top : top + rows + kh - 1, left : left + columns + kw - 1]
            y[top : top + rows, left : left + columns] = _coefficients(part, centred)
    return y


def _ours(image: Any, template: Any) -> bool:
    return all(
        type(a) is np.ndarray and a.ndim == 2 and a.dtype.kind in "biuf" and a.dtype.char != "g"
        for a in (image, template)
    ) and all(0 < k <= n for n, k in zip(image.shape, template.shape, strict=True))


def _theirs() -> Callable[..., Any]:
    try:
        from skimage.feature import match_template as theirs
    except ImportError as error:
        raise ImportError(
            "fastconv.interfaces.skimage_feature needs scikit-image 0.22 or later for what it does "
            "not compute itself: pip install 'fastconv[skimage]'"
        ) from error
    return theirs  # type: ignore[no-any-return]


def _padded(image: Array, kernel: tuple[int, ...], mode: str, constant_values: Any) -> Array:
    """The image with as much around it as windows centred in it read."""
    widths = [(k // 2, (k - 1) // 2) for k in kernel]
    options = {"constant_values": constant_values} if mode == "constant" else {}
    if image.dtype.kind != "f":
        image = image.astype(np.float64)
    if mode in _NARROW:
        return np.pad(image, widths, mode, **options)  # type: ignore[call-overload, no-any-return]
    wide: Array = np.pad(image, [(k, k) for k in kernel], mode)  # type: ignore[call-overload]
    return wide[
        tuple(
            slice(k - lo, k + n + hi)
            for k, n, (lo, hi) in zip(kernel, image.shape, widths, strict=True)
        )
    ]


def _coefficients(part: Array, template: Array) -> Array:
    """Coefficients of all windows of a part; the template has the mean 0 and the norm 1."""
    x = part.astype(np.float64)
    level = x.mean()
    if not np.isfinite(level):
        finite = x[np.isfinite(x)]
        level = finite.mean() if finite.size else 0.0
    x -= np.rint(level) if part.dtype.kind in "biu" else level  # integers stay exact
    products: Array = fastconv.conv2d(x[None], template[None, None])[0]
    variation, flat = _variations(x, template.shape, part.dtype.kind in "biu")
    variation[flat] = 1.0
    np.sqrt(variation, out=variation)
    np.divide(products, variation, out=products)
    products[flat] = 0.0
    np.clip(products, -1, 1, out=products)
    return products


def _variations(x: Array, kernel: tuple[int, ...], integers: bool) -> tuple[Array, Array]:
    """The sum of squares about its mean of each window, and which windows are flat."""
    variation, squares = _about(x, 0.0, kernel)
    if not (integers and squares.max() < 2**53):  # below, sums are exact
        _refine(x, kernel, variation, squares)
    # What the sums of the columns and rows of a window may err by is no variation.
    return variation, variation <= squares * (sum(kernel) * 2.0**-53)


def _about(x: Array, level: float, kernel: tuple[int, ...]) -> tuple[Array, Array]:
    """The variation of each window by the squares about a level, and these squares."""
    above = x - level
    sums: Array = fastconv.sum_pool2d(above[None], kernel, 1)[0]
    np.multiply(above, above, out=above)
    squares: Array = fastconv.sum_pool2d(above[None], kernel, 1)[0]
    np.multiply(sums, sums, out=sums)
    sums /= kernel[0] * kernel[1]
    variation: Array = squares - sums
    return variation, squares


def _refine(x: Array, kernel: tuple[int, ...], variation: Array, squares: Array) -> None:
    """Compute again, in place, what lost digits: windows that vary little about another level.

    The level of one of them, a pixel of its own, serves all that lie near it.
    """
    for _ in range(_LEVELS):
        lost = variation < _LOST * squares
        if not lost.any():
            return
        rows, columns = np.flatnonzero(lost.any(axis=1)), np.flatnonzero(lost.any(axis=0))
        top, left = int(rows[0]), int(columns[0])
        place = (slice(top, int(rows[-1]) + 1), slice(left, int(columns[-1]) + 1))
        level = float(x[top, left + int(np.flatnonzero(lost[top, left:])[0])])
        reach = tuple(slice(s.start, s.stop + k - 1) for s, k in zip(place, kernel, strict=True))
        again, about = _about(x[reach], level, kernel)
        better = lost[place] & (about < squares[place])
        variation[place][better] = again[better]
        squares[place][better] = about[better]
    _one_by_one(x, kernel, variation, squares)


def _one_by_one(x: Array, kernel: tuple[int, ...], variation: Array, squares: Array) -> None:
    """The windows that are left, each about its own mean."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel)
    rows, columns = np.nonzero(variation < _LOST * squares)
    at_once = max(1, _GATHERED // (kernel[0] * kernel[1]))
    for begin in range(0, rows.size, at_once):
        i, j = rows[begin : begin + at_once], columns[begin : begin + at_once]
        above = windows[i, j]  # a copy
        above -= above[:, :1, :1]
        above -= above.mean(axis=(1, 2), keepdims=True)
        variation[i, j] = squares[i, j] = np.einsum("nij,nij->n", above, above)
