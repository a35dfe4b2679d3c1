"""The LEI API of the Global Legal Entity Identifier Foundation (GLEIF), version 1: JSON:API over LEI records.

Members, their order, escapes and paging as in recorded answers of 2025 and 2026. No answer with an error was
recorded: the titles of 400 are those that clients report, the body of 404 is the least that JSON:API allows.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import parse_qsl, urlencode

from connectors.sandbox.registers import Reply
from connectors.sandbox.world import Address, Company, LeiRegistration, World, lei

MEDIA_TYPE = "application/vnd.api+json"

_DEEPEST = 10_000
_LARGEST_PAGE = 200
_ISSUER = lei("SAND00ISSUINGUNIT0")


class GleifRegister:
    """``int.gleif``: LEI records by LEI and by filters."""

    source = "int.gleif"
    base = "gleif/api/v1"

    def __init__(self, world: World, root: str) -> None:
        """``root`` is the address of the server: records and pages name themselves and others by it."""
        self._records = f"{root}/{self.base}/lei-records"
        self._published = {"goldenCopy": {"publishDate": _moment(world.as_of, time(8))}}
        self._world = world
        self._written: dict[str, Reply] = {}
        self._holders = [company for company in world.companies if company.lei is not None]

    def answer(self, path: str, query: str) -> Reply:
        """Answer ``lei-records`` and ``lei-records/{lei}``. The subjects are the LEIs asked for by name."""
        collection, _, number = path.partition("/")
        if collection != "lei-records" or "/" in number:
            return _error(404, "Not Found")
        if not number:
            return self._page(parse_qsl(query, keep_blank_values=True))
        reply = self._written.get(number)
        if reply is None:
            company = self._world.find("XI-LEI", number)
            if company is None or company.lei is None:
                return _error(404, "Not Found", subjects=(number,))
            reply = _reply({"meta": self._published, "data": self._record(company, company.lei)}, (number,))
            self._written[number] = reply
        return reply

    def _page(self, parameters: Sequence[tuple[str, str]]) -> Reply:
        paging = {"page[number]": "1", "page[size]": "15"}
        filters: list[tuple[str, str]] = []
        for name, value in parameters:
            if name in paging:
                paging[name] = value
            elif name in _FILTERS:
                filters.append((name, value))
            else:
                return _error(400, "Filter should contain only allowed values.", parameter="filter")
        if not all(re.fullmatch("[1-9][0-9]{0,8}", value) for value in paging.values()):
            return _error(400, "Page parameters should be positive integers.", parameter="page")
        number, size = int(paging["page[number]"]), int(paging["page[size]"])
        if size > _LARGEST_PAGE:
            return _error(400, f"page[size] must not exceed {_LARGEST_PAGE}.", parameter="page")
        if number * size > _DEEPEST:
            return _error(400, f"page[number] * page[size] must not exceed {_DEEPEST}", parameter="page")
        for name, value in filters:
            if name in _CLOSED and not _CLOSED[name].issuperset(value.removeprefix("!").split(",")):
                return _error(400, "Filter should contain only allowed values.", parameter="filter")
        subjects = tuple(
            number for name, value in filters if name == "filter[lei]" for number in value.split(",")
        )
        named = [self._world.find("XI-LEI", subject) for subject in subjects]
        hits = [company for company in named if company is not None] if subjects else self._holders
        for name, value in filters:
            hits = [company for company in hits if _passes(_FILTERS[name](company), name, value)]
        return self._list(hits, filters, number, size, subjects)

    def _list(
        self,
        hits: list[Company],
        filters: Sequence[tuple[str, str]],
        number: int,
        size: int,
        subjects: tuple[str, ...],
    ) -> Reply:
        rows = hits[(number - 1) * size : number * size]
        last = max(1, -(-len(hits) // size))
        pagination = {
            "currentPage": number,
            "perPage": size,
            "from": (number - 1) * size + 1 if rows else None,
            "to": (number - 1) * size + len(rows) if rows else None,
            "total": len(hits),
            "lastPage": last,
        }
        turns = {"first": 1, "prev": number - 1, "next": number + 1, "last": last}
        links = {
            name: f"{self._records}?{urlencode([*filters, ('page[number]', turn), ('page[size]', size)])}"
            for name, turn in turns.items()
            if 1 <= turn <= last
        }
        return _reply(
            {
                "meta": {**self._published, "pagination": pagination},
                "links": links,
                "data": [self._record(company, company.lei) for company in rows if company.lei is not None],
            },
            subjects,
        )

    def _record(self, company: Company, registration: LeiRegistration) -> dict[str, Any]:
        number = company.identifiers["XI-LEI"]
        itself = f"{self._records}/{number}"
        return {
            "type": "lei-records",
            "id": number,
            "attributes": {
                "lei": number,
                "entity": self._entity(company),
                "registration": _registration(company, registration),
                "bic": None,
                "mic": None,
                "ocid": _open_corporates_id(company),
                "qcc": None,
                "spglobal": None,
                "conformityFlag": "CONFORMING" if registration.status == "ISSUED" else "NON_CONFORMING",
            },
            "relationships": {
                "managing-lou": {"links": {"related": f"{itself}/managing-lou"}},
                "lei-issuer": {"links": {"related": f"{itself}/lei-issuer"}},
                "field-modifications": {"links": {"related": f"{itself}/field-modifications"}},
                "direct-parent": {
                    "links": {"reporting-exception": f"{itself}/direct-parent-reporting-exception"}
                },
                "ultimate-parent": {
                    "links": {"reporting-exception": f"{itself}/ultimate-parent-reporting-exception"}
                },
            },
            "links": {"self": itself},
        }

    def _entity(self, company: Company) -> dict[str, Any]:
        language = _language(company)
        address = _address(company.address, language)
        closure = company.closure
        successor = self._world.company(closure.successor) if closure and closure.successor else None
        heir = {
            "lei": successor.identifiers.get("XI-LEI") if successor else None,
            "name": successor.name if successor else None,
        }
        return {
            "legalName": {"name": company.name, "language": language},
            "otherNames": [
                {"name": name, "language": language, "type": "PREVIOUS_LEGAL_NAME"}
                for name in _former_names(company)
            ],
            "transliteratedOtherNames": [
                {
                    "name": company.name_en,
                    "language": language,
                    "type": "PREFERRED_ASCII_TRANSLITERATED_LEGAL_NAME",
                }
            ]
            if company.name_en
            else [],
            "legalAddress": address,
            "headquartersAddress": address,
            "registeredAt": {"id": _authority(company), "other": None},
            "registeredAs": _registered_as(company),
            "jurisdiction": company.jurisdiction,
            "category": "GENERAL",
            "legalForm": _legal_form(company),
            "associatedEntity": {"lei": None, "name": None},
            "status": _status(company),
            "expiration": {
                "date": _moment(closure.entered_on) if closure else None,
                "reason": ("CORPORATE_ACTION" if successor else "DISSOLVED") if closure else None,
            },
            "successorEntity": heir,
            "successorEntities": [heir] if successor else [],
            "creationDate": _moment(company.founded_on),
            "subCategory": None,
            "otherAddresses": [],
            "eventGroups": [],
        }


def _registration(company: Company, registration: LeiRegistration) -> dict[str, Any]:
    return {
        "initialRegistrationDate": _moment(registration.issued_on),
        "lastUpdateDate": _moment(company.closure.entered_on if company.closure else registration.issued_on),
        "status": registration.status,
        "nextRenewalDate": _moment(registration.renew_by),
        "managingLou": _ISSUER,
        "corroborationLevel": registration.corroboration,
        "validatedAt": {"id": _authority(company), "other": None},
        "validatedAs": _registered_as(company),
        "otherValidationAuthorities": [],
    }


def _address(address: Address, language: str) -> dict[str, Any]:
    return {
        "language": language,
        "addressLines": list(address.lines),
        "addressNumber": None,
        "addressNumberWithinBuilding": None,
        "mailRouting": None,
        "city": address.city,
        "region": address.region or None,
        "country": address.country,
        "postalCode": address.postcode,
    }


_LANGUAGES = {"JP": "ja", "NO": "no", "NL": "nl", "DE": "de"}

_AUTHORITIES = {
    "JP": "RA000412",
    "GB": "RA000585",
    "IE": "RA000402",
    "NL": "RA000463",
    "NO": "RA000472",
    "DE": "RA000242",
    "US-DE": "RA000602",
    "US-CA": "RA000598",
}
"""The register of each jurisdiction in GLEIF's list of registration authorities."""

