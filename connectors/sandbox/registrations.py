"""What Japanese lists say of the world's companies: qualifications, certificates, listings, suspensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any

import yaml

from connectors.sandbox.world import Company, World

INVOICES_BEGIN = date(2023, 10, 1)
"""The day on which the qualified invoice system began (適格請求書等保存方式)."""


@dataclass(frozen=True, slots=True)
class Business:
    """A company's figures, and its unified qualification: the kinds it holds, all of one grade."""

    company: Company
    employees: int
    grade: str
    kinds: tuple[str, ...]
    capital: int | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of a management system, valid from ``since`` through ``until``."""

    company: Company
    number: str
    standard: str
    body: str
    since: date
    until: date
    scope: str


@dataclass(frozen=True, slots=True)
class Service:
    """A listing on ``ismap`` or ``ismap-liu``; ``renewal`` is when its renewal was applied for."""

    list: str
    number: str
    provider: str
    service: str
    since: date
    until: date
    scope: str
    renewal: date | None = None


@dataclass(frozen=True, slots=True)
class PrivacyMark:
    """A PrivacyMark, granted ``grants`` times."""

    company: Company
    number: str
    grants: int
    until: date


@dataclass(frozen=True, slots=True)
class Measure:
    """A nomination suspension. ``number`` is the corporate number, ``""`` where the entry has none."""

    name: str
    number: str
    address: str
    measured_on: date
    authority: str
    since: date
    until: date
    measure: str
    reason: str


@dataclass(frozen=True)
class Registrations:
    """All of them, about the companies of one world."""

    businesses: Mapping[str, Business]
    """By corporate number."""
    certificates: Mapping[str, Certificate]
    """By certificate number."""
    services: tuple[Service, ...]
    privacy_marks: Mapping[str, PrivacyMark]
    """By number."""
    measures: tuple[Measure, ...]
    startups: Mapping[str, tuple[Company, ...]]
    """By list."""
    sole_traders: frozenset[str]
    revocations: Mapping[str, date]
    """By corporate number."""


def of(world: World) -> Registrations:
    """What the lists say of the companies in this world; of others they say nothing."""
    document = yaml.safe_load(
        resources.files("connectors.sandbox").joinpath("registrations.yaml").read_text(encoding="utf-8")
    )
    companies = {company.key: company for company in world.companies}

    def entries(section: str) -> list[dict[str, Any]]:
        return [
            {**entry, "company": companies.get(entry.get("company", ""))}
            for entry in document[section]
            if entry.get("company") is None or entry["company"] in companies
        ]

    return Registrations(
        businesses={
            _number(entry["company"]): Business(**{**entry, "kinds": tuple(entry["kinds"])})
            for entry in entries("businesses")
        },
        certificates={entry["number"]: Certificate(**entry) for entry in entries("certificates")},
        services=tuple(map(_service, entries("services"))),
        privacy_marks={entry["number"]: PrivacyMark(**entry) for entry in entries("privacy_marks")},
        measures=tuple(map(_measure, entries("suspensions"))),
        startups={
            name: tuple(companies[key] for key in keys if key in companies)
            for name, keys in document["startups"].items()
        },
        sole_traders=frozenset(document["sole_traders"]),
        revocations={_number(entry["company"]): entry["revoked_on"] for entry in entries("revocations")},
    )


def _number(company: Company) -> str:
    return company.identifiers["JP-JCN"]


def _service(entry: dict[str, Any]) -> Service:
    company = entry.pop("company")
    return Service(**{"provider": company.name if company else "", **entry})


def _measure(entry: dict[str, Any]) -> Measure:
    company: Company | None = entry.pop("company")
    if company is None:
        return Measure(**{"number": "", **entry})
    return Measure(**{"name": company.name, "number": _number(company), "address": place(company), **entry})


def place(company: Company) -> str:
    """The head office in one text, as Japanese lists write it."""
    address = company.address.japanese
    return address.prefecture + address.city + address.street if address else ""
