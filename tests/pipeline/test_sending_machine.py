"""Deliveries under everything at once: endpoints fail and return, workers die, messages are lost or late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pipeline.delivery import DeliverySchedule, DeliveryState, Errand
from pipeline.sending import Sending
from storage import tables as t
from tests.pipeline.test_sending import CIPHER, Killed, Post, ScriptedEndpoint

NAME = "kensaku"
ANSWERS = st.sampled_from([200, 200, 204, 302, 400, 429, 503, None])


def machine(make_world: Callable[[], Any]) -> type[RuleBasedStateMachine]:
    class Deliveries(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            world = make_world()
            self.endpoint = ScriptedEndpoint(world)
            sending = Sending(
                world.memory, self.endpoint, world.clock, CIPHER.decrypt, DeliverySchedule(), draw=lambda: 0.5
            )
            self.post = Post(world, self.endpoint, sending)
            self.published = 0
            self.answers: list[int | None] = []
            self.lost: list[Errand] = []
            self.dies_in: int | None = None
            self.overtaken = 0
            self.ordered = False
            self.endpoint.says = self.say

        def say(self, _event: dict[str, object]) -> int | None:
            if self.dies_in is not None:
                self.dies_in -= 1
                if self.dies_in < 0:
                    self.dies_in = None
                    raise Killed
            return self.answers.pop(0) if self.answers else 200

        @initialize(ordered=st.booleans())
        def subscribe(self, ordered: bool) -> None:
            self.ordered = ordered
            self.post.subscribe(NAME, ordered=ordered)

        def teardown(self) -> None:
            self.answers.clear()
            self.dies_in = None
            for _ in range(200):
                self.post.sweep_until_quiet()
                with self.post.subscribers() as subscribers:
                    subscribers.replay_in_state(NAME, [DeliveryState.EXHAUSTED], self.post.now)
                rows = self.post.world.rows(t.deliveries)
                if len(rows) == self.published and {row.state for row in rows} <= {DeliveryState.DELIVERED}:
                    break
                self.post.world.clock.advance(timedelta(hours=1))
            else:
                raise AssertionError("something is never delivered")
            assert set(self.endpoint.sequences) == set(range(1, self.published + 1))
            self.each_keeps_its_id()
            self.post.world.database.close()

        @rule(count=st.sampled_from([1, 2, 20, 120]))
        @precondition(lambda self: self.published < 300)
        def publish(self, count: int) -> None:
            self.post.publish(count)
            self.published += count

        @rule(answers=st.lists(ANSWERS, min_size=1, max_size=6))
        def the_endpoint_will_say(self, answers: list[int | None]) -> None:
            self.answers += answers

        @rule(seconds=st.sampled_from([1, 6, 60, 600, 7200]))
        def time_passes(self, seconds: int) -> None:
            self.post.world.clock.advance(timedelta(seconds=seconds))

        @rule()
        def sweep(self) -> None:
            self.post.sweep()

        @rule()
        def a_message_is_lost(self) -> None:
            self.lost += self.post.claim()

        @precondition(lambda self: self.lost)
        @rule(data=st.data())
        def it_comes_after_all(self, data: st.DataObject) -> None:
            self.post.sending(data.draw(st.sampled_from(self.lost), label="message"))

        @rule(after=st.integers(0, 20))
        def a_worker_dies(self, after: int) -> None:
            self.dies_in = after
            with suppress(Killed):
                self.post.sweep()
            self.dies_in = None

        @rule()
        def the_key_is_renewed(self) -> None:
            with self.post.subscribers() as subscribers:
                subscribers.rotate(NAME, self.post.now, self.post.now + timedelta(hours=24))

        @invariant()
        def each_keeps_its_id(self) -> None:
            ids: dict[int, set[str]] = defaultdict(set)
            for sequence, message_id in zip(self.endpoint.sequences, self.endpoint.ids, strict=True):
                ids[sequence].add(message_id)
            assert all(len(of_one) == 1 for of_one in ids.values())

        @invariant()
        def what_is_delivered_was_taken_and_written_down(self) -> None:
            taken = {row.delivery_id for row in self.post.world.rows(t.delivery_attempts) if not row.reason}
            for row in self.post.world.rows(t.deliveries):
                assert (row.state == DeliveryState.DELIVERED) == (row.id in taken)

        @invariant()
        def where_order_is_asked_for_the_first_is_told_first(self) -> None:
            if self.ordered:
                first_times = list(dict.fromkeys(self.endpoint.sequences))
                assert first_times == sorted(first_times)

    return Deliveries


@pytest.mark.timeout(280)
def test_whatever_happens_everything_is_told_under_one_id(make_world: Callable[[], Any]) -> None:
    run_state_machine_as_test(
        machine(make_world),
        settings=settings(
            max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
