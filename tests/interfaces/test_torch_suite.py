"""PyTorch's own samples, whole networks, Keras on torch: minutes, so by .ci/interfaces alone."""

from __future__ import annotations

import re

import pytest

from children import run_python

torch = pytest.importorskip("torch", minversion="2.13", reason="torch is an extra")
pytest.importorskip("expecttest", reason="torch's samples need it")
import torch.nn.functional as F  # noqa: E402
from torch.testing._internal.common_methods_invocations import op_db  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

from fastconv.interfaces import torch as fct  # noqa: E402
from fastconv.interfaces.torch import _report  # noqa: E402
from torch_models import UNet, mobilenet_v2, resnet18, tcn  # noqa: E402

pytestmark = [
    pytest.mark.interfaces,
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning"),
]

FUNCTIONS = [name for name in fct.__all__ if re.search(r"conv|pool|fold", name)]
PREFIX = "nn.functional."
SAMPLED = [op for op in op_db if op.name in {PREFIX + name for name in FUNCTIONS}]
# Samples that torch's own tests leave out of gradcheck: windows share a maximum, so that the last
# of several values at one place wins.
NOT_DIFFERENTIABLE = {("nn.functional.max_unpool1d", ""), ("nn.functional.max_unpool2d", "")}
DTYPES = [torch.float32, torch.float64]


def test_every_function_has_samples():
    sampled = {op.name.removeprefix(PREFIX) for op in SAMPLED}
    # torch has none for these; test_torch.py compares them.
    assert set(FUNCTIONS) - sampled == {"fold", "lp_pool1d", "lp_pool2d"}


def outcomes():
    return {outcome for _, outcome in _report.latest.get().tally}


def floats(value):
    return [t for t in tree_leaves(value) if isinstance(t, torch.Tensor) and t.is_floating_point()]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("op", SAMPLED, ids=lambda op: op.name + op.variant_test_name)
def test_samples_of_torch_give_torchs_results(op, dtype):
    count = 0
    for sample in op.sample_inputs("cpu", dtype, requires_grad=True):
        want = op(sample.input, *sample.args, **sample.kwargs)
        with fct.enabled():
            got = op(sample.input, *sample.args, **sample.kwargs)
        assert outcomes() == {"taken"}, sample
        for a, b in zip(tree_leaves(want), tree_leaves(got), strict=True):
            torch.testing.assert_close(b, a, check_stride=a.numel() > 0)
        count += 1
    assert count >= 6


@pytest.mark.parametrize("op", SAMPLED, ids=lambda op: op.name + op.variant_test_name)
def test_samples_of_torch_have_gradients_of_both_orders(op):
    if (op.name, op.variant_test_name) in NOT_DIFFERENTIABLE:
        pytest.skip("the variant with distinct places is checked")
    function = getattr(fct, op.name.removeprefix(PREFIX))
    count = 0
    for sample in op.sample_inputs("cpu", torch.float64, requires_grad=True):
        every = [sample.input, *sample.args]
        inputs = [t for t in every if isinstance(t, torch.Tensor) and t.requires_grad]

        def call(*tensors, every=every, sample=sample):
            given = iter(tensors)
            args = [
                next(given) if isinstance(a, torch.Tensor) and a.requires_grad else a for a in every
            ]
            return tuple(floats(function(*args, **sample.kwargs)))

        # Batched gradients are torch's own way through vmap.
        fast = count >= 60  # of max_pool's thousand samples the others by random projections
        assert torch.autograd.gradcheck(call, inputs, fast_mode=fast, check_batched_grad=not fast)
        assert torch.autograd.gradgradcheck(call, inputs, fast_mode=True)
        count += 1
    assert count >= 6


@pytest.mark.parametrize("op", SAMPLED, ids=lambda op: op.name + op.variant_test_name)
def test_what_torch_refuses_is_refused(op):
    if op.error_inputs_func is None:
        pytest.skip("torch has no wrong inputs for it")
    function = getattr(fct, op.name.removeprefix(PREFIX))
    for wrong in op.error_inputs("cpu"):
        sample = wrong.sample_input
        with pytest.raises(wrong.error_type, match=wrong.error_regex):
            function(sample.input, *sample.args, **sample.kwargs)


def train(make, shape, last):
    torch.manual_seed(0)
    net, x = make().double(), torch.randn(shape, dtype=torch.float64)
    if last and len(shape) == 4:
        net = net.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    for _ in range(20):
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()
    return [p.detach() for p in net.parameters()]


# MobileNetV2 on four images is so badly conditioned, by batch normalisation over 16 values, that
# torch differs from itself by 1.1e-8 when its input changes by 1e-15, and from us by 0.7e-8. On
# eight it is 1.2e-14 and 0.4e-14.
MODELS = {
    "resnet18": (resnet18, (4, 3, 64, 64)),
    "mobilenet_v2": (mobilenet_v2, (8, 3, 64, 64)),
    "unet": (UNet, (2, 3, 32, 32)),
    "tcn": (tcn, (4, 1, 256)),
}


@pytest.mark.parametrize("last", [False, True], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("name", MODELS)
def test_networks_learn_what_they_learn_by_torch(name, last):
    if name == "tcn" and last:
        pytest.skip("signals have one layout")
    make, shape = MODELS[name]
    want = train(make, shape, last)
    with fct.enabled():
        got = train(make, shape, last)
    assert outcomes() == {"taken"}
    worst = max((a - b).abs().max().item() for a, b in zip(want, got, strict=True))
    assert worst <= 1e-8


def test_keras_on_torch_learns_digits_by_our_kernels():
    pytest.importorskip("keras", reason="keras is pinned by .ci/interfaces")
    pytest.importorskip("sklearn", reason="the digits are scikit-learn's")
    code = "import runpy; runpy.run_path('examples/keras_digits.py', run_name='__main__')"
    printed = run_python(code, timeout=280, TF_CPP_MIN_LOG_LEVEL="3")
    right = float(re.search(r"([\d.]+)% of 397 digits", printed)[1])
    assert right >= 97
    taken = dict(re.findall(r"(?m)^ *(?:\d+)  (\w+) +(taken)$", printed))
    assert taken == {"conv2d": "taken", "max_pool2d": "taken"}


def test_lp_pools_have_gradients_of_both_orders():
    x = torch.rand(1, 2, 6, dtype=torch.float64, requires_grad=True)
    for function, y in ((fct.lp_pool1d, x), (fct.lp_pool2d, x)):
        for power in (2, 3.5):
            assert torch.autograd.gradcheck(lambda t: function(t + 1, power, 2), [y])  # noqa: B023
            assert torch.autograd.gradgradcheck(lambda t: function(t + 1, power, 2), [y])  # noqa: B023
    torch.testing.assert_close(fct.lp_pool1d(x, 2, 3), F.lp_pool1d(x, 2, 3))
