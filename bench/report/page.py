"""One run as a page: its summary, the rows behind, every row and every contestant."""

from __future__ import annotations

from typing import Any

from . import drawn, table
from .standing import TIE

Run = dict[str, Any]
LEGEND = f"""\
Ratio: the best peer's time over fastconv's, so above 1 fastconv is ahead; behind is below
{TIE}. Of peak: the plain sum's operations a second, without taps in the padding, as a part of
the FMA peak measured beside them; Winograd needs fewer and may pass 100 %. Threads: one thread's
time over that of all. channels_last: its time over channels_first's. Forward, three calls: the time
of our own forward call, or of a call for each gradient, over that of the row. GB/s: what must be
read and written at least; of a copy: against copying as many bytes in the same run. In plans: the
part of a network's time that its convolutions and dense layers take; in loops: what the same plans
take, each in a loop of its own, over that."""


def report(run: Run) -> str:
    """One run as Markdown."""
    if drawn.is_drawn(run):
        return "\n\n".join([*heading(run), drawn.shares(run), drawn.worst(run), table.skipped(run)])
    behind = len(table.behind(run))
    losses = table.losses([run])
    parts = [
        *heading(run),
        table.summary([run]),
        LEGEND,
        f"The rows behind, {behind} in all:\n\n{losses}" if behind else losses,
        table.layers(run),
        "Microseconds of each contestant:",
        table.contestants(run),
        table.parts(run),
        table.cores(run),
        table.skipped(run),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def heading(run: Run) -> list[str]:
    """What the run compares, and where."""
    return [f"## {table.against(run).capitalize()}", table.about(run)]
