"""The arithmetic of convolution as tables: what goes in, what comes out, and why.

The relations are those of Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"
(2016), by their number there; the facts are what textbooks show and users check first.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Relation(NamedTuple):
    """One axis of a convolution, or of a transposed one, and the length that must come out."""

    why: str
    input: int
    kernel: int
    output: int
    stride: int = 1
    padding: int | str = 0
    dilation: int = 1
    output_padding: int = 0


class Fact(NamedTuple):
    """A call by name: shapes without the batch, weight None for pools, and what must come out."""

    why: str
    function: str
    input: tuple[int, ...]
    weight: tuple[int, ...] | None
    output: tuple[int, ...]
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


CONVOLUTIONS = (
    Relation("1: no padding, unit strides, o = i - k + 1", 4, 3, 2),
    Relation("1: the kernel as long as the input leaves one place", 5, 5, 1),
    Relation("1: a kernel of 1 changes no length", 7, 1, 7),
    Relation("2: zero padding, unit strides, o = i - k + 2p + 1", 5, 4, 6, padding=2),
    Relation("2: padding longer than the kernel", 2, 2, 7, padding=3),
    Relation("2: the kernel longer than the input, not than the padded one", 3, 5, 1, padding=1),
    Relation("3: half padding, p = k // 2 with k odd, o = i", 5, 3, 5, padding=1),
    Relation("3: half padding of a longer kernel", 6, 5, 6, padding=2),
    Relation("3: half padding by its name", 5, 3, 5, padding="same"),
    Relation("3: and, with the odd element at the end, for k even", 6, 4, 6, padding="same"),
    Relation("3: or at the start", 6, 4, 6, padding="same_lower"),
    Relation("4: full padding, p = k - 1, o = i + (k - 1)", 5, 3, 7, padding=2),
    Relation("4: full padding by its name", 5, 3, 7, padding="full"),
    Relation("5: no padding, stride s, o = (i - k) // s + 1", 5, 3, 2, stride=2),
    Relation("5: the last element is not read", 6, 3, 2, stride=2),
    Relation("5: stride longer than the kernel", 9, 2, 3, stride=3),
    Relation("5: stride longer than the input", 4, 2, 1, stride=9),
    Relation("6: padding and stride, o = (i + 2p - k) // s + 1", 5, 3, 3, stride=2, padding=1),
    Relation("6: inputs of 5 and of 6 give the same length", 6, 3, 3, stride=2, padding=1),
    Relation("6: same padding at a stride, o = ceil(i / s)", 6, 3, 3, stride=2, padding="same"),
    Relation("6: same padding that adds nothing", 7, 2, 3, stride=3, padding="same_lower"),
    Relation("15: dilation, ke = d (k - 1) + 1", 7, 3, 3, dilation=2),
    Relation("15: dilation with padding", 7, 3, 7, padding=2, dilation=2),
    Relation("15: dilation, padding and stride", 8, 3, 4, stride=2, padding=2, dilation=2),
    Relation("15: dilation longer than the input", 3, 2, 4, padding=3, dilation=5),
    Relation("15: same padding of a dilated kernel", 9, 2, 9, padding="same", dilation=4),
    Relation("15: dilation means nothing to a kernel of 1", 5, 1, 5, dilation=7),
)

# Each goes from the output of a convolution with the same kernel, stride, padding and dilation back
# to the length of its input; output_padding says which of the inputs with that output it was.
TRANSPOSED = (
    Relation("8: no padding, unit strides, o = i + (k - 1)", 2, 3, 4),
    Relation("9: zero padding, o = i + (k - 1) - 2p", 6, 4, 5, padding=2),
    Relation("10: half padding, o = i", 5, 3, 5, padding=1),
    Relation("10: half padding by its name", 5, 3, 5, padding="same"),
    Relation("11: full padding, o = i - (k - 1)", 7, 3, 5, padding=2),
    Relation("12: stride, o = s (i - 1) + k", 2, 3, 5, stride=2),
    Relation("12: stride longer than the kernel leaves zeros", 3, 2, 8, stride=3),
    Relation("13: padding and stride, o = s (i - 1) + k - 2p", 3, 3, 5, stride=2, padding=1),
    Relation("14: and a = (i + 2p - k) mod s", 3, 3, 6, stride=2, padding=1, output_padding=1),
    Relation("14: a without padding", 2, 3, 7, stride=3, output_padding=1),
    Relation("15: dilation, transposed", 3, 3, 7, dilation=2),
    Relation("15: dilation, stride and padding", 3, 2, 6, stride=2, padding=1, dilation=3),
    Relation("15: output padding up to the dilation", 4, 2, 9, dilation=3, output_padding=2),
    Relation("doubling: k = 2", 5, 2, 10, stride=2),
    Relation("doubling: k = 4", 5, 4, 10, stride=2, padding=1),
    Relation("doubling: k = 3 needs an element at the end", 5, 3, 10, 2, 1, output_padding=1),
    Relation("doubling: by name", 5, 3, 10, stride=2, padding="same"),
    Relation("doubling: by name, k < s", 5, 1, 10, stride=2, padding="same"),
)

SAME = {"padding": "same"}

FACTS = (
    Fact("4x4 and a 3x3 filter give 2x2", "conv2d", (1, 4, 4), (1, 1, 3, 3), (1, 2, 2)),
    Fact(
        "6x6x3 through 64 3x3 filters at stride 2, same, gives 3x3x64",
        "conv2d", (3, 6, 6), (64, 3, 3, 3), (64, 3, 3), {"stride": 2, **SAME},
    ),
    Fact("20x20x3, 3x3, valid", "conv2d", (3, 20, 20), (10, 3, 3, 3), (10, 18, 18)),
    Fact("then 5x5", "conv2d", (10, 18, 18), (20, 10, 5, 5), (20, 14, 14)),
    Fact("then 7x7", "conv2d", (20, 14, 14), (40, 20, 7, 7), (40, 8, 8)),
    Fact("20x20x3, 5x5, valid", "conv2d", (3, 20, 20), (10, 3, 5, 5), (10, 16, 16)),
    Fact("20x20x3, 7x7, valid", "conv2d", (3, 20, 20), (10, 3, 7, 7), (10, 14, 14)),
    Fact("20x20x3, 3x3, same", "conv2d", (3, 20, 20), (10, 3, 3, 3), (10, 20, 20), SAME),
    Fact("then 5x5, same", "conv2d", (10, 20, 20), (20, 10, 5, 5), (20, 20, 20), SAME),
    Fact("then 7x7, same", "conv2d", (20, 20, 20), (40, 20, 7, 7), (40, 20, 20), SAME),
    Fact("depthwise, two filters a channel", "conv2d", (3, 8, 8), (6, 1, 3, 3), (6, 6, 6),
         {"groups": 3}),
    Fact("1x1 in place of dense: one pixel", "conv2d", (128, 1, 1), (10, 128, 1, 1), (10, 1, 1)),
    Fact("1x1 in place of dense: any image", "conv2d", (128, 5, 9), (10, 128, 1, 1), (10, 5, 9)),
    Fact("7x7 in place of flatten and dense", "conv2d", (4, 7, 7), (16, 4, 7, 7), (16, 1, 1)),
    Fact("which on a larger image slides", "conv2d", (4, 9, 12), (16, 4, 7, 7), (16, 3, 6)),
    Fact("causal keeps the length", "conv1d", (2, 16), (3, 2, 2), (3, 16),
         {"padding": "causal", "dilation": 8}),
    Fact("a transposed stride-2 convolution doubles", "conv_transpose2d", (8, 7, 5), (8, 4, 2, 2),
         (4, 14, 10), {"stride": 2}),
    Fact("and, same, whatever the kernel", "conv_transpose2d", (8, 7, 5), (8, 4, 3, 5),
         (4, 14, 10), {"stride": 2, **SAME}),
    Fact("a 2x2 pool halves", "max_pool2d", (3, 8, 6), None, (3, 4, 3), {"kernel_size": 2}),
    Fact("what does not fill a window is left", "max_pool2d", (3, 5, 5), None, (3, 2, 2),
         {"kernel_size": 2}),
    Fact("or, with ceil_mode, is a partial last window", "max_pool2d", (3, 5, 5), None, (3, 3, 3),
         {"kernel_size": 2, "ceil_mode": True}),
    Fact("which has to start inside", "max_pool2d", (1, 6, 7), None, (1, 3, 4),
         {"kernel_size": 1, "stride": 2, "ceil_mode": True}),
    Fact("with padding too: its last element is enough", "avg_pool1d", (1, 6), None, (1, 3),
         {"kernel_size": 3, "stride": 3, "padding": 1, "ceil_mode": True}),
    Fact("but not the padding after it", "avg_pool1d", (1, 5), None, (1, 2),
         {"kernel_size": 3, "stride": 3, "padding": 1, "ceil_mode": True}),
    Fact("7: pools overlap as convolutions do", "avg_pool2d", (1, 5, 5), None, (1, 3, 3),
         {"kernel_size": 3, "stride": 1}),
    Fact("a global pool takes any image", "global_avg_pool2d", (6, 7, 9), None, (6, 1, 1)),
    Fact("an adaptive one gives any", "adaptive_avg_pool2d", (6, 7, 9), None, (6, 3, 2),
         {"output_size": (3, 2)}),
)  # fmt: skip
