"""The way of a case through the stages, on both databases, with scripted sources."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pipeline.errors import LifecycleError, StaleCase
from pipeline.lifecycle import State
from pipeline.model import CheckState
from storage import tables as t

World = Any


def test_a_case_whose_sources_all_answer_is_listed_in_one_go(world: World) -> None:
    step = world.receive()
    assert world.verification.carry_on(step.id) == "listed"
    file = world.file(step.case_id)
    assert file.case.state is State.LISTED
    assert [check.state for check in file.checks] == [CheckState.ANSWERED, CheckState.ANSWERED]
    assert world.steps() == []
    with world.memory.read() as tx:
        [change] = tx.listings.changes(0, 10)
        names = [event.name for event in tx.journal.of_case(step.case_id)]
    assert (change.position, change.kind, change.listing.version) == (1, "published", 1)
    assert names == ["sources.asked", "case.decided", "listing.published"]


def test_a_company_that_no_register_has_is_rejected(world: World) -> None:
    world.sources.script["jp.nta"] = ["absent"]
    step = world.receive()
    assert world.verification.carry_on(step.id) == "rejected: NOT_FOUND"
    assert world.state(step) is State.REJECTED
    assert world.steps() == []
    assert world.rows(t.listing_changes) == []


def test_a_source_that_fails_is_asked_again_alone_and_takes_the_case_on(world: World) -> None:
    world.sources.script["jp.nta"] = ["server_error"]
    step = world.receive()
    assert world.verification.carry_on(step.id) == "waiting for jp.nta"
    file = world.file(step.case_id)
    waiting = next(check for check in file.checks if check.state is CheckState.WAITING)
    assert waiting.next_try_at == world.clock.now() + timedelta(seconds=10)
    assert world.sweep() == []

    world.sources.asked.clear()
    world.clock.advance(timedelta(seconds=10))
    assert world.sweep() == ["listed"]
    assert world.sources.asked == [("jp.nta", "vendor")]


def test_retry_after_is_honoured_where_it_is_longer(world: World) -> None:
    world.sources.script["jp.nta"] = ["rate_limited 300"]
    step = world.receive()
    world.verification.carry_on(step.id)
    world.clock.advance(timedelta(seconds=299))
    assert world.sweep() == []
    world.clock.advance(timedelta(seconds=1))
    assert world.sweep() == ["listed"]


def test_a_source_that_stays_silent_is_given_up_and_a_person_is_asked(world: World) -> None:
    world.sources.script["jp.nta"] = ["timeout"] * 10
    step = world.receive()
    world.verification.carry_on(step.id)
    world.run_until_quiet()
    file = world.file(step.case_id)
    assert file.case.state is State.REFERRED
    given_up = next(check for check in file.checks if check.state is CheckState.GIVEN_UP)
    assert (given_up.reason, given_up.tries) == ("timeout", 3)
    assert file.decision is not None
    assert [gap.reason for gap in file.decision.dossier.gaps] == ["timeout"]


def test_a_source_that_was_not_waited_for_has_not_been_tried(world: World) -> None:
    world.sources.script["jp.nta"] = ["deferred"]
    step = world.receive()
    assert world.verification.carry_on(step.id) == "waiting for jp.nta"
    assert next(c for c in world.file(step.case_id).checks if c.state is CheckState.WAITING).tries == 0
    assert world.sweep() == []
    world.clock.advance(timedelta(seconds=1))
    assert world.sweep() == ["listed"]


def test_an_unreadable_answer_is_fetched_once_more_and_then_goes_to_a_person(world: World) -> None:
    world.sources.script["jp.nta"] = ["unreadable", "unreadable"]
    step = world.receive()
    assert world.verification.carry_on(step.id) == "an answer could not be read, asked again later"
    assert world.state(step) is State.COLLECTING
    world.clock.advance(timedelta(seconds=10))
    assert world.sweep() == ["referred: NOT_CHECKED"]
    file = world.file(step.case_id)
    assert [gap.reason for gap in file.decision.dossier.gaps] == ["source_changed"]
    # Both answers are kept, read or not.
    assert len([row for row in world.rows(t.captures) if row.source == "jp.nta"]) == 2


def test_two_lanes_settle_in_either_order_and_only_the_last_takes_the_case_on(world: World) -> None:
    world.sources.script = world.sources.script | {"jp.nta": ["timeout"], "int.gleif": ["timeout"]}
    step = world.receive()
    world.verification.carry_on(step.id)
    world.clock.advance(timedelta(seconds=10))
    assert sorted(world.sweep()) == ["answered", "listed"]
    assert len(world.rows(t.decisions)) == 1


def test_a_step_that_is_done_twice_changes_nothing_the_second_time(world: World) -> None:
    step = world.receive()
    world.verification.carry_on(step.id)
    before = [world.rows(table) for table in t.metadata.sorted_tables]
    assert world.verification.carry_on(step.id) == "done already"
    assert [world.rows(table) for table in t.metadata.sorted_tables] == before


def test_a_message_that_was_lost_is_sent_again_after_the_lease(world: World) -> None:
    step = world.receive()
    assert world.sweep() == []
    world.clock.advance(timedelta(seconds=30))
    assert world.sweep() == ["listed"]
    assert world.state(step) is State.LISTED


def test_a_step_that_is_never_done_is_sent_ever_more_rarely(world: World) -> None:
    world.receive()
    waits = []
    for _ in range(4):
        [row] = world.steps()
        waits.append(row.due_at - world.clock.now())
        world.clock.moment = row.due_at
        with world.memory.write() as tx:
            tx.ledger.claim_due(world.clock.now(), timedelta(seconds=30), 10)
    assert waits == [timedelta(seconds=seconds) for seconds in (30, 30, 60, 120)]


@pytest.mark.parametrize("stage", ["collection", "adjudication", "publication"])
def test_a_worker_that_dies_between_stages_loses_nothing(world: World, stage: str) -> None:
    """Each stage's transaction leaves the next step in the ledger; the sweeper goes on from there."""
    step = world.receive()
    with world.memory.read() as tx:
        current, file = tx.ledger.load(step.id)
    while current is not None and str(current.stage) != stage:
        progress = world.verification.stages[current.stage](file, current)
        file, current = progress.file, progress.next_step
    assert current is not None
    [row] = world.steps()
    assert row.id == current.id
    world.clock.advance(timedelta(seconds=60))
    assert world.sweep() == ["listed"]
    assert len(world.rows(t.decisions)) == 1
    assert len(world.rows(t.listing_versions)) == 1


