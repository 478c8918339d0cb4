"""fastconv.interfaces.torch against torch.nn.functional: values, layouts, gradients, errors."""

from __future__ import annotations

import types

import numpy as np
import pytest

from children import run_python

torch = pytest.importorskip("torch", minversion="2.13", reason="torch is an extra")
import torch.nn.functional as F  # noqa: E402
from torch.autograd import gradcheck, gradgradcheck  # noqa: E402

import fastconv  # noqa: E402
from fastconv.interfaces import torch as fct  # noqa: E402
from fastconv.interfaces.torch import _arrays, _averages, _columns, _maxima  # noqa: E402
from fastconv.interfaces.torch._convolution import convolution, convolution_weight  # noqa: E402
from fastconv.interfaces.torch._operator import Operator  # noqa: E402
from torch_cases import CASES, WRONG, last, randn  # noqa: E402


def cases(table):
    return [
        pytest.param(name, args, kwargs, id=f"{name}: {why}") for name, args, kwargs, why in table
    ]


def fresh(args, dtype=torch.float64, grad=False):
    """The arguments anew, in their layouts, floating ones in another dtype."""
    made = []
    for arg in args:
        if isinstance(arg, torch.Tensor) and arg.is_floating_point():
            arg = arg.detach().to(dtype)
            if grad:
                arg = arg.requires_grad_()
        made.append(arg)
    return made


def results(value):
    return value if isinstance(value, tuple) else (value,)


def close(got, want):
    """To rounding: sums of at most a few hundred terms near 1; NaN where torch has NaN."""
    bound = 1e-4 if want.dtype is torch.float32 else 1e-12
    torch.testing.assert_close(got, want, rtol=bound, atol=bound, equal_nan=True)


@pytest.fixture
def no_way_out(monkeypatch):
    """Calls that our kernels refuse must not be answered by torch unseen."""
    seen = []
    for module in ("_operator", "_conv_functions", "_calls"):
        monkeypatch.setattr(
            f"fastconv.interfaces.torch.{module}.note", lambda *what: seen.append(what)
        )
    for module in ("_conv_functions", "_calls"):
        quick = f"fastconv.interfaces.torch.{module}.note_now"
        monkeypatch.setattr(quick, lambda key: seen.append(key))
    yield seen
    assert {outcome for _, outcome in seen} <= {"taken"}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "args", "kwargs"), cases(CASES))
def test_values_layouts_and_gradients_are_torchs(name, args, kwargs, dtype, no_way_out):
    theirs, ours = fresh(args, dtype, grad=True), fresh(args, dtype, grad=True)
    want, got = (
        results(getattr(F, name)(*theirs, **kwargs)),
        results(getattr(fct, name)(*ours, **kwargs)),
    )
    assert no_way_out
    assert len(want) == len(got)
    for a, b in zip(want, got, strict=True):
        assert a.stride() == b.stride()
        close(b, a)
    weights = torch.rand(want[0].shape, dtype=dtype)
    (want[0] * weights).sum().backward()
    (got[0] * weights).sum().backward()
    for a, b in zip(theirs, ours, strict=True):
        if isinstance(a, torch.Tensor) and a.is_floating_point():
            close(b.grad, a.grad)


@pytest.mark.parametrize(("name", "args", "kwargs"), cases(CASES))
def test_without_gradients_too(name, args, kwargs, no_way_out):
    want, got = getattr(F, name)(*args, **kwargs), getattr(fct, name)(*args, **kwargs)
    for a, b in zip(results(want), results(got), strict=True):
        assert not b.requires_grad
        close(b, a)


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [case for i, case in enumerate(cases(CASES)) if i % 3 == 0 or "output_padding" in case.id],
)
def test_first_and_second_derivatives(name, args, kwargs):
    def function(*inputs):
        every = iter(inputs)
        filled = [next(every) if differentiable(a) else a for a in args]
        return results(getattr(fct, name)(*filled, **kwargs))[0]

    def differentiable(arg):
        return isinstance(arg, torch.Tensor) and arg.is_floating_point()

    inputs = [a for a in fresh(args, grad=True) if differentiable(a)]
    assert gradcheck(function, inputs, fast_mode=True)
    assert gradgradcheck(function, inputs, fast_mode=True)


