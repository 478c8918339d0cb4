"""dask arrays: whatever the chunks, the result of one call on the whole array."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from fastconv import nn

da = pytest.importorskip("dask.array", reason="dask is an extra")
import dask  # noqa: E402

from dask_arrays import chunked  # noqa: E402
from fastconv.interfaces import dask as fcd  # noqa: E402
from fastconv.interfaces import scipy_signal  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="sync"):
        yield


def integers(rng, shape, dtype="f4"):
    return rng.integers(-8, 9, shape).astype(dtype)


def same(lazy, want):
    assert isinstance(lazy, da.Array)
    assert (lazy.shape, lazy.dtype) == (want.shape, want.dtype)
    np.testing.assert_array_equal(lazy.compute(), want)


PADDINGS = [0, 1, "valid", "same", "same_lower", "full", "pairs"]


def draw(rng):
    """A random geometry, in one or two dimensions."""
    n = int(rng.integers(1, 3))
    per_axis = lambda low, high: tuple(int(v) for v in rng.integers(low, high, n))  # noqa: E731
    padding = PADDINGS[rng.integers(len(PADDINGS))]
    if padding == "pairs":
        padding = tuple((int(a), int(b)) for a, b in rng.integers(0, 6, (n, 2)))
    options = {"stride": per_axis(1, 5), "dilation": per_axis(1, 4), "padding": padding}
    options["data_format"] = str(rng.choice(["channels_first", "channels_last"]))
    lengths, channels = per_axis(3, 30), int(rng.choice([2, 4]))
    shape = (channels, *lengths)
    if options["data_format"] == "channels_last":
        shape = (*lengths, channels)
    batch = (2,) if rng.integers(4) else ()
    return n, channels, integers(rng, (*batch, *shape)), per_axis(1, 5), options


def both(name, x, lazy, *args, **options):
    """fastconv's result, or None if it refuses the call, as ours then does as well."""
    ours = getattr(fcd, name)
    try:
        want = getattr(fastconv, name)(x, *args, **options)
    except ValueError:
        with pytest.raises(ValueError):
            ours(lazy, *args, **options).compute()
        return
    same(ours(lazy, *args, **options), want)


