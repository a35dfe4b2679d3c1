"""Following a real catalog: from the snapshot, from the first change, after having fallen behind."""

from __future__ import annotations

import gzip
import hashlib
import threading
from datetime import timedelta
from typing import Any

import orjson
import pytest
import requests

from catalog.client import CatalogClient, CursorAhead, CursorGone, Follower, Refused, Unavailable
from catalog.verification import verify
from pipeline.model import ChangeKind
from tests.catalog.shelves import Kept

Site = Any


def some_changes(site: Site) -> None:
    chat, forms = site.publish("chat"), site.publish("forms", text="\u2028 é 𠮷 \x7f")
    site.publish("plan", prices=[1, 0, 10**12])
    site.take_out(chat, ChangeKind.SUSPENDED)
    site.publish("forms")
    site.take_out(forms, ChangeKind.HIDDEN)
    site.put_back(forms)


def test_the_snapshot_and_the_whole_feed_lead_to_the_same(site: Site) -> None:
    some_changes(site)
    for follower_begins in (False, True):
        store = Kept()
        assert Follower(site.client(), store, limit=2, beginning=follower_begins).catch_up() == 7
        assert len(store.listings) == 2
        assert store.begun == (0 if follower_begins else 1)
        assert store.seen == (list(range(1, 8)) if follower_begins else [])
        proof = verify(site.client())
        assert proof.holds
        assert (proof.state, proof.position, proof.listings) == (store.state, 7, 2)
        assert (proof.changes, proof.whole_feed) == (7, True)


def test_an_old_snapshot_and_the_feed_lead_to_the_same(site: Site) -> None:
    some_changes(site)
    with site.client().snapshot() as snapshot:
        assert snapshot.position == 7
    site.publish("late")
    with site.client().snapshot() as snapshot:
        # Ten minutes have not passed: the one that is there is as good.
        assert snapshot.position == 7
        assert [one.data["code"] for one in snapshot.listings] == ["forms", "plan"]
    store = Kept()
    assert Follower(site.client(), store).catch_up() == 8
    assert store.seen == [8]
    assert verify(site.client()).state == store.state
    site.door.clock.advance(timedelta(minutes=10))
    with site.client().snapshot() as snapshot:
        assert snapshot.position == 8


def test_a_snapshot_is_a_file_that_anybody_can_check(site: Site) -> None:
    some_changes(site)
    answer = requests.get(f"{site.url}/v1/listings/snapshot", timeout=30)
    assert answer.headers["content-type"] == "application/gzip"
    assert answer.headers["content-disposition"] == 'attachment; filename="listings-7.ndjson.gz"'
    assert answer.links["next"]["url"] == "/v1/listings/changes?after=7"
    first, *lines = gzip.decompress(answer.content).splitlines()
    head = orjson.loads(first)
    items = [orjson.loads(line) for line in lines]
    assert head["schema"] == "snapshot/1"
    assert (head["position"], head["count"]) == (7, 2)
    assert (answer.headers["sekisho-position"], answer.headers["sekisho-count"]) == ("7", "2")
    told = "".join(f"{one['listing_id']} {one['version']} {one['digest']}\n" for one in items)
    assert head["digest"] == "sha256:" + hashlib.sha256(told.encode()).hexdigest()
    assert answer.headers["sekisho-state"] == head["digest"]
    assert items == requests.get(f"{site.url}/v1/listings", timeout=30).json()["items"]
    again = requests.get(
        f"{site.url}/v1/listings/snapshot", headers={"If-None-Match": answer.headers["etag"]}, timeout=30
    )
    assert (again.status_code, again.content) == (304, b"")
    part = requests.get(f"{site.url}/v1/listings/snapshot", headers={"Range": "bytes=0-9"}, timeout=30)
    assert (part.status_code, part.content) == (206, answer.content[:10])


def test_an_empty_catalog_has_a_snapshot(site: Site) -> None:
    store = Kept()
    assert Follower(site.client(), store).catch_up() == 0
    assert (store.listings, store.at) == ({}, 0)
    site.take_out(site.publish("chat"), ChangeKind.WITHDRAWN)
    site.door.clock.advance(timedelta(minutes=10))
    with site.client().snapshot() as snapshot:
        assert (snapshot.position, list(snapshot.listings)) == (2, [])


