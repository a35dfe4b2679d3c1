"""When something is sent again, how an endpoint's breaker moves, and what is sent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery import WELL, About, Delivery, DeliverySchedule, Health, Outcome, envelope
from pipeline.documents import canonical
from pipeline.lifecycle import State
from pipeline.review.model import Question
from pipeline.schemas import find

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SCHEDULE = DeliverySchedule()
TAKEN = Outcome(204, "", timedelta())


def failed(status: int | None = 500, retry_after: timedelta | None = None) -> Outcome:
    return Outcome(status, "server_error", timedelta(), retry_after)


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    waits = [SCHEDULE.next_attempt(tries, failed(), NOW, 0.0) for tries in range(1, 11)]
    assert [None if wait is None else (wait - NOW).total_seconds() for wait in waits] == [
        5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400, None,
    ]  # fmt: skip


@given(
    st.integers(1, 9),
    st.floats(0, 1, exclude_max=True),
    st.none() | st.timedeltas(timedelta(), timedelta(hours=24)),
)
def test_a_wait_is_never_shorter_than_its_delay_or_what_was_asked_for(
    tries: int, draw: float, retry_after: timedelta | None
) -> None:
    again = SCHEDULE.next_attempt(tries, failed(503, retry_after), NOW, draw)
    assert again is not None
    delay = SCHEDULE.delays[tries - 1]
    assert again - NOW >= max(delay, retry_after or timedelta())
    assert again - NOW <= max(delay * 1.1, retry_after or timedelta())


OUTCOMES = st.lists(
    st.sampled_from([TAKEN, failed(None), failed(404), failed(429), failed(500)]), max_size=40
)


@given(OUTCOMES)
def test_a_success_mends_everything_and_failures_add_up(outcomes: list[Outcome]) -> None:
    health, now = WELL, NOW
    in_succession = 0
    first: datetime | None = None
    for outcome in outcomes:
        now += timedelta(minutes=7)
        health = SCHEDULE.health(health, outcome, now)
        in_succession = 0 if outcome.taken else in_succession + 1
        first = None if outcome.taken else first or now
        assert (health.failures, health.failing_since) == (in_succession, first)
        if outcome.taken:
            assert health == WELL
        if in_succession >= SCHEDULE.failures:
            assert health.rests(now)
        assert health.rests_until is None or health.rests_until - now <= SCHEDULE.longest_rest


def test_an_endpoint_rests_ever_longer() -> None:
    health, rests = WELL, []
    for _ in range(14):
        health = SCHEDULE.health(health, failed(404), NOW)
        rests.append(0 if health.rests_until is None else int((health.rests_until - NOW).total_seconds()))
    assert rests == [0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_who_asks_to_be_spared_rests_at_once_and_as_long_as_it_asks() -> None:
    assert SCHEDULE.health(WELL, failed(429), NOW).rests_until == NOW + timedelta(seconds=5)
    assert SCHEDULE.health(WELL, failed(None), NOW).rests_until == NOW + timedelta(seconds=5)
    minutes = timedelta(minutes=20)
    assert SCHEDULE.health(WELL, failed(503, minutes), NOW).rests_until == NOW + minutes
    # A wrong answer to one message says nothing of the others.
    assert SCHEDULE.health(WELL, failed(422), NOW).rests_until is None


def test_an_endpoint_that_took_nothing_for_days_is_given_up() -> None:
    days = SCHEDULE.disable_after
    assert not SCHEDULE.gives_up_on(Health(9, NOW), NOW + days - timedelta(seconds=1))
    assert SCHEDULE.gives_up_on(Health(9, NOW), NOW + days)
    assert not SCHEDULE.gives_up_on(WELL, NOW)


def delivery(**changes: object) -> Delivery:
    values: dict[str, object] = {
        "id": UUID(int=7),
        "about": About.LISTING,
        "subject": UUID(int=8),
        "sequence": 42,
        "version": 3,
        "kind": "published",
        "occurred_at": NOW,
        "tries": 0,
        **changes,
    }
    return Delivery(**values)  # type: ignore[arg-type]


def test_what_is_told_of_a_listing_is_a_hint_to_read_the_feed() -> None:
    listing_id = "00000000-0000-0000-0000-000000000008"
    assert envelope(delivery(), "https://market.example") == {
        "specversion": "1.0",
        "id": "00000000-0000-0000-0000-000000000007",
        "source": "https://market.example/v1/listings/changes",
        "type": "sekisho.listing.published",
        "subject": listing_id,
        "time": "2026-11-02T09:00:00.000000Z",
        "sequence": "0000000000000042",
        "datacontenttype": "application/json",
        "data": {
            "position": 42,
            "listing_id": listing_id,
            "version": 3,
            "kind": "published",
            "links": {
                "listing": f"https://market.example/v1/listings/{listing_id}",
                "changes": "https://market.example/v1/listings/changes?after=41",
            },
        },
    }


def test_what_is_told_of_an_application_says_state_and_what_is_asked_in_both_languages() -> None:
    point = {
        "rule": "vendor-registered",
        "outcome": "fail",
        "effect": "reject",
        "reason": "REG_CLOSED",
        "message": {"ja": "閉鎖", "en": "closed"},
        "remedy": {"ja": "再登記", "en": "register again"},
        "basis": ["law"],
    }
    told = envelope(
        delivery(about=About.APPLICATION, kind="rejected", sequence=4, version=4, asked=(point,) * 12)
    )
    assert told["type"] == "sekisho.application.rejected"
    assert told["source"] == "/v1/applications"
    data = told["data"]
    assert data["state"] == {"code": "rejected", "ja": "却下", "en": "rejected, with reasons"}
    assert data["links"] == {"application": "/v1/applications/00000000-0000-0000-0000-000000000008"}
    assert (
        data["asked_of_vendor"] == [{key: point[key] for key in ("rule", "reason", "message", "remedy")}] * 10
    )
    assert len(canonical(told)) < 20_000


@given(st.integers(0, 2**53), st.integers(0, 2**53))
def test_sequences_sort_as_text_as_they_do_as_numbers(one: int, other: int) -> None:
    texts = [envelope(delivery(sequence=number))["sequence"] for number in (one, other)]
    assert (texts[0] < texts[1]) == (one < other)


POINT = {"rule": "r", "outcome": "fail", "effect": "reject", "reason": "R", "message": None, "remedy": None}
QUESTION = Question(
    UUID(int=9), UUID(int=8), "DOCUMENT_NEEDED", "certificate", "words", "aya", NOW, date(2026, 11, 10)
)


@given(st.sampled_from(State), st.integers(1, 2**53 - 1), st.integers(0, 30), st.integers(0, 3))
def test_whatever_is_told_obeys_the_published_schema(
    state: State, sequence: int, points: int, questions: int
) -> None:
    schema = find("notification")
    assert schema is not None
    application = delivery(
        about=About.APPLICATION,
        kind=str(state),
        sequence=sequence,
        asked=(POINT,) * points,
        questions=(QUESTION,) * questions,
    )
    for told in (application, delivery(sequence=sequence)):
        document = orjson.loads(canonical(envelope(told, "https://market.example")))
        assert list(schema.violations(document)) == []
        assert list(schema.violations(document | {"sequence": "42"})) != []


@given(st.sampled_from(State), st.integers(0, 20))
def test_each_try_of_a_delivery_sends_the_same_bytes(state: State, tries: int) -> None:
    first = delivery(about=About.APPLICATION, kind=str(state))
    later = delivery(about=About.APPLICATION, kind=str(state), tries=tries)
    assert canonical(envelope(first)) == canonical(envelope(later))
    assert orjson.loads(canonical(envelope(first)))["type"] == f"sekisho.application.{state}"
