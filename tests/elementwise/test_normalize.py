"""`fastconv.batch_norm` and its gradient: accuracy, memory, limits, threads, bad arguments."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import fastconv
from array_cases import ACTIVATIONS, memories, targets
from fastconv import grad, reference
from fastconv.reference import grad as reference_grad

LAYOUTS = ("channels_first", "channels_last")
SHAPES = {  # what each is for, as (N, C, ...); channels_last moves C to the end
    "vectors": (5, 7),
    "one row, a rest": (1, 3, 37),
    "planes over many images": (5, 4, 7, 9),
    "rows of several blocks": (2, 2, 5003),
    "planes of a quarter vector": (37, 5, 2, 2),
    "few channels: their pixels share vectors, and leave a rest": (3, 3, 5, 67),
    "two channels, one repetition exactly": (1, 2, 128),
    "as many channels as are not repeated": (2, 129, 3),
    "more channels than a block has elements": (3, 2051),
    "five axes": (2, 3, 2, 3, 4),
    "one channel": (4, 1, 6, 5),
    "no images": (0, 3, 4),
    "one element": (1, 1, 1, 1),
}
each_layout = pytest.mark.parametrize("layout", LAYOUTS)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda t: t.__name__)
each_activation = pytest.mark.parametrize(
    "activation", [*ACTIVATIONS, ("prelu", 1), ("prelu", "C")], ids=str
)


def draw(shape, dtype, layout="channels_first", offset=0.0, seed=0):
    """An input, and mean, variance, weight and bias of its channels."""
    rng = np.random.default_rng(seed)
    x = (rng.standard_normal(shape) + offset).astype(dtype)
    c = shape[1]
    mean, bias = rng.standard_normal(c) + offset, rng.standard_normal(c)
    var, weight = rng.uniform(0.2, 3, c), rng.uniform(-2, 2, c)
    if layout == "channels_last":
        x = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    return x, *(v.astype(dtype) for v in (mean, var, weight, bias))


def fitted(activation, channel):
    """The activation with prelu's slopes, of both signs, in place of their number."""
    if not isinstance(activation, tuple) or activation[0] != "prelu":
        return activation
    n = 1 if activation[1] == 1 else len(channel[0])
    return "prelu", np.linspace(0.5, -0.75, n).astype(channel[0].dtype)


@pytest.mark.parametrize("offset", [0, 1000], ids="mean {}".format)
@pytest.mark.parametrize("name", SHAPES)
@each_layout
@each_dtype
def test_errors_stay_within_the_bound(name, offset, layout, dtype, isa):
    x, *channel = draw(SHAPES[name], dtype, layout, offset)
    y = fastconv.batch_norm(x, *channel, data_format=layout)
    assert y.dtype == dtype
    assert y.shape == x.shape
    wide = [v.astype(np.longdouble) for v in (x, *channel)]
    exact = exact_norm(*wide, layout)
    bias = reference.norm.along(channel[3], x.ndim, layout)
    u = np.finfo(dtype).eps / 2
    assert (np.abs(y - exact) <= 4 * u * np.abs(exact - bias) + u * np.abs(exact)).all()


def exact_norm(x, mean, var, weight, bias, layout):
    """Batch normalisation in the precision of its arguments."""
    shape = [1] * x.ndim
    shape[1 if layout == "channels_first" else -1] = -1
    mean, var, weight, bias = (v.reshape(shape) for v in (mean, var, weight, bias))
    return (x - mean) / np.sqrt(var + np.longdouble(1e-5)) * weight + bias


@each_layout
@each_dtype
@each_activation
def test_activations_follow_in_the_same_call(activation, layout, dtype, isa):
    x, *channel = draw((3, 5, 6, 7), dtype, layout)
    activation = fitted(activation, channel)
    plain = fastconv.batch_norm(x, *channel, data_format=layout)
    y = fastconv.batch_norm(x, *channel, activation=activation, data_format=layout)
    wanted = reference.activations.activate(plain.astype(np.float64), activation, layout)
    u = np.finfo(dtype).eps
    np.testing.assert_allclose(y, wanted, rtol=8 * u, atol=8 * u)
    near = reference.batch_norm(x, *channel, activation=activation, data_format=layout)
    np.testing.assert_allclose(y, near, rtol=64 * u, atol=64 * u)


