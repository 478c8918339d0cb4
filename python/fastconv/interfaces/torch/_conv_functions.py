"""The convolutions, with the signatures of `torch.nn.functional`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from fastconv._docs import completed_by
from fastconv._native import read_tensors
from fastconv.interfaces.torch._arrays import PLAIN
from fastconv.interfaces.torch._convolution import convolution, convolve
from fastconv.interfaces.torch._eligible import refusal, watched
from fastconv.interfaces.torch._operator import REFUSALS, handed_back
from fastconv.interfaces.torch._report import TAKEN, note, note_now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    PerAxis = int | Sequence[int]

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "per_axis"]


def per_axis(value: Any, rank: int) -> Any:
    """A value for each axis, as torch reads an int or a sequence; what is wrong stays as it is."""
    if type(value) is int:
        return (value,) * rank
    if isinstance(value, (tuple, list)):
        return value * rank if len(value) == 1 else value
    return (value,) * rank


def is_plain(padding: Any) -> bool:
    """Whether a padding is an int, or one for each axis, beyond doubt."""
    if type(padding) is int:
        return True
    if not isinstance(padding, (tuple, list)) or not padding:
        return False
    return type(padding[0]) is int and type(padding[-1]) is int


def are_ints(*values: Any) -> bool:
    """Whether torch takes each for a value of all axes, or for one of each axis.

    fastconv takes words and pairs as padding, too, and operators of torch, which are called with
    lists, take a bool for a number where its functions do not.
    """
    for value in values:
        for n in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(n, bool) or not isinstance(n, (int, torch.SymInt, np.integer)):
                return False
    return True


REFUSED = "arguments that torch refuses"

# The number of spatial axes for whose arrays torch asks for channels_last: of signals, none.
_LAYOUTS = {1: 0, 2: 2}


def _conv(
    patched: bool, name: str, rank: int, theirs: Callable[..., Tensor], input: Tensor,
    weight: Tensor, bias: Tensor | None, stride: PerAxis, padding: PerAxis | str,
    dilation: PerAxis, groups: int,
) -> Tensor:  # fmt: skip
    if not watched() and is_plain(padding) and weight is not None:  # most calls
        arrays = read_tensors(PLAIN, _LAYOUTS[rank], input, weight, bias)
        if arrays is not None and arrays[0].ndim == rank + 2:
            geometry = (
                per_axis(stride, rank), per_axis(padding, rank), per_axis(dilation, rank), False,
                (0,) * rank, groups,
            )  # fmt: skip
            try:
                y: Tensor = convolve(input, weight, bias, geometry, arrays)
            except REFUSALS as error:
                args = (input, weight, bias, stride, padding, dilation, groups)
                return handed_back(name, error, theirs, *args)
            note_now((name, TAKEN))
            return y
    outcome = refusal(patched, input, weight, bias)
    if outcome is None:
        dims = input.dim()
        if dims != rank + 2:
            if dims == rank + 1:
                batch = input.unsqueeze(0)
                y = _conv(patched, name, rank, theirs, batch, weight, bias, stride, padding,
                          dilation, groups)  # fmt: skip
                return y.squeeze(0)
            outcome = "the number of axes"
        elif isinstance(padding, str):
            outcome, padding, input = _named(padding, rank, input, weight, stride, dilation)
        elif not are_ints(stride, padding, dilation):
            outcome = REFUSED
    note(name, outcome or TAKEN)
    if outcome is not None:
        return theirs(input, weight, bias, stride, padding, dilation, groups)
    done: Tensor = convolution(
        input, weight, bias, per_axis(stride, rank), per_axis(padding, rank),
        per_axis(dilation, rank), False, (0,) * rank, groups,
    )  # fmt: skip
    return done


def _named(
    padding: str, rank: int, input: Tensor, weight: Tensor, stride: PerAxis, dilation: PerAxis
) -> tuple[str | None, Any, Tensor]:
    """The numbers behind a word, and the input, at whose ends an odd element is appended."""
    if padding == "valid":
        return None, 0, input
    steps, gaps = per_axis(stride, rank), per_axis(dilation, rank)
    if padding != "same" or any(s != 1 for s in steps) or not len(gaps) == weight.dim() - 2 == rank:
        return REFUSED, padding, input
    totals = [d * (k - 1) for d, k in zip(gaps, weight.shape[2:], strict=True)]
    ends = [n for total in reversed(totals) for n in (0, total % 2)]
    return None, [total // 2 for total in totals], F.pad(input, ends) if any(ends) else input


def _conv_transpose(
    patched: bool, name: str, rank: int, theirs: Callable[..., Tensor], input: Tensor,
    weight: Tensor, bias: Tensor | None, stride: PerAxis, padding: PerAxis,
    output_padding: PerAxis, groups: int, dilation: PerAxis,
) -> Tensor:  # fmt: skip
    if not watched() and is_plain(padding) and weight is not None:  # most calls
        arrays = read_tensors(PLAIN, _LAYOUTS[rank], input, weight, bias)
        if arrays is not None and arrays[0].ndim == rank + 2:
            geometry = (
                per_axis(stride, rank), per_axis(padding, rank), per_axis(dilation, rank), True,
                per_axis(output_padding, rank), groups,
            )  # fmt: skip
            try:
                y: Tensor = convolve(input, weight, bias, geometry, arrays)
            except REFUSALS as error:
                args = input, weight, bias, stride, padding, output_padding, groups, dilation
                return handed_back(name, error, theirs, *args)
            note_now((name, TAKEN))
            return y
    outcome = refusal(patched, input, weight, bias)
    if outcome is None:
        dims = input.dim()
        if dims == rank + 1:
            batch = input.unsqueeze(0)
            y = _conv_transpose(patched, name, rank, theirs, batch, weight, bias, stride, padding,
                                output_padding, groups, dilation)  # fmt: skip
            return y.squeeze(0)
        if dims != rank + 2:
            outcome = "the number of axes"
        elif not are_ints(stride, padding, output_padding, dilation):
            outcome = REFUSED
    note(name, outcome or TAKEN)
    if outcome is not None:
        return theirs(input, weight, bias, stride, padding, output_padding, groups, dilation)
    done: Tensor = convolution(
        input, weight, bias, per_axis(stride, rank), per_axis(padding, rank),
        per_axis(dilation, rank), True, per_axis(output_padding, rank), groups,
    )  # fmt: skip
    return done


def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1,
    padding: PerAxis | str = 0, dilation: PerAxis = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.conv2d` by fastconv's kernels.

    Shapes, defaults, errors and the layout of the result are torch's, and so are the gradients, of
    every order; what fastconv does not compute (another dtype or device, autocast, transforms of
    torch.func, forward-mode differentiation, sparse tensors, subclasses) torch computes.

    Parameters
    ----------
    input : (N, C_in, H, W) or (C_in, H, W) tensor
        The images. What is contiguous or channels_last is read where it lies.
    weight : (C_out, C_in // groups, KH, KW) tensor
        The filters.
    bias : (C_out,) tensor, optional
        What is added to each output channel.
    stride, dilation : int or (int, int), default 1
        From one output to the next, and from one element of the filter to the next.
    padding : int, (int, int), "valid" or "same", default 0
        Zeros on both sides of each axis.
    groups : int, default 1
        Into how many independent blocks the channels are split.

    Returns
    -------
    torch.Tensor
        As torch's: in channels_last if input or weight is, else contiguous.

    Raises
    ------
    RuntimeError, TypeError, ValueError
        What torch raises for the same call.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.conv2d(torch.ones(1, 3, 8, 8), torch.ones(4, 3, 3, 3), padding=1).shape
    torch.Size([1, 4, 8, 8])
    """
    return _conv(
        False, "conv2d", 2, F.conv2d, input, weight, bias, stride, padding, dilation, groups
    )