@pytest.mark.parametrize("seed", range(60))
def test_convolutions_in_any_chunks(seed):
    rng = np.random.default_rng(seed)
    n, channels, x, kernel, options = draw(rng)
    lazy, groups = chunked(rng, x), int(rng.choice([1, 2]))
    mode = str(rng.choice(["zeros", "reflect", "replicate", "circular"]))
    both(
        f"conv{n}d", x, lazy, integers(rng, (6, channels // groups, *kernel)), integers(rng, 6),
        groups=groups, padding_mode=mode, activation="relu", precision="highest", **options,
    )  # fmt: skip
    options["padding"] = 0 if options["padding"] == "full" else options["padding"]
    pairs = zip(options["stride"], options["dilation"], strict=True)
    more = tuple(int(rng.integers(0, max(s, d))) for s, d in pairs)
    both(
        f"conv_transpose{n}d", x, lazy, integers(rng, (channels, 3, *kernel)), integers(rng, 6),
        groups=2, output_padding=more, precision="highest", **options,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_pools_in_any_chunks(seed):
    rng = np.random.default_rng(seed)
    n, _, x, kernel, options = draw(rng)
    lazy = chunked(rng, x)
    if options["padding"] == "full":
        options["padding"] = "valid"
    options["ceil_mode"] = bool(rng.integers(2))
    if rng.integers(2):
        del options["stride"]
    for kind in ("max", "min", "sum"):
        both(f"{kind}_pool{n}d", x, lazy, kernel, **options)
    try:
        want = getattr(fastconv, f"avg_pool{n}d")(x, kernel, count_include_pad=False, **options)
    except ValueError:
        return
    got = getattr(fcd, f"avg_pool{n}d")(lazy, kernel, count_include_pad=False, **options)
    np.testing.assert_allclose(got.compute(), want, rtol=1e-6)
    norm = getattr(fastconv, f"lp_pool{n}d")(x, 2, kernel, **options)
    got = getattr(fcd, f"lp_pool{n}d")(lazy, 2, kernel, **options)
    np.testing.assert_allclose(got.compute(), norm, rtol=1e-6)


def test_integers_are_pooled():
    x = np.arange(60, dtype=np.int16).reshape(1, 6, 10)
    lazy = da.from_array(x, chunks=(1, 4, 3))
    same(fcd.max_pool2d(lazy, 3, 2), fastconv.max_pool2d(x, 3, 2))


@pytest.mark.parametrize("seed", range(20))
def test_filters_in_any_chunks(seed):
    rng = np.random.default_rng(seed)
    lengths = tuple(int(v) for v in rng.integers(3, 40, rng.integers(1, 3)))
    x = integers(rng, lengths, "f8")
    lazy = chunked(rng, x)
    kernel = integers(rng, tuple(int(rng.integers(1, n + 1)) for n in lengths), "f8")
    for mode in ("full", "same", "valid"):
        for name in ("convolve", "correlate"):
            want = getattr(scipy_signal, name)(x, kernel, mode, "direct")
            same(getattr(fcd, name)(lazy, kernel, mode, "direct"), want)
        for name in ("fftconvolve", "oaconvolve"):
            want = getattr(scipy_signal, name)(x, kernel, mode)
            got = getattr(fcd, name)(lazy, kernel, mode).compute()
            np.testing.assert_allclose(got, want, atol=1e-9)
    taps = kernel.reshape(-1)[:5]
    same(fcd.lfilter(taps, [2.0], lazy, 0), scipy_signal.lfilter(taps, [2.0], x, 0))
    window = int(rng.integers(1, lengths[-1] + 1))
    for mode in ("interp", "mirror", "nearest", "constant"):
        want = scipy_signal.savgol_filter(x, window, min(2, window - 1), mode=mode)
        got = fcd.savgol_filter(lazy, window, min(2, window - 1), mode=mode)
        assert got.chunks == lazy.chunks
        np.testing.assert_allclose(got.compute(), want, atol=1e-9)


def test_chunks_follow_the_stride_and_read_no_more_than_they_need():
    x = da.ones((1, 1, 1000), chunks=(1, 1, 100), dtype=np.float32)
    y = fcd.conv1d(x, np.ones((2, 1, 5), np.float32), stride=4, padding="same")
    assert y.chunks == ((1,), (2,), (25,) * 10)
    assert fcd.conv_transpose1d(x, np.ones((1, 2, 4), np.float32), stride=2).chunks[2][0] == 200
    lazily = fcd.conv1d(x, np.ones((2, 1, 5), np.float32), padding="same")
    cut = [v for k, v in dict(lazily.dask).items() if str(k[0]).startswith("part-")]
    assert len(cut) == 18  # two elements of each neighbour of nine borders, from either side


def test_nothing_is_computed_before_it_is_asked_for():
    def fail(block):
        raise AssertionError("computed")

    x = da.ones((1, 1, 40, 40), chunks=20, dtype=np.float32).map_blocks(fail, dtype=np.float32)
    weight = np.ones((1, 1, 3, 3), np.float32)
    y = fcd.max_pool2d(fcd.conv2d(x, weight, padding_mode="reflect", padding=1), 2)
    y = nn.predict(nn.Sequential(nn.Conv2d(1, 1, 3)), y)
    with pytest.raises(AssertionError, match="computed"):
        y.compute()


def test_a_call_takes_one_thread_and_the_precision_of_its_place():
    seen = []

    class Spy(nn.Conv2d):
        def forward(self, x):
            seen.append(fastconv.get_num_threads())
            return super().forward(x)

    x = da.ones((1, 1, 20, 20), chunks=10, dtype=np.float32)
    with fastconv.threads(2):
        nn.predict(Spy(1, 1, 3), x).compute()
    assert set(seen) == {1}


WRONG = [
    (lambda x, w: fcd.conv2d(x, w.astype("f8")), TypeError, "dtype of input"),
    (lambda x, w: fcd.conv2d(x, da.from_array(w)), TypeError, "dask array"),
    (lambda x, w: fcd.conv2d(x.astype("i4"), w), TypeError, "float32 or float64"),
    (lambda x, w: fcd.conv2d(x[0, 0], w), ValueError, "axes"),
    (lambda x, w: fcd.conv2d(x, w[:, :, :, :0]), ValueError, "weight|kernel"),
    (lambda x, w: fcd.conv2d(x, w, padding=40, padding_mode="reflect"), ValueError, "padding"),
    (lambda x, w: fcd.conv2d(x, w, padding=1, padding_mode="mirror"), ValueError, "padding_mode"),
    (lambda x, w: fcd.conv2d(x, w, data_format="NCHW"), ValueError, "data_format"),
    (lambda x, w: fcd.conv2d(x[x > 0], w), ValueError, "known sizes"),
    (lambda x, w: fcd.max_pool2d(x, 0), ValueError, "kernel"),
    (lambda x, w: fcd.convolve(x, np.ones(3)), ValueError, "axes"),
    (lambda x, w: fcd.convolve(x[0, 0, 0], np.ones(3), "some"), ValueError, "mode"),
    (lambda x, w: fcd.convolve(x[0, 0, 0], np.ones(30)), ValueError, "longer"),
    (lambda x, w: fcd.lfilter([1.0], [1.0, 0.5], x), ValueError, "one element"),
    (lambda x, w: fcd.lfilter([1.0], [1.0], x, 4), ValueError, "axis"),
    (lambda x, w: fcd.savgol_filter(x, 21, 2), ValueError, "window_length"),
    (lambda x, w: fcd.savgol_filter(x, 5, 2, mode="wrap"), ValueError, "mode"),
    (lambda x, w: nn.predict(nn.Conv2d(1, 1, 3), x.astype("f8")), TypeError, "float32"),
]


@pytest.mark.parametrize("call", WRONG)
def test_what_is_wrong_is_refused_at_once(call):
    function, error, words = call
    x = da.ones((1, 1, 20, 20), chunks=7, dtype=np.float32)
    with pytest.raises(error, match=words):
        function(x, np.ones((1, 1, 3, 3), np.float32))


def models():
    conv, crossing = nn.Conv2d, nn.ConvTranspose2d
    return {
        "plain": (conv(1, 3, 3, padding="same"), nn.ReLU(), conv(3, 2, 5, dilation=2, padding=3)),
        "strides": (
            conv(1, 3, 3, padding="same", stride=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
            conv(3, 2, 2),
        ),
        "there and back": (
            conv(1, 2, 3, stride=2, padding=1), conv(2, 4, 3, stride=2, padding="same"),
            nn.Residual(conv(4, 4, 3, padding="same")), crossing(4, 2, 2, stride=2), nn.ReLU(),
            crossing(2, 1, 4, stride=2, padding=1), nn.Softmax(axis=1),
        ),
        "mirrored": (
            conv(1, 2, 3, padding=1, padding_mode="reflect"), nn.MaxPool2d(2), nn.BatchNorm2d(),
            conv(2, 1, 3, padding="same_lower", stride=3), nn.PReLU(),
        ),
        "branches": (
            nn.Residual(conv(1, 4, 3, 2, 1), shortcut=conv(1, 4, 1, stride=2)),
            nn.Concat(nn.Sequential(), conv(4, 2, 5, padding=2), nn.MaxPool2d(3, 1, 1)),
            nn.Upsample(scale_factor=2), conv(10, 2, 3, padding=1), nn.Dropout2d(0.5),
            nn.Upsample(scale_factor=3, mode="bilinear"), nn.MaxPool2d(2),
        ),
        "words at strides": (
            conv(1, 2, 4, padding="same", stride=3), conv(2, 1, 3, padding="same_lower", stride=2),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", models())
def test_models_in_any_chunks(name, seed):
    rng = np.random.default_rng(seed)
    model = nn.Sequential(*models()[name])
    x = integers(rng, (2, 1, int(rng.integers(30, 90)), int(rng.integers(30, 90))))
    model(x)  # batch normalisation learns its channels
    for value, _ in model.parameters():
        value[...] = rng.integers(-2, 3, value.shape)
    model.eval()
    with fastconv.precision("highest"):
        lazy = nn.predict(model, chunked(rng, x))
        want = model(x)
        if name in ("there and back", "mirrored", "branches"):  # softmax, and roots of variances
            np.testing.assert_allclose(lazy.compute(), want, rtol=1e-5, atol=1e-5)
        else:
            same(lazy, want)
        np.testing.assert_array_equal(nn.predict(model, x, batch_size=1), want)


def test_other_models_go_by_batches():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, rng=0), nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(2, 5, rng=1)
    )
    x = np.random.default_rng(0).random((7, 1, 9, 9), np.float32)
    lazy = nn.predict(model, da.from_array(x, chunks=(3, 1, 4, 4)))
    assert lazy.chunks == ((3, 3, 1), (5,))
    np.testing.assert_allclose(lazy.compute(), nn.predict(model, x), rtol=1e-6)
    assert model.training


def test_prediction_leaves_what_training_saved():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, rng=0), nn.ReLU())
    x = np.ones((3, 1, 6, 6), np.float32)
    y = model(x)
    nn.predict(model, np.zeros((5, 1, 9, 9), np.float32), batch_size=2)
    assert model.backward(y).shape == x.shape


def test_signals_in_chunks():
    model = nn.Sequential(
        nn.Conv1d(1, 2, 3, padding="causal", stride=2, rng=0), nn.ReLU(),
        nn.ConvTranspose1d(2, 1, 4, stride=3, dilation=2, rng=1),
    )  # fmt: skip
    x = np.random.default_rng(0).random((2, 1, 101), np.float32)
    with fastconv.precision("highest"):
        lazy = nn.predict(model, da.from_array(x, chunks=(1, 1, 13)))
        np.testing.assert_allclose(lazy.compute(), nn.predict(model, x), rtol=1e-5)
