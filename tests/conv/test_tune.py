"""fastconv.tune: it measures, keeps a candidate of the plan, and changes no answer."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from algorithms import ENTRIES, FAMILIES, refusal
from cases import CONV, TRANSPOSED, each

RNG = np.random.default_rng(0)


def plans():
    w = RNG.integers(-3, 4, (6, 5, 3, 3)).astype(np.float64)
    b = RNG.integers(-3, 4, 6).astype(np.float64)
    yield "conv2d", fastconv.Conv2dPlan((2, 5, 9, 11), w, b, padding=1, activation="relu")
    yield "channels_last", fastconv.Conv2dPlan((2, 9, 11, 5), w, data_format="channels_last")
    yield "conv1d", fastconv.Conv1dPlan((3, 5, 40), w[..., 0], padding="causal")
    yield "transposed, phases", fastconv.ConvTranspose2dPlan((1, 6, 5, 4), w, b[:5], stride=2)
    yield "no tap reaches", fastconv.ConvTranspose2dPlan((1, 6, 1, 1), w, padding=1)


@pytest.mark.parametrize(
    ("name", "plan"), list(plans()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_the_answer_stays(name, plan):
    x = RNG.integers(-3, 4, plan._input_shape).astype(np.float64)
    want = plan(x)
    assert fastconv.tune(plan, seconds=0.02) is plan
    np.testing.assert_array_equal(plan(x), want)
    assert "winograd" not in plan.algorithm  # float64: plain sums


def test_it_finds_what_is_faster_than_a_bad_choice():
    w = RNG.standard_normal((64, 64, 3, 3)).astype(np.float32)
    plan = fastconv.Conv2dPlan((1, 64, 40, 40), w, padding=1, threads=1)
    names = plan._plan.takers()
    assert {"direct", "im2col", "winograd F(4,3) x F(4,3)"} <= set(names)
    for name in names:
        other = plan._plan.with_algorithm(name)
        assert other.algorithm == FAMILIES[name]
        assert f"chosen: {name} " in other.explain()
    plan._plan = plan._plan.with_algorithm("winograd F(2,3) x F(2,3)")
    # A race on a busy machine may have another winner.
    assert any(fastconv.tune(plan, seconds=0.2).algorithm == "winograd" for _ in range(5))


PADDING_ALONE = {
    "dilation beyond the input", "depthwise, turned, taps that only padding meets",
    "one pixel under a 3x3 kernel", "one row under a square kernel",
    "one row of a depthwise layer", "one pixel under a large kernel",
}  # fmt: skip
"""Cases with taps that only read padding."""

OF_PIXELS = {"dense_pixels", "depthwise_in_place", "groups_in_place", "pointwise_pixels"}
OF_PIXELS |= {name for name in ENTRIES if name.endswith(" on pixels")}
"""Entries that offer nothing for planes, which they would have to turn, unless they are named."""


@each((*CONV, *TRANSPOSED))
def test_it_races_every_entry_that_takes_the_shape(case):
    plan = case.plan(case.x, np.zeros(case.w, np.float32), **case.options)
    names = plan._plan.takers()
    for name in ENTRIES:
        taken = refusal(case, name, precision="high", plan=True) is None
        # Where no tap reaches an output, every request is met by filling it. Taps that only read
        # padding are left out; an algorithm that takes the kernel only as it is does so by name.
        left_out = (case.why in PADDING_ALONE or name in OF_PIXELS) and taken
        assert (name in names) == taken or names == ["fill"] or left_out, name


@pytest.mark.parametrize("plan", [None, 3, "plan"])
def test_it_takes_plans_only(plan):
    with pytest.raises(TypeError, match="plan must be a plan"):
        fastconv.tune(plan)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_it_takes_a_positive_time(seconds):
    plan = next(plans())[1]
    with pytest.raises(ValueError, match="seconds must be a positive number"):
        fastconv.tune(plan, seconds=seconds)
