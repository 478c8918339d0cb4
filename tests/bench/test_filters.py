"""The suite's filters: each call is right, a wrong one is refused, and goals are told by kind."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from bench.items.filters import FILTERS, SMALL, Filter
from bench.modes import filters
from bench.race.contest import OURS
from bench.report import goals

from bench import run

pytest.importorskip("scipy", reason="the mode's truth is SciPy's")

# Each function once, on arrays that take no time.
CALLS = [
    *SMALL,
    *(replace(x, shape=(40, 50)) for x in FILTERS if x.family == "images"),
    *(replace(x, shape=(900,), weights=(30,)) for x in FILTERS
      if x.family == "signals" and len(x.shape) == 1 and x.shape[0] == 10_000),
    Filter("signals", "correlate2d", "signal", "correlate2d", (30, 40), (5, 5)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("item", CALLS, ids=lambda x: x.name)
def test_all_contestants_are_right(item, dtype, quick, peak):
    row = filters.measure(item, replace(quick, mode="filters", dtype=dtype), peak)
    assert row["outside"] == {}
    assert any(name.startswith("scipy") for name in row["us"])
    json.dumps(row)


def test_templates_are_right(quick, peak):
    pytest.importorskip("skimage", reason="the truth of templates is scikit-image's")
    item = Filter("templates", "", "template", "match_template", (340, 440), (16, 16))
    row = filters.measure(item, replace(quick, mode="filters"), peak)
    assert row["outside"] == {}


@pytest.mark.parametrize("item", CALLS[:1] + CALLS[-2:], ids=lambda x: x.name)
def test_a_wrong_filter_of_ours_is_refused(item, quick, peak, monkeypatch):
    settings = replace(quick, mode="filters")
    wrong = filters.our_calls(item, filters.prepare(item, settings), settings)[OURS]() + 1e-2
    monkeypatch.setattr(filters, "our_calls", lambda *_: {OURS: lambda: wrong})
    with pytest.raises(AssertionError, match="beyond the bound"):
        filters.measure(item, settings, peak)


def test_bytes_must_be_those_of_scipy(quick, peak, monkeypatch):
    item = next(x for x in CALLS if x.dtype == "uint8")
    settings = replace(quick, mode="filters")
    wrong = filters.our_calls(item, filters.prepare(item, settings), settings)[OURS]().copy()
    wrong[3, 4] ^= 1
    monkeypatch.setattr(filters, "our_calls", lambda *_: {OURS: lambda: wrong})
    with pytest.raises(AssertionError, match="beyond the bound"):
        filters.measure(item, settings, peak)


def test_goals(quick, peak, stored_run):
    settings = replace(quick, mode="filters", peers=("scipy",))
    chosen = [x for x in CALLS if x.family == "small" or x.what == "maximum_filter"]
    rows = [filters.measure(item, settings, peak) for item in chosen]
    for row in rows:
        row["us"] = {OURS: 1000.0, "scipy": 6000.0, "opencv": 800.0}
    stored = json.loads(json.dumps(stored_run(mode="filters", threads=1) | {"rows": rows}))
    text = goals.report(stored)
    assert "| extremes of float images over SciPy | 1 | 6.00 | 6.00 | 0 |" in text
    assert "| images of bytes over SciPy | 1 | 6.00 | 6.00 | 1 |" in text
    assert "| images of bytes over OpenCV | 1 | 0.80 | 0.80 | 0 |" in text
    stored["settings"]["threads"] = 2
    assert "| extremes of float images over SciPy | 1 | 6.00 | 6.00 | 1 |" in goals.report(stored)


def test_peers_of_filters_have_names():
    assert run.parser().parse_args(["--peers", "scipy,opencv"]).peers == ("scipy", "opencv")
