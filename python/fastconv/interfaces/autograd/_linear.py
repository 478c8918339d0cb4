"""Functions that are linear in their array: each with its adjoint, and that with the function."""

from __future__ import annotations

from typing import Any

from autograd.extend import def_linear, defvjp, primitive

import fastconv
from fastconv import grad
from fastconv.interfaces.autograd._tools import Function, like, named, refuse_out

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "fold",
    "global_avg_pool1d",
    "global_avg_pool2d",
    "global_sum_pool1d",
    "global_sum_pool2d",
    "sum_pool1d",
    "sum_pool2d",
    "unfold",
]


@primitive  # type: ignore[untyped-decorator]
def _apply(x: Any, *, there: Function, back: Function, rest: Any, options: Any) -> Any:
    return there(x, *rest, **options)


@primitive  # type: ignore[untyped-decorator]
def _adjoint(
    g: Any, *, there: Function, back: Function, rest: Any, options: Any, shape: Any
) -> Any:
    return back(g, shape, *rest, **options)


defvjp(_apply, lambda _, x, **k: lambda g: _adjoint(like(g, x), shape=x.shape, **k))
defvjp(_adjoint, lambda _, g, shape, **k: lambda v: _apply(like(v, g), **k))
def_linear(_apply)
def_linear(_adjoint)


def _linear(name: str, back: Function | None = None) -> Function:
    there = getattr(fastconv, name)
    adjoint = back or getattr(grad, f"{name}_input")

    def call(input: Any, *rest: Any, **options: Any) -> Any:
        refuse_out(options)
        return _apply(input, there=there, back=adjoint, rest=rest, options=options)

    return named(there, call)


def _unfolded(g: Any, shape: Any, output_size: Any, *rest: Any, **options: Any) -> Any:
    return grad.fold_input(g, *rest, **options)


adaptive_avg_pool1d = _linear("adaptive_avg_pool1d")
adaptive_avg_pool2d = _linear("adaptive_avg_pool2d")
avg_pool1d = _linear("avg_pool1d")
avg_pool2d = _linear("avg_pool2d")
fold = _linear("fold", _unfolded)
global_avg_pool1d = _linear("global_avg_pool1d")
global_avg_pool2d = _linear("global_avg_pool2d")
global_sum_pool1d = _linear("global_sum_pool1d")
global_sum_pool2d = _linear("global_sum_pool2d")
sum_pool1d = _linear("sum_pool1d")
sum_pool2d = _linear("sum_pool2d")
unfold = _linear("unfold")
