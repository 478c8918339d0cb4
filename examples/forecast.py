"""A causal stack of dilated convolutions learns to predict the next sample of a noisy signal.

    python examples/forecast.py

Each layer doubles its dilation, so that few layers see far back; causal padding keeps the future
out. Compared with repeating the last sample, which is what a model must beat.
"""

from __future__ import annotations

import numpy as np

import fastconv as fc
from fastconv import nn

KERNEL, CHANNELS, DILATIONS = 3, 16, (1, 2, 4, 8, 16)


def signals(count: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Sums of two sines of random period and phase, with a little noise: (count, 1, length)."""
    t = np.arange(length)
    period = rng.uniform(8, 40, (2, count, 1))
    phase = rng.uniform(0, 2 * np.pi, (2, count, 1))
    clean = np.sin(2 * np.pi * t / period + phase).sum(axis=0)
    noisy = clean + 0.05 * rng.standard_normal((count, length))
    return noisy[:, None].astype(np.float32)


def network(rng: np.random.Generator) -> nn.Sequential:
    layers: list[nn.Layer] = []
    channels = 1
    for dilation in DILATIONS:
        conv = nn.Conv1d(channels, CHANNELS, KERNEL, padding="causal", dilation=dilation, rng=rng)
        layers += [conv, nn.ReLU()]
        channels = CHANNELS
    return nn.Sequential(*layers, nn.Conv1d(channels, 1, 1, rng=rng))


def main() -> None:
    rng = np.random.default_rng(0)
    train, test = signals(256, 129, rng), signals(64, 129, rng)
    seen = fc.receptive_field([(KERNEL, 1, d) for d in DILATIONS])
    print(f"each prediction sees the last {seen} samples")
    model = network(rng)
    nn.fit(
        model,
        train[:, :, :-1],
        train[:, :, 1:],
        loss=nn.MSE(),
        optimizer=nn.Adam(model.parameters(), lr=3e-3),
        epochs=15,
        batch_size=32,
        rng=rng,
        progress=False,
    )
    model.eval()
    past, future = test[:, :, :-1], test[:, :, 1:]
    error = np.square(model(past) - future).mean()
    naive = np.square(past - future).mean()
    print(f"mean squared error {error:.4f}; of repeating the last sample {naive:.4f}")
    if error >= naive / 2:
        raise SystemExit("the network has not learned")


if __name__ == "__main__":
    main()