@each_dtype
@each_layout
def test_integers_are_exact(layout, dtype, isa):
    rng = np.random.default_rng(1)
    x = rng.integers(-50, 50, (4, 6, 5, 6)).astype(dtype)
    mean, weight, bias = (rng.integers(-9, 9, 6).astype(dtype) for _ in range(3))
    var = np.array([1, 4, 16, 0.25, 1, 64], dtype)
    for given in ((mean, var), (mean, var, weight), (mean, var, weight, bias)):
        wanted = reference.batch_norm(x, *given, eps=0, activation="relu")
        y = fastconv.batch_norm(x, *given, eps=0, activation="relu")
        assert np.array_equal(y, wanted)
        dx, dw, db = grad.batch_norm(x, x, *given, eps=0)
        for got, exact in zip(
            (dx, dw, db), reference_grad.batch_norm(x, x, *given, eps=0), strict=True
        ):
            assert np.array_equal(got, exact)
    x = np.moveaxis(x, 1, -1) if layout == "channels_last" else x
    y = fastconv.batch_norm(x, mean, var, None, bias, 0, data_format=layout)
    assert np.array_equal(y, reference.batch_norm(x, mean, var, None, bias, 0, data_format=layout))


@each_layout
@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (3, 4), (2, 3, 2, 2, 5)], ids=str)
def test_any_memory(shape, layout):
    x, *channel = draw(shape, np.float32)
    channel = [np.resize(v, shape[1] if layout == "channels_first" else shape[-1]) for v in channel]
    wanted = fastconv.batch_norm(x, *channel, data_format=layout)
    for name, given in memories(x).items():
        y = fastconv.batch_norm(given, *channel, data_format=layout)
        np.testing.assert_array_equal(y, wanted, strict=True, err_msg=name)
        assert type(y) is np.ndarray
        assert y.flags.c_contiguous
        assert y.flags.owndata
        gradients = grad.batch_norm(given, given, *channel, data_format=layout)
        for got, one in zip(
            gradients, grad.batch_norm(x, x, *channel, data_format=layout), strict=True
        ):
            np.testing.assert_array_equal(got, one, strict=True, err_msg=name)
    spread = [np.repeat(v, 2)[::2] for v in channel]
    assert np.array_equal(fastconv.batch_norm(x, *spread, data_format=layout), wanted)
    swapped = [v.astype(">f4") for v in channel]
    assert np.array_equal(fastconv.batch_norm(x, *swapped, data_format=layout), wanted)


@each_layout
@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (3, 4), (2, 3, 2, 2, 5)], ids=str)
def test_out_is_written_and_nothing_else(shape, layout):
    x, *channel = draw(shape, np.float32)
    channel = [np.resize(v, shape[1] if layout == "channels_first" else shape[-1]) for v in channel]
    for activation in ("silu", fitted(("prelu", 1), channel), fitted(("prelu", "C"), channel)):
        how = {"activation": activation, "data_format": layout}
        wanted = fastconv.batch_norm(x, *channel, **how)
        for name, (out, whole) in targets(shape, np.float32).items():
            y = fastconv.batch_norm(x, *channel, **how, out=out)
            assert y is out
            np.testing.assert_array_equal(out, wanted, err_msg=f"{name}, {activation}")
            out[...] = 99
            assert (whole == 99).all(), name


