"""The shapes that convolutions are tested on: one row, one reason."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import fastconv
from fastconv import reference

DTYPES = (np.float32, np.float64)
UNIT = {np.dtype(np.float32): 2.0**-24, np.dtype(np.float64): 2.0**-53}


@dataclass(frozen=True, eq=False)
class Case:
    """A call: shapes of input and weight in PyTorch's order, and its keyword arguments."""

    why: str
    x: tuple[int, ...]
    w: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    transposed: bool = False

    @property
    def name(self):
        return f"conv{'_transpose' if self.transposed else ''}{len(self.w) - 2}d"

    @property
    def function(self):
        return getattr(fastconv, self.name)

    @property
    def oracle(self):
        return getattr(reference, self.name)

    @property
    def plan(self):
        kind = "ConvTranspose" if self.transposed else "Conv"
        return getattr(fastconv, f"{kind}{len(self.w) - 2}dPlan")

    @property
    def bias_shape(self):
        groups = self.options.get("groups", 1)
        return (self.w[1] * groups if self.transposed else self.w[0],)

    def integers(self, dtype, *, most=7):
        """Input, weight and bias of small integers: every sum of them is exact."""
        rng = np.random.default_rng(sum(self.x) + 1000 * sum(self.w))
        shapes = (self.x, self.w, self.bias_shape)
        return tuple(rng.integers(-most, most + 1, shape).astype(dtype) for shape in shapes)

    def floats(self, dtype):
        """Input, weight and bias of normal numbers."""
        rng = np.random.default_rng(sum(self.x) + 1000 * sum(self.w))
        return tuple(
            rng.standard_normal(s).astype(dtype) for s in (self.x, self.w, self.bias_shape)
        )


@functools.cache
def exact(case, dtype):
    """Integer data and what must come out of it, bit for bit."""
    x, w, b = case.integers(dtype)
    return x, w, b, case.oracle(x, w, b, **case.options)


def bound(case, x, w, b, **more):
    """(K + 2) * u * sum |x| |w| for each output, K the number of its terms: a theorem."""
    terms = case.w[0] if case.transposed else case.w[1]
    terms = terms // (case.options.get("groups", 1) if case.transposed else 1)
    terms *= int(np.prod(case.w[2:]))
    options = {**case.options, **more}
    mode = options.get("padding_mode", "zeros")
    if not isinstance(mode, str):
        options["padding_mode"] = (mode[0], abs(mode[1]))
    sizes = case.oracle(abs(x), abs(w), abs(b), **options)
    return (terms + 2) * UNIT[x.dtype] * sizes


def named(cases, *reasons):
    """The cases of these reasons, each of which there must be."""
    found = [case for case in cases if case.why in reasons]
    assert {case.why for case in found} == set(reasons)
    return found


def id_of(value):
    """A case by its reason; pytest names other values itself, and strings by what they say."""
    return f"{value.name}-{value.why}".replace(" ", "-") if isinstance(value, Case) else value


def each(cases):
    """Parametrize `case`, named by its reason."""
    return pytest.mark.parametrize("case", cases, ids=id_of)


def _conv(why, x, w, **options):
    return Case(why, x, w, options)


def _transposed(why, x, w, **options):
    return Case(why, x, w, options, transposed=True)


