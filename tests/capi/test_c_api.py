"""The C API: the same answers as the functions of Python, and a status for everything bad."""

from __future__ import annotations

import ctypes
import threading

import numpy as np
import pytest

import fastconv
from c_api import (
    AVERAGE,
    BAD_INDEX,
    FORWARD,
    INPUT_GRAD,
    MAX,
    MIN,
    NORM,
    NULL_POINTER,
    OK,
    SMALL_WORKSPACE,
    SUM,
    TOO_LARGE,
    UNSUPPORTED,
    WEIGHT_GRAD,
    Api,
    ConvDesc,
    Table,
    address,
    conv_desc,
    pool_desc,
    workspace,
)
from fastconv import grad

api = Api()
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])


def normal(shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def output_shape(function, desc):
    shape = (ctypes.c_int64 * 4)()
    assert function(desc, shape) == OK, api.message()
    return tuple(shape)


def room(function, desc, a_pass):
    """A workspace of exactly as many bytes as asked for, and their number."""
    n = ctypes.c_size_t()
    assert function(desc, a_pass, ctypes.byref(n)) == OK, api.message()
    return workspace(n.value), n.value


def run_with_room(function, sizes, desc, a_pass, *arguments):
    """Run one function; nothing beyond the workspace may be written."""
    memory, n = room(sizes, desc, a_pass)
    status = function(desc, *map(address, arguments), address(memory), n)
    assert status == OK, api.message()
    assert np.all(memory[n:] == 0xA5)


class Problem:
    """One convolution: the descriptor's fields and the arguments of Python's function."""

    def __init__(self, x, w, transposed=0, fields=None, **arguments):
        self.x_shape, self.w_shape = x, w
        self.transposed, self.fields, self.arguments = transposed, fields or {}, arguments

    def __repr__(self):
        return f"{self.x_shape}-{self.w_shape}-{'-'.join(self.arguments)}"

    def arrays(self, dtype):
        x, w = normal(self.x_shape, dtype), normal(self.w_shape, dtype, 1)
        groups = self.arguments.get("groups", 1)
        channels = w.shape[1] * groups if self.transposed else w.shape[0]
        desc = conv_desc(x, w, transposed=self.transposed, groups=groups, **self.fields)
        return desc, x, w, normal(channels, dtype, 2)

    @property
    def functions(self):
        name = "conv_transpose2d" if self.transposed else "conv2d"
        gradients = [getattr(grad, f"{name}_{which}") for which in ("input", "weight", "bias")]
        return getattr(fastconv, name), *gradients


PROBLEMS = [
    Problem((2, 8, 8, 8), (8, 8, 3, 3), fields={"pad": 1}, padding=1),
    Problem((1, 3, 17, 23), (5, 3, 5, 3), fields={"stride": (2, 3)}, stride=(2, 3)),
    Problem((2, 6, 9, 9), (6, 1, 3, 3), fields={"dilation": 2}, groups=6, dilation=2),
    Problem((3, 4, 1, 40), (7, 4, 1, 5), fields={"pad_lo": (0, 4)}, padding=((0, 0), (4, 0))),
    Problem((1, 40, 12, 12), (24, 40, 1, 1)),
    Problem((1, 4, 9, 10), (6, 4, 3, 3), fields={"pad": 2, "padding_mode": 1}, padding=2,
            padding_mode="reflect"),
    Problem((2, 4, 7, 8), (4, 6, 4, 3), 1, fields={"stride": 2, "pad": 1, "output_padding": (1, 0)},
            stride=2, padding=1, output_padding=(1, 0)),
    Problem((2, 4, 5, 5), (4, 3, 3, 3), 1, groups=2),
]  # fmt: skip
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=repr)


def without(arguments, *names):
    return {name: value for name, value in arguments.items() if name not in names}


