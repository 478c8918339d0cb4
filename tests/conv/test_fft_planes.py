"""Large kernels by Fourier transforms of both axes: how images are cut, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from fft_cases import check, check_weight_gradient

# (Rows of 2 lanes, scalar float64, have tiles of up to 32 columns.)
PLANES = {
    "one tile of many": ((1, 1, 40, 30), (1, 1, 9, 7), {}),
    "an odd number of tiles": ((1, 1, 150, 700), (1, 1, 31, 21), {"padding": "same"}),
    "two images in a pair": ((3, 1, 60, 50), (2, 1, 15, 15), {"padding": 7}),
    "channels": ((2, 5, 70, 90), (7, 5, 9, 11), {"padding": (4, 5)}),
    "groups": ((1, 6, 50, 60), (4, 3, 11, 7), {"groups": 2, "padding": "full"}),
    "depthwise": ((1, 5, 40, 330), (10, 1, 13, 13), {"padding": 6}),
    "a kernel larger than its image": ((1, 2, 20, 30), (1, 2, 33, 31), {"padding": 40}),
    "kernels of one column": ((1, 2, 90, 20), (1, 2, 17, 1), {"padding": (8, 0)}),
    "a kernel of many rows": ((1, 1, 700, 40), (1, 1, 601, 9), {"padding": (100, 4)}),
    "mirrored": ((2, 2, 60, 70), (3, 2, 9, 13), {"padding": (4, 6), "padding_mode": "reflect"}),
    "around": ((1, 2, 40, 30), (3, 2, 9, 13), {"padding": (9, 12), "padding_mode": "circular"}),
    "edges": ((1, 2, 9, 30), (3, 2, 5, 31), {"padding": (4, 15), "padding_mode": "replicate"}),
}  # fmt: skip


@pytest.mark.parametrize("size", PLANES)
def test_every_way_to_cut_planes(size, isa):
    check(PLANES[size], "fft_planes")


def test_planes_are_refused_with_a_reason():
    x, w = np.ones((1, 1, 50, 50)), np.ones((1, 1, 9, 9))
    for how, reason in (
        ({"stride": 2}, "neither strides nor dilations"),
        ({"dilation": (1, 2)}, "neither strides nor dilations"),
    ):
        with pytest.raises(ValueError, match=reason):
            fastconv.conv2d(x, w, **how, algorithm="fft_planes")
    with pytest.raises(ValueError, match="kernel is too large"):
        fastconv.conv2d(np.ones((1, 1, 1100, 1)), np.ones((1, 1, 1050, 1)), algorithm="fft_planes")
    with pytest.raises(ValueError, match="kernels of one row"):
        fastconv.conv2d(x, w[:, :, :1], algorithm="fft_planes")


def test_the_other_tile_of_a_pair_stays_finite(isa):
    """Two tiles are transformed as one: what is wrong in one shows in both, and is mended."""
    rng = np.random.default_rng(12)
    x, w = rng.standard_normal((2, 1, 50, 60)), rng.standard_normal((1, 1, 9, 9))
    want = fastconv.conv2d(x[1:], w, precision="highest")
    x[0, 0, 20, 20] = np.nan
    y = fastconv.conv2d(x, w, algorithm="fft_planes")
    assert np.isnan(y[0]).sum() == 81
    np.testing.assert_allclose(y[1:], want, rtol=0, atol=1e-12)


PLANE_GRADIENTS = {
    "pairs in slices": ((1, 1, 200, 900), (1, 1, 21, 17), {"padding": "same"}),
    "one tile of two images": ((2, 1, 30, 40), (3, 1, 9, 9), {}),
    "groups": ((3, 5, 60, 50), (10, 1, 7, 11), {"padding": (3, 5)}),
    "mirrored": ((1, 2, 40, 50), (2, 1, 9, 9), {"padding": 4, "padding_mode": "reflect"}),
}  # fmt: skip


@pytest.mark.parametrize("size", PLANE_GRADIENTS)
def test_weight_gradients_of_planes(size, isa):
    check_weight_gradient(PLANE_GRADIENTS[size], "fft_planes")
