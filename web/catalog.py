"""The catalog for its readers, in public: listings, one listing, the feed of changes, the snapshot."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

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
from storage.listings import Change, StoredListing, item
from web.answers import answer, entity, holds, outages_told, problem_answer
from web.services import Services
from web.waiting import FeedWatch

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 500
LONGEST_WAIT = 60
"""Seconds that a question is held back while the feed stands still."""

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_RECEIPT = re.compile(rb'"receipt":"(/v1/decisions/[0-9a-f-]{36}/receipt)"')
"""In a listing's document; within a text the quotes would be escaped."""

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
        self.watch = FeedWatch(self._head)
        self._making = asyncio.Lock()

    async def listing(self, request: Request) -> Response:
        """One listing: its document byte for byte as its digest names it, which is also its ETag."""
        stored = await run_in_threadpool(in_catalog, self._services, request.path_params["id"])
        links = [f'</v1/schemas/listing/{_schema_version(stored)}>; rel="describedby"']
        if (receipt := _RECEIPT.search(stored.document)) is not None:
            links.append(f'<{receipt[1].decode()}>; rel="urn:sekisho:rel:receipt"')
        headers = {
            **_HEADERS,
            "Last-Modified": format_datetime(stored.published_at, usegmt=True),
            "Link": ", ".join(links),
        }
        return entity(request, stored.document, stored.sha256, headers)

    async def listings(self, request: Request) -> Response:
        """A page of the listings in force, in the order of their ids: what is added meanwhile comes last."""
        limit = _limit(request)
        after = read_page_token(request.query_params.get("page_token"))
        head, found = await run_in_threadpool(self._page, after, limit + 1)
        shown = found[:limit]
        more = len(found) > limit
        token = page_token(shown[-1].listing_id) if more else None
        following = f"/v1/listings?limit={limit}&page_token={token}" if more else None
        # While the feed stands still, so does every page.
        etag = f"listings-{head}-{limit}-{'' if after is None else after.hex}"
        return self._page_answer(request, etag, [item(stored) for stored in shown], token, more, following)

    async def changes(self, request: Request) -> Response:
        """The changes beyond a position, the oldest first; the last one's position is the next cursor."""
        limit = _limit(request)
        after = number(request, "after", 0)
        wait = number(request, "wait", 0)
        if wait > LONGEST_WAIT:
            raise Problem(PARAMETER_INVALID, f"wait is a number of seconds from 0 to {LONGEST_WAIT}")
        try:
            found = await run_in_threadpool(self._changes, after, limit + 1)
            if not found and wait:
                await self.watch.beyond(after, wait)
                found = await run_in_threadpool(self._changes, after, limit + 1)
        except Problem as problem:
            links = (
                {"Link": '</v1/listings/snapshot>; rel="alternate"'} if problem.type is CURSOR_GONE else {}
            )
            return problem_answer(problem, links)
        shown = found[:limit]
        more = len(found) > limit
        cursor = shown[-1].position if shown else after
        following = f"/v1/listings/changes?after={cursor}&limit={limit}"
        etag = f"changes-{after}-{cursor}-{'more' if more else 'end'}"
        return self._page_answer(
            request, etag, [_change(change) for change in shown], cursor, more, following
        )

    async def snapshot(self, request: Request) -> Response:
        """The whole catalog as a file, with the position from which to follow the feed."""
        with outages_told():
            # One thread makes it, however many ask.
            async with self._making:
                file = await run_in_threadpool(self._services.snapshots.newest)
        headers = {
            **_HEADERS,
            "ETag": f'"{file.position}-{file.mark}-{file.generated_at.timestamp():.0f}"',
            "Link": f'</v1/listings/changes?after={file.position}>; rel="next"',
            "Sekisho-Position": str(file.position),
            "Sekisho-Count": str(file.count),
            "Sekisho-State": file.digest,
            "X-Content-Type-Options": "nosniff",
        }
        if holds(request, headers["ETag"].strip('"')):
            return Response(status_code=304, headers=headers)
        name = f"listings-{file.position}.ndjson.gz"
        return FileResponse(file.path, headers=headers, media_type="application/gzip", filename=name)

    def _page_answer(
        self,
        request: Request,
        etag: str,
        items: list[dict[str, Any]],
        cursor: str | int | None,
        more: bool,
        following: str | None,
    ) -> Response:
        links = {} if following is None else {"Link": f'<{following}>; rel="next"'}
        headers = {**_HEADERS, **links, "ETag": f'W/"{etag}"'}
        if holds(request, etag):
            return Response(status_code=304, headers=headers)
        body = orjson.dumps(
            {
                "items": items,
                "next": cursor,
                "has_more": more,
                "generated_at": isoformat(self._services.clock.now()),
            }
        )
        return answer(body, headers)

    async def _head(self) -> int:
        return await run_in_threadpool(self._read_head)

    def _read_head(self) -> int:
        return self._services.memory.catalog.head()

    def _page(self, after: UUID | None, limit: int) -> tuple[int, list[StoredListing]]:
        catalog = self._services.memory.catalog
        with outages_told():
            # The head first: a page that is newer than it says is only read once too often.
            return catalog.head(), catalog.page(after, limit)

    def _changes(self, after: int, limit: int) -> list[Change]:
        catalog = self._services.memory.catalog
        with outages_told():
            found = catalog.changes(after, limit)
            if not found:
                head = catalog.head()
                if after > head:
                    # Nobody was ever given this cursor here: the reader has another catalog's, or this one
                    # was restored to an earlier day. Silence would keep it waiting for ever.
                    raise Problem(CURSOR_AHEAD, f"the newest change is {head}")
                if after == head:
                    return []
                found = catalog.changes(after, limit)  # they came meanwhile, unless they are forgotten
            if not found or found[0].position != after + 1:
                with self._services.memory.read() as tx:
                    oldest = tx.listings.oldest()
                raise Problem(CURSOR_GONE, f"the oldest cursor that can be followed is {oldest}")
            return found


