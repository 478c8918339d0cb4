"""Plans for other shapes: with_shape gives what a new plan gives, and shares the weights."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastconv
from algorithms import each_with_algorithm
from cases import CONV, TRANSPOSED, each, named

# Of the one that is left out a second row of inputs makes terabytes of outputs.
ALL = [case for case in (*CONV, *TRANSPOSED) if case.why != "a stride far beyond every output"]
RNG = np.random.default_rng(8)
X = RNG.standard_normal((2, 16, 20, 24)).astype(np.float32)
W = RNG.standard_normal((24, 16, 3, 3)).astype(np.float32)
B = RNG.standard_normal(24).astype(np.float32)


def resized(case, extra):
    """The shape of the case's input with another batch, if it has one, and longer axes."""
    spatial = len(case.w) - 2
    batch = case.x[: -spatial - 1]
    lengths = (n + extra for n in case.x[-spatial:])
    return (*(n + extra % 3 for n in batch), case.x[-spatial - 1], *lengths)


def output_padding(case, plan):
    """What the case's output_size amounts to."""
    geometry = {k: v for k, v in case.options.items() if k != "output_size"}
    least = fastconv.conv_transpose_output_shape(case.x, case.w, **geometry)
    axes = len(case.w) - 2
    return tuple(a - b for a, b in zip(plan.output_shape[-axes:], least[-axes:], strict=True))


def shares(a, b):
    return a._plan.shares_weights(b._plan)


@each_with_algorithm(ALL, plan=True)
def test_it_gives_what_a_new_plan_gives(case, algorithm, isa):
    """The same bits, on the ISA and with the words of padding that the first one was built with."""
    dtype = np.float32
    _, w, b = case.floats(dtype)
    how = {**case.options, "algorithm": algorithm, "precision": "highest", "threads": 2}
    try:
        first = case.plan(case.x, w, b, **how)
    except ValueError:
        return  # it takes the case in float64 only
    how.pop("output_size", None)
    for extra in (0, 1, 5):
        shape = resized(case, extra)
        if "output_size" in case.options:
            how["output_padding"] = output_padding(case, first)
        try:
            new = case.plan(shape, w, b, **how)
        except ValueError as error:
            with pytest.raises(ValueError, match=re.escape(str(error))):
                first.with_shape(shape)
            continue
        plan = first.with_shape(shape)
        assert type(plan) is type(first)
        assert (plan.output_shape, plan.algorithm) == (new.output_shape, new.algorithm)
        x = np.random.default_rng(extra).standard_normal(shape).astype(dtype)
        np.testing.assert_array_equal(plan(x), new(x))
        np.testing.assert_array_equal(first.with_shape(shape)(x), new(x))


@each(ALL)
def test_its_gradient_is_that_of_a_new_plan(case):
    _, w, b = case.floats(np.float64)
    how = {key: value for key, value in case.options.items() if key != "output_size"}
    first = case.plan(case.x, w, b, **how)
    for extra in (1, 4):
        shape = resized(case, extra)
        try:
            new = case.plan(shape, w, b, **how)
        except ValueError:
            continue
        plan = first.with_shape(shape)
        dy = RNG.standard_normal(plan.output_shape)
        np.testing.assert_array_equal(plan.input_grad(dy), new.input_grad(dy))
        np.testing.assert_array_equal(first.with_shape(shape).input_grad(dy), new.input_grad(dy))


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("precision", ["high", "highest"])
@pytest.mark.parametrize("padding", ["same", "valid", 1, ((0, 2), (1, 1))])
def test_many_sizes_in_both_layouts(isa, layout, precision, padding):
    """Also where Winograd's forms follow the size: the same bits as those of a new plan."""
    how = {"padding": padding, "activation": "relu", "data_format": layout, "precision": precision}
    last = layout == "channels_last"
    plan = fastconv.Conv2dPlan((1, 20, 24, 16) if last else (1, 16, 20, 24), W, B, **how)
    for height, width, batch in ((20, 24, 3), (3, 3, 1), (9, 40, 2), (56, 57, 1), (4, 300, 1)):
        shape = (batch, height, width, 16) if last else (batch, 16, height, width)
        x = RNG.standard_normal(shape).astype(np.float32)
        new = fastconv.Conv2dPlan(shape, W, B, **how)
        np.testing.assert_array_equal(plan.with_shape(shape)(x), new(x))
        np.testing.assert_array_equal(plan.with_shape(shape[1:])(x[0]), new(x)[0])


def test_weights_are_packed_once_for_each_way_of_packing():
    plan = fastconv.Conv2dPlan((1, 16, 20, 24), W, padding=1, algorithm="im2col")
    others = [plan.with_shape((1, 16, 20, n)) for n in (10, 33, 700)]
    for other in others:
        assert shares(plan, other)
        assert other.weight_bytes == plan.weight_bytes
    # A plan of another algorithm packs anew; plans of that one share it again.
    auto = fastconv.Conv2dPlan((1, 16, 56, 56), W, padding=1)
    assert not shares(plan, auto)  # they are no relatives
    by_algorithm = {}
    for n in (2, 8, 14, 28, 56, 112):
        one = auto.with_shape((1, 16, n, n))
        chosen = re.search("chosen: (.*) [(]", one.explain()).group(1)
        assert shares(by_algorithm.setdefault(chosen, one), one)
    assert len(by_algorithm) > 1  # Winograd's forms, or lanes: else this shows nothing


