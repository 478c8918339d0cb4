"""Gradients of the adaptive and the global pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import SupportsIndex

    import numpy as np
    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Float, OutputSize

    Shape = Sequence[SupportsIndex]

__all__ = [
    "adaptive_avg_pool1d_input",
    "adaptive_avg_pool2d_input",
    "adaptive_max_pool1d_input",
    "adaptive_max_pool2d_input",
    "global_avg_pool1d_input",
    "global_avg_pool2d_input",
    "global_max_pool1d_input",
    "global_max_pool2d_input",
    "global_sum_pool1d_input",
    "global_sum_pool2d_input",
]


def adaptive_max_pool1d_input(
    grad_output: NDArray[Float], indices: NDArray[np.int64], input_size: Shape, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `adaptive_max_pool1d`: each output's goes to the element at its index.

    Arguments, result and errors are those of `max_pool1d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.adaptive_max_pool1d_input(np.array([[1.0, 2.0]]), np.array([[1, 3]]), (1, 5))
    array([[0., 1., 0., 2., 0.]])
    """
    return _native.indexed_pool_input(
        1, grad_output, indices, input_size, threads, out, data_format
    )


def adaptive_max_pool2d_input(
    grad_output: NDArray[Float], indices: NDArray[np.int64], input_size: Shape, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `adaptive_max_pool2d`: each output's goes to the element at its index.

    Arguments, result and errors are those of `max_pool2d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.adaptive_max_pool2d_input(np.array([[[5.0]]]), np.array([[[1]]]), (1, 1, 2))
    array([[[0., 5.]]])
    """
    return _native.indexed_pool_input(
        2, grad_output, indices, input_size, threads, out, data_format
    )


def adaptive_avg_pool1d_input(
    grad_output: NDArray[Float], input_size: Shape, output_size: OutputSize = None, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `adaptive_avg_pool1d`: each output's share, to its window.

    Parameters
    ----------
    grad_output : (N, C, W') or (C, W'), float32 or float64
        Gradient with respect to the pool's output.
    input_size : sequence of int
        The full shape of the pool's input, in the order of `data_format`.
    output_size : int or None, optional
        That of the forward call; by default the length of grad_output.
    threads, out, data_format
        As in `max_pool1d_input`.

    Returns
    -------
    grad_input : input_size, the dtype of grad_output

    Raises
    ------
    TypeError, ValueError
        As in `avg_pool1d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.adaptive_avg_pool1d_input(np.array([[3.0, 6.0]]), (1, 5))
    array([[1., 1., 3., 2., 2.]])
    """
    return _native.adaptive_pool_input(
        1, True, grad_output, input_size, output_size, threads, out, data_format
    )


def adaptive_avg_pool2d_input(
    grad_output: NDArray[Float], input_size: Shape, output_size: OutputSize = None, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `adaptive_avg_pool2d`: each output's share, to its window.

    Arguments, result and errors are those of `adaptive_avg_pool1d_input`, for images.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.adaptive_avg_pool2d_input(np.array([[[8.0]]]), (1, 2, 2))
    array([[[2., 2.],
            [2., 2.]]])
    """
    return _native.adaptive_pool_input(
        2, True, grad_output, input_size, output_size, threads, out, data_format
    )


def global_avg_pool1d_input(
    grad_output: NDArray[Float], input_size: Shape, *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `global_avg_pool1d`: a share of the output's, everywhere.

    Arguments, result and errors are those of `adaptive_avg_pool1d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.global_avg_pool1d_input(np.array([[8.0]]), (1, 4))
    array([[2., 2., 2., 2.]])
    """
    return _native.adaptive_pool_input(
        1, True, grad_output, input_size, 1, threads, out, data_format
    )


def global_avg_pool2d_input(
    grad_output: NDArray[Float], input_size: Shape, *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `global_avg_pool2d`: a share of the output's, everywhere.

    Arguments, result and errors are those of `adaptive_avg_pool2d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.global_avg_pool2d_input(np.array([[[8.0]]]), (1, 2, 2))
    array([[[2., 2.],
            [2., 2.]]])
    """
    return _native.adaptive_pool_input(
        2, True, grad_output, input_size, 1, threads, out, data_format
    )


def global_sum_pool1d_input(
    grad_output: NDArray[Float], input_size: Shape, *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `global_sum_pool1d`: the output's, everywhere.

    Arguments, result and errors are those of `adaptive_avg_pool1d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.global_sum_pool1d_input(np.array([[8.0]]), (1, 4))
    array([[8., 8., 8., 8.]])
    """
    return _native.adaptive_pool_input(
        1, False, grad_output, input_size, 1, threads, out, data_format
    )


def global_sum_pool2d_input(
    grad_output: NDArray[Float], input_size: Shape, *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `global_sum_pool2d`: the output's, everywhere.

    Arguments, result and errors are those of `adaptive_avg_pool2d_input`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.global_sum_pool2d_input(np.array([[[8.0]]]), (1, 2, 2))
    array([[[8., 8.],
            [8., 8.]]])
    """
    return _native.adaptive_pool_input(
        2, False, grad_output, input_size, 1, threads, out, data_format
    )


def global_max_pool1d_input(
    grad_output: NDArray[Float], input: NDArray[Float], *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `global_max_pool1d`: the output's, to the first of the largest.

    Parameters
    ----------
    grad_output : (N, C, 1) or (C, 1), float32 or float64
        Gradient with respect to the pool's output.
    input : (N, C, W) or (C, W), the dtype of grad_output
        That of the forward call.
    threads, out, data_format
        As in `max_pool1d_input`.

    Returns
    -------
    grad_input : the shape and dtype of input

    Raises
    ------
    TypeError
        If the arrays are not float32 or float64, or their dtypes differ.
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.global_max_pool1d_input(np.array([[3.0]]), np.array([[1.0, 5.0, 5.0]]))
    array([[0., 3., 0.]])
    """
    return _native.global_max_pool_input(1, grad_output, input, threads, out, data_format)


def global_max_pool2d_input(
    grad_output: NDArray[Float], input: NDArray[Float], *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `global_max_pool2d`: the output's, to the first of the largest.

    Arguments, result and errors are those of `global_max_pool1d_input`, for images.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.global_max_pool2d_input(np.array([[[3.0]]]), np.array([[[1.0, 5.0, 5.0]]]))
    array([[[0., 3., 0.]]])
    """
    return _native.global_max_pool_input(2, grad_output, input, threads, out, data_format)
