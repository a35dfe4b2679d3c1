"""The catalog: listings, their versions and the feed of changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, insert, select, update

from pipeline.documents import canonical, sha256
from pipeline.identifiers import new_id
from pipeline.model import Application, ListingVersion
from storage import tables as t
from storage.dialect import AnyRow, conflict_insert
from storage.writes import Write, write


@dataclass(frozen=True, slots=True)
class StoredListing:
    """A listing version as it is kept: ``document`` is canonical JSON, ``sha256`` its digest."""

    listing_id: UUID
    version: int
    published_at: datetime
    document: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Change:
    """One position of the feed."""

    position: int
    kind: str
    occurred_at: datetime
    listing: StoredListing


class SqlListings:
    """Implements :class:`pipeline.ports.Listings`, and what the doors read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next_version(self, application: Application) -> tuple[UUID, int]:
        """The listing of this vendor and product code, and the version it may be published as now."""
        vendor = application.vendor_id
        row = self._connection.execute(
            _NEXT_VERSION(self._connection),
            {
                "id": new_id(),
                "vendor_scheme": vendor.scheme,
                "vendor_id": vendor.id,
                "product_code": application.product_code,
                "version": 1,
            },
        ).one()
        return row.id, row.version

    def publish(self, version: ListingVersion) -> int:
        """Keep a version and put its change at the next position of the feed, which is returned."""
        document = canonical(version.document)
        added = {
            "listing_id": version.listing_id,
            "version": version.version,
            "case_id": version.case_id,
            "published_at": version.published_at,
            "document": document,
            "document_sha256": sha256(document),
        }
        position = int(self._connection.execute(_ADVANCE).scalar_one())
        change = {
            "position": position,
            "kind": "published",
            "listing_id": version.listing_id,
            "version": version.version,
            "occurred_at": version.published_at,
        }
        write(self._connection, (_ADD_VERSION, [added]), (_ADD_CHANGE, [change]))
        return position

    def current(self, listing_id: UUID) -> StoredListing | None:
        """The version of a listing that is in force."""
        row = self._connection.execute(_CURRENT, {"wanted": listing_id}).one_or_none()
        return None if row is None else _stored(row)

    def page(self, after: UUID | None, limit: int) -> list[StoredListing]:
        """Listings in force, in the order of their ids, from beyond ``after``."""
        query = _IN_FORCE.order_by(t.listings.c.id).limit(limit)
        if after is not None:
            query = query.where(t.listings.c.id > after)
        return [_stored(row) for row in self._connection.execute(query)]

    def changes(self, after: int, limit: int) -> list[Change]:
        """Changes beyond a position, the oldest first, each with the listing version it brought."""
        rows = self._connection.execute(_CHANGES, {"beyond": after, "at_most": limit})
        return [Change(row.position, row.kind, row.occurred_at, _stored(row)) for row in rows]

    def head(self) -> int:
        """The position of the newest change, 0 before the first."""
        return int(self._connection.execute(select(t.feed_head.c.position)).scalar_one())

    def count(self) -> int:
        """How many listings there are."""
        return int(self._connection.execute(select(func.count()).select_from(t.listings)).scalar_one())


def _stored(row: AnyRow) -> StoredListing:
    return StoredListing(row.listing_id, row.version, row.published_at, row.document, row.document_sha256)


_NEXT_VERSION = conflict_insert(
    t.listings,
    lambda add: add.on_conflict_do_update(
        index_elements=["vendor_scheme", "vendor_id", "product_code"],
        set_={"version": t.listings.c.version + 1},
    ).returning(t.listings.c.id, t.listings.c.version),
)
_ADD_VERSION = Write(lambda _: insert(t.listing_versions))
_ADD_CHANGE = Write(lambda _: insert(t.listing_changes))
_ADVANCE = (
    update(t.feed_head)
    .where(t.feed_head.c.id == 1)
    .values(position=t.feed_head.c.position + 1)
    .returning(t.feed_head.c.position)
)
_IN_FORCE = select(
    t.listing_versions.c.listing_id,
    t.listing_versions.c.version,
    t.listing_versions.c.published_at,
    t.listing_versions.c.document,
    t.listing_versions.c.document_sha256,
).join(
    t.listings,
    (t.listings.c.id == t.listing_versions.c.listing_id)
    & (t.listings.c.version == t.listing_versions.c.version),
)
_CURRENT = _IN_FORCE.where(t.listings.c.id == bindparam("wanted"))
_CHANGES = (
    select(
        t.listing_changes,
        t.listing_versions.c.published_at,
        t.listing_versions.c.document,
        t.listing_versions.c.document_sha256,
    )
    .join(
        t.listing_versions,
        (t.listing_versions.c.listing_id == t.listing_changes.c.listing_id)
        & (t.listing_versions.c.version == t.listing_changes.c.version),
    )
    .where(t.listing_changes.c.position > bindparam("beyond"))
    .order_by(t.listing_changes.c.position)
    .limit(bindparam("at_most"))
)
