"""The pools, `unfold` and `fold`, with the signatures of `torch.nn.functional`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastconv._docs import completed_by
from fastconv.interfaces.torch import _calls
from fastconv.interfaces.torch._conv_functions import conv2d

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    PerAxis = int | Sequence[int]
    OutputSize = int | Sequence[int | None]

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "fold",
    "lp_pool1d",
    "lp_pool2d",
    "max_pool1d",
    "max_pool2d",
    "max_unpool1d",
    "max_unpool2d",
    "unfold",
]


@completed_by(conv2d)
def max_pool2d(
    input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """`torch.nn.functional.max_pool2d` by fastconv's kernels; see `conv2d` for what that means.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W) tensor
        The images.
    kernel_size : int or (int, int)
        The window, per axis.
    stride : int or (int, int), optional
        From one window to the next; by default the window's size.
    padding : int or (int, int), default 0
        Around the input; at most half of the window.
    dilation : int or (int, int), default 1
        From one element of a window to the next.
    ceil_mode : bool, default False
        Whether a window may hang over the end of the input.
    return_indices : bool, default False
        Whether to return where in its plane each maximum was found, too.

    Returns
    -------
    torch.Tensor, or two
        As torch's: in channels_last if the input is.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.max_pool2d(torch.tensor([[[1.0, 3.0], [2.0, 0.0]]]), 2, return_indices=True)
    (tensor([[[3.]]]), tensor([[[1]]]))
    """
    return _calls.max_pool(
        False, 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


@completed_by(max_pool2d)
def max_pool1d(
    input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """`torch.nn.functional.max_pool1d` by fastconv's kernels, as `max_pool2d`.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.max_pool1d(torch.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[3., 2.]])
    """
    return _calls.max_pool(
        False, 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


@completed_by(max_pool2d)
def avg_pool2d(
    input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.avg_pool2d` by fastconv's kernels, as `max_pool2d`.

    Parameters
    ----------
    count_include_pad : bool, default True
        Whether the divisor counts the padding.
    divisor_override : int, optional
        Another divisor.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.avg_pool2d(torch.tensor([[[1.0, 3.0], [2.0, 0.0]]]), 2)
    tensor([[[1.5000]]])
    """
    y: Tensor = _calls.avg_pool(
        False, 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad,
        divisor_override,
    )  # fmt: skip
    return y


