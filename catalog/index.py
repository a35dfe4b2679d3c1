"""The site's own index: every version of every listing by catalog position, and what it is found by.

SQLite by default (FTS5 with trigrams), PostgreSQL where there are many processes (pg_trgm). Only this
module speaks SQL. The position in the feed is written in the transaction that writes the changes before it,
so a process that is killed goes on where it stood; the same changes applied again change nothing.

Nothing is deleted: each change is a row that holds from its position to that of the listing's next one. So
the catalog as it was at a position can be searched again, which is what makes a selection record
reproducible.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, TextClause, create_engine, event, text
from sqlalchemy.engine import Engine, make_url

from catalog import reading
from catalog.client import Change, Kind, Listing
from catalog.facets import Mark
from catalog.reading import Entry
from catalog.text import TRIGRAM, grams

_BATCH = 500

SHAPE = "1"
"""Of the tables. Another one begins anew from the feed."""

_TABLES = (
    "CREATE TABLE IF NOT EXISTS meta (name VARCHAR(20) PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS change ( row_id INTEGER PRIMARY KEY, listing_id VARCHAR(36) NOT NULL,
        version INTEGER NOT NULL, kind VARCHAR(20) NOT NULL, reason VARCHAR(200) NOT NULL, at VARCHAR(40)
        NOT NULL, since BIGINT NOT NULL, ended BIGINT, digest VARCHAR(80), document TEXT, entry TEXT,
        product VARCHAR(80) {more})""",
    "CREATE INDEX IF NOT EXISTS change_of_listing ON change (listing_id, since)",
    "CREATE INDEX IF NOT EXISTS change_since ON change (since)",
    "CREATE INDEX IF NOT EXISTS change_ended ON change (ended)",
    "CREATE INDEX IF NOT EXISTS change_product ON change (product)",
)
_SQLITE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(name, body, content='', tokenize='trigram')",
    """CREATE VIRTUAL TABLE IF NOT EXISTS pairs USING
        fts5(name, body, content='', tokenize='ascii', detail='column', prefix='6')""",
)
_POSTGRESQL = (
    "CREATE INDEX IF NOT EXISTS change_words ON change USING gin ((name || ' ' || body) gin_trgm_ops)",
    "CREATE INDEX IF NOT EXISTS change_pairs ON change USING gin (pairs)",
)


@cache
def _sql(statement: str) -> TextClause:
    """A statement, prepared once."""
    return text(statement)


