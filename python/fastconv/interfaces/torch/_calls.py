"""What the pools, `fold` and `unfold` do with a call: judge it, note it, give it to an operator.

Each function here has the arguments of its namesake in `torch.nn.functional` behind two more:
whether the call was one of torch's inside of `enabled`, and the number of spatial axes.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from fastconv._native import read_tensors
from fastconv.interfaces.torch import _averages, _columns, _maxima
from fastconv.interfaces.torch._arrays import PLAIN
from fastconv.interfaces.torch._conv_functions import REFUSED, are_ints, is_plain, per_axis
from fastconv.interfaces.torch._eligible import refusal, watched
from fastconv.interfaces.torch._operator import REFUSALS, handed_back
from fastconv.interfaces.torch._report import TAKEN, note, note_now

__all__ = [
    "adaptive_avg_pool",
    "adaptive_max_pool",
    "avg_pool",
    "fold",
    "lp_pool",
    "max_pool",
    "max_unpool",
    "unfold",
]

MAX_POOLS = {1: "max_pool1d", 2: "max_pool2d"}


def _outcome(
    patched: bool, name: str, rank: int, input: Any, value: Any = 0, *others: Any
) -> str | None:
    """Note a call; None if it is ours. `value` is a number, or must have one item or `rank`.

    `others` are what else must be ints, for all axes or for each.
    """
    outcome = refusal(patched, input)
    if outcome is None:
        if not rank < input.dim() < rank + 3:
            outcome = "the number of axes"
        elif 0 in input.shape[-rank - 1 :]:
            outcome = "a length of 0"
        elif not (_has_number(value, rank) and are_ints(*others)):
            outcome = REFUSED
    note(name, outcome or TAKEN)
    return outcome


def _has_number(value: Any, rank: int) -> bool:
    """Whether a sequence has one item, or one for each axis; what is none may be a number."""
    return not isinstance(value, (tuple, list)) or len(value) in (1, rank)


def _is_for(rank: int, value: Any) -> bool:
    """Whether an argument is a number, or has one for each axis, beyond doubt."""
    return type(value) is int or (type(value) is tuple and len(value) == rank)


def _step(stride: Any, window: Any, rank: int) -> Any:
    """The stride for each axis: none, and an empty list, are the window's size."""
    empty = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    return window if empty else per_axis(stride, rank)


