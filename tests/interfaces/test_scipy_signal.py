"""`scipy.signal` on our kernels: SciPy's shapes, dtypes and values, for its every argument."""

from __future__ import annotations

import asyncio
import sys
import threading
from itertools import product

import numpy as np
import pytest

from children import run_python

signal = pytest.importorskip("scipy.signal", reason="scipy is an extra")
from fastconv.interfaces import scipy_signal as ours  # noqa: E402

DTYPES = ["?", "i1", "u1", "i4", "i8", "u8", "f4", "f8", "c8", "c16"]
MODES = ["full", "same", "valid"]


def numbers(shape, dtype, seed=0):
    """Small integers of any dtype, whose sums are exact."""
    rng, dtype = np.random.default_rng(seed), np.dtype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    low = 0 if dtype.kind == "u" else -4
    values = rng.integers(low, 5, shape).astype(dtype)
    return values + 1j * rng.integers(-4, 5, shape).astype(dtype) if dtype.kind == "c" else values


def check(name, *args, **options):
    """One call by both; float32 transforms of SciPy's are what the tolerance is for."""
    want = getattr(signal, name)(*args, **options)
    got = getattr(ours, name)(*args, **options)
    pairs = zip(want, got, strict=True) if isinstance(want, tuple) else [(want, got)]
    for w, g in pairs:
        assert (g.dtype, g.shape) == (w.dtype, w.shape), (name, options)
        single = any(getattr(a, "dtype", np.dtype("f8")).char in "fF" for a in args)
        scale = max(1.0, float(np.abs(w).max())) if w.size else 1.0
        np.testing.assert_allclose(g, w, rtol=0, atol=(1e-4 if single else 1e-10) * scale)