_LEGAL_FORMS = {("JP", "株式会社"): "T417", ("GB", "Private limited company"): "H0PO"}
"""Codes of ISO 20275 where the recorded answers show one; other forms go as free text, as there."""


def _language(company: Company) -> str:
    return _LANGUAGES.get(company.country, "en")


def _authority(company: Company) -> str:
    return _AUTHORITIES[company.jurisdiction]


def _registered_as(company: Company) -> str:
    """The number in that register. Japan's is the corporate number's body in three groups."""
    number = company.identifiers.get("JP-JCN")
    return f"{number[1:5]}-{number[5:7]}-{number[7:]}" if number else company.registration


def _open_corporates_id(company: Company) -> str:
    number = company.identifiers.get("JP-JCN") or company.registration
    return f"{company.jurisdiction.lower().replace('-', '_')}/{number}"


def _legal_form(company: Company) -> dict[str, str | None]:
    code = _LEGAL_FORMS.get((company.country, company.legal_form))
    return {"id": code, "other": None} if code else {"id": "8888", "other": company.legal_form}


def _status(company: Company) -> str:
    return "ACTIVE" if company.closure is None else "INACTIVE"


def _former_names(company: Company) -> list[str]:
    """Latest first, as there."""
    names = dict.fromkeys(chapter.name for chapter in reversed(company.chapters))
    return [name for name in names if name != company.name]


