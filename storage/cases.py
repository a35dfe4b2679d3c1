"""The cases, their checks and the captures that answered them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Connection,
    Integer,
    String,
    Uuid,
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)

from pipeline import lifecycle
from pipeline.delivery import About, DeliveryState
from pipeline.errors import StaleCase
from pipeline.identifiers import OrganisationId, new_id
from pipeline.lifecycle import State
from pipeline.model import Application, Capture, Case, CaseFile, Check, CheckState, Inquiry
from storage import tables as t
from storage.applications import APPLICATION_COLUMNS, application_of
from storage.decisions import SqlDecisions
from storage.dialect import AnyRow, Insert, upsert
from storage.reviews import waivers_of
from storage.writes import Write, write


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """A case as a list shows it. ``reason`` is the first reason code of its latest decision."""

    reference: str
    application_id: UUID
    state: State
    reason: str
    vendor_name: str
    product_name: str
    opened_at: datetime
    changed_at: datetime


class SqlCases:
    """Implements :class:`pipeline.ports.Cases`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, cases: Sequence[tuple[Case, Application]]) -> None:
        """New cases, each with its application."""
        rows = [
            {
                "id": case.id,
                "reference": case.reference,
                "application_id": case.application_id,
                "state": case.state,
                "version": case.version,
                "outstanding": case.outstanding,
                "reason": "",
                "vendor_name": application.vendor_name,
                "vendor_scheme": application.vendor_id.scheme,
                "vendor_id": application.vendor_id.id,
                "product_name": application.product_name,
                "opened_at": case.opened_at,
                "changed_at": case.changed_at,
            }
            for case, application in cases
        ]
        write(self._connection, (_OPEN, rows))

    def file(self, case_id: UUID) -> CaseFile:
        """The case with its application, its checks, their captures and its latest decision."""
        row = self._connection.execute(_FILE, {"case_id": case_id}).one()
        return self.complete(new_file_of(row, self._connection))

    def complete(self, file: CaseFile) -> CaseFile:
        """The same file with its checks, their captures and its latest decision."""
        checks = tuple(_check(row) for row in self._connection.execute(_CHECKS, {"case_id": file.case.id}))
        return replace(file, checks=checks, decision=SqlDecisions(self._connection).latest(file.case.id))

    def of_sender(self, sender_id: UUID, application_id: UUID) -> CaseFile | None:
        """A sender's own application with its case; None also where it is another sender's."""
        case_id = self._connection.execute(
            _OF_SENDER, {"sender_id": sender_id, "application_id": application_id}
        ).scalar_one_or_none()
        return None if case_id is None else self.file(case_id)

    def by_reference(self, reference: str) -> CaseFile | None:
        """The case that people know by this reference."""
        case_id = self._connection.execute(
            select(t.cases.c.id).where(t.cases.c.reference == reference)
        ).scalar_one_or_none()
        return None if case_id is None else self.file(case_id)

    def move(
        self, case: Case, target: State, at: datetime, *, outstanding: int = 0, reason: str = ""
    ) -> Case:
        """Make one transition and return the case as it now stands.

        :raises LifecycleError: if the life cycle does not allow it.
        :raises StaleCase: if the case is no longer in the version given; the transaction must not commit.
        """
        lifecycle.check(case.state, target)
        row = {
            "case_id": case.id,
            "seen_version": case.version,
            "to_state": target,
            "to_outstanding": outstanding,
            "to_reason": reason,
            "moved_at": at,
        }
        told = {
            "delivery_id": new_id(),
            "of_application": case.application_id,
            "to_version": case.version + 1,
            "new_state": target,
            "happened_at": at,
        }
        [moved, _] = write(self._connection, (_MOVE, [row]), (_TELL, [told]))
        if moved != 1:
            raise StaleCase(f"{case.reference} is no longer in version {case.version}")
        return replace(case, state=target, version=case.version + 1, outstanding=outstanding, changed_at=at)

    def touch(self, case: Case, at: datetime) -> Case:
        """Count a change that leaves the state as it is: pages that showed the case before are stale.

        :raises StaleCase: as :meth:`move`.
        """
        row = {"case_id": case.id, "seen_version": case.version, "touched_at": at}
        [touched] = write(self._connection, (_TOUCH, [row]))
        if touched != 1:
            raise StaleCase(f"{case.reference} is no longer in version {case.version}")
        return replace(case, version=case.version + 1, changed_at=at)

    def settle_one(self, case: Case, at: datetime) -> int:
        """Count one outstanding check as settled and return how many remain. Locks the case's row."""
        remaining = self._connection.execute(
            _SETTLE, {"case_id": case.id, "seen_version": case.version, "settled_at": at}
        ).scalar_one_or_none()
        if remaining is None:
            raise StaleCase(f"{case.reference} is no longer in version {case.version}")
        return int(remaining)

    def record(self, case: Case, checks: Sequence[Check]) -> None:
        """Write or renew checks together with the captures they hold."""
        if not checks:
            return
        captured = [(new_id(), check, check.capture) for check in checks if check.capture is not None]
        capture_ids = {check.inquiry.key: capture_id for capture_id, check, _ in captured}
        bodies = {capture.sha256: capture.body for _, _, capture in captured}
        # In one order everywhere: two transactions that keep the same answers cannot wait for each other.
        keep_bodies = [{"sha256": name, "body": bodies[name]} for name in sorted(bodies)]
        keep = [
            {
                "id": capture_id,
                "case_id": case.id,
                "source": check.inquiry.source,
                "url": capture.url,
                "status": capture.status,
                "media_type": capture.media_type,
                "fetched_at": capture.fetched_at,
                "sha256": capture.sha256,
            }
            for capture_id, check, capture in captured
        ]
        record = [
            {
                "case_id": case.id,
                "source": check.inquiry.source,
                "role": check.inquiry.role,
                "subject_scheme": check.inquiry.subject.scheme,
                "subject_id": check.inquiry.subject.id,
                "subject_name": check.inquiry.name,
                "state": check.state,
                "tries": check.tries,
                "reason": check.reason,
                "next_try_at": check.next_try_at,
                "capture_id": capture_ids.get(check.inquiry.key),
                "question": check.inquiry.question,
                "reused": check.reused,
            }
            for check in checks
        ]
        answers = {
            check.inquiry.question: {
                "question": check.inquiry.question,
                "capture_id": capture_id,
                "fetched_at": capture.fetched_at,
            }
            for capture_id, check, capture in captured
            if check.inquiry.question and not check.reused
        }
        write(
            self._connection,
            (_KEEP_BODY, keep_bodies),
            (_KEEP, keep),
            (_RECORD, record),
            (_ANSWER, [answers[question] for question in sorted(answers)]),
        )

    def fresh_answers(
        self, inquiries: Sequence[Inquiry], not_before: Mapping[str, datetime]
    ) -> dict[str, Capture]:
        """The latest answer to each inquiry's question, whoever asked it, by question.

        :param not_before: by source, since when it must have been captured; a source that is not in it has
            none. Neither has an inquiry without a question.
        """
        questions = {each.question for each in inquiries if each.question and each.source in not_before}
        if not questions:
            return {}
        rows = self._connection.execute(
            _ANSWERS, {"questions": sorted(questions), "since": min(not_before.values())}
        )
        captures = {row.question: _capture(row) for row in rows}
        return {
            question: capture
            for question, capture in captures.items()
            if capture.fetched_at >= not_before[capture.source]
        }

    def summaries(self, states: Sequence[State] = (), limit: int = 50) -> list[CaseSummary]:
        """Cases as a list shows them, the latest first."""
        query = _SUMMARIES.limit(limit)
        if states:
            query = query.where(t.cases.c.state.in_(states))
        return [
            CaseSummary(
                reference=row.reference,
                application_id=row.application_id,
                state=State(row.state),
                reason=row.reason,
                vendor_name=row.vendor_name,
                product_name=row.product_name,
                opened_at=row.opened_at,
                changed_at=row.changed_at,
            )
            for row in self._connection.execute(query)
        ]

    def counts(self) -> dict[str, int]:
        """How many cases there are in each state."""
        rows = self._connection.execute(select(t.cases.c.state, func.count()).group_by(t.cases.c.state))
        return {row[0]: row[1] for row in rows}


