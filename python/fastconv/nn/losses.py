"""Losses: a value, and its gradient for the model's output."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fastconv._native import as_array

from ._checks import Array, array, same_shape


class SoftmaxCrossEntropy:
    """Cross-entropy between a target and the softmax of scores.

    ``value = -mean(sum_c target_c * log_softmax(y)_c)``, computed stably from the scores
    themselves, so that the model ends without a softmax. The classes lie on axis 1, as in
    ``torch.nn.CrossEntropyLoss``: scores are ``(N, C)``, or ``(N, C, ...)`` for one decision a
    pixel, or ``(C,)``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SoftmaxCrossEntropy
    >>> value, grad = SoftmaxCrossEntropy()(np.zeros((2, 4), np.float32), np.array([0, 3]))
    >>> round(value, 4)
    1.3863
    >>> grad[0]
    array([-0.375,  0.125,  0.125,  0.125], dtype=float32)
    """

    def __call__(self, y: npt.ArrayLike, target: npt.ArrayLike) -> tuple[float, Array]:
        """Return the loss and its gradient with respect to `y`.

        Parameters
        ----------
        y : (N, C, ...), float32 or float64
            Scores (logits).
        target : (N, ...) of integers, or the shape of `y`
            Class indices; or one-hot rows or probabilities, as integers, bools or the dtype of
            `y`.

        Returns
        -------
        value : float
            The mean over all decisions.
        grad : the shape and dtype of `y`

        Raises
        ------
        ValueError, TypeError
            If shapes or dtypes do not fit.
        IndexError
            If a class index lies outside [0, C).
        """
        y = array(y, "y")
        if y.ndim == 0:
            raise ValueError("y must have an axis of classes, got shape ()")
        axis = min(1, y.ndim - 1)
        wanted = _distribution(y, as_array(target, "target"), axis)
        shifted = y - y.max(axis=axis, keepdims=True)
        log_sum = np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
        log_softmax = shifted - log_sum
        decisions = y.size // y.shape[axis]
        if decisions == 0:
            return float("nan"), np.zeros_like(y)
        value = -float((wanted * log_softmax).sum(dtype=np.float64)) / decisions
        mass = wanted.sum(axis=axis, keepdims=True)
        grad: Array = (np.exp(log_softmax) * mass - wanted) / decisions
        return value, grad


def _distribution(y: Array, target: Array, axis: int) -> Array:
    """The target as probabilities of the shape and dtype of `y`."""
    if target.shape == y.shape:
        if target.dtype.kind in "iub":
            return target.astype(y.dtype)
        return array(target, "target", y.dtype)
    shape = y.shape[:axis] + y.shape[axis + 1 :]
    if target.shape != shape:
        raise ValueError(f"target must have shape {shape} or {y.shape}, got {target.shape}")
    if target.dtype.kind not in "iu":
        raise TypeError(f"target must hold integer class indices, got {target.dtype}")
    classes = y.shape[axis]
    if target.size and not (target.min() >= 0 and target.max() < classes):
        raise IndexError(f"target must lie in [0, {classes}), got {target.min()} to {target.max()}")
    one_hot = np.zeros_like(y)
    np.put_along_axis(one_hot, np.expand_dims(target.astype(np.intp), axis), 1, axis)
    return one_hot


class MSE:
    """Mean of the squared differences, over all elements as in ``torch.nn.MSELoss``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import MSE
    >>> MSE()(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    (2.0, array([0., 2.]))
    """

    def __call__(self, y: npt.ArrayLike, target: npt.ArrayLike) -> tuple[float, Array]:
        """Return the loss and its gradient with respect to `y`.

        Parameters
        ----------
        y, target : arrays of one shape and dtype, float32 or float64

        Returns
        -------
        value : float
        grad : the shape and dtype of `y`

        Raises
        ------
        ValueError, TypeError
            If shapes or dtypes differ; nothing is broadcast.
        """
        y = array(y, "y")
        difference = y - same_shape(array(target, "target", y.dtype), y.shape, "target")
        if y.size == 0:
            return float("nan"), difference
        value = float(np.square(difference).sum(dtype=np.float64)) / y.size
        return value, difference * (2 / y.size)
