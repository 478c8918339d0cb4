"""The arithmetic of convolution, run through the compiled functions; and causality."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from algorithms import ANY_SHAPE
from arithmetic import CONVOLUTIONS, FACTS, TRANSPOSED
from fastconv import grad, reference

pytestmark = pytest.mark.usefixtures("plain_sums")

ALGORITHMS = ("auto", *ANY_SHAPE)


def each(table):
    return pytest.mark.parametrize("row", table, ids=lambda row: row.why.replace(" ", "-"))


def data(shape):
    return np.random.default_rng(sum(shape)).integers(-9, 10, shape).astype(np.float32)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@each(CONVOLUTIONS)
def test_convolutions(row, isa, algorithm):
    """Along a line, and with the same relation along both axes of a plane."""
    where = {"stride": row.stride, "padding": row.padding, "dilation": row.dilation}
    x, w = data((2, 3, row.input)), data((4, 3, row.kernel))
    y = fastconv.conv1d(x, w, **where, algorithm=algorithm)
    assert y.shape == fastconv.conv_output_shape(x.shape, w.shape, **where) == (2, 4, row.output)
    np.testing.assert_array_equal(y, reference.conv1d(x, w, **where))
    x, w = data((2, 3, row.input, row.input)), data((4, 3, row.kernel, row.kernel))
    y = fastconv.conv2d(x, w, **where, algorithm=algorithm)
    assert y.shape == fastconv.conv_output_shape(x.shape, w.shape, **where)
    np.testing.assert_array_equal(y, reference.conv2d(x, w, **where))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@each(TRANSPOSED)
def test_transposed_convolutions(row, isa, algorithm):
    where = {"stride": row.stride, "padding": row.padding, "dilation": row.dilation}
    more = {**where, "output_padding": row.output_padding}
    x, w = data((2, 3, row.input)), data((3, 4, row.kernel))
    y = fastconv.conv_transpose1d(x, w, **more, algorithm=algorithm)
    shape = fastconv.conv_transpose_output_shape(x.shape, w.shape, **more)
    assert y.shape == shape == (2, 4, row.output)
    np.testing.assert_array_equal(y, reference.conv_transpose1d(x, w, **more))
    if row.output_padding < row.stride:  # no window of the convolution from there is left out
        np.testing.assert_array_equal(grad.conv1d_input(y.shape, w, x, **where), y)
    x, w = data((2, 3, row.input, row.input)), data((3, 4, row.kernel, row.kernel))
    y = fastconv.conv_transpose2d(x, w, **more, algorithm=algorithm)
    np.testing.assert_array_equal(y, reference.conv_transpose2d(x, w, **more))


@each([fact for fact in FACTS if fact.weight])
def test_facts_of_convolutions(row, isa):
    function, oracle = getattr(fastconv, row.function), getattr(reference, row.function)
    x, w = data((1, *row.input)), data(row.weight)
    for algorithm in ALGORITHMS:
        y = function(x, w, **row.options, algorithm=algorithm)
        assert y.shape == (1, *row.output)
        np.testing.assert_array_equal(y, oracle(x, w, **row.options))
    assert function(x[0], w, **row.options).shape == row.output


@each([fact for fact in FACTS if not fact.weight])
def test_facts_of_pools(row):
    function = getattr(fastconv, row.function)
    x = data((1, *row.input))
    y = function(x, **row.options)
    assert y.shape == (1, *row.output)
    np.testing.assert_allclose(y, getattr(reference, row.function)(x, **row.options), rtol=1e-6)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("dilation", [2**i for i in range(10)])
def test_causal_outputs_do_not_see_the_future(dilation, algorithm, isa):
    rng = np.random.default_rng(dilation)
    x, w = rng.standard_normal((1, 3, 600)).astype(np.float32), data((4, 3, 2))
    call = {"padding": "causal", "dilation": dilation, "algorithm": algorithm}
    before = fastconv.conv1d(x, w, **call)
    for t in (0, 1, 300, 511, 512, 598):
        changed = x.copy()
        changed[..., t + 1 :] = rng.standard_normal(600 - t - 1)
        after = fastconv.conv1d(changed, w, **call)
        assert after[..., : t + 1].tobytes() == before[..., : t + 1].tobytes()
        assert np.any(after[..., t + 1] != before[..., t + 1])


def test_a_causal_stack_sees_as_far_back_as_its_receptive_field():
    layers = [(3, 1, 2**i) for i in range(6)]
    field = fastconv.receptive_field(layers)
    assert field == 1 + 2 * (1 + 2 + 4 + 8 + 16 + 32)

    def run(x):
        for kernel, _, dilation in layers:
            x = fastconv.conv1d(x, np.ones((1, 1, kernel)), padding="causal", dilation=dilation)
        return x

    x = np.zeros((1, 1, 300))
    x[0, 0, 100] = 1
    (seen,) = np.nonzero(run(x)[0, 0])
    assert seen.min() == 100
    assert seen.max() == 100 + field - 1


def test_a_strided_stack_sees_as_far_as_its_receptive_field():
    layers = [(7, 2, 1), (3, 2, 1), (3, 1, 2), (1, 1, 1), (3, 2, 1)]
    field = fastconv.receptive_field(layers)
    x = np.random.default_rng(0).random(field + 40)

    def first(x):
        x = x.reshape(1, 1, -1)
        for kernel, stride, dilation in layers:
            x = fastconv.conv1d(x, np.ones((1, 1, kernel)), stride=stride, dilation=dilation)
        return x[0, 0, 0]

    changes = []
    for i in range(len(x)):
        changed = x.copy()
        changed[i] += 1
        changes.append(first(changed) != first(x))
    assert changes == [True] * field + [False] * 40
