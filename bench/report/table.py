"""Parts of a page in Markdown: what was run, summaries, rows, the rows behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import geometric_mean
from typing import Any

from ..modes import MODES
from ..modes.cores import LONG
from ..race.contest import OURS
from .standing import TIE, Standing, Summary, kinds, standings

Run = dict[str, Any]


def markdown(columns: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table whose first `left` columns are words and the others numbers."""
    rule = [":--" if i < left else "--:" for i in range(len(columns))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (columns, rule, *lines))


def against(run: Run) -> str:
    """What a run compares, in words."""
    return MODES[run["settings"]["mode"]].compares


def title(run: Run) -> str:
    """A heading that tells runs apart: mode, dtype, instruction set, threads, batches."""
    return f"{name(run).capitalize()}, batch {' and '.join(map(str, batches(run)))}"


def name(run: Run) -> str:
    """What a run is called in a table that has batches elsewhere."""
    s = run["settings"]
    return f"{s['mode']}, {s['dtype']}, {run['isa']}, {_threads(s['threads'])}"


def batches(run: Run) -> list[int]:
    """Images of a call, each number that a row has."""
    return sorted({row["n"] for row in run["rows"]})


def about(run: Run) -> str:
    """The machine, the settings and the versions, in a few sentences."""
    s, versions = run["settings"], run["versions"]
    peak = ", ".join(f"{value:g} ({_threads(n)})" for n, value in run["peak_gflops"].items())
    copy = ", ".join(f"{value:g} ({_threads(n)})" for n, value in run["copy_gbs"].items())
    names = ", ".join(f"{name} {versions[name]}" for name in versions if name != "fastconv")
    ours = f"fastconv {versions['fastconv']}" + (f" at {run['commit']}" if run["commit"] else "")
    return (
        f"{run['cpu']}, {run['cpus']} CPUs; {ours}, {run['isa']}, {s['dtype']}, "
        f"{_threads(s['threads'])} on every side; {run['date']} UTC. FMA peak measured in the run: "
        f"{peak} GFLOP/s; copying memory: {copy} GB/s. {names}."
    )


def summary(runs: Sequence[Run], called: Callable[[Run], str] = name) -> str:
    """One line for each kind of row in each run; `called` gives the run's name or link."""
    lines = []
    for run in runs:
        for kind, rows in kinds(run).items():
            if found := Summary.of(rows):
                lines.append([called(run), kind, str(found.rows), f"{found.mean:.2f}",
                              f"{found.least:.2f}", str(found.behind)])  # fmt: skip
    columns = ["run", "rows of", "rows", "geometric mean", "least", "behind"]
    return markdown(columns, lines, left=2) if lines else ""


def behind(run: Run) -> list[Standing]:
    """The rows that are behind, dense layers first, the worst first."""
    found = [s for s in standings(run) if s.ratio is not None and s.ratio < TIE]
    return sorted(found, key=lambda s: (not s.dense, s.ratio))


def losses(runs: Sequence[Run], called: Callable[[Run], str] = name) -> str:
    """A table of the rows behind in all runs; a sentence where there are none."""
    if all(s.ratio is None for run in runs for s in standings(run)):
        return "No row has a peer."
    lines = [[called(run), s.row["family"], s.title, micro(s.us), _best(s), optional(s.ratio)]
             for run in runs for s in behind(run)]  # fmt: skip
    if not lines:
        return "No row is behind."
    columns = ["run", "family", "layer", "fastconv, us", "best peer, us", "ratio"]
    return markdown(columns, lines, left=3)


def layers(run: Run) -> str:
    """One line a row, those that are behind in bold; columns that no row fills are left out."""
    found = standings(run)
    lines = [[cell(s) for cell in COLUMNS.values()] for s in found]
    kept = [i for i in range(len(COLUMNS)) if any(line[i] for line in lines)]
    names = [list(COLUMNS)[i] for i in kept]
    left = sum(name in WORDS for name in names)
    return markdown(names, [[line[i] for i in kept] for line in lines], left=left)


def contestants(run: Run) -> str:
    """Microseconds of every contestant; in brackets those whose answers are beyond the bound."""
    names = list(dict.fromkeys(name for row in run["rows"] for name in row["us"]))
    lines = []
    for s in standings(run):
        us, outside = s.row["us"], s.row["outside"]
        cells = [micro(us[name]) if name in us else "" for name in names]
        cells = [f"({c})" if n in outside else c for n, c in zip(names, cells, strict=True)]
        lines.append([s.row["family"], s.title, *cells])
    return markdown(["family", "layer", *names], lines, left=2)


