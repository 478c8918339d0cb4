"""The suite under pytest-benchmark: ``pytest bench/bench_conv.py``, one case a layer.

Measures what ``python -m bench`` measures, by the same code, and keeps each row in the case's extra
information, so that pytest-benchmark's own --benchmark-json and compare work on it. Its own numbers
are fastconv's alone.
"""

from __future__ import annotations

import pytest

from bench.layers import BATCHES, choose
from bench.machine import Peak
from bench.run import Settings, measure, our_calls
from bench.standing import OURS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cases of the chosen set."""
    name = metafunc.config.getoption("--set")
    batch = metafunc.config.getoption("--batch")
    layers = choose(name, (batch,) if batch else BATCHES[name])
    metafunc.parametrize("layer", layers, ids=lambda x: f"{x.family}: {x.name}, N = {x.n}")


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest) -> Settings:
    names = ("set", "mode", "dtype", "threads")
    return Settings(**{name: request.config.getoption(f"--{name}") for name in names})


@pytest.fixture(scope="session")
def peak(settings: Settings) -> Peak:
    return Peak(settings.dtype, settings.threads)


def test_forward(layer, settings, peak, benchmark, rows):
    row = measure(layer, settings, peak)
    rows.append(row)
    benchmark.extra_info |= row
    ours = our_calls(layer, layer.arrays(settings.dtype), settings)[OURS]
    benchmark.pedantic(ours, rounds=5, warmup_rounds=1)
