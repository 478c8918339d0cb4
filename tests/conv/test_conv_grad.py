"""Gradients of convolutions: exact on integers, adjoint to the forward call, strict in shapes."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import fastconv
from algorithms import WEIGHT_GRADS, reason, weight_grad
from cases import CONV, DTYPES, TRANSPOSED, UNIT, each, named
from fastconv import grad, reference

pytestmark = pytest.mark.usefixtures("plain_sums")

ALL = (*CONV, *TRANSPOSED)


def backward(case, module=grad):
    """The gradient functions of a case: of the input, the weight, the bias, and all at once."""
    return [getattr(module, case.name + part) for part in ("_input", "_weight", "_bias", "")]


def options_of(case):
    """The options that the backward call takes: a transposed one's lengths tell the rest."""
    return {k: v for k, v in case.options.items() if k not in ("output_padding", "output_size")}


def output_shape(case):
    shape = fastconv.conv_transpose_output_shape if case.transposed else fastconv.conv_output_shape
    options = {k: v for k, v in case.options.items() if k != "padding_mode"}
    return shape(case.x, case.w, **options)


@functools.cache
def exact(case, dtype):
    """Integer data, and the three gradients that must come out, bit for bit."""
    x, w, _ = case.integers(dtype)
    rng = np.random.default_rng(7)
    dy = rng.integers(-7, 8, output_shape(case)).astype(dtype)
    return x, w, dy, backward(case, reference.grad)[3](x, w, dy, **options_of(case))


@each(ALL)
def test_integers_are_exact(case, isa):
    to_input, to_weight, to_bias, to_all = backward(case)
    options = options_of(case)
    for dtype in DTYPES:
        x, w, dy, want = exact(case, dtype)
        for threads in (1, 3):
            how = {**options, "threads": threads}
            got = (
                to_input(x.shape, w, dy, **how),
                to_weight(x, w.shape, dy, **how),
                to_bias(dy, threads=threads),
            )
            for one, other, right in zip(got, to_all(x, w, dy, **how), want, strict=True):
                assert one.dtype == other.dtype == dtype
                np.testing.assert_array_equal(one, right)
                np.testing.assert_array_equal(other, right)


def taken_gradients(case, algorithm):
    """(dtype, got, want) for each dtype and number of threads, if the algorithm takes them."""
    for dtype in DTYPES:
        x, _, dy, (_, want, _) = exact(case, dtype)
        for threads in (1, 3):
            try:
                yield dtype, weight_grad(case, x, dy, algorithm, threads=threads), want
            except ValueError as error:
                reason(error, algorithm)  # raises what is no refusal


@pytest.mark.parametrize("algorithm", WEIGHT_GRADS)
def test_every_weight_gradient_on_every_case_that_it_takes(algorithm, isa):
    taken = 0
    for case in ALL:
        for dtype, got, want in taken_gradients(case, algorithm):
            assert got.dtype == dtype
            if "winograd" in algorithm or "fft" in algorithm:  # whose sums are not plain
                wide = 4 if "F(4,5)" in algorithm else 1  # it errs so much more: "medium"
                limit = wide * (2e-6 if dtype == np.float32 else 1e-13) * np.linalg.norm(want)
                assert np.linalg.norm(got - want) <= limit, case.why
            else:
                np.testing.assert_array_equal(got, want, err_msg=case.why)
            taken += 1
    print(f"{isa}: {algorithm} takes {taken} of {4 * len(ALL)} calls")
    assert taken


@each(ALL)
def test_channels_last_is_the_same_with_its_axes_moved(case):
    x, w, dy, want = exact(case, np.float32)
    n = len(case.w) - 2
    xl, dyl = (np.ascontiguousarray(np.moveaxis(a, -1 - n, -1)) for a in (x, dy))
    how = {**options_of(case), "data_format": "channels_last"}
    dx, dw, db = backward(case)[3](xl, w, dyl, **how)
    np.testing.assert_array_equal(dx, np.moveaxis(want[0], -1 - n, -1))
    np.testing.assert_array_equal(dw, want[1])
    np.testing.assert_array_equal(db, want[2])
    np.testing.assert_array_equal(backward(case)[0](xl.shape, w, dyl, **how), dx)


def inner(a, b):
    return float(np.vdot(a, b))


