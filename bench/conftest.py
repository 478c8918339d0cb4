"""Options of the benchmarks, and the table at the end of a run."""

from __future__ import annotations

import numpy as np
import pytest

ROWS: list[dict] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fastconv")
    group.addoption("--threads", type=int, default=2, help="threads of every contestant")
    group.addoption("--dtype", choices=["float32", "float64"], default="float32")
    group.addoption("--batch", type=int, default=1, help="images per call, N")


@pytest.fixture
def rows() -> list[dict]:
    """Where a benchmark leaves its line of the table."""
    return ROWS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not ROWS:
        return
    peers = sorted({name for row in ROWS for name in row["us"]} - {"function", "plan"})
    names = ["function", "plan", *peers]
    write = terminalreporter.write_line
    write("")
    write("| family | layer | " + " | ".join(f"{n}, us" for n in names) + " | torch / function |")
    write("|---|---|" + "---:|" * (len(names) + 1))
    for row in ROWS:
        cells = [f"{row['us'][n]:.0f}" if n in row["us"] else "" for n in names]
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
        write(f"| {row['family']} | {row['layer']} | {' | '.join(cells)} | {ratio} |")
    ratios = [row["ratio"] for row in ROWS if "ratio" in row]
    if ratios:
        mean = float(np.exp(np.mean(np.log(ratios))))
        write(
            f"torch's time over the function's: geometric mean {mean:.2f}, least {min(ratios):.2f}"
        )
