"""What the project set out to reach, row by row: the goals that a stored run can answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import aims
from .aims import Goal
from .standing import TIE, Standing, standings
from .table import markdown, micro

Run = dict[str, Any]
PIXELS_AND_SHARES = ((784, 0.90), (196, 0.85), (49, 0.75))


def report(run: Run) -> str:
    """Each goal with what was measured, then the rows that miss it."""
    lines, misses = [], []
    mode = run["settings"]["mode"]
    if mode not in GOALS:
        return f"No goals were set for {mode}.\n"
    for goal in GOALS[mode](run):
        values = [(s, value) for s in goal.rows if (value := goal.measure(s)) is not None]
        if not values:
            continue
        numbers = [value for _, value in values]
        missed = [(s, value) for s, value in values if value < goal.aim(s)]
        mean = f"{np.exp(np.mean(np.log(numbers))):.2f}"
        mean += "" if goal.mean is None else f" of {goal.mean:g}"
        lines.append([goal.name, str(len(values)), mean, f"{min(numbers):.2f}", str(len(missed))])
        misses += [
            [goal.name, s.title, f"{value:.2f}", f"{goal.aim(s):.2f}", micro(s.us),
             s.row.get("algorithm", "")]
            for s, value in sorted(missed, key=lambda pair: pair[1])
        ]  # fmt: skip
    text = markdown(["goal", "rows", "geometric mean", "least", "missed"], lines)
    columns = ["missed", "layer", "measured", "goal", "fastconv, us", "algorithm"]
    return text + ("\n\n" + markdown(columns, misses, left=2) if misses else "") + "\n"


def forward(run: Run) -> list[Goal]:
    """Of dense layers, by plans or by functions."""
    s = run["settings"]
    dense = [x for x in standings(run) if x.dense]
    goals: list[Goal] = []
    if s["dtype"] == "float64":
        goals.append(Goal("float64 over the best peer", lambda _: 1.8, dense, lambda x: x.ratio))
    else:
        goals.append(Goal("the best peer, ties allowed", lambda _: TIE, dense, lambda x: x.ratio))
        if s["mode"] == "plans":
            square = [x for x in dense if _winograd_country(x)]
            for peer, aim in (("ncnn", 1.2), ("onnxruntime", 1.8)):
                goals.append(Goal(f"3x3 over {peer}", lambda x, a=aim, p=peer: _aim(x, a, p),
                                  square, lambda x, p=peer: x.over(p)))  # fmt: skip
            gemm = [x for x in dense if _as_gemm(x)]
            goals.append(Goal("of the FMA peak, 128 output channels and more", _share_wanted, gemm,
                              lambda x: x.share))  # fmt: skip
    goals.append(Goal("channels_first over channels_last", lambda _: 1 / 1.1, dense,
                      lambda x: 1 / x.last if x.last else None))  # fmt: skip
    large = [x for x in dense if x.row["flops"] >= 100e6]
    if s["threads"] == 2:
        goals.append(
            Goal("two threads, over 100 MFLOP", lambda _: 1.85, large, lambda x: x.speedup)
        )
    return goals


GOALS: dict[str, Callable[[Run], list[Goal]]] = {
    "plans": forward,
    "functions": forward,
    "gradients": aims.gradients,
    "depthwise": aims.depthwise,
    "small": aims.small,
    "signals": aims.signals,
    "filters": aims.filters,
    "steps": aims.steps,
    "networks": aims.networks,
    "program": aims.program,
    "cliffs": aims.cliffs,
    "choices": aims.choices,
}
"""By mode; a mode may have none."""


def _winograd_country(x: Standing) -> bool:
    """3x3, stride 1, no fewer than 64 channels on both sides, images of 7, or of 14 to 112."""
    row = x.row
    plain = row["kernel"] == [3, 3] and row["stride"] == row["dilation"] == row["groups"] == 1
    wide = min(row["c_in"], row["c_out"]) >= 64
    sizes = all(n == 7 or 14 <= n <= 112 for n in row["size"])
    return plain and wide and sizes and not row["transposed"]


def _aim(x: Standing, aim: float, peer: str) -> float:
    """A tie at 7x7; for one image of 512@14 the weights outgrow caches: 1.3 times ORT."""
    if x.row["size"][0] == 7:
        return TIE
    heavy = x.row["n"] == 1 and x.row["c_in"] >= 512 and x.row["size"][0] == 14
    return 1.3 if heavy and peer == "onnxruntime" else aim


def _as_gemm(x: Standing) -> bool:
    """Computed as a plain product of matrices with 128 output channels and more."""
    product = any(word in x.row["algorithm"] for word in ("im2col", "pointwise"))
    return product and x.row["c_out"] >= 128


def _share_wanted(x: Standing) -> float:
    return next((share for n, share in PIXELS_AND_SHARES if x.row["pixels"] >= n), 0.0)
