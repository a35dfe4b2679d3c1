"""``int.gleif``: the LEI API, version 1, of the Global Legal Entity Identifier Foundation.

Sources: the API's documentation (JSON:API) and its list of fields with their code tables; the LEI common data
file format (LEI-CDF 3.1) for further statuses. An LEI is ISO 17442. The data are under CC0.

LEIs are rare among small firms: that GLEIF knows no LEI is never a negative finding. A record says what the
entity or its issuer stated and how far that was corroborated. Sixty requests a minute for a user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connectors import gleif_lists, schemas, strict
from connectors.evidence import evidence, unasked
from connectors.limits import Rate
from connectors.parties import Party, parties
from connectors.strict import Unexpected
from connectors.terms import Terms
from connectors.transport import DEFAULT_LIMITS, Limits, Transport
from pipeline.corporate_number import check_digit
from pipeline.documents import Json
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Evidence, Inquiry, Text

SOURCE = "int.gleif"
SCHEME = "XI-LEI"
BASE_URL = "https://api.gleif.org/api/v1"
RATES = (Rate(60, 60),)

AUTHORITIES: Mapping[str, str] = {"GB-COH": "RA000585", "IE-CRO": "RA000402", "NO-BRC": "RA000472"}
"""The registers that can be asked by number, as GLEIF's list of registration authorities codes them."""

LEGAL_AFFAIRS_BUREAU = "RA000412"
"""Japan's company register. Its numbers, ``NNNN-NN-NNNNNN``, are corporate numbers without check digit."""

NO_AUTHORITY = "RA999999"

ENTITY_STATUSES = frozenset({"ACTIVE", "INACTIVE", "NULL"})
CATEGORIES = frozenset(
    {
        "GENERAL",
        "BRANCH",
        "FUND",
        "SOLE_PROPRIETOR",
        "RESIDENT_GOVERNMENT_ENTITY",
        "INTERNATIONAL_ORGANIZATION",
    }
)
CLOSE_CAUSES = frozenset({"DISSOLVED", "CORPORATE_ACTION", "OTHER"})
REGISTRATION_STATUSES = frozenset(
    {
        "ISSUED", "LAPSED", "ANNULLED", "DUPLICATE", "RETIRED", "MERGED", "PENDING_TRANSFER",
        "PENDING_ARCHIVAL", "PENDING_VALIDATION", "CANCELLED", "TRANSFERRED", "PUBLISHED",
    }
)  # fmt: skip
CORROBORATIONS = frozenset(
    {"FULLY_CORROBORATED", "PARTIALLY_CORROBORATED", "ENTITY_SUPPLIED_ONLY", "PENDING"}
)
PREVIOUS_NAME = "PREVIOUS_LEGAL_NAME"
NAME_TYPES = frozenset(
    {
        PREVIOUS_NAME, "ALTERNATIVE_LANGUAGE_LEGAL_NAME", "TRADING_OR_OPERATING_NAME",
        "PREFERRED_ASCII_TRANSLITERATED_LEGAL_NAME", "AUTO_ASCII_TRANSLITERATED_LEGAL_NAME",
    }
)  # fmt: skip

_NOT_SURVIVING = frozenset({"ANNULLED", "DUPLICATE"})
"""Registrations in error, beside which the same entity has another."""

_PAGE_SIZE = 20


