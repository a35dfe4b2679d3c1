"""Dates as pages write them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dates import written_day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2029-06-30", "2029-06-30"),
        ("2029/6/30", "2029-06-30"),
        ("2029.06.30", "2029-06-30"),
        ("２０２９年６月３０日", "2029-06-30"),
        (" 2029 年 6 月 30 日 ", "2029-06-30"),
        ("令和11年6月30日", "2029-06-30"),
        ("令和元年５月１日", "2019-05-01"),
        ("平成31年4月30日", "2019-04-30"),
        ("昭和64年1月7日", "1989-01-07"),
        ("R11.6.30", "2029-06-30"),
        ("H31.4.30", "2019-04-30"),
        ("30 June 2029", "2029-06-30"),
        ("June 30, 2029", "2029-06-30"),
        ("30-Jun-2029", None),
        ("Jun 30, 2029", "2029-06-30"),
        # The eras are over, or had not begun.
        ("平成35年1月1日", None),
        ("令和元年4月30日", None),
        ("昭和64年2月1日", None),
        ("令和100年1月1日", None),
        ("2029年2月30日", None),
        ("0000-01-01", None),
        ("06/30/2029", None),
        ("2029年6月", None),
        ("無期限", None),
        ("30 Juno 2029", None),
        ("30 xyz 2029", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_written_days(text, day):
    assert written_day(text) == day


@given(st.dates(date(2019, 5, 1), date(2117, 12, 31)))
def test_every_way_of_writing_a_day_is_the_same_day(day):
    year = day.year - 2018
    ways = [
        f"{day.year}年{day.month}月{day.day}日",
        f"令和{'元' if year == 1 else year}年{day.month}月{day.day}日",
        f"R{year}.{day.month}.{day.day}",
        f"{day.day} {day:%B} {day.year}",
        f"{day:%b} {day.day}, {day.year}",
    ]
    assert {written_day(way) for way in ways} == {day.isoformat()}


@given(st.text())
def test_any_text_is_a_day_or_none(text):
    day = written_day(text)
    assert day is None or date.fromisoformat(day)
