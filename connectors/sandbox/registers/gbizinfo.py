"""The REST API of gBizINFO, versions 1 and 2: a company's basics and lists.

Members are those of the published OpenAPI documents; envelopes and the answers of 401 and 404 are those of
recorded answers. Version 1 tells the end of a certification, version 2 does not.
"""

from __future__ import annotations

import json
import re
from typing import Any

from connectors.sandbox.registers import Reply, Request
from connectors.sandbox.registrations import Business, Registrations, place
from connectors.sandbox.world import Company, World

TOKEN = "sekisho0sandbox0sekisho0sandbox0"  # noqa: S105 - the sandbox's own, known to all
"""The one token that this register knows."""

_KINDS = {
    "goods_manufacture": "物品の製造",
    "goods_sale": "物品の販売",
    "services": "役務の提供等",
    "goods_purchase": "物品の買受け",
}
_LEGAL_FORMS = {"株式会社": "301", "有限会社": "302", "合名会社": "303", "合資会社": "304", "合同会社": "305"}
_CLOSE_CAUSES = {"liquidation": "01", "merger": "11", "registrar": "21"}
_LISTS = ("certification", "commendation", "finance", "patent", "procurement", "subsidy", "workplace")


class GBizInfoRegister:
    """``jp.gbizinfo``: ``/hojin/{number}`` and its lists. Version 1 is another source, beside it."""

    methods = ("GET",)

    def __init__(self, world: World, registrations: Registrations, version: int = 2) -> None:
        self.source = "jp.gbizinfo" if version == 2 else "jp.gbizinfo-v1"
        self.base = f"gbizinfo/v{version}/hojin"
        self._version = version
        self._world = world
        self._businesses = registrations.businesses

    def answer(self, path: str, query: str) -> Reply:
        """401: nobody is answered without a token."""
        return self.answer_request(Request("GET", path, query, {}))

    def answer_request(self, request: Request) -> Reply:
        """Answer basics or a list. The subject is the corporate number."""
        number, _, name = request.path.partition("/")
        subjects = (number,)
        if request.headers.get("x-hojininfo-api-token") != TOKEN:
            return _reply(401, {"id": None, "message": "401 - Unauthorized", "errors": []}, subjects)
        if request.path.endswith("/"):
            return Reply(500, "text/html", b"", subjects)
        company = self._world.find("JP-JCN", number) if re.fullmatch("[0-9]{13}", number) else None
        if company is None or name not in {"", *_LISTS}:
            return _reply(404, {"id": None, "message": "404 - Not Found.", "errors": []}, subjects)
        info = {"corporate_number": number, "name": company.name, "location": place(company)}
        business = self._businesses.get(number)
        info |= self._list(name, business) if name else self._basics(company, business)
        envelope = {"id": number, "errors": None, "message": "200 - OK.", "hojin-infos": [info]}
        return _reply(200, envelope, subjects)

    def _basics(self, company: Company, business: Business | None) -> dict[str, Any]:
        closure, address = company.closure, company.address.japanese
        basics: dict[str, Any] = {
            "postal_code": address.postcode if address else None,
            "kana": company.chapters[-1].furigana or None,
            "name_en": company.name_en or None,
            "status": "閉鎖" if closure else "-",
            "close_date": closure.entered_on.isoformat() if closure else None,
            "close_cause": _CLOSE_CAUSES[closure.cause] if closure else None,
            "capital_stock": business.capital if business else None,
            "employee_number": business.employees if business else None,
            "date_of_establishment": company.founded_on.isoformat(),
            "update_date": "2026-04-01T00:00:00+09:00",
            "qualification_grade": _grades(business) if business else None,
            "business_items": ["304", "306"] if business else None,
            "number_of_activity": "1" if business else "0",
        }
        if self._version == 2:
            del basics["number_of_activity"]
            basics["kind"] = _LEGAL_FORMS.get(company.legal_form, "399")
        return basics

    def _list(self, name: str, business: Business | None) -> dict[str, Any]:
        if name == "workplace":
            return {"workplace_info": {}}
        if name == "finance":
            return {"finance": {}}
        entries: list[dict[str, Any]] = []
        if name == "certification" and business is not None:
            entry: dict[str, Any] = {
                "date_of_approval": "2025-04-01",
                "title": _grades(business),
                "target": None,
                "category": None,
                "government_departments": "デジタル庁",
            }
            if self._version == 1:
                entry |= {"enterprise_scale": None, "expiration_date": "2028-03-31"}
            entries.append(entry)
        return {name: entries}


def _grades(business: Business) -> str:
    return "\n".join(f"{_KINDS[kind]}：{business.grade}" for kind in _KINDS if kind in business.kinds)


def _reply(status: int, document: dict[str, Any], subjects: tuple[str, ...]) -> Reply:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status, "application/json", body, subjects)
