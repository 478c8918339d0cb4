"""Gradients of `fastconv.unfold` and `fastconv.fold`: each is the other's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import SupportsIndex

    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Float, Padding, PerAxis

__all__ = ["fold_input", "unfold_input"]


def unfold_input(
    grad_output: NDArray[Float],
    input_size: Sequence[SupportsIndex],
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: Padding = 0,
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
    kernel_size : int or sequence of int
        The window, ``(kh, kw)``.
    dilation : int or sequence of int, default 1
        Steps between the elements of a window.
    padding : int, sequence of int, (lo, hi) pairs or str, default 0
        Zeros around the image, or ``"valid"``, ``"same"``, ``"same_lower"`` or ``"full"``.
    stride : int or sequence of int, default 1
        Steps between windows.
    threads : int, optional
        OpenMP threads; by default as `fastconv.set_num_threads` says. The result has the same bits
        whatever their number.
    out : ndarray, optional
        A writable array of the result's shape and dtype to write into.
    data_format : {"channels_first", "channels_last"}
        With channels last, images are ``(N, H, W, C)`` and columns ``(N, L, C*kh*kw)``; the order
        of the rows, ``(C, kh, kw)``, stays.

    Returns
    -------
    ndarray
        Of shape `input_size`.

    Raises
    ------
    TypeError
        If the dtype is neither float32 nor float64, or an argument has the wrong type.
    ValueError
        If a shape or size does not fit; the message says which.

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


def fold_input(
    grad_output: NDArray[Float],
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: Padding = 0,
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
    kernel_size : int or sequence of int
        The window, ``(kh, kw)``.
    dilation : int or sequence of int, default 1
        Steps between the elements of a window.
    padding : int, sequence of int, (lo, hi) pairs or str, default 0
        Zeros around the image, or ``"valid"``, ``"same"``, ``"same_lower"`` or ``"full"``.
    stride : int or sequence of int, default 1
        Steps between windows.
    threads : int, optional
        OpenMP threads; by default as `fastconv.set_num_threads` says. The result has the same bits
        whatever their number.
    out : ndarray, optional
        A writable array of the result's shape and dtype to write into.
    data_format : {"channels_first", "channels_last"}
        With channels last, images are ``(N, H, W, C)`` and columns ``(N, L, C*kh*kw)``; the order
        of the rows, ``(C, kh, kw)``, stays.

    Returns
    -------
    ndarray
        ``(N, C*kh*kw, L)``, or ``(C*kh*kw, L)`` for one image.

    Raises
    ------
    TypeError
        If the dtype is neither float32 nor float64, or an argument has the wrong type.
    ValueError
        If a shape or size does not fit; the message says which.

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
