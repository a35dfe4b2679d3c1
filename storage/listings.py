"""The catalog: listings, their versions and the feed of changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, bindparam, delete, func, insert, literal_column, or_, select, update

from pipeline.documents import canonical, sha256
from pipeline.errors import LifecycleError
from pipeline.identifiers import new_id
from pipeline.model import Application, ChangeKind, ListingVersion, Standing, isoformat
from pipeline.validity import end_of
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
    """One position of the feed. ``listing`` is the version that the listing is in the catalog with, None
    where the change took it out; ``reason`` is the code why, ``""`` where it is in.
    """

    position: int
    kind: ChangeKind
    listing_id: UUID
    version: int
    occurred_at: datetime
    reason: str
    listing: StoredListing | None


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
            "kind": ChangeKind.PUBLISHED,
            "listing_id": version.listing_id,
            "version": version.version,
            "occurred_at": version.published_at,
            "reason": "",
        }
        stands = {
            **_stands(change),
            "new_valid_until": version.valid_until,
            "new_expires_at": _expiry(version.valid_until),
        }
        write(
            self._connection, (_ADD_VERSION, [added]), (_ADD_CHANGE, [change]), (_STAND_PUBLISHED, [stands])
        )
        return position

    def take_out(self, listing_id: UUID, kind: ChangeKind, at: datetime, reason: str) -> int:
        """Take a listing out of the catalog and return the position of its tombstone in the feed.

        As :meth:`pipeline.ports.Listings.take_out` says.
        """
        if not kind.is_out:
            raise LifecycleError(f"{kind} does not take a listing out")
        standing = self._locked(listing_id)
        if (standing.kind, standing.reason) == (kind, reason):
            return standing.position
        return self._change(standing, kind, at, reason, expires_at=None)

    def put_back(self, listing_id: UUID, at: datetime) -> int:
        """Put a listing back as it was and return the feed's position.

        As :meth:`pipeline.ports.Listings.put_back` says.
        """
        standing = self._locked(listing_id)
        if not standing.kind.is_out:
            return standing.position
        expires_at = _expiry(standing.valid_until)
        if expires_at is not None and expires_at <= at:
            if standing.kind is ChangeKind.EXPIRED:
                return standing.position
            return self._change(standing, ChangeKind.EXPIRED, at, VALIDITY_ENDED, expires_at=None)
        return self._change(standing, ChangeKind.RESTORED, at, "", expires_at=expires_at)

    def _locked(self, listing_id: UUID) -> Standing:
        # The row's lock is held until the commit: two changes of one listing come one after the other. It is
        # taken before the row is read with its version, which a publication may be changing just now.
        self._connection.execute(_LOCK, {"wanted": listing_id})
        standing = self.standing(listing_id)
        if standing is None:
            raise LifecycleError(f"there is no listing {listing_id}")
        return standing

    def _change(
        self, standing: Standing, kind: ChangeKind, at: datetime, reason: str, *, expires_at: datetime | None
    ) -> int:
        position = int(self._connection.execute(_ADVANCE).scalar_one())
        change = {
            "position": position,
            "kind": kind,
            "listing_id": standing.listing_id,
            "version": standing.version,
            "occurred_at": at,
            "reason": reason,
        }
        stands = {**_stands(change), "new_expires_at": expires_at}
        write(self._connection, (_ADD_CHANGE, [change]), (_STAND, [stands]))
        return position

    def expiring(self, now: datetime, limit: int) -> list[UUID]:
        """Listings in the catalog whose validity has ended, the longest ended first."""
        query = (
            select(t.listings.c.id)
            .where(t.listings.c.expires_at <= now)
            .order_by(t.listings.c.expires_at, t.listings.c.id)
            .limit(limit)
        )
        return list(self._connection.execute(query).scalars())

    def expire(self, listing_id: UUID, now: datetime) -> Standing | None:
        """Take a listing out whose validity has ended; its standing then, None if it has not (any more)."""
        standing = self._locked(listing_id)
        expires_at = _expiry(standing.valid_until)
        if standing.kind.is_out or expires_at is None or now < expires_at:
            return None
        self._change(standing, ChangeKind.EXPIRED, now, VALIDITY_ENDED, expires_at=None)
        return self.standing(listing_id)

    def standing(self, listing_id: UUID) -> Standing | None:
        """What stands of a listing, in the catalog or out of it; None where there is none."""
        row = self._connection.execute(_STANDING_OF, {"wanted": listing_id}).one_or_none()
        return None if row is None else _standing(row)

    def current(self, listing_id: UUID) -> StoredListing | None:
        """The version of a listing that is in the catalog."""
        row = self._connection.execute(CURRENT, {"wanted": listing_id}).one_or_none()
        return None if row is None else stored_listing(row)

    def page(self, after: UUID | None, limit: int) -> list[StoredListing]:
        """Listings in the catalog, in the order of their ids, from beyond ``after``."""
        rows = self._connection.execute(PAGE, {"beyond": after or UUID(int=0), "at_most": limit})
        return [stored_listing(row) for row in rows]

    def changes(self, after: int, limit: int) -> list[Change]:
        """Changes beyond a position, the oldest first, each with the listing version it brought.

        Where the first of them is not at ``after + 1``, those between are no longer kept.
        """
        rows = self._connection.execute(CHANGES, {"beyond": after, "at_most": limit})
        return [change_of(*row) for row in rows]

    def forget_changes(self, before: datetime) -> int:
        """Drop from the feed what comes before the first change that is not older; return how many.

        The newest change stays, however old: it tells this feed from another one at the same position.
        """
        newer = (
            select(t.listing_changes.c.position)
            .where(t.listing_changes.c.occurred_at >= before)
            .order_by(t.listing_changes.c.position)
            .limit(1)
            .scalar_subquery()
        )
        first_kept = func.coalesce(newer, select(t.feed_head.c.position).scalar_subquery())
        done = self._connection.execute(
            delete(t.listing_changes).where(t.listing_changes.c.position < first_kept)
        )
        return done.rowcount

    def mark(self, position: int) -> str | None:
        """What tells this feed at a position from another one; None where the position is not kept."""
        if position == 0 and self.oldest() == 0:
            return "0"
        row = self._connection.execute(
            select(t.listing_changes.c.listing_id, t.listing_changes.c.occurred_at).where(
                t.listing_changes.c.position == position
            )
        ).one_or_none()
        if row is None:
            return None
        return sha256(f"{row.listing_id} {isoformat(row.occurred_at)}".encode()).removeprefix("sha256:")[:16]

    def head(self) -> int:
        """The position of the newest change, 0 before the first."""
        return int(self._connection.execute(HEAD).scalar_one())

    def oldest(self) -> int:
        """The smallest cursor from which the feed can still be followed."""
        first = self._connection.execute(select(func.min(t.listing_changes.c.position))).scalar_one()
        return self.head() if first is None else int(first) - 1

    def count(self) -> int:
        """How many listings are in the catalog."""
        counted = select(func.count()).select_from(t.listings).where(IS_IN)
        return int(self._connection.execute(counted).scalar_one())


VALIDITY_ENDED = "VALIDITY_ENDED"
"""The reason code of a listing that expired."""


def _expiry(valid_until: date | None) -> datetime | None:
    return None if valid_until is None else end_of(valid_until)


def _stands(change: dict[str, Any]) -> dict[str, Any]:
    return {
        "of_listing": change["listing_id"],
        "new_standing": change["kind"],
        "new_reason": change["reason"],
        "new_changed_at": change["occurred_at"],
        "new_position": change["position"],
    }


def stored_listing(row: AnyRow) -> StoredListing:
    """The listing version of a row of :data:`IN_CATALOG`."""
    return StoredListing(row.listing_id, row.version, row.published_at, row.document, row.document_sha256)


def item(listing: StoredListing) -> dict[str, Any]:
    """A listing as pages and snapshots show it; the document goes out as it is kept."""
    return {
        "listing_id": str(listing.listing_id),
        "version": listing.version,
        "published_at": isoformat(listing.published_at),
        "digest": listing.sha256,
        "data": orjson.Fragment(listing.document),
    }


def change_of(
    position: int,
    kind: str,
    listing_id: UUID,
    version: int,
    occurred_at: datetime,
    reason: str,
    published_at: datetime,
    document: bytes,
    digest: str,
) -> Change:
    """The change in a row of :data:`CHANGES`."""
    known = ChangeKind(kind)
    listing = None if known.is_out else StoredListing(listing_id, version, published_at, document, digest)
    return Change(position, known, listing_id, version, occurred_at, reason, listing)


def _standing(row: AnyRow) -> Standing:
    return Standing(
        listing_id=row.id,
        case_id=row.case_id,
        version=row.version,
        kind=ChangeKind(row.standing),
        reason=row.reason,
        since=row.changed_at,
        position=row.position,
        valid_until=row.valid_until,
    )


IS_IN = or_(*(t.listings.c.standing == literal_column(f"'{kind}'") for kind in ChangeKind if not kind.is_out))
_NEXT_VERSION = conflict_insert(
    t.listings,
    lambda add: add.on_conflict_do_update(
        index_elements=["vendor_scheme", "vendor_id", "product_code"],
        set_={"version": t.listings.c.version + 1},
    ).returning(t.listings.c.id, t.listings.c.version),
)
_ADD_VERSION = Write(lambda _: insert(t.listing_versions))
_ADD_CHANGE = Write(lambda _: insert(t.listing_changes))
_STANDS: dict[str, Any] = {
    "standing": bindparam("new_standing"),
    "reason": bindparam("new_reason"),
    "changed_at": bindparam("new_changed_at"),
    "position": bindparam("new_position"),
    "expires_at": bindparam("new_expires_at"),
}
_STAND = Write(lambda _: update(t.listings).where(t.listings.c.id == bindparam("of_listing")).values(_STANDS))
_STAND_PUBLISHED = Write(
    lambda _: (
        update(t.listings)
        .where(t.listings.c.id == bindparam("of_listing"))
        .values({**_STANDS, "valid_until": bindparam("new_valid_until")})
    )
)
HEAD = select(t.feed_head.c.position)
_ADVANCE = (
    update(t.feed_head)
    .where(t.feed_head.c.id == 1)
    .values(position=t.feed_head.c.position + 1)
    .returning(t.feed_head.c.position)
)
_LOCK = select(t.listings.c.id).where(t.listings.c.id == bindparam("wanted")).with_for_update()
_STANDING_OF = (
    select(t.listings, t.listing_versions.c.case_id)
    .join(
        t.listing_versions,
        (t.listing_versions.c.listing_id == t.listings.c.id)
        & (t.listing_versions.c.version == t.listings.c.version),
    )
    .where(t.listings.c.id == bindparam("wanted"))
)
IN_CATALOG = (
    select(
        t.listing_versions.c.listing_id,
        t.listing_versions.c.version,
        t.listing_versions.c.published_at,
        t.listing_versions.c.document,
        t.listing_versions.c.document_sha256,
    )
    .join(
        t.listings,
        (t.listings.c.id == t.listing_versions.c.listing_id)
        & (t.listings.c.version == t.listing_versions.c.version),
    )
    .where(IS_IN)
)
"""The listings in the catalog, each in its version."""

CURRENT = IN_CATALOG.where(t.listings.c.id == bindparam("wanted"))
PAGE = (
    IN_CATALOG.where(t.listings.c.id > bindparam("beyond"))
    .order_by(t.listings.c.id)
    .limit(bindparam("at_most"))
)
CHANGES = (
    select(
        t.listing_changes.c.position,
        t.listing_changes.c.kind,
        t.listing_changes.c.listing_id,
        t.listing_changes.c.version,
        t.listing_changes.c.occurred_at,
        t.listing_changes.c.reason,
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
