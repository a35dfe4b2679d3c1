"""From application and evidence to facts: what rules see of a case, each fact with where it comes from.

What the vendor declares is copied as :mod:`rules.vocabulary` says. What registers say is read here, section
by section. A fact that nobody states is left out; it is never guessed. Documented in ``docs/facts.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from pipeline.corporate_number import is_well_formed
from pipeline.documents import Json
from pipeline.model import Answered, Dossier, Evidence, Gap, Presence, isoformat
from rules.names import best
from rules.provenance import DECLARATION, JAPAN
from rules.vocabulary import FACTS

DOCUMENT = "document"
"""The source of a facts document that comes without provenance and is taken as it is."""

CHECK_DIGIT = "check-digit"
"""The source of what a corporate number says of itself."""

_CORPORATE_NUMBERS = "jp.nta"
_LEIS = "int.gleif"
_VENDOR = "vendor"

_SME_CAPITAL_JPY = 300_000_000
_SME_EMPLOYEES = 300
"""Small or medium in software and information processing: either figure suffices (SME Agency, table of
definitions).
"""

_FORMER = frozenset({"PREVIOUS_LEGAL_NAME"})
_REGISTERED = frozenset(
    {
        "ALTERNATIVE_LANGUAGE_LEGAL_NAME",
        "PREFERRED_ASCII_TRANSLITERATED_LEGAL_NAME",
        "AUTO_ASCII_TRANSLITERATED_LEGAL_NAME",
    }
)
"""GLEIF's kinds of other names that are the legal name in another form; a trading name is not."""

_AREAS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "tokyo-metropolitan": ("JP-13", ()),
    "kobe-city": ("JP-28", ("神戸市", "kobe")),
}
"""The area of a local buyer: prefecture (ISO 3166-2) and, for a city, how its name begins."""


def assemble(
    application: Json, evidence: Sequence[Evidence], gaps: Sequence[Gap], as_of: datetime
) -> Dossier:
    """The dossier of an application with what sources answered and what they did not."""
    facts = _declared(application)
    provenance: dict[str, Any] = {"": {"source": DECLARATION}}
    vendor = facts.setdefault("vendor", {})
    vendor |= _vendor(application, as_of.astimezone(JAPAN).date())
    if (authorised := _authorised(application, as_of.astimezone(JAPAN).date())) is not None:
        facts["reseller"] = {"authorised": authorised}
    if (excluded := _excluded(application, as_of.astimezone(JAPAN).date())) is not None:
        facts.setdefault("exclusion", {})["discretionary"] = excluded
    registry, origins = _registry(vendor, evidence, gaps)
    if registry:
        facts["registry"] = registry
    provenance |= origins
    return Dossier(
        as_of=as_of,
        facts=facts,
        provenance=provenance,
        gaps=tuple(gaps),
        evidence=tuple(Answered.of(item) for item in evidence),
    )


def dossier_of(facts: Json, day: date) -> Dossier:
    """The dossier of a bare facts document as of a day in Japan. Its facts count as verified on that day."""
    as_of = datetime(day.year, day.month, day.day, tzinfo=JAPAN).astimezone(UTC)
    return Dossier(as_of=as_of, facts=facts, provenance={"": {"source": DOCUMENT}})


def _declared(application: Json) -> dict[str, Any]:
    """Every fact that repeats a field of the application."""
    facts: dict[str, Any] = {}
    for fact in FACTS:
        if fact.copied_from is None:
            continue
        value = _at(application, fact.copied_from)
        if value is None:
            continue
        *sections, name = fact.path.removesuffix("[]").split(".")
        place = facts
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return facts


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(document, Mapping):
            return None
        document = document.get(name)
    return document


def _vendor(application: Json, today: date) -> dict[str, Any]:
    declared = application["vendor"]
    identifiers = {identifier["scheme"]: identifier["id"] for identifier in reversed(declared["identifiers"])}
    derived = {
        "corporate_number": identifiers.get("JP-JCN"),
        "lei": identifiers.get("XI-LEI"),
        "sme": _is_sme(declared.get("capital_jpy"), declared.get("employees")),
        "age_years": _full_years(declared.get("founded_on"), today),
        "office_in_buyer_area": _office_in_area(
            declared.get("offices"), application["use"].get("buyers", ())
        ),
    }
    return {name: value for name, value in derived.items() if value is not None}


def _is_sme(capital: int | None, employees: int | None) -> bool | None:
    """True if either figure is within its limit, False if both are known and neither is, else not known."""
    within = [
        figure <= limit
        for figure, limit in ((capital, _SME_CAPITAL_JPY), (employees, _SME_EMPLOYEES))
        if figure is not None
    ]
    if any(within):
        return True
    return False if len(within) == 2 else None


def _full_years(founded_on: str | None, today: date) -> int | None:
    """Full years from founding to today; a date that is none, or in the future, says nothing."""
    founded = _date(founded_on)
    if founded is None or founded > today:
        return None
    return today.year - founded.year - ((today.month, today.day) < (founded.month, founded.day))


