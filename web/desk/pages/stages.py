"""The pipeline at work: what waits in each stage and lane, how the sources stand, how much goes through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connectors.circuit import CircuitState
from pipeline.model import Text
from rules.charts import bars
from rules.labels import SOURCES
from storage.activity import Flow, Lane
from tasks.sources import SourceStanding
from web.desk.language import Language

HOURS: Final = 24
CIRCUITS: Final = {
    CircuitState.CLOSED: Text("正常", "asked as usual"),
    CircuitState.OPEN: Text("停止中（障害が続いたため）", "left alone: it failed too often"),
    CircuitState.HALF_OPEN: Text("再開を確認中", "tried again with one request"),
    CircuitState.PAUSED: Text("休止中（情報源の求めによる）", "left alone: it asked for it"),
}
STAGES: Final = {
    "collection": Text("照会", "collection"),
    "adjudication": Text("審査", "adjudication"),
    "publication": Text("掲載", "publication"),
    "review": Text("期限の管理", "timers of reviews"),
}
FLOW: Final = {
    "application.received": Text("受付", "received"),
    "case.decided": Text("判定", "decided"),
    "listing.published": Text("掲載", "published"),
}
"""What is counted by the hour, by the journal's names."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """How one source stands."""

    source: Text
    code: str
    state: Text
    well: bool
    until: datetime | None
    last_answer: datetime | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Hour:
    """What went through within one hour, in the order of :data:`FLOW`."""

    begins: datetime
    counts: tuple[int, ...]


def sources(found: Sequence[SourceStanding]) -> list[SourceRow]:
    """The sources, those that are not asked first."""
    rows = [
        SourceRow(
            source=_source(one.source),
            code=one.source,
            state=CIRCUITS[one.state],
            well=one.state is CircuitState.CLOSED,
            until=one.until,
            last_answer=one.activity.last_answer,
            waiting=sum(one.activity.waiting.values()),
        )
        for one in found
    ]
    return sorted(rows, key=lambda row: (row.well, -row.waiting, row.code))


def _source(code: str) -> Text:
    words = SOURCES.get(code, {"ja": code, "en": code})
    return Text(words["ja"], words["en"])


def stage(lane: Lane) -> Text:
    """What a lane is called."""
    words = STAGES.get(lane.stage, Text(lane.stage, lane.stage))
    return Text(f"{words.ja} {lane.source}".strip(), f"{words.en} {lane.source}".strip())


def hours(flow: Sequence[Flow], now: datetime) -> list[Hour]:
    """Each of the last hours, the latest first, those without anything too."""
    counted = {(one.hour, one.name): one.count for one in flow}
    latest = now.replace(minute=0, second=0, microsecond=0)
    begins = [latest - timedelta(hours=back) for back in range(HOURS)]
    return [Hour(hour, tuple(counted.get((hour, name), 0) for name in FLOW)) for hour in begins]


def flow_chart(title: str, shown: Sequence[Hour], language: Language) -> str:
    """What was received by the hour."""
    return bars(title, [(language.moment(hour.begins), hour.counts[0]) for hour in shown if any(hour.counts)])
