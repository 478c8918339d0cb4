"""Results as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .standing import TIE, Summary, kinds, standings

Run = dict[str, Any]


def markdown(columns: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table whose first `left` columns are words and the others numbers."""
    rule = [":--" if i < left else "--:" for i in range(len(columns))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (columns, rule, *lines))


def against(run: Run) -> str:
    """What a run compares, in words."""
    if run["settings"]["mode"] == "plans":
        return "plans against sessions with prepared weights"
    return "functions, nothing kept between calls"


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


def summary(runs: Sequence[Run]) -> str:
    """One line for each kind of layer in each run."""
    lines = []
    for run in runs:
        s = run["settings"]
        for kind, rows in kinds(run).items():
            if found := Summary.of(rows):
                what = f"{s['mode']}, {s['dtype']}, {run['isa']}, {_threads(s['threads'])}"
                lines.append([what, kind, str(found.rows), f"{found.mean:.2f}",
                              f"{found.least:.2f}", str(found.behind)])  # fmt: skip
    columns = ["run", "layers", "rows", "geometric mean", "least", "behind"]
    return markdown(columns, lines, left=2) if lines else ""


def layers(run: Run) -> str:
    """One line a layer; those that are behind are bold."""
    lines = []
    for s in standings(run):
        ratio = s.ratio
        cell = "" if ratio is None else f"{ratio:.2f}"
        lines.append([
            s.row["family"], s.title, s.row["algorithm"], micro(s.us),
            f"{micro(s.peers[s.best])} {s.best}" if s.best else "",
            f"**{cell}**" if ratio is not None and ratio < TIE else cell,
            f"{100 * s.share:.0f} %", optional(s.speedup), optional(s.last),
        ])  # fmt: skip
    columns = ["family", "layer", "algorithm", "fastconv, us", "best peer, us", "ratio",
               "of peak", "threads", "channels_last"]  # fmt: skip
    return markdown(columns, lines, left=3)


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


def _threads(n: int | str) -> str:
    return f"{n} thread" + ("" if int(n) == 1 else "s")
