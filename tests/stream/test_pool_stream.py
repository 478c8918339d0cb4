"""Pools as streams: `max_pool1d` and `avg_pool1d` of the joined blocks."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import fastconv
from cases import DTYPES
from fastconv import reference
from stream_cases import CUTS, LENGTH, joined

# Kernel, stride and dilation, by why they are here.
WINDOWS = {
    "windows side by side": (2, None, 1),
    "windows that overlap": (3, 1, 1),
    "a dilation": (3, 2, 4),
    "a stride longer than the kernel": (2, 5, 1),
    "a kernel of 1": (1, 3, 1),
}
POOLS = {"max": fastconv.MaxPoolStream1d, "avg": fastconv.AvgPoolStream1d}
ALL = pytest.mark.parametrize(
    ("kind", "why", "align"),
    [(kind, why, align) for kind in POOLS for why in WINDOWS for align in ("causal", "stride")],
)


def stream_of(kind, why, align, **more):
    kernel, stride, dilation = WINDOWS[why]
    return POOLS[kind](kernel, stride, dilation=dilation, align=align, **more)


def whole(kind, why, align, x):
    """The pool of the whole signal, padded on both sides so that every stride has its output."""
    kernel, stride, dilation = WINDOWS[why]
    stride = stride or kernel
    reach, n = dilation * (kernel - 1) + 1, x.shape[-1]
    last = stride - 1 if align == "stride" else 0
    count = -(-n // stride)
    nothing = -np.inf if kind == "max" else 0.0
    x = np.pad(x, ((0, 0), (0, 0), (reach, stride)), constant_values=nothing)
    x = x[..., 1 + last : 1 + last + (count - 1) * stride + reach]
    pool = reference.max_pool1d if kind == "max" else reference.avg_pool1d
    return pool(x, kernel, stride, dilation=dilation)


@pytest.mark.parametrize("channels", [1, 5, 20, 70])
@pytest.mark.parametrize("dtype", DTYPES, ids=["f32", "f64"])
@ALL
def test_the_joined_outputs_are_the_pool_of_the_whole(kind, why, align, channels, dtype, isa):
    x = np.random.default_rng(0).integers(-9, 10, (2, channels, LENGTH)).astype(dtype)
    want = whole(kind, why, align, x).astype(dtype)
    options = {"channels": channels, "batch": 2, "dtype": dtype}
    first = joined(stream_of(kind, why, align, **options), x, (LENGTH,))
    if kind == "max":
        np.testing.assert_array_equal(first, want)
    else:
        np.testing.assert_allclose(first, want, rtol=2e-7 if dtype == np.float32 else 3e-16)
    for lengths in CUTS.values():
        y = joined(stream_of(kind, why, align, **options), x, lengths)
        assert y.tobytes() == first.tobytes()
    last = stream_of(kind, why, align, data_format="channels_last", **options)
    y = joined(last, np.ascontiguousarray(x.swapaxes(1, 2)), (4, 1), axis=-2)
    assert np.ascontiguousarray(y.swapaxes(1, 2)).tobytes() == first.tobytes()


@ALL
def test_copies_go_on_and_reset_begins_anew(kind, why, align):
    x = np.random.default_rng(0).standard_normal((2, 3, LENGTH)).astype(np.float32)
    want = joined(stream_of(kind, why, align, channels=3, batch=2), x, (LENGTH,))
    stream = stream_of(kind, why, align, channels=3, batch=2)
    before = stream(x[..., :17])
    for other in (copy.copy(stream), pickle.loads(pickle.dumps(stream)), stream):
        after = joined(other, x[..., 17:], (5,))
        assert np.concatenate([before, after], -1).tobytes() == want.tobytes()
    assert joined(stream, x, (7,)).tobytes() == want.tobytes()


def test_nan_wins_and_an_infinity_counts():
    x = np.array([[1, np.nan, 2, 3, -np.inf, -np.inf, 5]], np.float32)
    y = fastconv.MaxPoolStream1d(2, 1, channels=1)(x)
    np.testing.assert_array_equal(y, [[1, np.nan, np.nan, 3, 3, -np.inf, 5]])
    y = fastconv.AvgPoolStream1d(2, 1, channels=1)(x[:, 3:])
    np.testing.assert_array_equal(y, [[1.5, -np.inf, -np.inf, -np.inf]])


def test_what_stands_before_the_signal():
    ones = np.ones((1, 4), np.float32)
    assert fastconv.MaxPoolStream1d(3, 1, channels=1)(-ones).tolist() == [[-1] * 4]
    y = fastconv.AvgPoolStream1d(4, 1, channels=1)(ones)
    assert y.tolist() == [[0.25, 0.5, 0.75, 1]]
    y = fastconv.AvgPoolStream1d(4, 1, divisor_override=1, channels=1)(ones)
    assert y.tolist() == [[1, 2, 3, 4]]
    stream = fastconv.MaxPoolStream1d(3, 2, channels=1, align="stride")
    assert (stream.latency, stream.receptive_field) == (1, 3)


WRONG = {
    "no kernel": (ValueError, "kernel_size", (0,), {}),
    "a kernel that is no int": (TypeError, "kernel_size", (1.5,), {}),
    "no stride": (ValueError, "stride", (2, 0), {}),
    "integers": (TypeError, "dtype", (2,), {"dtype": np.int32}),
    "no channels": (ValueError, "channels", (2,), {"channels": 0}),
    "an unknown alignment": (ValueError, "align", (2,), {"align": "end"}),
}


@pytest.mark.parametrize("kind", POOLS)
@pytest.mark.parametrize("why", WRONG)
def test_bad_arguments_are_refused(why, kind):
    error, name, arguments, more = WRONG[why]
    with pytest.raises(error, match=name):
        POOLS[kind](*arguments, **({"channels": 3} | more))


def test_a_divisor_of_zero_is_refused():
    with pytest.raises(ValueError, match="divisor_override"):
        fastconv.AvgPoolStream1d(2, divisor_override=0, channels=3)
