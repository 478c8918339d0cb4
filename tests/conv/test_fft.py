"""Long kernels by Fourier transforms: every case, the error, and what is not finite."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from algorithms import ENTRIES, FAMILIES, dtypes_of, each_with_algorithm, weight_grad_of
from cases import CONV, TRANSPOSED, UNIT, bound
from fastconv import grad, reference
from fft_cases import check, check_weight_gradient, function_of

FFT = tuple(name for name in ENTRIES if FAMILIES[name] == "fft")
LINES = ("fft_rows", "fft_channels")  # those that take signals as well
SIZES = {  # input, weight, how: what each is for
    "one block of one channel": ((1, 1, 300), (1, 1, 40), {}),
    "blocks that fill no vector": ((1, 1, 9000), (1, 1, 600), {}),
    "a kernel longer than its input": ((1, 2, 50), (3, 2, 90), {"padding": 60}),
    "parts of a kernel": ((1, 2, 21_000), (1, 2, 19_000), {"padding": "causal"}),
    "parts, one output": ((1, 1, 40_000), (3, 1, 40_000), {}),
    "parts of two images": ((2, 1, 20_000), (1, 1, 12_500), {"padding": "same"}),
    "parts, a stride and a dilation": ((1, 1, 90_000), (1, 1, 13_000), {"stride": 2,
                                                                       "dilation": 3}),
    "many channels": ((1, 70, 200), (45, 70, 31), {"padding": "full"}),
    "channels in slices": ((1, 900, 2100), (13, 900, 6), {}),
    "groups": ((3, 12, 100), (30, 4, 33), {"groups": 3, "padding": "same"}),
    "stride beyond the taps": ((2, 2, 300), (3, 2, 5), {"stride": 11}),
    "stride and dilation with a common factor": ((1, 2, 400), (3, 2, 19), {"stride": 4,
                                                                          "dilation": 6}),
    "dilation beyond the outputs": ((1, 2, 60), (2, 2, 4), {"dilation": 19}),
    "one tap": ((2, 3, 40), (2, 3, 1), {}),
    "wide rows": ((1, 2, 5, 3000), (3, 2, 3, 200), {"padding": (1, 9)}),
    "rows with a halo": ((1, 2, 150, 90), (1, 2, 31, 21), {"padding": "same"}),
    "rows of several images": ((5, 3, 9, 16), (14, 3, 7, 7), {"padding": 3}),
    "rows at a stride": ((2, 3, 31, 40), (4, 3, 9, 8), {"stride": (2, 3), "padding": 4}),
    "a stride beyond the height": ((1, 2, 30, 40), (3, 2, 2, 9), {"stride": (5, 1)}),
    "dilated rows": ((1, 2, 40, 50), (3, 2, 5, 7), {"dilation": (4, 3), "padding": (8, 9)}),
    "mirrored": ((2, 2, 20, 30), (3, 2, 9, 13), {"padding": (4, 6), "padding_mode": "reflect"}),
    "around": ((2, 2, 20, 30), (3, 2, 9, 13), {"padding": (4, 6), "padding_mode": "circular"}),
    "edges": ((1, 2, 9, 30), (3, 2, 5, 61), {"padding": (4, 30), "padding_mode": "replicate"}),
}  # fmt: skip
DEPTHWISE = {
    "one vector and a rest": ((2, 19, 500), (19, 1, 70), {"padding": "causal"}),
    "two filters a channel": ((1, 20, 100), (40, 1, 30), {}),
    "parts": ((1, 18, 9000), (18, 1, 9000), {"padding": "full"}),
    "parts of rows at a stride": ((1, 3, 4, 20_000), (3, 1, 3, 17_000), {"stride": (2, 2)}),
    "rows with a halo": ((2, 17, 60, 33), (17, 1, 13, 13), {"padding": 6}),
    "stride and dilation": ((2, 9, 30, 90), (9, 1, 5, 9), {"stride": (3, 2), "dilation": (2, 3)}),
    "mirrored": ((1, 5, 20, 30), (5, 1, 9, 9), {"padding": 4, "padding_mode": "reflect"}),
}


def most(x, w, plain):
    """How far a result may be: beyond the plain bound, 50 * u * max |x| * sum |w|."""
    weights = np.abs(w).sum(axis=tuple(range(1, w.ndim))).max()
    return plain + 50 * UNIT[x.dtype] * np.abs(x).max(initial=0) * weights


@pytest.mark.parametrize("size", SIZES)
def test_every_way_to_cut(size, isa):
    check(SIZES[size], "fft_rows")


@pytest.mark.parametrize("size", DEPTHWISE)
@pytest.mark.parametrize("algorithm", LINES)
def test_every_way_to_cut_depthwise(size, algorithm, isa):
    check(DEPTHWISE[size], algorithm)


def random_call(rng, rank):
    """A convolution of random sizes: two arrays, and how they are convolved."""
    groups, channels, filters = (int(n) for n in rng.integers(1, (20, 4, 4)))
    kernel = [int(n) for n in rng.integers(1, (8, 40)[-rank:])]
    dilation, stride = ([int(n) for n in rng.integers(1, 4, rank)] for _ in range(2))
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    size = [n + int(rng.integers(0, 40)) for n in reach]
    x = rng.standard_normal((int(rng.integers(1, 4)), groups * channels, *size))
    w = rng.standard_normal((groups * filters, channels, *kernel))
    padding = [int(rng.integers(0, min(n, 20))) for n in reach]
    modes = ("zeros", "reflect", "replicate", "circular", "symmetric", ("constant", 2.0))
    how = {"stride": stride, "dilation": dilation, "groups": groups, "padding": padding}
    return x, w, {**how, "padding_mode": modes[rng.integers(4)]}


@pytest.mark.parametrize("rank", [1, 2])
def test_random_calls_and_their_weight_gradients(rank, isa):
    rng = np.random.default_rng(rank)
    for _ in range(60):
        x, w, how = random_call(rng, rank)
        call, gradient = function_of(x), (grad.conv1d_weight, grad.conv2d_weight)[rank - 1]
        want = call(x, w, **how, precision="highest")
        dy = rng.standard_normal(want.shape)
        right = gradient(x, w.shape, dy, **how, precision="highest")
        for algorithm in LINES if w.shape[1] == 1 else LINES[:1]:
            y = call(x, w, **how, algorithm=algorithm)
            assert np.linalg.norm(y - want) <= 1e-13 * np.linalg.norm(want), (how, x.shape, w.shape)
            if algorithm == "fft_channels" and rank == 2 and w.shape[2] > 1:
                continue  # its gradients take kernels of one row
            name = "fft" if algorithm == "fft_rows" else algorithm
            dw = weight_grad_of(x, w.shape, dy, name, **how)
            assert np.linalg.norm(dw - right) <= 1e-13 * np.linalg.norm(right), (how, x.shape)


@each_with_algorithm((*CONV, *TRANSPOSED), FFT, precision="high")
def test_cases(case, algorithm, isa):
    for dtype in dtypes_of(case, algorithm, precision="high"):
        x, w, b = case.floats(dtype)
        want = case.oracle(x, w, b, **case.options)
        plain = bound(case, x, w, b)
        weights = np.abs(w).sum()
        limit = plain + 50 * UNIT[x.dtype] * np.abs(x).max(initial=0) * weights
        how = {**case.options, "algorithm": algorithm}
        one, many = (case.function(x, w, b, **how, threads=n) for n in (1, 3))
        assert np.all(np.abs(one - want) <= limit)
        assert one.tobytes() == many.tobytes()


@each_with_algorithm(CONV, FFT, precision="high")
def test_residual_and_activation_come_after_the_sum(case, algorithm, isa):
    x, w, b = case.floats(np.float64)
    want = case.oracle(x, w, b, **case.options)
    residual = np.resize(np.linspace(-1, 1, 17), want.shape)
    slopes = np.linspace(-1, 2, case.bias_shape[0])
    rows = slopes.reshape(-1, *(1,) * (len(case.w) - 2))
    for name, right in (
        ("relu", reference.relu(want + residual)),
        (("prelu", slopes), np.where(want + residual > 0, 1, rows) * (want + residual)),
    ):
        how = {**case.options, "algorithm": algorithm, "activation": name}
        y = case.function(x, w, b, **how, residual=residual)
        np.testing.assert_allclose(y, right, atol=1e-11)
        out = residual.copy()
        assert case.function(x, w, b, **how, residual=out, out=out).tobytes() == y.tobytes()


@pytest.mark.parametrize("taps", [16, 250, 1000, 5000, 30_000, 100_000])
@pytest.mark.parametrize("signal", ["noise", "positive", "walk"])
def test_float32_stays_within_1e_6(taps, signal):
    """Relative to float64 in the 2-norm, whatever the kernel's length."""
    rng = np.random.default_rng(taps)
    x, w = rng.standard_normal((1, 1, 120_000)), rng.standard_normal((1, 1, taps))
    if signal == "positive":
        x, w = np.abs(x), np.abs(w)
    elif signal == "walk":
        x = np.cumsum(x, axis=-1)
    x, w = x.astype(np.float32), w.astype(np.float32)
    want = fastconv.conv1d(x.astype(float), w.astype(float), padding="causal", algorithm="fft")
    y = fastconv.conv1d(x, w, padding="causal", algorithm="fft")
    assert np.linalg.norm(y - want) <= 1e-6 * np.linalg.norm(want)


