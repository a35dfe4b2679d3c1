"""The corporate-number register as the National Tax Agency publishes it in files, and what they add up to.

Sources: the agency's resource definition (the 30 columns; 23 before 2018) and, for how rows follow one
another, measurements on 3,171,572 rows of 1,240 daily files: the last row of a number is its latest record; a
group of rows that begins with process 01 is the number's complete history and replaces all before it; any
other group adds to it; the order of the file is the order of events, dates are not (they tie).

A record is never edited here. All rows of all files are kept, and :func:`history_of` says what they add up
to. So the result depends on which files were read, not on their order or on how often one was read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple, Protocol

COLUMNS: Final = (
    "sequenceNumber", "corporateNumber", "process", "correct", "updateDate", "changeDate", "name",
    "nameImageId", "kind", "prefectureName", "cityName", "streetNumber", "addressImageId", "prefectureCode",
    "cityCode", "postCode", "addressOutside", "addressOutsideImageId", "closeDate", "closeCause",
    "successorCorporateNumber", "changeCause", "assignmentDate", "latest", "enName", "enPrefectureName",
    "enCityName", "enAddressOutside", "furigana", "hihyoji",
)  # fmt: skip
"""The columns of a row, in order."""

FIRST_COLUMNS: Final = 23
"""So many of them there were at first: up to ``assignmentDate``."""

NEW: Final = "01"
WITHDRAWN: Final = "99"

MOST_SUCCESSORS: Final = 20
"""A chain of mergers is followed so far. A longer one, or one that bites its tail, is cut."""


class Kind(StrEnum):
    """What a file holds."""

    FULL = "full"
    """The latest row of every number of an area (全件)."""
    DIFFERENTIAL = "differential"
    """All that was published on a day (差分)."""
    EXTRACT = "extract"
    """Rows that somebody picked."""


class Row(NamedTuple):
    """One row of a file, checked, with what is looked up by. ``line`` is the row as published.

    ``place`` counts the file's rows from 1. ``updated`` is ``YYYY-MM-DD``. ``address`` leaves the prefecture
    out; it is the address abroad where there is none in Japan.
    """

    number: int
    updated: str
    place: int
    name: str
    english_name: str
    address: str
    line: str


class RegisterFile(Protocol):
    """A file of the register, as whoever reads it hands it to whoever keeps it.

    ``name`` is that of the CSV, ``sha256`` its digest in hexadecimal, ``lines`` how many it has, ``issued``
    the date in its name. ``area`` is the two digits in the name of a full file: ``00`` the whole country,
    ``99`` abroad, else a prefecture (JIS X 0401).
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def issued(self) -> date | None: ...
    @property
    def area(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def encoding(self) -> str: ...
    @property
    def lines(self) -> int: ...

    def rows(self) -> Iterator[Row]:
        """The rows in their order."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as a mirror keeps it: where it stands and what it says.

    ``rank`` orders files that say the same of the same day: the higher is preferred.
    """

    number: str
    updated: str
    file: str
    sha256: str
    rank: int
    place: int
    line: str

    @property
    def process(self) -> str:
        """What happened; codes in the resource definition."""
        return self.line.split(",", 3)[2]

    def fields(self) -> dict[str, str]:
        """The row by :data:`COLUMNS`; blank is ``""``, what the layout of 2016 had not is left out."""
        return dict(zip(COLUMNS, next(csv.reader([self.line], strict=True)), strict=False))


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a number: its events in order, the last of which is its latest record; never empty.

    ``complete`` says that no event before the last is missing: it begins with process 01, and no later row
    comes from a full file, which would show that daily files had been left out.
    """

    entries: tuple[Entry, ...]
    complete: bool

    def until(self, day: str) -> History | None:
        """The events that had happened by the end of a day, ``YYYY-MM-DD``; None if none had.

        An event counts from its own date (``changeDate``), not from the day it was published. A withdrawal
        has no other date than that.
        """
        happened = [entry for entry in self.entries if _happened_on(entry) <= day]
        if not happened:
            return None
        return History(tuple(happened), self.complete)


def _happened_on(entry: Entry) -> str:
    return entry.fields()["changeDate"] or entry.updated


def history_of(entries: Iterable[Entry], kinds: Mapping[str, Kind]) -> History | None:
    """What the rows of one number add up to; None without rows.

    ``kinds`` says what each file (by digest) is. Where several files have rows of the same day, the one with
    most rows stands, for a full file holds the last row only of what the daily file has whole.
    """
    groups = [_chosen(list(same_day)) for same_day in _by_day(entries)]
    if not groups:
        return None
    first = max((place for place, group in enumerate(groups) if group[0].process == NEW), default=0)
    kept = groups[first:]
    complete = kept[0][0].process == NEW and all(
        kinds[group[0].sha256] is not Kind.FULL for group in kept[1:]
    )
    return History(tuple(entry for group in kept for entry in group), complete)


def _by_day(entries: Iterable[Entry]) -> Iterator[Iterator[Entry]]:
    day = attrgetter("updated")
    for _, same_day in groupby(sorted(entries, key=day), key=day):
        yield same_day


def _chosen(same_day: Sequence[Entry]) -> list[Entry]:
    files: dict[str, list[Entry]] = {}
    for entry in same_day:
        files.setdefault(entry.sha256, []).append(entry)
    best = max(files.values(), key=lambda rows: (len(rows), rows[0].rank, rows[0].sha256))
    return sorted(best, key=attrgetter("place"))


class CorporateRegister(Protocol):
    """The register, held on the own machine."""

    def register_date(self) -> date | None:
        """The day whose state it has, as far as its files follow one another; None while it is not whole."""

    def history(self, number: str) -> History | None:
        """All that is known of a number; None where no file has it."""
