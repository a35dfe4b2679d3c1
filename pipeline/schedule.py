"""When a source that gave no answer is asked again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.model import Unanswered


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """The waits between tries. Once they are used up, the check is given up and a person is asked.

    ``delays[n]`` is the wait after try ``n + 1``. What the source itself asks for by Retry-After is honoured
    where it is longer, up to ``longest``. Each wait is longer by a random part of itself, up to ``jitter``:
    what failed together is not to come back together. ``deferred`` is the least wait where a source was too
    busy to be asked.
    ``unreadable`` is how often an answer that could not be read is fetched again: a page that changed rarely
    changes back, a page cut short is whole the next time.
    """

    delays: tuple[timedelta, ...] = (
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
        timedelta(hours=24),
    )
    longest: timedelta = timedelta(hours=24)
    deferred: timedelta = timedelta(seconds=1)
    unreadable: int = 1
    jitter: float = 0.0
    chance: Callable[[], float] = random.random

    def next_try(self, tries: int, now: datetime, unanswered: Unanswered) -> datetime | None:
        """The moment of the next try after ``tries`` of them, or None when they are used up.

        A source that was not asked, or not waited for (reason ``deferred``), has not been tried: it is due
        shortly.
        """
        if unanswered.reason == "deferred":
            return self.next_turn(now, unanswered)
        if tries > len(self.delays):
            return None
        wait = self.delays[tries - 1] * (1 + self.jitter * self.chance())
        if unanswered.retry_after is not None:
            wait = min(max(wait, unanswered.retry_after), self.longest)
        return now + wait

    def next_turn(self, now: datetime, deferred: Unanswered, queue: timedelta = timedelta(0)) -> datetime:
        """When to ask a source that was too busy: some time while the ``queue`` there is served."""
        wait = max(self.deferred, deferred.retry_after or timedelta(0))
        return now + min(wait + queue * self.chance(), self.longest)

    def next_reading(self, tries: int, now: datetime) -> datetime | None:
        """The moment to fetch an unreadable answer again, or None when that was done often enough."""
        if tries > self.unreadable or not self.delays:
            return None
        return now + self.delays[0]
