"""Pools over windows against the reference, on every ISA, and what they promise about values."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastconv
from fastconv import reference
from pool_cases import WINDOWS, bits, each_windows, named

FLOATS = (np.float32, np.float64)
INTEGERS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)

# What is called, with what beyond the windows.
POOLS = {
    "max": ("max_pool", {}),
    "min": ("min_pool", {}),
    "sum": ("sum_pool", {}),
    "avg": ("avg_pool", {}),
    "avg without padding": ("avg_pool", {"count_include_pad": False}),
    "avg by 5": ("avg_pool", {"divisor_override": 5}),
    "1-norm": ("lp_pool", {"norm_type": 1}),
    "2-norm": ("lp_pool", {"norm_type": 2.0}),
    "3-norm": ("lp_pool", {"norm_type": 3}),
    "half-norm": ("lp_pool", {"norm_type": 0.5}),
    "inf-norm": ("lp_pool", {"norm_type": float("inf")}),
}
EXACT = ("max", "min", "sum", "1-norm", "inf-norm")


def run(module, pool, case, x, **kwargs):
    name, extra = POOLS[pool]
    return getattr(module, f"{name}{case.rank}d")(x, **extra, **case.geometry, **kwargs)


@functools.cache
def expected(pool, case):
    return run(reference, pool, case, case.input())


@functools.cache
def expected_indices(pool, case):
    return run(reference, pool, case, case.input(low=-2, high=3), return_indices=True)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("pool", POOLS)
def test_floats_match_the_reference(pool, dtype, isa):
    rtol = 0 if pool in EXACT else 2e-5 if dtype == np.float32 else 1e-13
    for case in WINDOWS:
        x, want = case.input(dtype), expected(pool, case)
        got = run(fastconv, pool, case, x, threads=1)
        assert got.dtype == dtype
        np.testing.assert_allclose(got, want, rtol=rtol, err_msg=case.why)
        few = run(fastconv, pool, case, x[1, :3], threads=1)  # too few to be transposed
        np.testing.assert_allclose(few, want[1, :3], rtol=rtol, err_msg=case.why)


@pytest.mark.parametrize("pool", ["max", "min", "sum"])
@each_windows
def test_integers_match_the_reference(case, pool):
    for dtype in INTEGERS:
        x = np.random.default_rng(1).integers(0, 256, (1, 2, *case.lengths)).astype(dtype)
        got = run(fastconv, pool, case, x, threads=1)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, run(reference, pool, case, x))


@pytest.mark.parametrize("pool", ["max", "min"])
@each_windows
def test_indices_match_the_reference(case, pool, isa):
    x = case.input(low=-2, high=3)  # full of equals
    try:
        values, indices = expected_indices(pool, case)
    except ValueError:
        with pytest.raises(ValueError, match="without any element"):
            run(fastconv, pool, case, x, return_indices=True)
        return
    for dtype in (np.float32, np.float64, np.int8):
        got, at = run(fastconv, pool, case, x.astype(dtype), return_indices=True)
        np.testing.assert_array_equal(got, values)
        np.testing.assert_array_equal(at, indices)
        assert at.dtype == np.int64
        assert got.dtype == dtype


@pytest.mark.parametrize("pool", POOLS)
def test_bits_do_not_depend_on_threads(pool, isa):
    rng = np.random.default_rng(0)
    for case in named("blocks of (rows|columns)$"):
        x = rng.standard_normal((2, 3, *case.lengths)).astype(np.float32)
        one, *others = (run(fastconv, pool, case, x, threads=n) for n in (1, 2, 5))
        assert all(bits(y) == bits(one) for y in others)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("pool", POOLS)
def test_nan_reaches_exactly_its_windows(pool, dtype, isa):
    for case in named("^a row longer", "^and at stride 2", "^stride"):
        x = np.ones((1, 1, *case.lengths), dtype)
        for column in range(0, case.lengths[1], 1 if dtype == np.float32 else 5):
            x[0, 0, 2, column] = np.nan
            got = np.isnan(run(fastconv, pool, case, x, threads=1))
            here = np.zeros_like(x)
            here[0, 0, 2, column] = 1
            held = run(fastconv, "sum", case, here, threads=1) > 0
            np.testing.assert_array_equal(got, held)
            x[0, 0, 2, column] = 1


@pytest.mark.parametrize("pool", POOLS)
def test_nan_reaches_exactly_its_windows_in_transposed_planes(pool, isa):
    for case in (w for w in named("^long", "^stride") if w.rank == 2):
        x = np.ones((1, 18, *case.lengths), np.float32)
        here = np.zeros_like(x)
        for channel in range(18):
            at = channel * 5 % case.lengths[0], channel * 7 % case.lengths[1]
            x[0, channel, *at], here[0, channel, *at] = np.nan, 1
        got = np.isnan(run(fastconv, pool, case, x, threads=1))
        np.testing.assert_array_equal(got, run(fastconv, "sum", case, here, threads=1) > 0)


@pytest.mark.parametrize("pool", ["max", "min"])
def test_places_of_nans_and_equals_match_the_reference(pool, isa):
    rng = np.random.default_rng(5)
    for case in (w for w in WINDOWS if w.all_hold_input and max(w.lengths) < 100):
        x = rng.integers(-1, 2, (3, 7, *case.lengths)).astype(np.float32)
        x[rng.random(x.shape) < 0.05] = np.nan
        x[rng.random(x.shape) < 0.1] = -0.0
        x[rng.random(x.shape) < 0.02] = -np.inf
        want = run(reference, pool, case, x, return_indices=True)
        last = run(fastconv, pool, case, np.ascontiguousarray(np.moveaxis(x, 1, -1)),
                   return_indices=True, data_format="channels_last")  # fmt: skip
        for got in (run(fastconv, pool, case, x, return_indices=True),
                    [np.moveaxis(part, -1, 1) for part in last]):  # fmt: skip
            for part, right in zip(got, want, strict=True):
                np.testing.assert_array_equal(part, right, err_msg=case.why)


@pytest.mark.parametrize("pool", POOLS)
def test_bits_of_transposed_planes_do_not_depend_on_threads(pool):
    x = np.random.default_rng(0).standard_normal((3, 30, 21, 20)).astype(np.float32)
    name, extra = POOLS[pool]
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    for kernel, stride, padding in ((3, 2, 1), (13, 1, 6), ((21, 20), 1, 0)):
        geometry = {"kernel_size": kernel, "stride": stride, "padding": padding, **extra}
        for image, layout in ((x, "channels_first"), (last, "channels_last")):
            call = functools.partial(getattr(fastconv, f"{name}2d"), image, data_format=layout)
            one, *others = (call(**geometry, threads=n) for n in (1, 2, 5))
            assert all(bits(y) == bits(one) for y in others)


@pytest.mark.parametrize("pool", ["max", "min"])
def test_the_last_nan_and_the_first_of_equals_win_the_index(pool):
    x = np.array([[0.0, np.nan, 1.0, np.nan, 2.0, 2.0, 2.0, 5.0]])
    y, at = getattr(fastconv, f"{pool}_pool1d")(x, 4, return_indices=True)
    assert at.tolist() == [[3, 7 if pool == "max" else 4]]
    assert np.isnan(y[0, 0])


def test_windows_of_infinities_give_their_first_tap():
    x = np.full((1, 1, 4, 4), -np.inf, np.float32)
    y, at = fastconv.max_pool2d(x, 3, 2, 1, return_indices=True)
    assert (y == -np.inf).all()
    assert at.ravel().tolist() == [0, 1, 4, 5]
    y, at = fastconv.min_pool2d(-x, 3, 2, 1, return_indices=True)
    assert at.ravel().tolist() == [0, 1, 4, 5]


def test_infinities_stay_in_their_windows(isa):
    x = np.zeros((1, 40), np.float32)
    x[0, [3, 20]] = np.inf, -np.inf
    y = fastconv.sum_pool1d(x, 2, 1)
    assert np.flatnonzero(np.isinf(y[0])).tolist() == [2, 3, 19, 20]


def test_padding_never_wins():
    for dtype in INTEGERS:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        x = np.full((1, 3, 3), low, dtype)
        assert (fastconv.max_pool2d(x, 3, 1, 1) == low).all()
        assert (fastconv.min_pool2d(np.full_like(x, high), 3, 1, 1) == high).all()
    assert (fastconv.max_pool2d(np.full((1, 3, 3), -5), 3, 1, 1) == -5).all()
    assert (fastconv.max_pool2d(np.full((1, 3, 3), -5.0), 3, 1, 1) == -5).all()


def test_windows_without_input_give_neutral_values():
    x, pad = np.ones((1, 1)), ((2, 2),)
    assert fastconv.max_pool1d(x, 1, padding=pad)[0].tolist() == [-np.inf] * 2 + [1] + [-np.inf] * 2
    assert fastconv.max_pool1d(x.astype(np.int8), 1, padding=pad)[0, 0] == -128
    assert fastconv.min_pool1d(x.astype(np.uint8), 1, padding=pad)[0, 0] == 255
    assert fastconv.sum_pool1d(x, 1, padding=pad)[0, 0] == 0
    assert fastconv.lp_pool1d(x, np.inf, 1, padding=pad)[0, 0] == 0
    assert fastconv.avg_pool1d(x, 1, padding=pad)[0, 0] == 0
    assert np.isnan(fastconv.avg_pool1d(x, 1, padding=pad, count_include_pad=False)[0, 0])


def test_integer_sums_wrap():
    assert fastconv.sum_pool1d(np.array([[100, 100]], np.int8), 2)[0, 0] == -56
    assert fastconv.sum_pool1d(np.array([[200, 200]], np.uint8), 2)[0, 0] == 144
    most = np.iinfo(np.int64).max
    assert fastconv.sum_pool1d(np.array([[most, 1]]), 2)[0, 0] == np.iinfo(np.int64).min


def test_long_windows_do_not_drift(isa):
    x = np.full((1, 1_000_001), 0.1, np.float32)
    mean = fastconv.avg_pool1d(x, 1_000_000, 1)
    np.testing.assert_allclose(mean, np.float32(0.1), rtol=1e-6)
    # One huge element must not leave a trace in the windows behind it.
    x = np.ones((1, 200), np.float32)
    x[0, 50] = 1e30
    y = fastconv.sum_pool1d(x, 8, 1)
    assert (y[0, 51:] == 8).all()


def test_signs_of_zeros_do_not_depend_on_the_isa():
    rng = np.random.default_rng(3)
    x = np.where(rng.integers(0, 2, (2, 9, 9, 70)), 0.0, -0.0).astype(np.float32)
    results = []
    before = fastconv.isa()
    for name in fastconv.supported_isas():
        fastconv.set_isa(name)
        pooled = [fastconv.max_pool2d(z, 3, 2, 1) for z in (x, x[0, :3])]
        pooled += [fastconv.max_pool2d(x, 9, 1, 4), fastconv.global_max_pool2d(x)]
        results.append([bits(y) for y in pooled])
    fastconv.set_isa(before)
    assert all(result == results[0] for result in results)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_geometry_matches_the_reference(isa, data):
    draw = data.draw
    rank = draw(st.sampled_from([1, 2]))
    axes = st.lists(st.integers(1, 5), min_size=rank, max_size=rank)
    kernel, stride, dilation = (
        draw(axes),
        draw(axes),
        draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank)),
    )
    pads = st.tuples(st.integers(0, 4), st.integers(0, 4))
    padding = draw(
        st.sampled_from(["same", "same_lower", "valid"])
        | st.lists(pads, min_size=rank, max_size=rank)
    )
    lengths = draw(st.lists(st.integers(1, 40), min_size=rank, max_size=rank))
    arguments = (kernel, stride, padding, dilation, draw(st.booleans()))
    x = (
        np.random.default_rng(draw(st.integers(0, 99)))
        .integers(-3, 4, (2, *lengths))
        .astype(np.float32)
    )
    for name in ("max_pool", "min_pool"):
        compare(f"{name}{rank}d", x, *arguments)
        compare(f"{name}{rank}d", x, *arguments, return_indices=True)
    compare(f"sum_pool{rank}d", x, *arguments[:3], arguments[4], dilation=dilation)
    counts = {"count_include_pad": draw(st.booleans())}
    compare(f"avg_pool{rank}d", x, *arguments[:3], arguments[4], dilation=dilation, **counts)


def compare(name, x, *args, **kwargs):
    """The same result, or a ValueError from both."""
    try:
        want = getattr(reference, name)(x, *args, **kwargs)
    except ValueError:
        with pytest.raises(ValueError):
            getattr(fastconv, name)(x, *args, **kwargs)
        return
    got = getattr(fastconv, name)(x, *args, **kwargs)
    for g, w in zip(*((r if isinstance(r, tuple) else (r,)) for r in (got, want)), strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-6)
        assert g.shape == w.shape


@pytest.mark.parametrize("side", [64, 600])
def test_powers_have_equal_bits_whatever_the_threads(side):
    """Planes of powers that fit the caches and that do not are summed in different ways."""
    x = np.random.default_rng(3).standard_normal((1, 2, side, side)).astype(np.float32)
    one = fastconv.lp_pool2d(x, 3, 2, threads=1)
    for threads in (2, 7, 1000):
        assert np.array_equal(one, fastconv.lp_pool2d(x, 3, 2, threads=threads))


def test_a_batch_of_none_costs_nothing_however_long():
    """Tables by output, and searches over outputs, would cost minutes or gigabytes here."""
    none = np.zeros((0, 1, 2**40), np.float32)
    assert fastconv.avg_pool1d(none, 2).shape == (0, 1, 2**39)
    values, indices = fastconv.max_pool1d(none, 3, 1, padding=1, return_indices=True)
    assert values.shape == indices.shape == (0, 1, 2**40)
