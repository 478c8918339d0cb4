"""From C, pools run the algorithms that they run from Python: with indices, bit for bit."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

import fastconv
from c_api import FORWARD, INPUT_GRAD, MAX, MIN, OK, Api, address, pool_desc, workspace
from fastconv import grad

api = Api()
# Images, kernels, strides and paddings whose pools run on every algorithm that gives indices.
SHAPES = {
    "a stem": ((2, 16, 29, 31), (3, 3), (2, 2), (1, 1)),
    "planes that fill no group of lanes": ((1, 5, 12, 13), (2, 2), (2, 2), (0, 0)),
    "one plane": ((1, 1, 40, 50), (3, 3), (1, 1), (1, 1)),
    "long windows": ((1, 18, 20, 22), (13, 13), (1, 1), (6, 6)),
    "whole planes": ((3, 7, 9, 10), (9, 10), (1, 1), (0, 0)),
    "several blocks": ((1, 17, 150, 130), (3, 2), (1, 2), (1, 0)),
}


def room(desc, a_pass):
    n = ctypes.c_size_t()
    assert api.pool_workspace(desc, a_pass, ctypes.byref(n)) == OK, api.message()
    return workspace(n.value), n.value


def run(function, desc, a_pass, *arrays):
    """One call in a workspace of exactly the bytes asked for, and nothing beyond them written."""
    memory, n = room(desc, a_pass)
    assert function(desc, *map(address, arrays), address(memory), n) == OK, api.message()
    assert np.all(memory[n:] == 0xA5)


def check(x, kernel, stride, padding, op, threads=1):
    """Values, indices and the gradient through them are Python's."""
    function = fastconv.max_pool2d if op == MAX else fastconv.min_pool2d
    want, want_at = function(x, kernel, stride, padding, return_indices=True, threads=threads)
    desc = pool_desc(x, kernel, op=op, stride=stride, pad=padding, threads=threads)
    y, at = np.full_like(want, 77), np.full_like(want_at, -1)
    run(api.pool, desc, FORWARD, x, y, at)
    assert y.tobytes() == want.tobytes()
    assert at.tobytes() == want_at.tobytes()
    y[...] = 77
    run(api.pool, desc, FORWARD, x, y, None)
    assert y.tobytes() == want.tobytes()
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(x.dtype)
    dx = np.full_like(x, 77)
    run(api.pool_input_grad, desc, INPUT_GRAD, dy, None, None, at, dx)
    assert dx.tobytes() == grad.max_pool2d_input(dy, at, x.shape).tobytes()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("name", SHAPES)
def test_indices_are_those_of_python(name, dtype, threads, isa):
    shape, *windows = SHAPES[name]
    x = np.random.default_rng(0).integers(-50, 51, shape).astype(dtype)
    for op in (MAX, MIN):
        check(x, *windows, op, threads)


def test_indices_that_are_no_exact_float32():
    x = np.zeros((1, 1, 2, 2**23 + 8), np.float32)
    x[0, 0, 1, 1::4] = 1
    check(x, (2, 4), (2, 4), 0, MAX)


def test_a_workspace_is_enough_with_indices_and_without():
    x = np.zeros((1, 64, 56, 56), np.float32)
    desc = pool_desc(x, 3, op=MAX, stride=2, pad=1)
    _, extreme = room(desc, FORWARD)
    assert extreme > 0
    y, at = np.empty((1, 64, 28, 28), np.float32), np.empty((1, 64, 28, 28), np.int64)
    for indices in (None, at):
        run(api.pool, desc, FORWARD, x, y, indices)
