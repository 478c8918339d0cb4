"""Convolution and transposed convolution, in one and two dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastconv.typing import (
        Activation,
        DataFormat,
        Float,
        Padding,
        PaddingMode,
        PerAxis,
        Precision,
    )

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


def conv1d(
    input: NDArray[Float],
    weight: NDArray[Float],
    bias: NDArray[Float] | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    activation: Activation | None = None,
    residual: NDArray[Float] | None = None,
    algorithm: str = "auto",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Cross-correlate a batch of signals with a bank of filters.

    ``y[n, o, t] = bias[o] + sum_{c, k} x[n, c, t*stride + k*dilation - lo] * weight[o, c, k]``,
    where ``lo`` is the padding on the left; the filter is not flipped.

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W), float32 or float64
        Without N it is one sample, and the result has no N either.
    weight : (C_out, C_in // groups, K), the dtype of input
    bias : (C_out,), the dtype of input, optional
    stride, dilation : int, default 1
        In samples.
    padding : int, (lo, hi) pair nested as ``((lo, hi),)``, or a word, default 0
        ``"valid"``: none. ``"same"``: output length ``ceil(W / stride)``, the odd element at the
        end; ``"same_lower"``: at the start. ``"causal"``: ``dilation * (K - 1)`` on the left, so
        that ``y[t]`` sees nothing after ``x[t]``. ``"full"``: as much on both sides.
    groups : int, default 1
        Splits the channels into independent blocks; ``groups == C_in`` is depthwise.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What lies beyond the ends; no padded copy is made.
    activation : str or ("leaky_relu", slope), optional
        Applied as the last step: "relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "gelu".
    residual : array of the output's shape, optional
        Added before the activation; `out` may be the same array.
    algorithm : {"auto", "direct", "im2col", "channel_lanes", "pointwise", "depthwise", "winograd"}
        ``"auto"`` chooses by predicted cost. The first three take every shape; the others refuse
        what they cannot compute with a ValueError.
    threads : int, optional
        OpenMP threads of this call; default `fastconv.get_num_threads()`. Never changes a result.
    out : writable array of the result's shape and dtype, optional
        Written and returned. It may overlap an input.
    data_format : {"channels_first", "channels_last"}
        ``"channels_last"`` means (N, W, C) for input, residual and result.
    precision : {"high", "highest"}, optional
        ``"highest"`` allows plain sums only; default `fastconv.precision`'s, else ``"high"``, by
        which float32 may be computed by Winograd's algorithm (`fastconv.precision` has the errors).

    Returns
    -------
    y : (N, C_out, W'), the dtype of input
        ``W' = (W + lo + hi - dilation*(K-1) - 1) // stride + 1``.

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, or the dtypes differ; nothing is cast.
    ValueError
        If the sizes do not fit together; the message names them.

    References
    ----------
    .. [1] Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> x = np.arange(5.0).reshape(1, 5)
    >>> fastconv.conv1d(x, np.ones((1, 1, 3)), padding="causal")
    array([[0., 1., 3., 6., 9.]])
    """
    return _native.conv(
        1, input, weight, bias, stride, padding, dilation, groups, padding_mode, activation,
        residual, algorithm, threads, out, data_format, precision,
    )  # fmt: skip


