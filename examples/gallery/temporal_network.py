"""
A causal temporal network
=========================

Layers whose dilation doubles see far back with few weights, as in WaveNet, and causal padding keeps
the future out. Such a stack learns to continue a measured series: the intensity of a laser, whose
pulses grow and break down (data set A of the Santa Fe competition of 1991, which a convolutional
network won).

    python examples/gallery/temporal_network.py [--small] [PICTURE.png]

Its error on samples that it has not seen must be at most 0.9 of the better baseline's: to repeat
the last sample, or the best linear forecast from the same past. The series is ReservoirPy's
(``pip install reservoirpy matplotlib``).
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from reservoirpy.datasets import santafe_laser

from fastconv import nn

SMALL = "--small" in sys.argv
PICTURE = [name for name in sys.argv[1:] if not name.startswith("-")]
EPOCHS, CHANNELS, DILATIONS, WINDOW = 6 if SMALL else 40, 24, (1, 2, 4, 8, 16, 32), 256

measured = santafe_laser().ravel()
SPLIT = 8000  # what comes before is learned from
series = (measured - measured[:SPLIT].mean()) / measured[:SPLIT].std()
past, future = series[:-1], series[1:]

# %%
# The baselines
# -------------
# A linear model of the last 64 samples, by least squares.

SEEN = 1 + sum(DILATIONS)
windows = np.lib.stride_tricks.sliding_window_view(past, SEEN)
terms = np.column_stack([windows, np.ones(len(windows))])
weights = np.linalg.lstsq(terms[: SPLIT - SEEN], future[SEEN - 1 : SPLIT - 1], rcond=None)[0]
linear = np.square(terms[SPLIT - SEEN :] @ weights - future[SPLIT - 1 :]).mean()
naive = np.square(past - future)[SPLIT - 1 :].mean()

# %%
# The network
# -----------

rng = np.random.default_rng(0)
layers = [nn.Conv1d(1, CHANNELS, 1, rng=rng)]
for dilation in DILATIONS:
    layers += [nn.Residual(nn.Sequential(
        nn.Conv1d(CHANNELS, CHANNELS, 2, padding="causal", dilation=dilation, rng=rng),
        nn.SiLU(), nn.Conv1d(CHANNELS, CHANNELS, 1, rng=rng),
    ))]  # fmt: skip
model = nn.Sequential(*layers, nn.SiLU(), nn.Conv1d(CHANNELS, 1, 1, rng=rng))


def cut(values: np.ndarray) -> np.ndarray:
    """Overlapping windows of the samples to learn from: (N, 1, WINDOW)."""
    view = np.lib.stride_tricks.sliding_window_view(values[: SPLIT - 1], WINDOW)
    return view[:: WINDOW // 4, None].astype(np.float32)


optimizer = nn.Adam(model.parameters(), lr=5e-3)
history = nn.fit(
    model, cut(past), cut(future), loss=nn.MSE(), optimizer=optimizer, epochs=EPOCHS,
    batch_size=8, rng=1, progress=False, callbacks=[nn.CosineLR(optimizer, EPOCHS)],
)  # fmt: skip
signal = past[None, None].astype(np.float32)
forecast = model(signal)[0, 0]
error = np.square(forecast - future)[SPLIT - 1 :].mean()
print(f"mean squared error of the next sample, in variances of the series: {error:.4f}")
print(f"of repeating the last sample {naive:.4f}, of a linear model of {SEEN} {linear:.4f}")
if error > 0.9 * min(naive, linear):
    raise SystemExit("at most 0.9 of the better baseline's error was to be left")

# %%
# No peeking
# ----------
# Other samples from some time on change no bit of what was said before. And the gradient of one
# forecast says which samples it depends on: the last 64, and no other.

other = signal.copy()
other[..., 5000:] = rng.standard_normal(other[..., 5000:].shape)
if model(other)[..., :5000].tobytes() != model(signal)[..., :5000].tobytes():
    raise SystemExit("a forecast depends on its future")
model.train()
answer = model(signal[..., :128])
which = np.zeros_like(answer)
which[..., 100] = 1
reach = np.abs(model.backward(which)[0, 0])
model.eval()
if not np.array_equal(np.flatnonzero(reach), np.arange(101 - SEEN, 101)):
    raise SystemExit(f"a forecast was to depend on the last {SEEN} samples")

# %%
# Live, sample by sample
# ----------------------
# A stream remembers what its layers need, so that a sample costs one sample's work. Its outputs
# have the same bits in blocks of any length. Fed with its own forecasts, it goes on by itself.

stream = model.stream(channels=1)
block = stream(signal[..., :SPLIT])
stream.reset()
single = np.concatenate([stream(signal[..., t : t + 1]) for t in range(SPLIT)], axis=-1)
if single.tobytes() != block.tobytes() or not np.allclose(block[0, 0], forecast[:SPLIT], atol=1e-4):
    raise SystemExit("a stream was to forecast what the network does")
alone = [single[..., -1:]]
for _ in range(99):
    alone.append(stream(alone[-1]))

# %%
# The picture

figure, axes = plt.subplots(3, 1, figsize=(11, 9), layout="constrained")
show = slice(SPLIT, SPLIT + 300)
axes[0].plot(future[show], "k", lw=2, label="measured")
axes[0].plot(forecast[show], "C1--", label="forecast of the next sample")
axes[0].set_title(f"Error {error:.4f}; linear {linear:.4f}, last sample again {naive:.4f}")
axes[1].plot(future[SPLIT - 1 :][:100], "k", lw=2, label="measured")
axes[1].plot(np.concatenate(alone, axis=-1)[0, 0], "C0--", label="100 forecasts of forecasts")
axes[2].bar(np.arange(128) - 101, reach, width=1, label="gradient of the forecast for time 0")
axes[2].axvspan(-SEEN - 0.5, -0.5, color="C2", alpha=0.15, label=f"the last {SEEN} samples")
axes[2].set_yscale("log")
for ax, unit in zip(axes, ("samples", "samples", "samples before"), strict=True):
    ax.set(xlabel=unit)
    ax.margins(x=0.01, y=0.3)
    ax.legend(loc="upper left", ncols=2)
if PICTURE:
    figure.savefig(PICTURE[0])
