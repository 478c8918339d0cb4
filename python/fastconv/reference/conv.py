"""Convolution (which is cross-correlation, as in all of deep learning) and its transpose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ._geometry import (
    Mode,
    Padding,
    PerAxis,
    Windows,
    direct_windows,
    per_axis,
    spatial,
    transposed_lengths,
    transposed_padding,
)
from ._layout import Array, Layout, both, kernels
from .activations import Activation, activate, quietly


def grouped(x: Array, axis: int, groups: int) -> Array:
    """Split the channels on `axis` into an axis of groups and one of channels."""
    return x.reshape(*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1 :])


@quietly
def gather(frame: Array, w: Array, at: Windows, groups: int) -> Array:
    """Weigh and add what each window holds: frame to output, w ``(C_out, C_in/groups, ...)``."""
    x = grouped(at.view(frame), 1, groups)
    y = np.einsum("ngcijpq,gocpq->ngoij", x, grouped(w, 0, groups), optimize=True)
    return np.reshape(y, (len(frame), len(w), *at.count))


@quietly
def scatter(y: Array, w: Array, at: Windows, groups: int) -> Array:
    """Adjoint of `gather` in its frame: add each output, weighed, to where its window lies."""
    frame = at.empty_frame(len(y), groups * w.shape[1])
    y, w = grouped(y, 1, groups), grouped(w, 0, groups)
    for p, q, tap in at.taps():
        part = np.einsum("ngoij,goc->ngcij", y, w[..., p, q], optimize=True)
        frame[tap] += part.reshape(*frame.shape[:2], *at.count)
    return frame


@quietly
def correlate(frame: Array, y: Array, at: Windows, groups: int) -> Array:
    """Adjoint of `gather` in its weights: what each tap saw, times what came of it."""
    x = grouped(at.view(frame), 1, groups)
    w = np.einsum("ngcijpq,ngoij->gocpq", x, grouped(y, 1, groups), optimize=True)
    return np.reshape(w, (y.shape[1], frame.shape[1] // groups, *at.kernel))


def _conv_nd(
    n: int, input: npt.ArrayLike, weight: npt.ArrayLike, bias: npt.ArrayLike | None = None,
    stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1, groups: int = 1, *,
    padding_mode: Mode = "zeros", activation: Activation = None,
    residual: npt.ArrayLike | None = None, data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Convolve: ``y[o, i] = sum over c, p of weight[o, c, p] * x[c, i*stride + p*dilation]``.

    x is the padded input; the sum is over the channels c of o's group and the taps p of the kernel.
    Then come bias, residual and activation, in that order.

    Examples
    --------
    >>> conv1d([[1, 2, 3, 4]], [[[1, 1, 1]]], padding="same")
    array([[3., 6., 9., 7.]])
    """
    layout = Layout(n, np.ndim(input), data_format)
    x, w = layout.planes(input), kernels(weight, n)
    if x.shape[1] != groups * w.shape[1]:
        raise ValueError(f"weight is for {groups * w.shape[1]} channels, input has {x.shape[1]}")
    at = direct_windows(n, x.shape[2:], w.shape[4 - n :], stride, padding, dilation)
    y = gather(at.frame(x, padding_mode), w, at, groups)
    if bias is not None:
        y = y + np.reshape(bias, (-1, 1, 1))
    if residual is not None:
        y = y + layout.planes(residual)
    return layout.back(activate(y, activation))


def _conv_transpose_nd(
    n: int, input: npt.ArrayLike, weight: npt.ArrayLike, bias: npt.ArrayLike | None = None,
    stride: PerAxis = 1, padding: Padding = 0, output_padding: PerAxis = 0, groups: int = 1,
    dilation: PerAxis = 1, *, output_size: PerAxis | None = None, activation: Activation = None,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Add, for each input element, the kernel times that element to where its window lies.

    This is the adjoint of the convolution with the same arguments. Padding crops the result;
    `output_padding`, or an `output_size`, says how many of the elements that no window
    of that convolution would have read are kept at the end.

    Examples
    --------
    >>> conv_transpose1d([[1, 2]], [[[1, 10, 100]]], stride=2)
    array([[  1.,  10., 102.,  20., 200.]])
    """
    layout = Layout(n, np.ndim(input), data_format)
    x, w = layout.planes(input), kernels(weight, n)
    if x.shape[1] != len(w):
        raise ValueError(f"weight is for {len(w)} channels, input has {x.shape[1]}")
    k, s, d = (w.shape[2], w.shape[3]), per_axis(stride, n), per_axis(dilation, n)
    count = (x.shape[2], x.shape[3])
    shortest = transposed_lengths(n, count, k, s, padding, d)
    extra = per_axis(output_padding, n, absent=0)
    lengths = (shortest[0] + extra[0], shortest[1] + extra[1])
    if output_size is not None:
        lengths = spatial(n, output_size, data_format)
    if any(not max(1, least) <= length < least + max(step, gap) for length, least, step, gap
           in zip(lengths, shortest, s, d, strict=True)):  # fmt: skip
        raise ValueError(f"the output must be at least {shortest[2 - n :]}, got {lengths[2 - n :]}")
    at = Windows(lengths, k, s, d, transposed_padding(n, padding, count, k, s, d), count)
    y = at.unframe(scatter(x, w, at, groups))
    if bias is not None:
        y = y + np.reshape(bias, (-1, 1, 1))
    return layout.back(activate(y, activation))


conv1d, conv2d = both(_conv_nd)
conv_transpose1d, conv_transpose2d = both(_conv_transpose_nd)
