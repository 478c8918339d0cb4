"""Channels last, and arrays that lie so in memory: the copies between that and planes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastconv
from fastconv import reference

RNG = np.random.default_rng(3)
DTYPES = ["f4", "f8", "i1", "u2", "i4", "u8"]  # every size of an element


def image(*shape, dtype="f4"):
    return RNG.integers(0, 100, shape).astype(dtype)


def through(x, **how):
    """A pool whose windows are single elements: layouts, and nothing else."""
    return (fastconv.max_pool1d if x.ndim == 3 else fastconv.max_pool2d)(x, 1, **how)


def same(a, b):
    assert a.flags.c_contiguous
    assert a.flags.owndata
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 64, 130])
def test_every_edge_of_a_block(isa, channels, dtype):
    for pixels in (1, 2, 3, 8, 15, 17, 63, 257):
        x = image(2, pixels, channels, dtype=dtype)
        same(through(x, data_format="channels_last"), x)
        same(through(x.transpose(0, 2, 1)), x.transpose(0, 2, 1))


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1"])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_images_of_many_tasks(isa, threads, dtype):
    x = image(3, 70, 61, 37, dtype=dtype)
    same(through(x, data_format="channels_last", threads=threads), x)
    assert x.nbytes >= 2**18  # the lock is let go meanwhile


def test_bits_pass_as_they_are(isa):
    for bits, floats in (("u4", "f4"), ("u8", "f8")):
        noise = RNG.integers(0, 2**32, (1, 8, 9, 35), dtype=bits) * 0x9E3779B1
        # Subnormals and quiet NaNs with payloads; max pools make no other bits of them.
        x = noise.astype(bits).view(floats)
        x[...] = np.where(np.isnan(x), np.asarray(np.nan, floats), x)
        got = through(x, data_format="channels_last")
        np.testing.assert_array_equal(got.view(bits), x.view(bits))


CROPS = {
    "rows": np.s_[:, 1:-1],
    "columns": np.s_[:, :, 2:-1],
    "both": np.s_[:, 1:-1, 2:-1],
    "channels": np.s_[..., 1:-2],
    "every other column": np.s_[:, :, ::2],
    "every other row": np.s_[:, ::2],
    "every other channel": np.s_[..., ::2],
    "upside down": np.s_[:, ::-1],
    "mirrored": np.s_[:, :, ::-1],
    "both ways": np.s_[:, ::-1, ::-1],
    "images backwards": np.s_[::-1],
    "one row": np.s_[:, 3:4],
    "one column": np.s_[:, :, 3:4, :],
    "one pixel": np.s_[:, 2:3, 3:4],
    "one channel": np.s_[..., 2:3],
    "one image": np.s_[1:],
}


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
@pytest.mark.parametrize("crop", CROPS)
def test_parts_of_images(crop, dtype):
    x = image(3, 9, 11, 21, dtype=dtype)[CROPS[crop]]
    same(through(x, data_format="channels_last"), x)
    first = x.transpose(0, 3, 1, 2)
    same(through(first), first)
    last = np.ascontiguousarray(first).transpose(0, 2, 3, 1)
    same(through(last, data_format="channels_last"), x)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
@pytest.mark.parametrize("crop", CROPS)
def test_results_into_parts_of_images(crop, dtype):
    room = np.full((3, 9, 11, 21), 77, dtype)
    out = room[CROPS[crop]]
    x = image(*out.shape, dtype=dtype)
    assert through(x, data_format="channels_last", out=out) is out
    np.testing.assert_array_equal(out, x)
    rest = np.ones(room.shape, bool)
    rest[CROPS[crop]] = False
    assert (room[rest] == 77).all()
    first = room[CROPS[crop]].transpose(0, 3, 1, 2)
    through(x.transpose(0, 3, 1, 2) + 1, out=first)
    np.testing.assert_array_equal(out, x + 1)


def test_broadcast_images():
    for shape in ((1, 5, 7, 9), (2, 1, 7, 9), (2, 5, 1, 9), (2, 5, 7, 1), (1, 1, 1, 9)):
        x = np.broadcast_to(image(*shape), (2, 5, 7, 9))
        same(through(x, data_format="channels_last"), x)


def test_out_over_the_input():
    x = image(2, 8, 9, 17)
    want = x.copy()
    assert through(x, data_format="channels_last", out=x) is x
    np.testing.assert_array_equal(x, want)
    through(x[:, ::-1], data_format="channels_last", out=x)
    np.testing.assert_array_equal(x, want[:, ::-1])


def test_misaligned_and_foreign_images():
    x = image(2, 8, 9, 17)
    odd = np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view("f4").reshape(x.shape)
    same(through(odd, data_format="channels_last"), x)
    same(through(x.astype(">f4"), data_format="channels_last"), x)
    same(through(x.astype(">f4").transpose(0, 3, 1, 2)), x.transpose(0, 3, 1, 2))


def test_without_a_batch():
    x = image(6, 7, 20)
    same(fastconv.max_pool2d(x, 1, data_format="channels_last"), x)
    same(fastconv.max_pool1d(x[0], 1, data_format="channels_last"), x[0])


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_convolution_with_everything(isa, dtype):
    x, w = image(2, 13, 14, 19, dtype=dtype) - 50, image(34, 19, 3, 3, dtype=dtype) - 50
    b, residual = image(34, dtype=dtype), image(2, 13, 14, 34, dtype=dtype)
    how = {"padding": 1, "activation": "relu", "data_format": "channels_last"}
    want = reference.conv2d(x, w, b, residual=residual, **how)
    with fastconv.precision("highest"):
        same(fastconv.conv2d(x, w, b, residual=residual, **how), want)
        plan = fastconv.Conv2dPlan(x.shape, w, b, **how)
        same(plan(x, residual=residual), want)
        assert plan(x, residual=residual, out=residual) is residual
    np.testing.assert_array_equal(residual, want)


def test_many_threads_at_once():
    xs = [image(1, 80, 60, 40) for _ in range(4)]

    def work(x):
        return all((through(x, data_format="channels_last") == x).all() for _ in range(10))

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, xs))
