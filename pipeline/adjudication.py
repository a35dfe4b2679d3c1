"""Adjudication: read the captures, freeze the dossier, let the policy judge, decide.

Approve and reject are the policy's. Whatever it cannot settle is referred to a person, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipeline.calendar import end_of
from pipeline.collection import retry_step
from pipeline.errors import SourceChanged
from pipeline.identifiers import new_id
from pipeline.lifecycle import State
from pipeline.model import (
    Case,
    CaseFile,
    ChangeKind,
    Check,
    CheckState,
    Decision,
    Event,
    Evidence,
    Gap,
    Progress,
    Stage,
    Step,
    Verdict,
)
from pipeline.ports import Clock, Memory, Policy, Sources, Transaction
from pipeline.review.clock import Timer, in_the_way, leave, referred, timer, wait
from pipeline.review.model import WaitsFor
from pipeline.review.policy import ReviewTimes
from pipeline.schedule import RetrySchedule
from pipeline.waivers import in_force

_STATE_AFTER = {
    Verdict.APPROVE: State.APPROVED,
    Verdict.REJECT: State.REJECTED,
    Verdict.REVIEW: State.REFERRED,
}


@dataclass(frozen=True, slots=True)
class Adjudication:
    """The stage, with what it needs. ``lease`` is as in :class:`pipeline.collection.Collection`.

    ``times`` says when a referred case is due.
    """

    memory: Memory
    sources: Sources
    policy: Policy
    clock: Clock
    schedule: RetrySchedule
    lease: timedelta
    times: ReviewTimes = field(default_factory=ReviewTimes)

    def __call__(self, file: CaseFile, step: Step) -> Progress:
        """Decide the case, or ask a source again whose answer could not be read."""
        now = self.clock.now()
        evidence: list[Evidence] = []
        gaps: list[Gap] = []
        again: list[Check] = []
        for check in file.checks:
            if check.capture is None:
                gaps.append(_gap(check, check.reason))
                continue
            try:
                evidence.append(self.sources.read(check.inquiry, check.capture))
            except SourceChanged as error:
                next_try_at = self.schedule.next_reading(check.tries, now)
                if next_try_at is None:
                    gaps.append(_gap(check, error.reason))
                else:
                    again.append(
                        Check(check.inquiry, CheckState.WAITING, check.tries, error.reason, next_try_at)
                    )
        if again:
            return self._ask_again(file, step, again, now)
        return self._decide(file, step, evidence, gaps, now)

    def _ask_again(self, file: CaseFile, step: Step, again: Sequence[Check], now: datetime) -> Progress:
        with self.memory.write() as tx:
            if not tx.ledger.finish(step):
                return Progress(file, None, "done already")
            tx.cases.record(file.case, again)
            case = tx.cases.move(file.case, State.COLLECTING, now, outstanding=len(again))
            tx.ledger.add([retry_step(case, check) for check in again])
            unreadable = [
                {"source": check.inquiry.source, "role": check.inquiry.role, "reason": check.reason}
                for check in again
            ]
            tx.journal.write(
                [Event(case.id, "answers.unreadable", "adjudication", now, {"answers": unreadable})]
            )
        return Progress(replace(file, case=case), None, "an answer could not be read, asked again later")

    def _decide(
        self, file: CaseFile, step: Step, evidence: Sequence[Evidence], gaps: Sequence[Gap], now: datetime
    ) -> Progress:
        dossier = self.policy.assemble(file.application.document, evidence, gaps, now)
        if file.waivers:
            dossier = replace(dossier, waivers=in_force(file.waivers, now))
        judgement = self.policy.judge(dossier)
        decision = Decision(
            id=new_id(),
            case_id=file.case.id,
            number=1 if file.decision is None else file.decision.number + 1,
            by="policy",
            decided_at=now,
            judgement=judgement,
            dossier=dossier,
        )
        case = file.case
        following = None
        if judgement.verdict is Verdict.APPROVE:
            following = Step(new_id(), case.id, case.reference, Stage.PUBLICATION, now + self.lease)
        with self.memory.write() as tx:
            if not tx.ledger.finish(step, following):
                return Progress(file, None, "done already")
            tx.decisions.add(decision)
            case = tx.cases.move(case, _STATE_AFTER[judgement.verdict], now, reason=judgement.reason)
            if judgement.verdict is Verdict.REVIEW:
                self._refer(tx, file, decision, now)
            if file.decision is not None:
                _follow_up(tx, file, decision, now)
            if dossier.waivers:
                _time_overrides(tx, case, decision)
            tx.journal.write([_decided(decision)])
        word = str(case.state) + (f": {judgement.reason}" if judgement.reason else "")
        return Progress(replace(file, case=case, decision=decision), following, word)

    def _refer(self, tx: Transaction, file: CaseFile, decision: Decision, now: datetime) -> None:
        """A case comes to people: for the first time, or again, and then its clock goes on."""
        before = file.decision
        record = None
        if before is not None and before.judgement.verdict is Verdict.REVIEW:
            record = tx.reviews.of(file.case.id)
        if record is None:
            record = referred(file, decision, now, self.times)
        else:
            record = wait(tx, record, WaitsFor.REVIEWER, now)
        tx.reviews.refer(record, in_the_way(decision))


def _follow_up(tx: Transaction, file: CaseFile, decision: Decision, now: datetime) -> None:
    """What a later decision changes besides: the place in the queue, and a listing that stands."""
    if decision.judgement.verdict is not Verdict.REVIEW:
        record = tx.reviews.of(file.case.id)
        if record is not None and record.waits_for is not None:
            leave(tx, record, now)
    if decision.judgement.verdict is not Verdict.APPROVE:
        listed = tx.reviews.listing_of(file.case.id)
        if listed is not None:
            reason = decision.judgement.reason
            position = tx.listings.take_out(listed.listing_id, ChangeKind.SUSPENDED, now, reason)
            data = {"listing": str(listed.listing_id), "position": position, "reason": reason}
            tx.journal.write([Event(file.case.id, "listing.suspended", "adjudication", now, data)])


def _time_overrides(tx: Transaction, case: Case, decision: Decision) -> None:
    """When the first override ends that this decision rests on, the case is judged again."""
    used = {
        result["waived"]["id"]
        for result in decision.judgement.outcome.get("results", ())
        if "waived" in result
    }
    ends = [waiver.until for waiver in decision.dossier.waivers if str(waiver.id) in used and waiver.until]
    tx.ledger.drop_timers(case.id, [Timer.OVERRIDE])
    if ends:
        tx.ledger.add([timer(case, Timer.OVERRIDE, end_of(min(ends)))])


def _gap(check: Check, reason: str) -> Gap:
    inquiry = check.inquiry
    return Gap(inquiry.source, inquiry.role, inquiry.subject, reason)


def _decided(decision: Decision) -> Event:
    return Event(
        decision.case_id,
        "case.decided",
        decision.by,
        decision.decided_at,
        {
            "number": decision.number,
            "verdict": str(decision.judgement.verdict),
            "reason": decision.judgement.reason,
            "dossier": decision.dossier.digest,
        },
    )
