"""What is to be told to subscribers, and what came of it.

A catalog subscriber follows the feed by its cursor: its deliveries are written by whoever sends them, so that
to publish costs nothing. A sender's are written where the case changes state (:mod:`storage.cases`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    update,
)

from pipeline.delivery import (
    About,
    Attempt,
    Delivery,
    DeliveryState,
    DisabledBecause,
    Due,
    Errand,
    Health,
    Kind,
    LeaseLost,
    SealedKey,
    Subscriber,
    SubscriberState,
)
from pipeline.documents import Json
from pipeline.identifiers import new_id
from pipeline.lifecycle import State
from pipeline.model import Judgement, Verdict
from storage import tables as t
from storage.dialect import AnyRow, upsert
from storage.reviews import question_of
from storage.writes import Write, write

WINDOW = 100
"""Deliveries of the feed that may wait for one subscriber: one that is down for days costs no more rows."""

BATCH = 16
"""Deliveries that are sent before what came of them is written down, if they are quick."""

_LONGEST_LEASE = timedelta(hours=1)
_AT_ONCE = 500
_ASKING = frozenset({State.REFERRED, State.REJECTED, State.ASKED})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscriber stands. ``behind`` is how many changes of the feed are not even written down for it.

    ``oldest`` is the time of the oldest change that it has not taken.
    """

    name: str
    kind: Kind
    state: SubscriberState
    reason: str
    health: Health
    waiting: int
    delivered: int
    exhausted: int
    behind: int
    oldest: datetime | None
    sends: int


