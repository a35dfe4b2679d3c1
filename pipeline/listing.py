"""The listing: what the catalog shows of an approved application (``pipeline/schemas/listing-2.json``).

What the vendor declares and what a source verifies is told apart for every member: ``origins`` has, by JSON
Pointer, who verified it and when; it holds for the place and all below it, unless a longer pointer has its
own. The contact person stays out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from pipeline.documents import Json, sha256
from pipeline.model import CaseFile, Decision, isoformat
from pipeline.validity import JAPAN

STARTUP = "startup"
"""The track that marks a start-up."""

STARTUP_YEARS = 10
"""A small or medium firm is a start-up while it is younger (METI's start-up measures, 28 March 2024)."""

_ADMITTED = "admitted"
_CLAIMS = ("j_startup", "sbir", "public_fund")
_DECLARED_SECTIONS = (
    "data",
    "contract",
    "foreign_law",
    "subprocessors",
    "support_access",
    "ai",
    "portability",
)

_PLACES: Mapping[str, str] = {
    "certs": "/certifications",
    "ismap": "/ismap",
    "qualification": "/qualification",
    "registry.found": "/seller/identifiers",
    "registry.name": "/seller/registered_name",
    "vendor.sme": "/seller/sme",
    "invoice.registered": "/seller/qualified_invoice_issuer",
    "maker.found": "/maker/identifiers",
    "maker.name": "/maker/registered_name",
    "reseller.authorised": "/maker/authorised",
    "startup": "/startup",
    **{section: f"/{section}" for section in _DECLARED_SECTIONS},
}
"""Where the listing shows what the dossier has at a path, or below it."""

_STEP = re.compile(r"[^.\[\]]+")


def compose(file: CaseFile, decision: Decision, listing_id: UUID, version: int) -> Json:
    """The document of one version of a listing."""
    application = file.application.document
    dossier, outcome = decision.dossier, decision.judgement.outcome
    facts = dossier.facts
    listing: dict[str, Any] = {
        "schema": "listing/2",
        "id": str(listing_id),
        "version": version,
        "case": file.case.reference,
        "seller": _seller(application, facts),
        "maker": _maker(application, facts),
        "product": application["product"],
        "startup": _startup(application, decision),
        "buyers": [_buyer(verdict) for verdict in outcome.get("buyers", ())],
        "origins": _origins(decision, is_maker="maker" not in application),
        "verified": list(_verified(decision)),
        "decision": {
            "id": str(decision.id),
            "by": "policy" if decision.by == "policy" else "person",
            "decided_at": isoformat(decision.decided_at),
            "policy": list(outcome.get("policy", ())),
            "basis": dossier.digest,
            "outcome": sha256(decision.judgement.document),
        },
        "data_as_of": isoformat(dossier.as_of),
        "links": {
            "self": f"/v1/listings/{listing_id}",
            "fit": f"/v1/listings/{listing_id}/fit",
            "receipt": f"/v1/decisions/{decision.id}/receipt",
        },
    }
    if "certifications" in application:
        listing["certifications"] = _certifications(application["certifications"], facts.get("certs"))
    for section in ("ismap", "qualification"):
        if section in application or section in facts:
            listing[section] = {**application.get(section, {}), **facts.get(section, {})}
            listing[section].pop("supplier_code", None)
    listing |= {section: application[section] for section in _DECLARED_SECTIONS if section in application}
    if (last_day := valid_until(file, decision)) is not None:
        listing["valid_until"] = last_day.isoformat()
    return listing


def valid_until(file: CaseFile, decision: Decision) -> date | None:
    """The last day, in Japan, on which all that the decision rests on is valid; None where nothing ends.

    That is the earliest end among the facts that settled a rule in the product's favour: a certificate that
    no rule needed may run out. What was past already on the dossier's day was not what settled it.
    """
    application = file.application.document
    dossier, outcome = decision.dossier, decision.judgement.outcome
    today = dossier.as_of.astimezone(JAPAN).date()
    admitted = {track for track, answer in outcome.get("tracks", {}).items() if answer == _ADMITTED}
    ends: list[date | None] = []
    for result in outcome.get("results", ()):
        if result["outcome"] == "pass":
            paths = [item["path"] for item in result.get("evidence", ())]
            ends += [_date(_at(dossier.facts, path)) for path in paths if path.endswith("valid_to")]
            if "reseller.authorised" in paths:
                ends.append(_date(_at(application, "maker.authorisation.valid_to")))
        elif STARTUP in admitted and any(
            through.startswith(f"{STARTUP}:") for through in result.get("effect_from", ())
        ):
            ends.append(_date(_startup(application, decision).get("until")))
    return min((end for end in ends if end is not None and end >= today), default=None)


def _seller(application: Json, facts: Json) -> dict[str, Any]:
    vendor = application["vendor"]
    shown = ("name", "name_en", "country", "identifiers", "role", "offices")
    found = {
        "registered_name": _at(facts, "registry.name"),
        "sme": _at(facts, "vendor.sme"),
        "qualified_invoice_issuer": _at(facts, "invoice.registered"),
    }
    return {name: vendor[name] for name in shown if name in vendor} | _known(found)


def _maker(application: Json, facts: Json) -> dict[str, Any]:
    """Who makes the product: the seller itself, unless it resells."""
    is_seller = "maker" not in application
    maker = application["vendor"] if is_seller else application["maker"]
    found = {
        "registered_name": _at(facts, "registry.name" if is_seller else "maker.name"),
        "authorised": None if is_seller else _at(facts, "reseller.authorised"),
    }
    shown = {name: maker[name] for name in ("name", "country", "identifiers") if name in maker}
    return {**shown, "is_seller": is_seller, **_known(found)}


def _certifications(declared: list[Json], facts: list[Json] | None) -> list[dict[str, Any]]:
    """The certificates as declared, with what the sources say in its place. Facts keep their order."""
    known = facts if facts is not None and len(facts) == len(declared) else [{}] * len(declared)
    return [{**one, **_known(fact)} for one, fact in zip(declared, known, strict=True)]


def _startup(application: Json, decision: Decision) -> dict[str, Any]:
    """The mark that buyers see, what it stands on, and its last day where it ends by itself."""
    claims = [claim for claim in _CLAIMS if _at(decision.dossier.facts, f"startup.{claim}") is True]
    mark = decision.judgement.outcome.get("tracks", {}).get(STARTUP) == _ADMITTED
    shown: dict[str, Any] = {"mark": mark, **dict.fromkeys(claims, True)}
    founded = _date(_at(application, "vendor.founded_on"))
    if mark and not claims and founded is not None:
        shown["until"] = (_anniversary(founded, STARTUP_YEARS) - timedelta(days=1)).isoformat()
    return shown


def _anniversary(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        # Born on 29 February: the year is full as 1 March begins.
        return date(day.year + years, 3, 1)


def _buyer(verdict: Json) -> dict[str, Any]:
    return {
        "buyer": verdict["buyer"],
        "title": verdict["title"],
        "verdict": verdict["decision"],
        "policy": list(verdict["policy"]),
        "reasons": [
            {name: result[name] for name in ("rule", "effect", "reason", "message")}
            for result in verdict["differs"]
            if result["effect"] in {"review", "reject"}
        ],
    }


def _origins(decision: Decision, *, is_maker: bool) -> dict[str, Any]:
    origins: dict[str, Any] = {"": {"status": "declared"}}
    for path, origin in decision.dossier.provenance.items():
        if (told := _told(origin)) is None:
            continue
        for pointer in _pointers(path):
            origins[pointer] = told
            if (
                is_maker
                and pointer.startswith("/seller/")
                and pointer.split("/")[2]
                in {
                    "identifiers",
                    "registered_name",
                }
            ):
                origins[pointer.replace("/seller/", "/maker/", 1)] = told
    return origins


def _told(origin: Json) -> dict[str, Any] | None:
    """Who says so, as the listing tells it; None where nobody but the vendor does."""
    for doubt in ("conflict", "candidate"):
        if doubt in origin:
            source = origin[doubt].get("source") if isinstance(origin[doubt], Mapping) else None
            return {"status": "disputed", **_known({"source": source or origin.get("source")})}
    if not {"at", "capture"} <= origin.keys():
        return None
    return {
        "status": "verified",
        "source": origin["source"],
        "at": origin["at"],
        "capture": origin["capture"],
    }


def _pointers(path: str) -> Iterator[str]:
    for prefix, place in _PLACES.items():
        if path == prefix or (path.startswith(prefix) and path[len(prefix)] in ".["):
            yield place + "".join(f"/{step}" for step in _STEP.findall(path[len(prefix) :]))


def _verified(decision: Decision) -> Iterator[dict[str, Any]]:
    for path, origin in sorted(decision.dossier.provenance.items()):
        told = _told(origin)
        if told is not None and told["status"] == "verified":
            yield {"fact": path, "source": told["source"], "at": told["at"], "capture": told["capture"]}


def _at(document: Any, path: str) -> Any:
    """The value at a path such as ``certs[0].valid_to``, None where there is none."""
    for step in _STEP.findall(path):
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def _known(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
