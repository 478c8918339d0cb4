"""Plans: what the function gives, from weights that were copied when the plan was built."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fastconv
from algorithms import ENTRIES, dtypes_of, each_with_algorithm
from cases import CONV, TRANSPOSED, each
from fastconv import reference

pytestmark = pytest.mark.usefixtures("plain_sums")

ALL = (*CONV, *TRANSPOSED)
X = np.arange(72, dtype=np.float32).reshape(1, 2, 6, 6) % 7
W = np.arange(54, dtype=np.float32).reshape(3, 2, 3, 3) % 5


@each_with_algorithm(ALL, plan=True)
def test_a_plan_gives_what_the_function_gives(case, algorithm, isa):
    """On the ISA it was built on, whatever is set later; and of the weights as they were."""
    x, w, b = case.integers(dtypes_of(case, algorithm, plan=True)[0])
    want = case.oracle(x, w, b, **case.options)
    plan = case.plan(case.x, w, b, **case.options, algorithm=algorithm, threads=3)
    np.testing.assert_array_equal(plan._plan.weight, w)  # most are unpacked for it
    w[...] = b[...] = np.nan
    fastconv.set_isa("scalar")
    y = plan(x)
    np.testing.assert_array_equal(y, want)
    assert plan.output_shape == want.shape
    y[...] = np.nan
    assert plan(x, out=y) is y
    np.testing.assert_array_equal(y, want)


@each(ALL)
def test_its_gradient_is_that_of_the_function(case):
    x, w, _ = case.integers(np.float64)
    plan = case.plan(case.x, w, **case.options)
    dy = np.random.default_rng(0).integers(-9, 10, plan.output_shape).astype(np.float64)
    # What a constant border adds is no part of a linear function of the input.
    linear = plan(x) - plan(np.zeros_like(x))
    assert np.vdot(linear, dy) == np.vdot(x, plan.input_grad(dy))


def test_it_does_not_change_with_its_arguments():
    stride, shape = [1, 2], list(X.shape)
    plan = fastconv.Conv2dPlan(shape, W, stride=stride)
    y = plan(X)
    stride[0], shape[3] = 2, 9
    np.testing.assert_array_equal(plan(X), y)
    assert plan.input_grad(y).shape == X.shape


def test_it_reads_the_context_when_it_is_built():
    with fastconv.threads(7):
        plan = fastconv.Conv2dPlan((64, 2, 40, 40), W)
    serial = fastconv.threading() == "off"
    assert ("up to 1 thread" if serial else "up to 7 threads") in plan.explain()


def test_residual_bias_and_activation():
    residual = np.full((1, 3, 4, 4), -200, np.float32)
    b = np.array([1, 2, 3], np.float32)
    plan = fastconv.Conv2dPlan(X.shape, W, b, activation="relu")
    want = reference.conv2d(X, W, b, residual=residual, activation="relu")
    np.testing.assert_array_equal(plan(X, residual=residual), want)
    np.testing.assert_array_equal(plan(X, residual, out=residual), want)


@pytest.mark.parametrize("slopes", [[0.5, -2, 0], [0.25]], ids=["by channel", "one"])
def test_slopes_are_copied(slopes):
    x = X - X.mean()
    live = np.array(slopes, np.float32)
    want = reference.conv2d(x, W, activation=("prelu", live.copy()))
    plan = fastconv.Conv2dPlan(x.shape, W, activation=("prelu", live))
    other = fastconv.tune(fastconv.Conv2dPlan(x.shape, W, activation=("prelu", live)), 0.01)
    live[:] = 99
    for made in (plan, other):
        np.testing.assert_allclose(made(x), want, rtol=1e-5, atol=1e-5)
    dy = np.arange(48, dtype=np.float32).reshape(1, 3, 4, 4)
    np.testing.assert_array_equal(plan.input_grad(dy), reference.grad.conv2d_input(x.shape, W, dy))


def test_slopes_of_a_transposed_plan_with_channels_last():
    x = np.arange(-20, 22, dtype=np.float64).reshape(1, 7, 6)
    w = np.arange(-9, 9, dtype=np.float64).reshape(6, 3, 1)
    activation = ("prelu", np.array([0.5, -1, 2]))
    plan = fastconv.ConvTranspose1dPlan(
        x.shape, w, stride=2, activation=activation, data_format="channels_last"
    )
    want = reference.conv_transpose1d(
        x, w, stride=2, activation=activation, data_format="channels_last"
    )
    np.testing.assert_array_equal(plan(x), want)


def test_it_says_what_was_chosen():
    plan = fastconv.Conv2dPlan(X.shape, W, algorithm="im2col")
    assert plan.algorithm == "im2col"
    assert plan.flops == 2 * 3 * 16 * 18
    assert plan.workspace_bytes > 0
    assert plan.weight_bytes >= W.nbytes
    assert repr(plan) == "<fastconv.Conv2dPlan (1, 2, 6, 6) -> (1, 3, 4, 4), im2col>"
    text = plan.explain()
    for name in ENTRIES:
        assert name in text
    assert re.search(r"\bdepthwise_rows\b.*: not possible, it takes one input channel", text)
    assert len(text.splitlines()) < 40  # one line for all that refuse for one reason


def test_the_workspace_holds_the_planes_of_channels_last():
    first = fastconv.Conv2dPlan((2, 2, 6, 6), W, algorithm="im2col")
    last = fastconv.Conv2dPlan((2, 6, 6, 2), W, algorithm="im2col", data_format="channels_last")
    planes = 4 * (2 * 6 * 6 * 2 + 2 * 4 * 4 * 3)
    assert last.workspace_bytes == first.workspace_bytes + planes
    one = fastconv.Conv2dPlan((2, 6, 6, 1), W[:1, :1], data_format="channels_last")
    assert one.workspace_bytes == fastconv.Conv2dPlan((2, 1, 6, 6), W[:1, :1]).workspace_bytes


REFUSED = [
    (X[0], {}, ValueError, r"x must have shape \(1, 2, 6, 6\), got \(2, 6, 6\)"),
    (np.repeat(X, 2, 0), {}, ValueError, "x must have shape"),
    (X[..., :5], {}, ValueError, "x must have shape"),
    (X.astype(np.float64), {}, TypeError, "x must have the plan's dtype, float32, got float64"),
    (np.ma.masked_array(X), {}, TypeError, "x must be a plain array, got a masked array"),
    (None, {}, TypeError, "x must be an array"),
    (X, {"residual": np.ones((1, 3, 4, 1), np.float32)}, ValueError, "residual must have shape"),
    (X, {"residual": np.ones((1, 3, 4, 4))}, TypeError, "residual must have the plan's dtype"),
    (X, {"out": np.ones((1, 3, 4, 5), np.float32)}, ValueError, "out must have shape"),
    (X, {"out": np.ones((1, 3, 4, 4))}, TypeError, "out must have dtype float32"),
]


@pytest.mark.parametrize(("x", "how", "error", "words"), REFUSED, ids=lambda v: str(v)[:30])
def test_calls_that_are_not_the_plans_are_refused(x, how, error, words):
    with pytest.raises(error, match=words):
        fastconv.Conv2dPlan(X.shape, W)(x, **how)


@pytest.mark.parametrize(
    ("shape", "error"),
    [("abcd", TypeError), (None, TypeError), ((1, 2, 6.0, 6), TypeError), ((), ValueError),
     ((True, 2, 6, 6), TypeError), ((-1, 2, 6, 6), ValueError), ((1, 3, 6, 6), ValueError),
     ((1, 2, 2, 6), ValueError), ((2**63, 2, 6, 6), ValueError), ((2**44, 2, 6, 6), ValueError),
     ((1, 2**62, 6, 6), ValueError), ((6, 6), ValueError), ((1, 1, 2, 6, 6), ValueError)],
    ids=str,
)  # fmt: skip
def test_shapes_that_are_none_are_refused(shape, error):
    with pytest.raises(error):
        fastconv.Conv2dPlan(shape, W)


def test_a_transposed_plan_takes_no_residual():
    plan = fastconv.ConvTranspose2dPlan((1, 3, 4, 4), W)
    with pytest.raises(ValueError, match="residual"):
        plan(np.ones((1, 3, 4, 4), np.float32), np.ones((1, 2, 6, 6), np.float32))


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_it_keeps_weights_for_its_gradient(layout):
    """Packed with the first call, and for every layout, batch axis and `out`."""
    x, dy = X[0], np.random.default_rng(1).standard_normal((3, 3, 6)).astype(np.float32)
    if layout == "channels_last":
        x, dy = np.moveaxis(x, 0, -1), np.moveaxis(dy, 0, -1)
    how = {"stride": (2, 1), "padding": (1, 1), "data_format": layout}
    plan = fastconv.Conv2dPlan(x.shape, W, activation="relu", **how)
    before, dx = plan.weight_bytes, np.empty_like(x)
    want = fastconv.grad.conv2d_input(x.shape, W, dy, **how)
    assert plan.input_grad(dy, dx) is dx
    np.testing.assert_allclose(dx, want, rtol=1e-5, atol=1e-5)
    assert plan.weight_bytes > before
    assert np.array_equal(plan.input_grad(dy), dx)
    with pytest.raises(ValueError, match="grad_output"):
        plan.input_grad(dy[:, 1:])


def test_lists_of_very_many_phases_are_made_only_if_asked_for():
    """3,000 phases of a kernel of 3,000 taps: 72 MB of places of weights."""
    rng = np.random.default_rng(0)
    w = rng.integers(-3, 4, (5, 6, 3000)).astype(np.float32)
    x = rng.integers(-3, 4, (1, 5, 2)).astype(np.float32)
    plan = fastconv.ConvTranspose1dPlan(x.shape, w, stride=3000)
    assert re.search(r"\bdirect\b.*: not possible, its lists of so many phases", plan.explain())
    by_name = fastconv.conv_transpose1d(x, w, stride=3000, algorithm="direct")
    np.testing.assert_array_equal(plan(x), by_name)


def test_a_plan_explains_how_many_bytes_of_weights_come_from_memory():
    w = np.ones((64, 32, 3, 3), np.float32)
    plan = fastconv.Conv2dPlan((1, 32, 20, 20), w, precision="high")
    lines = dict(x.strip().split(": ") for x in plan.explain().splitlines() if x.startswith("  "))
    assert f", {w.nbytes / 1024:.1f} KiB of weights from memory" in lines["direct"]
    assert ", 128.0 KiB of weights from memory" in lines["winograd F(2,3) x F(2,3)"]
