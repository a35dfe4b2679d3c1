"""A client for whoever builds on the catalog: it follows the feed of listings and never misses a change.

::

    follower = Follower(CatalogClient("https://sekisho.example"), store)
    follower.run(stop)          # until stop is set; or follower.catch_up() once

The *store* is the consumer's own: it keeps the listings, or an index of them, together with the position in
the feed, and changes both in one transaction. So a consumer may be killed at any instruction: it goes on
where it was, and what it is told twice it already has. A store that is empty, that has fallen behind what the
feed keeps, or that is ahead of a catalog restored to an earlier day begins anew with the snapshot.

Whatever is read is checked: positions without gaps, each document against its digest, a snapshot against its
count and digest. This module needs ``requests`` and nothing else of this project.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, TypeAlias, cast

import requests
from urllib3.exceptions import HTTPError

Json: TypeAlias = Mapping[str, Any]
"""A JSON object."""

LARGEST_LINE = 4_000_000
"""Bytes of one listing in a snapshot; it has about 5,000."""

LARGEST_ANSWER = 256_000_000
"""Bytes of one page; 500 listings of the largest kind are far below."""

_FITS_AT_ONCE = 50

LONGEST_WAIT = 60
"""Seconds that the feed holds a question back while nothing changes."""


class CatalogError(Exception):
    """Whatever this client raises on purpose."""


class Unavailable(CatalogError):
    """No usable answer this time, after all tries: ask again later."""


class Refused(CatalogError):
    """The catalog does not do what was asked. ``code`` is that of its problem document (RFC 9457)."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail


class CursorGone(Refused):
    """The feed no longer keeps what follows this position: begin with the snapshot."""


class CursorAhead(Refused):
    """The feed has not come to this position: it is another catalog, or one restored to an earlier day."""


class Corrupt(CatalogError):
    """What was read does not hold together; says what and where. Nothing of it was handed to a store."""


class Kind(StrEnum):
    """What a change says of a listing; ``docs/catalog.md`` tells the four that are out apart."""

    PUBLISHED = "published"
    RESTORED = "restored"
    HIDDEN = "hidden"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"

    @property
    def is_out(self) -> bool:
        """Whether the listing is out of the catalog afterwards."""
        return self not in {Kind.PUBLISHED, Kind.RESTORED}


@dataclass(frozen=True, slots=True)
class Listing:
    """One listing that is in the catalog. ``data`` is the document that ``digest`` names."""

    listing_id: str
    version: int
    published_at: datetime
    digest: str
    data: Json


@dataclass(frozen=True, slots=True)
class Change:
    """One position of the feed. Where the listing is out, ``digest`` and ``data`` are None and ``reason``
    is a code.
    """

    seq: int
    kind: Kind
    listing_id: str
    version: int
    occurred_at: datetime
    reason: str | None
    digest: str | None
    data: Json | None


@dataclass(frozen=True, slots=True)
class Page:
    """Changes in their order, and the position from which to go on."""

    changes: tuple[Change, ...]
    next: int
    has_more: bool
    generated_at: datetime


@dataclass(frozen=True)
class Snapshot:
    """The whole catalog as it was at ``position``; follow the feed from there.

    ``listings`` can be gone through once, in the order of their ids. It raises :class:`Corrupt` or
    :class:`Unavailable` instead of ending where the snapshot is not whole: keep nothing until it has ended.
    """

    position: int
    count: int
    digest: str
    generated_at: datetime
    listings: Iterator[Listing]


class Store(Protocol):
    """What a consumer keeps. Each method that writes is one transaction: all of it lasts, or nothing does."""

    def position(self) -> int | None:
        """The position of the feed that the store has come to, None where it has nothing yet."""

    def replace(self, listings: Iterator[Listing], position: int) -> None:
        """Put these listings in the place of all that is kept, and note the position.

        What ``listings`` raises must be let through, and nothing kept.
        """

    def apply(self, changes: Sequence[Change], position: int) -> None:
        """Make these changes in their order, and note the position."""


