"""Collection: ask the sources and keep what they answer, before anybody reads it.

A case comes by the *express lane*: all its sources are asked at once, and if all answer it goes on in the
same task. Whoever does not answer is left to its *source lane*, a step of its own with its own time; the
source that settles last takes the case on.

In its lane a source that takes several inquiries in one request is asked for all the cases that wait for it,
and each of them is settled in its own transaction. What was asked just now, for whichever case, is not asked
again (:mod:`pipeline.freshness`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pipeline.errors import StaleCase
from pipeline.freshness import Freshness, Purpose
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
    Unanswered,
)
from pipeline.ports import Clock, Memory, Sources
from pipeline.schedule import RetrySchedule

_ALONE = frozenset({"refused", "too_large", "timeout", "fault", "source_changed"})
"""Reasons that may lie in one of the questions of a request: whoever has met one is asked about alone."""


_LEAST_SPACING = timedelta(milliseconds=20)
"""However many wait for a source, their steps come at most so often to find out that it takes no more."""


@dataclass(frozen=True, slots=True)
class _Try:
    """A step of a source lane with the check that it tries again."""

    file: CaseFile
    step: Step
    check: Check


@dataclass(frozen=True, slots=True)
class Collection:
    """The stage, with what it needs.

    ``patience`` is how long the express lane waits for its slowest source; ``lease`` how long whoever does a
    step at once has before the sweeper sends it again; ``freshness`` how long answers may be used again.
    """

    memory: Memory
    sources: Sources
    clock: Clock
    schedule: RetrySchedule
    patience: timedelta
    lease: timedelta
    freshness: Freshness = field(default_factory=Freshness)

    def __call__(self, file: CaseFile, step: Step) -> Progress:
        """Ask whom the step names, or everybody where it names nobody."""
        if step.source is None:
            return self._ask_all(file, step)
        return self._ask_again(file, step)

    def _ask_all(self, file: CaseFile, step: Step) -> Progress:
        inquiries = self.sources.plan(file.application.document)
        answers: dict[tuple[str, str], Answer] = dict(self._fresh(file, inquiries))
        reused = frozenset(answers)
        asked = [inquiry for inquiry in inquiries if inquiry.key not in reused]
        came = self.sources.ask(asked, patience=self.patience)
        answers |= {inquiry.key: answer for inquiry, answer in zip(asked, came, strict=True)}
        now = self.clock.now()
        checks = tuple(
            self._check(inquiry, answers[inquiry.key], tries=0, now=now, reused=inquiry.key in reused)
            for inquiry in inquiries
        )
        waiting = [check for check in checks if check.state is CheckState.WAITING]
        following = None if waiting else self._adjudication(file.case, now + self.lease)
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
        tries = self._tries(file, step)
        answers: list[Answer | None] = [self._fresh_again(each) for each in tries]
        reused = [answer is not None for answer in answers]
        asked = [each.check.inquiry for each, answer in zip(tries, answers, strict=True) if answer is None]
        came = iter(self.sources.ask(asked) if asked else ())
        together = len(asked) > 1
        progress = None
        for each, known, again in zip(tries, answers, reused, strict=True):
            answer = next(came) if known is None else known
            if each.step.id == step.id:
                progress = self._settle(each, answer, reused=again, together=together, at_once=True)
            else:
                self._settle_other(each, answer, reused=again, together=together)
        assert progress is not None
        return progress

    def _tries(self, file: CaseFile, step: Step) -> list[_Try]:
        """The step's own try, and those of other cases that go into the same request."""
        own = _Try(file, step, _check_of(file, step))
        batch = self.sources.pace(own.check.inquiry.source).batch
        if batch <= 1 or own.check.reason in _ALONE:
            return [own]
        with self.memory.write() as tx:
            claimed = tx.ledger.claim_lane(step, self.clock.now(), self.lease, batch - 1)
            loaded = [tx.ledger.load(other.id) for other in claimed]
        others = [_Try(each[1], each[0], _check_of(each[1], each[0])) for each in loaded if each is not None]
        return [own, *(each for each in others if each.check.reason not in _ALONE)]

    def _settle_other(self, each: _Try, answer: Answer, *, reused: bool, together: bool) -> None:
        try:
            self._settle(each, answer, reused=reused, together=together, at_once=False)
        except StaleCase:
            return  # somebody moved that case meanwhile; if its step is still due, it is done alone

    def _settle(self, each: _Try, answer: Answer, *, reused: bool, together: bool, at_once: bool) -> Progress:
        file, step, check = each.file, each.step, each.check
        now = self.clock.now()
        if isinstance(answer, Unanswered) and answer.reason == "deferred":
            return self._put_off(each, answer, now)
        renewed = self._check(
            check.inquiry, answer, tries=check.tries, now=now, reused=reused, together=together
        )
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
                    # Who settles another's case leaves what follows to the sweeper, at once.
                    following = self._adjudication(case, now + self.lease if at_once else now)
                    tx.ledger.add([following])
            tx.journal.write([_asked(case, [renewed], now)])
        if following is not None and at_once:
            # Other checks may have settled since the file was read: the next stage needs them all.
            with self.memory.read() as tx:
                file = tx.cases.file(case.id)
            if file.case.version != case.version:
                raise StaleCase(f"{case.reference} has moved on")
        return Progress(file, following, word)

    def _put_off(self, each: _Try, deferred: Unanswered, now: datetime) -> Progress:
        """Nobody was asked: nothing has happened that the case should tell of. Its turn comes later."""
        source = each.check.inquiry.source
        pace = self.sources.pace(source)
        with self.memory.write() as tx:
            spacing = max(pace.spacing, _LEAST_SPACING)
            queue = spacing * (tx.ledger.waiting(source) / pace.batch)
            turn = replace(
                each.step, id=new_id(), due_at=self.schedule.next_turn(now, deferred, queue), sends=0
            )
            if not tx.ledger.finish(each.step, turn):
                return Progress(each.file, None, "done already")
        return Progress(each.file, None, f"{source} takes no more just now, asked shortly")

    def _fresh(self, file: CaseFile, inquiries: Sequence[Inquiry]) -> dict[tuple[str, str], Capture]:
        """Answers to these questions that are fresh enough for this case."""
        now = self.clock.now()
        purpose = purpose_of(file)
        since = {
            inquiry.source: self.freshness.not_before(inquiry.source, purpose, now)
            for inquiry in inquiries
            if inquiry.question
        }
        not_before = {source: moment for source, moment in since.items() if moment is not None}
        if not not_before:
            return {}
        with self.memory.read() as tx:
            fresh = tx.cases.fresh_answers(inquiries, not_before)
        return {inquiry.key: fresh[inquiry.question] for inquiry in inquiries if inquiry.question in fresh}

    def _fresh_again(self, each: _Try) -> Capture | None:
        """As :meth:`_fresh`; but what could not be read, or a person wants anew, is asked for again."""
        if each.check.reason in {"source_changed", "asked_again"}:
            return None
        return self._fresh(each.file, [each.check.inquiry]).get(each.check.inquiry.key)

    def _check(
        self,
        inquiry: Inquiry,
        answer: Answer,
        *,
        tries: int,
        now: datetime,
        reused: bool,
        together: bool = False,
    ) -> Check:
        if isinstance(answer, Capture):
            tried = tries if reused else tries + 1
            return Check(inquiry, CheckState.ANSWERED, tried, capture=answer, reused=reused)
        if together and answer.reason in _ALONE:
            # What may lie in another's question is not held against this one: it is asked alone, shortly.
            next_turn = self.schedule.next_turn(now, answer)
            return Check(inquiry, CheckState.WAITING, tries, reason=answer.reason, next_try_at=next_turn)
        tried = tries if answer.reason == "deferred" else tries + 1
        next_try_at = self.schedule.next_try(tried, now, answer)
        state = CheckState.GIVEN_UP if next_try_at is None else CheckState.WAITING
        return Check(inquiry, state, tried, reason=answer.reason, next_try_at=next_try_at)

    def _adjudication(self, case: Case, due_at: datetime) -> Step:
        return Step(new_id(), case.id, case.reference, Stage.ADJUDICATION, due_at)


def purpose_of(file: CaseFile) -> Purpose:
    """What the sources of a case are asked for."""
    return Purpose.FIRST if file.application.supersedes is None else Purpose.CORRECTION


def _check_of(file: CaseFile, step: Step) -> Check:
    return next(check for check in file.checks if check.inquiry.key == (step.source, step.role))


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
            **({"reused": True} if check.reused else {}),
        }
        for check in checks
    ]
    return Event(case.id, "sources.asked", "collection", now, {"answers": answers})
