"""`fit`: the training loop."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastconv._native import as_array

from ._checks import Array, generator, integer
from .layer import Layer
from .optim import Optimizer

Loss = Callable[[Array, Array], tuple[float, Array]]
Report = Callable[[str, bool], None]


def fit(
    model: Layer,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    batch_size: int,
    validation: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    rng: np.random.Generator | int | None = None,
    progress: bool = True,
) -> dict[str, list[float]]:
    """Train a model on shuffled batches.

    Parameters
    ----------
    model : Layer
        Trained in place, and left in evaluation mode.
    x : (samples, ...), float32 or float64
        Inputs, as `model` takes them.
    y : (samples, ...)
        Targets, as `loss` takes them.
    loss : callable
        ``value, grad = loss(output, target)``, the mean over a batch.
    optimizer : Optimizer
        Made from ``model.parameters()``.
    epochs, batch_size : int
        Passes over `x`, and samples in one step; the last batch may be smaller.
    validation : (x, y), optional
        Data to evaluate after each epoch.
    rng : numpy.random.Generator, int or None
        Source, or seed, of the order of samples.
    progress : bool, default True
        Show a bar by tqdm where that is installed, else a line an epoch on standard error.

    Returns
    -------
    history : dict of str to list of float
        One entry an epoch: ``"loss"``, ``"seconds"`` (training alone), ``"accuracy"`` if the
        targets are integer classes, and with `validation` ``"val_loss"`` and ``"val_accuracy"``.
        Loss and accuracy of training are the means over the batches as they were trained on.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SGD, Linear, MSE, Sequential, fit
    >>> x = np.linspace(-1, 1, 32, dtype=np.float32).reshape(32, 1)
    >>> model = Sequential(Linear(1, 1, rng=0))
    >>> history = fit(model, x, 3 * x, loss=MSE(), optimizer=SGD(model.parameters(), lr=0.1),
    ...               epochs=50, batch_size=8, rng=0, progress=False)
    >>> history["loss"][-1] < 1e-6
    True
    """
    epochs = integer(epochs, "epochs", 0)
    batch_size = integer(batch_size, "batch_size")
    inputs, targets = _paired(x, y, "x", "y")
    held = None if validation is None else _paired(*_two(validation), "validation x", "y")
    order_rng = generator(rng)
    batches = -(-len(inputs) // batch_size)
    history: dict[str, list[float]] = {}
    report = _reporter(epochs, batches) if progress and epochs else _silent
    for _ in range(epochs):
        began = time.perf_counter()
        model.train()
        totals = _Totals()
        order = order_rng.permutation(len(inputs))
        for start in range(0, len(inputs), batch_size):
            chosen = order[start : start + batch_size]
            target = targets[chosen]
            model.zero_grad()
            output = model(inputs[chosen])
            value, grad = loss(output, target)
            model.backward(grad)
            optimizer.step()
            totals.add(value, output, target)
            report(totals.text(), False)
        found = totals.means() | {"seconds": time.perf_counter() - began}
        model.eval()
        if held is not None:
            found |= {f"val_{k}": v for k, v in _evaluate(model, *held, loss, batch_size).items()}
        for key, number in found.items():
            history.setdefault(key, []).append(number)
        report(_text(found), True)
    model.eval()
    return history


class _Totals:
    """Sums over the samples seen."""

    def __init__(self) -> None:
        self.samples = 0
        self.loss = 0.0
        self.right: int | None = 0

    def add(self, value: float, output: Array, target: Array) -> None:
        self.samples += len(target)
        self.loss += value * len(target)
        classes = target.dtype.kind in "iu" and output.ndim == target.ndim + 1 == 2
        if classes and self.right is not None:
            self.right += int((output.argmax(axis=1) == target).sum())
        else:
            self.right = None

    def means(self) -> dict[str, float]:
        found = {"loss": self.loss / self.samples}
        if self.right is not None:
            found["accuracy"] = self.right / self.samples
        return found

    def text(self) -> str:
        return _text(self.means())


def _evaluate(model: Layer, x: Array, y: Array, loss: Loss, batch_size: int) -> dict[str, float]:
    """Loss and accuracy of a model in evaluation mode."""
    totals = _Totals()
    for start in range(0, len(x), batch_size):
        target = y[start : start + batch_size]
        output = model(x[start : start + batch_size])
        totals.add(loss(output, target)[0], output, target)
    return totals.means()


def _paired(x: Any, y: Any, x_name: str, y_name: str) -> tuple[Array, Array]:
    """Arrays with as many samples as each other, and at least one."""
    a, b = as_array(x, x_name), as_array(y, y_name)
    if a.ndim == 0 or b.ndim == 0 or len(a) != len(b) or len(a) == 0:
        raise ValueError(
            f"{x_name} and {y_name} must hold equally many samples, at least one, "
            f"got shapes {a.shape} and {b.shape}"
        )
    return a, b


def _two(validation: Any) -> tuple[Any, Any]:
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise TypeError(f"validation must be a pair (x, y), got {type(validation).__name__}")
    return validation[0], validation[1]


def _text(found: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in found.items() if name != "seconds")


def _silent(text: str, epoch_ends: bool) -> None:
    return


def _reporter(epochs: int, batches: int) -> Report:
    """What shows progress: called after each batch, and at the end of each epoch."""
    try:
        from tqdm import tqdm
    except ImportError:
        return _lines(epochs)
    bar = tqdm(total=epochs * batches, unit="batch", leave=True)
    done = 0

    def advance(text: str, epoch_ends: bool) -> None:
        nonlocal done
        done += epoch_ends
        bar.set_postfix_str(text, refresh=False)
        bar.set_description(f"epoch {min(done + 1, epochs)}/{epochs}", refresh=False)
        if not epoch_ends:
            bar.update()
        elif done == epochs:
            bar.close()

    return advance


def _lines(epochs: int) -> Report:
    """A line an epoch on standard error."""
    done = 0

    def advance(text: str, epoch_ends: bool) -> None:
        nonlocal done
        if epoch_ends:
            done += 1
            print(f"epoch {done}/{epochs}  {text}", file=sys.stderr)

    return advance
