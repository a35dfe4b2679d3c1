"""When people have to be two, and how long things may take: small declared tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from pipeline.calendar import add_business_days, day_of, end_of
from pipeline.people import Role
from pipeline.review.model import Act

FIRST_LISTING = "first_listing"
OVERRIDE = "override"
SUSPENSION = "suspension"
TAKING_OUT = "withdrawal"


@dataclass(frozen=True, slots=True)
class FourEyes:
    """One row of the four-eyes table: for which act, in which case, and who both have to be."""

    because: str
    act: Act
    role: Role
    only_first_listing: bool = False


FOUR_EYES: tuple[FourEyes, ...] = (
    FourEyes(FIRST_LISTING, Act.APPROVE, Role.REVIEWER, only_first_listing=True),
    FourEyes(OVERRIDE, Act.OVERRIDE, Role.REVIEWER),
    FourEyes(SUSPENSION, Act.SUSPEND, Role.OFFICER),
    FourEyes(SUSPENSION, Act.REINSTATE, Role.OFFICER),
    FourEyes(TAKING_OUT, Act.WITHDRAW, Role.OFFICER),
)
"""What takes two people. Policy packs take two officers as well (``storage.policies``)."""

ROLE: Mapping[Act, Role] = {
    Act.APPROVE: Role.REVIEWER,
    Act.REJECT: Role.REVIEWER,
    Act.OVERRIDE: Role.REVIEWER,
    Act.SUSPEND: Role.OFFICER,
    Act.REINSTATE: Role.OFFICER,
    Act.WITHDRAW: Role.OFFICER,
}
"""Who may do what."""


def four_eyes(act: Act, *, first_listing: bool) -> FourEyes | None:
    """The row that asks for a second person, if one does."""
    return next(
        (row for row in FOUR_EYES if row.act is act and (first_listing or not row.only_first_listing)), None
    )


@dataclass(frozen=True, slots=True)
class ReviewTimes:
    """How long things may take.

    ``days`` are the business days within which a referred case is to be decided, by the track that the vendor
    is admitted to, ``""`` for all others; an appeal has ``appeal_days_to_decide``. ``answer_days`` are a
    vendor's business days to answer, ``appeal_days`` its calendar days to appeal. ``claim`` is how long a
    reviewer keeps a case without doing anything.
    """

    days: Mapping[str, int] = field(default_factory=lambda: {"": 10, "startup": 7})
    appeal_days_to_decide: int = 20
    answer_days: int = 10
    appeal_days: int = 90
    claim: timedelta = timedelta(minutes=30)

    def target(self, tracks: Mapping[str, str]) -> tuple[str, int]:
        """The admitted track that counts, and its business days: the shortest where there are several."""
        admitted = [name for name, admission in tracks.items() if admission == "admitted"]
        named = sorted((self.days[name], name) for name in admitted if name in self.days)
        days, track = named[0] if named else (self.days[""], admitted[0] if admitted else "")
        return track, days

    def due(self, since: datetime, days: int) -> datetime:
        """The end of the day that is so many business days after a moment."""
        return end_of(add_business_days(day_of(since), days))

    def answer_by(self, asked: datetime) -> date:
        """The last day on which a vendor's answer is in time."""
        return add_business_days(day_of(asked), self.answer_days)

    def appeal_by(self, decided: datetime) -> date:
        """The last day on which an appeal is in time."""
        return day_of(decided) + timedelta(days=self.appeal_days)
