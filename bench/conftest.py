"""What the benchmarks share: options, cases, a measured row, and the table at the end of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.items.layers import BATCHES
from bench.modes import MODES
from bench.race.contest import OURS, Settings
from bench.race.machine import Peak
from bench.report import table

ROWS: list[dict] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fastconv")
    group.addoption("--set", choices=list(BATCHES), default="quick", help="which layers")
    group.addoption("--mode", choices=list(MODES), default="plans",
                    help="what bench_conv.py measures")  # fmt: skip
    group.addoption("--threads", type=int, default=2, help="threads of every contestant")
    group.addoption("--dtype", choices=["float32", "float64"], default="float32")
    group.addoption("--batch", type=int, help="images per call, N; default: those of the set")
    group.addoption("--turns", type=int, default=5, help="bursts a contestant")


def chosen(config: pytest.Config, module: Any) -> Settings:
    """The settings of a file of benchmarks: its own MODE, else that of the command line."""
    names = ("set", "mode", "dtype", "threads", "turns")
    values = {name: config.getoption(f"--{name}") for name in names}
    batch = config.getoption("--batch")
    values |= {
        "mode": getattr(module, "MODE", values["mode"]),
        "batch": (batch,) if batch else None,
    }
    return Settings(**values)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Let ``pytest bench/`` find bench_*.py, which pytest collects only when they are named."""
    is_ours = file_path.match("bench_*.py") and not parent.session.isinitpath(file_path)
    return pytest.Module.from_parent(parent, path=file_path) if is_ours else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cases of the chosen set."""
    if "item" in metafunc.fixturenames:
        settings = chosen(metafunc.config, metafunc.module)
        items = MODES[settings.mode].module.choose(settings)
        metafunc.parametrize("item", items, ids=lambda x: f"{x.family}: {x.name}, N = {x.n}")


@pytest.fixture(scope="session")
def peak(request: pytest.FixtureRequest) -> Peak:
    return Peak(request.config.getoption("--dtype"), request.config.getoption("--threads"))


@pytest.fixture
def measured(item, peak, request, benchmark) -> dict:
    """The row of a case, kept in its extra information; pytest-benchmark times our call alone."""
    settings = chosen(request.config, request.module)
    mode = MODES[settings.mode].module
    row = mode.measure(item, settings, peak)
    ROWS.append(row)
    benchmark.extra_info |= row
    ours = mode.our_calls(item, mode.prepare(item, settings), settings)[OURS]
    benchmark.pedantic(ours, rounds=5, warmup_rounds=1)
    return row


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ROWS:
        run = {"rows": ROWS}
        for text in (table.layers(run), table.contestants(run), table.skipped(run)):
            terminalreporter.write_line(f"\n{text}")
