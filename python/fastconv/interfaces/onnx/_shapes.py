"""MaxUnpool, Col2Im and BatchNormalization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import fastconv
from fastconv.interfaces.onnx._node import Node, floats, images, padding_of, per_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BatchNormalization", "Col2Im", "MaxUnpool"]


class MaxUnpool(Node):
    """MaxUnpool of every opset."""

    def take(
        self, x: Any, places: Any, output_shape: Any = None, kernel_shape: Sequence[int] = (),
        pads: Sequence[int] | None = None, strides: Sequence[int] | None = None,
    ) -> tuple[Any, ...] | None:  # fmt: skip
        """Return the elements at their places, with zeros elsewhere."""
        rank = images(x)
        padding = padding_of(None, pads, rank) if rank else None
        if padding is None or x.shape != places.shape or not floats(x):
            return None
        stride = per_axis(strides, rank)
        lengths = [
            (n - 1) * s + k - lo - hi
            for n, s, k, (lo, hi) in zip(x.shape[2:], stride, kernel_shape, padding, strict=True)
        ]
        # Places are those in the tensor of these lengths, whatever output_shape says: the larger
        # shape gets zeros at the end of each axis. Ours are places in one plane.
        plane = int(np.prod(lengths))
        first = np.arange(x.shape[0] * x.shape[1]) * plane
        local = places - first.reshape(*x.shape[:2], *(1,) * rank)
        if plane <= 0 or (local.size and not 0 <= local.min() <= local.max() < plane):
            return None
        pool: Any = fastconv.max_unpool1d if rank == 1 else fastconv.max_unpool2d
        y = pool(x, local, tuple(kernel_shape), stride, padding)
        if output_shape is None or tuple(output_shape) == y.shape:
            return (y,)
        larger = np.zeros(tuple(output_shape), y.dtype)
        larger[tuple(slice(n) for n in y.shape)] = y
        return (larger,)


class Col2Im(Node):
    """Col2Im, into images of one or two axes."""

    def take(
        self, columns: Any, image_shape: Any, block_shape: Any,
        dilations: Sequence[int] | None = None, pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Any, ...] | None:  # fmt: skip
        """Return the columns, added up into images."""
        rank = len(image_shape)
        padding = padding_of(None, pads, rank)
        if rank not in (1, 2) or padding is None or not floats(columns) or columns.ndim != 3:
            return None
        one = rank == 1  # a row of one pixel's height
        image, block = (tuple(int(n) for n in shape) for shape in (image_shape, block_shape))
        y = fastconv.fold(
            columns,
            (1, *image) if one else image,
            (1, *block) if one else block,
            (1,) * one + per_axis(dilations, rank),
            ((0, 0), *padding) if one else padding,
            (1,) * one + per_axis(strides, rank),
        )
        return (y[:, :, 0] if one else y,)


class BatchNormalization(Node):
    """BatchNormalization of every opset, where it normalises by given statistics."""

    def take(
        self, x: Any, scale: Any, bias: Any, mean: Any, variance: Any, epsilon: float = 1e-5,
        is_test: int = 1, spatial: int = 1, training_mode: int = 0, **_: Any,
    ) -> tuple[Any, ...] | None:  # fmt: skip
        """Return the normalised input."""
        # Opsets 1 and 6 say is_test, opset 14 says training_mode; in between a node with one output
        # is for inference.
        if not is_test or not spatial or training_mode or self._wants_second:
            return None
        vectors = (mean, variance, scale, bias)
        if not floats(x, *vectors) or x.ndim < 2 or any(v.shape != x.shape[1:2] for v in vectors):
            return None
        return (fastconv.batch_norm(x, *vectors, float(epsilon)),)
