"""The gradient of batch normalisation in evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv import norm as forward
from fastconv._docs import completed_by
from fastconv._slopes import expect_like, slopes_for, split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastconv.typing import Activation, DataFormat, Float

__all__ = ["batch_norm"]


@completed_by(forward.batch_norm)
def batch_norm(
    input: NDArray[Float],
    grad_output: NDArray[Float],
    running_mean: NDArray[Float],
    running_var: NDArray[Float],
    weight: NDArray[Float] | None = None,
    bias: NDArray[Float] | None = None,
    eps: float = 1e-5,
    *,
    activation: Activation | None = None,
    output: NDArray[Float] | None = None,
    threads: int | None = None,
    data_format: DataFormat = "channels_first",
) -> tuple[NDArray[Float], NDArray[Float], NDArray[Float]]:
    """Return the gradients of `fastconv.batch_norm` in input, weight and bias, in one call.

    Mean and variance are constants here, as they are in evaluation; in training they depend on the
    input, and `fastconv.nn.BatchNorm2d` has that gradient.

    Parameters
    ----------
    grad_output : the shape and dtype of input
        The gradient with respect to the result of the forward call.
    activation : str or a pair of it and a parameter, optional
        The activation of the forward call. `grad_output` is then the gradient behind it. All are
        served: where the derivative does not follow from the result, the input is normalised again.
        The gradient of prelu's slopes is `fastconv.grad.prelu`'s.
    output : the shape and dtype of input, optional
        The result of the forward call. It saves that for "relu", "relu6", "leaky_relu", "sigmoid"
        and "tanh"; for the others it is not read. Only with `activation`.

    Returns
    -------
    d_input : the shape and dtype of input
    d_weight : (C,), the dtype of input
        Summed over batch and positions; zero for an empty batch. Also where no `weight` is given.
    d_bias : (C,), the dtype of input
        Likewise.

    Notes
    -----
    The sums of d_weight and d_bias are split by the problem, never by the threads, and added in
    double precision.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> x, dy = np.array([[1.0], [3.0]]), np.array([[10.0], [20.0]])
    >>> grad.batch_norm(x, dy, np.array([2.0]), np.array([4.0]), eps=0)
    (array([[ 5.],
           [10.]]), array([5.]), array([30.]))
    """
    fused, slopes = split(activation, input)
    dy: object = grad_output
    if slopes is not None:
        before = _native.batch_norm(
            input, running_mean, running_var, weight, bias, eps, None, threads, None, data_format
        )
        slopes = slopes_for(before, slopes, "input", data_format)
        expect_like(grad_output, "grad_output", before)
        if output is not None:
            expect_like(output, "output", before)
            output = None
        dy, _ = _native.prelu_grad(grad_output, before, slopes, threads, before, data_format)
    return _native.evaluation_grad(
        input, dy, running_mean, running_var, weight, bias, eps, fused, output, threads, data_format
    )
