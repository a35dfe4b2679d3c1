"""Who is told of changes: registration, keys, and what an operator does with a subscriber.

The keys that we sign with are encrypted at rest by the cipher of the senders' keys. A sender's endpoint has
the name ``sender:`` and the sender's name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from pipeline.delivery import (
    WELL,
    DeliveryState,
    DisabledBecause,
    Kind,
    SealedKey,
    Subscriber,
    SubscriberState,
)
from pipeline.errors import SekishoError
from pipeline.identifiers import new_id
from pipeline.webhook import PrivateKey, SharedSecret, SigningKey, signing_key
from storage import tables as t
from storage.deliveries import SqlDeliveries, subscriber_of
from storage.dialect import AnyRow
from storage.senders import Cipher

SENDER_PREFIX = "sender:"
MOST_REPLAYED = 10_000
"""Positions of one replay: who lacks more reads the feed, or the snapshot."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)


class SubscriberError(SekishoError):
    """What was asked cannot be done. ``kind`` is ``unknown``, ``exists``, ``invalid`` or ``state``."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class SubscriberKey:
    """A key that signs, without its secret. ``public`` is the text of a v1a key's public half."""

    scheme: str
    created_at: datetime
    retires_at: datetime | None
    public: str


@dataclass(frozen=True, slots=True)
class Registered:
    """What is handed over, once: ``key`` is the shared secret, or the public key of a pair of ours."""

    id: UUID
    name: str
    key: str = field(repr=False)


