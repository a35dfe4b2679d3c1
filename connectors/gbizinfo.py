"""``jp.gbizinfo``: the REST API of gBizINFO (Ministry of Economy, Trade and Industry), versions 2 and 1.

Sources: the published OpenAPI documents of both versions, and recorded answers of 200, 401 and 404. Version 1
differs in its address and in a few members more, such as the end date of a certification; both are read.

What it collects from ministries is partial and ages badly: a record may be years old though names and
addresses are imported daily, amounts are damaged now and then, and ended qualifications stay. So it proves
little alone, serves to cross-check what a vendor says, and its silence proves nothing: not being in a list of
it is no evidence that there is nothing to list.

One token a user; excessive access is forbidden, without a number. Whoever shows its data names the source:
出典：「Gビズインフォ」（経済産業省）.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import quote

from connectors import schemas, strict
from connectors.evidence import evidence, unasked
from connectors.limits import Rate
from connectors.parties import parties
from connectors.reasons import Reason
from connectors.strict import Unexpected
from connectors.terms import Terms
from connectors.transport import DEFAULT_LIMITS, Limits, Transport, reason_of_status
from pipeline.corporate_number import is_well_formed
from pipeline.documents import Json
from pipeline.errors import SourceUnavailable
from pipeline.model import Capture, Evidence, Inquiry, Text

SOURCE = "jp.gbizinfo"
SCHEME = "JP-JCN"
BASE_URL = "https://api.info.gbiz.go.jp/hojin/v2/hojin"

LISTS = ("certification", "commendation", "procurement")
"""The lists that are asked for besides the basics, each by a request of its own.

Finance, patents, subsidies and workplaces are there too and are not asked for.
"""

SEQUENCE = "application/json-seq"
"""The media type of a capture that holds several answers (RFC 7464): each as it came, between U+001E and a
line feed, the basics first. No JSON text can hold a bare U+001E.
"""

QUALIFICATION_KINDS: Mapping[str, str] = {
    "物品の製造": "goods_manufacture",
    "物品の販売": "goods_sale",
    "役務の提供等": "services",
    "物品の買受け": "goods_purchase",
}
"""The kinds of the unified qualification of all ministries (全省庁統一資格)."""

CLOSED = "閉鎖"

RATES = (Rate(1, 1),)
"""No rate is published; one inquiry is four requests."""

HIGHEST_AMOUNT = 10_000_000_000_000
"""Yen. What lies beyond is damaged: figures of 90,000,000,167,598,800 were published."""

_LARGEST = 8 * 1024 * 1024
"""Bytes of one answer: a large company has thousands of contracts."""

_GRADE = re.compile(r"(?P<kind>[^:]+):\s*(?P<grade>[A-D]|-?)")
_PROCUREMENT_COLUMNS = (
    "date_of_order", "title", "amount", "government_departments", "joint_signatures", "corporate_number",
)  # fmt: skip


class GBizInfo:
    """The connector. Its record has these keys, left out where the source does not say.

    ===================== ===================================================================================
    number                corporate number
    name, english_name    registered name, English name
    kana                  reading, in katakana or hiragana
    address, postcode     head office in one text; seven digits
    kind                  code of the corporate number register
    closed                true: 閉鎖
    closed_on             date; may be missing though closed
    close_cause           code of the corporate number register
    capital_jpy           share capital in yen
    employees             number of employees
    founded_on            date of establishment
    updated_on            date of the record; says nothing on how fresh the answer is
    business_items        codes of the unified qualification's items (営業品目)
    qualification_grade   the grades as the basics give them, in words
    qualifications        the unified qualification: ``{kinds, grade, approved_on, valid_to}``, one entry a
                          grade; without ``valid_to`` its end is not known here and must be asked elsewhere
    certifications        other registrations and certifications: ``{title, approved_on, valid_to, by}``
    commendations         ``{title, on, year, by}``
    procurements          contracts: ``{title, ordered_on, amount_jpy, by}``; an amount that is damaged is
                          left out
    ===================== ===================================================================================

    A list that is empty was answered and has nothing; one that is left out was not answered. Dates that are
    none are left out. Names of representatives are personal data and stay out.

    :param token: the key that the ministry gives out. A secret.
    """

    source = SOURCE
    rates = RATES
    asked_by = ("subject",)
    terms = Terms(
        licence=Text("出典：「Gビズインフォ」（経済産業省）", "name 「Gビズインフォ」（経済産業省）"),
        silence=Text("何も意味しない", "says nothing"),
    )

    def __init__(
        self,
        token: str,
        *,
        base_url: str = BASE_URL,
        contact: str = "",
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._transport = Transport(
            SOURCE,
            base_url,
            accept=("application/json",),
            headers={"X-hojinInfo-api-token": token},
            contact=contact,
            # The time is for all the requests of one inquiry.
            limits=replace(limits, total=limits.total / (1 + len(LISTS)), size=_LARGEST),
            reasons={403: Reason.RATE_LIMITED},
        )

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for vendor and maker each: for its first corporate number, if the check digit is right."""
        for party in parties(application):
            number = next(party.identified_by(SCHEME), None)
            if number is not None and is_well_formed(number.id):
                yield Inquiry(SOURCE, party.role, number, party.name)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The basics and, of a company that is there, each list: several answers in one capture."""
        # With a slash at its end the address would be answered with 500.
        target = f"/{quote(inquiry.subject.id, safe='')}"
        basics = self._transport.get(target, also=(404,))
        if basics.status == 404:
            return basics
        lists = [self._transport.get(f"{target}/{name}", also=(404,)) for name in LISTS]
        body = b"".join(b"\x1e" + answer.body + b"\n" for answer in (basics, *lists))
        return replace(basics, media_type=SEQUENCE, body=body)

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read one answer or a sequence of them."""
        with strict.reading(capture):
            found, *lists = [_companies(document) for document in _documents(capture.body)]
            companies = [company for answer in (found, *lists) for company in answer]
            if any(company["corporate_number"] != inquiry.subject.id for company in companies):
                raise Unexpected("a record is of another number than the one asked for")
            if (companies and not found) or any(len(answer) > 1 for answer in (found, *lists)):
                raise Unexpected("the answers do not speak of one company")
            record = _record({key: value for company in companies for key, value in company.items()})
        return evidence(inquiry, capture, record, found=bool(found))

    def evidence_in(self, capture: Capture) -> list[Evidence]:
        """Every company that a saved answer speaks of, also the hits of a search, or one record by itself.

        :raises SourceChanged: when it is none of these.
        :raises SourceUnavailable: when the saved answer says that the question was refused.
        """
        with strict.reading(capture):
            merged: dict[str, dict[str, Any]] = {}
            for document in _documents(capture.body):
                if refused := re.match(r"(401|403|429|5[0-9]{2})\b", str(document.get("message") or "")):
                    reason = reason_of_status(int(refused[1]))
                    raise SourceUnavailable(SOURCE, reason, "the saved answer is an error")
                for company in _companies(document):
                    merged.setdefault(company["corporate_number"], {}).update(company)
            return [
                unasked(SOURCE, SCHEME, number, capture, _record(company))
                for number, company in merged.items()
            ]

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()


