"""scipy.ndimage's filters on our kernels: equal to SciPy's on integers, close to them on floats."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import fastconv

pytest.importorskip("scipy.ndimage", reason="an extra of its own")
from scipy import ndimage

from fastconv.interfaces import scipy_ndimage as ours

RNG = np.random.default_rng(0)
MODES = ("reflect", "mirror", "nearest", "wrap", "constant", "grid-mirror", "grid-wrap",
         "grid-constant")  # fmt: skip
DTYPES = (np.uint8, np.int16, np.uint16, np.float32, np.float64)
OTHERS = (np.bool_, np.int8, np.int32, np.int64, np.uint32, np.uint64)


def image(shape, dtype):
    if np.dtype(dtype).kind == "f":
        return RNG.standard_normal(shape).astype(dtype)
    if dtype == np.bool_:
        return RNG.integers(0, 2, shape).astype(dtype)
    low, high = (0, 100) if np.iinfo(dtype).min == 0 else (-100, 100)
    return RNG.integers(low, high, shape).astype(dtype)


def check(name, x, *args, **kwargs):
    """Compare with SciPy; the kernels took the call."""
    want = getattr(ndimage, name)(x, *args, **kwargs)
    before = ours.counts().get(name, (0, 0))
    got = getattr(ours, name)(x, *args, **kwargs)
    if not name.startswith("grey_op") and not name.startswith("grey_cl"):
        assert ours.counts()[name] == (before[0] + 1, before[1])
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        return
    # A window's places, each rounded; values are of the order of one times the weights.
    tolerance = 1e-5 if 4 in (want.dtype.itemsize,) else 1e-12
    scale = max(1.0, float(np.abs(want).max()))
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * scale)


CASES = {
    "sigma that is fractional": ("gaussian_filter", (1.3,), {}),
    "a derivative": ("gaussian_filter", (1.5,), {"order": (1, 0)}),
    "a radius": ("gaussian_filter", (2,), {"radius": 3}),
    "one axis": ("gaussian_filter", (2,), {"axes": 0}),
    "axes in another order": ("gaussian_filter", ((1, 2),), {"axes": (1, 0)}),
    "a box of even size": ("uniform_filter", (4,), {}),
    "a long box": ("uniform_filter", (21,), {}),
    "a box with origins": ("uniform_filter", ((3, 5),), {"origin": (1, -2)}),
    "a difference": ("sobel", (), {}),
    "the other difference": ("sobel", (0,), {}),
    "prewitt": ("prewitt", (), {}),
    "laplace": ("laplace", (), {}),
    "gaussian laplace": ("gaussian_laplace", (1.2,), {}),
    "a gradient": ("gaussian_gradient_magnitude", (1.2,), {}),
    "maximum": ("maximum_filter", (7,), {}),
    "minimum of long boxes": ("minimum_filter", ((40, 2),), {"origin": (3, -1)}),
    "maximum of one axis": ("maximum_filter1d", (9, 0), {"origin": 2}),
    "minimum of one axis": ("minimum_filter1d", (35,), {}),
    "erosion": ("grey_erosion", ((3, 4),), {}),
    "dilation of even size": ("grey_dilation", ((3, 4),), {}),
    "opening": ("grey_opening", (3,), {}),
    "closing": ("grey_closing", ((2, 3),), {}),
    "a kernel": ("correlate", (np.arange(15.0).reshape(3, 5) - 4,), {}),
    "a kernel with zeros": ("convolve", ([[0, 1, 0], [1, -4, 1], [0, 1, 0]],), {}),
    "an even kernel with an origin": ("convolve", (np.ones((2, 4)),), {"origin": (0, 1)}),
    "a kernel of fractions": ("correlate", (np.full((5, 5), 0.04),), {}),
    "a kernel of one axis": ("correlate", (np.full((1, 5), 0.3),), {}),
    "weights of one axis": ("correlate1d", ([1.5, 0.25, -1], 0), {"origin": 1}),
    "even weights": ("convolve1d", ([1.5, 0.25, -1, 3],), {}),
    "gaussian of one axis": ("gaussian_filter1d", (2.5,), {}),
    "a box of one axis": ("uniform_filter1d", (6, 0), {}),
}


@pytest.mark.parametrize("dtype", DTYPES + OTHERS, ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("case", CASES)
def test_results_are_those_of_scipy(case, dtype, isa):
    name, args, kwargs = CASES[case]
    if dtype == np.bool_:
        kwargs = {**kwargs, "output": np.uint8}
    if dtype == np.bool_ and name.startswith("grey_") and name[5] in "oc":
        pytest.skip("what lies between is bool, which is SciPy's")
    if name == "gaussian_gradient_magnitude" and dtype == np.int8:
        pytest.skip("squares beyond int8, whose roots are what NumPy makes of NaN")
    check(name, image((37, 83), dtype), *args, **kwargs)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 7), (1, 9), (3, 1), (150, 300)])
def test_borders(mode, dtype, shape):
    x = image(shape, dtype)
    check("gaussian_filter", x, 2, mode=mode, cval=3)
    check("uniform_filter", x, (9, 4), mode=mode, cval=3, origin=(2, -1))
    check("maximum_filter", x, (11, 5), mode=mode, cval=90)
    check("correlate", x, np.arange(21.0).reshape(3, 7) - 9, mode=mode, cval=2.5)
    check("sobel", x, mode=mode, cval=3)
    check("prewitt", x, 0, mode=mode, cval=3)


def test_each_axis_has_its_mode():
    x = image((20, 30), np.float32)
    check("gaussian_filter", x, (1, 2), mode=("wrap", "constant"), cval=0.5)
    check("minimum_filter", x, 5, mode=("mirror", "nearest"))
    check("sobel", x, 0, mode=("mirror", "wrap"))


@pytest.mark.parametrize("shape", [(40,), (3, 20, 30), (9, 11, 3), (2, 9, 10, 11), (5, 6, 7, 2)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_any_number_of_axes(shape, dtype):
    x = image(shape, dtype)
    for name, args in (("gaussian_filter", (1,)), ("uniform_filter", (3,)), ("sobel", (0,)),
                       ("maximum_filter", (3,)), ("laplace", ())):  # fmt: skip
        check(name, x, *args)
    if len(shape) > 2:
        check("gaussian_filter", x, 1.5, axes=(0, 1))
        check("correlate", x, np.arange(9.0).reshape(3, 3), axes=(1, 2))


@pytest.mark.parametrize("source", DTYPES, ids=lambda d: np.dtype(d).name)
@pytest.mark.parametrize("target", [*DTYPES, np.int32], ids=lambda d: np.dtype(d).name)
def test_outputs_of_other_dtypes(source, target):
    x = image((30, 41), source)
    for name, args in (("gaussian_filter", (1,)), ("correlate1d", ([1, 2, 1],)),
                       ("maximum_filter", (3,))):  # fmt: skip
        check(name, x, *args, output=target)
    if np.dtype(source).kind != "f":
        check("uniform_filter", x, 3, output=target)


def test_flat_areas_are_rounded_as_scipy_does():
    x = np.zeros((70, 90), np.uint8)
    x[10:40, 20:60] = 255
    x[:, 70:] = 37
    check("gaussian_filter", x, 2)
    check("gaussian_filter", x, 0.7)
    check("correlate", x, np.full((5, 5), 0.04))
    check("uniform_filter", x, 9)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16], ids=lambda d: d.__name__)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cval", [3, 2.5, 300.0])  # of which uint8 holds the first alone
def test_integer_weights_wrap_as_scipys_sums_do(cval, mode, dtype, isa):
    """Sums that pass the ends of the dtype, by kernels of one axis and of two."""
    rng = np.random.default_rng(3)
    kernel = rng.integers(-9, 10, (3, 5))
    for shape in [(37, 53), (1, 7), (70, 1100)]:
        info = np.iinfo(dtype)
        x = rng.integers(info.min, info.max + 1, shape).astype(dtype)
        for threads in (1, 2):
            with fastconv.threads(threads):
                check("sobel", x, mode=mode, cval=cval)
                check("laplace", x, mode=mode, cval=cval)
                check("correlate", x, kernel, mode=mode, cval=cval)
                check("correlate1d", x, [1, -2, 5, 7], axis=0, mode=mode, cval=cval)
                check("convolve1d", x, [-3, 0, 200], axis=1, mode=mode, cval=cval)


@pytest.mark.parametrize("weights", [np.full((5, 5), 0.04), np.array([[0.25, 0.5], [0.25, -0.5]])])
@pytest.mark.parametrize("width", [5, 17, 63, 64, 65, 1100])
def test_many_sums_close_to_an_integer(weights, width, isa):
    """They are computed again in SciPy's order, in blocks, some of them alone."""
    x = np.random.default_rng(4).integers(0, 256, (40, width)).astype(np.uint8)
    check("correlate", x, weights)
    check("correlate1d", x, [0.25, 0.5, 0.25], axis=0)
    check("correlate1d", x, [-0.5, 0, 0.5], axis=1)


