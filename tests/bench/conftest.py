"""A run of the suite as it would be stored, with numbers made up, and a race that times nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from bench.items.layers import CORE
from bench.race import contest
from bench.race.machine import Peak


@pytest.fixture
def quick(monkeypatch) -> contest.Settings:
    """Settings of a run that times nothing: every contestant takes a millisecond."""
    monkeypatch.setattr(contest, "race", lambda calls, **_: dict.fromkeys(calls, 1e-3))
    return contest.Settings(mode="gradients", threads=2)


@pytest.fixture(scope="session")
def peak() -> Peak:
    return Peak("float32", 1)


@pytest.fixture(scope="session")
def stored_run() -> Callable[..., dict[str, Any]]:
    """A function that makes a stored run with some settings of its own."""
    return make_run


def make_run(**settings: Any) -> dict[str, Any]:
    """Three rows: a win by Winograd, a loss, and one without a peer."""
    by_name = {layer.name: layer for layer in CORE}
    win = row(by_name["64@56 -> 64 3x3 p1"], "winograd", 400, {"ncnn": 600.0, "mnn": 300.0})
    win["outside"] = {"mnn": 7.5}
    loss = row(by_name["512@28 -> 128 1x1"], "im2col", 400, {"ncnn": 300.0})
    alone = row(by_name["144@56 -> 144 3x3 p1 g144"], "depthwise", 100, {})
    alone["skipped"] = {"ncnn": "not installed"}
    defaults = {"set": "core", "mode": "plans", "dtype": "float32", "threads": 2, "batch": None,
                "only": "", "peers": None, "turns": 5, "seconds": 0.03}  # fmt: skip
    return {
        "format": 1,
        "settings": defaults | settings,
        "date": "2026-11-22 07:00",
        "cpu": "A CPU (family 6, model 1)",
        "cpus": 2,
        "isa": "avx2",
        "commit": "0123456",
        "versions": {"fastconv": "0.1.0", "numpy": "2.4.6", "ncnn": "1.0"},
        "peak_gflops": {"1": 180.0, "2": 350.0},
        "copy_gbs": {"1": 10.0, "2": 20.0},
        "failed": [],
        "rows": [win, loss, alone],
    }


def row(layer: Any, algorithm: str, us: float, peers: dict[str, float]) -> dict[str, Any]:
    """One row in which a single thread takes 1.9 times as long."""
    ours = {"fastconv": us, "fastconv channels_last": 1.05 * us, "fastconv 1 thread": 1.9 * us}
    facts = {k: list(v) if isinstance(v, tuple) else v for k, v in layer.facts().items()}
    more = {"algorithm": algorithm, "peak_gflops": 340.0, "us": ours | peers}
    return facts | more | {"l2": {}, "outside": {}, "skipped": {}}
