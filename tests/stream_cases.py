"""The layers that streams are tested on, one row, one reason; and how a signal is cut."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import fastconv
from cases import UNIT
from fastconv import reference

LENGTH = 61
# How a signal of LENGTH samples is cut: into blocks of these lengths, again and again.
CUTS = {"samples": (1,), "with empty ones": (0, 3, 0, 1), "odd": (7, 2, 13), "blocks": (16,),
        "one and the rest": (1, 60)}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution: the shape of its weights in PyTorch's order, and its arguments."""

    why: str
    w: tuple[int, int, int]
    options: dict[str, Any] = field(default_factory=dict)
    transposed: bool = False
    last: int | None = None  # of each stride's samples the one with which an output comes

    @property
    def groups(self):
        return self.options.get("groups", 1)

    @property
    def stride(self):
        return self.options.get("stride", 1)

    @property
    def reach(self):
        return self.options.get("dilation", 1) * (self.w[2] - 1) + 1

    @property
    def channels(self):
        return self.w[0] if self.transposed else self.w[1] * self.groups

    @property
    def outputs(self):
        return self.w[1] * self.groups if self.transposed else self.w[0]

    def weights(self, dtype, draw):
        return draw(self.w).astype(dtype), draw((self.outputs,)).astype(dtype)

    def stream(self, w, b, **more):
        kind = fastconv.ConvTransposeStream1d if self.transposed else fastconv.ConvStream1d
        options = self.options | ({"align": "stride"} if self.last else {})
        return kind(w, b, channels=self.channels, dtype=w.dtype, **(options | more))

    def whole(self, x, w, b, **more):
        """What the stream of all of x and its end must be."""
        if self.transposed:
            gap = max(self.stride - self.reach, 0)
            return reference.conv_transpose1d(x, w, b, output_padding=gap, **self.options, **more)
        if not self.last:
            return reference.conv1d(x, w, b, padding="causal", **self.options, **more)
        x = np.concatenate([np.zeros_like(x[..., :1])] * self.reach + [x], -1)  # more than enough
        x = np.pad(x, ((0, 0), (0, 0), (0, -(x.shape[-1] - self.reach) % self.stride)))
        return reference.conv1d(x[..., self.stride :], w, b, padding=0, **self.options, **more)

    def bound(self, x, w, b):
        """(K + 2) u sum |x| |w| for each output, K the number of its terms."""
        terms = (self.channels // self.groups) * self.w[2]
        return (terms + 2) * UNIT[x.dtype] * self.whole(abs(x), abs(w), abs(b))


def cut(n, lengths):
    """The blocks of a signal of n samples: slices, the last one as long as is left."""
    at, i = 0, 0
    while at < n:
        size = min(lengths[i % len(lengths)], n - at)
        yield slice(at, at + size)
        at, i = at + size, i + 1


def joined(stream, x, lengths, axis=-1):
    """The outputs of all blocks of x, and of its end."""
    take = lambda part: x[(..., part) if axis == -1 else (..., part, slice(None))]  # noqa: E731
    parts = [stream(take(part)) for part in cut(x.shape[axis], lengths)]
    return np.concatenate([*parts, stream.finish()], axis)


LAYERS = (
    Layer("a filter over one channel", (1, 1, 5)),
    Layer("a kernel of 1", (20, 3, 1)),
    Layer("few channels: rows", (3, 2, 4), {"dilation": 3}),
    Layer("rows of more than one panel", (7, 5, 3)),
    Layer("grouped rows", (6, 2, 3), {"groups": 3, "dilation": 2}),
    Layer("dense: tiles", (16, 16, 3), {"dilation": 8}),
    Layer("tiles of three vectors and a tail", (45, 6, 2)),
    Layer("tiles of several blocks", (150, 4, 3)),
    Layer("grouped tiles", (40, 3, 3), {"groups": 2}),
    Layer("depthwise: lines", (19, 1, 4), {"groups": 19}),
    Layer("depthwise of many channels, dilated", (300, 1, 3), {"groups": 300, "dilation": 5}),
    Layer("depthwise with more outputs than inputs", (6, 1, 3), {"groups": 3}),
    Layer("a depthwise layer of two channels", (2, 1, 9), {"groups": 2}),
    Layer("a stride", (18, 4, 5), {"stride": 2}),
    Layer("a stride that is odd and a dilation", (5, 3, 4), {"stride": 3, "dilation": 2}),
    Layer("a stride longer than the kernel", (4, 2, 2), {"stride": 5}),
    Layer("a strided depthwise layer", (9, 1, 3), {"groups": 9, "stride": 2}),
    Layer("aligned with the end of a stride", (18, 4, 4), {"stride": 2}, last=1),
    Layer("aligned, dilated", (3, 2, 3), {"stride": 4, "dilation": 3}, last=3),
    Layer("aligned, longer than the kernel", (3, 2, 1), {"stride": 3}, last=2),
    Layer("a history longer than a chunk", (2, 1, 40), {"dilation": 9}),
    Layer("transposed", (3, 18, 4), {"stride": 2}, transposed=True),
    Layer("transposed, nothing overlaps", (4, 5, 3), {"stride": 3}, transposed=True),
    Layer("transposed, with gaps", (2, 3, 2), {"stride": 5}, transposed=True),
    Layer("transposed, dilated", (3, 4, 3), {"stride": 2, "dilation": 3}, transposed=True),
    Layer("transposed, dilated by half of the stride", (3, 4, 3), {"stride": 4, "dilation": 2},
          transposed=True),
    Layer("transposed, in groups", (6, 5, 5), {"stride": 3, "groups": 2}, transposed=True),
    Layer("transposed depthwise", (20, 1, 6), {"stride": 3, "groups": 20}, transposed=True),
    Layer("transposed, at stride 1", (3, 2, 4), transposed=True),
)  # fmt: skip
