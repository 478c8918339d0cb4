"""Losses, optimisers, `fit`, and the summary."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import fastconv as fc
from fastconv import nn

# Losses


def central(loss, y, target, step=1e-6):
    """The gradient of a loss by central differences, one element after the other."""
    grad = np.zeros_like(y)
    for i in np.ndindex(y.shape):
        above, below = y.copy(), y.copy()
        above[i] += step
        below[i] -= step
        grad[i] = (loss(above, target)[0] - loss(below, target)[0]) / (2 * step)
    return grad


@pytest.mark.parametrize(
    ("shape", "target"),
    [
        ((3, 4), np.array([0, 3, 1])),
        ((3, 4), np.eye(4)[[2, 2, 0]]),
        ((3, 4), np.eye(4, dtype=np.int64)[[2, 2, 0]]),
        ((2, 3), np.array([[0.2, 0.3, 0.5], [1, 0.5, 0]])),
        ((2, 3, 2, 2), np.arange(8).reshape(2, 2, 2) % 3),
        ((4,), np.array(2)),
    ],
    ids=["classes", "one-hot", "integer-one-hot", "weights", "pixels", "one-sample"],
)
def test_cross_entropy_is_its_definition(shape, target):
    y = np.random.default_rng(0).standard_normal(shape)
    axis = min(1, y.ndim - 1)
    chance = np.exp(y) / np.exp(y).sum(axis, keepdims=True)
    full = target
    if target.shape != shape:
        full = np.moveaxis(np.eye(shape[axis])[target], -1, axis)
    want = -(full * np.log(chance)).sum() / (y.size / shape[axis])
    value, grad = nn.SoftmaxCrossEntropy()(y, target)
    assert value == pytest.approx(want, rel=1e-12)
    np.testing.assert_allclose(
        grad, central(nn.SoftmaxCrossEntropy(), y, target), rtol=1e-6, atol=1e-9
    )


def test_cross_entropy_is_stable():
    value, grad = nn.SoftmaxCrossEntropy()(np.float32([[1e4, 0], [0, 1e4]]), np.array([0, 0]))
    assert value == 5000
    np.testing.assert_array_equal(grad, np.float32([[0, 0], [-0.5, 0.5]]))
    assert grad.dtype == np.float32


def test_cross_entropy_names_what_does_not_fit():
    loss, y = nn.SoftmaxCrossEntropy(), np.zeros((2, 3), np.float32)
    with pytest.raises(IndexError, match=r"\[0, 3\), got 1 to 3"):
        loss(y, np.array([1, 3]))
    with pytest.raises(IndexError, match="got -1"):
        loss(y, np.array([1, -1]))
    with pytest.raises(TypeError, match="integer class indices, got float64"):
        loss(y, np.array([1.0, 2.0]))
    with pytest.raises(TypeError, match="target must be float32"):
        loss(y, np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"target must have shape \(2,\) or \(2, 3\)"):
        loss(y, np.array([1, 2, 0]))


def test_mse_is_its_definition_and_never_broadcasts():
    y, target = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[0.0, 2.0], [3.0, 1.0]])
    value, grad = nn.MSE()(y, target)
    assert value == (1 + 16) / 4
    np.testing.assert_array_equal(grad, [[0.5, 0], [0, 2]])
    with pytest.raises(ValueError, match=r"target must have shape \(2, 2\)"):
        nn.MSE()(y, target[0])


# Optimisers


def test_sgd_steps_by_hand():
    value, grad = np.array([1.0, -2.0]), np.array([0.5, 1.0])
    sgd = nn.SGD([(value, grad)], lr=0.1, momentum=0.9, weight_decay=0.5)
    sgd.step()
    # g = [0.5 + 0.5, 1 - 1], v = g
    np.testing.assert_allclose(value, [0.9, -2.0], rtol=1e-15)
    sgd.step()
    # g = [0.5 + 0.45, 0], v = 0.9 * [1, 0] + g
    np.testing.assert_allclose(value, [0.9 - 0.1 * 1.85, -2.0], rtol=1e-15)
    np.testing.assert_array_equal(grad, [0.5, 1.0])


def test_adam_steps_by_hand():
    value, grad = np.array([1.0]), np.array([2.0])
    adam = nn.Adam([(value, grad)], lr=0.1, betas=(0.5, 0.75), eps=0.5, weight_decay=1)
    adam.step()
    # g = 3, m = 1.5, v = 2.25: the corrected moments are 3 and 9
    first = 1 - 0.1 * 3 / (3 + 0.5)
    np.testing.assert_allclose(value, [first], rtol=1e-14)
    grad[:] = -1
    adam.step()
    g = -1 + first
    m, v = 0.5 * 1.5 + 0.5 * g, 0.75 * 2.25 + 0.25 * g * g
    second = first - 0.1 * (m / 0.75) / (np.sqrt(v / 0.4375) + 0.5)
    np.testing.assert_allclose(value, [second], rtol=1e-14)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: nn.SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
        lambda p: nn.Adam(p, 0.1, weight_decay=0.01),
    ],
)
def test_steps_stay_in_place_and_in_float32(make):
    layer = nn.Linear(3, 2, rng=0)
    array, before = layer.weight, layer.weight.copy()
    layer.grads["weight"][...] = 1
    optimizer = make(layer.parameters())
    optimizer.step()
    optimizer.step()
    assert layer.weight is array
    assert array.dtype == np.float32
    assert (array < before).all()


def test_an_optimiser_finds_layers_that_learn_their_size_late():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm1d())
    sgd = nn.SGD(model.parameters(), lr=1)
    model.backward(model(np.random.default_rng(0).standard_normal((5, 3), np.float32)))
    sgd.step()
    assert not np.array_equal(model[1].weight, np.ones(4))


# fit


def problem():
    """Vertical against horizontal stripes, with noise."""
    rng = np.random.default_rng(0)
    stripes = np.where(np.arange(6) % 2, 1, -1) * np.ones((6, 1))
    classes = rng.integers(0, 2, 60)
    images = np.stack([stripes.T if c else stripes for c in classes])
    return (images + 0.3 * rng.standard_normal(images.shape)).astype(np.float32)[:, None], classes


def train(**more):
    x, classes = problem()
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, rng=1), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(4, 2)
    )
    model[4].load_state_dict(nn.Linear(4, 2, rng=2).state_dict())
    optimizer = nn.Adam(model.parameters(), lr=0.02)
    settings = {"epochs": 8, "batch_size": 16, "rng": 3, "progress": False, **more}
    return model, nn.fit(
        model, x, classes, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, **settings
    )


def test_fit_learns_and_keeps_a_history():
    x, classes = problem()
    model, history = train(validation=(x[:20], classes[:20]))
    assert set(history) == {"loss", "accuracy", "seconds", "val_loss", "val_accuracy"}
    assert all(len(values) == 8 for values in history.values())
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert history["val_accuracy"][-1] == 1
    assert not model.training
    value, _ = nn.SoftmaxCrossEntropy()(model(x[:20]), classes[:20])
    assert value == pytest.approx(history["val_loss"][-1], rel=1e-5)


def test_fit_is_its_seed():
    assert train()[1]["loss"] == train()[1]["loss"]
    assert train()[1]["loss"] != train(rng=4)[1]["loss"]


def test_fit_writes_a_line_an_epoch_where_tqdm_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    _, history = train(progress=True, epochs=2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[1].startswith(f"epoch 2/2  loss {history['loss'][1]:.4f}")


def test_fit_names_what_does_not_fit():
    x, classes = problem()
    with pytest.raises(ValueError, match="equally many samples"):
        nn.fit(nn.ReLU(), x, classes[1:], loss=nn.MSE(), optimizer=None, epochs=1, batch_size=1)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        train(batch_size=0)
    with pytest.raises(TypeError, match="validation must be a pair"):
        train(validation=x)


# Summary


def classic():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def test_summary_counts():
    rows = classic().summary((1, 8, 8)).splitlines()
    cells = [row.split("  ") for row in rows]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in cells]
    assert cells[0] == ["layer", "output shape", "parameters", "FLOPs", "receptive field"]
    assert cells[2] == [
        "0 Conv2d(1, 32, 3x3, padding='same')",
        "(32, 8, 8)",
        "320",
        "36,864",
        "3x3",
    ]
    assert cells[5][1:] == ["(64, 4, 4)", "18,496", "589,824", "8x8"]
    assert cells[7][1:] == ["(64, 2, 2)", "0", "0", "10x10"]
    assert cells[9][1:] == ["(128,)", "32,896", "65,536", "all"]
    assert cells[-1] == ["total", "53,002", "694,784"]


def test_summary_takes_a_batch_and_doubles_its_flops():
    text = classic().summary((2, 1, 8, 8))
    assert "(2, 64, 4, 4)" in text
    assert f"{2 * 694_784:,}" in text


@pytest.mark.parametrize("layers", [[(3, 1, 1)], [(3, 2, 1), (3, 1, 2), (2, 2, 1), (5, 1, 1)]])
def test_summary_agrees_with_receptive_field(layers):
    model = nn.Sequential(*(nn.Conv1d(1, 1, k, stride=s, dilation=d) for k, s, d in layers))
    last = model.summary((1, 200)).splitlines()[-3]
    assert last.split()[-1] == str(fc.receptive_field(layers))


def test_summary_opens_containers():
    block = nn.Residual(nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU()))
    model = nn.Sequential(nn.ConvTranspose2d(1, 2, 4, stride=2, padding=1), block)
    text = model.summary((1, 4, 4))
    rows = text.splitlines()
    assert "(2, 8, 8)" in rows[2]
    # Four taps at stride 2: every output sees two inputs.
    assert rows[2].split()[-1] == "2x2"
    assert rows[3].split()[:2] == ["1", "Residual"]
    assert rows[5].split()[:2] == ["1.layer.0", "Conv2d(2,"]
    assert rows[-1].split() == ["total", "72", f"{2 * 16 * 32 + 2 * 64 * 36:,}"]