@each_layout
def test_out_may_overlap_its_input(layout):
    x, *channel = draw((3, 4, 5, 4), np.float32)
    wanted = fastconv.batch_norm(x, *channel, data_format=layout)
    same = x.copy()
    assert fastconv.batch_norm(same, *channel, out=same, data_format=layout) is same
    np.testing.assert_array_equal(same, wanted)
    for n in (1, "C"):
        how = {"activation": fitted(("prelu", n), channel), "data_format": layout}
        same = x.copy()
        assert fastconv.batch_norm(same, *channel, **how, out=same) is same
        np.testing.assert_array_equal(same, fastconv.batch_norm(x, *channel, **how))
    for shift in (1, 7, 20, 81):
        memory = np.zeros(x.size + shift, np.float32)
        for source, target in (
            (slice(x.size), slice(shift, None)),
            (slice(shift, None), slice(x.size)),
        ):
            given, out = memory[source].reshape(x.shape), memory[target].reshape(x.shape)
            given[...] = x
            fastconv.batch_norm(given, *channel, out=out, data_format=layout)
            np.testing.assert_array_equal(out, wanted, err_msg=str(shift))
    turned = x.copy()
    fastconv.batch_norm(turned, *channel, out=turned[::-1], data_format=layout)
    np.testing.assert_array_equal(turned[::-1], wanted)
    square = x[:, :, :4].copy()
    wanted = fastconv.batch_norm(square, *channel, data_format=layout)
    fastconv.batch_norm(square, *channel, out=square.transpose(0, 1, 3, 2), data_format=layout)
    np.testing.assert_array_equal(square.transpose(0, 1, 3, 2), wanted)


@each_layout
def test_slices_of_channels_are_joined_without_a_temporary(layout):
    """Input and output beside each other in one array, as in a dense block."""
    shape = (2, 24, 16, 16) if layout == "channels_first" else (2, 16, 16, 24)
    joined = np.zeros(shape, np.float32)
    at = [slice(None)] * 4
    axis = 1 if layout == "channels_first" else 3
    at[axis] = slice(0, 8)
    given = joined[tuple(at)]
    at[axis] = slice(8, 16)
    out = joined[tuple(at)]
    x, *channel = draw((2, 8, 16, 16), np.float32, layout)
    given[...] = x
    wanted = fastconv.batch_norm(x, *channel, activation="relu", data_format=layout)
    fastconv.add(given, given, out=out)  # warms up what Python allocates once
    tracemalloc.start()
    fastconv.batch_norm(given, *channel, activation="relu", out=out, data_format=layout)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(out, wanted)
    np.testing.assert_array_equal(given, x)
    assert not joined[tuple(slice(16, None) if i == axis else slice(None) for i in range(4))].any()
    assert peak < x.nbytes / 4


@each_layout
def test_values_that_are_not_finite_stay_where_they_are(layout, isa):
    x, *channel = draw((2, 3, 4, 9), np.float32, layout)
    clean = fastconv.batch_norm(x, *channel, data_format=layout)
    for value in (np.nan, np.inf, -np.inf):
        bad = x.copy()
        bad[1, 2, 1, 0] = value
        y = fastconv.batch_norm(bad, *channel, data_format=layout)
        assert not np.isfinite(y[1, 2, 1, 0])
        y[1, 2, 1, 0] = clean[1, 2, 1, 0]
        assert np.array_equal(y, clean)
    channel[1][1] = -1  # the root of a negative number
    y = np.moveaxis(fastconv.batch_norm(x, *channel, data_format=layout), 1, 1)
    at = 1 if layout == "channels_first" else -1
    nans = np.isnan(np.moveaxis(y, at, 0)).reshape(3, -1)
    assert nans[1].all()
    assert not nans[[0, 2]].any()


@each_layout
@pytest.mark.parametrize("activation", [None, "relu", "gelu", ("prelu", "C")])
def test_threads_change_no_bit(activation, layout, isa):
    x, *channel = draw((6, 16, 60, 67), np.float32, layout, 3)
    dy = draw((6, 16, 60, 67), np.float32, layout, seed=1)[0]
    how = {"activation": fitted(activation, channel), "data_format": layout}
    results = []
    for threads in (1, 2, 3):
        y = fastconv.batch_norm(x, *channel, threads=threads, **how)
        gradients = grad.batch_norm(x, dy, *channel, threads=threads, **how)
        results.append([a.tobytes() for a in (y, *gradients)])
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("name", SHAPES)
@each_layout
@each_dtype
@each_activation
def test_gradients_agree_with_the_reference(activation, dtype, layout, name, isa):
    x, *channel = draw(SHAPES[name], dtype, layout)
    dy = draw(SHAPES[name], dtype, layout, seed=1)[0]
    how = {"activation": fitted(activation, channel), "data_format": layout}
    wanted = reference_grad.batch_norm(x, dy, *channel, **how)
    y = fastconv.batch_norm(x, *channel, **how)
    u, terms = np.finfo(dtype).eps, x.size / x.shape[1 if layout == "channels_first" else -1]
    for output in (None,) if activation is None else (None, y):
        got = grad.batch_norm(x, dy, *channel, output=output, **how)
        for one, exact, length in zip(got, wanted, (1, terms, terms), strict=True):
            assert one.dtype == dtype
            # A kink that the rounding of the normalised value steps over is not met by these draws.
            np.testing.assert_allclose(one, exact, rtol=200 * u, atol=100 * u * length**0.5 + u)


