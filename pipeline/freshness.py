"""How long an answer may stand for another: a source that was asked just now is not asked the same again.

An answer that is used again keeps the moment at which it was captured; whoever reads the case sees how old it
was when the case took it. Beyond its age it is never evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType


class Purpose(StrEnum):
    """What sources are asked for."""

    FIRST = "first"
    """An application that came for the first time."""
    CORRECTION = "correction"
    """One that supersedes another: what does not depend on the corrected fields was asked before."""
    STANDING = "standing"
    """What a listing rests on is looked at again."""


@dataclass(frozen=True, slots=True)
class Ages:
    """How old an answer may be for each purpose; zero has the source asked in any case."""

    first: timedelta = timedelta(hours=1)
    correction: timedelta = timedelta(hours=24)
    standing: timedelta = timedelta(hours=1)

    def of(self, purpose: Purpose) -> timedelta:
        """The age for a purpose."""
        match purpose:
            case Purpose.FIRST:
                return self.first
            case Purpose.CORRECTION:
                return self.correction
            case Purpose.STANDING:
                return self.standing


NEVER = Ages(timedelta(0), timedelta(0), timedelta(0))
"""Every question is asked."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """The ages of all sources: ``by_source`` where it names one, else ``usual``."""

    usual: Ages = Ages()
    by_source: Mapping[str, Ages] = field(default_factory=lambda: MappingProxyType({}))

    def not_before(self, source: str, purpose: Purpose, now: datetime) -> datetime | None:
        """Since when an answer must have been captured to be used now; None where none is used again."""
        age = self.by_source.get(source, self.usual).of(purpose)
        return now - age if age > timedelta(0) else None
