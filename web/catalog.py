"""The catalog for its readers, in public: listings in force, one listing, and the feed of changes."""

from __future__ import annotations

import base64
import binascii
import re
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipeline.model import ChangeKind, isoformat
from pipeline.problems import (
    CURSOR_AHEAD,
    CURSOR_GONE,
    LISTING_EXPIRED,
    LISTING_HIDDEN,
    LISTING_SUSPENDED,
    LISTING_WITHDRAWN,
    NOT_FOUND,
    PARAMETER_INVALID,
    Problem,
)
from storage.listings import Change, StoredListing
from web.answers import answer, entity, outages_told
from web.services import Services

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 500

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_HEADERS = {"Cache-Control": "no-cache"}
_OUT = {
    ChangeKind.HIDDEN: LISTING_HIDDEN,
    ChangeKind.SUSPENDED: LISTING_SUSPENDED,
    ChangeKind.WITHDRAWN: LISTING_WITHDRAWN,
    ChangeKind.EXPIRED: LISTING_EXPIRED,
}


class Catalog:
    """The routes."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def listing(self, request: Request) -> Response:
        """One listing: its document byte for byte as its digest names it, which is also its ETag."""
        stored = await run_in_threadpool(self._current, request.path_params["id"])
        headers = {
            **_HEADERS,
            "Last-Modified": format_datetime(stored.published_at, usegmt=True),
            "Link": f'</v1/schemas/listing/{_schema_version(stored)}>; rel="describedby"',
        }
        return entity(request, stored.document, stored.sha256, headers)

    async def listings(self, request: Request) -> Response:
        """A page of the listings in force, in the order of their ids: what is added meanwhile comes last."""
        limit = _limit(request)
        after = _read_token(request.query_params.get("page_token"))
        found = await run_in_threadpool(self._page, after, limit + 1)
        shown = found[:limit]
        more = len(found) > limit
        token = _write_token(shown[-1].listing_id) if more else None
        following = f"/v1/listings?limit={limit}&page_token={token}" if more else None
        return self._page_answer([_item(stored) for stored in shown], token, more, following)

    async def changes(self, request: Request) -> Response:
        """The changes beyond a position, the oldest first; the last one's position is the next cursor."""
        limit = _limit(request)
        after = _number(request, "after", 0)
        found = await run_in_threadpool(self._changes, after, limit + 1)
        shown = found[:limit]
        more = len(found) > limit
        cursor = shown[-1].position if shown else after
        following = f"/v1/listings/changes?after={cursor}&limit={limit}"
        return self._page_answer([_change(change) for change in shown], cursor, more, following)

    def _page_answer(
        self, items: list[dict[str, Any]], cursor: str | int | None, more: bool, following: str | None
    ) -> Response:
        body = orjson.dumps(
            {
                "items": items,
                "next": cursor,
                "has_more": more,
                "generated_at": isoformat(self._services.clock.now()),
            }
        )
        links = {} if following is None else {"Link": f'<{following}>; rel="next"'}
        return answer(body, {**_HEADERS, **links})

    def _current(self, listing_id: str) -> StoredListing:
        try:
            wanted = UUID(listing_id)
        except ValueError:
            raise Problem(NOT_FOUND) from None
        with outages_told(), self._services.memory.read() as tx:
            stored = tx.listings.current(wanted)
            if stored is not None:
                return stored
            standing = tx.listings.standing(wanted)
        if standing is None:
            raise Problem(NOT_FOUND)
        detail = f"since {isoformat(standing.since)}, reason {standing.reason or 'not told'}"
        raise Problem(_OUT[standing.kind], detail)

    def _page(self, after: UUID | None, limit: int) -> list[StoredListing]:
        with outages_told(), self._services.memory.read() as tx:
            return tx.listings.page(after, limit)

    def _changes(self, after: int, limit: int) -> list[Change]:
        with outages_told(), self._services.memory.read() as tx:
            found = tx.listings.changes(after, limit)
            if not found:
                head = tx.listings.head()
                if after > head:
                    # Nobody was ever given this cursor here: the reader has another catalog's, or this one
                    # was restored to an earlier day. Silence would keep it waiting for ever.
                    raise Problem(CURSOR_AHEAD, f"the newest change is {head}")
                if after == head:
                    return []
                found = tx.listings.changes(after, limit)  # they came meanwhile, unless they are forgotten
            if not found or found[0].position != after + 1:
                raise Problem(
                    CURSOR_GONE, f"the oldest cursor that can be followed is {tx.listings.oldest()}"
                )
            return found


def _schema_version(stored: StoredListing) -> int:
    # The mark is a member's: within a text its quotes would be escaped.
    return 2 if b'"schema":"listing/2"' in stored.document else 1


def _item(stored: StoredListing) -> dict[str, Any]:
    return {
        "listing_id": str(stored.listing_id),
        "version": stored.version,
        "published_at": isoformat(stored.published_at),
        "digest": stored.sha256,
        "data": orjson.Fragment(stored.document),
    }


def _change(change: Change) -> dict[str, Any]:
    listing = change.listing
    return {
        "seq": change.position,
        "type": f"listing.{change.kind}",
        "listing_id": str(change.listing_id),
        "version": change.version,
        "occurred_at": isoformat(change.occurred_at),
        "reason": change.reason or None,
        "digest": None if listing is None else listing.sha256,
        "data": None if listing is None else orjson.Fragment(listing.document),
    }


def _limit(request: Request) -> int:
    limit = _number(request, "limit", DEFAULT_LIMIT)
    if not 1 <= limit <= LARGEST_LIMIT:
        raise Problem(PARAMETER_INVALID, f"limit is a number from 1 to {LARGEST_LIMIT}")
    return limit


def _number(request: Request, name: str, default: int) -> int:
    values = request.query_params.getlist(name)
    if not values:
        return default
    if len(values) > 1 or _NUMBER.fullmatch(values[0]) is None:
        raise Problem(PARAMETER_INVALID, f"{name} is one number, 0 or more")
    return int(values[0])


def _write_token(listing_id: UUID) -> str:
    return base64.urlsafe_b64encode(listing_id.bytes).rstrip(b"=").decode("ascii")


def _read_token(token: str | None) -> UUID | None:
    if token is None:
        return None
    try:
        return UUID(bytes=base64.b64decode(token + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise Problem(PARAMETER_INVALID, "page_token is none that was given out") from None
