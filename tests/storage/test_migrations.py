"""The migrations make exactly the tables that the code expects, on both databases."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from pipeline.calendar import add_business_days, day_of, end_of
from pipeline.identifiers import new_id, new_reference
from storage import migrations
from storage import tables as t
from storage.database import Database
from tests.databases import fresh_database

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of each kind in which nothing is yet, not even tables."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path}/old.db")
        yield database
        database.close()
        return
    with fresh_database(request.getfixturevalue("postgres_url")) as url:
        database = Database(url)
        yield database
        database.close()


def test_the_migrated_database_has_the_shape_of_the_tables(database: Database) -> None:
    assert migrations.current(database) == migrations.head()
    assert migrations.differences(database) == []


def test_two_processes_may_migrate_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    databases = [Database(url), Database(url)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrations.upgrade, databases))
    assert [migrations.current(database) for database in databases] == [migrations.head()] * 2
    for database in databases:
        database.close()


def test_what_people_had_before_is_kept_by_the_later_shapes(empty: Database) -> None:
    sender, application, case, message, appeal = (new_id() for _ in range(5))
    body = {"body": b'{"data": {}}', "body_sha256": "sha256:0", "received_at": AT}

    def put(database: Database, table: Any, **row: Any) -> None:
        with database.write() as connection:
            connection.execute(insert(table).values(row))

    migrations.upgrade(empty, "0007")
    put(empty, t.senders, id=sender, name="portal", created_at=AT)
    put(empty, t.applications, id=application, sender_id=sender, message_id="m", **body)
    put(
        empty,
        t.cases,
        id=case,
        reference=new_reference(),
        application_id=application,
        state="referred",
        version=4,
        outstanding=0,
        reason="LOOK",
        vendor_name="x",
        vendor_scheme="JP-JCN",
        vendor_id="1",
        product_name="x",
        opened_at=AT,
        changed_at=AT,
    )
    migrations.upgrade(empty, "0012")
    with empty.read() as connection:
        review = connection.execute(select(t.reviews)).one()
    assert (review.waits_for, review.due_at) == ("reviewer", end_of(add_business_days(day_of(AT), 10)))

    put(
        empty,
        t.vendor_messages,
        id=message,
        sender_id=sender,
        message_id="a",
        case_id=case,
        kind="appeal.submitted",
        **body,
    )
    put(
        empty,
        t.appeals,
        id=appeal,
        case_id=case,
        decision=2,
        against="rejected",
        policy=b"[]",
        message_id=message,
        submitted_at=AT,
        state="open",
    )
    migrations.upgrade(empty)
    with empty.read() as connection:
        kept = connection.execute(select(t.appeals)).one()
    assert (kept.id, kept.decision, kept.since, kept.state) == (appeal, 2, AT, "open")
    assert migrations.differences(empty) == []
