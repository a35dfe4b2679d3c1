"""How the sources have done of late, told from what cases keep of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from storage import tables as t


@dataclass(frozen=True, slots=True)
class Activity:
    """A source's latest answer, and the checks that wait for it, by the reason why it did not answer."""

    last_answer: datetime | None = None
    waiting: dict[str, int] = field(default_factory=dict)


class SqlActivity:
    """Reads what the sources did."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, sources: Iterable[str]) -> dict[str, Activity]:
        """The activity of each of these sources."""
        waiting: dict[str, dict[str, int]] = {}
        for source, reason, count in self._connection.execute(_WAITING):
            waiting.setdefault(source, {})[reason] = count
        return {source: Activity(self._last_answer(source), waiting.get(source, {})) for source in sources}

    def _last_answer(self, source: str) -> datetime | None:
        # One at a time: each is one step into the index, where a grouping would read all of it.
        latest = select(func.max(t.captures.c.fetched_at)).where(t.captures.c.source == source)
        moment: datetime | None = self._connection.execute(latest).scalar_one()
        return moment


_WAITING = (
    # Lanes are short, the table of checks is not: begin with the steps.
    select(t.checks.c.source, t.checks.c.reason, func.count())
    .select_from(t.steps)
    .join(
        t.checks,
        and_(
            t.checks.c.case_id == t.steps.c.case_id,
            t.checks.c.source == t.steps.c.source,
            t.checks.c.role == t.steps.c.role,
        ),
    )
    .where(t.steps.c.source.is_not(None))
    .group_by(t.checks.c.source, t.checks.c.reason)
)