SHAPES = [
    ((9,), (4,)), ((4,), (9,)), ((5,), (5,)), ((6, 5), (3, 2)), ((3, 5), (4, 2)),
    ((2, 1, 7), (1, 3, 3)), ((1, 7), (4, 1)), ((3, 4, 5), (2, 2, 2)),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:invalid value")  # SciPy casts memory that it has not written
@pytest.mark.parametrize("dtypes", list(product(DTYPES, DTYPES)), ids="-".join)
def test_convolutions_of_every_dtype(dtypes):
    for (first, second), mode in product(SHAPES, MODES):
        a, b = numbers(first, dtypes[0]), numbers(second, dtypes[1], 1)
        if mode == "valid" and not (
            all(n >= k for n, k in zip(first, second, strict=True))
            or all(n <= k for n, k in zip(first, second, strict=True))
        ):
            for name in ("convolve", "correlate"):
                with pytest.raises(ValueError, match="at least"):
                    getattr(ours, name)(a, b, mode)
            continue
        if not (dtypes == ("?", "?") and len(first) == 3):
            for name in ("convolve", "correlate"):
                check(name, a, b, mode, "direct") if dtypes != ("?", "?") else None
        check("fftconvolve", a, b, mode)
        if len(first) == 2 and dtypes != ("?", "?"):
            for boundary in ("fill", "wrap", "symm"):
                check("convolve2d", a, b, mode, boundary)
                check("correlate2d", a, b, mode, boundary)
            check("convolve2d", a, b, mode, "fill", 2)


@pytest.mark.parametrize("mode", MODES)
def test_axes_are_convolved_and_the_others_paired(mode):
    a = np.random.default_rng(0).standard_normal((3, 20, 4))
    for shape, axes in (((3, 5, 4), 1), ((1, 5, 4), [1]), ((1, 5, 3), [1, 2]), ((3, 6, 1), -2)):
        check("fftconvolve", a, numbers(shape, "f8"), mode, axes=axes)
        check("oaconvolve", a, numbers(shape, "f8"), mode, axes=axes)


FILTERED = [((50,), -1), ((4, 30), 1), ((30, 4), 0), ((2, 25, 3), 1), ((3,), 0)]


@pytest.mark.parametrize("dtype", ["i4", "f4", "f8", "c8", "c16"])
@pytest.mark.parametrize(("shape", "axis"), FILTERED)
def test_filters_along_an_axis(shape, axis, dtype):
    x = numbers(shape, dtype)
    for taps in (1, 4, 60):
        h = numbers((taps,), "f4" if dtype == "f4" else "f8", 1)
        check("lfilter", h, np.ones(1, h.dtype) * 2, x, axis)
        state = [taps - 1 if i == axis % len(shape) else n for i, n in enumerate(shape)]
        check("lfilter", h, [1.0], x, axis, numbers(state, "f8"))
        for up, down in ((1, 1), (1, 3), (4, 1), (3, 2), (6, 4), (2, 7)):
            check("upfirdn", h, x, up, down, axis)
            check("resample_poly", x, up, down, axis, h)
        check("resample_poly", x, 3, 4, axis)
        check("decimate", x, 3, ftype="fir", axis=axis)
        check("decimate", x, 3, ftype="fir", axis=axis, zero_phase=False)


BORDERS = ["constant", "edge", "wrap", "reflect", "symmetric", "antireflect", "antisymmetric",
           "smooth", "line"]  # fmt: skip


@pytest.mark.parametrize("mode", BORDERS)
def test_borders_of_resampled_signals(mode):
    x = np.random.default_rng(1).standard_normal((3, 7))
    for taps, up, down in ((5, 1, 1), (40, 3, 2), (9, 2, 5)):
        check("upfirdn", numbers((taps,), "f8"), x, up, down, 1, mode, 1.5)
    check("resample_poly", x, 2, 3, 1, padtype=mode)


@pytest.mark.parametrize("background", ["mean", "median", "minimum", "maximum"])
def test_backgrounds_of_resampled_signals(background):
    check("resample_poly", np.random.default_rng(1).random((20, 3)), 3, 2, padtype=background)


@pytest.mark.parametrize("mode", ["interp", "mirror", "constant", "nearest", "wrap"])
def test_polynomials(mode):
    x = np.random.default_rng(2).standard_normal((3, 30, 2))
    for length, order, deriv in ((5, 2, 0), (6, 3, 1), (11, 4, 2), (3, 0, 0)):
        check("savgol_filter", x, length, order, deriv, 0.5, 1, mode, 1.5)


def test_lags_are_those_of_scipy():
    for n, k, mode in product(range(1, 8), range(1, 8), MODES):
        np.testing.assert_array_equal(
            ours.correlation_lags(n, k, mode), signal.correlation_lags(n, k, mode)
        )


def test_methods():
    assert ours.choose_conv_method(np.ones(8), np.ones(6)) == "direct"
    assert ours.choose_conv_method(np.ones(100_000), np.ones(5_000)) == "fft"
    assert ours.choose_conv_method(np.ones(8, int), np.ones(6, int)) == "direct"
    method, times = ours.choose_conv_method(np.ones(8), np.ones(6), measure=True)
    assert times[method] == min(times.values())
    assert set(times) == {"fft", "direct"}


def test_large_integers_are_exact_or_scipys():
    a, b = np.array([2**40 + 1, 3]), np.array([2**10, 1])
    assert ours.convolve(a, b).tolist() == [2**50 + 2**10, 2**40 + 1 + 3 * 2**10, 3]
    a = np.array([2**62, 1])
    before = ours.counts()["convolve"][1]
    np.testing.assert_array_equal(ours.convolve(a, a), np.convolve(a, a))
    assert ours.counts()["convolve"][1] == before + 1
    long = numbers(3000, "i4")
    np.testing.assert_array_equal(ours.convolve(long, long[:500]), np.convolve(long, long[:500]))


def test_plain_sums_are_exact_on_integers_in_float32():
    a, b = numbers((60, 70), "f4"), numbers((3, 3), "f4", 1)
    got = ours.convolve(a, b, method="direct")
    np.testing.assert_array_equal(got, signal.convolve(a, b, method="direct"))


def test_a_nan_stays_in_its_windows_and_fft_warns():
    x = np.ones(4000)
    x[100] = np.nan
    with pytest.warns(RuntimeWarning, match="wherever a window holds it"):
        y = ours.convolve(x, np.ones(300), "full", "fft")
    assert np.flatnonzero(np.isnan(y)).tolist() == list(range(100, 400))


def test_blocks_with_a_state_are_the_whole():
    x, h = numbers(200, "f8"), numbers(31, "f8", 1)
    state, parts = np.zeros(30), []
    for begin, end in ((0, 7), (7, 8), (8, 8), (8, 150), (150, 200)):
        if begin == end:
            continue
        y, state = ours.lfilter(h, 1.0, x[begin:end], zi=state)
        parts.append(y)
    np.testing.assert_array_equal(np.concatenate(parts), signal.lfilter(h, [1.0], x))


def test_what_is_not_ours_is_passed_on():
    before = ours.counts()
    ours.lfilter([1.0], [1.0, 0.5], np.ones(9))  # feedback
    ours.convolve(np.ones((3, 3, 3)), np.ones((2, 2, 2)))  # three axes
    ours.fftconvolve(np.ones(4, np.longdouble), np.ones(3, np.longdouble))
    with pytest.raises(ValueError, match="dimensionality"):
        ours.convolve(np.ones(3), np.ones((2, 2)))
    after = ours.counts()
    for name, number in (("lfilter", 1), ("convolve", 2), ("fftconvolve", 1)):
        assert after[name][1] - before[name][1] == number


def test_inside_of_enabled_scipys_names_are_ours():
    theirs = signal.convolve

    def taken():
        return ours.counts()["convolve"][0]

    def called():
        before = taken()
        signal.convolve(np.ones(4), np.ones(2))
        return taken() > before

    with ours.enabled():
        assert called()
        with ours.enabled():
            assert called()
        assert called()
        elsewhere = []
        thread = threading.Thread(target=lambda: elsewhere.append(called()))
        thread.start()
        thread.join()
        assert elsewhere == [False]
    assert signal.convolve is theirs
    assert not called()
    with pytest.raises(KeyError), ours.enabled():
        raise KeyError
    assert signal.convolve is theirs


def test_tasks_switch_it_on_for_themselves():
    async def task(on):
        if not on:
            await asyncio.sleep(0)
            before = ours.counts()["fftconvolve"][0]
            signal.fftconvolve(np.ones(4), np.ones(2))
            return ours.counts()["fftconvolve"][0] - before
        with ours.enabled():
            await asyncio.sleep(0)
            before = ours.counts()["fftconvolve"][0]
            signal.fftconvolve(np.ones(4), np.ones(2))
            return ours.counts()["fftconvolve"][0] - before

    async def both():
        return await asyncio.gather(task(True), task(False))

    assert asyncio.run(both()) == [1, 0]


def test_without_scipy_what_needs_it_says_so():
    printed = run_python(
        "import sys; sys.modules['scipy'] = None\n"
        "import numpy as np\n"
        "from fastconv.interfaces import scipy_signal as s\n"
        "print(s.convolve(np.ones(3), np.ones(2)).tolist())\n"
        "try:\n    s.lfilter([1.0], [1.0, 0.5], np.ones(3))\n"
        "except ImportError as error:\n    print(error)\n"
    )
    assert "[1.0, 2.0, 2.0, 1.0]" in printed
    assert "pip install 'fastconv[scipy]'" in printed


def test_threads_do_not_change_bits():
    import fastconv

    x, h = np.random.default_rng(0).standard_normal((2, 20_000)), np.hanning(700)
    with fastconv.threads(1):
        want = ours.upfirdn(h, x, 3, 2)
    with fastconv.threads(3):
        np.testing.assert_array_equal(ours.upfirdn(h, x, 3, 2), want)


def test_strides_byte_order_and_flags():
    x = np.arange(60.0)
    want = signal.convolve(x[::-3], np.array([1.0, 2.0]))
    strange = x.astype(">f8")[::-3]
    strange.setflags(write=False)
    np.testing.assert_array_equal(ours.convolve(strange, np.array([1.0, 2.0])), want)
    assert sys.byteorder == "little" or strange.dtype.isnative
