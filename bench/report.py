"""Figures and tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def spread(values: Sequence[float]) -> str:
    """The median with the range: ``81.3 (78.0-84.9)``."""
    return f"{median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


@dataclass(frozen=True, slots=True)
class Table:
    """A title, the names of the columns, the rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """The table for people and for ``docs/bench.md``."""
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        lines = [self.columns, ["-" * width for width in widths], *self.rows]
        written = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
        return "\n".join((f"### {self.title}", "", *written))