def max_pool(
    patched: bool, rank: int, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
    dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    name = MAX_POOLS[rank]
    quick = not return_indices and _is_for(rank, kernel_size) and is_plain(padding)
    if quick and not watched():  # most calls
        arrays = read_tensors(PLAIN, rank, input, None, None)
        if arrays is not None and arrays[0].ndim == rank + 2:
            geometry = (  # an int for all axes stays one: our kernels read it in less time
                kernel_size,
                stride if stride is None or type(stride) is int else per_axis(stride, rank),
                padding if type(padding) is int else per_axis(padding, rank),
                dilation if type(dilation) is int else per_axis(dilation, rank),
                ceil_mode,
            )
            try:
                y = _maxima.maxima(input, rank, geometry, arrays)
            except REFUSALS as error:
                args = (input, kernel_size, stride, padding, dilation, ceil_mode)
                return handed_back(name, error, getattr(F, name), *args)
            note_now((name, TAKEN))
            return y
    others = (kernel_size, () if stride is None else stride, padding, dilation)
    if _outcome(patched, name, rank, input, kernel_size, *others) is not None:
        return getattr(F, name)(
            input, kernel_size, stride, padding, dilation, ceil_mode, return_indices
        )
    window = per_axis(kernel_size, rank)
    step = _step(stride, window, rank)
    geometry = (window, step, per_axis(padding, rank), per_axis(dilation, rank), ceil_mode)
    if return_indices:
        return _maxima.max_pool(input, *geometry)
    if torch.is_grad_enabled() and input.requires_grad:
        return _maxima.max_pool(input, *geometry)[0]
    return _maxima.max_pool_values(input, *geometry)


def avg_pool(
    patched: bool, rank: int, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
) -> Any:  # fmt: skip
    name = f"avg_pool{rank}d"
    others = (kernel_size, () if stride is None else stride, padding)
    if _outcome(patched, name, rank, input, kernel_size, *others) is not None:
        more = () if rank == 1 else (divisor_override,)
        return getattr(F, name)(
            input, kernel_size, stride, padding, ceil_mode, count_include_pad, *more
        )
    window = per_axis(kernel_size, rank)
    step = _step(stride, window, rank)
    return _averages.avg_pool(
        input, window, step, per_axis(padding, rank), ceil_mode, count_include_pad, divisor_override
    )


def lp_pool(
    patched: bool, rank: int, input: Any, norm_type: Any, kernel_size: Any, stride: Any = None,
    ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """By torch's formula, which is no sum of ``abs(x)**p`` where p is odd, on our pools."""
    name = f"lp_pool{rank}d"
    if _outcome(patched, name, rank, input, kernel_size) is not None:
        return getattr(F, name)(input, norm_type, kernel_size, stride, ceil_mode)
    if isinstance(norm_type, (int, float)) and abs(norm_type) == float("inf"):
        sign = 1 if norm_type > 0 else -1
        largest = max_pool(False, rank, sign * input.abs(), kernel_size, stride, 0, 1, ceil_mode)
        return sign * largest
    size = 1
    for n in per_axis(kernel_size, rank):
        size *= n
    mean = avg_pool(False, rank, input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return (torch.sign(mean) * F.relu(torch.abs(mean))).mul(size).pow(1.0 / norm_type)


def _lengths(output_size: Any, input: Any, rank: int) -> Any:
    """The output lengths of an adaptive pool: None stands for the input's."""
    wanted = per_axis(output_size, rank)
    lengths = input.shape[input.dim() - rank :]
    return [n if w is None else w for w, n in zip(wanted, lengths, strict=True)]


def adaptive_avg_pool(patched: bool, rank: int, input: Any, output_size: Any) -> Any:
    name = f"adaptive_avg_pool{rank}d"
    if _outcome(patched, name, rank, input, output_size) is not None:
        return getattr(F, name)(input, output_size)
    return _averages.adaptive_avg_pool(input, _lengths(output_size, input, rank))


def adaptive_max_pool(
    patched: bool, rank: int, input: Any, output_size: Any, return_indices: bool = False
) -> Any:
    name = f"adaptive_max_pool{rank}d"
    if _outcome(patched, name, rank, input, output_size) is not None:
        return getattr(F, name)(input, output_size, return_indices)
    values, indices = _maxima.adaptive_max_pool(input, _lengths(output_size, input, rank))
    return (values, indices) if return_indices else values


def max_unpool(
    patched: bool, rank: int, input: Any, indices: Any, kernel_size: Any, stride: Any = None,
    padding: Any = 0, output_size: Any = None,
) -> Any:  # fmt: skip
    name = f"max_unpool{rank}d"
    fitting = isinstance(indices, torch.Tensor) and indices.dtype is torch.int64
    if not fitting or _outcome(patched, name, rank, input, kernel_size, padding) is not None:
        return getattr(F, name)(input, indices, kernel_size, stride, padding, output_size)
    window = per_axis(kernel_size, rank)
    size = F._unpool_output_size(
        input, window, window if stride is None else per_axis(stride, rank),
        per_axis(padding, rank), output_size,
    )  # fmt: skip
    return _maxima.max_unpool(input, indices, size)


def unfold(
    patched: bool, input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
    stride: Any = 1,
) -> Any:  # fmt: skip
    if _outcome(patched, "unfold", 2, input, kernel_size, dilation, padding, stride) is not None:
        return F.unfold(input, kernel_size, dilation, padding, stride)
    return _columns.unfold(
        input, per_axis(kernel_size, 2), per_axis(dilation, 2), per_axis(padding, 2),
        per_axis(stride, 2),
    )  # fmt: skip


def fold(
    patched: bool, input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1,
    padding: Any = 0, stride: Any = 1,
) -> Any:  # fmt: skip
    others = (output_size, kernel_size, dilation, padding, stride)
    if _outcome(patched, "fold", 1, input, 0, *others) is not None:
        return F.fold(input, output_size, kernel_size, dilation, padding, stride)
    return _columns.fold(
        input, per_axis(output_size, 2), per_axis(kernel_size, 2), per_axis(dilation, 2),
        per_axis(padding, 2), per_axis(stride, 2),
    )  # fmt: skip
