"""Activations: accuracy against float64 arithmetic, limits, memory, threads and bad arguments."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from fastconv import _native, activations
from fastconv.grad import activations as activations_grad

DTYPES = (np.float32, np.float64)
LONG = np.longdouble  # the oracle's precision: more than float64 where the machine has it
NAN, INF, LN2 = math.nan, math.inf, math.log(2)


def logistic(x: Any) -> Any:
    """1 / (1 + e^-x) without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def normal_cdf(x: Any) -> Any:
    """The normal distribution function, to the precision of `LONG` in its tail too.

    ``erfc`` exists in float64 only; what its argument was rounded by is put back to first order.
    """
    t = -x / np.sqrt(LONG(2))
    near = t.astype(np.float64)
    erfc = np.vectorize(math.erfc, otypes=[np.float64])(near).astype(LONG)
    return (erfc - (t - near) * 2 / np.sqrt(LONG(np.pi)) * np.exp(-(near.astype(LONG) ** 2))) / 2


def twice_inner(x: Any) -> Any:
    """The argument of the logistic function in gelu's approximation."""
    return np.sqrt(8 / LONG(np.pi)) * (x + LONG("0.044715") * x**3)


def below(x: Any) -> Any:
    """e^x - 1 where x is negative."""
    return np.expm1(np.minimum(x, 0))


