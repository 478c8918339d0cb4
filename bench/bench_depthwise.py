"""As bench_conv.py, of depthwise layers and small groups: ``python -m bench --mode depthwise``."""

from __future__ import annotations

MODE = "depthwise"


def test_depthwise(measured):
    assert measured["us"]
