"""``jp.invoice``: the Web-API, version 1, of the qualified invoice issuers (適格請求書発行事業者).

Sources: the National Tax Agency's Web-API specification, part 2, and its resource definition with the 24
fields. A registration number is ``T`` and thirteen digits. For a corporation these are its corporate number;
those of sole traders and unincorporated bodies are none, and yet their check digit is right by the same rule.
So a registration proves that the number may be used on invoices, on the days it says, and nothing else.

Its silence is an answer: whoever is not in it is no qualified issuer. It is brought up to date about 06:00 on
working days. No rate is published; one request takes ten numbers. Reading the search pages by program is
forbidden; the interface is the way. Public Data License 1.0, source 国税庁適格請求書発行事業者公表サイト;
whoever shows its data says that the agency does not guarantee the content.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from connectors import schemas, strict, tax_agency
from connectors.evidence import evidence, unasked
from connectors.strict import Unexpected
from connectors.transport import DEFAULT_LIMITS, Limits, Transport
from pipeline.corporate_number import is_well_formed
from pipeline.documents import Json, NotJson, read_json
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Evidence, Inquiry, Text

SOURCE = "jp.invoice"
SCHEME = "JP-INVOICE"
BASE_URL = "https://web-api.invoice-kohyo.nta.go.jp/1"

FIELDS = (
    "sequenceNumber", "registratedNumber", "process", "correct", "kind", "country", "latest",
    "registrationDate", "updateDate", "disposalDate", "expireDate", "address", "addressPrefectureCode",
    "addressCityCode", "addressRequest", "addressRequestPrefectureCode", "addressRequestCityCode", "kana",
    "name", "addressInside", "addressInsidePrefectureCode", "addressInsideCityCode", "tradeName",
    "popularName_previousName",
)  # fmt: skip
"""The fields of an announcement in the order of the agency's files in CSV; the first name is spelt so."""

INDIVIDUAL = "1"
DELETED = "99"


