"""README's section on speed, its pictures, and bench/results/*.md: written from stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import results, table
from .modes import MODES
from .standing import TIE, Standing, standings

Run = dict[str, Any]
ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
PICTURES = {
    "ratio-n1": "the best peer's time over fastconv's, layer by layer",
    "ratio-n16": "the same, 16 images",
    "peak-n1": "part of the FMA peak, one image",
    "peak-n16": "part of the FMA peak, 16 images",
    "time": "time and size",
    "threads": "all threads against one",
}
ISAS = ("avx512", "avx2", "scalar")
PICTURED = ("plans", "functions")
"""Modes whose pictures README shows; those of others are on their pages."""


def write(root: Path = ROOT) -> None:
    """Replace what stands between the marks in README.md; write the pictures and the tables.

    Raises ValueError if there is no run to show or README has no marks, ImportError without
    matplotlib.
    """
    from . import figures

    bench, path = root / "bench", root / "README.md"
    runs = chosen(results.newest(bench / "results"))
    if not runs:
        raise ValueError("no whole run is stored: python -m bench --set core makes one")
    text = path.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md must have {BEGIN} and {END} once each")
    for run in leading(runs):
        mode = run["settings"]["mode"]
        drawn = figures.draw_all(run, bench / "pictures", prefix=f"{mode}-")
        page = every_row(run, {path.stem.removeprefix(f"{mode}-") for path in drawn})
        (bench / "results" / f"{mode}.md").write_text(page, encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(before + BEGIN + section(runs) + END + after, encoding="utf-8")


def chosen(runs: list[Run]) -> list[Run]:
    """Of the newest run's CPU, the newest of each mode, dtype, ISA, number of threads and batch.

    Runs of the core set go before quick ones; the order is that of the summary.
    """
    found: dict[tuple[Any, ...], Run] = {}
    for name in ("core", "quick"):
        for run in runs:
            s = run["settings"]
            if s["set"] == name and run["cpu"] == runs[0]["cpu"]:
                isa = ISAS.index(run["isa"])
                mode, batch = list(MODES).index(s["mode"]), tuple(s["batch"] or ())
                key = (s["dtype"] != "float32", isa, -s["threads"], mode, batch)
                found.setdefault(key, run)
    return [found[key] for key in sorted(found)]


def leading(runs: list[Run]) -> list[Run]:
    """The run of each mode that is shown in full: the first one."""
    modes = {run["settings"]["mode"]: run for run in reversed(runs)}
    return [modes[mode] for mode in MODES if mode in modes]


def section(runs: list[Run]) -> str:
    """README's text: the machine, the summary, a picture of each mode, the rows behind."""
    shown = leading(runs)
    tables = [f"[{mode}](bench/results/{mode}.md)" for mode in map(_mode, shown)]
    parts = [
        f"Measured on {table.about(shown[0])}",
        table.summary(runs),
        "Ratio: the fastest peer's time over fastconv's, so above 1 fastconv is ahead. Behind: "
        f"below {TIE}; from there to 1 is a tie. Every row and every peer: {', '.join(tables)}.",
    ]
    for run in shown:
        if _mode(run) not in PICTURED:
            continue
        n = min(row["n"] for row in run["rows"])
        picture = f"bench/pictures/{_mode(run)}-ratio-n{n}.png"
        parts.append(f"![{_mode(run).capitalize()}: {PICTURES['ratio-n1']}]({picture})")
    return "\n\n" + "\n\n".join([*parts, losses(runs)]) + "\n\n"


def losses(runs: list[Run]) -> str:
    """The rows that are behind, dense layers first."""
    lines = []
    for run in runs:
        behind = [s for s in standings(run) if s.ratio is not None and s.ratio < TIE]
        behind.sort(key=lambda s: (not s.dense, s.ratio))
        name = f"{_mode(run)}, {run['settings']['dtype']}"
        lines += [[name, s.row["family"], s.title, *_numbers(s)] for s in behind]
    if not lines:
        return "No row of these runs is behind."
    columns = ["run", "family", "layer", "fastconv, us", "best peer, us", "ratio"]
    rows = table.markdown(columns, lines, left=3)
    title = f"The rows behind, {len(lines)} in all"
    return f"<details><summary>{title}</summary>\n\n{rows}\n\n</details>"


def every_row(run: Run, drawn: set[str]) -> str:
    """A run's page: all tables, and the pictures that were drawn."""
    from .report import report

    names = [*(name for name in PICTURES if name in drawn), *sorted(drawn - PICTURES.keys())]
    pictures = [f"![{PICTURES.get(n, n)}](../pictures/{_mode(run)}-{n}.png)" for n in names]
    return report(run) + "\n" + "\n\n".join(pictures) + "\n"


def _mode(run: Run) -> str:
    return str(run["settings"]["mode"])


def _numbers(s: Standing) -> list[str]:
    assert s.best is not None
    peer = f"{table.micro(s.peers[s.best])} {s.best}"
    return [table.micro(s.us), peer, f"{s.ratio:.2f}"]