@each_layout
def test_gradients_are_the_slopes_of_the_reference(layout):
    """Of the sum of dy * y, by central differences in float64."""
    x, *channel = draw((2, 3, 4), np.float64, layout)
    dy = draw((2, 3, 4), np.float64, layout, seed=1)[0]
    for activation in (*ACTIVATIONS, ("prelu", 1), ("prelu", "C")):
        how = {"activation": fitted(activation, channel), "data_format": layout}
        gradients = grad.batch_norm(x, dy, *channel, **how)

        def loss(x=x, weight=channel[2], bias=channel[3], how=how):
            return (reference.batch_norm(x, *channel[:2], weight, bias, **how) * dy).sum()

        for name, value, got in zip(
            ("x", "weight", "bias"), (x, *channel[2:]), gradients, strict=True
        ):
            for at in np.ndindex(value.shape):
                step = np.zeros_like(value)
                step[at] = 1e-6
                slope = (loss(**{name: value + step}) - loss(**{name: value - step})) / 2e-6
                assert abs(got[at] - slope) < 1e-7, (activation, name, at)


def test_the_gradient_is_the_adjoint_of_the_linear_part(isa):
    x, *channel = draw((3, 4, 5, 6), np.float64)
    v, dy = (draw(x.shape, np.float64, seed=s)[0] for s in (1, 2))
    difference = fastconv.batch_norm(x + v, *channel) - fastconv.batch_norm(x, *channel)
    dx, _, _ = grad.batch_norm(x, dy, *channel)
    np.testing.assert_allclose((dy * difference).sum(), (dx * v).sum(), rtol=1e-12)


