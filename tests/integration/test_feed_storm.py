"""Eight writers and three readers on PostgreSQL, all of them and the web server killed again and again.

``SEKISHO_FEED_CHANGES`` says how many changes; the figures of a long run are in docs/bench.md.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from catalog.client import CatalogClient, state_digest
from catalog.verification import verify
from cli.processes import Child
from examples.search_index import SearchIndex
from storage import tables as t
from storage.database import Database
from tests.integration.cluster import HOST, SCRIPTS, free_port, until

CHECKOUT = Path(__file__).resolve().parents[2]
WRITERS, READERS, PRODUCTS = 8, 3, 200

pytestmark = pytest.mark.processes


class Storm:
    """The processes by name; each can be killed and started again."""

    def __init__(self, folder: Path, database_url: str, changes: int) -> None:
        self.changes = changes
        self.chance = random.Random(changes)
        self.folder = folder
        port = free_port()
        self.url = f"http://{HOST}:{port}"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")},
            "PYTHONPATH": str(CHECKOUT),
            "SEKISHO_DATABASE_URL": database_url,
            "SEKISHO_SECRET_KEYS": Fernet.generate_key().decode(),
            "SEKISHO_STATE_DIR": str(folder / "state"),
        }
        here = CHECKOUT / "tests" / "integration"
        web = [str(SCRIPTS / "uvicorn"), "--factory", "web.main:app_factory", "--host", HOST, "--port"]
        commands = {"web": [*web, str(port), "--no-access-log", "--log-level", "critical"]}
        for number in range(WRITERS):
            # Another seed each time it starts would need another command: a life is short enough.
            options = [database_url, str(PRODUCTS), str(changes), str(number)]
            commands[f"writer-{number}"] = [sys.executable, str(here / "feed_writer.py"), *options]
        for number in range(READERS):
            options = [self.url, str(self.told(number))]
            commands[f"reader-{number}"] = [sys.executable, str(here / "feed_reader.py"), *options]
        example = [sys.executable, str(CHECKOUT / "examples" / "search_index.py"), self.url]
        commands["index"] = [*example, str(folder / "index.db")]
        self.children = {
            name: Child(name, command, folder / f"{name}.log", environment, folder)
            for name, command in commands.items()
        }
        for child in self.children.values():
            child.start()

    def told(self, number: int) -> Path:
        return self.folder / f"reader-{number}.db"

    def is_up(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def kill_one(self) -> str:
        """Somebody dies as in a power cut and comes again. The web server does so more rarely."""
        names = [*self.children] * 3 if self.chance.random() < 0.2 else [*self.children][1:]
        name = self.chance.choice(names)
        child = self.children[name]
        child.signal(signal.SIGKILL)
        until(lambda: not child.is_running, f"the end of {name}")
        child.start()
        return name

    def close(self) -> None:
        for child in self.children.values():
            child.signal(signal.SIGKILL)
        for child in self.children.values():
            until(lambda child=child: not child.is_running, f"the end of {child.name}")


@pytest.fixture
def storm(tmp_path: Path, postgres_database_url: str) -> Iterator[Storm]:
    made = Storm(tmp_path, postgres_database_url, int(os.environ.get("SEKISHO_FEED_CHANGES", "1000")))
    yield made
    made.close()


@pytest.mark.timeout(7200)
def test_no_reader_misses_repeats_or_reorders_a_change(storm: Storm, postgres_database_url: str) -> None:
    database = Database(postgres_database_url)
    began = time.monotonic()
    kills = []

    def head() -> int:
        with database.read() as connection:
            return int(connection.execute(select(t.feed_head.c.position)).scalar_one())

    while (now := head()) < storm.changes:
        # Each death is paid with the time in which the process starts: who only starts writes nothing.
        target = min(now + max(100, storm.changes // 100), storm.changes)
        until(lambda target=target: head() >= target, "the writers", 300)
        kills.append(storm.kill_one())
    wrote = time.monotonic() - began
    until(
        lambda: all(
            not child.is_running for name, child in storm.children.items() if name.startswith("writer")
        ),
        "the writers",
    )
    until(storm.is_up, "web")
    last = head()
    for number in range(READERS):
        until(lambda number=number: _position(storm.told(number)) == last, f"reader {number}", 120)
    until(lambda: _position(storm.folder / "index.db") == last, "the search index", 120)
    expected = _truth(database)
    assert [row[0] for row in expected] == list(range(1, last + 1)), "the feed has no gap"
    for number in range(READERS):
        with sqlite3.connect(storm.told(number)) as told:
            rows = told.execute("SELECT seq, listing_id, kind, version, reason FROM told ORDER BY told_as")
            assert rows.fetchall() == expected, f"reader {number}"
    proof = verify(CatalogClient(storm.url))
    assert proof.holds, proof.differences
    assert (proof.position, proof.whole_feed) == (last, True)
    index = SearchIndex(storm.folder / "index.db")
    assert len(index.find("")) == proof.listings
    index.close()
    with sqlite3.connect(storm.folder / "index.db") as kept:
        held = kept.execute("SELECT id, version, digest FROM listing").fetchall()
    assert state_digest(held) == proof.state
    roles = ("writer", "reader", "index", "web")
    killed = {role: sum(name.startswith(role) for name in kills) for role in roles}
    print(f"{last} changes in {wrote:.0f} s ({last / wrote:.0f}/s), killed: {killed}")  # noqa: T201 - docs/bench.md
    database.close()


def _position(path: Path) -> int:
    try:
        with sqlite3.connect(path, timeout=30) as kept:
            row = kept.execute("SELECT position FROM place").fetchone()
    except sqlite3.OperationalError:
        return -1  # not made yet
    return -1 if row is None else int(row[0])


def _truth(database: Database) -> list[tuple[Any, ...]]:
    changes = t.listing_changes.c
    with database.read() as connection:
        rows = connection.execute(
            select(
                changes.position, changes.listing_id, changes.kind, changes.version, changes.reason
            ).order_by(changes.position)
        )
        return [(row[0], str(row[1]), *row[2:]) for row in rows]