FILE_COLUMNS = (
    t.cases.c.id.label("case_id"),
    t.cases.c.reference,
    t.cases.c.state,
    t.cases.c.version,
    t.cases.c.outstanding,
    t.cases.c.opened_at,
    t.cases.c.changed_at,
    exists()
    .where(t.waivers.c.vendor_scheme == t.cases.c.vendor_scheme, t.waivers.c.vendor_id == t.cases.c.vendor_id)
    .label("vendor_has_waivers"),
    *APPLICATION_COLUMNS,
)
"""What :func:`new_file_of` needs, of cases joined with their applications."""


def new_file_of(row: AnyRow, connection: Connection) -> CaseFile:
    """A case with its application, as a row with :data:`FILE_COLUMNS` holds them; checks are not in it.

    Waivers are few: they are asked for only where the vendor has some.
    """
    application = application_of(row)
    case = Case(
        id=row.case_id,
        reference=row.reference,
        application_id=application.id,
        state=State(row.state),
        version=row.version,
        outstanding=row.outstanding,
        opened_at=row.opened_at,
        changed_at=row.changed_at,
    )
    waivers = waivers_of(connection, application) if row.vendor_has_waivers else ()
    return CaseFile(case, application, waivers=waivers)


def _check(row: AnyRow) -> Check:
    inquiry = Inquiry(
        source=row.source,
        role=row.role,
        subject=OrganisationId(row.subject_scheme, row.subject_id),
        name=row.subject_name,
        question=row.question,
    )
    return Check(
        inquiry=inquiry,
        state=CheckState(row.state),
        tries=row.tries,
        reason=row.reason,
        next_try_at=row.next_try_at,
        capture=None if row.capture_id is None else _capture(row),
        reused=row.reused,
    )


