"""SciPy's filters with state and its convolutions, where SciPy is there, on random cases."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv

signal = pytest.importorskip("scipy.signal", reason="a peer, not a requirement")


@pytest.mark.parametrize("seed", range(10))
def test_lfilter_with_a_state(seed):
    rng = np.random.default_rng(seed)
    taps = rng.standard_normal(rng.integers(2, 40))
    x = rng.standard_normal(300)
    stream = fastconv.ConvStream1d(taps[None, None, ::-1], channels=1, dtype=np.float64)
    state, at = np.zeros(taps.size - 1), 0
    while at < x.size:
        block = x[at : at + rng.integers(1, 50)]
        want, state = signal.lfilter(taps, 1, block, zi=state)
        np.testing.assert_allclose(stream(block[None])[0], want, rtol=1e-12, atol=1e-12)
        past = stream.state[0, 0, ::-1]  # SciPy's state follows from the last inputs
        np.testing.assert_allclose(signal.lfiltic(taps, [1], [], past), state, atol=1e-12)
        at += block.size


@pytest.mark.parametrize("name", ["convolve", "fftconvolve", "oaconvolve"])
@pytest.mark.parametrize("seed", range(3))
def test_full_convolutions(name, seed):
    rng = np.random.default_rng(seed)
    taps, x = rng.standard_normal(rng.integers(1, 60)), rng.standard_normal(500)
    stream = fastconv.ConvStream1d(taps[None, None, ::-1], channels=1, dtype=np.float64)
    x_and_end = np.concatenate([x, np.zeros(taps.size - 1)])
    blocks = np.split(x_and_end, np.sort(rng.integers(0, x_and_end.size, 9)))
    got = np.concatenate([stream(block[None])[0] for block in blocks])
    np.testing.assert_allclose(got, getattr(signal, name)(x, taps), rtol=1e-10, atol=1e-10)
