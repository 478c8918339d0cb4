"""Streams: what comes out, joined, is the layer of the whole signal, however it was cut."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

import fastconv
from cases import DTYPES
from stream_cases import CUTS, LAYERS, LENGTH, Layer, cut, joined

ROWS = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.why)
TYPES = pytest.mark.parametrize("dtype", DTYPES, ids=["f32", "f64"])


def integers(layer, dtype, batch=2, length=LENGTH):
    """Signal, weights and bias of small integers: every sum of them is exact."""
    rng = np.random.default_rng(length + layer.reach)
    x = rng.integers(-7, 8, (batch, layer.channels, length)).astype(dtype)
    return x, *layer.weights(dtype, lambda shape: rng.integers(-7, 8, shape))


def floats(layer, dtype, batch=2, length=LENGTH):
    rng = np.random.default_rng(length)
    x = rng.standard_normal((batch, layer.channels, length)).astype(dtype)
    return x, *layer.weights(dtype, rng.standard_normal)


@pytest.mark.parametrize("lengths", CUTS.values(), ids=CUTS)
@TYPES
@ROWS
def test_the_joined_outputs_are_the_layer_of_the_whole(layer, dtype, lengths, isa):
    x, w, b = integers(layer, dtype)
    y = joined(layer.stream(w, b, batch=2), x, lengths)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, layer.whole(x, w, b))


@TYPES
@ROWS
def test_no_bit_depends_on_the_cut(layer, dtype, isa):
    x, w, b = floats(layer, dtype, length=300)
    whole = joined(layer.stream(w, b, batch=2, activation="tanh"), x, (300,))
    for lengths in CUTS.values():
        y = joined(layer.stream(w, b, batch=2, activation="tanh"), x, lengths)
        assert y.tobytes() == whole.tobytes()


@TYPES
@ROWS
def test_errors_are_within_the_bound_of_a_plain_sum(layer, dtype, isa):
    x, w, b = floats(layer, dtype)
    y = joined(layer.stream(w, b, batch=2), x, (7,))
    assert np.all(abs(y - layer.whole(x.astype(float), w, b)) <= layer.bound(x, w, b))


@pytest.mark.parametrize("threads", [2, 3])
@ROWS
def test_no_bit_depends_on_the_threads(layer, threads):
    x, w, b = floats(layer, np.float32, batch=3, length=20_000)
    for batch in (1, 3):
        one = joined(layer.stream(w, b, batch=batch), x[:batch], (9_000, 11))
        more = joined(layer.stream(w, b, batch=batch, threads=threads), x[:batch], (9_000, 11))
        assert one.tobytes() == more.tobytes()


@ROWS
def test_channels_last(layer):
    x, w, b = floats(layer, np.float32)
    want = joined(layer.stream(w, b, batch=2), x, (5,))
    stream = layer.stream(w, b, batch=2, data_format="channels_last")
    last = np.ascontiguousarray(x.swapaxes(1, 2))
    got = joined(stream, last, (3, 9), axis=-2)
    assert got.tobytes() == np.ascontiguousarray(want.swapaxes(1, 2)).tobytes()


@ROWS
def test_many_items_share_a_tile(layer):
    x, w, b = floats(layer, np.float32, batch=21)
    together = joined(layer.stream(w, b, batch=21), x, (1, 2))
    for i in (0, 13, 20):
        alone = joined(layer.stream(w, b), x[i : i + 1], (1, 2))
        assert alone.tobytes() == together[i : i + 1].tobytes()


ACTIVATIONS = (
    "relu", "relu6", "leaky_relu", ("leaky_relu", 0.3), "sigmoid", "tanh", "silu", "gelu",
    "hardswish", "hardsigmoid", "elu", ("elu", 0.5), "softplus", "prelu",
)  # fmt: skip
ACTIVE = [layer for layer in LAYERS if layer.why in (
    "few channels: rows", "dense: tiles", "depthwise: lines", "transposed")]  # fmt: skip


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("layer", ACTIVE, ids=lambda layer: layer.why)
def test_activations(layer, activation, data_format, isa):
    x, w, b = floats(layer, np.float64)
    if activation == "prelu":
        activation = ("prelu", np.linspace(-1, 1, layer.outputs))
    last = data_format == "channels_last"
    stream = layer.stream(w, b, batch=2, activation=activation, data_format=data_format)
    y = joined(stream, x.swapaxes(1, 2) if last else x, (6, 1), axis=-2 if last else -1)
    want = layer.whole(x, w, b, activation=activation)
    np.testing.assert_allclose(y.swapaxes(1, 2) if last else y, want, rtol=1e-12, atol=1e-12)


STATEFUL = [layer for layer in LAYERS if layer.why in (
    "few channels: rows", "dense: tiles", "depthwise: lines", "a stride", "aligned, dilated",
    "a stride longer than the kernel", "transposed, dilated")]  # fmt: skip
COPIES = {"copy": copy.copy, "deepcopy": copy.deepcopy,
          "pickle": lambda stream: pickle.loads(pickle.dumps(stream))}  # fmt: skip


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("at", [0, 1, 17, 30])
@pytest.mark.parametrize("layer", STATEFUL, ids=lambda layer: layer.why)
def test_a_copy_goes_on_by_itself(layer, at, copied):
    x, w, b = floats(layer, np.float32)
    more = {"batch": 2, "activation": ("prelu", np.linspace(-1, 1, layer.outputs, dtype="f4"))}
    want = joined(layer.stream(w, b, **more), x, (1,))
    stream = layer.stream(w, b, **more)
    before = stream(x[..., :at])
    other = copied(stream)
    for each in (stream, other):  # neither sees what the other does
        got = np.concatenate([before, joined(each, x[..., at:], (4,))], -1)
        assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("layer", STATEFUL, ids=lambda layer: layer.why)
def test_a_state_moves_to_another_stream(layer, data_format):
    x, w, b = floats(layer, np.float32)
    order = (0, 2, 1) if data_format == "channels_last" else (0, 1, 2)
    x, axis = x.transpose(order), -2 if data_format == "channels_last" else -1
    take = lambda part: x[:, part] if axis == -2 else x[..., part]  # noqa: E731
    one = layer.stream(w, b, batch=2, data_format=data_format)
    for at in (0, 5, 23, 24, 25):
        two = layer.stream(w, b, batch=2, data_format=data_format)
        two(take(slice(0, 9)))  # which is forgotten
        one.reset()
        one(take(slice(0, at)))
        state = one.state
        assert state.flags.c_contiguous
        assert state.flags.owndata
        two.state = state[:, ::-1][:, ::-1]
        np.testing.assert_array_equal(two.state, state)
        a, b_ = (joined(each, take(slice(at, None)), (3,), axis) for each in (one, two))
        assert a.tobytes() == b_.tobytes()


def test_a_state_is_the_end_of_the_signal():
    layer = Layer("", (4, 3, 3), {"dilation": 2, "stride": 3})
    x, w, b = integers(layer, np.float32, batch=1)
    stream = layer.stream(w, b)
    assert stream.state.shape == (1, 3, 4)
    assert not stream.state.any()
    for n in range(1, 20):
        stream(x[..., n - 1 : n])
        padded = np.pad(x[..., :n], ((0, 0), (0, 0), (4, 0)))
        np.testing.assert_array_equal(stream.state, padded[..., n - n % 3 :])


@pytest.mark.parametrize("layer", STATEFUL, ids=lambda layer: layer.why)
def test_reset_begins_anew(layer):
    x, w, b = floats(layer, np.float32, batch=3)
    stream = layer.stream(w, b, batch=3)
    want = joined(stream, x, (61,))
    stream(x[..., :10])
    stream.reset()
    assert joined(stream, x, (8,)).tobytes() == want.tobytes()


@pytest.mark.parametrize("layer", STATEFUL, ids=lambda layer: layer.why)
def test_reset_of_some_items(layer):
    at = 5 * layer.stride * 2
    x, w, b = floats(layer, np.float32, batch=3)
    want = joined(layer.stream(w, b, batch=3), x, (61,))
    fresh = joined(layer.stream(w, b, batch=3), x[..., at:], (61,))
    stream = layer.stream(w, b, batch=3)
    before = stream(x[..., :at])
    stream.reset(np.array([False, True, False]))
    after = joined(stream, x[..., at:], (3,))
    assert after[1].tobytes() == fresh[1].tobytes()
    for i in (0, 2):
        assert np.concatenate([before, after], -1)[i].tobytes() == want[i].tobytes()


def test_an_item_that_is_reset_keeps_the_phase_of_the_stride():
    stream = fastconv.ConvStream1d(np.ones((1, 1, 2), np.float32), stride=3, channels=1, batch=2)
    stream(np.ones((2, 1, 4), np.float32))
    stream.reset(np.array([True, False]))
    y = stream(np.full((2, 1, 3), 5, np.float32))
    np.testing.assert_array_equal(y, [[[10]], [[10]]])
    assert stream.state.shape[-1] == 1 + 1


def test_nothing_but_the_windows_sees_what_is_not_finite(isa):
    for layer in LAYERS:
        x, w, b = integers(layer, np.float32)
        w[w == 0] = 1
        for bad in (np.nan, np.inf):
            y = x.copy()
            y[1, 0, 20] = bad
            got = joined(layer.stream(w, b, batch=2), y, (3,))
            probe = np.zeros_like(x)
            probe[1, 0, 20] = 1
            reached = layer.whole(probe, abs(w), 0 * b) != 0
            np.testing.assert_array_equal(~np.isfinite(got), reached)


def test_a_signal_without_a_batch_axis():
    layer = LAYERS[5]
    x, w, b = floats(layer, np.float32, batch=1)
    one, two = layer.stream(w, b), layer.stream(w, b)
    for part in cut(LENGTH, (4, 1)):
        assert two(x[0, :, part]).tobytes() == one(x[..., part]).tobytes()
        assert (two(x[0, :, part]).ndim, one(x[..., part]).ndim) == (2, 3)


def test_an_empty_batch():
    stream = fastconv.ConvStream1d(np.ones((4, 2, 3), np.float32), channels=2, batch=0)
    assert stream(np.ones((0, 2, 5), np.float32)).shape == (0, 4, 5)
    assert stream.finish().shape == (0, 4, 0)
    assert stream.state.shape == (0, 2, 2)


VIEWS = {
    "every second element": lambda x: np.repeat(x, 2, -1)[..., ::2],
    "backwards": lambda x: x[..., ::-1].copy()[..., ::-1],
    "channels behind samples": lambda x: x.swapaxes(1, 2).copy().swapaxes(1, 2),
    "the other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "an odd address": lambda x: _unaligned(x),
    "read-only": lambda x: _frozen(x),
    "a slice of channels": lambda x: np.concatenate([x, x], 1)[:, : x.shape[1]],
    "a list": lambda x: x.tolist() if x.dtype == np.float64 else x,
}  # fmt: skip


def _unaligned(x):
    memory = np.zeros(x.nbytes + 1, np.uint8)
    y = memory[1:].view(x.dtype).reshape(x.shape) if x.nbytes else x
    y[...] = x
    return y


def _frozen(x):
    x = x.copy()
    x.flags.writeable = False
    return x


@TYPES
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("layer", STATEFUL, ids=lambda layer: layer.why)
def test_blocks_lie_anywhere(layer, view, dtype):
    x, w, b = floats(layer, dtype)
    want, stream = layer.stream(w, b, batch=2), layer.stream(w, b, batch=2)
    for part in cut(LENGTH, (5, 1, 13)):
        assert stream(view(x[..., part])).tobytes() == want(x[..., part]).tobytes()


@pytest.mark.parametrize("layer", STATEFUL, ids=lambda layer: layer.why)
def test_out(layer):
    x, w, b = floats(layer, np.float32)
    want, stream = layer.stream(w, b, batch=2), layer.stream(w, b, batch=2)
    for part in cut(LENGTH, (6, 1)):
        y = want(x[..., part])
        room = np.full((2, y.shape[1] * 2, y.shape[2] + 3), 7, np.float32)
        out = room[:, ::2, 1 : 1 + y.shape[2]]
        assert stream(x[..., part], out=out) is out
        np.testing.assert_array_equal(out, y)
        out[...] = 7
        assert (room == 7).all()
    y = want.finish()
    out = np.empty_like(y)
    assert stream.finish(out) is out
    np.testing.assert_array_equal(out, y)


def test_out_may_be_the_block():
    w = np.arange(-8, 8, dtype=np.float32).reshape(4, 4, 1) + np.ones((1, 1, 3), np.float32)
    x = np.random.default_rng(0).standard_normal((1, 4, 50)).astype(np.float32)
    want = fastconv.ConvStream1d(w, channels=4)(x)
    assert fastconv.ConvStream1d(w, channels=4)(x, out=x).tobytes() == want.tobytes()


def test_facts_about_a_stream():
    w = np.ones((2, 3, 4), np.float32)
    stream = fastconv.ConvStream1d(w, None, 2, 3, channels=3, align="stride")
    assert (stream.latency, stream.receptive_field) == (1, 10)
    assert fastconv.ConvStream1d(w, None, 2, 3, channels=3).latency == 0
    up = fastconv.ConvTransposeStream1d(w.swapaxes(0, 1).copy(), None, 2, channels=3)
    assert (up.latency, up.receptive_field) == (0, 2)


def test_weights_are_copied():
    w, b = np.ones((2, 3, 4), np.float32), np.ones(2, np.float32)
    stream = fastconv.ConvStream1d(w, b, channels=3)
    w[...], b[...] = 0, 0
    assert stream(np.ones((3, 1), np.float32)).tolist() == [[4], [4]]
    again = pickle.loads(pickle.dumps(stream))
    assert again(np.ones((3, 1), np.float32)).tolist() == [[7], [7]]


def test_one_thread_at_a_time():
    """Threads that meet in a stream get an answer or an error, and the signal stays whole."""
    w = np.random.default_rng(0).standard_normal((256, 256, 3)).astype(np.float32)
    x = np.random.default_rng(1).standard_normal((1, 256, 700)).astype(np.float32)
    stream = fastconv.ConvStream1d(w, channels=256)
    errors, served = [], []

    def work():
        try:
            stream(x)
            served.append(1)
        except ValueError as error:
            errors.append(str(error))

    for _ in range(20):
        workers = [threading.Thread(target=work) for _ in range(4)]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        if errors:
            break
    assert served
    assert all("another thread" in error for error in errors)
    np.testing.assert_array_equal(stream.state, x[..., -2:])
