"""Measure: ``python -m fastconv bench``, or ``python -m bench`` in a checkout.

Each row: arrays, contestants, answers checked, a race. A mode chooses the rows and measures one.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import fastconv

from .items.layers import BATCHES
from .modes import MODES
from .peers import FILTERS, SESSIONS
from .race.contest import Settings
from .race.machine import Peak, describe, load
from .report.publish import publish

KNOWN = (*SESSIONS, *FILTERS)
BURST, DRAWING = 0.03, 300.0
"""Seconds of a burst, and of a whole run of a mode whose items are drawn."""


def run(settings: Settings, items: Sequence[Any]) -> dict[str, Any]:
    """Measure all that was chosen; an interrupt ends the run and keeps the rows so far.

    Of a mode whose items are drawn it measures those that it reaches in the settings' seconds.
    """
    mode = MODES[settings.mode]
    header = describe(settings.dtype, settings.threads)
    peak = Peak(settings.dtype, settings.threads)
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    end = time.monotonic() + (settings.seconds if mode.drawn else math.inf)
    try:
        for item in progress(items):
            if time.monotonic() > end:
                break
            try:
                rows.append(mode.module.measure(item, settings, peak))
            except AssertionError as error:
                failed.append(str(error))
    except KeyboardInterrupt:
        print(f"interrupted after {len(rows)} of {len(items)} rows", file=sys.stderr)
    return {"settings": asdict(settings), **header, "failed": failed, "rows": rows}


def progress(items: Sequence[Any]) -> Iterator[Any]:
    """What was chosen, with a bar on a terminal that has tqdm, else a line for each."""
    bar: Iterable[Any] | None = None
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm

            bar = tqdm(items, unit="row", dynamic_ncols=True)
        except ImportError:
            pass
    for i, item in enumerate(bar if bar is not None else items):
        title = f"{item.family}: {item.name}" + (f", N = {item.n}" if item.n > 1 else "")
        if bar is not None:
            bar.set_description(title)  # type: ignore[attr-defined]
        else:
            print(f"[{i + 1}/{len(items)}] {title}", file=sys.stderr, flush=True)
        yield item


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m fastconv bench", description=__doc__.split("\n")[0])
    p.add_argument("--set", choices=list(BATCHES), default="quick",
                   help="quick: 30 layers, minutes; core: 62, N = 1 and 16, gradients 32 too; "
                   "all: 214 published layers (default: %(default)s)")  # fmt: skip
    p.add_argument("--mode", choices=list(MODES), default="plans",
                   help="; ".join(f"{name}: {mode.compares}" for name, mode in MODES.items())
                   + " (default: %(default)s)")  # fmt: skip
    p.add_argument("-k", dest="only", default="", metavar="WORDS",
                   help="only layers whose family or name holds one of these words")  # fmt: skip
    p.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    p.add_argument("--threads", type=_count, help="threads of every contestant (default: "
                   f"{fastconv.get_num_threads()}; in cliffs 1)")  # fmt: skip
    p.add_argument("--batch", type=_counts, metavar="N,...", help="images per call")
    p.add_argument("--isa", choices=fastconv.supported_isas(), help="fastconv's instruction set; "
                   "peers keep theirs")  # fmt: skip
    p.add_argument("--peers", type=_peers, metavar="NAME,...",
                   help=f"some of {', '.join(KNOWN)}, or none (default: all)")  # fmt: skip
    p.add_argument("--turns", type=_count, default=5, help="bursts a contestant (default: 5)")
    p.add_argument("--seconds", type=_seconds, help=f"of a burst (default: {BURST}); in cliffs of "
                   f"the whole run (default: {DRAWING})")  # fmt: skip
    p.add_argument("--seed", type=int, default=0, help="of what cliffs draws (default: 0)")
    p.add_argument("--out", metavar="FILE", help="where results go (JSON); else a name is made")
    p.add_argument("--pictures", metavar="FOLDER", help="where pictures go, if matplotlib is there")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; the table goes to standard output."""
    chosen = parser().parse_args(arguments)
    if chosen.isa:
        fastconv.set_isa(chosen.isa)
    drawn = MODES[chosen.mode].drawn
    chosen.threads = chosen.threads or (1 if drawn else fastconv.get_num_threads())
    chosen.seconds = chosen.seconds or (DRAWING if drawn else BURST)
    names = [field for field in Settings.__dataclass_fields__ if hasattr(chosen, field)]
    settings = Settings(**{name: getattr(chosen, name) for name in names})
    items = MODES[settings.mode].module.choose(settings)
    if not items:
        print(f"no layer of {settings.set} matches {settings.only!r}", file=sys.stderr)
        return 1
    if load() > 0.5:
        print(f"note: other programs are busy here (load {load():.1f})", file=sys.stderr)
    try:
        done = run(settings, items)
    except ImportError as error:  # of what a mode cannot do without
        print(f"--mode {settings.mode}: {error}", file=sys.stderr)
        return 1
    if done["rows"]:
        publish(done, chosen.out, chosen.pictures)
    for line in done["failed"]:
        print(f"WRONG ANSWER: {line}", file=sys.stderr)
    return 1 if done["failed"] else 0


def _peers(text: str) -> tuple[str, ...]:
    names = tuple(text.split(",")) if text != "none" else ()
    for name in names:
        if name not in KNOWN:
            raise argparse.ArgumentTypeError(f"no peer {name!r}; there are {', '.join(KNOWN)}")
    return names


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text!r}")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))


def _seconds(text: str) -> float:
    value = float(text)  # argparse names what is no number
    if not value > 0:
        raise argparse.ArgumentTypeError(f"must be above 0, got {text!r}")
    return value
