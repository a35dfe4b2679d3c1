"""What people have to do with cases: the queue, proposals, questions, notes, appeals, waivers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from pipeline.documents import Json, canonical, sha256
from pipeline.identifiers import OrganisationId, new_id, parse_reference
from pipeline.lifecycle import State
from pipeline.model import Application, CaseFile, Waiver, WaiverKind
from pipeline.review.model import (
    Act,
    Appeal,
    AppealState,
    Audience,
    Conflicts,
    Counts,
    Earlier,
    Listed,
    Note,
    Other,
    Proposal,
    ProposalState,
    Question,
    QueueEntry,
    QueueFilter,
    QueuePage,
    ReviewRecord,
    Stop,
    VendorMessage,
    WaitsFor,
    differences,
)
from pipeline.review.words import refusal
from storage import tables as t
from storage.dialect import AnyRow, conflict_insert

MOST_OTHERS = 20
"""Other cases of a vendor that are shown with one."""


@dataclass(frozen=True, slots=True)
class VendorName:
    """A name under which a company applied, and the case."""

    case_id: UUID
    reference: str
    number: str
    name: str


class SqlReviews:
    """Implements :class:`pipeline.ports.Reviews`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # The record and its clock

    def refer(self, record: ReviewRecord, reasons: Sequence[tuple[str, str]]) -> None:
        """A case comes to people, for these rules and reason codes; it may have been with them before."""
        self.save(record)
        self._connection.execute(delete(t.review_reasons).where(t.review_reasons.c.case_id == record.case_id))
        if reasons:
            rows = [{"case_id": record.case_id, "rule": rule, "reason": reason} for rule, reason in reasons]
            self._connection.execute(insert(t.review_reasons), rows)

    def of(self, case_id: UUID) -> ReviewRecord | None:
        """A case's place with people; None where it never was with them."""
        row = self._connection.execute(select(t.reviews).where(t.reviews.c.case_id == case_id)).one_or_none()
        return None if row is None else _record(row)

    def save(self, record: ReviewRecord) -> None:
        """Write a record, new or changed; a claim stays unless the case leaves people's hands."""
        row = {
            "case_id": record.case_id,
            "referred_at": record.referred_at,
            "due_at": record.due_at,
            "target_days": record.target_days,
            "track": record.track,
            "buyers": f" {' '.join(record.buyers)} ",
            "waits_for": record.waits_for,
            "stopped_at": record.stopped_at,
            "remaining": record.remaining,
            "resumes_on": record.resumes_on,
        }
        if record.waits_for is None:
            self._connection.execute(
                _LEAVE(self._connection), row | {"assignee": None, "claimed_until": None}
            )
        else:
            self._connection.execute(_SAVE(self._connection), row)

    def stop(self, case_id: UUID, waits_for: WaitsFor, at: datetime) -> None:
        """Begin a span in which the clock stands still."""
        row = {"id": new_id(), "case_id": case_id, "waits_for": waits_for, "began_at": at}
        self._connection.execute(insert(t.review_stops), row)

    def resume(self, case_id: UUID, at: datetime) -> None:
        """End the span that runs."""
        self._connection.execute(
            update(t.review_stops)
            .where(t.review_stops.c.case_id == case_id, t.review_stops.c.ended_at.is_(None))
            .values(ended_at=at)
        )

    def stops(self, case_id: UUID) -> tuple[Stop, ...]:
        """The spans in which the clock stood still."""
        rows = self._of_case(t.review_stops, case_id)
        return tuple(Stop(WaitsFor(row.waits_for), row.began_at, row.ended_at) for row in rows)

    def claim(self, case_id: UUID, by: str, until: datetime, now: datetime, *, take_over: bool) -> bool:
        """Claim a case; False where somebody else's claim has not lapsed."""
        reviews = t.reviews.c
        free = or_(reviews.assignee.is_(None), reviews.assignee == by, reviews.claimed_until <= now)
        claimed = (
            update(t.reviews)
            .where(reviews.case_id == case_id, reviews.waits_for.is_not(None))
            .values(assignee=by, claimed_until=until)
        )
        if not take_over:
            claimed = claimed.where(free)
        return self._connection.execute(claimed).rowcount == 1

    def release(self, case_id: UUID, by: str) -> bool:
        """Give up a claim; False where ``by`` has none."""
        released = (
            update(t.reviews)
            .where(t.reviews.c.case_id == case_id, t.reviews.c.assignee == by)
            .values(assignee=None, claimed_until=None)
        )
        return self._connection.execute(released).rowcount == 1

    def end(self, case_id: UUID, by: str, at: datetime) -> None:
        """The vendor ended the case: what is pending in its review is dropped, and it leaves the queue."""
        execute = self._connection.execute
        execute(
            update(t.proposals)
            .where(t.proposals.c.case_id == case_id, t.proposals.c.state == ProposalState.PENDING)
            .values(state=ProposalState.DROPPED, closed_by=by, closed_at=at)
        )
        execute(
            update(t.appeals)
            .where(t.appeals.c.case_id == case_id, t.appeals.c.state == AppealState.OPEN)
            .values(state=AppealState.ENDED, decided_by=by, decided_at=at)
        )
        execute(
            update(t.reviews)
            .where(t.reviews.c.case_id == case_id)
            .values(
                waits_for=None,
                stopped_at=None,
                remaining=None,
                assignee=None,
                claimed_until=None,
                resumes_on=None,
            )
        )
        self.resume(case_id, at)

    # Proposals

    def propose(self, proposal: Proposal) -> bool:
        """Keep a proposal; False where one is pending already: the database sees to that."""
        row = {
            "id": proposal.id,
            "case_id": proposal.case_id,
            "act": proposal.act,
            "because": proposal.because,
            "data": canonical(proposal.data),
            "text": proposal.text,
            "evidence_sha256": proposal.evidence,
            "proposed_by": proposal.proposed_by,
            "proposed_at": proposal.proposed_at,
            "state": ProposalState.PENDING,
        }
        return self._connection.execute(_PROPOSE(self._connection), row).one_or_none() is not None

    def pending(self, case_id: UUID) -> Proposal | None:
        """The proposal that waits for a second person."""
        row = self._connection.execute(
            select(t.proposals).where(
                t.proposals.c.case_id == case_id, t.proposals.c.state == ProposalState.PENDING
            )
        ).one_or_none()
        return None if row is None else _proposal(row)

    def proposals(self, case_id: UUID) -> tuple[Proposal, ...]:
        """Every proposal, the first one first."""
        return tuple(map(_proposal, self._of_case(t.proposals, case_id)))

    def settle(
        self, proposal: Proposal, state: ProposalState, by: str, at: datetime, *, evidence: str
    ) -> bool:
        """End a pending proposal; False where it is not pending or rests on another dossier than
        ``evidence``, or where ``by`` made it and would confirm it.
        """
        proposals = t.proposals.c
        settled = (
            update(t.proposals)
            .where(
                proposals.id == proposal.id,
                proposals.state == ProposalState.PENDING,
                proposals.evidence_sha256 == evidence,
            )
            .values(state=state, closed_by=by, closed_at=at)
        )
        if state is ProposalState.CONFIRMED:
            settled = settled.where(proposals.proposed_by != by)
        return self._connection.execute(settled).rowcount == 1

    # Questions, notes, messages

    def ask(self, questions: Sequence[Question]) -> None:
        """Keep questions to the vendor."""
        rows = [
            {
                "id": question.id,
                "case_id": question.case_id,
                "code": question.code,
                "about": question.about,
                "text": question.text,
                "asked_by": question.asked_by,
                "asked_at": question.asked_at,
                "due_on": question.due_on,
                "outcome": question.outcome,
            }
            for question in questions
        ]
        self._connection.execute(insert(t.questions), rows)

    def questions(self, case_id: UUID) -> tuple[Question, ...]:
        """Every question, the first one first."""
        rows = self._connection.execute(_QUESTIONS, {"of_case": case_id})
        return tuple(map(question_of, rows))

    def close_questions(
        self,
        case_id: UUID,
        outcome: str,
        at: datetime,
        *,
        only: UUID | None = None,
        message: UUID | None = None,
    ) -> int:
        """Close the open questions of a case, or one of them, and return how many were open still."""
        questions = t.questions.c
        closed = (
            update(t.questions)
            .where(questions.case_id == case_id, questions.outcome == "open")
            .values(outcome=outcome, closed_at=at, message_id=message)
        )
        if only is not None:
            closed = closed.where(questions.id == only)
        return self._connection.execute(closed).rowcount

    def note(self, note: Note) -> None:
        """Keep what a person wrote."""
        row = {
            "id": note.id,
            "case_id": note.case_id,
            "audience": note.audience,
            "written_by": note.by,
            "written_at": note.at,
            "text": note.text,
        }
        self._connection.execute(insert(t.notes), row)

    def notes(self, case_id: UUID) -> tuple[Note, ...]:
        """Every note, the first one first."""
        return tuple(
            Note(row.id, row.case_id, Audience(row.audience), row.written_by, row.written_at, row.text)
            for row in self._of_case(t.notes, case_id)
        )

    def keep_message(self, message: VendorMessage) -> VendorMessage | None:
        """Keep a vendor's message; the one that came before under its id, if one did."""
        row = {
            "id": message.id,
            "sender_id": message.sender_id,
            "message_id": message.message_id,
            "case_id": message.case_id,
            "kind": message.kind,
            "body": message.body,
            "body_sha256": sha256(message.body),
            "received_at": message.received_at,
        }
        if self._connection.execute(_KEEP_MESSAGE(self._connection), row).one_or_none() is not None:
            return None
        known = self._connection.execute(
            select(t.vendor_messages).where(
                t.vendor_messages.c.sender_id == message.sender_id,
                t.vendor_messages.c.message_id == message.message_id,
            )
        ).one()
        return VendorMessage(
            known.id,
            known.sender_id,
            known.message_id,
            known.case_id,
            known.kind,
            known.body,
            known.received_at,
        )

    # Appeals and waivers

    def appeal(self, appeal: Appeal, message: UUID) -> bool:
        """Keep an appeal; False where this decision was appealed before."""
        row = {
            "id": appeal.id,
            "case_id": appeal.case_id,
            "decision": appeal.decision,
            "against": appeal.against,
            "since": appeal.since,
            "policy": canonical(list(appeal.policy)),
            "message_id": message,
            "submitted_at": appeal.submitted_at,
            "state": appeal.state,
        }
        return self._connection.execute(_APPEAL(self._connection), row).one_or_none() is not None

    def appeals(self, case_id: UUID) -> tuple[Appeal, ...]:
        """Every appeal, the first one first."""
        return tuple(map(_appeal, self._connection.execute(_APPEALS, {"of_case": case_id})))

    def settle_appeal(self, appeal: Appeal, state: AppealState, by: str, at: datetime) -> bool:
        """Decide an open appeal; False where ``by`` took part in any decision or proposal on the case."""
        decided = exists().where(t.decisions.c.case_id == appeal.case_id, t.decisions.c.decided_by == by)
        proposed = exists().where(
            t.proposals.c.case_id == appeal.case_id,
            or_(t.proposals.c.proposed_by == by, t.proposals.c.closed_by == by),
        )
        settled = (
            update(t.appeals)
            .where(t.appeals.c.id == appeal.id, t.appeals.c.state == AppealState.OPEN, ~decided, ~proposed)
            .values(state=state, decided_by=by, decided_at=at)
        )
        return self._connection.execute(settled).rowcount == 1

    def waive(self, file: CaseFile, waiver: Waiver, at: datetime) -> None:
        """Keep a waiver for the product of a case."""
        vendor = file.application.vendor_id
        row = {
            "id": waiver.id,
            "vendor_scheme": vendor.scheme,
            "vendor_id": vendor.id,
            "product_code": file.application.product_code,
            "rule": waiver.rule,
            "grounds": waiver.grounds,
            "kind": waiver.kind,
            "reason": waiver.reason,
            "until": waiver.until,
            "case_id": file.case.id,
            "granted_at": at,
        }
        self._connection.execute(insert(t.waivers), row)

    # The catalog beside it

    def is_first_listing(self, application: Application) -> bool:
        """Whether the vendor has nothing in the catalog yet."""
        vendor = application.vendor_id
        listed = exists().where(
            t.listings.c.vendor_scheme == vendor.scheme, t.listings.c.vendor_id == vendor.id
        )
        return not self._connection.execute(select(listed)).scalar_one()

    def listing_of(self, case_id: UUID) -> Listed | None:
        """The listing that this case brought, unless another case's has taken its place."""
        row = self._connection.execute(_LISTED.where(t.cases.c.id == case_id)).one_or_none()
        return None if row is None else _listed(row)

    def conflicts(self, file: CaseFile) -> Conflicts:
        """What else is known of this vendor and product, but for similar names."""
        vendor = file.application.vendor_id
        rows = self._connection.execute(
            _OTHERS,
            {"scheme": vendor.scheme, "number": vendor.id, "own": file.case.id, "at_most": MOST_OTHERS},
        ).all()
        others = [(_other(row), orjson.loads(row.body)["data"]) for row in rows]
        earlier = tuple(
            Earlier(other, differences(document, file.application.document))
            for other, document in others
            if document["product"]["code"] == file.application.product_code
            and other.opened_at <= file.case.opened_at
        )
        makers = file.application.document.get("maker", {}).get("identifiers", ())
        maker_ids = [OrganisationId(each["scheme"], each["id"]) for each in makers]
        listings = self._listings_of([vendor, *(one for one in maker_ids if one != vendor)])
        return Conflicts(
            same_number=tuple(other for other, _ in others),
            listings_of_vendor=tuple(one for owner, one in listings if owner == vendor),
            listings_of_maker=tuple(one for owner, one in listings if owner != vendor),
            earlier=earlier,
        )

    def _listings_of(self, organisations: Iterable[OrganisationId]) -> list[tuple[OrganisationId, Listed]]:
        wanted = [(organisation.scheme, organisation.id) for organisation in organisations]
        rows = self._connection.execute(
            _LISTED.where(tuple_(t.listings.c.vendor_scheme, t.listings.c.vendor_id).in_(wanted)).limit(100)
        )
        return [(OrganisationId(row.vendor_scheme, row.vendor_id), _listed(row)) for row in rows]

    def vendor_names(self, since: UUID) -> list[VendorName]:
        """Under which names companies applied, from a case's id on."""
        cases = t.cases.c
        rows = self._connection.execute(
            select(cases.id, cases.reference, cases.vendor_scheme, cases.vendor_id, cases.vendor_name)
            .where(cases.id >= since)
            .order_by(cases.id)
        )
        return [
            VendorName(row.id, row.reference, f"{row.vendor_scheme}:{row.vendor_id}", row.vendor_name)
            for row in rows
        ]

    # The queue

    def queue(self, wanted: QueueFilter, after: str | None, limit: int, now: datetime) -> QueuePage:
        """Open reviews, the earliest due first."""
        query = _QUEUE.where(*_conditions(wanted, now))
        if after is not None:
            due_at, case_id = _read_cursor(after)
            query = query.where(
                or_(
                    t.reviews.c.due_at > due_at,
                    and_(t.reviews.c.due_at == due_at, t.reviews.c.case_id > case_id),
                )
            )
        rows = self._connection.execute(query.limit(limit + 1)).all()
        entries = tuple(_entry(row, now) for row in rows[:limit])
        more = len(rows) > limit
        return QueuePage(entries, _cursor(rows[limit - 1]) if more else None)

    def counts(self, now: datetime) -> Counts:
        """How much waits for whom."""
        reviews = t.reviews.c
        late = and_(reviews.due_at <= now, reviews.stopped_at.is_(None))
        rows = self._connection.execute(
            select(reviews.waits_for, func.count(), func.count().filter(late))
            .where(reviews.waits_for.is_not(None))
            .group_by(reviews.waits_for)
        ).all()
        states = self._connection.execute(select(t.cases.c.state, func.count()).group_by(t.cases.c.state))
        return Counts(
            waiting={WaitsFor(row[0]): row[1] for row in rows},
            overdue=sum(row[2] for row in rows),
            states={row[0]: row[1] for row in states},
        )

    def _of_case(self, table: Any, case_id: UUID) -> Iterable[AnyRow]:
        return self._connection.execute(select(table).where(table.c.case_id == case_id).order_by(table.c.id))