@each(ALL)
def test_gradients_are_adjoint_to_the_forward_call(case, isa):
    x, w, b = case.floats(np.float64)
    dy = np.random.default_rng(8).standard_normal(output_shape(case))
    dx, dw, db = backward(case)[3](x, w, dy, **options_of(case))
    y = case.function(x, w, **case.options)
    # What a constant border adds is no part of a linear function of the input.
    linear = y - case.function(np.zeros_like(x), w, **case.options)
    scale = max(np.linalg.norm(y) * np.linalg.norm(dy), 1.0)
    assert abs(inner(linear, dy) - inner(x, dx)) <= 1e-13 * scale
    assert abs(inner(y, dy) - inner(w, dw)) <= 1e-13 * scale
    plus_bias = case.function(x, w, b, **case.options) - y
    assert abs(inner(plus_bias, dy) - inner(b, db)) <= 1e-12 * scale


WORDS = ("valid", "same", "same_lower", "causal", "full")
MODES = ("zeros", "reflect", "replicate", "circular", "symmetric", ("constant", 3.0))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("word", WORDS)
def test_every_word_in_every_mode_is_adjoint(word, mode):
    rng = np.random.default_rng(9)
    for k, s, d in np.ndindex(4, 3, 3):
        x, w = rng.standard_normal((2, 3, 14)), rng.standard_normal((4, 3, k + 1))
        call = {"stride": s + 1, "padding": word, "dilation": d + 1, "padding_mode": mode}
        y = fastconv.conv1d(x, w, **call)
        dy = rng.standard_normal(y.shape)
        dx, dw, _ = grad.conv1d(x, w, dy, **call)
        linear = y - fastconv.conv1d(np.zeros_like(x), w, **call)
        scale = np.linalg.norm(y) * np.linalg.norm(dy)
        assert abs(inner(linear, dy) - inner(x, dx)) <= 1e-13 * scale
        assert abs(inner(y, dy) - inner(w, dw)) <= 1e-13 * scale


REVERSIBLE = [  # what a transposed convolution has arguments for
    case
    for case in CONV
    if case.options.get("padding_mode", "zeros") == "zeros"
    and case.options.get("padding") not in ("causal", "full")
]


@each(REVERSIBLE)
def test_transposed_is_the_adjoint_of_the_direct(case, isa):
    """The input's gradient, and a transposed convolution of the same arguments, bit for bit."""
    padding = case.options.get("padding", 0)
    x, w, _ = case.integers(np.float64)
    y = case.function(x, w, **case.options)
    dy = np.random.default_rng(10).integers(-9, 10, y.shape).astype(np.float64)
    options = dict(case.options)
    n = len(case.w) - 2
    if padding in ("same", "same_lower"):  # by its length here, which need not be n * stride
        strides, dilations = (np.broadcast_to(options.get(k, 1), n) for k in ("stride", "dilation"))
        options["padding"] = [
            fastconv.resolve_padding(padding, *axis)
            for axis in zip(case.x[-n:], case.w[2:], strides, dilations, strict=True)
        ]
    transposed = getattr(fastconv, f"conv_transpose{n}d")
    dx = transposed(dy, w, **options, output_size=case.x[-n:])
    np.testing.assert_array_equal(dx, backward(case)[0](x.shape, w, dy, **case.options))
    assert inner(y, dy) == inner(x, dx)


@pytest.mark.parametrize("name", ["enough work for threads", "a batch", "depthwise"])
def test_threads_change_no_bit(name, isa):
    for case in named(ALL, name):
        for dtype in DTYPES:
            x, w, _ = case.floats(dtype)
            dy = np.random.default_rng(11).standard_normal(output_shape(case)).astype(dtype)
            options = options_of(case)
            one = [g.tobytes() for g in backward(case)[3](x, w, dy, **options, threads=1)]
            for threads in (2, 3, 7):
                many = backward(case)[3](x, w, dy, **options, threads=threads)
                assert [g.tobytes() for g in many] == one


def test_sums_over_many_pixels_keep_their_precision(isa):
    """A million terms of float32 lose nothing to their number."""
    rng = np.random.default_rng(12)
    x = rng.random((16, 2, 250, 250), np.float32) + 1
    dy = np.ones((16, 3, 250, 250), np.float32)
    dw = grad.conv2d_weight(x, (3, 2, 1, 1), dy)
    want = x.sum((0, 2, 3), dtype=np.float64)
    terms = 520  # a partial sum, rounded once more at the end
    np.testing.assert_allclose(dw[0, :, 0, 0], want, rtol=terms * UNIT[x.dtype], atol=0)
    np.testing.assert_allclose(dw[0, :, 0, 0], want, rtol=2e-6, atol=0)
    db = grad.conv2d_bias(x)
    np.testing.assert_allclose(db, want, rtol=2e-7, atol=0)


