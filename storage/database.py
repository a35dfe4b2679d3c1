"""Opening the database: SQLite on one machine, PostgreSQL for many."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

IDLE_SECONDS = 5.0
"""After so long unused a connection to PostgreSQL is tried before it is given out."""

_WRITES = "sekisho_writes"
_RETURNED = "sekisho_returned"


class WriterLock:
    """One writer at a time, across threads and processes, in the order they came.

    SQLite lets a second writer sleep and try again, which under load makes some wait for seconds. The
    kernel's file lock wakes them instead, and lets go by itself when a process dies.
    """

    def __init__(self, path: Path) -> None:
        self._thread = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        self._thread.acquire()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._thread.release()
            raise

    def __exit__(self, *exc: object) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)
        self._thread.release()

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)


class Database:
    """An engine with the transaction discipline each database needs."""

    def __init__(self, url: str, *, pool_size: int = 16) -> None:
        parsed = make_url(url)
        # A failed statement is logged: its parameters, which hold whole applications, must not be.
        options: dict[str, Any] = {"hide_parameters": True, "pool_timeout": 5}
        self._lock: WriterLock | None = None
        if parsed.get_backend_name() == "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise ValueError("SQLite needs a file: several processes share it")
            options["connect_args"] = {"check_same_thread": False, "timeout": 15}
            self._lock = WriterLock(Path(f"{parsed.database}-writer"))
        else:
            options["connect_args"] = {"connect_timeout": 5, "options": "-c timezone=UTC"}
        self.engine: Engine = create_engine(parsed, pool_size=pool_size, max_overflow=0, **options)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            event.listen(self.engine, "checkin", _note_return)
            event.listen(self.engine, "checkout", _try_if_idle)
        self._writing = self.engine.execution_options(**{_WRITES: True})

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the one-machine database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a transaction that commits at the end, or rolls back when the block raises."""
        with self._lock or nullcontext(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in a transaction for reading."""
        with self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()
        if self._lock is not None:
            self._lock.close()


def _note_return(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_RETURNED] = monotonic()


def _try_if_idle(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
    # The server may have gone. To try each time, as SQLAlchemy would, is an exchange more a transaction.
    returned = record.info.get(_RETURNED)
    if returned is not None and monotonic() - returned > IDLE_SECONDS:
        cursor = connection.cursor()
        try:
            cursor.execute("SELECT 1")
            connection.rollback()
        except psycopg.OperationalError:
            raise InvalidatePoolError from None
        finally:
            cursor.close()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver must not begin transactions by itself: it would begin them deferred, and a read that turns
    # into a write fails at once when somebody else has written since.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # what was answered with 202 survives a power cut
        "foreign_keys=ON",
        "busy_timeout=15000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
