"""The oracle's gradients: adjoint identities where linear, finite differences where not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastconv import reference
from fastconv.reference import grad

MODES = ("zeros", "reflect", "replicate", "circular", "symmetric", ("constant", 3.0))

# n, stride, padding, dilation, groups
CONVOLUTIONS = [
    pytest.param(1, 1, 0, 1, 1, id="plain line"),
    pytest.param(2, 1, 0, 1, 1, id="plain plane"),
    pytest.param(2, (2, 3), (1, 2), 1, 1, id="rows and columns at the end that no window reads"),
    pytest.param(2, 1, ((0, 2), (3, 1)), (2, 1), 2, id="uneven padding, dilation, groups"),
    pytest.param(2, 2, "same", 2, 3, id="same at a stride"),
    pytest.param(2, 3, "same_lower", 1, 6, id="same_lower, depthwise"),
    pytest.param(1, 2, "causal", 2, 2, id="causal"),
    pytest.param(2, (1, 2), "full", 1, 1, id="full"),
    pytest.param(1, 5, ((4, 3),), 1, 1, id="stride over the kernel"),
]


def dot(a, b):
    assert a.shape == b.shape
    return np.vdot(a, b)


def agree(*values):
    np.testing.assert_allclose(values, values[0], rtol=1e-12, atol=1e-12)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def named(function, n):
    """Forward function and gradient, by name."""
    module, _, name = function.rpartition(".")
    return getattr(grad if module else reference, name.replace("{n}", str(n)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("n", "stride", "padding", "dilation", "groups"), CONVOLUTIONS)
def test_convolution_is_adjoint_to_its_gradients(n, stride, padding, dilation, groups, mode):
    x, w = random(2, 6, *(9, 8)[:n]), random(12, 6 // groups, *(3, 2)[:n], seed=1)
    at, how = (stride, padding, dilation, groups), {"padding_mode": mode}
    y = named("conv{n}d", n)(x, w, None, *at, **how)
    dy = random(*y.shape, seed=2)
    dx = named("grad.conv{n}d_input", n)(x.shape, w, dy, *at, **how)
    dw = named("grad.conv{n}d_weight", n)(x, w.shape, dy, *at, **how)
    agree(dot(dy, y), dot(dw, w))
    # What a constant border adds is no part of a linear function of the input.
    constant = named("conv{n}d", n)(np.zeros_like(x), w, None, *at, **how)
    agree(dot(dy, y - constant), dot(dx, x))

    db = named("grad.conv{n}d_bias", n)(dy)
    together = named("grad.conv{n}d", n)(x, w, dy, *at, **how)
    for one, other in zip(together, (dx, dw, db), strict=True):
        np.testing.assert_array_equal(one, other)
    b = random(12, seed=3)
    agree(dot(dy, named("conv{n}d", n)(np.zeros_like(x), w, b, *at)), dot(db, b))


@pytest.mark.parametrize(("n", "stride", "padding", "dilation", "groups"), CONVOLUTIONS)
def test_transposed_is_adjoint_to_direct(n, stride, padding, dilation, groups):
    if padding in ("causal", "full"):
        with pytest.raises(ValueError, match="transposed"):
            reference.conv_transpose1d([[1]], [[[1]]], padding=padding)
        return
    y, w = random(2, 12, *(4, 5)[:n]), random(12, 6 // groups, *(3, 2)[:n], seed=1)
    x = named("conv_transpose{n}d", n)(y, w, None, stride, padding, 0, groups, dilation)
    z = random(*x.shape, seed=2)
    direct = named("conv{n}d", n)(z, w, None, stride, padding, dilation, groups)
    agree(dot(x, z), dot(y, direct))
    at = (stride, padding, groups, dilation)
    dy = named("grad.conv_transpose{n}d_input", n)(y.shape, w, z, *at)
    np.testing.assert_allclose(dy, direct)
    dw = named("grad.conv_transpose{n}d_weight", n)(y, w.shape, z, *at)
    agree(dot(x, z), dot(dw, w))
    np.testing.assert_allclose(
        named("grad.conv{n}d_input", n)(x.shape, w, y, stride, padding, dilation, groups), x
    )
    db = named("grad.conv_transpose{n}d_bias", n)(z)
    for one, other in zip(
        named("grad.conv_transpose{n}d", n)(y, w, z, *at), (dy, dw, db), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("stride", "dilation", "output_padding"), [(3, 1, 2), (2, 5, 4), (4, 2, 1)]
)
def test_output_padding_follows_from_the_shapes(stride, dilation, output_padding):
    x, w = random(2, 3, 4), random(3, 2, 3, seed=1)
    y = reference.conv_transpose1d(x, w, None, stride, 1, output_padding, 1, dilation)
    dy = random(*y.shape, seed=2)
    dx, dw, _ = grad.conv_transpose1d(x, w, dy, stride, 1, 1, dilation)
    agree(dot(y, dy), dot(x, dx), dot(w, dw))


def test_masked_gradients_are_none():
    x, w, dy = random(1, 4), random(1, 1, 2), random(1, 3)
    for mask in np.ndindex(2, 2, 2):
        for gradients in (
            grad.conv1d(x, w, dy, output_mask=mask),
            grad.conv_transpose1d(dy, w, x, output_mask=mask),
        ):
            assert tuple(g is not None for g in gradients) == tuple(map(bool, mask))


@pytest.mark.parametrize("n", [1, 2])
def test_channels_last_and_one_sample_are_the_same_gradients(n):
    x, w = random(6, *(7, 8)[:n]), random(4, 3, *(3, 2)[:n], seed=1)
    last = np.moveaxis(x, 0, -1)
    y = named("conv{n}d", n)(x, w, groups=2, stride=2, padding=1)
    dy = random(*y.shape, seed=2)
    one = named("grad.conv{n}d", n)(x, w, dy, 2, 1, 1, 2)
    other = named("grad.conv{n}d", n)(
        last, w, np.moveaxis(dy, 0, -1), 2, 1, 1, 2, data_format="channels_last"
    )
    np.testing.assert_array_equal(np.moveaxis(other[0], -1, 0), one[0])
    np.testing.assert_array_equal(other[1], one[1])
    np.testing.assert_array_equal(other[2], one[2])


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("relu", [0, 0, 1, 1]),
        ("relu6", [0, 0, 1, 0]),
        ("leaky_relu", [0.01, 0.01, 1, 1]),
        (("leaky_relu", 0.5), [0.5, 0.5, 1, 1]),
        (("prelu", [0.5]), [0.5, 0.5, 1, 1]),
    ],
)
def test_gradients_pass_through_the_fused_activation(activation, expected):
    x = [[-2.0, 0, 3, 9]]
    y = reference.conv1d(x, [[[1]]], activation=activation)
    dx, _, db = grad.conv1d(x, [[[1]]], np.ones((1, 4)), activation=activation, output=y)
    np.testing.assert_array_equal(dx, [expected])
    assert db.tolist() == [sum(expected)]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "hardsigmoid", "elu", "softplus"])
def test_smooth_fused_activations_agree_with_their_own_gradient(activation):
    x, dy = random(1, 9), random(1, 9, seed=1)
    y = reference.conv1d(x, [[[1]]], activation=activation)
    dx, _, _ = grad.conv1d(x, [[[1]]], dy, activation=activation, output=y)
    np.testing.assert_allclose(dx, getattr(grad, activation)(dy, x))


@pytest.mark.parametrize("activation", ["silu", "gelu", "hardswish"])
def test_activations_that_cannot_be_undone_are_refused(activation):
    with pytest.raises(ValueError, match=activation):
        grad.conv1d([[1]], [[[1]]], [[1]], activation=activation, output=[[1]])


def slope(function, x, direction, h=1e-6):
    """Derivative of `function` at x along `direction`."""
    return (function(x + h * direction) - function(x - h * direction)) / (2 * h)


def far_apart(*shape):
    """Values of which no two are near each other or zero, so that no maximum changes hands."""
    values = np.arange(1.0, math.prod(shape) + 1) * np.resize([1, -1], math.prod(shape))
    return np.random.default_rng(0).permutation(values).reshape(shape) / 16


POOLS = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 2, "stride": 3, "ceil_mode": True},
    {"kernel_size": 2, "stride": 1, "dilation": 2},
    {"kernel_size": 3, "stride": 2, "padding": "same"},
    {"kernel_size": 2, "stride": 2, "padding": "same_lower", "dilation": 3},
    {"kernel_size": 3, "stride": 2, "padding": ((0, 2),), "ceil_mode": True},
]


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("where", POOLS, ids=str)
def test_pools_have_the_slope_that_differences_show(where, n, data_format):
    x = far_apart(2, *(3, 8, 7)[: n + 1]) if n == 2 else far_apart(2, 5, 7)
    direction = random(*x.shape, seed=1)
    where = {**where, "data_format": data_format}
    form = {"data_format": data_format}

    def check(forward, gradient):
        rate = slope(forward, x, direction)
        dy = random(*rate.shape, seed=2)
        np.testing.assert_allclose(dot(dy, rate), dot(gradient(dy), direction), rtol=1e-6)

    for pool in ("max", "min"):
        forward, back = named(pool + "_pool{n}d", n), named(f"grad.{pool}_pool{{n}}d_input", n)
        _, index = forward(x, **where, return_indices=True)
        check(
            lambda x, f=forward: f(x, **where),
            lambda dy, b=back, i=index: b(dy, i, x.shape, **form),
        )
    total, d_total = named("sum_pool{n}d", n), named("grad.sum_pool{n}d_input", n)
    check(lambda x: total(x, **where), lambda dy: d_total(dy, x.shape, **where))
    mean, d_mean = named("avg_pool{n}d", n), named("grad.avg_pool{n}d_input", n)
    for divisor in ({}, {"count_include_pad": False}, {"divisor_override": 3}):
        how = {**where, **divisor}
        check(lambda x, how=how: mean(x, **how), lambda dy, how=how: d_mean(dy, x.shape, **how))
    norm, d_norm = named("lp_pool{n}d", n), named("grad.lp_pool{n}d_input", n)
    for p in (1, 1.5, 2, 3, math.inf):
        y = norm(x, p, **where)
        check(lambda x, p=p: norm(x, p, **where), lambda dy, p=p, y=y: d_norm(dy, x, y, p, **where))


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("size", [1, 3, 9, None])
def test_adaptive_and_global_pools_have_the_slope_that_differences_show(n, size):
    x = far_apart(2, 3, *(7, 5)[:n])
    direction = random(*x.shape, seed=1)

    def check(function, gradient, *args):
        rate = slope(lambda x: function(x, *args), x, direction)
        dy = random(*rate.shape, seed=2)
        np.testing.assert_allclose(dot(dy, rate), dot(gradient(dy), direction), rtol=1e-6)

    back = named("grad.adaptive_avg_pool{n}d_input", n)
    check(named("adaptive_avg_pool{n}d", n), lambda dy: back(dy, x.shape, size), size)
    forward = named("adaptive_max_pool{n}d", n)
    _, index = forward(x, size, True)
    largest = named("grad.adaptive_max_pool{n}d_input", n)
    check(forward, lambda dy: largest(dy, index, x.shape), size)
    for pool, given in (("avg", x.shape), ("sum", x.shape), ("max", x)):
        back = named(f"grad.global_{pool}_pool{{n}}d_input", n)
        check(named(f"global_{pool}_pool{{n}}d", n), lambda dy, b=back, g=given: b(dy, g))


def test_gradients_go_to_the_element_that_won():
    x = [[2.0, 2, math.nan, 1, math.nan, 0, -math.inf, -math.inf]]
    for function, args in ((reference.max_pool1d, (2,)), (reference.adaptive_max_pool1d, (4,))):
        _, index = function(x, *args, return_indices=True)
        dx = grad.max_pool1d_input([[1, 2, 3, 4]], index, (1, 8))
        assert dx.tolist() == [[1, 0, 2, 0, 3, 0, 4, 0]]
    assert grad.global_max_pool1d_input([[1]], x).tolist() == [[0, 0, 0, 0, 1, 0, 0, 0]]
    with pytest.raises(IndexError):
        grad.max_pool1d_input([[1]], [[8]], (1, 8))


def test_the_slope_of_a_norm_is_zero_at_zero():
    for p in (0.5, 1, 2, math.inf):
        dx = grad.lp_pool1d_input([[1, 1]], [[0, 0, 0, -3]], [[0, 3]], p, 2)
        assert dx.tolist() == [[0, 0, 0, -1]]
    # Of p = inf the first of the largest gets it all.
    dx = grad.lp_pool1d_input([[1]], [[1, -3, 3]], [[3]], math.inf, 3)
    assert dx.tolist() == [[0, -1, 0]]


def test_unpool_is_adjoint_to_its_gradient():
    x = far_apart(2, 3, 6, 8)
    y, index = reference.max_pool2d(x, 2, return_indices=True)
    dz = random(*x.shape, seed=1)
    agree(dot(reference.max_unpool2d(y, index, 2), dz), dot(y, grad.max_unpool2d_input(dz, index)))
    assert grad.max_unpool1d_input([[1, 2, 3]], [[2, 2]]).tolist() == [[3, 3]]


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize(
    "where",
    [{}, {"stride": 2, "padding": 1}, {"dilation": (2, 1), "padding": "same"}, {"padding": "full"}],
    ids=str,
)
def test_fold_is_adjoint_to_unfold(where, data_format):
    x, where = random(2, 3, 7, 6), {"kernel_size": (3, 2), "data_format": data_format, **where}
    columns = reference.unfold(x, **where)
    dy = random(*columns.shape, seed=1)
    lengths = x.shape[1:3] if data_format == "channels_last" else x.shape[2:]
    agree(dot(columns, dy), dot(x, reference.fold(dy, lengths, **where)))
    np.testing.assert_array_equal(
        grad.unfold_input(dy, x.shape, **where), reference.fold(dy, lengths, **where)
    )
    np.testing.assert_array_equal(grad.fold_input(x, **where), columns)


def test_unfold_is_im2col():
    x, w = random(2, 3, 7, 6), random(4, 3, 3, 2, seed=1)
    columns = reference.unfold(x, (3, 2), 2, 1, (1, 2))
    y = reference.conv2d(x, w, None, (1, 2), 1, 2)
    np.testing.assert_allclose((w.reshape(4, -1) @ columns).reshape(y.shape), y)


ACTIVATIONS = [
    ("relu", ()),
    ("relu6", ()),
    ("leaky_relu", ()),
    ("leaky_relu", (0.3,)),
    ("sigmoid", ()),
    ("tanh", ()),
    ("silu", ()),
    ("gelu", ()),
    ("gelu", ("tanh",)),
    ("hardsigmoid", ()),
    ("hardswish", ()),
    ("elu", ()),
    ("elu", (0.3,)),
    ("softplus", ()),
    ("softmax", ()),
    ("softmax", (0,)),
]


@pytest.mark.parametrize(("function", "args"), ACTIVATIONS)
def test_activations_have_the_slope_that_differences_show(function, args):
    x, direction, dy = (3 * random(5, 8, seed=seed) for seed in range(3))
    rate = slope(lambda x: getattr(reference, function)(x, *args), x, direction)
    dx = getattr(grad, function)(dy, x, *args)
    np.testing.assert_allclose(dot(dy, rate), dot(dx, direction), rtol=1e-7)


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
def test_prelu_has_the_slopes_that_differences_show(data_format):
    shape = (3, 5, 4) if data_format == "channels_first" else (3, 4, 5)
    x, direction, dy = (random(*shape, seed=seed) for seed in range(3))
    weight, move = random(5, seed=3), random(5, seed=4)
    how = {"data_format": data_format}
    dx, d_weight = grad.prelu(dy, x, weight, **how)
    rate = slope(lambda x: reference.prelu(x, weight, **how), x, direction)
    np.testing.assert_allclose(dot(dy, rate), dot(dx, direction), rtol=1e-7)
    rate = slope(lambda weight: reference.prelu(x, weight, **how), weight, move)
    np.testing.assert_allclose(dot(dy, rate), dot(d_weight, move), rtol=1e-7)


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        ("relu", [-1, 0, 2, math.inf], [0, 0, 2, math.inf]),
        ("relu6", [-1, 3, 6, 7], [0, 3, 6, 6]),
        ("leaky_relu", [-100, 0, 2], [-1, 0, 2]),
        ("sigmoid", [-1000, 0, math.log(3), 1000], [0, 0.5, 0.75, 1]),
        ("tanh", [-1000, 0, math.atanh(0.5)], [-1, 0, 0.5]),
        ("silu", [0, math.log(3), 1000], [0, 0.75 * math.log(3), 1000]),
        ("gelu", [0, 1, -1, -1000], [0, 0.8413447460685429, -0.15865525393145707, 0]),
        ("hardsigmoid", [-4, -3, 0, 1.5, 3, 4], [0, 0, 0.5, 0.75, 1, 1]),
        ("hardswish", [-4, -3, 0, 1.5, 3, 4], [0, 0, 0, 1.125, 3, 4]),
        ("elu", [-1000, 0, math.log(0.5), 2], [-1, 0, -0.5, 2]),
        ("softplus", [-1000, 0, math.log(3), 21], [0, math.log(2), math.log(4), 21]),
        ("softmax", [0, math.log(2), math.log(5)], [1 / 8, 2 / 8, 5 / 8]),
    ],
)
def test_activations_at_known_points(function, x, expected):
    np.testing.assert_allclose(getattr(reference, function)(x), expected, rtol=1e-15, atol=1e-300)


@pytest.mark.parametrize(
    "function",
    [
        "relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "gelu", "hardsigmoid",
        "hardswish", "elu", "softplus",
    ],
)  # fmt: skip
def test_activations_keep_nan(function):
    assert math.isnan(getattr(reference, function)(math.nan))


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize(
    "activation",
    [
        None, "tanh", "gelu", ("leaky_relu", 0.3), "hardsigmoid", "hardswish", ("elu", 0.3),
        "softplus", ("prelu", [0.3]), ("prelu", [0.3, -0.5, 2]),
    ],
    ids=str,
)  # fmt: skip
def test_batch_norm_has_the_slope_that_differences_show(activation, layout):
    x, direction, dy = (random(4, 3, 3, seed=seed) for seed in range(3))
    channel = [
        random(3, seed=3),
        abs(random(3, seed=4)) + 0.5,
        random(3, seed=5),
        random(3, seed=6),
    ]
    how = {"activation": activation, "data_format": layout}
    gradients = grad.batch_norm(x, dy, *channel, **how)
    changes = (direction, random(3, seed=7), random(3, seed=8))
    arguments = [x, *channel]
    for at, change, got in zip((0, 3, 4), changes, gradients, strict=True):

        def moved(value, at=at):
            given = [*arguments[:at], value, *arguments[at + 1 :]]
            return reference.batch_norm(*given, **how)

        rate = slope(moved, arguments[at], change)
        np.testing.assert_allclose(dot(dy, rate), dot(got, change), rtol=1e-6)