def test_a_snapshot_of_another_feed_is_not_shown(site: Site) -> None:
    """The folder outlives the database: the same position is not the same catalog."""
    site.publish("chat")
    with site.client().snapshot() as snapshot:
        listed = {one.listing_id for one in snapshot.listings}
    with site.memory.write() as tx:
        for table in ("listing_changes", "listing_versions", "listings"):
            tx.connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608
        tx.connection.exec_driver_sql("UPDATE feed_head SET position = 0")
    site.publish("other")
    with site.client().snapshot() as snapshot:
        assert snapshot.position == 1
        assert listed.isdisjoint({one.listing_id for one in snapshot.listings})


def test_who_has_fallen_behind_begins_with_the_snapshot(site: Site) -> None:
    some_changes(site)
    store = Kept(at=2)
    with site.memory.write() as tx:
        tx.listings.forget_changes(site.now)
    with pytest.raises(CursorGone):
        site.client().changes(2)
    answer = requests.get(f"{site.url}/v1/listings/changes?after=2", timeout=30)
    assert answer.links["alternate"]["url"] == "/v1/listings/snapshot"
    assert Follower(site.client(), store).catch_up() == 7
    assert store.begun == 1
    proof = verify(site.client())
    assert proof.holds
    assert not proof.whole_feed
    assert proof.state == store.state


def test_who_is_ahead_of_a_restored_catalog_begins_with_the_snapshot(site: Site) -> None:
    some_changes(site)
    with pytest.raises(CursorAhead):
        site.client().changes(99)
    store = Kept({"gone": (1, "sha256:")}, at=99)
    assert Follower(site.client(), store).catch_up() == 7
    assert store.state == verify(site.client()).state


def test_a_change_arrives_while_one_waits_for_it(site: Site) -> None:
    site.publish("chat")
    client, found = site.client(), []
    threads = [
        threading.Thread(target=lambda: found.append(site.client().changes(1, wait=60))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    watch = threading.Event()
    while site.door.app.state.feed_watch.waiting < 3:
        watch.wait(0.01)
    site.publish("forms")
    for thread in threads:
        thread.join(timeout=50)
    assert [[change.seq for change in page.changes] for page in found] == [[2]] * 3
    page = client.changes(2, wait=1)
    assert (page.changes, page.next, page.has_more) == ((), 2, False)


def test_following_ends_when_it_is_told_to(site: Site) -> None:
    store, stop = Kept(), threading.Event()
    thread = threading.Thread(target=Follower(site.client(), store).run, args=(stop,), kwargs={"wait": 1})
    thread.start()
    site.publish("chat")
    pause = threading.Event()
    while store.at != 1:
        pause.wait(0.01)
    stop.set()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert len(store.listings) == 1


def test_a_listing_that_is_out_is_none(site: Site) -> None:
    chat = site.publish("chat")
    assert site.client().listing(str(chat))["code"] == "chat"
    site.take_out(chat, ChangeKind.EXPIRED)
    assert site.client().listing(str(chat)) is None
    assert site.client().listing("01890000-0000-7000-8000-000000000000") is None


def test_whether_listings_fit_is_asked_for_many_at_once(site: Site) -> None:
    door = site.door
    listings = [str(door.list(door.accepted(door.application(f"p{n}"))).listing_id) for n in range(3)]
    told = site.client().fits(listings, buyer="kobe-city", confidentiality=3, my_number=True)
    assert [one["listing_id"] for one in told] == listings
    assert {one["verdict"] for one in told} == {"reject"}
    assert told[0]["use"]["my_number"] is True


def test_what_the_catalog_refuses_is_told(site: Site) -> None:
    with pytest.raises(Refused, match="parameter_invalid") as refused:
        site.client().changes(0, limit=501)
    assert refused.value.status == 400
    with pytest.raises(Unavailable):
        CatalogClient("http://127.0.0.1:9", tries=2, sleep=lambda _: None).changes(0)
