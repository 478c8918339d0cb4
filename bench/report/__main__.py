"""Turn stored runs into tables and pictures.

``python -m bench.report`` prints the newest run of bench/results, or the files that are named;
``--readme`` writes docs/speed.md, its pictures and README's section from the newest runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import goals, results, speed, table
from .page import report
from .publish import draw


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m bench.report", description=__doc__.split("\n")[0])
    p.add_argument("files", nargs="*", type=Path, help="results; default: the newest")
    p.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw them into a folder")
    p.add_argument("--goals", action="store_true", help="what the project set out to reach")
    p.add_argument("--readme", action="store_true",
                   help="write docs/speed.md, its pictures and README's section anew")  # fmt: skip
    chosen = p.parse_args(arguments)
    try:
        if chosen.readme:
            speed.write()
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
