"""The shape of a mirror: on SQLite a file of its own, on PostgreSQL a schema of its own.

A mirror can be made again from public files. So it has no migrations: one of another shape, or indexed by
other keys, is refused and made anew.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Engine, event

SHAPE: Final = "1"
SCHEMA: Final = "sekisho_register"
_LOCK: Final = 5250127

_TABLES: Final = (
    "CREATE TABLE mirror (shape TEXT NOT NULL, keys TEXT NOT NULL)",
    # The import ledger. A file counts once it is complete; until then done says how far its rows are kept.
    """CREATE TABLE files (
        id {identity}, sha256 TEXT NOT NULL UNIQUE, name TEXT NOT NULL, kind TEXT NOT NULL, issued TEXT,
        area TEXT NOT NULL, encoding TEXT NOT NULL, done BIGINT NOT NULL, complete BOOLEAN NOT NULL,
        imported_at TEXT NOT NULL)""",
    # Every row of every file, never changed. number is the corporate number, line the row as published.
    """CREATE TABLE entries (
        number BIGINT NOT NULL, updated TEXT NOT NULL, file INTEGER NOT NULL, place INTEGER NOT NULL,
        line TEXT NOT NULL)""",
    # Where to look: keys of every name and address a number ever had. What is found is checked in entries.
    "CREATE TABLE names (id {identity}, key {text} NOT NULL, number BIGINT NOT NULL)",
    "CREATE TABLE addresses (key {text} NOT NULL, number BIGINT NOT NULL)",
)

_SQLITE_GRAMS: Final = (
    # The pairs of neighbouring signs of each key in names, by its id.
    "CREATE VIRTUAL TABLE grams USING fts5(pairs, content='', columnsize=0, detail=none, tokenize='ascii')",
)

_POSTGRESQL_GRAMS: Final = (
    """CREATE FUNCTION pairs(key text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS
        $$ SELECT array_agg(substr(key, place, 2)) FROM generate_series(1, length(key) - 1) AS place $$""",
)

_INDEXES: Final = {
    "entries_number": "CREATE INDEX entries_number ON entries (number)",
    "names_key": "CREATE INDEX names_key ON names (key, number)",
    "addresses_key": "CREATE INDEX addresses_key ON addresses (key, number)",
}

_POSTGRESQL_INDEXES: Final = {
    "names_pairs": "CREATE INDEX names_pairs ON names USING gin (pairs(key))",
}


def prepare(engine: Engine) -> None:
    """Have every connection work in the mirror, with what a large table asks for."""

    def sqlite(connection: Any, _record: object) -> None:
        # A power cut may cost the last batches, which are read again from the file; it damages nothing.
        for pragma in ("synchronous=NORMAL", "cache_size=-65536", "temp_store=FILE"):
            connection.execute(f"PRAGMA {pragma}")

    def postgresql(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET search_path TO {SCHEMA}")
        connection.commit()

    event.listen(engine, "connect", sqlite if engine.dialect.name == "sqlite" else postgresql)


def create(connection: Connection, keys: str) -> None:
    """Make the tables, unless they are there."""
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite:
        connection.exec_driver_sql(
            f"SELECT pg_advisory_xact_lock({_LOCK})"
        )  # on SQLite the write keeps others out
    if stamp(connection) is not None:
        return
    words = {
        "identity": "INTEGER PRIMARY KEY"
        if is_sqlite
        else "INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "text": "TEXT" if is_sqlite else 'TEXT COLLATE "C"',
    }
    if not is_sqlite:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    for statement in (*_TABLES, *(_SQLITE_GRAMS if is_sqlite else _POSTGRESQL_GRAMS)):
        connection.exec_driver_sql(statement.format(**words))
    add_indexes(connection)
    mark = "?" if is_sqlite else "%s"
    connection.exec_driver_sql(f"INSERT INTO mirror VALUES ({mark}, {mark})", (SHAPE, keys))  # noqa: S608 - marks


def stamp(connection: Connection) -> tuple[str, str] | None:
    """The shape and the version of the keys of the mirror; None where there is none yet."""
    if connection.dialect.name == "sqlite":
        there = "SELECT count(*) FROM sqlite_master WHERE name = 'mirror'"
    else:
        there = f"SELECT count(*) FROM pg_tables WHERE schemaname = '{SCHEMA}' AND tablename = 'mirror'"  # noqa: S608 - our own name
    if not connection.exec_driver_sql(there).scalar_one():
        return None
    shape, keys = connection.exec_driver_sql("SELECT shape, keys FROM mirror").one()
    return shape, keys


def indexes(connection: Connection) -> dict[str, str]:
    """The indexes that belong here: name and statement."""
    return _INDEXES | ({} if connection.dialect.name == "sqlite" else _POSTGRESQL_INDEXES)


def has_indexes(connection: Connection) -> bool:
    """Whether the indexes are there. They are not while a large file is loaded."""
    return not _missing(connection)


def drop_indexes(connection: Connection) -> None:
    """Take the indexes away: to sort once at the end is far quicker than to insert in no order."""
    for name in indexes(connection):
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")


def add_indexes(connection: Connection) -> None:
    """Make the indexes that are not there."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '256MB'")
    for name in _missing(connection):
        connection.exec_driver_sql(indexes(connection)[name])


def _missing(connection: Connection) -> list[str]:
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'index'"
    else:
        query = f"SELECT indexname FROM pg_indexes WHERE schemaname = '{SCHEMA}'"  # noqa: S608 - our own name
    there = set(connection.exec_driver_sql(query).scalars())
    return [name for name in indexes(connection) if name not in there]
