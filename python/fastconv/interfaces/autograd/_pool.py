"""Pools that are not linear: maxima, which pick elements, and p-norms."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
from autograd.extend import def_linear, defjvp, defvjp, primitive
from autograd.tracer import getval

import fastconv
from fastconv import grad
from fastconv.interfaces.autograd import _linear
from fastconv.interfaces.autograd._tools import Function, like, named, traced

__all__ = [
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "global_max_pool1d",
    "global_max_pool2d",
    "lp_pool1d",
    "lp_pool2d",
    "max_pool1d",
    "max_pool2d",
    "max_unpool1d",
    "max_unpool2d",
    "min_pool1d",
    "min_pool2d",
]


def _rank_of(function: Function) -> int:
    return 1 if function.__name__.endswith("1d") else 2


# Elements at places, and their adjoint; `rank` is that of the planes.
@primitive  # type: ignore[untyped-decorator]
def _gather(x: Any, *, rank: int, places: Any, shape: Any, data_format: Any) -> Any:
    gather: Function = grad.max_unpool1d_input if rank == 1 else grad.max_unpool2d_input
    return gather(x, places, data_format=data_format)


@primitive  # type: ignore[untyped-decorator]
def _scatter(g: Any, *, rank: int, places: Any, shape: Any, data_format: Any) -> Any:
    scatter: Function = grad.max_pool1d_input if rank == 1 else grad.max_pool2d_input
    return scatter(g, places, shape, data_format=data_format)


defvjp(_gather, lambda _, x, **k: lambda g: _scatter(like(g, x), **k))
defvjp(_scatter, lambda _, g, **k: lambda v: _gather(like(v, g), **k))
def_linear(_gather)
def_linear(_scatter)


# `run` pools, and with a second argument True returns the places, too.
@primitive  # type: ignore[untyped-decorator]
def _extreme(x: Any, *, run: Function, rank: int, data_format: Any) -> Any:
    return run(x)


def _places(x: Any, run: Function, rank: int, data_format: Any) -> dict[str, Any]:
    """Return where the extremes are, in the words of `_gather`."""
    plain = getval(x)
    places = run(plain, True)[1]
    return {"rank": rank, "places": places, "shape": plain.shape, "data_format": data_format}


defvjp(_extreme, lambda _, x, **k: lambda g: _scatter(like(g, x), **_places(x, **k)))
defjvp(_extreme, lambda v, _, x, **k: _gather(v, **_places(x, **k)))


def _picked(x: Any, run: Function, rank: int, data_format: Any, return_indices: bool) -> Any:
    if not return_indices:
        return _extreme(x, run=run, rank=rank, data_format=data_format)
    if not traced(x):
        return run(x, True)
    found = _places(x, run, rank, data_format)
    return _gather(x, **found), found["places"]


def _maxima(name: str) -> Function:
    ours: Function = getattr(fastconv, name)
    rank = _rank_of(ours)

    def pool(
        input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False, *, threads: int | None = None,
        data_format: Any = "channels_first",
    ) -> Any:  # fmt: skip
        def run(x: Any, indices: bool = False) -> Any:
            return ours(x, kernel_size, stride, padding, dilation, ceil_mode, indices,
                        threads=threads, data_format=data_format)  # fmt: skip

        return _picked(input, run, rank, data_format, return_indices)

    return named(ours, pool)


def _adaptive(name: str) -> Function:
    ours: Function = getattr(fastconv, name)
    rank = _rank_of(ours)

    def pool(
        input: Any, output_size: Any, return_indices: bool = False, *, threads: int | None = None,
        data_format: Any = "channels_first",
    ) -> Any:  # fmt: skip
        def run(x: Any, indices: bool = False) -> Any:
            return ours(x, output_size, indices, threads=threads, data_format=data_format)

        return _picked(input, run, rank, data_format, return_indices)

    return named(ours, pool)


def _global(name: str) -> Function:
    ours: Function = getattr(fastconv, name)
    rank = _rank_of(ours)
    adaptive: Function = fastconv.adaptive_max_pool1d if rank == 1 else fastconv.adaptive_max_pool2d

    def pool(input: Any, *, threads: int | None = None, data_format: Any = "channels_first") -> Any:
        def run(x: Any, indices: bool = False) -> Any:
            if indices:
                return adaptive(x, 1, True, threads=threads, data_format=data_format)
            return ours(x, threads=threads, data_format=data_format)

        return _picked(input, run, rank, data_format, False)

    return named(ours, pool)


@primitive  # type: ignore[untyped-decorator]
def _put(x: Any, *, run: Function, rank: int, places: Any, data_format: Any) -> Any:
    return run(x)


# Where places are named twice, autograd sees what PyTorch's gradient sees: each place's own.
defvjp(_put, lambda y, x, run, **k: lambda g: _gather(like(g, x), shape=y.shape, **k))
def_linear(_put)


def _unpool(name: str) -> Function:
    ours: Function = getattr(fastconv, name)
    rank = _rank_of(ours)

    def unpool(
        input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
        output_size: Any = None, *, threads: int | None = None, data_format: Any = "channels_first",
    ) -> Any:  # fmt: skip
        def run(x: Any) -> Any:
            return ours(x, indices, kernel_size, stride, padding, output_size, threads=threads,
                        data_format=data_format)  # fmt: skip

        return _put(input, run=run, rank=rank, places=indices, data_format=data_format)

    return named(ours, unpool)


@primitive  # type: ignore[untyped-decorator]
def _norm(x: Any, *, pools: Any, p: float, window: Any, options: Any) -> Any:
    kernel_size, stride, padding, ceil_mode = window
    return pools[0](x, p, kernel_size, stride, ceil_mode, padding=padding, **options)


def _steep(x: Any, p: float) -> Any:
    """The derivative of ``abs(x)**p / p``."""
    if p == 2:
        return x
    return x * anp.abs(x) ** (p - 2) if p > 2 else anp.sign(x) * anp.abs(x) ** (p - 1)


def _flat(y: Any, p: float) -> Any:
    """``y**(1 - p)``, and 0 where the norm is 0."""
    return anp.where(y > 0, anp.where(y > 0, y, 1) ** (1 - p), 0)


def _norm_input(g: Any, x: Any, y: Any, *, pools: Any, p: float, window: Any, options: Any) -> Any:
    if not traced(g, x, y):
        kernel_size, stride, padding, ceil_mode = window
        return pools[1](g, x, y, p, kernel_size, stride, ceil_mode, padding=padding, **options)
    spread = _linear._adjoint(
        g * _flat(y, p), shape=x.shape, there=pools[2], back=pools[3], rest=window, options=options
    )
    return _steep(x, p) * spread


defvjp(_norm, lambda y, x, **k: lambda g: _norm_input(like(g, x), x, y, **k))
defjvp(
    _norm,
    lambda v, y, x, pools, p, window, options: (
        _flat(y, p)
        * _linear._apply(
            _steep(x, p) * v, there=pools[2], back=pools[3], rest=window, options=options
        )
    ),
)


def _norms(name: str) -> Function:
    ours: Function = getattr(fastconv, name)
    sums = name.replace("lp", "sum")
    pools = (ours, getattr(grad, f"{name}_input"), getattr(fastconv, sums),
             getattr(grad, f"{sums}_input"))  # fmt: skip
    largest = _maxima(name.replace("lp", "max"))

    def pool(
        input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False,
        *, padding: Any = 0, dilation: Any = 1, threads: int | None = None,
        data_format: Any = "channels_first",
    ) -> Any:  # fmt: skip
        options = {"dilation": dilation, "threads": threads, "data_format": data_format}
        if traced(input) and norm_type == float("inf"):
            x = anp.abs(input)
            return largest(x, kernel_size, stride, padding, ceil_mode=ceil_mode, **options)
        window = (kernel_size, stride, padding, ceil_mode)
        return _norm(input, pools=pools, p=norm_type, window=window, options=options)

    return named(ours, pool)


adaptive_max_pool1d = _adaptive("adaptive_max_pool1d")
adaptive_max_pool2d = _adaptive("adaptive_max_pool2d")
global_max_pool1d = _global("global_max_pool1d")
global_max_pool2d = _global("global_max_pool2d")
lp_pool1d = _norms("lp_pool1d")
lp_pool2d = _norms("lp_pool2d")
max_pool1d = _maxima("max_pool1d")
max_pool2d = _maxima("max_pool2d")
max_unpool1d = _unpool("max_unpool1d")
max_unpool2d = _unpool("max_unpool2d")
min_pool1d = _maxima("min_pool1d")
min_pool2d = _maxima("min_pool2d")
