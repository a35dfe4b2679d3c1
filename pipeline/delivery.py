"""Delivery: tell subscribers what changed, by signed hints that keep coming until each was taken.

A catalog service subscribes to the feed, a sender to its own applications; both are served alike. A delivery
is a row with the id that all its tries carry (``webhook-id``). It is thin: it says what changed, where in the
order, and where to read the present state, so that a receiver may get it twice, late or out of turn.

:mod:`pipeline.sending` does the work; here are its words, the schedule and the envelope.

Source: Standard Webhooks 1.0.0 ("Operational considerations"), CloudEvents 1.0.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from pipeline import lifecycle
from pipeline.documents import Json
from pipeline.errors import SekishoError
from pipeline.lifecycle import State
from pipeline.model import Event, Text, isoformat
from pipeline.review.model import Question
from pipeline.review.words import asked

ANSWER_LIMIT = 1024
"""Bytes of an endpoint's answer that are read at all."""

MOST_ASKED = 10
"""Points of what is asked of a vendor that a notification names; the status resource has them all."""


class Kind(StrEnum):
    """Whom a subscriber stands for."""

    CATALOG = "catalog"
    """A catalog service: told of every change in the feed."""
    SENDER = "sender"
    """A sender: told of every change of state of its own applications."""


class SubscriberState(StrEnum):
    """Whether anything is sent."""

    PENDING = "pending"
    """Its endpoint has not yet answered the challenge: nothing is sent."""
    ACTIVE = "active"
    DISABLED = "disabled"
    """By an operator or by itself; what happens meanwhile waits until it is enabled."""


class DisabledBecause(StrEnum):
    """Why nothing is sent any more."""

    OPERATOR = "operator"
    GONE = "gone"
    """The endpoint answered 410."""
    FAILING = "failing"
    """Nothing was taken for days."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    """Never taken, all its tries used up. It can be replayed."""
    SKIPPED = "skipped"
    """Left out by an operator."""


class About(StrEnum):
    """What a delivery is about."""

    LISTING = "listing"
    APPLICATION = "application"


class UnusableAddress(SekishoError):
    """An endpoint's address cannot be used. ``code`` is closed, ``text`` says it to people."""

    def __init__(self, code: str, text: Text) -> None:
        super().__init__(text.en)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint has been of late: its circuit breaker.

    ``failures`` is their number in succession, ``failing_since`` the time of the first of them; until
    ``rests_until`` nothing is sent.
    """

    failures: int = 0
    failing_since: datetime | None = None
    rests_until: datetime | None = None

    def rests(self, now: datetime) -> bool:
        """Whether nothing may be sent now."""
        return self.rests_until is not None and self.rests_until > now


WELL = Health()
"""Nothing is amiss."""


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A key that we sign with, as it is kept: encrypted."""

    scheme: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whom to tell, and where. ``keys`` are those that sign now, the newest first."""

    id: UUID
    name: str
    kind: Kind
    url: str
    state: SubscriberState
    ordered: bool
    health: Health
    keys: tuple[SealedKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to tell one subscriber.

    ``sequence`` orders what is told of one subject: the position in the feed, or the version of the case.
    ``kind`` is the feed's word for the change, or the case's new state. ``asked`` is what stands in the way
    of an application, ``questions`` what its vendor was asked with this change. ``tries`` counts those that
    failed.
    """

    id: UUID
    about: About
    subject: UUID
    sequence: int
    version: int
    kind: str
    occurred_at: datetime
    tries: int
    asked: tuple[Json, ...] = ()
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try.

    ``status`` is the HTTP status, None where none came. ``reason`` is empty for a success, else a code of
    ``docs/reasons.md``. ``answer`` is the beginning of what came back, foreign bytes.
    """

    status: int | None
    reason: str
    took: timedelta
    retry_after: timedelta | None = None
    answer: bytes = field(default=b"", repr=False)

    @property
    def taken(self) -> bool:
        """Whether the endpoint took it: any 2xx, nothing else."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, and what follows from it for the delivery.

    ``next_attempt_at`` is set while the delivery is still pending.
    """

    delivery: Delivery
    began_at: datetime
    outcome: Outcome
    state: DeliveryState
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliverySchedule:
    """When what was not taken is sent again, and when an endpoint is left alone.

    ``delays`` are the waits between tries, as Standard Webhooks proposes them (75.6 h in all); jitter makes
    each longer by up to a tenth. An endpoint that failed ``failures`` times in succession rests, twice as
    long each time it fails again, up to ``longest_rest``. One that took nothing for ``disable_after`` is
    disabled.
    """

    delays: tuple[timedelta, ...] = (
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
        timedelta(hours=14),
        timedelta(hours=20),
        timedelta(hours=24),
    )
    failures: int = 5
    rest: timedelta = timedelta(seconds=30)
    longest_rest: timedelta = timedelta(hours=1)
    disable_after: timedelta = timedelta(days=5)

    def next_attempt(self, tries: int, outcome: Outcome, now: datetime, draw: float) -> datetime | None:
        """When to try again after ``tries`` failures, None if no more. ``draw`` lies in [0, 1).

        What the endpoint asks for by Retry-After counts where it is later than our own delay.
        """
        if tries > len(self.delays):
            return None
        delay = self.delays[tries - 1] * (1 + 0.1 * draw)
        return now + max(delay, outcome.retry_after or timedelta())

    def health(self, before: Health, outcome: Outcome, now: datetime) -> Health:
        """How the endpoint is after this outcome."""
        if outcome.taken:
            return WELL
        failures = before.failures + 1
        rest = timedelta()
        if failures >= self.failures:
            doublings = min(failures - self.failures, 30)
            rest = min(self.rest * 2**doublings, self.longest_rest)
        if outcome.status is None or outcome.status == 429 or outcome.status >= 500:
            # It asks to be spared, or is not there: the others for it wait as well, not only this one.
            rest = max(rest, outcome.retry_after or timedelta(), min(self.delays[0], self.rest))
        return Health(failures, before.failing_since or now, now + rest if rest else None)

    def gives_up_on(self, health: Health, now: datetime) -> bool:
        """Whether an endpoint in this state is disabled."""
        return health.failing_since is not None and now - health.failing_since >= self.disable_after


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be sent to a subscriber now, in turn."""

    subscriber: Subscriber
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Errand:
    """An endpoint that something is due to, leased to whoever gets the message."""

    subscriber_id: UUID
    name: str
    lease: UUID


