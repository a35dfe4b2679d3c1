"""Intake on both databases: once, for good, and all or nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import orjson
import pytest

from cli.samples import samples
from pipeline import intake
from pipeline.documents import sha256
from pipeline.errors import StaleCase
from pipeline.identifiers import new_id
from pipeline.intake import Intake, Receipt, Submission
from pipeline.lifecycle import SUPERSEDABLE, State
from pipeline.model import Stage
from pipeline.problems import Problem
from storage import tables as t

World = Any
LEASE = timedelta(seconds=30)

# The way to each state, as the stages go it.
WAYS = {
    State.RECEIVED: (),
    State.COLLECTING: (State.COLLECTING,),
    State.ADJUDICATING: (State.ADJUDICATING,),
    State.REFERRED: (State.ADJUDICATING, State.REFERRED),
    State.REJECTED: (State.ADJUDICATING, State.REJECTED),
    State.APPROVED: (State.ADJUDICATING, State.APPROVED),
    State.LISTED: (State.ADJUDICATING, State.APPROVED, State.LISTED),
    State.ASKED: (State.ADJUDICATING, State.REFERRED, State.ASKED),
    State.APPEALED: (State.ADJUDICATING, State.REJECTED, State.APPEALED),
    State.SUSPENDED: (State.ADJUDICATING, State.APPROVED, State.LISTED, State.SUSPENDED),
    State.WITHDRAWN: (State.WITHDRAWN,),
    State.SUPERSEDED: (State.SUPERSEDED,),
}


def submission(sender_id: Any, message_id: str = "m1", **changes: Any) -> Submission:
    document = {**copy.deepcopy(dict(samples()[0].document)), **changes}
    envelope = {"type": "application.submitted", "timestamp": "2026-11-02T09:00:00Z", "data": document}
    return Submission(sender_id, message_id, orjson.dumps(envelope), envelope)


def accept(
    world: World, message_id: str = "m1", *, sender_id: Any = None, memory: Any = None, **changes: Any
) -> Receipt:
    stage = Intake(memory or world.memory, world.clock, LEASE)
    sent = submission(sender_id or world.sender_id, message_id, **changes)
    return stage.accept(sent.sender_id, sent.message_id, sent.body, sent.document)


def other_sender(world: World) -> Any:
    sender_id = new_id()
    with world.database.write() as connection:
        row = {"id": sender_id, "name": str(sender_id), "created_at": world.clock.now()}
        connection.execute(t.senders.insert(), row)
    return sender_id


def go(world: World, receipt: Receipt, *states: State) -> None:
    with world.memory.write() as tx:
        case = tx.cases.by_reference(receipt.reference).case
        for state in states:
            case = tx.cases.move(case, state, world.clock.now())


def state(world: World, receipt: Receipt) -> State:
    with world.memory.read() as tx:
        found: State = tx.cases.by_reference(receipt.reference).case.state
    return found


def test_a_case_is_opened_with_its_first_step_a_lease_ahead(world: World) -> None:
    receipt = accept(world)
    assert (receipt.state, receipt.repeated) == (State.RECEIVED, False)
    [step] = world.steps()
    assert receipt.step is not None
    assert (step.id, step.stage, step.source) == (receipt.step.id, Stage.COLLECTION, None)
    assert step.due_at == world.clock.now() + LEASE
    file = world.file(step.case_id)
    assert (file.case.reference, file.case.version) == (receipt.reference, 1)
    assert file.application.id == receipt.application_id
    assert file.application.body == submission(world.sender_id).body
    assert file.application.document == samples()[0].document


def test_the_journal_has_ids_and_digests_only(world: World) -> None:
    receipt = accept(world)
    assert receipt.step is not None
    with world.memory.read() as tx:
        [event] = tx.journal.of_case(receipt.step.case_id)
    assert (event.name, event.by, event.at) == ("application.received", "intake", world.clock.now())
    assert event.data == {
        "application": str(receipt.application_id),
        "sender": str(world.sender_id),
        "document": world.file(receipt.step.case_id).application.digest,
    }
    body = submission(world.sender_id).body
    assert sha256(body) not in str(event.data)  # whoever has the rest could try names until it fits


def test_the_same_message_is_the_same_application_for_ever(world: World) -> None:
    first = accept(world)
    go(world, first, State.ADJUDICATING)
    world.clock.advance(timedelta(days=4000))
    again = accept(world)
    assert again == Receipt(first.application_id, first.reference, State.ADJUDICATING, step=None)
    assert again.repeated
    assert len(world.rows(t.applications)) == len(world.rows(t.cases)) == len(world.steps()) == 1


def test_the_same_id_with_another_body_is_refused(world: World) -> None:
    accept(world)
    with pytest.raises(Problem, match="id_reused"):
        accept(world, supersedes=str(new_id()))
    with pytest.raises(Problem, match="id_reused"):
        accept(world, support_access=["US"])
    assert len(world.rows(t.applications)) == 1


def test_message_ids_belong_to_their_sender(world: World) -> None:
    accept(world)
    assert not accept(world, sender_id=other_sender(world)).repeated
    assert len(world.rows(t.cases)) == 2


@pytest.mark.parametrize("from_state", sorted(SUPERSEDABLE))
def test_a_correction_ends_the_case_and_its_steps(world: World, from_state: State) -> None:
    first = accept(world)
    go(world, first, *WAYS[from_state])
    second = accept(world, "m2", supersedes=str(first.application_id))
    assert state(world, first) is State.SUPERSEDED
    assert second.step is not None
    assert first.step is not None
    assert [step.id for step in world.steps()] == [second.step.id]
    assert world.verification.carry_on(first.step.id) == "done already"
    with world.memory.read() as tx:
        [_, superseded] = tx.journal.of_case(first.step.case_id)
        file = tx.cases.file(second.step.case_id)
    assert superseded.name == "application.superseded"
    assert superseded.data == {"application": str(second.application_id)}
    assert file.application.supersedes == first.application_id


@pytest.mark.parametrize("from_state", sorted(set(State) - SUPERSEDABLE))
def test_a_case_that_is_past_that_is_not_superseded(world: World, from_state: State) -> None:
    first = accept(world)
    go(world, first, *WAYS[from_state])
    with pytest.raises(Problem) as refused:
        accept(world, "m2", supersedes=str(first.application_id))
    [violation] = refused.value.violations
    assert (violation.pointer, violation.code) == ("/data/supersedes", "not_supersedable")
    assert state(world, first) is from_state
    assert len(world.rows(t.applications)) == 1


def test_what_is_not_the_senders_own_is_not_superseded(world: World) -> None:
    first = accept(world)
    for sender_id, application_id in (
        (other_sender(world), first.application_id),
        (world.sender_id, new_id()),
    ):
        with pytest.raises(Problem, match="invalid"):
            accept(world, "m2", sender_id=sender_id, supersedes=str(application_id))
    assert state(world, first) is State.RECEIVED
    assert len(world.rows(t.applications)) == 1


def test_a_correction_that_is_sent_again_is_repeated_though_it_could_not_be_made_now(world: World) -> None:
    first = accept(world)
    second = accept(world, "m2", supersedes=str(first.application_id))
    assert accept(world, "m2", supersedes=str(first.application_id)).application_id == second.application_id


def test_a_reference_that_another_case_has_is_drawn_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = accept(world)
    drawn = iter([first.reference, "SK-000000000"])
    monkeypatch.setattr(intake, "new_reference", lambda: next(drawn))
    assert accept(world, "m2").reference == "SK-000000000"
    assert len(world.rows(t.applications)) == 2


class Overtaken:
    """A memory in which somebody else moves a case while a transaction runs, ``times`` times."""

    def __init__(self, memory: Any, times: int) -> None:
        self.memory = memory
        self.times = times

    @contextmanager
    def write(self) -> Iterator[Any]:
        with self.memory.write() as tx:
            yield tx
            if self.times:
                self.times -= 1
                raise StaleCase("moved meanwhile")


def test_a_superseded_case_that_moves_meanwhile_is_read_again(world: World) -> None:
    first = accept(world)
    accept(world, "m2", memory=Overtaken(world.memory, 1), supersedes=str(first.application_id))
    assert state(world, first) is State.SUPERSEDED
    assert len(world.rows(t.applications)) == 2


def test_what_fails_twice_is_told_and_nothing_is_kept(world: World) -> None:
    with pytest.raises(StaleCase):
        accept(world, memory=Overtaken(world.memory, 2))
    for table in (t.applications, t.cases, t.steps, t.journal):
        assert world.rows(table) == []


def test_several_are_accepted_together_and_what_is_refused_leaves_the_others(world: World) -> None:
    known = accept(world, "known")
    taken = accept(world, "taken")
    stage = Intake(world.memory, world.clock, LEASE)
    outcomes = stage.accept_all(
        [
            submission(world.sender_id, "a"),
            submission(world.sender_id, "known"),
            submission(world.sender_id, "taken", support_access=["US"]),
            submission(world.sender_id, "a"),
            submission(world.sender_id, "b", supersedes=str(new_id())),
            submission(world.sender_id, "c", supersedes=str(taken.application_id)),
            submission(world.sender_id, "d"),
        ]
    )
    a, again, reused, a_again, foreign, c, d = outcomes
    assert isinstance(reused, Problem)
    assert isinstance(foreign, Problem)
    assert (reused.type.code, foreign.type.code) == ("webhook.id_reused", "submission.invalid")
    assert isinstance(again, Receipt)
    assert isinstance(a_again, Receipt)
    assert again.application_id == known.application_id
    opened = [receipt for receipt in (a, c, d) if isinstance(receipt, Receipt)]
    assert a_again.application_id == opened[0].application_id
    assert a_again.repeated
    assert [receipt.repeated for receipt in opened] == [False] * 3
    assert {step.id for step in world.steps()} == {
        receipt.step.id for receipt in (known, *opened) if receipt.step is not None
    }


def test_an_application_that_came_in_the_same_transaction_can_be_superseded(world: World) -> None:
    first = accept(world, "first")
    stage = Intake(world.memory, world.clock, LEASE)
    second, third = stage.accept_all(
        [
            submission(world.sender_id, "second", supersedes=str(first.application_id)),
            submission(world.sender_id, "third", supersedes=str(first.application_id)),
        ]
    )
    assert isinstance(second, Receipt)
    assert isinstance(third, Problem)
    assert len(world.steps()) == 1


def test_one_bad_row_does_not_fail_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = accept(world)
    together = ["SK-000000000", first.reference, "SK-999999999"]
    drawn = iter([*together, "SK-111111111", "SK-222222222", "SK-333333333"])
    monkeypatch.setattr(intake, "new_reference", lambda: next(drawn))
    stage = Intake(world.memory, world.clock, LEASE)
    outcomes = stage.accept_all([submission(world.sender_id, f"n{number}") for number in range(3)])
    assert [outcome.reference for outcome in outcomes if isinstance(outcome, Receipt)] == [
        "SK-111111111",
        "SK-222222222",
        "SK-333333333",
    ]
    assert len(world.rows(t.applications)) == len(world.steps()) == 4