class Gleif:
    """The connector. Its record has these keys, left out where the answer does not say.

    ==================== ====================================================================================
    lei                  legal entity identifier
    category             code of :data:`CATEGORIES`
    name, name_language  legal name in its own script, and that script's language (BCP 47)
    other_names          ``{name, type}``: other languages, trading names, transliterations
    former_names         previous legal names
    country              of the legal address, ISO 3166-1
    jurisdiction         ISO 3166-1 or 3166-2
    register             ``{authority, number}``: RA code and number as the issuer wrote it
    corporate_number     Japan's, computed from the number in its company register
    closed               true: inactive or expired; left out where the status is ``NULL``
    closed_on            date of the expiration (UTC)
    close_cause          code of :data:`CLOSE_CAUSES`
    successor            LEI of the only successor
    registration_status  code of :data:`REGISTRATION_STATUSES`
    next_renewal_on      date (UTC); ``ISSUED`` with this in the past occurs
    corroboration        code of :data:`CORROBORATIONS`
    register_date        date of the golden copy that answered, also where it has no such record
    ==================== ====================================================================================

    Of a sole proprietor names and register numbers are personal data and stay out of the record.
    """

    source = SOURCE
    rates = RATES
    asked_by = ("subject",)
    terms = Terms(
        licence=Text("CC0", "CC0"),
        silence=Text("LEIを申告していなければ何も意味しない", "says nothing unless an LEI was given"),
    )

    def __init__(
        self,
        *,
        base_url: str = BASE_URL,
        contact: str = "",
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._transport = Transport(
            SOURCE,
            base_url,
            accept=("application/vnd.api+json", "application/json"),
            contact=contact,
            limits=limits,
        )

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for vendor and maker each: by its LEI, or by its register number if its home is not Japan."""
        for party in parties(application):
            subject = _subject(party)
            if subject is not None:
                yield Inquiry(SOURCE, party.role, subject, party.name)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The record of an LEI, or the records that give this number in this register.

        An LEI that GLEIF does not know is answered with 404, and in no certain format.
        """
        number = quote(inquiry.subject.id, safe="")
        if inquiry.subject.scheme == SCHEME:
            return self._transport.get(f"/lei-records/{number}", also=(404,))
        return self._transport.get(
            f"/lei-records?filter%5Bentity.registeredAs%5D={number}"
            f"&filter%5Bentity.registeredAt%5D={AUTHORITIES[inquiry.subject.scheme]}"
            f"&page%5Bsize%5D={_PAGE_SIZE}"
        )

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read a record, a list that narrows to one, or the absence of either."""
        with strict.reading(capture):
            if capture.status == 404 and inquiry.subject.scheme == SCHEME:
                item, record = None, {}
            else:
                page = _page(capture.body)
                item = _narrowed(page, inquiry.subject)
                record = {} if item is None else _record(item)
                record["register_date"] = page.register_date
        return evidence(inquiry, capture, record, found=item is not None)

    def complete(self, name: str) -> Capture:
        """Names like this one and whose they are, for people to choose from; :meth:`evidence_in` reads it."""
        return self._transport.get(f"/fuzzycompletions?field=entity.legalName&q={quote(name, safe='')}")

    def evidence_in(self, capture: Capture) -> list[Evidence]:
        """What a saved answer speaks of: LEI records, or whatever :mod:`connectors.gleif_lists` reads.

        :raises SourceChanged: when it is none of these.
        """
        with strict.reading(capture):
            document = strict.json_object(capture.body)
            schemas.check(SOURCE, document)
            data = document["data"]
            resources = data if isinstance(data, list) else [data]
            if all(resource["type"] == "lei-records" for resource in resources):
                readings = [(SCHEME, record["lei"], record) for record in _records(capture.body)]
            else:
                readings = [gleif_lists.read(resource) for resource in resources]
        return [unasked(SOURCE, scheme, number, capture, record) for scheme, number, record in readings]

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()


def connector(settings: Mapping[str, str]) -> Gleif:
    """The connector from its settings: ``base_url``, ``contact`` and ``timeout``, if wished."""
    return Gleif(
        base_url=settings.get("base_url", BASE_URL),
        contact=settings.get("contact", ""),
        limits=Limits.of(settings),
    )


def read_records(capture: Capture) -> list[dict[str, Any]]:
    """The records of an answer in their order, such as a page of an entity's children.

    :raises SourceChanged: when it is not in the shape of the documentation.
    """
    with strict.reading(capture):
        return _records(capture.body)


def _subject(party: Party) -> OrganisationId | None:
    lei = next(party.identified_by(SCHEME), None)
    if lei is not None or any(party.identified_by("JP-JCN")):
        return lei
    return next((identifier for identifier in party.identifiers if identifier.scheme in AUTHORITIES), None)


def _records(body: bytes) -> list[dict[str, Any]]:
    page = _page(body)
    return [{**_record(item), "register_date": page.register_date} for item in page.items]


@dataclass(frozen=True, slots=True)
class _Page:
    """An answer: the ``attributes`` of the records in it, and how many there are on all pages."""

    register_date: str
    total: int
    items: list[dict[str, Any]]


def _page(body: bytes) -> _Page:
    document = strict.json_object(body)
    meta = strict.member_object(document.get("meta"), "meta")
    golden_copy = strict.member_object(meta.get("goldenCopy"), "meta.goldenCopy")
    data = document.get("data")
    resources = data if isinstance(data, list) else [data]
    items = [_attributes(resource) for resource in resources]
    total = len(items)
    if isinstance(data, list):
        total = strict.member_object(meta.get("pagination"), "meta.pagination").get("total", -1)
        if not isinstance(total, int) or isinstance(total, bool) or total < len(items):
            raise Unexpected("meta.pagination.total does not count the records")
    return _Page(
        strict.day_of_moment(golden_copy.get("publishDate"), "meta.goldenCopy.publishDate"), total, items
    )


def _attributes(resource: object) -> dict[str, Any]:
    resource = strict.member_object(resource, "data")
    strict.one_of(resource.get("type"), ("lei-records",), "data.type")
    attributes = strict.member_object(resource.get("attributes"), "attributes")
    if strict.text(attributes.get("lei"), "lei") != resource.get("id"):
        raise Unexpected("the record's lei is not its id")
    return attributes


def _narrowed(page: _Page, subject: OrganisationId) -> dict[str, Any] | None:
    """The one record of the subject, None if the register has none."""
    if page.total == 0:
        return None
    if page.total > len(page.items):
        raise Unexpected("there are more records than one page holds")
    if subject.scheme == SCHEME:
        own = [item for item in page.items if item["lei"] == subject.id]
    else:
        own = [item for item in page.items if _is_registered_as(item, subject)]
    if len(own) > 1:
        own = [item for item in own if _registration(item).get("status") not in _NOT_SURVIVING]
    if len(own) != 1:
        # None: the register did not look for what we asked. Several: a register number is not unique there.
        raise Unexpected("the answer does not narrow to the one record asked for")
    return own[0]


def _is_registered_as(item: Mapping[str, Any], subject: OrganisationId) -> bool:
    entity = _entity(item)
    authority = strict.member_object(entity.get("registeredAt"), "registeredAt").get("id")
    number = entity.get("registeredAs")
    return (
        authority == AUTHORITIES.get(subject.scheme)
        and isinstance(number, str)
        and _bare(number) == _bare(subject.id)
    )


def _bare(number: str) -> str:
    # Issuers write the same number with and without spaces, hyphens and zeros in front.
    return re.sub(r"[^0-9A-Z]", "", number.upper()).lstrip("0")


def _entity(item: Mapping[str, Any]) -> dict[str, Any]:
    return strict.member_object(item.get("entity"), "entity")


def _registration(item: Mapping[str, Any]) -> dict[str, Any]:
    return strict.member_object(item.get("registration"), "registration")


def _record(item: Mapping[str, Any]) -> dict[str, Any]:
    entity, registration = _entity(item), _registration(item)
    category = strict.one_of(entity.get("category"), CATEGORIES, "category")
    record = {
        "lei": item["lei"],
        "category": category,
        "registration_status": strict.one_of(
            registration.get("status"), REGISTRATION_STATUSES, "registration.status"
        ),
        **_place(entity),
        **_end(entity),
    }
    if registration.get("nextRenewalDate") is not None:
        record["next_renewal_on"] = strict.day_of_moment(registration["nextRenewalDate"], "nextRenewalDate")
    if registration.get("corroborationLevel") is not None:
        record["corroboration"] = strict.one_of(
            registration["corroborationLevel"], CORROBORATIONS, "corroborationLevel"
        )
    if category != "SOLE_PROPRIETOR":
        record |= {**_names(entity), **_register(entity)}
    return record


def _place(entity: Mapping[str, Any]) -> dict[str, Any]:
    address = strict.member_object(entity.get("legalAddress"), "legalAddress")
    place = {"country": strict.text(address.get("country"), "legalAddress.country")}
    if entity.get("jurisdiction") is not None:
        place["jurisdiction"] = strict.text(entity["jurisdiction"], "jurisdiction")
    return place


def _end(entity: Mapping[str, Any]) -> dict[str, Any]:
    end: dict[str, Any] = {}
    status = strict.one_of(entity.get("status"), ENTITY_STATUSES, "entity.status")
    expiration = strict.member_object(entity.get("expiration"), "expiration")
    if expiration.get("date") is not None:
        end["closed_on"] = strict.day_of_moment(expiration["date"], "expiration.date")
    if expiration.get("reason") is not None:
        end["close_cause"] = strict.one_of(expiration["reason"], CLOSE_CAUSES, "expiration.reason")
    if end or status != "NULL":
        end["closed"] = bool(end) or status == "INACTIVE"
    successors = [
        strict.member_object(successor, "successorEntities")
        for successor in strict.member_list(entity.get("successorEntities"), "successorEntities")
    ]
    if len(successors) == 1 and successors[0].get("lei") is not None:
        end["successor"] = strict.text(successors[0]["lei"], "successorEntities.lei")
    return end


def _names(entity: Mapping[str, Any]) -> dict[str, Any]:
    legal = strict.member_object(entity.get("legalName"), "legalName")
    names = {"name": strict.text(legal.get("name"), "legalName.name")}
    if legal.get("language") is not None:
        names["name_language"] = strict.text(legal["language"], "legalName.language")
    others = [
        strict.member_object(other, members)
        for members in ("otherNames", "transliteratedOtherNames")
        for other in strict.member_list(entity.get(members), members)
    ]
    typed = [
        {
            "name": strict.text(other.get("name"), "other name"),
            "type": strict.one_of(other.get("type"), NAME_TYPES, "type of other name"),
        }
        for other in others
    ]
    return {
        **names,
        "other_names": [other for other in typed if other["type"] != PREVIOUS_NAME],
        "former_names": [other["name"] for other in typed if other["type"] == PREVIOUS_NAME],
    }


def _register(entity: Mapping[str, Any]) -> dict[str, Any]:
    authority = strict.member_object(entity.get("registeredAt"), "registeredAt").get("id")
    if authority in {None, NO_AUTHORITY} or entity.get("registeredAs") is None:
        return {}
    authority = strict.text(authority, "registeredAt.id")
    number = strict.text(entity["registeredAs"], "registeredAs")
    register: dict[str, Any] = {"register": {"authority": authority, "number": number}}
    if authority == LEGAL_AFFAIRS_BUREAU and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{6}", number):
        body = number.replace("-", "")
        register["corporate_number"] = check_digit(body) + body
    return register
