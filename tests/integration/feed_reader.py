"""Follows the feed into a SQLite file that keeps every change it was told, until it is killed.

``feed_reader.py URL FILE``. The place is kept with what was told, in one transaction. A change that came
twice would break the file's key.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence

from catalog.client import CatalogClient, Change, Follower, Listing


class Log:
    """Implements :class:`catalog.client.Store`."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(
            "CREATE TABLE IF NOT EXISTS told (seq INTEGER PRIMARY KEY, told_as INTEGER NOT NULL UNIQUE,"
            " listing_id TEXT NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL, reason TEXT NOT NULL,"
            " digest TEXT NOT NULL);"
            "CREATE TABLE IF NOT EXISTS place (id INTEGER PRIMARY KEY, position INTEGER NOT NULL)"
        )

    def position(self) -> int | None:
        row = self._connection.execute("SELECT position FROM place").fetchone()
        return None if row is None else int(row[0])

    def replace(self, listings: Iterator[Listing], position: int) -> None:
        raise AssertionError("nobody falls behind here")

    def apply(self, changes: Sequence[Change], position: int) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        (told,) = self._connection.execute("SELECT count(*) FROM told").fetchone()
        self._connection.executemany(
            "INSERT INTO told VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (c.seq, told + n, c.listing_id, str(c.kind), c.version, c.reason or "", c.digest or "")
                for n, c in enumerate(changes, start=1)
            ],
        )
        self._connection.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", [position])
        self._connection.execute("COMMIT")


if __name__ == "__main__":
    client = CatalogClient(sys.argv[1], tries=50, longest_wait=0.5)
    Follower(client, Log(sys.argv[2]), beginning=True).run(threading.Event(), wait=5, pause=0.2)
