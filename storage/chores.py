"""Work that recurs: one row each, with the time when it is due and how it ended the last time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from storage import tables as t
from storage.dialect import upsert


@dataclass(frozen=True, slots=True)
class Chore:
    """A recurring piece of work. ``outcome`` is a word for people, blank while it has never ended."""

    name: str
    due_at: datetime
    ended_at: datetime | None
    outcome: str


class SqlChores:
    """Reads and claims what recurs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, name: str, now: datetime, until: datetime) -> bool:
        """Whether it is due, and nobody else has it: then it is put off ``until``, by when it is done.

        One that is not known yet is due.
        """
        new = upsert(self._connection.dialect.name, t.chores).on_conflict_do_nothing()
        self._connection.execute(new, {"name": name, "due_at": now, "outcome": ""})
        claimed = self._connection.execute(_CLAIM, {"chore": name, "now": now, "until": until})
        return claimed.rowcount == 1

    def end(self, name: str, now: datetime, outcome: str, due_at: datetime) -> None:
        """Say how it ended, and when it is due again."""
        self._connection.execute(_END, {"chore": name, "ended": now, "word": outcome[:200], "until": due_at})

    def named(self, name: str) -> Chore | None:
        """How it stands."""
        row = self._connection.execute(select(t.chores).where(t.chores.c.name == name)).one_or_none()
        return None if row is None else Chore(row.name, row.due_at, row.ended_at, row.outcome)


_CLAIM = (
    update(t.chores)
    .where(t.chores.c.name == bindparam("chore"), t.chores.c.due_at <= bindparam("now"))
    .values(due_at=bindparam("until"))
)
_END = (
    update(t.chores)
    .where(t.chores.c.name == bindparam("chore"))
    .values(due_at=bindparam("until"), ended_at=bindparam("ended"), outcome=bindparam("word"))
)
