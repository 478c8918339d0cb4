"""Activations and softmax: functions of NumPy arrays of any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Float, GeluForm

__all__ = [
    "elu",
    "gelu",
    "hardsigmoid",
    "hardswish",
    "leaky_relu",
    "prelu",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]


def relu(
    x: NDArray[Float], /, *, threads: int | None = None, out: NDArray[Float] | None = None
) -> NDArray[Float]:
    """Return ``max(x, 0)`` of every element; NaN stays NaN.

    Parameters
    ----------
    x : array_like
        Float32 or float64, of any shape.
    threads : int, optional
        OpenMP threads of this call, from 1 to 1024; by default `fastconv.get_num_threads()`. The
        result has the same bits whatever their number.
    out : ndarray, optional
        A writable array of the shape and dtype of `x` to write into; it may be `x` itself.

    Returns
    -------
    ndarray
        Of the shape and dtype of `x`, or `out`.

    Raises
    ------
    TypeError
        If the dtype is neither float32 nor float64, or `x` is a masked array.
    ValueError
        If `out` has another shape or is read-only, or another argument is out of range.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.relu(np.array([-1.0, 0.5]))
    array([0. , 0.5])
    """
    return _native.relu(x, threads, out)


@completed_by(relu)
def relu6(
    x: NDArray[Float], /, *, threads: int | None = None, out: NDArray[Float] | None = None
) -> NDArray[Float]:
    """Return ``min(max(x, 0), 6)`` of every element; NaN stays NaN.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.relu6(np.array([-1.0, 0.5, 9.0]))
    array([0. , 0.5, 6. ])
    """
    return _native.relu6(x, threads, out)


@completed_by(relu)
def leaky_relu(
    x: NDArray[Float],
    /,
    negative_slope: float = 0.01,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return ``x`` where it is positive, else ``negative_slope * x``.

    Parameters
    ----------
    negative_slope : float, default 0.01
        The factor of elements that are not positive.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.leaky_relu(np.array([-2.0, 3.0]))
    array([-0.02,  3.  ])
    """
    return _native.leaky_relu(x, negative_slope, threads, out)


@completed_by(relu)
def sigmoid(
    x: NDArray[Float], /, *, threads: int | None = None, out: NDArray[Float] | None = None
) -> NDArray[Float]:
    """Return the logistic function, ``1 / (1 + exp(-x))``.

    Errors are a few ulp of the result, in both tails; NaN gives NaN.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.sigmoid(np.array([0.0, 1000.0]))
    array([0.5, 1. ])
    """
    return _native.sigmoid(x, threads, out)


@completed_by(relu)
def tanh(
    x: NDArray[Float], /, *, threads: int | None = None, out: NDArray[Float] | None = None
) -> NDArray[Float]:
    """Return the hyperbolic tangent of every element.

    Errors are a few ulp of the result, in both tails; NaN gives NaN.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.tanh(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.7616])
    """
    return _native.tanh(x, threads, out)


@completed_by(relu)
def silu(
    x: NDArray[Float], /, *, threads: int | None = None, out: NDArray[Float] | None = None
) -> NDArray[Float]:
    """Return ``x * sigmoid(x)``, also known as swish.

    Errors are a few ulp of the result, in both tails; NaN and -Inf give NaN.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.silu(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.7311])
    """
    return _native.silu(x, threads, out)


