"""Sizes: arguments given per axis, padding in all its forms, and where windows lie on a plane."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np

from ._layout import Array

PerAxis = SupportsIndex | Sequence[SupportsIndex]
Padding = str | PerAxis | Sequence[Sequence[SupportsIndex]]
Pair = tuple[int, int]
Pads = tuple[Pair, Pair]
Mode = str | tuple[str, float]

NUMPY_MODE: dict[str, Any] = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
    "symmetric": "symmetric",
}


def per_axis(value: PerAxis, n: int, absent: int = 1) -> Pair:
    """`value` for height and width; along a line, height gets `absent`."""
    values: list[Any] = [value] if np.ndim(value) == 0 else list(value)  # type: ignore[arg-type]
    if len(values) not in (1, n):
        raise ValueError(f"expected an int or a sequence of 1 or {n} ints, got {value!r}")
    values = [absent] * (2 - n) + values * (n // len(values))
    return operator.index(values[0]), operator.index(values[1])


def or_kernel(stride: PerAxis | None, kernel: PerAxis) -> PerAxis:
    """The stride of a pool: None and an empty sequence mean the kernel size."""
    empty = isinstance(stride, Sequence | np.ndarray) and len(stride) == 0
    return kernel if stride is None or empty else stride


def reach(kernel: int, dilation: int) -> int:
    """How far a window reaches, from its first tap to its last, both counted."""
    return dilation * (kernel - 1) + 1


def resolve_padding(padding: Any, length: int, kernel: int, stride: int, dilation: int) -> Pair:
    """Return what `padding` adds before and after one axis of `length`.

    Parameters
    ----------
    padding : int, (lo, hi) or one of "valid", "same", "same_lower", "causal", "full"
        "same" pads so that the output has ``ceil(length / stride)`` elements, the odd element
        at the end, as TensorFlow and ONNX's SAME_UPPER do; "same_lower" puts it at the start.
    length, kernel, stride, dilation : int
        Of that axis.

    Returns
    -------
    (lo, hi) : tuple of int

    Raises
    ------
    ValueError
        For an unknown word or negative padding.

    Examples
    --------
    >>> resolve_padding("same", 6, 3, 2, 1)
    (0, 1)
    >>> resolve_padding("causal", 6, 3, 1, 4)
    (8, 0)
    """
    extra = reach(kernel, dilation) - 1
    total = max(0, (-(-length // stride) - 1) * stride + extra + 1 - length)
    words = {
        "valid": (0, 0),
        "same": (total // 2, total - total // 2),
        "same_lower": (total - total // 2, total // 2),
        "causal": (extra, 0),
        "full": (extra, extra),
    }
    if isinstance(padding, str):
        if padding not in words:
            raise ValueError(f"padding must be one of {', '.join(words)}, got {padding!r}")
        return words[padding]
    if np.ndim(padding) == 2:
        (padding,) = padding
    ends = [padding] if np.ndim(padding) == 0 else list(padding)
    lo, hi = operator.index(ends[0]), operator.index(ends[-1])
    if min(lo, hi) < 0 or len(ends) > 2:
        raise ValueError(f"padding must be an int >= 0 or a pair of such, got {padding!r}")
    return lo, hi


def paddings(
    n: int, padding: Padding, lengths: Sequence[int], kernel: Pair, stride: Pair, dilation: Pair
) -> Pads:
    """`padding` resolved for height and width; along a line, height has none."""
    if isinstance(padding, str) and padding == "causal" and n == 2:
        raise ValueError("padding 'causal' is for one spatial axis")
    each: list[Any] = [padding] if np.ndim(padding) == 0 else list(padding)  # type: ignore[arg-type]
    if len(each) not in (1, n):
        raise ValueError(f"padding: expected 1 or {n} ints or pairs, got {padding!r}")
    each = [0] * (2 - n) + each * (n // len(each))
    h, w = map(resolve_padding, each, lengths, kernel, stride, dilation)
    return h, w


def pad(x: Array, padding: Pads, mode: Mode = "zeros", value: float = 0) -> Array:
    """Pad the last two axes of `x`; "zeros" writes `value`, ``("constant", c)`` writes c."""
    if isinstance(mode, tuple):
        value, mode = mode[1], "zeros"
    if mode not in NUMPY_MODE:
        raise ValueError(f"padding_mode must be one of {', '.join(NUMPY_MODE)}, got {mode!r}")
    for ends, length in zip(padding, x.shape[-2:], strict=True):
        limit = {"reflect": length - 1, "circular": length, "symmetric": length}.get(
            mode, max(ends)
        )
        if max(ends) > limit:
            raise ValueError(f"{mode!r} padding must be at most {limit} here, got {ends}")
    constant = {"constant_values": value} if mode == "zeros" else {}
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + list(padding), NUMPY_MODE[mode], **constant)


def unpad(padded: Array, padding: Pads, lengths: Sequence[int], mode: Mode = "zeros") -> Array:
    """Adjoint of `pad`: what lies in the padding goes back to where it was read from."""
    word = "zeros" if isinstance(mode, tuple) else mode
    rows, columns = (
        np.asarray(np.pad(np.arange(1, length + 1), ends, NUMPY_MODE[word]), np.int64)
        for ends, length in zip(padding, lengths, strict=True)
    )
    # Position 0 stands for the zeros, which belong to nobody.
    x = np.zeros((*padded.shape[:-2], lengths[0] + 1, lengths[1] + 1))
    at: Any = (..., rows[:, None], columns)
    np.add.at(x, at, padded)
    return x[..., 1:, 1:]


@dataclass(frozen=True)
class Windows:
    """Windows on a plane: `count` of them along each axis, `stride` apart, taps `dilation` apart.

    They lie on a frame: the plane, its padding, and zeros as far as the last window hangs over.
    """

    lengths: Pair
    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Pads
    count: Pair

    @property
    def overhang(self) -> Pads:
        """How far the last window reaches beyond the padding."""
        ends = [
            (c - 1) * s + reach(k, d) - (lo + length + hi)
            for c, s, k, d, length, (lo, hi) in zip(
                self.count, self.stride, self.kernel, self.dilation, self.lengths, self.padding,
                strict=True,
            )
        ]  # fmt: skip
        return (0, max(0, ends[0])), (0, max(0, ends[1]))

    def frame(
        self, x: Array, mode: Mode = "zeros", *, value: float = 0, beyond: float = 0
    ) -> Array:
        """Lay `x` into its frame, with `value` as zeros' value and `beyond` past the padding."""
        return pad(pad(x, self.padding, mode, value), self.overhang, value=beyond)

    def unframe(self, frame: Array, mode: Mode = "zeros") -> Array:
        """Adjoint of `frame`."""
        height, width = (
            lo + n + hi for n, (lo, hi) in zip(self.lengths, self.padding, strict=True)
        )
        return unpad(frame[..., :height, :width], self.padding, self.lengths, mode)

    def empty_frame(self, batch: int, channels: int) -> Array:
        """A frame of zeros to add into."""
        return self.frame(np.zeros((batch, channels, *self.lengths)))

    def taps(self) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
        """Yield each tap p, q of the kernel and where, on the frame, all windows have it."""
        for p, q in np.ndindex(self.kernel):
            rows, columns = (
                slice(tap * d, tap * d + (c - 1) * s + 1, s)
                for tap, d, c, s in zip((p, q), self.dilation, self.count, self.stride, strict=True)
            )
            yield p, q, (..., rows, columns)

    def view(self, frame: Array) -> Array:
        """All windows of a frame: ``(N, C, *count, *kernel)``."""
        reaches = tuple(map(reach, self.kernel, self.dilation))
        windows = np.lib.stride_tricks.sliding_window_view(frame, reaches, axis=(2, 3))
        (sh, sw), (dh, dw) = self.stride, self.dilation
        return windows[:, :, ::sh, ::sw, ::dh, ::dw][:, :, : self.count[0], : self.count[1]]


