"""A network that runs: its plans, its memory, and the calls in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import fastconv

from . import calls, shapes
from .graph import Array, Graph
from .join import steps
from .memory import VIEWS, Memory


@dataclass(frozen=True)
class Call:
    """A call of the network; `given` if it takes the network's input."""

    kind: str
    run: Callable[..., Any]
    given: bool = False
    plan: fastconv.Conv2dPlan | None = None

    def bound(self, x: Array) -> Callable[[], Any]:
        """The call on an input of the network."""
        return partial(self.run, x) if self.given else self.run


class Network:
    """A graph on plans. One call at a time: what is between the layers lies in its memory."""

    def __init__(self, graph: Graph, threads: int) -> None:
        todo = steps(graph)
        known = shapes.infer(todo, graph.input, graph.shape)
        memory = Memory(todo, known, graph.outputs)
        arrays: dict[str, Any] = memory.arrays() | {graph.input: None}
        self.memory_bytes = memory.block
        self.results = [arrays[name] for name in graph.outputs]
        self.calls: list[Call] = []
        for step in todo:
            if step.kind in VIEWS and step.output not in memory.copied:
                continue
            given, out = [arrays[name] for name in step.inputs], arrays[step.output]
            if step.kind == "conv":
                plan = calls.plan(step, known[step.inputs[0]], threads)
                run = calls.convolution(plan, given, out)
                self.calls.append(Call("conv", run, given[0] is None, plan))
            elif step.kind == "input":
                self.calls.append(Call("input", partial(np.copyto, out), True))
            elif (run := calls.of(step, given, out, threads)) is not None:
                self.calls.append(Call(step.kind, run))

    @property
    def flops(self) -> int:
        """Of the convolutions and dense layers, as plain sums."""
        return sum(call.plan.flops for call in self.calls if call.plan)

    def __call__(self, x: Array) -> list[Array]:
        """The outputs, in arrays of their own."""
        for call in self.calls:
            if call.given:
                call.run(x)
            else:
                call.run()
        return [result.copy() for result in self.results]

    def profile(self, x: Array) -> list[float]:
        """Seconds of each call in one run of all."""
        found = []
        for call in self.calls:
            run = call.bound(x)
            start = time.perf_counter()
            run()
            found.append(time.perf_counter() - start)
        return found
