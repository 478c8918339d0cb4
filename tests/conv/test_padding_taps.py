"""Taps that only read zero padding are left out, and what is left runs as what it is.

The shapes are those of people's reports, smaller: images of one pixel, kernels beyond the image,
thousands of tiny images. That every algorithm gives right answers is in the tables of cases.
"""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from algorithms import weight_grad_of
from fastconv import grad, reference

pytestmark = pytest.mark.usefixtures("plain_sums")

RNG = np.random.default_rng(15)


def ints(*shape, dtype=np.float32):
    return RNG.integers(-3, 4, shape).astype(dtype)


@pytest.mark.parametrize(
    ("x", "w", "options", "terms", "why"),
    [
        ((4, 16, 1, 1), (8, 16, 3, 3), {"padding": 1}, 16, "one pixel: one tap"),
        ((4, 16, 1, 1), (8, 16, 3, 5), {"padding": "same"}, 16, "the same by its word"),
        ((2, 16, 1, 30), (8, 16, 3, 3), {"padding": 1}, 48, "one row: three taps"),
        ((2, 16, 2, 2), (8, 16, 31, 31), {"padding": 15}, 144, "two pixels: three taps an axis"),
        ((2, 16, 9, 9), (8, 16, 3, 3), {"padding": 1}, 144, "all taps"),
        ((2, 4, 4, 5), (8, 4, 3, 3), {"padding": 9, "dilation": 9}, 4, "taps far apart"),
        ((2, 4, 3, 3), (8, 4, 5, 5), {"padding": ((0, 9), (2, 2))}, 60, "padding on one side"),
        ((2, 4, 3, 3), (8, 4, 5, 5), {"padding": 2, "padding_mode": "replicate"}, 100,
         "padding that is made of the image"),
    ],
)  # fmt: skip
def test_a_plan_has_the_terms_that_read_the_image(x, w, options, terms, why):
    weight = ints(*w)
    plan = fastconv.Conv2dPlan(x, weight, **options)
    assert f"sums of {terms} terms" in plan.explain(), why
    image = ints(*x)
    np.testing.assert_array_equal(plan(image), reference.conv2d(image, weight, **options))


