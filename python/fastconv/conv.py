"""Convolution in one and two dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastconv.typing import (
        Activation,
        Algorithm,
        ConvPadding,
        ConvPadding1d,
        DataFormat,
        Float,
        PaddingMode,
        PerAxis,
        Precision,
    )

__all__ = ["conv1d", "conv2d"]


def conv2d(
    input: NDArray[Float],
    weight: NDArray[Float],
    bias: NDArray[Float] | None = None,
    stride: PerAxis = 1,
    padding: ConvPadding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    activation: Activation | None = None,
    residual: NDArray[Float] | None = None,
    algorithm: Algorithm | str = "auto",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Cross-correlate a batch of images with a bank of filters.

    The result is, with the padding ``top`` and ``left``::

        y[n, o, i, j] = bias[o] + sum over c, u and v of
            x[n, c, i*stride + u*dilation - top, j*stride + v*dilation - left] * weight[o, c, u, v]

    The filter is not flipped. Names, order and meaning of the arguments are those of
    ``torch.nn.functional.conv2d``; those behind the star are fastconv's own.

    Parameters
    ----------
    input : (N, C_in, H, W) or (C_in, H, W), float32 or float64
        The images. Without N it is one sample, and the result has no N either. N may be 0.
    weight : (C_out, C_in // groups, KH, KW), the dtype of input
        The filters.
    bias : (C_out,), the dtype of input, optional
        What is added to each output channel.
    stride : int or (int, int), default 1
        From one output to the next, per axis (height, width), in pixels of the input.
    padding : int, (int, int), ((lo, hi), (lo, hi)) or a word, default 0
        Pixels before and after each axis. ``"valid"``: none. ``"same"``: as many as make the output
        lengths ``ceil(n / stride)``, the odd pixel at the end (as TensorFlow, and as SAME_UPPER of
        ONNX; PyTorch's at stride 1); ``"same_lower"``: the odd pixel at the start. ``"full"``:
        ``dilation * (k - 1)`` on every side.
    dilation : int or (int, int), default 1
        From one element of the filter to the next, per axis, in pixels of the input.
    groups : int, default 1
        Splits input and output channels into so many independent blocks; both must be divisible
        by it. ``groups == C_in`` is a depthwise convolution.
    padding_mode : str or ("constant", value), default "zeros"
        What the padding holds: "zeros"; "reflect", the image mirrored at its outermost pixels;
        "replicate", these pixels again; "circular", the opposite side; "symmetric", the image
        mirrored beyond its outermost pixels, which then stand there twice; or the value of
        ``("constant", value)``, for which the image is copied.
    activation : str or a pair of it and a parameter, optional
        Applied as the last step, before the result is written: "relu", "relu6", "leaky_relu" (with
        the slope 0.01), "sigmoid", "tanh", "silu", "gelu" (the exact one), "hardswish",
        "hardsigmoid", "elu" (with the alpha 1) or "softplus"; ``("leaky_relu", slope)``,
        ``("elu", alpha)``, or ``("prelu", slopes)`` with an array of one slope or of one for each
        output channel, in the dtype of input. Each is fastconv's function of that name.
    residual : array of the result's shape and dtype, optional
        Added before the activation. `out` may be the same array.
    algorithm : str, default "auto"
        ``"auto"`` lets the cost model choose. ``"direct"``, ``"im2col"`` and ``"channel_lanes"``
        take every shape, and so does ``"fft"`` at the precision "high"; ``"pointwise"``,
        ``"depthwise"``, ``"winograd"`` and ``"pixels"`` take some and refuse the others with a
        ValueError that says why. A family's name such as ``"depthwise"`` lets the cheapest of its
        entries run; any entry's name, as ``explain()`` of a plan lists them, is accepted, too.
    threads : int, optional
        OpenMP threads of this call, from 1 to 1024; by default `fastconv.get_num_threads()`. The
        result has the same bits whatever their number.
    out : writable array of the result's shape and dtype, optional
        Written and returned. It may overlap an input. A slice of channels of a larger array is
        written without a temporary.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        The order of axes. ``"channels_last"`` means (N, H, W, C) for every array but weight and
        bias, also without N.
    precision : {"medium", "high", "highest"}, optional
        ``"high"`` lets sums be computed by Winograd's algorithm and by Fourier transforms, whose
        errors are a little larger, and ``"medium"`` by forms of the former that err more
        (`fastconv.precision` has the bounds); ``"highest"`` allows plain sums only. By default what
        `fastconv.precision` has set, else ``"high"``.

    Returns
    -------
    y : (N, C_out, H', W'), the dtype of input
        ``H' = (H + top + bottom - dilation*(KH - 1) - 1) // stride + 1``, and W' likewise
        (`fastconv.conv_output_shape` tells them without computing).

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, if the dtypes differ (nothing is cast), or if
        another argument has the wrong type.
    ValueError
        If sizes do not fit together, a number is out of range, a word is unknown, or `algorithm`
        does not take the call. The message names the argument, what was wanted and what came.

    See Also
    --------
    Conv2dPlan : The same with the weights packed once, for many inputs of one shape.
    fastconv.grad.conv2d : The gradients.
    fastconv.nn.Conv2d : The same as a layer.
    fastconv.reference.conv2d : What is computed, in its plainest form.

    Notes
    -----
    "im2col" copies the windows of some outputs into columns and multiplies matrices [1]_, a block
    at a time, so that the whole matrix never exists. "direct" reads the windows where they are; so
    does "channel_lanes", whose vectors hold output channels, not pixels. "pointwise" is for 1x1
    filters, "depthwise" for one input channel a group, and "winograd", minimal filtering [2]_, for
    filters of 3 or 5 elements an axis at stride 1 in float32. "fft" transforms rows, or both axes,
    block by block (overlap-save), for filters that are long. "pixels" reads and writes arrays with
    channels last as they lie; for the others these are transposed. Lengths and padding are those of
    [3]_.

    References
    ----------
    .. [1] Chellapilla, Puri, Simard, "High Performance Convolutional Neural Networks for Document
       Processing", IWFHR 2006.
    .. [2] Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
    .. [3] Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", 2016.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> x = np.ones((1, 3, 5, 5), np.float32)
    >>> w = np.ones((2, 3, 3, 3), np.float32)
    >>> y = fastconv.conv2d(x, w, padding="same", stride=2, activation="relu")
    >>> y.shape
    (1, 2, 3, 3)
    >>> y[0, 0]
    array([[12., 18., 12.],
           [18., 27., 18.],
           [12., 18., 12.]], dtype=float32)
    """
    return _native.conv(
        2, input, weight, bias, stride, padding, dilation, groups, padding_mode, activation,
        residual, algorithm, threads, out, data_format, precision,
    )  # fmt: skip


