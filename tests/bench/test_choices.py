"""The mode of choices: which entries race beside a plan, their answers, and what it aims at."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from bench.items.cliffs import Drawn
from bench.items.layer import Layer
from bench.modes import choices
from bench.race.contest import OURS, Settings
from bench.report import goals

SETTINGS = Settings(mode="choices", threads=1)
LAYER = Layer("any", "", 16, (14, 14), 32, (3, 3), 1, ((1, 1), (1, 1)), n=2)
ITEM = Drawn(LAYER, "forward")


def test_layers_are_drawn_once_and_forward_only():
    items = choices.choose(SETTINGS)
    assert {item.what for item in items} == {"forward"}
    assert len({item.name for item in items}) == len(items) > 1000
    assert items == choices.choose(SETTINGS) != choices.choose(replace(SETTINGS, seed=1))


@pytest.mark.parametrize("layer", [LAYER, replace(LAYER, transposed=True, stride=(2, 2))])
def test_the_next_cheapest_entries_race_beside_the_chosen_one(layer):
    item = Drawn(layer, "forward")
    arrays = choices.prepare(item, SETTINGS)
    plan = choices.plan_of(item, arrays, SETTINGS)
    chosen = re.search(r"^chosen: (.+) \(", plan.explain(), re.MULTILINE)[1]
    found = choices.others(item, arrays, SETTINGS)
    assert 1 <= len(found) <= choices.OTHERS
    assert chosen not in found
    for name, call in found.items():
        other = choices.plan_of(item, arrays, SETTINGS, algorithm=name)
        np.testing.assert_array_equal(call(), other(arrays[0]))


def test_a_row_has_all_of_them_and_a_wrong_answer_is_refused(quick, peak, monkeypatch):
    settings = replace(quick, mode="choices", peers=None)
    row = choices.measure(ITEM, settings, peak)
    arrays = choices.prepare(ITEM, settings)
    assert set(row["us"]) == {OURS, *choices.others(ITEM, arrays, settings)}
    right = choices.our_calls(ITEM, arrays, settings)[OURS]()
    monkeypatch.setattr(choices, "our_calls", lambda *_: {OURS: lambda: right + 1})
    with pytest.raises(AssertionError, match="beyond the bound"):
        choices.measure(ITEM, settings, peak)


def test_the_goal_is_missed_by_a_row_that_is_far_from_the_best():
    def run(us):
        row = {"family": "any", "layer": ITEM.name, "n": 1, "kind": "choices", "us": us,
               "limits": {}, "l2": {}, "outside": {}, "skipped": {}}  # fmt: skip
        return {"settings": {"mode": "choices", "threads": 1, "dtype": "float32"}, "rows": [row]}

    (near,) = goals.GOALS["choices"](run({OURS: 10.0, "direct": 9.0}))
    (far,) = goals.GOALS["choices"](run({OURS: 20.0, "direct": 9.0}))
    assert near.aim(near.rows[0]) == far.aim(far.rows[0]) == pytest.approx(1 / 1.3)
    assert near.measure(near.rows[0]) > 1 / 1.3 > far.measure(far.rows[0])
