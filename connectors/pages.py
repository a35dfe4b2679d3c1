"""Pages for people, read by what the headings of their tables mean. Nothing is read by where it stands.

A page that does not fit its layout is a changed source, never an empty result: that somebody is *not* in a
list is only taken from a page that says so in words, or that says how many entries it has and has them all.
"""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, urlencode, urljoin, urlsplit

from bs4 import BeautifulSoup, NavigableString, PageElement, Tag

from connectors import layouts, strict
from connectors.dates import written_day
from connectors.evidence import evidence, unasked
from connectors.layouts import NOT_ASKED, Field, Layout, Search
from connectors.limits import Rate
from connectors.reasons import Reason
from connectors.strict import Unexpected
from connectors.transport import DEFAULT_LIMITS, Limits, Transport
from pipeline.documents import Json
from pipeline.errors import SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Evidence, Inquiry

FORM = "application/x-www-form-urlencoded"

_WIDEST = 64
"""Columns of a table, and rows or columns that a cell may span."""

_DEEPEST = 200
"""Tags around a text. Deeper ones are no page, and cost more than their length to walk."""

_MOST_TAGS = 100_000

_NOT_SHOWN = frozenset({"script", "style", "template", "noscript", "head", "title"})
_INLINE = frozenset({"a", "b", "em", "font", "i", "mark", "small", "span", "strong", "sub", "sup", "u"})
"""Tags that do not end a paragraph."""

_DECLARATION = re.compile(r"\s*<\?xml[^>]*>")
_BLANK = re.compile(r"[-‐-―−ー－/\s]*")
"""What stands in a cell that has nothing to say: nothing, or dashes."""

Entry = Mapping[str, str]
"""One entry of a list by the fields of its layout; what is blank is left out."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says: its entries, whether in words that there are none, how many it claims to have."""

    entries: tuple[Entry, ...]
    nothing_found: bool
    stated: int | None

    def narrowed(self, is_subject: Callable[[Entry], bool]) -> list[Entry]:
        """The entries of a subject; none only where the page settles that there are none.

        :raises Unexpected: where it does not.
        """
        if self.stated is not None and self.stated != len(self.entries):
            raise Unexpected("the page does not hold as many entries as it says there are")
        own = [entry for entry in self.entries if is_subject(entry)]
        if not own and self.entries and self.stated is None:
            raise Unexpected("the page has other entries than the one asked for, and may have more elsewhere")
        return own


