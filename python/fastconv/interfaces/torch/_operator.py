"""How an operation becomes an operator of torch: `Operator`, which each of them is.

A call takes one of two ways. Plain tensors outside of all of torch's modes, which is what programs
compute with, go straight to our kernels: through an `autograd.Function` if gradients are recorded,
else not even that. Everything else (the fake tensors of a compiler or an exporter, a
`TorchDispatchMode` that watches) goes through torch's dispatcher, where the same functions are
registered as ``torch.ops.fastconv.<name>``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fastconv.interfaces.torch._arrays import PLAIN
from fastconv.interfaces.torch._report import note

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["REFUSALS", "Operator", "function_of", "handed_back"]

LIBRARY = torch.library.Library("fastconv", "DEF")

_grad_enabled = torch.is_grad_enabled
_dispatch_modes = torch._C._len_torch_dispatch_stack
_transforms = torch._C._functorch.peek_interpreter_stack
_compiling = torch.compiler.is_compiling
# What `autograd.Function.apply` calls once it has asked for transforms of torch.func, where calls
# do not come here: half a microsecond a call.
_apply = torch._C._FunctionBase.__dict__["apply"]


REFUSALS = (ValueError, TypeError, IndexError)


def handed_back(name: str, error: Exception, theirs: Callable[..., Any], *args: Any) -> Any:
    """Give torch what our kernels refuse.

    So torch alone judges the arguments: an error is torch's, and where torch knows an answer that
    we do not, as for lengths of 0, the answer is torch's.
    """
    result = theirs(*args)
    note(name, f"handed back to torch: {error}")
    return result


def _or_torch(name: str, run: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
    """Make `run` hand to torch's operator what our kernels refuse."""

    def run_or_torch(*args: Any) -> Any:
        try:
            return run(*args)
        except REFUSALS as error:
            return handed_back(name, error, theirs, *args)

    return run_or_torch


def function_of(
    name: str, forward: Callable[..., Any], backward: Callable[..., Any]
) -> Callable[..., Any]:
    """What records a call of plain tensors: the `apply` of an `autograd.Function`.

    `backward` may give more Nones at the end than `forward` has arguments.
    """
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    function = type(f"Fastconv_{name}", (torch.autograd.Function,), methods)
    apply: Callable[..., Any] = _apply.__get__(None, function)
    return apply


class Operator:
    """An operation in torch's registry, with its gradient, and its quick way past the registry.

    Parameters
    ----------
    name, schema : str
        As ``torch.library.define`` takes them.
    run, theirs : functions
        Compute, from plain tensors: by our kernels, and by torch's where those refuse.
    fake : function
        Computes shape, dtype and layout of the result; also raises what torch would.
    save : function of ctx, inputs and output
        Keeps what `backward` needs.
    backward : function of ctx and the gradients of the results
        Gives a gradient or None for each input, by operations that have gradients themselves.
    tensors : int, default 1
        How many of the arguments, from the first on, are tensors that may require a gradient.
    """

    def __init__(
        self,
        name: str,
        schema: str,
        run: Callable[..., Any],
        theirs: Callable[..., Any],
        fake: Callable[..., Any],
        save: Callable[..., None],
        backward: Callable[..., Any],
        tensors: int = 1,
    ) -> None:
        LIBRARY.define(name + schema, tags=(torch.Tag.pt2_compliant_tag,))
        self.run = run_or_torch = _or_torch(name, run, theirs)
        LIBRARY.impl(name, run_or_torch, "CPU")
        full = f"fastconv::{name}"
        torch.library.register_fake(full, fake, lib=LIBRARY)
        torch.library.register_autograd(full, backward, setup_context=save, lib=LIBRARY)
        self.registered = getattr(torch.ops.fastconv, name).default
        self.more = tensors - 1

        def forward(ctx: Any, *args: Any) -> Any:
            try:
                output = run(*args)
            except REFUSALS:
                output = run_or_torch(*args)
            save(ctx, args, output)
            return output

        self.record = function_of(name, forward, backward)

    def __call__(self, first: Any, *others: Any) -> Any:
        """Compute, by the quick way if it is open."""
        if _compiling() or type(first) not in PLAIN or _dispatch_modes() or _transforms():
            return self.registered(first, *others)
        if _grad_enabled() and (first.requires_grad or _any_requires(others[: self.more])):
            return self.record(first, *others)
        return self.run(first, *others)


def _any_requires(tensors: tuple[Any, ...]) -> bool:
    for tensor in tensors:  # noqa: SIM110  # any() takes three times as long
        if tensor is not None and tensor.requires_grad:
            return True
    return False