@dataclass(frozen=True, slots=True)
class StoredAttempt:
    """A try as it is kept. ``answer`` is foreign bytes."""

    number: int
    began_at: datetime
    milliseconds: int
    status: int | None
    reason: str
    answer: bytes


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery as it is kept, with its tries."""

    delivery: Delivery
    state: DeliveryState
    next_attempt_at: datetime
    settled_at: datetime | None
    attempts: tuple[StoredAttempt, ...]


class SqlDeliveries:
    """Implements :class:`pipeline.ports.Deliveries`, and what operators ask."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, now: datetime, lease: timedelta, limit: int) -> list[Errand]:
        """Lease endpoints that something is due to, at most so many at a time in all, the longest idle first.

        A lease is doubled for each time it ran out before.
        """
        values = {"now": now}
        rows = self._connection.execute(_CLAIMABLE, values | {"at_most": limit}).all()
        if not rows:
            return []
        served = int(self._connection.execute(_SERVED, values).scalar_one())
        errands = []
        for row in rows[: max(limit - served, 0)]:
            errand = Errand(row.id, row.name, new_id())
            until = now + min(lease * 2 ** min(row.sends, 20), _LONGEST_LEASE)
            self._connection.execute(_LEASE, {"wanted": row.id, "new_lease": errand.lease, "until": until})
            errands.append(errand)
        return errands

    def begin(self, errand: Errand, lease: UUID, now: datetime, until: datetime) -> Due | None:
        """Take an endpoint over under a lease of one's own: what is due to it; None if it is not ours."""
        taken = self._connection.execute(
            _TAKE_OVER,
            {"wanted": errand.subscriber_id, "held": errand.lease, "new_lease": lease, "until": until},
        )
        if taken.rowcount != 1:
            return None
        row = self._connection.execute(_SUBSCRIBER, {"wanted": errand.subscriber_id}).one()
        keys = self._connection.execute(_KEYS, {"wanted": row.id, "now": now})
        subscriber = replace(
            subscriber_of(row), keys=tuple(SealedKey(key.scheme, key.key_material) for key in keys)
        )
        return self._due_or_let_go(subscriber, lease, now)

    def settle(
        self,
        subscriber: Subscriber,
        lease: UUID,
        attempts: Sequence[Attempt],
        now: datetime,
        until: datetime | None,
    ) -> Due | None:
        """Keep what came of tries, and the endpoint's health.

        With ``until`` the lease is prolonged and what is due next is returned; when there is nothing, or
        without it, the endpoint is let go.

        :raises LeaseLost: when it is somebody else's by now; the transaction must not commit.
        """
        health = subscriber.health
        standing = {
            "wanted": subscriber.id,
            "held": lease,
            "new_failures": health.failures,
            "since": health.failing_since,
            "rest": health.rests_until,
            "until": until or now,
        }
        settled = [
            {
                "wanted_delivery": attempt.delivery.id,
                "new_state": attempt.state,
                "again": attempt.next_attempt_at or now,
                "settled": None if attempt.state is DeliveryState.PENDING else now,
                "new_tries": attempt.delivery.tries + 1,
            }
            for attempt in attempts
        ]
        kept = [
            {
                "id": new_id(),
                "delivery_id": attempt.delivery.id,
                "number": attempt.delivery.tries + 1,
                "began_at": attempt.began_at,
                "milliseconds": attempt.outcome.took // timedelta(milliseconds=1),
                "status": attempt.outcome.status,
                "reason": attempt.outcome.reason,
                # What it says when it takes something is of no use.
                "answer": b"" if attempt.outcome.taken else attempt.outcome.answer,
            }
            for attempt in attempts
        ]
        [still_ours, *_] = write(self._connection, (_STANDING, [standing]), (_SETTLE, settled), (_KEEP, kept))
        if still_ours != 1:
            raise LeaseLost(subscriber.name)
        if until is not None:
            return self._due_or_let_go(subscriber, lease, now)
        self._let_go(subscriber.id, lease, now)
        return None

    def disable(self, subscriber_id: UUID, because: DisabledBecause, at: datetime) -> None:
        """Send nothing any more."""
        self._connection.execute(_DISABLE, {"wanted": subscriber_id, "because": because, "at": at})

    def replay(self, which: ColumnElement[bool], now: datetime) -> int:
        """Send these deliveries anew, each under its own id, from its first try on; return how many."""
        return self._connection.execute(
            update(t.deliveries)
            .where(which)
            .values(state=DeliveryState.PENDING, tries=0, next_attempt_at=now, settled_at=None)
        ).rowcount

    def write_down(self, subscriber_id: UUID, after: int, limit: int, now: datetime) -> int:
        """Make deliveries of changes beyond a position, unless they are made; return the last position."""
        rows = self._connection.execute(_CHANGES, {"beyond": after, "at_most": limit}).all()
        if rows:
            write(
                self._connection,
                (
                    _PLAN,
                    [
                        {
                            "id": new_id(),
                            "subscriber_id": subscriber_id,
                            "about": About.LISTING,
                            "subject": row.listing_id,
                            "sequence": row.position,
                            "version": row.version,
                            "kind": row.kind,
                            "occurred_at": row.occurred_at,
                            "state": DeliveryState.PENDING,
                            "tries": 0,
                            "next_attempt_at": now,
                            "settled_at": None,
                        }
                        for row in rows
                    ],
                ),
            )
        return int(rows[-1].position) if rows else after

    def skip(self, subscriber_id: UUID, now: datetime) -> int:
        """Leave out whatever waits for a subscriber, in the feed too; return how many deliveries."""
        skipped = self._connection.execute(
            update(t.deliveries)
            .where(t.deliveries.c.subscriber_id == subscriber_id, _WAITS)
            .values(state=DeliveryState.SKIPPED, settled_at=now)
        ).rowcount
        self._connection.execute(
            update(t.subscribers).where(t.subscribers.c.id == subscriber_id).values(cursor=_HEAD)
        )
        return skipped

    def forget(self, before: datetime, limit: int = 10_000) -> int:
        """Drop deliveries that were made and settled before a moment, with their tries; return how many.

        What is still to be sent, and what was never taken, stays.
        """
        settled = (
            select(t.deliveries.c.id)
            .where(
                # Ids sort by the time of their making: the primary key finds the old ones.
                t.deliveries.c.id < _first_id_of(before),
                t.deliveries.c.state.in_((DeliveryState.DELIVERED, DeliveryState.SKIPPED)),
                t.deliveries.c.settled_at < before,
            )
            .order_by(t.deliveries.c.id)
            .limit(limit)
        )
        ids = list(self._connection.execute(settled).scalars())
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            attempts = t.delivery_attempts
            self._connection.execute(delete(attempts).where(attempts.c.delivery_id.in_(some)))
            self._connection.execute(delete(t.deliveries).where(t.deliveries.c.id.in_(some)))
        return len(ids)

    def standings(self, name: str | None = None) -> list[Standing]:
        """How each subscriber stands, or this one, by name."""
        query = _STANDINGS if name is None else _STANDINGS.where(t.subscribers.c.name == name)
        return [
            Standing(
                name=row.name,
                kind=Kind(row.kind),
                state=SubscriberState(row.state),
                reason=row.reason,
                health=Health(row.failures, row.failing_since, row.rests_until),
                waiting=row.waiting,
                delivered=row.delivered,
                exhausted=row.exhausted,
                behind=row.behind,
                oldest=row.oldest,
                sends=row.sends,
            )
            for row in self._connection.execute(query)
        ]

    def latest(
        self, subscriber_id: UUID, limit: int, states: Iterable[DeliveryState] = ()
    ) -> list[StoredDelivery]:
        """The latest deliveries of a subscriber, each with its tries."""
        query = (
            select(t.deliveries)
            .where(t.deliveries.c.subscriber_id == subscriber_id)
            .order_by(t.deliveries.c.sequence.desc(), t.deliveries.c.id.desc())
            .limit(limit)
        )
        if states := list(states):
            query = query.where(t.deliveries.c.state.in_(states))
        rows = self._connection.execute(query).all()
        attempts: dict[UUID, list[StoredAttempt]] = {row.id: [] for row in rows}
        tries = select(t.delivery_attempts).where(t.delivery_attempts.c.delivery_id.in_(attempts))
        for row in self._connection.execute(tries.order_by(t.delivery_attempts.c.id)):
            attempts[row.delivery_id].append(
                StoredAttempt(row.number, row.began_at, row.milliseconds, row.status, row.reason, row.answer)
            )
        return [
            StoredDelivery(
                _delivery(row),
                DeliveryState(row.state),
                row.next_attempt_at,
                row.settled_at,
                tuple(attempts[row.id]),
            )
            for row in rows
        ]

    def _due_or_let_go(self, subscriber: Subscriber, lease: UUID, now: datetime) -> Due | None:
        if subscriber.state is SubscriberState.ACTIVE:
            if subscriber.kind is Kind.CATALOG:
                self._follow(subscriber.id, now)
            due = self._due(subscriber, now)
            if due:
                return Due(subscriber, due)
        self._let_go(subscriber.id, lease, now)
        return None

    def _follow(self, subscriber_id: UUID, now: datetime) -> None:
        row = self._connection.execute(_FOLLOWED, {"wanted": subscriber_id}).one()
        if row.waiting < WINDOW and row.cursor < row.head:
            position = self.write_down(subscriber_id, row.cursor, WINDOW - row.waiting, now)
            self._connection.execute(_ADVANCE, {"wanted": subscriber_id, "position": position})

    def _due(self, subscriber: Subscriber, now: datetime) -> tuple[Delivery, ...]:
        rows = self._connection.execute(
            _IN_TURN if subscriber.ordered else _DUE, {"of": subscriber.id, "now": now}
        )
        due: list[Delivery] = []
        for row in rows:
            if row.next_attempt_at > now:
                break  # what comes after it must not overtake it
            due.append(_delivery(row))
        return tuple(self._with_what_is_asked(delivery) for delivery in due)

    def _with_what_is_asked(self, delivery: Delivery) -> Delivery:
        if delivery.about is About.LISTING or delivery.kind not in _ASKING:
            return delivery
        if delivery.kind == State.ASKED:
            asked = {"of_application": delivery.subject, "at": delivery.occurred_at}
            questions = self._connection.execute(_ASKED_WITH, asked)
            return replace(delivery, questions=tuple(map(question_of, questions)))
        outcome = self._connection.execute(
            _OUTCOME, {"of_application": delivery.subject, "at": delivery.occurred_at}
        ).scalar_one_or_none()
        return delivery if outcome is None else replace(delivery, asked=_asked(orjson.loads(outcome)))

    def _let_go(self, subscriber_id: UUID, lease: UUID, now: datetime) -> None:
        self._connection.execute(_LET_GO, {"wanted": subscriber_id, "held": lease, "until": now})


