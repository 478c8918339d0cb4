"""How long work shows that it goes on: a bar on a terminal, lines elsewhere.

A bar is drawn over and over; where nobody looks at a terminal, as in a log, it would be a mess.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

__all__ = ["Progress", "reporter", "silent"]


class Progress:
    """Shows nothing; subclasses do. Work has `wholes` steps of `parts` each."""

    def part(self, text: str) -> None:
        """One part is done; `text` says how it goes."""

    def whole(self, text: str) -> None:
        """All parts of a whole are done."""

    def close(self) -> None:
        """The work has ended, perhaps early."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


silent = Progress()


def reporter(name: str, wholes: int, parts: int = 1, unit: str = "it") -> Progress:
    """A bar by tqdm where that is installed and standard error is a terminal, else lines."""
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            return _Lines(name, wholes)
        return _Bar(name, wholes, tqdm(total=wholes * parts, unit=unit, leave=True))
    return _Lines(name, wholes)


class _Bar(Progress):
    """A bar that counts parts."""

    def __init__(self, name: str, wholes: int, bar: Any) -> None:
        self._name, self._wholes, self._bar, self._done = name, wholes, bar, 0

    def part(self, text: str) -> None:
        self._bar.set_postfix_str(text, refresh=False)
        number = min(self._done + 1, self._wholes)
        self._bar.set_description(f"{self._name} {number}/{self._wholes}", refresh=False)
        self._bar.update()

    def whole(self, text: str) -> None:
        self._done += 1
        self._bar.set_postfix_str(text, refresh=self._done == self._wholes)

    def close(self) -> None:
        self._bar.close()


class _Lines(Progress):
    """A line for each whole, on standard error."""

    def __init__(self, name: str, wholes: int) -> None:
        self._name, self._wholes, self._done = name, wholes, 0

    def whole(self, text: str) -> None:
        self._done += 1
        print(f"{self._name} {self._done}/{self._wholes}  {text}", file=sys.stderr, flush=True)
