"""Convolutions: bilinear, so that three primitives are each other's gradients to any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from autograd.extend import def_linear, defjvp, defvjp, primitive

import fastconv
from fastconv import grad
from fastconv.interfaces.autograd._activations import activate
from fastconv.interfaces.autograd._tools import Function, like, named, traced

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


@dataclass(frozen=True, eq=False)
class Kind:
    """A convolution and its gradients, in one rank and direction."""

    forward: Function
    input: Function
    weight: Function
    bias: Function
    rank: int


def kind_of(name: str) -> Kind:
    by_input, by_weight, by_bias = (
        getattr(grad, f"{name}_{what}") for what in ("input", "weight", "bias")
    )
    rank = 1 if name.endswith("1d") else 2
    return Kind(getattr(fastconv, name), by_input, by_weight, by_bias, rank)


# Each takes the geometry of the call twice: as the function takes it, and as its gradients do.
@primitive  # type: ignore[untyped-decorator]
def _conv(x: Any, w: Any, b: Any, *, kind: Kind, forward: Any, back: Any, how: Any) -> Any:
    return kind.forward(x, w, b, **forward, **back, **how)


@primitive  # type: ignore[untyped-decorator]
def _input(w: Any, g: Any, *, kind: Kind, forward: Any, back: Any, shape: Any) -> Any:
    return kind.input(shape, w, g, **back)


@primitive  # type: ignore[untyped-decorator]
def _weight(x: Any, g: Any, *, kind: Kind, forward: Any, back: Any, shape: Any) -> Any:
    return kind.weight(x, shape, g, **back)


@primitive  # type: ignore[untyped-decorator]
def _bias(g: Any, *, kind: Kind, data_format: Any) -> Any:
    return kind.bias(g, data_format=data_format)


@primitive  # type: ignore[untyped-decorator]
def _spread(b: Any, *, kind: Kind, shape: Any, data_format: Any) -> Any:
    """Each channel's number at all its places: what `_bias` is the adjoint of."""
    if data_format == "channels_first":
        b = b.reshape(-1, *(1,) * kind.rank)
    return np.array(np.broadcast_to(b, shape))


def _conv_by_input(
    _: Any, x: Any, w: Any, b: Any, *, kind: Any, forward: Any, back: Any, how: Any
) -> Function:
    shape = x.shape
    return lambda g: _input(w, like(g, w), kind=kind, forward=forward, back=back, shape=shape)


def _conv_by_weight(
    _: Any, x: Any, w: Any, b: Any, *, kind: Any, forward: Any, back: Any, how: Any
) -> Function:
    shape = w.shape
    return lambda g: _weight(x, like(g, x), kind=kind, forward=forward, back=back, shape=shape)


def _conv_by_bias(
    _: Any, x: Any, w: Any, b: Any, *, kind: Any, forward: Any, back: Any, how: Any
) -> Function:
    return lambda g: _bias(like(g, b), kind=kind, data_format=back["data_format"])


defvjp(_conv, _conv_by_input, _conv_by_weight, _conv_by_bias)
defjvp(
    _conv,
    lambda v, _, x, w, b, how, **k: _conv(v, w, None, how={}, **k),
    lambda v, _, x, w, b, how, **k: _conv(x, v, None, how={}, **k),
    lambda v, y, x, w, b, how, **k: _spread(
        v, kind=k["kind"], shape=y.shape, data_format=k["back"]["data_format"]
    ),
)
defvjp(
    _input,
    lambda _, w, g, shape, **k: lambda v: _weight(like(v, g), g, shape=w.shape, **k),
    lambda _, w, g, shape, **k: lambda v: _conv(like(v, w), w, None, how={}, **k),
)
defvjp(
    _weight,
    lambda _, x, g, shape, **k: lambda v: _input(like(v, g), g, shape=x.shape, **k),
    lambda _, x, g, shape, **k: lambda v: _conv(x, like(v, x), None, how={}, **k),
)
defvjp(_bias, lambda _, g, **k: lambda v: _spread(like(v, g), shape=g.shape, **k))
defvjp(_spread, lambda _, b, shape, **k: lambda v: _bias(like(v, b), **k))
for linear in (_input, _weight, _bias, _spread):
    def_linear(linear)


def _convolution(name: str) -> Function:
    kind = kind_of(name)

    def conv(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, *, padding_mode: Any = "zeros", activation: Any = None,
        residual: Any = None, algorithm: str = "auto", threads: int | None = None,
        data_format: Any = "channels_first", precision: Any = None,
    ) -> Any:  # fmt: skip
        back = {
            "stride": stride, "padding": padding, "dilation": dilation, "groups": groups,
            "padding_mode": padding_mode, "threads": threads, "data_format": data_format,
            "precision": precision,
        }  # fmt: skip
        how = {"algorithm": algorithm}
        if activation is None and residual is None:
            return _conv(input, weight, bias, kind=kind, forward={}, back=back, how=how)
        slopes = activation[1] if isinstance(activation, tuple | list) else None
        if not traced(input, weight, bias, residual, slopes):
            return kind.forward(
                input, weight, bias, **back, **how, activation=activation, residual=residual
            )
        y = _conv(input, weight, bias, kind=kind, forward={}, back=back, how=how)
        return activate(y if residual is None else y + residual, activation, kind.rank, data_format)

    return named(kind.forward, conv)


def _transposed(name: str) -> Function:
    kind = kind_of(name)

    def conv_transpose(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, dilation: Any = 1, *, output_size: Any = None,
        activation: Any = None, algorithm: str = "auto", threads: int | None = None,
        data_format: Any = "channels_first", precision: Any = None,
    ) -> Any:  # fmt: skip
        back = {
            "stride": stride, "padding": padding, "groups": groups, "dilation": dilation,
            "threads": threads, "data_format": data_format, "precision": precision,
        }  # fmt: skip
        forward = {"output_padding": output_padding, "output_size": output_size}
        how = {"algorithm": algorithm}
        slopes = activation[1] if isinstance(activation, tuple | list) else None
        if activation is not None and not traced(input, weight, bias, slopes):
            return kind.forward(
                input, weight, bias, **back, **forward, **how, activation=activation
            )
        y = _conv(input, weight, bias, kind=kind, forward=forward, back=back, how=how)
        return activate(y, activation, kind.rank, data_format)

    return named(kind.forward, conv_transpose)


conv1d = _convolution("conv1d")
conv2d = _convolution("conv2d")
conv_transpose1d = _transposed("conv_transpose1d")
conv_transpose2d = _transposed("conv_transpose2d")
