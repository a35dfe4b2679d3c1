"""Publication: put an approved product into the catalog and its change into the feed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from pipeline.lifecycle import State
from pipeline.listing import compose, valid_until
from pipeline.model import (
    CaseFile,
    Event,
    ListingVersion,
    Progress,
    Standing,
    Step,
)
from pipeline.ports import Clock, Memory, Transaction


@dataclass(frozen=True, slots=True)
class Publication:
    """The stage, with what it needs."""

    memory: Memory
    clock: Clock

    def __call__(self, file: CaseFile, step: Step) -> Progress:
        """Publish the next version of the product's listing."""
        assert file.decision is not None, "only a decided case is published"
        now = self.clock.now()
        with self.memory.write() as tx:
            if not tx.ledger.finish(step):
                return Progress(file, None, "done already")
            if file.decision.number > 1 and (stands := tx.reviews.listing_of(file.case.id)) is not None:
                return self._restore(tx, file, stands.listing_id, now)
            listing_id, number = tx.listings.next_version(file.application)
            document = compose(file, file.decision, listing_id, number)
            case = tx.cases.move(file.case, State.LISTED, now, reason=file.decision.judgement.reason)
            last_day = valid_until(file, file.decision)
            position = tx.listings.publish(
                ListingVersion(listing_id, number, case.id, now, document, last_day)
            )
            published = {"listing": str(listing_id), "version": number, "position": position}
            tx.journal.write([Event(case.id, "listing.published", "publication", now, published)])
        return Progress(replace(file, case=case), None, str(State.LISTED))

    def _restore(self, tx: Transaction, file: CaseFile, listing_id: UUID, now: datetime) -> Progress:
        """A case that was judged again and approved: what it brought stands as it is, or comes back."""
        case = tx.cases.move(file.case, State.LISTED, now)
        position = tx.listings.put_back(listing_id, now)
        restored = {"listing": str(listing_id), "position": position}
        tx.journal.write([Event(case.id, "listing.restored", "publication", now, restored)])
        return Progress(replace(file, case=case), None, str(State.LISTED))


@dataclass(frozen=True, slots=True)
class Expiry:
    """Takes listings out of the catalog whose validity has ended. Their own rows are what is due."""

    memory: Memory
    clock: Clock

    def __call__(self, limit: int = 50) -> int:
        """Take out those that are due, each in its own transaction; return how many."""
        now = self.clock.now()
        with self.memory.read() as tx:
            due = tx.listings.expiring(now, limit)
        done = 0
        for listing_id in due:
            with self.memory.write() as tx:
                standing = tx.listings.expire(listing_id, now)
                if standing is None:
                    continue
                tx.journal.write([_expired(standing, now)])
            done += 1
        return done


@dataclass(frozen=True, slots=True)
class Retention:
    """Drops from the feed what is older than ``period``; who has not read it begins with the snapshot."""

    memory: Memory
    clock: Clock
    period: timedelta

    def __call__(self) -> int:
        """Drop what is due; return how many changes."""
        with self.memory.write() as tx:
            return tx.listings.forget_changes(self.clock.now() - self.period)


def _expired(standing: Standing, now: datetime) -> Event:
    data = {
        "listing": str(standing.listing_id),
        "version": standing.version,
        "position": standing.position,
        "reason": standing.reason,
    }
    return Event(standing.case_id, "listing.expired", "publication", now, data)
