"""Convolution, forward: functions against PyTorch's, and plans, on layers of published networks.

Run ``pytest bench/bench_conv.py``; with ``-k 1x1`` for one family, ``--threads 1``, ``--batch 16``
or ``--dtype float64`` for another setting. PyTorch is a peer if it is installed.
"""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from bench.layers import CORE, Layer
from bench.peers import FUNCTIONS, SESSIONS, peers
from bench.protocol import check, race


def make_plan(layer: Layer, x, w, b, threads):
    kind = ("ConvTranspose" if layer.transposed else "Conv") + f"{layer.rank}dPlan"
    return getattr(fastconv, kind)(x.shape, w, b, threads=threads, **layer.options())


@pytest.mark.parametrize("layer", CORE, ids=lambda layer: f"{layer.family}: {layer.name}")
def test_forward(layer, benchmark, rows, request):
    threads = request.config.getoption("--threads")
    layer = layer.batch(request.config.getoption("--batch"))
    arrays = x, w, b = layer.arrays(np.dtype(request.config.getoption("--dtype")))
    function = getattr(fastconv, layer.function)
    plan = make_plan(layer, x, w, b, threads)
    ours = {
        "function": lambda: function(x, w, b, threads=threads, **layer.options()),
        "plan": lambda: plan(x),
    }
    theirs = peers(FUNCTIONS, layer, arrays, threads).calls
    sessions = peers(SESSIONS, layer, arrays, threads).calls
    theirs |= {f"{name} session": sessions[name] for name in sessions if "torch" not in name}
    depth = int(np.prod(layer.kernel)) * layer.c_in // layer.groups
    for call in (ours["plan"], *theirs.values()):
        check(call(), ours["function"](), depth=depth)

    seconds = race({**ours, **theirs})
    row = {"family": layer.family, "layer": layer.name}
    row["us"] = {name: 1e6 * value for name, value in seconds.items()}
    if "torch" in seconds:
        row["ratio"] = seconds["torch"] / seconds["function"]
    rows.append(row)
    benchmark.extra_info |= row | {
        "gflops": plan.flops / seconds["plan"] / 1e9,
        "algorithm": plan.algorithm,
        "config": fastconv.show_config(mode="dicts"),
        "threads": threads,
    }
    benchmark.pedantic(ours["function"], rounds=5, warmup_rounds=1)
