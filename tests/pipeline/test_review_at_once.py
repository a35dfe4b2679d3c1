"""Several people, and the vendor, at one case at the same moment: one is first, the others are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier
from typing import Any

import orjson
import pytest

from pipeline.calendar import end_of
from pipeline.correspondence import Correspondence
from pipeline.errors import StaleCase
from pipeline.identifiers import new_id
from pipeline.intake import Intake
from pipeline.lifecycle import State
from pipeline.people import Person, Role
from pipeline.problems import Problem
from pipeline.review.actions import Review
from pipeline.review.model import Ask, ProposalState, Reason, Refused, Seen
from pipeline.review.policy import ReviewTimes
from storage import tables as t

World = Any

AYA, BEN, CHIE, DAI = (Person(name, Role.REVIEWER) for name in ("aya", "ben", "chie", "dai"))


@pytest.fixture
def review(world: World) -> Review:
    return Review(world.memory, world.clock, ReviewTimes())


def refer(world: World) -> str:
    world.policy.referring = True
    step = world.receive()
    world.verification.carry_on(step.id)
    return str(step.reference)


def file(world: World, reference: str) -> Any:
    with world.memory.read() as tx:
        return tx.cases.by_reference(reference)


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What became of each: its result, or what it raised."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return act()
        except (StaleCase, Refused, Problem) as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def done(results: Sequence[Any]) -> list[Any]:
    return [result for result in results if not isinstance(result, Exception)]


def test_of_reviewers_on_one_page_one_decides(world: World, review: Review) -> None:
    reference = refer(world)
    seen = Seen.of(file(world, reference))
    results = at_once(
        [
            lambda: review.approve(reference, seen, AYA),
            lambda: review.reject(reference, seen, BEN, [Reason("", "OUT_OF_SCOPE")]),
            lambda: review.ask(reference, seen, CHIE, [Ask("EXPLANATION_NEEDED")]),
            lambda: review.defer(reference, seen, DAI, date(2026, 12, 1)),
            lambda: review.ask_source(reference, seen, AYA, "jp.nta", "vendor"),
        ]
    )
    assert len(done(results)) == 1
    assert all(isinstance(result, StaleCase) for result in results if isinstance(result, Exception))
    assert file(world, reference).case.version == seen.version + 1


def test_a_proposal_is_confirmed_once(world: World, review: Review) -> None:
    reference = refer(world)
    proposal = review.approve(reference, Seen.of(file(world, reference)), AYA).proposal
    assert proposal is not None
    seen = Seen.of(file(world, reference))
    results = at_once(
        [
            lambda: review.confirm(reference, seen, BEN, proposal.id),
            lambda: review.confirm(reference, seen, CHIE, proposal.id),
            lambda: review.send_back(reference, seen, DAI, proposal.id),
            lambda: review.cancel(reference, seen, AYA, proposal.id),
        ]
    )
    assert len(done(results)) == 1
    [row] = world.rows(t.proposals)
    assert row.state != ProposalState.PENDING
    assert len(world.rows(t.decisions)) == (2 if row.state == ProposalState.CONFIRMED else 1)


def test_a_correction_and_a_decision_meet(world: World, review: Review) -> None:
    reference = refer(world)
    before = file(world, reference)
    seen = Seen.of(before)
    document = {**before.application.document, "supersedes": str(before.application.id)}
    body = orjson.dumps({"type": "application.submitted", "data": document})
    intake = Intake(world.memory, world.clock, timedelta(seconds=30))
    at_once(
        [
            lambda: review.reject(reference, seen, AYA, [Reason("", "OUT_OF_SCOPE")]),
            lambda: intake.accept(world.sender_id, "c", body, {"data": document}),
        ]
    )
    state = file(world, reference).case.state
    opened = len(world.rows(t.cases)) == 2
    assert state is (State.SUPERSEDED if opened else State.REJECTED)
    assert len(world.rows(t.decisions)) == (1 if opened else 2)


def test_a_vendors_message_that_comes_many_times_at_once_is_done_once(world: World, review: Review) -> None:
    reference = refer(world)
    review.ask(reference, Seen.of(file(world, reference)), AYA, [Ask("EXPLANATION_NEEDED")])
    [question] = review.view(reference, AYA).questions
    application = str(file(world, reference).application.id)
    data = {"application": application, "question": str(question.id), "answer": "はい"}
    document = {"type": "question.answered", "data": data}
    body = orjson.dumps(document)
    stage = Correspondence(world.memory, world.clock, ReviewTimes())
    results = at_once([lambda: stage.accept(world.sender_id, "m", body, document)] * 6)
    assert sorted(result.repeated for result in done(results)) == [False, *[True] * 5]
    assert file(world, reference).case.state is State.REFERRED
    assert len(world.rows(t.vendor_messages)) == 1


def test_two_answers_at_once_bring_the_case_back(world: World, review: Review) -> None:
    reference = refer(world)
    asks = [Ask("EXPLANATION_NEEDED"), Ask("EXPLANATION_NEEDED", "/contract")]
    review.ask(reference, Seen.of(file(world, reference)), AYA, asks)
    application = str(file(world, reference).application.id)
    stage = Correspondence(world.memory, world.clock, ReviewTimes())

    def answer(question: Any) -> Callable[[], Any]:
        data = {"application": application, "question": str(question.id), "answer": "はい"}
        document = {"type": "question.answered", "data": data}
        return lambda: stage.accept(world.sender_id, str(new_id()), orjson.dumps(document), document)

    results = at_once([answer(question) for question in review.view(reference, AYA).questions])
    assert len(done(results)) == 2
    assert file(world, reference).case.state is State.REFERRED
    assert [step.role for step in world.steps()] == []


def test_the_last_moment_of_a_question_is_the_answers_or_the_timers(world: World, review: Review) -> None:
    reference = refer(world)
    due_on = date(2026, 11, 10)
    asks = [Ask("EXPLANATION_NEEDED")]
    review.ask(reference, Seen.of(file(world, reference)), AYA, asks, due_on=due_on)
    [question] = review.view(reference, AYA).questions
    application = str(file(world, reference).application.id)
    data = {"application": application, "question": str(question.id), "answer": "はい"}
    document = {"type": "question.answered", "data": data}
    stage = Correspondence(world.memory, world.clock, ReviewTimes())
    world.clock.moment = end_of(due_on)
    [step] = world.steps()
    at_once(
        [
            lambda: stage.accept(world.sender_id, "m", orjson.dumps(document), document),
            lambda: world.verification.carry_on(step.id),
        ]
    )
    assert (file(world, reference).case.state, world.steps()) == (State.REFERRED, [])
    [closed] = review.view(reference, AYA).questions
    assert closed.outcome == ("answered" if world.rows(t.vendor_messages) else "lapsed")
