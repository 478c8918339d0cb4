"""Which calls are ours: plain CPU tensors in float32 or float64, outside of torch's transforms."""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd import forward_ad

from fastconv.interfaces.torch._arrays import PLAIN

__all__ = ["refusal", "watched"]

FLOATS = frozenset((torch.float32, torch.float64))
STRIDED = torch.strided

_compiling = torch.compiler.is_compiling
_dispatch_modes = torch._C._len_torch_dispatch_stack
_transforms = torch._C._functorch.peek_interpreter_stack
_tracing = torch._C._get_tracing_state
_autocast = torch.is_autocast_enabled
_any_autocast = torch._C._is_any_autocast_enabled  # a third of the time of asking for one device


def watched() -> bool:
    """Whether torch may do more with a call than to compute it: `refusal` then looks closer."""
    return (
        _compiling()
        or _transforms() is not None
        or bool(_dispatch_modes())
        or _any_autocast()
        or forward_ad._current_level >= 0
        or _tracing() is not None
    )


def refusal(patched: bool, input: Any, weight: Any = None, bias: Any = None) -> str | None:
    """Why a call goes to torch, or None if it is ours.

    `patched` says that the call was one of torch's, inside of `enabled`. Calls of our own functions
    also go to our operators under a compiler, an exporter, and modes that watch operators.
    """
    if _compiling():
        return _refusal_of_graph(input, weight, bias)
    if (
        type(input) in PLAIN
        and (dtype := input.dtype) in FLOATS
        and input.is_cpu
        and input.layout is STRIDED
        and (weight is None or _fits(weight, dtype))
        and (bias is None or _fits(bias, dtype))
        and _transforms() is None
        and not _dispatch_modes()
        and not _autocast("cpu")
        and forward_ad._current_level < 0
        and _tracing() is None
    ):
        return None
    return _reason(patched, [t for t in (input, weight, bias) if t is not None])


def _fits(tensor: Any, dtype: torch.dtype) -> bool:
    return (
        type(tensor) in PLAIN
        and tensor.dtype is dtype
        and tensor.is_cpu
        and tensor.layout is STRIDED
    )


def _refusal_of_graph(*tensors: Any) -> str | None:
    """The same while a compiler reads the program: what it can know of a tensor."""
    for t in tensors:
        if t is not None and not (t.is_cpu and t.dtype in FLOATS):
            return "another dtype or device"
    return None


def _reason(patched: bool, tensors: list[Any]) -> str | None:
    """The words for a refusal; None if our registered operators take the call all the same."""
    if not all(isinstance(t, torch.Tensor) for t in tensors):
        return "an argument is no tensor"
    dtype = tensors[0].dtype
    for t in tensors:
        if t.device.type != "cpu":
            return f"device {t.device.type}"
        if t.layout is not STRIDED:
            return f"layout {str(t.layout).removeprefix('torch.')}"
        if t.dtype not in FLOATS:
            return f"dtype {str(t.dtype).removeprefix('torch.')}"
        if t.dtype is not dtype:
            return "dtypes differ"
    if _transforms() is not None:
        return "inside of a transform of torch.func (vmap, grad, jvp, ...)"
    if _autocast("cpu"):
        return "autocast"
    if forward_ad._current_level >= 0:
        return "forward-mode differentiation"
    if _tracing() is not None:
        return "torch.jit.trace"
    subclass = next((type(t).__name__ for t in tensors if type(t) not in PLAIN), None)
    if patched or (subclass and not _dispatch_modes() and subclass != "FakeTensor"):
        return f"subclass {subclass}" if subclass else "a TorchDispatchMode watches"
    return None
