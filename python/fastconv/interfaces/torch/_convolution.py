"""Convolution and transposed convolution as one operator, as torch's own `aten::convolution` is.

Two operators are enough for gradients of every order: that of the input is a convolution in the
other direction, and the gradients of `convolution_weight` are convolutions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fastconv.interfaces.torch._arrays import (
    WORDS,
    looks_last,
    result,
    seen,
    tensors,
    threads,
    to_last,
)  # fmt: skip
from fastconv.interfaces.torch._openmp import native
from fastconv.interfaces.torch._operator import Operator, function_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    Ints = Sequence[int]

__all__ = ["convolution", "convolve"]

_aten = torch.ops.aten.convolution.default
_from_numpy = torch.from_numpy
_grad_enabled = torch.is_grad_enabled


def _run(
    input: Any, weight: Any, bias: Any, stride: Ints, padding: Ints, dilation: Ints,
    transposed: bool, output_padding: Ints, groups: int,
) -> Any:  # fmt: skip
    # torch computes signals in planes, and images of which either operand is channels_last in that.
    arrays = tensors(2 if input.dim() == 4 else 0, input, weight, bias)
    return _compute(arrays, (stride, padding, dilation, transposed, output_padding, groups))


def _compute(arrays: Any, geometry: tuple[Any, ...]) -> Any:
    x, w, b, last = arrays
    stride, padding, dilation, transposed, output_padding, groups = geometry
    if transposed:
        y = native.conv_transpose(
            x.ndim - 2, x, w, b, stride, padding, output_padding, groups, dilation, None, None,
            "auto", threads(), None, WORDS[last], None,
        )  # fmt: skip
    else:
        y = native.conv(
            x.ndim - 2, x, w, b, stride, padding, dilation, groups, "zeros", None, None, "auto",
            threads(), None, WORDS[last], None,
        )  # fmt: skip
    return result(y, last) if last else _from_numpy(y)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(inputs[0], inputs[1])
    ctx.geometry = inputs[3:]


def _backward(ctx: Any, dy: Any) -> tuple[Any, ...]:
    x, w = ctx.saved_tensors
    wanted = ctx.needs_input_grad
    stride, padding, dilation, transposed, output_padding, groups = ctx.geometry
    dx = dw = db = None
    if wanted[0]:
        filters = w
        if hasattr(ctx, "dense") and looks_last(dy, 2) and not _grad_enabled():
            filters = _from_numpy(ctx.dense)
        dx = _towards_input(x, filters, dy, ctx.geometry)
    if wanted[1]:
        last = looks_last(w, 2)
        if transposed:
            reached = [p // s for p, s in zip(output_padding, stride, strict=True)]
            if any(reached):  # a wide output_padding: the window of one more input fits into it
                ends = [n for more in reversed(reached) for n in (0, more)]
                x = torch.nn.functional.pad(x, ends)
            dw = convolution_weight(dy, x, w.shape, stride, padding, dilation, groups, last)
        else:
            dw = convolution_weight(x, dy, w.shape, stride, padding, dilation, groups, last)
    if wanted[2]:
        db = dy.sum([0, *range(2, dy.dim())])
    return dx, dw, db, None, None, None, None, None, None


def _towards_input(x: Any, w: Any, dy: Any, geometry: tuple[Any, ...]) -> Any:
    """The gradient of the input: a convolution of `dy` in the other direction."""
    stride, padding, dilation, transposed, _, groups = geometry
    axes = range(len(stride))
    none = [0] * len(stride)
    if transposed:
        dx = convolution(dy, w, None, stride, padding, dilation, False, none, groups)
        for i in axes:
            if dx.shape[2 + i] > x.shape[2 + i]:  # again the wide output_padding
                dx = dx.narrow(2 + i, 0, x.shape[2 + i])
        return dx
    left = [  # what the last window leaves of the input
        x.shape[2 + i] - ((dy.shape[2 + i] - 1) * stride[i] - 2 * padding[i]
                          + dilation[i] * (w.shape[2 + i] - 1) + 1)
        for i in axes
    ]  # fmt: skip
    return convolution(dy, w, None, stride, padding, dilation, True, left, groups)


convolution: Operator = Operator(
    "convolution",
    "(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, "
    "SymInt[] dilation, bool transposed, SymInt[] output_padding, SymInt groups) -> Tensor",
    _run,
    _aten,
    _aten,
    _save,
    _backward,
    tensors=3,
)


def _compute_and_save(
    ctx: Any, input: Any, weight: Any, bias: Any, geometry: tuple[Any, ...], arrays: Any
) -> Any:
    ctx.save_for_backward(input, weight)
    ctx.geometry = geometry
    if not weight.is_contiguous():
        # Copied for kernels, 1 to 4 ms for 9 MB. The gradient of the input reads the same; reading
        # the saved weight tells whether somebody has changed it meanwhile.
        ctx.dense = arrays[1]
    return _compute(arrays, geometry)


# Half of what it costs to record a call is this function of torch's; five arguments, not ten, make
# it 0.4 us faster.
_record = function_of("convolution", _compute_and_save, _backward)


def convolve(input: Any, weight: Any, bias: Any, geometry: tuple[Any, ...], arrays: Any) -> Any:
    """`convolution` of plain tensors that nothing watches, whose arrays are there already.

    It raises what our kernels do.
    """
    if _grad_enabled() and (
        input.requires_grad or weight.requires_grad or (bias is not None and bias.requires_grad)
    ):
        return _record(input, weight, bias, geometry, arrays)
    return _compute(arrays, geometry)


def _run_weight(
    input: Any, grad_output: Any, weight_size: Ints, stride: Ints, padding: Ints, dilation: Ints,
    groups: int, channels_last: bool,
) -> Any:  # fmt: skip
    rank = input.dim() - 2
    last = rank == 2 and (looks_last(input, 2) or looks_last(grad_output, 2))
    x, data_format = seen(input, last)
    dy, _ = seen(grad_output, last)
    dw = native.conv_grad_weight(
        rank, False, x, weight_size, dy, stride, padding, dilation, groups, "zeros", threads(),
        None, data_format, None,
    )  # fmt: skip
    made = torch.from_numpy(dw)
    return to_last(made) if channels_last else made


def _torch_weight(
    input: Any, grad_output: Any, weight_size: Ints, stride: Ints, padding: Ints, dilation: Ints,
    groups: int, channels_last: bool,
) -> Any:  # fmt: skip
    weight = input.new_empty(weight_size)
    none = [0] * len(stride)
    made = torch.ops.aten.convolution_backward.default(
        grad_output, input, weight, None, stride, padding, dilation, False, none, groups,
        [False, True, False],
    )[1]  # fmt: skip
    return to_last(made) if channels_last else made


def _fake_weight(
    input: Any, grad_output: Any, weight_size: Ints, stride: Ints, padding: Ints, dilation: Ints,
    groups: int, channels_last: bool,
) -> Any:  # fmt: skip
    made = input.new_empty(weight_size)
    return to_last(made) if channels_last else made


def _save_weight(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(inputs[0], inputs[1])
    ctx.geometry = inputs[3:7]


def _backward_weight(ctx: Any, dw: Any) -> tuple[Any, ...]:
    x, dy = ctx.saved_tensors
    stride, padding, dilation, groups = ctx.geometry
    none = [0] * len(stride)
    dx = ddy = None
    if ctx.needs_input_grad[0]:
        geometry = (stride, padding, dilation, False, none, groups)
        dx = _towards_input(x, dw, dy, geometry)
    if ctx.needs_input_grad[1]:
        ddy = convolution(x, dw, None, stride, padding, dilation, False, none, groups)
    return dx, ddy, None, None, None, None, None, None


convolution_weight: Operator = Operator(
    "convolution_weight",
    "(Tensor input, Tensor grad_output, SymInt[] weight_size, SymInt[] stride, SymInt[] padding, "
    "SymInt[] dilation, SymInt groups, bool channels_last) -> Tensor",
    _run_weight,
    _torch_weight,
    _fake_weight,
    _save_weight,
    _backward_weight,
    tensors=2,
)
