"""Losses with weights, schedules, callbacks, and the best state."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from fastconv import nn
from fastconv._progress import reporter

RNG = np.random.default_rng(3)


def central(loss, y, target, step=1e-6):
    """The gradient of a loss by central differences, one element after the other."""
    grad = np.zeros_like(y)
    for i in np.ndindex(y.shape):
        above, below = y.copy(), y.copy()
        above[i] += step
        below[i] -= step
        grad[i] = (loss(above, target)[0] - loss(below, target)[0]) / (2 * step)
    return grad


# Losses


@pytest.mark.parametrize("weight", [None, [1, 2, 0.5, 0]])
@pytest.mark.parametrize("smoothing", [0, 0.2])
@pytest.mark.parametrize(
    ("shape", "target"),
    [
        ((3, 4), np.array([0, 2, 1])),
        ((3, 4), np.eye(4)[[2, 2, 0]]),
        ((2, 4, 2), np.array([[0, 1], [3, 1]])),
        ((4,), np.array(2)),
    ],
    ids=["classes", "one-hot", "pixels", "one-sample"],
)
def test_cross_entropy_with_weights_and_smoothing(weight, smoothing, shape, target):
    y, axis = RNG.standard_normal(shape), min(1, len(shape) - 1)
    loss = nn.SoftmaxCrossEntropy(weight, smoothing)
    rows = np.moveaxis(y, axis, -1).reshape(-1, 4)
    classes = target.ndim < len(shape)
    full = np.eye(4)[target.reshape(-1)] if classes else target
    w = np.ones(4) if weight is None else np.array(weight)
    chance = np.exp(rows) / np.exp(rows).sum(1, keepdims=True)
    smoothed = full * (1 - smoothing) + smoothing / 4
    total = (full * w).sum() if classes else len(rows)
    want = -(smoothed * w * np.log(chance)).sum() / total
    value, grad = loss(y, target)
    assert value == pytest.approx(want, rel=1e-12)
    np.testing.assert_allclose(grad, central(loss, y, target), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("weight", [None, 0.5, [1, 2, 0.5]])
@pytest.mark.parametrize("positive", [None, 3, [1, 2, 0.5]])
def test_binary_cross_entropy_is_its_definition(weight, positive):
    y, target = RNG.standard_normal((4, 3)), RNG.integers(0, 2, (4, 3))
    loss = nn.BCEWithLogits(weight, pos_weight=positive)
    p = 1 / (1 + np.exp(-y))
    each = -(target * np.log(p) * np.array(1 if positive is None else positive))
    each -= (1 - target) * np.log(1 - p)
    value, grad = loss(y, target)
    assert value == pytest.approx(float((each * np.array(1 if weight is None else weight)).mean()))
    np.testing.assert_allclose(grad, central(loss, y, target), rtol=1e-6, atol=1e-9)


def test_binary_cross_entropy_is_stable():
    value, grad = nn.BCEWithLogits()(np.float32([1e4, -1e4, 1e4]), np.array([False, True, True]))
    assert value == pytest.approx(2e4 / 3)
    np.testing.assert_allclose(grad, np.float32([1, -1, 0]) / 3)
    assert grad.dtype == np.float32
    assert math.isnan(nn.BCEWithLogits()(np.ones((0, 2)), np.ones((0, 2)))[0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.SoftmaxCrossEntropy([1, -1]), ValueError, "finite and not negative"),
        (lambda: nn.SoftmaxCrossEntropy([[1]]), ValueError, r"weight must have shape \(C,\)"),
        (lambda: nn.SoftmaxCrossEntropy(["a"]), TypeError, "weight must hold numbers"),
        (lambda: nn.SoftmaxCrossEntropy(None, 2), ValueError, "label_smoothing must lie in"),
        (
            lambda: nn.SoftmaxCrossEntropy([1, 1])(np.ones((1, 3)), np.array([0])),
            ValueError,
            r"weight must have shape \(3,\)",
        ),
        (lambda: nn.BCEWithLogits()(np.ones((1, 3)), [1]), ValueError, "target must have shape"),
        (
            lambda: nn.BCEWithLogits()(np.ones(3, np.float32), np.ones(3)),
            TypeError,
            "target must be float32",
        ),
        (
            lambda: nn.BCEWithLogits(pos_weight=[1, 2])(np.ones(3), np.ones(3)),
            ValueError,
            "pos_weight must broadcast",
        ),
    ],
)
def test_bad_weights_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_nothing_counts_where_all_weights_are_zero():
    value, grad = nn.SoftmaxCrossEntropy([0, 1])(np.ones((2, 2)), np.array([0, 0]))
    assert math.isnan(value)
    assert not grad.any()


# Schedules


def sgd(lr=1.0):
    return nn.SGD([(np.zeros(1), np.zeros(1))], lr=lr)


@pytest.mark.parametrize(
    ("make", "want"),
    [
        (lambda o: nn.StepLR(o, 2, 0.5), [1, 1, 0.5, 0.5, 0.25]),
        (lambda o: nn.MultiStepLR(o, [3, 1], 0.5), [1, 0.5, 0.5, 0.25, 0.25]),
        (lambda o: nn.ExponentialLR(o, 0.5), [1, 0.5, 0.25, 0.125, 0.0625]),
        (lambda o: nn.LambdaLR(o, lambda epoch: 1 / (1 + epoch)), [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]),
        (
            lambda o: nn.CosineLR(o, 4, least=0.2),
            [1, 0.6 + 0.4 * 0.5**0.5, 0.6, 0.6 - 0.4 * 0.5**0.5, 0.2],
        ),
        (lambda o: nn.CosineLR(o, 4, warmup=2), [0.5, 1, 1, 0.5, 0]),
    ],
)
def test_schedules_by_hand(make, want):
    optimizer = sgd()
    schedule, rates = make(optimizer), []
    for epoch in range(len(want)):
        rates.append(optimizer.lr)
        schedule(epoch, {})
    np.testing.assert_allclose(rates, want, atol=1e-15)


def test_a_plateau_lowers_the_rate_and_stops_at_the_least():
    optimizer = sgd()
    plateau = nn.ReduceLROnPlateau(optimizer, "accuracy", factor=0.5, patience=1, least=0.3)
    rates = []
    for accuracy in [0.5, 0.6, 0.6, 0.5, 0.6, 0.55, float("nan"), 0.7, 0.7, 0.7]:
        plateau(0, {"accuracy": accuracy})
        rates.append(optimizer.lr)
    assert rates == [1, 1, 1, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.StepLR(None, 1), TypeError, "optimizer must be a fastconv.nn optimiser"),
        (lambda: nn.StepLR(sgd(), 0), ValueError, "step_size must be at least 1"),
        (lambda: nn.CosineLR(sgd(), 3, warmup=3), ValueError, "warmup must be less than"),
        (lambda: nn.LambdaLR(sgd(), 3), TypeError, "function must be callable"),
        (lambda: nn.LambdaLR(sgd(), lambda _: -1), ValueError, "the factor of LambdaLR"),
        (lambda: nn.EarlyStopping(3), TypeError, "monitor must be the name"),
        (lambda: nn.EarlyStopping()(0, {"loss": 1.0}), ValueError, r"\['loss'\], got 'val_loss'"),
        (lambda: nn.ReduceLROnPlateau(1), TypeError, "optimizer must be"),
    ],
)
def test_bad_settings_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


# fit


def stripes():
    """Vertical against horizontal stripes, with noise."""
    rng = np.random.default_rng(0)
    lines = np.where(np.arange(6) % 2, 1, -1) * np.ones((6, 1))
    classes = rng.integers(0, 2, 60)
    images = np.stack([lines.T if c else lines for c in classes])
    return (images + 0.3 * rng.standard_normal(images.shape)).astype(np.float32)[:, None], classes


def train(lr=0.02, epochs=6, **more):
    x, classes = stripes()
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, rng=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2, rng=2)
    )
    optimizer = nn.SGD(model.parameters(), lr=lr)
    history = nn.fit(
        model, x[:40], classes[:40], loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer,
        epochs=epochs, batch_size=16, rng=3, progress=False,
        validation=(x[40:], classes[40:]), **more,
    )  # fmt: skip
    return model, history, optimizer


def test_fit_calls_back_after_each_epoch():
    seen = []
    _, history, _ = train(epochs=3, callbacks=[lambda epoch, values: seen.append((epoch, values))])
    assert [epoch for epoch, _ in seen] == [0, 1, 2]
    for name, values in history.items():
        assert values == [each[name] for _, each in seen]


def test_fit_ends_where_a_callback_says_so_and_asks_all_of_them():
    calls = []
    _, history, _ = train(
        callbacks=[lambda epoch, _: epoch == 1, lambda epoch, _: calls.append(epoch)]
    )
    assert len(history["loss"]) == 2
    assert calls == [0, 1]


def test_fit_keeps_the_best_state():
    # Steps that are far too large from the third epoch on: the loss rises again.
    class Ruin:
        def __call__(self, epoch, values):
            if epoch == 2:
                for value, _ in self.model.parameters():
                    value *= -3

    x, classes = stripes()
    loss, ruin = nn.SoftmaxCrossEntropy(), Ruin()
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 2, rng=0))
    ruin.model = model
    history = nn.fit(
        model, x, classes, loss=loss, optimizer=nn.SGD(model.parameters(), lr=0.02), epochs=4,
        batch_size=20, rng=0, progress=False, validation=(x, classes), callbacks=[ruin],
        keep_best="val_loss",
    )  # fmt: skip
    assert min(history["val_loss"]) < history["val_loss"][-1]
    assert loss(model(x), classes)[0] == pytest.approx(min(history["val_loss"]), rel=1e-5)


def test_early_stopping_and_schedules_are_callbacks():
    x, classes = stripes()
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 2, rng=0))
    optimizer = nn.SGD(model.parameters(), lr=0.0)
    history = nn.fit(
        model, x, classes, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, epochs=9,
        batch_size=60, rng=0, progress=False, validation=(x, classes),
        callbacks=[nn.StepLR(optimizer, 1), nn.EarlyStopping(patience=2)],
    )  # fmt: skip
    assert len(history["loss"]) == 4


def test_fit_names_bad_callbacks_before_it_trains():
    with pytest.raises(TypeError, match="callbacks must be callables, got 3"):
        train(callbacks=[3])
    with pytest.raises(ValueError, match="monitor must be a value of the history"):
        train(keep_best="val_los")


def test_an_optimiser_zeroes_gradients():
    layer = nn.Linear(2, 2, rng=0)
    optimizer = nn.SGD(layer.parameters(), lr=1)
    layer.backward(layer(np.ones((1, 2), np.float32)))
    optimizer.zero_grad()
    assert not any(grad.any() for _, grad in layer.parameters())


# Progress


class Terminal:
    """Standard error that says it is one."""

    def __init__(self, is_one):
        self.is_one, self.text = is_one, ""

    def isatty(self):
        return self.is_one

    def write(self, text):
        self.text += text

    def flush(self):
        return


def shown(monkeypatch, is_one):
    stderr = Terminal(is_one)
    monkeypatch.setattr(sys, "stderr", stderr)
    with reporter("epoch", 2, 3, "batch") as report:
        for _ in range(2):
            for _ in range(3):
                report.part("loss 1")
            report.whole("loss 2")
    return stderr.text


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(monkeypatch):
    assert shown(monkeypatch, False) == "epoch 1/2  loss 2\nepoch 2/2  loss 2\n"
    pytest.importorskip("tqdm", reason="draws the bar")
    text = shown(monkeypatch, True)
    assert "6/6" in text
    assert "\r" in text


def test_progress_is_lines_on_a_terminal_without_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert shown(monkeypatch, True) == "epoch 1/2  loss 2\nepoch 2/2  loss 2\n"
