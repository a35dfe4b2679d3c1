"""``gb.companies-house``: the public data API of Companies House, the company register of the United Kingdom.

Sources: the developer specification (company profile, company search), the developer guidelines (rate limits)
and the enumerations that Companies House publishes. Six hundred requests in five minutes for a key; then 429
until the window ends, and who goes on may be banned. The register may be reused without restriction; credit
Companies House.

Its silence is an answer: the register holds every company of England and Wales, Scotland and Northern
Ireland. Not every body corporate is a company: charities and registered societies may be held elsewhere, with
a stub here (``held_elsewhere``). Officers and persons with significant control are personal data and are not
asked for.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from connectors import schemas, strict
from connectors.evidence import evidence, unasked
from connectors.identifiers import is_well_formed
from connectors.limits import Rate
from connectors.parties import parties
from connectors.reasons import Reason
from connectors.terms import Terms
from connectors.transport import DEFAULT_LIMITS, Limits, Transport
from pipeline.documents import Json
from pipeline.errors import SourceUnavailable
from pipeline.model import Capture, Evidence, Inquiry, Text

SOURCE = "gb.companies-house"
SCHEME = "GB-COH"
BASE_URL = "https://api.company-information.service.gov.uk"
RATES = (Rate(600, 300),)

ENDED = frozenset({"dissolved", "converted-closed", "closed", "removed"})
"""The statuses of what is no more. In liquidation or administration a company still exists."""

INSOLVENT = frozenset(
    {"liquidation", "receivership", "administration", "voluntary-arrangement", "insolvency-proceedings"}
)

ABROAD = frozenset({"oversea-company", "registered-overseas-entity"})
"""Types of what is registered here and has its home elsewhere."""

_ADDRESS = (
    "po_box", "premises", "address_line_1", "address_line_2", "locality", "region", "postal_code", "country",
)  # fmt: skip


class CompaniesHouse:
    """The connector. Its record has these keys, left out where the register does not say.

    ================ =======================================================================================
    number           company number, eight characters
    name             registered name
    former_names     earlier names, oldest first
    country          ``GB``; left out for a company whose home is abroad
    jurisdiction     ``england-wales``, ``scotland``, …
    type             ``ltd``, ``plc``, ``llp``, … (Companies House's codes)
    status           ``active``, ``liquidation``, … ; charities and registered societies have none
    status_detail    ``active-proposal-to-strike-off``, …
    closed           true: :data:`ENDED`; left out without a status or a date of cessation
    closed_on        date of the cessation
    founded_on       date of the incorporation or registration
    address          registered office
    home_register    ``{name, country, number}`` of a company from abroad, in the words of the register
    parent           company number of what this is an establishment of
    held_elsewhere   the body that holds the full record
    warnings         ``insolvent``, ``insolvency-history``, ``strike-off-proposed``, ``accounts-overdue``,
                     ``confirmation-overdue``, ``office-disputed``, ``office-undeliverable``
    register_date    day of the answer (UTC): the register is read live
    ================ =======================================================================================

    :param api_key: the key of a registered application. A secret.
    """

    source = SOURCE
    rates = RATES
    asked_by = ("subject",)
    terms = Terms(
        licence=Text("自由に再利用可。出典：Companies House", "free to reuse; credit Companies House"),
        silence=Text("その会社は存在しない", "no such company"),
    )

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = BASE_URL,
        contact: str = "",
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        # The key is the user name, the password is empty (RFC 7617).
        credentials = b64encode(f"{api_key}:".encode()).decode("ascii")
        self._transport = Transport(
            SOURCE,
            base_url,
            accept=("application/json",),
            headers={"Authorization": f"Basic {credentials}"},
            contact=contact,
            limits=limits,
        )

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for vendor and maker each: for its first company number, if it can be one."""
        for party in parties(application):
            number = next(party.identified_by(SCHEME), None)
            if number is not None and is_well_formed(number):
                yield Inquiry(SOURCE, party.role, number, party.name)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The company's profile; 404 says that there is none, in no certain format."""
        return self._transport.get(f"/company/{inquiry.subject.id}", also=(404,))

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read a profile, or that there is none."""
        as_of = capture.fetched_at.date().isoformat()
        if capture.status == 404:
            return evidence(inquiry, capture, {"register_date": as_of}, found=False)
        with strict.reading(capture):
            profile = strict.json_object(capture.body)
            schemas.check(SOURCE, profile)
            strict.same(profile["company_number"], inquiry.subject.id, "company_number")
        return evidence(inquiry, capture, {**_record(profile), "register_date": as_of}, found=True)

    def evidence_in(self, capture: Capture) -> list[Evidence]:
        """The companies that a saved profile or page of a search speaks of; none in a saved 404.

        :raises SourceChanged: when it is none of these.
        :raises SourceUnavailable: when the saved answer says that the question was refused.
        """
        with strict.reading(capture):
            document = strict.json_object(capture.body)
            if "company_number" in document:
                schemas.check(SOURCE, document)
                records = [_record(document)]
            elif _is_not_found(document):
                records = []
            elif document.get("type") == "ch:service":
                raise SourceUnavailable(SOURCE, Reason.REFUSED, "the saved answer is an error")
            else:
                schemas.check(SOURCE, document, "search")
                records = [_hit(item) for item in document["items"]]
        as_of = {"register_date": capture.fetched_at.date().isoformat()}
        return [unasked(SOURCE, SCHEME, record["number"], capture, record | as_of) for record in records]

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()


def connector(settings: Mapping[str, str]) -> CompaniesHouse:
    """The connector from ``api_key`` and, as wished, ``base_url``, ``contact`` and ``timeout``."""
    return CompaniesHouse(
        settings["api_key"],
        base_url=settings.get("base_url", BASE_URL),
        contact=settings.get("contact", ""),
        limits=Limits.of(settings),
    )


def _is_not_found(document: Json) -> bool:
    # By 2026 a message that begins with the status, before that a list of errors with a code.
    message, errors = document.get("message"), document.get("errors")
    if isinstance(message, str):
        return message.startswith("404")
    return isinstance(errors, list) and any(
        isinstance(error, dict) and error.get("error") == "company-profile-not-found" for error in errors
    )


def _record(profile: Json) -> dict[str, Any]:
    status = profile.get("company_status")
    abroad = profile.get("foreign_company_details", {})
    registry = abroad.get("originating_registry", {})
    home = {
        "name": registry.get("name"),
        "country": registry.get("country"),
        "number": abroad.get("registration_number", profile.get("external_registration_number")),
    }
    former = sorted(profile.get("previous_company_names", ()), key=lambda name: str(name["ceased_on"]))
    record = {
        "number": profile["company_number"],
        "name": profile["company_name"],
        "former_names": [name["name"] for name in former],
        "country": None if profile["type"] in ABROAD else "GB",
        "jurisdiction": profile.get("jurisdiction"),
        "type": profile["type"],
        "status": status,
        "status_detail": profile.get("company_status_detail"),
        "closed": _closed(profile),
        "closed_on": profile.get("date_of_cessation"),
        "founded_on": profile.get("date_of_creation"),
        "address": _address(profile.get("registered_office_address", {})),
        "home_register": {key: value for key, value in home.items() if value} or None,
        "parent": profile.get("branch_company_details", {}).get("parent_company_number"),
        "held_elsewhere": profile.get("partial_data_available"),
        "warnings": _warnings(profile),
    }
    return {key: value for key, value in record.items() if value is not None}


def _warnings(profile: Json) -> list[str]:
    accounts = profile.get("accounts", {})
    signs = {
        "insolvent": profile.get("company_status") in INSOLVENT,
        "insolvency-history": profile.get("has_insolvency_history"),
        "strike-off-proposed": profile.get("company_status_detail") == "active-proposal-to-strike-off",
        "accounts-overdue": accounts.get("next_accounts", accounts).get("overdue"),
        "confirmation-overdue": profile.get("confirmation_statement", {}).get("overdue"),
        "office-disputed": profile.get("registered_office_is_in_dispute"),
        "office-undeliverable": profile.get("undeliverable_registered_office_address"),
    }
    return [warning for warning, is_so in signs.items() if is_so]


def _hit(item: Json) -> dict[str, Any]:
    """What a search says of a company, under other names than a profile and with no warnings."""
    status = item.get("company_status")
    record = {
        "number": item["company_number"],
        "name": item["title"],
        "country": None if item["company_type"] in ABROAD else "GB",
        "type": item["company_type"],
        "status": status,
        "closed": _closed(item),
        "closed_on": item.get("date_of_cessation"),
        "founded_on": item.get("date_of_creation"),
        "address": _address(item.get("address", {})),
    }
    return {key: value for key, value in record.items() if value is not None}


def _closed(company: Json) -> bool | None:
    if "company_status" in company:
        return company["company_status"] in ENDED
    return True if "date_of_cessation" in company else None


def _address(address: Json) -> str | None:
    # Not care_of: it may name a person.
    return ", ".join(address[part] for part in _ADDRESS if address.get(part)) or None
