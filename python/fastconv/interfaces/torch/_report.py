"""What was done with the calls of a run: the record that `explain` prints."""

from __future__ import annotations

from contextvars import ContextVar
from threading import get_ident
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TAKEN", "Session", "active", "explain", "latest", "note", "note_now"]

TAKEN = "taken"

_compiling = torch.compiler.is_compiling


class Session:
    """One time of being switched on, in one thread, with its record."""

    __slots__ = ("__weakref__", "tally", "thread")

    def __init__(self, tally: dict[tuple[str, str], int]) -> None:
        self.thread = get_ident()
        self.tally = tally


active: ContextVar[Session | None] = ContextVar("fastconv_torch_active", default=None)
latest: ContextVar[Session | None] = ContextVar("fastconv_torch_latest", default=None)


def note(name: str, outcome: str) -> None:
    """Record what became of a call of `name`, if anybody has switched us on."""
    if not _compiling():  # a traced call happens later, or never
        note_now((name, outcome))


def note_now(key: tuple[str, str], get: Callable[[], Session | None] = active.get) -> None:
    """Record a name and an outcome of a call that no compiler reads."""
    session = get()
    if session is not None:
        tally = session.tally
        tally[key] = tally.get(key, 0) + 1


def explain() -> str:
    """Tell which calls fastconv took, and why it left the others to torch.

    It speaks of the `enabled` block, or of the time since `enable`, that this thread or task is in,
    else of its last one. Nested blocks count as one. Calls inside of compiled functions are not
    seen, and neither are backward passes: the gradient of a call that was taken is fastconv's.

    Returns
    -------
    str
        A line for each function and outcome, with the number of calls.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> with fct.enabled():
    ...     y = torch.nn.Conv2d(3, 8, 3)(torch.ones(1, 3, 8, 8))
    >>> print(fct.explain())
    calls  function              outcome
        1  conv2d                taken
    """
    session = active.get() or latest.get()
    if session is None:
        return "Nothing was recorded: this thread or task has not been inside of enabled()."
    if not session.tally:
        return "No call of a convolution or a pool was seen."
    lines = [f"{'calls':>5s}  {'function':20s}  outcome"]
    in_order = sorted(session.tally.items(), key=lambda item: (item[0][1] != TAKEN, item[0]))
    lines += [f"{count:5d}  {name:20s}  {outcome}" for (name, outcome), count in in_order]
    return "\n".join(lines)
