"""A convolution reverb: a dry recording in a room of which somebody recorded an impulse response.

    python examples/reverb.py IN.wav IR.wav OUT.wav

All files have 16 bits a sample; OUT has the channels of IN. It goes through in blocks of 64
samples, as it would live: no sample comes later than it must, though the response may have seconds.
"""

from __future__ import annotations

import sys
import time
import wave

import numpy as np

import fastconv as fc

BLOCK = 64


def read(path: str) -> tuple[np.ndarray, int]:
    """The channels of a file as rows, from -1 to 1, and its samples in a second."""
    with wave.open(path) as file:
        if file.getsampwidth() != 2:
            raise SystemExit(f"{path}: 16 bits a sample are wanted, not {8 * file.getsampwidth()}")
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        rows = data.reshape(-1, file.getnchannels()).T.astype(np.float32) / 32768
        return np.ascontiguousarray(rows), file.getframerate()


def write(path: str, x: np.ndarray, rate: int) -> None:
    with wave.open(path, "wb") as file:
        file.setnchannels(x.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(x.T, -1, 1) * 32767).round().astype("<i2").tobytes())


def main() -> None:
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    (dry, rate), (response, other) = read(sys.argv[1]), read(sys.argv[2])
    if other != rate:
        raise SystemExit(f"{sys.argv[2]} has {other} samples a second, and {sys.argv[1]} {rate}")
    channels = dry.shape[0]
    # A filter for each channel, which reads the oldest sample first; the signal fades out behind
    # the end of the recording.
    weight = np.resize(response, (channels, response.shape[1]))[:, None, ::-1]
    dry = np.pad(dry, ((0, 0), (0, response.shape[1] - 1)))
    stream = fc.ConvStream1d(weight, groups=channels, channels=channels)
    wet, slowest, start = np.empty_like(dry), 0.0, time.perf_counter()
    for at in range(0, dry.shape[1], BLOCK):
        begin = time.perf_counter()
        wet[:, at : at + BLOCK] = stream(dry[:, at : at + BLOCK])
        slowest = max(slowest, time.perf_counter() - begin)
    seconds = time.perf_counter() - start
    write(sys.argv[3], wet / max(1.0, float(abs(wet).max())), rate)
    print(f"{dry.shape[1] / rate:.1f} s of sound in {seconds:.2f} s; {BLOCK} samples are due")
    print(f"after {BLOCK / rate * 1e3:.2f} ms, the slowest block took {slowest * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
