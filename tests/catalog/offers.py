"""Listings of invented companies, and the changes that bring them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from catalog.client import Change, Kind, canonical

DAY = date(2026, 11, 30)
AT = datetime(2026, 11, 30, 1, 2, 3, tzinfo=UTC)
DIGEST = "sha256:" + "0" * 64


def listing_id(number: int) -> str:
    return str(UUID(int=(0x0190 << 112) | (0x7 << 76) | (0x8 << 60) | number))


def document(number: int = 1, **members: Any) -> dict[str, Any]:
    """A ``listing/2`` document; ``members`` replace or add top-level members."""
    id_ = listing_id(number)
    whole: dict[str, Any] = {
        "schema": "listing/2",
        "id": id_,
        "version": 1,
        "case": "SK-0123456AB",
        "seller": {
            "name": "株式会社みほん",
            "name_en": "Mihon Inc.",
            "country": "JP",
            "identifiers": [{"scheme": "JP-JCN", "id": "5260001990019"}],
            "role": "direct",
            "offices": [{"country": "JP", "region": "JP-28", "city": "Kobe-shi"}],
        },
        "maker": {
            "name": "株式会社みほん",
            "country": "JP",
            "identifiers": [{"scheme": "JP-JCN", "id": "5260001990019"}],
            "is_seller": True,
        },
        "product": {
            "code": f"mihon-{number}",
            "name": {"ja": f"みほん会計{number}", "en": f"Mihon Accounts {number}"},
            "summary": {
                "ja": "歳入と歳出を一つの画面で管理します。",
                "en": "Income and expenses on one screen.",
            },
            "category": "accounting",
            "deployment": ["public-cloud"],
            "languages": ["ja", "en"],
            "prices": [{"plan": "標準", "amount_jpy": 1000 * number, "per": "user-month"}],
        },
        "certifications": [{"type": "ISO27001", "edition": "2022", "valid_to": "2028-03-31"}],
        "ismap": {"list": "ismap", "number": "C21-0001-2", "valid_to": "2027-09-30"},
        "data": [
            {"class": "content", "at_rest": ["JP"], "processing": ["JP"]},
            {"class": "backup", "at_rest": ["JP"]},
        ],
        "contract": {"governing_law": "JP", "court": "JP"},
        "subprocessors": [],
        "support_access": ["JP"],
        "portability": {
            "formats": ["csv"],
            "retrieval_days": 90,
            "exit_fee_disclosed": True,
            "deletion_certificate": True,
            "deletion_days": 30,
        },
        "startup": {"mark": False},
        "buyers": [
            {
                "buyer": "kobe-city",
                "title": {"ja": "神戸市", "en": "Kobe City"},
                "verdict": "approve",
                "policy": ["kobe-city@1"],
                "reasons": [],
            }
        ],
        "origins": {
            "": {"status": "declared"},
            "/ismap": {
                "status": "verified",
                "source": "jp.ismap",
                "at": "2026-11-30T00:00:00Z",
                "capture": DIGEST,
            },
        },
        "verified": [
            {"fact": "ismap.list", "source": "jp.ismap", "at": "2026-11-30T00:00:00Z", "capture": DIGEST}
        ],
        "decision": {
            "id": listing_id(9999),
            "by": "policy",
            "decided_at": f"2026-11-{number % 28 + 1:02d}T00:00:00Z",
            "policy": ["jp-national@1"],
            "basis": DIGEST,
            "outcome": DIGEST,
        },
        "valid_until": "2027-09-30",
        "data_as_of": "2026-11-30T00:00:00Z",
        "links": {
            "self": f"/v1/listings/{id_}",
            "fit": f"/v1/listings/{id_}/fit",
            "receipt": "/v1/receipts/x",
        },
    }
    return {**whole, **members}


def named(number: int, ja: str, **product: Any) -> dict[str, Any]:
    """A document whose product has another name."""
    base = document(number)["product"]
    return document(number, product={**base, "name": {"ja": ja}, **product})


def published(position: int, data: Mapping[str, Any], kind: Kind = Kind.PUBLISHED) -> Change:
    digest = "sha256:" + hashlib.sha256(canonical(dict(data))).hexdigest()
    return Change(position, kind, data["id"], data["version"], AT, None, digest, data)


def gone(position: int, id_: str, kind: Kind = Kind.SUSPENDED, reason: str = "ISMAP_ENDED") -> Change:
    return Change(position, kind, id_, 1, AT, reason, None, None)


def feed(documents: Sequence[Mapping[str, Any]], first: int = 1) -> list[Change]:
    return [published(position, one) for position, one in enumerate(documents, first)]
