"""Timing the candidates of a plan: the one place where fastconv measures instead of predicting."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from fastconv._plan import BasePlan

    PlanT = TypeVar("PlanT", bound=BasePlan[Any])

__all__ = ["tune"]

# Bursts by turns, and the lower quartile of all: what the machine does beside is no candidate's
# fault. A new candidate must gain this much, or the next run would choose another.
_TURNS, _GAIN = 5, 0.03


def tune(plan: PlanT, seconds: float = 0.5) -> PlanT:
    """Time every algorithm that `plan` could take, on this machine, and keep the fastest.

    Nothing else in fastconv ever times: without this call, a plan follows the cost model that
    `plan.explain()` prints. While it runs, it holds the packed weights of all candidates.

    Parameters
    ----------
    plan : Conv1dPlan, Conv2dPlan, ConvTranspose1dPlan or ConvTranspose2dPlan
        Changed in place: later calls run what was fastest. The candidates are those that the
        plan's `precision` allows: under ``"highest"`` plain sums.
    seconds : float
        About how long to measure, in all; each candidate runs at least five times.

    Returns
    -------
    plan
        The same plan.

    Raises
    ------
    TypeError
        If `plan` is not a plan.
    ValueError
        If `seconds` is not a positive number.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> plan = fastconv.Conv2dPlan((1, 8, 20, 20), np.ones((8, 8, 3, 3), np.float32), padding=1)
    >>> fastconv.tune(plan, seconds=0.05).output_shape
    (1, 8, 20, 20)
    """
    from fastconv._plan import BasePlan

    if not isinstance(plan, BasePlan):
        raise TypeError(f"plan must be a plan, as Conv2dPlan makes, got {type(plan).__name__}")
    if not 0 < seconds < float("inf"):
        raise ValueError(f"seconds must be a positive number, got {seconds!r}")
    native = plan._plan
    rivals = [native, *map(native.with_algorithm, native.takers())]
    x = np.random.default_rng(0).standard_normal(plan._input_shape).astype(native.weight.dtype)
    times: list[list[float]] = [[] for _ in rivals]
    for _ in range(_TURNS):
        for rival, taken in zip(rivals, times, strict=True):
            rival.run(x, None, None)
            stop = perf_counter() + seconds / _TURNS / len(rivals)
            while True:
                start = perf_counter()
                rival.run(x, None, None)
                taken.append(perf_counter() - start)
                if perf_counter() >= stop:
                    break
    typical = [float(np.quantile(taken, 0.25)) for taken in times]
    best = int(np.argmin(typical))
    if typical[best] < (1 - _GAIN) * typical[0]:
        plan._adopt(rivals[best])
    return plan
