"""Pools of channels last: what they give, and where they may write it."""

from __future__ import annotations

import numpy as np

import fastconv
from pool_cases import each_windows

RNG = np.random.default_rng(3)


def image(*shape):
    return RNG.integers(0, 100, shape).astype(np.float32)


POOLS = [
    ("max_pool", {}),
    ("min_pool", {}),
    ("sum_pool", {}),
    ("avg_pool", {}),
    ("avg_pool", {"count_include_pad": False}),
    ("avg_pool", {"divisor_override": 3}),
    ("lp_pool", {"norm_type": 1}),
    ("lp_pool", {"norm_type": 2}),
    ("lp_pool", {"norm_type": 3}),
    ("lp_pool", {"norm_type": np.inf}),
]


@each_windows
def test_pools_match_channels_first(isa, case):
    for channels, dtype in ((2, "f4"), (19, "f4"), (37, "f8")):
        x = RNG.standard_normal((2, channels, *case.lengths)).astype(dtype)
        odd = RNG.random(x.shape)
        x[odd < 0.02] = -0.0
        x[odd > 0.98] = np.nan
        last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
        for name, how in POOLS:
            pool = getattr(fastconv, f"{name}{case.rank}d")
            want = pool(x, **case.geometry, **how)
            got = pool(last, **case.geometry, **how, data_format="channels_last", threads=2)
            assert got.flags.c_contiguous
            planes = np.ascontiguousarray(np.moveaxis(got, -1, 1))
            if name in ("max_pool", "min_pool"):
                assert planes.tobytes() == want.tobytes(), (name, channels)
            tiny = 2e-5 if dtype == "f4" else 1e-13
            np.testing.assert_allclose(planes, want, tiny, tiny, err_msg=f"{name}, {how}")


def test_pools_of_many_channels_and_long_windows():
    for shape, kernel in (((1, 40, 2000), (1, 9)), ((9, 30, 600), 7), ((2, 3000, 64), (2, 700))):
        x = image(1, *shape)
        want = fastconv.max_pool2d(x.transpose(0, 3, 1, 2), kernel, stride=3)
        got = fastconv.max_pool2d(x, kernel, stride=3, data_format="channels_last")
        np.testing.assert_array_equal(got.transpose(0, 3, 1, 2), want)


def test_pools_of_pixels_into_out():
    x = image(2, 12, 14, 24)
    want = fastconv.max_pool2d(x, 2, data_format="channels_last")
    room = np.zeros((2, 12, 14, 24), np.float32)
    for out in (room[:, ::2, ::2], np.zeros_like(want), x[:, 6:, 7:], x[:, ::2, ::2]):
        y = x.copy() if np.shares_memory(out, x) else x
        assert fastconv.max_pool2d(x, 2, data_format="channels_last", out=out) is out
        np.testing.assert_array_equal(out, want)
        x[...] = y
