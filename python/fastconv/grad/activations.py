"""Gradients of the activations and of softmax, at the argument of the forward call."""

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
    grad_output: NDArray[Float],
    x: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return `grad_output` where ``x > 0``, else 0.

    Parameters
    ----------
    grad_output : array_like
        The gradient with respect to the result, of the shape and dtype of `x`.
    x : array_like
        The argument of the forward call: float32 or float64, of any shape.
    threads : int, optional
        OpenMP threads of this call, from 1 to 1024; by default `fastconv.get_num_threads()`. The
        result has the same bits whatever their number.
    out : ndarray, optional
        A writable array of the shape and dtype of `x` to write into; it may be either input.

    Returns
    -------
    ndarray
        The gradient with respect to `x`, of its shape and dtype; or `out`.

    Raises
    ------
    TypeError
        If the dtypes differ, or are neither float32 nor float64.
    ValueError
        If the shapes differ, `out` has another shape or is read-only, or another argument is out of
        range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.relu(np.array([5.0, 5.0]), np.array([-1.0, 1.0]))
    array([0., 5.])
    """
    return _native.relu_grad(grad_output, x, threads, out)


@completed_by(relu)
def relu6(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return `grad_output` where ``0 < x < 6``, else 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.relu6(np.array([5.0, 5.0, 5.0]), np.array([-1.0, 1.0, 7.0]))
    array([0., 5., 0.])
    """
    return _native.relu6_grad(grad_output, x, threads, out)


@completed_by(relu)
def leaky_relu(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    negative_slope: float = 0.01,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return `grad_output` where ``x > 0``, else ``negative_slope * grad_output``.

    Parameters
    ----------
    negative_slope : float, default 0.01
        The factor of elements that are not positive, as in the forward call.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.leaky_relu(np.array([5.0, 5.0]), np.array([-1.0, 1.0]))
    array([0.05, 5.  ])
    """
    return _native.leaky_relu_grad(grad_output, x, negative_slope, threads, out)


@completed_by(relu)
def sigmoid(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return ``grad_output * y * (1 - y)`` with ``y = sigmoid(x)``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.sigmoid(np.array([1.0]), np.array([0.0]))
    array([0.25])
    """
    return _native.sigmoid_grad(grad_output, x, threads, out)


@completed_by(relu)
def tanh(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return ``grad_output * (1 - tanh(x)**2)``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.tanh(np.array([1.0]), np.array([0.0]))
    array([1.])
    """
    return _native.tanh_grad(grad_output, x, threads, out)


@completed_by(relu)
def silu(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return ``grad_output * s * (1 + x * (1 - s))`` with ``s = sigmoid(x)``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.silu(np.array([1.0]), np.array([0.0]))
    array([0.5])
    """
    return _native.silu_grad(grad_output, x, threads, out)


@completed_by(relu)
def gelu(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    approximate: GeluForm = "none",
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return `grad_output` times the derivative of `fastconv.gelu` at `x`.

    Parameters
    ----------
    approximate : {"none", "tanh"}, default "none"
        The exact function or its approximation, as in the forward call.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.gelu(np.array([1.0]), np.array([0.0]))
    array([0.5])
    """
    return _native.gelu_grad(grad_output, x, approximate, threads, out)


@completed_by(relu)
def prelu(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    weight: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> tuple[NDArray[Float], NDArray[Float]]:
    """Return the gradients of `fastconv.prelu` with respect to `x` and `weight`.

    The first is `grad_output` where ``x > 0``, else `grad_output` times the slope; the second is
    the sum of ``grad_output * x`` over what is not positive in the slope's channel, added up in
    float64.

    Parameters
    ----------
    weight : (C,), (1,) or (), the dtype of x
        The slopes, as in the forward call.
    out : ndarray, optional
        A writable array of the shape and dtype of `x` for the first result; it may be either input.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        Whether channels are axis 1 of `x`, as in PyTorch, or its last axis.

    Returns
    -------
    d_input : ndarray
        Of the shape and dtype of `x`; or `out`.
    d_weight : ndarray
        Of the shape and dtype of `weight`.

    Raises
    ------
    TypeError
        If the dtypes differ, or are neither float32 nor float64.
    ValueError
        If shapes do not agree, `out` has another shape or is read-only, or another argument is out
        of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.prelu(np.array([5.0, 5.0]), np.array([-2.0, 1.0]), np.array([0.1]))
    (array([0.5, 5. ]), array([-10.]))
    """
    return _native.prelu_grad(grad_output, x, weight, threads, out, data_format)


@completed_by(relu)
def hardsigmoid(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return ``grad_output / 6`` where ``-3 < x < 3``, else 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.hardsigmoid(np.array([3.0, 3.0]), np.array([0.0, 3.0]))
    array([0.5, 0. ])
    """
    return _native.hardsigmoid_grad(grad_output, x, threads, out)


@completed_by(relu)
def hardswish(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return ``grad_output * (x / 3 + 1 / 2)``, but 0 up to ``x = -3`` and `grad_output` from 3 on.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.hardswish(np.array([2.0, 2.0, 2.0]), np.array([-3.0, 0.0, 3.0]))
    array([0., 1., 2.])
    """
    return _native.hardswish_grad(grad_output, x, threads, out)


@completed_by(relu)
def elu(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    alpha: float = 1.0,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return `grad_output` where ``x > 0``, else ``grad_output * alpha * exp(x)``.

    Parameters
    ----------
    alpha : float, default 1.0
        The negative of what the result tends to on the left, as in the forward call.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.elu(np.array([5.0, 5.0]), np.array([0.0, 1.0]), 2.0)
    array([10.,  5.])
    """
    return _native.elu_grad(grad_output, x, alpha, threads, out)


@completed_by(relu)
def softplus(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return ``grad_output * sigmoid(x)``, and beyond ``x = 20`` `grad_output` itself.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.softplus(np.array([1.0]), np.array([0.0]))
    array([0.5])
    """
    return _native.softplus_grad(grad_output, x, threads, out)


@completed_by(relu)
def softmax(
    grad_output: NDArray[Float],
    x: NDArray[Float],
    axis: int = -1,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Return ``y * (grad_output - sum(grad_output * y))`` along `axis`, with ``y = softmax(x)``.

    Parameters
    ----------
    axis : int, default -1
        The axis along which the results add up to 1, as in the forward call.
    out : ndarray, optional
        A writable array of the shape and dtype of `x` to write into; it may be `x` itself.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.softmax(np.array([1.0, 0.0]), np.array([0.0, 0.0]))
    array([ 0.25, -0.25])
    """
    return _native.softmax_grad(grad_output, x, axis, threads, out)
