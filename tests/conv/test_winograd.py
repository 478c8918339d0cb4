"""Winograd's algorithm: every form on every ISA, its error, and what is not finite."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fastconv
from algorithms import ENTRIES, FAMILIES, dtypes_of, each_with_algorithm, weight_grad_of
from cases import CONV, TRANSPOSED, bound
from fastconv import _native, reference

ERRORS = {(m, r): error for m, r, error in _native.testing.winograd_schemes()}
FORMS = [(h, w) for h in ERRORS for w in ERRORS if h[1] * w[1] > 1]
SOME = [(h, w) for h, w in FORMS if h == w or 1 in (h[1], w[1]) or h[1] == w[1] == 3]
UNITS = {np.dtype(np.float32): 2.0**-24, np.dtype(np.float64): 2.0**-53}
SIZES = {  # image, channels, padding, dilation: what each is for
    "one tile": ((1, 2, 5, 6), 3, 0, 1),
    "odd rests, several vectors": ((2, 5, 19, 71), 14, (2, 1), 1),
    "tiles across images": ((7, 3, 7, 8), 5, 1, 1),
    "several blocks, terms over slices": ((1, 420, 6, 40), 13, 1, 1),
    "dilated": ((1, 3, 14, 17), 4, (2, 3), (2, 3)),
    "dilated beyond the image": ((1, 3, 6, 7), 4, 14, (7, 8)),
}
WINOGRAD = ("winograd", *(n for n in ENTRIES if FAMILIES[n] == "winograd" and n != "winograd"))


def name_of(form):
    """The entry of a form, ((m, r) of the height, (m, r) of the width)."""
    return "winograd " + " x ".join(f"F({m},{r})" for m, r in form)


def close(y, want, sizes, error):
    """Within error * u * sum |x||w|, the largest of the image, beside rounding."""
    assert np.all(np.abs(y - want) <= (error + 10) * UNITS[y.dtype] * sizes.max())


def error_of(form):
    return max(ERRORS[scheme] for scheme in form)


SIZES_OF_FORMS = [
    (size, form)
    for size in SIZES
    for form in (FORMS if size == "odd rests, several vectors" else SOME)
]


@pytest.mark.parametrize(("size", "form"), SIZES_OF_FORMS, ids=str)
def test_every_form(size, form, isa):
    (m_h, r_h), (m_w, r_w) = form
    shape, channels, padding, dilation = SIZES[size]
    rng = np.random.default_rng(m_h + 10 * m_w)
    x = rng.standard_normal(shape)
    w = rng.standard_normal((channels, shape[1], r_h, r_w)) / np.sqrt(shape[1])
    how = {"padding": padding, "dilation": dilation}
    want = reference.conv2d(x, w, **how)
    sizes = reference.conv2d(abs(x), abs(w), **how)
    for dtype in (np.float32, np.float64):
        one, many = (
            fastconv.conv2d(
                x.astype(dtype), w.astype(dtype), **how, algorithm=name_of(form), threads=threads,
                precision="medium",
            )
            for threads in (1, 3)
        )  # fmt: skip
        close(one, want, sizes, error_of(form))
        assert one.tobytes() == many.tobytes()


@each_with_algorithm((*CONV, *TRANSPOSED), WINOGRAD, precision="medium")
def test_cases(case, algorithm, isa):
    """Beyond a plain sum's error: in float32 50 and 100 units, in float64 none and 100."""
    for precision, beyond in (("high", (50, 0)), ("medium", (100, 100))):
        for dtype in dtypes_of(case, algorithm, precision=precision):
            x, w, b = case.floats(dtype)
            want = case.oracle(x, w, b, **case.options)
            y = case.function(x, w, b, **case.options, algorithm=algorithm, precision=precision)
            plain = bound(case, x, w, b).max(initial=0)
            sizes = case.oracle(abs(x), abs(w), abs(b), **case.options).max(initial=0)
            more = beyond[dtype == np.float64] * UNITS[np.dtype(dtype)] * sizes
            assert np.all(np.abs(y - want) <= plain + more)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_float64_is_exact_on_integers(form, isa):
    """Forms whose points are 0, 1 and -1 are; the others need precision="medium"."""
    (_, r_h), (_, r_w) = form
    rng = np.random.default_rng(5)
    x = rng.integers(-999, 1000, (2, 37, 19, 23)).astype(np.float64)
    w = rng.integers(-999, 1000, (9, 37, r_h, r_w)).astype(np.float64)
    if error_of(form) > 0:
        with pytest.raises(ValueError, match="in float64 it needs precision='medium'"):
            fastconv.conv2d(x, w, padding=1, algorithm=name_of(form))
        return
    y = fastconv.conv2d(x, w, padding=1, algorithm=name_of(form))
    np.testing.assert_array_equal(y, fastconv.conv2d(x, w, padding=1, precision="highest"))
    dy = rng.integers(-999, 1000, y.shape).astype(np.float64)
    plain = fastconv.grad.conv2d_weight(x, w.shape, dy, padding=1, precision="highest")
    np.testing.assert_array_equal(weight_grad(x, dy, form, 1), plain)


