"""Collection: ask the sources and keep what they answer, before anybody reads it.

A case comes by the *express lane*: all its sources are asked at once, and if all answer it goes on in the
same task. Whoever does not answer is left to its *source lane*, a step of its own with its own time; the
source that settles last takes the case on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.errors import StaleCase
from pipeline.identifiers import new_id
from pipeline.lifecycle import State
from pipeline.model import (
    Answer,
    Capture,
    Case,
    CaseFile,
    Check,
    CheckState,
    Event,
    Inquiry,
    Progress,
    Stage,
    Step,
)
from pipeline.ports import Clock, Memory, Sources
from pipeline.schedule import RetrySchedule


@dataclass(frozen=True, slots=True)
class Collection:
    """The stage, with what it needs.

    ``patience`` is how long the express lane waits for its slowest source; ``lease`` how long whoever does a
    step at once has before the sweeper sends it again.
    """

    memory: Memory
    sources: Sources
    clock: Clock
    schedule: RetrySchedule
    patience: timedelta
    lease: timedelta

    def __call__(self, file: CaseFile, step: Step) -> Progress:
        """Ask whom the step names, or everybody where it names nobody."""
        if step.source is None:
            return self._ask_all(file, step)
        return self._ask_again(file, step)

    def _ask_all(self, file: CaseFile, step: Step) -> Progress:
        inquiries = self.sources.plan(file.application.document)
        answers = self.sources.ask(inquiries, patience=self.patience)
        now = self.clock.now()
        checks = tuple(
            self._check(inquiry, answer, tries=0, now=now)
            for inquiry, answer in zip(inquiries, answers, strict=True)
        )
        waiting = [check for check in checks if check.state is CheckState.WAITING]
        following = None if waiting else self._adjudication(file.case, now)
        with self.memory.write() as tx:
            if not tx.ledger.finish(step, following):
                return Progress(file, None, "done already")
            tx.cases.record(file.case, checks)
            if waiting:
                case = tx.cases.move(file.case, State.COLLECTING, now, outstanding=len(waiting))
                tx.ledger.add([retry_step(case, check) for check in waiting])
            else:
                case = tx.cases.move(file.case, State.ADJUDICATING, now)
            tx.journal.write([_asked(case, checks, now)])
        word = (
            "waiting for " + ", ".join(check.inquiry.source for check in waiting) if waiting else "collected"
        )
        return Progress(replace(file, case=case, checks=checks), following, word)

    def _ask_again(self, file: CaseFile, step: Step) -> Progress:
        check = next(check for check in file.checks if check.inquiry.key == (step.source, step.role))
        [answer] = self.sources.ask([check.inquiry])
        now = self.clock.now()
        renewed = self._check(check.inquiry, answer, tries=check.tries, now=now)
        following = None
        with self.memory.write() as tx:
            if not tx.ledger.finish(step):
                return Progress(file, None, "done already")
            tx.cases.record(file.case, [renewed])
            case = file.case
            if renewed.state is CheckState.WAITING:
                tx.ledger.add([retry_step(case, renewed)])
                word = f"no answer ({renewed.reason}), asked again later"
            else:
                remaining = tx.cases.settle_one(case, now)
                word = "answered" if renewed.state is CheckState.ANSWERED else f"given up ({renewed.reason})"
                if remaining == 0:
                    case = tx.cases.move(case, State.ADJUDICATING, now)
                    following = self._adjudication(case, now)
                    tx.ledger.add([following])
            tx.journal.write([_asked(case, [renewed], now)])
        if following is not None:
            # Other checks may have settled since the file was read: the next stage needs them all.
            with self.memory.read() as tx:
                file = tx.cases.file(case.id)
            if file.case.version != case.version:
                raise StaleCase(f"{case.reference} has moved on")
        return Progress(file, following, word)

    def _check(self, inquiry: Inquiry, answer: Answer, *, tries: int, now: datetime) -> Check:
        if isinstance(answer, Capture):
            return Check(inquiry, CheckState.ANSWERED, tries + 1, capture=answer)
        tried = tries if answer.reason == "deferred" else tries + 1
        next_try_at = self.schedule.next_try(tried, now, answer)
        state = CheckState.GIVEN_UP if next_try_at is None else CheckState.WAITING
        return Check(inquiry, state, tried, reason=answer.reason, next_try_at=next_try_at)

    def _adjudication(self, case: Case, now: datetime) -> Step:
        return Step(new_id(), case.id, case.reference, Stage.ADJUDICATION, now + self.lease)


def retry_step(case: Case, check: Check) -> Step:
    """The step in the source's own lane that asks a waiting check's question again."""
    assert check.next_try_at is not None
    return Step(
        id=new_id(),
        case_id=case.id,
        reference=case.reference,
        stage=Stage.COLLECTION,
        due_at=check.next_try_at,
        source=check.inquiry.source,
        role=check.inquiry.role,
    )


def _asked(case: Case, checks: Sequence[Check], now: datetime) -> Event:
    answers = [
        {
            "source": check.inquiry.source,
            "role": check.inquiry.role,
            "state": str(check.state),
            **({"capture": check.capture.sha256} if check.capture else {"reason": check.reason}),
        }
        for check in checks
    ]
    return Event(case.id, "sources.asked", "collection", now, {"answers": answers})
