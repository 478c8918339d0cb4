"""`predict`: a model in evaluation, on arrays of any size."""

from __future__ import annotations

import copy
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from ._checks import Array, array, integer
from .layer import Layer


def predict(model: Layer, array: npt.ArrayLike | Any, *, batch_size: int = 32) -> Any:
    """Apply a model in evaluation mode, batch by batch; lazily, chunk by chunk, to dask arrays.

    The model stays as it is, in its mode, with what it has saved for `backward`.

    Parameters
    ----------
    model : Layer
        Any model.
    array : (N, ...) array or dask array
        Its inputs. If the model is fully convolutional (convolutions, pools, batch normalisation,
        activations, `Residual`), a dask array may have chunks along its spatial axes as well: each
        chunk of the result is computed from what it depends on, cut from neighbouring chunks. For
        other models the chunks are batches, and their size is theirs, not `batch_size`.
    batch_size : int, default 32
        Inputs at a time. Results do not depend on it but by rounding.

    Returns
    -------
    y : array, or dask array if `array` is one
        ``model(array)`` in evaluation. Of a dask array nothing is computed yet; the model's weights
        are those of this moment, each task runs on one thread.

    Raises
    ------
    ValueError, TypeError
        If the model does not take inputs of this shape or dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Conv2d, MaxPool2d, ReLU, Sequential, predict
    >>> model = Sequential(Conv2d(1, 4, 3, padding="same", rng=0), ReLU(), MaxPool2d(2))
    >>> predict(model, np.ones((100, 1, 8, 8), np.float32)).shape
    (100, 4, 4, 4)
    """
    if not isinstance(model, Layer):
        raise TypeError(f"model must be a fastconv.nn layer, got {type(model).__name__}")
    batch_size = integer(batch_size, "batch_size")
    dask_array = sys.modules.get("dask.array")
    if dask_array is not None and isinstance(array, dask_array.Array):
        from fastconv.interfaces.dask._predict import predict_chunks

        return predict_chunks(copy.deepcopy(model).eval(), array)
    return _in_batches(model, _array(array), batch_size)


_array = array  # the argument of `predict` has this name


def _in_batches(model: Layer, x: Array, batch_size: int) -> Array:
    if x.ndim == 0:
        raise ValueError("array must have a first axis, that of the batch, got no axis")
    if _trains(model):
        model = copy.deepcopy(model).eval()
    if len(x) <= batch_size:
        return model(x)
    first = model(x[:batch_size])
    y = np.empty((len(x), *first.shape[1:]), first.dtype)
    y[:batch_size] = first
    for start in range(batch_size, len(x), batch_size):
        y[start : start + batch_size] = model(x[start : start + batch_size])
    return y


def _trains(layer: Layer) -> bool:
    return layer.training or any(_trains(child) for _, child in layer._children())