def test_output_may_be_the_input_and_lie_anywhere():
    x = image((50, 60), np.float32)
    want = ndimage.gaussian_filter(x, 1.5)
    same = x.copy()
    assert ours.gaussian_filter(same, 1.5, output=same) is same
    np.testing.assert_allclose(same, want, atol=1e-6)
    apart = np.full((100, 60, 2), np.nan, np.float32)
    view = apart[::-2, :, 1]
    ours.gaussian_filter(x[::-1][::-1], 1.5, output=view)
    np.testing.assert_allclose(view, want, atol=1e-6)
    assert np.isnan(apart[:, :, 0]).all()
    assert np.isnan(apart[::2, :, 1]).all()
    swapped = x.astype(">f4")
    np.testing.assert_allclose(ours.gaussian_filter(swapped, 1.5), want, atol=1e-6)
    np.testing.assert_allclose(ours.gaussian_filter(x.T, 1.5).T, want, atol=1e-6)


def test_bits_do_not_depend_on_threads():
    x = image((700, 900), np.float32)
    for name, arg in (("gaussian_filter", 2), ("uniform_filter", 30), ("maximum_filter", 7)):
        with fastconv.threads(1):
            one = getattr(ours, name)(x, arg)
        with fastconv.threads(2):
            np.testing.assert_array_equal(getattr(ours, name)(x, arg), one)


