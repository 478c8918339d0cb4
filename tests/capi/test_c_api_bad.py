"""Ten thousand bad calls of the C API: each gets a status of its own kind and touches nothing."""

from __future__ import annotations

import ctypes
import random

import numpy as np
import pytest

from c_api import (
    AVERAGE,
    BAD_SHAPE,
    BAD_VALUE,
    BAD_VERSION,
    FORWARD,
    INPUT_GRAD,
    MAX,
    NORM,
    NULL_POINTER,
    OK,
    PAIR,
    SMALL_WORKSPACE,
    TOO_LARGE,
    UNSUPPORTED,
    WEIGHT_GRAD,
    Api,
    ConvDesc,
    PoolDesc,
    address,
    changed,
    workspace,
)

api = Api()
CALLS = 10_000

# What any length, stride or count must not be, and what no array can be.
NOT_POSITIVE = (0, -1, -2, -(2**31), -(2**63))
HUGE = (2**48 + 1, 2**60, 2**62, 2**63 - 1)
LARGE = (2**31, *HUGE)
WORDS = (-1, 14, 15, 2**31 - 1, -(2**31))
CANARY = 0x5A


def mutations(desc, transposed):
    """(field, bad values, the statuses that may come) for what both kinds of descriptor have."""
    axes = 0, 1
    # Eight bytes less are version 2 of a convolution.
    yield "size", (0, 1, desc.size - 4, desc.size - 12, desc.size + 8, 2**40), {BAD_VERSION}
    yield "dtype", WORDS, {BAD_VALUE}
    yield "threads", (-1, 1025, 2**31 - 1), {BAD_VALUE}
    yield "batch", NOT_POSITIVE, {BAD_SHAPE}
    yield "batch", HUGE, {TOO_LARGE}
    for axis in axes:
        yield ("in_", axis), (*NOT_POSITIVE, *HUGE), {BAD_SHAPE, TOO_LARGE}
        yield ("kernel", axis), (*NOT_POSITIVE, *LARGE), {BAD_SHAPE}
        yield ("stride", axis), (*NOT_POSITIVE, *LARGE), {BAD_SHAPE}
        yield ("dilation", axis), (*NOT_POSITIVE, *LARGE), {BAD_SHAPE}
        yield ("pad_lo", axis), (-1, -5, -(2**63), *LARGE), {BAD_SHAPE}
        yield ("pad_hi", axis), (-1, -5, -(2**63), *LARGE), {BAD_SHAPE}
        if not transposed:
            yield ("kernel", axis), (100, 2**20), {BAD_SHAPE}  # beyond the padded input


def conv_mutations(desc):
    transposed = bool(desc.transposed)
    yield from mutations(desc, transposed)
    yield "transposed", (2, -1, 2**31 - 1), {BAD_VALUE}
    for name in ("padding_mode", "activation", "algorithm"):
        yield name, WORDS, {BAD_VALUE}
    yield "highest", (3, -1), {BAD_VALUE}
    yield "reserved", (1, -1), {BAD_VALUE}
    yield "groups", (*NOT_POSITIVE, 5, 7, *LARGE), {BAD_SHAPE}
    for name in ("c_in", "c_out"):
        yield name, NOT_POSITIVE, {BAD_SHAPE}
        yield name, (2**50, 2**61), {TOO_LARGE}
    for axis in (0, 1):
        bad = (-1, 2**40) if transposed else (1, 2, -1, 2**40)
        yield ("output_padding", axis), bad, {BAD_SHAPE}
    if transposed:
        yield "padding_mode", (1, 2, 3), {UNSUPPORTED}
    else:
        yield "algorithm", (4,), {UNSUPPORTED}  # pointwise, and the kernel is 2 or 3


def pool_mutations(desc):
    yield from mutations(desc, False)
    yield "op", WORDS, {BAD_VALUE}
    for name in ("adaptive", "ceil_mode", "count_include_pad"):
        yield name, (2, -1, 2**31 - 1), {BAD_VALUE}
    yield "adaptive", (1,), {BAD_SHAPE}  # beside a stride of 2
    yield "channels", NOT_POSITIVE, {BAD_SHAPE}
    yield "channels", HUGE, {TOO_LARGE}
    if desc.op == NORM:
        yield "norm", (0.0, -1.0, float("nan"), float("-inf")), {BAD_VALUE}


