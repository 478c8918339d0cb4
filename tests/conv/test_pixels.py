"""Images with channels last: read and written as they lie, by every algorithm that takes them."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fastconv
from algorithms import ENTRIES, FAMILIES, dtypes_of, each_with_algorithm, options_of, refusal
from cases import CONV, TRANSPOSED, bound, exact, named
from fastconv import grad

ALL = (*CONV, *TRANSPOSED)
IN_PLACE = (  # entries that read pixels
    "dense_pixels", "depthwise_in_place", "groups_in_place", "pointwise_pixels",
)  # fmt: skip
LAST = {"data_format": "channels_last"}
PLAIN = {"precision": "highest", "data_format": "channels_last"}
SOME = named(
    CONV, "enough work for threads", "terms over several slices", "depthwise at stride 2",
    "a stem: 7x7 at stride 2", "1x1 is a matrix product", "reflect", "dilation and stride",
    "depthwise with a multiplier", "two groups", "a prime number of output channels", "1-D",
    "a filter for each of three channels", "a filter for each of four channels",
    "a column of nine taps for each channel", "a filter for each of six channels, reflected",
    "depthwise in pairs of rows", "groups of two, several to a vector",
    "groups of four at stride 2", "groups of eight, dilated", "grey of RGB",
    "1x1 of few channels over several blocks",
)  # fmt: skip


def last(case, array):
    """The array with its channels moved behind the other axes."""
    return np.ascontiguousarray(np.moveaxis(array, 1 - len(case.w), -1))


def first(case, array):
    """The same array with its channels in front: it still lies as pixels."""
    return np.moveaxis(array, -1, 1 - len(case.w))


@each_with_algorithm(ALL, **PLAIN)
def test_integers_are_exact(case, algorithm, isa):
    for dtype in dtypes_of(case, algorithm, **PLAIN):
        x, w, b, want = exact(case, dtype)
        turned = {**options_of(case, "channels_last"), **LAST}
        how = {"algorithm": algorithm, "precision": "highest"}
        for threads in (1, 3):
            y = case.function(last(case, x), w, b, **turned, **how, threads=threads)
            assert y.flags.c_contiguous
            np.testing.assert_array_equal(y, last(case, want), err_msg=f"{dtype}, {threads}")
        # An array of planes' shape that lies as pixels; the result is planes.
        y = case.function(first(case, last(case, x)), w, b, **case.options, **how)
        np.testing.assert_array_equal(y, want)


@each_with_algorithm(SOME, ("auto", *IN_PLACE), **PLAIN)
def test_threads_change_no_bit_and_floats_are_within_the_bound(case, algorithm, isa):
    for dtype in dtypes_of(case, algorithm, **PLAIN):
        x, w, b = case.floats(dtype)
        how = {**options_of(case, "channels_last"), **PLAIN, "algorithm": algorithm}
        one = case.function(last(case, x), w, b, **how, threads=1)
        for threads in (2, 3, 7):
            many = case.function(last(case, x), w, b, **how, threads=threads)
            assert many.tobytes() == one.tobytes()
        want = case.oracle(x, w, b, **case.options)
        assert np.all(np.abs(first(case, one) - want) <= bound(case, x, w, b))


@each_with_algorithm(CONV, ("auto", *IN_PLACE), **PLAIN)
def test_residual_activation_and_slopes(case, algorithm, isa):
    for dtype in dtypes_of(case, algorithm, **PLAIN):
        x, w, b, want = exact(case, dtype)
        x, want = last(case, x), last(case, want).astype(dtype)
        residual = np.resize(np.arange(-5, 6, dtype=dtype), want.shape)
        slopes = np.linspace(-1, 2, case.w[0]).astype(dtype)
        how = {**options_of(case, "channels_last"), **PLAIN, "algorithm": algorithm}
        for name in ("relu", "relu6", "softplus"):
            y = case.function(x, w, b, **how, residual=residual, activation=name)
            np.testing.assert_array_equal(y, getattr(fastconv, name)(want + residual), err_msg=name)
        y = case.function(x, w, b, **how, activation=("prelu", slopes))
        np.testing.assert_array_equal(y, np.where(want > 0, want, want * slopes))
        out = residual.copy()
        assert case.function(x, w, b, **how, residual=out, out=out, threads=3) is out
        np.testing.assert_array_equal(out, want + residual)


def spread(case, array, kind):
    """A copy of the array in a larger one full of 77, and that: pixels or rows lie apart."""
    n = len(case.w) - 2
    grown = list(array.shape)
    at = [slice(None)] * array.ndim
    axis = {"channels": -1, "columns": -2, "rows": -1 - n}[kind]
    grown[axis] += 5
    at[axis] = slice(2, 2 + array.shape[axis])
    room = np.full(grown, 77, array.dtype)
    part = room[tuple(at)]
    part[...] = array
    return room, part


@each_with_algorithm((*SOME, *TRANSPOSED), ("auto", *IN_PLACE), **PLAIN)
@pytest.mark.parametrize("kind", ["channels", "columns", "rows"])
def test_slices_and_crops_have_the_same_bits(case, algorithm, isa, kind):
    for dtype in dtypes_of(case, algorithm, **PLAIN):
        x, w, b = case.floats(dtype)
        how = {
            **options_of(case, "channels_last"),
            **PLAIN,
            "algorithm": algorithm,
            "activation": "silu",
        }
        x = last(case, x)
        want = case.function(x, w, b, **how)
        room, out = spread(case, want, kind)
        out[...] = 77
        assert case.function(spread(case, x, kind)[1], w, b, **how, out=out) is out
        np.testing.assert_array_equal(out, want)
        plan = case.plan(x.shape, w, b, **how)
        of_plan = plan(x)
        out[...] = 77
        assert plan(spread(case, x, kind)[1], out=out) is out
        np.testing.assert_array_equal(out, of_plan)
        out[...] = 77
        assert (room == 77).all()


def test_mirrored_and_turned_images(isa):
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, (2, 9, 11, 24)).astype("f4")
    for w, groups in (((40, 24, 3, 3), 1), ((24, 1, 3, 3), 24)):
        weight = rng.integers(-9, 10, w).astype("f4")
        how = {"padding": 1, "groups": groups, "precision": "highest"}
        for view in (
            x[:, ::-1],
            x[:, :, ::-1],
            x[::-1, ::-1, ::-1],
            x[:, ::2],
            x[..., ::2, :],
            np.broadcast_to(x[:1], x.shape),
            x.transpose(0, 2, 1, 3),
            x.astype(">f4"),
        ):
            want = fastconv.conv2d(np.ascontiguousarray(view, "f4"), weight, **how, **LAST)
            np.testing.assert_array_equal(fastconv.conv2d(view, weight, **how, **LAST), want)
            nchw = np.ascontiguousarray(np.moveaxis(view, -1, 1), "f4")
            np.testing.assert_array_equal(
                fastconv.conv2d(nchw, weight, **how), np.moveaxis(want, -1, 1)
            )


def test_results_that_lie_otherwise(isa):
    rng = np.random.default_rng(1)
    x = rng.integers(-9, 10, (2, 9, 11, 24)).astype("f4")
    w = rng.integers(-9, 10, (40, 24, 3, 3)).astype("f4")
    how = {"precision": "highest"}
    want = fastconv.conv2d(x, w, **how, **LAST)
    plan = fastconv.Conv2dPlan(x.shape, w, **how, **LAST)
    planes = np.empty((2, 40, 7, 9), "f4")
    for call in (
        lambda **to: fastconv.conv2d(x, w, **how, **LAST, **to),
        lambda **to: plan(x, **to),
    ):
        for out in (
            planes.transpose(0, 2, 3, 1),
            np.empty(want.shape, "f4")[:, ::-1],
            np.empty((2, 7, 40, 9), "f4").transpose(0, 1, 3, 2),
        ):
            assert call(out=out) is out
            np.testing.assert_array_equal(out, want)
    pixels = np.empty(want.shape, "f4").transpose(0, 3, 1, 2)
    nchw = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    assert fastconv.conv2d(nchw, w, **how, out=pixels) is pixels
    np.testing.assert_array_equal(pixels, want.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("precision", ["highest", "high"])
def test_each_entry_takes_pixels_or_refuses_them_with_a_reason(precision, isa):
    """Prints how many of the cases each takes: see it by ``pytest -rP``."""
    for name in ENTRIES:
        answers = [refusal(case, name, precision=precision, **LAST) for case in ALL]
        taken = answers.count(None)
        print(f"{isa}, {precision}: {name} ({FAMILIES[name]}) takes {taken} of {len(ALL)} cases")
        assert all(len(why.split()) > 2 for why in answers if why is not None), name
        if name not in IN_PLACE:  # pixels are transposed for it
            assert answers == [refusal(case, name, precision=precision) for case in ALL]


def test_explain_says_what_is_transposed():
    w = np.ones((32, 32, 1, 1), np.float32)
    plan = fastconv.Conv2dPlan((1, 20, 20, 32), w, **LAST)
    lines = {line.split(":")[0].strip(): line for line in plan.explain().splitlines()}
    assert "transposed" not in lines["dense_pixels"]
    assert "input and result are transposed" in lines["pointwise"]
    chosen = next(line for line in plan.explain().splitlines() if line.endswith("<-"))
    assert "transposed" not in chosen
    assert plan.workspace_bytes < 4 * 20 * 20 * 32
    planes = fastconv.Conv2dPlan((1, 32, 20, 20), w).explain()
    assert "is transposed" not in planes
    assert "are transposed" not in planes
    reason = "not possible, neither the input nor the result lies as pixels"
    assert re.search(rf"\bdense_pixels\b.*: {reason}", planes)


@pytest.mark.parametrize(
    "mode", ["zeros", "reflect", "replicate", "circular", "symmetric", ("constant", 2.0)]
)
def test_gradients_of_inputs(mode, isa):
    rng = np.random.default_rng(2)
    for w, groups, stride in (
        ((40, 24, 3, 3), 1, 1),
        ((24, 1, 3, 3), 24, 1),
        ((40, 12, 3, 3), 2, 2),
        ((3, 1, 3, 3), 3, 1),
    ):
        weight = rng.integers(-9, 10, w).astype("f4")
        how = {"padding": 1, "padding_mode": mode, "groups": groups, "stride": stride}
        channels = w[1] * groups
        x = rng.integers(-9, 10, (2, channels, 19, 21)).astype("f4")
        with fastconv.precision("highest"):
            dy = rng.integers(-9, 10, fastconv.conv2d(x, weight, **how).shape).astype("f4")
            want = grad.conv2d_input(x.shape, weight, dy, **how)
            shape = (2, 19, 21, channels)
            dy = np.ascontiguousarray(dy.transpose(0, 2, 3, 1))
            got = grad.conv2d_input(shape, weight, dy, **how, **LAST)
            np.testing.assert_array_equal(got, want.transpose(0, 2, 3, 1))
            out = np.full((2, 19, 21, channels + 6), 77, "f4")
            grad.conv2d_input(shape, weight, dy, **how, **LAST, out=out[..., 3:-3])
            np.testing.assert_array_equal(out[..., 3:-3], got)
            assert (out[..., :3] == 77).all()
            assert (out[..., -3:] == 77).all()


def test_gradients_of_few_channels_have_the_same_bits_in_slices(isa):
    rng = np.random.default_rng(3)
    weight = rng.standard_normal((3, 1, 5, 3)).astype("f4")
    dy = rng.standard_normal((1, 19, 29, 3)).astype("f4")
    how = {"padding": (2, 1), "groups": 3, **LAST}
    want = grad.conv2d_input(dy.shape, weight, dy, **how)
    room, part = np.full((2, 1, 19, 29, 7), 77, "f4")
    part[..., 2:5] = dy
    assert grad.conv2d_input(dy.shape, weight, part[..., 2:5], **how).tobytes() == want.tobytes()
    grad.conv2d_input(dy.shape, weight, dy, **how, out=room[..., 2:5])
    np.testing.assert_array_equal(room[..., 2:5], want)


def test_images_of_few_channels_need_no_copy():
    w = np.ones((3, 1, 3, 3), np.float32)
    plan = fastconv.Conv2dPlan((1, 60, 80, 3), w, padding=1, groups=3, **LAST)
    assert "chosen: depthwise_in_place" in plan.explain()
    grey = fastconv.Conv2dPlan((1, 60, 80, 3), np.ones((1, 3, 1, 1), np.float32), **LAST)
    assert "chosen: pointwise_pixels" in grey.explain()
    for chosen in (plan, grey):
        line = next(s for s in chosen.explain().splitlines() if s.endswith("<-"))
        assert "transposed" not in line
    assert grey.workspace_bytes < 60 * 80 * 3 * 4
