"""Where in the database there is something about people, and how it goes.

Whoever adds a table with free text, or with messages as they came, adds a line to :data:`PLACES`. A test puts
a marked text into every column of text and bytes that a case can reach and looks for it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    func,
    select,
    text,
    update,
)

from pipeline.documents import sha256
from pipeline.erasure import Concerned
from pipeline.identifiers import OrganisationId
from pipeline.model import CheckState, Event
from storage import tables as t
from storage.cases import FILE_COLUMNS, new_file_of
from storage.database import Database
from storage.journal import SqlJournal

ANSWER_ERASED = "erased"
"""Why a check has no answer any more (``docs/reasons.md``)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column that may hold something about people, and which of its rows belong to a case.

    ``rows`` may use the parameters ``of_case`` and ``of_application``. What was there becomes empty, and so
    does ``digest``, a column with its digest: by that a guess could be confirmed.
    """

    column: Column[str] | Column[bytes]
    rows: ColumnElement[bool]
    digest: Column[str] | None = None

    @property
    def name(self) -> str:
        """Table and column."""
        return f"{self.column.table.name}.{self.column.name}"


_CASE: ColumnElement[UUID] = bindparam("of_case", type_=t.cases.c.id.type)
_APPLICATION: ColumnElement[UUID] = bindparam("of_application", type_=t.applications.c.id.type)

PLACES: tuple[Place, ...] = (
    Place(t.notes.c.text, t.notes.c.case_id == _CASE),
    Place(t.questions.c.text, t.questions.c.case_id == _CASE),
    Place(t.proposals.c.text, t.proposals.c.case_id == _CASE),
    Place(t.vendor_messages.c.body, t.vendor_messages.c.case_id == _CASE, t.vendor_messages.c.body_sha256),
    # What a vendor's own endpoint answered to a notification.
    Place(
        t.delivery_attempts.c.answer,
        t.delivery_attempts.c.delivery_id.in_(
            select(t.deliveries.c.id).where(
                t.deliveries.c.about == "application", t.deliveries.c.subject == _APPLICATION
            )
        ),
    ),
)
"""Every place beside the application itself."""


class SqlErasure:
    """Implements :class:`pipeline.erasure.Eraser`."""

    def __init__(self, connection: Connection, journal: SqlJournal) -> None:
        self._connection = connection
        self._journal = journal
        if connection.dialect.name == "sqlite":
            # What is overwritten or deleted is overwritten in the file as well.
            connection.exec_driver_sql("PRAGMA secure_delete=ON")

    def concerned(self, case_id: UUID) -> Concerned:
        """The case, locked until the transaction ends."""
        row = self._connection.execute(_CONCERNED, {"wanted": case_id}).one()
        file = new_file_of(row, self._connection)
        return Concerned(case_id, file.case.reference, file.case.state, file.application)

    def seal(self, application_id: UUID, body: bytes, at: datetime) -> None:
        """Put a sealed body in the place of the signed one, and forget the salt."""
        values = {"body": body, "body_sha256": sha256(body), "salt": b"", "erased_at": at}
        self._connection.execute(
            update(t.applications).where(t.applications.c.id == application_id).values(values)
        )

    def empty(self, concerned: Concerned) -> dict[str, int]:
        """Empty every registered place of free text; how much there was, by place."""
        values = {"of_case": concerned.case_id, "of_application": concerned.application.id}
        emptied = {}
        for place in PLACES:
            blank = b"" if place.column.type.python_type is bytes else ""
            filled = place.rows & (func.length(place.column) > 0)
            emptying: dict[str, str | bytes] = {place.column.name: blank}
            if place.digest is not None:
                emptying[place.digest.name] = ""
            statement = update(place.column.table).where(filled).values(emptying)
            if number := self._connection.execute(statement, values).rowcount:
                emptied[place.name] = number
        return emptied

    def answers(self, concerned: Concerned, names_people: Callable[[str], bool]) -> int:
        """How many answers of such sources the case has."""
        return len(self._captures(concerned, names_people))

    def drop_answers(self, concerned: Concerned, names_people: Callable[[str], bool]) -> tuple[int, int]:
        """Delete the answers of such sources; how many went, and how many another case still needs."""
        captures = self._captures(concerned, names_people)
        needed = set(self._connection.execute(_NEEDED_ELSEWHERE, {"of_case": concerned.case_id}).scalars())
        going = {capture: name for capture, name in captures.items() if capture not in needed}
        if going:
            ids = list(going)
            self._connection.execute(delete(t.answers).where(t.answers.c.capture_id.in_(ids)))
            self._connection.execute(
                update(t.checks)
                .where(t.checks.c.capture_id.in_(ids))
                .values(capture_id=None, state=CheckState.GIVEN_UP, reason=ANSWER_ERASED)
            )
            self._connection.execute(delete(t.captures).where(t.captures.c.id.in_(ids)))
            self._connection.execute(
                delete(t.capture_bodies).where(
                    t.capture_bodies.c.sha256.in_(sorted(set(going.values()))),
                    ~exists().where(t.captures.c.sha256 == t.capture_bodies.c.sha256),
                )
            )
        return len(going), len(captures) - len(going)

    def record(self, event: Event) -> None:
        """Write to the journal."""
        self._journal.write([event])

    def _captures(self, concerned: Concerned, names_people: Callable[[str], bool]) -> dict[UUID, str]:
        rows = self._connection.execute(_CAPTURES, {"of_case": concerned.case_id})
        return {row.id: row.sha256 for row in rows if names_people(row.source)}


def cases_of_sender(connection: Connection, sender: str) -> list[UUID]:
    """The cases that a sender's applications opened, by the sender's name."""
    query = (
        select(t.cases.c.id)
        .join(t.applications, t.applications.c.id == t.cases.c.application_id)
        .join(t.senders, t.senders.c.id == t.applications.c.sender_id)
        .where(t.senders.c.name == sender)
        .order_by(t.cases.c.id)
    )
    return list(connection.execute(query).scalars())


def cases_of_vendor(connection: Connection, vendor: OrganisationId) -> list[UUID]:
    """The cases that are about a vendor."""
    query = (
        select(t.cases.c.id)
        .where(t.cases.c.vendor_scheme == vendor.scheme, t.cases.c.vendor_id == vendor.id)
        .order_by(t.cases.c.id)
    )
    return list(connection.execute(query).scalars())


def scrub(database: Database) -> None:
    """Let the database's own files forget what was overwritten: no query shows it, but a copy of them would.

    :raises sqlalchemy.exc.DBAPIError: when the database does not let us; the erasure itself stands.
    """
    if database.is_sqlite:
        with database.read() as connection:
            connection.commit()
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    tables = {"applications", "captures", "capture_bodies", *(place.column.table.name for place in PLACES)}
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"VACUUM {', '.join(sorted(tables))}"))


_CONCERNED = (
    select(*FILE_COLUMNS)
    .join(t.applications, t.applications.c.id == t.cases.c.application_id)
    .where(t.cases.c.id == bindparam("wanted"))
    .with_for_update(of=t.cases)
)
_CAPTURES = select(t.captures.c.id, t.captures.c.source, t.captures.c.sha256).where(
    t.captures.c.case_id == bindparam("of_case")
)
_NEEDED_ELSEWHERE = (
    select(t.captures.c.id)
    .join(t.checks, t.checks.c.capture_id == t.captures.c.id)
    .where(t.captures.c.case_id == bindparam("of_case"), t.checks.c.case_id != bindparam("of_case"))
)
