"""Packed weights for evaluation mode that never outlive the weights they were packed from."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

import fastconv as fc
from fastconv import _native

from ._checks import Array

# Batches of training sets come in two shapes (full and last); a few more serve other callers.
# The bound keeps memory flat under ever-changing input shapes.
_MOST_PLANS = 4


class PlanCache:
    """The plans of one layer, by input shape and settings.

    Every `get` compares the live arrays with the copies that the plans were built from, bit for
    bit: an edit by any route (an optimiser, an assignment, another thread) is seen. That is one
    pass over the weights, which is small against a convolution that uses each weight once per
    output pixel.

    The state is one tuple that is replaced and never changed, so that threads may share a layer
    without a lock (a lock held during fork would hang the child).
    """

    def __init__(self) -> None:
        self._state: tuple[tuple[Array | None, ...], dict[Hashable, Any]] = ((), {})

    def get(self, key: Hashable, live: tuple[Array | None, ...], build: Callable[..., Any]) -> Any:
        """Return the plan of `key` for the arrays `live`: a kept one, or ``build(*copies)``."""
        # A plan keeps the settings that were in force when it was built.
        precision = _native.precision_variable.get("high")
        full_key = (key, fc.isa(), fc.get_num_threads(), precision)
        copies, plans = self._state
        if len(copies) != len(live) or not all(map(_same_bits, copies, live)):
            copies, plans = tuple(None if a is None else a.copy() for a in live), {}
        plan = plans.get(full_key)
        if plan is None:
            plan = build(*copies)
            kept = list(plans.items())[-(_MOST_PLANS - 1) :]
            self._state = (copies, {**dict(kept), full_key: plan})
        return plan


def _same_bits(a: Array | None, b: Array | None) -> bool:
    """Whether two arrays of one dtype are equal in every bit (NaN equals itself, -0 is not 0)."""
    if a is None or b is None:
        return a is b
    word = f"u{a.dtype.itemsize}"
    return bool(np.array_equal(a.view(word), b.view(word)))
