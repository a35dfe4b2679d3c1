"""What SQLite and PostgreSQL both can, but SQLAlchemy spells twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row of whatever columns."""

Insert: TypeAlias = postgresql.Insert | sqlite.Insert
"""An INSERT that knows ON CONFLICT."""


def upsert(dialect: str, table: Table) -> Insert:
    """An INSERT of this dialect that knows ON CONFLICT."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def conflict_insert(table: Table, complete: Callable[[Insert], Any]) -> Callable[[Connection], Any]:
    """An INSERT with ON CONFLICT, built once for each dialect; call it with the connection."""

    @cache
    def of_dialect(name: str) -> Any:
        return complete(upsert(name, table))

    return lambda connection: of_dialect(connection.dialect.name)
