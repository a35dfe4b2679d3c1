"""The queue, and whatever comes next in it."""

from __future__ import annotations

from urllib.parse import urlencode

from pipeline.identifiers import parse_reference
from pipeline.review.model import QueueFilter, Refused, WaitsFor
from web.desk.page import Page
from web.desk.pages import queue

FIELDS = ("waits", "q", "reason", "buyer", "track", "assignee", "overdue")
PAGE = 50


class QueuePage(Page):
    """The cases that wait, the earliest due first."""

    async def get(self) -> None:
        """List them; a case reference leads to its case, wherever that stands."""
        chosen = {name: value for name in FIELDS if (value := self.get_query_argument(name, ""))}
        if (reference := await self.run(self._known, chosen.get("q", ""))) is not None:
            self.redirect(self.reverse_url("desk_case", reference))
            return
        wanted = queue.wanted(chosen, self.person)
        after = self.get_query_argument("after", None)
        try:
            page = await self.run(self.desk.review.queue, wanted, after, PAGE)
        except Refused:  # a cursor that is none
            self.redirect(self.reverse_url("desk_queue"))
            return
        counts = await self.run(self.desk.review.counts)
        now = self.desk.clock.now()
        self.show(
            "desk_queue.html",
            rows=[queue.row(entry, now) for entry in page.entries],
            tabs=queue.tabs(counts),
            states=queue.states(counts),
            overdue=counts.overdue,
            wanted=wanted,
            chosen=chosen,
            address=lambda **changes: "?" + urlencode({**chosen, **changes}),
            following=page.next,
            mine=queue.MINE,
            nobody=queue.NOBODY,
        )

    def _known(self, text: str) -> str | None:
        """The case that somebody searched for by its reference."""
        try:
            reference = parse_reference(text)
        except ValueError:
            return None
        with self.desk.memory.read() as tx:
            return None if tx.cases.by_reference(reference) is None else reference


class NextCase(Page):
    """Whatever is due next and nobody else has."""

    async def get(self) -> None:
        """Lead there; to the queue, where nothing waits."""
        after = self.get_query_argument("after", "")
        page = await self.run(self.desk.review.queue, QueueFilter(waits_for=(WaitsFor.REVIEWER,)), None, PAGE)
        free = (
            entry.reference
            for entry in page.entries
            if entry.reference != after and entry.assignee in {None, "", self.person.name}
        )
        reference = next(free, None)
        if reference is None:
            self.redirect(self.reverse_url("desk_queue"))
        else:
            self.redirect(self.reverse_url("desk_case", reference))