@completed_by(relu)
def gelu(
    x: NDArray[Float],
    /,
    approximate: GeluForm = "none",
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return ``x`` times the standard normal distribution function at ``x``.

    Errors of the exact form are a few ulp of the result, in both tails; NaN and -Inf give NaN.

    Parameters
    ----------
    approximate : {"none", "tanh"}, default "none"
        The exact function, or its approximation
        ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))``.

    References
    ----------
    .. [1] Hendrycks, Gimpel, "Gaussian Error Linear Units (GELUs)", 2016, arXiv:1606.08415.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.gelu(np.array([0.0, 1.0])).round(4)
    array([0.    , 0.8413])
    """
    return _native.gelu(x, approximate, threads, out)


@completed_by(relu)
def prelu(
    x: NDArray[Float],
    /,
    weight: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:
    """Return ``x`` where it is positive, else ``weight * x``, with a slope for each channel [1]_.

    Parameters
    ----------
    weight : (C,), (1,) or (), the dtype of x
        The slope of each channel, or one for all. With fewer than two axes `x` is one channel.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        Whether channels are axis 1 of `x`, as in PyTorch, or its last axis.

    Raises
    ------
    TypeError
        If `x` is neither float32 nor float64, `weight` has another dtype, or one is a masked array.
    ValueError
        If `weight` has neither one slope nor one for each channel, `out` has another shape or is
        read-only, or another argument is out of range.

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.prelu(np.array([[-2.0, -2.0], [3.0, 3.0]]), np.array([0.5, 0.25]))
    array([[-1. , -0.5],
           [ 3. ,  3. ]])
    """
    return _native.prelu(x, weight, threads, out, data_format)


@completed_by(relu)
def hardsigmoid(
    x: NDArray[Float], /, *, threads: int | None = None, out: NDArray[Float] | None = None
) -> NDArray[Float]:
    """Return ``min(max(x + 3, 0), 6) / 6`` of every element.

    Errors are a few ulp of the result; NaN gives NaN.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.hardsigmoid(np.array([-4.0, 0.0, 1.5]))
    array([0.  , 0.5 , 0.75])
    """
    return _native.hardsigmoid(x, threads, out)


@completed_by(relu)
def hardswish(
    x: NDArray[Float], /, *, threads: int | None = None, out: NDArray[Float] | None = None
) -> NDArray[Float]:
    """Return ``x * min(max(x + 3, 0), 6) / 6`` of every element [1]_.

    Errors are a few ulp of the result, which from 3 on is `x` itself; NaN and -Inf give NaN.

    References
    ----------
    .. [1] Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.hardswish(np.array([1.0, 5.0])).round(4)
    array([0.6667, 5.    ])
    """
    return _native.hardswish(x, threads, out)


@completed_by(relu)
def elu(
    x: NDArray[Float],
    /,
    alpha: float = 1.0,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return ``x`` where it is positive, else ``alpha * (exp(x) - 1)`` [1]_.

    Errors are a few ulp of the result, also near 0; NaN gives NaN.

    Parameters
    ----------
    alpha : float, default 1.0
        The negative of what the result tends to on the left.

    References
    ----------
    .. [1] Clevert, Unterthiner, Hochreiter, "Fast and Accurate Deep Network Learning by Exponential
       Linear Units (ELUs)", ICLR 2016.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.elu(np.array([-1.0, 3.0])).round(4)
    array([-0.6321,  3.    ])
    """
    return _native.elu(x, alpha, threads, out)


@completed_by(relu)
def softplus(
    x: NDArray[Float], /, *, threads: int | None = None, out: NDArray[Float] | None = None
) -> NDArray[Float]:
    """Return ``log(1 + exp(x))``, and beyond 20 `x` itself.

    These are PyTorch's semantics with ``beta=1`` and ``threshold=20``. Errors are a few ulp of the
    result, in both tails; NaN gives NaN.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.softplus(np.array([0.0, 30.0])).round(4)
    array([ 0.6931, 30.    ])
    """
    return _native.softplus(x, threads, out)


@completed_by(relu)
def softmax(
    x: NDArray[Float],
    /,
    axis: int = -1,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return ``exp(x) / sum(exp(x))`` along `axis`.

    The maximum is subtracted first, so nothing overflows, and sums are compensated. A line that
    holds a NaN or +Inf, or nothing but -Inf, becomes NaN.

    Parameters
    ----------
    axis : int, default -1
        The axis along which the results add up to 1.

    Raises
    ------
    TypeError
        If the dtype is neither float32 nor float64, or `x` is a masked array.
    ValueError
        If `x` has no such axis, or `out` has another shape or is read-only.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    return _native.softmax(x, axis, threads, out)
