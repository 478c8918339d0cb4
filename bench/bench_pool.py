"""As bench_conv.py, of pools: ``python -m bench --mode pools``."""

from __future__ import annotations

MODE = "pools"


def test_pool(measured):
    assert measured["us"]
