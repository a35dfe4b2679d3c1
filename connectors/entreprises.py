"""``fr.entreprises``: the company search of the French state (Recherche d'entreprises), over its base Sirene.

Source: the service's OpenAPI description. Open, without a key; Licence Ouverte 2.0, naming Insee and the
service. Seven requests a second for an address **and** thirty a second for a whole network operator, so that
one may be refused for what others do: then 429 with ``Retry-After``.

Its silence says nothing: whoever objects to being shown, or was refused registration, is not in it. Managers
and elected people are personal data and are not asked for (``minimal``); names and addresses of sole traders
stay out.

What came in 2022 is read too: its seat had ``adresse_complete``, and ``is_entrepreneur_individuel`` stood at
the top.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors import schemas, strict
from connectors.evidence import evidence, unasked
from connectors.identifiers import is_well_formed
from connectors.limits import Rate
from connectors.parties import parties
from connectors.reasons import Reason
from connectors.strict import Unexpected
from connectors.terms import Terms
from connectors.transport import DEFAULT_LIMITS, Limits, Transport
from pipeline.documents import Json
from pipeline.errors import SourceUnavailable
from pipeline.model import Capture, Evidence, Inquiry, Text

SOURCE = "fr.entreprises"
SCHEME = "FR-INSEE"
BASE_URL = "https://recherche-entreprises.api.gouv.fr"
RATES = (Rate(7, 1),)

SOLE_TRADER = "1000"
"""The legal category of a natural person who trades (Insee)."""

_UNDISCLOSED = "[ND]"
"""What stands for a value that its owner does not wish shown."""


class Entreprises:
    """The connector. Its record has these keys, left out where the register does not say.

    ==================== ===================================================================================
    number               SIREN, nine digits
    name                 registered name (raison sociale)
    acronym              sigle
    country              ``FR``; left out for a seat abroad
    legal_form           legal category, four digits (Insee)
    size                 ``PME``, ``ETI``, ``GE``
    closed               true: ceased
    closed_on            date of the end
    founded_on           date of the beginning
    address              of the seat
    vat_numbers          French VAT numbers in use
    sole_trader          true: names and addresses are those of a person and are left out
    partly_undisclosed   true: it objects to being shown in full
    register_date        day of the answer (UTC); the search follows the base within a day or so
    ==================== ===================================================================================

    Former names are not among what it tells.
    """

    source = SOURCE
    rates = RATES
    asked_by = ("subject",)
    terms = Terms(
        licence=Text("Licence Ouverte 2.0（出典：Insee）", "Licence Ouverte 2.0, naming Insee"),
        silence=Text(
            "何も意味しない（非公開を選んだ者は載らない）",
            "says nothing: who objects to being shown is not in it",
        ),
    )

    def __init__(
        self, *, base_url: str = BASE_URL, contact: str = "", limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._transport = Transport(
            SOURCE, base_url, accept=("application/json",), contact=contact, limits=limits
        )

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for vendor and maker each: for its first SIREN, if the check digit is right."""
        for party in parties(application):
            number = next(party.identified_by(SCHEME), None)
            if number is not None and is_well_formed(number):
                yield Inquiry(SOURCE, party.role, number, party.name)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The direct lookup of a SIREN: nine digits and nothing else."""
        return self._transport.get(
            f"/search?q={inquiry.subject.id}&minimal=true&include=siege%2Ccomplements%2Ctva"
        )

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read a page that holds the one company, or none."""
        with strict.reading(capture):
            results = _results(capture.body)
            if len(results) > 1:
                raise Unexpected("a lookup by number found more than one")
            for result in results:
                strict.same(result["siren"], inquiry.subject.id, "siren")
        record = _record(results[0]) if results else {}
        as_of = {"register_date": capture.fetched_at.date().isoformat()}
        return evidence(inquiry, capture, record | as_of, found=bool(results))

    def evidence_in(self, capture: Capture) -> list[Evidence]:
        """The companies of a saved page.

        :raises SourceChanged: when it is none.
        :raises SourceUnavailable: when the saved answer says that the question was refused.
        """
        with strict.reading(capture):
            records = [_record(result) for result in _results(capture.body)]
        as_of = {"register_date": capture.fetched_at.date().isoformat()}
        return [unasked(SOURCE, SCHEME, record["number"], capture, record | as_of) for record in records]

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()


def connector(settings: Mapping[str, str]) -> Entreprises:
    """The connector from its settings: ``base_url``, ``contact`` and ``timeout``, if wished."""
    return Entreprises(
        base_url=settings.get("base_url", BASE_URL),
        contact=settings.get("contact", ""),
        limits=Limits.of(settings),
    )


def _results(body: bytes) -> list[dict[str, Any]]:
    page = strict.json_object(body)
    if isinstance(page.get("erreur"), str):
        raise SourceUnavailable(SOURCE, Reason.REFUSED, "the answer is an error")
    schemas.check(SOURCE, page)
    results: list[dict[str, Any]] = page["results"]
    return results


def _record(company: Json) -> dict[str, Any]:
    seat = company.get("siege", {})
    undisclosed = company.get("statut_diffusion") == "P"
    record = {
        "number": company["siren"],
        "country": None if seat.get("code_pays_etranger") else "FR",
        "legal_form": company.get("nature_juridique"),
        "size": company.get("categorie_entreprise"),
        "closed": company["etat_administratif"] == "C",
        "closed_on": company.get("date_fermeture"),
        "founded_on": company.get("date_creation"),
        "vat_numbers": company.get("tva"),
        "partly_undisclosed": undisclosed or None,
        **({"sole_trader": True} if _is_sole_trader(company) else _names(company, seat)),
    }
    return {key: value for key, value in record.items() if value is not None}


def _is_sole_trader(company: Json) -> bool:
    return (
        company.get("nature_juridique") == SOLE_TRADER
        or company.get("is_entrepreneur_individuel") is True
        or company.get("complements", {}).get("est_entrepreneur_individuel") is True
    )


def _names(company: Json, seat: Json) -> dict[str, Any]:
    values = {
        # nom_complet adds trade names and the acronym in brackets: it is for people, not to be compared.
        "name": company.get("nom_raison_sociale") or company.get("nom_complet"),
        "acronym": company.get("sigle"),
        "address": seat.get("adresse", seat.get("adresse_complete")),
    }
    return {key: value for key, value in values.items() if value and _UNDISCLOSED not in value}
