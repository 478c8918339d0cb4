"""The suite under pytest-benchmark: ``pytest bench/bench_conv.py``, one case a row of ``--mode``.

Measures what ``python -m bench`` measures, by the same code, and keeps each row in the case's extra
information, so that pytest-benchmark's own --benchmark-json and compare work on it. Its own numbers
are fastconv's alone.
"""

from __future__ import annotations


def test_forward(measured):
    assert measured["us"]