class Invoice:
    """The connector. Its record has these keys, left out where the register does not say.

    ===================== ===================================================================================
    number                registration number, ``T`` and 13 digits
    kind                  ``1`` individual, ``2`` corporation or unincorporated body
    country               ``1`` domestic, ``2`` specified foreign, ``3`` other foreign
    registered_on         first day of the registration; may lie in the future
    revoked_on            day from which it is revoked (取消); may lie in the future
    expired_on            day from which it has expired (失効); may lie in the future
    updated_on            when the announcement was last changed
    name                  as the register writes it
    address               head office
    prefecture_code       two digits, JIS X 0401
    city_code             three digits, JIS X 0402
    address_in_japan      office in Japan of a foreign issuer
    trade_name            屋号
    other_name            a common or a former name: the register does not tell which
    deleted               true: the announcement was deleted (process 99) and nothing else is known of it
    register_date         the state of the register, also where it has no such number
    ===================== ===================================================================================

    It is registered on a day if ``registered_on`` is not after it and neither ``revoked_on`` nor
    ``expired_on`` is on or before it. Names and addresses of individuals are personal data and stay out.

    :param application_id: the key that the agency gives out, the same as for ``jp.nta``. A secret.
    """

    source = SOURCE
    rates = tax_agency.RATES
    asked_by = ("subject",)
    terms = tax_agency.terms(
        "国税庁適格請求書発行事業者公表サイト",
        silence=Text("適格請求書発行事業者ではない", "no qualified invoice issuer"),
    )
    batch_size = tax_agency.BATCH

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
            accept=("application/json",),
            secret_query={"id": application_id},
            contact=contact,
            limits=limits,
            reasons=tax_agency.REASONS,
        )

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for the vendor's registration number, if the check digit is right."""
        vendor = application["vendor"]
        number = vendor.get("invoice_number", "")
        if is_well_formed(number.removeprefix("T")):
            yield Inquiry(SOURCE, "vendor", OrganisationId(SCHEME, number), vendor["name"])

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The number's announcement as it stands."""
        return self.fetch_many([inquiry])

    def fetch_many(self, inquiries: Sequence[Inquiry]) -> Capture:
        """The announcements of up to ten numbers as they stand."""
        numbers = tax_agency.numbers_of(inquiries)
        return tax_agency.get(self._transport, "num", {"number": numbers, "history": "0", "type": "21"})

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read JSON (type 21), also where it answers about several numbers."""
        with strict.reading(capture):
            answer = strict.json_object(capture.body)
            schemas.check(SOURCE, answer)
            if (answer["divideNumber"], answer["divideSize"]) != ("1", "1"):
                raise Unexpected("the answer is one part of several")
            announcements = answer["announcement"]
            if int(answer["count"]) != len(announcements):
                raise Unexpected("count is not the number of announcements")
            own = tax_agency.own(announcements, _number, inquiry.subject.id, capture)
            record = {**_record(own), "register_date": answer["lastUpdateDate"]}
        return evidence(inquiry, capture, record, found=bool(own))

    def evidence_in(self, capture: Capture) -> list[Evidence]:
        """Every number that a saved answer, a list of announcements or a file in CSV speaks of.

        :raises SourceChanged: when it is neither.
        """
        with strict.reading(capture):
            announcements, common = _saved(capture.body)
            return [
                unasked(SOURCE, SCHEME, number, capture, {**_record(list(own)), **common})
                for number, own in groupby(sorted(announcements, key=_number), key=_number)
            ]

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()


def connector(settings: Mapping[str, str]) -> Invoice:
    """The connector from ``application_id`` and, as wished, ``base_url``, ``contact`` and ``timeout``."""
    return Invoice(
        settings["application_id"],
        base_url=settings.get("base_url", BASE_URL),
        contact=settings.get("contact", ""),
        limits=Limits.of(settings),
    )


def read_rows(body: bytes) -> list[Mapping[str, str]]:
    """The announcements of one of the agency's files in CSV: UTF-8, 24 columns, no header.

    :raises Unexpected: when it is not of that shape.
    """
    try:
        text = body.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise Unexpected("the file is not CSV in UTF-8") from None
    if "\0" in text or not lines or any(len(line) != len(FIELDS) for line in lines):
        raise Unexpected("the lines are not the 24 columns of the resource definition")
    announcements: list[Mapping[str, str]] = [dict(zip(FIELDS, line, strict=True)) for line in lines]
    schemas.check(SOURCE, announcements, "announcements")
    return announcements


def _number(announcement: Mapping[str, str]) -> str:
    return announcement["registratedNumber"]


def _saved(body: bytes) -> tuple[Sequence[Mapping[str, str]], dict[str, str]]:
    """The announcements, and what an envelope says of them all."""
    if body.lstrip()[:1] not in {b"{", b"["}:
        return read_rows(body), {}
    try:
        value = read_json(body)
    except NotJson as error:
        raise Unexpected(f"the answer is not JSON ({error.code})") from None
    if isinstance(value, list):
        schemas.check(SOURCE, value, "announcements")
        return value, {}
    schemas.check(SOURCE, value)
    answer = strict.member_object(value, "the answer")
    return answer["announcement"], {"register_date": answer["lastUpdateDate"]}


def _record(announcements: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    if not announcements:
        return {}
    last = announcements[-1]
    record: dict[str, Any] = {"number": last["registratedNumber"]}
    if last["process"] == DELETED:
        return {**record, "deleted": True}
    latest = [one for one in announcements if one.get("latest") == "1"]
    if len(latest) != 1:
        raise Unexpected("not exactly one announcement of a number is the latest")
    [last] = latest
    record |= {
        "kind": last["kind"],
        "country": last["country"],
        "registered_on": last["registrationDate"],
        "updated_on": last["updateDate"],
    }
    optional = {"revoked_on": last["disposalDate"], "expired_on": last["expireDate"]}
    if last["kind"] != INDIVIDUAL:
        optional |= {
            "name": strict.text(last["name"], "name"),
            "address": last["address"],
            "prefecture_code": last["addressPrefectureCode"],
            "city_code": last["addressCityCode"],
            "address_in_japan": last["addressInside"],
            "trade_name": last["tradeName"],
            "other_name": last["popularName_previousName"],
        }
    return record | {key: value for key, value in optional.items() if value}
