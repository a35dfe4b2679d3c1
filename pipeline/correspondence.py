"""What vendors say about an application that they sent before: they withdraw it, answer, or appeal.

As at intake, the door has checked signature and schema, and the sender waits while it is kept. A message that
came before is not acted on a second time, however late it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pipeline import lifecycle
from pipeline.calendar import day_of, end_of
from pipeline.documents import Json
from pipeline.errors import StaleCase
from pipeline.identifiers import new_id
from pipeline.lifecycle import State
from pipeline.model import CaseFile, ChangeKind, Decision, Event, Text
from pipeline.ports import Clock, Memory, Transaction
from pipeline.problems import ID_REUSED, MESSAGE_INVALID, Problem, Violation
from pipeline.review.clock import Timer, in_the_way, referred, timer, wait
from pipeline.review.model import (
    Act,
    Appeal,
    AppealState,
    Proposal,
    ProposalState,
    VendorMessage,
    WaitsFor,
)
from pipeline.review.policy import ReviewTimes

VENDOR = "vendor"
"""Who acts where the vendor does."""

WITHDRAWN = "VENDOR_WITHDREW"
"""The reason of a listing that its vendor took back."""

APPEALABLE = frozenset({State.REJECTED, State.SUSPENDED})
"""States against which a vendor may appeal."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the sender is told of its message: where the case stands now, and whether it came before."""

    application_id: UUID
    reference: str
    state: State
    repeated: bool


@dataclass(frozen=True, slots=True)
class _Said:
    """A message under way."""

    tx: Transaction
    file: CaseFile
    message: VendorMessage
    data: Json
    now: datetime

    def event(self, name: str, **data: Any) -> None:
        self.tx.journal.write(
            [Event(self.file.case.id, name, VENDOR, self.now, {"message": str(self.message.id), **data})]
        )


@dataclass(frozen=True, slots=True)
class Correspondence:
    """The stage, with what it needs."""

    memory: Memory
    clock: Clock
    times: ReviewTimes

    def accept(self, sender_id: UUID, message_id: str, body: bytes, document: Json) -> Acknowledgement:
        """Keep a message and do what it says.

        :raises Problem: ``webhook.id_reused`` when the message id came before with another body;
            ``message.invalid`` when the case does not allow it.
        """
        try:
            return self._accept(sender_id, message_id, body, document)
        except StaleCase:
            # The case moved between our reading and our writing; read afresh, it may still allow it.
            return self._accept(sender_id, message_id, body, document)

    def _accept(self, sender_id: UUID, message_id: str, body: bytes, document: Json) -> Acknowledgement:
        data, kind = document["data"], str(document["type"])
        now = self.clock.now()
        with self.memory.write() as tx:
            file = tx.cases.of_sender(sender_id, UUID(data["application"]))
            if file is None:
                raise refused(
                    "application",
                    "unknown",
                    "この送信者の申請に該当するものがありません。",
                    "This sender has no such application.",
                )
            message = VendorMessage(new_id(), sender_id, message_id, file.case.id, kind, body, now)
            known = tx.reviews.keep_message(message)
            if known is not None:
                # A body that was erased cannot be compared any more; its id says that it came.
                if known.body not in {b"", body}:
                    raise Problem(ID_REUSED)
                return Acknowledgement(file.application.id, file.case.reference, file.case.state, True)
            doers: Mapping[str, Callable[[_Said], State]] = {
                "application.withdrawn": self._withdraw,
                "question.answered": self._answer,
                "appeal.submitted": self._appeal,
            }
            state = doers[kind](_Said(tx, file, message, data, now))
            return Acknowledgement(file.application.id, file.case.reference, state, False)

    def _withdraw(self, said: _Said) -> State:
        tx, case = said.tx, said.file.case
        if case.state not in lifecycle.WITHDRAWABLE:
            raise _not_now(case.state)
        # Steps before the case, in the order in which the stages lock them; and once more, for a step that a
        # stage has written while this waited for it.
        tx.ledger.drop(case.id)
        tx.cases.move(case, State.WITHDRAWN, said.now)
        tx.ledger.drop(case.id)
        if said.file.decision is not None:
            tx.reviews.close_questions(case.id, "taken_back", said.now)
            tx.reviews.end(case.id, VENDOR, said.now)
        said.event("application.withdrawn")
        listed = tx.reviews.listing_of(case.id)
        if listed is not None:
            position = tx.listings.take_out(listed.listing_id, ChangeKind.WITHDRAWN, said.now, WITHDRAWN)
            listing = str(listed.listing_id)
            said.event("listing.withdrawn", listing=listing, position=position, reason=WITHDRAWN)
        return State.WITHDRAWN

    def _answer(self, said: _Said) -> State:
        tx, case = said.tx, said.file.case
        question = UUID(said.data["question"])
        # The timer before the questions and the case, in the order in which the timer's stage locks them.
        tx.ledger.drop_timers(case.id, [Timer.QUESTION])
        answered = tx.reviews.close_questions(
            case.id, "answered", said.now, only=question, message=said.message.id
        )
        if answered != 1:
            raise refused(
                "question",
                "not_open",
                "回答待ちの質問に該当しません。",
                "No such question is open.",
            )
        said.event("question.answered", question=str(question))
        still_open = [one.due_on for one in tx.reviews.questions(case.id) if one.outcome == "open"]
        if still_open:
            tx.ledger.add([timer(case, Timer.QUESTION, end_of(min(still_open)))])
            return tx.cases.touch(case, said.now).state
        assert said.file.decision is not None, "questions are asked of what was judged"
        reason = said.file.decision.judgement.reason
        moved = tx.cases.move(case, State.REFERRED, said.now, reason=reason)
        record = tx.reviews.of(case.id)
        assert record is not None, "questions are asked of what people have"
        wait(tx, record, WaitsFor.REVIEWER, said.now)
        return moved.state

    def _appeal(self, said: _Said) -> State:
        tx, file, case = said.tx, said.file, said.file.case
        decision, since = self._appealable(said)
        appeal = Appeal(
            id=new_id(),
            case_id=case.id,
            decision=decision.number,
            against=case.state,
            since=since,
            policy=tuple(decision.judgement.outcome.get("policy", ())),
            grounds=str(said.data["grounds"]),
            submitted_at=said.now,
        )
        reason = decision.judgement.reason
        moved = tx.cases.move(case, State.APPEALED, said.now, reason=reason)
        tx.reviews.end(case.id, VENDOR, said.now)
        if not tx.reviews.appeal(appeal, said.message.id):
            raise _appealed_before()
        days = self.times.appeal_days_to_decide
        record = referred(file, decision, said.now, self.times)
        record = replace(record, target_days=days, due_at=self.times.due(said.now, days))
        tx.reviews.refer(record, in_the_way(decision))
        said.event("appeal.submitted", appeal=str(appeal.id), decision=decision.number, policy=appeal.policy)
        return moved.state

    def _appealable(self, said: _Said) -> tuple[Decision, datetime]:
        """The decision that may be appealed against, and since when the time for it runs."""
        case, decision = said.file.case, said.file.decision
        if case.state not in APPEALABLE or decision is None:
            raise _not_now(case.state)
        if said.data["decision"] != decision.number:
            raise refused(
                "decision",
                "not_in_force",
                f"現在の判定は第{decision.number}号です。",
                f"The decision in force is number {decision.number}.",
            )
        appeals = said.tx.reviews.appeals(case.id)
        since = appeal_period_from(said.file, said.tx.reviews.proposals(case.id))
        if was_appealed(said.file, since, appeals):
            raise _appealed_before()
        if day_of(said.now) > self.times.appeal_by(since):
            raise refused(
                "application",
                "too_late",
                "異議申立ての期間を過ぎています。",
                "The time for it is over.",
            )
        return decision, since


