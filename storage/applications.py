"""What was submitted, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import orjson
from sqlalchemy import Connection, bindparam, select

from pipeline.documents import sha256
from pipeline.model import Application
from storage import tables as t
from storage.dialect import AnyRow, conflict_insert


class SqlApplications:
    """Implements :class:`pipeline.ports.Applications`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, applications: Sequence[Application]) -> frozenset[UUID]:
        """Keep applications; return the ids of those that were kept.

        One whose message id is known already of its sender is not, nor is the second of two in here.
        """
        rows = [
            {
                "id": application.id,
                "sender_id": application.sender_id,
                "message_id": application.message_id,
                "body": application.body,
                "body_sha256": sha256(application.body),
                "supersedes": application.supersedes,
                "received_at": application.received_at,
                "salt": application.salt,
            }
            for application in applications
        ]
        if not rows:
            return frozenset()
        return frozenset(self._connection.execute(_ADD(self._connection), rows).scalars())

    def by_message(self, sender_id: UUID, message_id: str) -> Application | None:
        """The application that came under this message id."""
        row = self._connection.execute(
            _BY_MESSAGE, {"sender_id": sender_id, "message_id": message_id}
        ).one_or_none()
        return None if row is None else application_of(row)


APPLICATION_COLUMNS = (
    t.applications.c.id.label("application"),
    t.applications.c.sender_id,
    t.applications.c.message_id,
    t.applications.c.received_at,
    t.applications.c.body,
    t.applications.c.supersedes,
    t.applications.c.salt,
)
"""What :func:`application_of` needs, under names that can stand beside another table's."""


def application_of(row: AnyRow) -> Application:
    """An application as a row with :data:`APPLICATION_COLUMNS` holds it."""
    return Application(
        id=row.application,
        sender_id=row.sender_id,
        message_id=row.message_id,
        received_at=row.received_at,
        body=row.body,
        document=orjson.loads(row.body)["data"],
        supersedes=row.supersedes,
        salt=row.salt,
    )


_ADD = conflict_insert(
    t.applications,
    lambda add: add.on_conflict_do_nothing(index_elements=["sender_id", "message_id"]).returning(
        t.applications.c.id
    ),
)
_BY_MESSAGE = select(*APPLICATION_COLUMNS).where(
    t.applications.c.sender_id == bindparam("sender_id"),
    t.applications.c.message_id == bindparam("message_id"),
)
