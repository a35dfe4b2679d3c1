"""What the vendor declares: copied, or worked out from what it declares and the day alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import date
from typing import Any

from pipeline.documents import Json
from rules.facts.draft import Draft, day
from rules.vocabulary import FACTS

_SME_CAPITAL_JPY = 300_000_000
_SME_EMPLOYEES = 300
"""Small or medium in software and information processing: either figure suffices (SME Agency, table of
definitions).
"""

_AREAS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "tokyo-metropolitan": ("JP-13", ()),
    "kobe-city": ("JP-28", ("神戸市", "kobe")),
}
"""The area of a local buyer: prefecture (ISO 3166-2) and, for a city, how its name begins."""


def add(draft: Draft) -> None:
    """Every fact that repeats a field of the application, and those that follow from it."""
    application, vendor = draft.application, draft.application["vendor"]
    for fact in FACTS:
        if fact.copied_from is not None:
            draft.declare(fact.path.removesuffix("[]"), deepcopy(_at(application, fact.copied_from)))
    identifiers = {one["scheme"]: one["id"] for one in reversed(vendor["identifiers"])}
    draft.declare("vendor.corporate_number", identifiers.get("JP-JCN"))
    draft.declare("vendor.lei", identifiers.get("XI-LEI"))
    draft.declare("vendor.sme", is_sme(vendor.get("capital_jpy"), vendor.get("employees")))
    draft.declare("vendor.age_years", full_years(day(vendor.get("founded_on")), draft.today))
    draft.declare(
        "vendor.office_in_buyer_area",
        office_in_area(vendor.get("offices"), application["use"].get("buyers", ())),
    )
    draft.declare("reseller.authorised", _authorised(application, draft.today))
    draft.declare("exclusion.discretionary", _excluded(application, draft.today))
    if _at(application, "declarations.boryokudan_pledge") is True:
        # The pledge says so: whoever is excluded cannot truly give it.
        draft.declare("boryokudan.excluded", False)


def is_sme(capital: int | None, employees: int | None) -> bool | None:
    """True if either figure is within its limit, False if both are known and neither is, else not known."""
    within = [
        figure <= limit
        for figure, limit in ((capital, _SME_CAPITAL_JPY), (employees, _SME_EMPLOYEES))
        if figure is not None
    ]
    if any(within):
        return True
    return False if len(within) == 2 else None


def full_years(founded: date | None, today: date) -> int | None:
    """Full years from founding to today; a day in the future says nothing."""
    if founded is None or founded > today:
        return None
    return today.year - founded.year - ((today.month, today.day) < (founded.month, founded.day))


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(document, Mapping):
            return None
        document = document.get(name)
    return document


def office_in_area(offices: Sequence[Json] | None, buyers: Iterable[str]) -> bool | None:
    """Whether an office lies in the area of the local buyer named. None where there is not exactly one such
    buyer, or an office in its prefecture does not say in which city it is.
    """
    areas = [_AREAS[buyer] for buyer in buyers if buyer in _AREAS]
    if offices is None or len(areas) != 1:
        return None
    ((region, cities),) = areas
    known = True
    for office in offices:
        if office["country"] != "JP" or office.get("region", region) != region:
            continue
        if "region" in office and not cities:
            return True
        if "region" not in office or "city" not in office:
            known = False
        elif office["city"].casefold().startswith(cities):
            return True
    return False if known else None


def _authorised(application: Json, today: date) -> bool | None:
    """The maker's authority to sell, on the day."""
    authorisation = _at(application, "maker.authorisation")
    if authorisation is None:
        return None
    since, until = day(authorisation.get("valid_from")), day(authorisation.get("valid_to"))
    outside = (since is not None and today < since) or (until is not None and until < today)
    return bool(authorisation["confirmed"]) and not outside


def _excluded(application: Json, today: date) -> bool | None:
    """A discretionary exclusion that runs on the day; one without an end goes on."""
    declared = _at(application, "declarations.discretionary_exclusion")
    until = day(_at(application, "declarations.discretionary_exclusion_until"))
    return declared if not declared or until is None else until >= today
