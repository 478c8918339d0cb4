"""The layers of the standard lessons against their definitions, and what habits meet."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from fastconv import nn
from nn_cases import draw

# Layers


def test_a_shortcut_is_added_also_where_a_convolution_does_it():
    x = draw(2, 3, 6, 5).astype(np.float32)
    layer = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1, rng=0), nn.ReLU(), nn.Conv2d(4, 4, 1, rng=1))
    around = nn.Conv2d(3, 4, 1, 2, rng=2)
    model = nn.Sequential(nn.Residual(layer, shortcut=around), nn.ReLU())
    want = np.maximum(layer(x) + around(x), 0)
    np.testing.assert_allclose(model(x), want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.eval()(x), want, rtol=1e-5, atol=1e-6)
    assert [name for name in model.state_dict() if "shortcut" in name] == [
        "0.shortcut.weight",
        "0.shortcut.bias",
    ]


@pytest.mark.parametrize(
    ("make", "x", "message"),
    [
        (
            lambda: nn.Residual(nn.Conv2d(2, 2, 3, 2, 1)),
            (1, 2, 4, 4),
            r"give a shortcut= that changes it likewise",
        ),
        (
            lambda: nn.Residual(nn.Conv2d(2, 4, 3, 2, 1), nn.Conv2d(2, 4, 1)),
            (1, 2, 4, 4),
            r"must give one shape, got \(1, 4, 2, 2\) and \(1, 4, 4, 4\)",
        ),
        (
            lambda: nn.Concat(nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 1)),
            (1, 2, 4, 4),
            r"must agree in all axes but 1, got shapes \(1, 2, 2, 2\), \(1, 2, 4, 4\)",
        ),
        (lambda: nn.Concat(nn.ReLU(), axis=3), (1, 2), "axis 3 of Concat does not exist"),
        (lambda: nn.Concat(nn.ReLU(), nn.Flatten()), (1, 2, 2), "must agree in all axes"),
        (lambda: nn.Unflatten(1, (3, -1)), (2, 8), "axis 1 must have a length that"),
        (lambda: nn.Unflatten(5, (3, -1)), (2, 8), "dim must be an axis of the input"),
        (lambda: nn.Reshape(3, 3), (2, 8), "a sample must have as many elements"),
        (lambda: nn.Flatten(2, 1), (2, 3, 4), "start_dim must not lie behind end_dim"),
        (lambda: nn.Upsample(4, mode="bilinear"), (1, 2, 3), "takes 4 axes"),
        (lambda: nn.Upsample(scale_factor=0.1), (1, 2, 3), "leaves nothing of length 3"),
        (lambda: nn.Upsample((2, 3)), (1, 2, 3), "size must hold 1 or 1 numbers"),
        (lambda: nn.Dropout2d(), (3, 4, 4), "takes 4 axes.*write Dropout1d for signals"),
        (lambda: nn.GroupNorm(2, 4), (1, 3, 4), "and 4 channels"),
        (lambda: nn.LayerNorm((3, 4)), (1, 4), r"last axes of x must be \(3, 4\)"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_inputs_that_do_not_fit_are_named(make, x, message, training):
    layer = make().train(training)
    with pytest.raises(ValueError, match=message):
        layer.output_shape(x)
    with pytest.raises(ValueError, match=message):
        layer(np.ones(x, np.float32))


def test_summary_shows_branches_side_by_side():
    block = nn.Concat(
        nn.Sequential(),
        nn.Conv2d(3, 4, 1),
        nn.Sequential(nn.Conv2d(3, 5, 1), nn.Conv2d(5, 6, 3, 1, 1)),
    )
    model = nn.Sequential(
        nn.Conv2d(3, 3, 3, 1, 1), block, nn.Upsample(scale_factor=2), nn.Conv2d(13, 1, 3)
    )
    rows = [row.split("  ") for row in model.summary((3, 8, 8)).splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    fields = {row[0].split()[0]: row[-1] for row in cells[2:-2]}
    assert fields["1.1"] == "3x3"
    assert fields["1.2.1"] == "5x5"
    assert fields["2"] == "5x5"
    # Behind a doubling, neighbours are half a pixel apart.
    assert fields["3"] == "6x6"
    macs = 64 * (81 + 12 + 15 + 270) + 14 * 14 * 13 * 9
    assert cells[-1][-1] == f"{2 * macs:,}"


def test_concat_and_residual_refuse_a_layer_twice():
    layer = nn.Conv2d(1, 1, 1)
    for make in (lambda: nn.Concat(layer, layer), lambda: nn.Residual(layer, layer)):
        with pytest.raises(ValueError, match=r"twice; use copy\.deepcopy"):
            make()
    nn.Concat(layer, copy.deepcopy(layer))


def nearest_by_hand(x, factor):
    return np.repeat(np.repeat(x, factor, axis=2), factor, axis=3)


def linear_by_hand(line, out, corners):
    """Each output by its definition: where it lies, and the line between its neighbours."""
    found = []
    for i in range(out):
        at = i * (len(line) - 1) / (out - 1) if corners else (i + 0.5) * len(line) / out - 0.5
        at = min(max(at, 0), len(line) - 1)
        low = min(int(at), len(line) - 2)
        found.append(line[low] + (at - low) * (line[low + 1] - line[low]))
    return np.array(found)


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize(("length", "out"), [(2, 7), (5, 10), (7, 3), (6, 6)])
def test_linear_interpolation_is_its_definition(length, out, corners):
    line = draw(length)
    layer = nn.Upsample(out, mode="linear", align_corners=corners)
    np.testing.assert_allclose(layer(line[None, None])[0, 0], linear_by_hand(line, out, corners))
    plane = np.outer(line, line)[None, None]
    both = nn.Upsample(out, mode="bilinear", align_corners=corners)(plane)
    rows = linear_by_hand(line, out, corners)
    np.testing.assert_allclose(both[0, 0], np.outer(rows, rows), atol=1e-15)


def test_nearest_repeats_pixels_and_its_gradient_adds_them_up():
    x = draw(2, 3, 4, 5).astype(np.float32)
    layer = nn.Upsample(scale_factor=3)
    y = layer(x)
    np.testing.assert_array_equal(y, nearest_by_hand(x, 3))
    np.testing.assert_allclose(layer.backward(y), 9 * x, rtol=1e-6)
    to_size = nn.Upsample(size=(12, 15))
    np.testing.assert_array_equal(to_size(x), y)
    # Seven of five: 5 / 7 of a step each, rounded down.
    seven = nn.Upsample(size=7)(np.arange(5.0)[None, None])[0, 0]
    np.testing.assert_array_equal(seven, [0, 0, 1, 2, 2, 3, 4])


def test_group_and_layer_norms_are_their_definitions():
    x = 3 + 2 * draw(3, 6, 4, 5)
    y = nn.GroupNorm(2, 6, eps=0, dtype=np.float64)(x)
    groups = x.reshape(3, 2, -1)
    want = (groups - groups.mean(2, keepdims=True)) / groups.std(2, keepdims=True)
    np.testing.assert_allclose(y, want.reshape(x.shape), rtol=1e-10)
    last = nn.GroupNorm(2, 6, eps=0, dtype=np.float64, data_format="channels_last")
    np.testing.assert_allclose(last(np.moveaxis(x, 1, -1)), np.moveaxis(y, 1, -1), rtol=1e-12)
    rows = nn.LayerNorm(5, eps=0, dtype=np.float64)(x)
    want = (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)
    np.testing.assert_allclose(rows, want, rtol=1e-10)
    assert nn.LayerNorm(5)(np.ones((0, 5), np.float32)).shape == (0, 5)


def test_dropout_of_channels_leaves_out_whole_ones():
    x = np.ones((64, 32, 3, 5), np.float32)
    layer = nn.Dropout2d(0.25, rng=1)
    y = layer(x)
    assert set(np.unique(y)) == {np.float32(0), np.float32(4 / 3)}
    assert (y == y[:, :, :1, :1]).all()
    assert y.mean() == pytest.approx(1, abs=0.03)
    np.testing.assert_array_equal(layer.backward(x), y)
    last = nn.Dropout1d(0.5, rng=1, data_format="channels_last")(np.ones((9, 7, 8), np.float32))
    assert (last == last[:, :1]).all()
    assert len(np.unique(last[0, 0])) == 2
    assert layer.eval()(x) is x


# What people are used to write


@pytest.mark.parametrize(
    ("ours", "want"),
    [
        (
            lambda: nn.Conv2d(3, 16, 3, 2, 1, 2, 1, False, "reflect"),
            lambda: nn.Conv2d(
                3, 16, 3, stride=2, padding=1, dilation=2, bias=False, padding_mode="reflect"
            ),
        ),
        (
            lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2, False),
            lambda: nn.ConvTranspose2d(
                4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, bias=False
            ),
        ),
        (lambda: nn.ReLU(inplace=True), lambda: nn.ReLU()),
        (lambda: nn.LeakyReLU(0.2, True), lambda: nn.LeakyReLU(0.2)),
        (lambda: nn.Dropout(0.5, inplace=True), lambda: nn.Dropout(0.5)),
        (lambda: nn.Flatten(1), lambda: nn.Flatten()),
        (lambda: nn.Linear(3, 2, False), lambda: nn.Linear(3, 2, bias=False)),
        (lambda: nn.ReLU().train(False).train(True), lambda: nn.ReLU()),
    ],
)
def test_what_torch_takes_means_the_same(ours, want):
    a, b = vars(ours()), vars(want())
    random = {"_mark", "_plans", "_values", "_grads", "_rng"}
    assert {k: v for k, v in a.items() if k not in random} == {
        k: v for k, v in b.items() if k not in random
    }
    assert {k: v.shape for k, v in a["_values"].items()} == {
        k: v.shape for k, v in b["_values"].items()
    }


def test_in_place_writes_into_nothing():
    x = np.float32([-1, 2])
    assert not np.shares_memory(nn.ReLU(inplace=True)(x), x)
    np.testing.assert_array_equal(x, [-1, 2])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Conv2d(3, 8, 3, device="cpu"), TypeError, "of the CPU: leave device out"),
        (lambda: nn.Softmax(dim=1), TypeError, "Softmax takes no argument dim; .*write axis="),
        (lambda: nn.MaxPool2d(2, return_indices=True), TypeError, "call fastconv.max_pool2d"),
        (lambda: nn.Conv2d(filters=8, kernel_size=3), TypeError, "is called out_channels"),
        (lambda: nn.Linear(units=3), TypeError, r"write Linear\(in_features, out_features\)"),
        (lambda: nn.MaxPool2d(pool_size=2), TypeError, "write kernel_size="),
        (lambda: nn.Sequential([nn.ReLU()]), TypeError, r"write Sequential\(\*layers\)"),
        (lambda: nn.Concat([nn.ReLU()]), TypeError, r"write Concat\(\*branches\)"),
        (lambda: nn.Concat(), ValueError, "at least one branch"),
        (lambda: nn.CrossEntropyLoss(), AttributeError, "use SoftmaxCrossEntropy"),
        (lambda: nn.Nothing, AttributeError, "has no attribute 'Nothing'$"),
        (lambda: nn.BatchNorm2d(8, affine=False), TypeError, "BatchNorm2d always scales"),
        (lambda: nn.Conv2d(3, 8, 3, wrong=1), TypeError, "Conv2d.*unexpected keyword.*'wrong'"),
        (lambda: nn.Residual(nn.ReLU(), 3), TypeError, "shortcut must be a fastconv.nn layer"),
        (lambda: nn.Reshape(-1, -1), ValueError, "one of them may be -1"),
        (lambda: nn.Reshape(), TypeError, "at least one int"),
        (lambda: nn.Upsample(), ValueError, "either size or scale_factor"),
        (lambda: nn.Upsample(2, mode="cubic"), ValueError, "mode must be one of"),
        (lambda: nn.Upsample(2, align_corners=True), ValueError, "align_corners has a meaning"),
        (lambda: nn.Upsample(scale_factor=0), ValueError, "positive and finite"),
        (lambda: nn.GroupNorm(3, 4), ValueError, "divisible by num_groups=3, got 4"),
        (lambda: nn.LayerNorm(()), TypeError, "normalized_shape must hold at least one int"),
        (lambda: nn.Dropout2d(2), ValueError, "p must lie in"),
    ],
)
def test_other_habits_are_told_what_to_write(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_weights_of_keras_behind_a_join_are_refused():
    convs = [nn.Conv2d(1, 2, 1), nn.Conv2d(1, 2, 1)]
    model = nn.Sequential(nn.Concat(*convs), nn.Flatten(), nn.Linear(16, 2))
    weights = [np.ones((1, 1, 1, 2), np.float32), np.zeros(2, np.float32)] * 2
    weights += [np.ones((16, 2), np.float32), np.zeros(2, np.float32)]
    with pytest.raises(ValueError, match=r"2\.weight: behind Concat, Reshape or Unflatten"):
        nn.load_keras_weights(model, weights)
    decoder = nn.Sequential(nn.Linear(2, 8), nn.Reshape(2, 2, 2), nn.Conv2d(2, 1, 1))
    weights = [np.ones((2, 8), np.float32), np.zeros(8, np.float32)]
    weights += [np.ones((1, 1, 2, 1), np.float32), np.zeros(1, np.float32)]
    with pytest.raises(ValueError, match="make the model with data_format='channels_last'"):
        nn.load_keras_weights(decoder, weights)
