"""Learning rates that change from epoch to epoch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

from fastconv._docs import completed_by

from ._checks import integer, real
from .optim import Optimizer


class Schedule(ABC):
    """A learning rate as a function of the steps that were taken; subclasses say which.

    The rate of the first epoch is that of step 0, and is set when the schedule is made. A schedule
    is a callback of `fit`, which calls it after each epoch; in a loop of one's own, call `step`
    instead, after each epoch or after each batch.

    Parameters
    ----------
    optimizer : Optimizer
        Whose `lr` is set; its value when the schedule is made is the base.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be a fastconv.nn optimiser, got {optimizer!r}")
        self.optimizer = optimizer
        self.base = optimizer.lr
        self.steps = 0
        optimizer.lr = self._rate(0)

    def step(self) -> None:
        """Set the next rate."""
        self.steps += 1
        self.optimizer.lr = self._rate(self.steps)

    def __call__(self, epoch: int, values: Mapping[str, float]) -> None:
        """Set the next rate: what `fit` calls."""
        self.step()

    @abstractmethod
    def _rate(self, step: int) -> float:
        """The learning rate after so many steps."""


class StepLR(Schedule):
    """The rate times `gamma` after every `step_size` epochs, as ``torch``'s of that name.

    Parameters
    ----------
    optimizer : Optimizer
        Whose `lr` is set; its value when the schedule is made is the base.
    step_size : int
        Epochs at one rate.
    gamma : float, default 0.1
        The factor.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SGD, StepLR
    >>> optimizer = SGD([(np.zeros(1), np.zeros(1))], lr=1)
    >>> schedule = StepLR(optimizer, 2, gamma=0.5)
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates.append(optimizer.lr)
    ...     schedule.step()
    >>> rates
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = integer(step_size, "step_size")
        self.gamma = real(gamma, "gamma", 0)
        super().__init__(optimizer)

    def _rate(self, step: int) -> float:
        return self.base * self.gamma ** (step // self.step_size)


@completed_by(StepLR, "optimizer", "gamma")
class MultiStepLR(Schedule):
    """The rate times `gamma` at each of `milestones`, as ``torch``'s of that name.

    Parameters
    ----------
    milestones : sequence of int
        After how many epochs, in any order.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SGD, MultiStepLR
    >>> optimizer = SGD([(np.zeros(1), np.zeros(1))], lr=1)
    >>> schedule = MultiStepLR(optimizer, [1, 3], gamma=0.5)
    >>> schedule.step()
    >>> optimizer.lr
    0.5
    """

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1) -> None:
        self.milestones = sorted(integer(m, "milestones") for m in milestones)
        self.gamma = real(gamma, "gamma", 0)
        super().__init__(optimizer)

    def _rate(self, step: int) -> float:
        return self.base * self.gamma ** bisect_right(self.milestones, step)


@completed_by(StepLR, "optimizer")
class ExponentialLR(Schedule):
    """The rate times `gamma` after every epoch, as ``torch``'s of that name.

    Parameters
    ----------
    gamma : float
        The factor.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SGD, ExponentialLR
    >>> optimizer = SGD([(np.zeros(1), np.zeros(1))], lr=1)
    >>> schedule = ExponentialLR(optimizer, gamma=0.5)
    >>> schedule.step()
    >>> schedule.step()
    >>> optimizer.lr
    0.25
    """

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = real(gamma, "gamma", 0)
        super().__init__(optimizer)

    def _rate(self, step: int) -> float:
        return self.base * self.gamma**step


@completed_by(StepLR, "optimizer")
class CosineLR(Schedule):
    """Half a wave of a cosine from the base down to `least`, behind a straight line up.

    With ``warmup=0`` it is ``torch``'s ``CosineAnnealingLR`` for its first `epochs` steps; then it
    stays at `least`.

    Parameters
    ----------
    epochs : int
        Epochs in all; the rate of the one behind the last would be `least`.
    least : float, default 0
        The rate at the end.
    warmup : int, default 0
        In so many epochs at the beginning the rate grows in equal steps to the base.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    References
    ----------
    .. [1] Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SGD, CosineLR
    >>> optimizer = SGD([(np.zeros(1), np.zeros(1))], lr=1)
    >>> schedule = CosineLR(optimizer, epochs=4, warmup=2)
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates.append(round(optimizer.lr, 2))
    ...     schedule.step()
    >>> rates
    [0.5, 1.0, 1.0, 0.5]
    """

    def __init__(
        self, optimizer: Optimizer, epochs: int, least: float = 0.0, warmup: int = 0
    ) -> None:
        self.epochs = integer(epochs, "epochs")
        self.least = real(least, "least", 0)
        self.warmup = integer(warmup, "warmup", 0)
        if self.warmup >= self.epochs:
            raise ValueError(f"warmup must be less than epochs={self.epochs}, got {self.warmup}")
        super().__init__(optimizer)

    def _rate(self, step: int) -> float:
        if step < self.warmup:
            return self.base * (step + 1) / self.warmup
        done = min(1.0, (step - self.warmup) / (self.epochs - self.warmup))
        return self.least + (self.base - self.least) * (1 + math.cos(math.pi * done)) / 2


@completed_by(StepLR, "optimizer")
class LambdaLR(Schedule):
    """The base times a function of the epoch, as ``torch``'s of that name.

    Parameters
    ----------
    function : callable
        ``function(epoch)``, the factor, for epochs from 0 on.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, or a factor is negative or no number.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SGD, LambdaLR
    >>> optimizer = SGD([(np.zeros(1), np.zeros(1))], lr=1)
    >>> schedule = LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> schedule.step()
    >>> optimizer.lr
    0.5
    """

    def __init__(self, optimizer: Optimizer, function: Callable[[int], float]) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable, got {function!r}")
        self.function = function
        super().__init__(optimizer)

    def _rate(self, step: int) -> float:
        return self.base * real(self.function(step), "the factor of LambdaLR", 0)
