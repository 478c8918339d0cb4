"""The filters of ``scipy.ndimage`` on our kernels: SciPy's names, arguments, borders and dtypes.

::

    from fastconv.interfaces import scipy_ndimage as ndimage
    y = ndimage.gaussian_filter(image, 2)

    with ndimage.enabled():       # scipy.ndimage itself, for scikit-image and others
        edges = skimage.filters.sobel(image)

Arrays of any number of axes are filtered by pairs of neighbouring axes, each pair in one pass.
Results are those of SciPy: equal for integers and for weighted sums in float64; means in float64
within a few roundings; float32 is computed in float32, and differs from what SciPy rounds from
float64 by as many roundings as a window has places. Complex numbers, footprints that are no boxes,
`structure`, and kernels of three axes are passed on to SciPy, and so is what SciPy refuses.
`counts` tells how many calls went where.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._derivatives import (
    gaussian_gradient_magnitude,
    gaussian_laplace,
    laplace,
    prewitt,
    sobel,
)
from ._extremes import (
    grey_closing,
    grey_dilation,
    grey_erosion,
    grey_opening,
    maximum_filter,
    maximum_filter1d,
    minimum_filter,
    minimum_filter1d,
)
from ._sums import (
    convolve,
    convolve1d,
    correlate,
    correlate1d,
    gaussian_filter,
    gaussian_filter1d,
    uniform_filter,
    uniform_filter1d,
)
from ._swap import enabled
from ._theirs import counted, theirs

#: What `enabled` puts in the place of SciPy's functions.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        convolve, convolve1d, correlate, correlate1d, gaussian_filter, gaussian_filter1d,
        gaussian_gradient_magnitude, gaussian_laplace, grey_closing, grey_dilation, grey_erosion,
        grey_opening, laplace, maximum_filter, maximum_filter1d, minimum_filter, minimum_filter1d,
        prewitt, sobel, uniform_filter, uniform_filter1d,
    )
}  # fmt: skip

#: These take functions of the caller's, and are SciPy's.
generic_filter = theirs.generic_filter
generic_filter1d = theirs.generic_filter1d
generic_gradient_magnitude = theirs.generic_gradient_magnitude
generic_laplace = theirs.generic_laplace

__all__ = [
    *sorted(FUNCTIONS), "counts", "enabled", "generic_filter", "generic_filter1d",
    "generic_gradient_magnitude", "generic_laplace",
]  # fmt: skip


def counts() -> dict[str, tuple[int, int]]:
    """Return for each function how many calls our kernels took, and how many SciPy.

    Returns
    -------
    dict
        Names and pairs of numbers, of all calls since the module was imported.

    Examples
    --------
    >>> from fastconv.interfaces import scipy_ndimage
    >>> _ = scipy_ndimage.uniform_filter([[1.0, 2.0]], 3)
    >>> scipy_ndimage.counts()["uniform_filter"][0] >= 1
    True
    """
    names = {name for name, _ in counted}
    return {name: (counted[name, True], counted[name, False]) for name in sorted(names)}
