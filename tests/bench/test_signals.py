"""The suite's long kernels: their rows, and the truth that contestants are held to."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from bench.items.layer import parse
from bench.items.signals import FORWARD, INPUT, SIGNALS, WEIGHT, Signal
from bench.modes import signals
from bench.peers.common import Skip
from bench.peers.signals import BUILDERS
from bench.race.contest import OURS
from bench.report import goals

SMALL = [
    Signal(parse("one channel", "1@900 -> 1 k70"), 2, threads=1),
    Signal(parse("depthwise", "3@200 -> 3 k40 p39,0 g3"), 2),
    Signal(parse("dense", "4@100 -> 5 k9 p4"), 2, prepared=True),
    Signal(parse("images", "1@40 -> 1 13x13 p6"), 2, threads=1),
]
ROWS = [replace(x, what=what) for x in SMALL for what in (FORWARD, INPUT, WEIGHT)]


def test_rows_are_told_apart():
    assert len({(x.family, x.name) for x in SIGNALS}) == len(SIGNALS)
    assert {x.what for x in SIGNALS} == {FORWARD, INPUT, WEIGHT}
    assert {x.threads for x in SIGNALS} == {1, 2}


def test_operations_of_very_long_kernels_are_counted_in_an_instant():
    layer = parse("", "1@480000 -> 1 k100000 p99999,0")
    assert layer.flops == 2 * (480_000 * 100_000 - 99_999 * 100_000 // 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("item", ROWS, ids=lambda x: x.name)
def test_fastconv_finds_the_truth_and_a_wrong_answer_is_refused(
    item, dtype, quick, peak, monkeypatch
):
    settings = replace(quick, mode="signals", dtype=dtype)
    row = signals.measure(item, settings, peak)
    assert row["outside"] == {}
    assert row["threads"] == min(item.threads, quick.threads)
    json.dumps(row)
    got = signals.our_calls(item, signals.prepare(item, settings), settings)[OURS]()
    monkeypatch.setattr(signals, "our_calls", lambda *_: {OURS: lambda: got + 1})
    with pytest.raises(AssertionError, match="beyond the bound"):
        signals.measure(item, settings, peak)


@pytest.mark.parametrize("name", BUILDERS)
def test_peers_that_take_a_row_are_right(name, quick):
    """Each takes at least one of the rows, where it is installed."""
    taken = 0
    for item in ROWS:
        arrays = signals.prepare(item, quick)
        try:
            calls = BUILDERS[name](item, arrays, 1)
        except Skip:
            continue
        except ImportError:
            pytest.skip(f"{name} is not installed")
        exact = signals.right(item, arrays)
        for call in calls.values():
            got = call()
            got = got[0] if isinstance(got, tuple) else got
            assert exact.excess(np.asarray(got)) <= 1
            taken += 1
    assert taken


def test_goals_of_rows(quick, peak, stored_run):
    rows = [signals.measure(item, quick, peak) for item in ROWS[:3]]
    for row in rows:
        row["us"]["torch"] = 1500.0
        row["us"] = {k: v for k, v in row["us"].items() if k.startswith(OURS) or k == "torch"}
    text = goals.report(json.loads(json.dumps(stored_run(mode="signals") | {"rows": rows})))
    assert "| over the best peer | 1 | 1.50 | 1.50 | 1 |" in text
    assert "| gradients, our forward call's time over theirs | 2 | 1.00 | 1.00 | 0 |" in text