def test_nan_and_inf_reach_their_windows_alone():
    x = np.ones((40, 300), np.float32)
    x[20, 150] = np.nan
    for name, args, reach in (("uniform_filter", (5,), 2), ("gaussian_filter", (1,), 4),
                              ("uniform_filter", (21,), 10)):  # fmt: skip
        y = getattr(ours, name)(x, *args)
        where = np.zeros(x.shape, bool)
        where[20 - reach : 21 + reach, 150 - reach : 151 + reach] = True
        np.testing.assert_array_equal(np.isnan(y), where)


PASSED_ON = {
    "complex": lambda x: ("gaussian_filter", (x + 1j, 1), {}),
    "a cross": lambda x: ("maximum_filter", (x,), {"footprint": [[0, 1, 0], [1, 1, 1], [0, 1, 0]]}),
    "structure": lambda x: ("grey_erosion", (x,), {"structure": np.ones((3, 3))}),
    "three axes at once": lambda x: ("correlate", (x[None], np.ones((2, 3, 3))), {}),
    "nothing": lambda x: ("gaussian_filter", (x[:0], 1), {}),
}


@pytest.mark.parametrize("case", PASSED_ON)
def test_other_calls_are_scipys(case):
    name, args, kwargs = PASSED_ON[case](image((9, 10), np.float64))
    before = ours.counts().get(name, (0, 0))
    np.testing.assert_array_equal(
        getattr(ours, name)(*args, **kwargs), getattr(ndimage, name)(*args, **kwargs)
    )
    assert ours.counts()[name] == (before[0], before[1] + 1)


@pytest.mark.parametrize("case", CASES)
def test_the_second_call_is_as_the_first(case):
    name, args, kwargs = CASES[case]
    for shape in ((37, 83), (83, 37)):
        x = image(shape, np.float32)
        want = getattr(ours, name)(x, *args, **kwargs)
        again = getattr(ours, name)(x, *args, **kwargs)
        assert again is not want
        np.testing.assert_array_equal(again, want)
        np.testing.assert_array_equal(getattr(ours, name)(x.T, *args, **kwargs),
                                      getattr(ours, name)(x.T.copy(), *args, **kwargs))  # fmt: skip
    line = image(60, np.float64)
    for _ in range(2):
        check("gaussian_gradient_magnitude", line, 2)
        check("laplace", line)


def test_scipy_refuses_what_it_refuses():
    x = image((9, 10), np.float64)
    with pytest.raises(RuntimeError, match="boundary mode not supported"):
        ours.gaussian_filter(x, 1, mode="none")
    with pytest.raises(ValueError, match="origin"):
        ours.uniform_filter(x, 3, origin=5)
    with pytest.raises(RuntimeError, match="filter weights"):
        ours.correlate1d(x, [])
    with pytest.raises(TypeError):
        ours.gaussian_filter(x)


def test_enabled_nests_and_restores():
    theirs = ndimage.gaussian_filter
    with ours.enabled():
        assert ndimage.gaussian_filter is ours.gaussian_filter
        with pytest.raises(KeyError), ours.enabled():
            raise KeyError
        assert ndimage.gaussian_filter is ours.gaussian_filter
        seen = []
        thread = threading.Thread(target=lambda: seen.append(ndimage.sobel))
        thread.start()
        thread.join()
        assert seen == [ours.sobel]
    assert ndimage.gaussian_filter is theirs
    assert ndimage.generic_filter is ours.generic_filter
