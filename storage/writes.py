"""Writes without a result, at little more than the driver's own cost.

To execute a statement through SQLAlchemy costs two to three times the CPU of the driver alone and, on
PostgreSQL, an exchange with the server. A case takes seventeen writes: their text is made once for each
dialect, and those that go together are sent together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Delete, Dialect, Insert, Select, TextClause, Update
from sqlalchemy.exc import DBAPIError

Row: TypeAlias = Mapping[str, Any]
"""The values of a statement's parameters by name."""

Statement: TypeAlias = Insert | Update | Delete | Select[Any] | TextClause
"""What is sent."""

_MOST_AT_ONCE = 16
"""Rows of one INSERT; for each number of rows there is a text, which is kept."""


@dataclass(frozen=True, slots=True)
class Text:
    """A statement as a driver takes it. ``parameters`` are names, each with what changes its values.

    Of a statement for several rows at once, the driver's names end in ``_m`` and the number of the row.
    """

    sql: str
    parameters: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    positional: bool

    def values(self, row: Row) -> Any:
        """A row as the driver takes it."""
        if self.positional:
            return [row[name] if change is None else change(row[name]) for name, change in self.parameters]
        return {name: row[name] if change is None else change(row[name]) for name, change in self.parameters}

    def values_of_all(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Rows as the driver takes them in a statement for all of them."""
        return {
            f"{name}_m{number}": row[name] if change is None else change(row[name])
            for number, row in enumerate(rows)
            for name, change in self.parameters
        }


class Write:
    """An INSERT, UPDATE or DELETE, a lock or a query. ``build`` makes it, given the name of a dialect."""

    def __init__(self, build: Callable[[str], Statement]) -> None:
        self._build = build
        self._texts: dict[tuple[str, int], Text] = {}

    def run(self, cursor: Any, rows: Sequence[Row], dialect: Dialect) -> None:
        """Make this write for these rows, at least one."""
        text = self._text(dialect)
        if len(rows) == 1:
            cursor.execute(text.sql, text.values(rows[0]))
        elif text.positional or len(rows) > _MOST_AT_ONCE or not text.sql.startswith("INSERT"):
            cursor.executemany(text.sql, [text.values(row) for row in rows])
        else:
            # psycopg sends many rows one by one, each a statement for the server to begin and to end.
            cursor.execute(self._text(dialect, len(rows)).sql, text.values_of_all(rows))

    def _text(self, dialect: Dialect, rows: int = 1) -> Text:
        text = self._texts.get((dialect.name, rows))
        if text is None:
            statement = self._build(dialect.name)
            if rows > 1 and isinstance(statement, Insert):
                columns = [name for name, _ in self._text(dialect).parameters]
                statement = statement.values([dict.fromkeys(columns)] * rows)
            text = self._texts[dialect.name, rows] = compile_text(statement, dialect)
        return text


def write(connection: Connection, *writes: tuple[Write, Sequence[Row]], commit: bool = False) -> list[int]:
    """Make writes in their order, each for its rows; return how many rows of the database each concerned.

    With ``commit`` nothing may follow in this transaction: PostgreSQL is told to commit in the same exchange.

    :raises sqlalchemy.exc.DBAPIError: as SQLAlchemy does.
    """
    dialect = connection.dialect
    driver = connection.connection
    cursors = [driver.cursor() for _ in writes]
    try:
        with _together(connection, len(writes) + commit):
            for (statement, rows), cursor in zip(writes, cursors, strict=True):
                if rows:
                    statement.run(cursor, rows, dialect)
            if commit and dialect.name == "postgresql":
                driver.commit()
        return [cursor.rowcount for cursor in cursors]
    except dialect.loaded_dbapi.Error as error:
        if dialect.is_disconnect(error, driver, None):
            connection.invalidate(error)
        known = DBAPIError.instance(
            None, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
        )
        raise known from error
    finally:
        for cursor in cursors:
            cursor.close()


def first_row(connection: Connection, query: Write, row: Row) -> tuple[Any, ...] | None:
    """The first row of a query as the driver gives it, which must be the right types already."""
    cursor = connection.connection.cursor()
    try:
        query.run(cursor, [row], connection.dialect)
        found: tuple[Any, ...] | None = cursor.fetchone()
        return found
    finally:
        cursor.close()


def _together(connection: Connection, number: int) -> AbstractContextManager[Any]:
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "postgresql":
        return nullcontext()
    if number == 1 and driver.info.transaction_status is not TransactionStatus.IDLE:
        return nullcontext()
    # Also a single first one: the transaction's BEGIN goes with it.
    pipeline: AbstractContextManager[Any] = driver.pipeline()
    return pipeline


def compile_text(statement: Statement, dialect: Dialect) -> Text:
    """The text of a statement for a driver."""
    compiled = statement.compile(dialect=dialect)
    names = compiled.positiontup or list(compiled.binds)
    return Text(
        str(compiled),
        tuple(
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names
        ),
        compiled.positional,
    )
