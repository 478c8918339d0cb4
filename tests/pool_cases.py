"""Where windows can lie on a plane: one row, one reason, for pools and for their gradients."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pytest

from fastconv import reference


class Windows(NamedTuple):
    """Arguments of a pool: spatial lengths (one or two), and where the windows lie."""

    why: str
    lengths: tuple[int, ...]
    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    ceil_mode: bool = False

    @property
    def rank(self) -> int:
        return len(self.lengths)

    @property
    def geometry(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._fields[2:]}

    @property
    def all_hold_input(self) -> bool:
        """Whether every window holds an element of the input, which then has an index."""
        pool = getattr(reference, f"sum_pool{self.rank}d")
        return bool((pool(np.ones((1, *self.lengths)), **self.geometry) > 0).all())

    def input(self, dtype: Any = np.float64, low: int = -9, high: int = 10) -> Any:
        """Small integers, so that sums are exact in every dtype; 18 planes: a group and two."""
        rng = np.random.default_rng(len(self.why))
        return rng.integers(low, high, (2, 9, *self.lengths)).astype(dtype)


WINDOWS = (
    Windows("windows side by side", (6, 8), 2),
    Windows("the stem of a residual network", (13, 14), 3, 2, 1),
    Windows("overlapping windows that keep the size", (9, 10), 3, 1, 1),
    Windows("a row longer than two vectors of any ISA", (4, 75), 3, 1, 1),
    Windows("and at stride 2, of odd length", (5, 149), 3, 2, 1),
    Windows("and at stride 2, shifted by an odd padding", (5, 150), 4, 2, ((0, 0), (3, 2))),
    Windows("one vector and one element", (3, 35), 2, 2),
    Windows("wide windows side by side", (9, 70), (4, 17), (4, 17)),
    Windows("wide windows, cut short at both ends", (11, 61), (5, 20), (5, 18), (2, 7), 1, True),
    Windows("wide windows, dilated along columns", (14, 50), (3, 24), (6, 25), 0, (2, 1)),
    Windows("stride 3, split in phases", (10, 61), 3, 3, 1),
    Windows("stride 3, some columns in no window", (11, 60), 2, 3),
    Windows("stride 4, windows that overlap", (9, 70), 7, 4, 3),
    Windows("stride 5, dilated taps that share phases", (9, 83), 3, 5, 2, 5),
    Windows("dilation at stride 2", (12, 41), 3, 2, 2, 2),
    Windows("an odd dilation at stride 2", (12, 44), 3, 2, 3, 3),
    Windows("a kernel of 1", (5, 7), 1),
    Windows("a kernel of 1 at a stride", (7, 40), 1, 2),
    Windows("a stride much longer than the kernel", (40, 90), 1, 17),
    Windows("a kernel as large as the input", (5, 6), (5, 6)),
    Windows("one column of outputs", (9, 20), (2, 20), 1),
    Windows("a plane of one element", (1, 1), 1),
    Windows("a kernel of one row", (5, 30), (1, 4), (1, 3)),
    Windows("a kernel of one column", (30, 5), (4, 1), (3, 1)),
    Windows("a stride along each axis of its own", (12, 13), (2, 5), (3, 1), (1, 2)),
    Windows("a window too large for plain sums", (40, 45), (33, 35), 6, 16),
    Windows("ceil_mode drops a window that starts behind the input", (6, 7), 1, 2, 0, 1, True),
    Windows("ceil_mode with a window that hangs over", (6, 8), 3, 2, 0, 1, True),
    Windows("ceil_mode with padding and overhang", (7, 9), 3, 3, 1, 1, True),
    Windows("ceil_mode, dilation and padding", (10, 11), 3, 4, 2, 2, True),
    Windows("same padding, even kernel", (7, 9), 2, 1, "same"),
    Windows("same padding at a stride", (7, 10), 4, 3, "same"),
    Windows("same_lower padding at a stride", (7, 10), 4, 3, "same_lower"),
    Windows("valid padding by its name", (7, 10), 4, 3, "valid"),
    Windows("uneven padding", (5, 6), 3, 1, ((0, 2), (1, 0))),
    Windows("one pair for both axes", (5, 6), 3, 2, ((1, 2),)),
    Windows("windows wholly in the padding", (3, 4), 2, 2, ((4, 3), (5, 6))),
    Windows("all windows of a row in the padding", (2, 3), 2, 1, ((5, 0), (0, 0))),
    Windows("taps on both sides of the input, none inside", (1, 1), 2, 1, 1, 2),
    Windows("dilation longer than the input", (2, 3), 2, 1, 2, 4),
    Windows(
        "dilated windows that reach over all and mostly miss it",
        (1, 2),
        (3, 9),
        1,
        ((8, 8), (193, 282)),
        (1, 40),
    ),
    Windows("rows of several blocks of columns", (3, 9000), 3, 1, 1),
    Windows("planes of several blocks of rows", (700, 130), 3, 2, 1),
    Windows("long windows, joined by blocks", (20, 22), 13, 1, 6),
    Windows("long windows at stride 2", (40, 45), 17, 2, 8),
    Windows("long windows, most of them cut", (9, 11), 9, 1, 4),
    Windows("long windows along one axis", (30, 12), (12, 3), (1, 2), (5, 1)),
    Windows("long windows in several blocks", (70, 80), (8, 11), 1, 0, 1, True),
    Windows("a line of long windows", (3000,), 200, 1, 7),
    Windows("a line of long windows at stride 3", (2001,), 64, 3, 5),
    Windows("a line", (23,), 3),
    Windows("a line, padded", (24,), 3, 2, 1),
    Windows("a line, a pair of paddings", (24,), 5, 2, ((4, 0),)),
    Windows("a line of several blocks", (20011,), 4, 2, 2),
    Windows("a long window at a long stride", (5000,), 400, 160),
    Windows("a window longer than a block", (6000,), 4500, 97),
    Windows("a stride longer than a block", (50000,), 3, 20000),
    Windows("windows longer than a line, most in the padding", (40,), 300, 3, ((290, 280),)),
    Windows("the same, dilated", (41,), 60, 3, ((300, 250),), 7),
    Windows("a line in ceil_mode", (8,), 3, 2, 1, 1, True),
    Windows("a line, same padding, dilated", (17,), 3, 2, "same", 3),
)


def named(*patterns: str) -> list[Windows]:
    """The windows whose reason matches one of the patterns, each of which has to match one."""
    for pattern in patterns:
        assert any(re.search(pattern, windows.why) for windows in WINDOWS), pattern
    return [w for w in WINDOWS if any(re.search(pattern, w.why) for pattern in patterns)]


def each(cases: Any) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda c: c.why.replace(" ", "-"))


each_windows = each(WINDOWS)
each_windows_with_input = each([w for w in WINDOWS if w.all_hold_input])


def bits(array: Any) -> bytes:
    """For comparisons that tell -0 from 0."""
    return np.ascontiguousarray(array).tobytes()
