"""Transposed convolution beside its sums: layouts, output sizes, where the result may lie."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from algorithms import options_of
from cases import TRANSPOSED, each, exact
from fastconv import reference

pytestmark = pytest.mark.usefixtures("plain_sums")


@each(TRANSPOSED)
def test_channels_last_is_the_same_with_its_axes_moved(case):
    x, w, b, want = exact(case, np.float64)
    n, options = len(case.w) - 2, options_of(case, "channels_last")
    last = np.ascontiguousarray(np.moveaxis(x, -1 - n, -1))
    y = case.function(last, w, b, **options, data_format="channels_last")
    np.testing.assert_array_equal(y, np.moveaxis(want, -1 - n, -1))


@each(TRANSPOSED)
def test_out_is_written_where_nothing_lands_too(case):
    x, w, b, want = exact(case, np.float32)
    out = np.full([2 * n for n in want.shape], np.nan, np.float32)[(slice(None, None, 2),) * x.ndim]
    assert case.function(x, w, b, **case.options, out=out) is out
    np.testing.assert_array_equal(out, want)


def test_holes_hold_the_bias_and_its_activation():
    x, w = np.ones((1, 1, 3)), np.ones((1, 1, 1))
    y = fastconv.conv_transpose1d(x, w, np.array([-2.0]), stride=3, activation="relu6")
    np.testing.assert_array_equal(y, np.zeros((1, 1, 7)))
    y = fastconv.conv_transpose1d(x, w, np.array([3.0]), stride=3, activation="relu6")
    np.testing.assert_array_equal(y, [[[4, 3, 3, 4, 3, 3, 4]]])


@pytest.mark.parametrize("shift", [1, 7, 40])
def test_out_may_overlap_the_input(shift):
    rng = np.random.default_rng(shift)
    w = rng.integers(-9, 10, (4, 4, 3, 3)).astype(np.float32)
    room = rng.integers(-9, 10, 4 * 30 + shift).astype(np.float32)
    for x, out in ((room[shift:], room[:-shift]), (room[:-shift], room[shift:])):
        x, out = x.reshape(1, 4, 5, 6), out.reshape(1, 4, 5, 6)
        want = reference.conv_transpose2d(x.copy(), w, padding=1)
        np.testing.assert_array_equal(fastconv.conv_transpose2d(x, w, padding=1, out=out), want)


def test_output_sizes_of_one_stride_are_all_there():
    x, w = np.arange(4.0).reshape(1, 1, 4), np.arange(3.0).reshape(1, 1, 3)
    for length in range(12, 16):
        for size in (length, (length,), [length], (1, 1, length), np.array([length])):
            y = fastconv.conv_transpose1d(x, w, stride=4, padding=((1, 2),), output_size=size)
            want = reference.conv_transpose1d(
                x, w, stride=4, padding=((1, 2),), output_size=(length,)
            )
            np.testing.assert_array_equal(y, want)
    for length in (11, 16, 0, -1):
        with pytest.raises(ValueError, match=f"output_size must be from 12 to 15, got {length}"):
            fastconv.conv_transpose1d(x, w, stride=4, padding=((1, 2),), output_size=length)
