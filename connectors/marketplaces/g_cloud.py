"""Services of the United Kingdom's G-Cloud as drafts of applications.

Source: the service documents of Crown-Commercial-Service/digitalmarketplace-api (``json_schemas/`` and
``example_listings/``) and the questions of digitalmarketplace-frameworks (G-Cloud 12). One service is one
JSON object; several come as a list, as ``{"services": …}``, or one a line. Answers of some iterations are
wrapped with how they are assured: ``{"value": …, "assurance": …}``.

A service names its supplier by a number of that marketplace. The supplier's record, where it is given, has
the register's number. Words for places are taken only where they are countries: ``uk`` is one, ``eea`` is
not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors import identifiers
from connectors.dates import written_day
from connectors.marketplaces.answers import Questions
from connectors.marketplaces.foreign import (
    Draft,
    ForeignCatalog,
    ForeignListing,
    Remark,
    code_of,
    documents,
    objects,
    remark,
    stray_fields,
    without_people,
)
from connectors.strict import Unexpected
from pipeline.documents import Json
from pipeline.identifiers import OrganisationId

MARKETPLACE = "gb.g-cloud"

CATEGORIES: Mapping[str, str] = {
    "accounting and finance": "accounting",
    "analytics": "data-analysis",
    "business intelligence and analytics": "data-analysis",
    "data visualisation": "data-analysis",
    "project management and planning": "project-management",
    "agile tools": "project-management",
    "software development tools": "development-tools",
}
"""The kinds of service that are a category here, in small letters. Most are not."""

DEPLOYMENTS: Mapping[str, str | None] = {
    "public cloud": "public-cloud",
    "public": "public-cloud",
    "private cloud": "private-cloud",
    "private": "private-cloud",
    "community cloud": None,
    "community": None,
    "hybrid cloud": None,
    "hybrid": None,
}

RESELLING: Mapping[str, str] = {
    "not_reseller": "direct",
    "reseller_extra_features_and_support": "reseller",
    "reseller_extra_support": "reseller",
    "reseller_no_extras": "reseller",
}

CERTIFICATES: Sequence[tuple[str, str]] = (
    (r"ISO\s*(?:/\s*IEC)?\s*27001", "ISO27001"),
    (r"ISO\s*(?:/\s*IEC)?\s*27017", "ISO27017"),
    (r"ISO\s*(?:/\s*IEC)?\s*27018", "ISO27018"),
    (r"ISO\s*(?:/\s*IEC)?\s*27701", "ISO27701"),
    (r"SOC\s*2", "SOC2"),
    (r"CSA\s*STAR", "CSA-STAR"),
    (r"Cyber\s*Essentials\s*Plus", "CYBER-ESSENTIALS-PLUS"),
)
"""How certificates are written, and which type here they are."""

_IN_FORCE = frozenset({"published", "enabled"})
_SERVICES_BY_PEOPLE = frozenset({"scs", "cloud-support"})
_COUNTRIES = {"uk": "GB", "united kingdom": "GB"}
_FORMATS = {"csv": "csv", "odf": "odf"}


def read(
    bodies: Sequence[bytes], suppliers: Sequence[bytes] = (), questions: Questions | None = None
) -> ForeignCatalog:
    """The catalog that these files are together; ``suppliers`` are files of supplier records, and
    ``questions`` those of the services' framework.

    :raises Unexpected: when one of them is neither services nor suppliers.
    """
    known = {
        str(record["id"]): record
        for body in suppliers
        for record in _listed(body, "suppliers")
        if "id" in record
    }
    rows = [row for body in bodies for row in _listed(body, "services")]
    own: dict[str, ForeignListing] = {}
    remarks: list[Remark] = []
    repeated: list[str] = []
    for number, row in enumerate(rows, 1):
        id_ = str(row.get("id", "")).strip()
        if not id_ or not isinstance(row.get("serviceName"), str) or not row["serviceName"].strip():
            remarks.append(remark("import.row_not_read", id_ or f"#{number}"))
            continue
        kept = without_people(row)
        if id_ in own:
            repeated.append(id_)
            differs = kept != own[id_].written
            remarks.append(remark("import.repeated_id_differs" if differs else "import.repeated_id", id_))
            continue
        listing = _listing(id_, kept, known)
        own[id_] = listing if questions is None else replace(listing, faults=questions.faults(row))
    if not own:
        raise Unexpected("there is no service that can be read")
    listings = list(own.values())
    remarks.extend(told for listing in listings for told in listing.remarks)
    return ForeignCatalog(
        marketplace=MARKETPLACE,
        shape="services",
        status_field="status",
        stamp="",
        rows=len(rows),
        listings=listings,
        remarks=remarks,
        counts={
            name: dict(Counter(str(one.written[name]) for one in listings if name in one.written))
            for name in ("status", "lot", "frameworkSlug")
        },
        repeated=sorted(set(repeated)),
        expired=0,
    )


def _listed(body: bytes, what: str) -> list[dict[str, Any]]:
    values = list(documents(body))
    if len(values) == 1 and isinstance(values[0], dict) and what in values[0]:
        inner = values[0][what]
        return objects(inner if isinstance(inner, list) else [inner], what)
    if len(values) == 1 and isinstance(values[0], list):
        return objects(values[0], what)
    return objects(values, what)


def _listing(id_: str, row: Json, suppliers: Mapping[str, Json]) -> ForeignListing:
    plain = {name: _unwrapped(value) for name, value in row.items()}
    draft = Draft(id_, plain)
    draft.used |= {
        "id",
        "status",
        "frameworkName",
        "frameworkSlug",
        "links",
        "createdAt",
        "updatedAt",
        "title",
    }
    for name in stray_fields(plain):
        draft.remark("import.stray_space", name)
    if (code := code_of(f"g-cloud-{id_}")) is not None:
        draft.put(("product", "code"), code)
    if str(plain.get("status", "published")).strip().lower() not in _IN_FORCE:
        draft.remark("import.not_in_force", "status")
    if str(draft.text("lot") or "").lower() in _SERVICES_BY_PEOPLE:
        draft.remark("import.out_of_scope", "lot")
    draft.put_text(("product", "name", "en"), "serviceName", 300)
    _summary(draft)
    _category(draft)
    _deployment(draft)
    _prices(draft)
    draft.put_text(("product", "support", "hours"), "supportAvailability", 120)
    _supplier(draft, suppliers)
    _reselling(draft)
    _certificates(draft)
    _places(draft)
    _portability(draft)
    return draft.finished(row)


def _summary(draft: Draft) -> None:
    parts = [draft.text("serviceSummary") or draft.text("serviceDescription") or ""]
    for name in ("serviceFeatures", "serviceBenefits"):
        parts += [f"- {item.strip()}" for item in _texts(draft, name)]
    text = "\n".join(part for part in parts if part)
    if text:
        draft.put(("product", "summary", "en"), draft.fit(text, 2000, "serviceSummary"))


def _category(draft: Draft) -> None:
    names = [*_texts(draft, "serviceTypes"), *_texts(draft, "serviceCategories")]
    found = {CATEGORIES[name.strip().lower()] for name in names if name.strip().lower() in CATEGORIES}
    if len(found) == 1:
        draft.put(("product", "category"), found.pop())
    elif names:
        draft.remark("import.no_equivalent", "serviceTypes")


def _deployment(draft: Draft) -> None:
    found: list[str] = []
    names = [name for field in ("cloudDeploymentModel", "deploymentModel") for name in _texts(draft, field)]
    for name in names:
        known = name.strip().lower()
        if known not in DEPLOYMENTS:
            draft.remark("import.unknown_word", "cloudDeploymentModel")
        elif (deployment := DEPLOYMENTS[known]) is None:
            draft.remark("import.no_equivalent", "cloudDeploymentModel")
        elif deployment not in found:
            found.append(deployment)
    if found:
        draft.put(("product", "deployment"), found)


def _prices(draft: Draft) -> None:
    """Prices are in pounds. They stay where they are: a rate of exchange is no list price."""
    if any(draft.row.get(name) not in {None, ""} for name in ("priceMin", "priceMax", "priceString")):
        draft.remark("import.currency", "priceMin")


def _supplier(draft: Draft, suppliers: Mapping[str, Json]) -> None:
    draft.put_text(("vendor", "name"), "supplierName", 300)
    number = draft.row.get("supplierId")
    if number is None:
        return
    record = suppliers.get(str(number))
    if record is None:
        draft.remark("import.supplier_unknown", "supplierId")
        return
    draft.used.add("supplierId")
    name = record.get("registeredName") or record.get("name")
    if isinstance(name, str) and name.strip():
        draft.put(("vendor", "name"), draft.fit(name, 300, "supplierId"))
    written = record.get("companiesHouseNumber")
    if isinstance(written, str) and written.strip():
        company = OrganisationId("GB-COH", written.strip().upper())
        if identifiers.is_well_formed(company):
            draft.put(("vendor", "identifiers"), [{"scheme": company.scheme, "id": company.id}])
            draft.put(("vendor", "country"), "GB")
        else:
            draft.remark("import.identifier_malformed", "companiesHouseNumber")


def _reselling(draft: Draft) -> None:
    kind = draft.text("resellingType")
    if kind is None:
        return
    role = RESELLING.get(kind)
    if role is None:
        draft.remark("import.unknown_word", "resellingType")
        return
    draft.put(("vendor", "role"), role)
    if role == "reseller":
        draft.put(("vendor", "is_manufacturer"), value=False)
        draft.put_text(("maker", "name"), "resellingOrganisations", 300)


def _certificates(draft: Draft) -> None:
    found: list[dict[str, Any]] = []
    for written in _texts(draft, "vendorCertifications"):
        type_ = next((type_ for form, type_ in CERTIFICATES if re.search(form, written, re.IGNORECASE)), None)
        if type_ is None:
            draft.remark("import.unknown_word", "vendorCertifications")
        else:
            edition = re.search(r":\s*((?:19|20)[0-9]{2})\b", written, re.ASCII)
            found.append({"type": type_, **({"edition": edition[1]} if edition else {})})
    if draft.row.get("standardsISOIEC27001") is True:
        found.append({"type": "ISO27001", **_told(draft, "standardsISOIEC27001")})
    draft.used.add("standardsISOIEC27001")
    star = draft.text("standardsCSASTARLevel") or ""
    if draft.row.get("standardsCSASTAR") is True:
        if star.startswith("level_1"):
            draft.remark("import.not_carried_over", "standardsCSASTARLevel")  # it is a self-assessment
        else:
            found.append({"type": "CSA-STAR", **_told(draft, "standardsCSASTAR")})
    draft.used.add("standardsCSASTAR")
    certificates = [one for number, one in enumerate(found) if one not in found[:number]][:20]
    if certificates:
        draft.put(("certifications",), certificates)


def _told(draft: Draft, name: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if (body := draft.text(f"{name}Who")) is not None:
        told["certification_body"] = draft.fit(body, 200, f"{name}Who")
    if (since := draft.text(f"{name}When")) is not None:
        day = written_day(since)
        if day is None:
            draft.remark("import.date_is_words", f"{name}When")
        else:
            told["valid_from"] = day
    return told


def _places(draft: Draft) -> None:
    name = next(
        (name for name in ("dataStorageAndProcessingLocations", "datacentreLocations") if name in draft.row),
        None,
    )
    if name is None:
        return
    words = _texts(draft, name)
    countries = [_COUNTRIES.get(word.strip().lower()) for word in words]
    if countries and all(country is not None for country in countries):
        places = sorted({country for country in countries if country is not None})
        draft.put(("data",), [{"class": "content", "at_rest": places, "processing": places}])
    elif words:
        draft.remark("import.region_not_country", name)


def _portability(draft: Draft) -> None:
    formats = []
    for word in _texts(draft, "dataExportFormats"):
        if word in _FORMATS:
            formats.append(_FORMATS[word])
        elif word != "other":
            draft.remark("import.unknown_word", "dataExportFormats")
    if formats:
        draft.put(("portability", "formats"), sorted(set(formats)))


def _texts(draft: Draft, name: str) -> list[str]:
    """A field's texts, whether it is one or a list."""
    draft.used.add(name)
    value = draft.row.get(name)
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, str) and item.strip()]


def _unwrapped(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) and "value" in value else value
