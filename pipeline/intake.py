"""Intake: keep a verified, valid submission and open its case, in one transaction.

It happens while the sender waits. The door has checked the signature (:mod:`pipeline.webhook`) and the
document (:mod:`pipeline.schemas`); what is decided here needs the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pipeline import lifecycle
from pipeline.documents import Json
from pipeline.identifiers import new_id, new_reference
from pipeline.lifecycle import State
from pipeline.model import Application, Case, Event, Stage, Step, Text
from pipeline.ports import Clock, Memory, Transaction
from pipeline.problems import ID_REUSED, SUBMISSION_INVALID, Problem, Violation


@dataclass(frozen=True, slots=True)
class Submission:
    """A message whose signature and schema are good: ``body`` as it was signed, ``document`` as it reads."""

    sender_id: UUID
    message_id: str
    body: bytes
    document: Json

    @property
    def supersedes(self) -> UUID | None:
        """The application that this one takes the place of."""
        declared = self.document["data"].get("supersedes")
        return None if declared is None else UUID(declared)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender is told of its application.

    ``step`` is the first step of a case that was opened just now; a message that came before has none, and
    ``state`` is where its case stands by now.
    """

    application_id: UUID
    reference: str
    state: State
    step: Step | None

    @property
    def repeated(self) -> bool:
        """Whether the same message came before."""
        return self.step is None


@dataclass(frozen=True, slots=True)
class Intake:
    """The stage, with what it needs. ``lease`` is as in :class:`pipeline.collection.Collection`."""

    memory: Memory
    clock: Clock
    lease: timedelta

    def accept(self, sender_id: UUID, message_id: str, body: bytes, document: Json) -> Receipt:
        """Keep a submission and open its case; once it returns, the application is in the database for good.

        A message that came before is not kept a second time, however late it comes.

        :raises Problem: ``webhook.id_reused`` when the message id came before with another body;
            ``submission.invalid`` when it supersedes what it cannot.
        :raises Exception: what the memory raises when it fails twice. The same message may be sent again.
        """
        [outcome] = self.accept_all([Submission(sender_id, message_id, body, document)])
        if isinstance(outcome, Problem):
            raise outcome
        return outcome

    def accept_all(self, submissions: Sequence[Submission]) -> list[Receipt | Problem]:
        """Accept several in one transaction, as :meth:`accept` does one; what it would raise is returned.

        :raises Exception: what the memory raises when it fails twice. All of them may be sent again.
        """
        try:
            return self._accept(submissions)
        except Exception:  # noqa: BLE001 - the core does not know a database's errors, and need not
            # Once more, each by itself. The message id makes that harmless, and it helps: a reference that
            # another case has is drawn anew, a superseded case that moved is read again, a deadlock's loser
            # follows the winner.
            return [outcome for submission in submissions for outcome in self._accept([submission])]

    def _accept(self, submissions: Sequence[Submission]) -> list[Receipt | Problem]:
        now = self.clock.now()
        applications = [_application(submission, now) for submission in submissions]
        with self.memory.write() as tx:
            outcomes = self._open(tx, [each for each in applications if each.supersedes is None])
            for application in applications:
                if application.supersedes is not None:
                    outcomes |= self._supersede(tx, application, application.supersedes)
        return [outcomes[application.id] for application in applications]

    def _open(self, tx: Transaction, applications: Sequence[Application]) -> dict[UUID, Receipt | Problem]:
        """Keep applications and open their cases, by few statements; what became of each, by its id."""
        kept = tx.applications.add(applications)
        opened = [(_case(application), application) for application in applications if application.id in kept]
        receipts = {case.application_id: self._receipt(case) for case, _ in opened}
        if opened:
            tx.cases.open(opened)
            tx.ledger.add([receipt.step for receipt in receipts.values() if receipt.step is not None])
            tx.journal.write([_received(case, application) for case, application in opened])
        return {each.id: receipts.get(each.id) or _came_before(tx, each) for each in applications}

    def _receipt(self, case: Case) -> Receipt:
        step = Step(new_id(), case.id, case.reference, Stage.COLLECTION, due_at=case.opened_at + self.lease)
        return Receipt(case.application_id, case.reference, case.state, step)

    def _supersede(
        self, tx: Transaction, application: Application, superseded: UUID
    ) -> dict[UUID, Receipt | Problem]:
        """The same for a correction. Where it cannot take the other's place, nothing is written."""
        if tx.applications.by_message(application.sender_id, application.message_id) is None:
            try:
                _end_superseded(tx, application, superseded)
            except Problem as problem:
                return {application.id: problem}
        return self._open(tx, [application])


def _application(submission: Submission, now: datetime) -> Application:
    return Application(
        id=new_id(),
        sender_id=submission.sender_id,
        message_id=submission.message_id,
        received_at=now,
        body=submission.body,
        document=submission.document["data"],
        supersedes=submission.supersedes,
    )


def _case(application: Application) -> Case:
    return Case(
        id=new_id(),
        reference=new_reference(),
        application_id=application.id,
        state=State.RECEIVED,
        version=1,
        outstanding=0,
        opened_at=application.received_at,
        changed_at=application.received_at,
    )


def _came_before(tx: Transaction, application: Application) -> Receipt | Problem:
    known = tx.applications.by_message(application.sender_id, application.message_id)
    assert known is not None
    # Of what was erased nothing is left to compare with. Its message id stays its own.
    if known.body != application.body and not known.erased:
        return Problem(ID_REUSED)
    file = tx.cases.of_sender(known.sender_id, known.id)
    assert file is not None, "an application and its case are kept together"
    return Receipt(known.id, file.case.reference, file.case.state, step=None)


def _end_superseded(tx: Transaction, correction: Application, superseded: UUID) -> None:
    file = tx.cases.of_sender(correction.sender_id, superseded)
    if file is None:
        raise _not_superseded(
            "この送信者の申請に該当するものがありません。", "This sender has no such application."
        )
    case = file.case
    if case.state not in lifecycle.SUPERSEDABLE:
        ja, en = lifecycle.MEANING[case.state]
        raise _not_superseded(
            f"対象の申請は{ja}のため差し替えられません。差替え元を指定せず、新しい申請として送信してください。",
            f"That application can no longer be superseded ({en}). Send this one without `supersedes`.",
        )
    # Steps before the case, in the order in which the stages lock them; and once more, for a step that a
    # stage has written while this waited for it.
    tx.ledger.drop(case.id)
    tx.cases.move(case, State.SUPERSEDED, correction.received_at)
    tx.ledger.drop(case.id)
    if file.decision is not None:
        tx.reviews.close_questions(case.id, "corrected", correction.received_at)
        tx.reviews.end(case.id, "vendor", correction.received_at)
    replaced_by = {"application": str(correction.id)}
    superseded_now = Event(case.id, "application.superseded", "intake", correction.received_at, replaced_by)
    tx.journal.write([superseded_now])


def _not_superseded(ja: str, en: str) -> Problem:
    return Problem(
        SUBMISSION_INVALID, violations=[Violation("/data/supersedes", "not_supersedable", Text(ja, en))]
    )


def _received(case: Case, application: Application) -> Event:
    data = {
        "application": str(application.id),
        "sender": str(application.sender_id),
        "document": application.digest,
    }
    if application.supersedes is not None:
        data["supersedes"] = str(application.supersedes)
    return Event(case.id, "application.received", "intake", application.received_at, data)