def test_double_agrees_with_numpy():
    """The oracle of the test above, on its part."""
    rng = np.random.default_rng(5)
    x, w = rng.standard_normal(70_000), rng.standard_normal(20_000)
    y = fastconv.conv1d(x[None, None], w[None, None], padding="full", algorithm="fft")[0, 0]
    n = 90_000
    want = np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(w[::-1], n), n)[: y.size]
    assert np.linalg.norm(y - want) <= 1e-14 * np.linalg.norm(want)


@pytest.mark.parametrize("algorithm", LINES)
def test_a_click_in_silence(algorithm, isa):
    """What a click adds to the outputs around it is bounded by its size, as documented."""
    rng = np.random.default_rng(6)
    x = (1e-3 * rng.standard_normal((1, 4, 5000))).astype(np.float32)
    w = rng.standard_normal((4, 1, 200)).astype(np.float32)
    x[0, :, 2500] = 1e6
    want = fastconv.conv1d(x.astype(float), w.astype(float), groups=4, precision="highest")
    y = fastconv.conv1d(x, w, groups=4, algorithm=algorithm)
    plain = 202 * 2.0**-24 * fastconv.conv1d(abs(x), abs(w), groups=4, precision="highest")
    assert np.all(np.abs(y - want) <= most(x, w, plain))


