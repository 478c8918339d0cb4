"""All runs in one picture: each row is a dash at its ratio, so that nothing hides in a mean."""

from __future__ import annotations

from math import log, nan
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from . import table
from .standing import Summary, standings
from .style import (
    FAINT,
    INK,
    STYLE,
    colour,
    legend,
    ratio_axis,
    ratio_patches,
    save,
)

Run = dict[str, Any]
WIDTH = 0.035
"""Dashes whose logarithms are in one interval of this width stand above one another."""
STEP, LENGTH = 0.075, 0.055
"""How far apart they stand, and how long they are; the lines of two runs are 1 apart."""


def draw(runs: list[Run], path: Path) -> None:
    """Draw all runs that have peers, a line for each."""
    shown = [(run, found) for run in runs if (found := Summary.of(standings(run)))]
    height = 0.42 * len(shown) + 1.1
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8, height))
        axes = figure.subplots()
        figure.subplots_adjust(left=0.2, right=0.985, bottom=0.48 / height, top=1 - 0.4 / height)
        axes.set_axisbelow(True)
        axes.grid(axis="x", color=FAINT, linewidth=0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_yticks(range(len(shown)), [label(run) for run, _ in shown])
        ratios = [[s.ratio for s in standings(run) if s.ratio is not None] for run, _ in shown]
        ratio_axis(axes, [value for values in ratios for value in values])
        for y, ((_, found), values) in enumerate(zip(shown, ratios, strict=True)):
            dashes: dict[str, list[tuple[float, float]]] = {}
            for value, offset in stacked(values):
                at = y + offset
                ends = [(value, at - LENGTH / 2), (value, at + LENGTH / 2), (value, nan)]
                dashes.setdefault(colour(value), []).extend(ends)
            for fill, points in dashes.items():  # one path for all: a third of the bytes of dots
                axes.plot(*zip(*points, strict=True), color=fill, linewidth=2.4,
                          solid_capstyle="butt")  # fmt: skip
            axes.plot([found.mean] * 2, [y - 0.42, y + 0.42], color=INK, linewidth=1.2)
            axes.annotate(f"{found.mean:.2f}", (found.mean, y - 0.42), (3, -2), fontsize=7,
                          textcoords="offset points", va="top", fontweight="bold")  # fmt: skip
        figure.text(0.0135, 1 - 0.12 / height, "A dash is a row, a black line the geometric mean.",
                    va="top")  # fmt: skip
        legend(figure, ratio_patches(), top=0.06)
        save(figure, path)


def stacked(ratios: list[float]) -> list[tuple[float, float]]:
    """Each ratio with an offset: values that are close stand around the line, not on each other."""
    count: dict[int, int] = {}
    places = []
    for value in sorted(ratios):
        interval = round(log(value) / WIDTH)
        k = count[interval] = count.get(interval, -1) + 1
        places.append((value, STEP * ((k + 1) // 2) * (1 if k % 2 else -1)))
    return places


def label(run: Run) -> str:
    """A run in few words: what differs from most others is named."""
    s = run["settings"]
    batches = " and ".join(map(str, table.batches(run)))
    words = [s["mode"].capitalize(), f"N = {batches}"]
    if s["dtype"] != "float32":
        words.append(s["dtype"])
    if s["threads"] == 1:
        words.append("1 thread")
    return ", ".join(words)
