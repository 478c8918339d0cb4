"""Docstrings that share their text: what one leaves out is taken from the docstring of another.

A parameter that many functions have is explained once, in the docstring of one of them; `help()` of
the others shows the same words, and their source holds only what is their own.
"""

from __future__ import annotations

import re
from functools import cache
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    Documented = TypeVar("Documented", bound=Callable[..., object])

__all__ = ["completed_by", "parameters_of", "sections_of"]

# The order of numpydoc; the text before the first heading is the section "".
_ORDER = (
    "", "Parameters", "Attributes", "Returns", "Raises", "See Also", "Notes", "References",
    "Examples",
)  # fmt: skip


def completed_by(model: object, *names: str) -> Callable[[Documented], Documented]:
    """Complete the docstring of a function or class from the docstring of `model`.

    The model gives the text of each parameter that the docstring does not explain itself, and the
    sections Returns and Raises where they are missing; with `names`, only the texts of these
    parameters. Nothing but the docstring changes: the same object is returned.
    """

    def complete(target: Documented) -> Documented:
        if not (target.__doc__ and model.__doc__):  # python -OO has no docstrings
            return target
        own, more = dict(sections_of(target.__doc__)), sections_of(model.__doc__)
        known = parameters_of(more["Parameters"])
        texts = {name: known[name] for name in names if name in known} if names else known
        texts = texts | parameters_of(own.get("Parameters", ""))
        for section in () if names else ("Returns", "Raises"):
            if section in more and not (section == "Returns" and isinstance(target, type)):
                own.setdefault(section, more[section])
        own["Parameters"] = "\n".join(texts[p] for p in _arguments(target) if p in texts)
        in_order = sorted(own, key=_ORDER.index)  # refuses an unknown heading
        target.__doc__ = "\n\n".join(_headed(name, own[name]) for name in in_order)
        return target

    return complete


@cache  # a model is asked many times, and an import should be quick
def sections_of(doc: str) -> dict[str, str]:
    """Split a docstring in numpydoc's style at its headings; the key of the beginning is ""."""
    parts = re.split(r"^(\w[\w ]*)\n-+\n", cleandoc(doc), flags=re.MULTILINE)
    texts = [text.strip("\n") for text in parts[::2]]
    return dict(zip(["", *parts[1::2]], texts, strict=True))


@cache
def parameters_of(section: str) -> dict[str, str]:
    """Return the whole entry of each parameter; those that share an entry get one each."""
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", section):
        names, colon, rest = entry.partition(" : ")
        for name in names.split(", "):
            found[name] = name + colon + rest
    return found


def _arguments(target: Any) -> tuple[str, ...]:
    """The names of all arguments in their order; `inspect.signature` would take far longer."""
    code = (target.__init__ if hasattr(target, "__mro__") else target).__code__
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return names


def _headed(name: str, text: str) -> str:
    return f"{name}\n{'-' * len(name)}\n{text}" if name else text
