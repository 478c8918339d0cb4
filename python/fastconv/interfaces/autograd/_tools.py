"""What the primitives share: who is traced, names, and gradients in the dtype of their space."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from autograd.tracer import isbox

Function = Callable[..., Any]


def traced(*arrays: Any) -> bool:
    """Whether autograd follows one of these arrays."""
    return any(isbox(array) for array in arrays)


def like(g: Any, array: Any) -> Any:
    """Return `g` in the dtype of `array`: a loss in float64 has such gradients for float32, too."""
    return g if g.dtype == array.dtype else g.astype(array.dtype)


def named(ours: Function, call: Function) -> Function:
    """Return `call` under the name of our function, with its signature but for `out`."""
    signature = inspect.signature(ours)
    parameters = [p for name, p in signature.parameters.items() if name != "out"]
    call.__name__ = call.__qualname__ = ours.__name__
    call.__module__ = "fastconv.interfaces.autograd"
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    call.__doc__ = (
        f"Compute `fastconv.{ours.__name__}`, differentiably.\n\n"
        f"The arguments are those of `fastconv.{ours.__name__}`, but `out`."
    )
    return call


def refuse_out(options: dict[str, Any]) -> None:
    """Refuse `out`: what a primitive has returned must never change."""
    if "out" in options:
        raise TypeError("out: autograd's primitives return new arrays; it cannot be given")
