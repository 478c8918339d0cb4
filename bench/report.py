"""Turn stored runs into tables and pictures.

``python -m bench.report`` prints the newest run of bench/results, or the files that are named;
``--readme`` writes README's section, its pictures and bench/RESULTS.md from the newest runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import goals, readme, results, table

Run = dict[str, Any]
LEGEND = f"""\
Ratio: the best peer's time over fastconv's, so above 1 fastconv is ahead; behind is below
{table.TIE}. Of peak: the plain sum's operations a second, without taps in the padding, as a part of
the FMA peak measured beside them; Winograd needs fewer and may pass 100 %. Threads: one thread's
time over that of all. channels_last: its time over channels_first's. Forward, three calls: the time
of our own forward call, or of a call for each gradient, over that of the row. GB/s: what must be
read and written at least; of a copy: against copying as many bytes in the same run."""


def report(run: Run) -> str:
    """One run as Markdown."""
    parts = [
        f"## {table.against(run).capitalize()}",
        table.about(run),
        table.summary([run]),
        LEGEND,
        readme.losses([run]),
        table.layers(run),
        "Microseconds of each contestant:",
        table.contestants(run),
        table.skipped(run),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def publish(run: Run, out: str | None, pictures: str | None) -> None:
    """Store a run, print it, and draw it if asked and possible."""
    path = Path(out) if out else results.default_path(run)
    results.save(run, path)
    print(report(run))
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


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__.split("\n")[0])
    p.add_argument("files", nargs="*", type=Path, help="results; default: the newest")
    p.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw them into a folder")
    p.add_argument("--goals", action="store_true", help="what the project set out to reach")
    p.add_argument("--readme", action="store_true", help="write README's section anew")
    chosen = p.parse_args(arguments)
    try:
        if chosen.readme:
            readme.write()
            return 0
        runs = [results.read(path) for path in chosen.files] or results.newest()[:1]
    except (ImportError, OSError, ValueError) as error:
        print(f"python -m bench.report: {error}", file=sys.stderr)
        return 1
    if not runs:
        print("no results yet: run python -m fastconv bench", file=sys.stderr)
        return 1
    for run in runs:
        print(f"{table.about(run)}\n\n{goals.report(run)}" if chosen.goals else report(run))
        if chosen.pictures:
            draw(run, chosen.pictures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
