"""Maximum, adaptive maximum and unpooling as operators, and what their gradients are made of.

They share two operators, which are each other's adjoints: `pool_scatter` adds values at indices,
and `pool_gather` reads them there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fastconv.interfaces.torch._arrays import (
    WORDS,
    image,
    like,
    rank_of,
    result,
    seen,
    threads,
)  # fmt: skip
from fastconv.interfaces.torch._openmp import native
from fastconv.interfaces.torch._operator import Operator, function_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    Ints = Sequence[int]

__all__ = ["adaptive_max_pool", "max_pool", "max_pool_values", "max_unpool", "maxima"]

_aten = torch.ops.aten
_from_numpy = torch.from_numpy
_grad_enabled = torch.is_grad_enabled


def _sizes(input: Any, spatial: Ints) -> list[int]:
    """The shape of what has the batch and the channels of `input`."""
    return [*input.shape[: input.dim() - len(spatial)], *spatial]


def _save_indices(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(output[1])
    ctx.lengths = inputs[0].shape[inputs[0].dim() - len(inputs[1]) :]
    ctx.set_materialize_grads(False)


def _scatter_back(ctx: Any, dy: Any, no_gradient: Any) -> tuple[Any, ...]:
    (indices,) = ctx.saved_tensors
    return (pool_scatter(dy, indices, ctx.lengths) if dy is not None else None,)


def _max_pool(
    input: Any, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> tuple[Any, Any]:
    rank = rank_of(kernel_size)
    x, data_format, last = image(input, rank)
    y, indices = native.extreme_pool(
        rank, False, x, (kernel_size, stride, padding, dilation, ceil_mode), True, threads(), None,
        data_format,
    )  # fmt: skip
    return result(y, last), result(indices, last)


def _torch_max_pool(
    input: Any, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> Any:
    flat, square = torch.max_pool1d_with_indices, _aten.max_pool2d_with_indices.default
    return (flat if len(kernel_size) == 1 else square)(
        input, kernel_size, stride, padding, dilation, ceil_mode
    )


max_pool: Operator = Operator(
    "max_pool",
    "(Tensor input, SymInt[] kernel_size, SymInt[] stride, SymInt[] padding, SymInt[] dilation, "
    "bool ceil_mode) -> (Tensor, Tensor)",
    _max_pool,
    _torch_max_pool,
    _torch_max_pool,
    _save_indices,
    lambda ctx, *grads: _scatter_back(ctx, *grads) + (None,) * 5,
)


def _max_pool_values(
    input: Any, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> Any:
    rank = rank_of(kernel_size)
    x, data_format, last = image(input, rank)
    y = native.extreme_pool(
        rank, False, x, (kernel_size, stride, padding, dilation, ceil_mode), False, threads(), None,
        data_format,
    )  # fmt: skip
    return result(y, last)


def _torch_max_pool_values(
    input: Any, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> Any:
    pool = torch.max_pool1d if len(kernel_size) == 1 else torch.max_pool2d
    return pool(input, kernel_size, stride, padding, dilation, ceil_mode)


def _save_input(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(inputs[0])
    ctx.geometry = inputs[1:]


def _values_back(ctx: Any, dy: Any) -> tuple[Any, ...]:
    (x,) = ctx.saved_tensors
    with torch.no_grad():
        indices = max_pool(x, *ctx.geometry)[1]
    lengths = x.shape[x.dim() - len(ctx.geometry[0]) :]
    return (pool_scatter(dy, indices, lengths), *(None,) * 5)


# Without indices, for programs that record no gradient: two to three times as fast.
max_pool_values: Operator = Operator(
    "max_pool_values",
    "(Tensor input, SymInt[] kernel_size, SymInt[] stride, SymInt[] padding, SymInt[] dilation, "
    "bool ceil_mode) -> Tensor",
    _max_pool_values,
    _torch_max_pool_values,
    lambda *args: _torch_max_pool(*args)[0],
    _save_input,
    _values_back,
)


def _compute_and_save(ctx: Any, input: Any, rank: int, geometry: Any, arrays: Any) -> Any:
    x, _, _, last = arrays
    y, places = native.extreme_pool(
        rank, False, x, geometry, True, threads(), None, WORDS[last]
    )  # fmt: skip
    ctx.lengths = x.shape[1:-1] if last else x.shape[2:]
    if last:
        ctx.save_for_backward(result(places, last))
        return result(y, last)
    ctx.save_for_backward(_from_numpy(places))
    return _from_numpy(y)


def _maxima_back(ctx: Any, dy: Any) -> tuple[Any, ...]:
    return pool_scatter(dy, ctx.saved_tensors[0], ctx.lengths), None, None, None


# The operator's places are a second result, which costs torch 2 us where nobody wants them.
_record = function_of("maxima", _compute_and_save, _maxima_back)


def maxima(input: Any, rank: int, geometry: Any, arrays: Any) -> Any:
    """The maxima of a plain tensor that nothing watches, whose array is there already.

    In `geometry`, an int is for all axes, and no stride is the window's size. It raises what our
    kernels do.
    """
    if _grad_enabled() and input.requires_grad:
        return _record(input, rank, geometry, arrays)
    x, _, _, last = arrays
    y = native.extreme_pool(rank, False, x, geometry, False, threads(), None, WORDS[last])
    return result(y, last) if last else _from_numpy(y)


def _adaptive_max_pool(input: Any, output_size: Ints) -> tuple[Any, Any]:
    rank = rank_of(output_size)
    x, data_format, last = image(input, rank)
    y, indices = native.adaptive_max_pool(rank, x, output_size, True, threads(), None, data_format)
    return result(y, last), result(indices, last)


def _torch_adaptive_max_pool(input: Any, output_size: Ints) -> Any:
    flat, square = torch.adaptive_max_pool1d, _aten.adaptive_max_pool2d.default
    return (flat if len(output_size) == 1 else square)(input, output_size)


adaptive_max_pool: Operator = Operator(
    "adaptive_max_pool",
    "(Tensor input, SymInt[] output_size) -> (Tensor, Tensor)",
    _adaptive_max_pool,
    _torch_adaptive_max_pool,
    _torch_adaptive_max_pool,
    _save_indices,
    lambda ctx, *grads: (*_scatter_back(ctx, *grads), None),
)


def _scatter(grad_output: Any, indices: Any, lengths: Ints) -> Any:
    rank = rank_of(lengths)
    dy, data_format, last = image(grad_output, rank)
    places, _ = seen(indices, last)
    size = _sizes(grad_output, lengths)
    if last:
        size = [size[0], *size[2:], size[1]]
    dx = native.indexed_pool_input(rank, dy, places, size, threads(), None, data_format)
    return result(dx, last)


def _flat(tensor: Any, rank: int) -> Any:
    """With the spatial axes as one; `flatten` has no rule for batches of gradients."""
    return tensor.reshape([*tensor.shape[:-rank], -1])


def _torch_scatter(grad_output: Any, indices: Any, lengths: Ints) -> Any:
    rank, size = len(lengths), _sizes(grad_output, lengths)
    nothing = _flat(grad_output.new_zeros(size), rank)
    dx = nothing.scatter_add(-1, _flat(indices, rank), _flat(grad_output, rank))
    return dx.reshape(size)


def _save_places(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(inputs[1])
    ctx.lengths = inputs[0].shape[inputs[0].dim() - _rank_of(inputs) :]


def _rank_of(inputs: tuple[Any, ...]) -> int:
    """The number of spatial axes: a size has an item for each, or the argument says it."""
    return inputs[2] if isinstance(inputs[2], int) else len(inputs[2])


pool_scatter: Operator = Operator(
    "pool_scatter",
    "(Tensor grad_output, Tensor indices, SymInt[] lengths) -> Tensor",
    _scatter,
    _torch_scatter,
    lambda dy, indices, lengths: like(dy, len(lengths), _sizes(dy, lengths)),
    _save_places,
    lambda ctx, d: (pool_gather(d, ctx.saved_tensors[0], len(ctx.lengths)), None, None),
)


def _gather(input: Any, indices: Any, rank: int) -> Any:
    rank_of(indices.shape[-rank:])
    x, data_format, last = image(input, rank)
    places, _ = seen(indices, last)
    return result(native.max_unpool_input(rank, x, places, threads(), None, data_format), last)


def _torch_gather(input: Any, indices: Any, rank: int) -> Any:
    return _flat(input, rank).gather(-1, _flat(indices, rank)).reshape(indices.shape)


pool_gather: Operator = Operator(
    "pool_gather",
    "(Tensor input, Tensor indices, int rank) -> Tensor",
    _gather,
    _torch_gather,
    lambda x, indices, rank: like(x, rank, indices.shape),
    _save_places,
    lambda ctx, d: (pool_scatter(d, ctx.saved_tensors[0], ctx.lengths), None, None),
)


def _max_unpool(input: Any, indices: Any, output_size: Ints) -> Any:
    rank = rank_of(output_size)
    x, data_format, last = image(input, rank)
    places, _ = seen(indices, last)
    # The size alone counts: windows at stride 1, or padding, that have it as their default.
    more = [n - m for n, m in zip(output_size, input.shape[input.dim() - rank :], strict=True)]
    windows = [max(0, n) + 1 for n in more]
    padding = [(0, max(0, -n)) for n in more]
    y = native.max_unpool(rank, x, places, windows, 1, padding, None, threads(), None, data_format)
    return result(y, last)


def _torch_max_unpool(input: Any, indices: Any, output_size: Ints) -> Any:
    if len(output_size) == 2:
        return _aten.max_unpool2d.default(input, indices, output_size)
    flat = _aten.max_unpool2d.default(input.unsqueeze(-2), indices.unsqueeze(-2), [1, *output_size])
    return flat.squeeze(-2)


max_unpool: Operator = Operator(
    "max_unpool",
    "(Tensor input, Tensor indices, SymInt[] output_size) -> Tensor",
    _max_unpool,
    _torch_max_unpool,
    lambda x, indices, output_size: like(x, len(output_size), _sizes(x, output_size)),
    _save_places,
    lambda ctx, dy: (pool_gather(dy, ctx.saved_tensors[0], len(ctx.lengths)), None, None),
)
