"""Outputs of the layers of networks that the benchmark measures."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.items.layer import Layer
from bench.items.layers import CORE, LIGHT, QUICK

import fastconv
from bits.convolutions import algorithms, arrays, forward, gradient, last, plan
from bits.output import Output
from cases import Case

# Operations of a layer, at most, for what takes part in it. The largest layers would take minutes
# on the scalar ISA, and with algorithms that were never meant for them.
ON_SCALAR = 1e9  # also of gradients all at once, and of channels last
FORCED = 0.3e9
FORCED_ON_SCALAR = 0.05e9
BATCHED = 0.25e9
BATCHED_ON_SCALAR = 0.05e9
ON_ONE_THREAD = 0.03e9
BATCH = 4


def network_layers(dtype: str) -> Iterator[Output]:
    """The core layers and the light ones; a part of them with a batch of images."""
    scalar = fastconv.isa() == "scalar"
    for layer in (*CORE, *LIGHT):
        if not scalar or layer.flops <= ON_SCALAR:
            yield from outputs(layer, dtype, FORCED_ON_SCALAR if scalar else FORCED)
    for layer in (*QUICK, *LIGHT):
        if layer.flops <= (BATCHED_ON_SCALAR if scalar else BATCHED):
            yield from outputs(layer.batch(BATCH), dtype, 0)


def outputs(layer: Layer, dtype: str, forced: float) -> Iterator[Output]:
    """What `auto` gives in all ways to call it; beside it each other algorithm."""
    case = case_of(layer)
    batch = f" n{layer.n}" if layer.n > 1 else ""
    kind = "convT " if layer.transposed else ""
    name = f"layer {kind}{layer.name.replace(' ->', '')}{batch}"
    floats, _ = arrays(case, dtype)
    calls = {"auto plan": partial(plan, case, floats, "auto"),
             "auto dX": partial(gradient, case, floats, "dX"),
             "auto dW": partial(gradient, case, floats, "dW")}  # fmt: skip
    if layer.n == 1:
        calls["auto forward"] = partial(forward, case, floats, "auto")
    if layer.n == 1 and layer.flops <= ON_SCALAR:
        calls["auto all"] = partial(gradient, case, floats, "all")
        calls["auto last"] = partial(last, case, floats)
    if layer.flops <= forced:
        for algorithm in algorithms(case, dtype):
            calls.setdefault(f"{algorithm} plan", partial(plan, case, floats, algorithm))
    for what, call in calls.items():
        yield Output(f"{name} {what}", call, cheap=layer.flops <= ON_ONE_THREAD)


def case_of(layer: Layer) -> Case:
    """The layer as the tests write it."""
    options: dict[str, Any] = layer.options()
    shape = (layer.n, layer.c_in, *layer.size)
    return Case(layer.name, shape, layer.weight_shape, options, layer.transposed)