@each_with_algorithm(CONV, ["winograd"], precision="medium")
def test_residual_and_activation_come_after_the_sum(case, algorithm, isa):
    x, w, b = case.floats(np.float64)
    want = case.oracle(x, w, b, **case.options)
    residual = np.resize(np.linspace(-1, 1, 17), want.shape)
    slopes = np.linspace(-1, 2, case.bias_shape[0])
    rows = slopes.reshape(-1, *(1,) * (len(case.w) - 2))
    for name, right in (
        ("relu", reference.relu(want + residual)),
        ("gelu", reference.gelu(want + residual)),
        (("prelu", slopes), np.where(want + residual > 0, 1, rows) * (want + residual)),
    ):
        how = {**case.options, "algorithm": algorithm, "activation": name, "precision": "medium"}
        y = case.function(x, w, b, **how, residual=residual)
        np.testing.assert_allclose(y, right, atol=1e-11)
        out = residual.copy()
        assert case.function(x, w, b, **how, residual=out, out=out).tobytes() == y.tobytes()


@pytest.mark.parametrize("channels", [3, 64, 512])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize(("precision", "limit"), [("high", 5e-6), ("medium", 1e-5)])
def test_float32_stays_within_5e_6(precision, limit, channels, kernel, isa):
    """As documented: relative to float64 in the 2-norm, positive data with ReLU's zeros."""
    rng = np.random.default_rng(0)
    x = np.maximum(rng.standard_normal((1, channels, 20, 23)), 0).astype(np.float32)
    w = rng.standard_normal((8, channels, kernel, kernel)) * np.sqrt(2 / channels) / kernel
    w = w.astype(np.float32)
    want = fastconv.conv2d(x.astype(np.float64), w.astype(np.float64), precision="highest")
    y = fastconv.conv2d(x, w, algorithm="winograd", precision=precision)
    assert np.linalg.norm(y - want) <= limit * np.linalg.norm(want)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_reaches_its_windows_only(value, isa):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 5, 21, 22)).astype(np.float32)
    w = (0.5 + rng.random((6, 5, 3, 3))).astype(np.float32)  # positive: no Inf - Inf
    x[1, 3, 9, 13] = value
    plan = fastconv.Conv2dPlan(x.shape, w, padding=1, algorithm="winograd")
    want = fastconv.conv2d(x, w, padding=1, precision="highest")
    for y in (fastconv.conv2d(x, w, padding=1, algorithm="winograd"), plan(x)):
        np.testing.assert_array_equal(np.isfinite(y), np.isfinite(want))
        wild = ~np.isfinite(want)
        assert wild.sum() == 6 * 9
        np.testing.assert_array_equal(y[wild], want[wild])
        np.testing.assert_allclose(y[~wild], want[~wild], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (5, 1)])
@pytest.mark.parametrize("outputs", [2, 4])
def test_split_taps_keep_what_is_not_finite_in_its_windows(outputs, kernel, stride, value, isa):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 5, 21, 22)).astype(np.float32)
    w = (0.5 + rng.random((18, 5, kernel, kernel))).astype(np.float32)
    x[1, 3, 9, 13] = value
    how = {"padding": 1, "stride": stride}
    want = fastconv.conv2d(x, w, **how, precision="highest")
    one, many = (
        fastconv.conv2d(x, w, **how, algorithm=f"winograd split F({outputs})", threads=threads)
        for threads in (1, 3)
    )
    wild = ~np.isfinite(want)
    assert 0 < wild.sum() <= 18 * kernel**2
    np.testing.assert_array_equal(one[wild], want[wild])
    np.testing.assert_allclose(one[~wild], want[~wild], rtol=1e-4, atol=1e-4)
    assert one.tobytes() == many.tobytes()


# C_in, C_out, the image, the kernel, how: blocks of rows suffice for some threads, and for others
# their products are shared out.
SPLIT = {
    "few outputs": (48, 20, (28, 28), (5, 5), {"padding": 2}),
    "one row, cut into pieces": (12, 64, (1, 500), (1, 5), {"padding": (0, 2)}),
    "rows are not transformed": (32, 48, (17, 17), (1, 7), {"padding": (0, 3)}),
    "columns are not transformed": (40, 72, (17, 17), (7, 1), {"padding": (3, 0)}),
    "single taps at a stride": (32, 70, (33, 41), (3, 3), {"stride": 2, "padding": 1}),
    "more than caches hold": (64, 8, (64, 600), (3, 3), {"stride": 2, "padding": 1}),
    "groups": (16, 24, (30, 45), (5, 5), {"stride": 2, "padding": 1, "groups": 2}),
}


