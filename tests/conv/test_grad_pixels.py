"""Gradients of images with channels last: read as they lie, by every algorithm that takes them."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import fastconv
from algorithms import WEIGHT_GRADS, reason, weight_grad
from cases import CONV, DTYPES, TRANSPOSED, each, named
from fastconv import grad, reference

pytestmark = pytest.mark.usefixtures("plain_sums")

ALL = (*CONV, *TRANSPOSED)
LAST = {"data_format": "channels_last"}
SOME = named(
    CONV, "enough work for threads", "depthwise at stride 2", "a stem: 7x7 at stride 2",
    "1x1 is a matrix product", "reflect", "dilation and stride", "depthwise with a multiplier",
    "two groups", "a prime number of output channels", "1-D",
)  # fmt: skip


def last(array, spatial):
    """The array with its channels moved behind the other axes."""
    return np.ascontiguousarray(np.moveaxis(array, -1 - spatial, -1))


def options_of(case):
    """The options that the backward call takes: a transposed one's lengths tell the rest."""
    return {k: v for k, v in case.options.items() if k not in ("output_padding", "output_size")}


@functools.cache
def exact(case, dtype):
    """Integer data as planes and as pixels, and the three gradients."""
    x, w, _ = case.integers(dtype)
    shape = fastconv.conv_transpose_output_shape if case.transposed else fastconv.conv_output_shape
    options = {k: v for k, v in case.options.items() if k != "padding_mode"}
    dy = np.random.default_rng(7).integers(-7, 8, shape(case.x, case.w, **options)).astype(dtype)
    want = getattr(reference.grad, case.name)(x, w, dy, **options_of(case))
    n = len(case.w) - 2
    return x, w, dy, last(x, n), last(dy, n), want


def layouts(case, dtype):
    """(x, dy, options): pixels, and one of the two as an array of planes' shape that lies so."""
    x, _, dy, xl, dyl, _ = exact(case, dtype)
    n = len(case.w) - 2
    yield xl, dyl, LAST
    yield np.moveaxis(xl, -1, -1 - n), dy, {}
    yield x, np.moveaxis(dyl, -1, -1 - n), {}


def taken_gradients(case, algorithm):
    for dtype in DTYPES:
        for x, dy, layout in layouts(case, dtype):
            for threads in (1, 3):
                try:
                    yield dtype, weight_grad(case, x, dy, algorithm, **layout, threads=threads)
                except ValueError as error:
                    reason(error, algorithm)  # raises what is no refusal


@pytest.mark.parametrize("algorithm", WEIGHT_GRADS)
def test_every_weight_gradient_on_every_case_that_it_takes(algorithm, isa):
    taken = 0
    for case in ALL:
        for dtype, got in taken_gradients(case, algorithm):
            want = exact(case, dtype)[-1][1]
            assert got.dtype == dtype
            if "winograd" in algorithm or "fft" in algorithm:  # whose sums are not plain
                limit = (2e-6 if dtype == np.float32 else 1e-13) * np.linalg.norm(want)
                assert np.linalg.norm(got - want) <= limit, case.why
            else:
                np.testing.assert_array_equal(got, want, err_msg=case.why)
            taken += 1
    print(f"{isa}: {algorithm} takes {taken} of {12 * len(ALL)} calls")
    assert taken


@each(ALL)
def test_all_three_at_once(case, isa):
    for dtype in DTYPES:
        _, w, _, x, dy, want = exact(case, dtype)
        n = len(case.w) - 2
        how = {**options_of(case), **LAST}
        for threads in (1, 3):
            got = getattr(grad, case.name)(x, w, dy, **how, threads=threads)
            for one, right in zip(got, (last(want[0], n), *want[1:]), strict=True):
                np.testing.assert_array_equal(one, right)
        part = getattr(grad, case.name + "_bias")(dy, **LAST)
        np.testing.assert_array_equal(part, want[2])


def spread(array, axis):
    """A copy of the array within a larger one full of NaN: what lies along the axis has gaps."""
    grown = list(array.shape)
    grown[axis] += 3
    at = [slice(None)] * array.ndim
    at[axis] = slice(1, 1 + array.shape[axis])
    room = np.full(grown, np.nan, array.dtype)
    room[tuple(at)] = array
    return room[tuple(at)]


