"""What an array may be: dtypes, layouts, subclasses, and what NumPy makes of other things."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

import fastconv
from fastconv import grad, reference

pytestmark = pytest.mark.usefixtures("plain_sums")

RNG = np.random.default_rng(0)
X = RNG.integers(-9, 10, (2, 4, 6, 7)).astype(np.float32)
W = RNG.integers(-9, 10, (6, 4, 3, 3)).astype(np.float32)
DY = RNG.integers(-9, 10, (2, 6, 4, 5)).astype(np.float32)
Y = reference.conv2d(X, W)


@pytest.mark.parametrize(
    "dtype",
    ["float16", "longdouble", "complex64", "bool", "int8", "int64", "uint8", "object", "str",
     "S3", "datetime64[s]", "timedelta64[s]", [("a", "f4")]],
    ids=str,
)  # fmt: skip
def test_other_dtypes_are_type_errors_that_name_the_supported_ones(dtype):
    other = np.zeros(X.shape, dtype)
    with pytest.raises(TypeError, match="input must have dtype float32 or float64, got "):
        fastconv.conv2d(other, W)
    with pytest.raises(TypeError, match="weight must have dtype float32 or float64, got "):
        fastconv.conv2d(X, np.zeros(W.shape, dtype))
    with pytest.raises(TypeError, match="bias must have dtype"):
        fastconv.conv2d(X, W, np.zeros(6, dtype))
    with pytest.raises(TypeError, match="grad_output must have dtype"):
        grad.conv2d_bias(other)
    with pytest.raises(TypeError, match="out must have dtype"):
        fastconv.conv2d(X, W, out=np.zeros(Y.shape, dtype))


@pytest.mark.parametrize("name", ["weight", "bias", "residual", "out"])
def test_mixed_dtypes_are_a_type_error(name):
    arrays = {"weight": W, "bias": np.zeros(6), "residual": Y, "out": np.zeros(Y.shape)}
    call = {"weight": W, name: arrays[name].astype(np.float64)}
    with pytest.raises(TypeError, match=f"{name} must have .*dtype .*float32, got float64"):
        fastconv.conv2d(X, **call)
    call = {"weight": W.astype(np.float64), name: arrays[name].astype(np.float32)}
    with pytest.raises(TypeError, match=f"{name} must have .*dtype .*float64, got float32"):
        fastconv.conv2d(X.astype(np.float64), **call)


def same(a, b):
    """Equal, bit for bit but for the sign of zeros, and plain."""
    assert type(a) is np.ndarray
    assert a.dtype.isnative
    assert a.flags.c_contiguous
    assert a.flags.owndata
    assert a.flags.writeable
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_every_order_of_axes_in_memory(order):
    back = np.argsort(order)
    x, w, dy = (np.ascontiguousarray(a.transpose(order)).transpose(back) for a in (X, W, DY))
    same(fastconv.conv2d(x, w), Y)
    same(grad.conv2d_input(X.shape, w, dy), reference.grad.conv2d_input(X.shape, W, DY))
    same(grad.conv2d_weight(x, W.shape, dy), reference.grad.conv2d_weight(X, W.shape, DY))
    same(fastconv.conv_transpose2d(dy, w), reference.conv_transpose2d(DY, W))
    last = x.transpose(0, 2, 3, 1)  # wherever its channels lie in memory
    same(fastconv.conv2d(last, w, data_format="channels_last"), Y.transpose(0, 2, 3, 1))


def spread(a, step):
    """`a` in an array of NaN with gaps: only every `step`-th element along each axis is its own."""
    room = np.full([n * abs(step) for n in a.shape], np.nan, a.dtype)
    view = room[(slice(None, None, step),) * a.ndim]
    view[...] = a
    return view


def misaligned(a):
    view = np.frombuffer(bytearray(a.nbytes + 1), np.uint8)[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def of_strange_strides(a):
    """Axes of length 1 may have any stride: here one that points far away."""
    one = a[:1]
    return np.lib.stride_tricks.as_strided(one, one.shape, (2**40, *one.strides[1:]))


def middle(a):
    return np.pad(a, 3, constant_values=np.nan)[(slice(3, -3),) * a.ndim]


LAYOUTS = {
    "gaps": lambda a: spread(a, 2),
    "reversed": lambda a: spread(a, -1),
    "reversed with gaps": lambda a: spread(a, -3),
    "Fortran": np.asfortranarray,
    "misaligned": misaligned,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "little-endian": lambda a: a.astype(a.dtype.newbyteorder("<")),
    "big-endian with gaps": lambda a: spread(a.astype(a.dtype.newbyteorder(">")), 2),
    "read-only": read_only,
    "a field of packed structs": lambda a: np.rec.fromarrays(
        [a.astype(np.int8), a], dtype=[("pad", "i1"), ("a", a.dtype)]
    )["a"],
    "the middle of another": middle,
    "list": lambda a: a.tolist(),
    "tuple of arrays": tuple,
    "memoryview": lambda a: memoryview(np.ascontiguousarray(a)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_what_a_plain_array_gives(layout, dtype):
    if layout == "list":
        dtype = np.float64  # what NumPy makes of floats
    x, w, dy = (LAYOUTS[layout](a.astype(dtype)) for a in (X, W, DY))
    b = LAYOUTS[layout](np.arange(6, dtype=dtype))
    residual = LAYOUTS[layout](Y.astype(dtype))
    want = Y + np.arange(6).reshape(6, 1, 1)
    same(fastconv.conv2d(x, w, b), want)
    same(fastconv.conv2d(x, w, b, residual=residual), want + Y)
    same(grad.conv2d_input(X.shape, w, dy), reference.grad.conv2d_input(X.shape, W, DY))
    same(grad.conv2d_weight(x, W.shape, dy), reference.grad.conv2d_weight(X, W.shape, DY))
    same(grad.conv2d_bias(dy), reference.grad.conv2d_bias(DY))
    same(fastconv.conv_transpose2d(dy, w), reference.conv_transpose2d(DY, W))
    same(fastconv.Conv2dPlan(X.shape, w, b)(x), want)


def test_axes_of_length_one_may_have_any_stride():
    same(fastconv.conv2d(of_strange_strides(X), W), Y[:1])
    same(fastconv.conv2d(X, of_strange_strides(W)), Y[:, :1])


@pytest.mark.parametrize("axes", [(0,), (1,), (2, 3), (0, 1, 2, 3)], ids=str)
def test_zero_strides(axes):
    def repeated(a):
        at = tuple(slice(1) if i in axes else slice(None) for i in range(a.ndim))
        return np.broadcast_to(a[at], a.shape)

    x, w, dy = map(repeated, (X, W, DY))
    same(fastconv.conv2d(x, w), reference.conv2d(x, w))
    same(grad.conv2d_weight(x, W.shape, dy), reference.grad.conv2d_weight(x, W.shape, dy))
    same(grad.conv2d_input(X.shape, w, dy), reference.grad.conv2d_input(X.shape, w, dy))


def test_windows_that_share_memory():
    windows = np.lib.stride_tricks.sliding_window_view(X[0, 0], (4, 5))[:, :]
    same(fastconv.conv2d(windows, W[:, :3, :2, :2]), reference.conv2d(windows, W[:, :3, :2, :2]))


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_memmap(tmp_path, mode):
    path = tmp_path / "x.bin"
    X.tofile(path)
    x = np.memmap(path, np.float32, mode, shape=X.shape)
    same(fastconv.conv2d(x, W), Y)


def test_memmap_as_out(tmp_path):
    out = np.memmap(tmp_path / "y.bin", np.float32, "w+", shape=Y.shape)
    assert fastconv.conv2d(X, W, out=out) is out
    out.flush()
    np.testing.assert_array_equal(np.fromfile(tmp_path / "y.bin", np.float32).reshape(Y.shape), Y)


class Stubborn(np.ndarray):
    """A subclass that, as np.matrix, will not be anything but two-dimensional."""

    def __getitem__(self, at):
        return np.ndarray.__getitem__(self, at)[None]

    def __array_finalize__(self, obj):
        self.unit = getattr(obj, "unit", "m")


def test_subclasses_give_plain_results():
    same(fastconv.conv2d(X.view(Stubborn), W.view(Stubborn)), Y)
    same(fastconv.conv2d(X.view(np.recarray), W), Y)


def test_a_masked_array_is_a_type_error_wherever_it_comes():
    masked = np.ma.masked_array
    calls = {
        "input": lambda: fastconv.conv2d(masked(X), W),
        "weight": lambda: fastconv.conv2d(X, masked(W)),
        "bias": lambda: fastconv.conv2d(X, W, masked(np.zeros(6, np.float32))),
        "residual": lambda: fastconv.conv2d(X, W, residual=masked(DY)),
        "out": lambda: fastconv.conv2d(X, W, out=masked(DY)),
        "grad_output": lambda: grad.conv2d_bias(masked(DY)),
    }
    for name, call in calls.items():
        with pytest.raises(TypeError, match=f"{name} must be a plain array, got a masked array"):
            call()


class ByProtocol:
    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


class ByInterface:
    def __init__(self, array):
        self.array = array
        self.__array_interface__ = array.__array_interface__


def test_other_peoples_arrays():
    for wrap in (ByProtocol, ByInterface):
        same(fastconv.conv2d(wrap(X), wrap(W)), Y)
        same(fastconv.conv2d(wrap(spread(X, -2)), wrap(spread(W, 2))), Y)


def test_an_error_of_array_is_passed_on():
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise KeyError("mine")

    for call in (lambda: fastconv.conv2d(Broken(), W), lambda: fastconv.conv2d(X, Broken())):
        with pytest.raises(KeyError, match="mine"):
            call()


NO_ARRAYS = (None, "text", 3, 1.5, {}, object(), [[1.0], [1.0, 2.0]], iter(()), b"bytes", ...)


@pytest.mark.parametrize("value", NO_ARRAYS, ids=lambda v: re.sub(r"\W", "", str(v))[:12])
def test_what_is_no_array_is_refused(value):
    for call in (lambda: fastconv.conv2d(value, W), lambda: fastconv.conv2d(X, value),
                 lambda: grad.conv2d_bias(value)):  # fmt: skip
        with pytest.raises((TypeError, ValueError)):
            call()
    if value is not None:
        with pytest.raises((TypeError, ValueError)):
            fastconv.conv2d(X, W, out=value)


def test_out_is_not_made_of_something_else():
    with pytest.raises(TypeError, match="out must be an array, got "):
        fastconv.conv2d(X, W, out=Y.tolist())
    with pytest.raises(TypeError, match="out must be an array, got "):
        fastconv.conv2d(X, W, out=ByProtocol(Y))


def test_results_do_not_share_memory():
    first = fastconv.conv2d(X, W)
    kept = first.copy()
    second = fastconv.conv2d(X, W)
    second[...] = np.nan
    np.testing.assert_array_equal(first, kept)
    first.resize((3, 5), refcheck=False)  # the caller owns it


def test_inputs_are_never_written():
    x, w, b = read_only(X), read_only(W), np.arange(6, dtype=np.float32)
    kept = x.copy(), w.copy(), b.copy()
    for algorithm in ("auto", "direct", "im2col"):
        fastconv.conv2d(x, w, b, padding=1, algorithm=algorithm)
        grad.conv2d(x, w, DY)
    for array, copy in zip((x, w, b), kept, strict=True):
        np.testing.assert_array_equal(array, copy)
