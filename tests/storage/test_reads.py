"""Reads of one statement give what reads in a transaction give, and leave the connection as it was."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.exc import DBAPIError

from pipeline.errors import LifecycleError
from pipeline.model import ChangeKind
from storage import tables as t
from storage.catalog import SqlCatalog
from storage.database import Database
from storage.memory import SqlTransaction
from storage.reads import Read
from tests.storage.shelf import Shelf


def _given_up(tx: SqlTransaction, listing_id: UUID, at: datetime) -> None:
    tx.listings.take_out(listing_id, ChangeKind.HIDDEN, at, "X")
    tx.listings.take_out(listing_id, ChangeKind.PUBLISHED, at, "X")


def _alone(database: Database) -> Database:
    """The same database, with one connection for everything."""
    return Database(database.engine.url.render_as_string(hide_password=False), pool_size=1)


def test_both_ways_of_reading_agree(database: Database) -> None:
    shelf, catalog = Shelf(database), SqlCatalog(database)
    chat, forms = shelf.publish("chat"), shelf.publish("forms")
    shelf.take_out(chat, ChangeKind.SUSPENDED)
    with shelf.memory.read() as tx:
        for listing_id in (chat, forms):
            assert catalog.current(listing_id) == tx.listings.current(listing_id)
        assert catalog.page(None, 10) == tx.listings.page(None, 10)
        assert catalog.page(forms, 10) == tx.listings.page(forms, 10)
        assert catalog.changes(0, 10) == tx.listings.changes(0, 10)
        assert catalog.changes(1, 1) == tx.listings.changes(1, 1)
        assert catalog.head() == tx.listings.head() == 3


def test_a_connection_that_was_read_with_writes_in_transactions_again(database: Database) -> None:
    shelf = Shelf(_alone(database))
    catalog = SqlCatalog(shelf.database)
    chat = shelf.publish("chat")
    assert catalog.head() == 1
    with pytest.raises(LifecycleError), shelf.memory.write() as tx:
        _given_up(tx, chat, shelf.tick())
    assert catalog.head() == 1
    assert catalog.current(chat) is not None
    shelf.database.close()


def test_a_failed_read_gives_its_connection_back(database: Database) -> None:
    one = _alone(database)
    with one.write() as connection:
        connection.exec_driver_sql("ALTER TABLE senders RENAME TO away")
    for _ in range(3):
        with pytest.raises(DBAPIError):
            Read(select(t.senders.c.id).where(t.senders.c.name == bindparam("name"))).rows(one, {"name": "x"})
    assert SqlCatalog(one).head() == 0
    one.close()
