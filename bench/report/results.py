"""Results files: one JSON a run, a line for each row.

A checkout keeps them in bench/results; an installed copy in bench-results, where one stands.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FORMAT = 1
_BENCH = Path(__file__).parents[1]
_CHECKOUT = _BENCH.parent / "pyproject.toml"
FOLDER = _BENCH / "results" if _CHECKOUT.exists() else Path("bench-results")
RENAMED = {"broadcast": "channel_lanes"}
"""Algorithms by the names that files from before 2026-11-27 have, and by those of today."""
Run = dict[str, Any]


def save(run: Run, path: Path) -> None:
    """Write a run so that a difference shows row by row."""
    head = {"format": FORMAT} | {key: value for key, value in run.items() if key != "rows"}
    lines = ",\n".join("  " + json.dumps(row) for row in run["rows"])
    text = json.dumps(head, indent=1)[:-2] + ',\n "rows": [\n' + lines + "\n ]\n}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read(path: Path) -> Run:
    """Read a run, with the algorithms' names of today; raise ValueError for anything else."""
    run: Run = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise ValueError(f"{path} is no result of this suite (format {FORMAT})")
    for row in run["rows"]:
        if row.get("algorithm") in RENAMED:
            row["algorithm"] = RENAMED[row["algorithm"]]
    return run


def default_path(run: Run) -> Path:
    """A name that tells what was run."""
    s = run["settings"]
    cpu = re.sub(r"\(R\)|\(TM\)|\(family|model|\)|Processor|CPU", " ", run["cpu"])
    words = [run["date"][:10], cpu, run["isa"], s["mode"], s["set"], s["dtype"]]
    stem = "-".join(re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-") for word in words)
    part = "-n" + "-".join(str(n) for n in s["batch"]) if s["batch"] else ""
    part += "-part" if s["only"] or s["peers"] is not None else ""
    part += f"-seed{s['seed']}" if s.get("seed") else ""
    name = f"{stem}-t{s['threads']}{part}.json"
    return FOLDER / name


def newest(folder: Path = FOLDER) -> list[Run]:
    """Whole runs, of all layers of a set with every peer that was there; newest first."""
    runs = [read(path) for path in sorted(folder.glob("*.json"))]
    whole = [r for r in runs if not r["settings"]["only"] and r["settings"]["peers"] is None]
    return sorted(whole, key=lambda r: str(r["date"]), reverse=True)
