"""What becomes due in reviews: a deferral ends, a question's time is over, an override ends.

Timers do not act while a proposal is pending: people are at it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipeline.identifiers import new_id
from pipeline.lifecycle import State
from pipeline.model import Case, CaseFile, Event, Progress, Stage, Step
from pipeline.ports import Clock, Memory, Transaction
from pipeline.review.clock import Timer, timer, wait
from pipeline.review.model import WaitsFor

PUT_OFF = timedelta(hours=1)
"""When an override's end is looked at again that cannot take effect now."""

_COMES_BACK = frozenset({State.APPROVED, State.SUSPENDED, State.APPEALED})
"""States that may lead back to a listing that rests on the override."""


@dataclass(frozen=True, slots=True)
class ReviewTimers:
    """The stage, with what it needs. ``lease`` is as in :class:`pipeline.collection.Collection`."""

    memory: Memory
    clock: Clock
    lease: timedelta

    def __call__(self, file: CaseFile, step: Step) -> Progress:
        """Do what the step's timer says, unless the case has moved on."""
        now = self.clock.now()
        with self.memory.write() as tx:
            if not tx.ledger.finish(step):
                return Progress(file, None, "done already")
            if step.role == Timer.OVERRIDE:
                return self._end_override(tx, file, now)
            case = self._back_to_reviewer(tx, file, str(step.role), now)
            if case is None:
                return Progress(file, None, "not waited for any more")
            tx.journal.write([Event(case.id, f"{step.role}.over", "review", now, {})])
            return Progress(replace(file, case=case), None, str(case.state))

    def _back_to_reviewer(self, tx: Transaction, file: CaseFile, what: str, now: datetime) -> Case | None:
        record = tx.reviews.of(file.case.id)
        if record is None or tx.reviews.pending(file.case.id) is not None:
            return None
        if what == Timer.QUESTION and file.case.state is State.ASKED:
            assert file.decision is not None
            tx.reviews.close_questions(file.case.id, "lapsed", now)
            reason = file.decision.judgement.reason
            case = tx.cases.move(file.case, State.REFERRED, now, reason=reason)
        elif what == Timer.DEFERRAL and record.waits_for is WaitsFor.DATE:
            case = tx.cases.touch(file.case, now)
        else:
            return None
        wait(tx, record, WaitsFor.REVIEWER, now)
        return case

    def _end_override(self, tx: Transaction, file: CaseFile, now: datetime) -> Progress:
        case = file.case
        held = tx.reviews.pending(case.id) is not None
        if held or case.state in _COMES_BACK:
            tx.ledger.add([timer(case, Timer.OVERRIDE, now + PUT_OFF)])
            return Progress(file, None, "put off")
        if case.state is not State.LISTED or tx.reviews.listing_of(case.id) is None:
            return Progress(file, None, "nothing rests on it any more")
        case = tx.cases.move(case, State.ADJUDICATING, now)
        following = Step(new_id(), case.id, case.reference, Stage.ADJUDICATION, now + self.lease)
        tx.ledger.add([following])
        tx.journal.write([Event(case.id, "override.over", "review", now, {})])
        return Progress(replace(file, case=case), following, "an override ended")
