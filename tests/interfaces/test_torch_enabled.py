"""`enabled()`: which calls of torch are taken, for whom, and for how long."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

torch = pytest.importorskip("torch", minversion="2.13", reason="torch is an extra")
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.functional import conv2d as early  # noqa: E402
from torch.overrides import TorchFunctionMode  # noqa: E402

from fastconv.interfaces import torch as fct  # noqa: E402
from fastconv.interfaces.torch import _report  # noqa: E402
from torch_cases import CASES  # noqa: E402
from torch_models import UNet, mobilenet_v2, resnet18, tcn  # noqa: E402

X, W = torch.ones(1, 2, 6, 6), torch.ones(3, 2, 3, 3)


def modes():
    return torch._C._len_torch_function_stack()


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = modes()
    yield
    fct.disable()
    assert modes() == before


def tally():
    """What was done with the calls of the last block."""
    return dict((_report.active.get() or _report.latest.get()).tally)


def taken():
    """Whether a call made here is ours."""
    session = _report.active.get()
    before = dict(session.tally) if session else {}
    F.conv2d(X, W)
    return session is not None and session.tally != before


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch says so once, if ever
@pytest.mark.parametrize(
    ("name", "args", "kwargs"), [pytest.param(*c[:3], id=f"{c[0]}: {c[3]}") for c in CASES]
)
def test_functions_of_torch_are_taken(name, args, kwargs):
    want = getattr(F, name)(*args, **kwargs)
    with fct.enabled():
        got = getattr(F, name)(*args, **kwargs)
    counted = tally()
    assert counted[name, "taken"] == 1
    assert {outcome for _, outcome in counted} == {"taken"}
    torch.testing.assert_close(got, want, equal_nan=True)


@pytest.mark.parametrize(("call", "name"), [
    (lambda: early(X, W), "conv2d"),
    (lambda: torch.conv2d(X, W), "conv2d"),
    (lambda: torch.conv2d(input=X, weight=W, stride=2), "conv2d"),
    (lambda: nn.Conv2d(2, 3, 3)(X), "conv2d"),
    (lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular")(X), "conv2d"),
    (lambda: nn.ConvTranspose1d(2, 3, 3)(X[0, :, 0]), "conv_transpose1d"),
    (lambda: torch.max_pool2d(X, 2), "max_pool2d"),
    (lambda: torch.max_pool1d(X[0], 2), "max_pool1d"),
    (lambda: torch.max_pool1d_with_indices(X[0], 2), "max_pool1d"),
    (lambda: F.max_pool2d_with_indices(X, 2, None, 1), "max_pool2d"),
    (lambda: F.max_pool2d(X, 2, 2, 0, 1, False, True), "max_pool2d"),
    (lambda: torch._C._nn.max_pool2d_with_indices(X, 2), "max_pool2d"),
    (lambda: F.adaptive_max_pool2d_with_indices(X, 2), "adaptive_max_pool2d"),
    (lambda: torch.adaptive_max_pool1d(X[0], 2), "adaptive_max_pool1d"),
    (lambda: torch._C._nn.adaptive_avg_pool2d(X, (2, 2)), "adaptive_avg_pool2d"),
    (lambda: torch._C._nn.avg_pool2d(X, 2), "avg_pool2d"),
    (lambda: nn.LPPool2d(2, 2)(X), "lp_pool2d"),
    (lambda: nn.AdaptiveMaxPool2d(2, return_indices=True)(X), "adaptive_max_pool2d"),
    (lambda: nn.MaxUnpool2d(2)(*nn.MaxPool2d(2, return_indices=True)(X)), "max_unpool2d"),
    (lambda: nn.Fold(4, 2)(nn.Unfold(2)(torch.ones(1, 1, 4, 4))), "fold"),
])  # fmt: skip
def test_other_names_for_them_are_taken(call, name):
    torch.manual_seed(0)
    want = call()
    torch.manual_seed(0)
    with fct.enabled():
        got = call()
    assert tally()[name, "taken"] == 1
    for a, b in zip(torch.utils._pytree.tree_leaves(want), torch.utils._pytree.tree_leaves(got),
                    strict=True):  # fmt: skip
        torch.testing.assert_close(b, a)


class Subclass(torch.Tensor):
    pass


@contextmanager
def dual():
    with torch.autograd.forward_ad.dual_level():
        yield


def meta():
    return F.conv2d(X.to("meta"), W.to("meta"))


def quantized():
    q = torch.quantize_per_tensor(X, 0.1, 0, torch.quint8)
    return F.max_pool2d(q, 2).dequantize()


def autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return F.conv2d(X, W)


def forward_mode():
    ad = torch.autograd.forward_ad
    with ad.dual_level():
        return ad.unpack_dual(F.conv2d(ad.make_dual(X, 2 * X), W)).tangent


def traced():
    return torch.jit.trace(lambda x: F.conv2d(x, W), X, check_trace=False)(2 * X)


def fake():
    with torch._subclasses.FakeTensorMode() as mode:
        return tuple(F.conv2d(mode.from_tensor(X), mode.from_tensor(W)).shape)


def watched():
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        F.conv2d(X, W)
    return counter.get_total_flops()


@pytest.mark.parametrize(("call", "name", "why"), [
    (lambda: F.conv2d(X.half(), W.half()), "conv2d", "dtype float16"),
    (lambda: F.conv2d(X.bfloat16(), W.bfloat16()), "conv2d", "dtype bfloat16"),
    (lambda: F.conv2d(X.to(torch.complex64), W.to(torch.complex64)), "conv2d", "dtype complex64"),
    (lambda: F.max_pool2d(X.long(), 2), "max_pool2d", "dtype int64"),
    (meta, "conv2d", "device meta"),
    (quantized, "max_pool2d", "dtype quint8"),
    (lambda: F.conv3d(X[None], torch.ones(1, 1, 1, 2, 2)), "conv3d", "three spatial axes"),
    (lambda: F.max_pool3d(X, 2, padding=1), "max_pool3d", "three spatial axes"),
    (autocast, "conv2d", "autocast"),
    (lambda: F.conv2d(X.as_subclass(Subclass), W), "conv2d", "subclass Subclass"),
    (forward_mode, "conv2d", "forward-mode differentiation"),
    (lambda: torch.func.vmap(lambda x: F.conv2d(x, W))(X[None]), "conv2d",
     "inside of a transform of torch.func (vmap, grad, jvp, ...)"),
    (traced, "conv2d", "torch.jit.trace"),
    (fake, "conv2d", "subclass FakeTensor"),
    (watched, "conv2d", "a TorchDispatchMode watches"),
    (lambda: F.local_response_norm(X, 2), "local_response_norm",
     "an average over channels inside of it"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_what_is_not_ours_goes_on_to_torch(call, name, why):
    want = call()
    with fct.enabled():
        got = call()
        report = fct.explain()
    assert set(tally()) == {(name, why)}
    assert f"{name:20s}  {why}" in report
    if isinstance(want, torch.Tensor) and want.device.type == "cpu":
        assert type(got) is type(want)
        torch.testing.assert_close(got, want)
    else:
        assert isinstance(want, torch.Tensor) or got == want


def test_what_our_kernels_refuse_is_handed_back_and_told():
    x, w = torch.ones(1, 0, 4, 4), torch.ones(2, 0, 3, 3)
    want = F.conv2d(x, w)
    with fct.enabled():
        torch.testing.assert_close(F.conv2d(x, w), want)
    assert any("handed back to torch" in outcome for _, outcome in tally())


def test_blocks_nest_and_end():
    assert not taken()
    with fct.enabled():
        assert taken()
        with fct.enabled():
            assert taken()
            assert modes() == 1
        assert taken()
        with pytest.raises(KeyError), fct.enabled():
            raise KeyError
        assert taken()
    assert not taken()
    assert modes() == 0
    with pytest.raises(KeyError), fct.enabled():
        raise KeyError
    assert not taken()


def test_enable_and_disable():
    fct.enable()
    assert taken()
    fct.enable()
    assert taken()
    with fct.enabled():
        assert taken()
        fct.disable()
        assert not taken()
        fct.enable()
        assert taken()
        fct.disable()
    assert taken()
    fct.disable()
    assert not taken()
    assert modes() == 0
    fct.disable()


def test_an_enabled_block_ends_what_enable_began_in_it():
    with fct.enabled():
        fct.enable()
    assert not taken()
    assert modes() == 0


def test_other_threads_are_left_alone():
    with ThreadPoolExecutor(1) as pool:
        with fct.enabled():
            assert not pool.submit(taken).result()
            context = contextvars.copy_context()
            assert not pool.submit(context.run, taken).result()  # asyncio.to_thread does so
            with_its_own = pool.submit(lambda: [fct.enable(), taken(), fct.disable(), modes()])
            assert with_its_own.result()[1::2] == [True, 0]
            assert taken()
        pool.submit(fct.enable).result()
        assert not taken()
        assert pool.submit(taken).result()


def test_other_tasks_are_left_alone():
    async def with_ours(ready, other):
        with fct.enabled():
            ready.set()
            await other.wait()
            inside = taken()
            child = await asyncio.create_task(asyncio.sleep(0, taken()))
        return inside, child, taken()

    async def without(ready, other):
        await ready.wait()
        before = taken()
        other.set()
        await asyncio.sleep(0)
        return before, taken()

    async def main():
        ready, other = asyncio.Event(), asyncio.Event()
        found = await asyncio.gather(with_ours(ready, other), without(ready, other))
        assert modes() == 0
        return found

    assert asyncio.run(main()) == [(True, True, False), (False, False)]


def test_blocks_of_tasks_need_not_end_in_order():
    class Other(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))

    async def first(entered, go):
        with fct.enabled():
            entered.set()
            await go.wait()
        return modes()

    async def second(entered, go):
        await entered.wait()
        with Other():
            go.set()
            for _ in range(3):
                await asyncio.sleep(0)
            inside = modes()
        return inside, modes()

    async def main():
        entered, go = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(first(entered, go), second(entered, go))

    assert asyncio.run(main()) == [1, (1, 0)]


def test_gradients_are_ours_wherever_backward_is_called(monkeypatch):
    layer = nn.Conv2d(2, 3, 3)
    with fct.enabled():
        y = layer(X)
    assert "Fastconv_convolution" in type(y.grad_fn).__name__
    y.sum().backward()
    assert layer.weight.grad.shape == W.shape


def test_explain_tells_counts():
    with fct.enabled():
        for _ in range(3):
            F.conv2d(X, W)
        with fct.enabled():
            F.conv2d(X, W)
        F.conv2d(X.half(), W.half())
    assert fct.explain().splitlines() == [
        "calls  function              outcome",
        "    4  conv2d                taken",
        "    1  conv2d                dtype float16",
    ]
    with fct.enabled():
        pass
    assert fct.explain() == "No call of a convolution or a pool was seen."
    new = contextvars.Context().run(fct.explain)
    assert new == ("Nothing was recorded: this thread or task has not been inside of enabled().")


def test_compiled_functions_run_inside():
    compiled = torch.compile(lambda x: F.conv2d(x, W).relu(), backend="eager")
    with fct.enabled():
        torch.testing.assert_close(compiled(X), F.conv2d(X, W).relu())


def train(make, shape, steps):
    torch.manual_seed(0)
    net = make().double()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    x = torch.randn(shape, dtype=torch.float64)
    for _ in range(steps):
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()
    return [p.detach() for p in net.parameters()]


MODELS = [
    (lambda: resnet18(width=8), (3, 3, 64, 64), "resnet18"),
    (lambda: mobilenet_v2(width=0.1), (3, 3, 64, 64), "mobilenet_v2"),
    (lambda: UNet((8, 16)), (2, 3, 16, 16), "unet"),
    (lambda: tcn(8, 3), (2, 1, 64), "tcn"),
]


@pytest.mark.parametrize(("make", "shape"), [m[:2] for m in MODELS], ids=[m[2] for m in MODELS])
def test_small_models_learn_the_same(make, shape):
    want = train(make, shape, 2)
    with fct.enabled():
        got = train(make, shape, 2)
    assert {outcome for _, outcome in tally()} == {"taken"}
    for a, b in zip(want, got, strict=True):
        torch.testing.assert_close(b, a, rtol=0, atol=1e-8)
