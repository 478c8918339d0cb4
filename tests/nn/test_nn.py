"""Every layer: gradients by finite differences, shapes, modes, copies, dtypes, state."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from fastconv import nn
from nn_cases import F64, FLOAT64, LAYERS, WITHOUT_NORMS, draw, each_layer, made

RNG = np.random.default_rng(7)


def slope(f, array, direction, step=1e-6):
    """The central difference of `f` as `array` moves in `direction`."""
    array += step * direction
    above = f()
    array -= 2 * step * direction
    below = f()
    array += step * direction
    return (above - below) / (2 * step)


def check_gradients(layer, x, tolerance=2e-7):
    """Compare every gradient with differences of ``sum(dy * layer(x))`` along random directions."""
    dy = np.random.default_rng(5).standard_normal(layer(x).shape)
    layer.zero_grad()
    dx = layer.backward(dy)
    assert dx.shape == x.shape
    assert dx.dtype == np.float64
    pairs = [(x, dx), *layer.parameters()]
    for value, grad in pairs:
        exact = grad.copy()
        for _ in range(2):
            direction = RNG.standard_normal(value.shape)
            want = slope(lambda: float((dy * layer(x)).sum()), value, direction)
            got = float((exact * direction).sum())
            assert got == pytest.approx(want, rel=tolerance, abs=tolerance * 10)


@each_layer
def test_gradients_are_those_of_finite_differences(name):
    check_gradients(*made(name))


@each_layer
def test_output_shape_is_that_of_the_output(name):
    layer, x = made(name)
    assert layer.output_shape(x.shape) == layer(x).shape


@pytest.mark.parametrize("name", WITHOUT_NORMS)
def test_evaluation_gives_what_training_gave(name):
    layer, x = made(name)
    trained = layer(x)
    np.testing.assert_allclose(layer.eval()(x), trained, rtol=1e-12, atol=1e-12)


@each_layer
def test_copies_and_pickles_compute_the_same_and_drop_the_caches(name):
    layer, x = made(name)
    layer(x)
    layer.eval()
    y = layer(x)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(twin(x), y)
        with pytest.raises(ValueError, match="training mode"):
            twin.backward(y)
        for value, _ in twin.parameters():
            assert not any(np.shares_memory(value, mine) for mine, _ in layer.parameters())


@pytest.mark.parametrize("name", FLOAT64)
def test_layers_of_float64_refuse_float32(name):
    layer, x = made(name)
    for mode in (layer.train, layer.eval):
        with pytest.raises(TypeError, match=r"must be float64.*got float32"):
            mode()(x.astype(np.float32))


@pytest.mark.parametrize("name", [name for name in LAYERS if name != "sequential"])
def test_float32_stays_float32(name, monkeypatch):
    monkeypatch.setitem(F64, "dtype", np.float32)
    make, shape = LAYERS[name]
    layer = make() if name != "batch_norm2d" else nn.BatchNorm2d(num_features=3)
    x = draw(*shape).astype(np.float32)
    y = layer(x)
    assert y.dtype == np.float32
    assert layer.backward(y).dtype == np.float32
    assert all(a.dtype == np.float32 for pair in layer.parameters() for a in pair)
    assert layer.eval()(x).dtype == np.float32


@each_layer
def test_a_state_survives_the_round_trip(name):
    layer, x = made(name)
    layer(x)
    state = layer.state_dict()
    y = layer.eval()(x)
    other = LAYERS[name][0]()
    for value, _ in layer.parameters():
        value += 1
    other.load_state_dict(state)
    np.testing.assert_array_equal(other.eval()(x), y)


def test_gradients_add_up_until_they_are_zeroed():
    layer, x = nn.Conv2d(1, 2, 3, rng=0), np.ones((1, 1, 4, 4), np.float32)
    y = layer(x)
    layer.backward(y)
    once = {name: grad.copy() for name, grad in layer.grads.items()}
    layer.backward(y)
    for name, grad in layer.grads.items():
        np.testing.assert_array_equal(grad, 2 * once[name])
    layer.zero_grad()
    assert all(not grad.any() for _, grad in layer.parameters())


def test_backward_needs_a_training_call():
    layer = nn.Conv2d(1, 1, 1)
    with pytest.raises(ValueError, match=r"Conv2d\.backward needs a forward call in training"):
        layer.backward(np.ones((1, 1, 2, 2), np.float32))
