"""The Norwegian register of legal entities: ``/enheter/{number}`` as Brønnøysund answers it.

Members and their order as in recorded answers of 2026. A deleted entity is answered with 200, an unknown one
with 404 and no body.
"""

from __future__ import annotations

import json
from typing import Any

from connectors.sandbox.registers import Reply
from connectors.sandbox.world import Company, World

_FORMS = {"Aksjeselskap": "AS", "Allmennaksjeselskap": "ASA"}


class BrregRegister:
    """``no.brreg``: entities by organisation number."""

    source = "no.brreg"
    base = "brreg/enhetsregisteret/api"

    def __init__(self, world: World, root: str) -> None:
        """``root`` is the address of the server: entities name themselves by it."""
        self._world = world
        self._entities = f"{root}/{self.base}/enheter"

    def answer(self, path: str, query: str) -> Reply:  # noqa: ARG002 - nothing of it changes the answer
        """Answer an entity. The subject is the number asked for."""
        collection, _, number = path.partition("/")
        company = self._world.find("NO-BRC", number) if collection == "enheter" else None
        if company is None:
            return Reply(404, "application/json", b"", (number,))
        text = json.dumps(self._entity(company), ensure_ascii=False, separators=(",", ":"))
        return Reply(200, "application/json", text.encode(), (number,))

    def _entity(self, company: Company) -> dict[str, Any]:
        number = company.identifiers["NO-BRC"]
        head = {
            "organisasjonsnummer": number,
            "navn": company.name.upper(),
            "organisasjonsform": {
                "kode": _FORMS.get(company.legal_form, "ANNA"),
                "beskrivelse": company.legal_form,
            },
        }
        links = {"_links": {"self": {"href": f"{self._entities}/{number}"}}}
        if company.closure is not None:
            ended = {"slettedato": company.closure.entered_on.isoformat()}
            return {**head, **ended, **links, "respons_klasse": "SlettetEnhet"}
        former = [
            {
                "navn": earlier.name.upper(),
                "fraDato": f"{earlier.since} 00:00:00",
                "tilDato": f"{later.since} 00:00:00",
            }
            for earlier, later in zip(company.chapters, company.chapters[1:], strict=False)
            if earlier.name != later.name
        ]
        return {
            **head,
            "historiskeNavn": former,
            "registreringsdatoEnhetsregisteret": company.founded_on.isoformat(),
            "registrertIMvaregisteret": True,
            "forretningsadresse": {
                "land": "Norge",
                "landkode": company.address.country,
                "postnummer": company.address.postcode,
                "poststed": company.address.city.upper(),
                "adresse": list(company.address.lines),
            },
            "stiftelsesdato": company.founded_on.isoformat(),
            "registrertIForetaksregisteret": True,
            "konkurs": False,
            "underAvvikling": False,
            "underTvangsavviklingEllerTvangsopplosning": False,
            **links,
            "respons_klasse": "Enhet",
        }