@DTYPES
@each_problem
def test_convolution_is_that_of_python(problem, dtype, isa):
    desc, x, w, b = problem.arrays(dtype)
    want = problem.functions[0](x, w, b, **problem.arguments)
    assert output_shape(api.conv_output_shape, desc) == want.shape
    got = np.full_like(want, np.nan)
    run_with_room(api.conv, api.conv_workspace, desc, FORWARD, x, w, b, None, got)
    np.testing.assert_array_equal(got, want)


@DTYPES
@each_problem
def test_gradients_are_those_of_python(problem, dtype):
    desc, x, w, b = problem.arrays(dtype)
    dy = normal(output_shape(api.conv_output_shape, desc), dtype, 3)
    _, for_input, for_weight, for_bias = problem.functions
    arguments = without(problem.arguments, "output_padding")
    dx, dw, db = np.full_like(x, np.nan), np.full_like(w, np.nan), np.full_like(b, np.nan)
    run_with_room(api.conv_input_grad, api.conv_workspace, desc, INPUT_GRAD, w, dy, dx)
    run_with_room(api.conv_weight_grad, api.conv_workspace, desc, WEIGHT_GRAD, x, dy, dw)
    assert api.conv_bias_grad(desc, address(dy), address(db)) == OK
    np.testing.assert_array_equal(dx, for_input(x.shape, w, dy, **arguments))
    np.testing.assert_array_equal(dw, for_weight(x, w.shape, dy, **arguments))
    np.testing.assert_array_equal(db, for_bias(dy))


class Plan:
    """A plan of the C API that is destroyed with this object."""

    def __init__(self, desc, a_pass, w, b):
        self.pointer = ctypes.c_void_p()
        status = api.plan_create(desc, a_pass, address(w), address(b), ctypes.byref(self.pointer))
        assert status == OK, api.message()
        self.bytes = api.plan_workspace(self.pointer)

    def run(self, x, y, residual=None):
        memory = workspace(self.bytes)
        pointers = map(address, (x, residual, y, memory))
        assert api.plan_run(self.pointer, *pointers, self.bytes) == OK, api.message()
        assert np.all(memory[self.bytes :] == 0xA5)

    def __del__(self):
        api.plan_destroy(self.pointer)


@DTYPES
@each_problem
def test_plans_are_those_of_python(problem, dtype, isa):
    desc, x, w, b = problem.arrays(dtype)
    kind = fastconv.ConvTranspose2dPlan if problem.transposed else fastconv.Conv2dPlan
    want = kind(x.shape, w, b, **problem.arguments)(x)
    kept = w.copy()
    plan = Plan(desc, FORWARD, kept, b)
    kept[:] = np.nan  # a plan has copies
    got = np.full_like(want, np.nan)
    for _ in range(2):
        plan.run(x, got)
        np.testing.assert_array_equal(got, want)
    dy = normal(want.shape, dtype, 3)
    dx, again = np.full_like(x, np.nan), np.full_like(x, np.nan)
    Plan(desc, INPUT_GRAD, w, None).run(dy, dx)
    run_with_room(api.conv_input_grad, api.conv_workspace, desc, INPUT_GRAD, w, dy, again)
    np.testing.assert_allclose(dx, again, rtol=1e-4, atol=1e-4)


def test_residual_and_activation_are_fused():
    x, w = normal((2, 4, 9, 9), np.float32), normal((4, 4, 3, 3), np.float32, 1)
    want = fastconv.conv2d(x, w, padding=1, residual=x, activation=("leaky_relu", 0.25))
    desc = conv_desc(x, w, pad=1, activation=3, slope=0.25)
    got = np.full_like(want, np.nan)
    run_with_room(api.conv, api.conv_workspace, desc, FORWARD, x, w, None, x, got)
    np.testing.assert_array_equal(got, want)
    in_place = x.copy()
    plan = Plan(desc, FORWARD, w, None)
    plan.run(x, in_place, residual=in_place)
    np.testing.assert_allclose(in_place, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("word", "name"), [(9, "hardswish"), (10, "hardsigmoid"), (11, "elu"),
                                            (12, "softplus")])  # fmt: skip
