"""Gradients of `fastconv.unfold` and `fastconv.fold`: each is the other's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.columns import unfold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import SupportsIndex

    from numpy.typing import NDArray

    from fastconv.typing import ConvPadding, DataFormat, Float, PerAxis

__all__ = ["fold_input", "unfold_input"]


@completed_by(unfold)
def unfold_input(
    grad_output: NDArray[Float],
    input_size: Sequence[SupportsIndex],
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: ConvPadding = 0,
    stride: PerAxis = 1,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:
    """Return the gradient of `fastconv.unfold` with respect to its input.

    Parameters
    ----------
    grad_output : array_like
        The gradient with respect to the columns, ``(N, C*kh*kw, L)`` or ``(C*kh*kw, L)``.
    input_size : sequence of int
        The full shape of the forward call's input, in the order of `data_format`.

    Returns
    -------
    ndarray
        Of shape `input_size`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.unfold_input(np.ones((4, 2)), (1, 2, 3), 2)
    array([[[1., 2., 1.],
            [1., 2., 1.]]])
    """
    return _native.unfold_input(
        grad_output, input_size, kernel_size, dilation, padding, stride, threads, out, data_format
    )


@completed_by(unfold)
def fold_input(
    grad_output: NDArray[Float],
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: ConvPadding = 0,
    stride: PerAxis = 1,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:
    """Return the gradient of `fastconv.fold` with respect to its input.

    Parameters
    ----------
    grad_output : array_like
        The gradient with respect to the images, ``(N, C, H, W)`` or ``(C, H, W)``.

    Returns
    -------
    ndarray
        ``(N, C*kh*kw, L)``, or ``(C*kh*kw, L)`` for one image.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.fold_input(np.array([[[1.0, 2.0, 3.0]]]), (1, 2))
    array([[1., 2.],
           [2., 3.]])
    """
    return _native.fold_input(
        grad_output, kernel_size, dilation, padding, stride, threads, out, data_format
    )
