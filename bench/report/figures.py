"""A run as pictures: against the best peer, against the peak, time and size, threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from .standing import TIE, Standing, standings
from .style import (
    AHEAD,
    BEHIND,
    EVEN,
    FAINT,
    INK,
    STYLE,
    colour,
    dot,
    head,
    legend,
    ratio_axis,
    ratio_patches,
    save,
)

Run = dict[str, Any]


def draw_all(run: Run, folder: Path) -> list[Path]:
    """Draw every picture of a run that its rows allow; return their paths."""
    batches: dict[int, list[Standing]] = {}
    for s in standings(run):
        batches.setdefault(s.row["n"], []).append(s)
    paths = []
    with matplotlib.rc_context(STYLE):
        pictures = {f"ratio-n{n}": ratio(run, rows) for n, rows in batches.items()}
        if all(s.share is not None for s in standings(run)):
            pictures |= {f"peak-n{n}": peak(run, rows) for n, rows in batches.items()}
            pictures |= {"time": time(run), "threads": threads(run)}
        for name, figure in pictures.items():
            if figure is not None:
                paths.append(save(figure, folder / f"{name}.svg"))
    return paths


def draw_ratio(run: Run, path: Path) -> None:
    """Draw the rows of a run of one batch against the best peer; nothing if no row has a peer."""
    with matplotlib.rc_context(STYLE):
        figure = ratio(run, standings(run))
        if figure is not None:
            save(figure, path)


def ratio(run: Run, rows: list[Standing]) -> Figure | None:
    """Bars of the best peer's time over ours, on a logarithmic axis that starts at 1."""
    values = [s.ratio for s in rows if s.ratio]
    if not values:
        return None
    figure, axes = _by_layer(run, rows, "Against the fastest peer of each layer")
    ratio_axis(axes, values)
    axes.set_xlim(right=max(1.5, *values) * 1.9)  # room for the peer's name
    for y, s in enumerate(rows):
        if s.ratio is None:
            continue
        axes.barh(y, s.ratio - 1, left=1, height=0.72, color=colour(s.ratio))
        axes.annotate(f"{s.ratio:.2f}  {s.best}", (max(s.ratio, 1), y), (4, 0), va="center",
                      textcoords="offset points", fontsize=7,
                      color=BEHIND if s.ratio < TIE else INK)  # fmt: skip
    legend(figure, ratio_patches())
    return figure


def peak(run: Run, rows: list[Standing]) -> Figure:
    """Dots of the plain sum's operations a second, ours and the best peer's."""
    figure, axes = _by_layer(run, rows, "Part of the machine's FMA peak")
    most = 100 * max((s.share or 0) * max(1, 1 / s.ratio if s.ratio else 1) for s in rows)
    axes.set_xlim(0, max(105, most * 1.05))
    axes.axvline(100, color=INK, linewidth=0.8)
    for y, s in enumerate(rows):
        ours = 100 * (s.share or 0)
        if s.ratio:
            theirs = ours / s.ratio
            line = BEHIND if s.ratio < TIE else FAINT
            axes.plot([ours, theirs], [y, y], color=line, linewidth=1.5, zorder=1)
            axes.plot(theirs, y, "o", mfc="white", mec=INK, ms=4.5, mew=0.9, zorder=2)
        axes.plot(ours, y, "D" if s.winograd else "o", color=AHEAD, ms=5, zorder=3)
    axes.set_xlabel("% of the measured peak, counting the plain sum's operations")
    legend(figure, [dot("fastconv", "o", AHEAD), dot("fastconv by Winograd", "D", AHEAD),
                     dot("best peer", "o", "white")])  # fmt: skip
    return figure


