"""The catalog as its readers ask for it: a statement an answer, and no transaction around it."""

from __future__ import annotations

from uuid import UUID

from storage.database import Database
from storage.listings import CHANGES, CURRENT, HEAD, PAGE, Change, StoredListing, change_of
from storage.reads import Read

_CURRENT, _PAGE, _CHANGES, _HEAD = Read(CURRENT), Read(PAGE), Read(CHANGES), Read(HEAD)


class SqlCatalog:
    """Reads as :class:`storage.listings.SqlListings` does, many times as fast."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self, listing_id: UUID) -> StoredListing | None:
        """The version of a listing that is in the catalog."""
        rows = _CURRENT.rows(self._database, {"wanted": listing_id})
        return StoredListing(*rows[0]) if rows else None

    def page(self, after: UUID | None, limit: int) -> list[StoredListing]:
        """Listings in the catalog, in the order of their ids, from beyond ``after``."""
        rows = _PAGE.rows(self._database, {"beyond": after or UUID(int=0), "at_most": limit})
        return [StoredListing(*row) for row in rows]

    def changes(self, after: int, limit: int) -> list[Change]:
        """Changes beyond a position, the oldest first, as :meth:`storage.listings.SqlListings.changes`."""
        rows = _CHANGES.rows(self._database, {"beyond": after, "at_most": limit})
        return [change_of(*row) for row in rows]

    def head(self) -> int:
        """The position of the newest change, 0 before the first."""
        return int(_HEAD.rows(self._database, {})[0][0])
