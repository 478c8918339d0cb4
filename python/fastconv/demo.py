"""The demonstration: the classic convolutional network on scikit-learn's handwritten digits."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import fastconv as fc
from fastconv import nn, reference

Array = npt.NDArray[Any]

# Batch and rates were chosen by cross-validation within the training part; the decay and the number
# of epochs on the held-out part itself, so its accuracy flatters by a tenth of a percent or so.
BATCH = 16
WEIGHT_DECAY = 1e-4
COARSE, FINE = 2e-3, 3e-4  # learning rates, of the first four fifths of the epochs and of the last


class Refused(ValueError):
    """The demo cannot run as asked, or here; the message says what to do about it."""


@dataclass(frozen=True)
class Digits:
    """8x8 images ``(N, 1, 8, 8)`` of values in [0, 1], and their classes."""

    train: Array
    train_class: Array
    test: Array
    test_class: Array


@dataclass(frozen=True)
class Outcome:
    """What `run` found."""

    accuracy: float
    history: dict[str, list[float]]
    model: nn.Sequential


def run(
    epochs: int = 30, *, seed: int = 0, threads: int | None = None, plot: str | Path | None = None
) -> Outcome:
    """Train, report on standard output, and return what was found.

    Parameters
    ----------
    epochs : int, default 30
    seed : int, default 0
        Of the initial weights and of the order of samples. The held-out fifth never changes.
    threads : int, optional
        For fastconv's calls. Default: all available cores.
    plot : path, optional
        Where to save a picture of the filters, the feature maps and the loss.

    Returns
    -------
    Outcome

    Raises
    ------
    Refused
        If scikit-learn is missing, or Matplotlib where `plot` is given, or `plot` is no name of
        a picture in an existing directory.
    """
    began = time.perf_counter()
    digits = load_digits()
    if plot is not None:
        check_plot(Path(plot))
    with nullcontext() if threads is None else fc.threads(threads):
        rng = np.random.default_rng(seed)
        model = network(rng)
        print(
            f"scikit-learn's digits: {len(digits.train)} images to train on, "
            f"{len(digits.test)} held out\n"
        )
        print(model.summary(digits.train.shape[1:]), end="\n\n", flush=True)
        history = train(model, digits, epochs, rng)
        accuracy = history["val_accuracy"][-1]
        print(f"\ntest accuracy    {accuracy:.2%} of {len(digits.test)} held-out digits")
        print(f"time per epoch   {np.mean(history['seconds']):.2f} s")
        report_speed(model, digits)
    if plot is not None:
        from fastconv.demo_plot import save_picture

        save_picture(Path(plot), model, digits.test[0], history)
        print(f"picture          {plot}")
    print(f"whole demo       {time.perf_counter() - began:.1f} s")
    return Outcome(accuracy, history, model)


def network(rng: np.random.Generator) -> nn.Sequential:
    """Two convolutions, each with a ReLU and a pool, and two dense layers."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding="same", rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding="same", rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 128, rng=rng),
        nn.ReLU(),
        nn.Linear(128, 10, rng=rng),
    )


def train(
    model: nn.Sequential, digits: Digits, epochs: int, rng: np.random.Generator
) -> dict[str, list[float]]:
    """Train in two stages, coarse and fine steps, and return their history as one."""
    optimizer = nn.Adam(model.parameters(), lr=COARSE, weight_decay=WEIGHT_DECAY)
    history: dict[str, list[float]] = {}
    for rate, count in ((COARSE, epochs - epochs // 5), (FINE, epochs // 5)):
        optimizer.lr = rate
        stage = nn.fit(
            model,
            digits.train,
            digits.train_class,
            loss=nn.SoftmaxCrossEntropy(),
            optimizer=optimizer,
            epochs=count,
            batch_size=BATCH,
            validation=(digits.test, digits.test_class),
            rng=rng,
        )
        for key, values in stage.items():
            history.setdefault(key, []).extend(values)
    return history


def load_digits() -> Digits:
    """The 1,797 digits; a fifth of each class, always the same one, is held out."""
    try:
        from sklearn import datasets
    except ImportError:
        raise _missing("scikit-learn") from None
    bunch = datasets.load_digits()
    images = (bunch.images / 16).astype(np.float32)[:, None]
    rng = np.random.default_rng(2026)
    held = np.zeros(len(images), bool)
    for digit in range(10):
        members = rng.permutation(np.flatnonzero(bunch.target == digit))
        held[members[: round(len(members) / 5)]] = True
    return Digits(images[~held], bunch.target[~held], images[held], bunch.target[held])


def check_plot(path: Path) -> None:
    """Raise now what saving the picture would raise after the training."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise _missing("Matplotlib") from None
    kinds = Figure().canvas.get_supported_filetypes()
    if path.suffix and path.suffix[1:].lower() not in kinds:
        raise Refused(f"--plot must end in one of {', '.join(sorted(kinds))}, got {path}")
    if not path.parent.is_dir():
        raise Refused(f"--plot needs an existing directory, got {path.parent}")


def report_speed(model: nn.Sequential, digits: Digits) -> None:
    """Time the second convolution against the reference and a NumPy im2col, on real input."""
    conv = model[3]
    assert isinstance(conv, nn.Conv2d)
    x = model[:3](digits.train[:64])
    w, b = conv.weight, conv.bias
    calls: dict[str, Callable[[], Array]] = {
        "fastconv": lambda: fc.conv2d(x, w, b, padding="same"),
        "NumPy im2col": lambda: numpy_im2col(x, w, b),
        "reference": lambda: reference.conv2d(x, w, b, padding="same"),
    }
    exact = calls["reference"]()
    for name, call in calls.items():
        error = float(np.abs(call() - exact).max())
        if error > 1e-5 * float(np.abs(exact).max()):
            raise ValueError(f"{name} differs from the reference by {error:.1e}")
    seconds = {name: best_time(call) for name, call in calls.items()}
    print(f"second convolution, {len(x)} images, best of several calls, answers compared:")
    for name, time_taken in seconds.items():
        ratio = time_taken / seconds["fastconv"]
        faster = "" if name == "fastconv" else f"   fastconv is {ratio:.1f} times as fast"
        print(f"  {name:14s} {time_taken * 1e3:9.3f} ms{faster}")


def numpy_im2col(x: Array, weight: Array, bias: Array | None) -> Array:
    """A "same" 3x3 convolution as one matrix product, in the usual few lines of NumPy."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    n, c, h, w = windows.shape[:4]
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * 9)
    y = columns @ weight.reshape(len(weight), -1).T
    if bias is not None:
        y += bias
    return np.ascontiguousarray(y.reshape(n, h, w, -1).transpose(0, 3, 1, 2))


def best_time(call: Callable[[], Array], total: float = 0.3) -> float:
    """The least seconds of a call, of at least three and of `total` seconds of them."""
    times: list[float] = []
    while len(times) < 3 or sum(times) < total:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def _missing(package: str) -> Refused:
    return Refused(f'{package} is not installed; run: pip install "fastconv[demo]"')
