"""Calls of `torch.nn.functional` for `fastconv.interfaces.torch`, with the reason for each."""

from __future__ import annotations

import numpy as np
import torch


def randn(*shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, dtype=dtype)


def last(*shape):
    return randn(*shape).contiguous(memory_format=torch.channels_last)


INDICES = torch.tensor([[[[0, 3], [9, 10]]]])

# Name, arguments, keywords, why.
CASES = [
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3, 3), randn(6)), {}, "the plainest"),
    ("conv2d", (last(2, 4, 9, 8), randn(6, 4, 3, 3)), {"padding": 1}, "channels_last input"),
    ("conv2d", (randn(2, 4, 9, 8), last(6, 4, 3, 3)), {"stride": 2}, "channels_last weights"),
    ("conv2d", (last(2, 4, 9, 8), last(6, 4, 3, 3), randn(6)), {}, "both"),
    ("conv2d", (last(2, 1, 9, 8), randn(6, 1, 3, 3)), {}, "one channel is in both layouts"),
    ("conv2d", (last(3, 4, 1, 1), last(6, 4, 1, 1)), {}, "one pixel is in both layouts"),
    ("conv2d", (randn(3, 5, 9, 8).transpose(2, 3), randn(2, 5, 3, 3)), {}, "any strides"),
    ("conv2d", (randn(3, 9, 9, 8)[:, 1:5], randn(2, 4, 3, 3)), {}, "a slice of channels"),
    ("conv2d", (last(3, 4, 9, 8)[:, :, ::2], randn(2, 4, 3, 3)), {}, "every other row"),
    ("conv2d", (randn(4, 9, 8), randn(6, 4, 3, 3), randn(6)), {}, "no batch"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 2, 3, 3)), {"groups": 2, "dilation": (2, 1)}, "groups"),
    ("conv2d", (last(2, 6, 9, 8), randn(6, 1, 3, 3)), {"groups": 6, "padding": 1}, "depthwise"),
    ("conv2d", (randn(2, 3, 9, 8), randn(6, 3, 3, 2)), {"padding": "same"}, "an odd end"),
    ("conv2d", (randn(2, 3, 9, 8), randn(6, 3, 3, 2)), {"padding": "valid"}, "a word"),
    ("conv2d", (randn(2, 3, 9, 8), randn(6, 3, 3, 3)), {"stride": [2], "padding": [1]}, "one item"),
    ("conv2d", (randn(2, 3, 9, 8), randn(6, 3, 3, 3)), {"stride": (3, 2)}, "a remainder"),
    ("conv1d", (randn(2, 4, 20), randn(6, 4, 3), randn(6)), {"stride": 2}, "signals"),
    ("conv1d", (randn(2, 20, 4).transpose(1, 2), randn(6, 4, 3)), {}, "channels at the end"),
    ("conv1d", (randn(4, 20), randn(4, 1, 4)), {"groups": 4, "padding": "same"}, "no batch"),
    ("conv_transpose2d", (randn(2, 4, 5, 6), randn(4, 3, 3, 3), randn(3)), {"stride": 2}, "plain"),
    ("conv_transpose2d", (last(2, 4, 5, 6), randn(4, 3, 2, 2)), {"stride": 2}, "channels_last"),
    ("conv_transpose2d", (randn(2, 4, 5, 6), randn(4, 3, 3, 3)),
     {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}, "output_padding, groups"),
    ("conv_transpose2d", (randn(2, 4, 5, 6), randn(4, 3, 3, 3)),
     {"stride": 2, "dilation": 4, "output_padding": (3, 2), "padding": 2},
     "output_padding of a stride and more"),
    ("conv_transpose1d", (randn(4, 7), randn(4, 3, 3), randn(3)), {"stride": 3}, "no batch"),
    ("max_pool2d", (randn(2, 3, 9, 8), 3), {"padding": 1}, "plain"),
    ("max_pool2d", (last(2, 3, 9, 8), 2), {"return_indices": True}, "channels_last, indices"),
    ("max_pool2d", (randn(3, 9, 8), (3, 2), 2), {"ceil_mode": True, "dilation": 2}, "no batch"),
    ("max_pool1d", (randn(2, 3, 20), 3, 2), {"return_indices": True}, "signals"),
    ("max_pool1d", (randn(3, 20), 3), {"stride": 1}, "no batch"),
    ("max_pool1d", (randn(2, 3, 20), [3], np.int64(2)), {}, "a number of NumPy's"),
    ("avg_pool2d", (randn(2, 3, 9, 8), 3, 2), {"padding": 1, "ceil_mode": True}, "overhang"),
    ("avg_pool2d", (last(2, 3, 9, 8), 2), {"divisor_override": 3}, "channels_last, a divisor"),
    ("avg_pool2d", (randn(3, 9, 8), 3), {"padding": 1, "count_include_pad": False}, "no batch"),
    ("avg_pool1d", (randn(2, 3, 20), 3), {"padding": 1}, "signals"),
    ("lp_pool2d", (randn(2, 3, 9, 8).abs() + 1, 2, 3), {"stride": 2, "ceil_mode": True}, "p = 2"),
    ("lp_pool2d", (randn(2, 3, 9, 8), 3.0, 2), {}, "an odd power: torch sums x**p"),
    ("lp_pool2d", (randn(2, 3, 9, 8), float("inf"), 2), {}, "the largest"),
    ("lp_pool1d", (randn(2, 3, 20).abs() + 1, 2, 3), {}, "signals"),
    ("adaptive_avg_pool2d", (randn(2, 3, 9, 8), (4, None)), {}, "one axis is kept"),
    ("adaptive_avg_pool2d", (last(2, 3, 9, 8), 1), {}, "global, channels_last"),
    ("adaptive_avg_pool1d", (randn(3, 20), 7), {}, "no batch"),
    ("adaptive_max_pool2d", (last(2, 3, 9, 8), 4), {"return_indices": True}, "indices"),
    ("adaptive_max_pool2d", (randn(3, 9, 8), (None, 3)), {}, "no batch"),
    ("adaptive_max_pool1d", (randn(2, 3, 20), 7), {}, "signals"),
    ("max_unpool2d", (randn(1, 1, 2, 2), INDICES, 2), {}, "plain"),
    ("max_unpool2d", (randn(1, 1, 2, 2), INDICES, 2), {"output_size": (5, 5)}, "a size"),
    ("max_unpool2d", (randn(1, 1, 2, 2), torch.arange(4).reshape(1, 1, 2, 2).flip(-1), 1), {},
     "a plane of the input's own size"),
    ("max_unpool1d", (randn(2, 2), INDICES[0, 0] // 3, 2), {}, "no batch"),
    ("unfold", (last(2, 3, 9, 8), (3, 2)), {"stride": 2, "padding": 1, "dilation": 2}, "images"),
    ("unfold", (randn(3, 9, 8), 2), {}, "no batch"),
    ("fold", (randn(2, 12, 56), (9, 8), 2), {}, "images"),
    ("fold", (randn(12, 20), (9, 8), (2, 2)), {"stride": 2, "padding": (1, 0)}, "no batch"),
]  # fmt: skip

# What torch answers with an error; ours must be torch's.
WRONG = [
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 3, 3, 3)), {}, "channels differ"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3)), {}, "axes differ"),
    ("conv2d", (randn(1, 2, 4, 9, 8), randn(6, 4, 3, 3)), {}, "too many axes"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3, 3)), {"padding": -1}, "negative padding"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3, 3)), {"stride": 0}, "no stride"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3, 3)), {"stride": (1, 2, 3)}, "three strides"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 11, 3)), {}, "the kernel is too large"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3, 3), randn(5)), {}, "the bias is too short"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3, 3)), {"padding": "full"}, "an unknown word"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3, 3)), {"padding": "same", "stride": 2}, "same"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3, 3)), {"groups": 3}, "groups do not divide"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3, 3).float()), {}, "dtypes differ"),
    ("conv2d", (randn(2, 4, 9, 8).numpy(), randn(6, 4, 3, 3)), {}, "an array"),
    ("conv_transpose2d", (randn(2, 4, 9, 8), randn(4, 6, 3, 3)), {"output_padding": 1}, "too wide"),
    ("max_pool2d", (randn(2, 3, 9, 8), 2), {"padding": 2}, "padding of more than half"),
    ("max_pool2d", (randn(2, 3, 9, 8), 0), {}, "an empty window"),
    ("avg_pool2d", (randn(2, 3, 9, 8), 2), {"divisor_override": 0}, "division by 0"),
    ("adaptive_avg_pool2d", (randn(9, 8), 2), {}, "too few axes"),
    ("adaptive_max_pool2d", (randn(1, 3, 9, 8), (2, 2, 2)), {}, "three sizes"),
    ("max_unpool2d", (randn(1, 1, 2, 2), INDICES + 9, 2), {}, "an index out of range"),
    ("max_unpool2d", (randn(1, 1, 2, 2), INDICES.int(), 2), {}, "indices of another dtype"),
    ("fold", (randn(2, 12, 55), (9, 8), 2), {}, "the number of windows"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3, 3)), {"padding": ((1, 0), (1, 0))}, "pairs"),
    ("conv2d", (randn(2, 4, 9, 8), randn(6, 4, 3, 3)), {"padding": True}, "a bool"),
    ("conv_transpose1d", (randn(4, 7), randn(4, 3, 3)), {"padding": ((1, 0),)}, "pairs"),
    ("conv_transpose2d", (randn(2, 4, 5, 6), randn(4, 3, 3, 3)), {"padding": "same"}, "a word"),
    ("max_pool2d", (randn(2, 3, 9, 8), 3), {"padding": ((1, 0), (1, 0))}, "pairs"),
    ("max_pool2d", (randn(2, 3, 9, 8), 3), {"padding": "same"}, "a word"),
    ("max_pool2d", (randn(2, 3, 9, 8), 3), {"stride": True}, "a bool"),
    ("max_pool1d", (randn(3, 20), 3), {"stride": 1.0}, "no int"),
    ("avg_pool2d", (randn(2, 3, 9, 8), 3), {"padding": ((1, 0), (1, 0))}, "pairs"),
    ("unfold", (randn(2, 3, 9, 8), 3), {"padding": "same"}, "a word"),
]
