"""Gradients of pools: against the reference, as adjoints, and by finite differences."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from fastconv import grad, reference
from pool_cases import bits, each_windows, each_windows_with_input, named

ADDING = {
    "sum": ("sum_pool", {}),
    "avg": ("avg_pool", {}),
    "avg without padding": ("avg_pool", {"count_include_pad": False}),
    "avg by -3": ("avg_pool", {"divisor_override": -3}),
}


def integers(shape, seed=0):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float64)


@pytest.mark.parametrize("pool", ADDING)
@each_windows
def test_sums_and_averages_match_the_reference(case, pool):
    name, extra = ADDING[pool]
    size = (2, 9, *case.lengths)
    call = f"{name}{case.rank}d"
    dy = integers(getattr(fastconv, call)(np.ones(size), **extra, **case.geometry).shape)
    want = getattr(reference.grad, f"{call}_input")(dy, size, **extra, **case.geometry)
    for dtype in (np.float32, np.float64):
        got = getattr(grad, f"{call}_input")(dy.astype(dtype), size, **extra, **case.geometry)
        assert got.dtype == dtype
        if pool == "sum":
            np.testing.assert_array_equal(got, want)
        else:
            tiny = 1e-5 if dtype == np.float32 else 1e-13
            np.testing.assert_allclose(got, want, rtol=tiny, atol=tiny)
        # Two planes, too few to be transposed.
        size_of_two, dy_of_two = (1, 2, *case.lengths), dy[:1, :2].astype(dtype)
        two = getattr(grad, f"{call}_input")(dy_of_two, size_of_two, **extra, **case.geometry)
        np.testing.assert_allclose(two, want[:1, :2], rtol=1e-5, atol=1e-5)


@each_windows
def test_averages_of_channels_last_match_channels_first(case):
    x = case.input(np.float32)
    dy = getattr(fastconv, f"avg_pool{case.rank}d")(x, **case.geometry)
    call = getattr(grad, f"avg_pool{case.rank}d_input")
    last = np.ascontiguousarray(np.moveaxis(dy, 1, -1))
    size = (x.shape[0], *x.shape[2:], x.shape[1])
    got = call(last, size, **case.geometry, data_format="channels_last")
    want = call(dy, x.shape, **case.geometry)
    np.testing.assert_allclose(np.moveaxis(got, -1, 1), want, rtol=1e-5, atol=1e-5)


@each_windows
def test_spreading_is_the_adjoint_of_summing(case):
    x = integers((2, 9, *case.lengths), 1)
    y = getattr(fastconv, f"sum_pool{case.rank}d")(x, **case.geometry)
    dy = integers(y.shape, 2)
    dx = getattr(grad, f"sum_pool{case.rank}d_input")(dy, x.shape, **case.geometry)
    assert (y * dy).sum() == (x * dx).sum()


@pytest.mark.parametrize("which", ["max", "min"])
@each_windows_with_input
def test_extremes_match_the_reference(case, which):
    n, x = case.rank, case.input(low=-2, high=3)
    y, at = getattr(fastconv, f"{which}_pool{n}d")(x, **case.geometry, return_indices=True)
    dy = integers(y.shape)
    want = getattr(reference.grad, f"{which}_pool{n}d_input")(dy, at, x.shape)
    for dtype in (np.float32, np.float64):
        got = getattr(grad, f"{which}_pool{n}d_input")(dy.astype(dtype), at, x.shape)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("p", [1, 2, 3, 0.5, 1.5, float("inf")])
@each_windows
def test_norms_match_the_reference(case, p):
    n, x = case.rank, case.input()
    y = getattr(fastconv, f"lp_pool{n}d")(x, p, **case.geometry)
    dy = integers(y.shape)
    got = getattr(grad, f"lp_pool{n}d_input")(dy, x, y, p, **case.geometry)
    want = getattr(reference.grad, f"lp_pool{n}d_input")(dy, x, y, p, **case.geometry)
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("p", [1, 2, 3, 1.5, float("inf")])
def test_norms_agree_with_finite_differences(p):
    x = np.random.default_rng(0).permutation(2 * 5 * 6).reshape(2, 5, 6) / 7.0 - 4.1
    dy = np.random.default_rng(1).standard_normal((2, 3, 3))

    def loss(z):
        return (fastconv.lp_pool2d(z, p, 3, 2, padding=1) * dy).sum()

    got = grad.lp_pool2d_input(dy, x, fastconv.lp_pool2d(x, p, 3, 2, padding=1), p, 3, 2, padding=1)
    assert_is_gradient(got, loss, x)


@pytest.mark.parametrize("pool", [fastconv.max_pool2d, fastconv.min_pool2d])
def test_extremes_agree_with_finite_differences(pool):
    x = np.random.default_rng(0).permutation(2 * 5 * 6).reshape(2, 5, 6) / 7.0
    y, at = pool(x, 3, 2, 1, return_indices=True)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    assert_is_gradient(
        grad.max_pool2d_input(dy, at, x.shape), lambda z: (pool(z, 3, 2, 1) * dy).sum(), x
    )


def assert_is_gradient(got, loss, x, step=1e-5):
    for place in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[place] = step
        slope = (loss(x + moved) - loss(x - moved)) / (2 * step)
        np.testing.assert_allclose(got[place], slope, rtol=1e-5, atol=1e-7)


def test_a_norm_of_zeros_has_no_slope():
    x = np.zeros((1, 2, 4, 4), np.float32)
    y = fastconv.lp_pool2d(x, 0.5, 2)
    assert (grad.lp_pool2d_input(np.ones_like(y), x, y, 0.5, 2) == 0).all()


def test_duplicates_add_up():
    dy = np.arange(1.0, 7).reshape(1, 1, 6)
    got = grad.max_pool1d_input(dy, np.array([[[2, 0, 2, 2, 0, 3]]]), (1, 1, 4))
    assert got.tolist() == [[[7, 0, 8, 6]]]


@pytest.mark.parametrize(
    ("lengths", "output_size"),
    [((7, 10), 4), ((9, 12), 3), ((3, 4), (8, 9)), ((5, 6), (None, 4)), ((20,), 7), ((8,), 1)],
)
def test_adaptive_pools_match_the_reference(lengths, output_size):
    n, x = len(lengths), integers((2, 3, *lengths), 1)
    y = getattr(fastconv, f"adaptive_avg_pool{n}d")(x, output_size)
    dy = integers(y.shape)
    for size in (None, output_size):
        got = getattr(grad, f"adaptive_avg_pool{n}d_input")(dy, x.shape, size)
        want = getattr(reference.grad, f"adaptive_avg_pool{n}d_input")(dy, x.shape)
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose((x * got).sum(), (y * dy).sum(), rtol=1e-12)
    _, at = getattr(fastconv, f"adaptive_max_pool{n}d")(x, output_size, return_indices=True)
    np.testing.assert_array_equal(
        getattr(grad, f"adaptive_max_pool{n}d_input")(dy, at, x.shape),
        getattr(reference.grad, f"adaptive_max_pool{n}d_input")(dy, at, x.shape),
    )


def test_the_gradient_of_an_empty_result_is_zero():
    got = grad.adaptive_avg_pool2d_input(np.ones((2, 3, 0, 4)), (2, 3, 5, 6))
    assert got.shape == (2, 3, 5, 6)
    assert (got == 0).all()


@pytest.mark.parametrize("lengths", [(7, 10), (1, 1), (33,), (70, 71)])
def test_global_pools_match_the_reference(lengths):
    n, x = len(lengths), integers((2, 3, *lengths), 1)
    x[0, 1].flat[0] = np.nan
    dy = integers((2, 3, *[1] * n))
    for kind, given in (("avg", x.shape), ("sum", x.shape), ("max", x)):
        name = f"global_{kind}_pool{n}d_input"
        got = getattr(grad, name)(dy, given)
        np.testing.assert_allclose(got, getattr(reference.grad, name)(dy, given), rtol=1e-15)


def test_unpooling_takes_gradients_from_where_it_put_elements():
    rng = np.random.default_rng(0)
    for n in (1, 2):
        dy = integers((2, 3, *[8] * n))
        at = rng.integers(0, 8**n, (2, 3, *[4] * n))
        got = getattr(grad, f"max_unpool{n}d_input")(dy, at)
        np.testing.assert_array_equal(got, getattr(reference.grad, f"max_unpool{n}d_input")(dy, at))


def test_bits_do_not_depend_on_threads():
    rng = np.random.default_rng(0)
    for case in named("blocks of (rows|columns)$"):
        x = rng.standard_normal((2, 9, *case.lengths)).astype(np.float32)
        y, at = fastconv.max_pool2d(x, **case.geometry, return_indices=True)
        norm = fastconv.lp_pool2d(x, 3, **case.geometry)
        dy = rng.standard_normal(y.shape).astype(np.float32)
        for call in (
            lambda t: grad.max_pool2d_input(dy, at, x.shape, threads=t),  # noqa: B023
            lambda t: grad.avg_pool2d_input(dy, x.shape, **case.geometry, threads=t),  # noqa: B023
            lambda t: grad.lp_pool2d_input(dy, x, norm, 2, **case.geometry, threads=t),  # noqa: B023
            lambda t: grad.lp_pool2d_input(dy, x, norm, 3, **case.geometry, threads=t),  # noqa: B023
        ):
            one = bits(call(1))
            assert all(bits(call(threads)) == one for threads in (2, 5))


def test_nan_reaches_exactly_its_window():
    dy = np.zeros((1, 1, 5, 20), np.float32)
    dy[0, 0, 2, 7] = np.nan
    got = grad.avg_pool2d_input(dy, (1, 1, 9, 39), 3, 2, 1)
    held = np.zeros((1, 1, 9, 39), bool)
    held[0, 0, 3:6, 13:16] = True
    np.testing.assert_array_equal(np.isnan(got), held)
