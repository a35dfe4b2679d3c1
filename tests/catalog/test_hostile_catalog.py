"""A catalog that lies, stammers or breaks off: nothing of it reaches a store."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest

from catalog.client import CatalogClient, Corrupt, Follower, Refused, Unavailable, canonical
from tests.catalog.shelves import Kept

MOMENT = "2026-11-02T09:00:00.000000Z"


def change(seq: int, **other: Any) -> dict[str, Any]:
    data = {"seq": seq}
    return {
        "seq": seq,
        "type": "listing.published",
        "listing_id": f"listing-{seq}",
        "version": 1,
        "occurred_at": MOMENT,
        "reason": None,
        "digest": "sha256:" + hashlib.sha256(canonical(data)).hexdigest(),
        "data": data,
        **other,
    }


def page(*items: dict[str, Any], after: int = 0, **other: Any) -> bytes:
    following = {"next": after + len(items), "has_more": False, "generated_at": MOMENT}
    return orjson.dumps({"items": items, **following, **other})


def snapshot(*items: dict[str, Any], **other: Any) -> bytes:
    lines = [
        {
            "listing_id": item["listing_id"],
            "version": 1,
            "published_at": MOMENT,
            "digest": item["digest"],
            "data": item["data"],
        }
        for item in items
    ]
    told = "".join(f"{one['listing_id']} 1 {one['digest']}\n" for one in lines).encode()
    head = {
        "schema": "snapshot/1",
        "position": 9,
        "count": len(lines),
        "digest": "sha256:" + hashlib.sha256(told).hexdigest(),
        "generated_at": MOMENT,
        **other,
    }
    return gzip.compress(b"".join(orjson.dumps(line) + b"\n" for line in [head, *lines]))


@dataclass
class Liar:
    """Answers what a test has put up for a path, one after the other; the last one stays."""

    answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    url: str = ""
    asked: int = 0

    def says(self, path: str, body: bytes, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault(path, []).append((status, named, body))

    def feed(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.says("/v1/listings/changes", body, status, **headers)

    def client(self) -> CatalogClient:
        return CatalogClient(self.url, timeout=10.0, tries=3, sleep=self.slept.append)

    slept: list[float] = field(default_factory=list)


@pytest.fixture
def liar() -> Iterator[Liar]:
    made = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked += 1
            answers = made.answers[self.path.partition("?")[0]]
            status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(page(change(2)), id="the first change is missing"),
        pytest.param(page(change(1), change(3)), id="one in between is missing"),
        pytest.param(page(change(1), change(1)), id="one comes twice"),
        pytest.param(page(change(2), change(1)), id="out of order"),
        pytest.param(page(change(1), next=5), id="the cursor leads too far"),
        pytest.param(page(change(1, data={"seq": 2})), id="another document than the digest's"),
        pytest.param(page(change(1, data=None, digest=None)), id="published without a document"),
        pytest.param(page(change(1, type="listing.hidden")), id="a tombstone with a document"),
        pytest.param(page(change(1, type="listing.lost")), id="a kind that is none"),
        pytest.param(page(change(1, occurred_at="2026-11-02T09:00:00")), id="a moment without a zone"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"items": []}', id="no cursor"),
        pytest.param(b"<html>", id="no JSON"),
        pytest.param(b"[" * 100_000, id="nested too deeply"),
    ],
)
def test_a_page_that_does_not_hold_together_reaches_no_store(liar: Liar, body: bytes) -> None:
    liar.feed(body)
    store = Kept(at=0)
    with pytest.raises(Corrupt):
        Follower(liar.client(), store).catch_up()
    assert (store.listings, store.at) == ({}, 0)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(snapshot(change(1), change(2), count=3), id="fewer than it says"),
        pytest.param(snapshot(change(1), digest="sha256:0"), id="another state than it says"),
        pytest.param(snapshot(change(2), change(1)), id="out of order"),
        pytest.param(snapshot(change(1), change(1)), id="one twice"),
        pytest.param(snapshot(change(1, data={})), id="another document than the digest's"),
        pytest.param(snapshot(change(1), schema="snapshot/9"), id="another schema"),
        pytest.param(gzip.compress(b""), id="nothing in it"),
        pytest.param(gzip.compress(b"x" * 5_000_000), id="a line without an end"),
    ],
)
def test_a_snapshot_that_does_not_hold_together_reaches_no_store(liar: Liar, body: bytes) -> None:
    liar.says("/v1/listings/snapshot", body)
    store = Kept()
    with pytest.raises(Corrupt):
        Follower(liar.client(), store).catch_up()
    assert (store.listings, store.at) == ({}, None)


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_snapshot_that_breaks_off_reaches_no_store(liar: Liar, kept: float) -> None:
    whole = snapshot(*(change(number) for number in range(1, 9)))
    liar.says("/v1/listings/snapshot", whole[: int(len(whole) * kept)])
    store = Kept()
    with pytest.raises((Unavailable, Corrupt)):
        Follower(liar.client(), store).catch_up()
    assert store.at is None


def test_it_asks_again_as_long_as_it_is_told_to_wait(liar: Liar) -> None:
    liar.feed(b"", 503, retry_after="7")
    liar.feed(b"", 429, retry_after="999999")
    liar.feed(page(change(1)))
    assert liar.client().changes(0).next == 1
    assert liar.slept == [7.0, 60.0]


def test_it_gives_up_after_its_tries(liar: Liar) -> None:
    liar.feed(b"", 502)
    with pytest.raises(Unavailable):
        liar.client().changes(0)
    assert liar.asked == 3


@pytest.mark.parametrize("status", [301, 302, 403, 404])
def test_it_follows_nobody_elsewhere_and_takes_no_for_an_answer(liar: Liar, status: int) -> None:
    liar.feed(b"", status, location="http://169.254.169.254/")
    with pytest.raises(Refused) as refused:
        liar.client().changes(0)
    assert (refused.value.status, liar.asked) == (status, 1)


def test_a_catalog_that_forgets_at_once_is_not_followed_for_ever(liar: Liar) -> None:
    liar.says("/v1/listings/snapshot", snapshot())
    liar.feed(orjson.dumps({"code": "feed.cursor_gone", "detail": "x"}), 410)
    with pytest.raises(Refused):
        Follower(liar.client(), Kept()).catch_up()