@completed_by(avg_pool2d)
def avg_pool1d(
    input: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.avg_pool1d` by fastconv's kernels, as `max_pool2d`.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.avg_pool1d(torch.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[2., 1.]])
    """
    y: Tensor = _calls.avg_pool(
        False, 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad
    )
    return y


@completed_by(max_pool2d)
def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.lp_pool2d`, by torch's formula on fastconv's average.

    Parameters
    ----------
    norm_type : float
        The power.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.lp_pool2d(torch.tensor([[[3.0, 0.0], [0.0, 4.0]]]), 2, 2)
    tensor([[[5.]]])
    """
    y: Tensor = _calls.lp_pool(False, 2, input, norm_type, kernel_size, stride, ceil_mode)
    return y


@completed_by(lp_pool2d)
def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: int, stride: PerAxis | None = None,
    ceil_mode: bool = False,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.lp_pool1d`, by torch's formula on fastconv's average.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.lp_pool1d(torch.tensor([[3.0, 4.0]]), 2, 2)
    tensor([[5.]])
    """
    y: Tensor = _calls.lp_pool(False, 1, input, norm_type, kernel_size, stride, ceil_mode)
    return y


@completed_by(max_pool2d)
def adaptive_avg_pool2d(input: Tensor, output_size: OutputSize) -> Tensor:
    """`torch.nn.functional.adaptive_avg_pool2d` by fastconv's kernels, as `max_pool2d`.

    Parameters
    ----------
    output_size : int or (int or None, int or None)
        How many windows, per axis; None stands for as many as pixels.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.adaptive_avg_pool2d(torch.ones(1, 4, 7, 7), (1, None)).shape
    torch.Size([1, 4, 1, 7])
    """
    y: Tensor = _calls.adaptive_avg_pool(False, 2, input, output_size)
    return y


@completed_by(adaptive_avg_pool2d)
def adaptive_avg_pool1d(input: Tensor, output_size: PerAxis) -> Tensor:
    """`torch.nn.functional.adaptive_avg_pool1d` by fastconv's kernels, as `max_pool2d`.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.adaptive_avg_pool1d(torch.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[2., 1.]])
    """
    y: Tensor = _calls.adaptive_avg_pool(False, 1, input, output_size)
    return y


@completed_by(max_pool2d)
def adaptive_max_pool2d(
    input: Tensor, output_size: OutputSize, return_indices: bool = False
) -> Any:
    """`torch.nn.functional.adaptive_max_pool2d` by fastconv's kernels, as `max_pool2d`.

    Parameters
    ----------
    output_size : int or (int or None, int or None)
        How many windows, per axis; None stands for as many as pixels.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.adaptive_max_pool2d(torch.tensor([[[1.0, 3.0], [2.0, 0.0]]]), 1)
    tensor([[[3.]]])
    """
    return _calls.adaptive_max_pool(False, 2, input, output_size, return_indices)


@completed_by(adaptive_max_pool2d)
def adaptive_max_pool1d(input: Tensor, output_size: PerAxis, return_indices: bool = False) -> Any:
    """`torch.nn.functional.adaptive_max_pool1d` by fastconv's kernels, as `max_pool2d`.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.adaptive_max_pool1d(torch.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[3., 2.]])
    """
    return _calls.adaptive_max_pool(False, 1, input, output_size, return_indices)


@completed_by(max_pool2d)
def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: PerAxis = 0, output_size: Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.max_unpool2d` by fastconv's kernels, as `max_pool2d`.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W) tensor
        The maxima.
    indices : int64 tensor of the shape of input
        Where they go, as `max_pool2d` returns it.
    output_size : sequence of ints, optional
        The lengths or the shape of the result.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.max_unpool2d(torch.tensor([[[3.0]]]), torch.tensor([[[1]]]), 2)
    tensor([[[0., 3.],
             [0., 0.]]])
    """
    y: Tensor = _calls.max_unpool(
        False, 2, input, indices, kernel_size, stride, padding, output_size
    )
    return y


@completed_by(max_unpool2d)
def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: PerAxis = 0, output_size: Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.max_unpool1d` by fastconv's kernels, as `max_pool2d`.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.max_unpool1d(torch.tensor([[3.0, 2.0]]), torch.tensor([[1, 2]]), 2)
    tensor([[0., 3., 2., 0.]])
    """
    y: Tensor = _calls.max_unpool(
        False, 1, input, indices, kernel_size, stride, padding, output_size
    )
    return y


@completed_by(conv2d)
def unfold(
    input: Tensor, kernel_size: PerAxis, dilation: PerAxis = 1, padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.unfold` by fastconv's kernels; see `conv2d` for what that means.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W) tensor
        The images.
    kernel_size : int or (int, int)
        The window, per axis.
    stride, dilation : int or (int, int), default 1
        From one window to the next, and from one element of a window to the next.
    padding : int or (int, int), default 0
        Zeros on both sides of each axis.

    Returns
    -------
    torch.Tensor
        The windows as columns, (N, C * KH * KW, L), contiguous.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.unfold(torch.ones(1, 3, 8, 8), 3).shape
    torch.Size([1, 27, 36])
    """
    y: Tensor = _calls.unfold(False, input, kernel_size, dilation, padding, stride)
    return y


@completed_by(unfold)
def fold(
    input: Tensor, output_size: PerAxis, kernel_size: PerAxis, dilation: PerAxis = 1,
    padding: PerAxis = 0, stride: PerAxis = 1,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.fold` by fastconv's kernels; see `conv2d` for what that means.

    Parameters
    ----------
    input : (N, C * KH * KW, L) or (C * KH * KW, L) tensor
        Windows as columns.
    output_size : int or (int, int)
        The lengths of the images.

    Returns
    -------
    torch.Tensor
        The images, (N, C, H, W), in which windows that overlap are added.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.fold(torch.ones(1, 4, 1), (2, 2), 2)
    tensor([[[[1., 1.],
              [1., 1.]]]])
    """
    y: Tensor = _calls.fold(False, input, output_size, kernel_size, dilation, padding, stride)
    return y
