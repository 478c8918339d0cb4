"""Outputs of pools: the table of windows, pools without windows, and the pools of networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Any

from bench.items.pools import FORWARD, GRADIENT, POOLS, Pool

import fastconv
from bits.output import Array, Output, channels_last, generator, integers, lazy, normal, sizes
from fastconv import grad
from pool_cases import WINDOWS, Windows

Make = Callable[[], list[Array]]

SUMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("sum_pool", {}),
    ("avg_pool", {}),
    ("avg_pool", {"count_include_pad": False}),
    ("avg_pool", {"divisor_override": -3}),
)
NORMS = (1, 2.0, 3, 0.5, 1.5, float("inf"))
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FEW = 3
"""Planes of one image that are too few to be worked on side by side."""


def window_table(dtype: str) -> Iterator[Output]:
    """Every row of the table, in both layouts: values, places of extremes, and gradients."""
    for case in WINDOWS:
        name = label(case)
        make = lazy(partial(normal, name, dtype, (2, 9, *case.lengths)))
        ties = lazy(partial(integers, name, dtype, (2, 9, *case.lengths), most=2))
        for kind, call in (("extremes", extremes), ("sums", sums), ("norms", norms)):
            yield Output(f"{name} {kind}", partial(values, call, case, make))
        if case.all_hold_input:
            yield Output(f"{name} indices", partial(values, places, case, ties))
        yield Output(f"{name} sums-dX", partial(spread_sums, case, make))
        yield Output(f"{name} norms-dX", partial(spread_norms, case, make))


def integer_table(_: str) -> Iterator[Output]:
    """The pools that take integers, of every width, as one output for each row."""
    for case in WINDOWS:
        name = label(case)
        yield Output(f"{name} extremes+sums", partial(integer_values, case, name))


def label(case: Windows) -> str:
    names = {"kernel_size": " k", "stride": " s", "padding": " p", "dilation": " d"}
    where = "".join(short + str(getattr(case, field)) for field, short in names.items())
    where = where.replace(", ", ",").replace(" sNone", "")
    return f"pool {sizes(case.lengths)}{where}{' ceil' if case.ceil_mode else ''}"


def values(call: Callable[..., Iterator[Array]], case: Windows, make: Make) -> Iterator[Array]:
    """Of many planes, of a few of them, and of all with the channels last."""
    (x,) = make()
    yield from call(case, x)
    yield from call(case, x[1, :FEW])
    yield from call(case, channels_last(x, case.rank), data_format="channels_last")


def extremes(case: Windows, x: Array, **how: Any) -> Iterator[Array]:
    for which in ("max", "min"):
        yield getattr(fastconv, f"{which}_pool{case.rank}d")(x, **case.geometry, **how)


def sums(case: Windows, x: Array, **how: Any) -> Iterator[Array]:
    for pool, extra in SUMS:
        yield getattr(fastconv, f"{pool}{case.rank}d")(x, **extra, **case.geometry, **how)


def norms(case: Windows, x: Array, **how: Any) -> Iterator[Array]:
    for p in NORMS:
        yield getattr(fastconv, f"lp_pool{case.rank}d")(x, p, **case.geometry, **how)


def places(case: Windows, x: Array, **how: Any) -> Iterator[Array]:
    """Values and places of extremes, and the gradient that goes to these places."""
    for which in ("max", "min"):
        name = f"{which}_pool{case.rank}d"
        pool = getattr(fastconv, name)
        y, at = pool(x, **case.geometry, return_indices=True, **how)
        yield from (y, at)
        dy = normal(name, x.dtype.name, y.shape)[0]
        yield getattr(grad, f"{name}_input")(dy, at, x.shape, **how)


def layouts(case: Windows, make: Make) -> Iterator[tuple[Array, dict[str, Any]]]:
    (x,) = make()
    yield x, {}
    yield x[:1, :FEW], {}
    yield channels_last(x, case.rank), {"data_format": "channels_last"}


def spread_sums(case: Windows, make: Make) -> Iterator[Array]:
    for x, how in layouts(case, make):
        for pool, extra in SUMS:
            name, more = f"{pool}{case.rank}d", {**extra, **case.geometry, **how}
            dy = normal(name, x.dtype.name, getattr(fastconv, name)(x, **more).shape)[0]
            yield getattr(grad, f"{name}_input")(dy, x.shape, **more)


def spread_norms(case: Windows, make: Make) -> Iterator[Array]:
    name = f"lp_pool{case.rank}d"
    for x, how in layouts(case, make):
        for p in NORMS:
            y = getattr(fastconv, name)(x, p, **case.geometry, **how)
            dy = normal(name, x.dtype.name, y.shape)[0]
            yield getattr(grad, f"{name}_input")(dy, x, y, p, **case.geometry, **how)


def integer_values(case: Windows, name: str) -> Iterator[Array]:
    numbers = generator(name).integers(0, 256, (2, 9, *case.lengths))
    for dtype in INTEGERS:
        x = numbers.astype(dtype)
        for pool in ("max", "min", "sum"):
            yield getattr(fastconv, f"{pool}_pool{case.rank}d")(x, **case.geometry)
        if case.all_hold_input:
            max_pool = getattr(fastconv, f"max_pool{case.rank}d")
            yield from max_pool(x, **case.geometry, return_indices=True)


PLANES = ((7, 10), (1, 1), (70, 71), (33,), (2001,))


def whole_table(dtype: str) -> Iterator[Output]:
    """Global and adaptive pools, and unpooling."""
    for lengths in PLANES:
        name = f"planes {sizes(lengths)}"
        make = lazy(partial(normal, name, dtype, (2, 19, *lengths)))
        for kind, call in (("global", whole), ("adaptive", adaptive), ("unpool", unpool)):
            yield Output(f"{name} {kind}", partial(call, len(lengths), make))


def whole(rank: int, make: Make) -> Iterator[Array]:
    (x,) = make()
    for kind in ("avg", "sum", "max"):
        name = f"global_{kind}_pool{rank}d"
        y = getattr(fastconv, name)(x)
        yield y
        last = channels_last(x, rank)
        yield getattr(fastconv, name)(last, data_format="channels_last")
        yield getattr(grad, f"{name}_input")(y, x if kind == "max" else x.shape)


def adaptive(rank: int, make: Make) -> Iterator[Array]:
    (x,) = make()
    for size in (1, 3, 8):
        y = getattr(fastconv, f"adaptive_avg_pool{rank}d")(x, size)
        yield y
        yield getattr(grad, f"adaptive_avg_pool{rank}d_input")(y, x.shape)
        y, at = getattr(fastconv, f"adaptive_max_pool{rank}d")(x, size, return_indices=True)
        yield from (y, at)
        yield getattr(grad, f"adaptive_max_pool{rank}d_input")(y, at, x.shape)


def unpool(rank: int, make: Make) -> Iterator[Array]:
    (x,) = make()
    kernel = [min(2, n) for n in x.shape[2:]]
    y, at = getattr(fastconv, f"max_pool{rank}d")(x, kernel, return_indices=True)
    back = getattr(fastconv, f"max_unpool{rank}d")(y, at, kernel, output_size=x.shape[2:])
    yield back
    yield getattr(grad, f"max_unpool{rank}d_input")(back, at)


def network_pools(dtype: str) -> Iterator[Output]:
    """The pools that the benchmark measures."""
    for row in POOLS:
        sizes_and_window = row.name.removeprefix(f"{row.kind} ")
        layout = " last" if row.last else ""
        name = f"network-pool {row.kind} {sizes_and_window} {row.what}{layout}"
        make = lazy(partial(normal, name, dtype, row.shape))
        cheap = prod(row.shape) < 1 << 19
        yield Output(name, partial(network_pool, row, make), cheap)


def network_pool(row: Pool, make: Make) -> Iterator[Array]:
    (x,) = make()
    how: dict[str, Any] = {}
    if row.last:
        x, how = channels_last(x, row.rank), {"data_format": "channels_last"}
    window: tuple[Any, ...] = (row.kernel, row.stride, row.pad)
    name = f"{row.kind}_pool{row.rank}d"
    if row.adaptive:
        name, window = f"adaptive_{name}", (row.adaptive,)
    if row.what == FORWARD or row.kind == "avg":
        y = getattr(fastconv, name)(x, *window, **how)
        yield y
        if row.adaptive == 1:
            yield getattr(fastconv, name.replace("adaptive", "global"))(x, **how)
        if row.what == GRADIENT:
            yield getattr(grad, f"{name}_input")(y, x.shape, *window, **how)
        return
    y, at = getattr(fastconv, name)(x, *window, return_indices=True, **how)
    yield from (y, at)
    if row.what == GRADIENT:
        yield getattr(grad, f"{name}_input")(y, at, x.shape, **how)
