"""Optimisers: they change parameters in place, along their gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import numpy as np

from ._checks import Array, float_dtype, real

Pair = tuple[Array, Array]


class Optimizer(ABC):
    """Pairs of parameter and gradient, and the rule of one step.

    An iterator such as ``model.parameters()`` is read at the first step, so that layers which
    learn their sizes from the first batch are found too.

    Parameters
    ----------
    parameters : iterable of (value, gradient)
        Pairs of arrays, as ``model.parameters()`` gives them.
    lr : float
        The learning rate.
    weight_decay : float
        This multiple of a parameter is added to its gradient.
    """

    def __init__(self, parameters: Iterable[Pair], lr: float, weight_decay: float) -> None:
        self.lr = real(lr, "lr", 0)
        self.weight_decay = real(weight_decay, "weight_decay", 0)
        try:
            pending = iter(parameters)
        except TypeError:
            raise TypeError(
                f"parameters must be pairs of (value, gradient), got {parameters!r}"
            ) from None
        self._pending: Iterator[Pair] | None = pending
        self._pairs: list[Pair] = []
        if pending is not parameters:
            self._collect()

    def step(self) -> None:
        """Move every parameter once."""
        self._collect()
        self._advance()
        for i, (value, grad) in enumerate(self._pairs):
            decayed = grad + self.weight_decay * value if self.weight_decay else grad
            value -= self._change(i, decayed)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero, as the model's `zero_grad` does."""
        self._collect()
        for _, grad in self._pairs:
            grad.fill(0)

    def _collect(self) -> None:
        """Read the parameters, and check them, if that has not been done."""
        if self._pending is None:
            return
        pairs = [_checked_pair(pair) for pair in self._pending]
        if not pairs:
            raise ValueError("parameters must hold at least one pair of (value, gradient)")
        self._pending, self._pairs = None, pairs

    def _advance(self) -> None:
        """Prepare for a step of all parameters."""
        return

    @abstractmethod
    def _change(self, i: int, grad: Array) -> Array:
        """What to subtract from parameter `i`."""


def _checked_pair(pair: Pair) -> Pair:
    """Return a pair of float arrays of one shape and dtype."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(f"parameters must be pairs of (value, gradient), got {pair!r}")
    value, grad = pair
    if not (isinstance(value, np.ndarray) and isinstance(grad, np.ndarray)):
        raise TypeError(f"parameters must be pairs of arrays, got {type(value)}, {type(grad)}")
    float_dtype(value.dtype, "the dtype of a parameter")
    if value.shape != grad.shape or value.dtype != grad.dtype:
        raise ValueError(
            f"a gradient must match its parameter's {value.shape} {value.dtype}, "
            f"got {grad.shape} {grad.dtype}"
        )
    return value, grad


class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    ``g = grad + weight_decay * value; v = momentum * v + g`` (at first ``v = g``);
    ``value -= lr * v``: PyTorch's rule, without dampening.

    Parameters
    ----------
    parameters : iterable of (value, gradient)
        As ``model.parameters()`` yields them.
    lr : float
        May be changed between steps, as the attribute `lr`.
    momentum : float, default 0
        How much of the last step's direction is kept.
    weight_decay : float, default 0
        This multiple of a parameter is added to its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SGD
    >>> value, grad = np.array([1.0]), np.array([2.0])
    >>> SGD([(value, grad)], lr=0.25).step()
    >>> value
    array([0.5])
    """

    def __init__(
        self,
        parameters: Iterable[Pair],
        lr: float,
        momentum: float = 0,
        weight_decay: float = 0,
    ) -> None:
        self.momentum = real(momentum, "momentum", 0)
        self._velocity: dict[int, Array] = {}
        super().__init__(parameters, lr, weight_decay)

    def _change(self, i: int, grad: Array) -> Array:
        if self.momentum:
            velocity = self._velocity.get(i)
            grad = grad.copy() if velocity is None else self.momentum * velocity + grad
            self._velocity[i] = grad
        return self.lr * grad


class Adam(Optimizer):
    """Adam: steps scaled by running moments of the gradient.

    ``m = b1*m + (1-b1)*g; v = b2*v + (1-b2)*g**2;``
    ``value -= lr * (m / (1-b1**t)) / (sqrt(v / (1-b2**t)) + eps)`` with
    ``g = grad + weight_decay * value``, as in PyTorch.

    Parameters
    ----------
    parameters : iterable of (value, gradient)
        As ``model.parameters()`` yields them.
    lr : float, default 1e-3
        May be changed between steps, as the attribute `lr`.
    betas : (float, float), default (0.9, 0.999)
        Decay of the first and of the second moment, in [0, 1).
    eps : float, default 1e-8
        Added to the root of the second moment, so that nothing is divided by zero.
    weight_decay : float, default 0
        This multiple of a parameter is added to its gradient.

    References
    ----------
    .. [1] Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Adam
    >>> value, grad = np.array([1.0]), np.array([2.0])
    >>> Adam([(value, grad)], lr=0.25).step()
    >>> value.round(4)
    array([0.75])
    """

    def __init__(
        self,
        parameters: Iterable[Pair],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise ValueError(f"betas must be two numbers in [0, 1), got {betas!r}")
        self.betas = tuple(real(b, "betas", 0, float(np.nextafter(1, 0))) for b in betas)
        self.eps = real(eps, "eps", 0)
        self._moments: dict[int, tuple[Array, Array]] = {}
        self._steps = 0
        super().__init__(parameters, lr, weight_decay)

    def _advance(self) -> None:
        self._steps += 1

    def _change(self, i: int, grad: Array) -> Array:
        if i not in self._moments:
            self._moments[i] = (np.zeros_like(grad), np.zeros_like(grad))
        mean, square = self._moments[i]
        b1, b2 = self.betas
        mean += (1 - b1) * (grad - mean)
        square *= b2
        square += (1 - b2) * np.square(grad)
        root = np.sqrt(square)
        root /= (1 - b2**self._steps) ** 0.5
        root += self.eps
        change: Array = mean / root
        change *= self.lr / (1 - b1**self._steps)
        return change
