"""What SQLite and PostgreSQL both can, but SQLAlchemy spells twice."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
"""A row of whatever columns."""


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the connection's dialect."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
