"""The company search of the French state: ``/search`` by SIREN, as its OpenAPI description of 2026 has it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

from connectors.sandbox.registers import Reply
from connectors.sandbox.world import Company, World

_CATEGORIES = {"Société par actions simplifiée": "5710"}


class EntreprisesRegister:
    """``fr.entreprises``: companies by SIREN."""

    source = "fr.entreprises"
    base = "recherche-entreprises"

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, path: str, query: str) -> Reply:
        """Answer a search by nine digits. The subject is the SIREN asked for."""
        number = parse_qs(query).get("q", [""])[0]
        if path != "search" or not number:
            fault = {"erreur": "Veuillez indiquer au moins un paramètre de recherche."}
            return Reply(400, "application/json", json.dumps(fault, ensure_ascii=False).encode())
        company = self._world.find("FR-INSEE", number)
        page = {
            "results": [_result(company)] if company else [],
            "total_results": 1 if company else 0,
            "page": 1,
            "per_page": 10,
            "total_pages": 1 if company else 0,
        }
        return Reply(200, "application/json", json.dumps(page, ensure_ascii=False).encode(), (number,))


def _result(company: Company) -> dict[str, Any]:
    number = company.identifiers["FR-INSEE"]
    address = company.address
    return {
        "siren": number,
        "nom_complet": company.name.lower(),
        "nom_raison_sociale": company.name.upper(),
        "sigle": None,
        "siege": {
            "adresse": f"{address.lines[0]} {address.postcode} {address.city}".upper(),
            "code_pays_etranger": None,
            "code_postal": address.postcode,
            "etat_administratif": "F" if company.closure else "A",
            "siret": f"{number}00018",
        },
        "categorie_entreprise": "PME",
        "date_creation": company.founded_on.isoformat(),
        "date_fermeture": company.closure.entered_on.isoformat() if company.closure else None,
        "etat_administratif": "C" if company.closure else "A",
        "nature_juridique": _CATEGORIES.get(company.legal_form, "9900"),
        "statut_diffusion": "O",
        "complements": {"est_entrepreneur_individuel": False},
        "tva": [company.identifiers["XI-VAT"]] if "XI-VAT" in company.identifiers else [],
    }
