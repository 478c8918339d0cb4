"""`unfold` and `fold` as operators; each is the adjoint of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fastconv.interfaces.torch._arrays import array, threads
from fastconv.interfaces.torch._openmp import native
from fastconv.interfaces.torch._operator import Operator

if TYPE_CHECKING:
    from collections.abc import Sequence

    Ints = Sequence[int]

__all__ = ["fold", "unfold"]

_im2col, _col2im = torch.ops.aten.im2col.default, torch.ops.aten.col2im.default


def _unfold(input: Any, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Any:
    columns = native.unfold(
        array(input), kernel_size, dilation, padding, stride, threads(), None, "channels_first"
    )
    return torch.from_numpy(columns)


def _save_unfold(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.lengths, ctx.geometry = inputs[0].shape[-2:], inputs[1:]


unfold: Operator = Operator(
    "unfold",
    "(Tensor input, SymInt[] kernel_size, SymInt[] dilation, SymInt[] padding, SymInt[] stride) "
    "-> Tensor",
    _unfold,
    _im2col,
    _im2col,
    _save_unfold,
    lambda ctx, d: (fold(d, ctx.lengths, *ctx.geometry), None, None, None, None),
)


def _fold(
    input: Any, output_size: Ints, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints
) -> Any:
    image = native.fold(
        array(input), output_size, kernel_size, dilation, padding, stride, threads(), None,
        "channels_first",
    )  # fmt: skip
    return torch.from_numpy(image)


def _save_fold(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.geometry = inputs[2:]


fold: Operator = Operator(
    "fold",
    "(Tensor input, SymInt[] output_size, SymInt[] kernel_size, SymInt[] dilation, "
    "SymInt[] padding, SymInt[] stride) -> Tensor",
    _fold,
    _col2im,
    _col2im,
    _save_fold,
    lambda ctx, d: (unfold(d, *ctx.geometry), None, None, None, None, None),
)
