"""What a layer holds: its state, and plans that never outlive the weights they were built from."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import fastconv as fc
from fastconv import nn
from nn_cases import F64, draw


def test_state_has_the_names_and_layouts_of_pytorch():
    model = nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=2),
        nn.BatchNorm2d(num_features=6),
        nn.Sequential(nn.ConvTranspose1d(6, 4, 5, groups=2, bias=False)),
        nn.Residual(nn.Linear(7, 7)),
    )
    shapes = {name: value.shape for name, value in model.state_dict().items()}
    assert shapes == {
        "0.weight": (6, 2, 3, 3),
        "0.bias": (6,),
        "1.weight": (6,),
        "1.bias": (6,),
        "1.running_mean": (6,),
        "1.running_var": (6,),
        "1.num_batches_tracked": (),
        "2.0.weight": (6, 2, 5),
        "3.layer.weight": (7, 7),
        "3.layer.bias": (7,),
    }
    assert set(model.grads) == {k for k in shapes if k.endswith(("weight", "bias"))}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda s: s.pop("0.bias"), ValueError, r"missing \['0.bias'\]"),
        (lambda s: s.update(x=1), ValueError, r"unexpected \['x'\]"),
        (
            lambda s: s.update({"1.weight": np.ones((3, 2), np.float32)}),
            ValueError,
            r"state\['1.weight'\] must have shape \(2, 3\), got \(3, 2\)",
        ),
        (
            lambda s: s.update({"1.weight": np.ones((2, 3))}),
            TypeError,
            r"state\['1.weight'\] must be float32, got float64",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_named_and_changes_nothing(change, error, message):
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    before = model.state_dict()
    state = {name: value + 1 for name, value in before.items()}
    change(state)
    with pytest.raises(error, match=message):
        model.load_state_dict(state)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_state_is_a_copy():
    layer = nn.Linear(2, 2)
    state = layer.state_dict()
    layer.weight += 1
    assert not np.array_equal(state["weight"], layer.weight)


def test_a_new_norm_takes_its_size_from_a_state():
    norm = nn.BatchNorm2d(num_features=3, dtype=np.float64)
    norm(draw(2, 3, 2, 2))
    other = nn.Sequential(nn.BatchNorm2d())
    other.load_state_dict({f"0.{k}": v for k, v in norm.state_dict().items()})
    assert other.eval()(draw(2, 3, 2, 2)).dtype == np.float64
    with pytest.raises(ValueError, match="running_mean"):
        nn.BatchNorm2d().load_state_dict({**norm.state_dict(), "running_mean": np.zeros(2)})


def edits():
    """Every way to change the weights of ``model[0]`` between two calls."""

    def stepped(model):
        for _, grad in model.parameters():
            grad += 1
        nn.SGD(model.parameters(), lr=0.5).step()

    def assigned(model):
        model[0].weight = model[0].weight * 2

    def in_place(model):
        model[0].weight[0, 0, 0, 0] += 1

    def bias_alone(model):
        model[0].bias[1] -= 1

    def loaded(model):
        model.load_state_dict({k: v + 1 for k, v in model.state_dict().items()})

    def trained(model):
        model.train()
        model.backward(model(np.ones((1, 2, 6, 6), np.float32)))
        nn.Adam(model.parameters(), lr=0.1).step()
        model.eval()

    return [stepped, assigned, in_place, bias_alone, loaded, trained]


@pytest.mark.parametrize("edit", edits(), ids=lambda f: f.__name__)
@pytest.mark.parametrize("transposed", [False, True])
def test_a_plan_never_outlives_its_weights(edit, transposed):
    conv = nn.ConvTranspose2d if transposed else nn.Conv2d
    model = nn.Sequential(conv(2, 2, 3, rng=0), nn.Sigmoid()).eval()
    x = draw(1, 2, 6, 6).astype(np.float32)
    old = model(x)
    edit(model)
    function = fc.conv_transpose2d if transposed else fc.conv2d
    fresh = fc.sigmoid(function(x, model[0].weight, model[0].bias))
    new = model(x)
    assert not np.array_equal(new, old)
    np.testing.assert_allclose(new, fresh, rtol=1e-5)


def test_a_plan_is_kept_while_weights_and_shape_stay(monkeypatch):
    built = []

    def counted(*args, **kwargs):
        built.append(args[0])
        return plan(*args, **kwargs)

    plan = fc.Conv2dPlan
    monkeypatch.setattr(fc, "Conv2dPlan", counted)
    layer = nn.Conv2d(1, 1, 3, rng=0).eval()
    layer.weight[0, 0, 1, 1] = np.nan
    for n in (2, 2, 3, 2, 3):
        layer(np.ones((n, 1, 4, 4), np.float32))
    assert built == [(2, 1, 4, 4), (3, 1, 4, 4)]
    with fc.precision("highest"):
        layer(np.ones((2, 1, 4, 4), np.float32))
    assert len(built) == 3
    for n in range(4, 30):
        layer(np.ones((n, 1, 4, 4), np.float32))
    assert len(layer._plans._state[2]) <= 4


def format_of(layer, format_):
    """The layer; a PReLU has its channels where `format_` says."""
    if isinstance(layer, nn.PReLU):
        layer = nn.PReLU(layer.num_parameters, data_format=format_, dtype=np.float64)
        layer.weight = np.linspace(-0.5, 0.5, layer.num_parameters)
    return layer


@pytest.mark.parametrize(
    "activation",
    [
        nn.ReLU(), nn.LeakyReLU(0.3), nn.Sigmoid(), nn.Tanh(), nn.SiLU(), nn.GELU(), nn.Hardswish(),
        nn.Hardsigmoid(), nn.ELU(0.3), nn.Softplus(), nn.PReLU(), nn.PReLU(4),
    ],
)  # fmt: skip
@pytest.mark.parametrize("format_", ["channels_first", "channels_last"])
def test_evaluation_runs_a_convolution_and_its_activation_as_one(monkeypatch, activation, format_):
    asked = []
    plan = fc.Conv2dPlan

    def recorded(*args, **kwargs):
        asked.append(kwargs["activation"])
        return plan(*args, **kwargs)

    monkeypatch.setattr(fc, "Conv2dPlan", recorded)
    conv = nn.Conv2d(4, 4, 3, padding=1, data_format=format_, **F64)
    model = nn.Sequential(conv, format_of(copy.deepcopy(activation), format_), nn.Flatten())
    x = draw(2, 4, 4, 4)
    trained = model(x)
    np.testing.assert_allclose(model.eval()(x), trained, rtol=1e-12, atol=1e-13)
    assert len(asked) == 1
    assert asked[0] is not None


def test_slopes_that_change_are_seen():
    prelu = nn.PReLU(2, dtype=np.float64)
    model = nn.Sequential(nn.Conv1d(1, 2, 3, **F64), prelu)
    x = draw(3, 1, 9)
    for slopes in ([0.5, -1], [0.5, 2], [0.25, 0]):
        prelu.weight = np.array(slopes)
        trained = model.train()(x)
        np.testing.assert_allclose(model.eval()(x), trained, rtol=1e-12)
    prelu.weight[1] = 3
    y = model(x)
    np.testing.assert_allclose(y, model.train()(x), rtol=1e-12)


def test_slopes_that_do_not_fit_are_refused_in_both_modes():
    x = draw(2, 1, 5)
    for wrong in (nn.PReLU(3, dtype=np.float64), nn.PReLU(2)):
        model = nn.Sequential(nn.Conv1d(1, 2, 3, **F64), wrong)
        for mode in (model.train, model.eval):
            with pytest.raises((TypeError, ValueError)):
                mode()(x)


def test_what_cannot_be_fused_still_runs():
    conv = nn.Conv2d(1, 2, 3, activation="relu", **F64)
    model = nn.Sequential(conv, nn.ReLU(), nn.Conv2d(2, 1, 1, **F64), nn.GELU("tanh"))
    x = draw(1, 1, 5, 5)
    trained = model(x)
    np.testing.assert_allclose(model.eval()(x), trained, rtol=1e-12)
    assert nn.Sequential()(x) is x
