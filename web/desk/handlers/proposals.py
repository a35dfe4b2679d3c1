"""What waits for a second pair of eyes."""

from __future__ import annotations

from pipeline.review.model import Proposal, QueueEntry, QueueFilter, WaitsFor
from web.desk.page import Page
from web.desk.pages import actions

MOST = 200


class Proposals(Page):
    """The pending proposals, the earliest due first."""

    async def get(self) -> None:
        """List them; whose own proposal it is sees that somebody else has to confirm it."""
        rows = await self.run(self._read)
        self.show(
            "desk_proposals.html",
            rows=rows,
            acts=actions.ACTS,
            because=actions.BECAUSE,
            summary=actions.summary,
        )

    def _read(self) -> list[tuple[QueueEntry, Proposal]]:
        page = self.desk.review.queue(QueueFilter(waits_for=(WaitsFor.SECOND,)), None, MOST)
        with self.desk.memory.read() as tx:
            pending = [(entry, tx.reviews.pending(entry.case_id)) for entry in page.entries]
        return [(entry, proposal) for entry, proposal in pending if proposal is not None]
