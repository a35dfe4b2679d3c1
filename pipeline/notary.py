"""What is put under a signature: the journal's head now and then, and the receipt of each decision.

A chain alone can be made anew from its beginning by whoever holds the database. He cannot make anew what he
once signed and gave away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pipeline import merkle
from pipeline.errors import JournalBroken
from pipeline.journal import EMPTY, Head, Kept, SignedHead
from pipeline.model import isoformat
from pipeline.ports import Clock, Memory
from pipeline.receipts import RECEIPT_KIND, SignedReceipt, payload
from pipeline.review.policy import ReviewTimes
from pipeline.signing import KeySet, PublicKey, SigningKey

HEAD_KIND = "sekisho-journal-head"
"""The ``typ`` of a signed head. Its payload has ``position``, ``sha256``, ``root`` and ``at``."""

BATCH = 100
"""Receipts that are signed at a time."""

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Notary:
    """Signs heads: after so many entries, or when something is unsigned for so long. Without a key, nothing.

    ``keys`` are the keys in force, the newest first; that one signs.
    """

    memory: Memory
    clock: Clock
    keys: Sequence[SigningKey]
    most_entries: int
    longest: timedelta

    @property
    def key(self) -> SigningKey | None:
        """The key that signs."""
        return self.keys[0] if self.keys else None

    def published(self, earlier: Iterable[PublicKey]) -> KeySet:
        """The keys that others verify with: those in force, and those that signed before."""
        return KeySet([*(key.public for key in self.keys), *earlier])

    def sign_if_due(self) -> Head | None:
        """Sign the journal's head if that is due; the head that was signed.

        :raises JournalBroken: when the entries are not what was written. Nothing is signed then.
        """
        if self.key is None:
            return None
        with self.memory.read() as tx:
            head, signed = tx.journal.head(), tx.journal.newest_signed()
        reached = 0 if signed is None else signed.head.position
        if head.position == reached:
            return None
        overdue = signed is None or self.clock.now() - signed.at >= self.longest
        if head.position - reached < self.most_entries and not overdue:
            return None
        return self._sign(self.key, head, signed)

    def sign_as_it_is(self) -> Head | None:
        """Sign the journal's head unless it is signed; None where there is no key, or the chain is broken."""
        if self.key is None:
            return None
        with self.memory.read() as tx:
            head, signed = tx.journal.head(), tx.journal.newest_signed()
        if head.position == 0 or (signed is not None and signed.head == head):
            return head
        try:
            return self._sign(self.key, head, signed)
        except JournalBroken:
            return None

    def broken_at(self, newest: int) -> int | None:
        """Where the newest entries or the newest signed head are not what was written; None: nowhere."""
        with self.memory.read() as tx:
            signed, head = tx.journal.newest_signed(), tx.journal.head()
            start = next(iter(tx.journal.entries(max(0, head.position - newest), 1)), None)
        if signed is not None and signed.head.position > head.position:
            return signed.head.position
        if start is None:
            return None if head == EMPTY else head.position
        found: dict[int, str] = {}
        try:
            for page in self._walk(Head(start.entry.position - 1, start.entry.previous), head):
                found |= {kept.entry.position: kept.sha256 for kept in page}
        except JournalBroken as broken:
            return broken.position
        if signed is not None and found.get(signed.head.position, signed.head.sha256) != signed.head.sha256:
            return signed.head.position
        return None

    def _sign(self, key: SigningKey, head: Head, signed: SignedHead | None) -> Head:
        growth = self._grow(head, signed)
        at = self.clock.now()
        payload = {
            "position": head.position,
            "sha256": head.sha256,
            "root": f"sha256:{growth.root.hex()}",
            "at": isoformat(at),
        }
        token = key.sign(HEAD_KIND, payload)
        with self.memory.write() as tx:
            tx.journal.add_signed(SignedHead(head, growth, at, token), key.public)
        return head

    def _grow(self, head: Head, signed: SignedHead | None) -> merkle.Growth:
        """The tree up to the head, from what was signed last; each entry is computed again on the way."""
        last, growth = (EMPTY, merkle.Growth()) if signed is None else (signed.head, signed.growth)
        for page in self._walk(last, head):
            growth = growth.grown(merkle.leaf(kept.sha256) for kept in page)
        return growth

    def _walk(self, last: Head, head: Head) -> Iterator[list[Kept]]:
        """Pages of entries from behind one head to another, each of them computed again.

        :raises JournalBroken: at the first that is not what was written.
        """
        while last.position < head.position:
            with self.memory.read() as tx:
                page = tx.journal.entries(last.position, min(_PAGE, head.position - last.position))
            for kept in page:
                entry = kept.entry
                follows = entry.position == last.position + 1 and entry.previous == last.sha256
                if not follows or not kept.intact:
                    raise JournalBroken(last.position + 1)
                last = Head(entry.position, kept.sha256)
            if not page:
                raise JournalBroken(last.position + 1)
            yield page
        if last != head:
            raise JournalBroken(head.position)


@dataclass(frozen=True, slots=True)
class Receipts:
    """Signs receipts. ``keys`` are the keys in force, the newest first; without one nothing is signed."""

    memory: Memory
    clock: Clock
    keys: Sequence[SigningKey]
    times: ReviewTimes

    def sign_due(self) -> int:
        """Sign a batch of the receipts that are missing, the oldest first; return how many.

        It may be done twice, or by two at once: of two receipts of one decision the first stays.
        """
        if not self.keys:
            return 0
        key = self.keys[0]
        with self.memory.read() as tx:
            missing = tx.receipts.missing(BATCH)
        if not missing:
            return 0
        signed = [
            SignedReceipt(each.kept.entry.position, each, key.sign(RECEIPT_KIND, payload(each, self.times)))
            for each in missing
        ]
        with self.memory.write() as tx:
            tx.receipts.add(signed, key.public, self.clock.now())
        return len(signed)
