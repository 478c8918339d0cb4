"""``stride=()`` is the kernel size, as no stride is: functions, gradients, shapes and layers."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from fastconv import grad, nn

KERNELS = {1: [3, (2,), [4]], 2: [2, (3, 2), [2, 3]]}
POOLS = {"max": {}, "min": {}, "avg": {}, "sum": {}, "lp": {"norm_type": 3}}

each_kernel = pytest.mark.parametrize(
    ("rank", "kernel"), [(n, k) for n, kernels in KERNELS.items() for k in kernels], ids=str
)
each_pool = pytest.mark.parametrize("pool", POOLS)
each_none = pytest.mark.parametrize("none", [(), []], ids=str)


def image(rank):
    lengths = (2, 3, 12, 13)[: rank + 2]
    return np.random.default_rng(rank).standard_normal(lengths).astype(np.float32)


@each_none
@each_pool
@each_kernel
def test_of_functions(rank, kernel, pool, none):
    function = getattr(fastconv, f"{pool}_pool{rank}d")
    call = {**POOLS[pool], "kernel_size": kernel, "padding": 1}
    x = image(rank)
    want = function(x, **call)
    assert want.shape[2:] != function(x, **call, stride=1).shape[2:]
    np.testing.assert_array_equal(function(x, **call, stride=none), want)
    np.testing.assert_array_equal(function(x, **call, stride=kernel), want)


@each_none
@pytest.mark.parametrize("pool", ["max", "min"])
@each_kernel
def test_of_functions_that_return_indices(rank, kernel, pool, none):
    function = getattr(fastconv, f"{pool}_pool{rank}d")
    want = function(image(rank), kernel, return_indices=True)
    got = function(image(rank), kernel, none, return_indices=True)
    for part, right in zip(got, want, strict=True):
        np.testing.assert_array_equal(part, right)


@each_none
@pytest.mark.parametrize("pool", ["avg", "sum", "lp"])
@each_kernel
def test_of_gradients(rank, kernel, pool, none):
    """Those of max and min pools take indices, and no stride."""
    call = {**POOLS[pool], "kernel_size": kernel}
    x = image(rank)
    y = getattr(fastconv, f"{pool}_pool{rank}d")(x, **call)
    given = (x, y) if pool == "lp" else (x.shape,)
    function = getattr(grad, f"{pool}_pool{rank}d_input")
    np.testing.assert_array_equal(
        function(y, *given, **call, stride=none), function(y, *given, **call)
    )


@each_none
@each_kernel
def test_of_shapes(rank, kernel, none):
    shape = image(rank).shape
    want = fastconv.pool_output_shape(shape, kernel)
    assert fastconv.pool_output_shape(shape, kernel, none) == want
    assert want != fastconv.pool_output_shape(shape, kernel, 1)


@each_none
@each_pool
@each_kernel
def test_of_layers(rank, kernel, pool, none):
    make = getattr(nn, f"{'LP' if pool == 'lp' else pool.capitalize()}Pool{rank}d")
    plain = make(**POOLS[pool], kernel_size=kernel)
    layer = make(**POOLS[pool], kernel_size=kernel, stride=none)
    x = image(rank)
    y = layer(x)
    np.testing.assert_array_equal(y, plain(x))
    np.testing.assert_array_equal(layer.backward(y), plain.backward(y))
    assert layer.output_shape(x.shape) == y.shape
    assert repr(layer) == repr(plain)


@pytest.mark.parametrize("other", ["kernel_size", "dilation"])
def test_nothing_else_may_be_empty(other):
    call = {"kernel_size": 2, other: ()}
    with pytest.raises(ValueError, match=f"{other} must be"):
        fastconv.max_pool2d(image(2), **call)
    with pytest.raises(ValueError, match=f"{other} must"):
        nn.MaxPool2d(**call)