def _capture(row: AnyRow) -> Capture:
    return Capture(
        source=row.source,
        url=row.url,
        fetched_at=row.fetched_at,
        status=row.status,
        media_type=row.media_type,
        body=row.body,
    )


_OPEN = Write(lambda _: insert(t.cases))
_KEEP_BODY = Write(lambda dialect: upsert(dialect, t.capture_bodies).on_conflict_do_nothing())
_KEEP = Write(lambda _: insert(t.captures))


def _record(dialect: str) -> Insert:
    record = upsert(dialect, t.checks)
    renewed = ("state", "tries", "reason", "next_try_at", "capture_id", "reused")
    return record.on_conflict_do_update(
        index_elements=["case_id", "source", "role"], set_={name: record.excluded[name] for name in renewed}
    )


def _answer(dialect: str) -> Insert:
    keep = upsert(dialect, t.answers)
    return keep.on_conflict_do_update(
        index_elements=["question"],
        set_={"capture_id": keep.excluded.capture_id, "fetched_at": keep.excluded.fetched_at},
        where=t.answers.c.fetched_at < keep.excluded.fetched_at,
    )


_RECORD = Write(_record)
_ANSWER = Write(_answer)
_FILE = (
    select(*FILE_COLUMNS)
    .join(t.applications, t.applications.c.id == t.cases.c.application_id)
    .where(t.cases.c.id == bindparam("case_id"))
)
_OF_SENDER = (
    select(t.cases.c.id)
    .join(t.applications, t.applications.c.id == t.cases.c.application_id)
    .where(
        t.applications.c.id == bindparam("application_id"),
        t.applications.c.sender_id == bindparam("sender_id"),
    )
)
_CHECKS = (
    select(
        t.checks,
        t.captures.c.url,
        t.captures.c.status,
        t.captures.c.media_type,
        t.captures.c.fetched_at,
        t.capture_bodies.c.body,
    )
    .outerjoin(t.captures, t.captures.c.id == t.checks.c.capture_id)
    .outerjoin(t.capture_bodies, t.capture_bodies.c.sha256 == t.captures.c.sha256)
    .where(t.checks.c.case_id == bindparam("case_id"))
    .order_by(t.checks.c.source, t.checks.c.role)
)
_ANSWERS = (
    select(
        t.answers.c.question,
        t.captures.c.source,
        t.captures.c.url,
        t.captures.c.status,
        t.captures.c.media_type,
        t.captures.c.fetched_at,
        t.capture_bodies.c.body,
    )
    .join(t.captures, t.captures.c.id == t.answers.c.capture_id)
    .join(t.capture_bodies, t.capture_bodies.c.sha256 == t.captures.c.sha256)
    .where(
        t.answers.c.question.in_(bindparam("questions", expanding=True)),
        t.answers.c.fetched_at >= bindparam("since"),
    )
)
_MOVE = Write(
    lambda _: (
        update(t.cases)
        .where(t.cases.c.id == bindparam("case_id"), t.cases.c.version == bindparam("seen_version"))
        .values(
            state=bindparam("to_state"),
            version=t.cases.c.version + literal_column("1"),
            outstanding=bindparam("to_outstanding"),
            reason=bindparam("to_reason"),
            changed_at=bindparam("moved_at"),
        )
    )
)
_TOLD = ("id", "subscriber_id", "about", "subject", "sequence", "version", "kind", "occurred_at")