class PageConnector(ABC):
    """A source whose answers are pages. A subclass says whom to ask about and what an entry means."""

    source: str
    rates: ClassVar[tuple[Rate, ...]] = (Rate(1, 2),)
    """Sites for people publish no rate: no more than a person who reads would ask."""
    base_url: ClassVar[str]
    scheme: ClassVar[str]
    """The scheme of its own numbers. A subject of any other is searched by name."""
    lists: ClassVar[frozenset[str]]
    """The lists that it knows; those in its layout are asked."""

    def __init__(
        self,
        *,
        base_url: str = "",
        contact: str = "",
        limits: Limits = DEFAULT_LIMITS,
        layout: str = "",
    ) -> None:
        """``layout`` names a file that takes the place of the layout that comes with the source."""
        self.layout = layouts.load(self.source, self.lists, layout)
        self._transport = Transport(
            self.source,
            base_url or self.base_url,
            accept=("text/html", "application/xhtml+xml"),
            contact=contact,
            limits=limits,
        )

    @classmethod
    def connector(cls, settings: Mapping[str, str]) -> PageConnector:
        """The connector from its settings: ``base_url``, ``contact``, ``timeout``, ``layout``, if wished."""
        return cls(
            base_url=settings.get("base_url", ""),
            contact=settings.get("contact", ""),
            limits=Limits.of(settings),
            layout=settings.get("layout", ""),
        )

    @abstractmethod
    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """What this application gives cause to ask."""

    def list_of(self, inquiry: Inquiry) -> str:
        """The name of the list to ask: the only one, or the one that the role names."""
        return self._only_list or inquiry.role

    @abstractmethod
    def is_subject(self, entry: Entry, inquiry: Inquiry) -> bool:
        """Whether an entry is of the subject."""

    @abstractmethod
    def subject(self, entry: Entry) -> OrganisationId:
        """Whom an entry of a saved page is about."""

    @abstractmethod
    def record(self, entries: Sequence[Entry], listed: str) -> dict[str, Any]:
        """What these entries of a list say; ``listed`` is blank where the list is not known."""

    def fetch(self, inquiry: Inquiry) -> Capture:
        """Search the list for the subject."""
        search = self._search(inquiry)
        encoding = self.layout.encoding
        values = {"{number}": inquiry.subject.id, "{name}": inquiry.name}
        target = search.target
        for place, value in values.items():
            target = target.replace(place, quote(value.encode(encoding, "xmlcharrefreplace"), safe=""))
        if search.form is None:
            return self._transport.get(target)
        form = {key: values.get(value, value) for key, value in search.form.items()}
        body = urlencode(form, encoding=encoding, errors="xmlcharrefreplace")
        return self._transport.post(target, body.encode("ascii"), FORM)

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read a page: the entries of the subject, or its word that there are none."""
        with strict.reading(capture):
            page = read_page(capture, self.layout)
            own = page.narrowed(lambda entry: self.is_subject(entry, inquiry))
            record = self.record(own, self.list_of(inquiry))
        return evidence(inquiry, capture, record, found=bool(own))

    def evidence_in(self, capture: Capture) -> list[Evidence]:
        """Every entry of a saved page.

        :raises SourceChanged: when it does not fit the layout.
        """
        with strict.reading(capture):
            found = []
            for entry in read_page(capture, self.layout).entries:
                subject = self.subject(entry)
                record = self.record([entry], self._only_list)
                found.append(unasked(self.source, subject.scheme, subject.id, capture, record))
            return found

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()

    def numbered(self, listed: str, number: str) -> str | None:
        """The number as this list writes it; None if it is not of the list's shape, or cannot be asked by."""
        spoken = self.layout.lists.get(listed, NOT_ASKED)
        folded = unicodedata.normalize("NFKC", number).strip()
        if spoken.by_number is None or spoken.number is None or not spoken.number.fullmatch(folded):
            return None
        return folded

    def is_named(self, listed: str) -> bool:
        """Whether this list can be searched by name."""
        return self.layout.lists.get(listed, NOT_ASKED).by_name is not None

    @property
    def _only_list(self) -> str:
        return next(iter(self.lists)) if len(self.lists) == 1 else ""

    def _search(self, inquiry: Inquiry) -> Search:
        listed = self.layout.lists.get(self.list_of(inquiry), NOT_ASKED)
        search = listed.by_number if inquiry.subject.scheme == self.scheme else listed.by_name
        if search is None:
            # The layout was another when the inquiry was planned.
            raise SourceUnavailable(self.source, Reason.NOT_CONFIGURED, "the layout has no such search")
        return search


def read_page(capture: Capture, layout: Layout) -> Page:
    """Read a page by its layout.

    :raises Unexpected: when it does not fit.
    """
    try:
        text = capture.body.decode(layout.encoding)
    except UnicodeDecodeError:
        raise Unexpected(f"the page is not in {layout.encoding}") from None
    if "\0" in text:
        raise Unexpected("the page holds the character U+0000")
    if "<!ENTITY" in text:
        raise Unexpected("the page declares entities")
    if not text.rstrip().casefold().endswith(layout.end.casefold()):
        raise Unexpected("the page breaks off before its end")
    if text.count("<") > _MOST_TAGS:
        raise Unexpected("the page has more tags than a page has")
    soup = BeautifulSoup(_DECLARATION.sub("", text, count=1), "lxml")
    words = [word for word in map(_folded, _shown(soup)) if word]
    nothing_found = not {_folded(sentence) for sentence in layout.nothing_found}.isdisjoint(words)
    stated = _stated(words, layout)
    tables = [_grid(rows) for rows in _tables(soup)]
    lists = [found for found in (_listed(grid, layout.fields) for grid in tables) if found is not None]
    if not lists:
        single = _single([*_pairs(tables), *_described(soup)], layout.fields)
        lists = [] if single is None else [[single]]
    entries = tuple(
        _entry(cells, layout.fields, capture.url) for cells in (cells for found in lists for cells in found)
    )
    if nothing_found and entries:
        raise Unexpected("the page has entries and says that there are none")
    if not entries and not nothing_found and stated != 0:
        raise Unexpected("the page has neither entries under headings we know nor says that there are none")
    return Page(entries, nothing_found, stated)


