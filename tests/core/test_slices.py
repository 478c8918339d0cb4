"""Slices of channels of a larger array: read and written where they lie, without a temporary."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

import fastconv
from algorithms import each_with_algorithm
from cases import CONV, TRANSPOSED, named
from fastconv import grad, reference
from pool_cases import WINDOWS

RNG = np.random.default_rng(5)
LAYOUTS = ("channels_first", "channels_last")


def axis_of(layout):
    return 1 if layout == "channels_first" else -1


def room_for(shape, dtype, layout="channels_first", before=3, behind=2):
    """A larger array, full of 77, and the slice of its channels that has this shape."""
    axis = axis_of(layout)
    larger = list(shape)
    larger[axis] += before + behind
    room = np.full(larger, 77, dtype)
    at = [slice(None)] * len(shape)
    at[axis] = slice(before, before + shape[axis])
    return room, room[tuple(at)]


def sliced(array, layout="channels_first", **how):
    """A copy of the array that is a slice of channels of a larger one."""
    room, part = room_for(array.shape, array.dtype, layout, **how)
    part[...] = array
    return room, part


def untouched(room, part):
    """Whether all of `room` but `part` is still full of 77."""
    part[...] = 77
    return bool((room == 77).all())


def batched(cases, *reasons):
    """The cases as three images: those of one image lie without gaps in any slice."""
    return [dataclasses.replace(case, x=(3, *case.x[1:])) for case in named(cases, *reasons)]


SPACED = (
    *batched(CONV, "1x1 is a matrix product", "3x3, the usual", "one channel out", "stride 2",
             "terms over several slices", "reflect", "circular, a whole turn", "two groups",
             "depthwise", "depthwise at stride 2", "depthwise, planes turned into pixels",
             "depthwise with a multiplier", "pixels of several images in a panel",
             "the same with taps", "columns first: two outputs", "enough work for threads", "1-D",
             "1-D pointwise", "1-D depthwise, causal", "one pixel, one tap"),
    *batched(TRANSPOSED, "1x1", "3x3", "doubling, 2x2", "doubling, 4x4",
             "one tap an output, or none", "no tap reaches any output",
             "stride longer than the kernel leaves holes", "groups", "depthwise",
             "columns first: three outputs, odd phases", "enough work for threads", "1-D",
             "depthwise, turned, outputs that no tap reaches"),
)  # fmt: skip


@each_with_algorithm(SPACED, precision="high")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_convolutions_have_the_same_bits_in_slices(case, algorithm, isa, dtype):
    x, w, b = case.floats(dtype)
    how = {**case.options, "algorithm": algorithm, "activation": "silu"}
    for threads in (1, 3):
        call = {**how, "threads": threads}
        try:
            want = case.function(x, w, b, **call)
        except ValueError:
            return  # it takes the case in the other dtype only
        residual = {} if case.transposed else {"residual": np.cos(want)}
        want = case.function(x, w, b, **residual, **call)
        room, out = room_for(want.shape, dtype)
        beside = {key: sliced(value, before=1)[1] for key, value in residual.items()}
        plan = case.plan(x.shape, w, b, **call)
        of_plan = plan(x, *residual.values())
        for with_residual in ({}, beside) if residual else ({},):
            left = with_residual or residual
            assert case.function(sliced(x)[1], w, b, **left, **call, out=out) is out
            np.testing.assert_array_equal(out, want)
            assert untouched(room, out)
            assert plan(sliced(x)[1], *left.values(), out=out) is out
            np.testing.assert_array_equal(out, of_plan)
            assert untouched(room, out)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "mode", ["zeros", "reflect", "replicate", "circular", "symmetric", ("constant", 2.0)]
)
def test_gradients_of_inputs_in_slices(mode, layout):
    x, w = RNG.integers(-9, 10, (3, 4, 7, 8)).astype("f4"), RNG.integers(-9, 10, (6, 4, 3, 3))
    dy, w = RNG.integers(-9, 10, (3, 6, 7, 8)).astype("f4"), w.astype("f4")
    if layout == "channels_last":
        x, dy = (np.ascontiguousarray(np.moveaxis(a, 1, -1)) for a in (x, dy))
    how = {"padding": 1, "padding_mode": mode, "data_format": layout}
    with fastconv.precision("highest"):
        want = grad.conv2d_input(x.shape, w, dy, **how)
        room, out = room_for(x.shape, "f4", layout)
        assert grad.conv2d_input(x.shape, w, sliced(dy, layout)[1], **how, out=out) is out
        np.testing.assert_array_equal(out, want)
        assert untouched(room, out)
        plan = fastconv.Conv2dPlan(x.shape, w, **how)
        np.testing.assert_array_equal(plan.input_grad(sliced(dy, layout)[1], out=out), want)
        assert untouched(room, out)


POOLS = {
    "max": (fastconv.max_pool2d, ("f4", "f8", "i2", "u8")),
    "min": (fastconv.min_pool2d, ("f4", "i4")),
    "sum": (fastconv.sum_pool2d, ("f4", "f8", "i1")),
    "average": (fastconv.avg_pool2d, ("f4", "f8")),
    "lp": (lambda x, *args, **how: fastconv.lp_pool2d(x, 2.0, *args, **how), ("f4",)),
    "powers": (lambda x, *args, **how: fastconv.lp_pool2d(x, 3.0, *args, **how), ("f8",)),
}
GEOMETRIES = [
    (case, {key: value for key, value in case.geometry.items() if key != "ceil_mode"})
    for case in WINDOWS
    if case.rank == 2 and not case.ceil_mode and case.dilation == 1
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", POOLS)
def test_pools_have_the_same_bits_in_slices(isa, name, layout):
    pool, dtypes = POOLS[name]
    for (case, geometry), dtype in itertools.product(GEOMETRIES, dtypes):
        x = case.input(dtype, 0, 9)
        if layout == "channels_last":
            x = np.ascontiguousarray(np.moveaxis(x, 1, -1))
        for threads in (1, 2):
            how = {**geometry, "data_format": layout, "threads": threads}
            want = pool(x, **how)
            room, out = room_for(want.shape, dtype, layout)
            assert pool(sliced(x, layout)[1], **how, out=out) is out
            np.testing.assert_array_equal(out, want, err_msg=case.why)
            assert untouched(room, out), case.why
            assert pool(x, **how, out=out) is out
            np.testing.assert_array_equal(out, want, err_msg=case.why)
            assert untouched(room, out), case.why


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pools_over_whole_planes_their_indices_and_gradients_in_slices(isa, layout):
    x = RNG.integers(-99, 100, (3, 21, 9, 10)).astype("f4")
    if layout == "channels_last":
        x = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    how = {"data_format": layout}
    for pool in (fastconv.global_avg_pool2d, fastconv.global_max_pool2d,
                 lambda x, **how: fastconv.adaptive_avg_pool2d(x, (2, 3), **how),
                 lambda x, **how: fastconv.adaptive_max_pool2d(x, 4, **how)):  # fmt: skip
        want = pool(x, **how)
        room, out = room_for(want.shape, "f4", layout)
        np.testing.assert_array_equal(pool(sliced(x, layout)[1], **how, out=out), want)
        assert untouched(room, out)
    want, places = fastconv.max_pool2d(x, 3, 2, 1, return_indices=True, **how)
    room, out = room_for(want.shape, "f4", layout)
    y, at = fastconv.max_pool2d(sliced(x, layout)[1], 3, 2, 1, return_indices=True, out=out, **how)
    assert y is out
    np.testing.assert_array_equal(out, want)
    np.testing.assert_array_equal(at, places)
    assert untouched(room, out)
    room, out = room_for(x.shape, "f4", layout)
    for gradient in (
        lambda dy, **how: grad.avg_pool2d_input(dy, x.shape, 3, 2, 1, **how),
        lambda dy, **how: grad.avg_pool2d_input(dy, x.shape, 2, 2, ceil_mode=True, **how),
        lambda dy, **how: grad.sum_pool2d_input(dy, x.shape, 3, 2, 1, **how),
    ):
        np.testing.assert_array_equal(
            gradient(sliced(want, layout)[1], out=out, **how), gradient(want, **how)
        )
        assert untouched(room, out)


ACTIVATIONS = [fastconv.relu, fastconv.leaky_relu, fastconv.silu, fastconv.gelu]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "shape", [(3, 21, 9, 10), (2, 40, 300), (5, 8), (1, 9, 4, 4), (0, 9, 4, 4)]
)
def test_activations_have_the_same_bits_in_slices(isa, shape, dtype, layout):
    x = RNG.standard_normal(shape).astype(dtype)
    for activation, threads in itertools.product(ACTIVATIONS, (1, 3)):
        want = activation(x, threads=threads)
        room, out = room_for(shape, dtype, layout)
        for part in (x, sliced(x, layout)[1], sliced(x, layout, behind=0)[1], x[..., ::-1].copy()):
            assert activation(part, threads=threads, out=out) is out
            np.testing.assert_array_equal(out, activation(part.copy()))
            assert untouched(room, out)
        beside, part = sliced(x, layout)
        assert activation(part, out=part, threads=threads) is part
        np.testing.assert_array_equal(part, want)
        assert untouched(beside, part)
        np.testing.assert_array_equal(activation(sliced(x, layout)[1], threads=threads), want)


def test_activations_of_slices_that_overlap_or_lie_in_other_rows():
    room = RNG.standard_normal((4, 12, 5, 7)).astype("f4")
    for at, to in (*OVERLAPS.values(), (np.s_[:, 1:5, 1:3], np.s_[:, 6:10, 2:4]),
                   (np.s_[:, 1:5], np.s_[:, 8:4:-1]), (np.s_[..., ::2], np.s_[..., :4]),
                   (np.s_[::2], np.s_[1::2])):  # fmt: skip
        all_of_it, want = room.copy(), room.copy()
        want[to] = fastconv.relu(room[at].copy())
        fastconv.relu(all_of_it[at], out=all_of_it[to])
        np.testing.assert_array_equal(all_of_it, want)
    again = np.broadcast_to(room[:1], room.shape)
    np.testing.assert_array_equal(fastconv.silu(again), fastconv.silu(again.copy()))
    over = np.lib.stride_tricks.as_strided(room, (3, 5, 33), (40, 40, 4))
    fastconv.relu(np.ones((3, 5, 33), "f4"), out=over)
    assert (over == 1).all()


def kept_after(call):
    """Bytes of the pool after the call: what it took beside the arrays of the caller."""
    fastconv.clear_pool()
    call()
    return fastconv.show_config(mode="dicts")["pool_bytes"][0]


# Each writes 1.6 MB; the last axis of `everyother` has gaps, so that a temporary is needed.
X = RNG.standard_normal((4, 16, 80, 80)).astype("f4")
W3, W1 = (RNG.standard_normal((16, 16, k, k)).astype("f4") for k in (3, 1))
CALLS = {
    "3x3": lambda x, **how: fastconv.conv2d(x, W3, padding=1, **how),
    "3x3, plain sums": lambda x, **how: fastconv.conv2d(
        x, W3, padding=1, precision="highest", activation="relu", residual=x, **how
    ),
    "1x1": lambda x, **how: fastconv.conv2d(x, W1, **how),
    "plan": lambda x, out, **how: fastconv.Conv2dPlan(x.shape, W3, padding=1, **how)(x, out=out),
    "gradient": lambda x, **how: grad.conv2d_input(x.shape, W3, x, padding=1, **how),
    "maximum": lambda x, **how: fastconv.max_pool2d(x, 3, 1, 1, **how),
    "average": lambda x, **how: fastconv.avg_pool2d(x, 3, 1, 1, **how),
    "relu": lambda x, data_format, **how: fastconv.relu(x, **how),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CALLS)
def test_neither_a_slice_read_nor_one_written_takes_a_temporary(name, layout):
    call, x = CALLS[name], X
    if layout == "channels_last":
        x = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    how = {"data_format": layout, "threads": 1}
    plain = kept_after(lambda: call(x, out=np.empty_like(x), **how))
    _, out = room_for(x.shape, "f4", layout)
    assert abs(kept_after(lambda: call(x, out=out, **how)) - plain) < x.nbytes / 8
    if layout == "channels_first":
        part = sliced(x)[1]
        assert abs(kept_after(lambda: call(part, out=out, **how)) - plain) < x.nbytes / 8
        everyother = np.repeat(x, 2, axis=-1)[..., ::2]
        assert kept_after(lambda: call(x, out=everyother, **how)) >= plain + x.nbytes


def test_branches_between_each_other_in_one_array():
    """Their address ranges overlap, their elements do not: no copy; a dense block does it all."""
    room = np.zeros((4, 64, 80, 80), "f4")
    room[:, :16] = X
    plain = kept_after(lambda: fastconv.conv2d(X, W3, padding=1, out=np.empty_like(X), threads=1))
    for i in range(3):
        x, out = room[:, 16 * i : 16 * i + 16], room[:, 16 * i + 16 : 16 * i + 32]
        want = fastconv.conv2d(x.copy(), W3, padding=1)
        took = kept_after(
            lambda x=x, out=out: fastconv.conv2d(x, W3, padding=1, out=out, threads=1)
        )
        assert abs(took - plain) < X.nbytes / 8
        np.testing.assert_array_equal(out, want)


OVERLAPS = {
    "itself": (np.s_[:, 4:8], np.s_[:, 4:8]),
    "by one channel": (np.s_[:, 4:8], np.s_[:, 7:11]),
    "from behind": (np.s_[:, 4:8], np.s_[:, 1:5]),
    "its images backwards": (np.s_[:, 4:8], np.s_[::-1, 4:8]),
    "beside, images backwards": (np.s_[:, 4:8], np.s_[::-1, 8:12]),
    "beside": (np.s_[:, 4:8], np.s_[:, 8:12]),
    "the next images": (np.s_[:3, 4:8], np.s_[1:, 4:8]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", OVERLAPS)
def test_overlapping_slices_of_one_array(kind, layout):
    room = RNG.integers(-9, 10, (4, 12, 5, 7)).astype("f4")
    if layout == "channels_last":
        room = np.ascontiguousarray(np.moveaxis(room, 1, -1))
    w = RNG.integers(-9, 10, (4, 4, 3, 3)).astype("f4")
    at = [
        index if layout == "channels_first" or len(index) == 1 else (index[0], ..., index[1])
        for index in OVERLAPS[kind]
    ]
    how = {"padding": 1, "data_format": layout, "precision": "highest"}
    for residual in (False, True):
        all_of_it = room.copy()
        x, out = all_of_it[at[0]], all_of_it[at[1]]
        more = {"residual": x} if residual else {}
        want = room.copy()
        want[at[1]] = reference.conv2d(
            x.copy(), w, padding=1, data_format=layout, **{k: v.copy() for k, v in more.items()}
        )
        assert fastconv.conv2d(x, w, out=out, **more, **how) is out
        np.testing.assert_array_equal(all_of_it, want)
        # Windows of one element: the pool is the identity.
        all_of_it = room.copy()
        want = room.copy()
        want[at[1]] = room[at[0]]
        fastconv.max_pool2d(all_of_it[at[0]], 1, out=all_of_it[at[1]], data_format=layout)
        np.testing.assert_array_equal(all_of_it, want)


def test_images_that_overlap_in_memory_are_read_and_never_written_so():
    signal = RNG.integers(-9, 10, 200).astype("f4")
    frames = np.lib.stride_tricks.sliding_window_view(signal, 40)[::10, None]  # (17, 1, 40)
    w = RNG.integers(-9, 10, (5, 1, 8)).astype("f4")
    with fastconv.precision("highest"):
        want = reference.conv1d(frames.copy(), w)
        np.testing.assert_array_equal(fastconv.conv1d(frames, w), want)
        again = np.broadcast_to(frames[:1], (4, 1, 40))
        np.testing.assert_array_equal(fastconv.conv1d(again, w), np.repeat(want[:1], 4, axis=0))
        # Of images that lie over one another the last one is written last.
        room = np.zeros(2 * 5 * 33, "f4")
        over = np.lib.stride_tricks.as_strided(room, (3, 5, 33), (4 * 33, 4 * 33, 4))
        fastconv.conv1d(frames[:3], w, out=over)
        np.testing.assert_array_equal(over[2], want[2])


def test_images_backwards_and_far_apart():
    x = RNG.integers(-9, 10, (4, 6, 7, 8)).astype("f4")
    w = RNG.integers(-9, 10, (5, 6, 3, 3)).astype("f4")
    with fastconv.precision("highest"):
        want = reference.conv2d(x, w)
        out = np.empty((8, *want.shape[1:]), "f4")[::-2]
        assert fastconv.conv2d(x[::-1], w, out=out) is out
        np.testing.assert_array_equal(out, want[::-1])
        one = np.empty((1, 9, *want.shape[2:]), "f4")[:, 2:7]
        np.testing.assert_array_equal(fastconv.conv2d(x[:1], w, out=one), want[:1])
        unbatched = np.empty((9, *want.shape[2:]), "f4")[2:7]
        np.testing.assert_array_equal(fastconv.conv2d(x[0], w, out=unbatched), want[0])
        none = np.empty((0, 9, *want.shape[2:]), "f4")[:, 2:7]
        assert fastconv.conv2d(x[:0], w, out=none) is none
