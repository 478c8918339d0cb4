"""The suite's pools: their rows, and the truth that contestants are held to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bench.items.pools import GRADIENT, PLACES, POOLS, parse
from bench.modes import pools
from bench.race.contest import OURS
from bench.report import page
from bench.report.standing import standings

SMALL = [
    *(parse("small", text) for text in ("max 20@9 k3 s2 p1", "avg 5@8 k2 s2", "max 3@50w k9 p4")),
    *(parse("small", text) for text in ("avg 17@7 to 1", "max 4@7 to 1", "avg 3@10 to 4")),
    parse("small", "max 20@9 k3 s1 p1", PLACES),
    parse("small", "max 3@9 k3 s2 p1", PLACES).batch(2),
    parse("small", "avg 20@9 k3 s2 p1", last=True),
    *(parse("small", text, GRADIENT) for text in ("max 4@9 k3 s2 p1", "avg 4@9 k3 s2 p1")),
    parse("small", "max 4@9 k3 s2 p1", GRADIENT).batch(3),
    parse("small", "avg 5@7 to 3", GRADIENT),
    parse("small", "avg 4@9 k3 s2 p1", GRADIENT, last=True),
]


def test_rows_are_read():
    pool = parse("stem", "max 64@112 k3 s2 p1")
    assert (pool.shape, pool.kernel, pool.stride, pool.pad) == ((1, 64, 112, 112), 3, 2, 1)
    assert pool.windows(0)[0] == range(2)
    assert pool.batch(4).output_shape == (4, 64, 56, 56)
    assert parse("", "avg 3@10w to 3").windows(0) == [range(4), range(3, 7), range(6, 10)]
    with pytest.raises(ValueError, match="no pool"):
        parse("", "median 3@10 k3")
    assert len({(p.family, p.name, p.what) for p in POOLS}) == len(POOLS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pool", SMALL, ids=lambda p: f"{p.name}, {p.n}, {p.what}, {p.last}")
def test_fastconv_finds_the_truth_and_a_wrong_answer_is_refused(
    pool, dtype, quick, peak, monkeypatch
):
    settings = replace(quick, mode="pools", dtype=dtype)
    row = pools.measure(pool, settings, peak)
    assert row["outside"] == {}
    got = pools.our_calls(pool, pools.prepare(pool, settings), settings)[OURS]()
    wrong = tuple(part + 1 for part in got) if isinstance(got, tuple) else got + 1
    monkeypatch.setattr(pools, "our_calls", lambda *_: {OURS: lambda: wrong})
    with pytest.raises(AssertionError, match="beyond the bound"):
        pools.measure(pool, settings, peak)


def test_wrong_places_of_right_maxima_are_refused(quick, peak, monkeypatch):
    pool = parse("small", "max 20@9 k3 s1 p1", PLACES)
    settings = replace(quick, mode="pools")
    values, places = pools.our_calls(pool, pools.prepare(pool, settings), settings)[OURS]()
    places[0, 0, 0, 0] += 1
    monkeypatch.setattr(pools, "our_calls", lambda *_: {OURS: lambda: (values, places)})
    with pytest.raises(AssertionError, match="beyond the bound"):
        pools.measure(pool, settings, peak)


def test_a_measured_row_is_reported(quick, peak, stored_run):
    rows = [pools.measure(pool, replace(quick, mode="pools"), peak) for pool in SMALL[:1]]
    assert rows[0]["bytes"] == 4 * 20 * (81 + 25)
    rows[0]["us"] = {OURS: 1000.0, "torch": 1400.0}
    run = stored_run(mode="pools") | {"rows": rows}
    text = page.report(run)
    assert "## Pools forward, with indices, and their gradients" in text
    assert "| pools, forward, N = 1 | 1 | 1.40 | 1.40 | 0 |" in text
    assert "| small | max 20@9 k3 s2 p1 | 1,000 | 1,400 torch | 1.40 | 0.0 | 100 % |" in text
    assert np.isfinite(standings(run)[0].copy)
