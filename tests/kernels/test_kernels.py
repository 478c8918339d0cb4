"""Every tile of every instruction set alone, on integers, against NumPy: all must be exact."""

from __future__ import annotations

import numpy as np
import pytest

from fastconv._native import testing

typed = pytest.mark.parametrize("dtype", ["float32", "float64"])
rng = np.random.default_rng(5)


def integers(*shape, dtype):
    return rng.integers(-8, 9, shape).astype(dtype)


def widths(lanes, vectors):
    """A lane short of nothing, of one, and of all but one, in the last vector."""
    return {vectors * lanes, vectors * lanes - 1, (vectors - 1) * lanes + 1}


@typed
@pytest.mark.parametrize("strip", [False, True], ids=["panel", "strip"])
def test_gemm_tiles(isa, dtype, strip):
    lanes, widest, _ = testing.tile_shapes(dtype)
    assert widest[1] > 0  # a table without its smallest tile would test nothing
    for rows, most in enumerate(widest):
        for vectors in range(1, most + 1):
            for n in widths(lanes, vectors):
                for k in (0, 1, 7):
                    a, b = integers(k, rows, dtype=dtype), integers(k, n, dtype=dtype)
                    init, bias = integers(rows, n, dtype=dtype), integers(rows, dtype=dtype)
                    got = testing.gemm_tile(a, b, init, bias, strip)
                    np.testing.assert_array_equal(got, init + bias[:, None] + a.T @ b)


@typed
@pytest.mark.parametrize("rows", [1, 2, 4, 8])
def test_depthwise_tiles(isa, dtype, rows):
    lanes, _, _ = testing.tile_shapes(dtype)
    for vectors in range(1, 8 // rows + 1):
        for n in widths(lanes, vectors):
            a, b = integers(5, dtype=dtype), integers(4 + rows, vectors * lanes, dtype=dtype)
            want = np.stack([3 + a @ b[r : r + 5, :n] for r in range(rows)])
            np.testing.assert_array_equal(testing.depthwise_tile(a, b, 3, rows, n), want)


@typed
def test_dot_tiles(isa, dtype):
    lanes, _, (most_rows, most_columns) = testing.tile_shapes(dtype)
    for rows in range(1, most_rows + 1):
        for columns in range(1, most_columns + 1):
            for n in (0, 2, 2 * lanes - 2, 2 * lanes, 10 * lanes + 2):
                a, b = integers(rows, n, dtype=dtype), integers(columns, n, dtype=dtype)
                np.testing.assert_array_equal(testing.dot_tile(a, b), a @ b.T)