def good_conv(rng):
    transposed = rng.randrange(2)
    fields = {"kernel": rng.choice((2, 3)), "stride": rng.choice((1, 2)), "pad": rng.choice((0, 1))}
    desc = ConvDesc(
        size=ctypes.sizeof(ConvDesc), dtype=rng.randrange(2), transposed=transposed, batch=2,
        c_in=4, c_out=4, groups=rng.choice((1, 2)), in_=PAIR(6, 7), dilation=PAIR(1, 1), slope=0.01,
        threads=1, alpha=1.0,
    )  # fmt: skip
    return changed(desc, **fields)


def good_pool(rng):
    desc = PoolDesc(
        size=ctypes.sizeof(PoolDesc), dtype=rng.randrange(2), op=rng.choice((MAX, AVERAGE, NORM)),
        batch=2, channels=4, in_=PAIR(6, 7), dilation=PAIR(1, 1), stride=PAIR(2, 2), norm=2.0,
        count_include_pad=1, threads=1,
    )  # fmt: skip
    return changed(desc, kernel=rng.choice((2, 3)), pad=rng.choice((0, 1)))


def break_one(rng, desc, all_mutations):
    """Spoil one field of a good descriptor; returns the statuses that this may give."""
    field, values, statuses = rng.choice(list(all_mutations(desc)))
    value = rng.choice(values)
    if isinstance(field, tuple):
        name, axis = field
        pair = list(getattr(desc, name))
        pair[axis] = value
        field, value = name, PAIR(*pair)
    setattr(desc, field, value)
    return statuses


ROOM = np.zeros(1 << 14)  # more than any array of a good descriptor needs
OUT = np.full(1 << 17, CANARY, np.uint8)
PLACE = OUT.ctypes.data
INPUT = ROOM.ctypes.data
PLENTY = workspace(1 << 22)


def untouched():
    return np.all(OUT == CANARY)


def conv_calls(desc):
    """Every function that takes a descriptor of a convolution."""
    memory, n = address(PLENTY), PLENTY.size
    residual = None if desc.transposed else INPUT
    yield lambda: api.conv_output_shape(desc, PLACE)
    for a_pass in (FORWARD, INPUT_GRAD, WEIGHT_GRAD):
        yield lambda a_pass=a_pass: api.conv_workspace(desc, a_pass, PLACE)
    yield lambda: api.conv(desc, INPUT, INPUT, INPUT, residual, PLACE, memory, n)
    yield lambda: api.conv_input_grad(desc, INPUT, INPUT, PLACE, memory, n)
    yield lambda: api.conv_weight_grad(desc, INPUT, INPUT, PLACE, memory, n)
    yield lambda: api.conv_bias_grad(desc, INPUT, PLACE)
    yield lambda: api.plan_create(desc, FORWARD, INPUT, INPUT, PLACE)


def pool_calls(desc):
    memory, n = address(PLENTY), PLENTY.size
    yield lambda: api.pool_output_shape(desc, PLACE)
    yield lambda: api.pool_workspace(desc, FORWARD, PLACE)
    yield lambda: api.pool_workspace(desc, INPUT_GRAD, PLACE)
    yield lambda: api.pool(desc, INPUT, PLACE, None, memory, n)
    yield lambda: api.pool_input_grad(desc, INPUT, INPUT, INPUT, INPUT, PLACE, memory, n)


KINDS = {
    "conv": (good_conv, conv_mutations, conv_calls),
    "pool": (good_pool, pool_mutations, pool_calls),
}


