"""Softmax along any axis: accuracy, limits, gradients, memory, threads and bad arguments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from fastconv import activations, reference
from fastconv.grad import activations as activations_grad

DTYPES = (np.float32, np.float64)
typed = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)
softmax, softmax_grad = activations.softmax, activations_grad.softmax


def exact(x: Any, axis: int = -1) -> Any:
    """Softmax in more precision than float64 has, where the machine has it."""
    e = np.exp(x.astype(np.longdouble) - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


SHAPES = (  # shape, axis, why
    ((5,), 0, "one row"),
    ((), -1, "a scalar is a row of one"),
    ((3, 7), -1, "rows shorter than a vector"),
    ((4, 100), -1, "rows with a tail"),
    ((7, 3), 0, "fewer columns than lanes"),
    ((2, 5, 4, 33), 1, "channels: columns with a tail"),
    ((2, 5, 4, 33), -2, "an axis from the end"),
    ((2, 3, 1, 5, 2, 2), 3, "any rank"),
    ((1, 4, 1), 1, "axes of length 1 around"),
    ((3, 1), -1, "rows of one element"),
    ((2, 300, 70), 1, "more columns than a task takes"),
)


@typed
@pytest.mark.parametrize(("shape", "axis", "why"), SHAPES, ids=[row[2] for row in SHAPES])
def test_every_axis(shape: tuple[int, ...], axis: int, why: str, dtype: Any, isa: str) -> None:
    rng = np.random.default_rng(5)
    x, dy = (np.asarray(rng.normal(0, 5, shape), dtype) for _ in range(2))
    y, dx = softmax(x, axis), softmax_grad(dy, x, axis)
    assert y.shape == dx.shape == shape
    assert y.dtype == dx.dtype == dtype
    scale = np.finfo(dtype).eps
    wide = x.reshape(-1) if x.ndim == 0 else x
    # e^(x - max) errs by the rounding of the difference too: half an ulp of up to 40.
    np.testing.assert_allclose(y, exact(wide, axis).reshape(shape), rtol=40 * scale, err_msg=why)
    if x.ndim:
        wanted = reference.grad.softmax(dy, x, axis)
        np.testing.assert_allclose(dx, wanted, atol=40 * scale, err_msg=why)


@typed
def test_every_row_length(dtype: Any, isa: str) -> None:
    rng = np.random.default_rng(6)
    for n in range(1, 70):
        x = rng.normal(0, 3, (3, n)).astype(dtype)
        memory = np.full(3 * n + 2, 99, dtype)
        y = softmax(x, out=memory[1:-1].reshape(3, n))
        assert memory[0] == memory[-1] == 99
        np.testing.assert_allclose(y, exact(x), rtol=20 * np.finfo(dtype).eps)
        down = softmax(np.ascontiguousarray(x.T), 0)
        np.testing.assert_allclose(down, y.T, rtol=4 * np.finfo(dtype).eps)


@typed
@pytest.mark.parametrize("axis", [0, 1])
def test_limits(axis: int, dtype: Any, isa: str) -> None:
    inf, nan = math.inf, math.nan
    rows = np.array(
        [
            [1e30, 1e30, -1e30, 0],  # nothing overflows
            [-inf, 0, 0, -inf],  # -Inf takes no part
            [-inf, -inf, -inf, -inf],  # nothing to share out
            [inf, 0, 1, 2],  # Inf - Inf
            [0, nan, 1, 2],  # NaN reaches the whole row
            [nan, nan, nan, nan],
            [-1e30, -1e30, -1e30, -1e30],
        ],
        dtype,
    )
    wanted = np.array([[0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], *[[nan] * 4] * 4, [0.25] * 4])
    x = rows if axis == 1 else np.ascontiguousarray(rows.T)
    y = softmax(x, axis)
    np.testing.assert_array_equal(y if axis == 1 else y.T, wanted)


@typed
def test_a_million_terms_lose_nothing(dtype: Any, isa: str) -> None:
    n = 1_000_003
    for x, axis in ((np.zeros((1, n), dtype), 1), (np.zeros((n, 2), dtype), 0)):
        np.testing.assert_allclose(softmax(x, axis), 1 / n, rtol=4 * np.finfo(dtype).eps)
    x = np.random.default_rng(7).normal(size=n // 10).astype(dtype)
    np.testing.assert_allclose(softmax(x), exact(x), rtol=16 * np.finfo(dtype).eps)


@typed
def test_gradient_matches_differences(dtype: Any, isa: str) -> None:
    rng = np.random.default_rng(8)
    x, dy = rng.normal(size=(2, 4, 6, 5)).astype(dtype)
    for axis in range(3):
        got = softmax_grad(dy, x, axis)
        for at in ((0, 0, 0), (3, 5, 4), (1, 2, 3)):
            high, low = x.astype(np.longdouble), x.astype(np.longdouble)
            high[at] += 1e-5
            low[at] -= 1e-5
            slope = ((exact(high, axis) - exact(low, axis)) * dy).sum() / 2e-5
            assert abs(float(got[at] - slope)) < (1e-6 if dtype is np.float32 else 1e-9)


@typed
def test_threads_change_no_bit(dtype: Any) -> None:
    rng = np.random.default_rng(9)
    for shape, axis in (((500, 300), 1), ((3, 40, 1500), 1), ((100_001,), 0)):
        x, dy = rng.normal(size=(2, *shape)).astype(dtype)
        one, one_grad = softmax(x, axis, threads=1), softmax_grad(dy, x, axis, threads=1)
        for threads in (2, 5):
            assert np.array_equal(softmax(x, axis, threads=threads), one)
            assert np.array_equal(softmax_grad(dy, x, axis, threads=threads), one_grad)


def test_memory_and_overlap() -> None:
    base = np.random.default_rng(10).normal(size=(6, 8))
    dy = np.random.default_rng(11).normal(size=(6, 8))
    for axis in (0, 1):
        wanted = softmax(base, axis)
        assert np.array_equal(softmax(np.asfortranarray(base), axis), wanted)
        assert np.array_equal(
            softmax(base[::-1, ::-1], axis), softmax(base[::-1, ::-1].copy(), axis)
        )
        x = base.copy()
        assert softmax(x, axis, out=x) is x
        assert np.array_equal(x, wanted)
        x = base.copy()
        softmax(x, axis, out=x[::-1])
        assert np.array_equal(x[::-1], wanted)
        for target in (0, 1):
            pair = [dy.copy(), base.copy()]
            softmax_grad(*pair, axis, out=pair[target])
            assert np.array_equal(pair[target], softmax_grad(dy, base, axis))
    assert softmax(np.empty((0, 3))).shape == (0, 3)
    assert softmax(np.empty((3, 0))).shape == (3, 0)
    assert softmax([0, 0.0]).tolist() == [0.5, 0.5]


X = np.ones((2, 3))
REFUSED: tuple[tuple[tuple[Any, ...], type[Exception], str], ...] = (
    ((X, 2), ValueError, r"axis must be from -2 to 1 for an array of shape \(2, 3\), got 2"),
    ((X, -3), ValueError, "axis must be from -2 to 1"),
    ((np.array(1.0), 1), ValueError, "axis must be from -1 to 0"),
    ((X, None), TypeError, "axis must be an int"),
    ((X, (0, 1)), TypeError, "axis must be an int"),
    ((X, 1.0), TypeError, "axis must be an int"),
    ((X, True), TypeError, "axis must be an int"),
    ((X, 1 << 80), ValueError, "axis does not fit 64 bits"),
    ((X.astype(int), 0), TypeError, "x must have dtype float32 or float64"),
)


@pytest.mark.parametrize(("arguments", "error", "message"), REFUSED)
def test_bad_arguments_are_named(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        softmax(*arguments)
