"""Which weights plans keep: packed ones, and plain ones only where an algorithm reads them."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv

BOTTLENECKS = ((64, 256, 56, 3), (128, 512, 28, 4), (256, 1024, 14, 6), (512, 2048, 7, 3))
"""ResNet-50's stages: channels inside and outside of a block, the height of its images, blocks."""


def resnet50():
    """Input channels, height, output channels, kernel and stride of each layer."""
    yield 3, 224, 64, 7, 2
    c = 64
    for inner, outer, height, blocks in BOTTLENECKS:
        for i in range(blocks):
            stride = 2 if i == 0 and inner > 64 else 1
            yield c, height * stride, inner, 1, 1
            yield inner, height * stride, inner, 3, stride
            yield inner, height, outer, 1, 1
            if i == 0:
                yield c, height * stride, outer, 1, stride
            c = outer
    yield 2048, 1, 1000, 1, 1


def test_packed_weights_of_resnet50_take_little_more_than_its_own(isa):
    """All plans of a network are there at once. They took 2.4 times its own weights."""
    if isa == "scalar":
        pytest.skip("with narrow vectors products cost so much that large forms of Winograd pay")
    own = packed = 0
    for c, height, k, kernel, stride in resnet50():
        w = np.ones((k, c, kernel, kernel), np.float32)
        plan = fastconv.Conv2dPlan((1, c, height, height), w, stride=stride, padding=kernel // 2)
        own, packed = own + w.nbytes, packed + plan.weight_bytes
    assert 101e6 < own < 103e6  # as published, without biases and norms
    assert packed <= 1.6 * own


def test_plain_weights_are_kept_where_an_algorithm_reads_them():
    w, b = np.ones((16, 16, 3, 3), np.float32), np.ones(16, np.float32)
    for algorithm, plain in (("direct", 0), ("im2col", 0), ("winograd F(2,3) x F(2,3)", 1)):
        plan = fastconv.Conv2dPlan((1, 16, 20, 20), w, b, algorithm=algorithm)
        packed = w.nbytes * 16 // 9 if plain else w.nbytes
        assert plan.weight_bytes == packed + plain * w.nbytes + b.nbytes


def test_weights_that_no_output_reads_are_kept():
    """A gradient and a plan for another shape read the columns that this one leaves out."""
    x, w = np.ones((1, 2, 4, 1), np.float32), np.arange(36, dtype=np.float32).reshape(2, 2, 3, 3)
    plan = fastconv.ConvTranspose2dPlan(x.shape, w, padding=1)  # of a single column
    np.testing.assert_array_equal(plan._plan.weight, w)
    other = np.ones((1, 2, 4, 5), np.float32)
    want = fastconv.conv_transpose2d(other, w, padding=1)
    np.testing.assert_array_equal(plan.with_shape(other.shape)(other), want)


def test_weights_that_meet_only_padding_are_kept():
    w = np.arange(36, dtype=np.float32).reshape(2, 2, 3, 3)
    plan = fastconv.Conv2dPlan((1, 2, 1, 4), w, padding=1, algorithm="channel_lanes")
    np.testing.assert_array_equal(plan._plan.weight, w)
    x = np.ones((1, 2, 5, 4), np.float32)
    np.testing.assert_array_equal(plan.with_shape(x.shape)(x), fastconv.conv2d(x, w, padding=1))


@pytest.mark.parametrize("algorithm", ["im2col", "channel_lanes"])
def test_more_weights_than_a_float_can_count(algorithm):
    """Unpacking follows the numbers of weights, which float32 holds up to 2**24 only."""
    w = np.random.default_rng(0).standard_normal((4099, 4099, 1, 1), np.float32)
    plan = fastconv.Conv2dPlan((1, 4099, 1, 1), w, algorithm=algorithm)
    assert plan.weight_bytes < 1.1 * w.nbytes
    np.testing.assert_array_equal(plan._plan.weight, w)
