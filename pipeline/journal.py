"""The journal's entries: what each holds, what it is hashed over, and how it hangs on the one before.

An entry is one JSON object in its canonical form (RFC 8785), named by its SHA-256. It holds the digest of the
entry before it, and of the one before it of the same case. So the newest digest says what the whole journal
is: nothing can be changed in it, taken out, put in or put elsewhere without that digest becoming another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from uuid import UUID

from pipeline import merkle
from pipeline.documents import canonical, sha256
from pipeline.model import Event, isoformat

GENESIS = "sha256:" + "0" * 64
"""What the first entry names as the one before it."""

DECIDED = "case.decided"
"""The event of each decision. Its data has ``number``, ``verdict``, ``reason`` and ``dossier``."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the journal ends: position and digest of its newest entry; position 0 before the first."""

    position: int
    sha256: str


EMPTY = Head(0, GENESIS)
"""The head of a journal without entries."""


@dataclass(frozen=True)
class Entry:
    """An event in its place.

    ``previous`` is the digest of the entry before it, ``previous_of_case`` that of the one before it of the
    same case, None for the first.
    """

    position: int
    event: Event
    previous: str
    previous_of_case: str | None

    @cached_property
    def document(self) -> bytes:
        """The entry as canonical JSON."""
        return opening(self.event) + closing(self.position, self.previous, self.previous_of_case)

    @cached_property
    def sha256(self) -> str:
        """The entry's name."""
        return sha256(self.document)

    @property
    def head(self) -> Head:
        """The journal's head, were this entry the newest."""
        return Head(self.position, self.sha256)


def opening(event: Event, data: bytes | None = None) -> bytes:
    """The part of an entry's canonical form that does not depend on its place.

    ``data`` is the canonical form of the event's data, where the caller has it.

    Members stand in the order of their names, and those that depend on the place come last. So a database can
    write the end of an entry, and hash it, once it knows the place (``storage.journal``).
    """
    return b"".join(
        (
            b'{"at":"',
            isoformat(event.at.astimezone(UTC)).encode("ascii"),
            b'","by":',
            canonical(event.by),
            b',"case":"',
            str(event.case_id).encode("ascii"),
            b'","data":',
            canonical(event.data) if data is None else data,
            b',"name":',
            canonical(event.name),
            b",",
        )
    )


def closing(position: int, previous: str, previous_of_case: str | None) -> bytes:
    """The part of an entry's canonical form that says its place."""
    of_case = "null" if previous_of_case is None else f'"{previous_of_case}"'
    text = f'"position":{position},"previous":"{previous}","previous_of_case":{of_case}}}'
    return text.encode("ascii")


def chain(head: Head, events: Sequence[Event], latest: Mapping[UUID, str]) -> list[Entry]:
    """The entries that events become behind a head, in their order.

    ``latest`` has the digest of the newest entry of each case that has one already.
    """
    of_case: dict[UUID, str] = dict(latest)
    entries: list[Entry] = []
    position, previous = head.position, head.sha256
    for event in events:
        position += 1
        entry = Entry(position, event, previous, of_case.get(event.case_id))
        entries.append(entry)
        previous = of_case[event.case_id] = entry.sha256
    return entries


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as it was found, and the digest that was kept with it. They agree unless one was changed."""

    entry: Entry
    sha256: str

    @property
    def intact(self) -> bool:
        """Whether the digest is the entry's."""
        return self.entry.sha256 == self.sha256


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head under a signature. ``growth`` is the tree up to it, ``token`` the signature with its payload."""

    head: Head
    growth: merkle.Growth
    at: datetime
    token: str
