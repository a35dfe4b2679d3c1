"""Finding numbers by name or address: keys give candidates, their histories say which of them stand.

A key may come from a row that a later complete history has replaced, or from a file that is not complete
yet. So every candidate is looked up before it is shown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA
from sqlalchemy import Connection, text

from pipeline.register import Entry, History
from storage.mirror.keys import Keys
from storage.mirror.loading import pairs

CANDIDATES: Final = 5_000
"""Numbers that are looked at in one search. Some shrines share a name with thousands."""

_NEAR_FROM: Final = 4
"""Signs that a key must have for one that differs in a sign to be worth showing."""

_SIGNS_BETWEEN_SLIPS: Final = 8
"""A key may differ in one sign, and in one more for each so many."""

_BEYOND: Final = "\U0010ffff"


class Match(StrEnum):
    """How a name or address answers to what was asked, the best first."""

    SAME = "same"
    BEGINS = "begins"
    CONTAINS = "contains"
    NEAR = "near"


_ORDER: Final = {match: place for place, match in enumerate(Match)}


@dataclass(frozen=True, slots=True)
class Hit:
    """A number that was found, by which of its names or addresses, and what it is now.

    ``former`` says that what matched is not its name or address any more. From 0 to 100, ``similarity`` is
    that of the keys, ``likeness`` that of what was asked and what matched as they are written.
    """

    number: str
    matched: str
    match: Match
    former: bool
    similarity: float
    likeness: float
    history: History

    @property
    def entry(self) -> Entry:
        """The latest row."""
        return self.history.entries[-1]


Histories = Callable[[Sequence[int]], dict[str, History]]
"""Looks numbers up."""


class Search:
    """One search, in one transaction for reading."""

    def __init__(self, connection: Connection, keys: Keys, histories: Histories) -> None:
        self._connection = connection
        self._keys = keys
        self._histories = histories

    def names(self, name: str, prefecture: str, limit: int) -> list[Hit]:
        """The numbers that have, or had, a name like this one."""
        key = self._keys.name(name)
        if not key:
            return []
        candidates = [*self._numbers(_SAME_NAME, key=key), *self._beginning("names", key)]
        if len(candidates) < limit:
            candidates += self._containing(key)
            if len(key) >= _NEAR_FROM:
                candidates += self._near(key)
        return self._ranked(name, key, candidates, _names_of, self._keys.name, prefecture, limit)

    def addresses(self, address: str, prefecture: str, limit: int) -> list[Hit]:
        """The numbers that have, or had, an address that begins like this one, from the city on."""
        key = self._keys.address(address)
        if not key:
            return []
        candidates = self._beginning("addresses", key)
        return self._ranked(address, key, candidates, _addresses_of, self._keys.address, prefecture, limit)

    def _ranked(
        self,
        asked: str,
        key: str,
        candidates: Iterable[int],
        texts_of: Callable[[Entry], Iterable[str]],
        key_of: Callable[[str], str],
        prefecture: str,
        limit: int,
    ) -> list[Hit]:
        numbers = list(dict.fromkeys(candidates))[:CANDIDATES]
        wanted = _plain(asked)
        hits = []
        for number, history in self._histories(numbers).items():
            latest = history.entries[-1]
            if prefecture and latest.fields().get("prefectureCode") != prefecture:
                continue
            now = set(texts_of(latest))
            best = None
            for written in dict.fromkeys(each for entry in history.entries for each in texts_of(entry)):
                found = key_of(written)
                match = _match(key, found)
                if match is None:
                    continue
                hit = Hit(
                    number=number,
                    matched=written,
                    match=match,
                    former=written not in now,
                    similarity=round(fuzz.ratio(key, found), 1),
                    likeness=round(fuzz.ratio(wanted, _plain(written)), 1),
                    history=history,
                )
                if best is None or _rank(hit) < _rank(best):
                    best = hit
            if best is not None:
                hits.append(best)
        return sorted(hits, key=_rank)[:limit]

    def _beginning(self, table: str, key: str) -> list[int]:
        return self._numbers(_BEGINNING[table], key=key, end=key + _BEYOND)

    def _containing(self, part: str) -> list[int]:
        """Numbers with a name whose key holds all pairs of this one."""
        wanted = pairs(part)
        if not wanted:
            return []
        if self._connection.dialect.name == "sqlite":
            return self._numbers(_WITH_PAIRS_SQLITE, pairs=_all_of(wanted))
        return self._numbers(_WITH_PAIRS_POSTGRESQL, pairs=wanted)

    def _near(self, key: str) -> list[int]:
        """Numbers with a name whose key differs in few signs: one of the key's halves is then whole in it."""
        middle = len(key) // 2
        halves = [pairs(key[:middle]), pairs(key[middle:])]
        bounds = {"shortest": len(key) - _slips(key), "longest": len(key) + _slips(key)}
        if self._connection.dialect.name == "sqlite":
            either = " OR ".join(f"({_all_of(half)})" for half in halves if half)
            return self._numbers(_NEAR_SQLITE, pairs=either, **bounds)
        return self._numbers(_NEAR_POSTGRESQL, left=halves[0], right=halves[1], **bounds)

    def _numbers(self, query: object, **values: object) -> list[int]:
        found = self._connection.execute(query, {**values, "most": CANDIDATES})  # type: ignore[call-overload]
        return list(found.scalars())


