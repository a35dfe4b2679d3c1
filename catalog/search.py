"""Search: what a buyer asks, and the listings that answer it as the catalog stands, or stood at a position.

The whole question is in the URL. Facets are sets of rows, one bit a row, held in memory and renewed as
changes come; text is looked up in the index. So a search costs one look-up a term and some ANDs, whatever
its facets.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from heapq import heappop, heappush
from typing import Any, TypeVar
from urllib.parse import urlencode

from catalog.facets import BY_NAME, FACETS, Facet
from catalog.index import Index, Row
from catalog.text import LONGEST_QUESTION, terms

PAGE = 20
MOST_VALUES = 12
"""Values of one facet in one question."""

SORTS = ("match", "name", "new", "price")
_CODE_LENGTH = 60
_CURSOR_LENGTH = 4000
_HISTORIC_KEPT = 4
_PATIENCE = 1.0
"""Seconds that one who asks for the past waits for another."""

_TERMS_KEPT = 256
_FEW = 4000


T = TypeVar("T")


class Busy(Exception):
    """The catalog of an earlier position is being built for somebody else; ask again."""


class NotAQuestion(ValueError):
    """The parameters of a URL are no question. ``name`` is the parameter that is amiss."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Question:
    """What a buyer asks. Values of one facet are alternatives; facets, and terms, all have to be met.

    ``verified`` counts only what a source confirms.
    """

    text: str = ""
    facets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    verified: bool = False
    sort: str = "match"
    after: str = ""

    @classmethod
    def from_parameters(cls, parameters: Iterable[tuple[str, str]]) -> Question:
        """The question of a URL's parameters. Unknown ones are passed over; they are other pages'.

        :raises NotAQuestion: for a value that none of the page's own links has.
        """
        asked = ""
        chosen: dict[str, list[str]] = {}
        rest: dict[str, str] = {}
        for name, value in parameters:
            if name == "q":
                if len(value) > LONGEST_QUESTION:
                    raise NotAQuestion("q")
                asked = value.strip()
            elif name in BY_NAME:
                facet = BY_NAME[name]
                if not value:
                    continue
                if len(value) > _CODE_LENGTH or (facet.values and value not in facet.codes):
                    raise NotAQuestion(name)
                values = chosen.setdefault(name, [])
                if value not in values:
                    values.append(value)
                if len(values) > MOST_VALUES:
                    raise NotAQuestion(name)
            elif name in {"sort", "after", "basis"}:
                rest[name] = value
        if rest.get("sort", "match") not in SORTS:
            raise NotAQuestion("sort")
        if rest.get("basis", "") not in {"", "verified"}:
            raise NotAQuestion("basis")
        facets = tuple((facet.name, tuple(chosen[facet.name])) for facet in FACETS if facet.name in chosen)
        return cls(
            asked, facets, rest.get("basis") == "verified", rest.get("sort", "match"), rest.get("after", "")
        )

    @property
    def chosen(self) -> Mapping[str, tuple[str, ...]]:
        """The values chosen, by facet."""
        return dict(self.facets)

    def parameters(self, *, paged: bool = False) -> list[tuple[str, str]]:
        """The URL's parameters that ask this, always in one order; without the page unless ``paged``."""
        found = [("q", self.text)] if self.text else []
        found += [(name, value) for name, values in self.facets for value in values]
        if self.verified:
            found.append(("basis", "verified"))
        if self.sort != "match":
            found.append(("sort", self.sort))
        if paged and self.after:
            found.append(("after", self.after))
        return found

    def url(self, *, paged: bool = False) -> str:
        """The URL's part after the question mark."""
        return urlencode(self.parameters(paged=paged))

    def with_value(self, facet: str, code: str) -> Question:
        """The same with a value of a facet chosen, or no longer chosen where it was."""
        chosen = {name: list(values) for name, values in self.facets}
        values = chosen.setdefault(facet, [])
        if code in values:
            values.remove(code)
        else:
            values.append(code)
        facets = tuple((one.name, tuple(chosen[one.name])) for one in FACETS if chosen.get(one.name))
        return replace(self, facets=facets, after="")