@pytest.mark.parametrize(("name", "args", "kwargs"), cases(WRONG))
def test_errors_are_torchs(name, args, kwargs):
    with pytest.raises(Exception) as theirs:  # whatever torch raises
        getattr(F, name)(*args, **kwargs)
    with pytest.raises(theirs.type):
        getattr(fct, name)(*args, **kwargs)
    with fct.enabled(), pytest.raises(theirs.type):
        getattr(F, name)(*args, **kwargs)


@pytest.mark.parametrize("x", [
    randn(2, 0, 4, 4), randn(0, 3, 4, 4), randn(2, 3, 4, 4).half(), randn(2, 3, 4, 4).bfloat16(),
    torch.complex(randn(2, 3, 4, 4), randn(2, 3, 4, 4)), torch.ones(2, 3, 4, 4, dtype=torch.int64),
], ids=["no channels", "no images", "half", "bfloat16", "complex", "integers"])  # fmt: skip
def test_what_torch_takes_is_taken(x):
    w = torch.ones((2, x.shape[1], 3, 3), dtype=x.dtype)
    torch.testing.assert_close(fct.conv2d(x, w), F.conv2d(x, w))


def test_negative_bits_and_views_are_read_right():
    z = torch.complex(randn(1, 2, 5, 5), randn(1, 2, 5, 5))
    w = randn(3, 2, 3, 3)
    assert z.conj().imag.is_neg()
    torch.testing.assert_close(fct.conv2d(z.conj().imag, w), F.conv2d(z.conj().imag, w))


def test_contiguous_and_channels_last_are_not_copied():
    for tensor, is_last in ((randn(2, 3, 8, 8), False), (last(2, 3, 8, 8), True)):
        assert _arrays.looks_last(tensor, 2) == is_last
        seen, _ = _arrays.seen(tensor, is_last)
        assert seen.ctypes.data == tensor.data_ptr()
        assert seen.flags.c_contiguous
        made = _arrays.result(seen, is_last)
        assert made.data_ptr() == tensor.data_ptr()
        assert made.stride() == tensor.stride()


@pytest.mark.parametrize("most", [1, 2])
def test_calls_keep_to_torchs_threads(most):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(most)
        with fastconv.threads(4):
            assert (_arrays.threads() or fastconv.get_num_threads()) == most
        with fastconv.threads(1):
            assert _arrays.threads() is None
    finally:
        torch.set_num_threads(before)


OPERATORS = {
    name: op
    for module in (_averages, _columns, _maxima)
    for name, op in vars(module).items()
    if isinstance(op, Operator)
} | {"convolution": convolution, "convolution_weight": convolution_weight}

WINDOW = ([2, 2], [2, 2], [0, 0])
SAMPLES = [
    ("convolution", (randn(2, 4, 6, 6), randn(6, 2, 3, 3), randn(6), [2, 1], [1, 1], [1, 1], False,
                     [0, 0], 2)),
    ("convolution", (last(2, 4, 6, 6), randn(4, 3, 3, 3), None, [2, 2], [1, 0], [1, 1], True,
                     [1, 0], 1)),
    ("convolution", (randn(2, 4, 9), randn(6, 4, 3), None, [1], [1], [1], False, [0], 1)),
    ("convolution_weight", (last(2, 4, 6, 6), randn(2, 6, 4, 4), [6, 4, 3, 3], [1, 1], [0, 0],
                            [1, 1], 1, True)),
    ("max_pool", (last(2, 3, 6, 6), *WINDOW, [1, 1], False)),
    ("max_pool", (randn(3, 9), [3], [2], [1], [1], True)),
    ("max_pool_values", (randn(2, 3, 6, 6), *WINDOW, [1, 1], False)),
    ("adaptive_max_pool", (randn(2, 3, 6, 6), [3, 2])),
    ("pool_scatter", (randn(2, 3, 2), torch.tensor([[[0, 1]] * 3] * 2), [4])),
    ("pool_gather", (last(2, 3, 4, 4), torch.arange(48).reshape(2, 3, 2, 4) % 16, 2)),
    ("max_unpool", (randn(2, 3, 2, 4), torch.arange(48).reshape(2, 3, 2, 4) % 8, [4, 4])),
    ("avg_pool", (last(2, 3, 6, 6), *WINDOW, False, True, None)),
    ("avg_pool_input", (randn(2, 3, 3), [2, 3, 6], [2], [2], [0], False, True, None)),
    ("adaptive_avg_pool", (randn(2, 3, 6, 6), [3, 2])),
    ("adaptive_avg_pool_input", (last(2, 3, 3, 2), [2, 3, 6, 6], 2)),
    ("unfold", (randn(2, 3, 6, 6), [2, 2], [1, 1], [0, 0], [1, 1])),
    ("fold", (randn(2, 12, 25), [6, 6], [2, 2], [1, 1], [0, 0], [1, 1])),
]  # fmt: skip