@pytest.mark.parametrize("algorithm", FFT)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_reaches_its_windows_only(algorithm, value, isa):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 5, 21, 70)).astype(np.float32)
    w = (0.5 + rng.random((10, 1, 3, 9))).astype(np.float32)  # positive: no Inf - Inf
    x[1, 3, 9, 40] = value
    plan = fastconv.Conv2dPlan(x.shape, w, padding=1, groups=5, algorithm=algorithm)
    want = fastconv.conv2d(x, w, padding=1, groups=5, precision="highest")
    for y in (fastconv.conv2d(x, w, padding=1, groups=5, algorithm=algorithm), plan(x)):
        np.testing.assert_array_equal(np.isfinite(y), np.isfinite(want))
        wild = ~np.isfinite(want)
        assert wild.sum() == 2 * 3 * 9
        np.testing.assert_array_equal(y[wild], want[wild])
        np.testing.assert_allclose(y[~wild], want[~wild], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("algorithm", LINES)
def test_sums_that_overflow_on_the_way_are_computed_again(algorithm, isa):
    x = np.full((1, 2, 300), 3e37, np.float32)
    w = np.full((2, 1, 50), 0.1, np.float32)
    w[:, :, ::2] = -0.05
    y = fastconv.conv1d(x, w, groups=2, algorithm=algorithm)
    np.testing.assert_allclose(y, 3e37 * 25 * 0.05, rtol=1e-5)


@pytest.mark.parametrize("algorithm", LINES)
def test_weights_that_are_not_finite_are_summed_plainly(algorithm, isa):
    x = np.ones((1, 2, 100), np.float32)
    w = np.ones((2, 1, 9), np.float32)
    w[1, 0, 4] = np.inf
    y = fastconv.conv1d(x, w, groups=2, algorithm=algorithm)
    np.testing.assert_allclose(y[0, 0], 9, rtol=1e-6)
    assert np.all(y[0, 1] == np.inf)


@pytest.mark.parametrize("how", [{}, {"stride": 2}, {"padding": 99, "padding_mode": "reflect"}])
def test_gradients_of_inputs_are_the_adjoint(how):
    rng = np.random.default_rng(7)
    x, w = rng.standard_normal((2, 3, 4000)), rng.standard_normal((4, 3, 900))
    y = fastconv.conv1d(x, w, **how, precision="highest")
    dy = rng.standard_normal(y.shape)
    dx = grad.conv1d_input(x.shape, w, dy, **how)
    assert abs(np.vdot(x, dx) - np.vdot(y, dy)) <= 1e-13 * np.linalg.norm(y) * np.linalg.norm(dy)


GRADIENTS = {  # input, weight, how: what each is for
    "one channel": ((1, 1, 1000), (1, 1, 64), {}),
    "parts of a row, images": ((2, 3, 9000), (5, 3, 40), {"padding": 10}),
    "channels in several vectors": ((2, 40, 900), (30, 40, 33), {"padding": "same"}),
    "output channels in several tasks": ((1, 5, 6000), (150, 5, 600), {}),
    "groups, mirrored": ((2, 6, 300), (6, 3, 17), {"groups": 2, "dilation": 5, "padding": 20,
                                                   "padding_mode": "reflect"}),
    "a stride": ((1, 2, 500), (14, 2, 21), {"stride": 3, "padding": 5}),
    "a stride and a dilation": ((1, 2, 500), (3, 2, 21), {"stride": 4, "dilation": 6}),
    "taps beyond the outputs": ((1, 2, 700), (3, 2, 650), {}),
    "rows with a halo": ((3, 20, 40, 40), (13, 20, 7, 7), {"padding": 3}),
    "slices of rows": ((1, 70, 100, 110), (20, 70, 5, 11), {"padding": (2, 5)}),
    "rows at a stride": ((1, 2, 50, 40), (3, 2, 7, 9), {"stride": (2, 3), "dilation": (3, 2),
                                                        "padding": 8}),
    "depthwise": ((2, 9, 30, 33), (9, 1, 13, 13), {"groups": 9, "padding": 6}),
}  # fmt: skip


CHANNELS = {
    "lines beside each other": ((1, 1, 30_000), (1, 1, 900), {}),
    "a vector of lines of three groups": ((2, 3, 3000), (6, 1, 300), {"padding": 100}),
    "one vector of groups and a rest": ((2, 19, 700), (19, 1, 90), {"padding": "same"}),
    "a stride and a dilation": ((1, 17, 900), (17, 1, 30), {"stride": 2, "dilation": 3}),
    "as many taps as elements": ((1, 18, 2048), (18, 1, 2048), {"padding": "full"}),
    "rows of a plane": ((2, 5, 7, 90), (5, 1, 1, 33), {"stride": (2, 1), "padding": (2, 0),
                                                       "padding_mode": "reflect"}),
}  # fmt: skip


@pytest.mark.parametrize("size", GRADIENTS)
def test_weight_gradients(size, isa):
    check_weight_gradient(GRADIENTS[size], "fft")


@pytest.mark.parametrize("size", CHANNELS)
@pytest.mark.parametrize("algorithm", ["fft", "fft_channels"])
def test_weight_gradients_of_channels(size, algorithm, isa):
    check_weight_gradient(CHANNELS[size], algorithm)


LONG = {
    "one piece": ((1, 1, 3000), (1, 1, 900), {}),
    "three pieces, of which two are alike": ((1, 1, 200_000), (1, 1, 700), {}),
    "padding on both sides of the pieces": ((2, 2, 140_000), (4, 1, 300), {"padding": 299}),
    "channels, images and groups": ((2, 6, 3000), (4, 3, 400), {"groups": 2, "padding": 100}),
    "a stride and a dilation": ((2, 2, 150_000), (2, 2, 90), {"stride": 2, "dilation": 3,
                                                            "padding": 20}),
    "padding that repeats elements": ((1, 2, 70_000), (2, 1, 200), {"padding": 150,
                                                                   "padding_mode": "circular"}),
    "taps that never read the image": ((1, 1, 60), (1, 1, 150), {"padding": 130}),
}  # fmt: skip


@pytest.mark.parametrize("size", LONG)
def test_weight_gradients_of_very_long_kernels(size, isa):
    check_weight_gradient(LONG[size], "fft_long")


def test_which_kernels_are_very_long():
    """Those that no line can hold: plain sums of them would take seconds."""
    rng = np.random.default_rng(5)
    x, dy = (rng.standard_normal((1, 1, n)).astype(np.float32) for n in (90_000, 66_001))
    auto = grad.conv1d_weight(x, (1, 1, 24_000), dy)
    assert auto.tobytes() == weight_grad_of(x, (1, 1, 24_000), dy, "fft_long").tobytes()
    want = fastconv.conv1d(x.astype("f8"), dy.astype("f8"))
    assert np.linalg.norm(auto - want) <= 1e-6 * np.linalg.norm(want)


@pytest.mark.parametrize("algorithm", ["fft", "fft_channels", "fft_long"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weight_gradients_that_are_not_finite_are_summed_plainly(value, algorithm, isa):
    rng = np.random.default_rng(3)
    x, dy = (rng.random((1, 5, 300)).astype(np.float32) for _ in range(2))
    x[0, 3, 0] = value  # only half of the taps of channel 3 ever see it
    how = {"padding": 20, "groups": 5}
    want = grad.conv1d_weight(x, (5, 1, 41), dy, **how, precision="highest")
    got = weight_grad_of(x, (5, 1, 41), dy, algorithm, **how)
    assert (~np.isfinite(want)).sum() >= 20
    np.testing.assert_allclose(got, want, rtol=1e-5)  # which takes infinities and NaNs as equal


def test_which_weight_gradients_get_it():
    """Those of long kernels between many channels; what they give differs a little."""
    rng = np.random.default_rng(4)
    x, dy = (rng.standard_normal((1, 64, 3000)) for _ in range(2))
    for dtype in (np.float32, np.float64):
        args = x.astype(dtype), (64, 64, 63), dy.astype(dtype)
        auto = grad.conv1d_weight(*args, padding=31)
        plain = grad.conv1d_weight(*args, padding=31, precision="highest")
        assert auto.tobytes() == weight_grad_of(*args, "fft", padding=31).tobytes()
        assert auto.tobytes() != plain.tobytes()


def test_plans_of_other_lengths_share_their_weights():
    rng = np.random.default_rng(8)
    w = rng.standard_normal((3, 2, 300)).astype(np.float32)
    plan = fastconv.Conv1dPlan((1, 2, 5000), w, algorithm="fft")
    x = rng.standard_normal((2, 2, 7000)).astype(np.float32)
    other = plan.with_shape(x.shape)
    want = fastconv.conv1d(x, w, precision="highest")
    assert np.linalg.norm(other(x) - want) <= 1e-6 * np.linalg.norm(want)


def test_who_gets_it():
    """Long kernels do, in both dtypes, unless plain sums are asked for."""
    for dtype in (np.float32, np.float64):
        w = np.ones((1, 1, 4096), dtype)
        plan = fastconv.Conv1dPlan((1, 1, 100_000), w)
        assert plan.algorithm == "fft"
        plain = fastconv.Conv1dPlan((1, 1, 100_000), w, precision="highest")
        assert plain.algorithm != "fft"
    short = fastconv.Conv1dPlan((1, 1, 100_000), np.ones((1, 1, 16), np.float32))
    assert short.algorithm != "fft"
    image = fastconv.Conv2dPlan((1, 1, 512, 512), np.ones((1, 1, 31, 31), np.float32))
    assert image.algorithm == "fft"
    layer = fastconv.Conv1dPlan((1, 64, 4096), np.ones((64, 1, 1024), np.float32), groups=64)
    assert "fft_channels" in layer.explain()
    with pytest.raises(ValueError, match=r"algorithm 'fft' cannot take .*'highest'"):
        fastconv.conv1d(
            np.ones((1, 1, 99)), np.ones((1, 1, 50)), algorithm="fft", precision="highest"
        )
