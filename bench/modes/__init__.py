"""The table of modes. A mode is a module that chooses items and measures a row of each.

``choose(settings)`` lists items with family, name and n; ``prepare(item, settings)`` makes their
arrays, ``our_calls(item, arrays, settings)`` fastconv's contestants by name, and
``measure(item, settings, peak)`` a row of the results. A new mode is such a module and a line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import (
    choices,
    cliffs,
    cores,
    depthwise,
    filters,
    forward,
    gradients,
    networks,
    pools,
    program,
    signals,
    small,
    steps,
)


@dataclass(frozen=True)
class Mode:
    """A module with the four functions, and what its rows compare, in words.

    The items of a mode that is `drawn` are drawn from a seed, as many as there is time for: its
    seconds are those of the run, and it takes one thread unless told otherwise.
    """

    module: Any
    compares: str
    drawn: bool = False


MODES = {
    "plans": Mode(forward, "plans against sessions with prepared weights"),
    "functions": Mode(forward, "functions, nothing kept between calls"),
    "gradients": Mode(gradients, "gradients, nothing kept between calls"),
    "depthwise": Mode(depthwise, "depthwise layers and small groups: plans forward, and gradients"),
    "pools": Mode(pools, "pools forward, with indices, and their gradients"),
    "filters": Mode(filters, "filters of images and signals by SciPy's names"),
    "small": Mode(small, "small calls"),
    "signals": Mode(signals, "long kernels: signals, layers, images, and their gradients"),
    "steps": Mode(steps, "training steps"),
    "networks": Mode(networks, "whole networks on plans against sessions of the same graph"),
    "program": Mode(program, "calls as programs make them, each library in a process of its own"),
    "cores": Mode(cores, "layers on 1 to 64 cores, on paper: cycles counted, no machine timed"),
    "cliffs": Mode(cliffs, "random shapes, to find those that are slow", drawn=True),
    "choices": Mode(choices, "what plans choose against what else looked cheap", drawn=True),
}
"""By the name that ``--mode`` takes, in the order in which pages show them."""
