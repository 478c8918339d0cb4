"""Packed weights for evaluation mode that never outlive the weights they were packed from."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from numpy import ndarray

from fastconv._native import same_bytes, settings, unshared

from ._checks import Array

if TYPE_CHECKING:
    from .layer import Layer

# Batches of training sets come in two shapes (full and last); a few more serve other callers.
# The bound keeps memory flat under ever-changing input shapes.
_MOST_PLANS = 4

Values = dict[str, Array]
Copies = tuple[Values, Values]  # of parameters, and of buffers
Key = tuple[tuple[int, ...], Hashable, int]


class PlanCache:
    """The plans that were built from the arrays of some layers, by input shape and settings.

    A change of an array by any route (an optimiser, an assignment, another thread) is seen. As long
    as nobody else holds an array of these layers, and nobody has asked a layer for one since they
    were compared (`Layer._mark`), there was no change, and `find` knows it without a look at the
    weights. Otherwise `get` compares them with the copies that the plans were built from, bit for
    bit: one pass over the weights.

    The state is one tuple that is replaced and never changed, so that threads may share a layer
    without a lock (a lock held during fork would hang the child).
    """

    def __init__(self) -> None:
        # The layers' marks when they were compared, or () if the arrays may change at any time;
        # the copies; the plans.
        self._state: tuple[tuple[object, ...], tuple[Copies, ...], dict[Key, Any]] = ((), (), {})

    def find(
        self, x: Any, key: Hashable, marks: tuple[object, ...], values: tuple[Values, ...]
    ) -> Any:
        """Return the plan that `get` would return, if that is known at once; else None.

        `marks` and `values` are those of the layers.
        """
        compared, _, plans = self._state
        if marks != compared or type(x) is not ndarray:
            return None
        for arrays in values:
            if not unshared(arrays):
                return None
        return plans.get((x.shape, key, settings(None)))

    def get(
        self, x: Array, key: Hashable, layers: tuple[Layer, ...], build: Callable[..., Any]
    ) -> Any:
        """Return the plan of `key` for `x`: a kept one, or ``build(*copies)``.

        Each of the copies holds the parameters and buffers of one layer.
        """
        # The order matters: whoever gets hold of an array after the marks were read sets another
        # mark, and whoever had got it before is seen to hold it, or has finished.
        marks = tuple(layer._mark for layer in layers)
        if not all(unshared(layer._values) for layer in layers):
            marks = ()
        # A plan keeps the settings that were in force when it was built.
        full_key = (x.shape, key, settings(None))
        _, copies, plans = self._state
        if len(copies) != len(layers) or not all(
            same_bytes(layer._values, values) and same_bytes(layer._buffers, buffers)
            for layer, (values, buffers) in zip(layers, copies, strict=True)
        ):
            copies, plans = tuple(map(_copied, layers)), {}
        plan = plans.get(full_key)
        if plan is None:
            plan = build(*({**values, **buffers} for values, buffers in copies))
            kept = list(plans.items())[-(_MOST_PLANS - 1) :]
            plans = {**dict(kept), full_key: plan}
        self._state = (marks, copies, plans)
        return plan


def _copied(layer: Layer) -> Copies:
    return (
        {name: value.copy() for name, value in layer._values.items()},
        {name: value.copy() for name, value in layer._buffers.items()},
    )
