"""Evaluation of a `Sequential`: what runs as one call, and that nothing of the layers changes."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import fastconv as fc
from fastconv import nn, reference
from fastconv.nn.activations import Elementwise
from fold_cases import F32, F64, LAST, MODELS, built, conv2d, each_model, norm2d, one_by_one
from nn_cases import draw


@each_model
def test_folding_changes_nothing_but_rounding(name, isa):
    """In float64 within 1e-13 of values near 1: sums of at most 36 terms, each of them rounded once
    more by its folded weight, and what they are multiplied by is at most 2 / sqrt(0.2) < 5."""
    model, x = built(name)
    np.testing.assert_allclose(model(x), one_by_one(model, x), rtol=1e-12, atol=2e-13)


@pytest.mark.parametrize("dtype", [F32, F64])
def test_the_difference_is_what_rounding_explains(dtype, isa):
    """A sum of K terms errs by (K + 2) u of its terms' magnitudes. Folding rounds each weight once
    more, and the bias; without it the sum's error is scaled, and the normalisation adds its own."""
    model, x = built("conv, norm", dtype)
    conv, norm = model
    mean, var = (norm.state_dict()[f"running_{name}"].astype(F64) for name in ("mean", "var"))
    along = (-1, 1, 1)
    scale = np.abs(norm.weight / np.sqrt(var + norm.eps)).reshape(along)
    terms = reference.conv2d(np.abs(x), np.abs(conv.weight)) * scale
    offsets = (np.abs(conv.bias) + np.abs(mean)).reshape(along) * scale
    k, u = conv.weight[0].size, np.finfo(dtype).eps / 2
    with fc.precision("highest"):
        folded, apart = model(x), norm(conv(x))
    bound = (2 * k + 8) * terms + (k + 8) * offsets
    bound += 8 * (np.abs(apart) + np.abs(norm.bias).reshape(along))
    assert (np.abs(folded.astype(F64) - apart) <= u * bound).all()
    assert not np.array_equal(folded, apart)  # it was folded


@each_model
def test_the_same_in_float32(name):
    """Float32 rounds 2**29 times as coarsely."""
    model, x = built(name, F32)
    y = model(x)
    assert y.dtype == F32
    np.testing.assert_allclose(y, one_by_one(model, x), rtol=1e-4, atol=1e-4)


@each_model
def test_what_runs_as_one_call(name, monkeypatch):
    """The numbers of calls are in the table: no pass for a norm that can be folded, nor for an
    activation behind a convolution or norm."""
    model, x = built(name)
    calls = {"plan": 0, "norm": 0, "activation": 0}
    for made in ("Conv2dPlan", "Conv1dPlan", "ConvTranspose2dPlan"):
        monkeypatch.setattr(fc, made, counted(getattr(fc, made), calls))
    plain = fc.batch_norm

    def norm(*args, **kwargs):
        calls["norm"] += 1
        return plain(*args, **kwargs)

    monkeypatch.setattr(fc, "batch_norm", norm)
    model(x)
    model(x)
    _, _, plans, norms = MODELS[name]
    assert calls["plan"] == 2 * plans
    assert calls["norm"] == 2 * norms


def counted(plan, calls):
    class Counted(plan):
        def __call__(self, *args, **kwargs):
            calls["plan"] += 1
            return super().__call__(*args, **kwargs)

    return Counted


def test_the_activation_behind_a_norm_or_a_fold_is_no_pass(monkeypatch):
    def refused(*_):
        raise AssertionError("an activation had a pass of its own")

    monkeypatch.setattr(Elementwise, "forward", refused)
    for name in ("conv, norm, relu", "a norm in front", "a residual block", "a residual norm"):
        model, x = built(name)
        model(x)


@each_model
def test_state_copies_and_modes(name):
    model, x = built(name)
    y = model(x)
    state = {key: value.copy() for key, value in model.state_dict().items()}
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other(x), y)
        assert other.state_dict().keys() == state.keys()
    other = nn.Sequential(*MODELS[name][0](F64)).eval()
    other(x)
    for layer in walk(other):
        for value in layer._values.values():
            value *= 0.5
    other.load_state_dict(state)
    np.testing.assert_array_equal(other(x), y)
    model.train()
    model(x)  # moves the running statistics
    model.load_state_dict(state)
    np.testing.assert_array_equal(model.eval()(x), y)
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[key])


def walk(layer):
    yield layer
    for _, child in layer._children():
        yield from walk(child)


