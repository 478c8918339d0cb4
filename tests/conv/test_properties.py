"""Convolutions of random shapes and options: exact, adjoint, and right about their shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastconv
from algorithms import ENTRIES, ask
from cases import Case
from conftest import ISAS
from fastconv import grad, reference

pytestmark = pytest.mark.usefixtures("plain_sums")

small = st.integers(1, 4)
MODES = ("zeros", "reflect", "replicate", "circular", "symmetric", ("constant", 3.0))


def resolved(padding, axis):
    return padding if isinstance(padding, tuple) else fastconv.resolve_padding(padding, *axis)


@st.composite
def geometries(draw, transposed=False):
    """Rank, lengths and the geometry arguments of a call that is legal."""
    n = draw(st.sampled_from((1, 2)))
    mode = "zeros" if transposed else draw(st.sampled_from(MODES))
    words = ("valid", "same", "same_lower") if transposed else ("same", "same_lower", "full")
    word = draw(st.sampled_from((None, None, *words)))
    lengths, kernel, stride, dilation, pads = [], [], [], [], []
    for _ in range(n):
        k, s, d = draw(small), draw(small), draw(small)
        lo, hi = draw(st.tuples(st.integers(0, 6), st.integers(0, 6)))
        reach = d * (k - 1) + 1
        length = draw(st.integers(1, 20))
        if word == "full":
            lo = hi = reach - 1
        if not transposed:
            if mode == "reflect":
                length = max(length, lo + 1, hi + 1, reach)
            if mode in ("circular", "symmetric"):
                length = max(length, lo, hi, reach)
            length = max(length, reach if word in (None, "valid") else 1, 2)
        elif word is None:
            full = (length - 1) * s + reach
            lo, hi = min(lo, full - 1), 0 if lo >= full - 1 else min(hi, full - 1 - lo)
        lengths.append(length)
        kernel.append(k)
        stride.append(s)
        dilation.append(d)
        pads.append((lo, hi))
    options = {
        "stride": tuple(stride),
        "dilation": tuple(dilation),
        "padding": tuple(pads) if word is None else word,
    }
    if transposed:
        most = [max(s, d) - 1 for s, d in zip(stride, dilation, strict=True)]
        options["output_padding"] = tuple(draw(st.integers(0, m)) for m in most)
        if word in ("same", "same_lower"):
            options["output_padding"] = (0,) * n
    else:
        options["padding_mode"] = mode
    return n, tuple(lengths), tuple(kernel), options


@st.composite
def calls(draw, transposed=False):
    """A function's name, its arrays of integers, and its keyword arguments."""
    n, lengths, kernel, options = draw(geometries(transposed))
    groups, a, b = draw(small), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    batch = draw(st.sampled_from((None, 0, 1, 2, 3)))
    dtype = draw(st.sampled_from((np.float32, np.float64)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.integers(-9, 10, (*(() if batch is None else (batch,)), groups * a, *lengths))
    w = rng.integers(-9, 10, (groups * a, b, *kernel) if transposed else (groups * b, a, *kernel))
    bias = rng.integers(-9, 10, groups * b).astype(dtype) if draw(st.booleans()) else None
    options |= {"groups": groups}
    how = {
        "algorithm": draw(st.sampled_from(("auto", *ENTRIES))),
        "threads": draw(st.sampled_from((None, 1, 2, 5))),
    }
    fastconv.set_isa(draw(st.sampled_from(ISAS)))
    case = Case("drawn", x.shape, w.shape, options, transposed)
    if how["algorithm"] != "auto" and ask(case, how["algorithm"], dtype) is not None:
        how["algorithm"] = "auto"
    return n, x.astype(dtype), w.astype(dtype), bias, options, how, draw(st.booleans())


def moved(x, n):
    """Channels last."""
    return np.moveaxis(x, -1 - n, -1)


@pytest.fixture(autouse=True)
def restored_isa():
    before = fastconv.isa()
    yield
    fastconv.set_isa(before)


@settings(max_examples=600)
@given(calls())
def test_convolution(call):
    n, x, w, bias, options, how, last = call
    function, oracle = (getattr(module, f"conv{n}d") for module in (fastconv, reference))
    want = oracle(x, w, bias, **options)
    shape_options = {k: v for k, v in options.items() if k != "padding_mode"}
    assert fastconv.conv_output_shape(x.shape, w.shape, **shape_options) == want.shape
    if last:
        y = function(moved(x, n), w, bias, **options, **how, data_format="channels_last")
        want = moved(want, n)
    else:
        y = function(x, w, bias, **options, **how)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, want)


@settings(max_examples=600)
@given(calls(transposed=True))
def test_transposed_convolution(call):
    n, x, w, bias, options, how, last = call
    function, oracle = (getattr(module, f"conv_transpose{n}d") for module in (fastconv, reference))
    want = oracle(x, w, bias, **options)
    assert fastconv.conv_transpose_output_shape(x.shape, w.shape, **options) == want.shape
    if last:
        y = function(moved(x, n), w, bias, **options, **how, data_format="channels_last")
        want = moved(want, n)
    else:
        y = function(x, w, bias, **options, **how)
    np.testing.assert_array_equal(y, want)


@settings(max_examples=400)
@given(calls(), st.integers(0, 2**32 - 1))
def test_gradients(call, seed):
    n, x, w, _, options, how, last = call
    y = getattr(fastconv, f"conv{n}d")(x, w, **options)
    dy = np.random.default_rng(seed).integers(-9, 10, y.shape).astype(x.dtype)
    gradients, oracle = (getattr(m, f"conv{n}d") for m in (grad, reference.grad))
    want = list(oracle(x, w, dy, **options))
    threads = how["threads"]
    if last:
        got = gradients(
            moved(x, n), w, moved(dy, n), **options, threads=threads, data_format="channels_last"
        )
        want[0] = moved(want[0], n)
    else:
        got = gradients(x, w, dy, **options, threads=threads)
        assert np.vdot(y, dy) == np.vdot(w, got[1])
        # What a constant border adds is no part of a linear function of the input.
        constant = getattr(fastconv, f"conv{n}d")(np.zeros_like(x), w, **options)
        assert np.vdot(y - constant, dy) == np.vdot(x, got[0])
    for one, right in zip(got, want, strict=True):
        np.testing.assert_array_equal(one, right)


@settings(max_examples=300)
@given(calls(transposed=True), st.integers(0, 2**32 - 1))
def test_transposed_gradients(call, seed):
    n, x, w, _, options, how, _ = call
    y = getattr(fastconv, f"conv_transpose{n}d")(x, w, **options)
    dy = np.random.default_rng(seed).integers(-9, 10, y.shape).astype(x.dtype)
    del options["output_padding"]
    gradients, oracle = (getattr(m, f"conv_transpose{n}d") for m in (grad, reference.grad))
    got = gradients(x, w, dy, **options, threads=how["threads"])
    for one, right in zip(got, oracle(x, w, dy, **options), strict=True):
        np.testing.assert_array_equal(one, right)


@settings(max_examples=300)
@given(calls(), st.data())
def test_views_give_what_copies_give(call, data):
    n, x, w, bias, options, how, _ = call
    function = getattr(fastconv, f"conv{n}d")
    want = function(x, w, bias, **options, **how)

    def strided(a):
        steps = data.draw(st.tuples(*[st.sampled_from((-2, -1, 1, 3))] * a.ndim))
        order = data.draw(st.permutations(range(a.ndim)))
        room = np.full([abs(steps[i]) * a.shape[i] for i in order], np.nan, a.dtype)
        view = room.transpose(np.argsort(order))[tuple(slice(None, None, s) for s in steps)]
        view[...] = a
        return view

    out = strided(np.zeros_like(want))
    y = function(strided(x), strided(w), bias, **options, **how, out=out)
    assert y is out
    np.testing.assert_array_equal(y, want)


ANYTHING = st.one_of(
    st.integers(-3, 40),
    st.integers(min_value=2**31),  # what lies between may be a legal padding of gigabytes
    st.integers(max_value=-1),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=5),
    st.binary(max_size=4),
    st.sampled_from(("same", "valid", "full", "causal", "reflect", "direct", "relu")),
    st.lists(st.integers(-2, 5), max_size=4),
    st.tuples(st.integers(-2, 5), st.integers(-2, 2**70)),
    st.lists(st.lists(st.integers(-2, 5), max_size=3), max_size=3),
)
NAMES = ("stride", "padding", "dilation", "groups", "padding_mode", "activation", "algorithm",
         "threads", "data_format", "precision", "bias", "residual", "out", "weight")  # fmt: skip


@settings(max_examples=500)
@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=4), st.sampled_from((1, 2)))
def test_whatever_comes_is_a_result_or_a_python_error(arguments, n):
    x = np.ones((1, 4, *(9, 8)[:n]), np.float32)
    arguments = {"weight": np.ones((4, 4, *(3, 2)[:n]), np.float32)} | arguments
    try:
        getattr(fastconv, f"conv{n}d")(x, **arguments)
    except (TypeError, ValueError) as error:
        assert str(error)  # noqa: PT017 - the call may as well succeed