@dataclass(frozen=True, slots=True)
class Row:
    """What search needs of a row. ``entry`` is None for a listing that is out."""

    id: int
    listing_id: str
    since: int
    ended: int | None
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A listing as it stood at a position: its document, or the tombstone that says why there is none."""

    row: int
    listing_id: str
    version: int
    kind: str
    reason: str
    at: str
    since: int
    digest: str | None
    document: Mapping[str, Any] | None

    @property
    def is_in(self) -> bool:
        """Whether it was in the catalog."""
        return self.document is not None


class Index:
    """The index in one database: ``sqlite:///FILE`` or ``postgresql+psycopg://…``."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = _engine(url, sqlite=self.is_sqlite)
        self._prepare()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _prepare(self) -> None:
        more = "" if self.is_sqlite else ", name TEXT, body TEXT, pairs TEXT[]"
        with self._writing() as connection:
            if not self.is_sqlite:
                connection.execute(_sql("SELECT pg_advisory_xact_lock(74301)"))
                connection.execute(_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
            if self._has_meta(connection) and self._meta(connection, "shape") != SHAPE:
                for table in ("change", "meta", *(("words", "pairs") if self.is_sqlite else ())):
                    connection.execute(_sql(f"DROP TABLE IF EXISTS {table}"))
            for statement in (*_TABLES, *(_SQLITE if self.is_sqlite else _POSTGRESQL)):
                connection.execute(_sql(statement.format(more=more)))
            for name, value in (
                ("shape", SHAPE),
                ("position", ""),
                ("reading", reading.VERSION),
                ("known", "0"),
                ("begun", "0"),
            ):
                connection.execute(
                    _sql("INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT DO NOTHING"),
                    {"name": name, "value": value},
                )
            if self._meta(connection, "reading") != reading.VERSION:
                self._read_again(connection)

    def _has_meta(self, connection: Connection) -> bool:
        return self._engine.dialect.has_table(connection, "meta")

    @staticmethod
    def _meta(connection: Connection, name: str) -> str | None:
        found = connection.execute(_sql("SELECT value FROM meta WHERE name = :name"), {"name": name}).scalar()
        return None if found is None else str(found)

    @staticmethod
    def _set_meta(connection: Connection, name: str, value: str) -> None:
        connection.execute(
            _sql("UPDATE meta SET value = :value WHERE name = :name"), {"name": name, "value": value}
        )

    # Writing

    def apply(self, changes: Sequence[Change], position: int) -> None:
        """Apply changes of the feed that lead to a position. What was applied before is passed over."""
        with self._writing() as connection:
            before = self._position(connection, locked=True)
            fresh = [change for change in changes if before is None or change.seq > before]
            if before is None or position > before:
                self._append(connection, fresh)
                self._set_meta(connection, "position", str(position))

    def replace(self, listings: Iterator[Listing], position: int) -> None:
        """Take the catalog from a snapshot that is valid to ``position``: what it lacks is out from there on.

        What happened between the position before and this one stays unknown: :meth:`known_since` tells. A
        catalog that was restored to an earlier day has another history: then nothing of ours is kept.
        """
        with self._writing() as connection:
            before = self._position(connection, locked=True)
            if before is not None and position < before:
                self._forget(connection)
            elif position == before:
                for _ in listings:  # it is read to its end, where it is found whole or not
                    pass
                return
            query = (
                "SELECT listing_id, version, digest FROM change WHERE ended IS NULL AND document IS NOT NULL"
            )
            standing = {
                str(row.listing_id): (row.version, row.digest) for row in connection.execute(_sql(query))
            }
            batch: list[Change] = []
            for listing in listings:
                if standing.pop(listing.listing_id, None) != (listing.version, listing.digest):
                    batch.append(_as_change(listing, position))
                if len(batch) >= _BATCH:
                    self._append(connection, batch)
                    batch = []
            now = datetime.now(UTC)
            batch += [
                Change(position, Kind.WITHDRAWN, listing_id, version, now, "not_in_snapshot", None, None)
                for listing_id, (version, _) in standing.items()
            ]
            self._append(connection, batch)
            self._set_meta(connection, "position", str(position))
            self._set_meta(connection, "known", str(position))

    def _append(self, connection: Connection, changes: Sequence[Change]) -> None:
        """Add a row for each change, and end the row that its listing had: few statements for many."""
        if not changes:
            return
        last = int(connection.execute(_sql("SELECT COALESCE(MAX(row_id), 0) FROM change")).scalar_one())
        rows: list[dict[str, Any]] = []
        entries: list[tuple[int, Entry]] = []
        latest: dict[str, dict[str, Any]] = {}
        ending: list[dict[str, Any]] = []
        for row_id, change in enumerate(changes, last + 1):
            if change.listing_id in latest:
                latest[change.listing_id]["ended"] = change.seq
            else:
                ending.append({"since": change.seq, "id": change.listing_id})
            entry = None if change.data is None or change.kind.is_out else reading.read(change.data)
            if entry is not None:
                entries.append((row_id, entry))
            row = {"row_id": row_id, "ended": None, **self._values(change, entry)}
            latest[change.listing_id] = row
            rows.append(row)
        connection.execute(
            _sql("UPDATE change SET ended = :since WHERE listing_id = :id AND ended IS NULL"), ending
        )
        columns = ", ".join(rows[0])
        names = ", ".join(f":{name}" for name in rows[0])
        connection.execute(_sql(f"INSERT INTO change ({columns}) VALUES ({names})"), rows)  # noqa: S608
        if self.is_sqlite and entries:
            self._find_by(connection, entries)

    def _values(self, change: Change, entry: Entry | None) -> dict[str, Any]:
        moment = change.occurred_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        values: dict[str, Any] = {
            "listing_id": change.listing_id,
            "version": change.version,
            "kind": str(change.kind),
            "reason": (change.reason or "")[:200],
            "at": moment,
            "since": change.seq,
            "digest": change.digest,
            "document": None if entry is None else json.dumps(change.data, ensure_ascii=False),
            "entry": None if entry is None else _packed(entry),
            "product": None if entry is None else entry.product,
        }
        if not self.is_sqlite:
            values |= {"name": None, "body": None, "pairs": None}
            if entry is not None:
                values |= {"name": entry.name_text, "body": entry.body_text, "pairs": _pairs(entry)}
        return values

    def _forget(self, connection: Connection) -> None:
        connection.execute(_sql("DELETE FROM change"))
        self._set_meta(connection, "begun", str(int(self._meta(connection, "begun") or 0) + 1))
        if self.is_sqlite:
            for table in ("words", "pairs"):
                connection.execute(_sql(f"INSERT INTO {table} ({table}) VALUES ('delete-all')"))  # noqa: S608

    @staticmethod
    def _find_by(connection: Connection, entries: Sequence[tuple[int, Entry]]) -> None:
        words = [{"row": row, "name": entry.name_text, "body": entry.body_text} for row, entry in entries]
        pairs = [
            {"row": row, "name": _hexed(grams(entry.name_text)), "body": _hexed(grams(entry.body_text))}
            for row, entry in entries
        ]
        for table, values in (("words", words), ("pairs", pairs)):
            statement = f"INSERT INTO {table} (rowid, name, body) VALUES (:row, :name, :body)"  # noqa: S608
            connection.execute(_sql(statement), values)

    def _read_again(self, connection: Connection) -> None:
        """Read every kept document anew: this release reads more, or otherwise, out of them."""
        if self.is_sqlite:
            for table in ("words", "pairs"):
                connection.execute(_sql(f"INSERT INTO {table} ({table}) VALUES ('delete-all')"))  # noqa: S608
        last = 0
        while rows := connection.execute(
            _sql(
                "SELECT row_id, document FROM change WHERE document IS NOT NULL AND row_id > :last"
                " ORDER BY row_id LIMIT 500"
            ),
            {"last": last},
        ).all():
            for row_id, document in rows:
                entry = reading.read(json.loads(document))
                values = {"row": row_id, "entry": _packed(entry), "product": entry.product}
                more = ""
                if not self.is_sqlite:
                    more = ", name = :name, body = :body, pairs = :pairs"
                    values |= {"name": entry.name_text, "body": entry.body_text, "pairs": _pairs(entry)}
                connection.execute(
                    _sql(f"UPDATE change SET entry = :entry, product = :product{more} WHERE row_id = :row"),  # noqa: S608
                    values,
                )
                if self.is_sqlite:
                    self._find_by(connection, [(row_id, entry)])
            last = rows[-1].row_id
        self._set_meta(connection, "reading", reading.VERSION)

    # Reading

    def position(self) -> int | None:
        """The position of the feed that the index has come to, None where it has nothing yet."""
        with self._engine.connect() as connection:
            return self._position(connection)

    def standing(self) -> tuple[int, int]:
        """The position, and how often the index has begun anew: row ids of another beginning mean nothing."""
        query = _sql("SELECT name, value FROM meta WHERE name IN ('position', 'begun')")
        with self._engine.connect() as connection:
            found = {row.name: row.value for row in connection.execute(query)}
        return int(found["position"] or 0), int(found["begun"])

    def _position(self, connection: Connection, *, locked: bool = False) -> int | None:
        # On PostgreSQL two who follow the feed take turns; SQLite has one writer anyway.
        lock = " FOR UPDATE" if locked and not self.is_sqlite else ""
        query = f"SELECT value FROM meta WHERE name = 'position'{lock}"  # noqa: S608
        written = connection.execute(_sql(query)).scalar()
        return int(written) if written else None

    def known_since(self) -> int:
        """The lowest position as of which the catalog is known without a gap up to now."""
        with self._engine.connect() as connection:
            return int(self._meta(connection, "known") or 0)

    def rows(self, position: int) -> Iterator[Row]:
        """The listings that were in the catalog at a position."""
        query = _sql(
            "SELECT row_id, listing_id, since, ended, entry FROM change WHERE entry IS NOT NULL"
            " AND since <= :position AND (ended IS NULL OR ended > :position) ORDER BY row_id"
        )
        with self._engine.connect() as connection:
            for row in connection.execute(query, {"position": position}):
                yield _row(row)

    def rows_between(self, after: int, to: int) -> list[Row]:
        """The rows that came or ended beyond a position and up to another, in the order in which they
        came.
        """
        query = _sql(
            "SELECT row_id, listing_id, since, ended, entry FROM change"
            " WHERE (since > :after AND since <= :to) OR (ended > :after AND ended <= :to)"
            " ORDER BY since, row_id"
        )
        with self._engine.connect() as connection:
            return [_row(row) for row in connection.execute(query, {"after": after, "to": to})]

    def matches(self, term: str, *, in_name: bool = False) -> list[int]:
        """The rows whose text holds a folded term; ``in_name`` asks the names only."""
        if not term:
            return []
        with self._engine.connect() as connection:
            if self.is_sqlite:
                table, sought = _fts(term)
                if not sought:
                    return []
                if in_name:
                    sought = f"name : {sought}"
                found = connection.exec_driver_sql(
                    f"SELECT rowid FROM {table} WHERE {table} MATCH ?",  # noqa: S608
                    (sought,),
                )
                return [row[0] for row in found.fetchall()]
            column = "name" if in_name else "(name || ' ' || body)"
            if len(term) >= TRIGRAM:
                query, values = (
                    f"SELECT row_id FROM change WHERE {column} LIKE :sought",  # noqa: S608
                    {"sought": f"%{_like(term)}%"},
                )
                if in_name:
                    query += " AND (name || ' ' || body) LIKE :sought"  # the indexed expression
                return [row[0] for row in connection.execute(_sql(query), values)]
            query = "SELECT row_id FROM change WHERE pairs @> ARRAY[:pair]"
            pair = ("n" if in_name else "a") + _hex(term)
            return [row[0] for row in connection.execute(_sql(query), {"pair": pair})]

    def digests(self, position: int) -> Iterator[tuple[str, int, str]]:
        """Id, version and digest of each listing that was in the catalog at a position."""
        query = _sql(
            "SELECT listing_id, version, digest FROM change WHERE document IS NOT NULL"
            " AND since <= :position AND (ended IS NULL OR ended > :position)"
        )
        with self._engine.connect() as connection:
            for row in connection.execute(query, {"position": position}):
                yield row.listing_id, row.version, row.digest

    def listing(self, listing_id: str, position: int | None = None) -> Stored | None:
        """A listing as it stands, or stood at a position."""
        query = f"SELECT {_STORED} FROM change WHERE listing_id = :id"  # noqa: S608
        values: dict[str, Any] = {"id": listing_id}
        if position is None:
            query += " AND ended IS NULL"
        else:
            query += " AND since <= :position AND (ended IS NULL OR ended > :position)"
            values["position"] = position
        with self._engine.connect() as connection:
            row = connection.execute(_sql(f"{query} ORDER BY row_id DESC LIMIT 1"), values).first()
        return None if row is None else _stored(row)

    def history(self, listing_id: str) -> list[Stored]:
        """Every change of a listing, the newest first; at most 100."""
        query = f"SELECT {_STORED} FROM change WHERE listing_id = :id ORDER BY row_id DESC LIMIT 100"  # noqa: S608
        with self._engine.connect() as connection:
            return [_stored(row) for row in connection.execute(_sql(query), {"id": listing_id})]

    def stored(self, rows: Sequence[int]) -> list[Stored]:
        """The listings of these rows, in their order."""
        if not rows:
            return []
        names = {f"r{number}": row for number, row in enumerate(rows)}
        query = f"SELECT {_STORED} FROM change WHERE row_id IN ({', '.join(f':{name}' for name in names)})"  # noqa: S608
        with self._engine.connect() as connection:
            found = {row.row_id: _stored(row) for row in connection.execute(_sql(query), names)}
        return [found[row] for row in rows]

    def product_of(self, row: int) -> str:
        """The name of a row's product, whoever sells it; empty where there is none."""
        query = _sql("SELECT product FROM change WHERE row_id = :row")
        with self._engine.connect() as connection:
            return str(connection.execute(query, {"row": row}).scalar() or "")

    def of_product(self, product: str, position: int) -> list[Stored]:
        """The listings of one product, by whoever sells it, at a position; at most 50."""
        query = (
            f"SELECT {_STORED} FROM change WHERE product = :product AND since <= :position"  # noqa: S608
            " AND (ended IS NULL OR ended > :position) AND document IS NOT NULL ORDER BY row_id LIMIT 50"
        )
        with self._engine.connect() as connection:
            return [
                _stored(row)
                for row in connection.execute(_sql(query), {"product": product, "position": position})
            ]

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._engine.execution_options(writes=True).begin() as connection:
            yield connection


def _as_change(listing: Listing, position: int) -> Change:
    return Change(
        position,
        Kind.PUBLISHED,
        listing.listing_id,
        listing.version,
        listing.published_at,
        None,
        listing.digest,
        listing.data,
    )


_STORED = "row_id, listing_id, version, kind, reason, at, since, digest, document"


def _stored(row: Any) -> Stored:
    return Stored(
        row=row.row_id,
        listing_id=row.listing_id,
        version=row.version,
        kind=row.kind,
        reason=row.reason,
        at=row.at,
        since=row.since,
        digest=row.digest,
        document=None if row.document is None else orjson.loads(row.document),
    )


def _row(row: Any) -> Row:
    entry = None if row.entry is None else _unpacked(row.entry)
    return Row(row.row_id, row.listing_id, row.since, row.ended, entry)


def _packed(entry: Entry) -> str:
    marks = [
        [mark.facet, mark.code, int(mark.verified), mark.until.isoformat() if mark.until else None]
        for mark in entry.marks
    ]
    return json.dumps([marks, entry.name, entry.price, entry.published, entry.product], ensure_ascii=False)


def _unpacked(packed: str) -> Entry:
    marks, name, price, published, product = orjson.loads(packed)
    return Entry(
        marks=tuple(_mark(*mark) for mark in marks),
        name=name,
        price=price,
        published=published,
        product=product,
    )


@lru_cache(maxsize=8192)
def _mark(facet: str, code: str, verified: int, until: str | None) -> Mark:
    # Thousands of listings share a few hundred marks.
    return Mark(facet, code, bool(verified), date.fromisoformat(until) if until else None)


def _fts(term: str) -> tuple[str, str]:
    """The table and the question in FTS5's language, with nothing of the term read as language."""
    if len(term) >= TRIGRAM:
        quoted = term.replace('"', '""')
        return "words", f'"{quoted}"'
    if re.fullmatch(r"[^\W_]{1,2}", term) is None:
        return "pairs", ""
    star = "*" if len(term) == 1 and not term.isascii() else ""
    return "pairs", f'"{_hex(term)}"{star}'


def _hex(signs: str) -> str:
    return "".join(f"{ord(sign):06x}" for sign in signs)


def _hexed(found: set[str]) -> str:
    return " ".join(sorted(map(_hex, found)))


def _pairs(entry: Entry) -> list[str]:
    # An array is not asked for beginnings, so the first sign of each pair stands there by itself too.
    name, body = (
        {part for gram in grams(folded) for part in (gram, gram[:1] if not gram.isascii() else gram)}
        for folded in (entry.name_text, entry.body_text)
    )
    return sorted({f"n{_hex(gram)}" for gram in name} | {f"a{_hex(gram)}" for gram in name | body})


def _like(term: str) -> str:
    return term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _engine(url: str, *, sqlite: bool) -> Engine:
    engine = create_engine(url, pool_pre_ping=not sqlite)
    if sqlite:

        @event.listens_for(engine, "connect")
        def _connected(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # we begin transactions ourselves
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 20000"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def _begun(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if _wants_to_write(connection) else "BEGIN")

    return engine


def _wants_to_write(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("writes"))
