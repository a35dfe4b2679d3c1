"""Facets: what buyers narrow a search by, and what follows from what.

A facet has values; a value may follow from others (``derived_from``, as the United Kingdom's catalogue
called it): a product whose data stay in Japan is found under "Japan or EEA" too, and an ISMAP listing
satisfies "ISMAP-LIU or better". What follows is worked out when a listing is read, once, so searching costs
nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a facet. It holds where it is said itself, or where any of ``derived_from`` holds.

    ``ignored`` values are kept and shown but nobody filters by them, such as "other".
    """

    code: str
    derived_from: tuple[str, ...] = ()
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet by its name in the URL. ``values`` is empty where they are open: prefectures, buyers,
    languages.
    """

    name: str
    values: tuple[Value, ...] = ()
    _closed: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_closed", _closure(self.values))

    @classmethod
    def from_question(cls, question: Mapping[str, Any]) -> Facet:
        """The facet of a catalogue question in the United Kingdom's form.

        Source: digitalmarketplace-frameworks, ``questions/services/*.yml``: ``options`` with ``value``,
        ``derived_from`` (of the same question) and ``filter_ignore``.
        """
        values = []
        for option in question.get("options") or ():
            derived = option.get("derived_from") or {}
            own = derived.get("question", question["id"]) == question["id"]
            values.append(
                Value(
                    option["value"],
                    tuple(derived.get("any_of", ())) if own else (),
                    bool(option.get("filter_ignore")),
                )
            )
        return cls(question["id"], tuple(values))

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes that one may filter by."""
        return tuple(value.code for value in self.values if not value.ignored)

    def satisfied(self, said: Iterable[str]) -> frozenset[str]:
        """Every value that holds when these are said."""
        found: set[str] = set()
        for code in said:
            found.add(code)
            found |= self._closed.get(code, frozenset())
        return frozenset(found)


def _closure(values: Sequence[Value]) -> dict[str, frozenset[str]]:
    """For each value, those that follow from it, over any number of steps."""
    follows: dict[str, set[str]] = {value.code: set() for value in values}
    for value in values:
        for source in value.derived_from:
            follows.setdefault(source, set()).add(value.code)
    closed: dict[str, frozenset[str]] = {}
    for code in follows:
        reached: set[str] = set()
        pending = [code]
        while pending:
            for following in follows.get(pending.pop(), ()):
                if following not in reached:
                    reached.add(following)
                    pending.append(following)
        closed[code] = frozenset(reached)
    return closed


@dataclass(frozen=True, slots=True)
class Mark:
    """A facet's value on a listing. ``verified`` says that a source confirms it, else it is declared.

    ``until`` is the last day on which it holds; None where it does not end.
    """

    facet: str
    code: str
    verified: bool
    until: date | None = None


def marks(facet: Facet, said: Iterable[tuple[str, bool, date | None]]) -> list[Mark]:
    """The marks that follow from values said of a listing, each as strongly as anything that it follows from.

    A value that follows from two keeps the longer term; a verified one goes before a declared one, which is
    kept beside it where it holds for longer.
    """
    best: dict[tuple[str, bool], date | None] = {}
    for code, verified, until in said:
        for following in facet.satisfied([code]):
            key = (following, verified)
            if key not in best or (best[key] is not None and (until is None or until > _known(best[key]))):
                best[key] = until
    return [
        Mark(facet.name, code, verified, until)
        for (code, verified), until in sorted(best.items())
        if verified or not _covered(best.get((code, True), ...), until)
    ]


def _known(day: date | None) -> date:
    assert day is not None
    return day


def _covered(verified_until: object, until: date | None) -> bool:
    """Whether a verified mark lasts at least as long as a declared one."""
    if verified_until is ...:
        return False
    return verified_until is None or (
        until is not None and isinstance(verified_until, date) and verified_until >= until
    )


EEA = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "HR",
        "CY",
        "CZ",
        "DK",
        "EE",
        "FI",
        "FR",
        "DE",
        "GR",
        "HU",
        "IE",
        "IT",
        "LV",
        "LT",
        "LU",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SK",
        "SI",
        "ES",
        "SE",
        "IS",
        "LI",
        "NO",
    ]
)
"""The states of the European Economic Area."""

CATEGORY = Facet(
    "category",
    tuple(
        Value(code)
        for code in (
            "chat",
            "web-meeting",
            "data-analysis",
            "accounting",
            "development-tools",
            "project-management",
        )
    ),
)
BUYER = Facet("buyer")
RESIDENCY = Facet(
    "residency",
    (
        Value("jp-only"),
        Value("jp", ("jp-only",)),
        Value("jp-eea", ("jp",)),
        Value("jp-eea-gb", ("jp-eea",)),
    ),
)
"""``jp-only``: kept, handled and reached by support in Japan only; the others are about where data are
kept.
"""

CERTIFICATE = Facet(
    "certificate",
    (
        Value("ismap"),
        Value("ismap-liu", ("ismap",)),
        Value("iso27001"),
        Value("iso27017"),
        Value("iso27018"),
        Value("iso27701"),
        Value("privacymark"),
        Value("soc2"),
        Value("csa-star"),
        Value("cyber-essentials-plus"),
    ),
)
DEPLOYMENT = Facet(
    "deployment",
    tuple(Value(code) for code in ("public-cloud", "private-cloud", "government-cloud", "lgwan-asp")),
)
LANGUAGE = Facet("language")
PREFECTURE = Facet("prefecture")
COMPANY = Facet("company", (Value("startup"), Value("sme"), Value("maker"), Value("reseller")))
LAW = Facet("law", (Value("jp-law-and-court"), Value("jp-law", ("jp-law-and-court",))))
FORMAT = Facet("format", tuple(Value(code) for code in ("csv", "json", "xml", "parquet", "odf", "sql-dump")))
EXIT = Facet(
    "exit",
    (
        Value("free-to-leave"),
        Value("open-format", ("free-to-leave",)),
        Value("fee-disclosed", ("free-to-leave",)),
        Value("retrieval-60"),
        Value("retrieval-30", ("retrieval-60", "free-to-leave")),
        Value("deletion-certified"),
    ),
)
"""How one gets out. ``free-to-leave``: an open format, exit charges disclosed, 30 days or more to fetch the
data.
"""

FACETS: tuple[Facet, ...] = (
    CATEGORY,
    BUYER,
    RESIDENCY,
    CERTIFICATE,
    DEPLOYMENT,
    EXIT,
    FORMAT,
    LAW,
    COMPANY,
    PREFECTURE,
    LANGUAGE,
)
"""Every facet, in the order in which it is shown."""

BY_NAME: Mapping[str, Facet] = {facet.name: facet for facet in FACETS}
