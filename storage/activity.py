"""How the sources have done of late, told from what cases keep of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, select

from storage import tables as t

_PAGE = 2000
"""Entries of the journal that are read at a time."""


@dataclass(frozen=True, slots=True)
class Activity:
    """A source's latest answer, and the checks that wait for it, by the reason why it did not answer."""

    last_answer: datetime | None = None
    waiting: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lane:
    """The steps of a stage, of one source where it has lanes: how many, how many are late, the oldest due."""

    stage: str
    source: str
    steps: int
    late: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Flow:
    """How often something happened within one hour."""

    hour: datetime
    name: str
    count: int


class SqlActivity:
    """Reads what the sources did, and what the pipeline does."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, sources: Iterable[str]) -> dict[str, Activity]:
        """The activity of each of these sources."""
        waiting: dict[str, dict[str, int]] = {}
        for source, reason, count in self._connection.execute(_WAITING):
            waiting.setdefault(source, {})[reason] = count
        return {source: Activity(self._last_answer(source), waiting.get(source, {})) for source in sources}

    def lanes(self, now: datetime) -> list[Lane]:
        """What is to be done, by stage and source. A step is late once it is due."""
        late = func.count().filter(t.steps.c.due_at <= now)
        rows = self._connection.execute(
            select(t.steps.c.stage, t.steps.c.source, func.count(), late, func.min(t.steps.c.due_at))
            .group_by(t.steps.c.stage, t.steps.c.source)
            .order_by(t.steps.c.stage, t.steps.c.source)
        )
        return [Lane(stage, source or "", steps, behind, due) for stage, source, steps, behind, due in rows]

    def oldest_open(self, states: Iterable[str]) -> tuple[str, datetime] | None:
        """The case that has stood longest in one of these states, and since when."""
        row = self._connection.execute(
            select(t.cases.c.reference, t.cases.c.changed_at)
            .where(t.cases.c.state.in_(list(states)))
            .order_by(t.cases.c.changed_at)
            .limit(1)
        ).one_or_none()
        return None if row is None else (row.reference, row.changed_at)

    def flow(self, names: Iterable[str], now: datetime, hours: int) -> list[Flow]:
        """What happened in each of the last hours, by the journal; hours without anything are left out."""
        first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
        newest = self._connection.execute(select(func.max(t.journal.c.position))).scalar_one() or 0
        counts: Counter[tuple[datetime, str]] = Counter()
        # From the end backwards: the journal has no index by time, and needs none for this.
        while newest > 0:
            rows = self._connection.execute(
                select(t.journal.c.at, t.journal.c.name)
                .where(t.journal.c.position <= newest, t.journal.c.position > newest - _PAGE)
                .order_by(t.journal.c.position)
            ).all()
            for at, name in rows:
                if at >= first:
                    counts[at.replace(minute=0, second=0, microsecond=0), name] += 1
            if not rows or rows[0].at < first:
                break
            newest -= _PAGE
        wanted = frozenset(names)
        return [Flow(hour, name, count) for (hour, name), count in sorted(counts.items()) if name in wanted]

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
