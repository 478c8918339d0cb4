"""Each algorithm of the pools, asked for by its name: all give the same answers, or refuse."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from fastconv import _native, grad
from pool_cases import WINDOWS, bits, each

testing = _native.testing
PLANES = [case for case in WINDOWS if case.rank == 2]
MAX, MIN, SUM, POWERS = 0, 1, 2, 6
REFUSED = "refused: "
KINDS = {
    "values": [
        "whole_planes",
        "whole_pixels",
        "apart",
        "wide_windows",
        "channel_lanes",
        "joined_rows",
        "sliding",
        "window_by_window",
    ],
    "indices": ["apart", "channel_lanes", "sliding", "window_by_window"],
    "sum_grad": ["whole_planes", "channel_lanes", "rows", "sliding", "taps"],
    "norm_grad": ["sums", "places", "taps"],
}
every_algorithm_of = {
    kind: pytest.mark.parametrize("algorithm", names) for kind, names in KINDS.items()
}


def geometry(case):
    return tuple(case.geometry.values())


def layouts(x):
    """The image in both layouts, each with its word and how to read a result in it."""
    yield x, "channels_first", lambda y: y
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    yield last, "channels_last", lambda y: np.moveaxis(y, -1, 1)


def taken(call, *arguments):
    """What the algorithm gives, or None where it refuses."""
    try:
        return call(*arguments)
    except ValueError as error:
        if not str(error).startswith(REFUSED):
            raise
        return None


def test_the_tables_hold_these_algorithms():
    for kind, names in KINDS.items():
        assert testing.pool_algorithms(kind, False) == names
    assert testing.pool_algorithms("values", True) == ["apart", "integers", "sliding"]
    assert testing.pool_algorithms("indices", True) == ["sliding", "window_by_window"]


@each(PLANES)
@every_algorithm_of["values"]
def test_every_algorithm_gives_the_values(algorithm, case, isa):
    x = case.input(np.float32)
    for op, function in ((MAX, "max_pool2d"), (MIN, "min_pool2d"), (SUM, "sum_pool2d")):
        want = getattr(fastconv, function)(x, **case.geometry)
        for image, word, read in layouts(x):
            y = taken(testing.pool_values, algorithm, image, op, geometry(case), 2, word)
            assert y is None or bits(read(y)) == bits(want)
    y = taken(testing.pool_values, algorithm, x, "average", geometry(case), 2, "channels_first")
    if y is not None:
        np.testing.assert_allclose(y, fastconv.avg_pool2d(x, **case.geometry), rtol=1e-6)
    y = taken(testing.pool_values, algorithm, x, POWERS, geometry(case), 2, "channels_first")
    if y is not None:
        np.testing.assert_allclose(y, fastconv.lp_pool2d(x, 3, **case.geometry), rtol=1e-5)


@each([case for case in PLANES if case.all_hold_input])
@every_algorithm_of["indices"]
def test_every_algorithm_gives_the_indices(algorithm, case, isa):
    x = case.input(np.float64, low=-2, high=3)
    x[0, 0, 0, 0] = np.nan
    for op, function in ((MAX, "max_pool2d"), (MIN, "min_pool2d")):
        wanted = getattr(fastconv, function)(x, return_indices=True, **case.geometry)
        for image, word, read in layouts(x):
            got = taken(testing.pool_indices, algorithm, image, op, geometry(case), 2, word)
            assert got is None or [bits(read(a)) for a in got] == [bits(a) for a in wanted]


@each(PLANES)
@every_algorithm_of["sum_grad"]
def test_every_algorithm_gives_the_gradient_of_sums(algorithm, case, isa):
    x = case.input(np.float32)
    size = fastconv.sum_pool2d(x, **case.geometry).shape
    dy = np.random.default_rng(1).integers(-9, 10, size).astype(np.float32)
    want = grad.sum_pool2d_input(dy, x.shape, **case.geometry)
    for image, word, read in layouts(dy):
        shape = x.shape if word == "channels_first" else np.moveaxis(x, 1, -1).shape
        arguments = (algorithm, image, shape, SUM, geometry(case), 2, word)
        dx = taken(testing.pool_sum_grad, *arguments)
        assert dx is None or bits(read(dx)) == bits(want)


@each(PLANES)
@pytest.mark.parametrize("power", [1, 2, 3, 0.5, np.inf])
@every_algorithm_of["norm_grad"]
def test_every_algorithm_gives_the_gradient_of_norms(algorithm, power, case):
    x = np.random.default_rng(2).standard_normal((1, 3, *case.lengths))
    y = fastconv.lp_pool2d(x, power, **case.geometry)
    dy = np.random.default_rng(3).standard_normal(y.shape)
    dx = taken(testing.pool_norm_grad, algorithm, x, y, dy, power, geometry(case), 2)
    if dx is not None:
        want = grad.lp_pool2d_input(dy, x, y, power, **case.geometry)
        np.testing.assert_allclose(dx, want, rtol=1e-9, atol=1e-12)


def some_problem_of(kind, algorithm):
    """A problem that the algorithm has to take, and what it computes of it."""
    x = np.arange(2 * 9 * 8 * 8, dtype=np.float64).reshape(2, 9, 8, 8)
    side = 8 if algorithm.startswith("whole") else 2
    windows = (side, None, 0, 1, False)
    if algorithm == "whole_pixels":
        last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
        return testing.pool_values(algorithm, last, SUM, windows, 1, "channels_last")
    y = fastconv.lp_pool2d(x, 2, side)
    if kind == "values":
        return testing.pool_values(algorithm, x, SUM, windows, 1, "channels_first")
    if kind == "indices":
        return testing.pool_indices(algorithm, x, MAX, windows, 1, "channels_first")
    if kind == "sum_grad":
        return testing.pool_sum_grad(algorithm, y, x.shape, SUM, windows, 1, "channels_first")
    power = np.inf if algorithm == "places" else 2
    return testing.pool_norm_grad(algorithm, x, y, y, power, windows, 1)


@pytest.mark.parametrize(("kind", "algorithm"), [(k, a) for k in KINDS for a in KINDS[k]])
def test_no_algorithm_refuses_everything(kind, algorithm):
    assert some_problem_of(kind, algorithm) is not None


def test_a_refusal_tells_the_reason():
    x, windows = np.ones((1, 1, 8, 8)), (2, None, 0, 1, False)
    with pytest.raises(ValueError, match="refused: the window is not the whole plane"):
        testing.pool_values("whole_planes", x, MAX, windows, 1, "channels_first")
    with pytest.raises(ValueError, match="refused: the table has no algorithm of this name"):
        some_problem_of("values", "rows")


@each(PLANES)
@pytest.mark.parametrize("algorithm", ["apart", "integers", "sliding"])
def test_every_algorithm_gives_the_values_of_integers(algorithm, case, isa):
    for dtype in (np.int8, np.uint64):
        x = np.random.default_rng(4).integers(0, 256, (1, 2, *case.lengths)).astype(dtype)
        for op, function in ((MAX, "max_pool2d"), (MIN, "min_pool2d"), (SUM, "sum_pool2d")):
            want = getattr(fastconv, function)(x, **case.geometry)
            for image, word, read in layouts(x):
                y = taken(testing.pool_values, algorithm, image, op, geometry(case), 2, word)
                assert y is None or bits(read(y)) == bits(want)


@each([case for case in PLANES if case.all_hold_input])
@pytest.mark.parametrize("algorithm", ["sliding", "window_by_window"])
def test_every_algorithm_gives_the_indices_of_integers(algorithm, case, isa):
    for dtype in (np.int8, np.uint64):
        x = np.random.default_rng(4).integers(0, 4, (1, 2, *case.lengths)).astype(dtype)
        x[x == 3] = np.iinfo(dtype).max
        wanted = fastconv.max_pool2d(x, return_indices=True, **case.geometry)
        for image, word, read in layouts(x):
            got = taken(testing.pool_indices, algorithm, image, MAX, geometry(case), 2, word)
            assert got is None or [bits(read(a)) for a in got] == [bits(a) for a in wanted]
