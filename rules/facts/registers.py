"""Home registers: that vendor and maker exist, go on existing, and bear the name they give.

The home register is that of the party's country, if the party gives its number there; else Japan's, if it has
a corporate number; else any other whose number it gives; and GLEIF's where none of these is asked. One
register says what holds; GLEIF's, where it was asked besides, can only contradict it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.corporate_number import is_well_formed
from pipeline.documents import Json
from pipeline.model import Evidence, Gap, Presence
from rules.facts.declared import full_years
from rules.facts.draft import MAKER, VENDOR, Draft, day
from rules.names import best
from rules.vocabulary import BY_PATH

CHECK_DIGIT = "check-digit"
"""The source of what a corporate number says of itself."""

_JAPAN = ("JP", "JP-JCN", "jp.nta")
_HOMES = (
    _JAPAN,
    ("GB", "GB-COH", "gb.companies-house"),
    ("NO", "NO-BRC", "no.brreg"),
    ("FR", "FR-INSEE", "fr.entreprises"),
)
"""Country, scheme of its numbers (org-id.guide), source."""

_LEIS = "int.gleif"

_COMPLETE = frozenset({"jp.nta", "gb.companies-house", "no.brreg"})
"""Registers whose silence says that there is no such number. Who objects to being shown is not in
``fr.entreprises``, and few firms have an LEI.
"""

_AUTHORITIES: Mapping[str, str] = {"GB-COH": "RA000585", "NO-BRC": "RA000472"}
"""How GLEIF codes these registers. Of Japan its connector gives the corporate number itself."""

_INSOLVENT = frozenset({"insolvent", "bankrupt", "compulsory-winding-up"})
"""Warnings of registers that insolvency proceedings run."""

_FORMER = frozenset({"PREVIOUS_LEGAL_NAME"})
_REGISTERED = frozenset(
    {
        "ALTERNATIVE_LANGUAGE_LEGAL_NAME",
        "PREFERRED_ASCII_TRANSLITERATED_LEGAL_NAME",
        "AUTO_ASCII_TRANSLITERATED_LEGAL_NAME",
    }
)
"""GLEIF's kinds of other names that are the legal name in another form; a trading name is not."""


def add(draft: Draft) -> None:
    """``registry`` of the vendor, ``maker`` of whoever makes what it resells."""
    vendor = draft.application["vendor"]
    if (number := draft.value("vendor.corporate_number")) is not None and not is_well_formed(number):
        draft.facts["registry"] = {"found": False}
        draft.provenance["registry"] = {"source": CHECK_DIGIT}
    elif (home := _enter(draft, "registry", vendor, VENDOR)) is not None:
        _insolvency(draft, home)
        founded = day(home.record.get("founded_on"))
        draft.compare("vendor.age_years", full_years(founded, draft.today), home)
    if (maker := draft.application.get("maker")) is not None:
        _maker(draft, maker)


def _enter(draft: Draft, section: str, party: Json, role: str) -> Evidence | None:
    """Write what the party's home register says, and return its answer."""
    home = _home(draft, party, role)
    if isinstance(home, Gap):
        draft.give_up(section, home)
        return None
    if home is None:
        return None
    for name, value in _entry(party["name"], home).items():
        if f"{section}.{name}" in BY_PATH:
            draft.verify(f"{section}.{name}", value, home)
    other = draft.answer(_LEIS, role)
    if other is not None and other is not home:
        for name, value in _contradictions(draft.facts[section], home, other):
            draft.contradict(f"{section}.{name}", value, other)
    return home


def _home(draft: Draft, party: Json, role: str) -> Evidence | Gap | None:
    """The answer of the home register, why it has none, or None where nobody was asked who could tell."""
    for source in _registers(party):
        if (gap := draft.gap(source, role)) is not None:
            return gap
        answer = draft.answer(source, role)
        if answer is not None and _says(answer):
            return answer
    return None


def _registers(party: Json) -> Iterable[str]:
    schemes = {identifier["scheme"] for identifier in party.get("identifiers", ())}
    numbered = [home for home in _HOMES if home[1] in schemes]
    # Sorting keeps the table's order, in which Japan comes first.
    for _, _, source in sorted(numbered, key=lambda home: home[0] != party["country"]):
        yield source
    yield _LEIS


def _says(answer: Evidence) -> bool:
    if answer.presence is Presence.FOUND:
        return True
    return answer.source in _COMPLETE or (answer.source == _LEIS and answer.subject.scheme == "XI-LEI")


def _entry(declared_name: str, answer: Evidence) -> dict[str, Any]:
    record = answer.record
    if answer.presence is Presence.ABSENT or record.get("withdrawn"):
        return {"found": False, **({"withdrawn": True} if record.get("withdrawn") else {})}
    current, former = _names(answer)
    approximate = bool(record.get("name_is_approximate"))
    entry = {
        "found": True,
        "closed": record.get("closed"),
        "closed_on": record.get("closed_on"),
        "close_cause": record.get("close_cause") if answer.source == _JAPAN[2] else None,
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


def _contradictions(entry: Json, home: Evidence, other: Evidence) -> Iterable[tuple[str, Any]]:
    """What GLEIF's record says against the home register's. That it lags behind a closing is no
    contradiction, nor that an LEI is unknown: few firms have one, and records follow what the register
    entered.
    """
    if other.presence is Presence.ABSENT or not entry.get("found"):
        return
    if (number := _number_of(home.subject.scheme, other.record)) not in {None, _bare(home.subject.id)}:
        yield "found", number
    if other.record.get("closed") is True and entry.get("closed") is False:
        yield "closed", True


def _number_of(scheme: str, record: Json) -> str | None:
    """The number in the register of this scheme that a record of GLEIF's gives."""
    if scheme == _JAPAN[1]:
        return record.get("corporate_number")
    register = record.get("register", {})
    return _bare(register["number"]) if register.get("authority") == _AUTHORITIES.get(scheme, "") else None


def _bare(number: str) -> str:
    """A number without the spaces and marks that each issuer sets as he likes."""
    return re.sub(r"[\W_]", "", number).upper()


def _insolvency(draft: Draft, home: Evidence) -> None:
    if not _INSOLVENT.isdisjoint(home.record.get("warnings", ())):
        draft.compare("insolvency.petition", True, home)


def _maker(draft: Draft, maker: Json) -> None:
    home = _enter(draft, "maker", maker, MAKER)
    if home is None:
        return
    gone = draft.value("maker.found") is False or draft.value("maker.closed") is True
    if gone and draft.value("reseller.authorised"):
        # Who does not exist, or no longer, authorises nobody.
        draft.contradict("reseller.authorised", False, home)