@dataclass(frozen=True, slots=True)
class Count:
    """How many listings have a value: in all, and of these confirmed by a source."""

    code: str
    total: int
    verified: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Hits:
    """One page of an answer. ``position`` is the catalog's; ``following`` asks for the next page."""

    position: int
    total: int
    rows: tuple[int, ...]
    counts: Mapping[str, tuple[Count, ...]]
    following: Question | None


@dataclass(slots=True)
class State:
    """The catalog at a position, on a day in Japan, as sets of rows.

    The day matters because certificates end: a mark counts through its last day.
    """

    position: int
    day: date
    size: int = 64
    live: bytearray = field(default_factory=lambda: bytearray(8))
    any: dict[tuple[str, str], bytearray] = field(default_factory=dict)
    verified: dict[tuple[str, str], bytearray] = field(default_factory=dict)
    keys: dict[str, dict[int, tuple[Any, ...]]] = field(
        default_factory=lambda: {sort: {} for sort in ("name", "new", "price")}
    )
    ordered: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    listings: dict[int, str] = field(default_factory=dict)
    by_id: dict[str, int] = field(default_factory=dict)
    _bits: dict[tuple[str, str, bool], int] = field(default_factory=dict)
    _live: int | None = None
    _ending: list[tuple[date, int, tuple[str, str, bool]]] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Take a row in."""
        entry = row.entry
        if entry is None or row.id in self.listings:
            return
        self._grow(row.id)
        self.listings[row.id] = row.listing_id
        self.by_id[row.listing_id] = row.id
        _set(self.live, row.id)
        self._live = None
        ends: dict[tuple[str, str, bool], date] = {}
        for mark in entry.marks:
            until = mark.until or date.max
            if until < self.day:
                continue
            for verified in (False, True) if mark.verified else (False,):
                place = (mark.facet, mark.code, verified)
                ends[place] = max(until, ends.get(place, until))
        for place, until in ends.items():
            self._mark(place, row.id, until)
        keys = {
            "name": (entry.name, row.listing_id, row.id),
            "new": (_reversed(entry.published), row.listing_id, row.id),
            "price": (entry.price is None, entry.price or 0, row.listing_id, row.id),
        }
        for sort, key in keys.items():
            self.keys[sort][row.id] = key
            if sort in self.ordered:
                insort(self.ordered[sort], key)

    def _mark(self, place: tuple[str, str, bool], row_id: int, until: date) -> None:
        sets = self.verified if place[2] else self.any
        rows = sets.get(place[:2])
        if rows is None:
            rows = sets[place[:2]] = bytearray(self.size // 8)
        _set(rows, row_id)
        self._bits.pop(place, None)
        if until != date.max:
            heappush(self._ending, (until, row_id, place))

    def advance(self, day: date) -> None:
        """Go on to a later day: what ended before it counts no more."""
        self.day = day
        while self._ending and self._ending[0][0] < day:
            _, row_id, place = heappop(self._ending)
            _clear((self.verified if place[2] else self.any)[place[:2]], row_id)
            self._bits.pop(place, None)

    def drop(self, row_id: int) -> None:
        """Take a row out: another one of its listing came, or none."""
        listing_id = self.listings.pop(row_id, None)
        if listing_id is None:
            return
        if self.by_id.get(listing_id) == row_id:
            del self.by_id[listing_id]
        _clear(self.live, row_id)
        self._live = None
        for sets in (self.any, self.verified):
            for place, rows in sets.items():
                if rows[row_id >> 3] >> (row_id & 7) & 1:
                    _clear(rows, row_id)
                    self._bits.pop((*place, sets is self.verified), None)
        for sort in self.keys:
            key = self.keys[sort].pop(row_id)
            if sort in self.ordered:
                ordered = self.ordered[sort]
                del ordered[bisect_left(ordered, key)]

    def in_all(self) -> int:
        """The rows that are in the catalog."""
        if self._live is None:
            self._live = int.from_bytes(self.live, "little")
        return self._live

    def having(self, facet: str, code: str, *, verified: bool) -> int:
        """The rows that have a value."""
        place = (facet, code, verified)
        if place not in self._bits:
            rows = (self.verified if verified else self.any).get((facet, code))
            self._bits[place] = 0 if rows is None else int.from_bytes(rows, "little")
        return self._bits[place]

    def in_order(self, sort: str) -> list[tuple[Any, ...]]:
        """The keys of all rows in the order of a sort; a key's last member is the row."""
        if sort not in self.ordered:
            self.ordered[sort] = sorted(self.keys[sort].values())
        return self.ordered[sort]

    def _grow(self, row_id: int) -> None:
        if row_id < self.size:
            return
        while self.size <= row_id:
            self.size *= 2
        for rows in (self.live, *self.any.values(), *self.verified.values()):
            rows.extend(bytes(self.size // 8 - len(rows)))


class Search:
    """Answers questions over an index. Safe to use from many threads."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._lock = threading.RLock()
        self._building = threading.Lock()
        self._head: State | None = None
        self._begun = 0
        self._historic: OrderedDict[tuple[int, date], State] = OrderedDict()
        self._terms: OrderedDict[tuple[str, bool, int], tuple[int, int]] = OrderedDict()

    def state(self, day: date, position: int | None = None) -> State:
        """The catalog's state at a position, or as it stands.

        :raises Busy: when a state of the past has to be built and another one is being built.
        """
        key = (position or 0, day)
        with self._lock:
            head = self._renewed(day)
            if position is None or position == head.position:
                return head
            if key in self._historic:
                self._historic.move_to_end(key)
                return self._historic[key]
        # Apart from the lock: whoever asks for the past may wait, and nobody else does.
        if not self._building.acquire(timeout=_PATIENCE):
            raise Busy
        try:
            with self._lock:
                if key in self._historic:
                    return self._historic[key]
            built = self._built(*key)
        finally:
            self._building.release()
        with self._lock:
            self._historic[key] = built
            if len(self._historic) > _HISTORIC_KEPT:
                self._historic.popitem(last=False)
        return built

    def hits(self, question: Question, day: date, position: int | None = None, limit: int = PAGE) -> Hits:
        """One page of the listings that answer a question, with how many each other choice would leave.

        :raises Busy: see :meth:`state`.
        """

        def answer(state: State, found: int, named: int) -> Hits:
            groups = {
                name: _union(state.having(name, code, verified=question.verified) for code in codes)
                for name, codes in question.facets
            }
            counts = {}
            for facet in FACETS:
                others = found
                for name, rows in groups.items():
                    if name != facet.name:
                        others &= rows
                counts[facet.name] = tuple(_counts(state, facet, others, question))
            for rows in groups.values():
                found &= rows
            page, more = _page(state, found, named, question, limit)
            following = replace(question, after=more) if more else None
            return Hits(state.position, found.bit_count(), tuple(page), counts, following)

        return self._answer(question, day, position, answer)

    def rows_of(self, question: Question, day: date, position: int | None = None) -> list[int]:
        """Every row that answers a question, in the order of its sort.

        :raises Busy: see :meth:`state`.
        """

        def answer(state: State, found: int, named: int) -> list[int]:
            for name, codes in question.facets:
                found &= _union(state.having(name, code, verified=question.verified) for code in codes)
            return _page(state, found, named, replace(question, after=""), found.bit_count())[0]

        return self._answer(question, day, position, answer)

    def lacking(
        self, question: Question, rows: Sequence[int], day: date, position: int | None = None
    ) -> dict[int, list[str]]:
        """For each of these rows the facets of a question that it does not meet.

        :raises Busy: see :meth:`state`.
        """

        def answer(state: State, _found: int, _named: int) -> dict[int, list[str]]:
            missed: dict[int, list[str]] = {row: [] for row in rows}
            for name, codes in question.facets:
                having = _union(state.having(name, code, verified=question.verified) for code in codes)
                for row in rows:
                    if not having >> row & 1:
                        missed[row].append(name)
            return missed

        return self._answer(replace(question, text=""), day, position, answer)

    def _answer(
        self,
        question: Question,
        day: date,
        position: int | None,
        answer: Callable[[State, int, int], T],
    ) -> T:
        """An answer from a state that does not change meanwhile.

        Handed over are the rows whose text holds every word of the question, and, where the order asks for
        them, those whose names do.
        """
        words = terms(question.text)
        in_names = words if question.sort == "match" else []
        while True:
            # Words are looked up apart from the lock, and cover every position up to that of before.
            covered, begun = self._index.standing()
            anywhere = [self._rows(word, covered, begun) for word in words]
            in_name = [self._rows(word, covered, begun, in_name=True) for word in in_names]
            state = self.state(day, position)
            with self._lock:
                if state is self._head:
                    state = self._renewed(day)
                is_the_one = position is None or state.position == position
                if not is_the_one or state.position > covered or begun != self._begun:
                    continue
                found = _intersection(state.in_all(), anywhere)
                named = _intersection(found, in_name) if in_names else 0
                return answer(state, found, named)

    def _rows(self, term: str, covered: int, begun: int, *, in_name: bool = False) -> int:
        """The rows that hold a term, of all up to a position at least."""
        key = (term, in_name, begun)
        with self._lock:
            known = self._terms.get(key)
            if known is not None and known[0] >= covered:
                self._terms.move_to_end(key)
                return known[1]
        rows = _bits(self._index.matches(term, in_name=in_name))
        with self._lock:
            self._terms[key] = (covered, rows)
            if len(self._terms) > _TERMS_KEPT:
                self._terms.popitem(last=False)
        return rows

    def _renewed(self, day: date) -> State:
        position, begun = self._index.standing()
        if begun != self._begun:
            self._head, self._begun = None, begun
            self._historic.clear()
            self._terms.clear()
        if self._head is None or self._head.day > day or self._head.position > position:
            self._head = self._built(position, day)
        if self._head.day < day:
            self._head.advance(day)
        if self._head.position < position:
            for row in self._index.rows_between(self._head.position, position):
                if row.ended is not None and row.ended <= position:
                    self._head.drop(row.id)
                else:
                    self._head.add(row)
            self._head.position = position
        return self._head

    def _built(self, position: int, day: date) -> State:
        state = State(position, day)
        for row in self._index.rows(position):
            state.add(row)
        return state


def _counts(state: State, facet: Facet, others: int, question: Question) -> Iterator[Count]:
    chosen = question.chosen.get(facet.name, ())
    codes: Sequence[str] = facet.codes
    if not codes:
        codes = sorted({code for name, code in state.any if name == facet.name} | set(chosen))
    for code in codes:
        every = (others & state.having(facet.name, code, verified=False)).bit_count()
        verified = (others & state.having(facet.name, code, verified=True)).bit_count()
        yield Count(code, verified if question.verified else every, verified, code in chosen)


def _page(state: State, found: int, named: int, question: Question, limit: int) -> tuple[list[int], str]:
    """The rows of a page in order, and the cursor of the next one, empty at the end."""
    sort = "name" if question.sort == "match" else question.sort
    named &= found
    after = _read_cursor(question.after, sort)
    parts = [(0, named), (1, found & ~named)] if question.sort == "match" and named else [(1, found)]
    page: list[tuple[int, tuple[Any, ...]]] = []
    for rank, rows in parts:
        if after is not None and rank < after[0]:
            continue
        begin = after[1] if after is not None and rank == after[0] else None
        page += ((rank, key) for key in _ordered(state, rows, sort, begin, limit + 1 - len(page)))
        if len(page) > limit:
            break
    more = _write_cursor(*page[limit - 1]) if len(page) > limit and limit else ""
    return [key[-1] for _, key in page[:limit]], more


def _ordered(
    state: State, rows: int, sort: str, begin: tuple[Any, ...] | None, limit: int
) -> list[tuple[Any, ...]]:
    """The keys of some rows beyond ``begin``, in order; at most ``limit``."""
    keys = state.keys[sort]
    if rows.bit_count() <= _FEW:
        ordered = sorted(keys[row] for row in _members(rows))
        start = 0 if begin is None else _beyond(ordered, begin)
        return ordered[start : start + limit]
    ordered = state.in_order(sort)
    bits = rows.to_bytes((rows.bit_length() + 7) // 8, "little")
    size = len(bits) * 8
    found: list[tuple[Any, ...]] = []
    for at in range(0 if begin is None else _beyond(ordered, begin), len(ordered)):
        key = ordered[at]
        row = key[-1]
        if row < size and bits[row >> 3] >> (row & 7) & 1:
            found.append(key)
            if len(found) >= limit:
                break
    return found


def _beyond(ordered: Sequence[tuple[Any, ...]], begin: tuple[Any, ...]) -> int:
    """Where the keys after ``begin`` start. A cursor's key has no row: whatever has the same listing is
    past.
    """
    at = bisect_left(ordered, begin)
    while at < len(ordered) and ordered[at][:-1] == begin:
        at += 1
    return at


def _members(rows: int) -> Iterator[int]:
    for at, byte in enumerate(rows.to_bytes((rows.bit_length() + 7) // 8, "little")):
        if byte:
            for bit in range(8):
                if byte >> bit & 1:
                    yield at * 8 + bit


def _bits(rows: Sequence[int]) -> int:
    if not rows:
        return 0
    found = bytearray((max(rows) >> 3) + 1)
    for row in rows:
        found[row >> 3] |= 1 << (row & 7)
    return int.from_bytes(found, "little")


def _union(sets: Iterable[int]) -> int:
    found = 0
    for rows in sets:
        found |= rows
    return found


def _intersection(rows: int, sets: Iterable[int]) -> int:
    for others in sets:
        rows &= others
    return rows


def _set(rows: bytearray, row: int) -> None:
    rows[row >> 3] |= 1 << (row & 7)


def _clear(rows: bytearray, row: int) -> None:
    rows[row >> 3] &= ~(1 << (row & 7)) & 0xFF


def _reversed(moment: str) -> tuple[int, ...]:
    """A key that puts later moments (RFC 3339, UTC) first."""
    return tuple(-ord(sign) for sign in moment)


def _write_cursor(rank: int, key: tuple[Any, ...]) -> str:
    written = json.dumps([rank, key[:-1]], ensure_ascii=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(written.encode("ascii")).rstrip(b"=").decode("ascii")


def _read_cursor(cursor: str, sort: str) -> tuple[int, tuple[Any, ...]] | None:
    """What a cursor of ours says, None without one.

    :raises NotAQuestion: for anything else.
    """
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        if len(cursor) > _CURSOR_LENGTH:
            raise ValueError(len(cursor))
        rank, key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        read = tuple(tuple(part) if isinstance(part, list) else part for part in key)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise NotAQuestion("after") from None
    if rank not in {0, 1} or [_kind(part) for part in read] != list(_KEYS[sort]):
        raise NotAQuestion("after")
    return rank, read


_KEYS: Mapping[str, tuple[str, ...]] = {
    "name": ("str", "str"),
    "new": ("ints", "str"),
    "price": ("bool", "int", "str"),
}
"""What the members of a cursor's key are, by sort."""


def _kind(part: object) -> str:
    if isinstance(part, tuple):
        return "ints" if all(type(item) is int for item in part) else "mixed"
    return type(part).__name__
