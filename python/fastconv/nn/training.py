"""`fit`: the training loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastconv._native import as_array
from fastconv._progress import reporter, silent

from ._checks import Array, generator, integer
from .callbacks import Watch
from .layer import Layer
from .optim import Optimizer

Loss = Callable[[Array, Array], tuple[float, Array]]
Callback = Callable[[int, Mapping[str, float]], bool | None]


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
    callbacks: Sequence[Callback] = (),
    keep_best: str | None = None,
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
    callbacks : sequence of callables, default ()
        Each is called after each epoch as ``callback(epoch, values)``, with the number of the epoch
        from 0 on and what the history holds of it; the training ends if one of them returns True.
        Schedules of the learning rate (`CosineLR` and its like), `ReduceLROnPlateau` and
        `EarlyStopping` are such.
    keep_best : str, optional
        The name of a value of the history, as ``"val_loss"``: the model ends with the weights of
        the epoch in which it was best. Best is the largest where the name ends in "accuracy", else
        the smallest. None: the weights of the last epoch.
    progress : bool, default True
        Show progress on standard error: a bar by tqdm where that is installed and there is a
        terminal, else a line an epoch.

    Returns
    -------
    history : dict of str to list of float
        One entry an epoch: ``"loss"``, ``"seconds"`` (training alone), ``"accuracy"`` if the
        targets are integer classes, and with `validation` ``"val_loss"`` and ``"val_accuracy"``.
        Loss and accuracy of training are the means over the batches as they were trained on.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range, `x` and `y` do not hold equally many samples, or `keep_best`
        or a callback asks for a value that the history does not have.

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
    best = None if keep_best is None else _Best(keep_best)
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"callbacks must be callables, got {callback!r}")
    order_rng = generator(rng)
    batches = -(-len(inputs) // batch_size)
    history: dict[str, list[float]] = {}
    report = reporter("epoch", epochs, batches, "batch") if progress and epochs else silent
    with report:
        for epoch in range(epochs):
            began = time.perf_counter()
            model.train()
            totals = _Totals()
            order = order_rng.permutation(len(inputs))
            for start in range(0, len(inputs), batch_size):
                chosen = order[start : start + batch_size]
                totals.add(*_step(model, inputs[chosen], targets[chosen], loss, optimizer))
                report.part(_text(totals.means()))
            found = totals.means() | {"seconds": time.perf_counter() - began}
            model.eval()
            if held is not None:
                values = _evaluate(model, *held, loss, batch_size)
                found |= {f"val_{name}": value for name, value in values.items()}
            for key, number in found.items():
                history.setdefault(key, []).append(number)
            report.whole(_text(found))
            if best is not None:
                best.see(model, found)
            # All are asked, also behind one that ends the training.
            ends = [callback(epoch, found) is True for callback in callbacks]
            if any(ends):
                break
    if best is not None:
        best.restore(model)
    model.eval()
    return history


def _step(
    model: Layer, x: Array, target: Array, loss: Loss, optimizer: Optimizer
) -> tuple[float, Array, Array]:
    """Train on one batch: its loss, the output, the target."""
    model.zero_grad()
    output = model(x)
    value, grad = loss(output, target)
    model.backward(grad)
    optimizer.step()
    return value, output, target


class _Best:
    """The state of a model in its best epoch."""

    def __init__(self, monitor: str) -> None:
        self._watch = Watch(monitor)
        self._state: dict[str, Array] | None = None

    def see(self, model: Layer, values: dict[str, float]) -> None:
        if self._watch.better(values):
            self._state = model.state_dict()

    def restore(self, model: Layer) -> None:
        if self._state is not None:
            model.load_state_dict(self._state)


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