def test_it_outlives_the_plan_that_it_was_made_from():
    first = fastconv.Conv2dPlan(X.shape, W, B, padding=1, activation="relu")
    want = first(X)
    second = first.with_shape((2, 16, 30, 24))
    del first
    again = second.with_shape(X.shape)
    del second
    np.testing.assert_array_equal(again(X), want)
    gradient = again.input_grad(want)
    np.testing.assert_array_equal(again.with_shape(X.shape).input_grad(want), gradient)


def test_packed_weights_are_kept_until_the_last_plan_is_gone():
    w = np.ones((64, 64, 3, 3), np.float32)
    first = fastconv.Conv2dPlan((1, 64, 20, 20), w, algorithm="im2col")
    other = first.with_shape((1, 64, 9, 9))
    fastconv.clear_pool()
    del other
    assert fastconv.show_config(mode="dicts")["pool_bytes"][0] == 0  # they are still in use
    del first
    assert fastconv.show_config(mode="dicts")["pool_bytes"][0] >= w.nbytes


def test_threads_may_ask_for_shapes_at_once():
    plan = fastconv.Conv2dPlan((1, 16, 20, 24), W, B, padding="same")
    shapes = [(n % 3 + 1, 16, 5 + n % 7, 8 + n) for n in range(40)]
    xs = [RNG.standard_normal(shape).astype(np.float32) for shape in shapes]
    want = [fastconv.Conv2dPlan(x.shape, W, B, padding="same")(x) for x in xs]

    def work(start):
        order = [(start + i) % len(xs) for i in range(len(xs))]
        return all((plan.with_shape(xs[i].shape)(xs[i]) == want[i]).all() for i in order)

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(work, range(12)))


def test_tuning_one_shape_leaves_the_choice_of_others(isa):
    plan = fastconv.Conv2dPlan((1, 16, 20, 24), W, padding=1)
    other = plan.with_shape((2, 16, 9, 9))
    chosen = other.explain()
    fastconv.tune(plan, seconds=0.02)
    assert plan.with_shape((2, 16, 9, 9)).explain() == chosen
    assert fastconv.tune(other, seconds=0.02) is other
    x = RNG.standard_normal((2, 16, 9, 9)).astype(np.float32)
    np.testing.assert_allclose(
        other(x), fastconv.conv2d(x, W, padding=1, precision="highest"), rtol=1e-4, atol=1e-3
    )


def test_the_algorithm_that_was_asked_for_holds_for_every_shape():
    plan = fastconv.Conv2dPlan((1, 16, 20, 24), W, algorithm="direct")
    assert plan.with_shape((4, 16, 3, 3)).algorithm == "direct"
    (case,) = named(TRANSPOSED, "doubling, 2x2")
    _, w, _ = case.floats(np.float32)
    plan = case.plan(case.x, w, **case.options, algorithm="depth_to_space")
    assert "depth_to_space" in plan.with_shape((3, 6, 4, 4)).explain()


def test_output_size_becomes_output_padding():
    w = np.ones((4, 2, 3, 3))
    plan = fastconv.ConvTranspose2dPlan((1, 4, 5, 6), w, stride=3, output_size=(16, 19))
    new = fastconv.ConvTranspose2dPlan((1, 4, 9, 2), w, stride=3, output_padding=(1, 1))
    assert plan.output_shape == (1, 2, 16, 19)
    assert plan.with_shape((1, 4, 9, 2)).output_shape == new.output_shape


REFUSED = [
    (None, TypeError, "input_shape must be a sequence of ints"),
    ("abc", TypeError, "input_shape must be a sequence of ints"),
    (X, TypeError, "input_shape must be a shape"),
    ((1, 16, 6.0, 6), TypeError, "input_shape"),
    ((1, 16), ValueError, "input_shape must be"),
    ((1, 1, 16, 6, 6), ValueError, "input_shape must have 4 entries at most"),
    ((-1, 16, 6, 6), ValueError, "input_shape must have positive lengths"),
    ((1, 16, 0, 6), ValueError, "input_shape must have positive lengths"),
    ((1, 3, 6, 6), ValueError,
     r"input_shape must have 16 channels, as the weights of the plan take, got \(1, 3, 6, 6\)"),
    ((1, 16, 2, 6), ValueError, r"input_shape \(1, 16, 2, 6\): height: "),
    ((2**44, 16, 600, 600), ValueError, r"input_shape \(17592186044416, 16, 600, 600\): "),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "error", "words"), REFUSED, ids=lambda v: str(v)[:30])
def test_shapes_that_it_cannot_take_are_refused(shape, error, words):
    plan = fastconv.Conv2dPlan(X.shape, W)
    y = plan(X)
    with pytest.raises(error, match=words):
        plan.with_shape(shape)
    np.testing.assert_array_equal(plan(X), y)


def test_an_algorithm_that_cannot_take_the_shape_is_refused():
    w = np.ones((16, 1, 3, 3), np.float32)
    plan = fastconv.Conv2dPlan((1, 16, 8, 8), w, groups=16, padding=1, algorithm="depthwise_pixels")
    with pytest.raises(ValueError, match=r"input_shape .*: algorithm 'depthwise_pixels' cannot"):
        plan.with_shape((1, 16, 8, 2**16))
