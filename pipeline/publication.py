"""Publication: put an approved product into the catalog and its change into the feed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pipeline.documents import Json, sha256
from pipeline.lifecycle import State
from pipeline.model import (
    CaseFile,
    Decision,
    Event,
    ListingVersion,
    Progress,
    Standing,
    Step,
    isoformat,
)
from pipeline.ports import Clock, Memory


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
            listing_id, number = tx.listings.next_version(file.application)
            document = compose(file, file.decision, listing_id, number)
            case = tx.cases.move(file.case, State.LISTED, now, reason=file.decision.judgement.reason)
            position = tx.listings.publish(ListingVersion(listing_id, number, case.id, now, document))
            published = {"listing": str(listing_id), "version": number, "position": position}
            tx.journal.write([Event(case.id, "listing.published", "publication", now, published)])
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


def _expired(standing: Standing, now: datetime) -> Event:
    data = {
        "listing": str(standing.listing_id),
        "version": standing.version,
        "position": standing.position,
        "reason": standing.reason,
    }
    return Event(standing.case_id, "listing.expired", "publication", now, data)


def compose(file: CaseFile, decision: Decision, listing_id: UUID, version: int) -> Json:
    """What the catalog shows of an approved application; obeys ``pipeline/schemas/listing-1.json``.

    Each fact says where it comes from: declared by the vendor, or verified by a source at a time. The contact
    person stays out.
    """
    application = file.application.document
    vendor = application["vendor"]
    listing: dict[str, Any] = {
        "schema": "listing/1",
        "id": str(listing_id),
        "version": version,
        "case": file.case.reference,
        "vendor": {
            key: vendor[key] for key in ("name", "name_en", "country", "identifiers", "role") if key in vendor
        },
        "product": application["product"],
        "declared": {
            key: application[key]
            for key in (
                "certifications",
                "data",
                "contract",
                "subprocessors",
                "support_access",
                "portability",
            )
            if key in application
        },
        "verified": _verified(decision),
        "decision": {
            "decided_at": isoformat(decision.decided_at),
            "policy": list(decision.judgement.outcome.get("policy", ())),
            "basis": decision.dossier.digest,
            "outcome": sha256(decision.judgement.document),
        },
        "data_as_of": isoformat(decision.dossier.as_of),
    }
    if "maker" in application:
        maker = application["maker"]
        listing["maker"] = {key: maker[key] for key in ("name", "country", "identifiers") if key in maker}
    return listing


def _verified(decision: Decision) -> list[dict[str, Any]]:
    return [
        {"fact": path, **origin}
        for path, origin in sorted(decision.dossier.provenance.items())
        if "capture" in origin
    ]
