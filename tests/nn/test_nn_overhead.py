"""What evaluation costs beside a plan: a few calls of Python, and no look at the weights."""

from __future__ import annotations

import sys
import time
import timeit

import numpy as np
import pytest

import fastconv as fc
from fastconv import nn
from fastconv.nn import _plans


def made(channels=8):
    layer = nn.Conv2d(channels, channels, 3, padding=1, rng=0).eval()
    x = np.ones((1, channels, 8, 8), np.float32)
    plan = fc.Conv2dPlan(x.shape, layer.weight, layer.bias, padding=1)
    return layer, plan, x


def folded():
    layer, plan, x = made()
    norm = nn.BatchNorm2d(num_features=8)
    return nn.Sequential(layer, norm, nn.ReLU()).eval(), plan, x


def frames(call, x):
    """How many functions one call enters, in Python and in C.

    The least of some calls: a collection of garbage may fall into one, and call back.
    """
    counts = []
    for _ in range(6):
        entered = []
        before = sys.getprofile()
        sys.setprofile(lambda frame, event, argument, seen=entered: seen.append(event))
        try:
            call(x)
        finally:
            sys.setprofile(before)
        counts.append(entered.count("call") + entered.count("c_call"))
    return min(counts)


@pytest.mark.parametrize(("make", "most"), [(made, 9), (folded, 18)])
def test_a_layer_enters_few_functions_beside_its_plan(make, most):
    """Each costs 20 to 60 ns. Those of a layer: `__call__`, `forward`, the plan's lookup and the
    plan; and in C the questions whether arrays and settings are what they were."""
    layer, plan, x = make()
    assert frames(layer, x) - frames(plan, x) <= most


@pytest.mark.parametrize("make", [made, folded])
def test_weights_are_compared_only_if_somebody_may_have_changed_them(make, monkeypatch):
    layer, _, x = make()
    looked = []
    compare = _plans.same_bytes
    monkeypatch.setattr(_plans, "same_bytes", lambda a, b: looked.append(1) or compare(a, b))
    convolution = layer[0] if isinstance(layer, nn.Sequential) else layer

    def looks(calls=3):
        looked.clear()
        for _ in range(calls):
            layer(x)
        return len(looked)

    looks()
    assert looks() == 0
    convolution.weight[0] += 1
    assert looks() > 0  # this call builds
    assert looks() == 0
    held = convolution.weight
    assert looks(3) >= 3
    del held
    looks(1)
    assert looks() == 0
    view = convolution.bias[2:]
    assert looks(3) >= 3
    del view
    looks(1)
    assert looks() == 0
    optimizer = nn.SGD(layer.parameters(), lr=0.1)
    optimizer.step()
    assert looks(3) >= 3


@pytest.mark.parametrize(("make", "most"), [(made, 40), (folded, 60)])
def test_a_layer_costs_little_more_than_its_plan(make, most):
    """In calls of an empty function, which take 25 to 50 ns: that is under 1 us, three times what
    was measured. The least of many turns by the clock of this thread: others use the CPUs, too."""
    layer, plan, x = make()

    def nothing(x):
        return x

    def best(call):
        turns = timeit.repeat(lambda: call(x), timer=time.thread_time, number=500, repeat=40)
        return min(turns) / 500

    for call in (layer, plan, nothing):
        call(x)
    difference = min(best(layer) - best(plan) for _ in range(3))
    assert difference < most * best(nothing)
