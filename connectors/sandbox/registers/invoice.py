"""The Web-API of the qualified invoice issuers, version 1: ``num`` in JSON (type 21).

Fields as in the agency's resource definition, in the order of a published announcement. Where the
specification leaves room, this register does as that one does: every value is a text, missing ones are empty.
"""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs

from connectors.sandbox.registers import Reply
from connectors.sandbox.registers.nta import APPLICATION_ID
from connectors.sandbox.registrations import INVOICES_BEGIN, Registrations, place
from connectors.sandbox.world import Company, World

FIELDS = (
    "sequenceNumber", "registratedNumber", "process", "correct", "kind", "country", "latest",
    "registrationDate", "updateDate", "disposalDate", "expireDate", "address", "addressPrefectureCode",
    "addressCityCode", "addressRequest", "addressRequestPrefectureCode", "addressRequestCityCode", "kana",
    "name", "addressInside", "addressInsidePrefectureCode", "addressInsideCityCode", "tradeName",
    "popularName_previousName",
)  # fmt: skip


class InvoiceRegister:
    """``jp.invoice``: issuers by registration number."""

    source = "jp.invoice"
    base = "invoice/1"

    def __init__(self, world: World, registrations: Registrations) -> None:
        self._world = world
        self._registrations = registrations

    def answer(self, path: str, query: str) -> Reply:
        """Answer ``num``. The subjects are the registration numbers asked for."""
        parameters = {name: values[0] for name, values in parse_qs(query).items()}
        if path != "num" or parameters.get("id") != APPLICATION_ID:
            return Reply(404, "text/html", b"")
        numbers = tuple(dict.fromkeys(filter(None, parameters.get("number", "").split(","))))
        fault = _fault(numbers, parameters.get("type", ""))
        if fault:
            return Reply(400, "application/json", fault.encode(), subjects=numbers)
        found = [entry for number in numbers if (entry := self._announcement(number)) is not None]
        document = {
            "lastUpdateDate": self._world.as_of.isoformat(),
            "count": str(len(found)),
            "divideNumber": "1",
            "divideSize": "1",
            "announcement": [
                {**entry, "sequenceNumber": str(position)} for position, entry in enumerate(found, start=1)
            ],
        }
        body = json.dumps(document, ensure_ascii=False).encode()
        return Reply(200, "application/json", body, subjects=numbers)

    def _announcement(self, number: str) -> dict[str, str] | None:
        company = self._world.find("JP-JCN", number[1:])
        if company is not None:
            return _of_company(number, company, self._registrations)
        if number in self._registrations.sole_traders:
            since = INVOICES_BEGIN.isoformat()
            known = {"registratedNumber": number, "kind": "1", "name": "架空　太郎", "kana": "カクウ　タロウ"}
            return _filled({**known, "registrationDate": since, "updateDate": since})
        return None


def _of_company(number: str, company: Company, registrations: Registrations) -> dict[str, str]:
    since = max(company.founded_on, INVOICES_BEGIN)
    revoked_on = registrations.revocations.get(number[1:])
    ended_on = company.closure.entered_on if company.closure else None
    updated_on = max(filter(None, (since, revoked_on, ended_on)))
    address = company.address.japanese
    municipality = address.municipality if address else ""
    return _filled(
        {
            "registratedNumber": number,
            "process": "04" if revoked_on else "03" if ended_on else "01",
            "kind": "2",
            "registrationDate": since.isoformat(),
            "updateDate": updated_on.isoformat(),
            "disposalDate": revoked_on.isoformat() if revoked_on else "",
            "expireDate": ended_on.isoformat() if ended_on else "",
            "address": place(company),
            "addressPrefectureCode": municipality[:2],
            "addressCityCode": municipality[2:],
            "name": company.name,
        }
    )


def _filled(fields: dict[str, str]) -> dict[str, str]:
    common = {"process": "01", "correct": "0", "country": "1", "latest": "1"}
    return dict.fromkeys(FIELDS, "") | common | fields


def _fault(numbers: tuple[str, ...], form: str) -> str:
    if not numbers or not all(re.fullmatch("T[0-9]{13}", number) for number in numbers):
        return "041,登録番号はTと13桁の半角数字で指定してください。"
    if len(numbers) > 10:
        return "042,登録番号は10件以内で指定してください。"
    if form != "21":
        return "071,応答形式の値が正しくありません。"
    return ""
