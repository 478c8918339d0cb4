"""`fastconv.add`: NumPy's broadcasting, memory, activations, threads, bad arguments."""

from __future__ import annotations

import numpy as np
import pytest

import fastconv
from array_cases import ACTIVATIONS, memories, targets
from fastconv import activations, reference

PAIRS = {  # what each is for
    "equal": ((3, 4, 5, 6), (3, 4, 5, 6)),
    "rows of several blocks": ((2, 5003), (2, 5003)),
    "no axes": ((), ()),
    "a number": ((3, 4), ()),
    "a value for each channel, channels first": ((3, 4, 5, 6), (4, 1, 1)),
    "a value for each channel, channels last": ((3, 5, 6, 4), (4,)),
    "the first is the smaller one": ((4, 1, 1), (3, 4, 5, 6)),
    "a row and a column": ((5, 1), (1, 70)),
    "a column and a row": ((1, 70), (5, 1)),
    "each repeats the other, axis by axis": ((3, 1, 5, 1, 2), (1, 4, 1, 6, 1)),
    "one image for all": ((7, 3, 4, 5), (3, 4, 5)),
    "three channels": ((9, 11, 3), (3,)),
    "more axes than images have": ((2, 1, 3, 1, 2, 3), (2, 3, 1, 2, 1, 3)),
    "nothing": ((0, 3), (0, 3)),
    "nothing by repeating": ((0, 3), (1, 3)),
    "axes of one": ((1, 1, 1), (1, 1)),
}
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda t: t.__name__)


def draw(shape, dtype=np.float32, seed=0):
    return np.asarray(np.random.default_rng(seed).standard_normal(shape), dtype)


@each_dtype
@pytest.mark.parametrize("name", PAIRS)
def test_sums_are_numpys_bit_for_bit(name, dtype, isa):
    a, b = (draw(shape, dtype, seed) for seed, shape in enumerate(PAIRS[name]))
    wanted = np.asarray(a + b)
    np.testing.assert_array_equal(fastconv.add(a, b), wanted, strict=True)
    np.testing.assert_array_equal(
        fastconv.add(a, b, activation="relu"), np.maximum(wanted, 0), strict=True
    )


@each_dtype
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_activations_follow_in_the_same_call(activation, dtype, isa):
    a, b = draw((3, 5, 67), dtype), draw((5, 1), dtype, 1)
    y = fastconv.add(a, b, activation=activation)
    u = np.finfo(dtype).eps
    wanted = reference.add(a, b, activation=activation)
    np.testing.assert_allclose(y, wanted, rtol=16 * u, atol=4 * u)
    if isinstance(activation, str):
        assert np.array_equal(y, getattr(activations, activation)(a + b))


SLOPES = {  # the shapes of a and b, the number of slopes, and what each is for
    "one for all": ((3, 5, 67), (5, 1), 1),
    "a channel each": ((3, 5, 67), (5, 1), 5),
    "channels of b": ((3, 1, 67), (5, 1), 5),
    "pixels of channels": ((3, 4, 5, 6), (3, 4, 5, 6), 4),
    "vectors": ((7, 9), (9,), 9),
    "one axis is one channel": ((9,), (9,), 1),
    "no axes": ((), (), 1),
    "nothing": ((0, 3), (1, 3), 3),
    "no channels": ((2, 0, 3), (2, 0, 3), 0),
}


@each_dtype
@pytest.mark.parametrize("name", SLOPES)
def test_slopes_are_those_of_prelu_at_axis_1(name, dtype, isa):
    *shapes, n = SLOPES[name]
    a, b = (draw(shape, dtype, seed) for seed, shape in enumerate(shapes))
    slopes = np.linspace(0.5, -0.75, n).astype(dtype)
    wanted = fastconv.prelu(np.asarray(a + b), slopes)
    results = [fastconv.add(a, b, activation=("prelu", slopes), threads=t) for t in (1, 2, 3)]
    for y in results:
        np.testing.assert_array_equal(y, wanted, strict=True)
    u = np.finfo(dtype).eps
    near = reference.add(a, b, activation=("prelu", slopes))
    np.testing.assert_allclose(results[0], near, rtol=4 * u, atol=4 * u)
    swapped = slopes.astype(slopes.dtype.newbyteorder())
    np.testing.assert_array_equal(fastconv.add(a, b, activation=["prelu", swapped]), wanted)
    if dtype is np.float64 and a.size:  # lists know no shape without elements
        y = fastconv.add(a.tolist(), b, activation=("prelu", slopes.tolist()))
        np.testing.assert_array_equal(y, wanted, strict=True)
    if a.shape == wanted.shape:
        same = a.copy()
        assert fastconv.add(same, b, activation=("prelu", slopes), out=same) is same
        np.testing.assert_array_equal(same, wanted)


