"""Adaptive and global pools, and unpooling, against the reference."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from fastconv import reference

# Lengths, output_size, why.
ADAPTIVE = [
    ((9, 12), 3, "windows that divide the plane evenly"),
    ((7, 10), 4, "windows that overlap"),
    ((7, 40), (3, 17), "another number along each axis"),
    ((5, 6), (None, 4), "an axis kept"),
    ((5, 6), None, "both axes kept"),
    ((3, 4), (8, 9), "more windows than elements"),
    ((13, 37), 1, "one window"),
    ((6, 8), (2, 3), "one axis evenly, the other not"),
    ((20,), 7, "a line"),
    ((20,), 5, "a line, evenly"),
    ((1000,), (3,), "long windows"),
    ((11, 83), (3, 5), "wide windows of 17 columns, two of which overlap"),
    ((9, 62), (9, 5), "wide windows of 13 columns, shorter than some vectors"),
]
each_adaptive = pytest.mark.parametrize(
    ("lengths", "output_size"), [row[:2] for row in ADAPTIVE], ids=[row[2] for row in ADAPTIVE]
)


@each_adaptive
def test_adaptive_pools_match_the_reference(lengths, output_size, isa):
    n = len(lengths)
    x = np.random.default_rng(0).integers(-4, 5, (2, 3, *lengths)).astype(np.float32)
    for name, kwargs in (
        ("adaptive_avg_pool", {}),
        ("adaptive_max_pool", {}),
        ("adaptive_max_pool", {"return_indices": True}),
    ):
        got = getattr(fastconv, f"{name}{n}d")(x, output_size, **kwargs)
        want = getattr(reference, f"{name}{n}d")(x, output_size, **kwargs)
        if not kwargs:
            got, want = (got,), (want,)
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w, rtol=1e-6, atol=1e-7)
        assert got[0].dtype == np.float32


@each_adaptive
def test_adaptive_max_of_integers(lengths, output_size):
    n = len(lengths)
    x = np.random.default_rng(0).integers(0, 256, (3, *lengths)).astype(np.uint8)
    got = getattr(fastconv, f"adaptive_max_pool{n}d")(x, output_size)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, getattr(reference, f"adaptive_max_pool{n}d")(x, output_size))


def test_an_output_size_of_zero_is_an_empty_result():
    x = np.ones((2, 3, 4, 5))
    assert fastconv.adaptive_avg_pool2d(x, 0).shape == (2, 3, 0, 0)
    y, at = fastconv.adaptive_max_pool2d(x, (0, 2), return_indices=True)
    assert y.shape == at.shape == (2, 3, 0, 2)


@pytest.mark.parametrize("lengths", [(1,), (5,), (33,), (1001,), (1, 1), (7, 7), (13, 40)])
@pytest.mark.parametrize("kind", ["avg", "max", "sum"])
def test_global_pools_match_the_reference(kind, lengths, isa):
    name = f"global_{kind}_pool{len(lengths)}d"
    for dtype in (np.float32, np.float64, *([] if kind == "avg" else [np.int8, np.uint16])):
        x = np.random.default_rng(1).integers(0, 60, (2, 5, *lengths)).astype(dtype)
        got = getattr(fastconv, name)(x)
        assert got.dtype == dtype
        np.testing.assert_allclose(got, getattr(reference, name)(x), rtol=1e-6)


def test_global_max_finds_nan_and_extremes_at_any_place(isa):
    for length in (1, 3, 8, 15, 16, 17, 40, 67):
        for place in range(length):
            x = np.zeros((1, length), np.float32)
            x[0, place] = np.nan
            assert np.isnan(fastconv.global_max_pool1d(x)[0, 0])
            x[0, place] = 1
            assert fastconv.global_max_pool1d(x)[0, 0] == 1
            x -= 2
            assert fastconv.global_max_pool1d(x)[0, 0] == -1


def test_global_sums_keep_their_digits():
    x = np.full((1, 1, 1000, 1000), 0.1, np.float32)
    np.testing.assert_allclose(
        fastconv.global_sum_pool2d(x), 1e6 * np.float64(x[0, 0, 0, 0]), rtol=3e-7
    )


def test_global_pools_do_not_depend_on_threads(isa):
    x = np.random.default_rng(2).standard_normal((4, 40, 70, 71)).astype(np.float32)
    for pool in (
        fastconv.global_avg_pool2d,
        fastconv.global_max_pool2d,
        fastconv.global_sum_pool2d,
    ):
        one = pool(x, threads=1)
        for threads in (2, 5):
            np.testing.assert_array_equal(pool(x, threads=threads), one)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_unpooling_undoes_pooling(dtype):
    rng = np.random.default_rng(3)
    for n in (1, 2):
        x = rng.permutation(2 * 3 * 8**n).reshape(2, 3, *[8] * n).astype(dtype)
        y, at = getattr(fastconv, f"max_pool{n}d")(x, 2, return_indices=True)
        back = getattr(fastconv, f"max_unpool{n}d")(y, at, 2)
        assert back.shape == x.shape
        assert back.dtype == dtype
        np.testing.assert_array_equal(back, np.where(np.isin(x, y), x, 0))


@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding", "output_size", "shape"),
    [
        (3, 2, 1, None, (5, 7)),
        (3, 2, 1, (6, 8), (6, 8)),
        (3, 2, 1, (1, 2, 6, 8), (6, 8)),
        (2, None, 0, None, (6, 8)),
        (2, None, 0, (7, 7), (7, 7)),
        ((2, 3), (1, 2), ((0, 1), (1, 0)), None, (3, 8)),
        (2, 2, "same", None, (6, 8)),
    ],
)
def test_unpooled_shapes(kernel_size, stride, padding, output_size, shape):
    x = np.arange(12.0).reshape(1, 2, 3, 2)[..., [0, 1, 0, 1]]
    at = np.arange(24).reshape(x.shape) % 12
    args = (kernel_size, stride, padding, output_size)
    y = fastconv.max_unpool2d(x, at, *args)
    assert y.shape == (1, 2, *shape)
    np.testing.assert_array_equal(y, reference.max_unpool2d(x, at, *args))


def test_the_last_of_duplicates_wins():
    x = np.arange(1.0, 4001).reshape(2, 5, 400)
    at = np.random.default_rng(0).integers(0, 50, x.shape)
    want = reference.max_unpool1d(x, at, 2)
    for threads in (1, 2, 4):
        np.testing.assert_array_equal(fastconv.max_unpool1d(x, at, 2, threads=threads), want)
