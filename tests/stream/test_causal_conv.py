"""`causal_conv1d`: the signal's end goes in and comes out, and the bits are those of a stream."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from cases import DTYPES
from fastconv import reference
from stream_cases import CUTS, LAYERS, LENGTH, cut

ROWS = [layer for layer in LAYERS if not layer.transposed and not layer.last]


@pytest.mark.parametrize("lengths", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("dtype", DTYPES, ids=["f32", "f64"])
@pytest.mark.parametrize("layer", ROWS, ids=lambda layer: layer.why)
def test_blocks_are_the_whole_and_a_stream(layer, dtype, lengths):
    rng = np.random.default_rng(layer.reach)
    x = rng.standard_normal((2, layer.channels, LENGTH)).astype(dtype)
    w, b = layer.weights(dtype, rng.standard_normal)
    stream, state, parts = layer.stream(w, b, batch=2), None, []
    for part in cut(LENGTH, lengths):
        y, state = fastconv.causal_conv1d(x[..., part], w, b, state, **layer.options)
        assert y.tobytes() == stream(x[..., part]).tobytes()
        assert state.tobytes() == stream.state.tobytes()
        parts.append(y)
    y = np.concatenate(parts, -1)
    assert np.all(abs(y - layer.whole(x.astype(float), w, b)) <= layer.bound(x, w, b))


@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("layer", ROWS, ids=lambda layer: layer.why)
def test_the_reference_does_the_same(layer, data_format, batch):
    rng = np.random.default_rng(layer.reach)
    lead = () if batch is None else (batch,)
    x = rng.integers(-5, 6, (*lead, layer.channels, LENGTH)).astype(float)
    w, b = layer.weights(float, lambda shape: rng.integers(-5, 6, shape))
    last = data_format == "channels_last"
    options = layer.options | {"data_format": data_format, "activation": "relu"}
    got = want = (None, None)
    for part in cut(LENGTH, (4, 0, 9)):
        block = x[..., part].swapaxes(-1, -2) if last else x[..., part]
        got = fastconv.causal_conv1d(block, w, b, got[1], **options)
        want = reference.causal_conv1d(block, w, b, want[1], **options)
        for a, r in zip(got, want, strict=True):
            assert a.shape == r.shape
            assert a.flags.c_contiguous
            np.testing.assert_array_equal(a, r)


def test_out_is_for_the_outputs():
    x, w = np.ones((2, 5), np.float32), np.ones((3, 2, 2), np.float32)
    out = np.empty((3, 5), np.float32)
    y, state = fastconv.causal_conv1d(x, w, out=out)
    assert np.shares_memory(y, out)
    assert y.shape == out.shape
    np.testing.assert_array_equal(out, [[2, 4, 4, 4, 4]] * 3)
    assert state.shape == (2, 1)


ONE = np.ones((2, 5), np.float32)
WRONG = {
    "an input of one axis": (ValueError, "input", np.ones(5, "f4"), {}),
    "other channels": (ValueError, "channels", np.ones((3, 5), "f4"), {}),
    "another dtype": (TypeError, "weight", np.ones((2, 5)), {}),
    "no array": (TypeError, "input", None, {}),
    "a state without N": (ValueError, "state", ONE[None], {"state": ONE[:, :2]}),
    "a short state": (ValueError, "state", ONE, {"state": ONE[:, :1]}),
    "a state of another dtype": (TypeError, "state", ONE, {"state": np.ones((2, 2))}),
    "an unknown precision": (ValueError, "precision", ONE, {"precision": "low"}),
}  # fmt: skip


@pytest.mark.parametrize("why", WRONG)
def test_bad_arguments_are_refused(why):
    error, name, x, more = WRONG[why]
    with pytest.raises(error, match=name):
        fastconv.causal_conv1d(x, np.ones((3, 2, 3), np.float32), **more)
