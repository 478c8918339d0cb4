"""Names for the types of arguments that many functions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, SupportsIndex

__all__ = ["Activation", "DataFormat", "Padding", "PaddingMode", "PerAxis", "Precision"]

PerAxis = SupportsIndex | Sequence[SupportsIndex]
"""An int, or a sequence of one or of one for each spatial axis."""

Padding = PerAxis | Sequence[Sequence[SupportsIndex]] | str
"""An int, ints, nested (lo, hi) pairs, or a word such as ``"same"``."""

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
DataFormat = Literal["channels_first", "channels_last"]
Precision = Literal["high", "highest"]
Activation = str | tuple[str, float]
