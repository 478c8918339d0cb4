"""The oracle against hand-made values, plain loops, and the arithmetic of convolution."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from arithmetic import CONVOLUTIONS, FACTS, TRANSPOSED, Fact, Relation
from fastconv import reference

MODES = ("zeros", "reflect", "replicate", "circular", "symmetric", ("constant", 3.0))


def source(i, n, mode):
    """Where element i of a padded axis comes from, None for a zero."""
    if 0 <= i < n:
        return i
    if mode == "zeros" or isinstance(mode, tuple):
        return None
    if mode == "symmetric":
        return -1 - i if i < 0 else 2 * n - 1 - i
    if mode == "circular":
        return i % n
    if mode == "replicate":
        return min(max(i, 0), n - 1)
    return -i if i < 0 else 2 * (n - 1) - i


def loops_conv2d(x, w, stride, pads, dilation, groups, mode):
    """Convolve one sample with seven loops."""
    (top, bottom), (left, right) = pads
    c_out, per_group, kh, kw = w.shape
    height = (x.shape[1] + top + bottom - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    width = (x.shape[2] + left + right - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((c_out, height, width))
    for o, i, j in np.ndindex(y.shape):
        first = o // (c_out // groups) * per_group
        for c, p, q in np.ndindex(per_group, kh, kw):
            row = source(i * stride[0] + p * dilation[0] - top, x.shape[1], mode)
            column = source(j * stride[1] + q * dilation[1] - left, x.shape[2], mode)
            if row is not None and column is not None:
                y[o, i, j] += w[o, c, p, q] * x[first + c, row, column]
    return y


@pytest.mark.parametrize("seed", range(40))
def test_convolution_is_seven_loops(seed):
    rng = np.random.default_rng(seed)
    groups, kernel, stride, dilation = rng.integers(1, 4), *rng.integers(1, 4, (3, 2))
    mode = MODES[seed % 4]
    lengths = rng.integers(4, 8, 2)
    pads = np.minimum(rng.integers(0, 4, (2, 2)), lengths[:, None] - 1)
    lengths = np.maximum(lengths, dilation * (kernel - 1) + 1 - pads.sum(1))
    x = rng.integers(-9, 10, (2 * groups, *lengths))
    w = rng.integers(-9, 10, (3 * groups, 2, *kernel))
    y = reference.conv2d(x, w, None, stride, pads, dilation, groups, padding_mode=mode)
    np.testing.assert_array_equal(y, loops_conv2d(x, w, stride, pads, dilation, groups, mode))


def loops_windows(x, kernel, stride, pads, dilation, ceil_mode):
    """The taps of every window: (index, value) inside, and how many lie in input or padding."""
    axes = []
    for n, k, s, (lo, hi), d in zip(x.shape, kernel, stride, pads, dilation, strict=True):
        ke, end = d * (k - 1) + 1, n + hi
        starts = [
            a
            for a in range(-lo, end, s)
            if (a < n and (a == -lo or a - s + ke < end) if ceil_mode else a + ke <= end)
        ]
        axes.append([[a + d * p for p in range(k)] for a in starts])
    for rows, columns in itertools.product(*axes):
        taps = [
            (r * x.shape[1] + c, x[r, c])
            for r, c in itertools.product(rows, columns)
            if 0 <= r < x.shape[0] and 0 <= c < x.shape[1]
        ]
        padded = [
            sum(i < n + hi for i in axis)
            for axis, n, (_, hi) in zip((rows, columns), x.shape, pads, strict=True)
        ]
        yield taps, padded[0] * padded[1]


@pytest.mark.parametrize("seed", range(60))
def test_pools_are_loops_over_windows(seed):
    rng = np.random.default_rng(seed)
    kernel, stride, dilation = rng.integers(1, 4, (3, 2)).tolist()
    pads = rng.integers(0, 3, (2, 2)).tolist()
    ceil_mode = bool(seed % 2)
    x = rng.integers(-3, 4, rng.integers(7, 10, 2)).astype(float)
    x[rng.random(x.shape) < 0.1] = -math.inf
    x[rng.random(x.shape) < 0.1 * (seed % 3)] = math.nan
    windows = list(loops_windows(x, kernel, stride, pads, dilation, ceil_mode))
    where = {"dilation": dilation, "ceil_mode": ceil_mode}

    def expect(function, values, *args, image=x, **kwargs):
        y = getattr(reference, function)(image[None], *args, **kwargs, **where)
        np.testing.assert_array_equal(np.ravel(y), values, err_msg=function)

    def largest(taps):
        nans = [i for i, v in taps if math.isnan(v)]
        return (nans[-1], math.nan) if nans else max(taps, key=lambda t: t[1])

    best = [largest(taps) if taps else (None, -math.inf) for taps, _ in windows]
    args = (kernel, stride, pads)
    expect("max_pool2d", [v for _, v in best], *args)
    expect("min_pool2d", [-v for _, v in best], *args, image=-x)
    if all(taps for taps, _ in windows):
        _, index = reference.max_pool2d(x[None], *args, return_indices=True, **where)
        assert index.dtype == np.int64
        np.testing.assert_array_equal(np.ravel(index), [i for i, _ in best])
    finite = np.nan_to_num(x, neginf=-5)
    windows = list(loops_windows(finite, kernel, stride, pads, dilation, ceil_mode))
    sums = [sum(v for _, v in taps) for taps, _ in windows]
    expect("sum_pool2d", sums, *args, image=finite)
    expect("sum_pool2d", sums, *args, image=finite.astype(np.int8))
    expect("avg_pool2d", [s / n for s, (_, n) in zip(sums, windows, strict=True)], *args,
           image=finite)  # fmt: skip
    expect("avg_pool2d", [s / 7 for s in sums], *args, image=finite, divisor_override=7)
    inside = [s / len(t) if t else math.nan for s, (t, _) in zip(sums, windows, strict=True)]
    expect("avg_pool2d", inside, *args, image=finite, count_include_pad=False)
    norms = [sum(abs(v) for _, v in taps) for taps, _ in windows]
    expect("lp_pool2d", norms, 1, kernel, stride, image=finite, padding=pads)
    norms = [max((abs(v) for _, v in taps), default=0) for taps, _ in windows]
    expect("lp_pool2d", norms, math.inf, kernel, stride, image=finite, padding=pads)


def name(row):
    return row.why


@pytest.mark.parametrize("row", CONVOLUTIONS, ids=name)
def test_lengths_follow_the_arithmetic(row: Relation):
    at = {"stride": row.stride, "padding": row.padding, "dilation": row.dilation}
    line = reference.conv1d(np.ones((1, row.input)), np.ones((1, 1, row.kernel)), **at)
    assert line.shape == (1, row.output)
    plane, kernel = np.ones((1, row.input, row.input)), np.ones((1, 1, row.kernel, row.kernel))
    assert reference.conv2d(plane, kernel, **at).shape == (1, row.output, row.output)


@pytest.mark.parametrize("row", TRANSPOSED, ids=name)
def test_transposed_is_a_direct_convolution_of_the_stretched_input(row: Relation):
    rng = np.random.default_rng(7)
    x = rng.integers(-9, 10, (2, 3, row.input))
    w = rng.integers(-9, 10, (3, 4, row.kernel))
    at = {"stride": row.stride, "padding": row.padding, "dilation": row.dilation}
    y = reference.conv_transpose1d(x, w, output_padding=row.output_padding, **at)
    assert y.shape == (2, 4, row.output)
    # s - 1 zeros between the elements, the kernel reversed, its channels exchanged, full padding;
    # then the crop, where what is beyond the full output is zero.
    stretched = np.zeros((2, 3, (row.input - 1) * row.stride + 1))
    stretched[..., :: row.stride] = x
    flipped = w.transpose(1, 0, 2)[..., ::-1]
    full = reference.conv1d(stretched, flipped, padding="full", dilation=row.dilation)
    lo, _ = reference.resolve_padding(
        row.padding, row.input * row.stride, row.kernel, row.stride, row.dilation
    )
    full = np.pad(full, [(0, 0), (0, 0), (0, row.output)])
    np.testing.assert_array_equal(y, full[..., lo : lo + row.output])


@pytest.mark.parametrize("row", TRANSPOSED, ids=name)
def test_transposed_goes_back_to_the_input_of_the_direct_one(row: Relation):
    at = {"stride": row.stride, "padding": row.padding, "dilation": row.dilation}
    x, w = np.ones((1, row.output)), np.ones((1, 1, row.kernel))
    extra = row.output_padding // row.stride
    assert reference.conv1d(x, w, **at).shape == (1, row.input + extra)


@pytest.mark.parametrize("fact", FACTS, ids=name)
@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
def test_textbook_facts(fact: Fact, data_format):
    last = data_format == "channels_last"
    order = (lambda s: (*s[1:], s[0])) if last else tuple
    weight = () if fact.weight is None else (np.ones(fact.weight),)
    function = getattr(reference, fact.function)
    x = np.ones((2, *order(fact.input)))
    y = function(x, *weight, **fact.options, data_format=data_format)
    assert y.shape == (2, *order(fact.output))
    sample = function(x[0], *weight, **fact.options, data_format=data_format)
    np.testing.assert_array_equal(sample, y[0])


def test_a_partial_last_window_holds_what_is_left():
    x = np.arange(1.0, 26).reshape(1, 5, 5)
    y = reference.max_pool2d(x, 2, ceil_mode=True)
    assert y.tolist() == [[[7, 9, 10], [17, 19, 20], [22, 24, 25]]]
    y = reference.avg_pool2d(x, 2, ceil_mode=True)
    assert y.tolist() == [[[4, 6, 7.5], [14, 16, 17.5], [21.5, 23.5, 25]]]
    assert reference.lp_pool2d(x, 1, 2, ceil_mode=True)[0, 2, 2] == 25


def test_convolution_with_an_edge_filter():
    x = [[[0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9]]]
    sobel = [[[[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]]]
    assert reference.conv2d(x, sobel).tolist() == [[[36, 36], [36, 36]]]
    assert reference.conv2d(x, sobel, [-40], activation="relu").tolist() == [[[0, 0], [0, 0]]]
    y = reference.conv2d(x, sobel, [-40], residual=[[[3, 4], [5, 60]]], activation="relu")
    assert y.tolist() == [[[0, 0], [1, 56]]]
    y = reference.conv2d(x, sobel, [-40], activation=("leaky_relu", 0.5))
    assert y.tolist() == [[[-2, -2], [-2, -2]]]


@pytest.mark.parametrize(
    ("padding", "stride", "expected"),
    [
        ("valid", 1, [3, 5, 7, 9, 11]),
        ("same", 1, [3, 5, 7, 9, 11, 6]),
        ("same_lower", 1, [1, 3, 5, 7, 9, 11]),
        ("causal", 1, [1, 3, 5, 7, 9, 11]),
        ("full", 1, [1, 3, 5, 7, 9, 11, 6]),
        ("same", 2, [3, 7, 11]),
        ("causal", 2, [1, 5, 9]),
        ((2,), 3, [0, 5, 11]),
        (((0, 1),), 2, [3, 7, 11]),
    ],
)
def test_padding_words(padding, stride, expected):
    y = reference.conv1d([[1, 2, 3, 4, 5, 6]], [[[1, 1]]], padding=padding, stride=stride)
    assert y.tolist() == [expected]


def test_same_at_a_stride_is_that_of_tensorflow():
    # Windows start at 0, 2, 4: the one missing element is added at the end, or at the start.
    x, w = [[1, 2, 3, 4, 5, 6]], [[[1, 10, 100]]]
    assert reference.conv1d(x, w, stride=2, padding="same").tolist() == [[321, 543, 65]]
    assert reference.conv1d(x, w, stride=2, padding="same_lower").tolist() == [[210, 432, 654]]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("zeros", [0, 0, 1, 2, 3, 0]),
        ("reflect", [3, 2, 1, 2, 3, 2]),
        ("replicate", [1, 1, 1, 2, 3, 3]),
        ("circular", [2, 3, 1, 2, 3, 1]),
        ("symmetric", [2, 1, 1, 2, 3, 3]),
        (("constant", 7), [7, 7, 1, 2, 3, 7]),
    ],
)
def test_padding_modes(mode, expected):
    y = reference.conv1d([[1, 2, 3]], [[[1]]], padding=((2, 1),), padding_mode=mode)
    assert y.tolist() == [expected]


@pytest.mark.parametrize(("mode", "limit"), [("reflect", 2), ("circular", 3), ("symmetric", 3)])
def test_padding_modes_have_a_limit(mode, limit):
    ones = np.ones((1, 3)), np.ones((1, 1, 2))
    assert reference.conv1d(*ones, padding=limit, padding_mode=mode).shape == (1, 2 + 2 * limit)
    with pytest.raises(ValueError, match="at most"):
        reference.conv1d(*ones, padding=limit + 1, padding_mode=mode)


def test_transposed_takes_an_output_size():
    x, w = np.ones((1, 2, 3, 4)), np.ones((2, 5, 3, 3))
    for size in ((6, 8), (1, 5, 6, 8)):
        y = reference.conv_transpose2d(x, w, stride=2, padding=1, output_size=size)
        assert y.shape == (1, 5, 6, 8)
    for size in ((4, 8), (7, 8)):
        with pytest.raises(ValueError, match="at least"):
            reference.conv_transpose2d(x, w, stride=2, padding=1, output_size=size)
    last = np.moveaxis(x, 1, -1)
    y = reference.conv_transpose2d(
        last, w, stride=2, padding=1, output_size=(1, 6, 7, 5), data_format="channels_last"
    )
    assert y.shape == (1, 6, 7, 5)


def test_max_pool_indices():
    nan, inf = math.nan, math.inf
    rows = [
        ([5, 5, 1, 5], 0, "the first of equals"),
        ([5, nan, 9, nan], 3, "NaN over all, the last one's index"),
        ([-inf] * 4, 0, "the first tap inside"),
        ([-inf, -inf, -9, inf], 3, "the largest"),
    ]
    for x, index, why in rows:
        assert reference.max_pool1d([x], 4, return_indices=True)[1].tolist() == [[index]], why
        assert reference.adaptive_max_pool1d([x], 1, True)[1].tolist() == [[index]], why
        y, i = reference.max_pool1d([x], 5, 1, ((1, 0),), return_indices=True)
        assert i.tolist() == [[index]], why
        np.testing.assert_array_equal(y, [[x[index]]], err_msg=why)


def test_a_window_without_input():
    x = [[1.0]]
    at = {"kernel_size": 2, "padding": 1, "dilation": 2}
    assert reference.max_pool1d(x, **at) == -math.inf
    assert reference.min_pool1d(x, **at) == math.inf
    assert reference.max_pool1d(np.ones((1, 1), np.int8), **at) == -128
    assert reference.min_pool1d(np.ones((1, 1), np.uint8), **at) == 255
    assert reference.sum_pool1d(x, **at) == 0
    assert reference.lp_pool1d(x, 2, **at) == 0
    assert reference.lp_pool1d(x, math.inf, **at) == 0
    assert reference.avg_pool1d(x, **at) == 0
    assert math.isnan(reference.avg_pool1d(x, count_include_pad=False, **at).item())
    with pytest.raises(ValueError, match="return_indices"):
        reference.max_pool1d(x, return_indices=True, **at)


def test_pools_keep_integers():
    x = np.array([[100, 100, -128, -1]], np.int8)
    total = reference.sum_pool1d(x, 2)
    assert total.dtype == np.int8
    assert total.tolist() == [[-56, 127]]
    assert reference.global_sum_pool1d(x).tolist() == [[71]]
    big = np.array([[2**63 - 2, 2**63 - 1]])
    assert reference.max_pool1d(big, 2).tolist() == [[2**63 - 1]]
    assert reference.max_pool1d(x.astype(">i2"), 2).dtype == np.dtype(np.int16)


def test_unpool_puts_back_and_the_last_of_duplicates_wins():
    x = [[[1, 2, 5, 3], [4, 0, 0, 0]]]
    y, index = reference.max_pool2d(x, 2, return_indices=True)
    back = reference.max_unpool2d(y, index, 2)
    assert back.tolist() == [[[0, 0, 5, 0], [4, 0, 0, 0]]]
    assert reference.max_unpool2d(y, index, 2, output_size=(3, 5)).shape == (1, 3, 5)
    assert reference.max_unpool1d([[7, 8]], [[2, 2]], 2).tolist() == [[0, 0, 8, 0]]
    with pytest.raises(IndexError):
        reference.max_unpool1d([[7, 8]], [[2, 4]], 2)


def test_adaptive_windows_overlap():
    x = np.arange(1.0, 6)[None]
    assert reference.adaptive_avg_pool1d(x, 3).tolist() == [[1.5, 3, 4.5]]
    assert reference.adaptive_max_pool1d(x, (3,)).tolist() == [[2, 4, 5]]
    assert reference.adaptive_avg_pool1d(x, None).tolist() == x.tolist()
    assert reference.adaptive_max_pool1d(x, 10)[0, ::2].tolist() == x[0].tolist()
    assert reference.adaptive_avg_pool2d(x[None], (None, 0)).shape == (1, 1, 0)


def test_no_samples_give_no_results():
    x, w = np.ones((0, 2, 5)), np.ones((4, 2, 3))
    assert reference.conv1d(x, w, padding=1, padding_mode="reflect").shape == (0, 4, 5)
    assert reference.conv_transpose1d(x, np.ones((2, 4, 3))).shape == (0, 4, 7)
    y, index = reference.max_pool1d(x, 2, return_indices=True)
    assert y.shape == index.shape == (0, 2, 2)
    assert reference.grad.conv1d_input(x.shape, w, np.ones((0, 4, 3))).shape == x.shape
    assert not reference.grad.conv1d_weight(x, w.shape, np.ones((0, 4, 3))).any()
    assert not reference.grad.conv1d_bias(np.ones((0, 4, 3))).any()


def test_one_nan_reaches_its_windows_only():
    x = np.ones((1, 9, 9))
    x[0, 4, 5] = math.nan
    y = reference.conv2d(x, np.ones((1, 1, 3, 3)), padding=1)
    expected = np.zeros((9, 9), bool)
    expected[3:6, 4:7] = True
    np.testing.assert_array_equal(np.isnan(y[0]), expected)


@pytest.mark.parametrize("padding", ["sam", -1, ((1, -1),), (1, 1, 1)])
def test_bad_padding_is_a_value_error(padding):
    with pytest.raises(ValueError, match="padding"):
        reference.conv1d([[1, 2, 3]], [[[1]]], padding=padding)


def test_a_kernel_longer_than_the_input_is_a_value_error():
    with pytest.raises(ValueError, match=r"kernel reaches 5 .* only 4"):
        reference.conv1d([[1, 2, 3, 4]], [[[1, 1, 1]]], dilation=2)
    with pytest.raises(ValueError, match=r"kernel reaches 4 .* only 1"):
        reference.max_pool1d([[1]], 4, ceil_mode=True)


def test_batch_norm_is_its_formula():
    """Channel 0: (x - 1) / 2 * 3 + 5; channel 1: (x - 0) / 1 * 1 + 7."""
    x = [[[1, 3], [2, -9]]]
    channels = [1, 0], [3, 0], [3, 1], [5, 7]
    y = reference.batch_norm(x, *channels, eps=1)
    assert y.tolist() == [[[5, 8], [9, -2]]]
    last = reference.batch_norm(np.moveaxis(x, 1, 2), *channels, eps=1, data_format="channels_last")
    assert np.moveaxis(last, 2, 1).tolist() == y.tolist()
    assert reference.batch_norm(x, *channels, eps=1, activation="relu").tolist()[0][1] == [9, 0]
    how = {"eps": 1, "activation": ("prelu", [3, 0.5])}
    assert reference.batch_norm(x, *channels, **how).tolist() == [[[5, 8], [9, -1]]]
    last = reference.batch_norm(np.moveaxis(x, 1, 2), *channels, **how, data_format="channels_last")
    assert np.moveaxis(last, 2, 1).tolist() == [[[5, 8], [9, -1]]]
    with pytest.raises(ValueError, match="data_format"):
        reference.batch_norm(x, *channels, data_format="NCHW")


def test_add_is_a_sum():
    assert reference.add([[1, -5]], [[2], [3]], activation="relu").tolist() == [[3, 0], [4, 0]]
    y = reference.add([[-1, -5]], [[-2], [3]], activation=("prelu", [2, 0.5]))
    assert y.tolist() == [[-6, -3.5], [2, -1]]
