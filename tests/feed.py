"""Changes in the feed, written as a publication writes them, without the cases before it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from pipeline.identifiers import new_id
from storage import tables as t
from storage.database import Database

SENDER = "of-the-feed"


def publish(database: Database, count: int, at: datetime | None = None) -> None:
    """Put so many changes into the feed, each the first version of a listing of its own."""
    at = at or datetime.now(UTC)
    with database.write() as connection:
        known = select(t.senders.c.id).where(t.senders.c.name == SENDER)
        sender_id = connection.execute(known).scalar_one_or_none()
        if sender_id is None:
            sender_id = new_id()
            connection.execute(insert(t.senders).values(id=sender_id, name=SENDER, created_at=at))
        head = connection.execute(
            update(t.feed_head)
            .values(position=t.feed_head.c.position + count)
            .returning(t.feed_head.c.position)
        ).scalar_one()
        for position in range(head - count + 1, head + 1):
            _list(connection, position, sender_id, at)


def _list(connection: Connection, position: int, sender_id: object, at: datetime) -> None:
    case, application, listing = new_id(), new_id(), new_id()
    add = connection.execute
    add(
        insert(t.applications).values(
            id=application, sender_id=sender_id, message_id=str(application), body=b"{}", body_sha256="",
            received_at=at,
        )
    )  # fmt: skip
    add(
        insert(t.cases).values(
            id=case, reference=f"SK-{position:09d}", application_id=application, state="listed", version=1,
            outstanding=0, reason="", vendor_name="", vendor_scheme="", vendor_id="", product_name="",
            opened_at=at, changed_at=at,
        )
    )  # fmt: skip
    add(
        insert(t.listings).values(
            id=listing, vendor_scheme="JP-JCN", vendor_id=str(position), product_code="x", version=1
        )
    )
    add(
        insert(t.listing_versions).values(
            listing_id=listing, version=1, case_id=case, published_at=at, document=b"{}", document_sha256=""
        )
    )
    add(
        insert(t.listing_changes).values(
            position=position, kind="published", listing_id=listing, version=1, occurred_at=at
        )
    )
