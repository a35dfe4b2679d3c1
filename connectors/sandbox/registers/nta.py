"""The Corporate Number Web-API of the National Tax Agency (国税庁法人番号システム), version 4: ``/4/num``.

Columns, codes and errors as in the agency's specification (parts 1, 2 and 6 and the resource definition).
Where it leaves room, this register does as the published examples do: XML in one line with empty elements
closed in themselves, CSV with text quoted when it is filled and nothing else quoted, lines that end in LF. Of
the error texts only the one of 042 is the agency's own; the others carry codes from its range.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from connectors.sandbox.registers import Reply
from connectors.sandbox.world import NUMBERS_BEGIN, Chapter, Closure, Company, World, full_width

APPLICATION_ID = "Ksekisho00000"
"""The one application ID (13 characters) that this register knows; others are answered with 404, as there."""

COLUMNS = (
    "sequenceNumber", "corporateNumber", "process", "correct", "updateDate", "changeDate", "name",
    "nameImageId", "kind", "prefectureName", "cityName", "streetNumber", "addressImageId", "prefectureCode",
    "cityCode", "postCode", "addressOutside", "addressOutsideImageId", "closeDate", "closeCause",
    "successorCorporateNumber", "changeCause", "assignmentDate", "latest", "enName", "enPrefectureName",
    "enCityName", "enAddressOutside", "furigana", "hihyoji",
)  # fmt: skip
"""The 30 columns in the order of the specification, which CSV and XML share."""

Row = Mapping[str, str]
"""One record by :data:`COLUMNS`; those that are left out are blank."""


class NtaRegister:
    """``jp.nta``: companies by corporate number, with or without their history."""

    source = "jp.nta"
    base = "nta/4"

    def __init__(self, world: World) -> None:
        self._world = world
        self._as_of = world.as_of.isoformat()
        self._written: dict[tuple[str, str], tuple[str, ...]] = {}

    def answer(self, path: str, query: str) -> Reply:
        """Answer ``num``. The subjects are the corporate numbers asked for."""
        parameters = parse_qs(query)
        if path != "num" or _one(parameters, "id") != APPLICATION_ID:
            return Reply(404, "text/html", b"")
        numbers = tuple(dict.fromkeys(filter(None, _one(parameters, "number").split(","))))
        form = _one(parameters, "type")
        fault = _fault(numbers, form)
        if fault:
            return Reply(400, "application/csv", fault.encode(), subjects=numbers)
        first = 0 if _one(parameters, "history") == "1" else -1
        records = [record for number in numbers for record in self._records(number, form)[first:]]
        text = _FORMS[form].document(self._as_of, records)
        return Reply(200, _FORMS[form].media_type, text.encode(_FORMS[form].encoding), subjects=numbers)

    def _records(self, number: str, form: str) -> tuple[str, ...]:
        """The records of a number, oldest first: written once and kept."""
        records = self._written.get((number, form))
        if records is None:
            company = self._world.find("JP-JCN", number)
            if company is None:
                return ()
            records = tuple(_FORMS[form].record(row) for row in _history(self._world, company))
            self._written[number, form] = records
        return records


def _one(parameters: dict[str, list[str]], name: str) -> str:
    return parameters.get(name, [""])[0]


def _fault(numbers: tuple[str, ...], form: str) -> str:
    if not numbers:
        return "040,法人番号が指定されていません。"
    if len(numbers) > 10:
        return "042,法人番号は10件以内で指定してください。"
    if not all(re.fullmatch("[0-9]{13}", number) for number in numbers):
        return "041,法人番号は13桁の半角数字で指定してください。"
    if not form:
        return "070,応答形式が指定されていません。"
    if form not in _FORMS:
        return "071,応答形式の値が正しくありません。"
    return ""


_KINDS = {"株式会社": "301", "有限会社": "302", "合名会社": "303", "合資会社": "304", "合同会社": "305"}
_OTHER_CORPORATION = "399"
_CLOSE_CAUSES = {"liquidation": "01", "merger": "11", "registrar": "21"}

_RESENT_ON = date(2018, 4, 2)
"""Records of before carry this update date and ``correct`` 1 since the agency sent all of them anew."""


class _Event(NamedTuple):
    """What one record tells: when it happened, as which process, in which chapter, and its cause in words."""

    on: date
    process: str
    chapter: Chapter
    cause: str = ""


def _history(world: World, company: Company) -> tuple[Row, ...]:
    """All records of a company, oldest first. On process 01 the date of change is that of the assignment."""
    assigned_on = max(company.founded_on, NUMBERS_BEGIN)
    rows = [_row(company, event, assigned_on) for event in _events(world, company, assigned_on)]
    rows[-1] |= {"latest": "1", **_in_latin(company), **_closure(world, company)}
    return tuple(rows)


def _row(company: Company, event: _Event, assigned_on: date) -> dict[str, str]:
    address = event.chapter.address.japanese
    assert address is not None  # the world has no corporate number without one
    return {
        "corporateNumber": company.identifiers["JP-JCN"],
        "process": event.process,
        "correct": "1" if event.on < _RESENT_ON else "0",
        "updateDate": max(event.on, _RESENT_ON).isoformat(),
        "changeDate": event.on.isoformat(),
        "name": event.chapter.name,
        "kind": _KINDS.get(company.legal_form, _OTHER_CORPORATION),
        "prefectureName": address.prefecture,
        "cityName": address.city,
        "streetNumber": address.street,
        "prefectureCode": address.municipality[:2],
        "cityCode": address.municipality[2:],
        "postCode": address.postcode,
        "changeCause": event.cause,
        "assignmentDate": assigned_on.isoformat(),
        "latest": "0",
        "furigana": event.chapter.furigana,
        "hihyoji": "0",
    }


def _in_latin(company: Company) -> dict[str, str]:
    if not company.name_en:
        return {}
    address = company.address
    return {
        "enName": company.name_en,
        "enPrefectureName": address.prefecture,
        "enCityName": ", ".join((*address.lines, address.city)),
    }


def _closure(world: World, company: Company) -> dict[str, str]:
    closure = company.closure
    if closure is None:
        return {}
    successor = world.company(closure.successor).identifiers["JP-JCN"] if closure.successor else ""
    return {
        "closeDate": closure.entered_on.isoformat(),
        "closeCause": _CLOSE_CAUSES[closure.cause],
        "successorCorporateNumber": successor,
    }


def _events(world: World, company: Company, assigned_on: date) -> list[_Event]:
    # What was before the numbers began is not in the register: its first record shows the chapter of then.
    first, *later = [
        chapter
        for chapter, after in zip(company.chapters, (*company.chapters[1:], None), strict=True)
        if after is None or after.since > assigned_on
    ]
    events = [_Event(assigned_on, "01", first)]
    for before, chapter in pairwise((first, *later)):
        events.append(_Event(chapter.since, "11" if chapter.name != before.name else "12", chapter))
    for absorbed, closure in _mergers(world, company):
        chapter = next(one for one in reversed(company.chapters) if one.since <= closure.entered_on)
        events.append(
            _Event(closure.entered_on, "71", chapter, f"{_merger(closure)}{_party(absorbed)}を合併")
        )
    end = company.closure
    if end is not None:
        successor = world.company(end.successor) if end.successor else None
        cause = f"{_merger(end)}{_party(successor)}に合併し解散" if successor else ""
        events.append(_Event(end.entered_on, "21", company.chapters[-1], cause))
    return sorted(events, key=lambda event: event.on)


def _mergers(world: World, company: Company) -> Iterator[tuple[Company, Closure]]:
    for absorbed in world.absorbed_by(company):
        if absorbed.closure is not None:
            yield absorbed, absorbed.closure


def _merger(closure: Closure) -> str:
    """The day it took effect, in the era that began in May 2019 (令和): the world's mergers are later."""
    on = closure.merged_on or closure.entered_on
    return full_width(f"令和{on.year - 2018}年{on.month}月{on.day}日")


