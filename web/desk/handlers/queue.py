"""The queue: what waits for a person."""

from __future__ import annotations

from pipeline.lifecycle import State
from storage.cases import CaseSummary
from web.desk.page import Page


class QueuePage(Page):
    """The cases that were referred."""

    async def get(self) -> None:
        """List them."""
        cases = await self.run(self._read)
        self.show("desk_queue.html", cases=cases)

    def _read(self) -> list[CaseSummary]:
        with self.desk.memory.read() as tx:
            return tx.cases.summaries([State.REFERRED], 200)