def changes():
    """Every way to change what a folded convolution was computed from."""

    def convolution(model):
        model[0].weight[0, 0, 1, 1] += 1

    def convolution_bias(model):
        model[0].bias = model[0].bias + 1

    def scale(model):
        model[1].weight *= 3

    def shift(model):
        model[1].bias[0] -= 1

    def held_since_long(model):
        model.held *= 2

    def statistics(model):
        model.train()
        model(draw(4, 3, 7, 6))
        model.eval()

    def statistics_of_the_norm_alone(model):
        norm = model[1]
        norm.train()
        norm(draw(4, 5, 7, 6))
        norm.training = False

    def loaded(model):
        model.load_state_dict({k: v * 2 for k, v in model.state_dict().items()})

    def norm_loaded(model):
        model[1].load_state_dict({k: v * 2 for k, v in model[1].state_dict().items()})

    def another_eps(model):
        model[1].eps = 0.5

    def stepped(model):
        for _, grad in model.parameters():
            grad += 1
        nn.SGD(model.parameters(), lr=0.5).step()

    def through_a_slice(model):
        model[:2][1].weight[1] = 7

    def through_a_shallow_copy(model):
        copy.copy(model[1]).weight[1] = 7

    return [v for v in locals().values() if callable(v)]


@pytest.mark.parametrize("change", changes(), ids=lambda f: f.__name__)
@pytest.mark.parametrize("hold", [False, True], ids=["", "while somebody holds the weights"])
def test_a_change_by_any_route_is_seen(change, hold):
    model, x = built("conv, norm, relu")
    if hold or change.__name__ == "held_since_long":
        model.held = model[0].weight
    old = [model(x) for _ in range(3)][-1]
    change(model)
    for _ in range(2):
        new = model(x)
        assert not np.array_equal(new, old)
        np.testing.assert_allclose(new, one_by_one(model, x), rtol=1e-12, atol=2e-13)


def test_a_layer_in_training_is_not_folded():
    model, x = built("conv, norm, relu")
    model(x)
    model[1].train()
    y = model(x)
    np.testing.assert_allclose(y.min(), 0)
    assert model[1]._buffers["num_batches_tracked"] == 4
    model[1].eval()
    np.testing.assert_allclose(model(x), one_by_one(model, x), rtol=1e-12, atol=2e-13)


@pytest.mark.parametrize(
    ("norm", "shape", "message"),
    [
        (lambda: norm2d(4), (2, 3, 7, 6), "x must have 4 channels"),
        (lambda: norm2d(5), (3, 7, 6), "BatchNorm2d takes 4 axes"),
        (lambda: nn.BatchNorm1d(num_features=5, dtype=F64), (2, 3, 7, 6), "BatchNorm1d takes"),
        (lambda: norm2d(5, F32), (2, 3, 7, 6), "x must be float32"),
    ],
)
def test_a_norm_that_does_not_fit_says_so(norm, shape, message):
    model = nn.Sequential(conv2d(3, 5, 3), norm()).eval()
    for _ in range(2):
        with pytest.raises((ValueError, TypeError), match=message):
            model(np.ones(shape))


def test_a_norm_of_another_layout_is_not_folded():
    """Its channels are the columns, which happen to be as many."""
    model = nn.Sequential(conv2d(3, 5, 1), norm2d(5, **LAST)).eval()
    x = draw(2, 3, 7, 5)
    np.testing.assert_allclose(model(x), one_by_one(model, x), rtol=1e-12, atol=2e-13)


def test_a_norm_that_has_not_met_its_channels_yet():
    model = nn.Sequential(conv2d(3, 5, 1), nn.BatchNorm2d(), nn.ReLU()).eval()
    x = draw(2, 3, 7, 5)
    first, second = model(x), model(x)
    np.testing.assert_allclose(first, second, rtol=1e-12, atol=2e-13)
    assert "1.weight" in model.state_dict()


def test_a_residual_that_does_not_keep_the_shape_says_so():
    for layer in (conv2d(3, 3, 2), nn.Sequential(conv2d(3, 1, 1), norm2d(1)), norm2d(3)):
        model = nn.Sequential(nn.Residual(layer), nn.ReLU()).eval()
        if isinstance(layer, nn.BatchNorm2d):
            model = nn.Sequential(nn.Residual(nn.Sequential(layer, nn.MaxPool2d(2)))).eval()
        with pytest.raises(ValueError, match="inside Residual must"):
            model(draw(1, 3, 4, 4))


def test_nothing_that_is_not_finite_is_lost():
    model, x = built("conv, norm, relu")
    x[0, 1, 3, 3] = np.nan
    y = model(x)
    assert np.isnan(y[0, :, 2:5, 2:5]).all()
    assert np.isfinite(y[1]).all()
    model[1]._buffers["running_var"][1] = -5
    with np.errstate(all="raise"):
        y = model.eval()(x)
    assert np.isnan(y[:, 1]).all()
    assert np.isfinite(y[1, 0]).all()


def test_threads_may_share_a_model():
    """One of them changes the weights; what is computed afterwards is from the new ones."""
    from concurrent.futures import ThreadPoolExecutor

    model, x = built("conv, norm, relu", F32)
    with ThreadPoolExecutor(4) as pool:
        for turn in range(20):
            model[0].weight[0, 0, 0, 0] = turn
            wanted = one_by_one(model, x)
            for y in pool.map(lambda _: model(x), range(8)):
                np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-4)