def connector(settings: Mapping[str, str]) -> GBizInfo:
    """The connector from ``token`` and, as wished, ``base_url``, ``contact`` and ``timeout``."""
    return GBizInfo(
        settings["token"],
        base_url=settings.get("base_url", BASE_URL),
        contact=settings.get("contact", ""),
        limits=Limits.of(settings),
    )


def read_procurements(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    """The corporate number and the contract of each row of an export from the SPARQL endpoint, in CSV.

    :raises Unexpected: when it is not in the shape of the exports known.
    """
    try:
        lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        header, *rows = [line for line in lines if line]
    except (UnicodeDecodeError, csv.Error, ValueError):
        raise Unexpected("the file is not CSV in UTF-8") from None
    if tuple(header) != _PROCUREMENT_COLUMNS or any(len(row) != len(header) for row in rows):
        raise Unexpected("the columns are not those of a procurement export")
    contracts = []
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        number = strict.digits(cells["corporate_number"], 13, "corporate_number")
        amount = int(cells["amount"]) if re.fullmatch("-?[0-9]{1,30}", cells["amount"], re.ASCII) else None
        contracts.append((number, _contract({**cells, "amount": amount})))
    return contracts


def _documents(body: bytes) -> list[dict[str, Any]]:
    if not body.startswith(b"\x1e"):
        return [strict.json_object(body)]
    return [strict.json_object(text) for text in body[1:].split(b"\x1e")]


def _companies(document: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """The companies in an answer; none where it says that there is no match."""
    if "corporate_number" in document and "message" not in document:
        schemas.check(SOURCE, document, "company")
        return [document]
    schemas.check(SOURCE, document)
    companies = document.get("hojin-infos")
    status = (document["message"] or "")[:3]
    if status == "404" and not companies:
        return []
    # A refusal says so in its message, whatever its status: 401 with a token that is not accepted.
    if status != "200" or companies is None:
        raise Unexpected("the answer is neither a hit nor no match")
    return strict.member_list(companies, "hojin-infos")


def _record(company: Mapping[str, Any]) -> dict[str, Any]:
    if not company:
        return {}
    record: dict[str, Any] = {"number": company["corporate_number"]}
    texts = {
        "name": "name",
        "english_name": "name_en",
        "kana": "kana",
        "address": "location",
        "postcode": "postal_code",
        "kind": "kind",
        "close_cause": "close_cause",
        "qualification_grade": "qualification_grade",
    }
    record |= {key: company[member] for key, member in texts.items() if company.get(member)}
    if company.get("status"):
        record["closed"] = company["status"] == CLOSED
    days = {"closed_on": "close_date", "founded_on": "date_of_establishment", "updated_on": "update_date"}
    record |= _days(company, days)
    for key, member in (("capital_jpy", "capital_stock"), ("employees", "employee_number")):
        if company.get(member) is not None:
            record[key] = company[member]
    if company.get("business_items") is not None:
        record["business_items"] = company["business_items"]
    if company.get("certification") is not None:
        record["qualifications"] = [
            one for entry in company["certification"] for one in _qualifications(entry)
        ]
        record["certifications"] = [
            _entry(entry, {"approved_on": "date_of_approval", "valid_to": "expiration_date"})
            for entry in company["certification"]
            if not _is_qualification(entry)
        ]
    if company.get("commendation") is not None:
        record["commendations"] = [_commendation(entry) for entry in company["commendation"]]
    if company.get("procurement") is not None:
        record["procurements"] = [_contract(entry) for entry in company["procurement"]]
    return record


def _days(entry: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, str]:
    found = {key: _day(entry.get(member)) for key, member in keys.items()}
    return {key: day for key, day in found.items() if day is not None}


def _day(value: str | None) -> str | None:
    """The date in a date or a moment as ministries deliver them; the offset is always Japan's."""
    if not value or not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T|$)", value, re.ASCII):
        return None
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except ValueError:
        return None


def _entry(entry: Mapping[str, Any], days: Mapping[str, str]) -> dict[str, Any]:
    texts = {"title": entry.get("title"), "by": entry.get("government_departments")}
    return {**{key: text for key, text in texts.items() if text}, **_days(entry, days)}


def _commendation(entry: Mapping[str, Any]) -> dict[str, Any]:
    commendation = _entry(entry, {"on": "date_of_commendation"})
    # Where there is no date, the year often stands in the category, in full-width digits.
    year = unicodedata.normalize("NFKC", entry.get("category") or "")
    if re.fullmatch("[0-9]{4}", year, re.ASCII):
        commendation["year"] = int(year)
    return commendation


def _contract(entry: Mapping[str, Any]) -> dict[str, Any]:
    contract = _entry(entry, {"ordered_on": "date_of_order"})
    amount = entry.get("amount")
    if amount is not None and 0 <= amount <= HIGHEST_AMOUNT:
        contract["amount_jpy"] = amount
    return contract


def _lines(entry: Mapping[str, Any]) -> list[str]:
    return unicodedata.normalize("NFKC", entry.get("title") or "").split("\n")


def _is_qualification(entry: Mapping[str, Any]) -> bool:
    return any(line.partition(":")[0] in QUALIFICATION_KINDS for line in _lines(entry))


def _qualifications(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The unified qualification in a certification: its title has a line ``kind：grade`` for each kind."""
    if not _is_qualification(entry):
        return []
    kinds: dict[str, list[str]] = {}
    for line in filter(None, map(str.strip, _lines(entry))):
        held = _GRADE.fullmatch(line)
        if held is None or held["kind"] not in QUALIFICATION_KINDS:
            raise Unexpected("a line of a qualification is not a kind with its grade")
        if held["grade"] not in {"", "-"}:
            kinds.setdefault(held["grade"], []).append(QUALIFICATION_KINDS[held["kind"]])
    days = _days(entry, {"approved_on": "date_of_approval", "valid_to": "expiration_date"})
    return [{"kinds": held_kinds, "grade": grade, **days} for grade, held_kinds in sorted(kinds.items())]