def name_key(name: str) -> str:
    """A key under which a name is looked for in a page: width, case, spaces and short legal forms aside.

    Two companies may have the same key: it finds candidates and proves nothing.
    """
    folded = re.sub(r"\s+", "", unicodedata.normalize("NFKC", name)).casefold()
    for short, form in (("(株)", "株式会社"), ("(有)", "有限会社"), ("(同)", "合同会社")):
        folded = folded.replace(short, form)
    return folded


def _folded(text: str) -> str:
    """The letters and digits of a text: what is left when layout, width and marks are taken away."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())


def _shown(soup: BeautifulSoup) -> Iterator[str]:
    """The texts that a reader of the page sees, paragraph by paragraph, as far as its tags tell."""
    paragraph: list[str] = []
    pending: list[tuple[PageElement | None, int, bool]] = [(soup, 0, True)]
    while pending:
        node, depth, shown = pending.pop()
        if depth > _DEEPEST:
            raise Unexpected("the page is nested too deeply")
        if node is None:
            yield "".join(paragraph)
            paragraph.clear()
        elif isinstance(node, Tag):
            shown = shown and not (node.name in _NOT_SHOWN or _is_hidden(node))
            ends = [] if node.name in _INLINE else [(None, depth, shown)]
            pending += [*ends, *((child, depth + 1, shown) for child in reversed(node.contents)), *ends]
        elif shown and type(node) is NavigableString:  # comments, declarations and scripts are of other types
            paragraph.append(node)
    yield "".join(paragraph)


def _is_hidden(tag: Tag) -> bool:
    style = re.sub(r"\s", "", str(tag.get("style") or "")).casefold()
    return tag.has_attr("hidden") or "display:none" in style or tag.get("aria-hidden") == "true"


def _stated(words: Sequence[str], layout: Layout) -> int | None:
    if layout.count is None:
        return None
    counts = {
        int(found[1]) for word in words if (found := layout.count.fullmatch(word)) and len(found[1]) < 10
    }
    if len(counts) > 1:
        raise Unexpected("the page states two numbers of entries")
    return counts.pop() if counts else None


def _tables(soup: BeautifulSoup) -> list[list[list[Tag]]]:
    """The rows of cells of each table, without those of tables inside it."""
    tables: dict[int, list[list[Tag]]] = {}
    for row in soup.find_all("tr"):
        table = row.find_parent("table")
        if table is not None and not _is_hidden(table):
            cells = [cell for cell in row.find_all(["th", "td"], recursive=False) if isinstance(cell, Tag)]
            tables.setdefault(id(table), []).append(cells)
    return list(tables.values())


def _grid(rows: Sequence[Sequence[Tag]]) -> list[list[Tag]]:
    """The rows with every cell repeated over the rows and columns that it spans."""
    grid: list[list[Tag]] = []
    hanging: dict[int, tuple[Tag, int]] = {}
    for cells in rows:
        row: list[Tag] = []
        waiting = iter(cells)
        while len(row) <= _WIDEST:
            if len(row) in hanging:
                cell, more = hanging.pop(len(row))
                if more > 1:
                    hanging[len(row)] = (cell, more - 1)
                row.append(cell)
                continue
            cell_or_none = next(waiting, None)
            if cell_or_none is None:
                break
            down = _span(cell_or_none, "rowspan")
            for _ in range(_span(cell_or_none, "colspan")):
                if down > 1:
                    hanging[len(row)] = (cell_or_none, down - 1)
                row.append(cell_or_none)
        if len(row) > _WIDEST:
            raise Unexpected(f"a table has more than {_WIDEST} columns")
        grid.append(row)
    return grid


def _span(cell: Tag, attribute: str) -> int:
    value = str(cell.get(attribute) or "")
    return min(max(int(value), 1), _WIDEST) if re.fullmatch("[0-9]{1,4}", value, re.ASCII) else 1


def _listed(grid: Sequence[Sequence[Tag]], fields: Mapping[str, Field]) -> list[dict[str, Tag]] | None:
    """The entries below the row of headings; None where no row is one."""
    for number, headings in enumerate(grid):
        columns = _matched(headings, fields)
        if columns is None:
            continue
        entries = []
        for row in grid[number + 1 :]:
            if _matched(row, fields) == columns or len({id(cell) for cell in row}) < min(2, len(row)):
                continue  # the headings once more, or a note across the table
            if not any(_text(cell) for cell in row):
                continue
            if len(row) != len(headings):
                raise Unexpected("a row has more or fewer cells than there are headings")
            entries.append({name: row[column] for name, column in columns.items()})
        return entries
    return None


def _matched(headings: Sequence[Tag], fields: Mapping[str, Field]) -> dict[str, int] | None:
    """Where each field stands; None where a required one is not announced."""
    words = [_folded(_text(cell)) for cell in headings]
    columns: dict[str, int] = {}
    for name, field in fields.items():
        announced = {_folded(heading) for heading in field.headings}
        at = [column for column, word in enumerate(words) if word in announced]
        if len({id(headings[column]) for column in at}) > 1:
            raise Unexpected(f"two headings announce {name}")
        if at:
            columns[name] = at[0]
        elif field.required:
            return None
    return columns


def _pairs(tables: Iterable[Sequence[Sequence[Tag]]]) -> Iterator[tuple[Tag, Tag]]:
    """Heading and value, where tables have them beside one another."""
    for row in (row for grid in tables for row in grid if len(row) % 2 == 0):
        for heading, value in zip(row[::2], row[1::2], strict=True):
            if heading is not value and value.name == "td":
                yield heading, value


def _described(soup: BeautifulSoup) -> Iterator[tuple[Tag, Tag]]:
    """Heading and value in description lists."""
    for heading in soup.select("dl dt"):
        value = heading.find_next_sibling(["dt", "dd"])
        if isinstance(value, Tag) and value.name == "dd":
            yield heading, value


def _single(pairs: Sequence[tuple[Tag, Tag]], fields: Mapping[str, Field]) -> dict[str, Tag] | None:
    """The one entry that a page about a single subject describes."""
    columns = _matched([heading for heading, _ in pairs], fields)
    if columns is None:
        return None
    known = {_folded(heading) for field in fields.values() for heading in field.headings}
    if any(_folded(_text(pairs[at][1])) in known for at in columns.values()):
        raise Unexpected("a heading stands where a value should")
    return {name: pairs[at][1] for name, at in columns.items()}


def _text(cell: Tag) -> str:
    parts = [
        "\n" if isinstance(node, Tag) else str(node)
        for node in cell.descendants
        if type(node) is NavigableString or (isinstance(node, Tag) and node.name == "br")
    ]
    return " ".join("".join(parts).split())


def _entry(cells: Mapping[str, Tag], fields: Mapping[str, Field], url: str) -> Entry:
    values = {}
    for name, cell in cells.items():
        value = _value(cell, name, fields[name], url)
        if value:
            values[name] = value
        elif fields[name].required:
            raise Unexpected(f"an entry has no {name}")
    return values


def _value(cell: Tag, name: str, field: Field, url: str) -> str:
    if field.kind == "link":
        return _link(cell, url)
    text = _text(cell)
    if _BLANK.fullmatch(text):
        return ""
    if field.kind == "date":
        day = written_day(text)
        if day is None:
            raise Unexpected(f"{name} is not a date")
        return day
    if field.pattern is not None:
        text = unicodedata.normalize("NFKC", text)
        if not field.pattern.fullmatch(text):
            raise Unexpected(f"{name} is not of its shape")
    return text


def _link(cell: Tag, url: str) -> str:
    anchor = cell.find("a", href=True)
    if not isinstance(anchor, Tag):
        return ""
    try:
        address = urljoin(url, str(anchor["href"]))
        return address if urlsplit(address).scheme in {"https", "http"} else ""
    except ValueError:
        return ""
