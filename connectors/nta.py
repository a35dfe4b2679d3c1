"""``jp.nta``: the Corporate Number Web-API, version 4, of the National Tax Agency (国税庁法人番号システム).

Sources: the agency's Web-API specification, part 1 (requests), part 2 (answers and errors) and part 6
(version 4), and its resource definition with the 30 columns and their code tables. What its published data
hold beyond that (the latest record is the last of its number, a history that begins with process 01 is
complete, a withdrawn number has four columns) was measured on three million records.

Whoever shows data of this connector shows the agency's notice with it: obtained by the Web-API, content not
guaranteed by the National Tax Agency. Public Data License 1.0, source 国税庁法人番号公表サイト.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lxml import etree

from connectors import strict
from connectors.parties import parties
from connectors.reasons import Reason
from connectors.strict import Unexpected
from connectors.transport import DEFAULT_LIMITS, Limits, Transport
from pipeline.corporate_number import is_well_formed
from pipeline.documents import Json
from pipeline.errors import SourceUnavailable
from pipeline.model import Capture, Evidence, Inquiry, Presence

SOURCE = "jp.nta"
SCHEME = "JP-JCN"
BASE_URL = "https://api.houjin-bangou.nta.go.jp/4"

COLUMNS = (
    "sequenceNumber", "corporateNumber", "process", "correct", "updateDate", "changeDate", "name",
    "nameImageId", "kind", "prefectureName", "cityName", "streetNumber", "addressImageId", "prefectureCode",
    "cityCode", "postCode", "addressOutside", "addressOutsideImageId", "closeDate", "closeCause",
    "successorCorporateNumber", "changeCause", "assignmentDate", "latest", "enName", "enPrefectureName",
    "enCityName", "enAddressOutside", "furigana", "hihyoji",
)  # fmt: skip
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

_ACCEPT = ("application/xml", "text/xml", "application/csv", "text/csv")
_HEADER = ("lastUpdateDate", "count", "divideNumber", "divideSize")
_WITHDRAWN_COLUMNS = frozenset({"sequenceNumber", "corporateNumber", "process", "updateDate"})
_MISSING_CHARACTER = "＿"

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
    """

    source = SOURCE

    def __init__(
        self,
        application_id: str,
        *,
        base_url: str = BASE_URL,
        contact: str = "",
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._transport = Transport(
            SOURCE,
            base_url,
            accept=_ACCEPT,
            secret_query={"id": application_id},
            contact=contact,
            limits=limits,
            # By part 2 of the specification 404 says that the ID is unknown, not that the company is.
            reasons={403: Reason.RATE_LIMITED, 404: Reason.REFUSED},
        )

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for vendor and maker each: for its first corporate number, if the check digit is right.

        A number whose check digit is wrong is nobody's: the rules judge that from the number itself.
        """
        for party in parties(application):
            number = next(party.identified_by(SCHEME), None)
            if number is not None and is_well_formed(number.id):
                yield Inquiry(SOURCE, party.role, number, party.name)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The number's records with their history, in XML."""
        target = f"/num?number={quote(inquiry.subject.id, safe='')}&type=12&history=1"
        capture = self._transport.get(target, also=(400,))
        if capture.status == 400:
            # The body is NNN,message. We asked for one well-formed number, so the fault is on our side.
            code = re.match(rb"[0-9]{3}(?=,)", capture.body)
            raise SourceUnavailable(
                SOURCE, Reason.REFUSED, "HTTP 400" + (f", code {code[0].decode()}" if code else "")
            )
        return capture

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read XML (type 12) or CSV in UTF-8 (type 02)."""
        with strict.reading(capture):
            answer = _answer(capture.body)
            record = {**_record(answer.rows, inquiry.subject.id), "register_date": answer.register_date}
        return Evidence(
            source=SOURCE,
            role=inquiry.role,
            subject=inquiry.subject,
            presence=Presence.FOUND if answer.rows else Presence.ABSENT,
            record=record,
            observed_at=capture.fetched_at,
            capture=capture.sha256,
        )

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()


def connector(settings: Mapping[str, str]) -> Nta:
    """The connector from ``application_id`` and, as wished, ``base_url``, ``contact`` and ``timeout``."""
    return Nta(
        settings["application_id"],
        base_url=settings.get("base_url", BASE_URL),
        contact=settings.get("contact", ""),
        limits=Limits.of(settings),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What one answer holds: the state of the register (``YYYY-MM-DD``) and its records in their order."""

    register_date: str
    rows: tuple[Row, ...]


def read_answer(capture: Capture) -> Answer:
    """All records of an answer, of whichever numbers.

    :raises SourceChanged: when it is not in the shape of the specification.
    """
    with strict.reading(capture):
        return _answer(capture.body)


def _answer(body: bytes) -> Answer:
    # An answer in CSV begins with the year of its date, perhaps after a byte order mark.
    lines = _xml(body) if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" else _csv(body)
    header = dict(zip(_HEADER, lines[0], strict=True))
    rows = tuple(_row(line) for line in lines[1:])
    if header["count"] != str(len(rows)):
        raise Unexpected("count is not the number of records")
    if header["divideNumber"] != "1" or header["divideSize"] != "1":
        raise Unexpected("the answer is one part of several")
    return Answer(strict.day(header["lastUpdateDate"], "lastUpdateDate"), rows)


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


def _csv(body: bytes) -> list[Sequence[str]]:
    try:
        text = body.decode("utf-8-sig")
        if "\0" in text:
            raise Unexpected("the answer holds the character U+0000")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except UnicodeDecodeError:
        raise Unexpected("the answer is not UTF-8") from None
    except csv.Error:
        raise Unexpected("the answer is not CSV") from None
    if not lines or len(lines[0]) != len(_HEADER) or any(len(line) != len(COLUMNS) for line in lines[1:]):
        raise Unexpected("the lines are not the columns of version 4")
    return [*lines]


def _row(values: Sequence[str]) -> Row:
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


def _record(rows: Sequence[Row], number: str) -> dict[str, Any]:
    if not rows:
        return {}
    if any(row["corporateNumber"] != number for row in rows):
        raise Unexpected("a record is of another number than the one asked for")
    *earlier, last = rows
    if any(row["process"] == WITHDRAWN for row in earlier):
        raise Unexpected("a number has records after its withdrawal")
    if last["process"] == WITHDRAWN:
        return {"number": number, "withdrawn": True, "closed": True}
    if last["latest"] != "1" or any(row["latest"] == "1" for row in earlier):
        raise Unexpected("the latest record is not the last one alone")
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
