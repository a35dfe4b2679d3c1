"""The pipeline at work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.lifecycle import OPEN
from pipeline.review.model import Counts
from rules.charts import bars
from storage.activity import Flow, Lane, SqlActivity
from tasks.sources import SourceStanding
from web.desk.page import Page
from web.desk.pages import queue, stages


@dataclass(frozen=True, slots=True)
class _Reading:
    counts: Counts
    lanes: list[Lane]
    oldest: tuple[str, datetime] | None
    flow: list[Flow]
    sources: list[SourceStanding]


class Pipeline(Page):
    """Counts by state, stage and source; circuits; the oldest; the last day by the hour."""

    live = 10

    async def get(self) -> None:
        """Show them as they are now."""
        now = self.desk.clock.now()
        read = await self.run(self._read, now)
        states = [(self.language.of(state), count) for state, count in queue.states(read.counts) if count]
        hours = stages.hours(read.flow, now)
        translate = self.language.translate
        self.show(
            "desk_pipeline.html",
            now=now,
            states=queue.states(read.counts),
            state_chart=bars(translate("Cases by state"), states),
            lanes=read.lanes,
            stage=stages.stage,
            oldest=read.oldest,
            sources=stages.sources(read.sources),
            flows=tuple(stages.FLOW.values()),
            hours=hours,
            flow_chart=stages.flow_chart(translate("Received by the hour"), hours, self.language),
        )

    def _read(self, now: datetime) -> _Reading:
        counts = self.desk.review.counts()
        with self.desk.memory.read() as tx:
            activity = SqlActivity(tx.connection)
            lanes = activity.lanes(now)
            oldest = activity.oldest_open([str(state) for state in OPEN])
            flow = activity.flow(stages.FLOW, now, stages.HOURS)
        return _Reading(counts, lanes, oldest, flow, self.desk.sources())
