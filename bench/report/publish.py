"""What becomes of a run that has just been measured: stored, printed, and drawn if asked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from . import page, results

Run = dict[str, Any]


def publish(run: Run, out: str | None, pictures: str | None) -> None:
    """Store a run, print it, and draw it if asked and possible."""
    path = Path(out) if out else results.default_path(run)
    results.save(run, path)
    print(page.report(run))
    print(f"results: {path}", file=sys.stderr)
    if pictures:
        draw(run, Path(pictures))


def draw(run: Run, folder: Path) -> None:
    """Draw a run's pictures into a folder; without matplotlib, say so."""
    try:
        from . import figures
    except ImportError:
        print("no pictures: matplotlib is not installed", file=sys.stderr)
        return
    for path in figures.draw_all(run, folder):
        print(f"picture: {path}", file=sys.stderr)