def appeal_period_from(file: CaseFile, proposals: Sequence[Proposal]) -> datetime:
    """The moment from which the time for an appeal runs: that of the rejection, or of the suspension."""
    assert file.decision is not None, "what can be appealed against was decided"
    if file.case.state is State.REJECTED:
        return file.decision.decided_at
    suspended = (one for one in proposals if one.act is Act.SUSPEND and one.state is ProposalState.CONFIRMED)
    return max((one.closed_at for one in suspended if one.closed_at), default=file.case.changed_at)


def was_appealed(file: CaseFile, since: datetime, appeals: tuple[Appeal, ...]) -> bool:
    """Whether this rejection or suspension was appealed against, or is itself the answer to an appeal."""
    assert file.decision is not None, "what can be appealed against was decided"
    if any(one.against is file.case.state and one.since == since for one in appeals):
        return True
    return file.case.state is State.REJECTED and settles_an_appeal(file.decision, appeals)


def settles_an_appeal(decision: Decision, appeals: tuple[Appeal, ...]) -> bool:
    """Whether a decision dismissed an appeal against the one before: that is not appealed once more."""
    return any(
        one.state is AppealState.DISMISSED
        and one.against is State.REJECTED
        and one.decision + 1 == decision.number
        for one in appeals
    )


def refused(member: str, code: str, ja: str, en: str) -> Problem:
    """The problem of a message that the case does not allow, at one member of its data."""
    return Problem(MESSAGE_INVALID, violations=[Violation(f"/data/{member}", code, Text(ja, en))])


def _not_now(state: State) -> Problem:
    ja, en = lifecycle.MEANING[state]
    return refused(
        "application",
        "not_in_this_state",
        f"申請の状態（{ja}）では受け付けられません。",
        f"The application's state does not allow this ({en}).",
    )


def _appealed_before() -> Problem:
    return refused(
        "decision",
        "appealed_before",
        "この判定への異議申立ては既に行われています。",
        "This decision was appealed against before.",
    )
