"""Adjudication: read the captures, freeze the dossier, let the policy judge, decide.

Approve and reject are the policy's. Whatever it cannot settle is referred to a person, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.collection import retry_step
from pipeline.errors import SourceChanged
from pipeline.identifiers import new_id
from pipeline.lifecycle import State
from pipeline.model import (
    CaseFile,
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
from pipeline.ports import Clock, Memory, Policy, Sources
from pipeline.schedule import RetrySchedule

_STATE_AFTER = {
    Verdict.APPROVE: State.APPROVED,
    Verdict.REJECT: State.REJECTED,
    Verdict.REVIEW: State.REFERRED,
}


@dataclass(frozen=True, slots=True)
class Adjudication:
    """The stage, with what it needs. ``lease`` is as in :class:`pipeline.collection.Collection`."""

    memory: Memory
    sources: Sources
    policy: Policy
    clock: Clock
    schedule: RetrySchedule
    lease: timedelta

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
        judgement = self.policy.judge(dossier)
        decision = Decision(
            id=new_id(),
            case_id=file.case.id,
            number=1,
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
            tx.journal.write([_decided(decision)])
        word = str(case.state) + (f": {judgement.reason}" if judgement.reason else "")
        return Progress(replace(file, case=case, decision=decision), following, word)


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