class LeaseLost(SekishoError):
    """Somebody else serves the endpoint by now; the transaction must not commit."""


def envelope(delivery: Delivery, base_url: str = "") -> dict[str, Any]:
    """What is sent: a CloudEvent in structured JSON. The same for every try of a delivery.

    ``source`` and ``id`` together name the event, as CloudEvents wants it; ``sequence`` sorts as text.
    """
    document, source = (
        (_of_listing(delivery, base_url), f"{base_url}/v1/listings/changes")
        if delivery.about is About.LISTING
        else (_of_application(delivery, base_url), f"{base_url}/v1/applications")
    )
    return {
        "specversion": "1.0",
        "id": str(delivery.id),
        "source": source,
        "type": f"sekisho.{delivery.about}.{delivery.kind}",
        "subject": str(delivery.subject),
        "time": isoformat(delivery.occurred_at),
        "sequence": f"{delivery.sequence:016d}",
        "datacontenttype": "application/json",
        "data": document,
    }


def _of_listing(delivery: Delivery, base_url: str) -> dict[str, Any]:
    return {
        "position": delivery.sequence,
        "listing_id": str(delivery.subject),
        "version": delivery.version,
        "kind": delivery.kind,
        "links": {
            "listing": f"{base_url}/v1/listings/{delivery.subject}",
            "changes": f"{base_url}/v1/listings/changes?after={delivery.sequence - 1}",
        },
    }


def _of_application(delivery: Delivery, base_url: str) -> dict[str, Any]:
    state = State(delivery.kind)
    ja, en = lifecycle.MEANING[state]
    return {
        "application_id": str(delivery.subject),
        "version": delivery.version,
        "state": {"code": str(state), "ja": ja, "en": en},
        "final": state in lifecycle.FINAL,
        "asked_of_vendor": [
            {key: point.get(key) for key in ("rule", "reason", "message", "remedy")}
            for point in delivery.asked[:MOST_ASKED]
        ],
        # Without the reviewer's own words: those are read where the vendor proves who it is.
        "questions": [asked(question) for question in delivery.questions],
        "links": {"application": f"{base_url}/v1/applications/{delivery.subject}"},
    }


def changed(
    subscriber_id: UUID,
    what: str,
    by: str,
    at: datetime,
    data: Mapping[str, str | int] = MappingProxyType({}),
) -> Event:
    """For the journal: something was done to a subscriber, such as ``disabled``. No address, no key."""
    return Event(subscriber_id, f"subscriber.{what}", by, at, {"subscriber": str(subscriber_id), **data})
