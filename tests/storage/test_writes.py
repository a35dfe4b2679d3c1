"""Writes without a result: what they write, count and raise, and connections that the server has closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any

import pytest
from sqlalchemy import bindparam, delete, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

import storage.database
from pipeline.identifiers import new_id
from storage import tables as t
from storage.database import Database
from storage.dialect import upsert
from storage.writes import Write, write

POSITIONS = count(1)
ADD = Write(lambda _: insert(t.journal))
ADD_SENDER = Write(lambda _: insert(t.senders))
KEEP_BODY = Write(lambda dialect: upsert(dialect, t.capture_bodies).on_conflict_do_nothing())
FORGET = Write(lambda _: delete(t.journal).where(t.journal.c.name == bindparam("wanted")))


def event(name: str, **values: Any) -> dict[str, Any]:
    """A row of the journal."""
    return {
        "position": next(POSITIONS),
        "case_id": new_id(),
        "name": name,
        "acted_by": "日本語",
        "at": datetime(2026, 11, 23, 9, tzinfo=timezone(timedelta(hours=9))),
        "data": b"\x00%s%%?:x",
        "sha256": "",
        **values,
    }


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return sorted(connection.execute(select(t.journal.c.name)).scalars())


def test_what_is_written_is_read_back_as_it_was(database: Database) -> None:
    row = event("one")
    sender = {"id": new_id(), "name": "s", "token_sha256": None, "created_at": row["at"], "disabled_at": None}
    with database.write() as connection:
        assert write(connection, (ADD, [row]), (ADD_SENDER, [sender])) == [1, 1]
    with database.read() as connection:
        written = connection.execute(select(t.journal)).one()
        kept = connection.execute(select(t.senders)).one()
    assert dict(written._mapping) == row
    assert written.at.tzinfo is UTC
    assert dict(kept._mapping) == sender


def test_rows_are_counted_for_each_write(database: Database) -> None:
    with database.write() as connection:
        several = [event("a"), event("a"), event("b")]
        assert write(connection, (ADD, several), (FORGET, [{"wanted": "a"}])) == [3, 2]
        assert write(connection, (FORGET, [{"wanted": "c"}]))[0] == 0
    assert names(database) == ["b"]


def test_a_write_without_rows_does_nothing(database: Database) -> None:
    with database.write() as connection:
        write(connection, (ADD, []), (ADD, [event("a")]))
    assert names(database) == ["a"]


def test_what_is_there_already_is_left_where_the_write_says_so(database: Database) -> None:
    first, second = {"sha256": "sha256:1", "body": b"1"}, {"sha256": "sha256:2", "body": b"2"}
    with database.write() as connection:
        write(connection, (KEEP_BODY, [first]))
    with database.write() as connection:
        write(connection, (KEEP_BODY, [{**first, "body": b"other"}, second]))
    with database.read() as connection:
        rows = connection.execute(select(t.capture_bodies).order_by(t.capture_bodies.c.sha256)).all()
    assert [row.body for row in rows] == [b"1", b"2"]


def add(database: Database, *rows: dict[str, Any]) -> None:
    """Add rows in one transaction, each by a write of its own, all but the first together."""
    with database.write() as connection:
        write(connection, (ADD, [rows[0]]))
        write(connection, *((ADD, [row]) for row in rows[1:]))


def test_a_refused_write_raises_what_sqlalchemy_would_and_undoes_all(database: Database) -> None:
    row = event("secret")
    with pytest.raises(IntegrityError) as refused:
        add(database, row, event("other"), row, event("third"))
    assert "secret" not in str(refused.value)
    assert names(database) == []
    add(database, row, event("other"))
    assert names(database) == ["other", "secret"]


def test_a_naive_moment_is_refused(database: Database) -> None:
    row = event("a", at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="time zone"), database.write() as connection:
        write(connection, (ADD, [row]))
    assert names(database) == []


def close_connections(url: str) -> None:
    """What a restart of the server does to those who are connected."""
    other = Database(url)
    with other.write() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.close()


def test_a_connection_lost_under_way_fails_once(postgres_database_url: str) -> None:
    database = Database(postgres_database_url)

    def lose() -> None:
        with database.write() as connection:
            write(connection, (ADD, [event("a")]))
            close_connections(postgres_database_url)
            write(connection, (ADD, [event("b")]), (ADD, [event("c")]))

    with pytest.raises(DBAPIError):
        lose()
    add(database, event("d"), event("e"))
    assert names(database) == ["d", "e"]
    database.close()


def test_idle_connections_that_the_server_closed_are_replaced(
    postgres_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(postgres_database_url)
    with database.read(), database.write() as connection:  # two connections
        write(connection, (ADD, [event("a")]))
    close_connections(postgres_database_url)
    monkeypatch.setattr(storage.database, "IDLE_SECONDS", -1.0)
    with database.read(), database.write() as connection:
        write(connection, (ADD, [event("b")]))
    assert names(database) == ["a", "b"]
    database.close()