def test_words_of_version_2(word, name):
    x, w = normal((2, 4, 9, 9), np.float32), normal((4, 4, 3, 3), np.float32, 1)
    desc = conv_desc(x, w, activation=word)
    want = fastconv.conv2d(x, w, activation=name)
    got = np.full_like(want, np.nan)
    run_with_room(api.conv, api.conv_workspace, desc, FORWARD, x, w, None, None, got)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transposed", [0, 1])
def test_slopes_are_looked_at_or_copied(dtype, transposed):
    x, w = normal((2, 4, 9, 9), dtype), normal((4, 3, 3, 3), dtype, 1)
    w = w if transposed else np.ascontiguousarray(w.swapaxes(0, 1))
    slopes = np.linspace(-1, 2, 3).astype(dtype)
    function = fastconv.conv_transpose2d if transposed else fastconv.conv2d
    want = function(x, w, activation=("prelu", slopes))
    desc = conv_desc(x, w, transposed=transposed, activation=13, slopes=address(slopes))
    got = np.full_like(want, np.nan)
    run_with_room(api.conv, api.conv_workspace, desc, FORWARD, x, w, None, None, got)
    np.testing.assert_array_equal(got, want)
    plan = Plan(desc, FORWARD, w, None)
    slopes[:] = 99
    plan.run(x, got)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_prelu_needs_slopes_in_the_forward_pass_only():
    x, w = normal((2, 4, 9, 9), np.float32), normal((4, 4, 3, 3), np.float32, 1)
    desc = conv_desc(x, w, activation=13)
    y = np.full((2, 4, 7, 7), np.nan, np.float32)
    assert api.conv(desc, address(x), address(w), None, None, address(y), None, 0) == NULL_POINTER
    assert "slopes" in api.message()
    assert np.isnan(y).all()
    handle = ctypes.byref(ctypes.c_void_p())
    assert api.plan_create(desc, FORWARD, address(w), None, handle) == NULL_POINTER
    Plan(desc, INPUT_GRAD, w, None).run(np.ones_like(y), np.empty_like(x))


def test_a_descriptor_of_version_1_is_taken():
    x, w = normal((2, 4, 9, 9), np.float32), normal((4, 4, 3, 3), np.float32, 1)
    want = fastconv.conv2d(x, w, activation="elu")
    desc = conv_desc(x, w, activation=11, size=ConvDesc.alpha.offset, alpha=7.0, slopes=1)
    got = np.full_like(want, np.nan)
    run_with_room(api.conv, api.conv_workspace, desc, FORWARD, x, w, None, None, got)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(("number", "mode"), [(4, "symmetric"), (5, ("constant", 7.0))])
def test_padding_modes_of_version_3(number, mode):
    x, w = normal((2, 4, 9, 9), np.float32), normal((4, 4, 3, 3), np.float32, 1)
    want = fastconv.conv2d(x, w, padding=2, padding_mode=mode)
    pad = (ctypes.c_int64 * 2)(2, 2)
    desc = conv_desc(x, w, padding_mode=number, pad_value=7.0, pad_lo=pad, pad_hi=pad)
    got = np.full_like(want, np.nan)
    run_with_room(api.conv, api.conv_workspace, desc, FORWARD, x, w, None, None, got)
    np.testing.assert_array_equal(got, want)
    dy, dw = normal(want.shape, np.float32, 2), np.full_like(w, np.nan)
    run_with_room(api.conv_weight_grad, api.conv_workspace, desc, WEIGHT_GRAD, x, dy, dw)
    np.testing.assert_array_equal(
        dw, fastconv.grad.conv2d_weight(x, w.shape, dy, padding=2, padding_mode=mode)
    )


