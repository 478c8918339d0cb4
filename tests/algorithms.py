"""The engine's table of algorithms as tests see it: who is in it, and who takes which call."""

from __future__ import annotations

import functools
import inspect

import numpy as np
import pytest

import fastconv
from cases import DTYPES, id_of
from conftest import ISAS
from fastconv import grad
from fastconv._native import testing

FAMILIES = dict(testing.algorithms())  # of each entry
ENTRIES = tuple(FAMILIES)
ANY_SHAPE = ("direct", "im2col", "channel_lanes")  # the families that promise to take every call
WEIGHT_GRADS = tuple(testing.weight_grad_algorithms())


def reason(error, algorithm):
    """Why a call was refused, if that is what the error says; else the error is raised again."""
    start = f"algorithm '{algorithm}' cannot take this call: "
    if not str(error).startswith(start):
        raise error
    return str(error).removeprefix(start)


def options_of(case, data_format="channels_first"):
    """The case's keyword arguments, with an output_size in the order of this format's axes."""
    options, n = dict(case.options), len(case.w) - 2
    size = options.get("output_size", 0)
    if data_format == "channels_last" and np.ndim(size) == 1 and len(size) > n:
        options["output_size"] = (*size[: -1 - n], *size[-n:], size[-1 - n])
    return options


@functools.cache
def _zeros(shape, dtype):
    """Zeros that nobody writes to: what a question is asked with."""
    return np.zeros(shape, dtype)


def ask(case, algorithm, dtype, *, precision="highest", plan=False, data_format="channels_first"):
    """Why the algorithm does not take the case on this ISA, or None; the call itself tells."""
    shape = case.x
    if data_format == "channels_last":
        axes = len(case.w) - 2
        shape = (*shape[: -1 - axes], *shape[-axes:], shape[-1 - axes])
    x, w = _zeros(shape, dtype), _zeros(case.w, dtype)
    how = {**options_of(case, data_format), "data_format": data_format}
    how |= {"algorithm": algorithm, "precision": precision, "threads": 1}
    try:
        case.plan(x.shape, w, **how) if plan else case.function(x, w, **how)
    except ValueError as error:
        return reason(error, algorithm)
    return None


@functools.cache
def _remembered(case, algorithm, dtype, isa, how):
    return ask(case, algorithm, dtype, **dict(how))


def refusal(case, algorithm, dtype=np.float32, **how):
    """What `ask` says; asked once for each ISA."""
    return _remembered(case, algorithm, dtype, fastconv.isa(), tuple(sorted(how.items())))


@functools.cache
def _dtypes_of(case, algorithm, isa, how):
    return [t for t in DTYPES if _remembered(case, algorithm, t, isa, how) is None]


def dtypes_of(case, algorithm, **how):
    """The dtypes in which the algorithm takes the case on this ISA; asked once, too."""
    if algorithm == "auto":
        return list(DTYPES)
    return _dtypes_of(case, algorithm, fastconv.isa(), tuple(sorted(how.items())))


def _on_each_isa():
    """Sets each ISA in turn that this run of the suite is about."""
    before = fastconv.isa()
    for isa in ISAS:
        fastconv.set_isa(isa)
        yield isa
    fastconv.set_isa(before)


def each_with_algorithm(cases, names=("auto", *ENTRIES), **how):
    """Parametrize `case` and `isa`, and run the test for each `algorithm` that takes the case.

    The engine is asked which those are; `how` is what `refusal` may be told, and the test has to
    make its calls in that way. All algorithms are one item, since pytest takes as long for an item
    as most of these tests do: a failure says by which of them, and the others run all the same.
    """
    taken = {
        (case, isa): [name for name in names if dtypes_of(case, name, **how)]
        for isa in _on_each_isa()
        for case in cases
    }
    rows = [row for row, algorithms in taken.items() if algorithms]

    def parametrized(test):
        @functools.wraps(test)
        def each(*, case, isa, **others):
            failed = []
            for name in taken[case, isa]:
                fastconv.set_isa(isa)  # a test may have set another meanwhile
                try:
                    test(case=case, algorithm=name, isa=isa, **others)
                except Exception as error:
                    error.add_note(f"by the algorithm {name}")
                    failed.append(error)
            if failed:
                raise failed[0] if len(failed) == 1 else ExceptionGroup("by algorithms", failed)

        signature = inspect.signature(test)
        kept = [p for name, p in signature.parameters.items() if name != "algorithm"]
        each.__signature__ = signature.replace(parameters=kept)
        return pytest.mark.parametrize(("case", "isa"), rows, ids=id_of, indirect=["isa"])(each)

    return parametrized


def weight_grad(case, x, dy, algorithm, **how):
    """The weight's gradient of a case, by the algorithm of this name."""
    options = {k: v for k, v in case.options.items() if k not in ("output_padding", "output_size")}
    if algorithm == "auto":
        return getattr(grad, f"{case.name}_weight")(x, case.w, dy, **options, **how)
    return weight_grad_of(x, case.w, dy, algorithm, transposed=case.transposed, **options, **how)


def weight_grad_of(
    x, weight_size, dy, algorithm, *, transposed=False, stride=1, padding=0, dilation=1, groups=1,
    padding_mode="zeros", threads=None, data_format="channels_first",
):  # fmt: skip
    """The gradient of the weights by the entry of this name."""
    return testing.weight_grad(
        len(weight_size) - 2, transposed, x, weight_size, dy, stride, padding, dilation, groups,
        padding_mode, algorithm, threads, data_format,
    )  # fmt: skip
