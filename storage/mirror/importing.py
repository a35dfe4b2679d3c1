"""Taking files into a mirror: each whole or not at all, each once, going on where an import was killed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice

from sqlalchemy import Connection, text

from pipeline.errors import SekishoError
from pipeline.register import Kind, RegisterFile, Row
from storage.database import Database
from storage.mirror import shape
from storage.mirror.keys import Keys
from storage.mirror.loading import loader

BATCH = 20_000
"""Rows a transaction: some ten megabytes of memory, and what is read again after a power cut."""

_LARGE = 200_000
"""Rows from which on it pays to take the indexes away, if the mirror has fewer than the file."""

_LOCK = 5250126


class Outcome(StrEnum):
    """What became of a file."""

    IMPORTED = "imported"
    UNCHANGED = "unchanged"
    """It was there already, and nothing was done."""


class ImportRunning(SekishoError):
    """Somebody else imports into this mirror now."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A file's line in the ledger."""

    id: int
    done: int
    complete: bool


class Importer:
    """Takes files, one after another. There is one at a time for a mirror (:func:`importing`)."""

    def __init__(self, database: Database, keys: Keys, batch: int) -> None:
        self._database = database
        self._keys = keys
        self._batch = batch

    def take(self, file: RegisterFile, progress: Callable[[int], None] = lambda _: None) -> Outcome:
        """Import a file. Its rows are kept batch by batch and count, all together, with the last.

        :param progress: told after each commit how many rows of the file are kept.
        :raises SekishoError: whatever its reader raises; then nothing of the file remains.
        """
        begun = self._begin(file)
        if begun.complete:
            return Outcome.UNCHANGED
        try:
            self._load(file, begun, progress)
        except SekishoError:
            self._forget(begun)
            raise
        return Outcome.IMPORTED

    def _begin(self, file: RegisterFile) -> _Begun:
        with self._database.write() as connection:
            found = connection.execute(_FIND, {"sha256": file.sha256}).one_or_none()
            if found is not None:
                return _Begun(found.id, found.done, bool(found.complete))
            kept = connection.execute(_KEPT).scalar_one()
            if file.lines >= _LARGE and kept < file.lines:
                shape.drop_indexes(connection)
            added = connection.execute(
                _ADD,
                {
                    "sha256": file.sha256,
                    "name": file.name,
                    "kind": file.kind,
                    "issued": file.issued and file.issued.isoformat(),
                    "area": file.area,
                    "encoding": file.encoding,
                    "done": 0,
                    "complete": False,
                    "imported_at": datetime.now(UTC).isoformat(timespec="seconds"),
                },
            )
            return _Begun(added.scalar_one(), 0, complete=False)

    def _load(self, file: RegisterFile, begun: _Begun, progress: Callable[[int], None]) -> None:
        rows = islice(file.rows(), begun.done, None)
        done = begun.done
        while batch := list(islice(rows, self._batch)):
            done += len(batch)
            with self._database.write() as connection:
                self._keep(connection, file.kind, begun.id, batch)
                connection.execute(_ADVANCE, {"id": begun.id, "done": done})
            progress(done)
        with self._database.write() as connection:
            shape.add_indexes(connection)
            connection.execute(_COMPLETE, {"id": begun.id, "complete": True})

    def _keep(self, connection: Connection, kind: Kind, file: int, batch: list[Row]) -> None:
        load = loader(connection)
        new = not shape.has_indexes(connection)
        if kind is Kind.FULL and not new:
            # Next to all of a later full file was published before: what is known of a day is known.
            known = load.published(batch)
            batch = [row for row in batch if (row.number, row.updated) not in known]
        load.entries(file, batch)
        names = dict.fromkeys(key for row in batch for key in self._keys.of_names(row))
        addresses = dict.fromkeys(key for row in batch for key in self._keys.of_address(row))
        # In the order of the index where there is one: neighbours then share its pages.
        load.names(list(names) if new else sorted(names), new=new)
        load.addresses(list(addresses) if new else sorted(addresses), new=new)

    def _forget(self, begun: _Begun) -> None:
        with self._database.write() as connection:
            connection.execute(_FORGET_ENTRIES, {"id": begun.id})
            connection.execute(_FORGET, {"id": begun.id})
            shape.add_indexes(connection)


@contextmanager
def importing(database: Database, keys: Keys, batch: int = BATCH) -> Iterator[Importer]:
    """An importer for the length of the block.

    The kernel or the server lets go of its lock when the process ends, however it ends.

    :raises ImportRunning: when somebody else has one.
    """
    with _lock_file(database) if database.is_sqlite else _advisory_lock(database):
        yield Importer(database, keys, batch)


@contextmanager
def _lock_file(database: Database) -> Iterator[None]:
    file = os.open(f"{database.engine.url.database}-import", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ImportRunning("another import is running") from None
        yield
    finally:
        os.close(file)


@contextmanager
def _advisory_lock(database: Database) -> Iterator[None]:
    with database.engine.connect() as connection:
        if not connection.execute(_TRY_LOCK, {"lock": _LOCK}).scalar_one():
            raise ImportRunning("another import is running")
        connection.commit()  # the lock is the session's; an open transaction would hold back VACUUM
        try:
            yield
        finally:
            connection.execute(_UNLOCK, {"lock": _LOCK})


_FIND = text("SELECT id, done, complete FROM files WHERE sha256 = :sha256")
_KEPT = text("SELECT coalesce(sum(done), 0) FROM files")
_ADD = text(
    "INSERT INTO files (sha256, name, kind, issued, area, encoding, done, complete, imported_at) VALUES"
    " (:sha256, :name, :kind, :issued, :area, :encoding, :done, :complete, :imported_at) RETURNING id"
)
_ADVANCE = text("UPDATE files SET done = :done WHERE id = :id")
_COMPLETE = text("UPDATE files SET complete = :complete WHERE id = :id")
_FORGET_ENTRIES = text("DELETE FROM entries WHERE file = :id")
_FORGET = text("DELETE FROM files WHERE id = :id")
_TRY_LOCK = text("SELECT pg_try_advisory_lock(:lock)")
_UNLOCK = text("SELECT pg_advisory_unlock(:lock)")