CONV = (
    _conv("one pixel, one tap", (1, 1, 1, 1), (1, 1, 1, 1)),
    _conv("1x1 is a matrix product", (2, 17, 5, 7), (31, 17, 1, 1)),
    _conv("1x1 with spatial padding", (1, 3, 4, 5), (6, 3, 1, 1), padding=1),
    _conv("1x1 with asymmetric strides", (1, 3, 9, 8), (6, 3, 1, 1), stride=(2, 3)),
    _conv("1x1 over several slices of the sum", (1, 700, 3, 3), (5, 700, 1, 1)),
    _conv("3x3, the usual", (1, 8, 14, 14), (16, 8, 3, 3), padding=1),
    _conv("channels off every tile edge", (1, 5, 7, 7), (13, 5, 3, 3)),
    _conv("a prime number of output channels", (1, 4, 6, 6), (37, 4, 3, 3), padding=1),
    _conv("one grey channel in", (1, 1, 11, 19), (4, 1, 5, 5), padding=2),
    _conv("one channel out", (2, 9, 8, 10), (1, 9, 3, 3)),
    _conv("a row just over a vector", (1, 2, 3, 17), (3, 2, 2, 2), padding=((0, 1), (0, 1))),
    _conv("a row longer than a block of columns", (1, 2, 2, 1100), (3, 2, 2, 3)),
    _conv("two rows of five taps", (1, 3, 9, 10), (4, 3, 2, 5), padding=1),
    _conv("five rows of two taps", (1, 3, 9, 10), (4, 3, 5, 2), padding=1),
    _conv("two taps above each other", (1, 3, 9, 10), (4, 3, 2, 1)),
    _conv("two taps side by side", (1, 3, 9, 10), (4, 3, 1, 2)),
    _conv("a tall narrow image", (1, 3, 70, 1), (4, 3, 3, 1), padding=(1, 0)),
    _conv("terms over several slices", (1, 130, 6, 6), (7, 130, 3, 3), padding=1),
    _conv("stride 2", (1, 6, 15, 16), (9, 6, 3, 3), stride=2, padding=1),
    _conv("a stride that leaves a remainder", (1, 3, 10, 11), (4, 3, 3, 3), stride=(2, 3)),
    _conv("stride in width only", (1, 3, 6, 13), (4, 3, 3, 3), stride=(1, 2)),
    _conv("stride in height only", (1, 3, 13, 6), (4, 3, 3, 3), stride=(2, 1)),
    _conv("stride longer than the kernel", (1, 3, 11, 12), (4, 3, 2, 2), stride=5),
    _conv("stride longer than the input", (1, 3, 4, 5), (4, 3, 2, 2), stride=(50, 2**31 - 1)),
    _conv("a stem: 7x7 at stride 2", (1, 3, 20, 22), (8, 3, 7, 7), stride=2, padding=3),
    _conv("patches: kernel = stride", (1, 3, 16, 24), (10, 3, 8, 8), stride=8),
    _conv("dilation", (1, 4, 12, 13), (5, 4, 3, 3), dilation=2, padding=2),
    _conv("dilation differs by axis", (1, 3, 12, 14), (5, 3, 3, 2), dilation=(3, 5)),
    _conv("dilation and stride", (1, 2, 17, 19), (3, 2, 3, 4), stride=(2, 3), dilation=(3, 2)),
    _conv("dilation beyond the input", (1, 2, 4, 5), (3, 2, 3, 3), dilation=9, padding=9),
    _conv("a kernel as large as the input", (1, 3, 6, 5), (4, 3, 6, 5)),
    _conv("a kernel over both paddings", (1, 2, 2, 3), (3, 2, 5, 6), padding=2),
    _conv("windows wholly in the padding", (1, 2, 3, 3), (3, 2, 2, 2), padding=4),
    _conv("padding on one side each", (1, 3, 5, 6), (4, 3, 3, 3), padding=((2, 0), (0, 3))),
    _conv("large padding on the right", (1, 2, 4, 4), (3, 2, 3, 3), padding=((0, 0), (0, 40))),
    _conv("one pair for both axes", (1, 2, 5, 6), (3, 2, 3, 3), padding=((1, 2),)),
    _conv("same, an even kernel", (1, 3, 7, 8), (4, 3, 4, 2), padding="same"),
    _conv("same at a stride", (1, 3, 7, 8), (4, 3, 3, 4), padding="same", stride=(2, 3)),
    _conv("same_lower", (1, 3, 7, 8), (4, 3, 4, 4), padding="same_lower", dilation=2),
    _conv("full", (1, 3, 5, 4), (4, 3, 3, 2), padding="full", dilation=(1, 2)),
    _conv("valid by name", (1, 3, 5, 4), (4, 3, 3, 2), padding="valid"),
    _conv("reflect", (1, 3, 6, 7), (4, 3, 3, 5), padding=(1, 2), padding_mode="reflect"),
    _conv("reflect as far as it goes", (1, 2, 4, 5), (3, 2, 3, 3), padding=((3, 2), (4, 4)),
          padding_mode="reflect", stride=2),
    _conv("replicate far outside", (1, 2, 3, 4), (3, 2, 3, 3), padding=((7, 1), (0, 30)),
          padding_mode="replicate"),
    _conv("circular, a whole turn", (1, 2, 4, 5), (3, 2, 3, 3), padding=((4, 4), (5, 5)),
          padding_mode="circular", dilation=2),
    _conv("circular same", (1, 2, 6, 7), (3, 2, 4, 3), padding="same", padding_mode="circular"),
    _conv("symmetric, a whole turn", (1, 2, 4, 5), (3, 2, 3, 3), padding=((4, 4), (5, 5)),
          padding_mode="symmetric", dilation=2),
    _conv("symmetric same", (1, 2, 6, 7), (3, 2, 4, 3), padding="same", padding_mode="symmetric"),
    _conv("depthwise and symmetric", (1, 4, 9, 20), (4, 1, 3, 3), groups=4, padding=1,
          padding_mode="symmetric"),
    _conv("a constant at a stride", (2, 3, 6, 7), (4, 3, 3, 4), padding=((2, 1), (0, 3)), stride=2,
          padding_mode=("constant", 5.0)),
    _conv("a constant around depthwise layers", (1, 4, 9, 20), (4, 1, 3, 3), groups=4, dilation=3,
          padding=3, padding_mode=("constant", -2.0)),
    _conv("reflect over one row of one column", (1, 2, 2, 2), (3, 2, 3, 3), padding=1,
          padding_mode="reflect"),
    _conv("two groups", (1, 6, 7, 8), (4, 3, 3, 3), groups=2, padding=1),
    _conv("many groups, one output each", (2, 12, 6, 5), (4, 3, 3, 3), groups=4),
    _conv("grouped 1x1", (1, 12, 4, 5), (9, 4, 1, 1), groups=3),
    _conv("groups of two, several to a vector", (2, 16, 9, 21), (16, 2, 3, 3), groups=8, padding=1),
    _conv("groups of four at stride 2", (1, 32, 11, 14), (32, 4, 3, 3), groups=8, stride=2,
          padding=1),
    _conv("groups of eight, dilated", (1, 32, 7, 9), (32, 8, 2, 3), groups=4, dilation=(1, 2),
          padding=(0, 2)),
    _conv("depthwise in pairs of rows", (1, 34, 8, 13), (34, 1, 5, 5), groups=34, padding=2),
    _conv("depthwise", (2, 5, 9, 10), (5, 1, 3, 3), groups=5, padding=1),
    _conv("depthwise at stride 2", (1, 6, 12, 35), (6, 1, 5, 5), groups=6, stride=2, padding=2),
    _conv("depthwise, planes turned into pixels", (3, 35, 4, 5), (35, 1, 3, 3), groups=35,
          padding=((1, 1), (2, 0))),
    _conv("depthwise, turned, stride 2", (2, 17, 9, 13), (17, 1, 5, 3), groups=17, stride=2,
          padding=(2, 1), dilation=(1, 2)),
    _conv("depthwise, turned, several blocks of rows", (1, 16, 120, 30), (16, 1, 13, 11),
          groups=16, stride=(1, 2), padding=(6, 0)),
    _conv("depthwise, turned, taps that only padding meets", (1, 16, 3, 3), (16, 1, 3, 3),
          groups=16, padding=5, dilation=4),
    _conv("pixels of several images in a panel", (5, 33, 3, 5), (70, 33, 1, 1)),
    _conv("the same with taps", (6, 19, 7, 7), (29, 19, 3, 3), stride=2, padding=1),
    _conv("columns first: two outputs", (2, 40, 9, 21), (4, 20, 3, 5), groups=2,
          padding=((1, 2), (4, 0)), dilation=(1, 2)),
    _conv("columns first: one long row", (1, 500, 2600), (1, 500, 7), padding=3),
    _conv("columns first: only padding on one side", (1, 16, 3, 4), (1, 16, 3, 3), padding=(0, 9),
          dilation=(1, 5)),
    _conv("depthwise with a multiplier", (1, 3, 8, 9), (12, 1, 3, 3), groups=3),
    _conv("depthwise, dilated and circular", (1, 4, 9, 20), (4, 1, 3, 3), groups=4, dilation=3,
          padding=3, padding_mode="circular"),
    _conv("a filter for each of three channels", (2, 3, 17, 41), (3, 1, 3, 3), groups=3, padding=1),
    _conv("a filter for each of four channels", (1, 4, 20, 33), (4, 1, 7, 2), groups=4,
          padding=(3, 0)),
    _conv("a column of nine taps for each channel", (1, 3, 19, 37), (3, 1, 9, 1), groups=3,
          padding=(4, 0)),
    _conv("a filter for each of six channels, reflected", (1, 6, 15, 27), (6, 1, 5, 5), groups=6,
          padding=2, padding_mode="reflect"),
    _conv("grey of RGB", (2, 3, 21, 45), (1, 3, 1, 1)),
    _conv("1x1 of few channels over several blocks", (1, 5, 60, 71), (6, 5, 1, 1)),
    _conv("depthwise over many rows and columns", (1, 2, 70, 1030), (2, 1, 3, 3), groups=2),
    _conv("one pixel under a 3x3 kernel", (3, 17, 1, 1), (9, 17, 3, 3), padding=1),
    _conv("a kernel larger than the image", (2, 5, 3, 2), (4, 5, 7, 9), padding=(3, 4)),
    _conv("every tap in the padding", (2, 3, 1, 1), (3, 3, 4, 4), stride=4, padding=5, dilation=3),
    _conv("one row under a square kernel", (1, 6, 1, 40), (5, 6, 3, 3), padding=1),
    _conv("one row of a depthwise layer", (2, 6, 1, 40), (6, 1, 3, 5), padding=(1, 2), groups=6),
    _conv("many tiny images", (70, 3, 3, 4), (13, 3, 3, 3), padding=1),
    _conv("many tiny images, strided and dilated groups", (35, 4, 5, 6), (6, 2, 3, 2), groups=2,
          stride=(2, 1), dilation=(1, 2), padding=(2, 1)),
    _conv("many tiny signals with padding on one side", (20, 3, 7), (4, 3, 4), padding=((0, 9),)),
    _conv("a batch", (5, 3, 6, 6), (4, 3, 3, 3), padding=1),
    _conv("no batch axis", (3, 6, 7), (4, 3, 3, 3), padding=1),
    _conv("an empty batch", (0, 3, 6, 7), (4, 3, 3, 3)),
    _conv("enough work for threads", (2, 32, 24, 24), (48, 32, 3, 3), padding=1),
    _conv("1-D", (2, 4, 30), (6, 4, 3)),
    _conv("1-D without a batch axis", (4, 30), (6, 4, 3), padding=1),
    _conv("1-D causal", (1, 3, 25), (4, 3, 3), padding="causal", dilation=4),
    _conv("1-D same at a stride", (2, 3, 25), (4, 3, 6), padding="same", stride=4),
    _conv("1-D pair", (2, 3, 25), (4, 3, 6), padding=((1, 4),)),
    _conv("1-D reflect", (1, 3, 12), (4, 3, 5), padding=((2, 5),), padding_mode="reflect"),
    _conv("1-D: audio frames, a long kernel", (1, 1, 4000), (9, 1, 256), stride=128),
    _conv("1-D: a long row", (1, 2, 3000), (3, 2, 9), padding="same"),
    _conv("1-D depthwise, causal", (1, 7, 50), (7, 1, 4), groups=7, padding="causal"),
    _conv("1-D pointwise", (2, 9, 21), (5, 9, 1)),
)  # fmt: skip

