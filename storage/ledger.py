"""The ledger: the due steps, and what the sweeper takes from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from pipeline.model import CaseFile, Stage, Step
from storage import tables as t
from storage.cases import FILE_COLUMNS, SqlCases, new_file_of
from storage.dialect import AnyRow
from storage.writes import Write, write

_LONGEST_LEASE = timedelta(hours=1)
_SOON = timedelta(minutes=1)


class SqlLedger:
    """Implements :class:`pipeline.ports.Ledger`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, steps: Sequence[Step]) -> None:
        """Write steps; they become due with the commit."""
        write(self._connection, (_INSERT, [_values(step) for step in steps]))

    def finish(self, step: Step, then: Step | None = None) -> bool:
        """Take the step off the ledger and write the one that follows, if any, in its place.

        False, and nothing is written, if the step is not there any more: somebody has done it.
        """
        if then is None:
            [finished] = write(self._connection, (_DELETE, [{"step_id": step.id}]))
        else:
            [finished] = write(self._connection, (_REPLACE, [{"step_id": step.id, **_values(then)}]))
        return finished == 1

    def load(self, step_id: UUID) -> tuple[Step, CaseFile] | None:
        """A step with the file it needs; None if it is done."""
        row = self._connection.execute(_SELECT, {"wanted": step_id}).one_or_none()
        if row is None:
            return None
        step, file = _step(row), new_file_of(row, self._connection)
        if step.stage is Stage.COLLECTION and step.source is None:
            return step, file  # nobody has been asked, nothing decided
        return step, SqlCases(self._connection).complete(file)

    def claim_due(self, now: datetime, lease: timedelta, limit: int) -> list[Step]:
        """The steps that are due, each put off by its lease (doubled for each time it was sent before)."""
        rows = self._connection.execute(
            select(t.steps)
            .where(t.steps.c.due_at <= now)
            .order_by(t.steps.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        steps = [_step(row) for row in rows]
        if steps:
            self._connection.execute(
                _PUT_OFF,
                [
                    {
                        "step_id": step.id,
                        "until": now + min(lease * 2 ** min(step.sends, 20), _LONGEST_LEASE),
                    }
                    for step in steps
                ],
            )
        return steps

    def claim_lane(self, step: Step, now: datetime, lease: timedelta, limit: int) -> list[Step]:
        """Other steps of the step's source that could be done now, each put off by two leases, as it is.

        Those are the due ones and those that were sent once and wait in their queue. Whoever claims them does
        them, or dies and leaves them to the sweeper.
        """
        own = t.steps.c.id == step.id
        due = or_(t.steps.c.due_at <= now, and_(t.steps.c.sends == 1, t.steps.c.due_at <= now + lease))
        rows = self._connection.execute(
            select(t.steps)
            .where(t.steps.c.source == step.source, t.steps.c.stage == Stage.COLLECTION, or_(own, due))
            .order_by(own.desc(), t.steps.c.due_at)
            .limit(1 + limit)
            .with_for_update(skip_locked=True)
        )
        steps = [_step(row) for row in rows]
        if not steps or steps[0].id != step.id:
            return []  # it is done, or somebody claims it just now
        # Two leases, not one: nobody else takes them for sent ones.
        claimed = [{"step_id": each.id, "until": now + 2 * lease} for each in steps]
        self._connection.execute(_CLAIM, claimed)
        return steps[1:]

    def waiting(self, source: str) -> int:
        """How many steps the lane of a source has."""
        counted = select(func.count()).select_from(t.steps).where(t.steps.c.source == source)
        return int(self._connection.execute(counted).scalar_one())

    def drop(self, case_id: UUID) -> None:
        """Take every step of a case off the ledger: the case ends otherwise."""
        self._connection.execute(delete(t.steps).where(t.steps.c.case_id == case_id))

    def drop_timers(self, case_id: UUID, roles: Sequence[str]) -> None:
        """Take the steps off the ledger by which these things would become due in a case's review."""
        self._connection.execute(
            delete(t.steps).where(
                t.steps.c.case_id == case_id, t.steps.c.stage == Stage.REVIEW, t.steps.c.role.in_(roles)
            )
        )

    def backlog(self, now: datetime) -> int:
        """How many steps are due or about to be: what waits for a source's next try is not counted."""
        counted = select(func.count()).select_from(t.steps).where(t.steps.c.due_at <= now + _SOON)
        return int(self._connection.execute(counted).scalar_one())

    def stuck(self, sends: int) -> list[Step]:
        """Steps that were sent again at least so often: something ends before they do."""
        rows = self._connection.execute(select(t.steps).where(t.steps.c.sends >= sends).limit(100))
        return [_step(row) for row in rows]


def _values(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "case_id": step.case_id,
        "reference": step.reference,
        "stage": step.stage,
        "source": step.source,
        "role": step.role,
        "due_at": step.due_at,
        "sends": step.sends,
    }


def _step(row: AnyRow) -> Step:
    return Step(
        id=row.id,
        case_id=row.case_id,
        reference=row.reference,
        stage=Stage(row.stage),
        due_at=row.due_at,
        source=row.source,
        role=row.role,
        sends=row.sends,
    )


_INSERT = Write(lambda _: insert(t.steps))
_DELETE = Write(lambda _: delete(t.steps).where(t.steps.c.id == bindparam("step_id")))
_REPLACE = Write(lambda _: update(t.steps).where(t.steps.c.id == bindparam("step_id")))
_SELECT = (
    # A step's case and reference are those of the file.
    select(*(column for column in t.steps.c if column.name not in {"case_id", "reference"}), *FILE_COLUMNS)
    .join(t.cases, t.cases.c.id == t.steps.c.case_id)
    .join(t.applications, t.applications.c.id == t.cases.c.application_id)
    .where(t.steps.c.id == bindparam("wanted"))
)
_CLAIM = update(t.steps).where(t.steps.c.id == bindparam("step_id")).values(due_at=bindparam("until"))
_PUT_OFF = (
    update(t.steps)
    .where(t.steps.c.id == bindparam("step_id"))
    .values(due_at=bindparam("until"), sends=t.steps.c.sends + 1)
)
