"""Convolution beside its sums: layouts, padding words, and where the result may lie."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from cases import CONV, DTYPES, each, exact
from fastconv import reference

pytestmark = pytest.mark.usefixtures("plain_sums")

each_dtype = pytest.mark.parametrize("dtype", DTYPES)


@each(CONV)
def test_channels_last_is_the_same_with_its_axes_moved(case):
    x, w, b, want = exact(case, np.float32)
    n = len(case.w) - 2
    last = np.ascontiguousarray(np.moveaxis(x, -1 - n, -1))
    y = case.function(last, w, b, **case.options, data_format="channels_last")
    assert y.flags.c_contiguous
    assert y.flags.owndata
    np.testing.assert_array_equal(y, np.moveaxis(want, -1 - n, -1))


@each(CONV)
def test_without_bias_is_with_a_bias_of_zeros(case):
    x, w, b, want = exact(case, np.float64)
    channels = case.bias_shape + (1,) * (len(case.w) - 2)
    np.testing.assert_array_equal(case.function(x, w, **case.options), want - b.reshape(channels))


WORDS = ("valid", "same", "same_lower", "full", "causal")
MODES = ("zeros", "reflect", "replicate", "circular", "symmetric", ("constant", 3.0))


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
        around = mode in ("circular", "symmetric")
        if around and word in ("full", "causal") and dilation * (kernel - 1) > length:
            with pytest.raises(ValueError, match=f"{mode} padding must be at most"):
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
