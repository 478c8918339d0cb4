"""Winograd's algorithm on images that lie as pixels: every form, residuals, slices, NaN."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fastconv
from algorithms import ENTRIES, dtypes_of, each_with_algorithm, options_of
from cases import CONV, TRANSPOSED, bound
from fastconv import _native, reference

SCHEMES = _native.testing.winograd_schemes()
FORMS = [(h, w) for h in SCHEMES for w in SCHEMES if h[1] * w[1] > 1]
LAST = {"data_format": "channels_last"}
SUFFIX = " on pixels"
NAMES = tuple(name for name in ENTRIES if name.endswith(SUFFIX))
SIZES = {  # image, channels, padding, dilation: what each is for
    "one tile": ((1, 5, 6, 2), 3, 0, 1),
    "odd rests, several vectors": ((2, 19, 71, 5), 14, (2, 1), 1),
    "tiles across images": ((7, 7, 8, 3), 5, 1, 1),
    "whole vectors of channels, odd vectors of outputs": ((1, 13, 30, 32), 48, 1, 1),
    "units of channels, blocks of outputs": ((2, 9, 9, 70), 71, 1, 1),
    "dilated": ((1, 14, 17, 16), 4, (2, 3), (2, 3)),
    "dilated beyond the image": ((1, 6, 7, 3), 4, 14, (7, 8)),
}


def name_of(form):
    return "winograd " + " x ".join(f"F({m},{r})" for m, r, *_ in form) + SUFFIX


def first(array):
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


def test_there_is_an_entry_for_every_form():
    assert sorted(NAMES) == sorted(name_of(form) for form in FORMS)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_every_form(size, form, isa):
    (m_h, r_h, *_), (m_w, r_w, *_) = form
    shape, channels, padding, dilation = SIZES[size]
    rng = np.random.default_rng(m_h + 10 * m_w)
    x = rng.standard_normal(shape)
    w = rng.standard_normal((channels, shape[-1], r_h, r_w)) / np.sqrt(shape[-1])
    how = {"padding": padding, "dilation": dilation}
    want = np.moveaxis(reference.conv2d(first(x), w, **how), 1, -1)
    sizes = reference.conv2d(first(abs(x)), abs(w), **how)
    for dtype in (np.float32, np.float64):
        call = {**how, **LAST, "algorithm": name_of(form), "precision": "medium"}
        one, many = (
            fastconv.conv2d(x.astype(dtype), w.astype(dtype), **call, threads=threads)
            for threads in (1, 3)
        )
        unit = 2.0**-24 if dtype == np.float32 else 2.0**-53
        assert np.all(np.abs(one - want) <= 110 * unit * sizes.max())
        assert one.tobytes() == many.tobytes()


@each_with_algorithm((*CONV, *TRANSPOSED), NAMES, precision="medium", **LAST)
def test_cases(case, algorithm, isa):
    n = len(case.w) - 2
    for dtype in dtypes_of(case, algorithm, precision="medium", **LAST):
        x, w, b = case.floats(dtype)
        want = case.oracle(x, w, b, **case.options)
        xl = np.ascontiguousarray(np.moveaxis(x, -1 - n, -1))
        how = {**options_of(case, "channels_last"), **LAST, "algorithm": algorithm}
        how["precision"] = "medium"
        y = np.moveaxis(case.function(xl, w, b, **how), -1, -1 - n)
        sizes = case.oracle(abs(x), abs(w), abs(b), **case.options)
        unit = 2.0**-24 if dtype == np.float32 else 2.0**-53
        assert np.all(np.abs(y - want) <= bound(case, x, w, b) + 100 * unit * sizes.max(initial=0))


@each_with_algorithm(CONV, NAMES, precision="medium", **LAST)
def test_residual_and_activation_come_after_the_sum(case, algorithm, isa):
    n = len(case.w) - 2
    x, w, b = case.floats(np.float64)
    want = np.moveaxis(case.oracle(x, w, b, **case.options), -1 - n, -1)
    x = np.ascontiguousarray(np.moveaxis(x, -1 - n, -1))
    residual = np.resize(np.linspace(-1, 1, 17), want.shape)
    slopes = np.linspace(-1, 2, case.bias_shape[0])
    for name, right in (
        ("relu6", reference.relu6(want + residual)),
        ("gelu", reference.gelu(want + residual)),
        (("prelu", slopes), np.where(want + residual > 0, 1, slopes) * (want + residual)),
    ):
        how = {**options_of(case, "channels_last"), **LAST}
        how |= {"algorithm": algorithm, "activation": name, "precision": "medium"}
        y = case.function(x, w, b, **how, residual=residual)
        np.testing.assert_allclose(y, right, atol=1e-11)
        out = residual.copy()
        assert case.function(x, w, b, **how, residual=out, out=out).tobytes() == y.tobytes()


def spread(array, axis):
    """A copy of the array in a larger one full of 77, and that."""
    grown = list(array.shape)
    grown[axis] += 4
    at = [slice(None)] * array.ndim
    at[axis] = slice(2, 2 + array.shape[axis])
    room = np.full(grown, 77, array.dtype)
    part = room[tuple(at)]
    part[...] = array
    return room, part


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_slices_and_crops_have_the_same_bits(mode, axis, isa):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((2, 11, 13, 33)).astype("f4")
    w = rng.standard_normal((35, 33, 3, 3)).astype("f4")
    how = {**LAST, "padding": 1, "padding_mode": mode, "activation": "silu"}
    how["algorithm"] = name_of(((2, 3), (4, 3)))
    want = fastconv.conv2d(x, w, **how)
    plan = fastconv.Conv2dPlan(x.shape, w, **how)
    room, out = spread(want, axis)
    part = spread(x, axis)[1]
    out[...] = 0
    assert fastconv.conv2d(part, w, **how, out=out) is out
    np.testing.assert_array_equal(out, want)
    out[...] = 0
    assert plan(part, out=out) is out
    np.testing.assert_array_equal(out, want)
    out[...] = 77
    assert (room == 77).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_reaches_its_windows_only(value, isa):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 21, 22, 5)).astype(np.float32)
    w = (0.5 + rng.random((6, 5, 3, 3))).astype(np.float32)  # positive: no Inf - Inf
    x[1, 9, 13, 3] = value
    how = {"padding": 1, **LAST, "algorithm": name_of(((4, 3), (4, 3)))}
    plan = fastconv.Conv2dPlan(x.shape, w, **how)
    want = fastconv.conv2d(x, w, padding=1, precision="highest", **LAST)
    for y in (fastconv.conv2d(x, w, **how), plan(x)):
        wild = ~np.isfinite(want)
        assert wild.sum() == 6 * 9
        np.testing.assert_array_equal(np.isfinite(y), ~wild)
        np.testing.assert_array_equal(y[wild], want[wild])
        np.testing.assert_allclose(y[~wild], want[~wild], rtol=1e-4, atol=1e-4)


def test_many_channels_on_few_tiles_are_shared_by_threads(isa):
    rng = np.random.default_rng(4)
    x = rng.standard_normal((1, 7, 7, 300)).astype("f4")
    w = rng.standard_normal((130, 300, 3, 3)).astype("f4")
    how = {"padding": 1, **LAST, "algorithm": name_of(((4, 3), (4, 3)))}
    results = {fastconv.conv2d(x, w, **how, threads=n).tobytes() for n in (1, 2, 3, 8)}
    assert len(results) == 1


def test_who_gets_it():
    x, w = np.ones((1, 40, 40, 64), np.float32), np.ones((64, 64, 3, 3), np.float32)
    plan = fastconv.Conv2dPlan(x.shape, w, **LAST)
    chosen = next(line for line in plan.explain().splitlines() if line.endswith("<-"))
    assert SUFFIX in chosen
    assert "transposed" not in chosen
    assert SUFFIX not in fastconv.Conv2dPlan(x.shape, w, **LAST, precision="highest").algorithm
    planes = fastconv.Conv2dPlan((1, 64, 40, 40), w).explain()
    assert re.search(rf"{SUFFIX}\b.*: not possible, neither the input nor the result lies", planes)
