"""Plans of a node whose weights stay what they are from one run to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastconv._native import same_bytes, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastconv._plan import BasePlan
    from fastconv.interfaces.onnx._node import Array

# Of one node: shapes that a model meets by turns, such as a last batch, a few widths of a line.
_MOST_PLANS = 8


def _is_frozen(array: Array) -> bool:
    """Whether nobody can write into the memory of an array, as onnx's raw initialisers have it."""
    base: Any = array
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return False
        base = base.base
    return base is None or isinstance(base, bytes)


class _Known:
    """An array as it was: the object where nobody can have changed it, a copy elsewhere."""

    def __init__(self, array: Array | None) -> None:
        self._copy = None if array is None or _is_frozen(array) else array.copy()
        self._array = array if self._copy is None else None

    def is_still(self, array: Array | None) -> bool:
        if self._copy is None:
            return array is self._array
        return array is not None and bool(same_bytes({"": array}, {"": self._copy}))


class Plans:
    """The plans of one node by the input's shape; all of them share packed weights.

    Weights from an initialiser or a Constant are the same object at each run. Where their memory
    cannot be written, that is enough; elsewhere they are compared with a copy, bit for bit, which
    costs less than packing them. A node whose weights have changed once makes no plan again: in
    such a model they are data.

    The state is one tuple that is replaced and never changed, so that threads may share it.
    """

    def __init__(self) -> None:
        self._state: tuple[_Known, _Known, dict[Any, BasePlan[Any]]] | None = None
        self._changes = False

    def find(
        self, x: Array, weight: Array, bias: Array | None, build: Callable[[], BasePlan[Any]]
    ) -> BasePlan[Any] | None:
        """Return the plan for `x`, which `build` makes the first time; None if weights change."""
        if self._changes:
            return None
        state = self._state or (_Known(weight), _Known(bias), {})
        if not (state[0].is_still(weight) and state[1].is_still(bias)):
            self._changes, self._state = True, None
            return None
        # A plan keeps the threads, the precision and the ISA of the time when it was built.
        now = settings(None)
        plan = state[2].get((x.shape, now))
        if plan is None:
            relative = next((p for (_, then), p in state[2].items() if then == now), None)
            plan = build() if relative is None else relative.with_shape(x.shape)
            kept = list(state[2].items())[-(_MOST_PLANS - 1) :]
            self._state = (*state[:2], {**dict(kept), (x.shape, now): plan})
        return plan
