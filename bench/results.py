"""Results files: one JSON a run, a line for each row, kept in bench/results."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FORMAT = 1
FOLDER = Path(__file__).parent / "results"
Run = dict[str, Any]


def save(run: Run, path: Path) -> None:
    """Write a run so that a difference shows row by row."""
    head = {"format": FORMAT} | {key: value for key, value in run.items() if key != "rows"}
    lines = ",\n".join("  " + json.dumps(row) for row in run["rows"])
    text = json.dumps(head, indent=1)[:-2] + ',\n "rows": [\n' + lines + "\n ]\n}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def read(path: Path) -> Run:
    """Read a run; raise ValueError for anything else."""
    run: Run = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise ValueError(f"{path} is no result of this suite (format {FORMAT})")
    return run


def default_path(run: Run) -> Path:
    """A name that tells what was run: in bench/results of a checkout, else where one stands."""
    s = run["settings"]
    cpu = re.sub(r"\(R\)|\(TM\)|\(family|model|\)|Processor|CPU", " ", run["cpu"])
    words = [run["date"][:10], cpu, run["isa"], s["mode"], s["set"], s["dtype"]]
    stem = "-".join(re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-") for word in words)
    part = "-part" if s["only"] or s["peers"] or s["batch"] else ""
    name = f"{stem}-t{s['threads']}{part}.json"
    in_checkout = (FOLDER.parents[1] / "pyproject.toml").exists()
    return (FOLDER if in_checkout else Path("bench-results")) / name


def newest(**wanted: Any) -> list[Run]:
    """Whole runs of bench/results with these settings, newest first."""
    runs = [read(path) for path in sorted(FOLDER.glob("*.json"))]
    fits = [r for r in runs if all(r["settings"][key] == wanted[key] for key in wanted)]
    whole = [r for r in fits if not r["settings"]["only"]]
    return sorted(whole, key=lambda r: str(r["date"]), reverse=True)
