"""docs/speed.md, its pictures, and README's section on speed: written from stored runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..modes import MODES
from ..race.contest import OURS
from . import drawn, page, results, table
from .standing import TIE, Summary, standings

Run = dict[str, Any]
ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- speed: begin -->", "<!-- speed: end -->"
ISAS = ("avx512", "avx2", "neon", "scalar")
PEERS = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "mnn": "MNN",
         "scipy": "SciPy", "skimage": "scikit-image", "opencv": "OpenCV"}  # fmt: skip
"""Peers whose own spelling differs from their name in the results."""
OVERVIEW = "overview.svg"
OVERVIEW_WORDS = "Each row of each run as a dash: the fastest peer's time over fastconv's"
PICTURED = ("plans", "functions", "networks", "program")
"""Modes whose rows docs/speed.md draws one by one; `--pictures` draws those of any run."""


@dataclass(frozen=True)
class Row:
    """A row of README's table: which run it sums up."""

    words: str
    mode: str
    dtype: str = "float32"
    n: int = 1


FIVE = (
    Row("A layer by a function, in a loop", "functions"),
    Row("A layer by a plan, in a loop", "plans"),
    Row("Layers as programs call them: after pauses, beside other work", "program"),
    Row("Whole networks on plans, one image a call", "networks"),
    Row("Gradients: of the input, of the weight, of all in one call", "gradients"),
)
"""What a newcomer asks: how fast a layer is, also where nothing is warm, how fast a network of such
layers is, and training. The other runs are a link away."""


def write(root: Path = ROOT) -> None:
    """Write docs/speed.md and its pictures; replace what stands between README's marks.

    Raises ValueError if there is no run to show or README has no marks, ImportError without
    matplotlib.
    """
    from . import figures, overview

    readme, docs = root / "README.md", root / "docs"
    runs = chosen(results.newest(root / "bench" / "results"))
    if not runs:
        raise ValueError("no whole run is stored: python -m bench --set core makes one")
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md must have {BEGIN} and {END} once each")
    pictures = docs / "pictures"
    fixed, random = [], []
    for run in runs:
        (random if drawn.is_drawn(run) else fixed).append(run)
    overview.draw(fixed, pictures / OVERVIEW)
    for run in pictured(fixed):
        figures.draw_ratio(run, pictures / picture(run))
    (docs / "speed.md").write_text(whole(fixed, random), encoding="utf-8")
    before, rest = text.split(BEGIN)
    readme.write_text(before + BEGIN + section(fixed) + END + rest.split(END)[1], encoding="utf-8")


def chosen(runs: list[Run]) -> list[Run]:
    """Of the newest run's CPU, the newest of each mode, dtype, ISA, number of threads and batch.

    Runs of the core set go before quick ones; the order is that of the pages.
    """
    found: dict[tuple[Any, ...], Run] = {}
    for name in ("core", "quick"):
        for run in runs:
            s = run["settings"]
            if s["set"] == name and run["cpu"] == runs[0]["cpu"]:
                isa = ISAS.index(run["isa"])
                mode, batch = list(MODES).index(s["mode"]), table.batches(run)
                key = (s["dtype"] != "float32", isa, -s["threads"], mode, tuple(batch))
                found.setdefault(key, run)
    return [found[key] for key in sorted(found)]


