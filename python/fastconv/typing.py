"""Names for the types of arguments that many functions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex, TypeVar

import numpy as np

__all__ = [
    "Activation",
    "ActivationName",
    "Algorithm",
    "ConvPadding",
    "ConvPadding1d",
    "DataFormat",
    "Float",
    "GeluForm",
    "Number",
    "OutputSize",
    "Padding",
    "PaddingMode",
    "PerAxis",
    "Precision",
    "Threading",
]

Float = TypeVar("Float", np.float32, np.float64)
"""The dtype of a call: one for all its arrays and its result. Sequences work as arrays do at run
time; types ask for arrays, whose dtype can be seen."""

Number = TypeVar(
    "Number", np.float32, np.float64, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16,
    np.uint32, np.uint64,
)  # fmt: skip
"""The same where integers are welcome: max, min and sum pools."""

PerAxis = SupportsIndex | Sequence[SupportsIndex]
"""An int, or a sequence of one or of one for each spatial axis."""

OutputSize = SupportsIndex | Sequence[SupportsIndex | None] | None
"""The number of windows of an adaptive pool; None stands for as many as there are elements."""

Padding = PerAxis | Sequence[Sequence[SupportsIndex]] | Literal["valid", "same", "same_lower"]
"""An int, ints, nested (lo, hi) pairs, or a word: what pools and transposed convolutions take."""

ConvPadding = Padding | Literal["full"]
"""The same for convolutions."""

ConvPadding1d = ConvPadding | Literal["causal"]
"""The same for convolutions with one axis."""

PaddingMode = (
    Literal["zeros", "reflect", "replicate", "circular", "symmetric"]
    | tuple[Literal["constant"], float]
)
"""What convolutions find beyond the edges of their input."""

DataFormat = Literal["channels_first", "channels_last"]
"""The order of axes: (N, C, H, W) or (N, H, W, C)."""

Precision = Literal["medium", "high", "highest"]
"""How far results may be from plain sums; see `precision`."""

Threading = Literal["pool", "openmp", "off"]
"""How the work of a call is shared out to threads; see `set_threading`."""

Algorithm = Literal[
    "auto",
    "direct",
    "im2col",
    "channel_lanes",
    "pointwise",
    "depthwise",
    "winograd",
    "fft",
    "pixels",
]
"""The families of algorithms. Functions take ``Algorithm | str``, since the name of any entry that
a plan's ``explain()`` lists will do as well."""

ActivationName = Literal[
    "relu", "relu6", "leaky_relu", "sigmoid", "tanh", "silu", "gelu", "hardswish", "hardsigmoid",
    "elu", "softplus",
]  # fmt: skip
"""The activations that a convolution can apply as its last step."""

Activation = (
    ActivationName
    | tuple[Literal["leaky_relu", "elu"], float]
    | tuple[Literal["prelu"], np.ndarray[Any, np.dtype[np.float32]]]
    | tuple[Literal["prelu"], np.ndarray[Any, np.dtype[np.float64]]]
)
"""One of them, a leaky ReLU with its slope, an ELU with its alpha, or a PReLU with its slopes."""

GeluForm = Literal["none", "tanh"]
"""GELU as it is defined, or its approximation by a tanh."""
