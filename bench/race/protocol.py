"""How contestants are compared: in one run, in bursts by turns, with a pause between.

A library's worker threads keep spinning for a while after a call and slow whoever comes next, so
calls are not interleaved one by one; and a machine's speed drifts, so one does not run after the
other either. A pause lasts until this process takes no more time of the CPU: ONNX Runtime's threads
spin for some 40 ms, ncnn's for 7 to 16, others for less than 2.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

Calls = Mapping[str, Callable[[], object]]


def burst(call: Callable[[], object], seconds: float) -> list[float]:
    """Time calls one by one for about `seconds`.

    The first one only warms up, unless it alone is longer than that: what it finds cold is then a
    small part of it, and it is the burst.
    """
    first = _time(call)
    if first > seconds:
        return [first]
    times = [_time(call)]
    stop = time.perf_counter() + seconds - times[0]
    while time.perf_counter() < stop or len(times) < 3:
        times.append(_time(call))
    return times


def settle(pause: float = 0.005, most: float = 0.2) -> None:
    """Sleep until all threads of the process do."""
    stop = time.perf_counter() + most
    busy = pause
    while busy > 0.1 * pause and time.perf_counter() < stop:
        before = time.process_time()
        time.sleep(pause)
        busy = time.process_time() - before


def race(
    calls: Calls, *, turns: int = 5, seconds: float = 0.03, quantile: float = 0.25
) -> dict[str, float]:
    """Return a quantile of each contestant's seconds per call, the lower quartile by default."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    settle()
    for _ in range(turns):
        for name, call in calls.items():
            times[name] += burst(call, seconds)
            settle()
    return {name: float(np.quantile(values, quantile)) for name, values in times.items()}


def _time(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