@each([c for c in ALL if c.x[0] == 0])
def test_an_empty_batch_has_zero_gradients(case):
    x, w, _ = case.floats(np.float32)
    dy = np.empty(output_shape(case), np.float32)
    for _ in range(3):
        np.full(w.size, np.nan, np.float32)  # what a fresh allocation might find
        dx, dw, db = backward(case)[3](x, w, dy)
        assert dx.shape == x.shape
        np.testing.assert_array_equal(dw, np.zeros_like(w))
        np.testing.assert_array_equal(db, np.zeros(case.bias_shape, np.float32))


def test_the_mask_leaves_out():
    x, w, dy = np.ones((1, 2, 5)), np.ones((3, 2, 2)), np.ones((1, 3, 4))
    for mask in np.ndindex(2, 2, 2):
        asked = tuple(map(bool, mask))
        got = grad.conv1d(x, w, dy, output_mask=asked)
        assert tuple(g is not None for g in got) == asked
    for mask, error in (((True, True), ValueError), ((1, 1, 1), TypeError), (True, TypeError)):
        with pytest.raises(error, match="output_mask"):
            grad.conv1d(x, w, dy, output_mask=mask)


@pytest.mark.parametrize("activation", [
    "relu", "relu6", "leaky_relu", ("leaky_relu", 0.3), "sigmoid", "tanh", "hardsigmoid", "elu",
    ("elu", 0.3), "softplus", ("prelu", np.array([0.3])), ("prelu", np.array([0.3, 0, 2, 0.5])),
], ids=str)  # fmt: skip
def test_the_fused_activation_is_passed_through(activation):
    rng = np.random.default_rng(13)
    x, w = rng.standard_normal((2, 3, 6, 7)), rng.standard_normal((4, 3, 3, 3))
    y = fastconv.conv2d(x, w, padding=1, activation=activation)
    dy = rng.standard_normal(y.shape)
    how = {"padding": 1, "activation": activation, "output": y}
    for got, want in zip(
        grad.conv2d(x, w, dy, **how), reference.grad.conv2d(x, w, dy, **how), strict=True
    ):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", [3, 40])
def test_slopes_go_with_channels_in_both_layouts(length):
    rng = np.random.default_rng(14)
    x, w = rng.standard_normal((2, length, 3)), rng.standard_normal((4, 3, 1))
    how = {"activation": ("prelu", np.array([0.3, 0, 2, 0.5])), "data_format": "channels_last"}
    y = fastconv.conv1d(x, w, **how)
    dy = rng.standard_normal(y.shape)
    got = grad.conv1d(x, w, dy, output=y, **how)
    for one, want in zip(got, reference.grad.conv1d(x, w, dy, output=y, **how), strict=True):
        np.testing.assert_allclose(one, want, rtol=1e-12, atol=1e-12)
    back, up = rng.standard_normal((2, 5, 4)), rng.standard_normal((4, 3, 2))
    how["activation"] = ("prelu", np.array([0.3, 0, 2]))
    y = fastconv.conv_transpose1d(back, up, **how)
    dy = rng.standard_normal(y.shape)
    got = grad.conv_transpose1d(back, up, dy, output=y, **how)
    want = reference.grad.conv_transpose1d(back, up, dy, output=y, **how)
    for one, right in zip(got, want, strict=True):
        np.testing.assert_allclose(one, right, rtol=1e-12, atol=1e-12)


def test_an_activation_without_its_output_is_refused():
    x, w, dy = np.ones((1, 2, 5)), np.ones((3, 2, 2)), np.ones((1, 3, 4))
    with pytest.raises((TypeError, ValueError), match="output"):
        grad.conv1d(x, w, dy, activation="relu")
    slopes = np.array([1, 0.5, -0.25])
    for activation in ("gelu", "silu", "hardswish", ("leaky_relu", -1), ("elu", -1),
                       ("elu", np.nan), ("prelu", slopes), ("prelu", -slopes[:1]),
                       ("prelu", np.array([1, 2, np.nan]))):  # fmt: skip
        with pytest.raises(ValueError, match="activation"):
            grad.conv1d(x, w, dy, activation=activation, output=dy)
    with pytest.raises(ValueError, match="each of the 3 output channels"):
        grad.conv1d(x, w, dy, activation=("prelu", slopes[:2]), output=dy)
    with pytest.raises(ValueError, match="output"):
        grad.conv1d(x, w, dy, activation="relu", output=np.ones((1, 3, 5)))


