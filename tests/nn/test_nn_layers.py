"""Single layers against their definitions, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from fastconv import nn
from nn_cases import draw


def test_linear_and_its_gradient_by_hand():
    layer = nn.Linear(2, 1)
    layer.weight, layer.bias = np.float32([[2, 3]]), np.float32([1])
    np.testing.assert_array_equal(layer(np.float32([[1, 1], [0, 2]])), [[6], [7]])
    np.testing.assert_array_equal(layer.backward(np.float32([[1], [10]])), [[2, 3], [20, 30]])
    np.testing.assert_array_equal(layer.grads["weight"], [[1, 21]])
    np.testing.assert_array_equal(layer.grads["bias"], [11])
    assert nn.Dense is nn.Linear
    with pytest.raises(ValueError, match=r"weight must have shape \(1, 2\)"):
        layer.weight = np.float32([1, 2])


def test_initial_weights_fill_the_kaiming_interval():
    layer = nn.Conv2d(16, 64, 3, groups=2, rng=0)
    bound = (8 * 9) ** -0.5
    assert 0.99 * bound < np.abs(layer.weight).max() <= bound
    assert np.abs(layer.bias).max() <= bound
    np.testing.assert_allclose(layer.weight.std(), bound / 3**0.5, rtol=0.02)
    np.testing.assert_array_equal(layer.weight, nn.Conv2d(16, 64, 3, groups=2, rng=0).weight)
    generator = np.random.default_rng(0)
    first, second = nn.Linear(3, 3, rng=generator), nn.Linear(3, 3, rng=generator)
    assert not np.array_equal(first.weight, second.weight)


def test_batch_norm_normalises_and_tracks():
    x = 3 + 2 * draw(8, 2, 3, 3)
    norm = nn.BatchNorm2d(eps=0, momentum=0.25)
    y = norm(x)
    np.testing.assert_allclose(y.mean((0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.var((0, 2, 3)), 1)
    state = norm.state_dict()
    np.testing.assert_allclose(state["running_mean"], 0.25 * x.mean((0, 2, 3)))
    unbiased = x.var((0, 2, 3), ddof=1)
    np.testing.assert_allclose(state["running_var"], 0.75 + 0.25 * unbiased)
    assert state["num_batches_tracked"] == 1
    norm.eval()
    want = (x - state["running_mean"][:, None, None]) / np.sqrt(state["running_var"][:, None, None])
    np.testing.assert_allclose(norm(x), want)
    assert norm.state_dict()["num_batches_tracked"] == 1


def test_batch_norm_without_momentum_averages_all_batches():
    norm, batches = nn.BatchNorm1d(momentum=None), draw(3, 4, 2)
    for batch in batches:
        norm(batch)
    np.testing.assert_allclose(norm.state_dict()["running_mean"], batches.mean((0, 1)))


def test_batch_norm_says_what_it_misses():
    with pytest.raises(ValueError, match="num_features=32"):
        nn.BatchNorm2d(32)
    norm = nn.BatchNorm2d()
    with pytest.raises(ValueError, match="does not know its channels yet"):
        list(norm.parameters())
    with pytest.raises(ValueError, match="does not know its channels yet"):
        norm.weight  # noqa: B018
    with pytest.raises(ValueError, match="takes 4 axes"):
        norm(np.ones((2, 3)))
    with pytest.raises(ValueError, match="more than one value"):
        norm(np.ones((1, 3, 1, 1)))
    norm(np.ones((2, 3, 2, 2)))
    with pytest.raises(ValueError, match="3 channels"):
        norm(np.ones((2, 4, 2, 2)))


def test_dropout_is_its_seed_and_keeps_the_mean():
    x = np.ones((200, 50), np.float32)
    first, second = nn.Dropout(0.25, rng=1), nn.Dropout(0.25, rng=1)
    y = first(x)
    np.testing.assert_array_equal(y, second(x))
    assert y.dtype == np.float32
    assert set(np.unique(y)) == {np.float32(0), np.float32(4 / 3)}
    assert y.mean() == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(first.backward(x), y)
    assert not np.array_equal(first(x), y)
    assert first.eval()(x) is x
    assert not nn.Dropout(1)(x).any()


def test_residual_must_keep_the_shape():
    with pytest.raises(ValueError, match=r"keep the shape, got \(1, 2, 2, 2\) from \(1, 2, 4, 4\)"):
        nn.Residual(nn.Conv2d(2, 2, 3))(np.ones((1, 2, 4, 4), np.float32))
    with pytest.raises(ValueError, match="keep the shape"):
        nn.Residual(nn.Linear(3, 1)).output_shape((2, 3))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Conv2d(0, 1, 3), ValueError, "in_channels must be at least 1, got 0"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels must be divisible"),
        (lambda: nn.Conv2d(2, 3, 3, groups=2), ValueError, "out_channels must be divisible"),
        (lambda: nn.Conv2d(1, 1, True), TypeError, "kernel_size must be an integer"),
        (lambda: nn.Conv2d(1, 1, (3, 3, 3)), ValueError, "kernel_size must be an int or hold"),
        (lambda: nn.Conv2d(1, 1, 3, stride=0), ValueError, "stride must be at least 1"),
        (lambda: nn.Conv2d(1, 1, 3, padding=-1), ValueError, "padding must be at least 0"),
        (lambda: nn.Conv2d(1, 1, 3, padding="causal"), ValueError, "padding must be one of"),
        (lambda: nn.Conv2d(1, 1, 3, padding_mode="zero"), ValueError, "padding_mode"),
        (lambda: nn.Conv2d(1, 1, 3, activation="swish"), ValueError, "activation must be one of"),
        (lambda: nn.Conv2d(1, 1, 3, activation=("elu", "x")), TypeError, "activation's alpha"),
        (
            lambda: nn.Conv2d(1, 1, 3, activation=("prelu", np.ones(1))),
            ValueError,
            "nn.PReLU is a layer of its own",
        ),
        (lambda: nn.ELU("x"), TypeError, "alpha must be a number"),
        (lambda: nn.PReLU(0), ValueError, "num_parameters must be at least 1"),
        (lambda: nn.PReLU(init="x"), TypeError, "init must be a number"),
        (lambda: nn.PReLU(data_format="NHWC"), ValueError, "data_format"),
        (lambda: nn.Conv2d(1, 1, 3, data_format="NHWC"), ValueError, "data_format"),
        (lambda: nn.Conv2d(1, 1, 3, dtype=np.float16), TypeError, "got float16"),
        (lambda: nn.Conv2d(1, 1, 3, rng="seed"), TypeError, "rng must be an integer"),
        (lambda: nn.ConvTranspose2d(1, 1, 3, output_padding=1), ValueError, "output_padding"),
        (lambda: nn.LPPool2d(0, 2), ValueError, "norm_type must be greater than 0"),
        (lambda: nn.AdaptiveAvgPool2d((1, 2, 3)), ValueError, "output_size must hold"),
        (lambda: nn.Dropout(1.5), ValueError, "p must lie in"),
        (lambda: nn.Residual(3), TypeError, "layer must be a fastconv.nn layer"),
        (lambda: nn.Sequential(nn.ReLU), TypeError, "layers must be fastconv.nn layers"),
        (lambda: nn.SGD([], lr=1), ValueError, "at least one pair"),
        (lambda: nn.SGD([1], lr=1), TypeError, "pairs of"),
        (lambda: nn.Adam(nn.Linear(1, 1).parameters(), lr=-1), ValueError, "lr must lie in"),
        (lambda: nn.Layer(), TypeError, "abstract"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_inputs_that_do_not_fit_are_named():
    linear = nn.Linear(3, 2)
    with pytest.raises(TypeError, match="x must be float32, as the layer's parameters are"):
        linear(np.ones((1, 3)))
    with pytest.raises(ValueError, match="3 features"):
        linear(np.ones((1, 4), np.float32))
    with pytest.raises(TypeError, match="masked"):
        linear(np.ma.ones((1, 3), np.float32))
    linear(np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match=r"grad_output must have shape \(2, 2\)"):
        linear.backward(np.ones((1, 2), np.float32))


def test_a_layer_may_stand_in_a_model_once():
    relu = nn.ReLU()
    with pytest.raises(ValueError, match="twice"):
        nn.Sequential(relu, nn.Sequential(relu))
    model = nn.Sequential(nn.Linear(1, 2), relu, nn.Linear(2, 1))
    assert len(model) == 3
    assert model[1] is relu
    assert list(model[1:]) == list(model)[1:]


def test_an_empty_batch_passes_through():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 3)
    )
    x = np.ones((0, 1, 4, 4), np.float32)
    assert model(x).shape == (0, 3)
    assert model.backward(np.ones((0, 3), np.float32)).shape == x.shape
    assert all(not grad.any() for _, grad in model.parameters())
    assert model.eval()(x).shape == (0, 3)