def test_a_descriptor_of_version_2_is_taken():
    x, w = normal((2, 4, 9, 9), np.float32), normal((4, 4, 3, 3), np.float32, 1)
    desc = conv_desc(x, w, padding_mode=5, size=ConvDesc.pad_value.offset, pad_value=7.0)
    want = fastconv.conv2d(x, w)
    got = np.full_like(want, np.nan)
    run_with_room(api.conv, api.conv_workspace, desc, FORWARD, x, w, None, None, got)
    np.testing.assert_array_equal(got, want)


def test_one_plan_runs_in_many_threads():
    x, w = normal((8, 4, 16, 16), np.float32), normal((4, 4, 3, 3), np.float32, 1)
    plan = Plan(conv_desc(x[:1], w), FORWARD, w, None)
    want = np.concatenate([fastconv.Conv2dPlan((1, 4, 16, 16), w)(one[None]) for one in x])
    got = np.full_like(want, np.nan)
    threads = [threading.Thread(target=plan.run, args=(x[i], got[i])) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(got, want)


POOLS = {
    "max": (MAX, fastconv.max_pool2d, {}),
    "min": (MIN, fastconv.min_pool2d, {}),
    "sum": (SUM, fastconv.sum_pool2d, {}),
    "average": (AVERAGE, fastconv.avg_pool2d, {}),
    "average of 5": (AVERAGE, fastconv.avg_pool2d, {"divisor_override": 5}),
    "average without padding": (AVERAGE, fastconv.avg_pool2d, {"count_include_pad": False}),
}


@DTYPES
@pytest.mark.parametrize("name", POOLS)
def test_pools_are_those_of_python(name, dtype, isa):
    op, function, arguments = POOLS[name]
    x = normal((2, 3, 13, 11), dtype)
    fields = {"divisor": arguments.get("divisor_override", 0),
              "count_include_pad": int(arguments.get("count_include_pad", True))}  # fmt: skip
    desc = pool_desc(x, (3, 2), op=op, stride=2, pad=1, ceil_mode=1, **fields)
    geometry = {"kernel_size": (3, 2), "stride": 2, "padding": 1, "ceil_mode": True}
    want = function(x, **geometry, **arguments)
    assert output_shape(api.pool_output_shape, desc) == want.shape
    got = np.full_like(want, np.nan)
    run_with_room(api.pool, api.pool_workspace, desc, FORWARD, x, got, None)
    np.testing.assert_array_equal(got, want)
    dx, dy = np.full_like(x, np.nan), normal(want.shape, dtype, 1)
    if op in (MAX, MIN):
        indices = np.full(want.shape, -1)
        run_with_room(api.pool, api.pool_workspace, desc, FORWARD, x, got, indices)
        np.testing.assert_array_equal(indices, function(x, **geometry, return_indices=True)[1])
        np.testing.assert_array_equal(got, want)
        want_dx = grad.max_pool2d_input(dy, indices, x.shape)
    else:
        indices = None
        gradient = getattr(grad, f"{function.__name__}_input")
        want_dx = gradient(dy, x.shape, **geometry, **arguments)
    run_with_room(api.pool_input_grad, api.pool_workspace, desc, INPUT_GRAD, dy, None, None,
                  indices, dx)  # fmt: skip
    np.testing.assert_array_equal(dx, want_dx)


@pytest.mark.parametrize("norm", [1.0, 2.0, 2.5, np.inf])
def test_norm_pools_are_those_of_python(norm):
    x = normal((2, 3, 9, 8), np.float64)
    desc = pool_desc(x, 3, op=NORM, norm=norm, stride=2)
    want = fastconv.lp_pool2d(x, norm, 3, 2)
    got, dx, dy = np.full_like(want, np.nan), np.full_like(x, np.nan), normal(want.shape, x.dtype)
    run_with_room(api.pool, api.pool_workspace, desc, FORWARD, x, got, None)
    np.testing.assert_array_equal(got, want)
    run_with_room(api.pool_input_grad, api.pool_workspace, desc, INPUT_GRAD, dy, x, want, None, dx)
    np.testing.assert_array_equal(dx, grad.lp_pool2d_input(dy, x, want, norm, 3, 2))


def test_adaptive_pools_are_those_of_python():
    x = normal((2, 3, 9, 8), np.float32)
    desc = pool_desc(x, (4, 3), op=AVERAGE, adaptive=1)
    want = fastconv.adaptive_avg_pool2d(x, (4, 3))
    got, dx, dy = np.full_like(want, np.nan), np.full_like(x, np.nan), normal(want.shape, x.dtype)
    run_with_room(api.pool, api.pool_workspace, desc, FORWARD, x, got, None)
    np.testing.assert_array_equal(got, want)
    run_with_room(api.pool_input_grad, api.pool_workspace, desc, INPUT_GRAD, dy, None, None, None,
                  dx)  # fmt: skip
    np.testing.assert_array_equal(dx, grad.adaptive_avg_pool2d_input(dy, x.shape, (4, 3)))


def test_table_tells_its_size_and_version():
    assert api.table.size == ctypes.sizeof(Table)
    assert api.table.version == 3


def test_memory_is_aligned_and_large_requests_are_refused():
    memory = api.take(1000)
    assert memory % 64 == 0
    api.give(memory)
    api.give(None)
    assert api.take(0) is None
    assert api.take(2**62) is None


def test_errors_belong_to_their_thread():
    api.fail(NULL_POINTER, b"mine")
    seen = []
    thread = threading.Thread(target=lambda: seen.append(api.message()))
    thread.start()
    thread.join()
    assert seen == [""]
    assert api.message() == "mine"


def test_statuses_say_what_is_wrong():
    x, w = normal((1, 4, 8, 8), np.float32), normal((4, 4, 3, 3), np.float32)
    y = np.zeros((1, 4, 6, 6), np.float32)
    n = ctypes.c_size_t()
    desc = conv_desc(x, w)
    arrays = tuple(map(address, (x, w, None, None, y)))
    assert api.conv(desc, *arrays, None, 0) == NULL_POINTER
    assert api.message() == "workspace must not be NULL"
    memory, needed = room(api.conv_workspace, desc, FORWARD)
    assert api.conv(desc, *arrays, address(memory), needed - 1) == SMALL_WORKSPACE
    assert f"{needed} bytes, got {needed - 1}" in api.message()
    huge = conv_desc(x, w, batch=2**46)
    assert api.conv_workspace(huge, FORWARD, ctypes.byref(n)) == TOO_LARGE
    strange = conv_desc(x, w, algorithm=4)
    assert api.conv_workspace(strange, FORWARD, ctypes.byref(n)) == UNSUPPORTED
    assert "algorithm 'pointwise' cannot take this call" in api.message()
    crowded = conv_desc(normal((1, 1, 1, 1), np.float32), w, kernel=2**30, pad=2**30, c_in=4)
    assert api.conv_workspace(crowded, FORWARD, ctypes.byref(n)) == TOO_LARGE
    assert not y.any()


@pytest.mark.parametrize("index", [-1, 36, 2**62])
def test_indices_outside_the_plane_are_refused(index):
    x, dy = normal((1, 1, 6, 6), np.float32), np.ones((1, 1, 3, 3), np.float32)
    desc = pool_desc(x, 2, op=MAX, stride=2)
    indices, dx = np.zeros(dy.shape, np.int64), np.full_like(x, 7)
    indices[0, 0, 1, 1] = index
    pointers = map(address, (dy, None, None, indices, dx))
    assert api.pool_input_grad(desc, *pointers, None, 0) == BAD_INDEX
    assert api.message() == f"indices must be from 0 to 35, got {index} at position 4"
    assert np.all(dx == 7)
