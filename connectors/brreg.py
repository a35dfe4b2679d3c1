"""``no.brreg``: the register of legal entities (Enhetsregisteret) of the Brønnøysund Register Centre, Norway.

Source: the API documentation and its OpenAPI description. Open, without a key; Norwegian Licence for Open
Government Data (NLOD) 2.0, naming the Brønnøysund Register Centre. No rate is published; we keep to five
requests a second.

Its silence is an answer: whoever does business in Norway is in the register, and who was deleted stays in it
with the date. What was removed for legal reasons answers 410 and says nothing more. Roles (board, auditor)
are personal data and are not asked for; names and addresses of sole proprietors (``ENK``) stay out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connectors import schemas, strict
from connectors.evidence import evidence, unasked
from connectors.identifiers import is_well_formed
from connectors.limits import Rate
from connectors.parties import parties
from connectors.strict import Unexpected
from connectors.terms import Terms
from connectors.transport import DEFAULT_LIMITS, Limits, Transport
from pipeline.documents import Json
from pipeline.model import Capture, Evidence, Inquiry, Text

SOURCE = "no.brreg"
SCHEME = "NO-BRC"
BASE_URL = "https://data.brreg.no/enhetsregisteret/api"
RATES = (Rate(5, 1),)

SOLE_PROPRIETORSHIP = "ENK"


class Brreg:
    """The connector. Its record has these keys, left out where the register does not say.

    ================== =====================================================================================
    number             organisation number, nine digits
    name               registered name
    former_names       earlier names, oldest first
    country            of the business address, ISO 3166-1
    form               code of the legal form: ``AS``, ``ASA``, ``ENK``, ``NUF``, …
    closed             true: deleted
    closed_on          date of the deletion
    founded_on         date of the foundation
    registered_on      when it came into the register
    address            business address
    vat_registered     registered for value added tax
    parent             organisation number of the entity that it is a part of
    sole_proprietor    true: names and addresses are those of a person and are left out
    withheld           true: removed for legal reasons; the register says nothing more
    warnings           ``bankrupt``, ``winding-up``, ``compulsory-winding-up``
    register_date      day of the answer (UTC): the register is read live
    ================== =====================================================================================
    """

    source = SOURCE
    rates = RATES
    asked_by = ("subject",)
    terms = Terms(
        licence=Text("NLOD 2.0（出典：Brønnøysundregistrene）", "NLOD 2.0, naming Brønnøysundregistrene"),
        silence=Text("その団体は存在しない", "no such entity"),
    )

    def __init__(
        self, *, base_url: str = BASE_URL, contact: str = "", limits: Limits = DEFAULT_LIMITS
    ) -> None:
        # Without a version in the media type the latest one comes.
        self._transport = Transport(
            SOURCE, base_url, accept=("application/json",), contact=contact, limits=limits
        )

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for vendor and maker each: for its first organisation number, if the check digit is right."""
        for party in parties(application):
            number = next(party.identified_by(SCHEME), None)
            if number is not None and is_well_formed(number):
                yield Inquiry(SOURCE, party.role, number, party.name)

    def fetch(self, inquiry: Inquiry) -> Capture:
        """The entity; 404 says that there is none, 410 that it was removed for legal reasons."""
        return self._transport.get(f"/enheter/{inquiry.subject.id}", also=(404, 410))

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read an entity, a deleted one, or that there is none."""
        as_of = {"register_date": capture.fetched_at.date().isoformat()}
        if capture.status == 404:
            return evidence(inquiry, capture, as_of, found=False)
        if capture.status == 410:
            withheld = {"number": inquiry.subject.id, "withheld": True}
            return evidence(inquiry, capture, withheld | as_of, found=True)
        with strict.reading(capture):
            entity = strict.json_object(capture.body)
            schemas.check(SOURCE, entity)
            strict.same(entity["organisasjonsnummer"], inquiry.subject.id, "organisasjonsnummer")
            record = _record(entity)
        return evidence(inquiry, capture, record | as_of, found=True)

    def evidence_in(self, capture: Capture) -> list[Evidence]:
        """The entities that a saved answer or page of a search speaks of.

        :raises SourceChanged: when it is neither.
        """
        with strict.reading(capture):
            document = strict.json_object(capture.body)
            if "organisasjonsnummer" in document:
                schemas.check(SOURCE, document)
                entities = [document]
            else:
                schemas.check(SOURCE, document, "search")
                entities = document.get("_embedded", {}).get("enheter", [])
            records = [_record(entity) for entity in entities]
        as_of = {"register_date": capture.fetched_at.date().isoformat()}
        return [unasked(SOURCE, SCHEME, record["number"], capture, record | as_of) for record in records]

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()


def connector(settings: Mapping[str, str]) -> Brreg:
    """The connector from its settings: ``base_url``, ``contact`` and ``timeout``, if wished."""
    return Brreg(
        base_url=settings.get("base_url", BASE_URL),
        contact=settings.get("contact", ""),
        limits=Limits.of(settings),
    )


def _record(entity: Json) -> dict[str, Any]:
    deleted = "slettedato" in entity
    if deleted != (entity.get("respons_klasse", "SlettetEnhet" if deleted else "Enhet") != "Enhet"):
        raise Unexpected("respons_klasse contradicts slettedato")
    form = entity["organisasjonsform"]["kode"]
    record = {
        "number": entity["organisasjonsnummer"],
        "form": form,
        "closed": deleted,
        "closed_on": entity.get("slettedato"),
        "founded_on": entity.get("stiftelsesdato"),
        "registered_on": entity.get("registreringsdatoEnhetsregisteret"),
        "country": entity.get("forretningsadresse", {}).get("landkode"),
        "vat_registered": entity.get("registrertIMvaregisteret"),
        "parent": entity.get("overordnetEnhet"),
        "warnings": _warnings(entity),
        **({"sole_proprietor": True} if form == SOLE_PROPRIETORSHIP else _names(entity)),
    }
    return {key: value for key, value in record.items() if value is not None}


def _names(entity: Json) -> dict[str, Any]:
    address = entity.get("forretningsadresse", {})
    town = " ".join(filter(None, (address.get("postnummer"), address.get("poststed"))))
    lines = [line for line in (*address.get("adresse", ()), town, address.get("land")) if line]
    former = sorted(entity.get("historiskeNavn", ()), key=lambda name: str(name["tilDato"]))
    return {
        "name": entity["navn"],
        "former_names": [name["navn"] for name in former],
        "address": ", ".join(lines) or None,
    }


def _warnings(entity: Json) -> list[str]:
    signs = {
        "bankrupt": entity.get("konkurs"),
        "winding-up": entity.get("underAvvikling"),
        "compulsory-winding-up": entity.get("underTvangsavviklingEllerTvangsopplosning"),
    }
    return [warning for warning, is_so in signs.items() if is_so]
