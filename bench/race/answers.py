"""Is the answer right? Asked of every contestant before anything is timed.

The truth is fastconv's own plain sum in float64, and that is checked at random places against sums
written out in NumPy. The bound is the one that README states for ``precision="high"``: with
u = 2**-24 and K terms, ``(K + 2) * u * sum(|x| |w|)`` for each output, and 50 times u times the
largest of these sums, since a Fourier transform mixes what a block of outputs reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

import fastconv

from ..items.layer import Layer

Arrays = tuple[np.ndarray, ...]
FAST = 50
"""What fast algorithms may err beyond the plain sum, in units of u * sum(|x| |w|)."""


@dataclass(frozen=True)
class Truth:
    """The exact result (to float64), and how far from it each output may be."""

    value: np.ndarray
    allowed: np.ndarray

    def excess(self, got: np.ndarray) -> float:
        """The largest error as a multiple of what is allowed; infinite for another shape."""
        if got.shape != self.value.shape:
            return float("inf")
        return float(np.max(np.abs(got - self.value) / self.allowed))

    def l2(self, got: np.ndarray) -> float:
        """The relative error in the L2 norm."""
        return float(np.linalg.norm(got - self.value) / np.linalg.norm(self.value))


def truth(layer: Layer, arrays: Arrays, precision: str = "highest") -> Truth:
    """Compute what the contestants must find; raise AssertionError if fastconv's own is wrong."""
    function = getattr(fastconv, layer.function)
    exact = tuple(a.astype(np.float64) for a in arrays)
    value = function(*exact, **layer.options(), precision=precision)
    size = function(*(np.abs(a) for a in arrays), **layer.options(), precision=precision)
    spot_check(layer, exact, value, size)
    return Truth(value, bound(layer.depth, arrays[0].dtype, size))


def bound(terms: int, dtype: np.dtype, size: np.ndarray) -> np.ndarray:
    """How far a sum of so many terms may be off; `size` is the sum of their magnitudes."""
    # In float64 the truth errs as much as a contestant does.
    plain = (terms + 2) * size * (1 if dtype == np.float32 else 2)
    allowed = (plain + FAST * size.max(initial=0)) * np.finfo(dtype).eps / 2
    return np.maximum(allowed, np.finfo(dtype).tiny)  # a sum of no terms is 0


def spot_check(
    layer: Layer, arrays: Arrays, value: np.ndarray, size: np.ndarray, places: int = 16
) -> None:
    """Compare some outputs with sums over the definition, tap by tap."""
    assert value.shape == layer.output_shape, (value.shape, layer.output_shape)
    x, w, b = arrays
    rng = np.random.default_rng(2)
    inputs, outputs = layer.c_in // layer.groups, layer.c_out // layer.groups
    for _ in range(places):
        n, o, *at = (int(rng.integers(length)) for length in value.shape)
        first = o // outputs * inputs
        total = b[o]
        for taps in product(*(range(k) for k in layer.kernel)):
            place = [_source(layer, axis, at[axis], tap) for axis, tap in enumerate(taps)]
            if None in place:
                continue
            pixels = x[(n, slice(first, first + inputs), *place)]
            if layer.transposed:
                total += pixels @ w[(slice(first, first + inputs), o % outputs, *taps)]
            else:
                total += pixels @ w[(o, slice(None), *taps)]
        error = abs(total - value[(n, o, *at)])
        assert error <= 1e-12 * (layer.depth + 2) * size[(n, o, *at)], (layer.name, error)


def _source(layer: Layer, axis: int, at: int, tap: int) -> int | None:
    """Which input pixel a tap of an output meets on one axis; None in the padding."""
    lo = layer.pads[axis][0]
    if layer.transposed:
        place, rest = divmod(at + lo - tap * layer.dilation, layer.strides[axis])
        inside = rest == 0
    else:
        place, inside = at * layer.strides[axis] + tap * layer.dilation - lo, True
    return place if inside and 0 <= place < layer.size[axis] else None
