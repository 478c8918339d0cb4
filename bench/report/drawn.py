"""Runs of drawn shapes: how many are slower by how much, and the worst as lines of Python."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..modes import MODES
from .standing import Standing, standings
from .table import markdown, micro

Run = dict[str, Any]
STEPS = (1.0, 1.3, 2.0, 4.0)
"""By how much a row is slower than the better of PyTorch's layouts."""
SHOWN = 12
"""Lines of Python for each kind of rows."""
LINES = """\
Below, after `import numpy as np, fastconv as fc` and
`r = lambda *s: np.random.default_rng(0).standard_normal(s, np.float32)`, the worst rows; behind
each its microseconds and those of the best peer."""


def is_drawn(run: Run) -> bool:
    """Whether the run's shapes were drawn from a seed."""
    return MODES[run["settings"]["mode"]].drawn


def shares(run: Run) -> str:
    """A table of both parts, convolutions and pools, and of each family of shapes."""
    found = [s for s in standings(run) if s.ratio is not None]
    if not found:
        return "No row has a peer."
    parts = {"convolutions and gradients": [s for s in found if not _is_pool(s)],
             "pools": [s for s in found if _is_pool(s)]}  # fmt: skip
    for s in found:
        if not _is_pool(s):
            parts.setdefault(f"{s.row['family']}", []).append(s)
    lines = [line(name, rows) for name, rows in parts.items() if rows]
    columns = ["rows of", "rows", "geometric mean", "slower"]
    columns += [f"by {step:g}" for step in STEPS[1:]] + ["worst"]
    return markdown(columns, lines)


def line(name: str, rows: list[Standing]) -> list[str]:
    """What the table says of some rows."""
    slower = 1 / np.array([s.ratio for s in rows])
    cells = [f"{100 * float((slower > step).mean()):.1f} %" for step in STEPS]
    mean = float(np.exp(-np.log(slower).mean()))
    return [name, str(len(rows)), f"{mean:.2f}", *cells, f"{slower.max():.1f}"]


def worst(run: Run) -> str:
    """The rows that are furthest behind, as lines of Python; a sentence where there are none."""
    found = sorted((s for s in standings(run) if s.ratio is not None and s.ratio < 1),
                   key=lambda s: s.ratio or 0)  # fmt: skip
    parts = []
    for pools in (False, True):
        rows = [s for s in found if _is_pool(s) == pools][:SHOWN]
        text = "\n".join(
            f"{s.row['layer']}  # {1 / (s.ratio or 1):.1f} times: {micro(s.us)}, "
            f"{micro(s.peers[s.best or ''])} {s.best}"
            for s in rows
        )
        if rows:
            parts.append(f"```text\n{text}\n```")  # lines to paste one by one, no program
    return "\n\n".join([LINES, *parts]) if parts else "No row is behind."


def _is_pool(s: Standing) -> bool:
    return str(s.row["kind"]).endswith("pools")
