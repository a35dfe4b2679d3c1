"""Reads of one statement, at little more than the driver's own cost.

The catalog is read far oftener than it is written, and by anybody. A read through SQLAlchemy's connection
costs eight times the CPU of the driver alone and, on PostgreSQL, a transaction's begin and end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Dialect, Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from storage.database import Database
from storage.writes import Row, Text, compile_text

Values = tuple[Any, ...]
"""A row's values, in the order of the statement's columns."""


class _Prepared(NamedTuple):
    text: Text
    constants: Row
    processors: Sequence[Callable[[Any], Any] | None]


class Read:
    """A SELECT. Its text is made once for each dialect."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._texts: dict[str, _Prepared] = {}

    def rows(self, database: Database, row: Row) -> list[Values]:
        """The rows as the database has them at one moment; ``row`` has the statement's parameters.

        :raises sqlalchemy.exc.DBAPIError: as SQLAlchemy does.
        """
        dialect = database.engine.dialect
        text, constants, processors = self._prepared(dialect)
        driver = database.engine.raw_connection()
        try:
            with _by_itself(driver, dialect):
                cursor = driver.cursor()
                cursor.execute(text.sql, text.values({**constants, **row}))
                found = cursor.fetchall()
                cursor.close()
        except dialect.loaded_dbapi.Error as error:
            if dialect.is_disconnect(error, driver, None):
                driver.invalidate(error)
            known = DBAPIError.instance(
                None, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
            )
            raise known from error
        finally:
            driver.close()
        return [
            tuple(
                value if process is None or value is None else process(value)
                for process, value in zip(processors, values, strict=True)
            )
            for values in found
        ]

    def _prepared(self, dialect: Dialect) -> _Prepared:
        made = self._texts.get(dialect.name)
        if made is None:
            binds = self._statement.compile(dialect=dialect).binds
            # Dialects add parameters of their own, such as an OFFSET that nobody asked for.
            constants = {name: bind.value for name, bind in binds.items() if bind.value is not None}
            processors = [
                column.type.dialect_impl(dialect).result_processor(dialect, None)
                for column in self._statement.selected_columns
            ]
            made = _Prepared(compile_text(self._statement, dialect), constants, processors)
            self._texts[dialect.name] = made
        return made


@contextmanager
def _by_itself(driver: PoolProxiedConnection, dialect: Dialect) -> Iterator[None]:
    """Without a transaction around the statement. On SQLite there is none unless it is begun."""
    if dialect.name != "postgresql":
        yield
        return
    connection: Any = driver.driver_connection
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = False