def origin_of(data: Json, pointer: str) -> Json:
    """Where a member of a listing's document comes from, given its JSON Pointer: ``status`` is ``declared``,
    ``verified`` (with ``source``, ``at``, ``capture``) or ``disputed``.
    """
    origins: Mapping[str, Json] = data["origins"]
    while pointer and pointer not in origins:
        pointer = pointer.rpartition("/")[0]
    return origins[pointer]


def state_digest(listings: Iterable[tuple[str, int, str]]) -> str:
    """The name of a state of the catalog, given id, version and digest of each listing, in any order.

    It is the SHA-256 of one line a listing, ``{listing_id} {version} {digest}`` with a line feed, in the
    order of the ids.
    """
    whole = hashlib.sha256()
    for listing_id, version, digest in sorted(listings):
        whole.update(state_line(listing_id, version, digest))
    return "sha256:" + whole.hexdigest()


def state_line(listing_id: str, version: int, digest: str) -> bytes:
    """What one listing adds to :func:`state_digest`."""
    return f"{listing_id} {version} {digest}\n".encode()


class CatalogClient:
    """Reads one catalog. ``url`` is its base, without ``/v1``.

    A question is put ``tries`` times while the catalog cannot be reached or has trouble (429, 500 and
    above), with growing waits and as Retry-After says, up to ``longest_wait`` seconds. ``timeout`` is how
    long a connection, and each piece of an answer, may take. ``session`` may carry proxies or certificates.
    """

    def __init__(
        self,
        url: str,
        *,
        session: requests.Session | None = None,
        timeout: float = 30.0,
        tries: int = 5,
        longest_wait: float = 60.0,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._session = session or requests.Session()
        self._timeout = timeout
        self._tries = tries
        self._longest_wait = longest_wait
        self._sleep = sleep or threading.Event().wait

    def changes(self, after: int, *, limit: int = 500, wait: int = 0) -> Page:
        """The changes beyond a position. With ``wait``, where there are none, the catalog answers when one
        comes, or after so many seconds.

        :raises CursorGone: when they are no longer kept.
        :raises CursorAhead: when the feed has not come so far.
        :raises Corrupt: when they have a gap, or a document is not the one that its digest names.
        """
        query = {"after": after, "limit": limit, **({"wait": min(wait, LONGEST_WAIT)} if wait else {})}
        document = self._document("/v1/listings/changes", query, patience=wait)
        with _reading(f"changes after {after}"):
            changes = tuple(_change(item) for item in document["items"])
            page = Page(
                changes, int(document["next"]), bool(document["has_more"]), _moment(document["generated_at"])
            )
        found = [change.seq for change in changes]
        if found != list(range(after + 1, after + 1 + len(changes))) or page.next != after + len(changes):
            raise Corrupt(f"changes after {after} have the positions {found[:3]}… and lead to {page.next}")
        return page

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """The newest snapshot, read as it comes: memory does not grow with the catalog."""
        with self._answer("/v1/listings/snapshot", {}) as answer:
            answer.raw.decode_content = False
            lines = _lines(gzip.GzipFile(fileobj=cast("Any", answer.raw)))
            with _reading("the snapshot's first line"):
                head = json.loads(next(lines))
                if head["schema"] != "snapshot/1":
                    raise ValueError(head["schema"])
                position, count, digest = int(head["position"]), int(head["count"]), str(head["digest"])
                generated_at = _moment(head["generated_at"])
            yield Snapshot(position, count, digest, generated_at, _checked(lines, count, digest))

    def listings(self, *, limit: int = 500) -> Iterator[Listing]:
        """The listings in the catalog now, page by page in the order of their ids.

        What changes meanwhile may be seen before or after its change: for a whole take the snapshot.
        """
        token = None
        while True:
            query = {"limit": limit, **({"page_token": token} if token else {})}
            document = self._document("/v1/listings", query)
            with _reading("a page of listings"):
                found = [_listing(item) for item in document["items"]]
                token = document["next"]
            yield from found
            if token is None:
                return

    def listing(self, listing_id: str) -> Json | None:
        """The document of one listing, None where it is out of the catalog or never was in it."""
        try:
            return self._document(f"/v1/listings/{listing_id}", {})
        except Refused as refused:
            if refused.status in {404, 410}:
                return None
            raise

    def fits(self, listing_ids: Sequence[str], **use: str | int | bool) -> list[Json]:
        """Whether each of these listings fits a use: ``verdict`` and ``reasons``. All must be in the catalog.

        ``use`` is as ``GET /v1/fit`` takes it: ``buyer="kobe-city", confidentiality=2, my_number=False``, …
        """
        asked = {
            name: str(value).lower() if isinstance(value, bool) else value for name, value in use.items()
        }
        found: list[Json] = []
        for first in range(0, len(listing_ids), _FITS_AT_ONCE):
            query = {**asked, "listing": list(listing_ids[first : first + _FITS_AT_ONCE])}
            document = self._document("/v1/fit", query)
            with _reading("/v1/fit"):
                found += document["items"]
        return found

    def _document(self, path: str, query: Json, *, patience: float = 0.0) -> Json:
        with self._answer(path, query, patience=patience) as answer:
            try:
                body = bytearray()
                for piece in answer.iter_content(1 << 16):
                    body += piece
                    if len(body) > LARGEST_ANSWER:
                        raise Corrupt(f"{path} answers with more than {LARGEST_ANSWER} bytes")
            except requests.RequestException as error:
                raise Unavailable(f"{path}: {type(error).__name__}") from None
        with _reading(path):
            document = json.loads(body)
            if not isinstance(document, dict):
                raise TypeError(type(document).__name__)
        return document

    @contextmanager
    def _answer(self, path: str, query: Json, *, patience: float = 0.0) -> Iterator[requests.Response]:
        """An answer with status 200, its body not read yet."""
        for number in range(1, self._tries + 1):
            try:
                answer = self._session.get(
                    self.url + path,
                    params=dict(query),
                    timeout=(self._timeout, self._timeout + patience),
                    stream=True,
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                told, wait = type(error).__name__, 0.0
            else:
                with answer:
                    if answer.status_code == 200:
                        yield answer
                        return
                    if answer.status_code != 429 and answer.status_code < 500:
                        raise _refused(answer)
                    told, wait = str(answer.status_code), _retry_after(answer)
            if number < self._tries:
                backoff = random.uniform(0.5, 1.0) * 0.5 * 2**number  # noqa: S311 - spreads load, guards nothing
                self._sleep(min(max(wait, backoff), self._longest_wait))
        raise Unavailable(f"{path}: {told}, {self._tries} times")


class Follower:
    """Keeps a store as the catalog is. ``beginning`` has a store that is empty read the feed from its first
    change, where it still keeps it, instead of the snapshot: with the history, and longer.
    """

    def __init__(
        self, client: CatalogClient, store: Store, *, limit: int = 500, beginning: bool = False
    ) -> None:
        self._client = client
        self._store = store
        self._limit = limit
        self._beginning = beginning

    def catch_up(self) -> int:
        """Bring the store to the end of the feed and return the position."""
        return self._follow(lambda page: page.has_more, wait=0)

    def run(self, stop: threading.Event, *, wait: int = 30, pause: float = 5.0) -> None:
        """Follow until ``stop`` is set; a change arrives a moment after it happened.

        While the catalog cannot be reached it is asked again after ``pause`` seconds, for ever.

        :raises Corrupt: when what it tells does not hold together.
        """

        def goes_on(page: Page) -> bool:
            # A catalog with too many who wait answers at once: it is not to be asked without a breath.
            return not stop.wait(0.0 if page.changes else 1.0)

        while not stop.is_set():
            try:
                self._follow(goes_on, wait=wait)
            except Unavailable:
                stop.wait(pause)

    def _follow(self, goes_on: Callable[[Page], bool], *, wait: int) -> int:
        position = self._store.position()
        noted = position is not None or not self._beginning
        if position is None:
            position = 0 if self._beginning else self._begin()
        begun_anew = False
        while True:
            try:
                page = self._client.changes(position, limit=self._limit, wait=wait)
            except (CursorGone, CursorAhead):
                if begun_anew:
                    raise
                position, noted, begun_anew = self._begin(), True, True
                continue
            if page.changes or not noted:
                self._store.apply(page.changes, page.next)
                noted = True
            position, begun_anew = page.next, False
            if not goes_on(page):
                return position

    def _begin(self) -> int:
        with self._client.snapshot() as snapshot:
            self._store.replace(snapshot.listings, snapshot.position)
            return snapshot.position


def canonical(value: object) -> bytes:
    """The one byte string for a JSON value (RFC 8785): what digests are made of."""
    return _written(value).encode()


def _written(value: Any) -> str:
    if isinstance(value, dict):
        # By UTF-16 code units, as the RFC says; that differs from Python's order beyond U+FFFF only.
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        members = (f"{json.dumps(name, ensure_ascii=False)}:{_written(value[name])}" for name in names)
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """A double as ECMAScript writes it (RFC 8785, 3.2.2.3): the shortest digits, the point at ``point``."""
    if value == 0:
        return "0"
    sign, places, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, places))
    point = len(digits) + int(exponent)
    if len(digits) <= point <= 21:
        text = digits + "0" * (point - len(digits))
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        text = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "") + f"e{point - 1:+d}"
    return "-" + text if sign else text


