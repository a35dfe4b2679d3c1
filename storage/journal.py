"""The append-only record of everything that happened, chained in the order of the commits.

Events are kept until the transaction has done everything else. Then the journal's head is locked, the entries
are written behind it, and the transaction commits: whoever holds that lock waits for nobody, so it neither
deadlocks nor is held for longer than a commit takes. On PostgreSQL all of it, the commit too, is one exchange
with the server, which computes the digests itself; elsewhere they are computed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    Connection,
    LargeBinary,
    String,
    Uuid,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)

from pipeline.documents import canonical
from pipeline.journal import EMPTY, GENESIS, Entry, Head, Kept, SignedHead, chain, opening
from pipeline.merkle import Growth
from pipeline.model import Event
from pipeline.signing import PublicKey
from storage import tables as t
from storage.dialect import AnyRow, upsert
from storage.writes import Write, first_row, write


class SqlJournal:
    """Implements :class:`pipeline.ports.Journal`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._events: list[Event] = []

    def write(self, events: Sequence[Event]) -> None:
        """Append events: they become entries when the transaction commits."""
        self._events.extend(events)

    def seal(self) -> None:
        """Write what was appended behind the head. The last thing that a transaction does: it may commit."""
        events, self._events = self._events, []
        if not events:
            return
        if self._connection.dialect.name == "postgresql":
            rows = [
                {**values, "opening": opening(event, values["data"])}
                for event in events
                for values in [_values(event)]
            ]
            write(self._connection, (_LOCK, [{}]), (_LINK, rows), commit=True)
            return
        head, latest = self._place(events)
        entries = chain(head, events, latest)
        added = [
            {"position": entry.position, **_values(entry.event), "sha256": entry.sha256} for entry in entries
        ]
        newest = {"to_position": entries[-1].position, "to_sha256": entries[-1].sha256}
        write(self._connection, (_INSERT, added), (_ADVANCE, [newest]))

    def head(self) -> Head:
        """Where the journal ends."""
        row = self._connection.execute(select(t.journal_head)).one()
        return Head(row.position, row.sha256)

    def of_case(self, case_id: UUID) -> list[Event]:
        """What happened to a case, oldest first."""
        return [_event(row) for row in self._connection.execute(_OF_CASE, {"of_case": case_id})]

    def entries(self, after: int, limit: int, case_id: UUID | None = None) -> list[Kept]:
        """Entries beyond a position, of one case or of all, the oldest first, as they are in the database."""
        query = _ENTRIES if case_id is None else _ENTRIES.where(t.journal.c.case_id == case_id)
        rows = self._connection.execute(query, {"beyond": after, "at_most": limit})
        return [_kept(row) for row in rows]

    def named(self, name: str, after: int, limit: int) -> list[Kept]:
        """Entries of events of this name beyond a position, the oldest first."""
        query = _ENTRIES.where(t.journal.c.name == name)
        return [_kept(row) for row in self._connection.execute(query, {"beyond": after, "at_most": limit})]

    def digests(self, after: int, last: int) -> list[str]:
        """The digests of the entries beyond a position and up to another."""
        return list(self._connection.execute(_DIGESTS, {"beyond": after, "up_to": last}).scalars())

    def since(self, at: datetime) -> int:
        """The position of the first entry from this time on; one past the end if there is none."""
        found = self._connection.execute(_SINCE, {"at": at}).scalar_one()
        return self.head().position + 1 if found is None else int(found)

    def before(self, at: datetime) -> int:
        """The position of the last entry before this time, 0 if there is none."""
        return int(self._connection.execute(_BEFORE, {"at": at}).scalar_one() or 0)

    def newest_signed(self) -> SignedHead | None:
        """The newest head that was signed."""
        row = self._connection.execute(_NEWEST_SIGNED).one_or_none()
        return None if row is None else _signed(row)

    def signed_heads(self) -> list[SignedHead]:
        """Every head that was signed, the oldest first."""
        return [_signed(row) for row in self._connection.execute(_SIGNED)]

    def add_signed(self, signed: SignedHead, key: PublicKey) -> None:
        """Keep a signed head and the key that verifies it. Of two at one position the first stays."""
        head = {
            "position": signed.head.position,
            "sha256": signed.head.sha256,
            "at": signed.at,
            "peaks": b"".join(signed.growth.peaks),
            "token": signed.token,
        }
        write(self._connection, (_KEEP_SIGNED, [head]), (KEEP_KEY, [key_row(key, signed.at)]))

    def signing_keys(self) -> list[PublicKey]:
        """Every key that ever signed, the newest first."""
        return [PublicKey(material) for material in self._connection.execute(_KEYS).scalars()]

    def _place(self, events: Sequence[Event]) -> tuple[Head, dict[UUID, str]]:
        """The head, and the newest entry of each case that has one: nearly always there is one case."""
        latest: dict[UUID, str] = {}
        head = EMPTY
        for case_id in {event.case_id for event in events}:
            row = first_row(self._connection, _PLACE, {"of_case": case_id})
            assert row is not None, "the head is always there"
            head = Head(row[0], row[1])
            if row[2] is not None:
                latest[case_id] = row[2]
        return head, latest


