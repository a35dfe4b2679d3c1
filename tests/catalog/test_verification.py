"""The proof finds what differs, and is not misled by a catalog that changes while it is read."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.client import Page
from catalog.verification import verify
from pipeline.model import ChangeKind

Site = Any


def change(site: Site, statement: str) -> None:
    with site.memory.write() as tx:
        tx.connection.exec_driver_sql(statement)


def test_a_listing_that_vanished_without_a_tombstone_is_named(site: Site) -> None:
    chat = site.publish("chat")
    site.publish("forms")
    assert verify(site.client()).holds
    change(site, "UPDATE listings SET standing = 'hidden' WHERE product_code = 'chat'")
    [difference] = verify(site.client()).differences
    assert (difference.listing_id, difference.reading, difference.shows) == (str(chat), "pages", "")
    assert difference.expected.startswith("version 1, sha256:")


def test_a_change_that_the_feed_does_not_tell_is_named(site: Site) -> None:
    site.publish("chat")
    forms = site.publish("forms")
    change(site, "UPDATE listing_changes SET kind = 'withdrawn' WHERE position = 2")
    [difference] = verify(site.client()).differences
    assert (difference.listing_id, difference.reading, difference.shows) == (str(forms), "feed", "")


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_a_catalog_that_changes_while_it_is_read_still_agrees(site: Site, moment: int) -> None:
    first, second = site.publish("a"), site.publish("b")
    client = site.client()
    read_pages, read_changes = client.listings, client.changes
    reads = 0

    def meanwhile() -> None:
        nonlocal reads
        reads += 1
        if reads == moment:
            site.take_out(first, ChangeKind.SUSPENDED)
            site.publish("b")
            site.put_back(first)
            site.publish("c")
            site.take_out(second, ChangeKind.HIDDEN)

    def changes(after: int, **options: Any) -> Page:
        meanwhile()
        return read_changes(after, **options)

    def listings(**options: Any) -> Any:
        meanwhile()
        yield from read_pages(**options)

    client.changes, client.listings = changes, listings
    proof = verify(client)
    assert proof.holds
    assert proof.position == 7
