"""What pools take and refuse: layouts, memory, hostile arguments and their messages."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import fastconv
from fastconv import grad
from pool_cases import bits

X = np.arange(2.0 * 3 * 5 * 6).reshape(2, 3, 5, 6)
LINE = np.arange(12.0).reshape(1, 12)
INDICES = np.zeros((2, 3, 2, 3), np.int64)
pool, avg, unpool = fastconv.max_pool2d, fastconv.avg_pool2d, fastconv.max_unpool2d


class Three:
    def __index__(self):
        return 3


HOSTILE = [
    (lambda: pool(X, 2, 0), ValueError, "height: stride must be positive, got 0"),
    (lambda: pool(X, 2, (1, 0)), ValueError, "width: stride must be positive, got 0"),
    (lambda: pool(X, 2, -1), ValueError, "stride must be positive, got -1"),
    (lambda: pool(X, 0), ValueError, "kernel size must be positive, got 0"),
    (lambda: pool(X, (2, -3)), ValueError, "width: kernel size must be positive, got -3"),
    (lambda: pool(X, 2, 1, 0, 0), ValueError, "dilation must be positive, got 0"),
    (lambda: pool(X, 2, 1, -1), ValueError, "padding must not be negative"),
    (lambda: pool(X, 2, 1, ((0, 0), (0, -1))), ValueError, "padding must not be negative"),
    (
        lambda: pool(X, 3, 1, 2),
        ValueError,
        "at most half of the 3 elements that the kernel reaches",
    ),
    (lambda: pool(X, 2, 1, 2**31), ValueError, "padding must be at most"),
    (lambda: pool(X, 2, 1, ((2**31, 0),)), ValueError, "padding must be at most"),
    (lambda: pool(X, 2, 1, 2**62), ValueError, "padding must be at most"),
    (lambda: pool(X, 2, 1, 2**63), ValueError, "padding does not fit 64 bits"),
    (lambda: pool(X, 2**31, 1), ValueError, "must be at most"),
    (lambda: pool(X, 2, 2**40), ValueError, "must be at most"),
    (lambda: pool(X, 2**31 - 1, 1, 0, 2**31 - 1), ValueError, "height: a kernel may reach at most"),
    (lambda: pool(X, (6, 2)), ValueError, "height: the kernel reaches 6 elements"),
    (lambda: fastconv.max_pool1d(LINE[:, :1], 4, ceil_mode=True), ValueError, "kernel reaches 4"),
    (lambda: pool(X, 2, padding="full"), ValueError, "'full'"),
    (lambda: fastconv.max_pool1d(LINE, 2, padding="causal"), ValueError, "'causal'"),
    (lambda: pool(X, 2, padding="nearly"), ValueError, "padding must be"),
    (lambda: pool(X, (2, 2, 2)), ValueError, "kernel_size must be an int or a sequence"),
    (lambda: pool(X, []), ValueError, "kernel_size"),
    (lambda: pool(X, 2.0), TypeError, "kernel_size must be an int, got 2.0"),
    (lambda: pool(X, True), TypeError, "kernel_size must be an int, got True"),
    (lambda: pool(X, None), TypeError, "kernel_size must be an int, got None"),
    (lambda: pool(X, "2"), TypeError, "kernel_size must be an int"),
    (lambda: pool(X, 2, ceil_mode=1), TypeError, "ceil_mode must be a bool"),
    (lambda: pool(X, 2, return_indices="no"), TypeError, "return_indices must be a bool"),
    (lambda: pool(X, 2, threads=0), ValueError, "threads must be from 1"),
    (lambda: pool(X, 2, data_format="NCHW"), ValueError, "data_format must be"),
    (lambda: pool(X[0, 0], 2), ValueError, "input must have shape"),
    (lambda: pool(X[None], 2), ValueError, "input must have shape"),
    (lambda: pool(X[:, :0], 2), ValueError, "at least one channel"),
    (lambda: pool(X[:, :, :0], 2), ValueError, "height: the input must have at least one element"),
    (lambda: pool(X.astype(bool), 2), TypeError, "input must have dtype"),
    (lambda: pool(X.astype(np.float16), 2), TypeError, "input must have dtype"),
    (lambda: pool(X.astype(complex), 2), TypeError, "input must have dtype"),
    (lambda: pool(np.ma.masked_array(X), 2), TypeError, "masked array"),
    (lambda: avg(X.astype(int), 2), TypeError, "input must have dtype float32 or float64"),
    (lambda: avg(X, 2, divisor_override=0), ValueError, "divisor_override must not be zero"),
    (lambda: avg(X, 2, divisor_override=1.5), TypeError, "divisor_override must be an int"),
    (lambda: avg(X, 2, count_include_pad=None), TypeError, "count_include_pad must be a bool"),
    (lambda: fastconv.lp_pool2d(X, 0, 2), ValueError, "norm_type must be positive, got 0"),
    (lambda: fastconv.lp_pool2d(X, -1, 2), ValueError, "norm_type must be positive, got -1"),
    (lambda: fastconv.lp_pool2d(X, float("nan"), 2), ValueError, "norm_type must be positive"),
    (lambda: fastconv.lp_pool2d(X, "2", 2), TypeError, "norm_type must be a number"),
    (lambda: fastconv.adaptive_avg_pool2d(X, -1), ValueError, "output_size must be from 0"),
    (
        lambda: fastconv.adaptive_avg_pool2d(X, int(4.8e18)),
        ValueError,
        "output_size must be from 0",
    ),
    (lambda: fastconv.adaptive_max_pool2d(X, 2**31 - 1), ValueError, "too large"),
    (lambda: fastconv.adaptive_avg_pool2d(X, (1, 2, 3)), ValueError, "output_size must have"),
    (lambda: fastconv.adaptive_avg_pool2d(X, 1.0), TypeError, "output_size must be an int"),
    (lambda: fastconv.global_max_pool2d(X[..., :0]), ValueError, "at least one element"),
    (lambda: pool(X, 2, out=np.empty((2, 3, 2, 2))), ValueError, "out must have shape"),
    (lambda: pool(X, 2, out=np.empty((2, 3, 2, 3), np.float32)), TypeError, "out must have dtype"),
    (lambda: unpool(X[..., :2, :3], INDICES, 2, output_size=(2, 6)), ValueError, "from 3 to 5"),
    (lambda: unpool(X[..., :2, :3], INDICES, 2, output_size=(9, 9, 4, 6)), ValueError, "batch and"),
    (lambda: unpool(X[..., :2, :3], INDICES, 2, output_size=4.5), TypeError, "output_size"),
    (lambda: unpool(X, INDICES, 2), ValueError, "indices must have shape"),
    (
        lambda: unpool(X[..., :2, :3], INDICES.astype(float), 2),
        TypeError,
        "indices must have dtype int64",
    ),
    (lambda: unpool(X[..., :2, :3], INDICES.astype(np.int32), 2), TypeError, "got int32"),
    (lambda: grad.max_pool2d_input(X, INDICES, X.shape), ValueError, "indices must have shape"),
    (
        lambda: grad.max_pool2d_input(X[..., :2, :3], INDICES, (2, 4, 5, 6)),
        ValueError,
        "grad_output",
    ),
    (lambda: grad.max_pool2d_input(X[..., :2, :3], INDICES, (3, 5, 6)), ValueError, "grad_output"),
    (
        lambda: grad.max_pool2d_input(X[..., :2, :3], INDICES, (2, 3, 0, 6)),
        ValueError,
        "input_size",
    ),
    (lambda: grad.max_pool2d_input(X[..., :2, :3], INDICES, 5), TypeError, "input_size"),
    (lambda: grad.max_unpool2d_input(X, INDICES[:1]), ValueError, "indices must have shape"),
    (lambda: grad.avg_pool2d_input(X, X.shape, 2), ValueError, re.escape("(2, 3, 2, 3)")),
    (lambda: grad.avg_pool2d_input(X[:1, ..., :2, :3], X.shape, 2), ValueError, "grad_output"),
    (lambda: grad.avg_pool2d_input(X[..., :1, :3], X.shape, 2), ValueError, "grad_output"),
    (lambda: grad.sum_pool2d_input(X.astype(int), X.shape, 1), TypeError, "grad_output"),
    (lambda: grad.adaptive_avg_pool2d_input(X, X.shape, 2), ValueError, "grad_output"),
    (lambda: grad.global_avg_pool2d_input(X, X.shape), ValueError, "grad_output"),
    (lambda: grad.global_max_pool2d_input(X[..., :1, :1], X.astype("f4")), TypeError, "input"),
    (lambda: grad.lp_pool2d_input(X, X, X, 2, 2), ValueError, "grad_output"),
    (lambda: grad.lp_pool2d_input(X, X, X, 0, 1), ValueError, "norm_type"),
]


@pytest.mark.parametrize(("call", "error", "message"), HOSTILE, ids=[row[2] for row in HOSTILE])
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("bad", [-1, -(2**63), 30, 2**32 + 3, 2**63 - 1])
def test_indices_outside_the_plane_are_named(bad):
    y, at = pool(X, 2, return_indices=True)
    at[1, 2, 0, 1] = bad
    wanted = re.escape(f"indices must be from 0 to 29, got {bad} at (1, 2, 0, 1)")
    out = np.full_like(X, 7)
    with pytest.raises(IndexError, match=wanted):
        grad.max_pool2d_input(y, at, X.shape, out=out)
    with pytest.raises(IndexError, match=wanted):
        unpool(y, at, 2, output_size=(5, 6), out=out)
    with pytest.raises(IndexError, match=wanted):
        grad.max_unpool2d_input(X, at)
    last = np.moveaxis(at, 1, -1)[1:].transpose(3, 1, 2, 0)
    dy = np.ones(last.shape)
    with pytest.raises(IndexError, match=re.escape("at (2, 0, 1, 0)")):
        grad.max_pool2d_input(dy, last, (3, 5, 6, 1), data_format="channels_last")
    assert (out == 7).all()


def test_the_first_bad_index_is_named_whatever_the_threads():
    at = np.zeros((4, 8, 200, 200), np.int64)
    at[1, 3, 5, 7] = at[3, 7, 0, 0] = at[1, 3, 6, 0] = 40_000
    for threads in (1, 2, 5):
        with pytest.raises(IndexError, match=re.escape("at (1, 3, 5, 7)")):
            grad.max_unpool2d_input(np.ones(at.shape), at, threads=threads)


def test_anything_with_an_index_is_an_int():
    want = pool(X, 3, 1)
    for three in (np.int64(3), np.uint8(3), np.array(3), [3], (3, 3), Three()):
        np.testing.assert_array_equal(pool(X, three, 1), want)


CALLS = {
    "max": lambda x, **kw: fastconv.max_pool2d(x, 3, 2, 1, **kw),
    "max, any dtype": lambda x, **kw: fastconv.max_pool2d(x.astype(np.int32), 3, 2, 1, **kw),
    "avg": lambda x, **kw: fastconv.avg_pool2d(x, 3, 2, 1, **kw),
    "lp": lambda x, **kw: fastconv.lp_pool2d(x, 3, 3, 2, **kw),
    "adaptive": lambda x, **kw: fastconv.adaptive_avg_pool2d(x, (2, 4), **kw),
    "global": lambda x, **kw: fastconv.global_max_pool2d(x, **kw),
    "max gradient": lambda x, **kw: grad.max_pool2d_input(
        x, np.zeros(x.shape, np.int64), x.shape, **kw
    ),
    "avg gradient": lambda x, **kw: grad.avg_pool2d_input(x, x.shape, 3, 1, 1, **kw),
    "unpool": lambda x, **kw: fastconv.max_unpool2d(x, np.zeros(x.shape, np.int64), 1, **kw),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_layouts_and_memory_do_not_matter(call):
    x = np.random.default_rng(0).integers(-9, 9, (2, 3, 7, 8)).astype(np.float64)
    want = call(x)
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    got = call(last, data_format="channels_last")
    assert got.flags.c_contiguous
    np.testing.assert_array_equal(np.moveaxis(got, -1, 1), want)
    np.testing.assert_array_equal(call(x[1]), want[1])
    wide = np.repeat(x, 2, axis=3)
    raw = bytearray(x.nbytes + 1)
    odd = np.frombuffer(raw, np.uint8)[1:].view(np.float64).reshape(x.shape)
    odd[...] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    for same in (np.asfortranarray(x), wide[..., ::2], x[..., ::-1].copy()[..., ::-1], odd, frozen,
                 x.astype(">f8")):  # fmt: skip
        np.testing.assert_array_equal(call(same), want)
        assert call(same).dtype.isnative


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_out_is_written_and_returned(call):
    x = np.random.default_rng(0).integers(-9, 9, (2, 3, 7, 8)).astype(np.float64)
    want = call(x)
    out = np.full_like(want, 99)
    assert call(x, out=out) is out
    np.testing.assert_array_equal(out, want)
    strided = np.full((*want.shape[:-1], 2 * want.shape[-1]), 99, want.dtype)
    call(x, out=strided[..., ::-2])
    np.testing.assert_array_equal(strided[..., ::-2], want)
    assert (strided[..., ::2] == 99).all()


def test_out_may_overlap_the_input():
    x = np.random.default_rng(0).standard_normal((1, 2, 9, 9))
    want = fastconv.max_pool2d(x, 3, 1, 1)
    assert fastconv.max_pool2d(x, 3, 1, 1, out=x) is x
    np.testing.assert_array_equal(x, want)


def test_an_empty_batch_is_an_empty_result():
    x, none = np.ones((0, 3, 8, 8), np.float32), np.zeros((0, 3, 4, 4), np.int64)
    for y in fastconv.max_pool2d(x, 2, return_indices=True):
        assert y.shape == (0, 3, 4, 4)
    y = np.ones((0, 3, 4, 4), np.float32)
    assert fastconv.global_avg_pool2d(x).shape == (0, 3, 1, 1)
    assert fastconv.adaptive_max_pool2d(x, 3).shape == (0, 3, 3, 3)
    assert fastconv.max_unpool2d(y, none, 2).shape == (0, 3, 8, 8)
    assert grad.max_pool2d_input(y, none, x.shape).shape == x.shape
    assert grad.avg_pool2d_input(y, x.shape, 2).shape == x.shape
    assert grad.lp_pool2d_input(y, x, y, 2, 2).shape == x.shape


@pytest.mark.parametrize(
    ("shape", "kernel_size", "kwargs", "want"),
    [
        ((1, 64, 112, 112), 3, {"stride": 2, "padding": 1}, (1, 64, 56, 56)),
        ((2, 3, 10), 2, {}, (2, 3, 5)),
        ((3, 10, 12), (2, 3), {}, (3, 5, 4)),
        ((3, 10), 3, {"stride": 2, "ceil_mode": True}, (3, 5)),
        ((1, 1, 6, 7), 1, {"stride": 2, "ceil_mode": True}, (1, 1, 3, 4)),
        ((0, 4, 9, 9), 2, {"padding": "same", "dilation": 2}, (0, 4, 5, 5)),
    ],
)
def test_pool_output_shape(shape, kernel_size, kwargs, want):
    assert fastconv.pool_output_shape(shape, kernel_size, **kwargs) == want


MAX = (
    "(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, "
    "return_indices=False, "
)
WINDOWED = "stride=None, padding=0, ceil_mode=False, "
COMMON = "threads=None, out=None, data_format='channels_first')"
AVG = "count_include_pad=True, divisor_override=None, *, dilation=1, "
LP = "norm_type, kernel_size, stride=None, ceil_mode=False, *, padding=0, dilation=1, "
SIGNATURES = {
    "max_pool": MAX + "*, ",
    "min_pool": MAX + "*, ",
    "avg_pool": "(input, kernel_size, " + WINDOWED + AVG,
    "sum_pool": "(input, kernel_size, " + WINDOWED + "*, dilation=1, ",
    "lp_pool": "(input, " + LP,
    "adaptive_avg_pool": "(input, output_size, *, ",
    "adaptive_max_pool": "(input, output_size, return_indices=False, *, ",
    "global_avg_pool": "(input, *, ",
    "global_max_pool": "(input, *, ",
    "global_sum_pool": "(input, *, ",
    "max_unpool": "(input, indices, kernel_size, stride=None, padding=0, output_size=None, *, ",
    "grad max_pool": "(grad_output, indices, input_size, *, ",
    "grad min_pool": "(grad_output, indices, input_size, *, ",
    "grad adaptive_max_pool": "(grad_output, indices, input_size, *, ",
    "grad max_unpool": "(grad_output, indices, *, ",
    "grad avg_pool": "(grad_output, input_size, kernel_size, " + WINDOWED + AVG,
    "grad sum_pool": "(grad_output, input_size, kernel_size, " + WINDOWED + "*, dilation=1, ",
    "grad adaptive_avg_pool": "(grad_output, input_size, output_size=None, *, ",
    "grad global_avg_pool": "(grad_output, input_size, *, ",
    "grad global_sum_pool": "(grad_output, input_size, *, ",
    "grad global_max_pool": "(grad_output, input, *, ",
    "grad lp_pool": "(grad_output, input, output, " + LP,
}


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_those_of_the_contract(name, n):
    f = (
        getattr(grad, f"{name[5:]}{n}d_input")
        if name[:5] == "grad "
        else getattr(fastconv, f"{name}{n}d")
    )
    plain = inspect.signature(f)
    plain = plain.replace(
        parameters=[p.replace(annotation=p.empty) for p in plain.parameters.values()],
        return_annotation=inspect.Signature.empty,
    )
    assert str(plain) == SIGNATURES[name] + COMMON


def test_calls_from_several_python_threads_agree():
    from concurrent.futures import ThreadPoolExecutor

    x = np.random.default_rng(0).standard_normal((2, 16, 60, 60)).astype(np.float32)
    want = bits(fastconv.max_pool2d(x, 3, 2, 1))
    with ThreadPoolExecutor(8) as workers:
        results = workers.map(lambda _: bits(fastconv.max_pool2d(x, 3, 2, 1)), range(64))
    assert all(got == want for got in results)
