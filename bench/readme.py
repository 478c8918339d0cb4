"""README's section on speed and bench/RESULTS.md, written from the newest stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import results, table
from .standing import TIE, Standing, standings

Run = dict[str, Any]
ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
PICTURES = ROOT / "bench" / "pictures"


def write() -> None:
    """Replace the section between the marks in README, the pictures, and bench/RESULTS.md.

    Raises ValueError if there are no runs to show, or README has no marks.
    """
    from . import figures

    runs = chosen()
    if not runs:
        raise ValueError("no stored run to show: run python -m bench --set core first")
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md must have {BEGIN} and {END} once each")
    for run in runs[:2]:
        figures.draw_all(run, PICTURES, prefix=f"{run['settings']['mode']}-")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(before + BEGIN + "\n" + section(runs) + END + after, encoding="utf-8")
    (ROOT / "bench" / "RESULTS.md").write_text(every_row(runs), encoding="utf-8")


def chosen() -> list[Run]:
    """For each mode, dtype, ISA and number of threads the newest whole run of the largest set."""
    found: dict[tuple[Any, ...], Run] = {}
    for name in ("core", "quick"):
        for run in results.newest(set=name):
            s = run["settings"]
            key = (s["dtype"] != "float32", s["mode"] != "plans", run["isa"], -s["threads"])
            found.setdefault(key, run)
    return [found[key] for key in sorted(found)]


def section(runs: list[Run]) -> str:
    """README's text: what is compared, the picture, the summary, the rows that are behind."""
    first = runs[0]
    parts = [
        f"Measured on {table.about(first)}",
        _picture(first, "ratio", "The best peer's time over fastconv's, layer by layer"),
        "Ratio: the fastest peer's time over fastconv's, so above 1 fastconv is ahead. Behind: "
        f"below {TIE}; above that and up to 1 is a tie. Every answer was checked first.",
        table.summary(runs),
        losses(runs),
        "Every row, and what each peer took, is in [bench/RESULTS.md](bench/RESULTS.md); how it is "
        "measured in [bench/README.md](bench/README.md).",
    ]
    return "\n" + "\n\n".join(part for part in parts if part) + "\n\n"


def losses(runs: list[Run]) -> str:
    """The float32 rows that are behind, dense layers first."""
    lines = []
    for run in (r for r in runs[:2] if r["settings"]["dtype"] == "float32"):
        behind = [s for s in standings(run) if s.ratio is not None and s.ratio < TIE]
        for s in sorted(behind, key=lambda s: (not s.row["dense"], s.ratio)):
            lines.append([run["settings"]["mode"], s.row["family"], s.title, _numbers(s)])
    if not lines:
        return "No row of these runs is behind."
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    head = (
        "| run | family | layer | fastconv, us | best peer, us | ratio |\n|:--|:--|:--|--:|--:|--:|"
    )
    return (
        f"<details><summary>The {len(lines)} rows behind</summary>\n\n{head}\n{rows}\n\n</details>"
    )


def every_row(runs: list[Run]) -> str:
    """All tables and pictures."""
    text = ["# Results\n\nWritten by `python -m bench.report --readme` from bench/results.\n"]
    for run in runs[:2]:
        mode = run["settings"]["mode"]
        text.append(f"## {mode.capitalize()}: {table.against(run)}\n\n{table.about(run)}\n")
        for name, what in (("ratio", "against the best peer"), ("peak", "against the FMA peak"),
                           ("time", "time and size"), ("threads", "threads")):  # fmt: skip
            if (PICTURES / f"{mode}-{name}.png").exists():
                text.append(f"![{mode}: {what}](pictures/{mode}-{name}.png)\n")
        text += [table.layers(run) + "\n", table.skipped(run) + "\n"]
    text.append("## All runs\n\n" + table.summary(runs) + "\n")
    return "\n".join(text)


def _numbers(s: Standing) -> str:
    peer = f"{table.micro(s.peers[s.best])} {s.best}" if s.best else ""
    return f"{table.micro(s.us)} | {peer} | {s.ratio:.2f}"


def _picture(run: Run, name: str, what: str) -> str:
    return f"![{what}](bench/pictures/{run['settings']['mode']}-{name}.png)"
