"""HIPS autograd on our primitives: values, and gradients of first and second order, both ways."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from children import run_python
from fastconv import reference

pytest.importorskip("autograd", reason="an extra of its own")
import autograd.numpy as anp
from autograd import elementwise_grad, grad, hessian, make_jvp, make_vjp
from autograd.test_util import check_grads

from fastconv.interfaces import autograd as ours

# autograd's own numbers say what agrees: 1e-6, in float64.
pytestmark = pytest.mark.filterwarnings("ignore:Output seems independent of input")


@pytest.fixture(autouse=True)
def same_directions():
    np.random.seed(0)  # noqa: NPY002  # check_grads takes its directions from there


RNG = np.random.default_rng(0)


def random(*shape):
    return RNG.standard_normal(shape)


def apart(*shape):
    """Numbers of which no two are close, nor close to 0, 3 or 6, where derivatives jump."""
    n = int(np.prod(shape))
    return (RNG.permutation(n).reshape(shape) - n / 2 + 0.25) * (4.5 / n)


# The function, its arrays, the rest of the call, and why it is here.
CONVOLUTIONS = {
    "plain": ("conv2d", [random(2, 3, 5, 4), random(4, 3, 3, 2), random(4)], {}),
    "without a bias": ("conv2d", [random(1, 2, 5, 4), random(2, 2, 3, 3)], {"padding": 1}),
    "strided, dilated, grouped": (
        "conv2d", [random(1, 4, 8, 7), random(6, 2, 2, 3), random(6)],
        {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (2, 1), "groups": 2}),
    "words": ("conv2d", [random(1, 2, 6, 5), random(2, 2, 3, 2)], {"padding": "same", "stride": 2}),
    "reflected": ("conv2d", [random(1, 2, 5, 5), random(2, 2, 3, 3), random(2)],
                  {"padding": 2, "padding_mode": "reflect"}),
    "channels last": ("conv2d", [random(2, 5, 4, 3), random(4, 3, 2, 2), random(4)],
                      {"data_format": "channels_last"}),
    "one sample": ("conv2d", [random(3, 5, 4), random(2, 3, 3, 3), random(2)], {}),
    "one dimension": ("conv1d", [random(2, 3, 9), random(4, 3, 3), random(4)],
                      {"padding": "causal", "dilation": 2}),
    "one dimension, channels last": ("conv1d", [random(2, 9, 3), random(4, 3, 3), random(4)],
                                     {"data_format": "channels_last", "padding": 1}),
    "transposed": ("conv_transpose2d", [random(2, 3, 4, 3), random(3, 2, 3, 2), random(2)],
                   {"stride": 2, "padding": 1, "output_padding": 1}),
    "transposed to a size": ("conv_transpose2d", [random(1, 2, 3, 3), random(2, 2, 3, 3)],
                             {"stride": 3, "output_size": (10, 11)}),
    "transposed with a word": ("conv_transpose1d", [random(1, 4, 5), random(4, 1, 4), random(2)],
                               {"stride": 2, "padding": "same", "groups": 2}),
    "transposed, one dimension, dilated": (
        "conv_transpose1d", [random(2, 5, 4), random(4, 2, 3), random(2)],
        {"dilation": 2, "data_format": "channels_last"}),
}  # fmt: skip
LINEAR = {
    "averages": ("avg_pool2d", [random(2, 2, 6, 5)], {"kernel_size": 3, "stride": 2, "padding": 1}),
    "averages, all arguments": ("avg_pool2d", [random(1, 6, 5, 2)], {
        "kernel_size": (2, 3), "stride": 2, "ceil_mode": True, "count_include_pad": False,
        "dilation": (2, 1), "data_format": "channels_last"}),
    "averages, one dimension": ("avg_pool1d", [random(2, 2, 7)], {"kernel_size": 2}),
    "sums": ("sum_pool2d", [random(2, 2, 6, 5)], {"kernel_size": 3, "padding": "same"}),
    "sums, one dimension": ("sum_pool1d", [random(2, 7)], {"kernel_size": 3, "stride": 2}),
    "adaptive averages": ("adaptive_avg_pool2d", [random(2, 2, 6, 5)], {"output_size": (4, 3)}),
    "adaptive averages, one dimension": (
        "adaptive_avg_pool1d", [random(2, 2, 7)], {"output_size": 3}),
    "global averages": ("global_avg_pool2d", [random(2, 2, 6, 5)], {}),
    "global averages, one dimension": ("global_avg_pool1d", [random(2, 7, 2)],
                                       {"data_format": "channels_last"}),
    "global sums": ("global_sum_pool2d", [random(2, 2, 6, 5)], {}),
    "global sums, one dimension": ("global_sum_pool1d", [random(2, 2, 5)], {}),
    "unfolded": ("unfold", [random(2, 2, 5, 4)], {
        "kernel_size": (2, 3), "dilation": (2, 1), "padding": 1, "stride": 2}),
    "folded": ("fold", [random(2, 8, 12)], {"output_size": (5, 4), "kernel_size": 2}),
}  # fmt: skip
POOLS = {
    "maxima": ("max_pool2d", [apart(2, 2, 6, 5)], {"kernel_size": 3, "stride": 2, "padding": 1}),
    "maxima, channels last": ("max_pool2d", [apart(1, 6, 5, 3)], {
        "kernel_size": 2, "dilation": 2, "ceil_mode": True, "data_format": "channels_last"}),
    "maxima, one dimension": ("max_pool1d", [apart(2, 9)], {"kernel_size": 3, "stride": 1}),
    "minima": ("min_pool2d", [apart(2, 2, 6, 5)], {"kernel_size": (2, 3)}),
    "minima, one dimension": ("min_pool1d", [apart(1, 2, 9)], {"kernel_size": 3}),
    "adaptive maxima": ("adaptive_max_pool2d", [apart(2, 2, 6, 5)], {"output_size": 3}),
    "adaptive maxima, one dimension": (
        "adaptive_max_pool1d", [apart(2, 2, 7)], {"output_size": 4}),
    "global maxima": ("global_max_pool2d", [apart(2, 6, 5, 2)], {"data_format": "channels_last"}),
    "global maxima, one dimension": ("global_max_pool1d", [apart(2, 2, 7)], {}),
    "2-norms": ("lp_pool2d", [apart(1, 2, 6, 5)], {
        "norm_type": 2, "kernel_size": 3, "stride": 2, "padding": 1}),
    "3-norms, one dimension": ("lp_pool1d", [apart(1, 2, 9)], {
        "norm_type": 3, "kernel_size": 2, "ceil_mode": True}),
    "1.5-norms": ("lp_pool2d", [apart(1, 6, 5, 2)], {
        "norm_type": 1.5, "kernel_size": 2, "data_format": "channels_last"}),
    "1-norms": ("lp_pool1d", [apart(2, 9)], {"norm_type": 1, "kernel_size": 3, "dilation": 2}),
    "norms of the largest": ("lp_pool2d", [apart(1, 2, 6, 5)], {
        "norm_type": np.inf, "kernel_size": 2}),
}  # fmt: skip
ACTIVATIONS = {
    **{name: (name, [apart(4, 5) * 2], {}) for name in (
        "relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "gelu", "softmax", "hardswish",
        "hardsigmoid", "elu", "softplus")},
    "leaky_relu of a slope": ("leaky_relu", [apart(7)], {"negative_slope": 0.3}),
    "elu of an alpha": ("elu", [apart(7)], {"alpha": 0.3}),
    "gelu by tanh": ("gelu", [apart(7)], {"approximate": "tanh"}),
    "softmax of the first axis": ("softmax", [apart(3, 4)], {"axis": 0}),
    "prelu of one slope": ("prelu", [apart(3, 4), np.array([0.3])], {}),
    "prelu by channel": ("prelu", [apart(2, 3, 4), random(3)], {}),
    "prelu, channels last": ("prelu", [apart(2, 4, 3), random(3)],
                             {"data_format": "channels_last"}),
}  # fmt: skip
CASES = {**CONVOLUTIONS, **LINEAR, **POOLS, **ACTIVATIONS}


def test_every_function_has_a_case():
    assert {name for name, _, _ in CASES.values()} == set(ours.__all__) - {
        "max_unpool1d", "max_unpool2d"  # below
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_values_are_those_of_the_function(case):
    name, arrays, rest = CASES[case]
    function, primitive = getattr(fastconv, name), getattr(ours, name)
    want = function(*arrays, **rest)
    np.testing.assert_array_equal(primitive(*arrays, **rest), want)
    _, traced = make_vjp(lambda x: primitive(x, *arrays[1:], **rest))(arrays[0])
    np.testing.assert_allclose(traced, want, rtol=1e-14)


@pytest.mark.parametrize("case", CASES)
def test_gradients_of_first_and_second_order(case):
    name, arrays, rest = CASES[case]
    primitive = getattr(ours, name)
    check_grads(lambda *a: primitive(*a, **rest), tuple(range(len(arrays))), order=2)(*arrays)


@pytest.mark.parametrize("case", ["plain", "2-norms", "silu", "gelu by tanh", "elu", "softmax",
                                  "prelu by channel", "maxima"])  # fmt: skip
def test_gradients_of_third_order(case):
    name, arrays, rest = CASES[case]
    primitive = getattr(ours, name)

    def smooth(*a):
        return primitive(*a, **rest) ** 2

    check_grads(smooth, tuple(range(len(arrays))), modes=["rev"], order=3)(*arrays)


FUSED = ["relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "gelu", "hardswish",
         "hardsigmoid", "elu", "softplus", ("leaky_relu", 0.3), ("elu", 0.5)]  # fmt: skip


@pytest.mark.parametrize("activation", FUSED, ids=str)
@pytest.mark.parametrize("name", ["conv1d", "conv_transpose1d"])
def test_fused_activations(name, activation):
    x, w, b = apart(1, 2, 6), apart(2, 2, 3), apart(2)
    primitive, function = getattr(ours, name), getattr(fastconv, name)
    np.testing.assert_array_equal(
        primitive(x, w, b, activation=activation), function(x, w, b, activation=activation)
    )

    def call(x, w, b):
        return primitive(x, w, b, activation=activation)

    _, traced = make_vjp(lambda x: call(x, w, b))(x)
    np.testing.assert_allclose(traced, function(x, w, b, activation=activation), atol=1e-14)
    check_grads(call, (0, 1, 2), modes=["rev"], order=2)(x, w, b)


@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
def test_fused_slopes_and_residuals(batch, data_format):
    last = data_format == "channels_last"
    x = apart(*batch, *((6, 5, 2) if last else (2, 6, 5)))
    w, slopes = apart(3, 2, 3, 3), random(3)
    residual = random(*batch, *((6, 5, 3) if last else (3, 6, 5)))
    how = {"padding": 1, "data_format": data_format}

    def call(x, w, slopes, residual):
        return ours.conv2d(x, w, residual=residual, activation=("prelu", slopes), **how)

    want = fastconv.conv2d(x, w, residual=residual, activation=("prelu", slopes), **how)
    np.testing.assert_array_equal(call(x, w, slopes, residual), want)
    _, traced = make_vjp(lambda s: call(x, w, s, residual))(slopes)
    np.testing.assert_allclose(traced, want, rtol=1e-13, atol=1e-14)
    check_grads(call, (0, 1, 2, 3), order=2)(x, w, slopes, residual)


@pytest.mark.parametrize("name", ["max_pool1d", "max_pool2d", "min_pool2d", "adaptive_max_pool2d"])
def test_indices_come_along_and_unpooling_goes_back(name):
    x = apart(2, 2, 8) if name.endswith("1d") else apart(2, 2, 6, 8)
    pool = getattr(ours, name)
    y, places = pool(x, 2, return_indices=True)
    want = getattr(fastconv, name)(x, 2, return_indices=True)
    np.testing.assert_array_equal(y, want[0])
    np.testing.assert_array_equal(places, want[1])
    check_grads(lambda x: pool(x, 2, return_indices=True)[0])(x)
    if name.startswith("max"):
        unpool = getattr(ours, name.replace("pool", "unpool"))
        np.testing.assert_array_equal(
            unpool(y, places, 2), getattr(fastconv, unpool.__name__)(y, places, 2)
        )
        check_grads(lambda y: unpool(y, places, 2))(y)


def test_gradients_agree_with_autograds_own_convolution():
    from autograd.scipy.signal import convolve

    x, w = random(2, 3, 7, 6), random(3, 4, 3, 2)

    def theirs(x, w):
        return anp.sum(
            convolve(x, w, axes=([2, 3], [2, 3]), dot_axes=([1], [0]), mode="valid") ** 3
        )

    def mine(x, w):  # the filter is not flipped, and its axes are the other way round
        flipped = anp.swapaxes(w, 0, 1)[:, :, ::-1, ::-1]
        return anp.sum(ours.conv2d(x, flipped) ** 3)

    for argument in (0, 1):
        np.testing.assert_allclose(
            grad(mine, argument)(x, w), grad(theirs, argument)(x, w), rtol=1e-10, atol=1e-10
        )


def test_a_hessian():
    w = random(1, 1, 2, 2)
    x = random(1, 1, 4, 4)
    h = hessian(lambda w: anp.sum(ours.conv2d(x, w) ** 2))(w).reshape(4, 4)
    columns = reference.unfold(x, 2)[0]
    np.testing.assert_allclose(h, 2 * columns @ columns.T, rtol=1e-12)


def test_float32_stays_float32_whatever_the_loss():
    x, w = random(1, 2, 5, 5).astype(np.float32), random(3, 2, 3, 3).astype(np.float32)

    def loss(w):
        y = ours.max_pool2d(ours.conv2d(x, w, activation="silu"), 2)
        return anp.sum(y.astype(np.float64) ** 2) * np.float64(3)

    dw = grad(loss)(w)
    assert dw.dtype == np.float32
    want = grad(lambda w: 3 * anp.sum(ours.max_pool2d(
        ours.conv2d(x.astype(float), w, activation="silu"), 2) ** 2))(w.astype(float))  # fmt: skip
    np.testing.assert_allclose(dw, want, rtol=1e-4, atol=1e-4)


def test_keywords_and_arrays_by_name():
    x, w = random(1, 2, 5), random(2, 2, 3)
    dx = grad(lambda x: anp.sum(ours.conv1d(input=x, weight=w, bias=None, padding=1)))(x)
    np.testing.assert_allclose(
        dx, fastconv.grad.conv1d_input(x.shape, w, np.ones((1, 2, 5)), padding=1)
    )
    np.testing.assert_array_equal(
        ours.avg_pool1d(input=x, kernel_size=2), fastconv.avg_pool1d(x, 2)
    )


def test_elementwise_and_forward_mode():
    x = apart(9)
    np.testing.assert_allclose(
        elementwise_grad(ours.tanh)(x), 1 - np.tanh(x) ** 2, rtol=1e-12, atol=1e-15
    )
    y, dy = make_jvp(ours.sigmoid)(x)(np.ones(9))
    np.testing.assert_allclose(dy, y * (1 - y), rtol=1e-12)


def test_what_is_wrong_is_refused_traced_or_not():
    x, w = random(1, 2, 5), random(2, 2, 3)
    calls = {
        "activation": lambda x: ours.conv1d(x, w, activation="swishy"),
        "weight": lambda x: ours.conv1d(x, w[:, :1]),
        "padding": lambda x: ours.conv1d(x, w, padding="some"),
    }
    for name, call in calls.items():
        for run in (call, lambda x, call=call: make_vjp(call)(x)):
            with pytest.raises(ValueError, match=name):
                run(x)
    for call in (ours.relu, ours.global_avg_pool1d):
        with pytest.raises(TypeError, match="out"):
            call(x, out=x)
    with pytest.raises(TypeError, match="out"):
        ours.conv1d(x, w, out=x)


def test_functions_carry_their_names():
    import inspect

    for name in ours.__all__:
        function = getattr(ours, name)
        assert function.__name__ == name
        assert function.__doc__
        assert "out" not in inspect.signature(function).parameters


@pytest.mark.parametrize("missing", ["autograd", "autograd.extend"])
def test_what_is_missing_is_named_with_its_extra(missing):
    code = f"""
import sys, fastconv
sys.modules[{missing!r}] = None
try:
    fastconv.interfaces.autograd
except ImportError as error:
    print(error)
"""
    said = run_python(code)
    assert said.startswith("fastconv.interfaces.autograd needs autograd 1.7 or later")
    assert said.endswith("pip install 'fastconv[autograd]'")


def test_nothing_of_autograd_is_imported_before():
    code = (
        "import sys, fastconv, fastconv.interfaces; fastconv.relu; print('autograd' in sys.modules)"
    )
    assert run_python(code) == "False"
