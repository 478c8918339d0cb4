"""Gradients of the pools that keep an element of each window, and of unpooling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.max_pool import max_pool1d, max_pool2d

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import SupportsIndex

    import numpy as np
    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Float

    Shape = Sequence[SupportsIndex]

__all__ = [
    "max_pool1d_input",
    "max_pool2d_input",
    "max_unpool1d_input",
    "max_unpool2d_input",
    "min_pool1d_input",
    "min_pool2d_input",
]


@completed_by(max_pool2d, "threads", "out", "data_format")
def max_pool2d_input(
    grad_output: NDArray[Float], indices: NDArray[np.int64], input_size: Shape, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.max_pool2d`.

    The gradient of each output is added to that of the element at its index.

    Parameters
    ----------
    grad_output : (N, C, H', W') or (C, H', W'), float32 or float64
        The gradient with respect to the pool's result.
    indices : the shape of grad_output, int64
        What the pool returned with ``return_indices=True``.
    input_size : (N, C, H, W) or (C, H, W)
        The full shape of the pool's input, in the order of `data_format`.

    Returns
    -------
    grad_input : of shape input_size, the dtype of grad_output

    Raises
    ------
    IndexError
        If an index is outside the input; the message says which.
    TypeError
        If grad_output is neither float32 nor float64, or indices are not int64.
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.max_pool2d_input(np.array([[[5.0]]]), np.array([[[3]]]), (1, 2, 2))
    array([[[0., 0.],
            [0., 5.]]])
    """
    return _native.indexed_pool_input(
        2, grad_output, indices, input_size, threads, out, data_format
    )


@completed_by(max_pool2d_input)
@completed_by(max_pool1d, "threads", "out", "data_format")
def max_pool1d_input(
    grad_output: NDArray[Float], indices: NDArray[np.int64], input_size: Shape, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.max_pool1d`: as `max_pool2d_input`, with one axis.

    Parameters
    ----------
    grad_output : (N, C, W') or (C, W'), float32 or float64
        The gradient with respect to the pool's result.
    input_size : (N, C, W) or (C, W)
        The full shape of the pool's input, in the order of `data_format`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.max_pool1d_input(np.array([[1.0, 2.0, 4.0]]), np.array([[1, 2, 2]]), (1, 4))
    array([[0., 1., 6., 0.]])
    """
    return _native.indexed_pool_input(
        1, grad_output, indices, input_size, threads, out, data_format
    )


@completed_by(max_pool2d_input)
def min_pool2d_input(
    grad_output: NDArray[Float], indices: NDArray[np.int64], input_size: Shape, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.min_pool2d`, as `max_pool2d_input` does.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.min_pool2d_input(np.array([[[5.0]]]), np.array([[[1]]]), (1, 1, 2))
    array([[[0., 5.]]])
    """
    return _native.indexed_pool_input(
        2, grad_output, indices, input_size, threads, out, data_format
    )


@completed_by(max_pool1d_input)
def min_pool1d_input(
    grad_output: NDArray[Float], indices: NDArray[np.int64], input_size: Shape, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.min_pool1d`, as `max_pool1d_input` does.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.min_pool1d_input(np.array([[1.0, 2.0]]), np.array([[0, 0]]), (1, 3))
    array([[3., 0., 0.]])
    """
    return _native.indexed_pool_input(
        1, grad_output, indices, input_size, threads, out, data_format
    )


@completed_by(max_pool2d_input)
def max_unpool2d_input(
    grad_output: NDArray[Float], indices: NDArray[np.int64], *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.max_unpool2d`: that at the index of each element.

    Parameters
    ----------
    grad_output : (N, C, H', W') or (C, H', W'), float32 or float64
        The gradient with respect to the result of the forward call.
    indices : (N, C, H, W) or (C, H, W), int64
        Those of the forward call.

    Returns
    -------
    grad_input : the shape of indices, the dtype of grad_output

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.max_unpool2d_input(np.array([[[4.0, 5.0]]]), np.array([[[1]]]))
    array([[[5.]]])
    """
    return _native.max_unpool_input(2, grad_output, indices, threads, out, data_format)


@completed_by(max_pool1d_input)
def max_unpool1d_input(
    grad_output: NDArray[Float], indices: NDArray[np.int64], *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.max_unpool1d`: as `max_unpool2d_input`, with one axis.

    Parameters
    ----------
    grad_output : (N, C, W') or (C, W'), float32 or float64
        The gradient with respect to the result of the forward call.
    indices : (N, C, W) or (C, W), int64
        Those of the forward call.

    Returns
    -------
    grad_input : the shape of indices, the dtype of grad_output

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.max_unpool1d_input(np.array([[4.0, 5.0]]), np.array([[1]]))
    array([[5.]])
    """
    return _native.max_unpool_input(1, grad_output, indices, threads, out, data_format)