def waivers_of(connection: Connection, application: Application) -> tuple[Waiver, ...]:
    """The waivers that were ever given for the product of an application, the first one first."""
    vendor = application.vendor_id
    rows = connection.execute(
        _WAIVERS, {"scheme": vendor.scheme, "number": vendor.id, "code": application.product_code}
    )
    return tuple(
        Waiver(row.id, row.rule, row.grounds, WaiverKind(row.kind), row.reason, row.until) for row in rows
    )


def _conditions(wanted: QueueFilter, now: datetime) -> list[ColumnElement[bool]]:
    reviews, cases = t.reviews.c, t.cases.c
    conditions: list[ColumnElement[bool]] = [reviews.waits_for.is_not(None)]
    if wanted.waits_for:
        conditions.append(reviews.waits_for.in_([str(one) for one in wanted.waits_for]))
    if wanted.buyer:
        conditions.append(reviews.buyers.contains(f" {wanted.buyer} ", autoescape=True))
    if wanted.track:
        conditions.append(reviews.track == wanted.track)
    if wanted.assignee is not None:
        claimed = and_(reviews.assignee.is_not(None), reviews.claimed_until > now)
        conditions.append(and_(claimed, reviews.assignee == wanted.assignee) if wanted.assignee else ~claimed)
    if wanted.overdue:
        conditions.append(and_(reviews.due_at <= now, reviews.stopped_at.is_(None)))
    if wanted.reason:
        conditions.append(_has_reason(wanted.reason))
    if search := wanted.search.strip():
        try:
            reference = parse_reference(search)
        except ValueError:
            conditions.append(
                or_(
                    cases.vendor_id == search.removeprefix("T"),
                    cases.vendor_name.contains(search, autoescape=True),
                    _has_reason(search.upper()),
                )
            )
        else:
            conditions.append(cases.reference == reference)
    return conditions


