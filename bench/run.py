"""Measure: ``python -m fastconv bench``, or ``python -m bench`` in a checkout.

Each layer: arrays, contestants, answers checked, a race; one row of the results. ``plans`` races
plans against sessions of other libraries, in which weights are constants prepared ahead;
``functions`` races functions against functions, which keep nothing between calls.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import fastconv

from . import report
from .answers import truth
from .layer import Layer
from .layers import BATCHES, choose
from .machine import Peak, describe, load
from .peers import FUNCTIONS, SESSIONS, peers
from .protocol import race
from .standing import LAST, ONE, OURS

PEAK = "fma peak"
PEERS = {"plans": SESSIONS, "functions": FUNCTIONS}
Array = np.ndarray


@dataclass(frozen=True)
class Settings:
    """What a run measures, and how long."""

    set: str = "quick"
    mode: str = "plans"
    dtype: str = "float32"
    threads: int = 1
    batch: tuple[int, ...] | None = None
    only: str = ""
    peers: tuple[str, ...] | None = None
    turns: int = 5
    seconds: float = 0.03


def our_calls(layer: Layer, arrays: tuple[Array, ...], settings: Settings) -> dict[str, Any]:
    """fastconv, on all threads, on channels_last arrays, and on one thread."""
    x, w, b = arrays
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))

    def call(x: Array, threads: int, **more: Any) -> Callable[[], Array]:
        options = {**layer.options(), **more, "threads": threads}
        if settings.mode == "plans":
            plan = getattr(fastconv, layer.plan)(x.shape, w, b, **options)
            return lambda: plan(x)
        function = getattr(fastconv, layer.function)
        return lambda: function(x, w, b, **options)

    calls = {OURS: call(x, settings.threads)}
    calls[LAST] = call(last, settings.threads, data_format="channels_last")
    if settings.threads > 1:
        calls[ONE] = call(x, 1)
    return calls


def measure(layer: Layer, settings: Settings, peak: Peak) -> dict[str, Any]:
    """One row; raises AssertionError if one of our answers is wrong.

    A peer whose answer is beyond the bound is timed all the same, and named in "outside".
    """
    arrays = layer.arrays(settings.dtype)
    builders = PEERS[settings.mode]
    if settings.peers is not None:
        builders = {name: builders[name] for name in builders if name in settings.peers}
    ours, theirs = (
        our_calls(layer, arrays, settings),
        peers(builders, layer, arrays, settings.threads),
    )
    exact = truth(layer, arrays)
    l2: dict[str, float] = {}
    outside: dict[str, float] = {}
    for name, call in (ours | theirs.calls).items():
        answer = np.moveaxis(call(), -1, 1) if name == LAST else call()
        excess = exact.excess(answer)
        if name in ours and not excess <= 1:
            raise AssertionError(f"{layer.name}: {name} is {excess:.3g} times beyond the bound")
        l2[name] = float(f"{exact.l2(answer):.2g}") if np.isfinite(excess) else float("inf")
        if not excess <= 1:
            outside[name] = float(f"{excess:.3g}")
    del exact
    seconds = race(
        {**ours, **theirs.calls, PEAK: peak}, turns=settings.turns, seconds=settings.seconds
    )
    top = peak.flops / seconds.pop(PEAK) / 1e9
    return {
        **layer.facts(),
        "algorithm": algorithm(layer, arrays, settings),
        "peak_gflops": round(top, 1),
        "us": {name: float(f"{1e6 * value:.5g}") for name, value in seconds.items()},
        "l2": l2,
        "outside": outside,
        "skipped": theirs.skipped,
    }


def algorithm(layer: Layer, arrays: tuple[Array, ...], settings: Settings) -> str:
    """What a plan of this layer runs."""
    x, w, b = arrays
    build = getattr(fastconv, layer.plan)
    name: str = build(x.shape, w, b, threads=settings.threads, **layer.options()).algorithm
    return name


def run(settings: Settings, layers: Sequence[Layer]) -> dict[str, Any]:
    """Measure all layers; an interrupt ends the run and keeps the rows so far."""
    header = describe(settings.dtype, settings.threads)
    peak = Peak(settings.dtype, settings.threads)
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    try:
        for layer in progress(layers):
            try:
                rows.append(measure(layer, settings, peak))
            except AssertionError as error:
                failed.append(str(error))
    except KeyboardInterrupt:
        print(f"interrupted after {len(rows)} of {len(layers)} layers", file=sys.stderr)
    return {"settings": asdict(settings), **header, "failed": failed, "rows": rows}


def progress(layers: Sequence[Layer]) -> Iterator[Layer]:
    """The layers, with a bar on a terminal that has tqdm, else a line for each."""
    bar: Iterable[Layer] | None = None
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm

            bar = tqdm(layers, unit="layer", dynamic_ncols=True)
        except ImportError:
            pass
    for i, layer in enumerate(bar if bar is not None else layers):
        title = f"{layer.family}: {layer.name}" + (f", N = {layer.n}" if layer.n > 1 else "")
        if bar is not None:
            bar.set_description(title)  # type: ignore[attr-defined]
        else:
            print(f"[{i + 1}/{len(layers)}] {title}", file=sys.stderr, flush=True)
        yield layer


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m fastconv bench", description=__doc__.split("\n")[0])
    p.add_argument("--set", choices=list(BATCHES), default="quick",
                   help="quick: 30 layers, minutes; core: 62 layers, N = 1 and 16; "
                   "all: 214 published layers (default: %(default)s)")  # fmt: skip
    p.add_argument("--mode", choices=list(PEERS), default="plans",
                   help="what races what (default: %(default)s)")  # fmt: skip
    p.add_argument("-k", dest="only", default="", metavar="WORDS",
                   help="only layers whose family or name holds one of these words")  # fmt: skip
    p.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    p.add_argument("--threads", type=_count, default=fastconv.get_num_threads(),
                   help="threads of every contestant (default: %(default)s)")  # fmt: skip
    p.add_argument("--batch", type=_counts, metavar="N,...", help="images per call")
    p.add_argument("--isa", choices=fastconv.supported_isas(), help="fastconv's instruction set; "
                   "peers keep theirs")  # fmt: skip
    p.add_argument("--peers", type=_peers, metavar="NAME,...",
                   help=f"some of {', '.join(SESSIONS)}, or none (default: all)")  # fmt: skip
    p.add_argument("--turns", type=_count, default=5, help="bursts a contestant (default: 5)")
    p.add_argument("--out", metavar="FILE", help="where results go (JSON); else a name is made")
    p.add_argument("--pictures", metavar="FOLDER", help="where pictures go, if matplotlib is there")
    return p


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; the table goes to standard output."""
    chosen = parser().parse_args(arguments)
    if chosen.isa:
        fastconv.set_isa(chosen.isa)
    names = [field for field in Settings.__dataclass_fields__ if hasattr(chosen, field)]
    settings = Settings(**{name: getattr(chosen, name) for name in names})
    layers = choose(settings.set, settings.batch, settings.only)
    if not layers:
        print(f"no layer of {settings.set} matches {settings.only!r}", file=sys.stderr)
        return 1
    if load() > 0.5:
        print(f"note: other programs are busy here (load {load():.1f})", file=sys.stderr)
    done = run(settings, layers)
    if done["rows"]:
        report.publish(done, chosen.out, chosen.pictures)
    for line in done["failed"]:
        print(f"WRONG ANSWER: {line}", file=sys.stderr)
    return 1 if done["failed"] else 0


def _peers(text: str) -> tuple[str, ...]:
    names = tuple(text.split(",")) if text != "none" else ()
    for name in names:
        if name not in SESSIONS:
            raise argparse.ArgumentTypeError(f"no peer {name!r}; there are {', '.join(SESSIONS)}")
    return names


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {text!r}")
    return int(text)


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))
