"""Measure pools: ``python -m bench.pools``; the protocol is that of the other layers.

Each row: arrays, contestants, answers checked against NumPy, a race. A copy of as many bytes as the
pool reads and writes takes part in it, on as many threads: what no pool of these bytes can beat
where they leave the caches.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

import fastconv
from fastconv import grad

from . import results, table
from .machine import describe, load
from .peers.common import Skip
from .peers.pools import BUILDERS
from .pool_rows import FORWARD, GRADIENT, PLACES, POOLS, Pool
from .protocol import race
from .standing import OURS, TIE

COPY = "copy"
Array = np.ndarray


def truth(pool: Pool, x: Array) -> tuple[Array, Array]:
    """Values in float64 and, of a max pool, places in the plane; by windows, in NumPy."""
    along = [pool.windows(axis) for axis in range(pool.rank)]
    rows, columns = along if pool.rank == 2 else ([range(1)], along[0])
    planes = x.reshape(*x.shape[:2], -1, x.shape[-1]).astype(np.float64)
    y = np.empty((*x.shape[:2], len(rows), len(columns)))
    at = np.empty(y.shape, np.int64)
    width = planes.shape[-1]
    for i, h in enumerate(rows):
        for j, w in enumerate(columns):
            window = planes[:, :, h.start : h.stop, w.start : w.stop].reshape(*x.shape[:2], -1)
            if pool.kind == "max":
                best = window.argmax(-1)
                y[:, :, i, j] = np.take_along_axis(window, best[..., None], -1)[..., 0]
                at[:, :, i, j] = (h.start + best // len(w)) * width + w.start + best % len(w)
            else:
                count = len(h) * len(w) if pool.adaptive else pool.kernel**pool.rank
                y[:, :, i, j] = window.sum(-1) / count
    shape = (*x.shape[:2], *(len(windows) for windows in along))
    return y.reshape(shape), at.reshape(shape)


def true_gradient(pool: Pool, dy: Array, at: Array) -> Array:
    """The gradient in float64."""
    dx = np.zeros(pool.shape)
    if pool.kind == "max":
        flat = dx.reshape(pool.channels, -1)
        channel = np.arange(pool.channels)[:, None]
        np.add.at(flat, (channel, at.reshape(pool.channels, -1)), dy.reshape(pool.channels, -1))
        return dx
    for i, h in enumerate(pool.windows(0)):
        for j, w in enumerate(pool.windows(1)):
            count = len(h) * len(w) if pool.adaptive else pool.kernel**2
            dx[:, :, h.start : h.stop, w.start : w.stop] += dy[:, :, i, j, None, None] / count
    return dx


def our_call(pool: Pool, arrays: dict[str, Array], threads: int) -> Callable[[], Any]:
    """fastconv's function; results in channels_first order all the same."""
    n, adaptive = pool.rank, pool.adaptive
    options: dict[str, Any] = {"threads": threads}
    given = arrays
    if pool.last:
        options["data_format"] = "channels_last"
        given = {name: np.ascontiguousarray(np.moveaxis(a, 1, -1)) for name, a in arrays.items()}
    x = given["x"]
    window = (pool.kernel, pool.stride, pool.pad)
    if pool.what == GRADIENT:
        dy = given["dy"]
        if pool.kind == "max":
            at = given["at"]
            return lambda: grad.max_pool2d_input(dy, at, x.shape, **options)
        if adaptive:
            return lambda: grad.adaptive_avg_pool2d_input(dy, x.shape, **options)
        return lambda: grad.avg_pool2d_input(dy, x.shape, *window, **options)
    if adaptive == 1:
        whole = getattr(fastconv, f"global_{pool.kind}_pool{n}d")
        return lambda: whole(x, **options)
    if adaptive:
        function = getattr(fastconv, f"adaptive_{pool.kind}_pool{n}d")
        return lambda: function(x, adaptive, **options)
    if pool.what != FORWARD:
        options["return_indices"] = True
    function = getattr(fastconv, f"{pool.kind}_pool{n}d")
    return lambda: function(x, *window, **options)


def copying(size: int, threads: int, pool: ThreadPoolExecutor) -> Callable[[], None]:
    """A copy that reads and writes `size` bytes together, pages warm."""
    source, target = np.ones(size // 2, np.uint8), np.ones(size // 2, np.uint8)
    if threads == 1 or size < 1 << 20:
        return lambda: np.copyto(target, source)
    pairs = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))

    def call() -> None:
        for done in [pool.submit(np.copyto, to, part) for to, part in pairs]:
            done.result()

    return call


def check(pool: Pool, name: str, got: Any, want: list[Array]) -> None:
    """AssertionError unless the answer is right: exact maxima and places, sums to rounding."""
    parts = got if isinstance(got, tuple) else (got,)
    for part, right in zip(parts, want, strict=True):
        if pool.last and part.shape != right.shape:
            part = np.moveaxis(part, -1, 1)
        tolerance = 0 if pool.kind == "max" and pool.what != GRADIENT else 1e-5
        close = np.allclose(part, right, rtol=tolerance, atol=tolerance)
        assert close, f"{pool.title}, {pool.what}: {name}"