def _first_id_of(moment: datetime) -> UUID:
    """The lowest UUIDv7 of a moment."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def subscriber_of(row: AnyRow) -> Subscriber:
    """A subscriber as its row holds it; its keys are not in it."""
    return Subscriber(
        id=row.id,
        name=row.name,
        kind=Kind(row.kind),
        url=row.url,
        state=SubscriberState(row.state),
        ordered=row.ordered,
        health=Health(row.failures, row.failing_since, row.rests_until),
    )


def _delivery(row: AnyRow) -> Delivery:
    return Delivery(
        id=row.id,
        about=About(row.about),
        subject=row.subject,
        sequence=row.sequence,
        version=row.version,
        kind=row.kind,
        occurred_at=row.occurred_at,
        tries=row.tries,
    )


def _asked(outcome: Json) -> tuple[Json, ...]:
    return tuple(Judgement(Verdict.REVIEW, "", outcome).asked_of_vendor)


_WAITS = t.deliveries.c.state == DeliveryState.PENDING
_HEAD = select(t.feed_head.c.position).where(t.feed_head.c.id == 1).scalar_subquery()
_OF_IT = t.deliveries.c.subscriber_id == t.subscribers.c.id
_WAITING = (
    select(func.count())
    .select_from(t.deliveries)
    .where(_OF_IT, _WAITS)
    .correlate(t.subscribers)
    .scalar_subquery()
)
_FREE = or_(t.subscribers.c.lease.is_(None), t.subscribers.c.busy_until <= bindparam("now"))
_CLAIMABLE = (
    select(t.subscribers.c.id, t.subscribers.c.name, t.subscribers.c.sends)
    .where(
        t.subscribers.c.state == SubscriberState.ACTIVE,
        _FREE,
        or_(t.subscribers.c.rests_until.is_(None), t.subscribers.c.rests_until <= bindparam("now")),
        or_(
            exists(
                select(literal(1))
                .where(_OF_IT, _WAITS, t.deliveries.c.next_attempt_at <= bindparam("now"))
                .correlate(t.subscribers)
            ),
            and_(
                t.subscribers.c.kind == Kind.CATALOG,
                t.subscribers.c.cursor < _HEAD,
                _WAITING < WINDOW,
            ),
        ),
    )
    .order_by(t.subscribers.c.busy_until)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True, of=t.subscribers)
)
_SERVED = (
    select(func.count())
    .select_from(t.subscribers)
    .where(t.subscribers.c.lease.is_not(None), t.subscribers.c.busy_until > bindparam("now"))
)
_LEASE = (
    update(t.subscribers)
    .where(t.subscribers.c.id == bindparam("wanted"))
    .values(lease=bindparam("new_lease"), busy_until=bindparam("until"), sends=t.subscribers.c.sends + 1)
)
_HELD = and_(t.subscribers.c.id == bindparam("wanted"), t.subscribers.c.lease == bindparam("held"))
_TAKE_OVER = (
    update(t.subscribers).where(_HELD).values(lease=bindparam("new_lease"), busy_until=bindparam("until"))
)
_LET_GO = update(t.subscribers).where(_HELD).values(lease=None, busy_until=bindparam("until"), sends=0)
_STANDING = Write(
    lambda _: (
        update(t.subscribers)
        .where(_HELD)
        .values(
            failures=bindparam("new_failures"),
            failing_since=bindparam("since"),
            rests_until=bindparam("rest"),
            busy_until=bindparam("until"),
            sends=literal_column("0"),
        )
    )
)
_SETTLE = Write(
    lambda _: (
        update(t.deliveries)
        .where(t.deliveries.c.id == bindparam("wanted_delivery"))
        .values(
            state=bindparam("new_state"),
            tries=bindparam("new_tries"),
            next_attempt_at=bindparam("again"),
            settled_at=bindparam("settled"),
        )
    )
)
_KEEP = Write(lambda _: insert(t.delivery_attempts))
_DISABLE = (
    update(t.subscribers)
    .where(t.subscribers.c.id == bindparam("wanted"))
    .values(state=SubscriberState.DISABLED, reason=bindparam("because"), changed_at=bindparam("at"))
)
_SUBSCRIBER = select(t.subscribers).where(t.subscribers.c.id == bindparam("wanted"))
_KEYS = (
    select(t.subscriber_keys.c.scheme, t.subscriber_keys.c.key_material)
    .where(
        t.subscriber_keys.c.subscriber_id == bindparam("wanted"),
        or_(t.subscriber_keys.c.retires_at.is_(None), t.subscriber_keys.c.retires_at > bindparam("now")),
    )
    .order_by(t.subscriber_keys.c.id.desc())
)
_FOLLOWED = select(t.subscribers.c.cursor, _HEAD.label("head"), _WAITING.label("waiting")).where(
    t.subscribers.c.id == bindparam("wanted")
)
_ADVANCE = (
    update(t.subscribers)
    .where(t.subscribers.c.id == bindparam("wanted"))
    .values(cursor=bindparam("position"))
)
_CHANGES = (
    select(t.listing_changes)
    .where(t.listing_changes.c.position > bindparam("beyond"))
    .order_by(t.listing_changes.c.position)
    .limit(bindparam("at_most"))
)
_PLAN = Write(lambda dialect: upsert(dialect, t.deliveries).on_conflict_do_nothing())
_IN_TURN = (
    select(t.deliveries)
    .where(t.deliveries.c.subscriber_id == bindparam("of"), _WAITS)
    .order_by(t.deliveries.c.sequence, t.deliveries.c.id)
    .limit(BATCH)
)
_DUE = _IN_TURN.where(t.deliveries.c.next_attempt_at <= bindparam("now"))
_OUTCOME = (
    select(t.decisions.c.outcome)
    .join(t.cases, t.cases.c.id == t.decisions.c.case_id)
    .where(
        t.cases.c.application_id == bindparam("of_application"), t.decisions.c.decided_at <= bindparam("at")
    )
    .order_by(t.decisions.c.number.desc())
    .limit(1)
)

_ASKED_WITH = (
    # Asked with the very change: the same questions at each try, whatever became of them since.
    select(t.questions, null().label("body"))
    .join(t.cases, t.cases.c.id == t.questions.c.case_id)
    .where(t.cases.c.application_id == bindparam("of_application"), t.questions.c.asked_at == bindparam("at"))
    .order_by(t.questions.c.id)
)


def _count(state: DeliveryState) -> Any:
    return func.coalesce(func.sum(case((t.deliveries.c.state == state, 1), else_=0)), 0)


_STANDINGS = (
    select(
        t.subscribers.c.name,
        t.subscribers.c.kind,
        t.subscribers.c.state,
        t.subscribers.c.reason,
        t.subscribers.c.failures,
        t.subscribers.c.failing_since,
        t.subscribers.c.rests_until,
        t.subscribers.c.sends,
        _count(DeliveryState.PENDING).label("waiting"),
        _count(DeliveryState.DELIVERED).label("delivered"),
        _count(DeliveryState.EXHAUSTED).label("exhausted"),
        case((t.subscribers.c.kind == Kind.CATALOG, _HEAD - t.subscribers.c.cursor), else_=0).label("behind"),
        func.min(case((_WAITS, t.deliveries.c.occurred_at))).label("oldest"),
    )
    .outerjoin(t.deliveries, _OF_IT)
    .group_by(t.subscribers.c.id)
    .order_by(t.subscribers.c.name)
)
