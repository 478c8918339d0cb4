"""Pools under pytest-benchmark: ``pytest bench/bench_pool.py``, one case a pool.

Measures what ``python -m bench.pools`` measures, by the same code, and keeps each row in the case's
extra information. pytest-benchmark's own numbers are fastconv's alone.
"""

from __future__ import annotations

import pytest

from bench.pool_rows import POOLS
from bench.pools import measure, our_call, prepare


@pytest.mark.parametrize("pool", POOLS, ids=lambda p: f"{p.family}: {p.title}")
def test_pool(pool, request, benchmark):
    threads = request.config.getoption("--threads")
    benchmark.extra_info |= measure(pool, threads, turns=5, seconds=0.03)
    benchmark.pedantic(our_call(pool, prepare(pool)[0], threads), rounds=5, warmup_rounds=1)
