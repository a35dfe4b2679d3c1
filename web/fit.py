"""``GET /v1/listings/{id}/fit`` and ``GET /v1/fit``: would it do for this buyer and this use?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from pipeline.documents import Json
from pipeline.fit import LARGEST_VALUE, ROUTES, Fit, Use
from pipeline.model import Dossier, Verdict, isoformat
from pipeline.problems import PARAMETER_INVALID, Problem
from storage.listings import StoredListing
from web.answers import answer, outages_told
from web.catalog import in_catalog, number, page_token, read_page_token
from web.services import Services

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100
"""Listings that are judged for one answer; each takes about a millisecond."""

_NOT_KEPT = {
    "rule": "BASIS",
    "title": {"ja": "根拠の確認", "en": "The basis"},
    "outcome": "unknown",
    "effect": "review",
    "reason": "BASIS_NOT_KEPT",
    "message": {
        "ja": "この掲載の根拠となる調書は保存されていません。担当者に確認してください。",
        "en": "The dossier that this listing rests on is no longer kept. Ask the marketplace.",
    },
    "basis": [],
}


class Fits:
    """The routes."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def one(self, request: Request) -> Response:
        """Whether one listing fits."""
        use = self._use(request.query_params)
        wanted = request.path_params["id"]
        document = await run_in_threadpool(self._judged, lambda: [in_catalog(self._services, wanted)], use)
        [told] = document
        return self._answer(use, told)

    async def many(self, request: Request) -> Response:
        """Whether each listing of a page fits, or each of those that are named."""
        use = self._use(request.query_params, "listing", "limit", "page_token")
        named = request.query_params.getlist("listing")
        if len(named) > LARGEST_LIMIT:
            raise Problem(PARAMETER_INVALID, f"listing is given {LARGEST_LIMIT} times at most")
        if named:
            if {"limit", "page_token"} & request.query_params.keys():
                raise Problem(PARAMETER_INVALID, "listing goes without limit and page_token")
            told = await run_in_threadpool(
                self._judged, lambda: [in_catalog(self._services, one) for one in named], use
            )
            return self._answer(use, {"items": told, "next": None, "has_more": False})
        limit = number(request, "limit", DEFAULT_LIMIT)
        if not 1 <= limit <= LARGEST_LIMIT:
            raise Problem(PARAMETER_INVALID, f"limit is a number from 1 to {LARGEST_LIMIT}")
        after = read_page_token(request.query_params.get("page_token"))
        found = await run_in_threadpool(self._page, after, limit + 1)
        told = await run_in_threadpool(self._judged, lambda: found[:limit], use)
        more = len(found) > limit
        token = page_token(found[limit - 1].listing_id) if more else None
        return self._answer(use, {"items": told, "next": token, "has_more": more})

    def _page(self, after: UUID | None, limit: int) -> list[StoredListing]:
        with outages_told(), self._services.memory.read() as tx:
            return tx.listings.page(after, limit)

    def _judged(self, find: Callable[[], Sequence[StoredListing]], use: Use) -> list[Json]:
        listings = find()
        documents = [orjson.loads(listing.document) for listing in listings]
        with outages_told(), self._services.memory.read() as tx:
            dossiers = tx.decisions.dossiers({document["decision"]["basis"] for document in documents})
        return [
            self._told(listing, document, dossiers.get(document["decision"]["basis"]), use)
            for listing, document in zip(listings, documents, strict=True)
        ]

    def _told(self, listing: StoredListing, document: Json, dossier: Dossier | None, use: Use) -> Json:
        seller = document.get("seller", {})
        fit = None if dossier is None else self._services.fitting.fit(dossier, seller.get("offices"), use)
        return {
            "listing_id": str(listing.listing_id),
            "version": listing.version,
            "digest": listing.sha256,
            "basis": document["decision"]["basis"],
            "decided_by": document["decision"].get("by", "policy"),
            **(_of(fit) if fit is not None else _UNKNOWN),
        }

    def _answer(self, use: Use, told: Mapping[str, Any]) -> Response:
        asked = {"buyer": use.buyer, **use.given()}
        body = {"asked": asked, **told, "generated_at": isoformat(self._services.clock.now())}
        return answer(orjson.dumps(body), {"Cache-Control": "no-cache"})

    def _use(self, query: QueryParams, *others: str) -> Use:
        """The use that the query describes.

        :raises Problem: when it describes none, naming what is allowed.
        """
        if unknown := sorted(query.keys() - _READERS.keys() - {"buyer", *others}):
            known = ", ".join(["buyer", *_READERS, *others])
            raise Problem(PARAMETER_INVALID, f"{unknown[0][:60]!r} is none of: {known}")
        members: dict[str, Any] = {}
        for name in ("buyer", *_READERS):
            if len(values := query.getlist(name)) > 1:
                raise Problem(PARAMETER_INVALID, f"{name} is given once")
            if not values:
                continue
            if name == "buyer":
                buyers = self._services.fitting.buyers()
                members[name] = _one_of(sorted(buyers))(name, values[0])
            else:
                members[name] = _READERS[name](name, values[0])
        return Use(**members)


def _of(fit: Fit) -> Json:
    return {
        "verdict": str(fit.verdict),
        "reasons": list(fit.reasons),
        "policy": list(fit.policy),
        "use": fit.use,
        "as_of": isoformat(fit.as_of),
        "evidence_as_of": isoformat(fit.evidence_as_of),
    }


_UNKNOWN: Json = {
    "verdict": str(Verdict.REVIEW),
    "reasons": [_NOT_KEPT],
    "policy": [],
    "use": {},
    "as_of": None,
    "evidence_as_of": None,
}


def _one_of(allowed: Sequence[str]) -> Callable[[str, str], str]:
    def read(name: str, value: str) -> str:
        if value not in allowed:
            raise Problem(PARAMETER_INVALID, f"{name} is one of: {', '.join(allowed)}")
        return value

    return read


def _between(least: int, most: int) -> Callable[[str, str], int]:
    def read(name: str, value: str) -> int:
        if re.fullmatch("[0-9]{1,18}", value, re.ASCII) is None or not least <= int(value) <= most:
            raise Problem(PARAMETER_INVALID, f"{name} is a number from {least} to {most}")
        return int(value)

    return read


def _truth(name: str, value: str) -> bool:
    return _one_of(["false", "true"])(name, value) == "true"


_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "confidentiality": _between(1, 3),
    "personal_data": _truth,
    "my_number": _truth,
    "low_impact": _truth,
    "route": _one_of(ROUTES),
    "value_jpy": _between(0, LARGEST_VALUE),
}
"""How each parameter is read, besides the buyer."""