def _change(item: Json) -> Change:
    kind = Kind(str(item["type"]).removeprefix("listing."))
    digest, data = item["digest"], item["data"]
    if not kind.is_out:
        _check(item)
    elif data is not None:
        raise ValueError("a tombstone with data")
    return Change(
        seq=int(item["seq"]),
        kind=kind,
        listing_id=str(item["listing_id"]),
        version=int(item["version"]),
        occurred_at=_moment(item["occurred_at"]),
        reason=item["reason"],
        digest=digest,
        data=data,
    )


def _listing(item: Json) -> Listing:
    _check(item)
    return Listing(
        str(item["listing_id"]),
        int(item["version"]),
        _moment(item["published_at"]),
        item["digest"],
        item["data"],
    )


def _check(item: Json) -> None:
    # Nearly every document is written so by the standard library, ten times faster.
    likely = json.dumps(item["data"], ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    if item["digest"] == _sha256(likely) or item["digest"] == (found := _sha256(canonical(item["data"]))):
        return
    raise Corrupt(f"listing {item['listing_id']} is {found}, and its digest says {item['digest']}")


def _sha256(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


def _checked(lines: Iterator[bytes], count: int, digest: str) -> Iterator[Listing]:
    whole = hashlib.sha256()
    number = 0
    last = ""
    for line in lines:
        number += 1
        with _reading(f"line {number + 1} of the snapshot"):
            listing = _listing(json.loads(line))
        if listing.listing_id <= last:
            raise Corrupt(f"line {number + 1} of the snapshot is out of order")
        last = listing.listing_id
        whole.update(state_line(listing.listing_id, listing.version, listing.digest))
        yield listing
    if number != count:
        raise Corrupt(f"the snapshot has {number} listings and says {count}")
    if (found := "sha256:" + whole.hexdigest()) != digest:
        raise Corrupt(f"the snapshot is {found} and says {digest}")


def _lines(file: gzip.GzipFile) -> Iterator[bytes]:
    try:
        while line := file.readline(LARGEST_LINE + 1):
            if not line.endswith(b"\n"):
                raise Corrupt("a line of the snapshot is longer than a listing, or cut short")
            yield line
    except (EOFError, OSError, zlib.error, HTTPError) as error:
        raise Unavailable(f"the snapshot broke off: {type(error).__name__}") from None


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, StopIteration, RecursionError) as error:
        raise Corrupt(f"{what}: {type(error).__name__}: {str(error)[:200]}") from None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment


def _refused(answer: requests.Response) -> Refused:
    try:
        problem = json.loads(answer.raw.read(65536, decode_content=True))
        code, detail = str(problem["code"]), str(problem["detail"])
    except (KeyError, TypeError, ValueError, OSError, HTTPError):
        code, detail = "", "no problem document"
    kind = {"feed.cursor_gone": CursorGone, "feed.cursor_ahead": CursorAhead}.get(code, Refused)
    return kind(answer.status_code, code, detail)


def _retry_after(answer: requests.Response) -> float:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0
