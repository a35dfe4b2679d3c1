"""Serving endpoints: nothing is lost, nothing overtakes where order was asked for, one serves at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import orjson
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import insert

from pipeline.delivery import DeliverySchedule, DeliveryState, Outcome, SubscriberState
from pipeline.errors import StaleCase
from pipeline.identifiers import new_id
from pipeline.lifecycle import State
from pipeline.model import Judgement, Stage, Verdict
from pipeline.people import Person, Role
from pipeline.review.actions import Review
from pipeline.review.model import Ask, Seen
from pipeline.review.policy import ReviewTimes
from pipeline.sending import Sending
from storage import tables as t
from storage.deliveries import BATCH, WINDOW
from storage.senders import Cipher
from storage.subscribers import SqlSubscribers, SubscriberError
from tests.feed import publish
from tests.pipeline.conftest import World
from tests.webhooks import verified

CIPHER = Cipher([Fernet.generate_key().decode()])
LEASE = timedelta(seconds=30)
URL = "https://catalog.example/hook"


@dataclass
class ScriptedEndpoint:
    """Answers with what ``says`` returns for an event: a status, or None for no answer."""

    world: World
    says: Callable[[dict[str, object]], int | None] = lambda _event: 204
    retry_after: timedelta | None = None
    takes: timedelta = timedelta()
    received: list[dict[str, object]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    most_open: int = 0

    def check(self, url: str) -> None:
        assert url == URL

    @contextmanager
    def open(self, url: str) -> Iterator[ScriptedEndpoint]:
        self.connections += 1
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        yield self
        self.open_now -= 1

    def post(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        event = orjson.loads(body)
        self.received.append(event)
        self.ids.append(headers["webhook-id"])
        self.headers.append(headers)
        self.bodies.append(body)
        self.world.clock.advance(self.takes)
        status = self.says(event)
        if status is None:
            return Outcome(None, "timeout", self.takes)
        reason = "" if 200 <= status < 300 else "gone" if status == 410 else "server_error"
        return Outcome(status, reason, self.takes, self.retry_after, b"words")

    @property
    def sequences(self) -> list[int]:
        return [int(str(event["sequence"])) for event in self.received]


@dataclass
class Post:
    """A world with an endpoint, and what the sweeper and a worker do for it."""

    world: World
    endpoint: ScriptedEndpoint
    sending: Sending

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    def publish(self, count: int) -> None:
        """Put changes into the feed: each a listing of its own."""
        publish(self.world.database, count, self.now)

    @contextmanager
    def subscribers(self) -> Iterator[SqlSubscribers]:
        with self.world.database.write() as connection:
            yield SqlSubscribers(connection, CIPHER)

    def subscribe(self, name: str = "kensaku", *, after: int | None = None, ordered: bool = False) -> str:
        with self.subscribers() as subscribers:
            registered = subscribers.add(name, URL, self.now, after=after, ordered=ordered)
            subscribers.activate(registered.id, self.now)
        return registered.key

    def claim(self, limit: int = 4):
        with self.world.memory.write() as tx:
            return tx.deliveries.claim(self.now, LEASE, limit)

    def sweep(self) -> list[str]:
        return [self.sending(errand) for errand in self.claim()]

    def sweep_until_quiet(self) -> None:
        while self.sweep():
            pass

    def states(self) -> dict[DeliveryState, int]:
        rows = self.world.rows(t.deliveries)
        return {state: count for state in DeliveryState if (count := sum(row.state == state for row in rows))}

    def subscriber(self):
        [row] = self.world.rows(t.subscribers)
        return row


@pytest.fixture
def post(world: World) -> Post:
    endpoint = ScriptedEndpoint(world)
    sending = Sending(
        world.memory, endpoint, world.clock, CIPHER.decrypt, DeliverySchedule(), draw=lambda: 0.0
    )
    return Post(world, endpoint, sending)


def test_each_change_is_told_once_signed_and_in_order(post: Post) -> None:
    secret = post.subscribe()
    post.publish(3 * BATCH + 1)
    assert post.sweep() == [f"{3 * BATCH + 1} taken"]
    assert post.endpoint.sequences == list(range(1, 3 * BATCH + 2))
    assert len(set(post.endpoint.ids)) == 3 * BATCH + 1
    assert post.endpoint.connections == 1
    for headers, body in zip(post.endpoint.headers, post.endpoint.bodies, strict=True):
        assert verified(secret, headers, body, post.now)
        assert orjson.loads(body)["id"] == headers["webhook-id"]
    assert post.sweep() == []
    assert post.states() == {DeliveryState.DELIVERED: 3 * BATCH + 1}


def test_nothing_is_told_of_what_was_there_before_unless_it_is_asked_for(post: Post) -> None:
    post.publish(5)
    post.subscribe("new")
    post.subscribe("from-the-start", after=0)
    post.subscribe("from-three", after=3)
    post.sweep_until_quiet()
    assert sorted(post.endpoint.sequences) == [1, 2, 3, 4, 4, 5, 5]


def test_nothing_is_sent_before_the_challenge_was_echoed(post: Post) -> None:
    with post.subscribers() as subscribers:
        registered = subscribers.add("kensaku", URL, post.now)
    post.publish(2)
    assert post.claim() == []
    with post.subscribers() as subscribers:
        subscribers.activate(registered.id, post.now)
    assert post.sweep() == ["2 taken"]


def test_what_was_not_taken_comes_again_under_the_same_id_with_a_new_time(post: Post) -> None:
    secret = post.subscribe()
    post.publish(1)
    post.endpoint.says = lambda _event: 503
    assert post.sweep() == ["0 taken, 1 not"]
    assert post.sweep() == []
    post.world.clock.advance(timedelta(seconds=6))
    post.endpoint.says = lambda _event: 200
    assert post.sweep() == ["1 taken"]
    first, second = post.endpoint.headers
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 6
    assert first["webhook-signature"] != second["webhook-signature"]
    assert post.endpoint.bodies[0] == post.endpoint.bodies[1]
    assert verified(secret, second, post.endpoint.bodies[1], post.now)
    attempts = post.world.rows(t.delivery_attempts)
    assert [(row.number, row.status, row.reason, row.answer) for row in attempts] == [
        (1, 503, "server_error", b"words"),
        (2, 200, "", b""),
    ]


def test_after_its_last_try_it_is_a_dead_letter_that_can_be_replayed(post: Post) -> None:
    post.subscribe()
    post.publish(1)
    post.endpoint.says = lambda event: 400 if int(event["sequence"]) == 1 else 200
    for _ in range(60):
        post.sweep()
        post.world.clock.advance(timedelta(hours=2))
        post.publish(1)  # the others are taken: the endpoint is not given up
    assert len([one for one in post.endpoint.sequences if one == 1]) == 10
    exhausted = [row for row in post.world.rows(t.deliveries) if row.state == DeliveryState.EXHAUSTED]
    assert [row.sequence for row in exhausted] == [1]
    assert post.subscriber().state == SubscriberState.ACTIVE
    post.endpoint.says = lambda _event: 200
    sent_before = len(post.endpoint.received)
    with post.subscribers() as subscribers:
        assert subscribers.replay_one("kensaku", exhausted[0].id, post.now) == 1
    post.sweep_until_quiet()
    assert str(exhausted[0].id) in post.endpoint.ids[sent_before:]
    assert post.endpoint.ids.count(str(exhausted[0].id)) == 11


def test_an_endpoint_that_is_down_costs_little_and_gets_everything_in_the_end(post: Post) -> None:
    post.subscribe()
    post.publish(3 * WINDOW)
    post.endpoint.says = lambda _event: None
    for _ in range(200):
        post.sweep()
        post.world.clock.advance(timedelta(minutes=1))
    # Over three hours: five failures, then a probe after each rest.
    assert len(post.endpoint.received) < 20
    assert len(post.world.rows(t.deliveries)) == WINDOW
    post.endpoint.says = lambda _event: 200
    taken: set[int] = set()
    for _ in range(100):
        before = len(post.endpoint.received)
        post.sweep()
        taken.update(post.endpoint.sequences[before:])
        post.world.clock.advance(timedelta(hours=1))
    assert taken == set(range(1, 3 * WINDOW + 1))
    assert post.states() == {DeliveryState.DELIVERED: 3 * WINDOW}


def test_an_endpoint_that_takes_nothing_for_days_is_disabled_and_the_journal_says_so(post: Post) -> None:
    post.subscribe()
    post.endpoint.says = lambda _event: 500
    for hour in range(24 * 6):
        if hour % 24 == 0:
            post.publish(1)
        post.sweep()
        post.world.clock.advance(timedelta(hours=1))
    row = post.subscriber()
    assert (row.state, row.reason) == ("disabled", "failing")
    [event] = [row for row in post.world.rows(t.journal) if row.name == "subscriber.disabled"]
    assert orjson.loads(event.data) == {"subscriber": str(row.id), "reason": "failing"}
    sent = len(post.endpoint.received)
    post.world.clock.advance(timedelta(days=3))
    assert post.claim() == []
    # Enabled again it gets what it has not taken, and what happened since.
    post.publish(2)
    post.endpoint.says = lambda _event: 200
    with post.subscribers() as subscribers:
        subscribers.activate(row.id, post.now)
    post.sweep_until_quiet()
    exhausted = {
        one.sequence for one in post.world.rows(t.deliveries) if one.state == DeliveryState.EXHAUSTED
    }
    assert set(post.endpoint.sequences[sent:]) == set(range(1, 9)) - exhausted
    assert exhausted < {1, 2, 3}


def test_gone_disables_at_once(post: Post) -> None:
    post.subscribe()
    post.publish(3)
    post.endpoint.says = lambda _event: 410
    assert post.sweep() == ["disabled: gone"]
    assert (post.subscriber().state, post.subscriber().reason) == ("disabled", "gone")
    post.world.clock.advance(timedelta(days=1))
    assert post.claim() == []
    assert len(post.endpoint.received) == 1


def test_retry_after_holds_up_the_whole_endpoint(post: Post) -> None:
    post.subscribe()
    post.publish(5)
    post.endpoint.says = lambda _event: 429
    post.endpoint.retry_after = timedelta(minutes=30)
    post.sweep()
    assert len(post.endpoint.received) == 1
    post.world.clock.advance(timedelta(minutes=29))
    assert post.claim() == []
    post.world.clock.advance(timedelta(minutes=1))
    post.endpoint.says = lambda _event: 200
    post.sweep_until_quiet()
    assert post.states() == {DeliveryState.DELIVERED: 5}


def test_where_order_is_asked_for_nothing_overtakes(post: Post) -> None:
    post.subscribe(ordered=True)
    post.publish(6)
    refused = iter([True, True])
    post.endpoint.says = lambda event: (
        400 if event["sequence"].endswith("3") and next(refused, False) else 200
    )
    for _ in range(10):
        post.sweep()
        post.world.clock.advance(timedelta(minutes=6))
    assert post.endpoint.sequences == [1, 2, 3, 3, 3, 4, 5, 6]


def test_where_it_is_not_one_bad_message_holds_up_nobody(post: Post) -> None:
    post.subscribe()
    post.publish(6)
    post.endpoint.says = lambda event: 400 if event["sequence"].endswith("3") else 200
    post.sweep()
    assert post.endpoint.sequences == [1, 2, 3, 4, 5, 6]
    assert post.states() == {DeliveryState.DELIVERED: 5, DeliveryState.PENDING: 1}


class Killed(BaseException):
    """The end of a worker, as the rest of the process sees it."""


def test_killed_in_the_middle_what_was_not_written_down_comes_again_under_its_id(post: Post) -> None:
    post.subscribe()
    post.publish(BATCH + 4)
    seen = 0

    def die(_event: dict[str, object]) -> int:
        nonlocal seen
        seen += 1
        if seen == BATCH + 3:
            raise Killed
        return 200

    post.endpoint.says = die
    with pytest.raises(Killed):
        post.sweep()
    assert post.claim() == []  # nobody can know that it is dead
    post.world.clock.advance(post.sending.lease)
    post.endpoint.says = lambda _event: 200
    post.sweep_until_quiet()
    assert sorted(set(post.endpoint.sequences)) == list(range(1, BATCH + 5))
    by_sequence: dict[int, set[str]] = {}
    for sequence, message_id in zip(post.endpoint.sequences, post.endpoint.ids, strict=True):
        by_sequence.setdefault(sequence, set()).add(message_id)
    assert all(len(ids) == 1 for ids in by_sequence.values())
    # What was written down does not come again.
    assert [post.endpoint.sequences.count(one) for one in range(1, BATCH + 1)] == [1] * BATCH


def test_a_message_that_comes_twice_or_late_serves_nobody(post: Post) -> None:
    post.subscribe()
    post.publish(2)
    [errand] = post.claim()
    assert post.sending(errand) == "2 taken"
    assert post.sending(errand) == "done already"
    post.publish(1)
    [late] = post.claim()
    post.world.clock.advance(LEASE)
    [fresh] = post.claim()
    assert post.sending(late) == "done already"
    assert post.sending(fresh) == "1 taken"


def test_whoever_is_too_slow_writes_nothing(post: Post) -> None:
    post.subscribe()
    post.publish(1)

    def overtaken(_event: dict[str, object]) -> int:
        post.endpoint.says = lambda _event: 200
        post.world.clock.advance(post.sending.lease)
        assert post.sweep() == ["1 taken"]
        return 500

    post.endpoint.says = overtaken
    assert post.sweep() == ["overtaken"]
    assert post.states() == {DeliveryState.DELIVERED: 1}
    assert len(post.world.rows(t.delivery_attempts)) == 1


def test_an_emptied_broker_loses_nothing(post: Post) -> None:
    post.subscribe()
    post.publish(4)
    assert len(post.claim()) == 1  # the message is lost
    assert post.claim() == []
    post.world.clock.advance(LEASE)
    assert len(post.claim()) == 1  # this one too: the next comes later
    post.world.clock.advance(LEASE)
    assert post.claim() == []
    post.world.clock.advance(LEASE)
    assert post.sweep() == ["4 taken"]
    assert post.subscriber().sends == 0


def test_only_so_many_endpoints_are_served_at_a_time(post: Post) -> None:
    for number in range(6):
        post.subscribe(f"service-{number}")
    post.publish(1)
    first = post.claim(limit=4)
    assert len(first) == 4
    assert post.claim(limit=4) == []
    assert post.sending(first[0]) == "1 taken"
    assert [errand.name for errand in post.claim(limit=4)] == ["service-4"]


def test_a_slow_endpoint_gives_its_worker_back_after_a_while(post: Post) -> None:
    post.subscribe()
    post.publish(30)
    post.endpoint.takes = timedelta(seconds=4)
    assert post.sweep() == ["3 taken"]
    assert len(post.claim()) == 1


def test_during_a_rotation_each_message_is_signed_with_both_keys(post: Post) -> None:
    old = post.subscribe()
    overlap = timedelta(hours=24)
    with post.subscribers() as subscribers:
        new = subscribers.rotate("kensaku", post.now, post.now + overlap).key
    post.publish(1)
    post.sweep()
    assert all(
        verified(key, post.endpoint.headers[0], post.endpoint.bodies[0], post.now) for key in (old, new)
    )
    post.world.clock.advance(overlap)
    post.publish(1)
    post.sweep()
    assert verified(new, post.endpoint.headers[1], post.endpoint.bodies[1], post.now)
    assert not verified(old, post.endpoint.headers[1], post.endpoint.bodies[1], post.now)


def test_a_key_pair_signs_as_v1a(post: Post) -> None:
    with post.subscribers() as subscribers:
        registered = subscribers.add("kensaku", URL, post.now, pair=True)
        subscribers.activate(registered.id, post.now)
    post.publish(1)
    post.sweep()
    assert registered.key.startswith("whpk_")
    assert post.endpoint.headers[0]["webhook-signature"].startswith("v1a,")
    assert verified(registered.key, post.endpoint.headers[0], post.endpoint.bodies[0], post.now)


def test_a_range_is_replayed_under_the_same_ids_and_with_what_came_before_the_subscription(
    post: Post,
) -> None:
    post.publish(4)
    post.subscribe(after=2)
    post.sweep()
    told = dict(zip(post.endpoint.sequences, post.endpoint.ids, strict=True))
    post.world.clock.advance(timedelta(minutes=1))
    with post.subscribers() as subscribers:
        assert subscribers.replay_range("kensaku", 2, 3, post.now) == 2
    post.sweep()
    assert post.endpoint.sequences == [3, 4, 2, 3]
    assert post.endpoint.ids[3] == told[3]
    with post.subscribers() as subscribers, pytest.raises(SubscriberError):
        subscribers.replay_range("kensaku", 2, 5, post.now)
    with post.subscribers() as subscribers:
        assert subscribers.replay_in_state("kensaku", [DeliveryState.DELIVERED], post.now) == 3


def endpoint_of_the_sender(post: Post) -> UUID:
    name = str(post.world.sender_id)
    with post.subscribers() as subscribers:
        registered = subscribers.set_endpoint(name, URL, post.now)
        subscribers.activate(registered.id, post.now)
    return registered.id


def test_a_sender_is_told_of_each_change_of_state_of_its_applications(post: Post) -> None:
    endpoint_of_the_sender(post)
    step = post.world.receive()
    post.world.verification.carry_on(step.id)
    final = post.world.state(step)
    post.sweep()
    kinds = [event["type"].removeprefix("sekisho.application.") for event in post.endpoint.received]
    assert kinds == ["adjudicating", "approved", str(final)]
    versions = post.endpoint.sequences
    assert versions == sorted(set(versions))
    assert versions[-1] == post.world.file(step.case_id).case.version
    application = str(post.world.file(step.case_id).application.id)
    assert {event["subject"] for event in post.endpoint.received} == {application}
    text = b"".join(post.endpoint.bodies).decode()
    assert "例示" not in text
    assert "7000012050002" not in text


def test_what_a_rejected_vendor_is_told_says_what_stands_in_the_way(post: Post) -> None:
    endpoint_of_the_sender(post)
    asked = {
        "rule": "registered",
        "outcome": "fail",
        "effect": "reject",
        "reason": "REG_CLOSED",
        "message": {"ja": "閉鎖", "en": "closed"},
        "remedy": None,
    }
    judged = Judgement(Verdict.REJECT, "REG_CLOSED", {"results": [asked]})
    post.world.policy.judge = lambda _dossier: judged
    step = post.world.receive()
    post.world.verification.carry_on(step.id)
    assert post.world.state(step) is State.REJECTED
    post.sweep()
    assert [event["data"]["asked_of_vendor"] for event in post.endpoint.received] == [
        [],
        [{key: asked[key] for key in ("rule", "reason", "message", "remedy")}],
    ]


def test_a_vendor_that_is_asked_is_told_what_where_and_by_when_but_not_in_the_reviewers_words(
    post: Post,
) -> None:
    endpoint_of_the_sender(post)
    post.world.policy.referring = True
    step = post.world.receive()
    post.world.verification.carry_on(step.id)
    post.sweep()
    review = Review(post.world.memory, post.world.clock, ReviewTimes())
    aya = Person("aya", Role.REVIEWER)
    asks = [
        Ask("FIELD_UNCLEAR", "/contract/court", "どの裁判所ですか。"),
        Ask("DOCUMENT_NEEDED", "certificate"),
    ]
    file = post.world.file(step.case_id)
    review.ask(step.reference, Seen.of(file), aya, asks, due_on=date(2026, 11, 10))
    post.endpoint.says = lambda _event: 503
    post.sweep()
    # It is answered before the message arrives: the message stays what it was.
    file = post.world.file(step.case_id)
    review.take_back(step.reference, Seen.of(file), aya)
    post.world.clock.advance(timedelta(seconds=6))
    post.endpoint.says = lambda _event: 200
    post.sweep()
    asked = [
        (event, body)
        for event, body in zip(post.endpoint.received, post.endpoint.bodies, strict=True)
        if event["type"] == "sekisho.application.asked"
    ]
    assert len(asked) == 2
    assert asked[0][1] == asked[1][1]
    field, document = asked[0][0]["data"]["questions"]
    assert (field["code"], field["field"], field["due_on"]) == (
        "FIELD_UNCLEAR",
        "/contract/court",
        "2026-11-10",
    )
    assert field["ja"]
    assert field["en"]
    assert document["document"]["code"] == "certificate"
    assert "どの裁判所" not in asked[0][1].decode()
    assert b"aya" not in asked[0][1]


def test_without_an_endpoint_nothing_is_written(post: Post) -> None:
    step = post.world.receive()
    post.world.verification.carry_on(step.id)
    assert post.world.rows(t.deliveries) == []


def test_another_senders_endpoint_is_told_nothing(post: Post) -> None:
    with post.world.database.write() as connection:
        connection.execute(insert(t.senders).values(id=new_id(), name="other", created_at=post.now))
        subscribers = SqlSubscribers(connection, CIPHER)
        subscribers.activate(subscribers.set_endpoint("other", URL, post.now).id, post.now)
    post.world.verification.carry_on(post.world.receive().id)
    assert post.claim() == []


def test_whoever_moves_a_case_that_moved_meanwhile_is_told_so_also_where_an_endpoint_is_set(
    post: Post,
) -> None:
    endpoint_of_the_sender(post)
    step = post.world.receive()
    case = post.world.file(step.case_id).case
    with post.world.memory.write() as tx:
        tx.cases.move(case, State.COLLECTING, post.now, outstanding=1)
    with pytest.raises(StaleCase), post.world.memory.write() as tx:
        tx.cases.move(case, State.ADJUDICATING, post.now)
    assert [row.kind for row in post.world.rows(t.deliveries)] == ["collecting"]
    assert step.stage is Stage.COLLECTION


def test_what_waited_for_a_senders_old_endpoint_waits_for_the_new_one(post: Post) -> None:
    first = endpoint_of_the_sender(post)
    post.endpoint.says = lambda _event: 410
    post.world.verification.carry_on(post.world.receive().id)
    post.sweep()
    post.endpoint.says = lambda _event: 200
    assert endpoint_of_the_sender(post) == first
    before = len(post.endpoint.received)
    post.sweep()
    assert len(post.endpoint.received) - before == 3


def test_what_waits_can_be_left_out(post: Post) -> None:
    post.subscribe()
    post.publish(WINDOW + 5)
    post.endpoint.says = lambda _event: 500
    post.sweep()
    with post.world.memory.write() as tx:
        assert tx.deliveries.skip(post.subscriber().id, post.now) == WINDOW
    post.endpoint.says = lambda _event: 200
    post.publish(1)
    post.world.clock.advance(timedelta(hours=1))
    post.sweep_until_quiet()
    assert post.endpoint.sequences == [1, WINDOW + 6]
    with post.world.memory.read() as tx:
        [standing] = tx.deliveries.standings()
    assert (standing.waiting, standing.behind, standing.delivered, standing.oldest) == (0, 0, 1, None)


def test_what_was_taken_long_ago_is_forgotten_and_what_was_not_is_kept(post: Post) -> None:
    # Ids carry the time of the machine, so this one begins with it.
    post.world.clock.moment = datetime.now(UTC)
    post.subscribe()
    post.publish(4)
    post.endpoint.says = lambda event: 400 if int(event["sequence"]) == 2 else 200
    post.sweep()
    with post.world.memory.write() as tx:
        assert tx.deliveries.forget(post.now) == 0
        later = post.now + timedelta(days=1)
        assert tx.deliveries.forget(later) == 3
        assert tx.deliveries.forget(later) == 0
    assert [row.sequence for row in post.world.rows(t.deliveries)] == [2]
    assert len(post.world.rows(t.delivery_attempts)) == 1
    # It is not told again.
    post.endpoint.says = lambda _event: 200
    post.world.clock.advance(timedelta(minutes=1))
    post.sweep_until_quiet()
    assert post.endpoint.sequences == [1, 2, 3, 4, 2]


def test_a_removed_subscriber_leaves_nothing_behind(post: Post) -> None:
    post.subscribe()
    post.publish(2)
    post.sweep()
    with post.subscribers() as subscribers:
        subscribers.remove("kensaku", post.now)
    for table in (t.subscribers, t.subscriber_keys, t.deliveries, t.delivery_attempts):
        assert post.world.rows(table) == []
