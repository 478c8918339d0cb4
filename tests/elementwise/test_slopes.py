"""PReLU behind `fastconv.batch_norm`: slopes in any memory, what is written, and when."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import fastconv

LAYOUTS = ("channels_first", "channels_last")
each_layout = pytest.mark.parametrize("layout", LAYOUTS)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda t: t.__name__)
each_number = pytest.mark.parametrize("n", [1, 5])


def draw(dtype, layout, n, size=7):
    """An input of 5 channels, their mean, variance, weight and bias, and n slopes."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 5, 6, size) if layout == "channels_first" else (3, 6, size, 5))
    channel = (rng.uniform(0.5, 2, 5).astype(dtype) for _ in range(4))
    return x.astype(dtype), [*channel], np.linspace(0.5, -0.75, n).astype(dtype)


@each_layout
@each_dtype
@each_number
def test_they_are_those_of_prelu_bit_for_bit(n, dtype, layout, isa):
    x, channel, slopes = draw(dtype, layout, n)
    plain = fastconv.batch_norm(x, *channel, data_format=layout)
    wanted = fastconv.prelu(plain, slopes, data_format=layout)
    swapped = slopes.astype(slopes.dtype.newbyteorder())
    spread = np.repeat(slopes, 2)[::2]
    lists = [slopes.tolist()] if dtype is np.float64 else []
    scalars = [slopes[0], slopes.reshape(())] if n == 1 else []
    for given in (slopes, swapped, spread, *lists, *scalars):
        for pair in (("prelu", given), ["prelu", given]):
            how = {"activation": pair, "data_format": layout}
            for out in (None, np.empty_like(x)):
                y = fastconv.batch_norm(x, *channel, **how, out=out)
                np.testing.assert_array_equal(y, wanted, strict=True)
                assert out is None or y is out


@each_layout
@each_number
def test_they_may_lie_where_the_result_goes(n, layout):
    x, channel, slopes = draw(np.float32, layout, n)
    how = {"data_format": layout}
    wanted = fastconv.batch_norm(x, *channel, activation=("prelu", slopes), **how)
    out = np.zeros_like(x)
    inside = out.reshape(-1)[3 : 3 + n]
    inside[...] = slopes
    fastconv.batch_norm(x, *channel, activation=("prelu", inside), out=out, **how)
    np.testing.assert_array_equal(out, wanted)


@each_layout
def test_a_whole_array_is_written_without_a_temporary(layout):
    x, channel, slopes = draw(np.float32, layout, 5, size=1000)
    out, how = np.empty_like(x), {"activation": ("prelu", slopes), "data_format": layout}
    every = np.empty((*x.shape, 2), np.float32)[..., 0]
    peaks = []
    for target in (out, out, every):  # the first call warms up what Python allocates once
        tracemalloc.start()
        fastconv.batch_norm(x, *channel, **how, out=target)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    np.testing.assert_array_equal(out, every)
    assert peaks[1] < x.nbytes / 4
    assert peaks[2] >= x.nbytes  # a temporary would be seen
