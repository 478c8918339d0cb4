"""What gradients, light operations, small calls, training steps, networks and programs aim at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from ..race.contest import COPY
from .standing import TIE, Standing, standings

Run = dict[str, Any]
Aim = Callable[[Standing], float]
Measure = Callable[[Standing], float | None]


@dataclass(frozen=True)
class Goal:
    """What is measured of which rows, the least that each of them aims at, and their mean."""

    name: str
    aim: Aim
    rows: list[Standing]
    measure: Measure
    mean: float | None = None


def gradients(run: Run) -> list[Goal]:
    """Of dense layers; the others are in the depthwise mode."""
    dense = [x for x in standings(run) if x.dense]
    parts = [x for x in dense if x.what in ("dX", "dW")]
    if run["settings"]["dtype"] == "float64":
        return [Goal("float64 over the best peer", _at_least(0), parts, _ratio, 2.5)]
    goals = [
        Goal(f"{what} over the best peer", _at_least(1), _of(parts, what), _ratio, 1.5)
        for what in ("dX", "dW")
    ]
    wide = [x for x in _of(dense, "dW") if min(x.row["c_in"], x.row["c_out"]) >= 64]
    large = [x for x in wide if x.row["pixels"] >= 784]
    last = [x for x in wide if x.row["n"] == 1 and x.row["size"] == [7, 7]]
    three, small = _of(dense, "all"), 20e6
    return [
        *goals,
        Goal("dX over our own forward, stride 1", _at_least(0.9), _of(dense, "dX"),
             lambda x: x.forward),
        Goal("dW of the FMA peak, 64 channels, 784 pixels", _at_least(0.88), large, _share),
        Goal("dW of the FMA peak, 64 channels, one image of 7x7", _at_least(0.55), last, _share),
        Goal("few channels, one image of 7x7, one-channel signals", _at_least(3),
             [x for x in parts if _soft(x)], _ratio),
        Goal("one call against one for each, ties allowed", _at_least(TIE),
             [x for x in three if x.row["flops"] / 2 >= small], lambda x: x.three),
        Goal("the same below 20 MFLOP", _at_least(1 / 0.9),
             [x for x in three if x.row["flops"] / 2 < small], lambda x: x.three),
    ]  # fmt: skip


def depthwise(run: Run) -> list[Goal]:
    """Depthwise layers and small groups."""
    rows = standings(run)
    forward = _of(rows, "forward")
    caches = run["cache_bytes"][1] * run["settings"]["threads"]
    return [
        Goal("forward over the best peer", _at_least(1), forward, _ratio, 1.5),
        Goal("gradients over the best peer", _at_least(1.2),
             [x for x in rows if x.what != "forward"], _ratio, 3),
        Goal("of a copy, beyond L2", _at_least(0.8),
             [x for x in forward if x.row["bytes"] > caches and _light(x)], lambda x: x.copy),
    ]  # fmt: skip


def small(run: Run) -> list[Goal]:
    """Microseconds of a call: the goal over what was measured."""
    rows = standings(run)
    wanted = {
        ("8@8 -> 8 3x3 p1", "function"): 2.0,
        ("8@8 -> 8 3x3 p1", "plan with out="): 1.0,
        ("16@8 -> 16 3x3 p1", "function"): 3.5,
        ("16@8 -> 16 3x3 p1", "plan with out="): 2.2,
    }

    def speed(x: Standing) -> float | None:
        us = wanted.get((x.row["layer"], x.what))
        return us / x.us if us else None

    return [
        Goal("3x3 on 8x8, the goal's time over ours", _at_least(1), rows, speed),
        Goal("over the best peer", _at_least(1), rows, _ratio, 2),
    ]


def steps(run: Run) -> list[Goal]:
    """Training steps."""
    demo = [x for x in standings(run) if x.row["layer"] == "demo"]
    stacks = [x for x in standings(run) if x.row["layer"] != "demo"]
    return [
        Goal("the demo's step over PyTorch's", _at_least(1.5), demo, _ratio),
        Goal("a stack's step over PyTorch's", _at_least(1.3), stacks, _ratio),
    ]


def networks(run: Run) -> list[Goal]:
    """Whole networks; a batch gains less, since each weight is read once for all images."""
    rows = standings(run)
    batches = sorted({x.row["n"] for x in rows})
    return [
        Goal(f"over ONNX Runtime, N = {n}", _at_least(1), [x for x in rows if x.row["n"] == n],
             lambda x: x.over("onnxruntime"), 1.4 if n == 1 else 1.3)
        for n in batches
    ]  # fmt: skip


def program(run: Run) -> list[Goal]:
    """Calls as programs make them: against peers, and all threads against one."""
    rows = standings(run)
    # Where other work of the same process, or another one, may hold a core.
    shared = ("a @ b", "busy", "threads of Python")
    alone = [x for x in rows if not any(word in x.row["layer"] for word in shared)]
    return [
        Goal("over the best peer", _at_least(1), rows, _ratio, 1.3),
        Goal("all threads against one", _at_least(1 / 1.05), rows, lambda x: x.speedup),
        Goal("all threads against one, cores free", _at_least(1 / 0.6), alone,
             lambda x: x.speedup),
    ]  # fmt: skip


def signals(run: Run) -> list[Goal]:
    """Long kernels: each row has a goal of its own; gradients are held to the forward call, too."""
    rows = standings(run)
    forward = [x for x in rows if not x.what]
    backward = [x for x in rows if x.what]
    return [
        Goal("over the best peer", lambda x: float(x.row["goal"]), forward, _ratio),
        Goal("gradients over the best peer", lambda x: float(x.row["goal"]), backward, _ratio),
        Goal("gradients, our forward call's time over theirs", _at_least(1 / 2.5), backward,
             lambda x: x.forward),
    ]  # fmt: skip


def _at_least(value: float) -> Aim:
    return lambda _: value


def _of(rows: list[Standing], what: str) -> list[Standing]:
    return [x for x in rows if x.what == what]


def _ratio(x: Standing) -> float | None:
    return x.ratio


def _share(x: Standing) -> float | None:
    return x.share


def _light(x: Standing) -> bool:
    """Whether a copy takes longer than the operations at the FMA peak."""
    copy = float(x.row["limits"][COPY])
    return float(x.row["flops"]) / 1e3 / float(x.row["peak_gflops"]) < copy


def _soft(x: Standing) -> bool:
    """Where peers are weakest: few channels, a single image of 7x7, signals of one channel."""
    row = x.row
    if row["n"] == 1 and prod(row["size"]) == 49:
        return True
    return bool(row["c_in"] == 1 if len(row["size"]) == 1 else row["c_in"] <= 3)


def filters(run: Run) -> list[Goal]:
    """Of images over SciPy and over OpenCV; of signals, small calls and templates over the best."""
    rows = standings(run)
    one = run["settings"]["threads"] == 1
    kinds = {kind: [x for x in rows if x.row["kind"] == kind] for kind in (
        "images", "images, uint8", "signals", "small", "templates")}  # fmt: skip
    floats, integers = kinds["images"], kinds["images, uint8"]
    extremes = [x for x in floats if x.row["layer"].startswith("maximum")]
    sums = [x for x in floats if x not in extremes]
    over_scipy, over_opencv = (lambda x: x.over("scipy")), (lambda x: x.over("opencv"))
    return [
        Goal("sums of float images over SciPy", _at_least(10 if one else 15), sums, over_scipy,
             20 if one else 30),
        Goal("extremes of float images over SciPy", _at_least(5 if one else 9), extremes,
             over_scipy),
        Goal("images of bytes over SciPy", _at_least(8 if one else 14), integers, over_scipy),
        Goal("float images over OpenCV", _at_least(1), floats, over_opencv),
        Goal("images of bytes over OpenCV", _at_least(0.7), integers, over_opencv),
        Goal("signals over SciPy's faster method", _at_least(1), kinds["signals"], _ratio, 3),
        Goal("small calls over SciPy", _at_least(2), kinds["small"], _ratio),
        Goal("templates over the best", _at_least(1), kinds["templates"], _ratio),
    ]  # fmt: skip


def cliffs(run: Run) -> list[Goal]:
    """Of drawn shapes: few are slower, none by much, and on average we are far ahead."""
    rows = standings(run)
    pools = [x for x in rows if str(x.row["kind"]).endswith("pools")]
    convolutions = [x for x in rows if x not in pools]
    return [
        Goal("convolutions and gradients, not slower by 1.3", _at_least(1 / 1.3), convolutions,
             _ratio, 2.3),
        Goal("pools, not slower by 1.3", _at_least(1 / 1.3), pools, _ratio, 2.5),
    ]  # fmt: skip


def choices(run: Run) -> list[Goal]:
    """Of drawn layers, what a plan chooses is seldom far from the best of five entries."""
    return [Goal("choices, not slower by 1.3", _at_least(1 / 1.3), standings(run), _ratio, 0.97)]
