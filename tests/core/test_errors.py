"""Hostile arguments: what is refused, with which error and which words; and what is not."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

import fastconv
from fastconv import grad, reference

X, W, WT = (1, 4, 6, 7), (6, 4, 3, 3), (4, 6, 3, 3)
DY = (1, 6, 4, 5)


def ones(shape, dtype=np.float32):
    return np.ones(shape, dtype)


# The same arguments are refused in the same words by all of these.
CALLS = {
    "conv2d": lambda **how: fastconv.conv2d(ones(X), ones(W), **how),
    "conv_transpose2d": lambda **how: fastconv.conv_transpose2d(ones(X), ones(WT), **how),
    "conv2d_input": lambda **how: grad.conv2d_input(X, ones(W), ones(DY), **how),
    "conv2d_weight": lambda **how: grad.conv2d_weight(ones(X), W, ones(DY), **how),
    "conv_transpose2d_input": lambda **how: grad.conv_transpose2d_input(
        X, ones(WT), ones((1, 6, 8, 9)), **how
    ),
    "conv_output_shape": lambda **how: fastconv.conv_output_shape(X, W, **how),
    "Conv2dPlan": lambda **how: fastconv.Conv2dPlan(X, ones(W), **how),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)

REFUSED = [  # arguments, error, words of the message
    ({"stride": 0}, ValueError, "stride must be positive, got 0"),
    ({"stride": (1, 0)}, ValueError, "width: stride must be positive, got 0"),
    ({"stride": (-1, 1)}, ValueError, "height: stride must be positive, got -1"),
    ({"dilation": 0}, ValueError, "dilation must be positive, got 0"),
    ({"dilation": (1, -2)}, ValueError, "width: dilation must be positive, got -2"),
    ({"groups": 0}, ValueError, "groups must be from 1 to .*, got 0"),
    ({"groups": -1}, ValueError, "groups must be from 1 to .*, got -1"),
    ({"padding": -1}, ValueError, r"padding must not be negative, got \(-1, -1\)"),
    ({"padding": ((0, -1), (0, 0))}, ValueError, r"height: padding must not be .* \(0, -1\)"),
    ({"padding": "SAME"}, ValueError, r"'same'.*'full', got 'SAME'"),
    ({"padding": "causal"}, ValueError, "'causal'"),
    ({"padding": ((1, 2, 3),)}, ValueError, r"a pair must be \(lo, hi\), got \[?\(?1, 2, 3"),
    ({"padding": ((1, 1), (1, 1), (1, 1))}, ValueError, "padding must be .*got"),
    ({"padding": [[[1, 1]]]}, (TypeError, ValueError), "padding"),
    ({"padding": b"same"}, TypeError, "padding must be an int, got b'same'"),
    ({"padding": (1, None)}, TypeError, "padding must be an int, got None"),
    ({"groups": (1,)}, TypeError, "groups must be an int"),
    ({"groups": 1.0}, TypeError, r"groups must be an int, got 1\.0 \(float\)"),
    ({"groups": True}, TypeError, r"groups must be an int, got True \(bool\)"),
]
REFUSED += [
    ({name: value}, error, f"{name} must be .*, got ")
    for name in ("stride", "dilation", "padding")
    for value, error in [
        ((), ValueError),
        ([1, 1, 1], ValueError),
        ("1", ValueError if name == "padding" else TypeError),
        (1.0, TypeError),
        (True, TypeError),
        ((1, False), TypeError),
        (np.True_, TypeError),
        (np.array(True), TypeError),
        (np.float32(1), TypeError),
        (None, TypeError),
        (1j, TypeError),
        ({1: 1}, TypeError),
        (object(), TypeError),
        (np.array([1.0, 1.0]), TypeError),
    ]
]


@each_call
@pytest.mark.parametrize(("how", "error", "words"), REFUSED, ids=lambda v: str(v)[:40])
def test_geometry_is_refused(call, how, error, words):
    with pytest.raises(error, match=words):
        call(**how)


HUGE = (2**31, 2**55, 2**62, 2**63 - 1, 2**63, 2**64 + 1, 10**30, -(2**31), -(2**63), -(2**70))


@each_call
@pytest.mark.parametrize("name", ["stride", "padding", "dilation", "groups"])
@pytest.mark.parametrize("value", HUGE)
def test_huge_values_are_refused_at_once(call, name, value):
    small = 0 if name == "padding" else 1
    for form in (value,) if name == "groups" else (value, (small, value), [value]):
        start = time.thread_time()
        with pytest.raises(ValueError, match=name):
            call(**{name: form})
        assert time.thread_time() - start < 0.5  # no allocation; this clock stands while others run


@pytest.mark.parametrize("value", HUGE)
def test_huge_sizes_of_a_result_are_refused_at_once(value):
    x, w = ones(X), ones(WT)
    with pytest.raises(ValueError, match="output_padding"):
        fastconv.conv_transpose2d(x, w, output_padding=value)
    with pytest.raises(ValueError, match="output_size"):
        fastconv.conv_transpose2d(x, w, output_size=(value, value))
    with pytest.raises((ValueError, MemoryError)):
        grad.conv2d_input((1, 4, value, 7), ones(W), ones(DY))
    with pytest.raises((ValueError, MemoryError)):
        grad.conv2d_weight(ones(X), (6, 4, value, 3), ones(DY))
    with pytest.raises(ValueError):
        fastconv.conv_output_shape((1, 4, 6, 7), (6, 4, value, value), dilation=2**31 - 1)
    for word in ("full", "same"):
        size = (1, 4, abs(value), abs(value))
        with pytest.raises(ValueError):
            fastconv.conv_output_shape(size, (6, 4, 2**31 - 1, 3), 1, word, 2**31 - 1)


def test_a_result_beyond_memory_is_a_memory_error():
    w, dy = ones((1, 1, 1)), ones((1, 1, 2**16))
    length = (2**16 - 1) * (2**31 - 1) + 1
    with pytest.raises(MemoryError):
        grad.conv1d_input((1, 1, length), w, dy, stride=2**31 - 1)
    with pytest.raises(MemoryError):
        fastconv.conv_transpose1d(dy, w, stride=2**31 - 1)


class Index:
    def __index__(self):
        return 2


def outcome(call, dilation):
    """What can be compared of a result: its values, or what tells of it, or the refusal."""
    try:
        result = call(dilation=dilation)
    except ValueError as error:
        return str(error)
    return result.tolist() if isinstance(result, np.ndarray) else repr(result)


@each_call
@pytest.mark.parametrize(
    "two", [2, np.int64(2), np.uint8(2), np.array(2), Index(), [2], (2,), (2, 2), range(2, 3),
            np.array([2, 2]), np.array([2], np.int16)],
    ids=str,
)  # fmt: skip
def test_every_kind_of_int_is_an_int(call, two):
    """A dilation of 2 needs gradients of another shape: then the messages are the same."""
    assert outcome(call, two) == outcome(call, 2) != outcome(call, 1)


def test_an_error_of_index_is_passed_on():
    class Broken:
        def __index__(self):
            raise KeyError("mine")

    for call in CALLS.values():
        with pytest.raises(KeyError, match="mine"):
            call(stride=Broken())


def test_long_values_are_shortened_between_characters():
    for text in ("é" * 60, "a" + "é" * 60, "日" * 60, "\U0001f600" * 60):
        with pytest.raises(TypeError, match=r"threads must be an int, got .*\.\.\."):
            fastconv.conv2d(ones(X), ones(W), threads=text)


SHAPES = [  # input, weight, arguments, words
    (X, (6, 3, 3, 3), {}, r"\(6, 3, 3, 3\) .*takes 3 input channels, but input has 4"),
    (X, (6, 2, 3, 3), {"groups": 3}, r"groups=3 takes 6 input channels, but input has 4"),
    (X, (6, 1, 3, 3), {"groups": 4}, "groups must divide the output channels: 6 .*groups=4"),
    (X, (6, 4, 7, 3), {}, r"height: the kernel reaches 7 elements .* input has only 6"),
    (X, (6, 4, 3, 3), {"dilation": (1, 4)}, "width: the kernel reaches 9 .* dilation 4.* only 7"),
    (X, (6, 4, 9, 3), {"padding": 1}, "height: the kernel reaches 9 .* only 8"),
    (X, (6, 4, 3), {}, r"weight must have 4 dimensions .*got shape \(6, 4, 3\)"),
    (X, (6, 4, 3, 3, 3), {}, "weight must have"),
    (X, (), {}, r"weight must have 4 dimensions .*got shape \(\)"),
    (X, (0, 4, 3, 3), {}, r"weight must have positive lengths, got shape \(0, 4, 3, 3\)"),
    (X, (6, 0, 3, 3), {}, "weight must have positive lengths"),
    (X, (6, 4, 0, 3), {}, "weight must have positive lengths"),
    ((1, 0, 6, 7), (6, 4, 3, 3), {}, "input channels, but input has 0"),
    ((1, 4, 0, 7), (6, 4, 3, 3), {"padding": 3}, "height: the input must have at least one"),
    ((1, 4, 6, 0), (6, 4, 3, 3), {"padding": 3}, "width: the input must have at least one"),
    ((6, 7), (6, 4, 3, 3), {}, r"input must have shape \(N, C, H, W\) or \(C, H, W\), got 2"),
    ((7,), (6, 4, 3, 3), {}, "got 1 dimension$"),
    ((), (6, 4, 3, 3), {}, "got 0 dimensions"),
    ((1, *X), (6, 4, 3, 3), {}, "input must have shape .* got 5 dimensions"),
    (X, W, {"padding": 6, "padding_mode": "reflect"}, "reflect padding must be less than .* 6"),
    (X, W, {"padding": (0, 8), "padding_mode": "circular"}, "circular padding must be at most"),
    (X, W, {"padding": (0, 8), "padding_mode": "symmetric"}, "symmetric padding must be at most"),
    (X, W, {"padding_mode": ("constant",)}, r"'symmetric' or \('constant', value\), got"),
    (X, W, {"padding_mode": ("zeros", 1.0)}, "padding_mode must be 'zeros'"),
    (X, W, {"bias": ones((6, 1))}, r"bias must have shape \(6,\), got \(6, 1\)"),
    (X, W, {"bias": ones((1,))}, r"bias must have shape \(6,\), got \(1,\)"),
    (X, W, {"bias": ones(())}, r"bias must have shape \(6,\), got \(\)"),
    (X, W, {"bias": ones((4,))}, r"bias must have shape \(6,\), got \(4,\)"),
    (X, W, {"residual": ones((1, 6, 4, 6))}, r"residual must have shape \(1, 6, 4, 5\), got"),
    (X, W, {"residual": ones((1, 6, 1, 1))}, "residual must have shape"),
    (X, W, {"residual": ones((6, 4, 5))}, "residual must have shape"),
    (X, W, {"out": ones((1, 6, 4, 6))}, r"out must have shape \(1, 6, 4, 5\), got \(1, 6, 4, 6\)"),
    (X, W, {"out": ones((6, 4, 5))}, "out must have shape"),
    (X, W, {"out": np.broadcast_to(ones(()), DY)}, "out must be writable"),
    (X, W, {"out": ones(DY, ">f4")}, "out must be native-endian, got dtype >f4"),
    (X, W, {"algorithm": "ftt"}, "algorithm must be 'auto', 'direct', .*got 'ftt'"),
    (X, W, {"algorithm": None}, "algorithm must be .*got None"),
    (X, W, {"padding_mode": "constant"}, "padding_mode must be 'zeros', .*got 'constant'"),
    (X, W, {"padding_mode": 0}, "padding_mode must be .*got 0"),
    (X, W, {"data_format": "NHWC"}, "data_format must be 'channels_first' or .*got 'NHWC'"),
    (X, W, {"precision": "low"}, "precision must be None, 'medium', 'high' or .*got 'low'"),
    (X, W, {"activation": "swish"}, "activation must be None, 'relu', .*got 'swish'"),
    (X, W, {"activation": ("relu", 1.0)}, "activation must be"),
    (X, W, {"activation": ("leaky_relu",)}, "activation must be"),
    (X, W, {"activation": "prelu"}, "activation must be"),
    (X, W, {"activation": ("prelu", ones((5,)))}, r"each of the 6 output channels, got .*\(5,\)"),
    (X, W, {"activation": ("prelu", ones((0,)))}, "prelu's slopes must be one or one for each"),
    (X, W, {"activation": ("prelu", ones((6, 1)))}, "prelu's slopes must be one or one for each"),
    (X, W, {"threads": 0}, "threads must be from 1 to 1024, got 0"),
    (X, W, {"threads": -1}, "threads must be from 1 to 1024, got -1"),
    (X, W, {"threads": 1025}, "threads must be from 1 to 1024, got 1025"),
    (X, W, {"threads": 2**64}, "threads"),
]  # fmt: skip


@pytest.mark.parametrize(("x", "w", "how", "words"), SHAPES, ids=lambda v: str(v)[:40])
def test_values_and_shapes_are_refused(x, w, how, words):
    x = ones(x)
    out = how.get("out")
    before = None if out is None else out.copy()
    with pytest.raises(ValueError, match=words):
        fastconv.conv2d(x, ones(w), **how)
    if out is not None:
        np.testing.assert_array_equal(out, before)


TRANSPOSED = [
    (
        {"output_padding": 1},
        r"output_padding must be .*smaller than stride or dilation \(1\), got 1",
    ),
    ({"output_padding": (2, 3), "stride": 3}, "width: output_padding .* got 3"),
    ({"output_padding": -1}, "output_padding must be at least 0"),
    ({"output_padding": 1, "output_size": (8, 9), "stride": 2}, "exclude each other"),
    ({"output_size": (7, 9)}, "height: output_size must be from 8 to 8, got 7"),
    ({"output_size": (13, 17), "stride": 2}, "width: output_size must be from 15 to 16, got 17"),
    ({"output_size": (1, 5, 8, 9)}, r"full shape must be \(1, 6, 8, 9\) here"),
    ({"output_size": (1, 8, 9)}, "output_size must be the 2 spatial lengths or the full shape"),
    ({"output_size": ()}, "output_size must be"),
    ({"padding": "full"}, "'full' has no meaning for a transposed convolution"),
    ({"padding": 5}, r"padding \(5, 5\) leaves nothing of an output of 8"),
    ({"groups": 3}, "groups must divide the output channels|groups"),
]


@pytest.mark.parametrize(("how", "words"), TRANSPOSED, ids=lambda v: str(v)[:40])
def test_transposed_values_are_refused(how, words):
    with pytest.raises(ValueError, match=words):
        fastconv.conv_transpose2d(ones(X), ones(WT), **how)


def test_transposed_causal_is_refused():
    with pytest.raises(ValueError, match="'causal' has no meaning for a transposed convolution"):
        fastconv.conv_transpose1d(ones((1, 4, 6)), ones((4, 6, 3)), padding="causal")


def test_nothing_is_left_behind_by_refused_calls():
    """The next call is right, and no reference to the arrays is kept."""
    x, w = ones(X), ones(W)
    counts = sys.getrefcount(x), sys.getrefcount(w)
    for _ in range(50):
        with pytest.raises(ValueError):
            fastconv.conv2d(x, w, stride=0)
        with pytest.raises(ValueError):
            fastconv.conv2d(x, w, bias=ones((1,)))
        with pytest.raises(ValueError):
            fastconv.conv2d(x, w, algorithm="depthwise")
    assert (sys.getrefcount(x), sys.getrefcount(w)) == counts
    np.testing.assert_array_equal(fastconv.conv2d(x, w), reference.conv2d(x, w))
