"""Which of torch's functions are ours inside of `enabled`, and those that are only noted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from fastconv.interfaces.torch import _calls
from fastconv.interfaces.torch._conv_functions import _conv, _conv_transpose
from fastconv.interfaces.torch._report import note

__all__ = ["PATCHES"]

_nn = torch._C._nn


def _conv_like(name: str, rank: int) -> Callable[..., Any]:
    theirs = getattr(F, name)

    def conv(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1,
    ) -> Any:  # fmt: skip
        return _conv(
            True, name, rank, theirs, input, weight, bias, stride, padding, dilation, groups
        )

    return conv


def _transpose_like(name: str, rank: int) -> Callable[..., Any]:
    theirs = getattr(F, name)

    def conv_transpose(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    ) -> Any:  # fmt: skip
        return _conv_transpose(
            True, name, rank, theirs, input, weight, bias, stride, padding, output_padding, groups,
            dilation,
        )  # fmt: skip

    return conv_transpose


def _noted(theirs: Callable[..., Any], name: str, why: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        note(name, why)
        return theirs(*args, **kwargs)

    return call


def _with_indices(rank: int, pool: Callable[..., Any]) -> Callable[..., Any]:
    """For functions of torch that return indices whatever they are told, or are told nothing."""

    def call(input: Any, *args: Any, return_indices: bool = True, **kwargs: Any) -> Any:
        return pool(True, rank, input, *args[: _LAST[pool]], return_indices=True, **kwargs)

    return call


# How many positional arguments come before return_indices.
_LAST: dict[Any, int] = {_calls.max_pool: 5, _calls.adaptive_max_pool: 1}


def _all() -> dict[Any, Callable[..., Any]]:
    table: dict[Any, Callable[..., Any]] = {}
    for rank in (1, 2):
        for name, make in (("conv", _conv_like), ("conv_transpose", _transpose_like)):
            full = f"{name}{rank}d"
            table[getattr(F, full)] = make(full, rank)
        for name in ("avg_pool", "lp_pool", "max_pool", "adaptive_avg_pool", "adaptive_max_pool",
                     "max_unpool"):  # fmt: skip
            table[getattr(F, f"{name}{rank}d")] = partial(getattr(_calls, name), True, rank)
        table[getattr(torch, f"max_pool{rank}d")] = partial(_calls.max_pool, True, rank)
        for name in ("max_pool", "adaptive_max_pool"):
            indexed = getattr(F, f"{name}{rank}d_with_indices")
            table[indexed] = _with_indices(rank, getattr(_calls, name))
    # What stands behind them, for programs that call it.
    table[torch.max_pool1d_with_indices] = _with_indices(1, _calls.max_pool)
    table[_nn.max_pool2d_with_indices] = _with_indices(2, _calls.max_pool)
    table[torch.adaptive_max_pool1d] = _with_indices(1, _calls.adaptive_max_pool)
    table[_nn.adaptive_max_pool2d] = _with_indices(2, _calls.adaptive_max_pool)
    table[_nn.adaptive_avg_pool2d] = partial(_calls.adaptive_avg_pool, True, 2)
    table[F.unfold] = partial(_calls.unfold, True)
    table[F.fold] = partial(_calls.fold, True)
    for name in ("conv3d", "conv_transpose3d", "max_pool3d", "avg_pool3d", "lp_pool3d",
                 "adaptive_avg_pool3d", "adaptive_max_pool3d", "max_unpool3d"):  # fmt: skip
        theirs = getattr(F, name)
        table[theirs] = _noted(theirs, name, "three spatial axes")
    why = "an average over channels inside of it"
    table[F.local_response_norm] = _noted(F.local_response_norm, "local_response_norm", why)
    return table


PATCHES = _all()
