"""Who may send and read, and how much waits: what the database said a moment ago."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from starlette.concurrency import run_in_threadpool

from pipeline.errors import ConfigurationError
from pipeline.webhook import VerifyingKey
from storage.senders import SenderKey, SqlSenders, token_digest
from web.answers import outages_told
from web.services import Services

FRESH_FOR = timedelta(seconds=2)
"""So long a retired key or a disabled sender may still count. It saves a query a request."""

MOST_TRIED = 64
"""With more keys in force than this a sender must say who it is: each key tried costs a signature."""

OwnedKey = tuple[UUID, VerifyingKey]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The senders and the backlog at one moment."""

    at: datetime
    keys: tuple[OwnedKey, ...]
    keys_by_sender: dict[str, tuple[OwnedKey, ...]]
    senders_by_token: dict[str, UUID]
    backlog: int

    def keys_of(self, sender: str | None) -> Sequence[OwnedKey]:
        """The keys to try for a sender's name or id, or for whoever it is."""
        if sender is None:
            return self.keys if len(self.keys) <= MOST_TRIED else ()
        return self.keys_by_sender.get(sender, ())

    def bearer(self, token: str) -> UUID | None:
        """Whose token this is. Digests are compared: the time this takes tells nothing of the token."""
        return self.senders_by_token.get(token_digest(token))


class Directory:
    """Keeps one snapshot and renews it when it is asked for and old."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._loading = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._opened: dict[UUID, VerifyingKey] = {}

    async def now(self) -> Snapshot:
        """The snapshot, not older than :data:`FRESH_FOR`.

        :raises Problem: when the database cannot be asked.
        """
        snapshot = self._fresh()
        return snapshot if snapshot is not None else await run_in_threadpool(self._load)

    def _fresh(self) -> Snapshot | None:
        snapshot = self._snapshot
        if snapshot is None:
            return None
        age = self._services.clock.now() - snapshot.at
        return snapshot if timedelta() <= age < FRESH_FOR else None

    def _load(self) -> Snapshot:
        with self._loading:
            snapshot = self._fresh()
            if snapshot is None:
                snapshot = self._snapshot = self._read()
            return snapshot

    def _read(self) -> Snapshot:
        at = self._services.clock.now()
        with outages_told(), self._services.memory.read() as tx:
            roster = SqlSenders(tx.connection, self._services.cipher).roster(at)
            backlog = tx.ledger.backlog(at)
        active = [sender for sender in roster if sender.disabled_at is None]
        self._open([key for sender in active for key in sender.keys])
        by_sender: dict[str, tuple[OwnedKey, ...]] = {}
        for sender in active:
            keys = tuple((sender.id, self._opened[key.id]) for key in sender.keys if key.id in self._opened)
            by_sender[sender.name] = by_sender[str(sender.id)] = keys
        return Snapshot(
            at=at,
            keys=tuple(key for sender in active for key in by_sender[sender.name]),
            keys_by_sender=by_sender,
            senders_by_token={sender.token_sha256: sender.id for sender in active if sender.token_sha256},
            backlog=backlog,
        )

    def _open(self, keys: Sequence[SenderKey]) -> None:
        opened: dict[UUID, VerifyingKey] = {}
        for key in keys:
            try:
                opened[key.id] = self._opened.get(key.id) or key.open(self._services.cipher)
            except (ConfigurationError, ValueError):
                # One key that cannot be read must not lock the other senders out.
                log.error("sender.key_unreadable", key=str(key.id))
        self._opened = opened