def _party(company: Company) -> str:
    address = company.address.japanese
    place = address.prefecture + address.city + address.street if address else ""
    return f"{place}{company.name}（{full_width(company.identifiers['JP-JCN'])}）"


class _Form(NamedTuple):
    """One response format. ``record`` leaves out the sequence number, ``document`` puts it in front."""

    media_type: str
    encoding: str
    record: Callable[[Row], str]
    document: Callable[[str, Sequence[str]], str]


def _xml_record(row: Row) -> str:
    return "".join(
        [
            f"<{column}>{escape(row[column])}</{column}>" if row.get(column) else f"<{column}/>"
            for column in COLUMNS[1:]
        ]
    )


def _xml_document(as_of: str, records: Sequence[str]) -> str:
    corporations = [
        f"<corporation><sequenceNumber>{number}</sequenceNumber>{record}</corporation>"
        for number, record in enumerate(records, start=1)
    ]
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><corporations><lastUpdateDate>{as_of}</lastUpdateDate>'
        f"<count>{len(records)}</count><divideNumber>1</divideNumber><divideSize>1</divideSize>"
        f"{''.join(corporations)}</corporations>"
    )


_TEXTS = frozenset({
    "name", "prefectureName", "cityName", "streetNumber", "addressOutside", "changeCause",
    "enName", "enPrefectureName", "enCityName", "enAddressOutside", "furigana",
})  # fmt: skip
"""The columns of free text: in quotation marks when filled."""


def _csv_record(row: Row) -> str:
    cells = ((column, row.get(column, "")) for column in COLUMNS[1:])
    return ",".join(
        '"' + cell.replace('"', '""') + '"' if cell and column in _TEXTS else cell for column, cell in cells
    )


def _csv_document(as_of: str, records: Sequence[str]) -> str:
    lines = [f"{number},{record}\n" for number, record in enumerate(records, start=1)]
    return f"{as_of},{len(records)},1,1\n{''.join(lines)}"


_FORMS = {
    # cp932, not shift_jis: the published files have U+FF0D at 81 7C and U+FF5E at 81 60.
    "01": _Form("application/csv", "cp932", _csv_record, _csv_document),
    "02": _Form("application/csv", "utf-8", _csv_record, _csv_document),
    "12": _Form("application/xml", "utf-8", _xml_record, _xml_document),
}
