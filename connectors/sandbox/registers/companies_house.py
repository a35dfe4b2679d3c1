"""The public data API of Companies House: ``/company/{number}`` and ``/search/companies``.

Members and their order as in recorded answers of 2026. The key is the user name of HTTP Basic, which the
sandbox does not look at: it has no say in what is answered.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from connectors.sandbox.registers import Reply
from connectors.sandbox.world import Company, World

MEDIA_TYPE = "application/json"

_TYPES = {"Private limited company": "ltd"}


class CompaniesHouseRegister:
    """``gb.companies-house``: companies by number and by name."""

    source = "gb.companies-house"
    base = "companies-house"

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, path: str, query: str) -> Reply:
        """Answer a profile or a search. The subject is the number asked for."""
        if path == "search/companies":
            return self._search(parse_qs(query).get("q", [""])[0])
        collection, _, number = path.partition("/")
        company = self._world.find("GB-COH", number)
        if collection != "company" or company is None:
            message = f'404 NOT_FOUND "Resource not found for company profile {number}"'
            moment = f"{self._world.as_of}T08:00:00.000000000"
            return _reply(
                {"timestamp": moment, "message": message, "request_id": "sandbox"}, (number,), status=404
            )
        return _reply(self._profile(company), (number,))

    def _profile(self, company: Company) -> dict[str, Any]:
        number = company.identifiers["GB-COH"]
        former = company.chapters[:-1]
        names = [
            {
                "ceased_on": later.since.isoformat(),
                "effective_from": earlier.since.isoformat(),
                "name": earlier.name.upper(),
            }
            for earlier, later in reversed(list(zip(former, company.chapters[1:], strict=True)))
            if earlier.name != later.name
        ]
        return {
            "accounts": {"next_accounts": {"overdue": False}, "overdue": False},
            "can_file": company.closure is None,
            "company_name": company.name.upper(),
            "company_number": number,
            "company_status": "dissolved" if company.closure else "active",
            "confirmation_statement": {"overdue": False},
            **({"date_of_cessation": company.closure.entered_on.isoformat()} if company.closure else {}),
            "date_of_creation": company.founded_on.isoformat(),
            "has_charges": False,
            "has_insolvency_history": False,
            "jurisdiction": "scotland" if number.startswith("SC") else "england-wales",
            "links": {"self": f"/company/{number}"},
            **({"previous_company_names": names} if names else {}),
            "registered_office_address": {
                "address_line_1": company.address.lines[0],
                "locality": company.address.city,
                "postal_code": company.address.postcode,
            },
            "registered_office_is_in_dispute": False,
            "type": _TYPES.get(company.legal_form, "other"),
            "undeliverable_registered_office_address": False,
        }

    def _search(self, words: str) -> Reply:
        wanted = set(words.casefold().split())
        hits = [
            company
            for company in self._world.companies
            if "GB-COH" in company.identifiers and wanted & set(company.name.casefold().split())
        ][:20]
        items = [
            {
                "kind": "searchresults#company",
                "company_status": "dissolved" if company.closure else "active",
                "date_of_creation": company.founded_on.isoformat(),
                "company_type": _TYPES.get(company.legal_form, "other"),
                "company_number": company.identifiers["GB-COH"],
                "title": company.name.upper(),
            }
            for company in hits
        ]
        return _reply(
            {
                "items": items,
                "kind": "search#companies",
                "page_number": 1,
                "items_per_page": 20,
                "total_results": len(items),
                "start_index": 0,
            }
        )


def _reply(document: dict[str, Any], subjects: tuple[str, ...] = (), status: int = 200) -> Reply:
    return Reply(status, MEDIA_TYPE, json.dumps(document, ensure_ascii=False).encode(), subjects)
