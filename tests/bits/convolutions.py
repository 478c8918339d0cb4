"""Outputs of the case table and of the arithmetic table of convolutions.

Names are made of shapes and options, not of a case's reason: a reason may be worded anew, and its
case is still the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import fastconv
from arithmetic import CONVOLUTIONS, FACTS, Fact, Relation
from arithmetic import TRANSPOSED as ARITHMETIC_TRANSPOSED
from bits.output import Array, Output, channels_last, each, integers, lazy, normal, sizes, words
from cases import CONV, TRANSPOSED, Case
from fastconv import grad


class Arrays(NamedTuple):
    """Inputs of a convolution and the gradient of its result."""

    x: Array
    w: Array
    b: Array
    dy: Array


Make = Callable[[], Arrays]

NAMES = ("direct", "im2col", "channel_lanes", "pointwise", "depthwise", "winograd")


def case_table(dtype: str) -> Iterator[Output]:
    """Every case with every algorithm that takes it, and its gradients."""
    for case in (*CONV, *TRANSPOSED):
        name = label(case)
        floats, exact = arrays(case, dtype)
        for algorithm in algorithms(case, dtype):
            calls = [partial(how, case, floats, algorithm) for how in (forward, plan)]
            if algorithm == "auto":
                yield Output(f"{name} auto forward", calls[0])
                yield Output(f"{name} auto plan", calls[1])
            else:
                yield Output(f"{name} {algorithm} forward+plan", each(calls))
        yield Output(f"{name} auto last", partial(last, case, floats))
        yield Output(f"{name} auto highest", partial(highest, case, floats))
        for part in ("dX", "dW", "all"):
            yield Output(f"{name} auto {part}", partial(gradient, case, floats, part))
        yield Output(f"{name} auto plan-dX", partial(plan_gradient, case, floats))
        # Integers do not tell one algorithm from another: where a hash of the floats changes
        # because another one was chosen, this one must not.
        yield Output(f"{name} all exact", partial(exactly, case, exact))


def arithmetic_table(dtype: str) -> Iterator[Output]:
    """Every relation along one axis and along two, and every fact."""
    for row in CONVOLUTIONS:
        yield from relation(row, dtype, transposed=False)
    for row in ARITHMETIC_TRANSPOSED:
        yield from relation(row, dtype, transposed=True)
    for fact in FACTS:
        name = f"fact {fact.function} {sizes(fact.input)}"
        if fact.weight:
            transposed = fact.function.startswith("conv_transpose")
            case = Case(fact.why, (1, *fact.input), fact.weight, fact.options, transposed)
            name += f" {sizes(fact.weight)}{words(fact.options)}"
            yield from together(name, [case], dtype)
        else:
            name += words(fact.options)
            make = lazy(partial(normal, name, dtype, fact.input))
            yield Output(f"{name} values", partial(pool, fact, make))


def relation(row: Relation, dtype: str, transposed: bool) -> Iterator[Output]:
    options = {"stride": row.stride, "padding": row.padding, "dilation": row.dilation}
    if transposed:
        options["output_padding"] = row.output_padding
    channels = (3, 4) if transposed else (4, 3)
    cases = []
    for rank in (1, 2):
        x, w = (2, 3, *(row.input,) * rank), (*channels, *(row.kernel,) * rank)
        cases.append(Case(row.why, x, w, options, transposed))
    kind = "transposed" if transposed else "conv"
    name = f"arithmetic {kind} i{row.input} k{row.kernel}{words(options)}"
    yield from together(name, cases, dtype)


def together(name: str, cases: list[Case], dtype: str) -> Iterator[Output]:
    """A few cases as one: for each algorithm what is forward, and all the rest."""
    made = [(case, arrays(case, dtype)) for case in cases]
    for algorithm in algorithms(cases[0], dtype):
        calls = [partial(how, case, floats, algorithm)
                 for case, (floats, _) in made for how in (forward, plan)]  # fmt: skip
        yield Output(f"{name} {algorithm} forward+plan", each(calls))
    calls = [partial(gradient, case, floats, part)
             for case, (floats, _) in made for part in ("dX", "dW", "all")]  # fmt: skip
    calls += [partial(exactly, case, exact) for case, (_, exact) in made]
    yield Output(f"{name} auto gradients+exact", each(calls))


def label(case: Case) -> str:
    name = case.name.replace("conv_transpose", "convT")
    return f"{name} {sizes(case.x)} {sizes(case.w)}{words(case.options)}"


def algorithms(case: Case, dtype: str) -> list[str]:
    """`auto`, and the names that may be asked for and are not refused."""
    return ["auto", *(name for name in NAMES if accepted(case, dtype, name))]


def accepted(case: Case, dtype: str, algorithm: str) -> bool:
    try:
        plan_of(case)(case.x, np.zeros(case.w, dtype), **case.options, algorithm=algorithm)
    except ValueError as refusal:
        if "cannot take" not in str(refusal):
            raise
        return False
    return True


def arrays(case: Case, dtype: str) -> tuple[Make, Make]:
    """Normal numbers, and small integers."""
    shape = fastconv.conv_transpose_output_shape if case.transposed else fastconv.conv_output_shape
    options = {k: v for k, v in case.options.items() if k != "padding_mode"}
    shapes = (case.x, case.w, case.bias_shape, shape(case.x, case.w, **options))
    kinds = (normal, integers)
    floats, exact = (lazy(partial(draw, kind, label(case), dtype, shapes)) for kind in kinds)
    return floats, exact


def draw(kind: Any, name: str, dtype: str, shapes: tuple[tuple[int, ...], ...]) -> Arrays:
    return Arrays(*kind(name, dtype, *shapes))


def pool(fact: Fact, make: Callable[[], list[Array]]) -> Iterator[Array]:
    yield getattr(fastconv, fact.function)(*make(), **fact.options)


def forward(case: Case, make: Make, algorithm: str) -> Iterator[Array]:
    """With a bias, without one, and with what else a call may add to the sum."""
    x, w, b, _ = make()
    how = {**case.options, "algorithm": algorithm}
    yield case.function(x, w, b, **how)
    y = case.function(x, w, **how)
    yield y
    if not case.transposed:
        how["residual"] = y
    yield case.function(x, w, b, **how, activation="gelu")


def plan(case: Case, make: Make, algorithm: str) -> Iterator[Array]:
    x, w, b, _ = make()
    how = {**case.options, "algorithm": algorithm}
    yield plan_of(case)(case.x, w, b, **how)(x)
    yield plan_of(case)(case.x, w, **how, activation="relu")(x)


def plan_of(case: Case) -> Any:
    return getattr(fastconv, f"Conv{'Transpose' if case.transposed else ''}{len(case.w) - 2}dPlan")


def last(case: Case, make: Make) -> Iterator[Array]:
    """Everything on arrays whose channels are behind the pixels."""
    x, w, b, dy = make()
    rank = len(case.w) - 2
    x, dy = channels_last(x, rank), channels_last(dy, rank)
    how = {"data_format": "channels_last"}
    options = dict(case.options)
    if np.size(options.get("output_size", 0)) == dy.ndim:  # written as the whole shape
        options["output_size"] = dy.shape
    yield case.function(x, w, b, **options, **how)
    yield plan_of(case)(x.shape, w, b, **options, **how)(x)
    yield from getattr(grad, case.name)(x, w, dy, **backward_options(case), **how)


def highest(case: Case, make: Make) -> Iterator[Array]:
    """Everything without the algorithms that are fast and less precise."""
    x, w, b, dy = make()
    yield case.function(x, w, b, **case.options, precision="highest")
    yield from getattr(grad, case.name)(x, w, dy, **backward_options(case), precision="highest")


def backward_options(case: Case) -> dict[str, Any]:
    """The options that gradients take: a transposed convolution's lengths tell the rest."""
    return {k: v for k, v in case.options.items() if k not in ("output_padding", "output_size")}


