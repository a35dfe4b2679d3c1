"""Dates as pages write them for people, in Japanese and English."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

ERAS: Mapping[str, date] = {
    "明治": date(1868, 10, 23),
    "大正": date(1912, 7, 30),
    "昭和": date(1926, 12, 25),
    "平成": date(1989, 1, 8),
    "令和": date(2019, 5, 1),
}
"""The first day of each era (改元の政令 and, before 1947, the edicts)."""

_LETTERS = {"M": "明治", "T": "大正", "S": "昭和", "H": "平成", "R": "令和"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_ERA = re.compile(
    r"(明治|大正|昭和|平成|令和|[MTSHR])\.?(元|[0-9]{1,2})[年./-]([0-9]{1,2})[月./-]([0-9]{1,2})日?", re.ASCII
)
_NUMERIC = re.compile(r"([0-9]{4})[年./-]([0-9]{1,2})[月./-]([0-9]{1,2})日?", re.ASCII)
_DAY_FIRST = re.compile(r"([0-9]{1,2})([a-z]{3,9})\.?,?([0-9]{4})", re.ASCII)
_MONTH_FIRST = re.compile(r"([a-z]{3,9})\.?([0-9]{1,2}),([0-9]{4})", re.ASCII)


def written_day(text: str) -> str | None:
    """The date, ``YYYY-MM-DD``, that a text is; None if it is none.

    ``2029年6月30日``, ``2029/06/30``, ``令和11年6月30日``, ``R11.6.30``, ``30 June 2029``, ``June 30, 2029``.
    A day before or after its era is none: whoever wrote it meant another.
    """
    plain = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
    try:
        if written := _NUMERIC.fullmatch(plain):
            return date(*map(int, written.groups())).isoformat()
        if written := _ERA.fullmatch(plain):
            return _in_era(*written.groups())
        if written := _DAY_FIRST.fullmatch(plain.lower()):
            day, month, year = written.groups()
            return date(int(year), _month(month), int(day)).isoformat()
        if written := _MONTH_FIRST.fullmatch(plain.lower()):
            month, day, year = written.groups()
            return date(int(year), _month(month), int(day)).isoformat()
    except ValueError:
        pass
    return None


def _in_era(era: str, year: str, month: str, day: str) -> str | None:
    name = _LETTERS.get(era, era)
    begins = ERAS[name]
    ends = min((first for first in ERAS.values() if first > begins), default=date.max)
    written = date(begins.year - 1 + (1 if year == "元" else int(year)), int(month), int(day))
    return written.isoformat() if begins <= written <= ends else None


def _month(name: str) -> int:
    full = date(2000, index := _MONTHS.index(name[:3]) + 1, 1).strftime("%B").lower()
    if name not in {name[:3], full}:
        raise ValueError("no month")
    return index
