"""Batch normalisation in evaluation, and sums: what stands between convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by
from fastconv._slopes import finished, in_place, split
from fastconv.activations import relu

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastconv.typing import Activation, DataFormat, Float

__all__ = ["add", "batch_norm"]


@completed_by(relu, "threads")
def batch_norm(
    input: NDArray[Float],
    running_mean: NDArray[Float],
    running_var: NDArray[Float],
    weight: NDArray[Float] | None = None,
    bias: NDArray[Float] | None = None,
    eps: float = 1e-5,
    *,
    activation: Activation | None = None,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:
    """Normalise each channel by a mean and a variance that are given, then scale and shift it.

    ``y = (input - running_mean) / sqrt(running_var + eps) * weight + bias``, in one pass over
    memory: ``torch.nn.functional.batch_norm`` with ``training=False``. Behind a convolution
    without an activation of its own this needs no pass at all: `fastconv.nn.Sequential` folds it
    into the weights.

    Parameters
    ----------
    input : (N, C) or (N, C, ...), float32 or float64
        At least two axes, in the order of `data_format`. The first is the batch, which may be
        empty; as in PyTorch, it cannot be left out.
    running_mean, running_var : (C,), the dtype of input
        The mean and the variance of each channel.
    weight, bias : (C,), the dtype of input, optional
        The factor and the summand of each channel; without them 1 and 0.
    eps : float, default 1e-5
        Added to the variance, so that a constant channel divides by no zero; not negative.
    activation : str or a pair of it and a parameter, optional
        Applied to the result: any that `fastconv.conv2d` takes. ``("prelu", slopes)`` with a slope
        for each channel is a second pass, and takes a temporary where `out` is a slice.
    out : ndarray, optional
        A writable array of the shape and dtype of `input` to write into; it may be `input` itself.
        A slice of the channels of a larger array is written in place, without a temporary.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        Which axis holds the channels: the second, or the last.

    Returns
    -------
    ndarray
        Of the shape and dtype of `input`, or `out`.

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, if the dtypes differ (nothing is cast), or if
        another argument has the wrong type.
    ValueError
        If a shape does not fit, a number is out of range, or a word is unknown. The message names
        the argument.

    Notes
    -----
    Before the activation, with the unit roundoff u of the dtype, the error is at most
    ``4 * u * abs(y - bias) + u * abs(y)``: the mean is subtracted first, so that nothing cancels
    where it is large, and the scale is computed in double precision. A NaN or Inf of the input
    stays where it is.

    References
    ----------
    .. [1] Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by
       Reducing Internal Covariate Shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> x = np.array([[1.0, 5.0], [3.0, 9.0]])
    >>> fastconv.batch_norm(x, np.array([2.0, 5.0]), np.array([1.0, 4.0]), eps=0, activation="relu")
    array([[0., 0.],
           [1., 2.]])
    """
    fused, slopes = split(activation, input)
    target = out if slopes is None or in_place(slopes, out, data_format) else None
    y = _native.batch_norm(
        input, running_mean, running_var, weight, bias, eps, fused, threads, target, data_format
    )
    return y if slopes is None else finished(y, slopes, "input", threads, out, data_format)


@completed_by(batch_norm, "threads")
def add(
    a: NDArray[Float],
    b: NDArray[Float],
    *,
    activation: Activation | None = None,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
) -> NDArray[Float]:
    """Add two arrays, and apply an activation to the sum, in one pass over memory.

    The sum behind a convolution needs no pass at all: give the other array as the `residual` of
    `fastconv.conv2d`.

    Parameters
    ----------
    a, b : array_like, float32 or float64
        Arrays of one dtype, whose shapes are equal or broadcast by NumPy's rule: a value for each
        channel has the shape ``(C, 1, 1)`` if channels are first, and ``(C,)`` if they are last.
    activation : str or a pair of it and a parameter, optional
        Applied to the sum: any that `fastconv.conv2d` takes. The slopes of ``("prelu", slopes)``
        belong to axis 1 of the sum, as in `fastconv.prelu`; where there is one for each channel,
        they are a second pass, and take a temporary where `out` is a slice.
    out : ndarray, optional
        A writable array of the shape and dtype of the result to write into; it may be `a` or `b`.
        A slice of the channels of a larger array is written in place, without a temporary.

    Returns
    -------
    ndarray
        Of the common shape and dtype, or `out`.

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, if the dtypes differ (nothing is cast), or if
        another argument has the wrong type.
    ValueError
        If the shapes do not broadcast, `out` has another shape or is read-only, or another
        argument is out of range.

    Notes
    -----
    Without an activation the gradient in `a`, and in `b` where it has the shape of the sum, is the
    gradient of the sum itself. With one, pass that through the activation first:
    ``fastconv.grad.relu(dy, y)`` is the gradient in both. For an array that was repeated it is
    summed over the axes along which it was.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.add(np.array([[1.0, -2.0], [3.0, 4.0]]), np.array([1.0, 1.0]), activation="relu")
    array([[2., 0.],
           [4., 5.]])
    """
    fused, slopes = split(activation, a)
    target = out if slopes is None or in_place(slopes, out, "channels_first") else None
    y = _native.add(a, b, fused, threads, target)
    return y if slopes is None else finished(y, slopes, "a", threads, out, "channels_first")
