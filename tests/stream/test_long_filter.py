"""Streams of long filters: parts of a filter are transformed, and the work is spread evenly."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import fastconv
from cases import UNIT

# groups, inputs and outputs of a group, taps: what each is for
FILTERS = {
    "one tap": (1, 1, 1, 1),
    "a head alone": (1, 2, 1, 100),
    "one part behind the head": (1, 1, 1, 530),
    "two levels": (2, 1, 1, 5400),
    "three levels, two filters": (1, 1, 2, 9000),
    "channels": (1, 3, 2, 2600),
    "groups of channels": (2, 2, 3, 1500),
    "more outputs than a tile": (1, 1, 14, 700),
    "the longest parts": (1, 1, 1, 60_000),
}
CUTS = {"samples": (1,), "blocks": (64,), "odd": (7, 250, 1, 2), "at once": (10**9,)}


def make(size, dtype, seed=1):
    groups, c, m, k = size
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((groups * m, c, k)) / np.sqrt(c * k)
    return w.astype(dtype), rng.standard_normal(groups * m).astype(dtype)


def stream_of(w, b=None, groups=1, **more):
    how = {"channels": groups * w.shape[1], "groups": groups, "dtype": w.dtype} | more
    return fastconv.ConvStream1d(w, b, algorithm="fft", **how)


def whole(x, w, b, groups):
    args = (a.astype(np.float64) for a in (x, w, b))
    return fastconv.conv1d(*args, padding="causal", groups=groups, algorithm="fft")


def in_blocks(stream, x, lengths):
    """The joined outputs of a signal that is cut into blocks of these lengths, again and again."""
    at, outputs, i = 0, [], 0
    while at < x.shape[1]:
        outputs.append(stream(x[:, at : at + lengths[i % len(lengths)]]))
        at, i = at + lengths[i % len(lengths)], i + 1
    return np.concatenate(outputs, axis=1)


def check(y, want, x, w):
    """Within 1e-6 (or 1e-14) of the norm, and each output within the bound for transforms."""
    u = UNIT[x.dtype]
    assert np.linalg.norm(y - want) <= {4: 1e-6, 8: 1e-14}[x.itemsize] * np.linalg.norm(want)
    weights = np.abs(w.astype(float)).sum(axis=(1, 2)).max()
    plain = (w[0].size + 2) * u * np.abs(x).max() * weights
    assert np.all(np.abs(y - want) <= plain + 50 * u * np.abs(x).max() * weights)


@pytest.mark.parametrize("size", FILTERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_are_the_whole(size, dtype, isa):
    groups, c, _, k = FILTERS[size]
    w, b = make(FILTERS[size], dtype)
    n = 2 * k + 3000
    x = np.random.default_rng(2).standard_normal((groups * c, n)).astype(dtype)
    want = whole(x, w, b, groups)
    for lengths in CUTS.values():
        if lengths == (1,) and n > 15_000:
            continue
        stream = stream_of(w, b, groups)
        check(in_blocks(stream, x, lengths), want, x, w)
        np.testing.assert_array_equal(stream.state[0], x[:, n - k + 1 :])


def test_layouts_and_batches(isa):
    """Channels that lie beside each other, items of a batch, threads: the same numbers."""
    w, b = make((2, 2, 3, 1200), np.float64)
    x = np.random.default_rng(3).standard_normal((3, 4, 5000))
    want = [in_blocks(stream_of(w, b, 2), item, (100,)) for item in x]
    for last, threads in ((False, 1), (False, 3), (True, 1)):
        stream = stream_of(
            w, b, 2, batch=3, threads=threads, data_format=("channels_first", "channels_last")[last]
        )
        for i in range(0, 5000, 100):
            block = x[:, :, i : i + 100]
            y = stream(np.ascontiguousarray(np.moveaxis(block, 1, 2)) if last else block)
            y = np.moveaxis(y, 2, 1) if last else y
            for item in range(3):
                assert y[item].tobytes() == want[item][:, i : i + 100].tobytes()


def test_one_item_begins_anew(isa):
    w, b = make((1, 1, 1, 2000), np.float64)
    x = np.random.default_rng(11).standard_normal((2, 1, 6000))
    stream = stream_of(w, b, batch=2)
    stream(x[..., :3001])
    stream.reset(np.array([False, True]))
    y = stream(x[..., 3001:])
    np.testing.assert_allclose(y[0], whole(x[0], w, b, 1)[:, 3001:], atol=1e-12)
    np.testing.assert_allclose(y[1], whole(x[1, :, 3001:], w, b, 1), atol=1e-12)


@pytest.mark.parametrize("taps", [1000, 20_000, 300_000, 1_000_000])
def test_float32_stays_within_1e_6(taps):
    """Relative to float64 in the 2-norm, whatever the filter's length; a decaying one, too."""
    rng = np.random.default_rng(taps)
    n = taps + 30_000
    x = rng.standard_normal((1, n)).astype(np.float32)
    for decay in (0, 6.9):
        w = rng.standard_normal((1, 1, taps)) * np.exp(decay * np.linspace(-1, 0, taps))
        w = w.astype(np.float32)
        y = stream_of(w)(x)
        want = whole(x, w, np.zeros(1), 1)
        assert np.linalg.norm(y - want) <= 1e-6 * np.linalg.norm(want)