def _has_reason(reason: str) -> ColumnElement[bool]:
    return exists().where(
        t.review_reasons.c.case_id == t.reviews.c.case_id, t.review_reasons.c.reason == reason
    )


def _cursor(row: AnyRow) -> str:
    text = f"{row.due_at.isoformat()} {row.case_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[datetime, UUID]:
    try:
        padded = text + "=" * (-len(text) % 4)
        due_at, _, case_id = base64.urlsafe_b64decode(padded.encode()).decode().partition(" ")
        moment = datetime.fromisoformat(due_at)
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return moment, UUID(case_id)
    except (ValueError, binascii.Error):
        raise refusal("cursor_malformed") from None


def _entry(row: AnyRow, now: datetime) -> QueueEntry:
    claimed = row.claimed_until is not None and row.claimed_until > now
    return QueueEntry(
        reference=row.reference,
        case_id=row.case_id,
        state=State(row.state),
        version=row.version,
        reason=row.reason,
        vendor_name=row.vendor_name,
        vendor_number=f"{row.vendor_scheme}:{row.vendor_id}",
        product_name=row.product_name,
        referred_at=row.referred_at,
        due_at=row.due_at,
        waits_for=WaitsFor(row.waits_for),
        stopped_at=row.stopped_at,
        remaining=row.remaining,
        assignee=row.assignee if claimed else None,
        track=row.track,
        buyers=tuple(row.buyers.split()),
        resumes_on=row.resumes_on,
    )


