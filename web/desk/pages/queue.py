"""The queue: what waits for whom, since when and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipeline.calendar import business_days_between, day_of
from pipeline.lifecycle import MEANING, State
from pipeline.model import Text
from pipeline.people import Person
from pipeline.review.model import WAITS_FOR, Counts, QueueEntry, QueueFilter, WaitsFor
from rules.labels import LABELS

TABS: Final[Mapping[WaitsFor, Text]] = {
    WaitsFor.REVIEWER: Text("担当者の確認待ち", "For a reviewer"),
    WaitsFor.SECOND: Text("二人目の確認待ち", "For a second person"),
    WaitsFor.VENDOR: Text("申請者の回答待ち", "Waits for the vendor"),
    WaitsFor.SOURCE: Text("情報源の回答待ち", "Waits for a source"),
    WaitsFor.DATE: Text("保留中", "Deferred"),
}
STATES: Final = {state: Text(*words) for state, words in MEANING.items()}
NOBODY: Final = "-"
"""In an address: cases that nobody has claimed."""
MINE: Final = "me"


@dataclass(frozen=True, slots=True)
class Row:
    """One case of the queue. ``days`` are business days left; negative ones are overdue.

    ``stopped`` says, while the clock stands still, what is waited for.
    """

    entry: QueueEntry
    days: int
    age: timedelta
    stopped: Text | None
    buyers: tuple[Text, ...]

    @property
    def overdue(self) -> bool:
        """Whether the due day is past, with the clock running."""
        return self.stopped is None and self.days < 0


@dataclass(frozen=True, slots=True)
class Tab:
    """One way of waiting, with how many cases wait so."""

    waits_for: WaitsFor
    title: Text
    count: int


def wanted(arguments: Mapping[str, str], person: Person) -> QueueFilter:
    """What an address asks for. What it does not understand it leaves out: an address is typed by people."""
    waits = arguments.get("waits", "")
    assignee = arguments.get("assignee", "")
    search = arguments.get("q", "").strip()[:100]
    # Whoever searches looks everywhere.
    usual = () if search or arguments.get("overdue") else (WaitsFor.REVIEWER,)
    return QueueFilter(
        waits_for=(WaitsFor(waits),) if waits in set(WaitsFor) else usual,
        search=search,
        reason=arguments.get("reason", "").strip()[:64],
        buyer=arguments.get("buyer", "").strip()[:60],
        track=arguments.get("track", "").strip()[:60],
        assignee={"": None, MINE: person.name, NOBODY: ""}.get(assignee, assignee[:100]),
        overdue=arguments.get("overdue") == "1",
    )


def tabs(counts: Counts) -> list[Tab]:
    """The ways of waiting: first those that are somebody's turn here."""
    return [Tab(one, title, counts.waiting.get(one, 0)) for one, title in TABS.items()]


def states(counts: Counts) -> list[tuple[Text, int]]:
    """How many cases stand in each state, in the order of the life cycle."""
    return [(STATES[state], counts.states.get(str(state), 0)) for state in State]


def row(entry: QueueEntry, now: datetime) -> Row:
    """A line of the queue."""
    stopped = None if entry.waits_for.clock_runs else WAITS_FOR[entry.waits_for]
    # The due moment is the end of the due day, that is the beginning of the next one.
    last_day = day_of(entry.due_at - timedelta(microseconds=1))
    days = business_days_between(day_of(now), last_day) if entry.remaining is None else entry.remaining
    return Row(entry, days, now - entry.referred_at, stopped, tuple(map(said, entry.buyers)))


def said(code: str) -> Text:
    """A code in words, where it has some."""
    words = LABELS.get(code)
    return Text(words["ja"], words["en"]) if words else Text(code, code)