def _values(event: Event) -> dict[str, Any]:
    return {
        "case_id": event.case_id,
        "name": event.name,
        "acted_by": event.by,
        "at": event.at,
        "data": canonical(event.data),
    }


def _event(row: AnyRow) -> Event:
    return Event(row.case_id, row.name, row.acted_by, row.at, orjson.loads(row.data))


def _signed(row: AnyRow) -> SignedHead:
    peaks = tuple(row.peaks[start : start + 32] for start in range(0, len(row.peaks), 32))
    return SignedHead(Head(row.position, row.sha256), Growth(row.position, peaks), row.at, row.token)


def key_row(key: PublicKey, at: datetime) -> dict[str, Any]:
    """A key that signs, as it is kept by :data:`KEEP_KEY`."""
    return {"id": key.id, "material": key.material, "first_used_at": at}


def _kept(row: AnyRow) -> Kept:
    entry = Entry(row.position, _event(row), row.previous or GENESIS, row.previous_of_case)
    return Kept(entry, row.sha256)


_ONLY = t.journal_head.c.id == literal_column("1")
_INSERT = Write(lambda _: insert(t.journal))
_ADVANCE = Write(
    lambda _: (
        update(t.journal_head)
        .where(_ONLY)
        .values(position=bindparam("to_position"), sha256=bindparam("to_sha256"))
    )
)
_OF_CASE = select(t.journal).where(t.journal.c.case_id == bindparam("of_case")).order_by(t.journal.c.position)
_PLACE = Write(
    lambda _: text(
        """
        SELECT position, sha256, (
            SELECT newest.sha256 FROM journal AS newest
            WHERE newest.case_id = :of_case ORDER BY newest.position DESC LIMIT 1
        ) FROM journal_head WHERE id = 1
        """
    ).bindparams(bindparam("of_case", type_=Uuid()))
)

_before = t.journal.alias("before")
_ENTRIES = (
    select(
        t.journal,
        select(_before.c.sha256)
        .where(_before.c.position == t.journal.c.position - 1)
        .scalar_subquery()
        .label("previous"),
        select(_before.c.sha256)
        .where(_before.c.case_id == t.journal.c.case_id, _before.c.position < t.journal.c.position)
        .order_by(_before.c.position.desc())
        .limit(1)
        .scalar_subquery()
        .label("previous_of_case"),
    )
    .where(t.journal.c.position > bindparam("beyond"))
    .order_by(t.journal.c.position)
    .limit(bindparam("at_most"))
)

_DIGESTS = (
    select(t.journal.c.sha256)
    .where(t.journal.c.position > bindparam("beyond"), t.journal.c.position <= bindparam("up_to"))
    .order_by(t.journal.c.position)
)
_SINCE = select(func.min(t.journal.c.position)).where(t.journal.c.at >= bindparam("at"))
_BEFORE = select(func.max(t.journal.c.position)).where(t.journal.c.at < bindparam("at"))
_SIGNED = select(t.journal_signed_heads).order_by(t.journal_signed_heads.c.position)
_NEWEST_SIGNED = select(t.journal_signed_heads).order_by(t.journal_signed_heads.c.position.desc()).limit(1)
_KEEP_SIGNED = Write(lambda dialect: upsert(dialect, t.journal_signed_heads).on_conflict_do_nothing())
KEEP_KEY = Write(lambda dialect: upsert(dialect, t.signing_keys).on_conflict_do_nothing())
_KEYS = select(t.signing_keys.c.material).order_by(t.signing_keys.c.first_used_at.desc(), t.signing_keys.c.id)

# The lock is a statement of its own: only the next one sees what the last holder of the lock has committed.
_LOCK = Write(lambda _: select(t.journal_head.c.id).where(_ONLY).with_for_update())

_LINK = Write(
    lambda _: text(
        # ``pipeline.journal.closing`` in SQL.
        """
        WITH head AS (
            UPDATE journal_head
            SET position = position + 1,
                sha256 = 'sha256:' || encode(sha256(:opening || convert_to(
                    '"position":' || (position + 1) || ',"previous":"' || sha256 || '","previous_of_case":'
                    || coalesce(
                        (
                            SELECT '"' || before.sha256 || '"' FROM journal AS before
                            WHERE before.case_id = :case_id ORDER BY before.position DESC LIMIT 1
                        ),
                        'null'
                    )
                    || '}',
                    'UTF8'
                )), 'hex')
            WHERE id = 1
            RETURNING position, sha256
        )
        INSERT INTO journal (position, case_id, name, acted_by, at, data, sha256)
        SELECT position, :case_id, :name, :acted_by, :at, :data, sha256 FROM head
        """
    ).bindparams(
        bindparam("opening", type_=LargeBinary()),
        bindparam("case_id", type_=Uuid()),
        bindparam("name", type_=String()),
        bindparam("acted_by", type_=String()),
        bindparam("at", type_=t.Moment()),
        bindparam("data", type_=LargeBinary()),
    )
)
