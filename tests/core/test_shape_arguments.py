"""Shapes that are given as arrays: the message asks for a shape and tells what came."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from fastconv import grad

X = np.ones((1, 4, 6, 7), np.float32)
W = np.ones((6, 4, 3, 3), np.float32)
DY = np.ones((1, 6, 4, 5), np.float32)
POOLED = np.ones((1, 4, 3, 3), np.float32)
LINE, LINE_W = X[0], W[0]
SHAPE = "{} must be a shape, a sequence of {}"
A_SHAPE = "got an array of shape"

CALLS = {
    "weight_size": (
        lambda: grad.conv2d_weight(X, W, DY),
        SHAPE.format("weight_size", "4 ints"),
        r"shape \(6, 4, 3, 3\) and dtype float32",
    ),
    "weight_size of a line": (
        lambda: grad.conv1d_weight(LINE, LINE_W, np.ones((4, 4, 5), np.float32)),
        SHAPE.format("weight_size", "3 ints"),
        r"shape \(4, 3, 3\) and dtype float32",
    ),
    "input_size": (
        lambda: grad.conv2d_input(X, W, DY),
        SHAPE.format("input_size", r"ints such as \(N, C, H, W\) or \(C, H, W\)"),
        r"shape \(1, 4, 6, 7\) and dtype float32",
    ),
    "input_size, channels last": (
        lambda: grad.conv2d_input(X, W, DY, data_format="channels_last"),
        SHAPE.format("input_size", r"ints such as \(N, H, W, C\) or \(H, W, C\)"),
        r"shape \(1, 4, 6, 7\)",
    ),
    "input_size of floats": (
        lambda: grad.conv2d_input(np.array([1.0, 4, 6, 7]), W, DY),
        SHAPE.format("input_size", "ints"),
        r"shape \(4,\) and dtype float64",
    ),
    "input_size of a pool": (
        lambda: grad.sum_pool2d_input(POOLED, X, 2),
        SHAPE.format("input_size", "ints"),
        r"shape \(1, 4, 6, 7\)",
    ),
    "output_size of a transposed convolution": (
        lambda: fastconv.conv_transpose2d(DY, W, output_size=X),
        SHAPE.format("output_size", "ints"),
        r"shape \(1, 4, 6, 7\)",
    ),
    "output_size of an adaptive pool": (
        lambda: fastconv.adaptive_avg_pool2d(X, POOLED),
        "output_size must have one entry or one for each of 2 axes",
        r"shape \(1, 4, 3, 3\)",
    ),
    "output_size of fold": (
        lambda: fastconv.fold(np.ones((1, 36, 20), np.float32), X, 3),
        "output_size must be an int or a sequence of one or two ints",
        r"shape \(1, 4, 6, 7\)",
    ),
    "output_size of an unpooling": (
        lambda: fastconv.max_unpool2d(POOLED, np.zeros(POOLED.shape, np.int64), 2, output_size=X),
        "output_size must be",
        r"shape \(1, 4, 6, 7\)",
    ),
    "kernel_size": (
        lambda: fastconv.max_pool2d(X, np.ones((2, 2), np.int64)),
        "kernel_size must be an int or a sequence of one or two ints",
        r"shape \(2, 2\) and dtype int64",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_an_array_is_no_shape(name):
    call, asked_for, came = CALLS[name]
    with pytest.raises(TypeError, match=asked_for) as error:
        call()
    assert A_SHAPE in str(error.value)
    assert error.match(came)


def test_arrays_of_one_axis_of_ints_are_shapes():
    want = grad.conv2d_weight(X, W.shape, DY)
    np.testing.assert_array_equal(grad.conv2d_weight(X, np.array(W.shape), DY), want)
    want = grad.conv2d_input(X.shape, W, DY)
    np.testing.assert_array_equal(grad.conv2d_input(np.array(X.shape, np.int32), W, DY), want)
    want = fastconv.adaptive_max_pool2d(X, (3, 2))
    np.testing.assert_array_equal(fastconv.adaptive_max_pool2d(X, np.array([3, 2])), want)


def test_a_wrong_count_of_ints_shows_them():
    with pytest.raises(ValueError, match=r"weight_size must have 4 entries, got array\(\[6, 4\]\)"):
        grad.conv2d_weight(X, np.array([6, 4]), DY)
    with pytest.raises(ValueError, match=r"input_size must be \(N, C, H, W\)"):
        grad.conv2d_input(np.array([6, 4]), W, DY)