def parts(run: Run) -> str:
    """Microseconds of each kind of step within our networks; nothing for other rows."""
    found = [s for s in standings(run) if "parts" in s.row]
    names = list(dict.fromkeys(name for s in found for name in s.row["parts"]))
    lines = [[s.title, *(micro(s.row["parts"][n]) if n in s.row["parts"] else "" for n in names),
              micro(s.row["alone"])] for s in found]  # fmt: skip
    if not found:
        return ""
    columns = ["layer", *names, "conv in loops"]
    return f"Microseconds within our networks:\n\n{markdown(columns, lines)}"


def cores(run: Run) -> str:
    """Means over the long layers of a simulation on many cores; nothing for other rows."""
    rows = [row for row in run["rows"] if "cores" in row]
    long = [row for row in rows if row["us"][OURS] > LONG]
    if not long:
        return ""
    lines = [[n, f"{geometric_mean([row['cores'][n] for row in long]):.2f}",
              f"{geometric_mean([row['again'][n] for row in long]):.2f}"]
             for n in long[0]["cores"]]  # fmt: skip
    counts = ["cores", "efficiency", "work over one core's"]
    slower = [row["layer"] for row in rows if is_slower_on_more(row)]
    return (
        f"Geometric means over {len(long)} layers of more than {LONG:g} us on one core:\n\n"
        f"{markdown(counts, lines)}\n\n"
        f"Slower by 2 % on more cores than on fewer: {', '.join(slower) or 'none'}."
    )


def is_slower_on_more(row: dict[str, Any]) -> bool:
    """Whether some number of cores takes longer than half as many."""
    times = list(row["us"].values())
    return any(more > 1.02 * fewer for fewer, more in pairwise(times))


def skipped(run: Run) -> str:
    """Why peers did not take part, and whose answers were beyond the bound."""
    reasons: dict[str, int] = {}
    for row in run["rows"]:
        for name, why in row["skipped"].items():
            reasons[f"{name}: {why}"] = reasons.get(f"{name}: {why}", 0) + 1
        for name in row["outside"]:
            key = f"{name}: answer beyond the bound, not counted"
            reasons[key] = reasons.get(key, 0) + 1
    return "\n".join(
        f"- {reason} ({n} of {len(run['rows'])} layers)" for reason, n in reasons.items()
    )


def micro(us: float) -> str:
    """Microseconds with three digits."""
    return f"{us:,.0f}" if us >= 100 else f"{us:.1f}"


def optional(value: float | None) -> str:
    """A ratio, or nothing."""
    return "" if value is None else f"{value:.2f}"


def percent(value: float | None) -> str:
    """A part, or nothing."""
    return "" if value is None else f"{100 * value:.0f} %"


def _threads(n: int | str) -> str:
    return f"{n} thread" + ("" if int(n) == 1 else "s")


def _best(s: Standing) -> str:
    return f"{micro(s.peers[s.best])} {s.best}" if s.best else ""


def _ratio(s: Standing) -> str:
    is_behind = s.ratio is not None and s.ratio < TIE
    return f"**{optional(s.ratio)}**" if is_behind else optional(s.ratio)


WORDS = ("family", "layer", "algorithm")
COLUMNS: dict[str, Callable[[Standing], str]] = {
    "family": lambda s: str(s.row["family"]),
    "layer": lambda s: s.title,
    "algorithm": lambda s: str(s.row.get("algorithm", "")),
    "fastconv, us": lambda s: micro(s.us),
    "best peer, us": _best,
    "ratio": _ratio,
    "of peak": lambda s: percent(s.share),
    "GB/s": lambda s: "" if s.bandwidth is None else f"{s.bandwidth:.1f}",
    "of a copy": lambda s: percent(s.copy),
    "forward": lambda s: optional(s.forward),
    "three calls": lambda s: optional(s.three),
    "threads": lambda s: optional(s.speedup),
    "channels_last": lambda s: optional(s.last),
    "in plans": lambda s: percent(s.plans),
    "in loops": lambda s: optional(s.hot),
}
"""What a table says of a row."""
