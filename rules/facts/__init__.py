"""From application and evidence to facts: what rules see of a case, each fact with where it comes from.

What the vendor declares is copied as :mod:`rules.vocabulary` says. What sources answered is read, one module
a family: it verifies what is declared, contradicts it, or adds to it. A fact that nobody states is left out;
it is never guessed. Documented in ``docs/facts.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from pipeline.documents import Json
from pipeline.model import Answered, Dossier, Evidence, Gap
from rules.facts import business, certificates, declared, exclusions, registers, startups
from rules.facts.draft import Draft
from rules.provenance import JAPAN
from rules.vocabulary import FACTS

DOCUMENT = "document"
"""The source of a facts document that comes without provenance and is taken as it is."""

_FAMILIES = (
    declared.add,
    registers.add,
    business.add,
    certificates.add,
    exclusions.add,
    startups.add,
)
"""In this order: whom a certificate is made out to is compared with the registered names."""


def assemble(
    application: Json, evidence: Sequence[Evidence], gaps: Sequence[Gap], as_of: datetime
) -> Dossier:
    """The dossier of an application with what sources answered and what they did not."""
    draft = Draft(application, evidence, gaps, as_of)
    for add in _FAMILIES:
        add(draft)
    return Dossier(
        as_of=as_of,
        facts=draft.facts,
        provenance=draft.provenance,
        gaps=tuple(gaps),
        evidence=tuple(Answered.of(item) for item in evidence),
    )


def dossier_of(facts: Json, day: date) -> Dossier:
    """The dossier of a bare facts document as of a day in Japan. Its facts count as verified on that day."""
    as_of = datetime(day.year, day.month, day.day, tzinfo=JAPAN).astimezone(UTC)
    return Dossier(as_of=as_of, facts=facts, provenance={"": {"source": DOCUMENT}})


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
