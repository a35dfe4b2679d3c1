"""What the LEI API answers with besides LEI records: lists of codes, completions of names, who owns whom.

Each type of resource is read by its name, into a record with these keys, left out where it does not say.

======================== ====================================================================================
registration-authorities ``code`` (RA), ``name`` of the organisation, ``local_name``, ``register`` and
                         ``local_register`` (what it keeps), ``website``, ``jurisdictions`` (country codes or
                         names of parts of a country)
entity-legal-forms       ``code`` (ELF, ISO 20275), ``names`` (``{name, language, latin}``), ``country``,
                         ``subdivision``, ``active``
reporting-exceptions     ``lei``, ``parent`` (``direct`` or ``ultimate``), ``reason`` why none is reported,
                         ``valid_from``, ``valid_to``
relationship-records     ``child``, ``parent`` (LEIs), ``kind``, ``active``
fuzzycompletions,        ``name`` and, where one entity has it, ``lei``: hints for a search, without a score
autocompletions
fields                   ``field`` (a filter's name), ``label``, ``type``, ``operators``
countries,               ``code``, ``name``
jurisdictions, regions
isins                    ``lei``, ``isin``
lei-issuers              ``lei``, ``name``
======================== ====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors import schemas
from connectors.strict import Unexpected
from pipeline.documents import Json

SOURCE = "int.gleif"
LEI = "XI-LEI"

Reading = tuple[str, str, dict[str, Any]]
"""Scheme and number of what the record is about, and the record."""


def read(resource: Json) -> Reading:
    """What a resource other than an LEI record says.

    :raises Unexpected: when its type is none of these, or it does not obey the schema of its type.
    """
    kind = resource["type"]
    reader = _READERS.get(kind)
    if reader is None:
        raise Unexpected("the resource is of a type that is not read")
    schemas.check(SOURCE, resource["attributes"], kind)
    scheme, number, record = reader(resource)
    return scheme, number, {key: value for key, value in record.items() if value is not None}


def _authority(resource: Json) -> Reading:
    attributes = resource["attributes"]
    places = [place.get("jurisdiction") or place.get("countryCode") for place in attributes["jurisdictions"]]
    return (
        "XI-RA",
        attributes["code"],
        {
            "code": attributes["code"],
            "name": attributes.get("internationalOrganizationName"),
            "local_name": attributes.get("localOrganizationName"),
            "register": attributes.get("internationalName"),
            "local_register": attributes.get("localName"),
            "website": attributes.get("website"),
            "jurisdictions": [place for place in places if place],
        },
    )


def _legal_form(resource: Json) -> Reading:
    attributes = resource["attributes"]
    names = [
        {
            key: value
            for key, value in (
                ("name", name.get("localName")),
                ("language", name.get("languageCode")),
                ("latin", name.get("transliteratedName")),
            )
            if value
        }
        for name in attributes["names"]
    ]
    return (
        "XI-ELF",
        attributes["code"],
        {
            "code": attributes["code"],
            "names": names,
            "country": attributes.get("countryCode"),
            "subdivision": attributes.get("subdivisionCode"),
            "active": attributes["status"] == "ACTV",
        },
    )


def _exception(resource: Json) -> Reading:
    attributes = resource["attributes"]
    return (
        LEI,
        attributes["lei"],
        {
            "lei": attributes["lei"],
            "parent": "direct" if attributes["category"].startswith("DIRECT") else "ultimate",
            "reason": attributes["reason"],
            "valid_from": _day(attributes.get("validFrom")),
            "valid_to": _day(attributes.get("validTo")),
        },
    )


def _relationship(resource: Json) -> Reading:
    relationship = resource["attributes"]["relationship"]
    child = relationship["startNode"]["id"]
    return (
        LEI,
        child,
        {
            "child": child,
            "parent": relationship["endNode"]["id"],
            "kind": relationship["type"],
            "active": relationship["status"] == "ACTIVE",
        },
    )


def _completion(resource: Json) -> Reading:
    # A name that several entities bear comes without one.
    record = resource.get("relationships", {}).get("lei-records")
    lei = record["data"]["id"] if record else None
    return LEI, lei or "", {"name": resource["attributes"]["value"], "lei": lei}


def _field(resource: Json) -> Reading:
    attributes = resource["attributes"]
    return (
        "XI-GLEIF-FIELD",
        resource.get("id", ""),
        {
            "field": attributes["field"],
            "label": attributes["label"],
            "type": attributes["data_type"],
            "operators": attributes.get("operators"),
        },
    )


def _code(resource: Json) -> Reading:
    attributes = resource["attributes"]
    return "XI-ISO-3166", attributes["code"], {"code": attributes["code"], "name": attributes.get("name")}


def _security(resource: Json) -> Reading:
    attributes = resource["attributes"]
    return LEI, attributes["lei"], {"lei": attributes["lei"], "isin": attributes["isin"]}


def _issuer(resource: Json) -> Reading:
    attributes = resource["attributes"]
    return LEI, attributes["lei"], {"lei": attributes["lei"], "name": attributes["name"]}


def _day(moment: str | None) -> str | None:
    return None if moment is None else moment[:10]


_READERS: Mapping[str, Callable[[Json], Reading]] = {
    "registration-authorities": _authority,
    "entity-legal-forms": _legal_form,
    "reporting-exceptions": _exception,
    "relationship-records": _relationship,
    "fuzzycompletions": _completion,
    "autocompletions": _completion,
    "fields": _field,
    "countries": _code,
    "jurisdictions": _code,
    "regions": _code,
    "isins": _security,
    "lei-issuers": _issuer,
}
