"""The suite's pools: their rows, and the truth that contestants are held to."""

from __future__ import annotations

import numpy as np
import pytest
from bench.pool_rows import FORWARD, GRADIENT, PLACES, POOLS, parse
from bench.pools import check, measure, our_call, prepare, ratio, report

from bench_cases import stored_run

SMALL = [
    *(parse("small", text) for text in ("max 20@9 k3 s2 p1", "avg 5@8 k2 s2", "max 3@50w k9 p4")),
    *(parse("small", text) for text in ("avg 17@7 to 1", "max 4@7 to 1", "avg 3@10 to 4")),
    parse("small", "max 20@9 k3 s1 p1", PLACES),
    parse("small", "avg 20@9 k3 s2 p1", last=True),
    *(parse("small", text, GRADIENT) for text in ("max 4@9 k3 s2 p1", "avg 4@9 k3 s2 p1")),
    parse("small", "avg 5@7 to 3", GRADIENT),
    parse("small", "avg 4@9 k3 s2 p1", GRADIENT, last=True),
]


def test_rows_are_read():
    pool = parse("stem", "max 64@112 k3 s2 p1")
    assert (pool.shape, pool.kernel, pool.stride, pool.pad) == ((1, 64, 112, 112), 3, 2, 1)
    assert pool.windows(0)[0] == range(2)
    assert parse("", "avg 3@10w to 3").windows(0) == [range(4), range(3, 7), range(6, 10)]
    with pytest.raises(ValueError, match="no pool"):
        parse("", "median 3@10 k3")
    assert len({(p.family, p.title, p.what) for p in POOLS}) == len(POOLS)


@pytest.mark.parametrize("pool", SMALL, ids=lambda p: f"{p.title}, {p.what}, {p.last}")
def test_fastconv_finds_the_truth(pool):
    arrays, want, _ = prepare(pool)
    got = our_call(pool, arrays, 1)()
    check(pool, "fastconv", got, want)
    wrong = tuple(part + 1 for part in got) if isinstance(got, tuple) else got + 1
    with pytest.raises(AssertionError, match="fastconv"):
        check(pool, "fastconv", wrong, want)


def test_a_measured_row_is_reported():
    row = measure(SMALL[0], threads=1, turns=1, seconds=0.001)
    text = report(stored_run() | {"rows": [row]})
    assert "max 20@9 k3 s2 p1" in text
    assert (ratio(row) is None) == (set(row["us"]) == {"fastconv", "copy"})
    assert np.isfinite(row["us"]["copy"])
    assert row["what"] == FORWARD
