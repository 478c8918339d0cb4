"""Convolutions and transposed convolutions as layers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, cast, get_args

import numpy as np
import numpy.typing as npt

import fastconv as fc
from fastconv._docs import completed_by
from fastconv.typing import (
    Activation,
    ConvPadding1d,
    DataFormat,
    Padding,
    PaddingMode,
    PerAxis,
)

from ._checks import Array, Shape, choice, float_dtype, generator, per_axis
from ._conv import ConvBase
from ._field import Field
from ._shapes import channels_first, in_format

PADDING_WORDS: tuple[str, ...] = get_args(get_args(PaddingMode)[0])


def padding_mode_of(value: Any) -> PaddingMode:
    """Return `value` if it is one of the words, or a pair of "constant" and a number."""
    if isinstance(value, tuple | list) and len(value) == 2 and value[0] == "constant":
        return "constant", float(value[1])
    return cast("PaddingMode", choice(value, "padding_mode", PADDING_WORDS))


class _Direct(ConvBase):
    """A convolution; subclasses say of which rank."""

    takes_residual = True
    _fused_gradient = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: ConvPadding1d = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingMode = "zeros",
        *,
        activation: Activation | None = None,
        data_format: DataFormat = "channels_first",
        dtype: npt.DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            activation,
            data_format,
        )
        self.padding_mode = padding_mode_of(padding_mode)
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        length = self.out_channels if bias else 0
        self._init_uniform(shape, length, float_dtype(dtype), generator(rng))

    def output_shape(self, input_shape: Shape) -> Shape:
        first = channels_first(input_shape, self._n, self.data_format)
        shape = fc.conv_output_shape(first, self._values["weight"].shape, **self._window())
        return in_format(shape, self._n, self.data_format)

    def _mode(self) -> dict[str, Any]:
        return {"padding_mode": self.padding_mode}

    def _flops(self, input_shape: Shape) -> int:
        out = channels_first(self.output_shape(input_shape), self._n, self.data_format)
        return 2 * math.prod(out[: -self._n - 1]) * self._macs_per(out[-self._n :])

    def _see(self, field: Field, input_shape: Shape) -> Field:
        reach = zip(self.kernel_size, self.dilation, strict=True)
        return field.through(tuple(d * (k - 1) + 1 for k, d in reach), self.stride)


class _Transposed(ConvBase):
    """A transposed convolution; subclasses say of which rank."""

    _words = ("valid", "same", "same_lower")
    takes_residual = False
    _fused_gradient = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: Padding = 0,
        output_padding: PerAxis = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: PerAxis = 1,
        *,
        activation: Activation | None = None,
        data_format: DataFormat = "channels_first",
        dtype: npt.DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            activation,
            data_format,
        )
        self.output_padding = per_axis(output_padding, self._n, "output_padding", 0)
        for extra, s, d in zip(self.output_padding, self.stride, self.dilation, strict=True):
            if extra >= max(s, d):
                raise ValueError(
                    f"output_padding must be smaller than stride or dilation, got {extra} "
                    f"with stride {s} and dilation {d}"
                )
        shape = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        length = self.out_channels if bias else 0
        self._init_uniform(shape, length, float_dtype(dtype), generator(rng))

    def output_shape(self, input_shape: Shape) -> Shape:
        first = channels_first(input_shape, self._n, self.data_format)
        shape = fc.conv_transpose_output_shape(
            first,
            self._values["weight"].shape,
            **self._window(),
            output_padding=self.output_padding,
        )
        return in_format(shape, self._n, self.data_format)

    def scaled(self, weight: Array, scale: Array) -> Array:
        # Weights are (C_in, C_out / groups, ..), and each block of input channels has outputs of
        # its own.
        factors = scale.reshape(self.groups, 1, -1).repeat(self.in_channels // self.groups, axis=1)
        behind = (1,) * self._n
        scaled: Array = weight * factors.reshape(self.in_channels, -1, *behind)
        return scaled

    def _settings(self, activation: Activation | None) -> dict[str, Any]:
        return {**super()._settings(activation), "output_padding": self.output_padding}

    def _flops(self, input_shape: Shape) -> int:
        shape = channels_first(input_shape, self._n, self.data_format)
        return 2 * math.prod(shape[: -self._n - 1]) * self._macs_per(shape[-self._n :])

    def _see(self, field: Field, input_shape: Shape) -> Field:
        # Of the taps that span `reach` outputs, those that meet one output lie `stride` apart.
        axes = zip(self.kernel_size, self.dilation, self.stride, strict=True)
        reach = tuple((d * (k - 1)) // s + 1 for k, d, s in axes)
        return field.through(reach, tuple(Fraction(1, s) for s in self.stride))


class Conv2d(_Direct):
    """2-D convolution of ``(N, C_in, H, W)``, or of one sample without N, with filters it learns.

    ``y[n, o] = bias[o] + sum_c x[n, c] (*) weight[o, c]``, then the activation: `fastconv.conv2d`
    and `fastconv.grad.conv2d`. In evaluation mode it runs on a `fastconv.Conv2dPlan`, which is
    packed again when the weights have changed, however they were changed. Arguments that may be
    given by position have the order of ``torch.nn.Conv2d``: ``Conv2d(3, 16, 3, 2, 1)`` has stride 2
    and padding 1.

    Parameters
    ----------
    in_channels : int
        Channels of the input, divisible by `groups`.
    out_channels : int
        Channels of the result, divisible by `groups`.
    kernel_size : int or (int, int)
        Lengths of the filters, per axis (height, width), in pixels.
    stride : int or (int, int), default 1
        From one output to the next, per axis, in pixels of the input.
    padding : int, (int, int), ((lo, hi), (lo, hi)) or a word, default 0
        Pixels before and after each axis. ``"valid"``: none. ``"same"``: as many as make the output
        lengths ``ceil(n / stride)``, the odd pixel at the end; ``"same_lower"``: the odd pixel at
        the start. ``"full"``: ``dilation * (k - 1)`` on every side.
    dilation : int or (int, int), default 1
        From one element of the filter to the next, per axis, in pixels of the input.
    groups : int, default 1
        Splits input and output channels into so many independent blocks;
        ``groups == in_channels`` is a depthwise convolution.
    bias : bool, default True
        Whether the layer learns a number to add to each output channel.
    padding_mode : str or ("constant", value), default "zeros"
        What the padding holds: "zeros"; "reflect", the image mirrored at its outermost pixels;
        "replicate", these pixels again; "circular", the opposite side; "symmetric", the image
        mirrored beyond its outermost pixels; or the value of ``("constant", value)``.
    activation : str or a pair of it and a parameter, optional
        Applied as the last step, before the result is written: ``"relu"``, ``"relu6"``,
        ``"leaky_relu"`` (with the slope 0.01), ``"sigmoid"``, ``"tanh"``, ``"silu"``, ``"gelu"``
        (the exact one), ``"hardswish"``, ``"hardsigmoid"``, ``"elu"`` (with the alpha 1) or
        ``"softplus"``; ``("leaky_relu", slope)`` or ``("elu", alpha)``. `PReLU` is a layer of its
        own, since it learns its slopes; `Sequential` fuses it in evaluation mode.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        The order of axes. ``"channels_last"`` means (N, H, W, C) for input and result.
    dtype : float32 or float64, default float32
        The dtype of weight and bias, and so of every input.
    rng : numpy.random.Generator, int or None
        Source, or seed, of the initial values: Kaiming-uniform [1]_ with a = sqrt(5), so within
        ``fan_in ** -0.5`` of zero, as in PyTorch. None: other values each time.

    Attributes
    ----------
    weight : (out_channels, in_channels // groups, KH, KW)
    bias : (out_channels,) or None

    Raises
    ------
    TypeError
        If an argument has the wrong type, or the input of a call another dtype than the weight.
    ValueError
        If an argument is out of range, a word is unknown, channels are not divisible by `groups`,
        or the input of a call does not fit. The message names what was wanted and what came.

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Conv2d
    >>> conv = Conv2d(1, 8, 3, padding="same", activation="relu", rng=0)
    >>> y = conv(np.ones((2, 1, 6, 6), np.float32))
    >>> y.shape
    (2, 8, 6, 6)
    >>> conv.backward(np.ones_like(y)).shape, conv.grads["weight"].shape
    ((2, 1, 6, 6), (8, 1, 3, 3))
    """

    _n = 2
    _words = ("valid", "same", "same_lower", "full")
    _function, _plan = "conv2d", "Conv2dPlan"


@completed_by(Conv2d)
@completed_by(fc.conv1d, "stride", "padding", "dilation")
class Conv1d(_Direct):
    """1-D convolution of ``(N, C_in, W)``, or of one sample without N: as `Conv2d`, with one axis.

    `padding` takes one word more than with two axes, ``"causal"``.

    Parameters
    ----------
    kernel_size : int
        Length of the filters, in samples.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        ``"channels_last"`` means (N, W, C) for input and result.

    Attributes
    ----------
    weight : (out_channels, in_channels // groups, K)
    bias : (out_channels,) or None

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015.

    Examples
    --------
    >>> from fastconv.nn import Conv1d
    >>> Conv1d(2, 4, 3, padding="causal", dilation=2).output_shape((1, 2, 50))
    (1, 4, 50)
    """

    _n = 1
    _words = ("valid", "same", "same_lower", "causal", "full")
    _function, _plan = "conv1d", "Conv1dPlan"


@completed_by(Conv2d)
@completed_by(fc.conv_transpose2d, "stride", "padding", "output_padding", "dilation")
class ConvTranspose2d(_Transposed):
    """2-D transposed convolution of ``(N, C_in, H, W)``, or of one sample without N.

    The adjoint of a convolution with the same geometry, with weights of its own:
    `fastconv.conv_transpose2d` and `fastconv.grad.conv_transpose2d`. In evaluation mode it runs on
    a `fastconv.ConvTranspose2dPlan`. Arguments that may be given by position have the order of
    ``torch.nn.ConvTranspose2d``, where `dilation` comes last.

    Attributes
    ----------
    weight : (in_channels, out_channels // groups, KH, KW)
    bias : (out_channels,) or None

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015.

    Examples
    --------
    >>> from fastconv.nn import ConvTranspose2d
    >>> ConvTranspose2d(8, 4, 2, stride=2).output_shape((1, 8, 16, 16))
    (1, 4, 32, 32)
    """

    _n = 2
    _function, _plan = "conv_transpose2d", "ConvTranspose2dPlan"


@completed_by(Conv1d)
@completed_by(fc.conv_transpose1d, "stride", "padding", "output_padding", "dilation")
class ConvTranspose1d(_Transposed):
    """1-D transposed convolution of ``(N, C_in, W)``, or of one sample without N.

    As `ConvTranspose2d`, with one axis.

    Attributes
    ----------
    weight : (in_channels, out_channels // groups, K)
    bias : (out_channels,) or None

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, "Delving Deep into Rectifiers", ICCV 2015.

    Examples
    --------
    >>> from fastconv.nn import ConvTranspose1d
    >>> ConvTranspose1d(8, 4, 4, stride=2, padding=1).output_shape((1, 8, 50))
    (1, 4, 100)
    """

    _n = 1
    _function, _plan = "conv_transpose1d", "ConvTranspose1dPlan"