@pytest.mark.parametrize("block", [32, 64, 480])
@pytest.mark.parametrize("taps", [1000, 3000, 48_000, 480_000])
def test_the_work_is_spread_evenly(taps, block):
    """No block has more than twice the operations of the mean."""
    w = np.random.default_rng(4).standard_normal((1, 1, taps)).astype(np.float32)
    stream = stream_of(w)
    x = np.ones((1, block), np.float32)
    counts = []
    for i in range(max(200_000, 2 * taps) // block):
        stream(x)
        if i * block >= taps:  # from then on every level has work
            counts.append(stream._stream.operations)
    assert max(counts) <= 2 * np.mean(counts)
    assert min(counts) >= np.mean(counts) / 2


def test_what_is_not_finite_reaches_its_windows_only(isa):
    w = np.abs(make((1, 1, 1, 3000), np.float32)[0]) + np.float32(0.01)  # no Inf - Inf
    x = np.random.default_rng(5).random((1, 12_000)).astype(np.float32)
    clean = stream_of(w)(x)
    for value in (np.inf, -np.inf, np.nan):
        for at in (0, 700, 4095, 4096):
            wild = x.copy()
            wild[0, at] = value
            stream = stream_of(w)
            y = in_blocks(stream, wild, (33, 64))
            window = slice(at, at + 3000)
            np.testing.assert_array_equal(y[0, window], np.full(3000, value, np.float32))
            rest = np.ones(12_000, bool)
            rest[window] = False
            np.testing.assert_allclose(y[0, rest], clean[0, rest], rtol=1e-5)


def test_what_is_finite_as_a_plain_sum_stays_finite(isa):
    w = np.zeros((1, 1, 2000), np.float32)
    w[0, 0, ::2], w[0, 0, 1::2] = 0.001, -0.0005
    x = np.full((1, 6000), 3e37, np.float32)
    y = in_blocks(stream_of(w), x, (64,))
    np.testing.assert_allclose(y[0, 2000:], 3e37 * 1000 * 0.0005, rtol=1e-4)


def test_weights_that_are_not_finite_are_summed_plainly(isa):
    w, _ = make((1, 1, 1, 900), np.float64)
    w[0, 0, 100] = np.inf
    x = np.abs(np.random.default_rng(6).standard_normal((1, 2000))) + 0.1
    y = in_blocks(stream_of(w), x, (64,))
    at = 900 - 1 - 100  # from there on the tap reads samples
    assert np.all(y[0, at:] == np.inf)


def test_a_click_in_silence(isa):
    w, _ = make((1, 1, 1, 4000), np.float32)
    x = (1e-3 * np.random.default_rng(7).standard_normal((1, 15_000))).astype(np.float32)
    x[0, 5000] = 1e6
    check(in_blocks(stream_of(w), x, (64,)), whole(x, w, np.zeros(1), 1), x, w)


def test_bias_and_activation_come_after_the_sum(isa):
    w, b = make((2, 1, 2, 700), np.float64)
    x = np.random.default_rng(8).standard_normal((2, 3000))
    want = whole(x, w, b, 2)
    slopes = np.linspace(-1, 2, 4)
    for name, right in (
        ("relu", np.maximum(want, 0)),
        (("leaky_relu", 0.5), np.where(want > 0, want, 0.5 * want)),
        (("prelu", slopes), np.where(want > 0, want, slopes[:, None] * want)),
    ):
        y = in_blocks(stream_of(w, b, 2, activation=name), x, (50,))
        np.testing.assert_allclose(y, right, atol=1e-12)


def test_the_past_can_be_taken_over_and_forgotten(isa):
    w, b = make((1, 2, 1, 4000), np.float32)
    x = np.random.default_rng(9).standard_normal((2, 15_000)).astype(np.float32)
    want = whole(x, w, b, 1)
    one, other = (stream_of(w, b) for _ in range(2))
    in_blocks(one, x[:, :7777], (64,))
    other(x[:, :100] + 1)
    other.state = one.state
    for stream in (one, other):
        check(in_blocks(stream, x[:, 7777:], (64,)), want[:, 7777:], x, w)
    one.reset()
    check(in_blocks(one, x, (100,)), want, x, w)


def test_two_equal_runs_give_equal_bits(isa):
    w, b = make((1, 1, 1, 6000), np.float32)
    x = np.random.default_rng(10).standard_normal((1, 20_000)).astype(np.float32)
    first, second = (in_blocks(stream_of(w, b), x, (37,)) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_copies_go_their_own_way(isa):
    w, b = make((1, 1, 1, 3000), np.float32)
    x = np.random.default_rng(12).standard_normal((1, 9000)).astype(np.float32)
    one = stream_of(w, b)
    one(x[:, :4001])
    other = copy.copy(one)
    first = one(x[:, 4001:])
    assert other(x[:, 4001:]).tobytes() == first.tobytes()
    again = pickle.loads(pickle.dumps(stream_of(w, b)))
    check(again(x), whole(x, w, b, 1), x, w)


def test_who_gets_it():
    """Long filters do, at precision "high"; other layers tell why they cannot."""
    for dtype in (np.float32, np.float64):
        w = np.ones((1, 1, 4096), dtype)
        how = {"channels": 1, "dtype": dtype}
        assert fastconv.ConvStream1d(w, **how)._stream.engine == "fft"
        assert fastconv.ConvStream1d(w, algorithm="direct", **how)._stream.engine != "fft"
        assert fastconv.ConvStream1d(w[..., :64], **how)._stream.engine != "fft"
        with fastconv.precision("highest"):
            assert fastconv.ConvStream1d(w, **how)._stream.engine != "fft"
            with pytest.raises(ValueError, match=r"algorithm 'fft' cannot take .*'highest'"):
                stream_of(w)
    for how in ({"stride": 2}, {"dilation": 3}):
        assert fastconv.ConvStream1d(w, channels=1, dtype=dtype, **how)._stream.engine != "fft"
        with pytest.raises(ValueError, match="takes neither strides nor dilations"):
            stream_of(w, **how)
    with pytest.raises(ValueError, match="'auto', 'direct' or 'fft'"):
        fastconv.ConvStream1d(w, channels=1, dtype=dtype, algorithm="winograd")
