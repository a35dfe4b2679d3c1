"""How rows get into a mirror quickly: prepared statements on SQLite, COPY on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy import Connection

from pipeline.register import Row

Key: TypeAlias = tuple[str, int]
"""A key and the corporate number it leads to."""


_UNLESS_THERE: Final = (
    "SELECT key, number FROM {incoming} AS i"
    " WHERE NOT EXISTS (SELECT 1 FROM {table} AS t WHERE t.key = i.key AND t.number = i.number)"
)


class Loader(Protocol):
    """Puts one batch into the tables, in the transaction of its connection."""

    def published(self, rows: Sequence[Row]) -> Collection[tuple[int, str]]:
        """Which of these numbers have entries of which days."""

    def entries(self, file: int, rows: Sequence[Row]) -> None:
        """Keep rows of a file."""

    def names(self, keys: Sequence[Key], *, new: bool) -> None:
        """Keep keys of names. ``new`` says that none of them can be there."""

    def addresses(self, keys: Sequence[Key], *, new: bool) -> None:
        """Keep keys of addresses. ``new`` says that none of them can be there."""


def loader(connection: Connection) -> Loader:
    """The loader for the database of this connection."""
    return _Sqlite(connection) if connection.dialect.name == "sqlite" else _Postgresql(connection)


def pairs(key: str) -> list[str]:
    """The pairs of neighbouring signs of a key."""
    return list(map(str.__add__, key, key[1:]))


@dataclass(frozen=True)
class _Sqlite:
    connection: Connection

    def published(self, rows: Sequence[Row]) -> Collection[tuple[int, str]]:
        found = self.connection.exec_driver_sql(
            "SELECT number, updated FROM entries WHERE number IN (SELECT value FROM json_each(?))",
            (json.dumps([row.number for row in rows]),),
        )
        return {(number, updated) for number, updated in found}

    def entries(self, file: int, rows: Sequence[Row]) -> None:
        self._many(
            "INSERT INTO entries (number, updated, file, place, line) VALUES (?, ?, ?, ?, ?)",
            [(row.number, row.updated, file, row.place, row.line) for row in rows],
        )

    def names(self, keys: Sequence[Key], *, new: bool) -> None:
        before = self.connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM names").scalar_one()
        self._keys("names", keys, new=new)
        added = self.connection.exec_driver_sql("SELECT id, key FROM names WHERE id > ?", (before,))
        self._many(
            "INSERT INTO grams (rowid, pairs) VALUES (?, ?)",
            [(place, " ".join(pairs(key))) for place, key in added if len(key) > 1],
        )

    def addresses(self, keys: Sequence[Key], *, new: bool) -> None:
        self._keys("addresses", keys, new=new)

    def _keys(self, table: str, keys: Sequence[Key], *, new: bool) -> None:
        values = (
            "VALUES (?, ?)"
            if new
            else _UNLESS_THERE.format(table=table, incoming="(SELECT ? AS key, ? AS number)")
        )
        self._many(f"INSERT INTO {table} (key, number) {values}", keys)

    def _many(self, statement: str, values: Sequence[tuple[Any, ...]]) -> None:
        if values:
            self.connection.exec_driver_sql(statement, list(values))


@dataclass(frozen=True)
class _Postgresql:
    connection: Connection

    def published(self, rows: Sequence[Row]) -> Collection[tuple[int, str]]:
        found = self.connection.exec_driver_sql(
            "SELECT number, updated FROM entries WHERE number = ANY(%s)", ([row.number for row in rows],)
        )
        return {(number, updated) for number, updated in found}

    def entries(self, file: int, rows: Sequence[Row]) -> None:
        self._copy(
            "entries (number, updated, file, place, line)",
            ((row.number, row.updated, file, row.place, row.line) for row in rows),
        )

    def names(self, keys: Sequence[Key], *, new: bool) -> None:
        self._keys("names", keys, new=new)

    def addresses(self, keys: Sequence[Key], *, new: bool) -> None:
        self._keys("addresses", keys, new=new)

    def _keys(self, table: str, keys: Sequence[Key], *, new: bool) -> None:
        if new:
            self._copy(f"{table} (key, number)", keys)
            return
        self.connection.exec_driver_sql(
            'CREATE TEMPORARY TABLE IF NOT EXISTS incoming (key TEXT COLLATE "C", number BIGINT)'
        )
        self.connection.exec_driver_sql("TRUNCATE incoming")
        self._copy("incoming (key, number)", keys)
        values = _UNLESS_THERE.format(table=table, incoming="incoming")
        self.connection.exec_driver_sql(f"INSERT INTO {table} (key, number) {values}")

    def _copy(self, target: str, rows: Iterable[tuple[Any, ...]]) -> None:
        driver: Any = self.connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
