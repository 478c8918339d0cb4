"""PReLU: slopes by channel in any shape and layout, its two gradients, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastconv
from fastconv import grad, reference

DTYPES = (np.float32, np.float64)

SHAPES = (  # shape, slopes, why
    ((2, 3, 5, 7), 3, "planes longer than a vector"),
    ((2, 3, 5, 7), 1, "one slope for all"),
    ((3, 1, 4), 1, "one channel"),
    ((5, 7), 7, "a channel is one element"),
    ((100, 3), 3, "several periods in a row, and some left"),
    ((2000, 5), 5, "rows in several blocks, and some left"),
    ((70, 300), 300, "a period longer than a row"),
    ((1, 33), 33, "a single period"),
    ((400, 4, 15), 4, "the longest plane that is spread out"),
    ((3, 4, 16), 4, "the shortest that is not"),
    ((1, 2, 40_001), 2, "planes in several pieces"),
    ((3, 40, 20, 20), 40, "several planes a task"),
    ((50_001,), 1, "one axis"),
    ((), 1, "no axis"),
    ((0, 3, 4), 3, "no images"),
    ((2, 3, 0), 3, "empty planes"),
    ((2, 0, 3), 0, "no channels"),
)
each_shape = pytest.mark.parametrize(
    ("shape", "n"), [row[:2] for row in SHAPES], ids=[row[2].replace(" ", "-") for row in SHAPES]
)
layouts = pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])


def arrays(shape, n, data_format, dtype):
    """Integers, a gradient of integers, and slopes whose products are exact; in the layout."""
    rng = np.random.default_rng(5)
    x, dy = (rng.integers(-8, 9, shape).astype(dtype) for _ in range(2))
    if data_format == "channels_last" and x.ndim > 1:
        x, dy = (np.moveaxis(a, 1, -1) for a in (x, dy))
    return x, dy, (rng.integers(-8, 9, n) / 4).astype(dtype)


@each_shape
@layouts
def test_it_is_the_reference_and_threads_change_no_bit(shape, n, data_format, isa):
    how = {"data_format": data_format}
    for dtype in DTYPES:
        x, dy, slopes = arrays(shape, n, data_format, dtype)
        want = reference.prelu(x, slopes, **how)
        for threads in (1, 3):
            y = fastconv.prelu(x, slopes, **how, threads=threads)
            assert y.dtype == dtype
            np.testing.assert_array_equal(y, want)
            got = grad.prelu(dy, x, slopes, **how, threads=threads)
            for one, right in zip(got, reference.grad.prelu(dy, x, slopes, **how), strict=True):
                assert one.dtype == dtype
                np.testing.assert_array_equal(one, right)


@pytest.mark.parametrize("shape", [(4, 3, 50, 41), (5000, 6)], ids=str)
def test_floats_give_the_same_bits_on_any_number_of_threads(shape, isa):
    for dtype in DTYPES:
        x, dy = np.random.default_rng(1).standard_normal((2, *shape)).astype(dtype)
        for n in (1, shape[1]):
            slopes = np.linspace(-1, 1, n).astype(dtype)
            dx, d_slopes = grad.prelu(dy, x, slopes, threads=1)
            want = reference.grad.prelu(dy, x, slopes)
            np.testing.assert_allclose(dx, want[0], rtol=1e-6)
            size = np.abs(dy * x).sum(dtype=np.float64)
            assert np.all(np.abs(d_slopes - want[1]) <= 20 * np.finfo(dtype).eps * size)
            for threads in (2, 3, 7):
                more = grad.prelu(dy, x, slopes, threads=threads)
                assert more[0].tobytes() == dx.tobytes()
                assert more[1].tobytes() == d_slopes.tobytes()


def test_limits_are_those_of_pytorch(isa):
    nan, inf = math.nan, math.inf
    for dtype in DTYPES:
        x = np.array([nan, inf, -inf, 0.0, -0.0, 3, -2], dtype)
        columns = np.repeat(x[:, None], 40, 1)
        for got in (
            fastconv.prelu(x, np.array([0.25], dtype)),
            fastconv.prelu(columns, np.full(40, 0.25, dtype))[:, 17],
        ):
            np.testing.assert_array_equal(got, np.array([nan, inf, -inf, 0, -0.0, 3, -0.5], dtype))
            assert np.signbit(got[4])
        dx, d_slopes = grad.prelu(np.full_like(x, 2), x, np.array([0.25], dtype))
        np.testing.assert_array_equal(dx, [0.5, 2, 0.5, 0.5, 0.5, 2, 0.5])
        assert np.isnan(d_slopes[0])
        dx, d_slopes = grad.prelu(np.full_like(x, 2)[1:], x[1:], np.array([0.25], dtype))
        assert d_slopes[0] == -inf


def test_any_memory_will_do():
    x = np.random.default_rng(3).standard_normal((4, 5, 6))
    slopes = np.linspace(-1, 1, 5)
    want = reference.prelu(x, slopes)
    room = np.zeros((8, 5, 12))
    room[::-2, :, ::2] = x
    for given in (x, x.tolist(), x.astype(">f8"), np.asfortranarray(x), room[::-2, :, ::2]):
        np.testing.assert_array_equal(fastconv.prelu(given, slopes[::-1][::-1]), want)
    out = room[::-2, :, ::2]
    assert fastconv.prelu(x, slopes, out=out) is out
    np.testing.assert_array_equal(out, want)
    for target in (0, 1):
        pair = [np.ones_like(x), x.copy()]
        dx, _ = grad.prelu(*pair, slopes, out=pair[target])
        assert dx is pair[target]
        np.testing.assert_array_equal(dx, reference.grad.prelu(np.ones_like(x), x, slopes)[0])
    memory = np.linspace(-1, 1, 12)
    x, slopes = np.full((1, 4), -1.0), memory[:4]
    want = -slopes
    np.testing.assert_array_equal(fastconv.prelu(x, slopes, out=memory[None, 1:5]), [want])


def test_a_scalar_is_one_slope():
    y = fastconv.prelu(np.array([[-2.0, 2.0]]), np.array(0.5))
    np.testing.assert_array_equal(y, [[-1, 2]])
    _, d_slope = grad.prelu(np.ones((1, 2)), np.array([[-2.0, 2.0]]), np.array(0.5))
    assert d_slope.shape == ()
    assert d_slope == -2


X = np.ones((2, 3, 4))
REFUSED = (
    ((X, np.ones(4)), {}, ValueError, "one for each of the 3 channels of x of shape .2, 3, 4., "),
    ((X, np.ones(3)), {"data_format": "channels_last"}, ValueError, "each of the 4 channels"),
    ((X[0, 0], np.ones(4)), {}, ValueError, "the 1 channels of x of shape .4,., got 4"),
    ((X, np.ones((1, 3))), {}, ValueError, "weight must be one slope or a vector"),
    ((X, np.ones(0)), {}, ValueError, "weight must hold one slope"),
    ((X, np.ones(3, np.float32)), {}, TypeError, "weight must have the dtype of x, float64"),
    ((X, None), {}, TypeError, "weight must be an array"),
    ((X, np.ma.masked_array(np.ones(3))), {}, TypeError, "masked"),
    ((X, np.ones(3)), {"data_format": "NCHW"}, ValueError, "data_format must be"),
    ((X, np.ones(3)), {"out": np.ones((2, 3))}, ValueError, "out must have shape"),
)


@pytest.mark.parametrize(("arguments", "options", "error", "message"), REFUSED)
def test_bad_arguments_are_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        fastconv.prelu(*arguments, **options)
    with pytest.raises(error, match=message):
        grad.prelu(X if arguments[0] is X else X[0, 0], *arguments, **options)


def test_gradients_want_arrays_that_agree():
    with pytest.raises(ValueError, match="grad_output must have the shape of x"):
        grad.prelu(np.ones((2, 3)), X, np.ones(3))
