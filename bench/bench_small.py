"""As bench_conv.py, of small calls: ``python -m bench --mode small``."""

from __future__ import annotations

MODE = "small"


def test_small(measured):
    assert measured["us"]