ONES = np.ones((2, 3, 4), np.float32)
THREE = np.ones(3, np.float32)
PRELU = ("prelu", THREE)
GOOD = {"input": ONES, "running_mean": THREE, "running_var": THREE}
REFUSED = (
    ({"input": None}, TypeError, "input must be an array, got None"),
    ({"input": np.ones((2, 3), int)}, TypeError, "input must have dtype float32 or float64"),
    ({"input": np.ma.masked_array(ONES, ONES > 0)}, TypeError, "masked"),
    ({"input": THREE}, ValueError, r"input must have at least 2 dimensions.*got shape \(3,\)"),
    ({"input": np.ones((2, 3, 0), np.float32)}, ValueError, "input must have positive lengths"),
    ({"running_mean": None}, TypeError, "running_mean must be an array, got None"),
    ({"running_mean": np.ones(4, np.float32)}, ValueError, r"running_mean must have shape \(3,\)"),
    ({"running_var": np.ones((1, 3), np.float32)}, ValueError, "running_var must have shape"),
    ({"running_var": np.ones(3)}, TypeError, "running_var must have the dtype of input, float32"),
    ({"weight": np.ones(2, np.float32)}, ValueError, r"weight must have shape \(3,\), got \(2,\)"),
    ({"bias": np.ones(3)}, TypeError, "bias must have the dtype of input"),
    ({"bias": 1.0}, (TypeError, ValueError), "bias must have"),
    ({"eps": -1e-5}, ValueError, "eps must not be negative, got -1e-05"),
    ({"eps": float("nan")}, ValueError, "eps must not be negative, got nan"),
    ({"eps": "small"}, TypeError, "eps must be a number"),
    ({"activation": "swish"}, ValueError, "activation must be"),
    ({"activation": ("prelu", np.ones(2, np.float32))}, ValueError, r"slopes must be one or.*3 ch"),
    (
        {"activation": ("prelu", np.ones(0, np.float32))},
        ValueError,
        r"3 channels, got shape \(0,\)",
    ),
    ({"activation": ("prelu", ONES[:1, :, 0])}, ValueError, r"^activation: prelu's .*\(1, 3\)"),
    ({"activation": ("prelu", ONES[:1, :1, 0])}, ValueError, r"^activation: prelu's .*\(1, 1\)"),
    (
        {"activation": ("prelu", np.ones(3))},
        TypeError,
        "slopes must have the dtype of input, float3",
    ),
    ({"activation": ("prelu", np.ones(1))}, TypeError, "^activation: .*, float32, got float64"),
    ({"activation": ("prelu", np.ones(1, int))}, TypeError, "^activation: .*, float32, got int"),
    ({"activation": ("prelu", None)}, TypeError, "activation: prelu's slopes must be an array"),
    ({"activation": ("prelu", np.ma.masked_array(THREE))}, TypeError, "^activation: .* masked"),
    ({"activation": ("prelu", "x")}, TypeError, "activation: prelu's slopes must have the dtype"),
    ({"activation": ("prelu", THREE, 1)}, ValueError, "activation must be"),
    ({"activation": "prelu"}, ValueError, "activation must be"),
    ({"data_format": "NHWC"}, ValueError, "data_format must be"),
    ({"data_format": "channels_last"}, ValueError, r"running_mean must have shape \(4,\)"),
    ({"threads": 0}, ValueError, "threads must be from 1"),
)
FORWARD_ONLY = (
    ({"out": np.ones((2, 3), np.float32)}, ValueError, r"out must have shape \(2, 3, 4\)"),
    ({"out": np.ones((2, 3, 4))}, TypeError, "out must have dtype float32"),
    ({"out": np.broadcast_to(ONES[:1], ONES.shape)}, ValueError, "writable"),
    ({"out": [1.0]}, TypeError, "out must be an array"),
)
GRADIENT_ONLY = (
    ({"grad_output": ONES[:1]}, ValueError, r"grad_output must have the shape of input, \(2, 3, 4"),
    ({"grad_output": np.ones((2, 3, 4))}, TypeError, "grad_output must have the dtype of input"),
    ({"output": ONES}, ValueError, "output is for a fused activation, and activation is None"),
    ({"output": ONES[:1], "activation": "relu"}, ValueError, "output must have the shape of input"),
    ({"output": ONES[:1], "activation": "gelu"}, ValueError, "output must have the shape of input"),
    ({"output": ONES[:1], "activation": PRELU}, ValueError, "output must have the shape of input"),
    ({"output": np.ones(1), "activation": PRELU}, TypeError, "output must have the dtype of input"),
    ({"grad_output": ONES[:1], "activation": PRELU}, ValueError, "grad_output must have the shape"),
    (
        {"grad_output": np.ones(1), "activation": PRELU},
        TypeError,
        "grad_output must have the dtype",
    ),
    (
        {"grad_output": None, "activation": PRELU},
        TypeError,
        "grad_output must be an array, got None",
    ),
)


@pytest.mark.parametrize(("change", "error", "message"), REFUSED + FORWARD_ONLY)
@pytest.mark.parametrize("activation", [None, PRELU, ("prelu", THREE[:1])], ids=["none", "3", "1"])
def test_bad_arguments_are_named_and_nothing_is_written(activation, change, error, message):
    out = np.full_like(ONES, 99)
    with pytest.raises(error, match=message):
        fastconv.batch_norm(**{**GOOD, "activation": activation, "out": out, **change})
    assert (out == 99).all()


@pytest.mark.parametrize(("change", "error", "message"), REFUSED + GRADIENT_ONLY)
def test_bad_arguments_of_the_gradient_are_named(change, error, message):
    with pytest.raises(error, match=message):
        grad.batch_norm(**{**GOOD, "grad_output": ONES, **change})
