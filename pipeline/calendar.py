"""Japanese business days: what a due date counts in.

A day is a business day unless it is a Saturday, a Sunday, a national holiday (国民の祝日に関する法律,
with its substitute and in-between holidays) or from 29 December to 3 January: the days on which government
offices are closed (行政機関の休日に関する法律, article 1).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from typing import Final

JAPAN: Final = timezone(timedelta(hours=9), "JST")
"""Japan's time. No daylight saving since 1951."""

_CLOSURE: Final = frozenset({(12, 29), (12, 30), (12, 31), (1, 1), (1, 2), (1, 3)})
_DAY: Final = timedelta(days=1)


def day_of(moment: datetime) -> date:
    """The day in Japan on which this moment lies."""
    return moment.astimezone(JAPAN).date()


def end_of(day: date) -> datetime:
    """The moment, in UTC, at which a day ends in Japan: what is valid through a day is valid until then."""
    return datetime.combine(day + _DAY, time(), JAPAN).astimezone(UTC)


def last_day(end: datetime) -> date:
    """The day that ends at this moment; the day of a moment within one."""
    return day_of(end - timedelta(microseconds=1))


def is_business_day(day: date) -> bool:
    """Whether offices are open.

    :raises ValueError: beyond the years whose holidays are known.
    """
    if day.weekday() >= 5 or (day.month, day.day) in _CLOSURE:
        return False
    return day not in _holidays(day.year)


def add_business_days(day: date, number: int) -> date:
    """The business day that is so many after a day; with 0 the day itself, or the next business day.

    The day itself does not count (民法 article 140): what comes on a Monday with one day is due on Tuesday.
    """
    if number < 0:
        raise ValueError("business days are counted forwards")
    while number > 0 or not is_business_day(day):
        day += _DAY
        number -= is_business_day(day)
    return day


def business_days_between(first: date, last: date) -> int:
    """How many business days come after ``first`` up to and with ``last``; negative where it is earlier.

    It undoes :func:`add_business_days`.
    """
    if last < first:
        return -business_days_between(last, first)
    return sum(is_business_day(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))


@cache
def _holidays(year: int) -> frozenset[date]:
    # To import it takes longer than all the rest of a command that needs no due date.
    from holidays.countries.japan import Japan  # noqa: PLC0415

    if not Japan.start_year <= year <= Japan.end_year:
        raise ValueError(f"the holidays of {year} are not known")
    return frozenset(Japan(years=year))
