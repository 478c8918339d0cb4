"""unfold and fold: against loops and the reference, as adjoints, and against bad arguments."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import numpy as np
import pytest

from fastconv import columns, reference
from fastconv.grad import columns as columns_grad

DTYPES = (np.float32, np.float64)
typed = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)
unfold, fold = columns.unfold, columns.fold


class Case(NamedTuple):
    """An image without its batch, the windows, and why they are worth a test."""

    why: str
    image: tuple[int, int, int]
    kernel: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1

    @property
    def geometry(self) -> tuple[Any, ...]:
        return self.kernel, self.dilation, self.padding, self.stride


CASES = (
    Case("one element", (1, 1, 1), 1),
    Case("a kernel of 1 copies", (3, 4, 5), 1),
    Case("the whole image is the window", (2, 3, 4), (3, 4)),
    Case("rows longer than any vector, with a tail", (2, 5, 69), 3),
    Case("padding on both sides", (2, 5, 7), 3, 1, 1),
    Case("padding beyond the kernel: windows of zeros only", (1, 2, 3), 2, 1, 4),
    Case("strides that leave elements out", (2, 9, 10), 2, 1, 0, (4, 3)),
    Case("strides and padding that cut the last window off", (1, 8, 8), 3, 1, 1, 3),
    Case("dilation", (2, 9, 11), 3, (2, 3)),
    Case("dilated beyond the image, but for padding", (1, 3, 3), 2, 5, 2),
    Case("everything at once, different on each axis", (3, 11, 13), (3, 2), (2, 3), (3, 1), (2, 3)),
    Case("asymmetric pairs", (2, 5, 6), 3, 1, ((2, 0), (0, 1))),
    Case("one pair for both axes", (2, 5, 6), 3, 1, ((0, 2),)),
    Case("same, an even kernel: the odd one at the end", (2, 5, 6), 2, 1, "same"),
    Case("same at a stride", (2, 7, 10), 3, 1, "same", 2),
    Case("same_lower", (2, 5, 6), (2, 4), 1, "same_lower"),
    Case("full: every overlap", (1, 4, 3), 3, 1, "full"),
    Case("valid", (1, 4, 3), 3, 1, "valid"),
    Case("sequences of one, and NumPy ints", (1, 6, 6), [np.int64(2)], (1,), (1,), np.int32(2)),
)
each = pytest.mark.parametrize("case", CASES, ids=[case.why for case in CASES])


def data(case: Case, dtype: Any, batch: int = 2) -> tuple[Any, Any]:
    """Small integers, whose sums are exact: an image and columns of its unfolding."""
    rng = np.random.default_rng(12)
    x = rng.integers(-9, 10, (batch, *case.image)).astype(dtype)
    shape = reference.unfold(x, *case.geometry).shape
    return x, rng.integers(-9, 10, shape).astype(dtype)


def test_unfold_by_hand() -> None:
    x = np.arange(1.0, 10).reshape(1, 3, 3)
    wanted = [[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]
    assert unfold(x, 2).tolist() == wanted
    assert fold(unfold(x, 2), 3, 2).tolist() == [[[1, 4, 3], [8, 20, 12], [7, 16, 9]]]


def test_rows_are_channel_then_tap() -> None:
    x = np.arange(24.0).reshape(1, 2, 3, 4)
    y = unfold(x, (2, 3)).reshape(1, 2, 2, 3, 2, 2)
    for c, p, q, i, j in np.ndindex(2, 2, 3, 2, 2):
        assert y[0, c, p, q, i, j] == x[0, c, i + p, j + q]


@each
@typed
def test_equals_the_reference(case: Case, dtype: Any, isa: str) -> None:
    x, y = data(case, dtype)
    size = case.image[1:]
    for got, wanted in (
        (unfold(x, *case.geometry), reference.unfold(x, *case.geometry)),
        (unfold(x[0], *case.geometry), reference.unfold(x[0], *case.geometry)),
        (fold(y, size, *case.geometry), reference.fold(y, size, *case.geometry)),
        (fold(y[0], size, *case.geometry), reference.fold(y[0], size, *case.geometry)),
        (columns_grad.unfold_input(y, x.shape, *case.geometry), fold(y, size, *case.geometry)),
        (columns_grad.fold_input(x, *case.geometry), unfold(x, *case.geometry)),
    ):
        assert got.dtype == dtype
        assert got.flags.c_contiguous
        np.testing.assert_array_equal(got, wanted)


@each
def test_fold_is_the_adjoint_of_unfold(case: Case) -> None:
    x, y = data(case, np.float64)
    forward = (unfold(x, *case.geometry) * y).sum()
    assert forward == (x * fold(y, case.image[1:], *case.geometry)).sum()


@each
def test_channels_last_is_the_same_transposed(case: Case) -> None:
    x, y = data(case, np.float32)
    options: dict[str, Any] = {"data_format": "channels_last"}
    x_last, y_last = np.moveaxis(x, 1, -1), np.moveaxis(y, 1, -1)
    got = unfold(x_last, *case.geometry, **options)
    np.testing.assert_array_equal(got, np.moveaxis(unfold(x, *case.geometry), 1, -1))
    folded = fold(y_last, case.image[1:], *case.geometry, **options)
    wanted = np.moveaxis(fold(y, case.image[1:], *case.geometry), 1, -1)
    np.testing.assert_array_equal(folded, wanted)
    grad = columns_grad.unfold_input(y_last[0], x_last[0].shape, *case.geometry, **options)
    np.testing.assert_array_equal(grad, wanted[0])
    grad = columns_grad.fold_input(x_last, *case.geometry, **options)
    np.testing.assert_array_equal(grad, got)


def test_unfolding_makes_a_convolution_a_product() -> None:
    rng = np.random.default_rng(13)
    x, w = rng.normal(size=(2, 3, 8, 9)), rng.normal(size=(4, 3, 3, 2))
    product = w.reshape(4, -1) @ unfold(x, (3, 2), 2, 1, (2, 1))
    wanted = reference.conv2d(x, w, stride=(2, 1), padding=1, dilation=2)
    np.testing.assert_allclose(product.reshape(wanted.shape), wanted, atol=1e-12)


@typed
def test_threads_change_no_bit(dtype: Any) -> None:
    rng = np.random.default_rng(14)
    x = rng.normal(size=(3, 4, 90, 91)).astype(dtype)
    y = rng.normal(size=(3, 36, 90 * 91)).astype(dtype)
    one, back = unfold(x, 3, padding=1, threads=1), fold(y, (90, 91), 3, padding=1, threads=1)
    for threads in (2, 5):
        assert np.array_equal(unfold(x, 3, padding=1, threads=threads), one)
        assert np.array_equal(fold(y, (90, 91), 3, padding=1, threads=threads), back)


def test_non_finite_values_stay_in_their_windows() -> None:
    x = np.zeros((1, 5, 5))
    x[0, 0, 0], x[0, 4, 4] = np.nan, np.inf
    y = unfold(x, 3, padding=1)
    assert np.isnan(y).sum() == 4
    assert np.isinf(y).sum() == 4
    assert np.isnan(fold(y, 5, 3, padding=1)).sum() == 1


def test_memory_and_out() -> None:
    rng = np.random.default_rng(15)
    x = rng.normal(size=(2, 3, 6, 7))
    wanted = unfold(x, 2)
    readonly = x.copy()
    readonly.flags.writeable = False
    for given in (np.asfortranarray(x), x.astype(">f8"), readonly, x.tolist()):
        assert np.array_equal(unfold(given, 2), wanted)
    out = np.empty(wanted.shape)
    assert unfold(x, 2, out=out) is out
    assert np.array_equal(out, wanted)
    spread = np.empty((*wanted.shape[:-1], 2 * wanted.shape[-1]))[..., ::2]
    unfold(x, 2, out=spread)
    assert np.array_equal(spread, wanted)
    memory = x.copy()  # a kernel of 1 keeps the number of elements: out may be the input itself
    unfold(memory, 1, out=memory.reshape(2, 3, 42)[:, ::-1])
    assert np.array_equal(memory[:, ::-1], x)
    memory = wanted.copy()
    image = memory.reshape(-1)[5 : 5 + x.size].reshape(x.shape)
    folded = fold(wanted, (6, 7), 2)
    assert fold(memory, (6, 7), 2, out=image) is image
    assert np.array_equal(image, folded)


def test_an_empty_batch_gives_an_empty_result() -> None:
    assert unfold(np.empty((0, 3, 6, 7)), 2).shape == (0, 12, 30)
    assert fold(np.empty((0, 12, 30)), (6, 7), 2).shape == (0, 3, 6, 7)
    assert columns_grad.unfold_input(np.empty((0, 12, 30)), (0, 3, 6, 7), 2).shape == (0, 3, 6, 7)


X, Y = np.ones((1, 2, 4, 5)), np.ones((1, 8, 12))  # Y unfolds X with a kernel of 2
REFUSED: tuple[tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], str], ...] = (
    ("unfold", (np.ones((4, 5)), 2), {}, ValueError, r"input must have shape \(N, C, H, W\)"),
    ("unfold", (X.astype(int), 2), {}, TypeError, "input must have dtype float32 or float64"),
    ("unfold", (X[:, :0], 2), {}, ValueError, "at least one channel"),
    ("unfold", (X[..., :0], 2), {}, ValueError, "width: the input must have at least one"),
    ("unfold", (X, 5), {}, ValueError, "height: the kernel reaches 5 .* only 4"),
    ("unfold", (X, 0), {}, ValueError, "kernel size must be positive"),
    ("unfold", (X, 2, 0), {}, ValueError, "dilation must be positive"),
    ("unfold", (X, 2, 1, -1), {}, ValueError, "padding must not be negative"),
    ("unfold", (X, 2, 1, 0, 0), {}, ValueError, "stride must be positive"),
    ("unfold", (X, 2, 1, 0, -(1 << 70)), {}, ValueError, "stride does not fit 64 bits"),
    ("unfold", (X, 2, 1, 0, 1 << 40), {}, ValueError, "must be at most"),
    ("unfold", (X, 1, 1, (1 << 31) - 1), {}, ValueError, "too large"),
    ("unfold", (X, 2.0), {}, TypeError, "kernel_size must be an int"),
    ("unfold", (X, True), {}, TypeError, "kernel_size must be an int"),
    ("unfold", (X, (2, 2, 2)), {}, ValueError, "kernel_size must be an int or a sequence"),
    ("unfold", (X, 2, 1, "causal"), {}, ValueError, "causal"),
    ("unfold", (X, 2, 1, "sane"), {}, ValueError, "padding must be"),
    ("unfold", (X, 2), {"data_format": "NCHW"}, ValueError, "data_format must be"),
    ("unfold", (X, 2), {"threads": -1}, ValueError, "threads must be"),
    ("unfold", (X, 2), {"out": X}, ValueError, r"out must have shape \(1, 8, 12\)"),
    ("fold", (X, (4, 5), 2), {}, ValueError, "input must have shape"),
    ("fold", (Y[:, :7], (4, 5), 2), {}, ValueError, "a multiple of 4 rows"),
    ("fold", (Y[:, :0], (4, 5), 2), {}, ValueError, "a multiple of 4 rows"),
    ("fold", (Y, (4, 6), 2), {}, ValueError, r"15 columns, one for each of 3 x 5 windows"),
    ("fold", (Y, (0, 5), 2), {}, ValueError, "output_size must be positive"),
    ("fold", (Y, (1 << 47, 5), 2), {}, ValueError, "too large"),
    ("fold", (Y, (1, 4, 5), 2), {}, ValueError, "output_size must be"),
    ("fold", (Y, None, 2), {}, TypeError, "output_size must be an int"),
    ("unfold_input", (Y, (1, 2, 4), 2), {}, ValueError, r"grad_output must have shape \(4, 3\)"),
    ("unfold_input", (Y, (4, 5), 2), {}, ValueError, "input_size must be"),
    ("unfold_input", (Y, (1, 3, 4, 5), 2), {}, ValueError, r"grad_output must have shape \(1, 12"),
    ("unfold_input", (Y, (1, 2, 4, 0), 2), {}, ValueError, "positive lengths"),
    ("unfold_input", (Y, 4, 2), {}, TypeError, "input_size must be a sequence"),
    ("fold_input", (Y[0], 2), {}, ValueError, "grad_output must have shape"),
)


@pytest.mark.parametrize(("name", "arguments", "options", "error", "message"), REFUSED)
def test_bad_arguments_are_named(
    name: str, arguments: Any, options: Any, error: type[Exception], message: str
) -> None:
    module = columns_grad if name.endswith("_input") else columns
    with pytest.raises(error, match=message):
        getattr(module, name)(*arguments, **options)


def test_signatures_are_public_contract() -> None:
    geometry = ["kernel_size", "dilation", "padding", "stride", "threads", "out", "data_format"]
    for function, first in (
        (unfold, ["input"]),
        (fold, ["input", "output_size"]),
        (columns_grad.unfold_input, ["grad_output", "input_size"]),
        (columns_grad.fold_input, ["grad_output"]),
    ):
        parameters = inspect.signature(function).parameters
        assert list(parameters) == first + geometry
        assert [parameters[name].default for name in geometry[1:4]] == [1, 0, 1]
        assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in geometry[4:])