def test_any_memory():
    a, b = draw((3, 4, 5, 6)), draw((3, 4, 5, 6), seed=1)
    for name, left in memories(a).items():
        for other, right in memories(b).items():
            y = fastconv.add(left, right)
            np.testing.assert_array_equal(y, a + b, strict=True, err_msg=f"{name}, {other}")
            assert y.flags.c_contiguous
            assert y.flags.owndata
    repeated = np.broadcast_to(b[:, :1, :, :1], a.shape)
    assert np.array_equal(fastconv.add(a, repeated), a + repeated)
    assert np.array_equal(fastconv.add(repeated, repeated), repeated + repeated)
    assert np.array_equal(fastconv.add(a.tolist(), a.astype(float)), a.astype(float) * 2)


def test_out_is_written_and_nothing_else():
    a, b = draw((3, 4, 5, 6)), draw((4, 1, 1), seed=1)
    slopes = np.linspace(0.5, -0.75, 4).astype(np.float32)
    for activation, wanted in (
        ("tanh", fastconv.tanh(a + b)),
        (("prelu", slopes[:1]), fastconv.prelu(a + b, slopes[:1])),
        (("prelu", slopes), fastconv.prelu(a + b, slopes)),
    ):
        for name, (out, whole) in targets(a.shape, np.float32).items():
            assert fastconv.add(a, b, out=out, activation=activation) is out
            np.testing.assert_array_equal(out, wanted, err_msg=f"{name}, {activation}")
            out[...] = 99
            assert (whole == 99).all(), name


def test_out_may_overlap_its_inputs():
    a, b = draw((6, 6)), draw((6, 6), seed=1)
    for i in range(2):
        pair = [a.copy(), b.copy()]
        assert fastconv.add(*pair, out=pair[i]) is pair[i]
        assert np.array_equal(pair[i], a + b)
    for view in (lambda x: x.T, lambda x: x[::-1], lambda x: x[:, ::-1], lambda x: x[:1]):
        x = a.copy()
        wanted = x + view(x)
        assert np.array_equal(fastconv.add(x, view(x), out=x), wanted)
        x = a.copy()
        assert np.array_equal(fastconv.add(view(x), x, out=x), wanted)
    memory = draw(40)
    for shift in (1, 8, 20):
        x = memory.copy()
        wanted = x[: 40 - shift] + x[shift:]
        fastconv.add(x[: 40 - shift], x[shift:], out=x[shift:])
        assert np.array_equal(x[shift:], wanted)
        x = memory.copy()
        fastconv.add(x[: 40 - shift], x[shift:], out=x[: 40 - shift])
        assert np.array_equal(x[: 40 - shift], wanted)
    rows = draw((5, 12))
    for left, right, out in ((0, 4, 8), (0, 0, 4), (8, 0, 4), (0, 2, 6), (0, 4, 2)):
        x = rows.copy()
        parts = [x[:, at : at + 4] for at in (left, right, out)]
        wanted = parts[0] + parts[1]
        fastconv.add(parts[0], parts[1], out=parts[2])
        assert np.array_equal(parts[2], wanted)


def test_not_a_number_and_infinity():
    a = np.array([np.nan, np.inf, np.inf, -np.inf, 3e38], np.float32)
    b = np.array([1, 1, -np.inf, 0, 3e38], np.float32)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(fastconv.add(a, b), a + b)
        np.testing.assert_array_equal(fastconv.add(a, b, activation="relu"), np.maximum(a + b, 0))


