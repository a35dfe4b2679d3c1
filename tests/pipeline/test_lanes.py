"""Answers that are used again while fresh, and source lanes that ask for several cases in one request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from pipeline.freshness import Ages, Freshness, Purpose
from pipeline.lifecycle import State
from pipeline.model import CheckState, Pace, Stage, Unanswered
from pipeline.schedule import RetrySchedule
from storage import tables as t

World = Any

HOUR = timedelta(hours=1)
NUMBERS = ["7000012050002", "5010001114017", "8700110005901", "1180301018771"]


def with_freshness(world: World, freshness: Freshness) -> None:
    world.sources.with_questions = True
    stages = world.verification.stages
    stages[Stage.COLLECTION] = replace(stages[Stage.COLLECTION], freshness=freshness)


def check(world: World, step: Any, source: str) -> Any:
    return next(c for c in world.file(step.case_id).checks if c.inquiry.source == source)


def answers_waiting(world: World, count: int, says: str = "server_error") -> list[Any]:
    """Cases that wait for jp.nta, all due."""
    steps = []
    for number in NUMBERS[:count]:
        world.sources.script["jp.nta"].append(says)
        steps.append(world.receive(number))
        world.verification.carry_on(steps[-1].id)
    world.clock.advance(timedelta(seconds=10))
    world.sources.requests.clear()
    return steps


def test_what_was_asked_just_now_is_not_asked_again_and_shows_its_own_time(world: World) -> None:
    with_freshness(world, Freshness(Ages(first=HOUR)))
    first = world.receive()
    world.verification.carry_on(first.id)
    captured_at = world.clock.now()
    world.clock.advance(HOUR)
    world.sources.asked.clear()
    second = world.receive(code="video")
    assert world.verification.carry_on(second.id) == "listed"
    assert world.sources.asked == []
    for one in world.file(second.case_id).checks:
        assert (one.state, one.reused, one.tries) == (CheckState.ANSWERED, True, 0)
        assert one.capture.fetched_at == captured_at
    assert not check(world, first, "jp.nta").reused
    evidence = world.file(second.case_id).decision.dossier.evidence
    assert {answered.observed_at for answered in evidence} == {captured_at}
    with world.memory.read() as tx:
        [asked] = [e for e in tx.journal.of_case(second.case_id) if e.name == "sources.asked"]
    assert [answer["reused"] for answer in asked.data["answers"]] == [True, True]


def test_an_answer_beyond_its_age_is_never_used(world: World) -> None:
    with_freshness(world, Freshness(Ages(first=HOUR)))
    world.verification.carry_on(world.receive().id)
    world.clock.advance(HOUR + timedelta(microseconds=1))
    world.sources.asked.clear()
    later = world.receive(code="video")
    world.verification.carry_on(later.id)
    assert sorted(world.sources.asked) == [("int.gleif", "vendor"), ("jp.nta", "vendor")]
    # Using an answer again does not make it younger: the age counts from the capture.
    world.clock.advance(HOUR)
    third = world.receive(code="audio")
    world.verification.carry_on(third.id)
    assert (
        check(world, third, "jp.nta").capture.fetched_at == check(world, later, "jp.nta").capture.fetched_at
    )
    world.clock.advance(timedelta(seconds=1))
    fourth = world.receive(code="maps")
    world.verification.carry_on(fourth.id)
    assert not check(world, fourth, "jp.nta").reused


def test_each_source_and_purpose_has_an_age_of_its_own(world: World) -> None:
    day = timedelta(hours=24)
    never = Ages(timedelta(0), timedelta(0), timedelta(0))
    with_freshness(world, Freshness(Ages(timedelta(0), day, day), {"int.gleif": never}))
    first = world.receive()
    world.verification.carry_on(first.id)
    world.sources.asked.clear()
    again = world.receive(code="video")
    world.verification.carry_on(again.id)
    assert len(world.sources.asked) == 2  # a first verification asks in any case

    world.clock.advance(timedelta(hours=23))
    world.sources.asked.clear()
    correction = world.receive(code="audio")
    with world.database.write() as connection:
        connection.execute(
            update(t.applications)
            .where(t.applications.c.id == world.file(correction.case_id).application.id)
            .values(supersedes=world.file(first.case_id).application.id)
        )
    world.verification.carry_on(correction.id)
    assert world.sources.asked == [("int.gleif", "vendor")]
    assert check(world, correction, "jp.nta").reused


def test_another_question_is_asked(world: World) -> None:
    with_freshness(world, Freshness())
    world.verification.carry_on(world.receive(NUMBERS[0]).id)
    world.sources.asked.clear()
    other = world.receive(NUMBERS[1])
    world.verification.carry_on(other.id)
    assert len(world.sources.asked) == 2
    assert not check(world, other, "jp.nta").reused


def test_an_unreadable_answer_is_asked_for_again_whatever_its_age(world: World) -> None:
    with_freshness(world, Freshness())
    world.sources.script["jp.nta"] = ["unreadable"]
    step = world.receive()
    world.verification.carry_on(step.id)
    world.sources.asked.clear()
    world.clock.advance(timedelta(seconds=10))
    assert world.sweep() == ["listed"]
    assert world.sources.asked == [("jp.nta", "vendor")]


def test_a_waiting_case_takes_the_answer_that_another_got_meanwhile(world: World) -> None:
    with_freshness(world, Freshness())
    world.sources.script["jp.nta"] = ["timeout"]
    waiting = world.receive()
    world.verification.carry_on(waiting.id)
    world.verification.carry_on(world.receive(code="video").id)
    world.sources.asked.clear()
    world.clock.advance(timedelta(seconds=10))
    assert world.sweep() == ["listed"]
    assert world.sources.asked == []
    one = check(world, waiting, "jp.nta")
    assert (one.state, one.reused, one.tries) == (CheckState.ANSWERED, True, 1)


def test_an_erased_capture_is_not_used_again(world: World) -> None:
    with_freshness(world, Freshness())
    step = world.receive()
    world.verification.carry_on(step.id)
    inquiries = [one.inquiry for one in world.file(step.case_id).checks]
    not_before = {"jp.nta": world.clock.now(), "int.gleif": world.clock.now()}
    with world.memory.read() as tx:
        assert len(tx.cases.fresh_answers(inquiries, not_before)) == 2
        assert tx.cases.fresh_answers(inquiries, {}) == {}
    with world.database.write() as connection:
        connection.execute(update(t.checks).values(capture_id=None))
        connection.execute(t.captures.delete())
    with world.memory.read() as tx:
        assert tx.cases.fresh_answers(inquiries, not_before) == {}


@pytest.mark.parametrize("purpose", list(Purpose))
def test_an_age_of_nothing_has_the_source_asked(world: World, purpose: Purpose) -> None:
    now = world.clock.now()
    ages = {str(each): HOUR for each in Purpose} | {str(purpose): timedelta(0)}
    freshness = Freshness(Ages(**ages))
    for each in Purpose:
        expected = None if each is purpose else now - HOUR
        assert freshness.not_before("jp.nta", each, now) == expected


def test_the_lane_asks_for_all_the_cases_that_wait_in_one_request(world: World) -> None:
    world.sources.paces["jp.nta"] = Pace(batch=10)
    steps = answers_waiting(world, 4)
    [first, *_] = world.steps()
    assert world.verification.carry_on(first.id) == "listed"
    assert [len(request) for request in world.sources.requests] == [4]
    assert all(check(world, step, "jp.nta").state is CheckState.ANSWERED for step in steps)
    # The others were settled, each in a transaction of its own; the sweeper takes them on at once.
    assert world.sweep() == ["listed"] * 3
    assert [world.state(step) for step in steps] == [State.LISTED] * 4
    assert world.steps() == []


def test_a_request_takes_no_more_than_its_source_does(world: World) -> None:
    world.sources.paces["jp.nta"] = Pace(batch=3)
    answers_waiting(world, 4)
    world.sweep()
    assert sorted(len(request) for request in world.sources.requests) == [1, 3]


def test_what_is_not_due_yet_waits(world: World) -> None:
    world.sources.paces["jp.nta"] = Pace(batch=10)
    answers_waiting(world, 2)
    later = world.receive(NUMBERS[2])
    world.sources.script["jp.nta"] = ["server_error"]
    world.verification.carry_on(later.id)
    world.sources.requests.clear()
    world.sweep()
    assert [len(request) for request in world.sources.requests] == [2]
    assert check(world, later, "jp.nta").state is CheckState.WAITING


def test_a_batch_that_fails_leaves_each_case_with_its_own_tries(world: World) -> None:
    world.sources.paces["jp.nta"] = Pace(batch=10)
    steps = answers_waiting(world, 2)
    world.sources.script["jp.nta"] = ["server_error"] * 2
    world.sweep()
    assert [check(world, step, "jp.nta").tries for step in steps] == [2, 2]
    world.clock.advance(timedelta(seconds=20))
    world.sweep()
    world.sweep()
    assert [world.state(step) for step in steps] == [State.LISTED] * 2


@pytest.mark.parametrize("reason", ["refused", "timeout"])
def test_who_was_refused_or_held_up_is_asked_about_alone(world: World, reason: str) -> None:
    """One question that the source refuses does not have the others of its request refused for ever."""
    world.sources.paces["jp.nta"] = Pace(batch=10)
    steps = answers_waiting(world, 3, reason)
    world.sweep()
    assert [len(request) for request in world.sources.requests] == [1, 1, 1]
    assert [world.state(step) for step in steps] == [State.LISTED] * 3


def test_what_may_lie_in_anothers_question_costs_nobody_a_try(world: World) -> None:
    world.sources.paces["jp.nta"] = Pace(batch=10)
    steps = answers_waiting(world, 2)
    before = [check(world, step, "jp.nta").tries for step in steps]
    world.sources.script["jp.nta"] = ["timeout"] * 2
    world.sweep()
    assert [len(request) for request in world.sources.requests] == [2]
    assert [check(world, step, "jp.nta").tries for step in steps] == before
    world.sources.requests.clear()
    world.clock.advance(timedelta(seconds=5))
    world.sweep()
    assert [len(request) for request in world.sources.requests] == [1, 1]
    assert [world.state(step) for step in steps] == [State.LISTED] * 2


def test_a_worker_that_dies_with_a_batch_loses_nothing(world: World) -> None:
    world.sources.paces["jp.nta"] = Pace(batch=10)
    steps = answers_waiting(world, 3)

    def die() -> None:
        raise KeyboardInterrupt

    world.sources.meanwhile = die
    with pytest.raises(KeyboardInterrupt):
        world.sweep()
    world.sources.meanwhile = None
    assert len(world.steps()) == 3
    world.clock.advance(timedelta(seconds=61))
    world.sweep()
    world.sweep()
    assert [world.state(step) for step in steps] == [State.LISTED] * 3
    assert len(world.rows(t.decisions)) == 3


def test_a_batch_that_two_workers_have_settles_each_case_once(world: World) -> None:
    world.sources.paces["jp.nta"] = Pace(batch=10)
    steps = answers_waiting(world, 3)
    first, *_ = world.steps()

    def meanwhile() -> None:
        world.sources.meanwhile = None
        for row in world.steps():
            world.verification.carry_on(row.id)

    world.sources.meanwhile = meanwhile
    assert world.verification.carry_on(first.id) == "done already"
    world.sweep()
    assert [world.state(step) for step in steps] == [State.LISTED] * 3
    assert len(world.rows(t.decisions)) == len(world.rows(t.listing_versions)) == 3


def test_a_case_that_was_moved_meanwhile_does_not_keep_the_others_of_its_batch(world: World) -> None:
    world.sources.paces["jp.nta"] = Pace(batch=10)
    steps = answers_waiting(world, 3)
    first, second, _ = world.steps()

    def withdraw() -> None:
        case = world.file(second.case_id).case
        with world.memory.write() as tx:
            tx.cases.move(case, State.WITHDRAWN, world.clock.now())

    world.sources.meanwhile = withdraw
    assert world.verification.carry_on(first.id) == "listed"
    world.sources.meanwhile = None
    world.sweep()
    states = {step.case_id: world.state(step) for step in steps}
    assert states.pop(second.case_id) is State.WITHDRAWN
    assert set(states.values()) == {State.LISTED}


def test_a_source_that_takes_no_more_just_now_has_not_been_tried(world: World) -> None:
    """Its turn comes within the time that the others before it take; nothing is told of it."""
    world.sources.paces["jp.nta"] = Pace(batch=1, spacing=timedelta(seconds=5))
    steps = answers_waiting(world, 2)
    before = [check(world, step, "jp.nta") for step in steps]
    journal = world.rows(t.journal)
    world.sources.script["jp.nta"] = ["deferred 3", "deferred 3"]
    assert world.sweep() == ["jp.nta takes no more just now, asked shortly"] * 2
    assert [check(world, step, "jp.nta") for step in steps] == before
    assert world.rows(t.journal) == journal
    for row in world.steps():
        assert timedelta(seconds=3) <= row.due_at - world.clock.now() <= timedelta(seconds=13)
        assert row.sends == 0
    world.clock.advance(timedelta(seconds=13))
    assert world.sweep() == ["listed"] * 2


def test_what_failed_together_does_not_come_back_together() -> None:
    delays = (timedelta(seconds=100),)
    chances = iter([0.0, 0.5, 1.0])
    schedule = RetrySchedule(delays, jitter=0.2, chance=lambda: next(chances))
    now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    waits = [schedule.next_try(1, now, Unanswered("timeout")) - now for _ in range(3)]
    assert waits == [timedelta(seconds=seconds) for seconds in (100, 110, 120)]