def _tell(dialect: str) -> Insert:
    # What is to be told to the sender's endpoint: no row where none is set. Whoever moves a case that moved
    # meanwhile meets the other one's row; that he is late is told by the move itself.
    telling = (
        select(
            bindparam("delivery_id", type_=Uuid),
            t.subscribers.c.id,
            literal_column(f"'{About.APPLICATION}'"),
            t.applications.c.id,
            bindparam("to_version", type_=Integer),
            bindparam("to_version", type_=Integer),
            bindparam("new_state", type_=String),
            bindparam("happened_at", type_=t.Moment),
            literal_column(f"'{DeliveryState.PENDING}'"),
            literal_column("0"),
            bindparam("happened_at", type_=t.Moment),
        )
        .join(t.applications, t.applications.c.sender_id == t.subscribers.c.sender_id)
        .where(t.applications.c.id == bindparam("of_application"))
    )
    tell = upsert(dialect, t.deliveries).from_select([*_TOLD, "state", "tries", "next_attempt_at"], telling)
    return tell.on_conflict_do_nothing()


_TELL = Write(_tell)
_TOUCH = Write(
    lambda _: (
        update(t.cases)
        .where(t.cases.c.id == bindparam("case_id"), t.cases.c.version == bindparam("seen_version"))
        .values(version=t.cases.c.version + literal_column("1"), changed_at=bindparam("touched_at"))
    )
)
_SETTLE = (
    update(t.cases)
    .where(
        t.cases.c.id == bindparam("case_id"),
        t.cases.c.version == bindparam("seen_version"),
        t.cases.c.outstanding > 0,
    )
    .values(outstanding=t.cases.c.outstanding - 1, changed_at=bindparam("settled_at"))
    .returning(t.cases.c.outstanding)
)
_SUMMARIES = select(
    t.cases.c.reference,
    t.cases.c.application_id,
    t.cases.c.state,
    t.cases.c.reason,
    t.cases.c.vendor_name,
    t.cases.c.product_name,
    t.cases.c.opened_at,
    t.cases.c.changed_at,
).order_by(t.cases.c.opened_at.desc(), t.cases.c.id.desc())
