"""Whole networks: plans, joined and run in order, against sessions of the same graph.

Bursts are longer than those of single layers, and the median counts: a network calls each of its
layers once, so what is cold is cold for everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..items.networks import BATCHES, NETWORKS, Network
from ..items.words import named
from ..network import executor
from ..network.graph import read
from ..peers import networks
from ..race.contest import ONE, OURS, Row, Settings, contest, invite
from ..race.machine import Peak
from ..race.protocol import burst, settle

ALLOWED = 1e-5
"""The error of a network's outputs in the L2 norm, relative to what its softmax reads: many times
what was seen of any contestant (3e-6), and far below what one wrong layer makes."""
LONGER = 5
"""A network's burst takes so many times that of a single layer."""
Arrays = tuple[np.ndarray, Any]


def choose(settings: Settings) -> list[Network]:
    """The networks, in float32 as they are."""
    if settings.dtype != "float32":
        return []
    batches = settings.batch or BATCHES[settings.set]
    return [replace(x, n=n) for n in batches for x in named(NETWORKS, settings.only)]


def prepare(item: Network, settings: Settings) -> Arrays:
    """Images, and the network as an ONNX model."""
    model = item.model()
    graph = read(model)
    return np.random.default_rng(3).standard_normal(graph.shape, np.float32), model


def our_calls(item: Network, arrays: Arrays, settings: Settings) -> dict[str, Any]:
    """The network on fastconv's plans, on all threads and on one."""

    def call(threads: int) -> Callable[[], list[np.ndarray]]:
        x, model = arrays
        network = executor.Network(read(model), threads)
        return lambda: network(x)

    calls = {OURS: call(settings.threads)}
    if settings.threads > 1:
        calls[ONE] = call(1)
    return calls


def measure(item: Network, settings: Settings, peak: Peak) -> Row:
    """One row; raises AssertionError if our answer is wrong.

    The truth is ONNX Runtime's answer; ImportError if that is not installed.
    """
    arrays = prepare(item, settings)
    right = networks.answer(arrays)
    size = np.linalg.norm(right[-1])
    inside = within(arrays, settings)  # first: a network may take gigabytes

    def judge(_: str, call: Callable[[], list[np.ndarray]]) -> tuple[float, float]:
        pairs = list(zip(call(), right, strict=True))
        if any(got.size != value.size for got, value in pairs):
            return np.inf, np.inf
        error = max(np.linalg.norm(got.ravel() - value.ravel()) / size for got, value in pairs)
        return float(error / ALLOWED), float(error)

    ours = our_calls(item, arrays, settings)
    theirs = invite(networks.BUILDERS, item, arrays, settings)
    longer = replace(settings, seconds=LONGER * settings.seconds)
    name = f"{item.name}, N = {item.n}"
    found = contest(name, ours, theirs, judge, longer, peak, quantile=0.5)
    facts: Row = {"family": item.family, "layer": item.name, "n": item.n, "kind": "networks"}
    return facts | inside | found


def within(arrays: Arrays, settings: Settings) -> Row:
    """Where the time of our network goes, in microseconds: by kind of step, medians of some runs;
    and what its plans take when each is called in a loop of its own.
    """
    x, model = arrays
    network = executor.Network(read(model), settings.threads)
    network(x)
    settle()
    times = np.median([network.profile(x) for _ in range(2 * settings.turns + 1)], axis=0)
    parts: dict[str, float] = {}
    alone = 0.0
    for call, seconds in zip(network.calls, times, strict=True):
        parts[call.kind] = parts.get(call.kind, 0) + 1e6 * seconds
        if call.plan:
            alone += float(np.median(burst(call.bound(x), settings.seconds / 3)))
    return {
        "flops": network.flops,
        "parts": {kind: round(us, 1) for kind, us in parts.items()},
        "alone": round(1e6 * alone, 1),
    }
