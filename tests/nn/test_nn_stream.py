"""A network as one stream gives what the whole signal gives, whatever the cut."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from fastconv import nn
from stream_cases import CUTS, cut

LAST = {"data_format": "channels_last"}
CAUSAL = {"padding": "causal"}


def wavenet(**more):
    """Six causal layers of doubling dilation with their residuals, and a final 1x1."""
    blocks = [nn.Sequential(nn.Residual(nn.Conv1d(8, 8, 2, dilation=2**i, **CAUSAL, **more)),
                            nn.Tanh()) for i in range(6)]  # fmt: skip
    return nn.Sequential(nn.Conv1d(3, 8, 2, **CAUSAL, **more), *blocks, nn.Conv1d(8, 5, 1, **more))


def decoder():
    """Down by 4 and up again, as codecs do; the sum waits for the slower branch."""
    inner = nn.Sequential(
        nn.Conv1d(6, 9, 4, stride=2, padding=((2, 0),)), nn.ELU(),
        nn.Conv1d(9, 9, 4, stride=2, padding=((2, 0),)),
        nn.ConvTranspose1d(9, 9, 4, stride=2, padding=((0, 2),)), nn.GELU(),
        nn.ConvTranspose1d(9, 6, 2, stride=2))  # fmt: skip
    return nn.Sequential(nn.Conv1d(3, 6, 3, **CAUSAL), nn.Residual(inner), nn.SiLU())


def normed():
    net = nn.Sequential(
        nn.Conv1d(3, 8, 3, bias=False, **CAUSAL), nn.BatchNorm1d(), nn.ReLU(), nn.Dropout(0.5),
        nn.MaxPool1d(2), nn.Conv1d(8, 8, 3, groups=8, dilation=3, **CAUSAL), nn.PReLU(8),
        nn.AvgPool1d(3, 1, ((2, 0),)), nn.SumPool1d(2), nn.Softmax(axis=1))  # fmt: skip
    rng = np.random.default_rng(0)
    for _ in range(3):  # statistics that are not those of the beginning
        net(rng.standard_normal((4, 3, 50)).astype(np.float32))
    return net


# A network, the length of a signal that it takes whole, and whether that is a multiple of strides.
NETS = {
    "a WaveNet": (wavenet, 101),
    "a WaveNet, channels last": (lambda: wavenet(**LAST), 101),
    "in double": (lambda: wavenet(dtype=np.float64), 60),
    "down and up, with a sum": (decoder, 96),
    "normalisation, pools and softmax": (normed, 96),
    "a stride of which the end is owed": (
        lambda: nn.Sequential(nn.Conv1d(3, 4, 5, stride=3, padding=((2, 2),)), nn.ReLU(),
                              nn.Conv1d(4, 2, 2, **CAUSAL)), 100),
    "all that a transposed convolution owes": (
        lambda: nn.Sequential(nn.ConvTranspose1d(3, 4, 7, stride=2, output_padding=1),
                              nn.Conv1d(4, 2, 3, **CAUSAL)), 40),
    "full padding": (lambda: nn.Sequential(nn.Conv1d(3, 4, 4, padding="full")), 40),
    "dense layers of each sample": (
        lambda: nn.Sequential(nn.Conv1d(3, 8, 2, **CAUSAL, **LAST), nn.ReLU(), nn.Linear(8, 4),
                              nn.Softmax()), 50),
    "a sum with a shortcut that takes its time": (
        lambda: nn.Sequential(nn.Residual(
            nn.Sequential(nn.Conv1d(3, 4, 3, stride=2, **CAUSAL), nn.Tanh(), nn.Conv1d(4, 4, 1)),
            shortcut=nn.Conv1d(3, 4, 2, stride=2)), nn.ReLU()), 50),
    "nothing": (nn.Sequential, 20),
}  # fmt: skip


def made(name):
    build, n = NETS[name]
    net = build().eval()
    rng = np.random.default_rng(1)
    for value, _ in net.parameters():
        value[...] = rng.standard_normal(value.shape) * 0.3
    dtype = np.float64 if "double" in name else np.float32
    x = rng.standard_normal((2, 3, n)).astype(dtype)
    last = "last" in name or "dense" in name
    return net, (np.ascontiguousarray(x.swapaxes(1, 2)) if last else x), 1 if last else 2


def take(x, axis, part):
    return x[:, part] if axis == 1 else x[..., part]


def joined(stream, x, axis, lengths, start=0):
    x = take(x, axis, slice(start, None))
    parts = [stream(take(x, axis, part)) for part in cut(x.shape[axis], lengths)]
    return np.concatenate([*parts, stream.finish()], axis)


@pytest.mark.parametrize("name", NETS)
def test_joined_outputs_are_those_of_the_whole(name):
    net, x, axis = made(name)
    want = net(x)
    stream = net.stream(3, batch=2)
    once = joined(stream, x, axis, (x.shape[axis],))
    assert once.dtype == want.dtype
    np.testing.assert_allclose(once, want, rtol=2e-5, atol=2e-6)
    for lengths in CUTS.values():  # the stream has begun anew
        assert joined(stream, x, axis, lengths).tobytes() == once.tobytes()


@pytest.mark.parametrize("name", NETS)
def test_copies_pickles_and_states_go_on(name):
    net, x, axis = made(name)
    want = joined(net.stream(3, batch=2), x, axis, (5,))
    for at in (0, 1, 18, 19):
        stream, other = net.stream(3, batch=2), net.stream(3, batch=2)
        before = stream(take(x, axis, slice(0, at)))
        other.state = stream.state
        copies = [copy.copy(stream), copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))]
        for each in (*copies, stream, *([other] if at else [])):
            after = joined(each, x, axis, (7,), at)
            assert np.concatenate([before, after], axis).tobytes() == want.tobytes()


def test_reset_of_some_items():
    net, x, axis = made("a WaveNet")
    stream = net.stream(3, batch=2)
    fresh = joined(net.stream(3, batch=2), x[..., 40:], axis, (61,))
    whole = joined(net.stream(3, batch=2), x, axis, (101,))
    stream(x[..., :40])
    stream.reset(np.array([True, False]))
    after = stream(x[..., 40:])
    assert after[0].tobytes() == fresh[0].tobytes()
    assert after[1].tobytes() == whole[1, :, 40:].tobytes()


def test_out_and_single_signals():
    net, x, _ = made("a WaveNet")
    want = net.stream(3)(x[:1, :, :9])
    out = np.empty((5, 18), np.float32)[:, ::2]
    assert net.stream(3)(x[0, :, :9], out=out) is out
    np.testing.assert_array_equal(out, want[0])


def test_facts():
    net, _, _ = made("a WaveNet")
    assert (net.stream(3).latency, net.stream(3).receptive_field) == (0, 1 + 1 + 63)
    net, _, _ = made("down and up, with a sum")
    assert net.stream(3).latency == 1 + 2


def test_training_later_changes_nothing():
    net, x, _ = made("a WaveNet")
    stream, want = net.stream(3, batch=2), net(x)
    for value, _ in net.parameters():
        value[...] = 0
    np.testing.assert_allclose(stream(x), want, rtol=2e-5, atol=2e-6)


REFUSED = {
    "same padding": (nn.Conv1d(3, 4, 3, padding="same"), r"layer 1\.1 \(Conv1d.*looks ahead"),
    "no padding": (nn.Conv1d(3, 4, 3), "looks ahead"),
    "more padding than causal": (nn.Conv1d(3, 4, 3, padding=((4, 0),)), "before the first"),
    "padding that mirrors": (nn.Conv1d(3, 4, 3, padding_mode="reflect", **CAUSAL), "padding"),
    "images": (nn.Conv2d(3, 4, 3), "two spatial axes"),
    "a pool that looks ahead": (nn.MaxPool1d(3, 1, 1), "looks ahead"),
    "a pool with a last window that hangs over": (nn.MaxPool1d(2, ceil_mode=True), "looks ahead"),
    "minima": (nn.MinPool1d(2), "no such pool"),
    "averages that leave padding out": (
        nn.AvgPool1d(2, 1, ((1, 0),), count_include_pad=False), "fewer samples"),
    "all of the signal": (nn.GlobalAvgPool1d(), "all samples"),
    "flat signals": (nn.Flatten(), "all samples"),
    "dense layers along the signal": (nn.Linear(10, 4), "all samples"),
    "softmax along the signal": (nn.Softmax(), "all samples"),
    "a transposed convolution that crops the start": (
        nn.ConvTranspose1d(3, 4, 4, stride=2, padding=1), "looks ahead"),
    "a transposed convolution that ends early": (
        nn.ConvTranspose1d(3, 4, 1, stride=2), "before its last sample"),
    "a sum of other channels": (nn.Residual(nn.Conv1d(3, 4, 1)), "keep the shape"),
    "a sum at another rate": (nn.Residual(nn.MaxPool1d(2)), "keep the shape"),
    "other channels": (nn.Conv1d(5, 4, 1), "channels"),
    "layers of both formats": (nn.Conv1d(3, 4, 1, data_format="channels_last"), "data_format"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_layers_that_no_stream_can_have_are_refused_by_name(why):
    layer, message = REFUSED[why]
    net = nn.Sequential(nn.Conv1d(3, 3, 1), nn.Sequential(nn.ReLU(), layer))
    with pytest.raises(ValueError, match=message):
        net.stream(3)


def test_a_refusal_tells_where_the_layer_stands():
    net = nn.Sequential(nn.ReLU(), nn.Residual(nn.Sequential(nn.Conv1d(3, 3, 3, padding=1))))
    with pytest.raises(ValueError, match=r"layer 1\.layer\.0 \(Conv1d.*looks ahead"):
        net.stream(3)


def test_bad_blocks_change_nothing():
    net, x, _ = made("a WaveNet")
    stream, want = net.stream(3, batch=2), net.stream(3, batch=2)
    for each in (stream, want):
        each(x[..., :10])
    for wrong, error in ((x[:1], ValueError), (x[:, :2], ValueError), (x[0], ValueError),
                         (x.astype(float), TypeError), (None, TypeError)):  # fmt: skip
        with pytest.raises(error, match="block"):
            stream(wrong)
    good = np.empty((2, 5, 4), np.float32)
    for out, error in ((good[..., :3], ValueError), (good.astype(float), TypeError),
                       (good.tolist(), TypeError)):  # fmt: skip
        with pytest.raises(error, match="out"):
            stream(x[..., 10:14], out=out)
    with pytest.raises(ValueError, match="state"):
        stream.state = stream.state[:-1]
    for mask in (np.array([1, 0]), np.array([True])):
        with pytest.raises((TypeError, ValueError), match="mask"):
            stream.reset(mask)
    assert stream(x[..., 10:]).tobytes() == want(x[..., 10:]).tobytes()


@pytest.mark.parametrize(("channels", "batch"), [(0, 1), (3, -1), (2.5, 1)])
def test_bad_sizes_are_refused(channels, batch):
    with pytest.raises((TypeError, ValueError)):
        nn.Sequential(nn.ReLU()).stream(channels, batch)
