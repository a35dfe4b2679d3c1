"""Finding numbers by name or address: keys give candidates, their histories say which of them stand.

A key may come from a row that a later complete history has replaced, or from a file that is not complete
yet. So every candidate is looked up before it is shown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA
from sqlalchemy import Connection, TextClause, text

from pipeline.register import Entry, History
from storage.mirror.keys import Keys
from storage.mirror.loading import Key, pairs

CANDIDATES: Final = 5_000
"""Keys that are taken from each index in one search. Some shrines share a name with thousands."""

_LOOKED_UP: Final = 50
"""Numbers that are looked up at once, best first, until enough are found."""

_NEAR_FROM: Final = 4
"""Signs that a key must have for one that differs in a sign to be worth showing."""

_SWAPS_FROM: Final = 6
"""Signs that a key must have for two that were swapped to leave enough of it to look for."""

_LONGEST: Final = 1_000
"""Signs that no key has."""

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
        found = self._beginning("names", key)
        if len(found) < limit:
            found += self._containing(key)
            if len(key) >= _NEAR_FROM and not any(each == key for each, _ in found):
                found += self._near(key)
        return self._ranked(_Asked(name, key, self._keys.name, _names_of), found, prefecture, limit)

    def addresses(self, address: str, prefecture: str, limit: int) -> list[Hit]:
        """The numbers that have, or had, an address that begins like this one, from the city on."""
        key = self._keys.address(address)
        if not key:
            return []
        found = self._beginning("addresses", key)
        return self._ranked(_Asked(address, key, self._keys.address, _addresses_of), found, prefecture, limit)

    def _ranked(self, asked: _Asked, found: Iterable[Key], prefecture: str, limit: int) -> list[Hit]:
        """The best first, by their keys and then by what stands behind them."""
        ranks: dict[int, tuple[int, float, int]] = {}
        for key, number in found:
            match = match_of(asked.key, key)
            if match is not None:
                rank = (_ORDER[match], -fuzz.ratio(asked.key, key), number)
                ranks[number] = min(rank, ranks.get(number, rank))
        numbers = iter(sorted(ranks, key=ranks.__getitem__))
        hits: list[Hit] = []
        while len(hits) < limit and (some := list(islice(numbers, max(_LOOKED_UP, limit)))):
            for organisation, history in self._histories(some).items():
                if prefecture in ("", history.entries[-1].fields().get("prefectureCode")):
                    hits += asked.best(organisation, history)
        return sorted(hits, key=_rank)[:limit]

    def _beginning(self, table: str, key: str) -> list[Key]:
        return self._found(_BEGINNING[table], key=key, end=key + _BEYOND)

    def _containing(self, part: str) -> list[Key]:
        """Keys that have all pairs of this one."""
        wanted = pairs(part)
        return self._with_pairs([wanted], 1, _LONGEST) if wanted else []

    def _near(self, key: str) -> list[Key]:
        """Keys that have all pairs of this one but those that a slip at one place changes."""
        every = pairs(key)
        changed = 3 if len(key) >= _SWAPS_FROM else 2
        kept = [[*every[: max(0, place - 1)], *every[place - 1 + changed :]] for place in range(len(key))]
        return self._with_pairs([each for each in kept if each], len(key) - 1, len(key) + 1)

    def _with_pairs(self, wanted: Sequence[Sequence[str]], shortest: int, longest: int) -> list[Key]:
        """Keys of such a length that have all of one of these lists of pairs."""
        bounds = {"shortest": shortest, "longest": longest}
        if self._connection.dialect.name == "sqlite":
            # The pairs hold letters and digits only; quotation marks make them plain terms of FTS5.
            terms = (" AND ".join(f'"{pair}"' for pair in each) for each in wanted)
            return self._found(_WITH_PAIRS_SQLITE, pairs=" OR ".join(f"({each})" for each in terms), **bounds)
        lists = {f"pairs_{place}": list(each) for place, each in enumerate(wanted)}
        holds = " OR ".join(f"pairs(key) @> CAST(:{name} AS text[])" for name in lists)
        return self._found(text(_WITH_PAIRS_POSTGRESQL.format(holds)), **lists, **bounds)

    def _found(self, query: TextClause, **values: object) -> list[Key]:
        rows = self._connection.execute(query, {**values, "most": CANDIDATES})
        return [(key, number) for key, number in rows]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is searched for, and how to find it among what an entry says."""

    text: str
    key: str
    key_of: Callable[[str], str]
    texts_of: Callable[[Entry], Iterable[str]]

    def best(self, number: str, history: History) -> list[Hit]:
        """The best match that stands in a history; none where a key was of a row that does not."""
        now = set(self.texts_of(history.entries[-1]))
        hits = []
        for written in dict.fromkeys(each for entry in history.entries for each in self.texts_of(entry)):
            key = self.key_of(written)
            match = match_of(self.key, key)
            if match is not None:
                hits.append(
                    Hit(
                        number=number,
                        matched=written,
                        match=match,
                        former=written not in now,
                        similarity=round(fuzz.ratio(self.key, key), 1),
                        likeness=round(fuzz.ratio(_plain(self.text), _plain(written)), 1),
                        history=history,
                    )
                )
        return sorted(hits, key=_rank)[:1]


def _names_of(entry: Entry) -> Iterator[str]:
    fields = entry.fields()
    yield from filter(None, (fields.get("name"), fields.get("enName")))


def _addresses_of(entry: Entry) -> Iterator[str]:
    fields = entry.fields()
    if address := fields.get("cityName", "") + fields.get("streetNumber", "") or fields.get("addressOutside"):
        yield address


def match_of(asked: str, key: str) -> Match | None:
    """How a key answers to the one that was asked for; None if it does not."""
    if key == asked:
        return Match.SAME
    if key.startswith(asked):
        return Match.BEGINS
    if asked in key:
        return Match.CONTAINS
    if len(asked) >= _NEAR_FROM and OSA.distance(asked, key, score_cutoff=1) == 1:
        return Match.NEAR
    return None


def _rank(hit: Hit) -> tuple[int, bool, float, float, str]:
    return (_ORDER[hit.match], hit.former, -hit.similarity, -hit.likeness, hit.number)


def _plain(text_: str) -> str:
    return unicodedata.normalize("NFKC", text_).casefold()


_BEGINNING: Final = {
    table: text(f"SELECT key, number FROM {table} WHERE key >= :key AND key < :end ORDER BY key LIMIT :most")  # noqa: S608 - our own names
    for table in ("names", "addresses")
}
_WITH_PAIRS_SQLITE: Final = text(
    "SELECT key, number FROM names WHERE id IN (SELECT rowid FROM grams WHERE grams MATCH :pairs LIMIT :most)"
    " AND length(key) BETWEEN :shortest AND :longest"
)
_WITH_PAIRS_POSTGRESQL: Final = (
    "SELECT key, number FROM names WHERE ({}) AND length(key) BETWEEN :shortest AND :longest LIMIT :most"
)
