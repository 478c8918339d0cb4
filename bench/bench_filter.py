"""As bench_conv.py, of filters: ``python -m bench --mode filters``."""

from __future__ import annotations

MODE = "filters"


def test_filter(measured):
    assert measured["us"]