def test_the_same_product_approved_again_is_the_next_version_of_its_listing(world: World) -> None:
    for _ in range(2):
        world.verification.carry_on(world.receive().id)
    world.verification.carry_on(world.receive(code="video").id)
    with world.memory.read() as tx:
        changes = tx.listings.changes(0, 10)
    assert [change.position for change in changes] == [1, 2, 3]
    assert [change.listing.version for change in changes] == [1, 2, 1]
    assert changes[0].listing.listing_id == changes[1].listing.listing_id != changes[2].listing.listing_id


@pytest.mark.parametrize("dropped", [True, False])
def test_a_case_that_somebody_moves_while_sources_are_asked_is_left_alone(
    world: World, dropped: bool
) -> None:
    step = world.receive()
    case = world.file(step.case_id).case

    def supersede() -> None:
        with world.memory.write() as tx:
            tx.cases.move(case, State.SUPERSEDED, world.clock.now())
            if dropped:
                tx.ledger.drop(case.id)

    world.sources.meanwhile = supersede
    assert world.verification.carry_on(step.id) == ("done already" if dropped else "overtaken")
    assert world.state(step) is State.SUPERSEDED
    assert world.rows(t.decisions) == world.rows(t.captures) == []
    with pytest.raises(StaleCase), world.memory.write() as tx:
        tx.cases.move(case, State.ADJUDICATING, world.clock.now())


def test_the_life_cycle_is_enforced_where_states_are_written(world: World) -> None:
    case = world.file(world.receive().case_id).case
    with pytest.raises(LifecycleError), world.memory.write() as tx:
        tx.cases.move(case, State.LISTED, world.clock.now())
