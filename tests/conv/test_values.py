"""Values that spread: NaN, infinity, overflow, subnormals; and memory that is not the caller's."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import fastconv
from algorithms import dtypes_of, each_with_algorithm
from cases import CONV, TRANSPOSED, Case, bound, each
from fastconv import grad, reference

pytestmark = pytest.mark.usefixtures("plain_sums")

SPECIAL = (np.nan, np.inf, -np.inf)

# Small enough to put the value everywhere; between them they have every position class: inner,
# edge, corner, zero padding, the tail of a vector and of a tile, what strides and dilations skip.
SMALL = [
    case
    for case in (*CONV, *TRANSPOSED)
    if 0 < np.prod(case.x) * np.prod(case.w) < 60_000 or case.why.startswith("a row")
]


def positions(shape, most=60):
    """All indices of small arrays, else some of them with the ends."""
    size = int(np.prod(shape))
    flat = np.unique(np.linspace(0, size - 1, most).astype(int)) if size > most else range(size)
    return [np.unravel_index(i, shape) for i in flat]


@functools.cache
def exact(case, dtype):
    """Integer data without zeros among the weights, and what comes of it."""
    x, w, b = case.integers(dtype)
    w[w == 0] = 1  # 0 * inf would spread another value than a neighbour's
    return x, w, b, case.oracle(x, w, b, **case.options)


@functools.cache
def reached(case, at):
    """The outputs whose window holds the input element `at`."""
    x, w = np.zeros(case.x), np.ones(case.w)
    without = case.oracle(x, w, **case.options)  # not 0 where the border is a constant
    x[at] = 1
    return case.oracle(x, w, **case.options) != without


@each_with_algorithm(SMALL)
def test_a_special_value_reaches_exactly_the_outputs_that_hold_it(case, algorithm, isa):
    x, w, b, want = exact(case, dtypes_of(case, algorithm)[0])
    for i, at in enumerate(positions(case.x, 18)):
        special = x.copy()
        special[at] = SPECIAL[i % 3]
        y = case.function(special, w, b, **case.options, algorithm=algorithm)
        hit = reached(case, at)
        np.testing.assert_array_equal(np.isfinite(y), ~hit)
        np.testing.assert_array_equal(y[~hit], want[~hit])


@each([case for case in SMALL if case.options.get("padding_mode", "zeros") == "zeros"])
def test_a_special_value_reaches_exactly_the_gradients_that_hold_it(case, isa):
    """Both gradients take sums too: what an element of dy touches is what it contaminates."""
    n = len(case.w) - 2
    x, w, _ = case.integers(np.float64)
    w[w == 0] = 1
    options = {k: v for k, v in case.options.items() if k not in ("output_padding", "output_size")}
    y = case.function(x, w, **case.options)
    module, oracle = (getattr(m, f"conv{'_transpose' * case.transposed}{n}d")
                      for m in (grad, reference.grad))  # fmt: skip
    for at in positions(y.shape, 8):
        dy, mark = np.ones(y.shape), np.zeros(y.shape)
        dy[at], mark[at] = np.nan, 1
        hit = oracle(np.ones(x.shape), np.ones(w.shape), mark, **options)
        dx, dw, db = module(x, w, dy, **options)
        np.testing.assert_array_equal(np.isnan(dx), hit[0] != 0)
        np.testing.assert_array_equal(np.isnan(db), hit[2] != 0)
        # A zero of the padding times NaN may be NaN; beyond the tap's own group nothing may be.
        assert np.all(np.isnan(dw)[hit[1] != 0])
        assert np.isnan(dw).any(axis=tuple(range(1, dw.ndim))).sum() <= (
            dw.shape[0] // options.get("groups", 1) if case.transposed else 1
        )


@each_with_algorithm((*CONV, *TRANSPOSED))
def test_memory_around_the_arrays_is_neither_used_nor_changed(case, algorithm, isa):
    """NaN before and after every buffer, which is where over-reading kernels would find it."""
    dtype = dtypes_of(case, algorithm)[-1 if algorithm == "auto" else 0]
    *arrays, want = exact(case, dtype)

    def fenced(shape, fence=70):
        size = int(np.prod(shape))
        room = np.full(size + 2 * fence, np.nan, dtype)
        return room, room[fence : fence + size].reshape(shape)

    rooms = []
    for array in arrays:
        rooms.append(fenced(array.shape))
        rooms[-1][1][...] = array
    room, out = fenced(want.shape)
    inputs = [inside for _, inside in rooms]
    for threads in (1, 3):
        out[...] = np.nan
        case.function(*inputs, **case.options, algorithm=algorithm, out=out, threads=threads)
        np.testing.assert_array_equal(out, want)
        assert np.isnan(room[:70]).all()
        assert np.isnan(room[-70:]).all()


@each_with_algorithm((*CONV, *TRANSPOSED))
def test_what_an_earlier_call_left_in_scratch_is_not_used(case, algorithm, isa):
    call = {**case.options, "algorithm": algorithm}
    x, w, b, want = exact(case, dtypes_of(case, algorithm)[0])
    case.function(np.full_like(x, np.nan), np.full_like(w, np.nan), b, **call)
    np.testing.assert_array_equal(case.function(x, w, b, **call), want)


def test_gaps_of_a_strided_out_are_not_written():
    room = np.full((2, 12, 10, 14), np.nan, np.float32)
    x, w = np.ones((1, 3, 7, 9), np.float32), np.ones((6, 3, 3, 3), np.float32)
    fastconv.conv2d(x, w, out=room[1:, ::2, ::2, 1::2])
    assert np.isnan(room[0]).all()
    assert np.isnan(room[1, 1::2]).all()
    assert np.isnan(room[1, :, 1::2]).all()
    assert np.isnan(room[1, :, :, ::2]).all()
    assert np.all(room[1, ::2, ::2, 1::2] == 27)


@each_with_algorithm([Case("rows longer than a vector", (1, 3, 9, 21), (5, 3, 3, 3))])
def test_subnormals_are_not_flushed(case, algorithm, isa):
    for dtype in dtypes_of(case, algorithm):
        least = np.finfo(dtype).smallest_subnormal
        x, w, _ = case.integers(dtype)
        y = case.function(x * least, w, algorithm=algorithm)
        np.testing.assert_array_equal(y, reference.conv2d(x, w).astype(dtype) * least)
        assert np.any(y)


@each_with_algorithm([Case("one grey image", (1, 1, 8, 40), (2, 1, 3, 3), {"padding": 1})])
def test_overflow_is_infinite_where_the_sum_is(case, algorithm, isa):
    for dtype in dtypes_of(case, algorithm):
        huge = np.finfo(dtype).max / 4
        x = np.zeros(case.x, dtype)
        x[0, 0, 4, 17], x[0, 0, 4, 30] = huge, -huge
        y = case.function(x, np.full(case.w, 10, dtype), **case.options, algorithm=algorithm)
        want = np.zeros((1, 2, 8, 40), dtype)
        want[:, :, 3:6, 16:19], want[:, :, 3:6, 29:32] = np.inf, -np.inf
        np.testing.assert_array_equal(y, want)


@each_with_algorithm([Case("one tap", (1, 1, 4, 4), (1, 1, 1, 1))])
def test_the_largest_number_is_no_overflow(case, algorithm, isa):
    for dtype in dtypes_of(case, algorithm):
        x = np.full(case.x, np.finfo(dtype).max)
        y = case.function(x, np.ones(case.w, dtype), algorithm=algorithm)
        np.testing.assert_array_equal(y, x)


@each_with_algorithm(CONV[:12])
def test_cancellation_stays_within_the_bound(case, algorithm, isa):
    """[1e8, 1, -1e8] and its like: the error is relative to the terms, not to their sum."""
    for dtype in dtypes_of(case, algorithm):
        x, w, b = case.floats(dtype)
        x = (np.resize([1e8, 1, -1e8, 1e-3], x.shape) * np.sign(x)).astype(dtype)
        y = case.function(x, w, b, **case.options, algorithm=algorithm)
        want = case.oracle(x, w, b, **case.options)
        # The oracle's own rounding counts where float64 is measured against it.
        assert np.all(np.abs(y - want) <= 2 * bound(case, x, w, b))


def test_minus_zero_and_zero_are_equal():
    x = -np.zeros((1, 2, 5, 5), np.float32)
    np.testing.assert_array_equal(fastconv.conv2d(x, np.ones((3, 2, 3, 3), np.float32)), 0)


@each_with_algorithm([Case("two channels to four", (1, 2, 6, 20), (4, 2, 3, 3))])
def test_non_finite_weights_reach_the_windows_inside(case, algorithm, isa):
    """Every window without padding has all taps; over zero padding it is unspecified."""
    dtype = dtypes_of(case, algorithm)[0]
    x = np.ones(case.x, dtype)
    for at in np.ndindex(case.w):
        w = np.ones(case.w, dtype)
        w[at] = np.nan
        y = case.function(x, w, algorithm=algorithm)
        assert np.isnan(y[0, at[0]]).all()
        np.testing.assert_array_equal(np.delete(y[0], at[0], 0), 18)