def _names_of(entry: Entry) -> Iterator[str]:
    fields = entry.fields()
    yield from filter(None, (fields.get("name"), fields.get("enName")))


def _addresses_of(entry: Entry) -> Iterator[str]:
    fields = entry.fields()
    if address := fields.get("cityName", "") + fields.get("streetNumber", "") or fields.get("addressOutside"):
        yield address


def _match(asked: str, key: str) -> Match | None:
    if key == asked:
        return Match.SAME
    if key.startswith(asked):
        return Match.BEGINS
    if asked in key:
        return Match.CONTAINS
    if len(asked) >= _NEAR_FROM and OSA.distance(asked, key, score_cutoff=_slips(asked)) <= _slips(asked):
        return Match.NEAR
    return None


def _slips(key: str) -> int:
    return 1 + len(key) // _SIGNS_BETWEEN_SLIPS


def _rank(hit: Hit) -> tuple[int, bool, float, float, str]:
    return (_ORDER[hit.match], hit.former, -hit.similarity, -hit.likeness, hit.number)


def _plain(text_: str) -> str:
    return unicodedata.normalize("NFKC", text_).casefold()


def _all_of(pairs_: Iterable[str]) -> str:
    """Pairs as an FTS5 query. They hold letters and digits only; quotation marks make them plain terms."""
    return " AND ".join(f'"{pair}"' for pair in pairs_)


_SAME_NAME = text("SELECT number FROM names WHERE key = :key LIMIT :most")
_BEGINNING = {
    table: text(f"SELECT number FROM {table} WHERE key >= :key AND key < :end LIMIT :most")  # noqa: S608 - our own names
    for table in ("names", "addresses")
}
_WITH_PAIRS_SQLITE = text(
    "SELECT number FROM names WHERE id IN (SELECT rowid FROM grams WHERE grams MATCH :pairs LIMIT :most)"
)
_WITH_PAIRS_POSTGRESQL = text(
    "SELECT number FROM names WHERE pairs(key) @> CAST(:pairs AS text[]) LIMIT :most"
)
_NEAR_SQLITE = text(
    "SELECT number FROM names WHERE id IN (SELECT rowid FROM grams WHERE grams MATCH :pairs)"
    " AND length(key) BETWEEN :shortest AND :longest LIMIT :most"
)
_NEAR_POSTGRESQL = text(
    "SELECT number FROM names WHERE (pairs(key) @> CAST(:left AS text[]) OR pairs(key) @> CAST(:right AS text[]))"
    " AND length(key) BETWEEN :shortest AND :longest LIMIT :most"
)
