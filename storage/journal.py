"""The append-only record of everything that happened."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import orjson
from sqlalchemy import Connection, insert, select

from pipeline.documents import canonical
from pipeline.identifiers import new_id
from pipeline.model import Event
from storage import tables as t
from storage.writes import Write, write


class SqlJournal:
    """Implements :class:`pipeline.ports.Journal`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(self, events: Sequence[Event]) -> None:
        """Append events."""
        rows = [
            {
                "id": new_id(),
                "case_id": event.case_id,
                "name": event.name,
                "acted_by": event.by,
                "at": event.at,
                "data": canonical(event.data),
            }
            for event in events
        ]
        write(self._connection, (_INSERT, rows))

    def of_case(self, case_id: UUID) -> list[Event]:
        """What happened to a case, oldest first."""
        rows = self._connection.execute(
            select(t.journal).where(t.journal.c.case_id == case_id).order_by(t.journal.c.id)
        )
        return [Event(row.case_id, row.name, row.acted_by, row.at, orjson.loads(row.data)) for row in rows]


_INSERT = Write(lambda _: insert(t.journal))
