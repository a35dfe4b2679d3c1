"""The ledger under everything at once: steps done in any order, twice, half, late; sources come and go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pipeline.lifecycle import OPEN, State
from pipeline.model import CheckState
from storage import tables as t

ANSWERS = st.sampled_from(
    ["found", "found", "absent", "unreadable", "deferred", "timeout", "rate_limited 90"]
)


def machine(make_world: Callable[[], Any]) -> type[RuleBasedStateMachine]:
    class Ledger(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.world = make_world()
            self.received = 0
            self.done: list[Any] = []

        def teardown(self) -> None:
            for name in self.world.sources.script:
                self.world.sources.script[name].clear()
            self.world.run_until_quiet()
            self.nothing_is_stuck()
            for row in self.world.rows(t.cases):
                assert State(row.state) not in OPEN
            assert len(self.world.rows(t.decisions)) == self.received
            self.world.database.close()

        @precondition(lambda self: self.received < 4)
        @rule(code=st.sampled_from(["chat", "video"]))
        def receive(self, code: str) -> None:
            self.world.receive(code=code)
            self.received += 1

        @rule(source=st.sampled_from(["jp.nta", "int.gleif"]), answer=ANSWERS)
        def a_source_will_say(self, source: str, answer: str) -> None:
            self.world.sources.script[source].append(answer)

        @rule(seconds=st.sampled_from([1, 10, 30, 3600]))
        def time_passes(self, seconds: int) -> None:
            self.world.clock.advance(timedelta(seconds=seconds))

        @rule()
        def sweep(self) -> None:
            self.world.sweep()

        @precondition(lambda self: self.world.steps())
        @rule(data=st.data())
        def a_message_arrives(self, data: st.DataObject) -> None:
            row = data.draw(st.sampled_from(self.world.steps()), label="step")
            self.world.verification.carry_on(row.id)
            self.done.append(row.id)

        @precondition(lambda self: self.done)
        @rule(data=st.data())
        def a_message_arrives_again(self, data: st.DataObject) -> None:
            self.world.verification.carry_on(data.draw(st.sampled_from(self.done), label="step"))

        @precondition(lambda self: self.world.steps())
        @rule(data=st.data())
        def a_worker_dies_after_one_stage(self, data: st.DataObject) -> None:
            row = data.draw(st.sampled_from(self.world.steps()), label="step")
            with self.world.memory.read() as tx:
                step, file = tx.ledger.load(row.id)
            self.world.verification.stages[step.stage](file, step)

        @precondition(lambda self: self.world.steps())
        @rule(data=st.data())
        def two_workers_have_the_same_step(self, data: st.DataObject) -> None:
            row = data.draw(st.sampled_from(self.world.steps()), label="step")
            with self.world.memory.read() as tx:
                step, file = tx.ledger.load(row.id)
            stage = self.world.verification.stages[step.stage]
            stage(file, step)
            assert stage(file, step).word == "done already"

        @invariant()
        def nothing_is_stuck(self) -> None:
            steps = {row.case_id for row in self.world.steps()}
            for row in self.world.rows(t.cases):
                assert (State(row.state) in OPEN) == (row.id in steps), row.state

        @invariant()
        def outstanding_counts_what_waits(self) -> None:
            waiting = [row.case_id for row in self.world.rows(t.checks) if row.state == CheckState.WAITING]
            for row in self.world.rows(t.cases):
                assert row.outstanding == waiting.count(row.id)

        @invariant()
        def a_case_has_one_decision_and_one_version_at_most(self) -> None:
            for table in (t.decisions, t.listing_versions):
                cases = [row.case_id for row in self.world.rows(table)]
                assert len(cases) == len(set(cases))

        @invariant()
        def the_feed_has_no_gap_and_holds_every_version(self) -> None:
            changes = sorted(row.position for row in self.world.rows(t.listing_changes))
            assert changes == list(range(1, len(changes) + 1))
            versions = {(row.listing_id, row.version) for row in self.world.rows(t.listing_versions)}
            assert {(row.listing_id, row.version) for row in self.world.rows(t.listing_changes)} == versions

    return Ledger


@pytest.mark.timeout(120)
def test_whatever_happens_each_case_ends_once(make_world: Callable[[], Any]) -> None:
    run_state_machine_as_test(
        machine(make_world),
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
