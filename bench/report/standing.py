"""How fastconv stands on a row of results: against its peers, the machine, and itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..race.contest import COPY, FORWARD, LAST, ONE, OURS, THREE, Row

TIE = 0.97
"""A ratio from here to 1 is a tie: repeated runs differ by as much."""


@dataclass(frozen=True)
class Standing:
    """One row, read."""

    row: Row

    @property
    def title(self) -> str:
        n = self.row["n"]
        kind = " transposed" if self.row.get("transposed") else ""
        what = f": {self.what}" if self.what else ""
        return self.row["layer"] + kind + (f", N = {n}" if n > 1 else "") + what

    @property
    def what(self) -> str:
        """Which gradient, or which call; empty where a mode has but one."""
        return str(self.row.get("what", ""))

    @property
    def dense(self) -> bool:
        """False for depthwise layers and small groups."""
        return bool(self.row.get("dense", True))

    @property
    def kind(self) -> str:
        """Which rows a geometric mean is taken of."""
        name = self.row.get("kind") or ("dense" if self.dense else "depthwise and small groups")
        what = f", {self.what}" if "kind" not in self.row and self.what else ""
        return f"{name}{what}, N = {self.row['n']}"

    @property
    def us(self) -> float:
        """Microseconds of a call."""
        return float(self.row["us"][OURS])

    @property
    def peers(self) -> dict[str, float]:
        """Microseconds of the peers whose answers are within the bound."""
        us = self.row["us"]
        return {n: us[n] for n in us if not n.startswith(OURS) and n not in self.row["outside"]}

    @property
    def best(self) -> str | None:
        """The fastest peer."""
        return min(self.peers, key=self.peers.__getitem__, default=None)

    @property
    def ratio(self) -> float | None:
        """The best peer's time over ours: above 1, fastconv is ahead."""
        return self.peers[self.best] / self.us if self.best else None

    def over(self, peer: str) -> float | None:
        """A peer's time over ours, if it took part and was right."""
        return self.peers[peer] / self.us if peer in self.peers else None

    @property
    def share(self) -> float | None:
        """The plain sum's operations a second, as a part of the FMA peak; Winograd may pass 1."""
        if "flops" not in self.row:
            return None
        return float(self.row["flops"]) / self.us / 1e3 / float(self.row["peak_gflops"])

    @property
    def speedup(self) -> float | None:
        """One thread's time over that of all threads."""
        return self._over(self.row["us"].get(ONE))

    @property
    def last(self) -> float | None:
        """channels_last's time over channels_first's."""
        return self._over(self.row["us"].get(LAST))

    @property
    def three(self) -> float | None:
        """The time of a call for each gradient over that of one for all."""
        return self._over(self.row["us"].get(THREE))

    @property
    def forward(self) -> float | None:
        """Our forward call's time over that of the gradient."""
        return self._over(self.row.get("limits", {}).get(FORWARD))

    @property
    def bandwidth(self) -> float | None:
        """GB/s of what must be read and written at least."""
        return self.row["bytes"] / self.us / 1e3 if "bytes" in self.row else None

    @property
    def copy(self) -> float | None:
        """The time of a copy of as many bytes over ours."""
        return self._over(self.row.get("limits", {}).get(COPY))

    @property
    def plans(self) -> float | None:
        """Of a network: the part of our time that its plans take."""
        parts = self.row.get("parts")
        return parts["conv"] / sum(parts.values()) if parts else None

    @property
    def hot(self) -> float | None:
        """Of a network: its plans in loops of their own, over what they take within it."""
        return self.row["alone"] / self.row["parts"]["conv"] if "parts" in self.row else None

    @property
    def winograd(self) -> bool:
        return "winograd" in self.row.get("algorithm", "")

    def _over(self, us: float | None) -> float | None:
        return us / self.us if us else None


@dataclass(frozen=True)
class Summary:
    """Ratios of several rows."""

    rows: int
    mean: float
    least: float
    behind: int

    @classmethod
    def of(cls, standings: Iterable[Standing]) -> Summary | None:
        ratios = [s.ratio for s in standings if s.ratio is not None]
        if not ratios:
            return None
        mean = float(np.exp(np.mean(np.log(ratios))))
        return cls(len(ratios), mean, min(ratios), sum(r < TIE for r in ratios))


def standings(run: dict[str, Any]) -> list[Standing]:
    """All rows of a run."""
    return [Standing(row) for row in run["rows"]]


def kinds(run: dict[str, Any]) -> dict[str, list[Standing]]:
    """Rows by kind of layer and by batch: dense layers apart from small groups."""
    found: dict[str, list[Standing]] = {}
    for s in standings(run):
        found.setdefault(s.kind, []).append(s)
    return dict(sorted(found.items()))