def time(run: Run) -> Figure:
    """Time against the size of the problem, with the line that the peak draws."""
    figure, axes = _plane(run, "Time of a call against the size of the layer")
    rows = standings(run)
    for s in rows:
        x = s.row["flops"] / 1e6
        if s.best:
            theirs = s.peers[s.best]
            axes.plot([x, x], [s.us, theirs], color=FAINT, linewidth=1, zorder=1)
            axes.plot(x, theirs, "o", mfc="white", mec=BEHIND, ms=5, mew=1, zorder=2)
        axes.plot(x, s.us, "o" if s.dense else "^", color=AHEAD, ms=4.5, zorder=3)
    ends = [min(s.row["flops"] for s in rows), max(s.row["flops"] for s in rows)]
    top = max(run["peak_gflops"].values())
    axes.plot([n / 1e6 for n in ends], [n / top / 1e3 for n in ends], color=INK, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.7 * min(s.us / max(1, 1 / s.ratio if s.ratio else 1) for s in rows))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(_duration))
    axes.set_xlabel("million operations of the plain sum")
    axes.set_ylabel("time of a call")
    axes.legend(handles=[
        dot("fastconv, dense", "o", AHEAD), dot("fastconv, small groups", "^", AHEAD),
        dot("best peer", "o", "white", BEHIND),
        Line2D([], [], color=INK, linewidth=0.8, label=f"FMA peak, {top:g} GFLOP/s"),
    ], frameon=False, loc="upper left")  # fmt: skip
    return figure


def threads(run: Run) -> Figure | None:
    """One thread's time over that of all, against the size of the problem."""
    rows = [s for s in standings(run) if s.speedup]
    if not rows:
        return None
    n = run["settings"]["threads"]
    figure, axes = _plane(run, f"{n} threads against one")
    for s in rows:
        shape, fill = ("o", AHEAD) if s.dense else ("^", EVEN)
        axes.plot(s.row["flops"] / 1e6, s.speedup, shape, color=fill, ms=5)
    for value in (1, n):
        axes.axhline(value, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}"))
    axes.set_ylim(0, max(n * 1.1, 1.05 * max(s.speedup or 0 for s in rows)))
    axes.set_xlabel("million operations of the plain sum")
    axes.set_ylabel(f"time on one thread / time on {n}")
    axes.legend(handles=[dot("dense", "o", AHEAD), dot("depthwise and small groups", "^", EVEN)],
                frameon=False, loc="lower right")  # fmt: skip
    return figure


def _by_layer(run: Run, rows: list[Standing], title: str) -> tuple[Figure, Axes]:
    """A line for each layer, families set apart."""
    height = 0.165 * len(rows) + 1.4
    figure = Figure(figsize=(9.6, height))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.34, right=0.985, bottom=0.5 / height, top=1 - 0.85 / height)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(length=0)
    axes.grid(axis="x", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_yticks(range(len(rows)), [_label(s) for s in rows])
    for y, s in enumerate(rows):
        if y and s.row["family"] == rows[y - 1].row["family"]:
            continue
        axes.axhline(y - 0.5, color=FAINT, linewidth=0.8)
        axes.annotate(s.row["family"], (0, y), (-0.326 * 9.6 * 72, 0), va="center",
                      xycoords=("axes fraction", "data"), textcoords="offset points",
                      fontweight="bold")  # fmt: skip
    head(figure, run, f"{title}, N = {rows[0].row['n']}")
    return figure, axes


def _plane(run: Run, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 5.2))
    axes = figure.subplots()
    figure.subplots_adjust(left=0.09, right=0.98, bottom=0.1, top=0.87)
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    head(figure, run, title)
    return figure, axes


def _label(s: Standing) -> str:
    """The layer without the options that its picture does not need."""
    what = f": {s.what}" if s.what else ""
    kind = " transposed" if s.row.get("transposed") else ""
    return s.row["layer"].replace(" -> ", " → ") + kind + what


def _duration(us: float, _: object) -> str:
    return f"{us:g} µs" if us < 1e3 else f"{us / 1e3:g} ms" if us < 1e6 else f"{us / 1e6:g} s"
