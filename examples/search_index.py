"""A search index that stays as the catalog is: an example of a consumer, in one file.

    python examples/search_index.py http://127.0.0.1:8000 index.db             # follow until Ctrl-C
    python examples/search_index.py http://127.0.0.1:8000 index.db --once      # catch up and end
    python examples/search_index.py http://127.0.0.1:8000 index.db --find 会議

The index is a SQLite file. The position in the feed is written in the transaction that writes what the
changes did, so the process may be killed at any instruction: the file is as the catalog was at some position,
and the next run goes on from there.
"""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from catalog.client import CatalogClient, Change, Follower, Json, Listing

SHAPE = """
CREATE TABLE IF NOT EXISTS place (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS listing (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, digest TEXT NOT NULL, document TEXT NOT NULL
);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (listing_id UNINDEXED, text, tokenize = 'trigram');
"""


class SearchIndex:
    """Implements :class:`catalog.client.Store` in a SQLite file."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(SHAPE)

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def position(self) -> int | None:
        """The position of the feed that the index has come to."""
        row = self._connection.execute("SELECT position FROM place").fetchone()
        return None if row is None else int(row[0])

    def replace(self, listings: Iterator[Listing], position: int) -> None:
        """Index these listings in the place of all."""
        with self._transaction():
            self._connection.execute("DELETE FROM listing")
            self._connection.execute("DELETE FROM words")
            for listing in listings:
                self._index(listing.listing_id, listing.version, listing.digest, listing.data)
            self._note(position)

    def apply(self, changes: Sequence[Change], position: int) -> None:
        """Make these changes in their order."""
        with self._transaction():
            for change in changes:
                self._connection.execute("DELETE FROM listing WHERE id = ?", [change.listing_id])
                self._connection.execute("DELETE FROM words WHERE listing_id = ?", [change.listing_id])
                if change.data is not None and change.digest is not None:
                    self._index(change.listing_id, change.version, change.digest, change.data)
            self._note(position)

    def find(self, wanted: str) -> list[Json]:
        """The documents of the listings whose names or summaries hold a text."""
        # The index knows signs by threes; fewer are looked for in one listing after the other.
        pattern = "%" + wanted.replace("%", "").replace("_", "") + "%"
        place = "text" if len(pattern) >= 5 else "+text"
        rows = self._connection.execute(
            f"SELECT document FROM listing JOIN words ON listing_id = id WHERE {place} LIKE ? ORDER BY id",  # noqa: S608 - one of two words of ours
            [pattern],
        )
        return [json.loads(row[0]) for row in rows]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _index(self, listing_id: str, version: int, digest: str, data: Json) -> None:
        document = json.dumps(data, ensure_ascii=False)
        self._connection.execute(
            "INSERT INTO listing VALUES (?, ?, ?, ?)", [listing_id, version, digest, document]
        )
        self._connection.execute("INSERT INTO words VALUES (?, ?)", [listing_id, "\n".join(_texts(data))])

    def _note(self, position: int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", [position])


def _texts(data: Json) -> Iterator[str]:
    product = data.get("product", {})
    for texts in (product.get("name", {}), product.get("summary", {})):
        yield from texts.values()
    for party in ("seller", "maker"):
        yield from (data.get(party, {}).get(name, "") for name in ("name", "name_en"))


def main() -> None:
    """Follow, catch up or find."""
    parser = argparse.ArgumentParser(description="A search index of a Sekisho catalog.")
    parser.add_argument("url", help="the catalog, such as http://127.0.0.1:8000")
    parser.add_argument("index", type=Path, help="the SQLite file")
    parser.add_argument("--once", action="store_true", help="catch up and end")
    parser.add_argument("--find", metavar="TEXT", help="catch up and show what holds the text")
    options = parser.parse_args()
    with closing(SearchIndex(options.index)) as index:
        follower = Follower(CatalogClient(options.url), index)
        if options.once or options.find is not None:
            print(f"at position {follower.catch_up()}")
            for document in index.find(options.find) if options.find is not None else ():
                print(document["id"], next(iter(document["product"]["name"].values())))
            return
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        follower.run(stop)


if __name__ == "__main__":
    main()
