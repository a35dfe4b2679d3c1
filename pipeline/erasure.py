"""Erasure: what is about a person goes, what proves a decision stays.

Of an application the personal parts go (:mod:`pipeline.personal`), and whatever people wrote freely about its
case; on request also those registers' answers that may name people. What stays is what an authority has to
show of its decision: the application otherwise, the facts, the decision with its reasons, and the journal, in
which there never was anything personal. The document keeps its digest, so that receipts and journal go on
proving what they proved.

Each case is erased in a transaction of its own: killed in between, it is done again, and what is erased is
left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from pipeline import lifecycle
from pipeline.lifecycle import State
from pipeline.model import Application, Event
from pipeline.personal import sealed_body, sealed_digest

ERASED = "personal_data.erased"
"""The event. Its data says of which application, and how much was erased where."""

STANDING = frozenset({State.LISTED, State.SUSPENDED})
"""States of a case on which a listing rests: the answers of registers are still its evidence."""


class Fate(StrEnum):
    """What became of a case's personal data."""

    ERASED = "erased"
    NOTHING_LEFT = "nothing_left"
    UNDER_WAY = "under_way"


@dataclass(frozen=True, slots=True)
class Erasure:
    """A case and what was erased of it, or would be: how much, by place.

    ``kept`` counts the answers of registers that may name people and are still evidence.
    """

    reference: str
    application_id: UUID
    fate: Fate
    places: dict[str, int]
    kept: int = 0

    def as_json(self) -> dict[str, Any]:
        """For the command line."""
        return {
            "case": self.reference,
            "application": str(self.application_id),
            "fate": str(self.fate),
            "places": self.places,
            "answers_kept": self.kept,
        }


@dataclass(frozen=True, slots=True)
class Concerned:
    """A case whose application names the person."""

    case_id: UUID
    reference: str
    state: State
    application: Application


class Eraser(Protocol):
    """What a database does for it, in one transaction (``storage.erasure``)."""

    def concerned(self, case_id: UUID) -> Concerned:
        """The case, locked until the transaction ends."""

    def seal(self, application_id: UUID, body: bytes, at: datetime) -> None:
        """Put a sealed body in the place of the signed one, and forget the salt."""

    def empty(self, concerned: Concerned) -> dict[str, int]:
        """Empty every registered place of free text; how much there was, by place."""

    def drop_answers(self, concerned: Concerned, names_people: Callable[[str], bool]) -> tuple[int, int]:
        """Delete the answers of such sources; how many went, and how many another case still needs."""

    def answers(self, concerned: Concerned, names_people: Callable[[str], bool]) -> int:
        """How many answers of such sources the case has."""

    def record(self, event: Event) -> None:
        """Write to the journal."""


def erase(
    eraser: Eraser, case_id: UUID, at: datetime, by: str, names_people: Callable[[str], bool] | None = None
) -> Erasure:
    """Erase what is about people in one case.

    ``names_people`` says of a source whether its answers may; without it they stay.
    """
    concerned = eraser.concerned(case_id)
    application, reference = concerned.application, concerned.reference
    if concerned.state in lifecycle.OPEN | lifecycle.IN_REVIEW:
        # Whoever decides has to reach the vendor, and the vendor has a right to be heard.
        return Erasure(reference, application.id, Fate.UNDER_WAY, {})
    places: dict[str, int] = {}
    if not application.erased:
        body = sealed_body(application.body, application.salt)
        eraser.seal(application.id, body, at)
        places["applications.body"] = 1
    places |= eraser.empty(concerned)
    kept = 0
    if names_people is not None:
        if concerned.state in STANDING:
            kept = eraser.answers(concerned, names_people)
        else:
            gone, kept = eraser.drop_answers(concerned, names_people)
            places |= {"captures": gone} if gone else {}
    if not places:
        return Erasure(reference, application.id, Fate.NOTHING_LEFT, {}, kept)
    after = eraser.concerned(case_id).application
    assert sealed_digest(after.document, b"") == application.digest, "the digest outlives what it is of"
    data = {"application": str(application.id), "document": application.digest, "places": places}
    eraser.record(Event(case_id, ERASED, by, at, data))
    return Erasure(reference, application.id, Fate.ERASED, places, kept)
