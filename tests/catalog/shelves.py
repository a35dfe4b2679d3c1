"""A consumer's store in memory that remembers how it was used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from catalog.client import Change, Listing, state_digest


@dataclass
class Kept:
    """Implements :class:`catalog.client.Store`."""

    listings: dict[str, tuple[int, str]] = field(default_factory=dict)
    at: int | None = None
    begun: int = 0
    seen: list[int] = field(default_factory=list)

    def position(self) -> int | None:
        return self.at

    def replace(self, listings: Iterator[Listing], position: int) -> None:
        self.listings = {one.listing_id: (one.version, one.digest) for one in listings}
        self.at = position
        self.begun += 1

    def apply(self, changes: Sequence[Change], position: int) -> None:
        for change in changes:
            self.seen.append(change.seq)
            if change.digest is None:
                self.listings.pop(change.listing_id, None)
            else:
                self.listings[change.listing_id] = (change.version, change.digest)
        self.at = position

    @property
    def state(self) -> str:
        return state_digest((listing_id, *held) for listing_id, held in self.listings.items())
