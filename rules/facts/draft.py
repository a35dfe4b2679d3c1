"""The facts of one case while they are put together, each with where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from pipeline.documents import Json
from pipeline.model import Evidence, Gap, isoformat
from rules.names import compare
from rules.provenance import APPLICATION, DECLARATION, JAPAN

VENDOR = "vendor"
MAKER = "maker"
"""The roles of whoever there is cause to ask about."""

_STEP = re.compile(r"[^.\[\]]+")


class Draft:
    """Facts and provenance as far as they are known.

    A fact starts as declared. A source then *verifies* it, *contradicts* it, or says something that may be
    about somebody else of that name. Paths are those of the vocabulary, with the item's number in lists:
    ``certs[0].valid_to``.
    """

    def __init__(
        self, application: Json, evidence: Sequence[Evidence], gaps: Sequence[Gap], as_of: datetime
    ) -> None:
        self.application = application
        self.today: date = as_of.astimezone(JAPAN).date()
        self.facts: dict[str, Any] = {}
        self.provenance: dict[str, Any] = {"": {"source": DECLARATION}, "use": {"source": APPLICATION}}
        self._answers = {(one.source, one.role): one for one in evidence}
        self._gaps = {(one.source, one.role): one for one in gaps}

    def answer(self, source: str, role: str = VENDOR) -> Evidence | None:
        """What a source answered when it was asked in this role."""
        return self._answers.get((source, role))

    def gap(self, source: str, role: str = VENDOR) -> Gap | None:
        """The check that was given up, if it was."""
        return self._gaps.get((source, role))

    def value(self, path: str) -> Any:
        """The value at a path, None where there is none."""
        holder, name = self._place(path)
        return holder.get(name)

    def declare(self, path: str, value: Any) -> None:
        """The vendor says so, or what it says amounts to that. None says nothing."""
        if value is not None:
            holder, name = self._place(path)
            holder[name] = value

    def verify(self, path: str, value: Any, answer: Evidence) -> None:
        """A source says so, whatever is declared. None says nothing."""
        if value is not None:
            self.declare(path, value)
            self.provenance[path] = origin(answer)

    def compare(self, path: str, value: Any, answer: Evidence) -> None:
        """A source says so: that verifies what is declared or stands in for it, or contradicts it.

        None says nothing.
        """
        stated = self.value(path)
        if value is not None and stated is not None and stated != value:
            self.contradict(path, value, answer)
        else:
            self.verify(path, value, answer)

    def compare_end(self, path: str, value: str | None, answer: Evidence) -> None:
        """As :meth:`compare` for a last day: a later one than declared is that of a renewal since."""
        stated = self.value(path)
        if value is not None and isinstance(stated, str) and stated < value:
            self.verify(path, value, answer)
        else:
            self.compare(path, value, answer)

    def contradict(self, path: str, value: Any, answer: Evidence) -> None:
        """A source says otherwise. What is known stays, and counts no more."""
        entry = self.provenance.get(path, self.provenance[""])
        self.provenance[path] = {**entry, "conflict": {**origin(answer), "value": value}}

    def doubt(self, path: str, answer: Evidence) -> None:
        """What a source says here may be about somebody else of that name."""
        self.provenance[path] = {**origin(answer), "candidate": True}

    def give_up(self, section: str, gap: Gap) -> None:
        """A source that alone could tell gave no usable answer: nothing is known of the section."""
        self.facts.pop(section, None)
        self.provenance[section] = {"source": gap.source, "gap": gap.reason}

    def is_party(self, name: str) -> bool:
        """Whether a name in a list is the vendor's or the maker's: as declared, or as registered."""
        return any(compare(own, name).result == "same" for own in self._names())

    def _names(self) -> Iterator[str]:
        known = (
            *(self.application.get(role, {}).get(key) for role in (VENDOR, MAKER) for key in _NAMES),
            self.value("registry.name"),
            self.value("maker.name"),
        )
        return (name for name in known if name)

    def _place(self, path: str) -> tuple[dict[str, Any], str]:
        *above, name = _STEP.findall(path)
        place: Any = self.facts
        for step in above:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        return place, name


_NAMES = ("name", "name_en")


def origin(answer: Evidence) -> dict[str, Any]:
    """Where a fact comes from that a source answered."""
    return {"source": answer.source, "at": isoformat(answer.observed_at), "capture": answer.capture}


def day(text: Any) -> date | None:
    """The date that a text is, or None."""
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
