"""How long a listing is valid: through a last day in Japan, and out of the catalog as the next one begins."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

JAPAN = timezone(timedelta(hours=9), "JST")
"""Japan's time; no daylight saving since 1951."""


def end_of(last_day: date) -> datetime:
    """The first moment at which "valid to" this day no longer holds: the next day begins in Japan."""
    return datetime.combine(last_day + timedelta(days=1), time(), JAPAN)
