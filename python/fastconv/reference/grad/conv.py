"""Gradients of convolution and transposed convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from .._geometry import (
    Mode,
    Padding,
    PerAxis,
    Windows,
    direct_windows,
    per_axis,
    transposed_padding,
)
from .._layout import Array, Layout, both, kernels, kernels_back
from ..activations import Activation
from ..conv import correlate, gather, scatter
from .activations import from_output

Gradients = tuple[Array | None, Array | None, Array | None]


def _conv_nd_input(
    n: int, input_size: Sequence[int], weight: npt.ArrayLike, grad_output: npt.ArrayLike,
    stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1, groups: int = 1, *,
    padding_mode: Mode = "zeros", data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `conv` in its input: each output's, weighed, to all that it was made of.

    Examples
    --------
    >>> conv1d_input((1, 4), [[[1, 2]]], [[1, 10, 100]])
    array([[  1.,  12., 120., 200.]])
    """
    layout = Layout(n, len(input_size), data_format)
    dy, w = layout.planes(grad_output), kernels(weight, n)
    lengths = layout.shape(tuple(input_size))[2:]
    at = direct_windows(n, lengths, w.shape[4 - n :], stride, padding, dilation)
    return layout.back(at.unframe(scatter(dy, w, at, groups), padding_mode))


def _conv_nd_weight(
    n: int, input: npt.ArrayLike, weight_size: Sequence[int], grad_output: npt.ArrayLike,
    stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1, groups: int = 1, *,
    padding_mode: Mode = "zeros", data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `conv` in its weight: what each tap saw times what came of it, summed.

    Examples
    --------
    >>> conv1d_weight([[1, 2, 3, 4]], (1, 1, 2), [[1, 10, 100]])
    array([[[321., 432.]]])
    """
    layout = Layout(n, np.ndim(input), data_format)
    x, dy = layout.planes(input), layout.planes(grad_output)
    at = direct_windows(n, x.shape[2:], weight_size[2:], stride, padding, dilation)
    return kernels_back(correlate(at.frame(x, padding_mode), dy, at, groups), n)


def _conv_nd_bias(
    n: int, grad_output: npt.ArrayLike, *, data_format: str = "channels_first"
) -> Array:
    """Gradient of `conv` in its bias: the sum over batch and space."""
    layout = Layout(n, np.ndim(grad_output), data_format)
    return cast(Array, layout.planes(grad_output).sum((0, 2, 3)))


conv1d_input, conv2d_input = both(_conv_nd_input)
conv1d_weight, conv2d_weight = both(_conv_nd_weight)
conv1d_bias, conv2d_bias = both(_conv_nd_bias)


def _conv_nd(
    n: int, input: npt.ArrayLike, weight: npt.ArrayLike, grad_output: npt.ArrayLike,
    stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1, groups: int = 1, *,
    padding_mode: Mode = "zeros", output_mask: Sequence[bool] = (True, True, True),
    activation: Activation = None, output: npt.ArrayLike | None = None,
    data_format: str = "channels_first",
) -> Gradients:  # fmt: skip
    """Gradients of `conv` in input, weight and bias, None where masked.

    With `activation` and the forward call's `output` they pass through the fused activation first.
    """
    axis = -1 if data_format == "channels_last" else -1 - n
    dy = from_output(grad_output, output, activation, axis)
    where = (stride, padding, dilation, groups)
    how: dict[str, Any] = {"padding_mode": padding_mode, "data_format": data_format}
    want_input, want_weight, want_bias = output_mask
    return (
        _conv_nd_input(n, np.shape(input), weight, dy, *where, **how) if want_input else None,
        _conv_nd_weight(n, input, np.shape(weight), dy, *where, **how) if want_weight else None,
        _conv_nd_bias(n, dy, data_format=data_format) if want_bias else None,
    )


def transposed(
    n: int, lengths: Sequence[int], count: Sequence[int], kernel: PerAxis, stride: PerAxis,
    padding: Padding, dilation: PerAxis,
) -> Windows:  # fmt: skip
    """Windows of the transposed convolution that made a plane of `lengths` from one of `count`."""
    k, s, d = per_axis(kernel, n), per_axis(stride, n), per_axis(dilation, n)
    pads = transposed_padding(n, padding, count, k, s, d)
    return Windows((lengths[0], lengths[1]), k, s, d, pads, (count[0], count[1]))


def _conv_transpose_nd_input(
    n: int, input_size: Sequence[int], weight: npt.ArrayLike, grad_output: npt.ArrayLike,
    stride: PerAxis = 1, padding: Padding = 0, groups: int = 1, dilation: PerAxis = 1, *,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `conv_transpose` in its input: the convolution that it is the adjoint of."""
    layout = Layout(n, len(input_size), data_format)
    dy, w = layout.planes(grad_output), kernels(weight, n)
    count = layout.shape(tuple(input_size))[2:]
    at = transposed(n, dy.shape[2:], count, w.shape[4 - n :], stride, padding, dilation)
    return layout.back(gather(at.frame(dy), w, at, groups))


def _conv_transpose_nd_weight(
    n: int, input: npt.ArrayLike, weight_size: Sequence[int], grad_output: npt.ArrayLike,
    stride: PerAxis = 1, padding: Padding = 0, groups: int = 1, dilation: PerAxis = 1, *,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `conv_transpose` in its weight: that of the convolution, the parts exchanged."""
    layout = Layout(n, np.ndim(input), data_format)
    x, dy = layout.planes(input), layout.planes(grad_output)
    at = transposed(n, dy.shape[2:], x.shape[2:], weight_size[2:], stride, padding, dilation)
    return kernels_back(correlate(at.frame(dy), x, at, groups), n)


def _conv_transpose_nd_bias(
    n: int, grad_output: npt.ArrayLike, *, data_format: str = "channels_first"
) -> Array:
    """Gradient of `conv_transpose` in its bias: the sum over batch and space."""
    return _conv_nd_bias(n, grad_output, data_format=data_format)


def _conv_transpose_nd(
    n: int, input: npt.ArrayLike, weight: npt.ArrayLike, grad_output: npt.ArrayLike,
    stride: PerAxis = 1, padding: Padding = 0, groups: int = 1, dilation: PerAxis = 1, *,
    output_mask: Sequence[bool] = (True, True, True), activation: Activation = None,
    output: npt.ArrayLike | None = None, data_format: str = "channels_first",
) -> Gradients:  # fmt: skip
    """Gradients of `conv_transpose` in input, weight and bias, None where masked."""
    axis = -1 if data_format == "channels_last" else -1 - n
    dy = from_output(grad_output, output, activation, axis)
    where = (stride, padding, groups, dilation)
    x, w, form = np.shape(input), np.shape(weight), data_format
    want_input, want_weight, want_bias = output_mask
    return (
        _conv_transpose_nd_input(n, x, weight, dy, *where, data_format=form)
        if want_input
        else None,
        _conv_transpose_nd_weight(n, input, w, dy, *where, data_format=form)
        if want_weight
        else None,
        _conv_nd_bias(n, dy, data_format=form) if want_bias else None,
    )


conv1d, conv2d = both(_conv_nd)
conv_transpose1d_input, conv_transpose2d_input = both(_conv_transpose_nd_input)
conv_transpose1d_weight, conv_transpose2d_weight = both(_conv_transpose_nd_weight)
conv_transpose1d_bias, conv_transpose2d_bias = both(_conv_transpose_nd_bias)
conv_transpose1d, conv_transpose2d = both(_conv_transpose_nd)