@each(SOME)
@pytest.mark.parametrize("precision", ["highest", "high"])
def test_slices_crops_and_threads_change_no_bit(case, precision, isa):
    rng = np.random.default_rng(3)
    for dtype in DTYPES:
        _, w, _, x, dy, _ = exact(case, dtype)
        x, dy = (rng.standard_normal(a.shape).astype(dtype) for a in (x, dy))
        how = {**options_of(case), **LAST, "precision": precision}
        function = getattr(grad, case.name)
        want = function(x, w, dy, **how, threads=1)
        for threads in (2, 3, 7):
            got = function(x, w, dy, **how, threads=threads)
            assert all(a.tobytes() == b.tobytes() for a, b in zip(got, want, strict=True))
        for axis in (-1, -2, 1):
            got = function(spread(x, axis), w, spread(dy, axis), **how)
            for one, right in zip(got, want, strict=True):
                np.testing.assert_array_equal(one, right)
        got = function(x[:, ::-1][:, ::-1], w, dy[..., ::-1][..., ::-1], **how)
        for one, right in zip(got, want, strict=True):
            np.testing.assert_array_equal(one, right)


@pytest.mark.parametrize("activation", ["relu", "relu6", ("leaky_relu", 0.25), "prelu"])
def test_through_an_activation(activation, isa):
    rng = np.random.default_rng(4)
    x = rng.integers(-5, 6, (2, 9, 8, 24)).astype("f4")
    w = rng.integers(-5, 6, (40, 24, 3, 3)).astype("f4")
    if activation == "prelu":
        activation = ("prelu", rng.integers(0, 3, 40).astype("f4"))
    y = fastconv.conv2d(x, w, activation=activation, **LAST)
    dy = rng.integers(-5, 6, y.shape).astype("f4")
    planes = [np.ascontiguousarray(np.moveaxis(a, -1, 1)) for a in (x, dy, y)]
    how = {"activation": activation}
    want = grad.conv2d(planes[0], w, planes[1], output=planes[2], **how)
    want = (np.moveaxis(want[0], 1, -1), *want[1:])
    for output, gradient in ((y, dy), (spread(y, -1), dy), (y, spread(dy, 2))):
        got = grad.conv2d(x, w, gradient, output=output, **how, **LAST)
        for one, right in zip(got, want, strict=True):
            np.testing.assert_array_equal(one, right)


@pytest.mark.parametrize("where", ["image", "gradient"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_summed_plainly(value, where):
    rng = np.random.default_rng(5)
    x = (0.5 + rng.random((2, 16, 14, 32))).astype("f4")
    dy = (0.5 + rng.random((2, 16, 14, 32))).astype("f4")
    # Not at the border: zeros of the padding times a NaN may be NaN, or left out.
    (x if where == "image" else dy)[1, 7, 6, 3] = value
    how = {"padding": 1, **LAST}
    want = grad.conv2d_weight(x, (32, 32, 3, 3), dy, **how, precision="highest")
    got = grad.conv2d_weight(x, (32, 32, 3, 3), dy, **how, precision="high")
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
    assert not np.isfinite(want).all()
    assert np.isfinite(want).any()
    np.testing.assert_allclose(got, want, rtol=1e-4)


def test_a_sum_of_many_terms_is_accurate(isa):
    """Blocks go on in double: about 1e-6 of the norm, whatever the number of terms."""
    rng = np.random.default_rng(6)
    x = np.maximum(rng.standard_normal((1, 700, 300, 12)), 0).astype("f4")
    dy = rng.standard_normal((1, 700, 300, 20)).astype("f4")
    want = grad.conv2d(x.astype("f8"), np.zeros((20, 12, 3, 3)), dy.astype("f8"), padding=1, **LAST)
    got = grad.conv2d(x, np.zeros((20, 12, 3, 3), "f4"), dy, padding=1, **LAST)
    for one, right in zip(got[1:], want[1:], strict=True):
        assert np.linalg.norm(one - right) <= 2e-6 * np.linalg.norm(right)
