"""Average and adaptive average as operators.

They are linear: each has its adjoint for a gradient, whose gradient is the average again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fastconv.interfaces.torch._arrays import image, like, rank_of, result, threads
from fastconv.interfaces.torch._openmp import native
from fastconv.interfaces.torch._operator import Operator

if TYPE_CHECKING:
    from collections.abc import Sequence

    Ints = Sequence[int]

__all__ = ["adaptive_avg_pool", "avg_pool"]

_aten = torch.ops.aten


def _avg_pool(
    input: Any, kernel_size: Ints, stride: Ints, padding: Ints, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    rank = rank_of(kernel_size)
    x, data_format, last = image(input, rank)
    y = native.avg_pool(
        rank, x, (kernel_size, stride, padding, 1, ceil_mode), count_include_pad, divisor_override,
        threads(), None, data_format,
    )  # fmt: skip
    return result(y, last)


def _torch_avg_pool(
    input: Any, kernel_size: Ints, stride: Ints, padding: Ints, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    if len(kernel_size) == 1:  # which has no divisor
        return torch.avg_pool1d(input, kernel_size, stride, padding, ceil_mode, count_include_pad)
    return _aten.avg_pool2d.default(
        input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _save_average(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.size, ctx.geometry = inputs[0].shape, inputs[1:]


avg_pool: Operator = Operator(
    "avg_pool",
    "(Tensor input, SymInt[] kernel_size, SymInt[] stride, SymInt[] padding, bool ceil_mode, "
    "bool count_include_pad, SymInt? divisor_override) -> Tensor",
    _avg_pool,
    _torch_avg_pool,
    _torch_avg_pool,
    _save_average,
    lambda ctx, dy: (avg_pool_input(dy, ctx.size, *ctx.geometry), *(None,) * 6),
)


def _avg_pool_input(
    grad_output: Any, input_size: Ints, kernel_size: Ints, stride: Ints, padding: Ints,
    ceil_mode: bool, count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    rank = rank_of(kernel_size)
    dy, data_format, last = image(grad_output, rank)
    size = [input_size[0], *input_size[2:], input_size[1]] if last else input_size
    dx = native.avg_pool_input(
        rank, dy, size, (kernel_size, stride, padding, 1, ceil_mode), count_include_pad,
        divisor_override, threads(), None, data_format,
    )  # fmt: skip
    return result(dx, last)


def _torch_avg_pool_input(
    grad_output: Any, input_size: Ints, kernel_size: Ints, stride: Ints, padding: Ints,
    ceil_mode: bool, count_include_pad: bool, divisor_override: int | None,
) -> Any:  # fmt: skip
    x = grad_output.new_empty(input_size)
    if len(kernel_size) == 2:
        return _aten.avg_pool2d_backward.default(
            grad_output, x, kernel_size, stride, padding, ceil_mode, count_include_pad,
            divisor_override,
        )  # fmt: skip
    return _aten.avg_pool2d_backward.default(
        grad_output.unsqueeze(-2), x.unsqueeze(-2), [1, *kernel_size], [1, *stride],
        [0, *padding], ceil_mode, count_include_pad, divisor_override,
    ).squeeze(-2)  # fmt: skip


def _save_geometry(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.geometry = inputs[2:]


avg_pool_input: Operator = Operator(
    "avg_pool_input",
    "(Tensor grad_output, SymInt[] input_size, SymInt[] kernel_size, SymInt[] stride, "
    "SymInt[] padding, bool ceil_mode, bool count_include_pad, SymInt? divisor_override) -> Tensor",
    _avg_pool_input,
    _torch_avg_pool_input,
    lambda dy, input_size, kernel_size, *others: like(dy, len(kernel_size), input_size),
    _save_geometry,
    lambda ctx, d: (avg_pool(d, *ctx.geometry), *(None,) * 7),
)


def _adaptive_avg_pool(input: Any, output_size: Ints) -> Any:
    rank = rank_of(output_size)
    x, data_format, last = image(input, rank)
    y = native.adaptive_avg_pool(rank, x, output_size, threads(), None, data_format)
    return result(y, last)


def _torch_adaptive_avg_pool(input: Any, output_size: Ints) -> Any:
    flat, square = torch.adaptive_avg_pool1d, torch._C._nn.adaptive_avg_pool2d
    return (flat if len(output_size) == 1 else square)(input, output_size)


def _save_adaptive(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.size, ctx.output_size = inputs[0].shape, inputs[1]


adaptive_avg_pool: Operator = Operator(
    "adaptive_avg_pool",
    "(Tensor input, SymInt[] output_size) -> Tensor",
    _adaptive_avg_pool,
    _torch_adaptive_avg_pool,
    _torch_adaptive_avg_pool,
    _save_adaptive,
    lambda ctx, dy: (adaptive_avg_pool_input(dy, ctx.size, len(ctx.output_size)), None),
)


def _adaptive_avg_pool_input(grad_output: Any, input_size: Ints, rank: int) -> Any:
    rank_of(input_size[-rank:])
    dy, data_format, last = image(grad_output, rank)
    size = [input_size[0], *input_size[2:], input_size[1]] if last else input_size
    dx = native.adaptive_pool_input(
        rank, True, dy, size, grad_output.shape[-rank:], threads(), None, data_format
    )
    return result(dx, last)


def _torch_adaptive_avg_pool_input(grad_output: Any, input_size: Ints, rank: int) -> Any:
    x = grad_output.new_empty(input_size)
    if rank == 2:
        return _aten._adaptive_avg_pool2d_backward.default(grad_output, x)
    return _aten._adaptive_avg_pool2d_backward.default(
        grad_output.unsqueeze(-2), x.unsqueeze(-2)
    ).squeeze(-2)


def _save_lengths(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.lengths = inputs[0].shape[-inputs[2] :]


adaptive_avg_pool_input: Operator = Operator(
    "adaptive_avg_pool_input",
    "(Tensor grad_output, SymInt[] input_size, int rank) -> Tensor",
    _adaptive_avg_pool_input,
    _torch_adaptive_avg_pool_input,
    lambda dy, input_size, rank: like(dy, rank, input_size),
    _save_lengths,
    lambda ctx, d: (adaptive_avg_pool(d, ctx.lengths), None, None),
)
