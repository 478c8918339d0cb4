"""What `fit` calls after each epoch, beside schedules."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fastconv._docs import completed_by

from ._checks import integer, real
from .optim import Optimizer
from .schedules import StepLR


@completed_by(StepLR, "optimizer")
class ReduceLROnPlateau:
    """The rate times `factor` when a value has not become better for `patience` epochs.

    A callback of `fit`.

    Parameters
    ----------
    monitor : str, default "val_loss"
        The value, by its name in the history. One whose name ends in "accuracy" is better when it
        is larger, any other when it is smaller.
    factor : float, default 0.1
        The factor.
    patience : int, default 10
        Epochs without a better value that are let pass.
    least : float, default 0
        The rate is never made smaller than this.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range, or there is no such value.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SGD, ReduceLROnPlateau
    >>> optimizer = SGD([(np.zeros(1), np.zeros(1))], lr=1)
    >>> plateau = ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    >>> for epoch, loss in enumerate([1.0, 0.9, 0.9]):
    ...     plateau(epoch, {"val_loss": loss})
    >>> optimizer.lr
    0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        least: float = 0.0,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be a fastconv.nn optimiser, got {optimizer!r}")
        self.optimizer = optimizer
        self.watch = Watch(monitor)
        self.factor = real(factor, "factor", 0, 1)
        self.patience = integer(patience, "patience", 0)
        self.least = real(least, "least", 0)
        self._waited = 0

    def __call__(self, epoch: int, values: Mapping[str, float]) -> None:
        """Look at the values of an epoch: what `fit` calls."""
        if self.watch.better(values):
            self._waited = 0
            return
        self._waited += 1
        if self._waited > self.patience:
            lower = max(self.optimizer.lr * self.factor, self.least)
            self.optimizer.lr = min(self.optimizer.lr, lower)
            self._waited = 0


class EarlyStopping:
    """End the training when a value has not become better for `patience` epochs.

    A callback of `fit`; with its ``keep_best`` the model ends with the weights of the best epoch.

    Parameters
    ----------
    monitor : str, default "val_loss"
        The value, by its name in the history. One whose name ends in "accuracy" is better when it
        is larger, any other when it is smaller.
    patience : int, default 5
        Epochs without a better value that are let pass.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range, or there is no such value.

    References
    ----------
    .. [1] Prechelt, "Early Stopping - But When?", Neural Networks: Tricks of the Trade, 1998.

    Examples
    --------
    >>> from fastconv.nn import EarlyStopping
    >>> stop = EarlyStopping(patience=1)
    >>> [stop(epoch, {"val_loss": loss}) for epoch, loss in enumerate([3.0, 2.0, 2.5, 2.4])]
    [False, False, False, True]
    """

    def __init__(self, monitor: str = "val_loss", patience: int = 5) -> None:
        self.watch = Watch(monitor)
        self.patience = integer(patience, "patience", 0)
        self._waited = 0

    def __call__(self, epoch: int, values: Mapping[str, float]) -> bool:
        """Look at the values of an epoch, and say whether it was the last: what `fit` calls."""
        self._waited = 0 if self.watch.better(values) else self._waited + 1
        return self._waited > self.patience


class Watch:
    """The best that a value of the history has been."""

    def __init__(self, monitor: str) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"monitor must be the name of a value of the history, got {monitor!r}")
        self.monitor = monitor
        self.best = math.inf

    def better(self, values: Mapping[str, float]) -> bool:
        """Whether the value of this epoch is the best so far; a NaN never is."""
        if self.monitor not in values:
            raise ValueError(
                f"monitor must be a value of the history, {sorted(values)}, got {self.monitor!r}"
            )
        value = values[self.monitor]
        cost = -value if self.monitor.endswith("accuracy") else value
        if not cost < self.best:
            return False
        self.best = cost
        return True