def prepare(pool: Pool) -> tuple[dict[str, Array], list[Array], int]:
    """The arguments by name, the right results, and the bytes that must be moved."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(pool.shape).astype(np.float32)
    y, at = truth(pool, x)
    if pool.what != GRADIENT:
        places = [at] if pool.what == PLACES else []
        return {"x": x}, [y, *places], x.nbytes + 4 * y.size + sum(a.nbytes for a in places)
    arrays = {"x": x, "dy": rng.standard_normal(y.shape).astype(np.float32)}
    if pool.kind == "max":
        arrays["at"] = at
    return arrays, [true_gradient(pool, arrays["dy"], at)], sum(a.nbytes for a in arrays.values())


def measure(pool: Pool, threads: int, turns: int, seconds: float) -> dict[str, Any]:
    """One row; AssertionError where any contestant is wrong."""
    arrays, want, moved = prepare(pool)
    calls: dict[str, Callable[[], Any]] = {OURS: our_call(pool, arrays, threads)}
    skipped = {}
    for name, build in BUILDERS.items():
        try:
            calls |= build(pool, arrays, threads)
        except (ImportError, Skip) as reason:
            skipped[name] = "not installed" if isinstance(reason, ImportError) else str(reason)
    for name, call in calls.items():
        check(pool, name, call(), want)
    with ThreadPoolExecutor(threads) as workers:
        calls[COPY] = copying(moved, threads, workers)
        times = race(calls, turns=turns, seconds=seconds)
    us = {name: float(f"{1e6 * value:.5g}") for name, value in times.items()}
    return {**asdict(pool), "elements": prod(pool.shape), "bytes": moved, "us": us,
            "skipped": skipped}  # fmt: skip


def ratio(row: dict[str, Any]) -> float | None:
    """The best peer's time over fastconv's."""
    peers = [us for name, us in row["us"].items() if name not in (OURS, COPY)]
    return min(peers) / row["us"][OURS] if peers else None


def report(run: dict[str, Any]) -> str:
    """A run as Markdown."""
    kinds: dict[str, list[float]] = {}
    lines = []
    for row in run["rows"]:
        us, by = row["us"], ratio(row)
        if by is not None:
            kinds.setdefault(row["what"], []).append(by)
        names = ("onnxruntime", "torch", "torch channels_last")
        peers = [table.micro(us[name]) if name in us else "" for name in names]
        lines.append([row["family"], f"{row['kind']} {row['name']}", table.micro(us[OURS]), *peers,
                      f"{by:.2f}" if by else "", f"{row['bytes'] / us[OURS] / 1e3:.1f}",
                      f"{us[COPY] / us[OURS]:.0%}"])  # fmt: skip
    means = [[what, str(len(r)), f"{np.exp(np.mean(np.log(r))):.2f}", f"{min(r):.2f}",
              str(sum(value < TIE for value in r))] for what, r in kinds.items()]  # fmt: skip
    columns = ["family", "pool", "fastconv", "onnxruntime", "torch", "torch channels_last",
               "ratio", "GB/s", "of a copy"]  # fmt: skip
    summary = ["what", "rows", "geometric mean", "least", "behind"]
    return "\n\n".join([
        "## Pools", table.about(run), table.markdown(summary, means),
        "Microseconds a call. Ratio: the fastest peer's time over fastconv's. GB/s: bytes of the "
        "input and of the results. Of a copy: the time of copying as many bytes over fastconv's.",
        table.markdown(columns, lines, left=2)]) + "\n"  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m bench.pools", description=__doc__.split("\n")[0])
    p.add_argument("-k", dest="only", default="", help="only pools whose family or name holds this")
    p.add_argument("--threads", type=int, default=fastconv.get_num_threads())
    p.add_argument("--turns", type=int, default=5, help="bursts a contestant (default: 5)")
    p.add_argument("--seconds", type=float, default=0.03, help="of a burst (default: 0.03)")
    p.add_argument("--out", type=Path, help="where results go (JSON), and a .md beside them")
    chosen = p.parse_args(arguments)
    settings = {"mode": "functions", "set": "pools", "dtype": "float32", "batch": None,
                "only": chosen.only, "peers": None, "threads": chosen.threads}  # fmt: skip
    if load() > 0.5:
        print(f"note: other programs are busy here (load {load():.1f})", file=sys.stderr)
    run: dict[str, Any] = {"settings": settings, **describe("float32", chosen.threads), "rows": []}
    failed = []
    for pool in POOLS:
        if chosen.only not in f"{pool.family}: {pool.title}":
            continue
        print(f"{pool.family}: {pool.title}", file=sys.stderr, flush=True)
        try:
            run["rows"].append(measure(pool, chosen.threads, chosen.turns, chosen.seconds))
        except AssertionError as error:
            failed.append(str(error))
    path = chosen.out or results.FOLDER / "pools" / results.default_path(run).name
    results.save(run | {"failed": failed}, path)
    text = report(run)
    path.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)
    for line in failed:
        print(f"WRONG ANSWER: {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
