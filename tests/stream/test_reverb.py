"""examples/reverb.py, on files that are made here."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

import fastconv
from children import run_python

REVERB = Path(__file__).parents[2] / "examples" / "reverb.py"
RATE = 8000


def write(path, rows, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(rows))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(rows.T, "<i2").tobytes())


def reverb(*files):
    names = [str(REVERB), *map(str, files)]
    return run_python(f"import runpy, sys; sys.argv = {names!r}; "
                      f"runpy.run_path({names[0]!r}, run_name='__main__')")  # fmt: skip


@pytest.mark.parametrize("channels", [1, 2])
def test_it_is_the_convolution_of_both_files(tmp_path, channels):
    rng = np.random.default_rng(1)
    dry = (3000 * rng.standard_normal((channels, 5000))).astype(np.int16)
    decay = np.exp(-np.linspace(0, 7, 4000)) / 60
    response = (32767 * decay * np.clip(rng.standard_normal((channels, 4000)), -3, 3)).astype("i2")
    write(tmp_path / "in.wav", dry)
    write(tmp_path / "ir.wav", response)
    reverb(*(tmp_path / name for name in ("in.wav", "ir.wav", "out.wav")))
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (
            channels,
            RATE,
            8999,
        )
        wet = np.frombuffer(file.readframes(8999), "<i2").reshape(-1, channels).T
    kernel = response[:, None, ::-1] / 32768
    want = fastconv.conv1d(dry / 32768, kernel, padding="full", groups=channels)
    want *= 32767 / max(1, abs(want).max())
    assert abs(want).max() > 1000
    assert np.all(abs(wet - want) <= 0.6)  # half of a step, and some float32
