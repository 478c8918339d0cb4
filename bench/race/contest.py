"""What every mode shares: the settings of a run, and a row: answers first, then the race."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..peers import Build, Peers, peers
from .machine import Peak
from .protocol import Calls, race

OURS, LAST, ONE = "fastconv", "fastconv channels_last", "fastconv 1 thread"
THREE, PLAN = "fastconv three calls", "fastconv plan"
"""Our contestants. All their names begin with OURS; every other contestant is a peer."""
FORWARD, COPY, PEAK = "fastconv forward", "copy", "fma peak"
"""Limits, which are timed beside the contestants: our forward call, a copy of as many bytes, and
the loop of fused multiplications and additions."""
Row = dict[str, Any]
Judge = Callable[[str, Callable[[], Any]], tuple[float, float]]
"""From a contestant's name and call to its error: times what is allowed, and in the L2 norm."""


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
    seed: int = 0


def invite(builders: Mapping[str, Build], item: Any, arrays: Any, settings: Settings) -> Peers:
    """The peers that the settings name."""
    wanted = {
        name: build
        for name, build in builders.items()
        if settings.peers is None or name in settings.peers
    }
    return peers(wanted, item, arrays, settings.threads)


def contest(
    name: str,
    ours: Calls,
    theirs: Peers,
    judge: Judge,
    settings: Settings,
    peak: Peak,
    limits: Calls | None = None,
    quantile: float = 0.25,
) -> Row:
    """What a row says of its contestants; `limits` are timed beside them, and not judged.

    The time that counts is a quantile of the calls, the lower quartile unless told otherwise.

    Raises AssertionError if one of our answers is wrong. A peer whose answer is beyond the bound is
    timed all the same, and named in "outside".
    """
    l2: dict[str, float] = {}
    outside: dict[str, float] = {}
    for who, call in (dict(ours) | theirs.calls).items():
        excess, error = judge(who, call)
        if who in ours and not excess <= 1:
            raise AssertionError(f"{name}: {who} is {excess:.3g} times beyond the bound")
        l2[who] = float(f"{error:.2g}") if np.isfinite(excess) else float("inf")
        if not excess <= 1:
            outside[who] = float(f"{excess:.3g}")
    beside: Calls = {PEAK: peak, **(limits or {})}
    seconds = race({**ours, **theirs.calls, **beside}, turns=settings.turns,
                   seconds=settings.seconds, quantile=quantile)  # fmt: skip
    us = {who: float(f"{1e6 * value:.5g}") for who, value in seconds.items()}
    return {
        "peak_gflops": round(peak.flops / seconds[PEAK] / 1e9, 1),
        "us": {who: us[who] for who in us if who not in beside},
        "limits": {who: us[who] for who in limits or {}},
        "l2": l2,
        "outside": outside,
        "skipped": theirs.skipped,
    }