def _record(row: AnyRow) -> ReviewRecord:
    return ReviewRecord(
        case_id=row.case_id,
        referred_at=row.referred_at,
        due_at=row.due_at,
        target_days=row.target_days,
        track=row.track,
        buyers=tuple(row.buyers.split()),
        waits_for=None if row.waits_for is None else WaitsFor(row.waits_for),
        stopped_at=row.stopped_at,
        remaining=row.remaining,
        assignee=row.assignee,
        claimed_until=row.claimed_until,
        resumes_on=row.resumes_on,
    )


def _proposal(row: AnyRow) -> Proposal:
    data: Json = orjson.loads(row.data)
    return Proposal(
        id=row.id,
        case_id=row.case_id,
        act=Act(row.act),
        because=row.because,
        data=data,
        text=row.text,
        evidence=row.evidence_sha256,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        state=ProposalState(row.state),
        closed_by=row.closed_by,
        closed_at=row.closed_at,
    )


def question_of(row: AnyRow) -> Question:
    answer = "" if row.body is None else str(_data(row.body).get("answer", ""))
    return Question(
        id=row.id,
        case_id=row.case_id,
        code=row.code,
        about=row.about,
        text=row.text,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        due_on=row.due_on,
        outcome=row.outcome,
        closed_at=row.closed_at,
        answer=answer,
    )