def log_of_sum(x: Any) -> Any:
    """ln(1 + e^x) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


class Activation(NamedTuple):
    """A function, its oracle in `LONG`, and by how much it may err."""

    name: str
    exact: Callable[[Any], Any]
    why: str
    ulps: float = 1
    arguments: tuple[Any, ...] = ()
    magnified: Callable[[Any], Any] = lambda x: 0 * x  # further ulps, where a rounding grows

    def __call__(self, x: Any, **options: Any) -> Any:
        return getattr(activations, self.name)(x, *self.arguments, **options)

    def grad(self, dy: Any, x: Any, **options: Any) -> Any:
        return getattr(activations_grad, self.name)(dy, x, *self.arguments, **options)


CASES = (
    Activation("relu", lambda x: np.maximum(x, 0), "exact", 0),
    Activation("relu6", lambda x: np.clip(x, 0, 6), "exact", 0),
    Activation("leaky_relu", lambda x: np.where(x > 0, x, x / 4), "an exact slope", 0, (0.25,)),
    Activation("leaky_relu", lambda x: np.where(x > 0, x, -2 * x), "a negative slope", 0, (-2,)),
    Activation("sigmoid", logistic, "both tails", 4),
    Activation("tanh", np.tanh, "relative accuracy near 0", 4),
    Activation("silu", lambda x: x * logistic(x), "both tails", 5),
    Activation("gelu", lambda x: x * normal_cdf(x), "the tail decides, not its distance to 1", 6),
    Activation(
        "gelu",
        lambda x: x * logistic(twice_inner(x)),
        "the exponent's own rounding shows in the tail",
        6,
        ("tanh",),
        lambda x: 3 * np.abs(twice_inner(x)),
    ),
    Activation("hardsigmoid", lambda x: np.clip(x + 3, 0, 6) / 6, "a rounded 1 / 6", 2),
    Activation("hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6, "four roundings", 3),
    Activation("elu", lambda x: np.where(x < 0, below(x), x), "relative accuracy near 0", 4),
    Activation("elu", lambda x: np.where(x < 0, -2 * below(x), x), "a negative alpha", 4, (-2,)),
    Activation("softplus", lambda x: np.where(x > 20, x, log_of_sum(x)), "both tails", 4),
)
CURVES = CASES[4:]


def label(case: Activation) -> str:
    return "-".join((case.name, *map(str, case.arguments)))


each = pytest.mark.parametrize("case", CASES, ids=label)
curved = pytest.mark.parametrize("case", CURVES, ids=label)
typed = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)


def arguments_everywhere(dtype: Any) -> Any:
    """Random arguments at every scale: near 0, in the middle, and where results underflow."""
    rng = np.random.default_rng(1)
    most = 90 if dtype is np.float32 else 710
    signs = rng.choice([-1, 1], 2000)
    scales = np.exp(rng.uniform(math.log(1e-30), math.log(most), 2000))
    return np.concatenate(
        [signs * scales, rng.uniform(-4, 4, 3000), rng.uniform(-most, most, 1000)]
    ).astype(dtype)


def errors_in_ulps(got: Any, exact: Any, dtype: Any) -> Any:
    """Distance in units of the last place of the exact value, above the subnormals."""
    floor = np.finfo(dtype).smallest_normal * LONG(1e6)
    unit = np.maximum(np.abs(exact), floor)
    exponent = np.floor(np.log2(unit))
    return np.abs(got.astype(LONG) - exact) / 2 ** (exponent - np.finfo(dtype).nmant)


@each
@typed
def test_results_are_accurate_to_a_few_ulps(case: Activation, dtype: Any, isa: str) -> None:
    x = arguments_everywhere(dtype)
    exact = case.exact(x.astype(LONG))
    error = errors_in_ulps(case(x), exact, dtype)
    allowed = np.asarray(case.ulps + 2 * case.magnified(x.astype(LONG)), np.float64)
    worst = int(np.argmax(error - allowed))
    assert error[worst] <= allowed[worst], (x[worst], float(error[worst]), float(allowed[worst]))


# x and its results, in the order of CASES
LIMITS: tuple[tuple[float, tuple[float, ...], str], ...] = (
    (NAN, (NAN,) * 14, "NaN is never hidden"),
    (INF, (INF, 6, INF, INF, 1, 1, INF, INF, INF, 1, *(INF,) * 4), "the limits"),
    (
        -INF,
        (0, 0, -INF, INF, 0, -1, NAN, NAN, NAN, 0, NAN, -1, 2, 0),
        "-Inf * 0 is NaN, as in PyTorch",
    ),
    (0.0, (0.0, 0.0, 0.0, -0.0, 0.5, *(0.0,) * 4, 0.5, 0.0, 0.0, 0.0, LN2), "zero"),
    (
        -0.0,
        (-0.0, -0.0, -0.0, 0.0, 0.5, *(-0.0,) * 4, 0.5, -0.0, -0.0, -0.0, LN2),
        "the sign of a zero",
    ),
    (
        1e30,
        (1e30, 6, 1e30, 1e30, 1, 1, 1e30, 1e30, 1e30, 1, *(1e30,) * 4),
        "x squared overflows float32",
    ),
    (
        -1e30,
        (0, 0, -2.5e29, 2e30, 0, -1, *(-0.0,) * 3, 0, -0.0, -1, 2, 0),
        "underflow to the right zero",
    ),
    (
        3e38,
        (3e38, 6, 3e38, 3e38, 1, 1, 3e38, 3e38, 3e38, 1, *(3e38,) * 4),
        "near float32's largest",
    ),
    (
        1e-39,
        (*(1e-39,) * 4, 0.5, 1e-39, *(5e-40,) * 3, 0.5, 5e-40, 1e-39, 1e-39, LN2),
        "a subnormal",
    ),
    (-1e-39, (*(NAN,) * 9, 0.5, -5e-40, -1e-39, 2e-39, LN2), "a negative one"),
    (6, (6, 6, 6, 6, *(NAN,) * 5, 1, 6, 6, 6, NAN), "relu6's kink"),
    (3, (3, 3, 3, 3, *(NAN,) * 5, 1, 3, 3, 3, NAN), "hardswish's kink"),
    (-3, (0, 0, -0.75, 6, *(NAN,) * 5, 0, -0.0, NAN, NAN, NAN), "the other"),
    (21, (21, 6, 21, 21, *(NAN,) * 5, 1, 21, 21, 21, 21), "beyond softplus's threshold"),
)


@typed
@pytest.mark.parametrize(("x", "wanted", "why"), LIMITS, ids=[str(row[0]) for row in LIMITS])
def test_limits(x: float, wanted: tuple[float, ...], why: str, dtype: Any, isa: str) -> None:
    for case, value in zip(CASES, wanted, strict=True):
        if math.isnan(value) and math.isfinite(x):
            continue  # this row says nothing about curves
        got = case(np.full(19, x, dtype))
        assert (got == got[0]).all() or math.isnan(value), (case.name, why)
        np.testing.assert_allclose(got[0], dtype(value), rtol=1e-6, err_msg=f"{label(case)}: {why}")
        if value == 0:
            assert math.copysign(1, got[0]) == math.copysign(1, value) or x != 0, label(case)


@typed
def test_every_length_writes_its_own_elements_only(dtype: Any, isa: str) -> None:
    x = np.linspace(-3, 3, 80).astype(dtype)
    for case in CASES:
        whole = case(x)
        for n in range(70):
            for start in (0, 3):
                out = np.full(n + 2, 99, dtype)
                case(x[start : start + n], out=out[1:-1])
                assert out[0] == out[-1] == 99
                assert np.array_equal(out[1:-1], whole[start : start + n]), (label(case), n)


@typed
def test_gradients_match_differences(dtype: Any, isa: str) -> None:
    x = np.linspace(-7.03, 7.03, 300).astype(dtype)  # none at a kink
    dy = np.cos(np.arange(300)).astype(dtype)
    wide, step = x.astype(LONG), LONG(1e-5)
    for case in CASES:
        slope = (case.exact(wide + step) - case.exact(wide - step)) / (2 * step)
        got = case.grad(dy, x)
        assert got.dtype == dtype
        tolerance = 2e-6 if dtype is np.float32 else 2e-9
        np.testing.assert_allclose(got, np.asarray(dy * slope, float), atol=tolerance, rtol=0)


# At NaN, Inf, -Inf, -0.0, 0.0, 6.0, 1e30, -1e30, 3.0, -3.0 and 21.0: what PyTorch has.
GRADIENT_LIMITS = {
    "relu": (1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1),
    "relu6": (1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0),
    "leaky_relu": (0.25, 1, 0.25, 0.25, 0.25, 1, 1, 0.25, 1, 0.25, 1),
    "sigmoid": (NAN, 0, 0, 0.25, 0.25, None, 0, 0, None, None, None),
    "tanh": (NAN, 0, 0, 1, 1, None, 0, 0, None, None, None),
    "silu": (NAN, NAN, NAN, 0.5, 0.5, None, 1, 0, None, None, None),
    "gelu": (NAN, NAN, NAN, 0.5, 0.5, None, 1, 0, None, None, None),
    "gelu-tanh": (NAN, NAN, NAN, 0.5, 0.5, None, 1, 0, None, None, None),
    "hardsigmoid": (0, 0, 0, 1 / 6, 1 / 6, 0, 0, 0, 0, 0, 0),
    "hardswish": (NAN, 1, 0, 0.5, 0.5, 1, 1, 0, 1, 0, 1),
    "elu": (NAN, 1, 0, 1, 1, 1, 1, 0, 1, math.exp(-3), 1),
    "elu--2": (NAN, 1, 0, -2, -2, 1, 1, 0, 1, -2 * math.exp(-3), 1),
    "softplus": (NAN, 1, 0, 0.5, 0.5, None, 1, 0, None, None, 1),
}


@typed
def test_gradients_at_kinks_and_infinities(dtype: Any, isa: str) -> None:
    x = np.array([NAN, INF, -INF, -0.0, 0.0, 6.0, 1e30, -1e30, 3.0, -3.0, 21.0], dtype)
    for case in CASES:
        if label(case) == "leaky_relu--2":
            continue
        wanted = GRADIENT_LIMITS[label(case).removesuffix("-0.25")]
        got = case.grad(np.full_like(x, 2), x)
        for value, expected in zip(got, wanted, strict=True):
            if expected is not None:
                np.testing.assert_allclose(value, 2 * expected, rtol=1e-6, err_msg=label(case))


@typed
@each
def test_threads_change_no_bit(case: Activation, dtype: Any) -> None:
    x = np.random.default_rng(2).normal(0, 4, 300_001).astype(dtype)
    one, one_grad = case(x, threads=1), case.grad(x, x, threads=1)
    for threads in (2, 3):
        assert np.array_equal(case(x, threads=threads), one)
        assert np.array_equal(case.grad(x, x, threads=threads), one_grad)


@typed
def test_hardswish_kinks_are_where_pytorch_has_them(dtype: Any, isa: str) -> None:
    x = np.nextafter(np.array([3, -3], dtype), np.array([0, 0], dtype))
    inside = activations_grad.hardswish(np.ones_like(x), x)
    np.testing.assert_allclose(inside, [1.5, -0.5], rtol=1e-6)
    dy = np.array([INF, NAN], dtype)
    np.testing.assert_array_equal(activations_grad.hardswish(dy, np.full_like(x, -3)), [0, 0])
    np.testing.assert_array_equal(activations_grad.hardsigmoid(dy, np.full_like(x, 3)), [0, 0])


@typed
def test_softplus_has_a_threshold(dtype: Any, isa: str) -> None:
    x = np.array([20, 20.5], dtype)
    want = np.array([20.000000002061153, 20.5], dtype)
    np.testing.assert_allclose(activations.softplus(x), want, rtol=2e-16)
    slope = activations_grad.softplus(np.ones_like(x), x)
    np.testing.assert_allclose(slope, [dtype(1 / (1 + math.exp(-20))), 1], rtol=2e-16)


SHAPES = ((), (0,), (1,), (2, 3), (2, 0, 3), (2, 3, 2, 2), (1, 2, 1, 2, 1, 2, 1))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_shape_and_memory(shape: tuple[int, ...]) -> None:
    x = np.asarray(np.random.default_rng(3).normal(size=shape))
    wanted = np.asarray(np.where(x > 0, x, 0))
    readonly = x.copy()
    readonly.flags.writeable = False
    swapped = x.astype(x.dtype.newbyteorder())
    shifted = np.zeros(x.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(shape)
    shifted[...] = x
    transposed = np.asarray(x, order="F")
    spread = np.repeat(x, 2, axis=-1)[..., ::2] if shape else x
    for given in (x, readonly, swapped, shifted, transposed, spread, x.tolist() if x.size else x):
        y = activations.relu(given)
        assert type(y) is np.ndarray
        assert y.flags.c_contiguous
        assert y.flags.owndata
        assert y.dtype == np.float64
        assert y.dtype.isnative
        np.testing.assert_array_equal(y, wanted, strict=True)
        np.testing.assert_array_equal(activations_grad.relu(wanted, given), wanted, strict=True)


def test_a_matrix_becomes_a_plain_array() -> None:
    class Labelled(np.ndarray):
        pass

    x = np.array([[-1.0, 2.0]]).view(Labelled)
    assert type(activations.relu(x)) is np.ndarray


def test_out_may_overlap_its_inputs() -> None:
    base = np.random.default_rng(4).normal(size=1000)
    for case in CASES:
        x = base.copy()
        assert case(x, out=x) is x
        assert np.array_equal(x, case(base))
        memory = np.append(base, 0.0)
        case(memory[:-1], out=memory[1:])
        assert np.array_equal(memory[1:], case(base))
        reversed_memory = base.copy()
        case(reversed_memory, out=reversed_memory[::-1])
        assert np.array_equal(reversed_memory[::-1], case(base))
        for target in (0, 1):
            pair = [base[::-1].copy(), base.copy()]
            case.grad(*pair, out=pair[target])
            assert np.array_equal(pair[target], case.grad(base[::-1], base))


X = np.ones(3)
MASKED = np.ma.masked_array(X, [True, False, False])
REFUSED: tuple[tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], str], ...] = (
    ("relu", (None,), {}, TypeError, "x must be an array, got None"),
    ("relu", (np.ones(2, np.int64),), {}, TypeError, "x must have dtype float32 or float64"),
    ("relu", (np.ones(2, np.float16),), {}, TypeError, "got float16"),
    ("relu", (np.ones(2, bool),), {}, TypeError, "got bool"),
    ("relu", (["a"],), {}, TypeError, "x must have dtype"),
    ("relu", ([[1.0], [1.0, 2.0]],), {}, ValueError, "inhomogeneous"),
    ("relu", (MASKED,), {}, TypeError, "masked"),
    ("relu", (X,), {"out": np.ones(4)}, ValueError, r"out must have shape \(3,\), got \(4,\)"),
    ("relu", (X,), {"out": np.ones((3, 1))}, ValueError, "out must have shape"),
    ("relu", (X,), {"out": np.ones(3, np.float32)}, TypeError, "out must have dtype float64"),
    ("relu", (X,), {"out": [0.0] * 3}, TypeError, "out must be an array"),
    ("relu", (X,), {"out": np.broadcast_to(X, (3,))}, ValueError, "writable"),
    ("relu", (X,), {"out": X.astype(">f8")}, ValueError, "native-endian"),
    ("relu", (X,), {"threads": 0}, ValueError, "threads must be from 1"),
    ("relu", (X,), {"threads": 2.0}, TypeError, "threads must be an int"),
    ("leaky_relu", (X, "steep"), {}, TypeError, "negative_slope must be a number"),
    ("leaky_relu", (X, None), {}, TypeError, "negative_slope must be a number"),
    ("elu", (X, "steep"), {}, TypeError, "alpha must be a number"),
    ("elu", (X, True), {}, TypeError, "alpha must be a number"),
    ("gelu", (X, "exact"), {}, ValueError, "approximate must be 'none' or 'tanh', got 'exact'"),
    ("gelu", (X, True), {}, TypeError, "approximate must be a str"),
)


@pytest.mark.parametrize(("name", "arguments", "options", "error", "message"), REFUSED)
def test_bad_arguments_are_named(
    name: str, arguments: Any, options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        getattr(activations, name)(*arguments, **options)


def test_gradients_want_arrays_that_agree() -> None:
    with pytest.raises(ValueError, match=r"grad_output must have the shape of x, \(3,\), got"):
        activations_grad.silu(np.ones((3, 1)), X)
    with pytest.raises(TypeError, match="grad_output must have the dtype of x, float64"):
        activations_grad.silu(np.ones(3, np.float32), X)


def test_signatures_are_public_contract() -> None:
    def shown(function: Any) -> str:
        text = [str(p).split(":")[0] for p in inspect.signature(function).parameters.values()]
        return ", ".join(text)

    assert shown(activations.relu) == "x, threads, out"
    assert list(inspect.signature(activations.leaky_relu).parameters)[1] == "negative_slope"
    assert inspect.signature(activations.gelu).parameters["approximate"].default == "none"
    assert shown(activations_grad.gelu) == "grad_output, x, approximate, threads, out"
    with pytest.raises(TypeError, match="positional-only"):
        activations.relu(x=X)  # type: ignore[call-arg]


def test_every_isa_was_forced(isa: str) -> None:
    assert _native.isa() == isa