X, W, DY = (2, 3, 7, 8), (4, 3, 3, 3), (2, 4, 5, 6)


def near(shape):
    """Shapes that are almost `shape`: one off, broadcastable, permuted, one axis more or less."""
    for i in range(len(shape)):
        yield from ((*shape[:i], shape[i] + d, *shape[i + 1 :]) for d in (-1, 1))
        yield (*shape[:i], 1, *shape[i + 1 :])
    yield from (shape[::-1], shape[1:], (1, *shape), (shape[1], shape[0], *shape[2:]), ())


@pytest.mark.parametrize("shape", list(near(DY)), ids=str)
def test_a_gradient_of_almost_the_right_shape_is_refused(shape):
    x, w, dy = np.ones(X), np.ones(W), np.ones(shape)
    for call in (lambda: grad.conv2d_input(X, w, dy), lambda: grad.conv2d_weight(x, W, dy),
                 lambda: grad.conv2d(x, w, dy)):  # fmt: skip
        with pytest.raises(ValueError, match="grad_output"):
            call()


@pytest.mark.parametrize("shape", list(near(X)), ids=str)
def test_an_input_size_of_almost_the_right_shape_is_refused(shape):
    with pytest.raises(ValueError):
        grad.conv2d_input(shape, np.ones(W), np.ones(DY))


@pytest.mark.parametrize("shape", list(near((2, 6, 15, 17))), ids=str)
def test_a_transposed_gradient_of_almost_the_right_shape_is_refused(shape):
    """Strides of 2 leave room for one more element; everything else is refused."""
    x, w = np.ones((2, 3, 7, 8)), np.ones((3, 6, 3, 3))
    if shape in ((2, 6, 16, 17), (2, 6, 15, 18)):
        assert grad.conv_transpose2d_input(x.shape, w, np.ones(shape), stride=2).shape == x.shape
        return
    with pytest.raises(ValueError, match="grad_output"):
        grad.conv_transpose2d_input(x.shape, w, np.ones(shape), stride=2)
    with pytest.raises(ValueError, match="grad_output"):
        grad.conv_transpose2d_weight(x, w.shape, np.ones(shape), stride=2)


def test_dtypes_must_be_one():
    x, w, dy = np.ones(X), np.ones(W), np.ones(DY, np.float32)
    for call in (lambda: grad.conv2d_input(X, w, dy), lambda: grad.conv2d_weight(x, W, dy),
                 lambda: grad.conv2d(x, w, dy)):  # fmt: skip
        with pytest.raises(TypeError, match=r"dtype of .*float"):
            call()


@pytest.mark.parametrize("function", ["input", "weight", "bias"])
def test_out_may_be_strided_or_overlap_what_is_read(function):
    x, w, dy = (np.arange(np.prod(s), dtype=np.float64).reshape(s) % 7 for s in (X, W, DY))
    calls = {
        "input": lambda out: grad.conv2d_input(X, w, dy, out=out),
        "weight": lambda out: grad.conv2d_weight(x, W, dy, out=out),
        "bias": lambda out: grad.conv2d_bias(dy, out=out),
    }
    want = calls[function](None)
    strided = np.empty([2 * n for n in want.shape])[(slice(None, None, -2),) * want.ndim]
    assert calls[function](strided) is strided
    np.testing.assert_array_equal(strided, want)
    over = (dy if want.size <= dy.size else x).reshape(-1)[: want.size].reshape(want.shape)
    assert calls[function](over) is over
    np.testing.assert_array_equal(over, want)


@pytest.mark.parametrize("far", [2**29, 2**30 - 1])
def test_absurd_dilation_of_a_depthwise_layer(far, isa):
    """Only the middle tap meets the image; everything else is padding that nobody may allocate."""
    rng = np.random.default_rng(3)
    x, dy = rng.standard_normal((2, 2, 17, 3, 3)).astype(np.float32)
    w = rng.standard_normal((17, 1, 3, 3)).astype(np.float32)
    how = {"padding": far, "dilation": far, "groups": 17}
    middle = w[:, 0, 1, 1].reshape(1, -1, 1, 1)
    np.testing.assert_allclose(fastconv.conv2d(x, w, **how), x * middle, rtol=1e-6)
    dx, dw, _ = grad.conv2d(x, w, dy, **how)
    np.testing.assert_allclose(dx, dy * middle, rtol=1e-6)
    want = np.zeros_like(w)
    want[:, 0, 1, 1] = (x * dy).sum(axis=(0, 2, 3))
    np.testing.assert_allclose(dw, want, rtol=1e-5, atol=1e-6)
