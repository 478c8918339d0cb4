"""Transposed convolution in one and two dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.conv import conv1d, conv2d

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastconv.typing import (
        Activation,
        Algorithm,
        DataFormat,
        Float,
        Padding,
        PerAxis,
        Precision,
    )

__all__ = ["conv_transpose1d", "conv_transpose2d"]


@completed_by(conv2d)
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
    algorithm: Algorithm | str = "auto",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Transposed convolution of a batch of images: the adjoint of `conv2d` in its input.

    Each input pixel adds its multiple of the filter to the output, `stride` pixels from that of its
    neighbour. For all c, i, j, u and v::

        y[n, o, i*stride + u*dilation - top, j*stride + v*dilation - left] +=
            x[n, c, i, j] * weight[c, o, u, v]

    What falls outside, the padding, is cropped. Names, order and meaning of the arguments are those
    of ``torch.nn.functional.conv_transpose2d``; those behind the star are fastconv's own.

    Parameters
    ----------
    input : (N, C_in, H, W) or (C_in, H, W), float32 or float64
        The images. Without N it is one sample, and the result has no N either. N may be 0.
    weight : (C_in, C_out // groups, KH, KW), the dtype of input
        The filters: the weight of the `conv2d` whose adjoint this is.
    stride : int or (int, int), default 1
        From the output of one input pixel to that of the next, per axis (height, width), in pixels
        of the result.
    padding : int, (int, int), ((lo, hi), (lo, hi)) or a word, default 0
        Pixels cropped from the start and the end of each axis. ``"valid"``: none. ``"same"`` and
        ``"same_lower"``: as many as make this the adjoint of such a convolution from lengths
        ``n * stride``, which are those of the result.
    output_padding : int or (int, int), default 0
        Pixels added at the end of each axis, fewer than its stride or its dilation: of the lengths
        that the convolution maps to H and W, the default is the least.
    dilation : int or (int, int), default 1
        From one element of the filter to the next, per axis, in pixels of the result.
    output_size : (H', W') or the full shape of the result, optional
        The lengths wanted, instead of `output_padding`; each less than one stride from the least.

    Returns
    -------
    y : (N, C_out, H', W'), the dtype of input
        ``H' = (H - 1)*stride + dilation*(KH - 1) + 1 - top - bottom + output_padding``, and W'
        likewise (`fastconv.conv_transpose_output_shape` tells them without computing).

    See Also
    --------
    ConvTranspose2dPlan : The same with the weights packed once, for many inputs of one shape.
    fastconv.grad.conv_transpose2d : The gradients.
    fastconv.nn.ConvTranspose2d : The same as a layer.

    References
    ----------
    .. [1] Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", 2016.

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


@completed_by(conv1d)
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
    algorithm: Algorithm | str = "auto",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Transposed convolution of a batch of signals: as `conv_transpose2d`, with one axis.

    Each input sample adds its multiple of the filter to the output, `stride` samples from that of
    its neighbour; the padding is cropped from the result. It is the adjoint of `conv1d` in its
    input.

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W), float32 or float64
        The signals, or one without N.
    weight : (C_in, C_out // groups, K), the dtype of input
        The filters.
    stride : int, default 1
        From the output of one input sample to that of the next, in samples of the result.
    padding : int, a (lo, hi) pair nested as ``((lo, hi),)``, or a word, default 0
        Samples cropped from the start and the end. ``"valid"``: none. ``"same"`` and
        ``"same_lower"``: the adjoint of that convolution from length ``W * stride``.
    output_padding : int, default 0
        Samples added at the end, fewer than stride or dilation.
    dilation : int, default 1
        From one element of the filter to the next, in samples of the result.
    output_size : int or the full shape of the result, optional
        The length wanted, instead of `output_padding`; less than one stride from the least.

    Returns
    -------
    y : (N, C_out, W'), the dtype of input
        ``W' = (W - 1)*stride + dilation*(K - 1) + 1 - lo - hi + output_padding``.

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