def in_catalog(services: Services, listing_id: str) -> StoredListing:
    """The listing that a path or query names.

    :raises Problem: when it is out of the catalog, saying why, or there is none.
    """
    try:
        wanted = UUID(listing_id)
    except ValueError:
        raise Problem(NOT_FOUND) from None
    with outages_told():
        stored = services.memory.catalog.current(wanted)
        if stored is not None:
            return stored
        with services.memory.read() as tx:
            standing = tx.listings.standing(wanted)
    if standing is None:
        raise Problem(NOT_FOUND)
    detail = f"since {isoformat(standing.since)}, reason {standing.reason or 'not told'}"
    raise Problem(_OUT[standing.kind], detail)


def _schema_version(stored: StoredListing) -> int:
    # The mark is a member's: within a text its quotes would be escaped.
    return 2 if b'"schema":"listing/2"' in stored.document else 1


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
    limit = number(request, "limit", DEFAULT_LIMIT)
    if not 1 <= limit <= LARGEST_LIMIT:
        raise Problem(PARAMETER_INVALID, f"limit is a number from 1 to {LARGEST_LIMIT}")
    return limit


def number(request: Request, name: str, default: int) -> int:
    """A number in the query.

    :raises Problem: when it is none.
    """
    values = request.query_params.getlist(name)
    if not values:
        return default
    if len(values) > 1 or _NUMBER.fullmatch(values[0]) is None:
        raise Problem(PARAMETER_INVALID, f"{name} is one number, 0 or more")
    return int(values[0])


def page_token(listing_id: UUID) -> str:
    """What names the place after a listing in the order of pages."""
    return base64.urlsafe_b64encode(listing_id.bytes).rstrip(b"=").decode("ascii")


def read_page_token(token: str | None) -> UUID | None:
    """The listing that a page comes after, None for the first page.

    :raises Problem: when the token is none that was given out.
    """
    if token is None:
        return None
    try:
        return UUID(bytes=base64.b64decode(token + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise Problem(PARAMETER_INVALID, "page_token is none that was given out") from None
