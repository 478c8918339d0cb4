"""As bench_conv.py, of gradients: ``python -m bench --mode gradients``."""

from __future__ import annotations

MODE = "gradients"


def test_gradient(measured):
    assert measured["us"]
