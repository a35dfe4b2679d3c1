"""Intake: keep a verified, valid submission and open its case, in one transaction.

It happens while the sender waits. The door has checked the signature (:mod:`pipeline.webhook`) and the
document (:mod:`pipeline.schemas`); what is decided here needs the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from pipeline import lifecycle
from pipeline.documents import Json, sha256
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
        outcomes: list[Receipt | Problem] = []
        with self.memory.write() as tx:
            opened = _Opened(tx)
            for submission in submissions:
                try:
                    outcomes.append(self._take(opened, submission, now))
                except Problem as problem:
                    # Whoever raises it has written nothing: the others of this transaction stand.
                    outcomes.append(problem)
            opened.write()
        return outcomes

    def _take(self, opened: _Opened, submission: Submission, now: datetime) -> Receipt:
        tx = opened.tx
        supersedes = submission.supersedes
        application = Application(
            id=new_id(),
            sender_id=submission.sender_id,
            message_id=submission.message_id,
            received_at=now,
            body=submission.body,
            document=submission.document["data"],
            supersedes=supersedes,
        )
        if supersedes is not None:
            known = tx.applications.by_message(submission.sender_id, submission.message_id)
            if known is not None:
                return _receipt_again(tx, known, submission.body)
            opened.write()
            _supersede(tx, application, supersedes, now)
        if not tx.applications.add(application):
            known = tx.applications.by_message(submission.sender_id, submission.message_id)
            assert known is not None
            return _receipt_again(tx, known, submission.body)
        case = Case(
            id=new_id(),
            reference=new_reference(),
            application_id=application.id,
            state=State.RECEIVED,
            version=1,
            outstanding=0,
            opened_at=now,
            changed_at=now,
        )
        tx.cases.open(case, application)
        step = Step(new_id(), case.id, case.reference, Stage.COLLECTION, due_at=now + self.lease)
        opened.steps.append(step)
        opened.events.append(_received(case, application))
        return Receipt(application.id, case.reference, case.state, step)


@dataclass(slots=True)
class _Opened:
    """The first steps and events of the cases that a transaction opened, written together: few statements."""

    tx: Transaction
    steps: list[Step] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def write(self) -> None:
        if self.steps:
            self.tx.ledger.add(self.steps)
            self.tx.journal.write(self.events)
            self.steps, self.events = [], []


def _receipt_again(tx: Transaction, known: Application, body: bytes) -> Receipt:
    if known.body != body:
        raise Problem(ID_REUSED)
    file = tx.cases.of_sender(known.sender_id, known.id)
    assert file is not None, "an application and its case are kept together"
    return Receipt(known.id, file.case.reference, file.case.state, step=None)


def _supersede(tx: Transaction, correction: Application, superseded: UUID, now: datetime) -> None:
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
    tx.cases.move(case, State.SUPERSEDED, now)
    tx.ledger.drop(case.id)
    replaced_by = {"application": str(correction.id)}
    tx.journal.write([Event(case.id, "application.superseded", "intake", now, replaced_by)])


def _not_superseded(ja: str, en: str) -> Problem:
    return Problem(
        SUBMISSION_INVALID, violations=[Violation("/data/supersedes", "not_supersedable", Text(ja, en))]
    )


def _received(case: Case, application: Application) -> Event:
    data = {
        "application": str(application.id),
        "sender": str(application.sender_id),
        "body": sha256(application.body),
    }
    if application.supersedes is not None:
        data["supersedes"] = str(application.supersedes)
    return Event(case.id, "application.received", "intake", application.received_at, data)
