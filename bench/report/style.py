"""What the pictures share: colours, fonts, heads, the axis of ratios, and how a file is written."""

from __future__ import annotations

import io
import re
import textwrap
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .standing import TIE

Run = dict[str, Any]
AHEAD, EVEN, BEHIND, INK, FAINT = "#2a6fb0", "#9aa3ad", "#d9481c", "#22272e", "#d5d9de"
TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100)
STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # which matplotlib brings along
    "svg.fonttype": "none",  # text stays text: small, and found by a search
    "svg.hashsalt": "fastconv",  # the names of parts depend on what they are alone
    "path.simplify": False,  # which may drop short lines
    "font.size": 8,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def save(figure: Figure, path: Path) -> Path:
    """Write a picture, the same bytes for the same results: no date, no version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    figure.savefig(text, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
    path.write_text(shorter(text.getvalue()), encoding="utf-8")
    return path


def shorter(svg: str) -> str:
    """The same picture in half of the bytes: matplotlib says more than a reader sees."""
    svg = re.sub(r" <metadata>.*?</metadata>\n", "", svg, flags=re.DOTALL)
    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    svg = re.sub(r"(\d\.\d\d)\d\d+", r"\1", svg)  # a hundredth of a point
    return re.sub(r" ?\n\s*", "\n", svg)


def colour(ratio: float) -> str:
    """Of a row by its ratio."""
    return BEHIND if ratio < TIE else EVEN if ratio < 1 else AHEAD


def ratio_axis(axes: Axes, values: list[float]) -> None:
    """A logarithmic x axis of ratios, with a line at 1."""
    axes.set_xscale("log")
    axes.set_xlim(min(0.7, min(values) / 1.15), max(1.5, *values) * 1.15)
    axes.axvline(1, color=INK, linewidth=0.8)
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlabel("best peer's time / fastconv's time")


def ratio_patches() -> list[Patch]:
    """The legend of the colours."""
    words = {AHEAD: "fastconv ahead", BEHIND: "behind", EVEN: f"tie ({TIE} to 1)"}
    return [Patch(color=fill, label=label) for fill, label in words.items()]


def head(figure: Figure, run: Run, title: str) -> None:
    """Title, and what was run where, in small."""
    height, s = figure.get_figheight(), run["settings"]
    threads = f"{s['threads']} thread" + ("s" if s["threads"] > 1 else "")
    small = (
        f"{s['mode'].capitalize()}, {s['dtype']}, {run['isa']}, {threads} on every side. "
        f"{run['cpu']}, {run['date'][:10]}."
    )
    figure.text(0.0135, 1 - 0.14 / height, title, va="top", fontsize=12, fontweight="bold")
    small = textwrap.shorten(small, 130, placeholder=" ...")
    figure.text(0.0135, 1 - 0.38 / height, small, va="top", fontsize=8)


def legend(figure: Figure, handles: list[Any], top: float = 0.45) -> None:
    height = figure.get_figheight()
    figure.legend(handles=handles, loc="upper right", ncols=len(handles), frameon=False,
                  bbox_to_anchor=(0.99, 1 - top / height), fontsize=8)  # fmt: skip


def dot(label: str, shape: str, fill: str, edge: str | None = None) -> Line2D:
    edge = edge or (INK if fill == "white" else fill)
    return Line2D([], [], marker=shape, linestyle="", mfc=fill, mec=edge, ms=5, label=label)