TRANSPOSED = (
    _transposed("one pixel, one tap", (1, 1, 1, 1), (1, 1, 1, 1)),
    _transposed("1x1", (2, 7, 5, 6), (7, 9, 1, 1)),
    _transposed("3x3", (1, 8, 7, 9), (8, 5, 3, 3), padding=1),
    _transposed("doubling, 2x2", (1, 6, 7, 5), (6, 4, 2, 2), stride=2),
    _transposed("few outputs, a sum in slices", (1, 512, 18, 32), (512, 3, 4, 4), stride=2,
                padding=1),
    _transposed("the only tap reads padding", (1, 40, 1, 7), (40, 20, 1, 1), stride=(1, 2),
                padding=((1, 0), (0, 0)), dilation=(2, 1), output_padding=(1, 0)),
    _transposed("a stride far beyond every output", (2, 3, 1, 1), (3, 4, 2, 2),
                stride=(50, 2**31 - 1)),
    _transposed("a kernel and a stride of thousands", (1, 5, 2), (5, 6, 1500), stride=1500),
    _transposed("one pixel under a large kernel", (2, 4, 1, 1), (4, 3, 5, 5), stride=2, padding=2),
    _transposed("many tiny images", (40, 3, 3, 2), (3, 5, 3, 3), stride=2, padding=1),
    _transposed("no tap reaches any output", (2, 3, 1, 1), (3, 4, 2, 2), stride=2, dilation=2,
                padding=1),
    _transposed("one channel, phases of two kinds", (1, 1, 2, 5), (1, 13, 5, 7), stride=(2, 1)),
    _transposed("the same, one column", (1, 1, 2, 5), (1, 13, 3, 1), stride=2),
    _transposed("the same, fewer outputs", (1, 1, 2, 5), (1, 9, 3, 1), stride=2),
    _transposed("one tap an output, rows longer than a block", (1, 3, 2, 9000), (3, 17, 1, 2),
                stride=(1, 2)),
    _transposed("one tap an output, or none", (2, 20, 5, 7), (20, 9, 2, 1), stride=(3, 2),
                output_padding=(2, 1)),
    _transposed("one tap an output, threads share channels", (1, 300, 1, 3), (300, 130, 1, 3),
                stride=(1, 3)),
    _transposed("few outputs of very many phases", (1, 33, 1, 9), (33, 2, 1, 50), stride=(1, 20)),
    _transposed("the same, in both axes", (2, 17, 3, 4), (17, 1, 6, 7), stride=(5, 6)),
    _transposed("many phases", (1, 3, 2, 3), (3, 2, 5, 7), stride=(5, 7)),
    _transposed("doubling, 4x4", (2, 6, 7, 5), (6, 4, 4, 4), stride=2, padding=1),
    _transposed("doubling, 3x3", (1, 6, 7, 5), (6, 13, 3, 3), stride=2, padding=1,
                output_padding=1),
    _transposed("stride longer than the kernel leaves holes", (1, 2, 3, 4), (2, 3, 2, 1),
                stride=(3, 4)),
    _transposed("holes in one axis only", (1, 2, 3, 4), (2, 3, 3, 1), stride=(2, 3)),
    _transposed("strides and dilations differ", (1, 3, 5, 6), (3, 4, 3, 2), stride=(2, 3),
                dilation=(3, 2)),
    _transposed("a stride that divides the dilation", (1, 2, 5, 6), (2, 3, 3, 3), stride=2,
                dilation=4, padding=3),
    _transposed("output padding up to the dilation", (1, 2, 4, 5), (2, 3, 2, 2), dilation=3,
                output_padding=2),
    _transposed("output padding differs by axis", (1, 2, 4, 5), (2, 3, 3, 3), stride=3,
                output_padding=(0, 2)),
    _transposed("output_size", (1, 2, 4, 5), (2, 3, 3, 3), stride=3, output_size=(13, 16)),
    _transposed("output_size as a full shape", (1, 2, 4, 5), (2, 3, 3, 3), stride=3,
                output_size=(1, 3, 14, 17)),
    _transposed("pairs crop", (1, 3, 5, 6), (3, 2, 4, 4), padding=((0, 2), (3, 1)), stride=2),
    _transposed("crops all but one", (1, 2, 4, 4), (2, 3, 3, 3), padding=((3, 2), (2, 3))),
    _transposed("crops more than the kernel", (1, 2, 9, 9), (2, 3, 2, 2), padding=3),
    _transposed("same", (1, 3, 5, 6), (3, 4, 3, 5), stride=2, padding="same"),
    _transposed("same, kernel shorter than stride", (1, 3, 5, 6), (3, 4, 1, 2), stride=3,
                padding="same"),
    _transposed("same_lower", (1, 3, 5, 6), (3, 4, 4, 2), stride=(3, 1), padding="same_lower"),
    _transposed("groups", (1, 6, 4, 5), (6, 2, 3, 3), groups=3, stride=2),
    _transposed("groups of four, several to a vector", (1, 16, 5, 7), (16, 4, 4, 4), groups=4,
                stride=2, padding=1),
    _transposed("depthwise", (2, 5, 4, 7), (5, 1, 3, 3), groups=5, stride=2, padding=1),
    _transposed("columns first: three outputs, odd phases", (2, 24, 5, 7), (24, 3, 5, 4),
                stride=(2, 3), padding=(2, 1), output_padding=(1, 2)),
    _transposed("columns first: outputs that no tap reaches", (1, 16, 30), (16, 1, 5), stride=7,
                padding=2, output_padding=3),
    _transposed("depthwise, turned, outputs that no tap reaches", (2, 18, 3, 4), (18, 1, 2, 2),
                groups=18, stride=3, output_padding=2, padding=1),
    _transposed("depthwise with a multiplier", (1, 3, 4, 7), (3, 4, 2, 2), groups=3),
    _transposed("patches back: kernel = stride", (1, 6, 3, 4), (6, 3, 5, 5), stride=5),
    _transposed("terms over several slices", (1, 150, 4, 4), (150, 3, 3, 3)),
    _transposed("long rows", (1, 2, 2, 700), (2, 3, 3, 3), stride=2),
    _transposed("enough work for threads", (2, 32, 14, 14), (32, 32, 4, 4), stride=2, padding=1),
    _transposed("no batch axis", (3, 5, 6), (3, 4, 3, 3)),
    _transposed("an empty batch", (0, 3, 5, 6), (3, 4, 3, 3)),
    _transposed("1-D", (2, 3, 11), (3, 4, 5), stride=2, padding=1),
    _transposed("1-D without a batch axis", (3, 11), (3, 4, 5), stride=3, output_size=36),
    _transposed("1-D dilated", (1, 3, 11), (3, 4, 3), dilation=5, padding=((3, 0),)),
)  # fmt: skip
