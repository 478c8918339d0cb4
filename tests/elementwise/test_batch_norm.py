"""The compiled half of batch normalisation: every ISA, odd planes, data far from zero."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from fastconv import _native

SHAPES = {  # what each is for
    "one row, a rest": (1, 3, 37),
    "planes over many images": (5, 4, 7, 9),
    "longer than a block of partial sums": (2, 2, 1031),
    "planes of a quarter vector": (37, 5, 2, 2),
    "planes of a vector and a bit": (70, 3, 17),
    "no images": (0, 3, 4),
    "one element": (1, 1, 1, 1),
}


def draw(shape, dtype, offset):
    rng = np.random.default_rng(len(shape))
    return (rng.standard_normal(shape) + offset).astype(dtype)


@pytest.mark.filterwarnings("ignore:invalid value|Mean of empty|Degrees of freedom")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("offset", [0, 1000], ids="mean {}".format)
@pytest.mark.parametrize("name", SHAPES)
def test_against_numpy(name, offset, dtype, isa):
    x, dy = draw(SHAPES[name], dtype, offset), draw(SHAPES[name], dtype, 0)
    axes, rows = (0, *range(2, x.ndim)), (1, -1, *(1,) * (x.ndim - 2))
    unit = np.finfo(dtype).eps
    wide = x.astype(np.float64)
    mean, var = _native.batch_moments(x, 1)
    np.testing.assert_allclose(mean, wide.mean(axis=axes), rtol=4 * unit, atol=4 * unit)
    np.testing.assert_allclose(var, wide.var(axis=axes), rtol=8 * unit, atol=unit * unit)

    mean, inverse = np.nan_to_num(mean), 1 / np.sqrt(np.nan_to_num(var) + 1e-5)
    weight = np.linspace(0.5, 2, len(mean))
    shift = np.linspace(-1, 1, len(mean))
    y = _native.normalize(x, mean, weight * inverse, shift, False, 1)
    centred = wide - mean.reshape(rows)
    want = centred * (weight * inverse).reshape(rows) + shift.reshape(rows)
    near = 8 * unit * (1 + offset)
    np.testing.assert_allclose(y, want, rtol=near, atol=near)
    through = _native.normalize(x, mean, weight * inverse, shift, True, 1)
    assert np.array_equal(through, np.maximum(y, 0))

    dx, d_weight, d_bias = _native.batch_norm_grad(dy, x, mean, inverse, weight, None, 1)
    normal, count = centred * inverse.reshape(rows), max(1, x.size // len(mean))
    np.testing.assert_allclose(d_bias, dy.sum(axis=axes, dtype=np.float64), rtol=near, atol=near)
    products = (dy * normal).sum(axis=axes)
    np.testing.assert_allclose(d_weight, products, rtol=near, atol=near * count)
    want = dy - (d_bias / count).reshape(rows) - normal * (products / count).reshape(rows)
    want *= (weight * inverse).reshape(rows)
    np.testing.assert_allclose(dx, want, rtol=near, atol=8 * near)
    for relu in (y, through):
        got = _native.batch_norm_grad(dy, x, mean, inverse, weight, relu, 1)
        behind = _native.batch_norm_grad(dy * (y > 0), x, mean, inverse, weight, None, 1)
        for a, b in zip(got, behind, strict=True):
            assert np.array_equal(a, b)


def test_threads_change_no_bit(isa):
    x, dy = draw((8, 16, 40, 33), np.float32, 3), draw((8, 16, 40, 33), np.float32, 0)
    weight = np.ones(16)
    results = []
    for threads in (1, 3):
        mean, var = _native.batch_moments(x, threads)
        y = _native.normalize(x, mean, 1 / np.sqrt(var), weight, False, threads)
        grads = _native.batch_norm_grad(dy, x, mean, 1 / np.sqrt(var), weight, y, threads)
        results.append([a.tobytes() for a in (mean, var, y, *grads)])
    assert results[0] == results[1]


@pytest.mark.parametrize("bad", [np.ones(3, np.float32), np.ones(4), np.ones((3, 1))])
def test_what_a_channel_has_is_checked(bad):
    x = np.ones((2, 3, 4), np.float32)
    with pytest.raises(ValueError, match="mean"):
        _native.normalize(x, bad, np.ones(3), np.ones(3), False, None)


def test_a_layer_far_from_zero():
    """Statistics of data whose mean is a thousand times its deviation."""
    layer = fastconv.nn.BatchNorm2d()
    y = layer(draw((4, 3, 8, 8), np.float32, 1000))
    assert abs(y.mean()) < 1e-3
    assert abs(y.std() - 1) < 1e-3


@pytest.mark.parametrize("value", [1e6 + 0.3, 12345.678, 1000.1])
@pytest.mark.parametrize("shape", [(3, 1, 7, 7), (2, 1, 57, 57)])
def test_a_constant_channel_becomes_zero(shape, value, isa):
    """The mean of equal floats is that float, and their variance nothing, not a little less."""
    y = fastconv.nn.BatchNorm2d()(np.full(shape, value, np.float32))
    np.testing.assert_allclose(y, 0, atol=1e-3)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("train", [True, False])
def test_a_relu_behind_is_one_pass(train, layout):
    """In a Sequential; the same numbers as layer by layer, NaN included."""
    layers = [fastconv.nn.BatchNorm2d(data_format=layout), fastconv.nn.ReLU()]
    x, dy = draw((3, 4, 5, 6), np.float32, 0.5), draw((3, 4, 5, 6), np.float32, 0)
    together = fastconv.nn.Sequential(*layers)
    together(x)  # creates the parameters
    if not train:
        together.eval()
        x[0, 0, 0, 0] = np.nan
    y = together(x)
    np.testing.assert_allclose(y, layers[1](layers[0](x)), rtol=1e-6, atol=1e-6)
    if train:
        apart = layers[0].backward(layers[1].backward(dy))
        wanted = {name: g.copy() for name, g in together.grads.items()}
        together.zero_grad()
        together(x)
        np.testing.assert_array_equal(together.backward(dy), apart)
        for name, g in together.grads.items():
            np.testing.assert_array_equal(g, wanted[name])
