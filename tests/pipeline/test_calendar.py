"""Japanese business days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.calendar import (
    add_business_days,
    business_days_between,
    day_of,
    end_of,
    is_business_day,
    last_day,
)

DAYS = st.dates(date(2000, 1, 1), date(2090, 1, 1))


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 1),  # 元日
        date(2026, 5, 6),  # 振替休日: the 3rd was a Sunday, the 4th and 5th are holidays
        date(2026, 9, 22),  # 国民の休日, between two holidays
        date(2026, 11, 3),  # 文化の日
        date(2026, 12, 29),  # offices are closed from here
        date(2027, 1, 3),  # to here
        date(2026, 11, 7),  # a Saturday
        date(2026, 11, 8),  # a Sunday
        date(2019, 5, 1),  # 即位の日, once
    ],
)
def test_offices_are_closed(day: date) -> None:
    assert not is_business_day(day)


@pytest.mark.parametrize("day", [date(2026, 12, 28), date(2027, 1, 4), date(2026, 11, 4), date(2026, 5, 7)])
def test_offices_are_open(day: date) -> None:
    assert is_business_day(day)


@pytest.mark.parametrize(
    ("day", "number", "expected"),
    [
        (date(2026, 11, 2), 1, date(2026, 11, 4)),  # the 3rd is a holiday
        (date(2026, 12, 28), 1, date(2027, 1, 4)),  # over the turn of the year
        (date(2026, 4, 28), 3, date(2026, 5, 7)),  # over the holidays of May
        (date(2026, 10, 31), 0, date(2026, 11, 2)),  # a Saturday: the next day that offices are open
        (date(2026, 10, 31), 1, date(2026, 11, 2)),
        (date(2026, 11, 4), 0, date(2026, 11, 4)),
    ],
)
def test_the_first_day_does_not_count(day: date, number: int, expected: date) -> None:
    assert add_business_days(day, number) == expected


@given(DAYS, st.integers(1, 60))
def test_counting_back_undoes_counting_forth(day: date, number: int) -> None:
    due = add_business_days(day, number)
    assert is_business_day(due)
    assert business_days_between(day, due) == number
    assert business_days_between(due, day) == -number
    assert add_business_days(day, number - 1) < due or number == 1


@given(DAYS)
def test_a_day_ends_when_it_ends_in_japan(day: date) -> None:
    end = end_of(day)
    assert end.tzinfo is UTC
    assert (end.hour, end.minute) == (15, 0)  # nine hours before midnight there
    assert day_of(end - timedelta(microseconds=1)) == day == last_day(end)
    assert day_of(end) == day + timedelta(days=1)


def test_a_moment_lies_on_its_day_in_japan() -> None:
    assert day_of(datetime(2026, 11, 2, 16, 0, tzinfo=UTC)) == date(2026, 11, 3)


def test_days_are_not_counted_beyond_what_is_known() -> None:
    with pytest.raises(ValueError, match="2150"):
        is_business_day(date(2150, 3, 2))
    with pytest.raises(ValueError, match="forwards"):
        add_business_days(date(2026, 1, 1), -1)
