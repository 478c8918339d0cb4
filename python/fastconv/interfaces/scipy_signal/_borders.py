"""What is beyond the ends of a signal, in SciPy's words."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.interfaces.scipy_signal._arrays import Array

__all__ = ["MODES", "extended"]

# The words of upfirdn, and what NumPy's pad calls the same.
_PAD: dict[str, tuple[Any, dict[str, str]]] = {
    "edge": ("edge", {}),
    "wrap": ("wrap", {}),
    "symmetric": ("symmetric", {}),
    "reflect": ("reflect", {}),
    "antireflect": ("reflect", {"reflect_type": "odd"}),
}
MODES = ("constant", *_PAD, "antisymmetric", "smooth", "line")


def extended(x: Array, lo: int, hi: int, mode: str, cval: Any) -> Array:
    """`x` with `lo` elements before and `hi` behind its last axis."""
    widths = [(0, 0)] * (x.ndim - 1) + [(lo, hi)]
    if mode == "constant":
        return np.pad(x, widths, constant_values=cval)
    if mode in _PAD:
        how, options = _PAD[mode]
        return np.pad(x, widths, how, **options)
    n = x.shape[-1]
    if mode == "antisymmetric":
        turns = np.arange(-lo, n + hi) // n  # each end changes the sign
        y: Array = np.pad(x, widths, "symmetric") * (1 - 2 * (turns % 2)).astype(x.dtype)
        return y
    first, last = x[..., :1], x[..., -1:]
    if mode == "line":
        low = high = (last - first) / max(n - 1, 1)
    else:
        low, high = (x[..., 1:2] - first, last - x[..., -2:-1]) if n > 1 else (0 * first, 0 * first)
    before = first - low * np.arange(lo, 0, -1, dtype=x.dtype)
    behind = last + high * np.arange(1, hi + 1, dtype=x.dtype)
    return np.concatenate([before, x, behind], axis=-1)
