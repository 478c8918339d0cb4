"""Every algorithm on every case that it takes, on every ISA, in both dtypes, whatever the threads.

The table of algorithms is the engine's, and the engine is asked which cases each of them takes: a
new algorithm is tested here without another line.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

import fastconv
from algorithms import ANY_SHAPE, ENTRIES, FAMILIES, dtypes_of, each_with_algorithm, refusal
from cases import CONV, TRANSPOSED, Case, bound, exact, named

pytestmark = pytest.mark.usefixtures("plain_sums")

ALL = (*CONV, *TRANSPOSED)
# Families whose sums are not plain: precision "highest" refuses them, their tests are their own.
NOT_PLAIN = ("winograd", "fft")
FIXED = named(
    CONV, "enough work for threads", "terms over several slices", "depthwise at stride 2",
    "a stem: 7x7 at stride 2", "1x1 is a matrix product", "a row longer than a block of columns",
)  # fmt: skip


@functools.cache
def measured(case, dtype):
    """Float data, what should come out, and how far from it a result may be."""
    x, w, b = case.floats(dtype)
    return x, w, b, case.oracle(x, w, b, **case.options), bound(case, x, w, b)


def residual_for(y):
    """An array like the output whose values are small integers."""
    return np.resize(np.arange(-5, 6, dtype=y.dtype), y.shape)


@each_with_algorithm(ALL)
def test_integers_are_exact(case, algorithm, isa):
    for dtype in dtypes_of(case, algorithm):
        x, w, b, want = exact(case, dtype)
        for threads in (1, 3):
            y = case.function(x, w, b, **case.options, algorithm=algorithm, threads=threads)
            assert y.dtype == dtype
            np.testing.assert_array_equal(y, want, err_msg=f"{dtype.__name__}, {threads} threads")


@each_with_algorithm(ALL)
def test_floats_are_within_the_bound(case, algorithm, isa):
    for dtype in dtypes_of(case, algorithm):
        x, w, b, want, most = measured(case, dtype)
        y = case.function(x, w, b, **case.options, algorithm=algorithm)
        assert np.all(np.abs(y - want) <= most), dtype.__name__


@each_with_algorithm((*FIXED, *TRANSPOSED))
def test_threads_change_no_bit(case, algorithm, isa):
    for dtype in dtypes_of(case, algorithm):
        x, w, b = case.floats(dtype)
        how = {**case.options, "algorithm": algorithm}
        one = case.function(x, w, b, **how, threads=1).tobytes()
        for threads in (2, 3, 7):
            many = case.function(x, w, b, **how, threads=threads).tobytes()
            assert many == one, (dtype.__name__, threads)


@each_with_algorithm(FIXED)
def test_equal_calls_give_equal_bits_wherever_the_arrays_lie(case, algorithm, isa):
    dtype = dtypes_of(case, algorithm)[0]
    x, w, b = case.floats(dtype)
    how = {**case.options, "algorithm": algorithm}
    first = case.function(x, w, b, **how).tobytes()
    for offset in (0, 1, 3, 8):
        room = np.empty(x.size + 16, dtype)
        moved = room[offset : offset + x.size].reshape(x.shape)
        moved[...] = x
        assert case.function(moved, w, b, **how).tobytes() == first


@each_with_algorithm(CONV)
def test_a_residual_is_added_and_may_be_the_result(case, algorithm, isa):
    dtype = dtypes_of(case, algorithm)[0]
    x, w, b, want = exact(case, dtype)
    residual = residual_for(want.astype(dtype))
    how = {**case.options, "algorithm": algorithm}
    y = case.function(x, w, b, **how, residual=residual)
    np.testing.assert_array_equal(y, want + residual)
    for threads in (1, 3):
        out = residual.copy()
        assert case.function(x, w, b, **how, residual=out, out=out, threads=threads) is out
        np.testing.assert_array_equal(out, want + residual)


def slopes_for(case, dtype):
    """A slope for each output channel of the case."""
    return np.linspace(-1, 2, case.bias_shape[0]).astype(dtype)


def prelu(case, y, slopes):
    """`fastconv.prelu` of the result of a case, which may have no batch axis."""
    return (
        fastconv.prelu(y, slopes) if y.ndim == len(case.w) else fastconv.prelu(y[None], slopes)[0]
    )


@each_with_algorithm(ALL)
def test_each_channel_has_its_slope(case, algorithm, isa):
    for dtype in dtypes_of(case, algorithm):
        x, w, b, want = exact(case, dtype)
        slopes = slopes_for(case, dtype)
        want = prelu(case, want.astype(dtype), slopes)
        how = {**case.options, "algorithm": algorithm, "activation": ("prelu", slopes)}
        for threads in (1, 3):
            y = case.function(x, w, b, **how, threads=threads)
            np.testing.assert_array_equal(y, want, err_msg=f"{dtype.__name__}, {threads} threads")


@each_with_algorithm(CONV)
def test_the_activation_comes_after_the_residual(case, algorithm, isa):
    dtype = dtypes_of(case, algorithm)[0]
    x, w, b, want = exact(case, dtype)
    residual = np.resize(np.array([*range(-5, 6), np.nan, np.inf, -np.inf], dtype), want.shape)
    total = want.astype(dtype) + residual
    slopes = slopes_for(case, dtype)
    how = {**case.options, "algorithm": algorithm, "residual": residual}
    names = ["relu", "relu6", "hardswish", "hardsigmoid", ("elu", 0.5), "softplus"]
    for name, *more in (x if isinstance(x, tuple) else (x,) for x in names):
        y = case.function(x, w, b, **how, activation=(name, *more) if more else name)
        np.testing.assert_array_equal(y, getattr(fastconv, name)(total, *more), err_msg=name)
    y = case.function(x, w, b, **how, activation=("prelu", slopes))
    np.testing.assert_array_equal(y, prelu(case, total, slopes))


@pytest.mark.parametrize("precision", ["highest", "high"])
def test_each_entry_takes_some_case_and_refuses_others_with_a_reason(precision, isa):
    """Prints how many of the cases each takes: see it by ``pytest -rP``."""
    for name in ENTRIES:
        answers = [refusal(case, name, precision=precision) for case in ALL]
        taken = answers.count(None)
        print(f"{isa}, {precision}: {name} ({FAMILIES[name]}) takes {taken} of {len(ALL)} cases")
        assert taken or (precision == "highest" and FAMILIES[name] in NOT_PLAIN)
        assert all(len(why.split()) > 2 for why in answers if why is not None), name


def test_the_any_shape_families_take_every_case(isa):
    for family in ANY_SHAPE:
        members = [name for name in ENTRIES if FAMILIES[name] == family]
        for dtype in (np.float32, np.float64):
            for case in ALL:
                assert refusal(case, family, dtype) is None
                assert any(refusal(case, name, dtype) is None for name in members), case.why


def test_a_family_takes_what_one_of_its_entries_takes(isa):
    for family in set(FAMILIES.values()):
        members = [name for name in ENTRIES if FAMILIES[name] == family]
        for case in ALL:
            together = refusal(case, family, precision="high")
            one_by_one = [refusal(case, name, precision="high") for name in members]
            if None in one_by_one:
                assert together is None, (family, case.why)
            elif together is None:  # of an adjoint its entries share out the phases
                w = np.zeros(case.w, np.float32)
                how = {**case.options, "algorithm": family, "precision": "high"}
                assert f"chosen: each_phase ({family})" in case.plan(case.x, w, **how).explain()


def promised(case, word):
    """Whether README and docstrings say that the call may ask for this algorithm."""
    options, taps = case.options, set(case.w[2:])
    stride, padding = options.get("stride", 1), options.get("padding", 0)
    if word == "pointwise":
        plain = padding in (0, "valid", "same", "same_lower", "full")
        return taps == {1} and plain and stride == 1
    if word == "depthwise":
        groups = options.get("groups", 1)
        return (case.w[0] // groups if case.transposed else case.w[1]) == 1
    return stride == 1 and taps <= {1, 2, 3, 5} and taps != {1}


@pytest.mark.parametrize("word", ["pointwise", "depthwise", "winograd"])
def test_a_documented_algorithm_takes_what_its_description_says(word, isa):
    cases = [case for case in ALL if promised(case, word)]
    assert len(cases) >= 5
    for case in cases:
        for dtype in (np.float32, np.float64):
            # In float64 forms of 5 taps err more than "high" allows.
            errs = word == "winograd" and dtype == np.float64 and 5 in case.w[2:]
            precision = "medium" if errs else "high"
            assert refusal(case, word, dtype, precision=precision) is None, case.why


@pytest.mark.parametrize(("algorithm", "how", "why"), [
    ("pointwise", {}, "1x1 kernels with stride 1 and no padding"),
    ("depthwise", {}, "one input channel per group"),
    ("winograd", {}, "precision='highest' allows plain sums only"),
    ("winograd", {"stride": 3, "precision": "high"}, "2, 3 or 5 taps an axis with stride 1"),
])  # fmt: skip
def test_a_refusal_says_why_and_what_takes_every_shape(algorithm, how, why):
    x, w = np.ones((1, 4, 9, 9), np.float32), np.ones((6, 4, 3, 3), np.float32)
    with pytest.raises(ValueError) as refused:
        fastconv.conv2d(x, w, algorithm=algorithm, **how)
    said = str(refused.value)
    assert said.startswith(f"algorithm '{algorithm}' cannot take this call: ")
    assert why in said
    for word in ("auto", *ANY_SHAPE):
        assert f"'{word}'" in said


def test_a_plan_takes_what_the_function_takes(isa):
    for case in ALL:
        for name in ENTRIES:
            function, plan = (refusal(case, name, plan=plan) for plan in (False, True))
            assert (function is None) == (plan is None), (case.why, name)


def test_an_error_that_is_no_refusal_is_not_taken_for_one():
    """The tables above would lose rows in silence if it were."""
    bad = Case("channels that do not fit", (1, 3, 5, 5), (2, 4, 3, 3))
    with pytest.raises(ValueError, match="but input has 3"):
        refusal(bad, "direct")