@completed_by(conv2d)
def conv1d(
    input: NDArray[Float],
    weight: NDArray[Float],
    bias: NDArray[Float] | None = None,
    stride: PerAxis = 1,
    padding: ConvPadding1d = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    activation: Activation | None = None,
    residual: NDArray[Float] | None = None,
    algorithm: Algorithm | str = "auto",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Cross-correlate a batch of signals with a bank of filters: as `conv2d`, with one axis.

    ``y[n, o, t] = bias[o] + sum_{c, k} x[n, c, t*stride + k*dilation - lo] * weight[o, c, k]``,
    where ``lo`` is the padding on the left; the filter is not flipped. `padding` takes one word
    more than with two axes, ``"causal"``.

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W), float32 or float64
        The signals, or one without N.
    weight : (C_out, C_in // groups, K), the dtype of input
        The filters.
    bias : (C_out,), the dtype of input, optional
        What is added to each output channel.
    stride : int, default 1
        From one output to the next, in samples of the input.
    padding : int, a (lo, hi) pair nested as ``((lo, hi),)``, or a word, default 0
        Samples before and after. ``"causal"``: ``dilation * (K - 1)`` on the left, so that
        ``y[t]`` sees nothing after ``x[t]``. ``"valid"``: none. ``"same"``: output length
        ``ceil(W / stride)``, the odd sample at the end; ``"same_lower"``: at the start.
        ``"full"``: ``dilation * (K - 1)`` on both sides.
    dilation : int, default 1
        From one element of the filter to the next, in samples of the input.
    groups : int, default 1
        Splits the channels into independent blocks; ``groups == C_in`` is depthwise.
    padding_mode : str or ("constant", value), default "zeros"
        What the padding holds: "zeros", "reflect", "replicate", "circular", "symmetric" or a
        constant; `conv2d` tells more.
    activation : str or a pair of it and a parameter, optional
        The last step: "relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "gelu",
        "hardswish", "hardsigmoid", "elu" or "softplus"; ``("leaky_relu", slope)``,
        ``("elu", alpha)`` or ``("prelu", slopes)``; `conv2d` tells more.
    residual : array of the result's shape and dtype, optional
        Added before the activation.
    algorithm : str, default "auto"
        ``"auto"``, a family such as ``"direct"``, or an entry that a plan lists; `conv2d`
        tells more.
    threads : int, optional
        OpenMP threads of this call; by default `fastconv.get_num_threads()`.
    out : writable array of the result's shape and dtype, optional
        Written and returned. It may overlap an input. A slice of channels of a larger array is
        written without a temporary.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        ``"channels_last"`` means (N, W, C) for every array but weight and bias.
    precision : {"medium", "high", "highest"}, optional
        ``"high"`` lets sums be computed by transforms, whose errors are a little larger, and
        ``"medium"`` by some that err more (`fastconv.precision` has the bounds); ``"highest"``
        allows plain sums only. By default what `fastconv.precision` has set, else ``"high"``.

    Returns
    -------
    y : (N, C_out, W'), the dtype of input
        ``W' = (W + lo + hi - dilation*(K - 1) - 1) // stride + 1``.

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