class SqlSubscribers:
    """The subscribers in the database."""

    def __init__(self, connection: Connection, cipher: Cipher) -> None:
        self._connection = connection
        self._cipher = cipher

    def add(
        self,
        name: str,
        url: str,
        at: datetime,
        *,
        after: int | None = None,
        ordered: bool = False,
        pair: bool = False,
    ) -> Registered:
        """A new catalog subscriber with a key; nothing is sent until its endpoint echoed a challenge.

        It is told of what comes after a position of the feed, by default of what is new from now on. With
        ``pair`` we sign with a key pair (v1a), else with a shared secret (v1).

        :raises SubscriberError: when the name is taken or is none, or the feed has not come to that position.
        """
        if _NAME.fullmatch(name) is None:
            raise SubscriberError(
                "invalid", "a name has 1 to 100 lower-case letters, digits and signs of . _ -"
            )
        head = int(self._connection.execute(select(t.feed_head.c.position)).scalar_one())
        if after is not None and not 0 <= after <= head:
            raise SubscriberError("invalid", f"the feed goes from 0 to {head}")
        return self._add(name, Kind.CATALOG, None, url, at, head if after is None else after, ordered, pair)

    def set_endpoint(self, sender: str, url: str, at: datetime, *, pair: bool = False) -> Registered:
        """The endpoint of a sender, with a fresh key; another one that it had is put in its place.

        What waited for the old one waits for the new one, which has to echo a challenge first.

        :raises SubscriberError: when there is no such sender, or it is disabled.
        """
        row = self._connection.execute(select(t.senders).where(t.senders.c.name == sender)).one_or_none()
        if row is None:
            raise SubscriberError("unknown", f"there is no sender {sender}")
        if row.disabled_at is not None:
            raise SubscriberError("state", f"the sender {sender} is disabled")
        name = SENDER_PREFIX + sender
        present = self._connection.execute(
            select(t.subscribers.c.id).where(t.subscribers.c.sender_id == row.id)
        ).scalar_one_or_none()
        if present is None:
            return self._add(name, Kind.SENDER, row.id, url, at, 0, False, pair)
        self._connection.execute(
            delete(t.subscriber_keys).where(t.subscriber_keys.c.subscriber_id == present)
        )
        self._change(present, at, url=url, state=SubscriberState.PENDING, reason="", lease=None, **_WELL)
        return Registered(present, name, self._add_key(present, at, pair=pair))

    def rotate(self, name: str, at: datetime, retires_at: datetime, *, pair: bool = False) -> Registered:
        """A new key; until the old ones retire each message is signed with all of them.

        :raises SubscriberError: when there is no such subscriber.
        """
        subscriber = self.named(name, at)
        keys = t.subscriber_keys
        self._connection.execute(
            update(keys)
            .where(
                keys.c.subscriber_id == subscriber.id,
                # One that was to end earlier still does.
                or_(keys.c.retires_at.is_(None), keys.c.retires_at > retires_at),
            )
            .values(retires_at=retires_at)
        )
        return Registered(subscriber.id, name, self._add_key(subscriber.id, at, pair=pair))

    def activate(self, subscriber_id: UUID, at: datetime) -> None:
        """Its endpoint has echoed the challenge: send from now on; what waits is due at once."""
        self._change(subscriber_id, at, state=SubscriberState.ACTIVE, reason="", **_WELL)
        self._connection.execute(
            update(t.deliveries)
            .where(
                t.deliveries.c.subscriber_id == subscriber_id,
                t.deliveries.c.state == DeliveryState.PENDING,
                t.deliveries.c.next_attempt_at > at,
            )
            .values(next_attempt_at=at)
        )

    def disable(self, name: str, at: datetime) -> Subscriber:
        """Send nothing until it is enabled. What happens meanwhile waits.

        :raises SubscriberError: when there is no such subscriber, or it is disabled already.
        """
        subscriber = self.named(name, at)
        if subscriber.state is SubscriberState.DISABLED:
            raise SubscriberError("state", f"{name} is disabled already")
        SqlDeliveries(self._connection).disable(subscriber.id, DisabledBecause.OPERATOR, at)
        return subscriber

    def remove(self, name: str, at: datetime) -> Subscriber:
        """Take a subscriber out, with its keys and all that was or is to be delivered to it.

        :raises SubscriberError: when there is no such subscriber.
        """
        subscriber = self.named(name, at)
        its = select(t.deliveries.c.id).where(t.deliveries.c.subscriber_id == subscriber.id)
        for statement in (
            delete(t.delivery_attempts).where(t.delivery_attempts.c.delivery_id.in_(its)),
            delete(t.deliveries).where(t.deliveries.c.subscriber_id == subscriber.id),
            delete(t.subscriber_keys).where(t.subscriber_keys.c.subscriber_id == subscriber.id),
            delete(t.subscribers).where(t.subscribers.c.id == subscriber.id),
        ):
            self._connection.execute(statement)
        return subscriber

    def replay_one(self, name: str, delivery_id: UUID, at: datetime) -> int:
        """Send one delivery anew, under its id; 0 where it has no such delivery.

        :raises SubscriberError: when there is no such subscriber.
        """
        return self._replay(name, at, t.deliveries.c.id == delivery_id)

    def replay_in_state(self, name: str, states: Sequence[DeliveryState], at: datetime) -> int:
        """Send all deliveries in these states anew; return how many.

        :raises SubscriberError: when there is no such subscriber.
        """
        return self._replay(name, at, t.deliveries.c.state.in_(states))

    def replay_range(self, name: str, first: int, last: int, at: datetime) -> int:
        """Send these positions of the feed anew; those that it was never told of too. Return how many.

        :raises SubscriberError: when there is no such subscriber, it does not follow the feed, or these are
            no positions of the feed, or more than :data:`MOST_REPLAYED`.
        """
        subscriber = self.named(name, at)
        if subscriber.kind is not Kind.CATALOG:
            raise SubscriberError("invalid", f"{name} does not follow the feed")
        head = int(self._connection.execute(select(t.feed_head.c.position)).scalar_one())
        if not 1 <= first <= last <= head or last - first >= MOST_REPLAYED:
            raise SubscriberError(
                "invalid", f"the feed goes from 1 to {head}; {MOST_REPLAYED} positions at a time"
            )
        SqlDeliveries(self._connection).write_down(subscriber.id, first - 1, last - first + 1, at)
        return self._replay(name, at, t.deliveries.c.sequence.between(first, last))

    def named(self, name: str, at: datetime) -> Subscriber:
        """The subscriber of this name, with the keys that sign now.

        :raises SubscriberError: when there is none.
        """
        row = self._connection.execute(
            select(t.subscribers).where(t.subscribers.c.name == name)
        ).one_or_none()
        if row is None:
            raise SubscriberError("unknown", f"there is no subscriber {name}")
        keys = tuple(SealedKey(key.scheme, key.key_material) for key in self._keys(row.id, at))
        return replace(subscriber_of(row), keys=keys)

    def signing_keys(self, subscriber: Subscriber) -> list[SigningKey]:
        """The keys that sign now, the newest first.

        :raises ConfigurationError: when none of the cipher's keys encrypted one.
        """
        return [signing_key(key.scheme, self._cipher.decrypt(key.sealed)) for key in subscriber.keys]

    def keys(self, subscriber: Subscriber, at: datetime) -> list[SubscriberKey]:
        """The keys that sign now, without their secrets."""
        keys = []
        for row in self._keys(subscriber.id, at):
            key = signing_key(row.scheme, self._cipher.decrypt(row.key_material))
            public = key.public.text if isinstance(key, PrivateKey) else ""
            keys.append(SubscriberKey(row.scheme, row.created_at, row.retires_at, public))
        return keys

    def _keys(self, subscriber_id: UUID, at: datetime) -> Sequence[AnyRow]:
        keys = t.subscriber_keys
        return self._connection.execute(
            select(keys)
            .where(
                keys.c.subscriber_id == subscriber_id,
                or_(keys.c.retires_at.is_(None), keys.c.retires_at > at),
            )
            .order_by(keys.c.id.desc())
        ).all()

    def _add(
        self,
        name: str,
        kind: Kind,
        sender_id: UUID | None,
        url: str,
        at: datetime,
        cursor: int,
        ordered: bool,
        pair: bool,
    ) -> Registered:
        known = select(t.subscribers.c.id).where(t.subscribers.c.name == name)
        if self._connection.execute(known).one_or_none() is not None:
            raise SubscriberError("exists", f"there is a subscriber {name} already")
        subscriber_id = new_id()
        self._connection.execute(
            insert(t.subscribers).values(
                id=subscriber_id,
                name=name,
                kind=kind,
                sender_id=sender_id,
                url=url,
                state=SubscriberState.PENDING,
                reason="",
                ordered=ordered,
                cursor=cursor,
                busy_until=at,
                sends=0,
                created_at=at,
                changed_at=at,
                **_WELL,
            )
        )
        return Registered(subscriber_id, name, self._add_key(subscriber_id, at, pair=pair))

    def _add_key(self, subscriber_id: UUID, at: datetime, *, pair: bool) -> str:
        key: PrivateKey | SharedSecret = PrivateKey.new() if pair else SharedSecret.new()
        material = key.seed if isinstance(key, PrivateKey) else key.material
        self._connection.execute(
            insert(t.subscriber_keys).values(
                id=new_id(),
                subscriber_id=subscriber_id,
                scheme=key.scheme,
                key_material=self._cipher.encrypt(material),
                created_at=at,
            )
        )
        return key.public.text if isinstance(key, PrivateKey) else key.text

    def _replay(self, name: str, at: datetime, which: ColumnElement[bool]) -> int:
        subscriber = self.named(name, at)
        return SqlDeliveries(self._connection).replay(
            and_(t.deliveries.c.subscriber_id == subscriber.id, which), at
        )

    def _change(self, subscriber_id: UUID, at: datetime, **values: Any) -> None:
        self._connection.execute(
            update(t.subscribers).where(t.subscribers.c.id == subscriber_id).values(changed_at=at, **values)
        )


_WELL: dict[str, Any] = {
    "failures": WELL.failures,
    "failing_since": WELL.failing_since,
    "rests_until": WELL.rests_until,
}