def _moment(day: date, at: time = time(0)) -> str:
    return datetime.combine(day, at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_FILTERS: dict[str, Callable[[Company], Sequence[str]]] = {
    "filter[lei]": lambda company: [company.identifiers["XI-LEI"]],
    "filter[entity.legalName]": lambda company: [company.name],
    "filter[entity.names]": lambda company: [company.name, company.name_en, *_former_names(company)],
    "filter[entity.registeredAs]": lambda company: [_registered_as(company)],
    "filter[entity.registeredAt]": lambda company: [_authority(company)],
    "filter[entity.jurisdiction]": lambda company: [company.jurisdiction],
    "filter[entity.legalAddress.country]": lambda company: [company.address.country],
    "filter[entity.status]": lambda company: [_status(company)],
    "filter[registration.status]": lambda company: [company.lei.status if company.lei else ""],
}
"""The filters of the real API that this register has; any other is refused as one that does not exist."""

_WORDS = frozenset({"filter[entity.legalName]", "filter[entity.names]"})
"""Filters that match whole words in any order, whatever their case and accents."""

_CLOSED = {
    "filter[entity.status]": {"ACTIVE", "INACTIVE", "NULL"},
    "filter[registration.status]": {
        "ISSUED", "LAPSED", "ANNULLED", "DUPLICATE", "RETIRED", "MERGED", "PENDING_TRANSFER",
        "PENDING_ARCHIVAL",
    },
}  # fmt: skip
"""Filters whose values are a closed list."""


def _passes(values: Sequence[str], name: str, wanted: str) -> bool:
    """``a,b`` is either of them, ``!a`` is not that one."""
    if name in _WORDS:
        words = _words(wanted)
        return any(words <= _words(value) for value in values)
    if wanted.startswith("!"):
        return not _passes(values, name, wanted[1:])
    return not set(wanted.split(",")).isdisjoint(values)


def _words(text: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return frozenset(re.findall(r"\w+", "".join(sign for sign in plain if not unicodedata.combining(sign))))


def _error(status: int, title: str, *, parameter: str = "", subjects: tuple[str, ...] = ()) -> Reply:
    error: dict[str, Any] = {"title": title}
    if parameter:
        error["source"] = {"parameter": parameter}
    return _reply({"errors": [error]}, subjects, status)


def _reply(document: dict[str, Any], subjects: tuple[str, ...] = (), status: int = 200) -> Reply:
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    return Reply(status, MEDIA_TYPE, text.replace("/", "\\/").encode("ascii"), subjects)
