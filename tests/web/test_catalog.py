"""The catalog as its readers see it: listings, one listing, and the feed of changes."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from pipeline.model import ChangeKind
from pipeline.schemas import find

Door = Any


def publish(door: Door, *codes: str) -> list[Any]:
    """Have a listing version published for each product code."""
    versions = []
    for code in codes:
        door.clock.advance(timedelta(minutes=1))
        versions.append(door.list(door.accepted(door.application(code))))
    return versions


def test_a_listing_is_its_document_byte_for_byte(any_door: Door) -> None:
    [version] = publish(any_door, "chat")
    answer = any_door.get(f"/v1/listings/{version.listing_id}")
    assert answer.status_code == 200
    digest = "sha256:" + hashlib.sha256(answer.content).hexdigest()
    assert answer.headers["etag"] == f'"{digest}"'
    assert answer.headers["last-modified"] == "Mon, 02 Nov 2026 09:01:02 GMT"
    assert answer.headers["content-type"] == "application/json"
    described, receipt = answer.headers["link"].split(", ")
    assert described == '</v1/schemas/listing/2>; rel="describedby"'
    assert receipt.startswith(f"<{version.document['links']['receipt']}>")
    assert answer.json() == version.document
    assert answer.json()["data_as_of"] == "2026-11-02T08:01:02.000000Z"


def test_a_listing_obeys_its_schema_and_keeps_the_contact_out(door: Door) -> None:
    schema = find("listing")
    assert schema is not None
    [version] = publish(door, "chat")
    answer = door.get(f"/v1/listings/{version.listing_id}")
    assert schema.violations(answer.json()) == []
    contact = door.application()["contact"]
    assert contact["email"] not in answer.text
    assert contact["name"] not in answer.text


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ("{etag}", 304),
        ("W/{etag}", 304),
        ('"x", {etag}', 304),
        ('"x","y" , W/{etag},"z"', 304),
        ("*", 304),
        ('"x"', 200),
        ("", 200),
        ("sha256:0", 200),
        (",,,", 200),
    ],
)
def test_if_none_match(door: Door, tags: str, status: int) -> None:
    [version] = publish(door, "chat")
    path = f"/v1/listings/{version.listing_id}"
    full = door.get(path)
    answer = door.get(path, if_none_match=tags.format(etag=full.headers["etag"]))
    assert answer.status_code == status
    assert (answer.content == b"") is (status == 304)
    for name in ("etag", "last-modified", "cache-control"):
        assert answer.headers[name] == full.headers[name]


def test_head_is_get_without_the_body(door: Door) -> None:
    [version] = publish(door, "chat")
    path = f"/v1/listings/{version.listing_id}"
    assert door.request("HEAD", path).headers == door.get(path).headers


def test_a_new_version_has_another_etag(any_door: Door) -> None:
    first, second = publish(any_door, "chat", "chat")
    assert first.listing_id == second.listing_id
    answer = any_door.get(f"/v1/listings/{first.listing_id}")
    assert answer.json()["version"] == 2


@pytest.mark.parametrize("listing_id", ["x", "01890000-0000-7000-8000-000000000000"])
def test_a_listing_that_is_none_is_404(door: Door, listing_id: str) -> None:
    answer = door.get(f"/v1/listings/{listing_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "request.not_found")


def test_pages_hold_every_listing_once_though_others_are_added_meanwhile(any_door: Door) -> None:
    before = publish(any_door, *(f"product-{number}" for number in range(5)))
    seen: list[str] = []
    path = "/v1/listings?limit=2"
    while path:
        answer = any_door.get(path)
        page = answer.json()
        assert len(page["items"]) <= 2
        seen += [item["listing_id"] for item in page["items"]]
        if len(seen) == 2:
            publish(any_door, "late", "product-0")
        assert page["has_more"] is (page["next"] is not None) is ("link" in answer.headers)
        path = answer.links["next"]["url"] if "link" in answer.headers else ""
        if path:
            assert path == f"/v1/listings?limit=2&page_token={page['next']}"
    assert len(seen) == len(set(seen)) == 6
    assert seen[:5] == [str(version.listing_id) for version in before]


def test_an_item_of_a_page_is_the_listing_itself(door: Door) -> None:
    [version] = publish(door, "chat")
    page = door.get("/v1/listings").json()
    [item] = page["items"]
    one = door.get(f"/v1/listings/{version.listing_id}")
    assert item["data"] == one.json()
    assert f'"{item["digest"]}"' == one.headers["etag"]
    assert item["published_at"] == "2026-11-02T09:01:02.000000Z"


def test_when_it_was_sent_is_not_when_it_holds(door: Door) -> None:
    publish(door, "chat")
    door.clock.advance(timedelta(days=900))
    for path in ("/v1/listings", "/v1/listings/changes"):
        page = door.get(path).json()
        assert page["generated_at"].startswith("2029-")
        assert page["items"][0]["data"]["data_as_of"].startswith("2026-11-02T08:")


def test_no_listings_are_an_empty_page(any_door: Door) -> None:
    page = any_door.get("/v1/listings").json()
    assert (page["items"], page["next"], page["has_more"]) == ([], None, False)


def test_following_the_feed_shows_every_change_once_and_in_order(any_door: Door) -> None:
    publish(any_door, "a", "b", "a")
    seen: list[tuple[int, str, int]] = []
    after = 0
    for _ in range(2):
        more = True
        while more:
            page = any_door.get(f"/v1/listings/changes?after={after}&limit=2").json()
            seen += [(item["seq"], item["type"], item["version"]) for item in page["items"]]
            after, more = page["next"], page["has_more"]
        publish(any_door, "b")
    kind = "listing.published"
    assert seen == [(1, kind, 1), (2, kind, 1), (3, kind, 2), (4, kind, 2)]


def test_a_change_carries_the_version_that_it_brought(door: Door) -> None:
    publish(door, "chat", "chat")
    items = door.get("/v1/listings/changes").json()["items"]
    assert [item["data"]["version"] for item in items] == [1, 2]
    assert items[0]["digest"] != items[1]["digest"]
    assert items[0]["occurred_at"] == "2026-11-02T09:01:02.000000Z"
    assert items[0]["listing_id"] == items[1]["listing_id"]


def test_a_reader_that_is_up_to_date_gets_its_cursor_back(any_door: Door) -> None:
    publish(any_door, "a", "b")
    answer = any_door.get("/v1/listings/changes?after=2")
    page = answer.json()
    assert (page["items"], page["next"], page["has_more"]) == ([], 2, False)
    assert answer.links["next"]["url"] == "/v1/listings/changes?after=2&limit=100"


def test_an_empty_feed_starts_at_nothing(any_door: Door) -> None:
    page = any_door.get("/v1/listings/changes").json()
    assert (page["items"], page["next"], page["has_more"]) == ([], 0, False)


@pytest.mark.parametrize("after", [3, 10**17])
def test_a_cursor_that_the_feed_has_not_come_to_is_400(any_door: Door, after: int) -> None:
    publish(any_door, "a", "b")
    answer = any_door.get(f"/v1/listings/changes?after={after}")
    assert (answer.status_code, answer.json()["code"]) == (400, "feed.cursor_ahead")
    assert answer.json()["detail"] == "the newest change is 2"


@pytest.mark.parametrize("path", ["/v1/listings", "/v1/listings/changes", "/v1/listings/{id}"])
def test_while_the_database_is_away_it_is_503(door: Door, path: str) -> None:
    [version] = publish(door, "chat")
    with door.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE listing_versions RENAME TO away")
    answer = door.get(path.format(id=version.listing_id))
    assert (answer.status_code, answer.json()["code"]) == (503, "service.unavailable")
    assert "retry-after" in answer.headers


@pytest.mark.parametrize("kind", [kind for kind in ChangeKind if kind.is_out])
def test_a_listing_that_is_out_is_410_and_tells_the_class(any_door: Door, kind: ChangeKind) -> None:
    [version] = publish(any_door, "chat")
    with any_door.memory.write() as tx:
        tx.listings.take_out(version.listing_id, kind, any_door.clock.now(), "SOME_CODE")
    answer = any_door.get(f"/v1/listings/{version.listing_id}")
    assert (answer.status_code, answer.json()["code"]) == (410, f"listing.{kind}")
    assert answer.json()["detail"] == "since 2026-11-02T09:01:02.000000Z, reason SOME_CODE"
    assert any_door.get("/v1/listings").json()["items"] == []


def test_a_tombstone_has_a_reason_and_no_data(any_door: Door) -> None:
    [version] = publish(any_door, "chat")
    with any_door.memory.write() as tx:
        tx.listings.take_out(version.listing_id, ChangeKind.SUSPENDED, any_door.clock.now(), "SOME_CODE")
        tx.listings.put_back(version.listing_id, any_door.clock.now())
    first, out, back = any_door.get("/v1/listings/changes").json()["items"]
    assert out == {
        "seq": 2,
        "type": "listing.suspended",
        "listing_id": str(version.listing_id),
        "version": 1,
        "occurred_at": "2026-11-02T09:01:02.000000Z",
        "reason": "SOME_CODE",
        "digest": None,
        "data": None,
    }
    assert back == {**first, "seq": 3, "type": "listing.restored"}


@pytest.mark.parametrize(("after", "status"), [(0, 410), (1, 410), (2, 200), (3, 200)])
def test_a_cursor_below_what_is_kept_is_gone(any_door: Door, after: int, status: int) -> None:
    publish(any_door, "a", "b", "c")
    with any_door.memory.write() as tx:
        tx.listings.forget_changes(any_door.clock.now())
    answer = any_door.get(f"/v1/listings/changes?after={after}")
    assert answer.status_code == status
    if status == 410:
        assert answer.json()["code"] == "feed.cursor_gone"
        assert answer.json()["detail"] == "the oldest cursor that can be followed is 2"


@pytest.mark.parametrize("path", ["/v1/listings?limit=1", "/v1/listings/changes?after=0&limit=1"])
def test_a_page_that_stands_still_is_304(any_door: Door, path: str) -> None:
    publish(any_door, "a", "b")
    full = any_door.get(path)
    any_door.clock.advance(timedelta(minutes=1))
    again = any_door.get(path, if_none_match=full.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["link"] == full.headers["link"]


def test_a_page_that_moved_is_sent_again(any_door: Door) -> None:
    publish(any_door, "a")
    tags = {
        path: any_door.get(path).headers["etag"] for path in ("/v1/listings", "/v1/listings/changes?after=0")
    }
    publish(any_door, "b")
    for path, tag in tags.items():
        answer = any_door.get(path, if_none_match=tag)
        assert (answer.status_code, len(answer.json()["items"])) == (200, 2)


@pytest.mark.parametrize("wait", ["61", "-1", "x", "1&wait=2", ""])
def test_how_long_one_may_wait_is_limited(door: Door, wait: str) -> None:
    answer = door.get(f"/v1/listings/changes?wait={wait}")
    assert (answer.status_code, answer.json()["code"]) == (400, "request.parameter_invalid")


def test_who_waits_for_what_is_there_does_not_wait(door: Door) -> None:
    publish(door, "a")
    began = door.app.state.feed_watch.waiting
    assert len(door.get("/v1/listings/changes?after=0&wait=60").json()["items"]) == 1
    assert began == door.app.state.feed_watch.waiting == 0


def test_nobody_waits_for_a_cursor_that_is_none(door: Door) -> None:
    assert door.get("/v1/listings/changes?after=7&wait=60").json()["code"] == "feed.cursor_ahead"
