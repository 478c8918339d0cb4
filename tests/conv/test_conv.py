"""Convolution against the oracle: every case, algorithm, ISA, dtype and number of threads."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import fastconv
from cases import ALGORITHMS, CONV, bound, each, each_with_algorithm, takes
from fastconv import reference

pytestmark = pytest.mark.usefixtures("plain_sums")

DTYPES = (np.float32, np.float64)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)

FIXED = [case for case in CONV if case.why in (
    "enough work for threads", "terms over several slices", "depthwise at stride 2",
    "a stem: 7x7 at stride 2", "1x1 is a matrix product", "a row longer than a block of columns",
)]  # fmt: skip


@functools.cache
def exact(case, dtype):
    """Integer data and what must come out of it, bit for bit."""
    x, w, b = case.integers(dtype)
    return x, w, b, case.oracle(x, w, b, **case.options)


@functools.cache
def measured(case, dtype):
    """Float data, what should come out, and how far from it a result may be."""
    x, w, b = case.floats(dtype)
    return x, w, b, case.oracle(x, w, b, **case.options), bound(case, x, w, b)


def residual_for(case, y):
    """An array like the output whose values are small integers."""
    return np.resize(np.arange(-5, 6, dtype=y.dtype), y.shape)


@each_with_algorithm(CONV)
def test_integers_are_exact(case, isa, algorithm):
    for dtype in DTYPES:
        x, w, b, want = exact(case, dtype)
        for threads in (1, 3):
            y = case.function(x, w, b, **case.options, algorithm=algorithm, threads=threads)
            assert y.dtype == dtype
            np.testing.assert_array_equal(y, want, err_msg=f"{dtype.__name__}, {threads} threads")


@each_with_algorithm(CONV)
def test_floats_are_within_the_bound(case, isa, algorithm):
    for dtype in DTYPES:
        x, w, b, want, most = measured(case, dtype)
        y = case.function(x, w, b, **case.options, algorithm=algorithm, precision="highest")
        assert np.all(np.abs(y - want) <= most), dtype.__name__


@each_with_algorithm(CONV, taken=False)
def test_what_an_algorithm_cannot_take_it_refuses_with_a_reason(case, algorithm):
    x, w, b = case.integers(np.float32)
    why = {"pointwise": "1x1 kernels", "depthwise": "one input channel per group"}[algorithm]
    with pytest.raises(ValueError, match=f"algorithm '{algorithm}' cannot take .*{why}"):
        case.function(x, w, b, **case.options, algorithm=algorithm)


@each_dtype
@each(FIXED)
def test_threads_change_no_bit(case, isa, dtype):
    x, w, b = case.floats(dtype)
    for algorithm in ALGORITHMS:
        if takes(case, algorithm):
            how = {**case.options, "algorithm": algorithm}
            one = case.function(x, w, b, **how, threads=1).tobytes()
            for threads in (2, 3, 7):
                many = case.function(x, w, b, **how, threads=threads).tobytes()
                assert many == one, (algorithm, threads)


@each(FIXED)
def test_equal_calls_give_equal_bits_wherever_the_arrays_lie(case, isa):
    x, w, b = case.floats(np.float32)
    first = case.function(x, w, b, **case.options).tobytes()
    for offset in (0, 1, 3, 8):
        room = np.empty(x.size + 16, np.float32)
        moved = room[offset : offset + x.size].reshape(x.shape)
        moved[...] = x
        assert case.function(moved, w, b, **case.options).tobytes() == first


@each(CONV)
def test_channels_last_is_the_same_with_its_axes_moved(case):
    x, w, b, want = exact(case, np.float32)
    n = len(case.w) - 2
    last = np.ascontiguousarray(np.moveaxis(x, -1 - n, -1))
    y = case.function(last, w, b, **case.options, data_format="channels_last")
    assert y.flags.c_contiguous
    assert y.flags.owndata
    np.testing.assert_array_equal(y, np.moveaxis(want, -1 - n, -1))


@each_with_algorithm(CONV)
def test_a_residual_is_added_and_may_be_the_result(case, isa, algorithm):
    x, w, b, want = exact(case, np.float32)
    residual = residual_for(case, want.astype(np.float32))
    how = {**case.options, "algorithm": algorithm}
    y = case.function(x, w, b, **how, residual=residual)
    np.testing.assert_array_equal(y, want + residual)
    for threads in (1, 3):
        out = residual.copy()
        assert case.function(x, w, b, **how, residual=out, out=out, threads=threads) is out
        np.testing.assert_array_equal(out, want + residual)


@each(CONV)
def test_without_bias_is_with_a_bias_of_zeros(case):
    x, w, b, want = exact(case, np.float64)
    channels = case.bias_shape + (1,) * (len(case.w) - 2)
    np.testing.assert_array_equal(case.function(x, w, **case.options), want - b.reshape(channels))


WORDS = ("valid", "same", "same_lower", "full", "causal")
MODES = ("zeros", "reflect", "replicate", "circular")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("word", WORDS)
def test_words_in_every_mode_and_geometry(word, mode):
    rng = np.random.default_rng(0)
    for n, k, s, d in np.ndindex(3, 5, 3, 3):
        length, kernel, stride, dilation = n + 9, k + 1, s + 1, d + 1
        x = rng.integers(-9, 10, (1, 2, length)).astype(np.float32)
        w = rng.integers(-9, 10, (3, 2, kernel)).astype(np.float32)
        call = (x, w, None, stride, word, dilation)
        if mode == "reflect" and word in ("full", "causal") and dilation * (kernel - 1) >= length:
            with pytest.raises(ValueError, match="reflect padding must be less than"):
                fastconv.conv1d(*call, padding_mode=mode)
            continue
        if mode == "circular" and word in ("full", "causal") and dilation * (kernel - 1) > length:
            with pytest.raises(ValueError, match="circular padding must be at most"):
                fastconv.conv1d(*call, padding_mode=mode)
            continue
        if word == "valid" and dilation * (kernel - 1) >= length:
            continue
        want = reference.conv1d(*call, padding_mode=mode)
        np.testing.assert_array_equal(fastconv.conv1d(*call, padding_mode=mode), want)
        if word in ("same", "same_lower"):
            assert want.shape[-1] == -(-length // stride)


FORMS = (  # equal forms of one padding of a 2-D convolution
    (0, (0,), [0, 0], ((0, 0),), "valid", np.int64(0)),
    (2, (2,), (2, 2), ((2, 2),), ((2, 2), (2, 2)), [2, (2, 2)], np.array([2, 2]), np.array(2)),
    ((1, 3), [[1, 1], [3, 3]], np.array([1, 3]), ((1, 1), 3), (np.int8(1), np.uint64(3))),
    (((1, 0), (2, 1)), [[1, 0], [2, 1]], np.array([[1, 0], [2, 1]]), ([1, 0], (2, 1))),
)


@pytest.mark.parametrize("forms", FORMS, ids=lambda forms: str(forms[0]))
def test_forms_of_one_padding_are_one(forms):
    x = np.arange(2 * 6 * 7, dtype=np.float32).reshape(1, 2, 6, 7)
    w = np.arange(3 * 2 * 3 * 3, dtype=np.float32).reshape(3, 2, 3, 3)
    results = [fastconv.conv2d(x, w, padding=form) for form in forms]
    for y in results[1:]:
        np.testing.assert_array_equal(y, results[0])


OUTS = {
    "fresh": lambda shape, t: np.empty(shape, t),
    "every second of everything": lambda shape, t: np.empty([2 * n for n in shape], t)[
        ::2, 1::2, ::2, 1::2
    ],
    "reversed": lambda shape, t: np.empty(shape, t)[::-1, ::-1, ::-1, ::-1],
    "channels last in memory": lambda shape, t: np.moveaxis(
        np.empty([shape[i] for i in (0, 2, 3, 1)], t), -1, 1
    ),
    "Fortran order": lambda shape, t: np.empty(shape, t, order="F"),
    "misaligned": lambda shape, t: (
        np.frombuffer(bytearray(np.prod(shape) * np.dtype(t).itemsize + 1), np.uint8)[1:]
        .view(t)
        .reshape(shape)
    ),
    "a field of a struct": lambda shape, t: np.empty(shape, [("a", "i1"), ("y", t)])["y"],
}


@each_dtype
@pytest.mark.parametrize("kind", OUTS)
def test_out_is_written_through_any_strides(kind, dtype):
    rng = np.random.default_rng(1)
    x = rng.integers(-9, 10, (2, 3, 7, 9)).astype(dtype)
    w = rng.integers(-9, 10, (5, 3, 3, 3)).astype(dtype)
    want = reference.conv2d(x, w)
    out = OUTS[kind](want.shape, dtype)
    assert fastconv.conv2d(x, w, out=out) is out
    np.testing.assert_array_equal(out, want)
    last = OUTS[kind](want.transpose(0, 2, 3, 1).shape, dtype)
    xl = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    assert fastconv.conv2d(xl, w, out=last, data_format="channels_last") is last
    np.testing.assert_array_equal(last, want.transpose(0, 2, 3, 1))


OVERLAPS = {
    "the input itself": lambda room: (room[8:], room[8:]),
    "the input shifted on": lambda room: (room[8:], room[:-8]),
    "the input shifted back": lambda room: (room[:-8], room[8:]),
    "shifted by less than a channel": lambda room: (room[8:], room[7:-1]),
    "the input reversed": lambda room: (room[8:], room[8:][::-1]),
    "every second": lambda room: (room[8:], np.repeat(room, 2)[::2][8:]),
}


@pytest.mark.parametrize("algorithm", ["direct", "im2col", "pointwise"])
@pytest.mark.parametrize("kind", OVERLAPS)
def test_out_may_overlap_the_input(kind, algorithm):
    rng = np.random.default_rng(2)
    size = 1 if algorithm == "pointwise" else 3
    w = rng.integers(-9, 10, (4, 4, size, size)).astype(np.float32)
    room = rng.integers(-9, 10, 4 * 50 + 8).astype(np.float32)
    x, out = (flat.reshape(1, 4, 5, 10) for flat in OVERLAPS[kind](room))
    want = reference.conv2d(x.copy(), w, padding=size // 2)
    y = fastconv.conv2d(x, w, padding=size // 2, algorithm=algorithm, out=out)
    assert y is out
    np.testing.assert_array_equal(out, want)


def test_out_may_overlap_weight_and_bias():
    rng = np.random.default_rng(3)
    x = rng.integers(-9, 10, (1, 3, 3, 3)).astype(np.float32)
    room = rng.integers(-9, 10, 120).astype(np.float32)
    w, b, out = room[:81].reshape(3, 3, 3, 3), room[60:63], room[50:77].reshape(1, 3, 3, 3)
    want = reference.conv2d(x, w.copy(), b.copy(), padding=1)
    np.testing.assert_array_equal(fastconv.conv2d(x, w, b, padding=1, out=out), want)


def test_out_may_overlap_the_residual_in_part():
    rng = np.random.default_rng(4)
    x = rng.integers(-9, 10, (1, 3, 6, 6)).astype(np.float32)
    w = rng.integers(-9, 10, (3, 3, 3, 3)).astype(np.float32)
    for gap in (1, 5, 36):
        room = rng.integers(-9, 10, 108 + gap).astype(np.float32)
        residual, out = room[gap:].reshape(x.shape), room[:-gap].reshape(x.shape)
        want = reference.conv2d(x, w, padding=1, residual=residual.copy())
        y = fastconv.conv2d(x, w, padding=1, residual=residual, out=out)
        np.testing.assert_array_equal(y, want)


def test_the_input_may_be_the_residual_and_the_result():
    x = np.arange(48, dtype=np.float32).reshape(1, 3, 4, 4)
    w = np.ones((3, 3, 3, 3), np.float32)
    want = reference.conv2d(x, w, padding=1, residual=x)
    np.testing.assert_array_equal(fastconv.conv2d(x, w, padding=1, residual=x, out=x), want)


def test_the_input_may_be_the_weight():
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    np.testing.assert_array_equal(fastconv.conv2d(x, x), reference.conv2d(x, x))


def test_an_empty_batch_gives_an_empty_result_of_the_right_shape():
    y = fastconv.conv2d(np.empty((0, 3, 8, 9), np.float32), np.ones((4, 3, 3, 3), np.float32))
    assert y.shape == (0, 4, 6, 7)
    assert y.dtype == np.float32
