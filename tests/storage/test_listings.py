"""The catalog in the database: what is in, what is out, and the feed that tells it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from pipeline.errors import LifecycleError
from pipeline.model import ChangeKind
from pipeline.publication import Expiry
from storage.database import Database
from tests.storage.shelf import NOON, Shelf

OUT = [kind for kind in ChangeKind if kind.is_out]


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


@pytest.mark.parametrize("kind", OUT)
def test_what_is_out_is_not_shown_and_the_feed_says_why(shelf: Shelf, kind: ChangeKind) -> None:
    chat = shelf.publish("chat")
    shelf.publish("forms")
    assert shelf.take_out(chat, kind, "SOME_CODE") == 3
    assert shelf.codes() == ["forms"]
    with shelf.memory.read() as tx:
        assert tx.listings.current(chat) is None
        assert tx.listings.count() == 1
        standing = tx.listings.standing(chat)
    assert standing is not None
    assert (standing.kind, standing.reason, standing.position) == (kind, "SOME_CODE", 3)
    tombstone = shelf.changes()[-1]
    assert (tombstone.kind, tombstone.reason, tombstone.version) == (kind, "SOME_CODE", 1)
    assert tombstone.listing is None


def test_what_is_put_back_comes_with_its_version(shelf: Shelf) -> None:
    chat = shelf.publish("chat")
    shelf.take_out(chat, ChangeKind.HIDDEN)
    assert shelf.put_back(chat) == 3
    assert shelf.codes() == ["chat"]
    first, _, last = shelf.changes()
    assert last.kind is ChangeKind.RESTORED
    assert last.reason == ""
    assert last.listing == first.listing


def test_the_same_again_changes_nothing(shelf: Shelf) -> None:
    chat = shelf.publish("chat")
    assert shelf.put_back(chat) == 1
    assert shelf.take_out(chat, ChangeKind.SUSPENDED, "A") == 2
    assert shelf.take_out(chat, ChangeKind.SUSPENDED, "A") == 2
    assert shelf.take_out(chat, ChangeKind.SUSPENDED, "B") == 3
    assert shelf.take_out(chat, ChangeKind.WITHDRAWN, "B") == 4
    assert [change.position for change in shelf.changes()] == [1, 2, 3, 4]


def test_a_new_version_replaces_whatever_stood(shelf: Shelf) -> None:
    chat = shelf.publish("chat")
    shelf.take_out(chat, ChangeKind.EXPIRED)
    assert shelf.publish("chat") == chat
    assert shelf.codes() == ["chat"]
    assert [change.version for change in shelf.changes()] == [1, 1, 2]


def test_what_is_not_there_or_takes_nothing_out_is_refused(shelf: Shelf) -> None:
    chat = shelf.publish("chat")
    for kind in (ChangeKind.PUBLISHED, ChangeKind.RESTORED):
        with pytest.raises(LifecycleError):
            shelf.take_out(chat, kind)
    with pytest.raises(LifecycleError):
        shelf.take_out(uuid4(), ChangeKind.HIDDEN)
    with pytest.raises(LifecycleError):
        shelf.put_back(uuid4())
    assert len(shelf.changes()) == 1


class At:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


def test_a_listing_is_valid_through_its_last_day_in_japan(shelf: Shelf) -> None:
    chat = shelf.publish("chat", valid_until=date(2026, 11, 30))
    shelf.publish("forms", valid_until=date(2026, 12, 1))
    shelf.publish("plan")
    last_moment = datetime(2026, 11, 30, 14, 59, 59, tzinfo=UTC)
    assert Expiry(shelf.memory, At(last_moment))() == 0
    after = At(last_moment + timedelta(seconds=1))
    assert Expiry(shelf.memory, after)() == 1
    assert Expiry(shelf.memory, after)() == 0
    assert shelf.codes() == ["forms", "plan"]
    tombstone = shelf.changes()[-1]
    assert (tombstone.kind, tombstone.reason) == (ChangeKind.EXPIRED, "VALIDITY_ENDED")
    with shelf.memory.read() as tx:
        standing = tx.listings.standing(chat)
        assert standing is not None
        [event] = tx.journal.of_case(standing.case_id)
    assert event.name == "listing.expired"
    assert event.data["position"] == tombstone.position == 4


def test_what_is_out_does_not_expire_but_comes_back_expired(shelf: Shelf) -> None:
    chat = shelf.publish("chat", valid_until=date(2026, 11, 2))
    shelf.take_out(chat, ChangeKind.SUSPENDED)
    shelf.now = NOON + timedelta(days=1)
    assert Expiry(shelf.memory, At(shelf.now))() == 0
    position = shelf.put_back(chat)
    assert shelf.changes()[-1].kind is ChangeKind.EXPIRED
    assert shelf.put_back(chat) == position == len(shelf.changes())
    assert shelf.codes() == []


def test_what_comes_back_in_time_expires_in_its_time(shelf: Shelf) -> None:
    chat = shelf.publish("chat", valid_until=date(2026, 11, 2))
    shelf.take_out(chat, ChangeKind.SUSPENDED)
    shelf.put_back(chat)
    assert Expiry(shelf.memory, At(NOON + timedelta(days=1)))() == 1


def test_changes_that_are_forgotten_leave_no_gap_behind_them(shelf: Shelf) -> None:
    chat = shelf.publish("chat")
    shelf.take_out(chat, ChangeKind.HIDDEN)
    shelf.put_back(chat)
    with shelf.memory.write() as tx:
        assert tx.listings.forget_changes(NOON + timedelta(seconds=3)) == 2
        assert tx.listings.oldest() == 2
    assert [change.position for change in shelf.changes()] == [3]
    with shelf.memory.write() as tx:
        assert tx.listings.forget_changes(NOON + timedelta(days=1)) == 0
        assert (tx.listings.oldest(), tx.listings.head()) == (2, 3)
    assert shelf.take_out(chat, ChangeKind.HIDDEN) == 4
    with shelf.memory.write() as tx:
        assert tx.listings.forget_changes(NOON + timedelta(days=1)) == 1
        assert (tx.listings.oldest(), tx.listings.head()) == (3, 4)
    assert shelf.codes() == []
