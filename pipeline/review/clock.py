"""A case's place with people: when it is due, whose turn it is, when its clock stands still."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from pipeline.calendar import add_business_days, business_days_between, day_of, end_of, last_day
from pipeline.documents import Json
from pipeline.identifiers import new_id
from pipeline.model import Case, CaseFile, Decision, Stage, Step
from pipeline.ports import Transaction
from pipeline.review.model import ReviewRecord, WaitsFor
from pipeline.review.policy import ReviewTimes


class Timer:
    """What becomes due in a review: the ``role`` of its step."""

    DEFERRAL = "deferral"
    QUESTION = "question"
    OVERRIDE = "override"


def referred(file: CaseFile, decision: Decision, now: datetime, times: ReviewTimes) -> ReviewRecord:
    """The record of a case that comes to people now, its due date by the vendor's track."""
    track, days = times.target(decision.judgement.outcome.get("tracks", {}))
    buyers = file.application.document.get("use", {}).get("buyers", ())
    return ReviewRecord(
        case_id=file.case.id,
        referred_at=now,
        due_at=times.due(now, days),
        target_days=days,
        track=track,
        buyers=tuple(buyers),
        waits_for=WaitsFor.REVIEWER,
    )


def is_in_the_way(result: Json) -> bool:
    """Whether a rule's result keeps an application from being approved."""
    return result["effect"] in {"review", "reject"}


def in_the_way(decision: Decision) -> list[tuple[str, str]]:
    """Rule and reason of each finding that calls for a person or rejects."""
    return [
        (str(result["rule"]), str(result["reason"]))
        for result in decision.judgement.outcome.get("results", ())
        if is_in_the_way(result)
    ]


def wait(
    tx: Transaction,
    record: ReviewRecord,
    waits_for: WaitsFor,
    now: datetime,
    *,
    resumes_on: date | None = None,
) -> ReviewRecord:
    """Whose turn it is from now on. The clock stops and starts as that says, and the span is written down."""
    before, runs = record.stopped_at is None, waits_for.clock_runs
    if not before:
        tx.reviews.resume(record.case_id, now)
    if not runs:
        tx.reviews.stop(record.case_id, waits_for, now)
    changed = replace(record, waits_for=waits_for, resumes_on=resumes_on)
    if before and not runs:
        due_on = last_day(record.due_at)
        changed = replace(changed, stopped_at=now, remaining=business_days_between(day_of(now), due_on))
    elif not before and runs:
        assert record.remaining is not None
        due_at = record.due_at
        if record.remaining >= 0:
            due_at = end_of(add_business_days(day_of(now), record.remaining))
        changed = replace(changed, stopped_at=None, remaining=None, due_at=due_at)
    tx.reviews.save(changed)
    return changed


def leave(tx: Transaction, record: ReviewRecord, now: datetime) -> None:
    """The case is no longer with people."""
    if record.stopped_at is not None:
        tx.reviews.resume(record.case_id, now)
    tx.reviews.save(
        replace(
            record,
            waits_for=None,
            stopped_at=None,
            remaining=None,
            assignee=None,
            claimed_until=None,
            resumes_on=None,
        )
    )


def timer(case: Case, what: str, due_at: datetime) -> Step:
    """The step by which something becomes due in a review."""
    return Step(new_id(), case.id, case.reference, Stage.REVIEW, due_at, role=what)