def conv2d(
    input: NDArray[Float],
    weight: NDArray[Float],
    bias: NDArray[Float] | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    activation: Activation | None = None,
    residual: NDArray[Float] | None = None,
    algorithm: str = "auto",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Cross-correlate a batch of images with a bank of filters.

    ``y[n, o] = bias[o] + sum_c  x[n, c] (*) weight[o, c]``; the filter is not flipped.

    Parameters
    ----------
    input : (N, C_in, H, W) or (C_in, H, W), float32 or float64
        Without N it is one sample, and the result has no N either.
    weight : (C_out, C_in // groups, KH, KW), the dtype of input
    bias : (C_out,), the dtype of input, optional
    stride, dilation : int or (int, int), default 1
        Per axis (height, width), in pixels.
    padding : int, (int, int), ((lo, hi), (lo, hi)) or a word, default 0
        Per axis, in pixels. ``"valid"``: none. ``"same"``: output lengths ``ceil(n / stride)``, the
        odd pixel at the end (TensorFlow, ONNX SAME_UPPER; PyTorch's at stride 1);
        ``"same_lower"``: at the start. ``"full"``: ``dilation * (k - 1)`` on every side.
    groups, padding_mode, activation, residual, algorithm, threads, out, precision
        As in `conv1d`.
    data_format : {"channels_first", "channels_last"}
        ``"channels_last"`` means (N, H, W, C) for input, residual and result.

    Returns
    -------
    y : (N, C_out, H', W'), the dtype of input
        ``H' = (H + lo + hi - dilation*(KH-1) - 1) // stride + 1``, and W' likewise.

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, or the dtypes differ; nothing is cast.
    ValueError
        If the sizes do not fit together; the message names them.

    References
    ----------
    .. [1] Chellapilla, Puri, Simard, "High Performance Convolutional Neural Networks for Document
       Processing", IWFHR 2006 (im2col).

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> x = np.ones((1, 3, 5, 5), np.float32)
    >>> w = np.ones((2, 3, 3, 3), np.float32)
    >>> fastconv.conv2d(x, w, padding="same", stride=2, activation="relu").shape
    (1, 2, 3, 3)
    """
    return _native.conv(
        2, input, weight, bias, stride, padding, dilation, groups, padding_mode, activation,
        residual, algorithm, threads, out, data_format, precision,
    )  # fmt: skip


def conv_transpose1d(
    input: NDArray[Float],
    weight: NDArray[Float],
    bias: NDArray[Float] | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
    *,
    output_size: PerAxis | None = None,
    activation: Activation | None = None,
    algorithm: str = "auto",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Transposed convolution of a batch of signals: the adjoint of `conv1d` in its input.

    Each input element adds ``weight`` times itself to the output, `stride` samples apart; the
    padding is cropped from the result.

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W), float32 or float64
    weight : (C_in, C_out // groups, K), the dtype of input
    bias : (C_out,), the dtype of input, optional
    stride, dilation : int, default 1
        In samples.
    padding : int, (lo, hi) pair nested as ``((lo, hi),)``, or a word, default 0
        Cropped from the full result. ``"valid"``: nothing. ``"same"`` and ``"same_lower"``: the
        adjoint of that convolution from length ``W * stride``.
    output_padding : int, default 0
        Samples added at the end, fewer than stride or dilation.
    groups : int, default 1
    output_size : int or full shape, optional
        The length of the result, within one stride of the least, instead of `output_padding`.
    activation, algorithm, threads, out, data_format, precision
        As in `conv1d`.

    Returns
    -------
    y : (N, C_out, W'), the dtype of input
        ``W' = (W-1)*stride + dilation*(K-1) + 1 - lo - hi + output_padding``.

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, or the dtypes differ; nothing is cast.
    ValueError
        If the sizes do not fit together; the message names them.

    References
    ----------
    .. [1] Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.conv_transpose1d(np.array([[1.0, 2.0]]), np.ones((1, 1, 2)), stride=2)
    array([[1., 1., 2., 2.]])
    """
    return _native.conv_transpose(
        1, input, weight, bias, stride, padding, output_padding, groups, dilation, output_size,
        activation, algorithm, threads, out, data_format, precision,
    )  # fmt: skip


def conv_transpose2d(
    input: NDArray[Float],
    weight: NDArray[Float],
    bias: NDArray[Float] | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
    *,
    output_size: PerAxis | None = None,
    activation: Activation | None = None,
    algorithm: str = "auto",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Transposed convolution of a batch of images: the adjoint of `conv2d` in its input.

    Each input pixel adds ``weight`` times itself to the output, `stride` pixels apart; the padding
    is cropped from the result.

    Parameters
    ----------
    input : (N, C_in, H, W) or (C_in, H, W), float32 or float64
    weight : (C_in, C_out // groups, KH, KW), the dtype of input
    bias : (C_out,), the dtype of input, optional
    stride, dilation : int or (int, int), default 1
        Per axis (height, width), in pixels.
    padding : int, (int, int), ((lo, hi), (lo, hi)) or a word, default 0
        Cropped from the full result. ``"valid"``: nothing. ``"same"`` and ``"same_lower"``: the
        adjoint of that convolution from lengths ``n * stride``.
    output_padding : int or (int, int), default 0
        Pixels added at the end, fewer than stride or dilation.
    groups : int, default 1
    output_size : (H', W') or full shape, optional
        The lengths of the result, within one stride of the least, instead of `output_padding`.
    activation, algorithm, threads, out, data_format, precision
        As in `conv2d`.

    Returns
    -------
    y : (N, C_out, H', W'), the dtype of input
        ``H' = (H-1)*stride + dilation*(KH-1) + 1 - lo - hi + output_padding``, and W' likewise.

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, or the dtypes differ; nothing is cast.
    ValueError
        If the sizes do not fit together; the message names them.

    References
    ----------
    .. [1] Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> x = np.ones((1, 8, 14, 14), np.float32)
    >>> w = np.ones((8, 4, 2, 2), np.float32)
    >>> fastconv.conv_transpose2d(x, w, stride=2).shape
    (1, 4, 28, 28)
    """
    return _native.conv_transpose(
        2, input, weight, bias, stride, padding, output_padding, groups, dilation, output_size,
        activation, algorithm, threads, out, data_format, precision,
    )  # fmt: skip
