"""
Sound: the notes of a tune, and a room around it
================================================

A tune comes in blocks of 64 samples, as a sound card gives them. A convolution reverb puts it into
a room, block by block, and a network names the notes that sound: Spotify's basic-pitch (Bittner et
al., "A Lightweight Instrument-Agnostic Model for Polyphonic Note Transcription", 2022), with the
weights of its package. ONNX's reference evaluator walks through its file; fastconv convolves.

    python examples/gallery/sound.py [--small] [PICTURE.png]

Which keys sound when must be found with an F-measure of at least 0.9, and in the room of 0.6. Get
the weights by ``pip install --no-deps basic-pitch``, without TensorFlow; ``pip install onnx``.
"""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

import fastconv as fc
from fastconv.interfaces.onnx import ops

SMALL = "--small" in sys.argv
PICTURE = [name for name in sys.argv[1:] if not name.startswith("-")]
RATE, BLOCK = 22_050, 64
if (package := find_spec("basic_pitch")) is None:
    raise ModuleNotFoundError("pip install --no-deps basic-pitch", name="basic_pitch")
FILE = Path(package.origin).parent / "saved_models" / "icassp_2022" / "nmp.onnx"

# %%
# A tune
# ------
# Keys as MIDI counts them (60 is the middle C), each with its beginning and its length in seconds.

tune = [(60, 0, 0.5), (64, 0.5, 0.5), (67, 1, 0.5), (72, 1.5, 1)]
tune += [(key, 2.5, 1.5) for key in (60, 64, 67)]
if not SMALL:
    tune += [(key, 4 + i / 4, 0.25) for i, key in enumerate((72, 71, 69, 67, 65, 64, 62, 60) * 2)]
    tune += [(key, 8 + i, 1) for i, chord in enumerate(((57, 64, 72), (53, 60, 69), (55, 59, 74)))
             for key in chord] + [(key, 11, 2) for key in (48, 60, 64, 67, 76)]  # fmt: skip
SECONDS = max(start + length for _, start, length in tune) + 0.5


def string(key: int, seconds: float) -> np.ndarray:
    """A plucked string: eight partials, of which the higher ones fade sooner."""
    t, pitch = np.arange(int(seconds * RATE)) / RATE, 440 * 2 ** ((key - 69) / 12)
    partials = (0.6**k * np.exp(-2 * t * k**0.5) * np.sin(2 * np.pi * pitch * k * t + k)
                for k in range(1, 9))  # fmt: skip
    return sum(partials) * np.clip(200 * t, 0, 1) * np.clip(100 * (seconds - t), 0, 1)


dry = np.zeros(int(SECONDS * RATE) // BLOCK * BLOCK, np.float32)
for key, start, length in tune:
    sound = string(key, length)
    dry[int(start * RATE) :][: len(sound)] += 0.2 * sound

# %%
# The room
# --------
# Noise that fades is an impulse response much like a hall's: here of 0.6 seconds, 13,230 taps.

rng = np.random.default_rng(0)
response = rng.standard_normal(int(0.6 * RATE)) * np.exp(-np.linspace(0, 7, int(0.6 * RATE)))
response *= 0.5 / np.sqrt(np.square(response).sum())
response[0] = 1  # the sound itself
weight = response[::-1].astype(np.float32)[None, None]  # a filter reads the oldest sample first
room = fc.ConvStream1d(weight, channels=1)
wet, seconds = np.empty_like(dry), []
for at in range(0, len(dry), BLOCK):
    begin = time.perf_counter()
    wet[at : at + BLOCK] = room(dry[None, None, at : at + BLOCK])[0, 0]
    seconds.append(time.perf_counter() - begin)
whole = fc.conv1d(dry[None, None], weight, padding="causal")[0, 0]
if np.abs(wet - whole).max() > 1e-5 * np.abs(response).sum() * np.abs(dry).max():
    raise SystemExit("the blocks were to be the convolution of the whole tune")
print(f"a room of {weight.size:,} taps: blocks of {1e3 * BLOCK / RATE:.2f} ms")
print(f"take {1e3 * np.median(seconds):.3f} ms")

# %%
# The network
# -----------
# It hears windows of 2 seconds and says 172 times in each which of 88 keys sound. As its authors
# do, windows overlap by 30 of these frames, of which 15 are left out on either side.

network = ReferenceEvaluator(onnx.load(FILE), new_ops=ops)
WINDOW, HOP, MARGIN = 43_844, 256, 15
STEP = WINDOW - 2 * MARGIN * HOP


def listen(signal: np.ndarray) -> np.ndarray:
    """How sure the network is of each key in each frame: (frames, 88)."""
    padded, heard = np.pad(signal, (MARGIN * HOP, WINDOW)), []
    for at in range(0, len(signal), STEP):
        window = {"serving_default_input_2:0": padded[None, at : at + WINDOW, None]}
        (keys,) = network.run(["StatefulPartitionedCall:1"], window)
        heard.append(keys[0, MARGIN:-MARGIN])
    return np.concatenate(heard)[: len(signal) // HOP]


played = np.zeros((len(dry) // HOP, 88), bool)
for key, start, length in tune:
    played[int(start * RATE / HOP) : int((start + length) * RATE / HOP), key - 21] = True
found, begin = {}, time.perf_counter()
for name, signal, least in (("dry", dry, 0.9), ("in the room", wet, 0.6)):
    heard = listen(signal)
    right, said = ((heard > 0.5) & played).sum(), (heard > 0.5).sum()
    found[name] = heard, 2 * right / (said + played.sum())
    print(f"{name}: F-measure of keys and frames {found[name][1]:.3f}")
    if found[name][1] < least:
        raise SystemExit(f"at least {least} was to be reached")
print(f"{2 * SECONDS:.0f} s of sound were heard in {time.perf_counter() - begin:.2f} s")

# %%
# The picture

figure, axes = plt.subplots(4, 1, figsize=(11, 10), layout="constrained", sharex=True)
axes[0].plot(np.arange(len(wet)) / RATE, wet, lw=0.3, label="in the room")
axes[0].plot(np.arange(len(dry)) / RATE, dry, lw=0.3, label="dry")
for line in axes[0].legend(loc="upper left", ncols=2).get_lines():
    line.set_linewidth(2)
axes[0].margins(x=0, y=0.3)
rolls = {"played": played, **{f"{k}: F-measure {f:.2f}": heard for k, (heard, f) in found.items()}}
for ax, (name, roll) in zip(axes[1:], rolls.items(), strict=True):
    ax.imshow(roll.T, aspect="auto", origin="lower", cmap="magma", vmin=0, vmax=1,
              interpolation="nearest", extent=(0, len(roll) * HOP / RATE, 20.5, 108.5))  # fmt: skip
    ax.set(title=name, ylabel="key", ylim=(44, 96))
axes[-1].set_xlabel("seconds")
if PICTURE:
    figure.savefig(PICTURE[0])