def _appeal(row: AnyRow) -> Appeal:
    return Appeal(
        id=row.id,
        case_id=row.case_id,
        decision=row.decision,
        against=State(row.against),
        since=row.since,
        policy=tuple(orjson.loads(row.policy)),
        grounds=str(_data(row.body).get("grounds", "")),
        submitted_at=row.submitted_at,
        state=AppealState(row.state),
        decided_by=row.decided_by,
        decided_at=row.decided_at,
    )


def _data(body: bytes) -> Json:
    """What a vendor's message says; nothing where it was erased."""
    data: Json = orjson.loads(body)["data"] if body else {}
    return data


def _other(row: AnyRow) -> Other:
    return Other(
        reference=row.reference,
        state=State(row.state),
        vendor_name=row.vendor_name,
        vendor_number=f"{row.vendor_scheme}:{row.vendor_id}",
        product_name=row.product_name,
        opened_at=row.opened_at,
    )


def _listed(row: AnyRow) -> Listed:
    return Listed(
        listing_id=row.listing_id,
        version=row.version,
        vendor_name=row.vendor_name,
        product_name=row.product_name,
        reference=row.reference,
        case_state=State(row.state),
    )


_CLAIM = frozenset({"assignee", "claimed_until"})
_SAVE = conflict_insert(
    t.reviews,
    lambda add: add.on_conflict_do_update(
        index_elements=["case_id"],
        set_={
            column.name: add.excluded[column.name]
            for column in t.reviews.c
            if column.name not in {"case_id", *_CLAIM}
        },
    ),
)
_LEAVE = conflict_insert(
    t.reviews,
    lambda add: add.on_conflict_do_update(
        index_elements=["case_id"],
        set_={column.name: add.excluded[column.name] for column in t.reviews.c if column.name != "case_id"},
    ),
)
_PROPOSE = conflict_insert(t.proposals, lambda add: add.on_conflict_do_nothing().returning(t.proposals.c.id))
_APPEAL = conflict_insert(t.appeals, lambda add: add.on_conflict_do_nothing().returning(t.appeals.c.id))
_KEEP_MESSAGE = conflict_insert(
    t.vendor_messages,
    lambda add: add.on_conflict_do_nothing(index_elements=["sender_id", "message_id"]).returning(
        t.vendor_messages.c.id
    ),
)
_QUESTIONS = (
    select(t.questions, t.vendor_messages.c.body)
    .outerjoin(t.vendor_messages, t.vendor_messages.c.id == t.questions.c.message_id)
    .where(t.questions.c.case_id == bindparam("of_case"))
    .order_by(t.questions.c.id)
)
_APPEALS = (
    select(t.appeals, t.vendor_messages.c.body)
    .join(t.vendor_messages, t.vendor_messages.c.id == t.appeals.c.message_id)
    .where(t.appeals.c.case_id == bindparam("of_case"))
    .order_by(t.appeals.c.id)
)
_WAIVERS = (
    select(t.waivers)
    .where(
        t.waivers.c.vendor_scheme == bindparam("scheme"),
        t.waivers.c.vendor_id == bindparam("number"),
        t.waivers.c.product_code == bindparam("code"),
    )
    .order_by(t.waivers.c.id)
)
_LISTED: Select[Any] = (
    select(
        t.listings.c.id.label("listing_id"),
        t.listings.c.version,
        t.listings.c.vendor_scheme,
        t.listings.c.vendor_id,
        t.cases.c.vendor_name,
        t.cases.c.product_name,
        t.cases.c.reference,
        t.cases.c.state,
    )
    .join(
        t.listing_versions,
        (t.listing_versions.c.listing_id == t.listings.c.id)
        & (t.listing_versions.c.version == t.listings.c.version),
    )
    .join(t.cases, t.cases.c.id == t.listing_versions.c.case_id)
)
_OTHERS = (
    select(
        t.cases.c.reference,
        t.cases.c.state,
        t.cases.c.vendor_name,
        t.cases.c.vendor_scheme,
        t.cases.c.vendor_id,
        t.cases.c.product_name,
        t.cases.c.opened_at,
        t.applications.c.body,
    )
    .join(t.applications, t.applications.c.id == t.cases.c.application_id)
    .where(
        t.cases.c.vendor_scheme == bindparam("scheme"),
        t.cases.c.vendor_id == bindparam("number"),
        t.cases.c.id != bindparam("own"),
    )
    .order_by(t.cases.c.id.desc())
    .limit(bindparam("at_most"))
)
_QUEUE: Select[Any] = (
    select(
        t.reviews,
        t.cases.c.reference,
        t.cases.c.state,
        t.cases.c.version,
        t.cases.c.reason,
        t.cases.c.vendor_name,
        t.cases.c.vendor_scheme,
        t.cases.c.vendor_id,
        t.cases.c.product_name,
    )
    .join(t.cases, t.cases.c.id == t.reviews.c.case_id)
    .order_by(t.reviews.c.due_at, t.reviews.c.case_id)
)
