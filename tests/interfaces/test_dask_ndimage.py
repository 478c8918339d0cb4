"""Filters of images on dask arrays: whatever the chunks, what one call on the whole array gives."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

da = pytest.importorskip("dask.array", reason="dask is an extra")
ndi = pytest.importorskip("scipy.ndimage", reason="scipy is an extra")
import dask  # noqa: E402

from dask_arrays import chunked  # noqa: E402
from fastconv.interfaces import scipy_ndimage as ours  # noqa: E402
from fastconv.interfaces.dask import ndimage as lazily  # noqa: E402

MODES = ["reflect", "mirror", "nearest", "wrap", "constant"]


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="sync"):
        yield


def window(rng, most=8):
    """A size and an origin that SciPy takes."""
    size = int(rng.integers(1, most))
    return size, int(rng.integers(-(size // 2), (size - 1) // 2 + 1))


def windows(rng, n):
    sizes, origins = zip(*(window(rng) for _ in range(n)), strict=True)
    return tuple(sizes), tuple(origins)


def of_kernel(rng, n):
    sizes, origins = windows(rng, n)
    return (rng.integers(-3, 4, sizes),), {"origin": origins}


def of_line(rng, n):
    size, origin = window(rng)
    return (rng.integers(-3, 4, size),), {"origin": origin, "axis": int(rng.integers(n))}


def of_run(rng, n):
    size, origin = window(rng)
    return (size,), {"origin": origin, "axis": int(rng.integers(n))}


def of_box(rng, n):
    sizes, origins = windows(rng, n)
    return (sizes,), {"origin": origins}


def of_morphology(rng, n):
    sizes, origins = windows(rng, n)
    footprint = np.ones(sizes, bool) if rng.integers(2) else rng.random(sizes) < 0.7
    footprint.flat[0] = True
    return (), {"footprint": footprint, "origin": origins}


def of_gaussian(rng, n):
    return (tuple(rng.uniform(0, 2, n).tolist()),), {"truncate": float(rng.uniform(1, 4))}


def of_gaussian_line(rng, n):
    return (float(rng.uniform(0.3, 2)),), {"axis": int(rng.integers(n)), "radius": 3}


def of_nothing(rng, n):
    return (), {}


DRAWN = {
    "convolve": of_kernel, "correlate": of_kernel, "convolve1d": of_line, "correlate1d": of_line,
    "uniform_filter": of_box, "minimum_filter": of_box, "maximum_filter": of_box,
    "uniform_filter1d": of_run, "minimum_filter1d": of_run, "maximum_filter1d": of_run,
    "grey_erosion": of_morphology, "grey_dilation": of_morphology, "grey_opening": of_morphology,
    "grey_closing": of_morphology, "gaussian_filter": of_gaussian, "gaussian_laplace": of_gaussian,
    "gaussian_gradient_magnitude": of_gaussian, "gaussian_filter1d": of_gaussian_line,
    "laplace": of_nothing, "sobel": of_nothing, "prewitt": of_nothing,
}  # fmt: skip
ONE_MODE = {"convolve", "correlate", "gaussian_laplace", "gaussian_gradient_magnitude"}


def test_every_filter_is_there():
    assert set(DRAWN) == set(ours.FUNCTIONS)


def call_of(name, rng):
    """An array and arguments, drawn; one axis of three is shorter than most windows."""
    n = int(rng.integers(2, 4)) if rng.integers(4) else 2
    shape = tuple(int(v) for v in rng.integers(2, 24 if n == 2 else 12, n))
    x = rng.integers(0, 200, shape).astype(rng.choice(["u1", "i2", "i4", "f4", "f8"]))
    args, options = DRAWN[name](rng, n)
    modes = [str(m) for m in rng.choice(MODES, n)]
    lone = (
        name.endswith("1d") or name.startswith("grey") or name in ONE_MODE or bool(rng.integers(2))
    )
    return x, args, {**options, "mode": modes[0] if lone else modes, "cval": 3}


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("name", sorted(DRAWN))
def test_filters_in_any_chunks(name, seed):
    rng = np.random.default_rng(seed)
    x, args, options = call_of(name, rng)
    want = getattr(ours, name)(x, *args, **options)
    lazy = chunked(rng, x, most_borders=5)
    y = getattr(lazily, name)(lazy, *args, **options)
    assert isinstance(y, da.Array)
    assert (y.shape, y.dtype, y.chunks) == (want.shape, want.dtype, lazy.chunks)
    got = y.compute()
    if x.dtype.kind in "iu":
        np.testing.assert_array_equal(got, want)
    else:  # the order of a sum may be another one in another place
        bound = 64 * np.finfo(x.dtype).eps * (1 + np.abs(want).max())
        np.testing.assert_allclose(got, want, rtol=0, atol=bound)


@pytest.mark.parametrize("name", ["gaussian_filter", "maximum_filter"])
@pytest.mark.parametrize("mode", MODES)
def test_windows_longer_than_the_array(name, mode):
    x = np.random.default_rng(1).integers(0, 200, (7, 9)).astype(np.uint8)
    want = getattr(ours, name)(x, 21, mode=mode)
    got = getattr(lazily, name)(da.from_array(x, chunks=(2, 4)), 21, mode=mode)
    np.testing.assert_array_equal(got.compute(), want)


def test_axes_and_the_dtype_of_the_result():
    rng = np.random.default_rng(2)
    x = rng.integers(0, 200, (5, 30, 3)).astype(np.uint8)
    lazy = da.from_array(x, chunks=(2, 7, 2))
    got = lazily.gaussian_filter(lazy, 1.5, axes=(1,), output=np.float64)
    want = ours.gaussian_filter(x, 1.5, axes=(1,), output=np.float64)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got.compute(), want)


def test_only_what_is_read_is_computed():
    seen = []

    def look(block, block_info=None):
        seen.append(block_info[0]["chunk-location"])
        return block

    x = da.ones((100, 100), chunks=10).map_blocks(look, dtype=float, meta=np.ones((0, 0)))
    lazily.uniform_filter(x, 5)[45:46, 45:46].compute()
    assert len(seen) == 9
    seen.clear()
    lazily.uniform_filter(x, 5, mode="wrap")[:1, :1].compute()
    assert sorted(seen) == [(i, j) for i in (0, 1, 9) for j in (0, 1, 9)]


def test_what_is_refused():
    x = da.ones((8, 8), chunks=4)
    with pytest.raises(TypeError, match="output"):
        lazily.sobel(x, output=np.empty((8, 8)))
    with pytest.raises(RuntimeError):
        lazily.gaussian_filter(x, 1, mode="around")
    with pytest.raises((ValueError, RuntimeError)):
        lazily.uniform_filter(x, 3, origin=2)
    with pytest.raises(ValueError, match="mode must be one word"):
        lazily.gaussian_laplace(x, 1, mode=["wrap", "reflect"])
    with pytest.raises(ValueError, match="axes must be all"):
        lazily.gaussian_laplace(x, 1, axes=(0,))
    with pytest.raises(ValueError, match="chunks of known sizes"):
        lazily.sobel(x[x[:, 0] > 0])
    with pytest.raises(TypeError, match="unexpected"):
        lazily.sobel(x, sigma=3)


def test_no_elements():
    assert lazily.sobel(da.ones((0, 5), chunks=2)).compute().shape == (0, 5)
    assert lazily.sobel(da.from_array(np.ones((4, 5)), chunks=((2, 0, 2), 5))).shape == (4, 5)


@pytest.mark.skipif(find_spec("dask_image") is None, reason="dask-image is pinned by .ci")
def test_dask_image_builds_graphs_with_ours():
    from dask_image import ndfilters
    from dask_image.dispatch import _dispatch_ndfilters as tables

    x = np.random.default_rng(3).integers(0, 200, (40, 30)).astype(np.float32)
    lazy = da.from_array(x, chunks=16)
    before = ours.counts().get("gaussian_filter", (0, 0))
    with lazily.dask_image_enabled():
        y = ndfilters.gaussian_filter(lazy, 2)
        with pytest.raises(KeyError), lazily.dask_image_enabled():
            raise KeyError
        assert tables.dispatch_gaussian_filter(x) is not ndi.gaussian_filter
    assert tables.dispatch_gaussian_filter(x) is ndi.gaussian_filter
    want = ours.gaussian_filter(x, 2)
    np.testing.assert_allclose(y.compute(), want, rtol=0, atol=1e-4)
    taken, left = ours.counts()["gaussian_filter"]
    assert (taken - before[0], left - before[1]) == (7, 0)