def _date(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None


def _office_in_area(offices: Sequence[Json] | None, buyers: Iterable[str]) -> bool | None:
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
    since, until = _date(authorisation.get("valid_from")), _date(authorisation.get("valid_to"))
    outside = (since is not None and today < since) or (until is not None and until < today)
    return bool(authorisation["confirmed"]) and not outside


def _excluded(application: Json, today: date) -> bool | None:
    """A discretionary exclusion that runs on the day; one without an end goes on."""
    declared = _at(application, "declarations.discretionary_exclusion")
    until = _date(_at(application, "declarations.discretionary_exclusion_until"))
    return declared if not declared or until is None else until >= today


def _registry(
    vendor: Json, evidence: Sequence[Evidence], gaps: Sequence[Gap]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the home register says: the corporate number register for a vendor with such a number, else
    GLEIF's.
    """
    number = vendor.get("corporate_number")
    if number is not None and not is_well_formed(number):
        return {"found": False}, {"registry": {"source": CHECK_DIGIT}}
    home = _CORPORATE_NUMBERS if number is not None else _LEIS
    answers = {one.source: one for one in evidence if one.role == _VENDOR}
    answer = answers.get(home)
    if answer is None:
        gap = next((gap for gap in gaps if gap.role == _VENDOR and gap.source == home), None)
        return {}, {} if gap is None else {"registry": {"source": home, "gap": gap.reason}}
    origin = _origin(answer)
    registry = _entry(vendor["name"], answer)
    origins: dict[str, Any] = {f"registry.{name}": origin for name in sorted(registry)}
    if home == _CORPORATE_NUMBERS and (other := answers.get(_LEIS)) is not None:
        for name, value in _contradictions(registry, number, other):
            origins[f"registry.{name}"] = {**origin, "conflict": {**_origin(other), "value": value}}
    return registry, origins


def _entry(declared_name: str, answer: Evidence) -> dict[str, Any]:
    record = answer.record
    if answer.presence is Presence.ABSENT or record.get("withdrawn"):
        # Few firms have an LEI: that GLEIF has none says nothing unless the vendor gave one.
        if answer.source == _LEIS and answer.subject.scheme != "XI-LEI":
            return {}
        return {"found": False, **({"withdrawn": True} if record.get("withdrawn") else {})}
    current, former = _names(answer)
    approximate = bool(record.get("name_is_approximate"))
    entry = {
        "found": True,
        "closed": record.get("closed"),
        "closed_on": record.get("closed_on"),
        "close_cause": record.get("close_cause"),
        "successor": record.get("successor"),
        "name": record.get("name"),
        "name_match": _score(declared_name, current, approximate=approximate),
        "former_name_match": _score(declared_name, former, approximate=False) or 0.0,
    }
    return {name: value for name, value in entry.items() if value is not None}


def _names(answer: Evidence) -> tuple[list[str], list[str]]:
    """The registered names, and the former ones."""
    record = answer.record
    current = [record.get("name"), record.get("english_name")]
    former = list(record.get("former_names", ()))
    for other in record.get("other_names", ()):
        if other.get("type") in _REGISTERED:
            current.append(other.get("name"))
        elif other.get("type") in _FORMER:
            former.append(other.get("name"))
    return [name for name in current if name], [name for name in former if name]


def _score(declared: str, registered: Iterable[str], *, approximate: bool) -> float | None:
    closest = best(declared, registered, approximate=approximate)
    return None if closest is None else closest.score


def _contradictions(registry: Json, number: str | None, other: Evidence) -> Iterable[tuple[str, Any]]:
    """Where the vendor's LEI record gainsays the home register: another number, or an end that is not
    entered.
    """
    if other.presence is Presence.ABSENT or not registry.get("found"):
        return
    if other.record.get("corporate_number") not in {None, number}:
        yield "found", other.record["corporate_number"]
    if other.record.get("closed") is True and registry.get("closed") is False:
        yield "closed", True


def _origin(answer: Evidence) -> dict[str, Any]:
    return {"source": answer.source, "at": isoformat(answer.observed_at), "capture": answer.capture}


def unknown_paths(facts: Json) -> list[str]:
    """The paths of a facts document that the vocabulary does not have: no rule can name them."""
    return sorted(set(_unknown(facts, "")))


def _unknown(value: Any, at: str) -> Iterable[str]:
    if at and at not in _PREFIXES:
        yield at
    elif isinstance(value, Mapping) and "conflict" not in value:
        for name, member in value.items():
            yield from _unknown(member, f"{at}.{name}" if at else str(name))
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping):
                yield from _unknown(item, at + "[]")


_PREFIXES = {
    part
    for fact in FACTS
    for end in range(1, len(fact.path) + 1)
    if end == len(fact.path) or fact.path[end] in ".["
    for part in [fact.path[:end]]
}
"""Every path of the vocabulary, and every path above one."""
