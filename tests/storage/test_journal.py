"""The journal as a chain: in commit order, without gaps, whoever writes, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Uuid, bindparam, column, insert, table, update
from sqlalchemy.exc import IntegrityError

from pipeline.documents import canonical, sha256
from pipeline.identifiers import new_id
from pipeline.journal import EMPTY, GENESIS, Entry, Head, Kept
from pipeline.model import Event, isoformat
from storage import migrations
from storage import tables as t
from storage.database import Database
from storage.memory import SqlMemory
from tests.databases import fresh_database

AT = datetime(2026, 11, 23, 9, 0, 0, 120, tzinfo=UTC)


def event(name: str = "x", case_id: UUID | None = None, **data: Any) -> Event:
    return Event(case_id or new_id(), name, '審査 "担当"', AT, data)


def write(memory: SqlMemory, *events: Event) -> None:
    with memory.write() as tx:
        tx.journal.write(events)


def read(memory: SqlMemory) -> tuple[Head, list[Kept]]:
    with memory.read() as tx:
        return tx.journal.head(), tx.journal.entries(0, 10_000)


def assert_chained(head: Head, kept: list[Kept]) -> None:
    """Every digest is that of its entry, and every entry names those before it."""
    previous, of_case = EMPTY, dict[UUID, str]()
    for one in kept:
        entry = one.entry
        expected = Entry(
            previous.position + 1, entry.event, previous.sha256, of_case.get(entry.event.case_id)
        )
        assert entry == expected
        assert one.sha256 == expected.sha256
        previous = expected.head
        of_case[entry.event.case_id] = one.sha256
    assert head == previous


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.dictionaries(st.text(max_size=4), json_values, max_size=4), by=st.text(max_size=5))
def test_an_entry_is_the_canonical_form_of_one_object(data: Any, by: str) -> None:
    of_case, case_id = "sha256:" + "ab" * 32, new_id()
    entry = Entry(7, Event(case_id, "a.b", by, AT, data), GENESIS, of_case)
    written = canonical(
        {
            "position": 7,
            "previous": GENESIS,
            "previous_of_case": of_case,
            "at": isoformat(AT),
            "by": by,
            "case": str(case_id),
            "data": data,
            "name": "a.b",
        }
    )
    assert entry.document == written
    assert entry.sha256 == sha256(written)


def test_entries_hang_on_one_another_and_on_those_of_their_case(database: Database) -> None:
    memory = SqlMemory(database)
    assert read(memory) == (EMPTY, [])
    one, other = new_id(), new_id()
    write(memory, event("a", one, wert="é\u2028\x7f"))
    write(memory, event("b", one, number=1.5), event("c", other), event("d", one))
    write(memory, event("e", other))
    write(memory)
    head, kept = read(memory)
    assert [each.entry.position for each in kept] == [1, 2, 3, 4, 5]
    assert [each.entry.event.name for each in kept] == ["a", "b", "c", "d", "e"]
    assert [each.entry.previous_of_case for each in kept] == [
        None,
        kept[0].sha256,
        None,
        kept[1].sha256,
        kept[2].sha256,
    ]
    assert kept[0].entry.previous == GENESIS
    assert_chained(head, kept)


def test_what_rolls_back_leaves_no_gap(database: Database) -> None:
    memory = SqlMemory(database)
    write(memory, event("a"))
    with pytest.raises(OutOfPaperError):
        _write_and_fail(memory, event("lost"))
    write(memory, event("b"))
    head, kept = read(memory)
    assert [each.entry.event.name for each in kept] == ["a", "b"]
    assert_chained(head, kept)


class OutOfPaperError(Exception):
    pass


def _write_and_fail(memory: SqlMemory, *events: Event) -> None:
    with memory.write() as tx:
        tx.journal.write(events)
        raise OutOfPaperError


def test_many_writers_make_one_chain_in_the_order_of_their_commits(database: Database) -> None:
    memory = SqlMemory(database)
    cases = [new_id() for _ in range(3)]
    begun = threading.Barrier(8)

    def work(writer: int) -> None:
        begun.wait()
        for number in range(12):
            with memory.write() as tx:
                tx.journal.write([event(f"{writer}", cases[number % 3], number=number)])
                if number % 4 == 1:
                    # The feed's head is locked before the journal's, whatever the order of the calls.
                    tx.connection.execute(update(t.feed_head).values(position=t.feed_head.c.position + 1))
                tx.journal.write([event(f"{writer}", case) for case in cases[: number % 3]])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    head, kept = read(memory)
    assert head.position == len(kept) == 8 * (12 + 4 * (0 + 1 + 2))
    assert_chained(head, kept)
    for writer in range(8):
        numbers = [
            each.entry.event.data["number"]
            for each in kept
            if each.entry.event.name == str(writer) and "number" in each.entry.event.data
        ]
        assert numbers == list(range(12))


def test_a_reader_never_sees_a_later_entry_before_an_earlier_one(database: Database) -> None:
    memory = SqlMemory(database)
    ended = threading.Event()
    seen: list[int] = []

    def watch() -> None:
        while not ended.is_set():
            with memory.read() as tx:
                fresh = tx.journal.entries(seen[-1] if seen else 0, 1000)
            seen.extend(each.entry.position for each in fresh)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: write(memory, event(), event()), range(40)))
    finally:
        ended.set()
        watcher.join()
    with memory.read() as tx:
        seen.extend(each.entry.position for each in tx.journal.entries(seen[-1] if seen else 0, 1000))
    assert seen == list(range(1, 81))


def test_an_entry_that_the_database_refuses_undoes_the_transaction(database: Database) -> None:
    memory = SqlMemory(database)
    write(memory, event("a"))
    with database.write() as connection:  # somebody has put a row where the next entry belongs
        connection.execute(insert(t.journal), _row(2))

    with pytest.raises(IntegrityError):
        _publish_with(memory, event("b"))
    with memory.read() as tx:
        assert tx.listings.head() == 0
        assert tx.journal.head().position == 1


def _publish_with(memory: SqlMemory, *events: Event) -> None:
    with memory.write() as tx:
        tx.connection.execute(update(t.feed_head).values(position=t.feed_head.c.position + 1))
        tx.journal.write(events)


def _row(position: int) -> dict[str, Any]:
    return {
        "position": position,
        "case_id": new_id(),
        "name": "x",
        "acted_by": "x",
        "at": AT,
        "data": b"{}",
        "sha256": GENESIS,
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of each kind in which nothing is yet."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path}/bare.db"
        else:
            url = stack.enter_context(fresh_database(request.getfixturevalue("postgres_url")))
        opened = Database(url)
        stack.callback(opened.close)
        yield opened


def test_what_was_written_before_the_chain_is_chained_by_the_migration(bare_database: Database) -> None:
    migrations.upgrade(bare_database, "0002")
    case_id = new_id()
    old = [event(f"{number}", case_id if number % 2 else new_id(), n=number) for number in range(1200)]
    columns = [column(name) for name in ("id", "case_id", "name", "acted_by", "at", "data")]
    journal = table("journal", *columns)
    types = {"id": Uuid(), "case_id": Uuid(), "at": t.Moment()}
    added = insert(journal).values(
        {each: bindparam(each.name, type_=types.get(each.name)) for each in columns}
    )
    rows = [
        {
            "id": new_id(),
            "case_id": each.case_id,
            "name": each.name,
            "acted_by": each.by,
            "at": each.at,
            "data": canonical(each.data),
        }
        for each in old
    ]
    with bare_database.write() as connection:
        connection.execute(added, rows)
    migrations.upgrade(bare_database)
    memory = SqlMemory(bare_database)
    write(memory, event("after", case_id))
    head, kept = read(memory)
    assert [each.entry.event for each in kept[:-1]] == old
    assert_chained(head, kept)
