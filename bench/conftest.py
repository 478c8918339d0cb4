"""Options of the benchmarks, and the table at the end of a run."""

from __future__ import annotations

import pytest

from bench import table
from bench.layers import BATCHES
from bench.run import PEERS

ROWS: list[dict] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fastconv")
    group.addoption("--set", choices=list(BATCHES), default="quick", help="which layers")
    group.addoption("--mode", choices=list(PEERS), default="plans", help="what races what")
    group.addoption("--threads", type=int, default=2, help="threads of every contestant")
    group.addoption("--dtype", choices=["float32", "float64"], default="float32")
    group.addoption("--batch", type=int, help="images per call, N; default: those of the set")


@pytest.fixture
def rows() -> list[dict]:
    """Where a benchmark leaves its row."""
    return ROWS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ROWS:
        run = {"rows": ROWS}
        for text in (table.layers(run), table.contestants(run), table.skipped(run)):
            terminalreporter.write_line(f"\n{text}")
