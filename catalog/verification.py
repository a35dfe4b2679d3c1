"""Proving that a catalog's snapshot, feed and present state are one and the same.

The snapshot is loaded and the feed followed from its position to the end; the feed is followed from its first
change too, where it still keeps it; and the listings are read page by page. All must come to the same state.
A catalog that changes meanwhile is no trouble: what the pages show of a listing must be what it was at some
position between the beginning and the end of reading them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from catalog.client import CatalogClient, Change, CursorGone, Listing, state_digest

Held: TypeAlias = tuple[int, str]
"""Version and digest of a listing that is in the catalog."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One listing that two readings show differently; ``""`` where a reading does not have it."""

    listing_id: str
    reading: str
    shows: str
    expected: str

    def as_json(self) -> dict[str, str]:
        """For the command line."""
        return {
            "listing_id": self.listing_id,
            "reading": self.reading,
            "shows": self.shows,
            "expected": self.expected,
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """What was read and how it compares. ``whole_feed`` is false where the feed's beginning is not kept."""

    position: int
    listings: int
    state: str
    snapshot_position: int
    changes: int
    whole_feed: bool
    differences: Sequence[Difference]

    @property
    def holds(self) -> bool:
        """Whether all readings agree."""
        return not self.differences


@dataclass
class Readings:
    """A store in memory that keeps the digests only. Implements :class:`catalog.client.Store`."""

    held: dict[str, Held] = field(default_factory=dict)
    at: int | None = None
    changes: int = 0

    def position(self) -> int | None:
        """The position of the feed that was come to."""
        return self.at

    def replace(self, listings: Iterator[Listing], position: int) -> None:
        """Take these listings in the place of all."""
        self.held = {one.listing_id: (one.version, one.digest) for one in listings}
        self.at = position

    def apply(self, changes: Sequence[Change], position: int) -> None:
        """Make these changes."""
        for change in changes:
            if change.digest is None:
                self.held.pop(change.listing_id, None)
            else:
                self.held[change.listing_id] = (change.version, change.digest)
        self.changes += len(changes)
        self.at = position

    @property
    def state(self) -> str:
        """The name of the state."""
        return state_digest((listing_id, *held) for listing_id, held in self.held.items())


def verify(client: CatalogClient) -> Proof:
    """Read a catalog in every way and compare.

    :raises catalog.client.Corrupt: when a document is not the one that its digest names, the feed has a gap,
        or the snapshot is not what it says.
    :raises catalog.client.CatalogError: when it cannot be read.
    """
    readings = Readings()
    with client.snapshot() as snapshot:
        readings.replace(snapshot.listings, snapshot.position)
        snapshot_position = snapshot.position
    _follow(client, readings)
    # From here on the pages are read: what a listing is at any position until the end may be seen.
    seen = {listing_id: {held} for listing_id, held in readings.held.items()}
    maybe_out: set[str] = set()
    shown = {one.listing_id: (one.version, one.digest) for one in client.listings()}
    for change in _follow(client, readings):
        held = None if change.digest is None else (change.version, change.digest)
        if change.listing_id not in seen or held is None:
            maybe_out.add(change.listing_id)
        if held is not None:
            seen.setdefault(change.listing_id, set()).add(held)
    differences = [
        Difference(listing_id, "pages", _text(found), _text(readings.held.get(listing_id)))
        for listing_id in sorted({*seen, *shown})
        if (found := shown.get(listing_id)) not in seen.get(listing_id, set())
        and not (found is None and listing_id in maybe_out)
    ]
    whole, whole_feed = _from_the_start(client, readings)
    for listing_id in sorted({*whole.held, *readings.held} if whole_feed else ()):
        found, expected = whole.held.get(listing_id), readings.held.get(listing_id)
        if found != expected:
            differences.append(Difference(listing_id, "feed", _text(found), _text(expected)))
    return Proof(
        position=readings.at or 0,
        listings=len(readings.held),
        state=readings.state,
        snapshot_position=snapshot_position,
        changes=whole.changes if whole_feed else readings.changes,
        whole_feed=whole_feed,
        differences=differences,
    )


def _follow(client: CatalogClient, readings: Readings, until: int | None = None) -> list[Change]:
    """Make the changes up to the feed's end, or to a position, and return them."""
    made: list[Change] = []
    while until is None or (readings.at or 0) < until:
        page = client.changes(readings.at or 0)
        changes: Iterable[Change] = page.changes
        if until is not None:
            changes = [change for change in changes if change.seq <= until]
        made += changes
        readings.apply([*changes], page.next if until is None else min(page.next, until))
        if not page.has_more:
            break
    return made


def _from_the_start(client: CatalogClient, readings: Readings) -> tuple[Readings, bool]:
    whole = Readings(at=0)
    try:
        _follow(client, whole, readings.at)
    except CursorGone:
        return whole, False
    return whole, True


def _text(held: Held | None) -> str:
    return "" if held is None else f"version {held[0]}, {held[1]}"