def direct_windows(
    n: int, lengths: Sequence[int], kernel: PerAxis, stride: PerAxis, padding: Padding,
    dilation: PerAxis, *, ceil_mode: bool = False,
) -> Windows:  # fmt: skip
    """Windows of a convolution or a pool over a plane of `lengths`."""
    k, s, d = per_axis(kernel, n), per_axis(stride, n), per_axis(dilation, n)
    pads = paddings(n, padding, lengths, k, s, d)
    count = []
    for axis in range(2):
        length, (lo, hi) = lengths[axis], pads[axis]
        spare = lo + length + hi - reach(k[axis], d[axis])
        if length < 1 or spare < 0:
            raise ValueError(
                f"kernel reaches {reach(k[axis], d[axis])} elements but the padded input "
                f"has only {lo + length + hi}"
            )
        # The windows of ceil_mode reach the end, but each has to start before the padding there.
        to_the_end, inside = -(-spare // s[axis]) + 1, (length + lo - 1) // s[axis] + 1
        count.append(min(to_the_end, inside) if ceil_mode else spare // s[axis] + 1)
    return Windows((lengths[0], lengths[1]), k, s, d, pads, (count[0], count[1]))


def transposed_padding(
    n: int, padding: Padding, count: Sequence[int], kernel: Pair, stride: Pair, dilation: Pair
) -> Pads:
    """What a transposed convolution of a plane of `count` crops from its full output."""
    if isinstance(padding, str) and padding in ("causal", "full"):
        raise ValueError(f"padding {padding!r} has no meaning for a transposed convolution")
    longest = [c * s for c, s in zip(count, stride, strict=True)]
    return paddings(n, padding, longest, kernel, stride, dilation)


def transposed_lengths(
    n: int, count: Sequence[int], kernel: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> Pair:
    """The shortest output of a transposed convolution of a plane of `count`."""
    if isinstance(padding, str) and padding in ("same", "same_lower"):
        return count[0] * stride[0], count[1] * stride[1]
    pads = transposed_padding(n, padding, count, kernel, stride, dilation)
    h, w = (
        (c - 1) * s + reach(k, d) - sum(ends)
        for c, s, k, d, ends in zip(count, stride, kernel, dilation, pads, strict=True)
    )
    return h, w


def spatial(n: int, size: PerAxis, data_format: str) -> Pair:
    """Height and width from the spatial lengths or from a full shape."""
    if np.ndim(size) and len(size) > n:  # type: ignore[arg-type]
        size = tuple(size)[-1 - n : -1] if data_format == "channels_last" else tuple(size)[-n:]  # type: ignore[arg-type]
    return per_axis(size, n)
