"""Choose items by the words of ``-k``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

Item = TypeVar("Item", bound=Any)


def named(items: Iterable[Item], words: str) -> list[Item]:
    """The items whose family or name holds one of the comma-separated `words`."""
    wanted = [word.strip().lower() for word in words.split(",")]
    return [x for x in items if any(w in f"{x.family}: {x.name}".lower() for w in wanted)]