def section(runs: list[Run]) -> str:
    """README's text: five rows, one picture, and where every row is."""
    lines = []
    for row in FIVE:
        run = next((r for r in runs if _fits(row, r)), None)
        found = Summary.of(standings(run)) if run else None
        if run and found:
            lines.append([f"[{row.words}](docs/speed.md#{anchor(table.title(run))})", against(run),
                          str(found.rows), f"{found.mean:.2f}", str(found.behind)])  # fmt: skip
    columns = ["what", "raced against", "rows", "geometric mean", "rows behind"]
    s = runs[0]["settings"]
    threads = "one thread" if s["threads"] == 1 else f"{s['threads']} threads"
    parts = [
        table.markdown(columns, lines, left=2),
        f"![{OVERVIEW_WORDS}](docs/pictures/{OVERVIEW})",
        "The mean is of the fastest peer's time over fastconv's, so above 1 fastconv is ahead; a "
        f"row is behind below {TIE}. Measured in {s['dtype']} with {threads} on every side, "
        f"{runs[0]['isa']}, on {_cpu(runs[0])}, {runs[0]['date'][:10]}. {_count(runs)}: "
        f"[docs/speed.md](docs/speed.md#{anchor(BEHIND)}) names each of them, and has every row of "
        "every run.",
    ]
    return "\n\n" + "\n\n".join(parts) + "\n\n"


BEHIND = "The rows behind"


def whole(runs: list[Run], random: Sequence[Run] = ()) -> str:
    """docs/speed.md: the summary, the rows behind, then every row of every run.

    Of `random` ones, whose shapes are drawn, it has the shares and the worst rows alone.
    """
    parts = [
        "# Speed",
        "`python -m bench.report --readme` writes this page from the runs that are stored in "
        "[bench/results](../bench/results); [bench/README.md](../bench/README.md) says what is "
        "timed, and how. A run's file also has the time and the error of each single contestant: "
        "`python -m bench.report FILE` prints them.",
        f"![{OVERVIEW_WORDS}](pictures/{OVERVIEW})",
        "## Summary",
        table.summary(runs, _link),
        page.LEGEND,
        f"## {BEHIND}",
        f"{_count(runs)}.",
        table.losses(runs, _link),
        *(part for run in runs for part in one(run)),
        *(
            part
            for run in random
            for part in (*page.heading(run), drawn.shares(run), drawn.worst(run))
        ),
    ]
    return "\n\n".join(parts) + "\n"


def one(run: Run) -> list[str]:
    """A run's part of the page; its rows are folded."""
    rows = f"<summary>Every row, {len(run['rows'])} in all</summary>"
    parts = [
        f"## {table.title(run)}",
        f"{table.against(run).capitalize()}. {table.about(run)}",
        f"![{table.title(run)}, row by row](pictures/{picture(run)})" if pictured([run]) else "",
        f"<details>{rows}\n\n{table.layers(run)}\n\n</details>",
        table.parts(run),
        table.skipped(run),
    ]
    return [part for part in parts if part]


def pictured(runs: list[Run]) -> list[Run]:
    """The runs whose rows the page draws: one image, in float32."""
    return [
        run
        for run in runs
        if run["settings"]["mode"] in PICTURED
        and run["settings"]["dtype"] == "float32"
        and table.batches(run) == [1]
    ]


def picture(run: Run) -> str:
    """The file of a run's picture."""
    return f"{anchor(table.title(run)).replace('-batch-1', '')}.svg"


def anchor(title: str) -> str:
    """The address of a heading on its page, as GitHub and Markdown libraries make it."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def against(run: Run) -> str:
    """The peers of a run, as they spell themselves."""
    names = {name.split()[0] for row in run["rows"] for name in row["us"]} - {OURS}
    return ", ".join(sorted((PEERS.get(name, name) for name in names), key=str.lower))


def _fits(row: Row, run: Run) -> bool:
    s = run["settings"]
    return (s["mode"], s["dtype"], table.batches(run)) == (row.mode, row.dtype, [row.n])


def _link(run: Run) -> str:
    return f"[{table.name(run)}](#{anchor(table.title(run))})"


def _count(runs: list[Run]) -> str:
    behind = sum(len(table.behind(run)) for run in runs)
    rows = sum(s.ratio is not None for run in runs for s in standings(run))
    return f"In all runs together fastconv is behind on {behind} of {rows} rows"


def _cpu(run: Run) -> str:
    return re.sub(r"\((R|TM)\)", "", run["cpu"])
