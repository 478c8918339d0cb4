"""A WaveNet-like network, run live: sample by sample, in blocks, and on the whole signal.

    python examples/wavenet_stream.py

Six causal layers of doubling dilation, each with a gate-free residual connection, and a final 1x1.
The stream keeps what the layers have to remember, so that a live signal costs what its samples
cost, and gives the same bits as the whole signal.
"""

from __future__ import annotations

import time

import numpy as np

from fastconv.nn import Conv1d, Residual, Sequential, Tanh

RATE = 16_000  # samples of a second
CHANNELS = 16


def network(rng: np.random.Generator) -> Sequential:
    """One channel in, one out; an output sees 128 samples."""
    layers = [
        Sequential(
            Residual(
                Conv1d(CHANNELS, CHANNELS, 2, dilation=2**i, padding="causal", rng=rng),
            ),
            Tanh(),
        )
        for i in range(6)
    ]
    first = Conv1d(1, CHANNELS, 65, padding="causal", rng=rng)
    return Sequential(first, Tanh(), *layers, Conv1d(CHANNELS, 1, 1, rng=rng)).eval()


def main() -> None:
    rng = np.random.default_rng(0)
    net = network(rng)
    seconds = np.arange(RATE // 4, dtype=np.float32) / RATE
    signal = np.sin(2 * np.pi * 440 * seconds, dtype=np.float32)[None, None]
    signal += 0.1 * rng.standard_normal(signal.shape).astype(np.float32)
    whole = net(signal)

    stream = net.stream(channels=1)
    print(f"latency {stream.latency}, receptive field {stream.receptive_field} samples")
    outputs = {}
    for block in (1, 64, signal.shape[-1]):
        stream.reset()
        start = time.perf_counter()
        parts = [stream(signal[..., at : at + block]) for at in range(0, signal.shape[-1], block)]
        took = time.perf_counter() - start
        outputs[block] = np.concatenate(parts, -1)
        share = took / seconds.size * RATE
        print(f"blocks of {block:4}: {100 * share:.1f} % of real time")
    assert len({y.tobytes() for y in outputs.values()}) == 1  # the same bits, however it is cut
    np.testing.assert_allclose(outputs[1], whole, rtol=1e-4, atol=1e-5)
    print("the same bits for every cut, and the whole signal's numbers")


if __name__ == "__main__":
    main()
