"""Gradients of the adaptive and the global pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.grad.max_pool import max_pool1d_input, max_pool2d_input
from fastconv.grad.pool import avg_pool1d_input, avg_pool2d_input

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


@completed_by(max_pool2d_input)
def adaptive_max_pool2d_input(
    grad_output: NDArray[Float], indices: NDArray[np.int64], input_size: Shape, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.adaptive_max_pool2d`, as `max_pool2d_input` does.

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


@completed_by(max_pool1d_input)
def adaptive_max_pool1d_input(
    grad_output: NDArray[Float], indices: NDArray[np.int64], input_size: Shape, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.adaptive_max_pool1d`, as `max_pool1d_input` does.

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


@completed_by(avg_pool2d_input)
def adaptive_avg_pool2d_input(
    grad_output: NDArray[Float], input_size: Shape, output_size: OutputSize = None, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.adaptive_avg_pool2d`: each output's share, to its window.

    Parameters
    ----------
    output_size : int, None or a sequence of two of them, optional
        That of the forward call; by default the lengths of grad_output.

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


@completed_by(avg_pool1d_input)
def adaptive_avg_pool1d_input(
    grad_output: NDArray[Float], input_size: Shape, output_size: OutputSize = None, *,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.adaptive_avg_pool1d`: each output's share, to its window.

    Parameters
    ----------
    output_size : int or None, optional
        That of the forward call; by default the length of grad_output.

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


@completed_by(avg_pool2d_input)
def global_avg_pool2d_input(
    grad_output: NDArray[Float], input_size: Shape, *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.global_avg_pool2d`: a share of the output's, everywhere.

    Parameters
    ----------
    grad_output : (N, C, 1, 1) or (C, 1, 1), float32 or float64
        The gradient with respect to the pool's result.

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


@completed_by(avg_pool1d_input)
def global_avg_pool1d_input(
    grad_output: NDArray[Float], input_size: Shape, *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.global_avg_pool1d`: a share of the output's, everywhere.

    Parameters
    ----------
    grad_output : (N, C, 1) or (C, 1), float32 or float64
        The gradient with respect to the pool's result.

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


@completed_by(avg_pool2d_input)
def global_sum_pool2d_input(
    grad_output: NDArray[Float], input_size: Shape, *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.global_sum_pool2d`: the output's, everywhere.

    Parameters
    ----------
    grad_output : (N, C, 1, 1) or (C, 1, 1), float32 or float64
        The gradient with respect to the pool's result.

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


@completed_by(avg_pool1d_input)
def global_sum_pool1d_input(
    grad_output: NDArray[Float], input_size: Shape, *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.global_sum_pool1d`: the output's, everywhere.

    Parameters
    ----------
    grad_output : (N, C, 1) or (C, 1), float32 or float64
        The gradient with respect to the pool's result.

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


@completed_by(avg_pool2d_input)
def global_max_pool2d_input(
    grad_output: NDArray[Float], input: NDArray[Float], *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.global_max_pool2d`.

    That of each output goes to the first of the largest elements.

    Parameters
    ----------
    grad_output : (N, C, 1, 1) or (C, 1, 1), float32 or float64
        The gradient with respect to the pool's result.
    input : (N, C, H, W) or (C, H, W), the dtype of grad_output
        That of the forward call.

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
    >>> grad.global_max_pool2d_input(np.array([[[3.0]]]), np.array([[[1.0, 5.0, 5.0]]]))
    array([[[0., 3., 0.]]])
    """
    return _native.global_max_pool_input(2, grad_output, input, threads, out, data_format)


@completed_by(global_max_pool2d_input)
@completed_by(avg_pool1d_input, "threads", "out", "data_format")
def global_max_pool1d_input(
    grad_output: NDArray[Float], input: NDArray[Float], *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.global_max_pool1d`: as `global_max_pool2d_input`, one axis.

    Parameters
    ----------
    grad_output : (N, C, 1) or (C, 1), float32 or float64
        The gradient with respect to the pool's result.
    input : (N, C, W) or (C, W), the dtype of grad_output
        That of the forward call.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.global_max_pool1d_input(np.array([[3.0]]), np.array([[1.0, 5.0, 5.0]]))
    array([[0., 3., 0.]])
    """
    return _native.global_max_pool_input(1, grad_output, input, threads, out, data_format)