@pytest.mark.parametrize("shapes", [((6, 16, 60, 67), (16, 1, 1)), ((800_001,), (800_001,))])
def test_threads_change_no_bit(shapes, isa):
    a, b = draw(shapes[0]), draw(shapes[1], seed=1)
    for activation in (None, "relu", "gelu"):
        results = [fastconv.add(a, b, activation=activation, threads=t) for t in (1, 2, 3)]
        assert np.array_equal(results[0], results[1])
        assert np.array_equal(results[0], results[2])


X = np.ones((2, 3))
F32 = np.ones(3, np.float32)
REFUSED = (
    ((None, X), {}, TypeError, "a must be an array, got None"),
    ((X, None), {}, TypeError, "b must be an array, got None"),
    ((np.ones(3, int), X), {}, TypeError, "a must have dtype float32 or float64, got int64"),
    ((X, X.astype(np.float32)), {}, TypeError, "b must have the dtype of a, float64, got float32"),
    ((X, np.ma.masked_array(X, X > 0)), {}, TypeError, "masked"),
    ((X, np.ones(2)), {}, ValueError, r"b must have a shape that broadcasts.*\(2, 3\), got \(2,\)"),
    ((X, np.ones((0, 3))), {}, ValueError, r"b must have a shape that broadcasts"),
    ((X, X), {"activation": "swish"}, ValueError, "activation must be"),
    (
        (X, X),
        {"activation": ("prelu", X[0, :2])},
        ValueError,
        r"slopes must be .* 3 .*shape \(2,\)",
    ),
    ((X, X), {"activation": ("prelu", X)}, ValueError, r"slopes must be .* got shape \(2, 3\)"),
    ((X, X), {"activation": ("prelu", X[:1, :1])}, ValueError, r"slopes must .*shape \(1, 1\)"),
    ((X[0], X), {"activation": ("prelu", X[0, :2])}, ValueError, r"each of the 3 channels, got"),
    ((X[0], 1.0), {"activation": ("prelu", X[0]), "out": None}, ValueError, "each of the 1 ch"),
    ((X, X), {"activation": ("prelu", F32)}, TypeError, "slopes must have the dtype of a, float64"),
    ((X, X), {"activation": ("prelu", F32[:1])}, TypeError, "^activation: .*float64, got float32"),
    (
        (X, X),
        {"activation": ("prelu", None)},
        TypeError,
        "activation: prelu's slopes must be an ar",
    ),
    ((X, X), {"activation": ("prelu", np.ma.array(X[0]))}, TypeError, "activation: .* masked"),
    ((X, X), {"activation": ("prelu", X[0]), "threads": 0}, ValueError, "threads must be from 1"),
    ((X, X), {"activation": ("prelu", X[0]), "out": X[:1]}, ValueError, r"out must have shape"),
    ((X, F32), {"activation": ("prelu", X[0])}, TypeError, "b must have the dtype of a"),
    ((None, X), {"activation": ("prelu", X[0])}, TypeError, "a must be an array, got None"),
    ((X, X), {"threads": -1}, ValueError, "threads must be from 1"),
    ((X, X), {"out": np.ones(3)}, ValueError, r"out must have shape \(2, 3\), got \(3,\)"),
    ((X[0], X[0]), {"out": X}, ValueError, r"out must have shape \(3,\), got \(2, 3\)"),
    ((X, X), {"out": X.astype(np.float32)}, TypeError, "out must have dtype float64"),
    ((X, X), {"out": np.broadcast_to(X[0], (2, 3))}, ValueError, "writable"),
    ((X, X), {"out": np.ones((2, 3), ">f8")}, ValueError, "native-endian"),
)


@pytest.mark.parametrize(("arguments", "options", "error", "message"), REFUSED)
def test_bad_arguments_are_named_and_nothing_is_written(arguments, options, error, message):
    out = np.full_like(X, 99)
    with pytest.raises(error, match=message):
        fastconv.add(*arguments, **{"out": out, **options})
    assert (out == 99).all()
    assert (X == 1).all()
