"""`enabled`, `enable`, `disable`: torch's own functions take our kernels, in this thread or task.

A `TorchFunctionMode` sees every call of torch's Python functions in its thread, whatever name they
were imported by, and `torch.nn`'s modules call these. It is of the thread; which task of an event
loop it serves is in a context variable. What is not ours it passes on.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from threading import get_ident, local
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import torch
from torch.overrides import TorchFunctionMode

from fastconv.interfaces.torch._patches import PATCHES
from fastconv.interfaces.torch._report import Session, active, latest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["disable", "enable", "enabled"]

_compiling = torch.compiler.is_compiling


class _Mode(TorchFunctionMode):  # type: ignore[misc]  # torch's types are not read here
    """Calls what stands in `PATCHES` where it is switched on, and else what was called."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        ours = None if _compiling() else PATCHES.get(func)
        if ours is not None:
            session = active.get()
            if session is not None and session.thread == get_ident():
                func = ours
        return func(*args, **kwargs) if kwargs else func(*args)


class _Thread(local):
    """What a thread has: its mode, if it is installed, and the sessions that need it."""

    def __init__(self) -> None:
        self.mode: _Mode | None = None
        self.sessions: WeakSet[Session] = WeakSet()

    def start(self) -> Session:
        """A session of this thread; inside of another one it goes on with that one's record."""
        outer = active.get()
        nested = outer is not None and outer.thread == get_ident()
        session = Session(outer.tally if outer is not None and nested else {})
        self.sessions.add(session)
        if self.mode is None:
            self.mode = _Mode()
            self.mode.__enter__()
        return session

    def tidy(self) -> None:
        """Take the mode out again once no context of this thread holds a session."""
        if self.mode is None or self.sessions:
            return
        above = []
        stack = torch._C
        while stack._len_torch_function_stack():  # blocks of several tasks do not end in order
            top = stack._pop_torch_function_stack()
            if top is self.mode:
                break
            above.append(top)
        for mode in reversed(above):
            stack._push_on_torch_function_stack(mode)
        self.mode = None


_thread = _Thread()


@contextmanager
def enabled() -> Iterator[None]:
    """Let torch's convolutions and pools run on fastconv inside of a ``with`` block.

    It is for every call of the functions of `torch.nn.functional` that this module has, under
    whatever name, and so for ``nn.Conv2d`` and whole models; for this thread or task alone. Blocks
    may be nested; the end of a block, by an exception too, restores what was before. What fastconv
    does not compute goes on to torch as it is: `explain` tells. Gradients of calls that were taken
    are fastconv's wherever ``backward()`` is called. While it is on, every other torch function
    that is called in Python takes about 2 us longer.

    Examples
    --------
    >>> import torch
    >>> from fastconv.interfaces import torch as fct
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.MaxPool2d(2))
    >>> with fct.enabled():
    ...     y = model(torch.ones(1, 1, 8, 8))
    >>> y.shape
    torch.Size([1, 4, 3, 3])
    """
    session = _thread.start()
    token = active.set(session)
    latest.set(session)
    try:
        yield
    finally:
        session.thread = 0  # over for copies of this context, too, as tasks make them
        _thread.sessions.discard(session)
        with suppress(ValueError):  # the end may be in another context than the beginning
            active.reset(token)
        _thread.tidy()


def enable() -> None:
    """Let torch's convolutions and pools run on fastconv from here on: `enabled` without an end.

    It holds in this thread or task until `disable`, or until the end of an `enabled` block in which
    it was called. A second call changes nothing but the record, which begins anew.

    Examples
    --------
    >>> from fastconv.interfaces import torch as fct
    >>> fct.enable()
    >>> fct.disable()
    """
    active.set(None)
    session = _thread.start()
    active.set(session)
    latest.set(Session(session.tally))  # not the session itself: who holds it keeps the mode


def disable() -> None:
    """Give torch's functions back to torch, in this thread or task.

    Inside of an `enabled` block this holds until its end.
    """
    active.set(None)
    _thread.tidy()
