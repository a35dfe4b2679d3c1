"""Where the facts of a dossier come from, looked up by path."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final, cast

from pipeline.documents import Json

JAPAN: Final = timezone(timedelta(hours=9), "JST")
"""Japan's time: dates in policies count in it. No daylight saving since 1951."""

DECLARATION: Final = "declaration"
"""The source of what the vendor says. It never counts as verified."""

APPLICATION: Final = "application"
"""The source of the use that is applied for. It is the question, not a claim: nobody need verify it, and the
answer holds for that use only.
"""

UNVERIFIED: Final = "unverified"
STALE: Final = "stale"
CONFLICT: Final = "conflict"
CANDIDATE: Final = "candidate"
NO_ANSWER: Final = "no_answer"


_DECLARED: Final = {"source": DECLARATION}
_SECTION: Final = re.compile(r"[^.\[]*")


@lru_cache(maxsize=4096)
def day_of(moment: str) -> date | None:
    """The day in Japan of an RFC 3339 moment, or None where it is none."""
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return at.astimezone(JAPAN).date() if at.tzinfo else None


class Provenance:
    """The provenance of one dossier. An entry holds for its path and for everything below it."""

    def __init__(self, entries: Json) -> None:
        self._entries = entries
        self._everywhere = entries.get("")
        self._sections = tuple({_SECTION.match(path)[0] for path in entries if path})  # type: ignore[index]
        self.is_suspect = any("conflict" in entry or "candidate" in entry for entry in entries.values())
        self.has_gaps = any("gap" in entry for entry in entries.values())

    def of(self, path: str) -> Json | None:
        """The entry that holds for a path, or None where nothing says where it comes from."""
        if path.startswith(self._sections):
            for place in _upwards(path):
                if place in self._entries:
                    return cast("Json", self._entries[place])
        return self._everywhere

    def doubt(self, path: str, today: int, verified: bool, fresh: int | None) -> str | None:
        """Why the value at this path must not be used, or None.

        ``today`` is a day number; ``verified`` and ``fresh`` are what the rule asks for.
        """
        entry = self.of(path)
        if entry is None:
            return UNVERIFIED if verified else None
        if "conflict" in entry:
            return CONFLICT
        if "candidate" in entry:
            return CANDIDATE
        if verified and entry.get("source") in {None, DECLARATION}:
            return UNVERIFIED
        if fresh is not None and "at" in entry:
            day = day_of(entry["at"])
            if day is None or today - day.toordinal() > fresh:
                return STALE
        return None

    def gap(self, path: str) -> Json | None:
        """The entry that says why nothing is known at this path: a source gave no answer."""
        entry = self.of(path) if self.has_gaps else None
        return entry if entry is not None and "gap" in entry else None

    def newest(self) -> date | None:
        """The day in Japan of the newest answer."""
        moments = [entry["at"] for entry in self._entries.values() if "at" in entry]
        days = [day for day in map(day_of, moments) if day is not None]
        return max(days, default=None)

    def evidence(self, path: str) -> dict[str, Any]:
        """One item of ``evidence`` in an outcome document."""
        origin = self.of(path) if self._sections else self._everywhere
        return {"path": path, **(origin or _DECLARED)}


@lru_cache(maxsize=8192)
def _upwards(path: str) -> tuple[str, ...]:
    """The path, and every path above it: ``certs[0].type``, ``certs[0]``, ``certs``, ``""``."""
    above = [path]
    while path:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
        above.append(path)
    return tuple(above)
