"""Shapes without arrays: what a call would return, and how far its outputs see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.conv import conv2d
from fastconv.conv_transpose import conv_transpose2d

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import SupportsIndex

    from fastconv.typing import ConvPadding1d, DataFormat, Padding, PerAxis

__all__ = [
    "conv_output_shape",
    "conv_transpose_output_shape",
    "receptive_field",
    "resolve_padding",
]


@completed_by(conv2d, "stride", "padding", "dilation", "groups")
def conv_output_shape(
    input_shape: Sequence[SupportsIndex],
    weight_shape: Sequence[SupportsIndex],
    stride: PerAxis = 1,
    padding: ConvPadding1d = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    data_format: DataFormat = "channels_first",
) -> tuple[int, ...]:
    """Return the shape that `conv1d` or `conv2d` would return.

    Parameters
    ----------
    input_shape : (N, C_in, H, W), (C_in, H, W), (N, C_in, W) or (C_in, W)
        In the order of `data_format`.
    weight_shape : (C_out, C_in // groups, KH, KW) or (C_out, C_in // groups, K)
        Its length tells whether there are one or two spatial axes.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        The order of axes, of `input_shape` and of the result; ``"channels_last"``: channels at the
        end.

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError
        If the call itself would raise it.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.conv_output_shape((3, 6, 6), (64, 3, 3, 3), stride=2, padding="same")
    (64, 3, 3)
    """
    return _native.conv_output_shape(
        input_shape, weight_shape, stride, padding, dilation, groups, data_format
    )


@completed_by(conv_output_shape)
@completed_by(
    conv_transpose2d, "stride", "padding", "output_padding", "groups", "dilation", "output_size"
)
def conv_transpose_output_shape(
    input_shape: Sequence[SupportsIndex],
    weight_shape: Sequence[SupportsIndex],
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
    *,
    output_size: PerAxis | None = None,
    data_format: DataFormat = "channels_first",
) -> tuple[int, ...]:
    """Return the shape that `conv_transpose1d` or `conv_transpose2d` would return.

    Parameters
    ----------
    input_shape : (N, C_in, H, W), (C_in, H, W), (N, C_in, W) or (C_in, W)
        In the order of `data_format`.
    weight_shape : (C_in, C_out // groups, KH, KW) or (C_in, C_out // groups, K)
        Its length tells whether there are one or two spatial axes.

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError
        If the call itself would raise it.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.conv_transpose_output_shape((1, 8, 14, 14), (8, 4, 4, 4), stride=2, padding=1)
    (1, 4, 28, 28)
    """
    return _native.conv_transpose_output_shape(
        input_shape, weight_shape, stride, padding, output_padding, groups, dilation, output_size,
        data_format,
    )  # fmt: skip


def resolve_padding(
    padding: ConvPadding1d, length: int, kernel: int, stride: int = 1, dilation: int = 1
) -> tuple[int, int]:
    """Return the padding of one axis in numbers.

    Parameters
    ----------
    padding : int, (lo, hi) pair or word
        As convolutions with one axis take it: ``"valid"``, ``"same"``, ``"same_lower"``,
        ``"causal"`` or ``"full"``.
    length : int
        Elements of the input along the axis.
    kernel : int
        Elements of the filter or window along the axis.
    stride : int, default 1
        From one output to the next, in elements of the input.
    dilation : int, default 1
        From one element of the filter to the next, in elements of the input.

    Returns
    -------
    lo, hi : int
        Elements before the first and after the last.

    Raises
    ------
    TypeError, ValueError
        If an argument is no int, or out of range.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.resolve_padding("same", 6, 3, stride=2)
    (0, 1)
    """
    return _native.resolve_padding(padding, length, kernel, stride, dilation)


def receptive_field(layers: Iterable[tuple[int, int, int]]) -> int:
    """Return how many input elements one output of a stack of layers sees, along one axis.

    Parameters
    ----------
    layers : iterable of (kernel, stride, dilation)
        From the input on; convolutions and pools alike.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If an entry is no triple of positive ints.

    References
    ----------
    .. [1] Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks",
       Distill, 2019.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.receptive_field([(3, 1, 2**i) for i in range(6)])
    127
    """
    field = jump = 1
    for layer in layers:
        if len(layer) != 3:
            raise ValueError(f"layers must be (kernel, stride, dilation) triples, got {layer!r}")
        for value in layer:
            if isinstance(value, bool) or not hasattr(value, "__index__"):
                raise TypeError(f"layers must hold ints, got {layer!r}")
            if value < 1:
                raise ValueError(f"layers must hold positive ints, got {layer!r}")
        kernel, stride, dilation = (int(value) for value in layer)
        field += dilation * (kernel - 1) * jump
        jump *= stride
    return field
