"""Names for the types of arguments that many functions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, SupportsIndex, TypeVar

import numpy as np

__all__ = [
    "Activation",
    "DataFormat",
    "Float",
    "Number",
    "Padding",
    "PaddingMode",
    "PerAxis",
    "Precision",
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

Padding = PerAxis | Sequence[Sequence[SupportsIndex]] | str
"""An int, ints, nested (lo, hi) pairs, or a word such as ``"same"``."""

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
DataFormat = Literal["channels_first", "channels_last"]
Precision = Literal["high", "highest"]
Activation = str | tuple[str, float]
