"""``jp.nta``: the Corporate Number Web-API, version 4, of the National Tax Agency (国税庁法人番号システム).

Sources: the agency's Web-API specification, part 1 (requests), part 2 (answers and errors) and part 6
(version 4), and its resource definition with the 30 columns and their code tables. What its published data
hold beyond that (the latest record is the last of its number, a history that begins with process 01 is
complete, a withdrawn number has four columns) was measured on three million records.

Whoever shows data of this connector shows the agency's notice with it: obtained by the Web-API, content not
guaranteed by the National Tax Agency. Public Data License 1.0, source 国税庁法人番号公表サイト.

No rate is published and mass access is forbidden; other clients keep to about one request a second. One
request takes ten numbers. Its silence is an answer: the register holds every number that was assigned.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

from lxml import etree

from connectors import strict, tax_agency
from connectors.evidence import evidence, unasked
from connectors.parties import parties
from connectors.strict import Unexpected
from connectors.transport import DEFAULT_LIMITS, Limits, Transport
from pipeline import register
from pipeline.corporate_number import is_well_formed
from pipeline.documents import Json
from pipeline.errors import ConfigurationError
from pipeline.model import Capture, Evidence, Inquiry, Text

SOURCE = "jp.nta"
SCHEME = "JP-JCN"
BASE_URL = "https://api.houjin-bangou.nta.go.jp/4"

COLUMNS = register.COLUMNS
"""The columns of version 4, in the order that CSV and XML share."""

WITHDRAWN = "99"
PROCESSES = frozenset({"01", "11", "12", "13", "21", "22", "71", "72", "81", WITHDRAWN})
"""New, name, move inside Japan, move abroad, closed, reopened, absorbed another, that merger void, name
struck off, number withdrawn."""

KINDS = frozenset({"101", "201", "301", "302", "303", "304", "305", "399", "401", "499"})
"""State body, local government, 株式会社, 有限会社, 合名会社, 合資会社, 合同会社, other registered
corporation, foreign company and the like, other."""

CLOSE_CAUSES = frozenset({"01", "11", "21", "31"})
"""Liquidation, dissolution by merger, closed by the registrar, liquidation of others."""

LONGEST_CHANGES = timedelta(days=50)
"""The longest time between the two dates of a request for changes."""


class Form(StrEnum):
    """A response format, by its value of ``type``."""

    CSV_SHIFT_JIS = "01"
    CSV_UTF_8 = "02"
    XML = "12"


class Comparison(StrEnum):
    """How a search compares names, by its value of ``target``."""

    FOLDED = "1"
    """Japanese names, hiragana as katakana, small letters as large ones, no ``・`` and no spaces."""
    EXACT = "2"
    ENGLISH = "3"


_ACCEPT = ("application/xml", "text/xml", "application/csv", "text/csv")
_HEADER = ("lastUpdateDate", "count", "divideNumber", "divideSize")
_WITHDRAWN_COLUMNS = frozenset({"sequenceNumber", "corporateNumber", "process", "updateDate"})
_MISSING_CHARACTER = "＿"

_HALF_WIDTH_KATAKANA = re.compile("[\uff61-\uff9f]")
"""The register writes none. Where Shift_JIS has some, the bytes are of another encoding."""

Row = Mapping[str, str]
"""One record of the register by :data:`COLUMNS`; blank columns are ``""``."""


class Nta:
    """The connector. Its record has these keys, left out where the register does not say.

    ===================== ===================================================================================
    number                corporate number
    name                  registered name as the register writes it, mostly in full-width characters
    name_is_approximate   true: a character that has no code was replaced; the register keeps an image
    former_names          earlier names, oldest first; left out where the history is incomplete
    english_name          as the organisation chose to register it
    furigana              reading in katakana; may be that of a former name, and may be wrong
    kind                  code of :data:`KINDS`
    closed                true: the latest record has a date of closure
    closed_on             date of the closure in the register
    close_cause           code of :data:`CLOSE_CAUSES`
    successor             corporate number of what it was merged into
    merger_note           the latest record's words on a merger: names, numbers, the day it took effect
    prefecture_code       two digits, JIS X 0401
    city_code             three digits, JIS X 0402
    address               head office in Japan; in parentheses where it no longer exists (then ``hidden``)
    address_abroad        head office abroad
    assigned_on           when the number was assigned; 2015-10-05 for all that existed then
    changed_on            when the latest event happened; may lie in the future
    hidden                true: left out of the agency's public search
    withdrawn             true: the number was withdrawn (process 99) and nothing else is known of it
    register_date         the state of the register, also where it has no such number
    ===================== ===================================================================================

    :param application_id: the key that the agency gives out. A secret: it goes there and nowhere else.
    :param form: the response format to ask for. Shift_JIS has fewer characters than the others.
    """

    source = SOURCE
    rates = tax_agency.RATES
    asked_by = ("subject",)
    terms = tax_agency.terms(
        "国税庁法人番号公表サイト", silence=Text("その番号は存在しない", "no such number")
    )
    batch_size = tax_agency.BATCH

    def __init__(
        self,
        application_id: str,
        *,
        form: Form = Form.XML,
        base_url: str = BASE_URL,
        contact: str = "",
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._form = form
        self._transport = Transport(
            SOURCE,
            base_url,
            accept=_ACCEPT,
            secret_query={"id": application_id},
            contact=contact,
            limits=limits,
            reasons=tax_agency.REASONS,
        )

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for vendor and maker each: for its first corporate number, if the check digit is right.

        A number whose check digit is wrong is nobody's: the rules judge that from the number itself.
        """
        return inquiries(application)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The number's records with their history."""
        return self.fetch_many([inquiry])

    def fetch_many(self, inquiries: Sequence[Inquiry]) -> Capture:
        """The records of up to ten numbers with their history."""
        return self._get("num", {"number": tax_agency.numbers_of(inquiries), "history": "1"})

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read XML (type 12) or CSV (types 01 and 02), also where it answers about several numbers."""
        return read(inquiry, capture)

    def evidence_in(self, capture: Capture) -> list[Evidence]:
        """Every number that a saved answer speaks of, by what the answer holds of it.

        :raises SourceChanged: as :meth:`parse`.
        """
        with strict.reading(capture):
            answer = _answer(capture)
            rows = sorted(answer.rows, key=_number)  # stable: a number's records stay in their order
            return [
                unasked(
                    SOURCE,
                    SCHEME,
                    number,
                    capture,
                    {**_record(list(own)), "register_date": answer.register_date},
                )
                for number, own in groupby(rows, key=_number)
            ]

    def search(
        self,
        name: str,
        *,
        comparison: Comparison = Comparison.FOLDED,
        anywhere: bool = False,
        former: bool = False,
        closed: bool = True,
        area: str = "",
        part: int = 1,
    ) -> Capture:
        """Search by name; :func:`read_answer` reads the capture, and how many parts there are.

        The register folds neither legal forms nor old forms of characters: better ask without them.

        :param anywhere: find the words anywhere in a name; else at its beginning.
        :param former: search former names too.
        :param closed: find the closed ones too.
        :param area: two digits of a prefecture, or five of prefecture and city.
        :raises ValueError: when the register would refuse the question.
        """
        _check_area(area)
        if not 0 < len(name) <= (300 if name.isascii() else 150):
            raise ValueError("a name to search for has up to 150 characters, or 300 in Latin letters")
        return self._get(
            "name",
            {
                "name": name,
                "mode": "2" if anywhere else "1",
                "target": comparison,
                "change": "1" if former else "0",
                "close": "1" if closed else "0",
                **({"address": area} if area else {}),
                "divide": str(part),
            },
        )

    def changes(self, since: date, until: date, *, area: str = "", part: int = 1) -> Capture:
        """What was published from one day through another; :func:`read_answer` reads the capture.

        :raises ValueError: when the days are out of order or too far apart, or ``area`` is none.
        """
        _check_area(area)
        if not timedelta(0) <= until - since <= LONGEST_CHANGES:
            raise ValueError(f"changes are asked for over at most {LONGEST_CHANGES.days} days")
        return self._get(
            "diff",
            {
                "from": since.isoformat(),
                "to": until.isoformat(),
                **({"address": area} if area else {}),
                "divide": str(part),
            },
        )

    def _get(self, path: str, parameters: Mapping[str, str]) -> Capture:
        return tax_agency.get(self._transport, path, {**parameters, "type": self._form})

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()


def connector(settings: Mapping[str, str]) -> Nta:
    """The connector from ``application_id`` and, as wished, ``form``, ``base_url``, ``contact``, ``timeout``.

    :raises ConfigurationError: when ``form`` is none of :class:`Form`, or as :class:`Transport`.
    """
    try:
        form = Form(settings.get("form", Form.XML))
    except ValueError:
        raise ConfigurationError([f"{SOURCE}: form is one of {', '.join(Form)}"]) from None
    return Nta(
        settings["application_id"],
        form=form,
        base_url=settings.get("base_url", BASE_URL),
        contact=settings.get("contact", ""),
        limits=Limits.of(settings),
    )


def inquiries(application: Json) -> Iterator[Inquiry]:
    """As :meth:`Nta.inquiries`."""
    for party in parties(application):
        number = next(party.identified_by(SCHEME), None)
        if number is not None and is_well_formed(number.id):
            yield Inquiry(SOURCE, party.role, number, party.name)


def read(inquiry: Inquiry, capture: Capture) -> Evidence:
    """As :meth:`Nta.parse`."""
    with strict.reading(capture):
        answer = _answer(capture)
        if answer.parts != 1:
            raise Unexpected("the answer is one part of several")
        own = tax_agency.own(answer.rows, _number, inquiry.subject.id, capture)
        record = {**_record(own), "register_date": answer.register_date}
    return evidence(inquiry, capture, record, found=bool(own))


@dataclass(frozen=True, slots=True)
class Answer:
    """What one answer holds: the state of the register (``YYYY-MM-DD``) and its records in their order.

    ``total`` counts the records of all ``parts``, of which this is the one numbered ``part``, from 1.
    """

    register_date: str
    rows: tuple[Row, ...]
    total: int
    part: int
    parts: int


def read_answer(capture: Capture) -> Answer:
    """All records of an answer, of whichever numbers.

    :raises SourceChanged: when it is not in the shape of the specification.
    """
    with strict.reading(capture):
        return _answer(capture)


def _check_area(area: str) -> None:
    if area and not re.fullmatch("[0-9]{2}(?:[0-9]{3})?", area, re.ASCII):
        raise ValueError("an area is two digits of a prefecture, or five of prefecture and city")


def _answer(capture: Capture) -> Answer:
    body = capture.body
    # An answer in CSV begins with the year of its date, perhaps after a byte order mark.
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        lines = _xml(body)
    else:
        lines = _csv(_text(body, tax_agency.asked(capture, "type")))
    header = dict(zip(_HEADER, lines[0], strict=True))
    rows = tuple(row_of(line) for line in lines[1:])
    total, part, parts = (_counted(header[name], name) for name in _HEADER[1:])
    if not 1 <= part <= parts:
        raise Unexpected("divideNumber is not among divideSize")
    if (total != len(rows)) if parts == 1 else not 0 < len(rows) < total:
        raise Unexpected("count is not the number of records")
    return Answer(strict.day(header["lastUpdateDate"], "lastUpdateDate"), rows, total, part, parts)


def _counted(value: str, what: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", value, re.ASCII):
        raise Unexpected(f"{what} is not a number")
    return int(value)


def _text(body: bytes, form: str) -> str:
    """The text of an answer in CSV. A saved one whose address is not known may be in either encoding."""
    if form != Form.CSV_SHIFT_JIS:
        try:
            return body.decode("utf-8-sig")
        except UnicodeDecodeError:
            if form:
                raise Unexpected("the answer is not UTF-8") from None
    try:
        # cp932 rather than shift_jis, so that dashes are the ones of the edition in UTF-8.
        text = body.decode("cp932")
    except UnicodeDecodeError:
        raise Unexpected("the answer is not Shift_JIS") from None
    if _HALF_WIDTH_KATAKANA.search(text):
        raise Unexpected("the answer is not Shift_JIS")
    return text


def _xml(body: bytes) -> list[Sequence[str]]:
    if b"<!DOCTYPE" in body:
        raise Unexpected("the answer declares a document type")
    # The specification says UTF-8; a declaration inside that says otherwise does not count.
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Unexpected("the answer is not XML in UTF-8") from None
    if root.tag != "corporations":
        raise Unexpected("the root element is not corporations")
    children = list(root)
    lines: list[Sequence[str]] = [_values(children[: len(_HEADER)], _HEADER)]
    for child in children[len(_HEADER) :]:
        if child.tag != "corporation":
            raise Unexpected("an element among the records is not a corporation")
        lines.append(_values(list(child), COLUMNS))
    return lines


def _values(elements: list[Any], names: tuple[str, ...]) -> list[str]:
    if tuple(element.tag for element in elements) != names or any(map(len, elements)):
        raise Unexpected("the elements are not the columns of version 4")
    return [element.text or "" for element in elements]


def _csv(text: str) -> list[Sequence[str]]:
    if "\0" in text:
        raise Unexpected("the answer holds the character U+0000")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        raise Unexpected("the answer is not CSV") from None
    if not lines or len(lines[0]) != len(_HEADER) or any(len(line) != len(COLUMNS) for line in lines[1:]):
        raise Unexpected("the lines are not the columns of version 4")
    return [*lines]


def row_of(values: Sequence[str]) -> Row:
    """The record that a line's values are.

    :raises Unexpected: when one of them is not what its column may hold.
    """
    row = dict(zip(COLUMNS, values, strict=True))
    strict.digits(row["corporateNumber"], 13, "corporateNumber")
    strict.day(row["updateDate"], "updateDate")
    if strict.one_of(row["process"], PROCESSES, "process") == WITHDRAWN:
        if any(value and column not in _WITHDRAWN_COLUMNS for column, value in row.items()):
            raise Unexpected("a record of a withdrawn number has more than four columns")
        return row
    strict.text(row["name"], "name")
    strict.one_of(row["kind"], KINDS, "kind")
    for column in ("correct", "latest", "hihyoji"):
        strict.one_of(row[column], ("0", "1"), column)
    for column in ("changeDate", "assignmentDate"):
        strict.day(row[column], column)
    if row["closeDate"]:
        strict.day(row["closeDate"], "closeDate")
    if row["closeCause"]:
        strict.one_of(row["closeCause"], CLOSE_CAUSES, "closeCause")
    for column, length in (
        ("nameImageId", 8), ("addressImageId", 8), ("addressOutsideImageId", 8), ("prefectureCode", 2),
        ("cityCode", 3), ("postCode", 7), ("successorCorporateNumber", 13),
    ):  # fmt: skip
        if row[column]:
            strict.digits(row[column], length, column)
    return row


def _number(row: Row) -> str:
    return row["corporateNumber"]


def _record(rows: Sequence[Row]) -> dict[str, Any]:
    if not rows:
        return {}
    if rows[-1]["process"] != WITHDRAWN and [row["latest"] for row in rows] != ["0"] * (len(rows) - 1) + [
        "1"
    ]:
        raise Unexpected("the latest record is not the last one alone")
    return record_of(rows)


def record_of(rows: Sequence[Row]) -> dict[str, Any]:
    """What a number's records, at least one and the latest last, say of it: the keys of :class:`Nta`.

    :raises Unexpected: when they go on after a withdrawal.
    """
    *earlier, last = rows
    number = _number(last)
    if any(row["process"] == WITHDRAWN for row in earlier):
        raise Unexpected("a number has records after its withdrawal")
    if last["process"] == WITHDRAWN:
        return {"number": number, "withdrawn": True, "closed": True}
    record: dict[str, Any] = {
        "number": number,
        "name": last["name"],
        "name_is_approximate": bool(last["nameImageId"]) or _MISSING_CHARACTER in last["name"],
        "kind": last["kind"],
        "closed": bool(last["closeDate"]),
        "assigned_on": last["assignmentDate"],
        "changed_on": last["changeDate"],
        "hidden": last["hihyoji"] == "1",
    }
    if rows[0]["process"] == "01":
        names = dict.fromkeys(row["name"] for row in earlier)
        record["former_names"] = [name for name in names if name != last["name"]]
    # A line break in an address is the layout of whoever typed it.
    address = re.sub(r"[\r\n]+", "", last["prefectureName"] + last["cityName"] + last["streetNumber"])
    optional = {
        "english_name": last["enName"],
        "furigana": last["furigana"],
        "closed_on": last["closeDate"],
        "close_cause": last["closeCause"],
        "successor": last["successorCorporateNumber"],
        "merger_note": last["changeCause"],
        "prefecture_code": last["prefectureCode"],
        "city_code": last["cityCode"],
        "address": address,
        "address_abroad": last["addressOutside"],
    }
    return record | {key: value for key, value in optional.items() if value}