def test_every_operator_has_a_sample():
    assert {name for name, _ in SAMPLES} == set(OPERATORS)


# A sample takes a second: two here, all by .ci/interfaces.
@pytest.mark.parametrize(("name", "args"), [
    pytest.param(*sample, id=sample[0], marks=[pytest.mark.interfaces] if i not in (1, 4) else [])
    for i, sample in enumerate(SAMPLES)
])  # fmt: skip
def test_operators_pass_opcheck(name, args):
    found = torch.library.opcheck(OPERATORS[name].registered, fresh(args, grad=True))
    assert set(found.values()) == {"SUCCESS"}


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiled_and_exported_programs_call_our_operators(dynamic):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(randn(4, 3, 3, 3))

        def forward(self, x):
            return fct.max_pool2d(fct.conv2d(x, self.weight, padding=1), 2)

    graphs = []

    def backend(graph, inputs):
        graphs.append(graph.code)
        return graph

    net, x = Net(), randn(2, 3, 8, 8)
    want = net(x)
    compiled = torch.compile(net, backend=backend, fullgraph=True, dynamic=dynamic)
    torch.testing.assert_close(compiled(x), want)
    assert "fastconv.convolution" in graphs[0]
    assert "fastconv.max_pool" in graphs[0]
    for strict in (False, True):
        exported = torch.export.export(net, (x,), strict=strict)
        assert "fastconv.convolution" in str(exported.graph)
        torch.testing.assert_close(exported.module()(x), want)
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True, dynamic=dynamic)
    compiled(x).sum().backward()
    got, net.weight.grad = net.weight.grad, None
    net(x).sum().backward()
    torch.testing.assert_close(got, net.weight.grad)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own use
def test_transforms_of_torch_func_are_torchs():
    x, w = randn(5, 2, 3, 8, 8), randn(4, 3, 3, 3)
    torch.testing.assert_close(
        torch.func.vmap(lambda x: fct.conv2d(x, w))(x), torch.stack([F.conv2d(a, w) for a in x])
    )
    got = torch.func.grad(lambda w: fct.conv2d(x[0], w).sin().sum())(w)
    torch.testing.assert_close(got, torch.func.grad(lambda w: F.conv2d(x[0], w).sin().sum())(w))
    _, tangent = torch.func.jvp(lambda w: fct.conv2d(x[0], w), (w,), (w,))
    torch.testing.assert_close(tangent, F.conv2d(x[0], w))


def test_gradients_of_many_outputs_at_once():
    x, w = randn(2, 3, 6, 6), randn(4, 3, 3, 3).requires_grad_()
    basis = randn(5, 2, 4, 4, 4)
    got = torch.autograd.grad(fct.conv2d(x, w), w, basis, is_grads_batched=True)[0]
    want = torch.autograd.grad(F.conv2d(x, w), w, basis, is_grads_batched=True)[0]
    torch.testing.assert_close(got, want)


LAYERS = [
    (torch.nn.Conv2d(3, 8, 3, padding=1), (2, 3, 9, 8)),
    (torch.nn.Conv2d(4, 8, (3, 2), 2, (1, 0), 2, groups=2, bias=False), (2, 4, 9, 8)),
    (torch.nn.Conv2d(3, 8, 4, padding="same", padding_mode="reflect"), (2, 3, 9, 8)),
    (torch.nn.Conv2d(3, 8, 3, padding=2, padding_mode="circular", dtype=torch.float64),
     (2, 3, 9, 8)),
    (torch.nn.Conv1d(3, 8, 3, padding=1, padding_mode="replicate"), (2, 3, 9)),
    (torch.nn.ConvTranspose2d(3, 8, 3, 2, 1, 1), (2, 3, 9, 8)),
    (torch.nn.ConvTranspose1d(4, 8, 5, 3, 2, groups=2, dilation=2), (2, 4, 9)),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=[str(layer) for layer, _ in LAYERS])