@pytest.mark.parametrize("kind", KINDS)
def test_bad_descriptors_get_a_status_and_touch_nothing(kind):
    good, all_mutations, calls = KINDS[kind]
    rng = random.Random(20261122)
    seen = set()
    for _ in range(CALLS // 2):
        desc = good(rng)
        allowed = break_one(rng, desc, all_mutations)
        # A gradient chooses its own algorithm, so a refused one concerns the forward pass alone.
        possible = list(calls(desc))
        forward = possible[4] if kind == "conv" else None
        call = forward if allowed == {UNSUPPORTED} else rng.choice(possible)
        api.fail(OK, b"")
        status = call()
        seen.add(status)
        assert status in allowed, (status, allowed, api.message())
        assert api.message()
        assert untouched()
    assert seen >= {BAD_VERSION, BAD_VALUE, BAD_SHAPE, TOO_LARGE}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_calls_succeed_before_a_field_is_spoiled(kind):
    good, _, calls = KINDS[kind]
    rng = random.Random(20261122)
    try:
        for _ in range(100):
            for call in calls(good(rng)):
                assert call() == OK, api.message()
    finally:
        OUT[:] = CANARY


def null_calls():
    """(name, arguments with good pointers, places whose NULL must be refused)."""
    conv, pool = good_conv(random.Random(0)), good_pool(random.Random(0))
    conv.transposed, pool.op = 0, NORM
    memory, n = address(PLENTY), PLENTY.size
    extreme = changed(good_pool(random.Random(0)), op=MAX)
    return (
        ("conv_output_shape", (conv, PLACE), (0, 1)),
        ("conv_workspace", (conv, FORWARD, PLACE), (0, 2)),
        ("conv", (conv, INPUT, INPUT, None, None, PLACE, memory, n), (0, 1, 2, 5, 6)),
        ("conv_input_grad", (conv, INPUT, INPUT, PLACE, memory, n), (0, 1, 2, 3, 4)),
        ("conv_weight_grad", (conv, INPUT, INPUT, PLACE, memory, n), (0, 1, 2, 3, 4)),
        ("conv_bias_grad", (conv, INPUT, PLACE), (0, 1, 2)),
        ("plan_create", (conv, FORWARD, INPUT, None, PLACE), (0, 2, 4)),
        ("pool_output_shape", (pool, PLACE), (0, 1)),
        ("pool_workspace", (pool, FORWARD, PLACE), (0, 2)),
        ("pool", (pool, INPUT, PLACE, None, memory, n), (0, 1, 2, 4)),
        ("pool_input_grad", (pool, INPUT, INPUT, INPUT, None, PLACE, memory, n), (0, 1, 2, 3, 5)),
        ("pool_input_grad", (extreme, INPUT, None, None, INPUT, PLACE, memory, n), (0, 1, 4, 5)),
    )


@pytest.mark.parametrize(("name", "arguments", "places"), null_calls())
def test_missing_pointers_are_named(name, arguments, places):
    for place in places:
        spoiled = [*arguments]
        spoiled[place] = None
        assert getattr(api, name)(*spoiled) == NULL_POINTER
        assert api.message().endswith("must not be NULL")
        assert untouched()


@pytest.mark.parametrize(
    ("name", "a_pass"),
    [("conv", FORWARD), ("conv_input_grad", INPUT_GRAD), ("conv_weight_grad", WEIGHT_GRAD)],
)
def test_workspaces_that_are_too_small_are_refused(name, a_pass):
    rng = random.Random(20261122)
    for _ in range(100):
        desc = good_conv(rng)
        needed = ctypes.c_size_t()
        assert api.conv_workspace(desc, a_pass, ctypes.byref(needed)) == OK
        inputs = (INPUT, INPUT, None, None) if name == "conv" else (INPUT, INPUT)
        short = rng.randrange(needed.value)
        status = getattr(api, name)(desc, *inputs, PLACE, address(PLENTY), short)
        assert status == SMALL_WORKSPACE, api.message()
        assert untouched()


def test_plans_check_their_pointers_and_workspace():
    w = np.ones((4, 4, 3, 3), np.float32)
    desc = changed(good_conv(random.Random(0)), dtype=0, transposed=0, groups=1, kernel=3)
    plan = ctypes.c_void_p()
    assert api.plan_create(desc, FORWARD, address(w), None, ctypes.byref(plan)) == OK
    memory, n = address(PLENTY), api.plan_workspace(plan)
    assert n > 0
    assert api.plan_run(None, INPUT, None, PLACE, memory, n) == NULL_POINTER
    assert api.plan_run(plan, None, None, PLACE, memory, n) == NULL_POINTER
    assert api.plan_run(plan, INPUT, None, None, memory, n) == NULL_POINTER
    assert api.plan_run(plan, INPUT, None, PLACE, None, n) == NULL_POINTER
    assert api.plan_run(plan, INPUT, None, PLACE, memory, n - 1) == SMALL_WORKSPACE
    api.plan_destroy(plan)
    assert api.plan_create(desc, INPUT_GRAD, address(w), None, ctypes.byref(plan)) == OK
    assert api.plan_run(plan, INPUT, INPUT, PLACE, memory, PLENTY.size) == UNSUPPORTED
    api.plan_destroy(plan)
    assert untouched()
    assert api.plan_create(desc, INPUT_GRAD, INPUT, INPUT, PLACE) == UNSUPPORTED
    assert api.plan_create(desc, WEIGHT_GRAD, INPUT, None, PLACE) == BAD_VALUE
    assert untouched()
    assert api.plan_workspace(None) == 0
    api.plan_destroy(None)