@pytest.fixture
def many_cpus():
    before = _native.testing.pretend_cpus(64)
    yield
    _native.testing.pretend_cpus(before)


@pytest.mark.parametrize("name", SPLIT)
def test_many_threads_change_no_bit_of_split_taps(name, isa, many_cpus):
    channels, outputs, size, kernel, how = SPLIT[name]
    rng = np.random.default_rng(3)
    x = rng.integers(-3, 4, (2, channels, *size)).astype(np.float32)
    w = rng.integers(-2, 3, (outputs, channels // how.get("groups", 1), *kernel))
    w, b = w.astype(np.float32), rng.integers(-9, 10, outputs).astype(np.float32)
    for n, image in ((1, x[:1]), (2, np.ascontiguousarray(x.transpose(0, 2, 3, 1)))):
        image = image if n == 1 else image.transpose(0, 3, 1, 2)
        want = fastconv.conv2d(image, w, b, **how, precision="highest")
        for form in ("F(2)", "F(4)"):
            one, *many = (
                fastconv.conv2d(image, w, b, **how, algorithm=f"winograd split {form}", threads=t)
                for t in (1, 3, 7, 16, 64)
            )
            np.testing.assert_allclose(one, want, atol=2e-5 * np.abs(want).max())
            assert [y.tobytes() == one.tobytes() for y in many] == 4 * [True]


def test_sums_that_overflow_on_the_way_are_computed_again(isa):
    x = np.full((1, 2, 12, 12), 3e37, np.float32)
    w = np.full((1, 2, 3, 3), 0.1, np.float32)
    y = fastconv.conv2d(x, w, algorithm="winograd")
    np.testing.assert_allclose(y, 3e37 * 18 * 0.1, rtol=1e-5)


def test_a_bias_that_is_not_finite_costs_no_precision(isa):
    x = np.ones((1, 2, 9, 9), np.float32)
    w = np.ones((2, 2, 3, 3), np.float32)
    y = fastconv.conv2d(x, w, np.array([np.inf, 1], np.float32), algorithm="winograd")
    assert np.all(y[0, 0] == np.inf)
    np.testing.assert_allclose(y[0, 1], 19, rtol=1e-6)


def test_who_gets_it():
    x, w = np.ones((1, 64, 40, 40), np.float32), np.ones((64, 64, 3, 3), np.float32)
    assert fastconv.Conv2dPlan(x.shape, w).algorithm == "winograd"
    assert fastconv.Conv2dPlan(x.shape, w, precision="highest").algorithm != "winograd"
    for precision, form in (("high", "F(2,3) x F(2,3)"), ("medium", "F(4,3) x F(4,3)")):
        double = fastconv.Conv2dPlan(x.shape, w.astype(np.float64), precision=precision)
        assert double.algorithm == "winograd"
        assert f"winograd {form}: predicted" in double.explain().partition("<-")[0]
    five = np.ones((64, 64, 5, 5))
    for dtype in (np.float32, np.float64):
        plans = [
            fastconv.Conv2dPlan(x.shape, five.astype(dtype), precision=precision)
            for precision in ("high", "medium")
        ]
        # Transforms along rows may be cheaper still; plain sums are not.
        assert "winograd split" in plans[0].explain().partition("direct: predicted")[0]
        assert re.search(
            r"F\(4,5\) x F\(4,5\).*: not possible, .*it needs precision='medium'",
            plans[0].explain(),
        )
        assert "F(4,5) x F(4,5): predicted" in plans[1].explain().partition("<-")[0]
    assert "winograd F(4,3) x F(4,3)" in fastconv.Conv2dPlan(x.shape, w).explain()
    with pytest.raises(ValueError, match=r"algorithm 'winograd' cannot take .*'highest'"):
        fastconv.conv2d(x, w, algorithm="winograd", precision="highest")
    with pytest.raises(ValueError, match=r"algorithm 'winograd' cannot take .*2, 3 or 5 taps"):
        fastconv.conv2d(x, w, stride=3, algorithm="winograd")


def weight_grad(x, dy, form, padding, threads=1):
    kernel = (dy.shape[1], x.shape[1], form[0][1], form[1][1])
    return weight_grad_of(x, kernel, dy, name_of(form), padding=padding, threads=threads)


GRADIENTS = {  # image, output channels, padding
    "one tile": ((1, 2, 5, 6), 3, 0),
    "odd rests, units that are not full": ((2, 5, 19, 71), 14, (2, 1)),
    "tiles across images": ((7, 3, 7, 8), 5, 1),
    "several units on both sides": ((1, 70, 9, 12), 67, 1),
    "sums that go on in double": ((5, 3, 60, 61), 2, 1),
}


GRADIENTS_OF_FORMS = [
    (size, form)
    for size in GRADIENTS
    for form in (FORMS if size == "several units on both sides" else SOME)
]


@pytest.mark.parametrize(("size", "form"), GRADIENTS_OF_FORMS, ids=str)
def test_weight_gradients_of_every_form(size, form, isa):
    (m_h, r_h), (m_w, r_w) = form
    shape, channels, padding = GRADIENTS[size]
    rng = np.random.default_rng(m_h + 10 * m_w)
    x = rng.standard_normal(shape)
    kernel = (channels, shape[1], r_h, r_w)
    dy = rng.standard_normal(fastconv.conv_output_shape(shape, kernel, padding=padding))
    want = reference.grad.conv2d_weight(x, kernel, dy, padding=padding)
    wide = 4 if error_of(form) == 100 else 1
    for dtype, limit in ((np.float32, 2e-6), (np.float64, 1e-13)):
        one, many = (
            weight_grad(x.astype(dtype), dy.astype(dtype), form, padding, threads)
            for threads in (1, 3)
        )
        assert np.linalg.norm(one - want) <= wide * limit * np.linalg.norm(want)
        assert one.tobytes() == many.tobytes()


@pytest.mark.parametrize("form", [((4, 3), (4, 3)), ((2, 5), (2, 5))], ids=str)
def test_weight_gradients_of_a_million_terms(form, isa):
    rng = np.random.default_rng(2)
    x = np.maximum(rng.standard_normal((16, 2, 250, 252)), 0).astype(np.float32)
    dy = rng.standard_normal((16, 3, 250, 252)).astype(np.float32)
    kernel = (3, 2, form[0][1], form[1][1])
    how = {"padding": kernel[2] // 2}
    want = fastconv.grad.conv2d_weight(x.astype(np.float64), kernel, dy.astype(np.float64), **how)
    got = weight_grad(x, dy, form, **how)
    assert np.linalg.norm(got - want) <= 2e-6 * np.linalg.norm(want)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weight_gradients_that_are_not_finite_are_the_plain_ones(value, isa):
    rng = np.random.default_rng(3)
    x, dy = (rng.random((1, 5, 21, 22)).astype(np.float32) for _ in range(2))
    x[0, 3, 0, 0] = value  # a corner: only four taps of channel 3 ever see it
    want = fastconv.grad.conv2d_weight(x, (5, 5, 3, 3), dy, padding=1, precision="highest")
    got = weight_grad(x, dy, ((4, 3), (4, 3)), 1)
    assert (~np.isfinite(want)).sum() >= 5 * 4
    np.testing.assert_array_equal(got, want)


def test_which_weight_gradients_get_it():
    """Whatever has no padding but zeros at the usual precision; what it gives differs a little."""
    rng = np.random.default_rng(4)
    x, dy = (rng.standard_normal((1, 64, 40, 40)) for _ in range(2))
    for dtype in (np.float32, np.float64):
        args = x.astype(dtype), (64, 64, 3, 3), dy.astype(dtype)
        auto = fastconv.grad.conv2d_weight(*args, padding=1)
        plain = fastconv.grad.conv2d_weight(*args, padding=1, precision="highest")
        medium = fastconv.grad.conv2d_weight(*args, padding=1, precision="medium")
        assert auto.tobytes() != plain.tobytes()
        assert (auto.tobytes() == medium.tobytes()) == (dtype == np.float32)
        how = {"padding": 1, "padding_mode": "reflect"}  # tiles are cut from the image as it is
        auto = fastconv.grad.conv2d_weight(*args, **how)
        plain = fastconv.grad.conv2d_weight(*args, **how, precision="highest")
        assert auto.tobytes() == plain.tobytes()


def test_each_phase_of_a_dilated_row_costs_rows_of_its_own():
    # Dilated by 2 and by 8, 64 outputs are as many tiles, in two phases or in eight.
    form = "winograd F(4,3) x F(4,3)"
    w = np.zeros((64, 64, 3, 3), np.float32)
    few, many = (
        fastconv.Conv2dPlan((1, 64, 64, 64), w, padding=d, dilation=d, algorithm=form).explain()
        for d in (2, 8)
    )
    cycles = [
        int(re.search(rf"{re.escape(form)}: predicted (\d+)", text)[1]) for text in (few, many)
    ]
    assert cycles[1] > 1.1 * cycles[0]