def test_plans_compute_what_their_layers_do(layer, shape):
    x = torch.rand(shape, dtype=layer.weight.dtype)
    want = layer(x).detach().numpy()
    first = fct.load_plan(layer)
    assert all(n > 0 for n in first.output_shape)
    for plan in (fct.load_plan(layer, shape), first.with_shape(shape)):
        np.testing.assert_allclose(plan(x.numpy()), want, rtol=1e-4, atol=1e-5)
    swapped = (shape[0], *shape[2:], shape[1])
    plan = fct.load_plan(layer, swapped, data_format="channels_last", activation="relu", threads=1)
    got = np.moveaxis(plan(np.moveaxis(x.numpy(), 1, -1)), -1, 1)
    np.testing.assert_allclose(got, np.maximum(want, 0), rtol=1e-4, atol=1e-5)


class Own(torch.nn.Conv2d):
    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize(("layer", "error", "words"), [
    (torch.nn.Linear(2, 2), TypeError, "module must be one of nn.Conv1d, .* got Linear"),
    (torch.nn.Conv3d(2, 2, 2), TypeError, "got Conv3d"),
    (Own(2, 2, 2), TypeError, "Own has a forward of its own"),
    (torch.nn.Conv2d(2, 2, 2, dtype=torch.bfloat16), TypeError, "its weight is in bfloat16"),
    (torch.nn.Conv2d(2, 2, 2, device="meta"), ValueError, "its weight is on meta"),
    (torch.nn.LazyConv2d(2, 2), ValueError, "its weight is not initialised"),
])  # fmt: skip
def test_plans_refuse_other_layers(layer, error, words):
    with pytest.raises(error, match=words):
        fct.load_plan(layer)


MISSING = """
import sys, types, fastconv
{before}
try:
    fastconv.interfaces.torch
except ImportError as error:
    print(error)
"""


def test_a_torch_that_is_missing_is_named_with_its_extra():
    assert run_python(MISSING.format(before="sys.modules['torch'] = None")) == (
        "fastconv.interfaces.torch needs torch 2.13 or later: pip install 'fastconv[torch]'"
    )


@pytest.mark.parametrize(("version", "words"), [
    ("1.13.1", "torch 1.13.1 is too old"),
    ("2.12.0+cpu", "torch 2.12.0+cpu is too old"),
    ("3.0.0", "torch 3.0.0 is too new"),
    ("2.99.0", "torch 2.99.0 is too new (it has no torch._C._FunctionBase)"),
])  # fmt: skip
def test_a_torch_that_cannot_be_patched_is_named_with_its_version(version, words):
    before = f"t = sys.modules['torch'] = types.ModuleType('torch'); t.__version__ = '{version}'"
    assert run_python(MISSING.format(before=before)) == (
        f"fastconv.interfaces.torch needs torch 2.13 or later, before 3.0; {words}: "
        "pip install 'fastconv[torch]'"
    )


def test_importing_fastconv_imports_no_torch():
    assert run_python("import sys, fastconv.interfaces; print('torch' in sys.modules)") == "False"


@pytest.mark.parametrize(("kernel", "groups"), [(1, 1), (3, 8), (3, 1)])
def test_gradients_of_channels_last_weights_have_the_strides_of_their_weights(kernel, groups):
    layer = torch.nn.Conv2d(8, 8, kernel, groups=groups).to(memory_format=torch.channels_last)
    with fct.enabled():
        y = layer(torch.rand(2, 8, 5, 5).to(memory_format=torch.channels_last))
    y.sum().backward()
    assert layer.weight.grad.stride() == layer.weight.stride()


def test_weights_that_were_changed_before_backward_are_noticed():
    """Those in channels_last are copied in the forward call, and the copy serves both."""
    w = torch.rand(4, 3, 3, 3).to(memory_format=torch.channels_last).requires_grad_()
    y = fct.conv2d(torch.rand(1, 3, 5, 5, requires_grad=True), w)
    with torch.no_grad():
        w += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_the_module_shows_what_it_has():
    assert all(hasattr(fct, name) for name in fct.__all__)
    public = {n for n, v in vars(fct).items() if isinstance(v, types.FunctionType) and n[0] != "_"}
    assert public == set(fct.__all__)
