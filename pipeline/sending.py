"""Sending: serve one endpoint for a while.

An endpoint is served by one worker at a time: whoever holds its *lease* writes down what is due to it, sends
it one after another over one connection, and writes down what came of each. So a slow endpoint holds up one
thread and nobody else, and what is told of a subject comes in its order as long as nothing fails. Nothing is
lost when that worker is killed: the lease runs out, and what was not written down is sent again under the
same id.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from pipeline import webhook
from pipeline.delivery import (
    Attempt,
    Delivery,
    DeliverySchedule,
    DeliveryState,
    DisabledBecause,
    Due,
    Errand,
    LeaseLost,
    Outcome,
    Subscriber,
    changed,
    envelope,
)
from pipeline.documents import canonical
from pipeline.identifiers import new_id
from pipeline.model import isoformat
from pipeline.ports import Clock, Courier, Endpoint, Memory
from pipeline.webhook import SigningKey

MEDIA_TYPE = "application/cloudevents+json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sending:
    """Serves one endpoint for a while.

    ``lease`` must be longer than the longest try and ``gather`` together. ``budget`` is how long one message
    may occupy a worker; what is left then is claimed again. ``unseal`` decrypts a key.
    """

    memory: Memory
    courier: Courier
    clock: Clock
    unseal: Callable[[bytes], bytes]
    schedule: DeliverySchedule
    base_url: str = ""
    lease: timedelta = timedelta(seconds=60)
    budget: timedelta = timedelta(seconds=10)
    gather: timedelta = timedelta(seconds=1)
    draw: Callable[[], float] = random.random

    def __call__(self, errand: Errand) -> str:
        """Send what is due; say in a word how it went.

        Safe to run twice, late, or at the same time as another: only the lease's holder writes.
        """
        began = now = self.clock.now()
        lease = new_id()
        with self.memory.write() as tx:
            due = tx.deliveries.begin(errand, lease, now, now + self.lease)
        if due is None:
            return "done already"
        taken = failed = 0
        try:
            with self.courier.open(due.subscriber.url) as endpoint:
                while due is not None:
                    attempts, subscriber, because = self._send(due, endpoint)
                    taken += sum(attempt.outcome.taken for attempt in attempts)
                    failed += sum(not attempt.outcome.taken for attempt in attempts)
                    now = self.clock.now()
                    goes_on = (
                        because is None
                        and bool(attempts)
                        and now - began < self.budget
                        and not subscriber.health.rests(now)
                    )
                    with self.memory.write() as tx:
                        due = tx.deliveries.settle(
                            subscriber, lease, attempts, now, now + self.lease if goes_on else None
                        )
                        if because is not None:
                            tx.deliveries.disable(subscriber.id, because, now)
                            tx.journal.write(
                                [changed(subscriber.id, "disabled", "delivery", now, {"reason": because})]
                            )
        except LeaseLost:
            return "overtaken"
        if because is not None:
            return f"disabled: {because}"
        return f"{taken} taken" + (f", {failed} not" if failed else "")

    def _send(self, due: Due, endpoint: Endpoint) -> tuple[list[Attempt], Subscriber, DisabledBecause | None]:
        subscriber = due.subscriber
        keys = [webhook.signing_key(key.scheme, self.unseal(key.sealed)) for key in subscriber.keys]
        attempts: list[Attempt] = []
        began = self.clock.now()
        for delivery in due.deliveries:
            attempt = self._try(delivery, keys, endpoint)
            attempts.append(attempt)
            now = self.clock.now()
            health = self.schedule.health(subscriber.health, attempt.outcome, now)
            if subscriber.ordered and attempt.next_attempt_at is not None:
                # What comes after it must not overtake it.
                health = replace(health, rests_until=max(health.rests_until or now, attempt.next_attempt_at))
            subscriber = replace(subscriber, health=health)
            if attempt.outcome.status == 410:
                return attempts, subscriber, DisabledBecause.GONE
            if self.schedule.gives_up_on(health, now):
                return attempts, subscriber, DisabledBecause.FAILING
            if health.rests(now) or now - began >= self.gather:
                break
        return attempts, subscriber, None

    def _try(self, delivery: Delivery, keys: Sequence[SigningKey], endpoint: Endpoint) -> Attempt:
        began_at = self.clock.now()
        body = canonical(envelope(delivery, self.base_url))
        outcome = endpoint.post(
            {"content-type": MEDIA_TYPE, **webhook.sign(keys, str(delivery.id), began_at, body)}, body
        )
        if outcome.taken:
            return Attempt(delivery, began_at, outcome, DeliveryState.DELIVERED)
        again = self.schedule.next_attempt(delivery.tries + 1, outcome, self.clock.now(), self.draw())
        state = DeliveryState.EXHAUSTED if again is None else DeliveryState.PENDING
        return Attempt(delivery, began_at, outcome, state, again)


def ping(
    endpoint: Endpoint,
    keys: Sequence[SigningKey],
    subscriber_id: UUID,
    challenge: str,
    at: datetime,
    base_url: str = "",
) -> Outcome:
    """Send a challenge. The endpoint has passed if it took it and its answer holds the challenge.

    Whoever echoes it means to receive, and has the address that was registered: a signed message that is
    merely accepted could have gone to anybody.
    """
    message_id = str(new_id())
    event = {
        "specversion": "1.0",
        "id": message_id,
        "source": f"{base_url}/v1",
        "type": "sekisho.subscriber.ping",
        "subject": str(subscriber_id),
        "time": isoformat(at),
        "datacontenttype": "application/json",
        "data": {"challenge": challenge},
    }
    body = canonical(event)
    outcome = endpoint.post({"content-type": MEDIA_TYPE, **webhook.sign(keys, message_id, at, body)}, body)
    if outcome.taken and challenge.encode("ascii") not in outcome.answer:
        return replace(outcome, reason="challenge_missing")
    return outcome
