"""A catalog to put listings into, without the stages that come before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import insert

from pipeline.identifiers import new_id, new_reference
from pipeline.model import Application, ChangeKind, ListingVersion
from storage import tables as t
from storage.database import Database
from storage.listings import Change
from storage.memory import SqlMemory

NOON = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
"""Noon in Japan."""


class Shelf:
    """Publishes, takes out and puts back, each in a transaction of its own, a second apart."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.memory = SqlMemory(database)
        self.now = NOON
        self.sender_id = new_id()
        with database.write() as connection:
            connection.execute(
                insert(t.senders),
                {"id": self.sender_id, "name": str(self.sender_id), "created_at": NOON},
            )

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def publish(self, code: str, *, valid_until: date | None = None, **content: Any) -> UUID:
        now = self.tick()
        with self.memory.write() as tx:
            application = self._application(code, now)
            case_id = new_id()
            tx.connection.execute(
                insert(t.applications),
                {
                    "id": application.id,
                    "sender_id": self.sender_id,
                    "message_id": str(application.id),
                    "body": b"{}",
                    "body_sha256": "sha256:",
                    "received_at": now,
                },
            )
            tx.connection.execute(
                insert(t.cases),
                {
                    "id": case_id,
                    "reference": new_reference(),
                    "application_id": application.id,
                    "state": "listed",
                    "version": 1,
                    "outstanding": 0,
                    "reason": "",
                    "vendor_name": "例示株式会社",
                    "vendor_scheme": "JP-JCN",
                    "vendor_id": "7000012050002",
                    "product_name": code,
                    "opened_at": now,
                    "changed_at": now,
                },
            )
            listing_id, number = tx.listings.next_version(application)
            document = {"id": str(listing_id), "version": number, "code": code, **content}
            tx.listings.publish(ListingVersion(listing_id, number, case_id, now, document, valid_until))
        return listing_id

    @staticmethod
    def _application(code: str, now: datetime) -> Application:
        document = {
            "vendor": {"name": "例示株式会社", "identifiers": [{"scheme": "JP-JCN", "id": "7000012050002"}]},
            "product": {"code": code, "name": {"ja": code}},
        }
        return Application(new_id(), new_id(), "x", now, orjson.dumps({"data": document}), document)

    def take_out(self, listing_id: UUID, kind: ChangeKind, reason: str = "CODE") -> int:
        with self.memory.write() as tx:
            return tx.listings.take_out(listing_id, kind, self.tick(), reason)

    def put_back(self, listing_id: UUID) -> int:
        with self.memory.write() as tx:
            return tx.listings.put_back(listing_id, self.tick())

    def changes(self, after: int = 0, limit: int = 1000) -> list[Change]:
        with self.memory.read() as tx:
            return tx.listings.changes(after, limit)

    def codes(self) -> list[str]:
        """The product codes in the catalog."""
        with self.memory.read() as tx:
            return sorted(orjson.loads(each.document)["code"] for each in tx.listings.page(None, 1000))