def test_an_adjoint_has_the_phases_whose_taps_read_the_gradient():
    """Of 16 phases of a stride of four, one pixel meets those of the taps that it is spread by."""
    w = ints(3, 4, 5, 5)
    plan = fastconv.ConvTranspose2dPlan((2, 3, 1, 1), w, stride=4, padding=2)
    assert "1 x 4 output channels, sums of 3 terms" in plan.explain()
    x = ints(2, 3, 1, 1)
    np.testing.assert_array_equal(plan(x), reference.conv_transpose2d(x, w, stride=4, padding=2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
def test_where_every_tap_reads_padding_the_output_is_its_bias(dtype, data_format):
    """The window of 46 elements, of which every third is read, steps over the only pixel."""
    last = data_format == "channels_last"
    x, w, b = ints(2, 1, 1, 5) if last else ints(2, 5, 1, 1), ints(3, 5, 16, 16), ints(3)
    x, w, b = (a.astype(dtype) for a in (x, w, b))
    options = {"stride": 4, "padding": 23, "dilation": 3, "data_format": data_format}
    plan = fastconv.Conv2dPlan(x.shape, w, b, activation="relu", **options)
    assert plan.algorithm == "fill"
    wanted = np.maximum(b, 0).reshape((1, 1, 1, 3) if last else (1, 3, 1, 1))
    np.testing.assert_array_equal(plan(x), np.broadcast_to(wanted, plan.output_shape))
    residual = ints(*plan.output_shape).astype(dtype)
    found = fastconv.conv2d(x, w, b, residual=residual, activation="relu", **options)
    bias = b.reshape((1, 1, 1, 3) if last else (1, 3, 1, 1))
    np.testing.assert_array_equal(found, np.maximum(residual + bias, 0))
    assert fastconv.conv2d(x, w, residual=residual, out=residual, **options) is residual


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_of_weights_that_only_meet_padding_are_zeros(dtype, isa):
    """Also where the image holds a NaN, which reaches the gradients of its own taps."""
    x, dy = ints(3, 4, 1, 2, dtype=dtype), ints(3, 5, 1, 2, dtype=dtype)
    found = grad.conv2d_weight(x, (5, 4, 3, 5), dy, padding=(1, 2))
    np.testing.assert_array_equal(
        found, reference.grad.conv2d_weight(x, (5, 4, 3, 5), dy, padding=(1, 2))
    )
    x[0, 1, 0, 0] = np.nan
    found = grad.conv2d_weight(x, (5, 4, 3, 5), dy, padding=(1, 2))
    assert np.isnan(found[:, 1, 1, 1:3]).any()
    others = np.ones((3, 5), bool)
    others[1, 1:4] = False
    assert (found[:, :, others] == 0).all()
    beyond = grad.conv2d_weight(x[..., :1], (5, 4, 2, 2), dy[..., :1], stride=2, padding=1,
                                dilation=2)  # fmt: skip
    np.testing.assert_array_equal(beyond, np.zeros((5, 4, 2, 2)))


def test_relatives_of_a_plan_have_the_taps_that_they_need():
    """A plan of one pixel packs one tap of nine; a relative of more pixels reads them all."""
    w = ints(6, 8, 3, 3)
    plan = fastconv.Conv2dPlan((2, 8, 1, 1), w, padding=1)
    w_then, w[:] = w.copy(), 0  # plans do not follow the caller's array
    for shape in ((2, 8, 6, 7), (3, 8, 1, 5), (1, 8, 1, 1), (70, 8, 2, 2)):
        x = ints(*shape)
        np.testing.assert_array_equal(
            plan.with_shape(shape)(x), reference.conv2d(x, w_then, padding=1)
        )
    large = fastconv.Conv2dPlan((2, 8, 6, 7), w_then, padding=1)
    x = ints(2, 8, 1, 1)
    small = large.with_shape(x.shape)
    np.testing.assert_array_equal(small(x), reference.conv2d(x, w_then, padding=1))
    dy = ints(2, 6, 1, 1)
    np.testing.assert_array_equal(
        small.input_grad(dy), reference.grad.conv2d_input(x.shape, w_then, dy, padding=1)
    )


def test_an_algorithm_by_its_name_still_takes_such_a_kernel():
    x, w = ints(2, 4, 1, 1), ints(3, 4, 3, 3)
    found = fastconv.conv2d(x, w, padding=1, algorithm="winograd", precision="high")
    np.testing.assert_allclose(found, reference.conv2d(x, w, padding=1), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", ["outer_images", "dots_images"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_of_many_images_are_summed_in_double(name, dtype, isa):
    """All terms are positive, so that what float loses would show; each thread count agrees."""
    x = RNG.random((20_000, 2, 3)).astype(dtype)
    dy = RNG.random((20_000, 3, 3)).astype(dtype)
    right = grad.conv1d_weight(x.astype(np.float64), (3, 2, 3), dy.astype(np.float64), padding=1)
    found = [weight_grad_of(x, (3, 2, 3), dy, name, padding=1, threads=t) for t in (1, 2, 3)]
    error = np.linalg.norm(found[0] - right) / np.linalg.norm(right)
    assert error < (2e-6 if dtype == np.float32 else 1e-14)
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.parametrize("batch", [1, 15, 16, 17, 100, 333])
def test_images_do_not_meet_in_their_lanes(batch, isa):
    """A NaN in one image stays there, also in the last, half empty block."""
    x, w, b = ints(batch, 3, 3, 3), ints(4, 3, 3, 3), ints(4)
    right = reference.conv2d(x, w, b, padding=1)
    for threads in (1, 2):
        found = fastconv.conv2d(x, w, b, padding=1, algorithm="image_lanes", threads=threads)
        np.testing.assert_array_equal(found, right)
    x[-1] = np.nan
    found = fastconv.conv2d(x, w, b, padding=1, algorithm="image_lanes")
    assert np.isnan(found[-1]).all()
    np.testing.assert_array_equal(found[:-1], right[:-1])