def gradient(case: Case, make: Make, part: str) -> Iterator[Array]:
    """Of the input, of the weight, or `all`: all three in one call, and that of the bias alone."""
    x, w, _, dy = make()
    options = backward_options(case)
    if part == "dX":
        yield getattr(grad, f"{case.name}_input")(x.shape, w, dy, **options)
    elif part == "dW":
        yield getattr(grad, f"{case.name}_weight")(x, w.shape, dy, **options)
    else:
        yield from getattr(grad, case.name)(x, w, dy, **options)
        yield getattr(grad, f"{case.name}_bias")(dy)


def plan_gradient(case: Case, make: Make) -> Iterator[Array]:
    _, w, _, dy = make()
    yield plan_of(case)(case.x, w, **case.options).input_grad(dy)


def exactly(case: Case, make: Make) -> Iterator[Array]:
    """Every algorithm whose sums of integers are exact, and the gradients."""
    x, w, b, dy = make()
    for algorithm in algorithms(case, x.dtype.name):
        if algorithm != "winograd":
            how = {**case.options, "algorithm": algorithm, "precision": "highest"}
            yield case.function(x, w, b, **how)
            yield plan_of(case)(case.x, w, b, **how)(x)
    yield from getattr(grad, case.name)(x, w, dy, **backward_options(case), precision="highest")