@completed_by(conv2d)
def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1,
    padding: PerAxis | str = 0, dilation: PerAxis = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.conv1d` by fastconv's kernels, as `conv2d`.

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W) tensor
        The signals.
    weight : (C_out, C_in // groups, K) tensor
        The filters.

    Returns
    -------
    torch.Tensor
        As torch's: contiguous.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.conv1d(torch.ones(1, 1, 5), torch.ones(1, 1, 2))
    tensor([[[2., 2., 2., 2.]]])
    """
    return _conv(
        False, "conv1d", 1, F.conv1d, input, weight, bias, stride, padding, dilation, groups
    )


@completed_by(conv2d)
def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1,
    padding: PerAxis = 0, output_padding: PerAxis = 0, groups: int = 1, dilation: PerAxis = 1,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.conv_transpose2d` by fastconv's kernels, as `conv2d`.

    Parameters
    ----------
    weight : (C_in, C_out // groups, KH, KW) tensor
        The filters.
    padding : int or (int, int), default 0
        What is cropped from both sides of each axis.
    output_padding : int or (int, int), default 0
        What is appended at the end of each axis.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.conv_transpose2d(torch.ones(1, 8, 7, 7), torch.ones(8, 4, 2, 2), stride=2).shape
    torch.Size([1, 4, 14, 14])
    """
    return _conv_transpose(
        False, "conv_transpose2d", 2, F.conv_transpose2d, input, weight, bias, stride, padding,
        output_padding, groups, dilation,
    )  # fmt: skip


@completed_by(conv_transpose2d)
def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: PerAxis = 1,
    padding: PerAxis = 0, output_padding: PerAxis = 0, groups: int = 1, dilation: PerAxis = 1,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.conv_transpose1d` by fastconv's kernels, as `conv2d`.

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W) tensor
        The signals.
    weight : (C_in, C_out // groups, K) tensor
        The filters.

    Returns
    -------
    torch.Tensor
        As torch's: contiguous.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> fct.conv_transpose1d(torch.tensor([[1.0, 2.0]]), torch.ones(1, 1, 2), stride=2)
    tensor([[1., 1., 2., 2.]])
    """
    return _conv_transpose(
        False, "conv_transpose1d", 1, F.conv_transpose1d, input, weight, bias, stride, padding,
        output_padding, groups, dilation,
    )  # fmt: skip
