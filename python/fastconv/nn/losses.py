"""Losses: a value, and its gradient for the model's output."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fastconv._native import as_array

from ._checks import Array, array, real, same_shape


class SoftmaxCrossEntropy:
    """Cross-entropy between a target and the softmax of scores.

    ``value = -mean(sum_c target_c * log_softmax(y)_c)``, computed stably from the scores
    themselves, so that the model ends without a softmax. The classes lie on axis 1, as in
    ``torch.nn.CrossEntropyLoss``: scores are ``(N, C)``, or ``(N, C, ...)`` for one decision a
    pixel, or ``(C,)``.

    Parameters
    ----------
    weight : (C,) array, optional
        How much each class counts, for classes that are rare. Where targets are class indices, the
        mean is divided by the weights of the targets instead of their number, as in PyTorch.
    label_smoothing : float in [0, 1], default 0
        This share of every target is spread evenly over all classes [1]_.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, is negative or out of range.

    References
    ----------
    .. [1] Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016,
       section 7.

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

    def __init__(self, weight: npt.ArrayLike | None = None, label_smoothing: float = 0.0) -> None:
        self.weight = None if weight is None else _weights(weight, "weight")
        if self.weight is not None and self.weight.ndim != 1:
            raise ValueError(f"weight must have shape (C,), got {self.weight.shape}")
        self.label_smoothing = real(label_smoothing, "label_smoothing", 0, 1)

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
        indices = np.ndim(target) == y.ndim - 1
        decisions = y.size // y.shape[axis]
        if decisions == 0:
            return float("nan"), np.zeros_like(y)
        wanted, total = self._weighted(wanted, axis, decisions, indices)
        shifted = y - y.max(axis=axis, keepdims=True)
        log_sum = np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
        log_softmax = shifted - log_sum
        if total == 0:  # every target is of a class that does not count
            return float("nan"), np.zeros_like(y)
        value = -float((wanted * log_softmax).sum(dtype=np.float64)) / total
        mass = wanted.sum(axis=axis, keepdims=True)
        grad: Array = (np.exp(log_softmax) * mass - wanted) / total
        return value, grad

    def _weighted(
        self, wanted: Array, axis: int, decisions: int, indices: bool
    ) -> tuple[Array, float]:
        """The target smoothed and weighted, and what the sum of losses is divided by."""
        total, classes = float(decisions), wanted.shape[axis]
        weight = self.weight
        if weight is not None:
            if weight.size != classes:
                raise ValueError(
                    f"weight must have shape ({classes},) for y of shape {wanted.shape}, "
                    f"got {weight.shape}"
                )
            weight = weight.astype(wanted.dtype).reshape(-1, *(1,) * (wanted.ndim - axis - 1))
            if indices:
                total = float((wanted * weight).sum(dtype=np.float64))
        if self.label_smoothing:
            share = self.label_smoothing
            wanted = wanted * (1 - share) + share / classes
        return (wanted if weight is None else wanted * weight), total


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


class BCEWithLogits:
    """Binary cross-entropy of scores, each of which is one yes-or-no decision.

    ``value = -mean(target * log(p) + (1 - target) * log(1 - p))`` with ``p = sigmoid(y)``, computed
    stably from the scores themselves, so that the model ends without a sigmoid; as
    ``torch.nn.BCEWithLogitsLoss``.

    Parameters
    ----------
    weight : array, optional
        How much each decision counts; broadcast to the shape of `y`.
    pos_weight : array, optional
        How much a target of 1 counts more than one of 0; broadcast to the shape of `y`.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import BCEWithLogits
    >>> value, grad = BCEWithLogits()(np.float32([[0, 0]]), np.array([[1, 0]]))
    >>> round(value, 4), grad
    (0.6931, array([[-0.25,  0.25]], dtype=float32))
    """

    def __init__(
        self, weight: npt.ArrayLike | None = None, *, pos_weight: npt.ArrayLike | None = None
    ) -> None:
        self.weight = None if weight is None else _weights(weight, "weight")
        self.pos_weight = None if pos_weight is None else _weights(pos_weight, "pos_weight")

    def __call__(self, y: npt.ArrayLike, target: npt.ArrayLike) -> tuple[float, Array]:
        """Return the loss and its gradient with respect to `y`.

        Parameters
        ----------
        y : array, float32 or float64
            Scores (logits).
        target : the shape of `y`
            What is so (1) and what is not (0), or chances between; as integers, bools or the dtype
            of `y`.

        Returns
        -------
        value : float
            The mean over all decisions.
        grad : the shape and dtype of `y`

        Raises
        ------
        ValueError, TypeError
            If shapes or dtypes do not fit.
        """
        y = array(y, "y")
        t = same_shape(as_array(target, "target"), y.shape, "target")
        t = t.astype(y.dtype) if t.dtype.kind in "iub" else array(t, "target", y.dtype)
        if y.size == 0:
            return float("nan"), np.zeros_like(y)
        # -log(sigmoid(y)), of which nothing overflows
        missed = np.log1p(np.exp(-np.abs(y))) + np.maximum(-y, 0)
        counts = np.ones((), y.dtype)
        if self.pos_weight is not None:
            counts = 1 + (_broadcast(self.pos_weight, y, "pos_weight") - 1) * t
        loss = (1 - t) * y + counts * missed
        # sigmoid(-y) = exp(log(sigmoid(-y))) = exp(-(missed + y))
        grad: Array = (1 - t) - counts * np.exp(-(missed + y))
        if self.weight is not None:
            scale = _broadcast(self.weight, y, "weight")
            loss, grad = loss * scale, grad * scale
        return float(loss.sum(dtype=np.float64)) / y.size, grad / y.dtype.type(y.size)


def _weights(value: npt.ArrayLike, name: str) -> Array:
    """Return finite weights of at least 0 as float64."""
    found = as_array(value, name)
    if found.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold numbers, got {found.dtype}")
    found = found.astype(np.float64)
    if not (np.isfinite(found) & (found >= 0)).all():
        raise ValueError(f"{name} must be finite and not negative, got {found}")
    return found


def _broadcast(weight: Array, y: Array, name: str) -> Array:
    """Return `weight` in the dtype of `y` if it can be laid along it."""
    try:
        fits = np.broadcast_shapes(weight.shape, y.shape) == y.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name} must broadcast to the shape of y, {y.shape}, got {weight.shape}")
    return weight.astype(y.dtype)
