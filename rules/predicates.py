"""Predicates: what conditions cannot say, in Python; named, versioned and pure.

A predicate returns whether its property holds (None: cannot be said) and a detail for the trace, never a
decision. A changed predicate gets a new version, so that old packs go on meaning what they meant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.corporate_number import is_well_formed
from rules.names import compare
from rules.vocabulary import Kind


@dataclass(frozen=True, slots=True)
class Predicate:
    """A predicate and the kinds of its arguments."""

    name: str
    takes: tuple[Kind, ...]
    holds: Callable[..., tuple[bool | None, str]]


def _corporate_number(number: str) -> tuple[bool | None, str]:
    """The check digit fits (see :mod:`pipeline.corporate_number`)."""
    fits = is_well_formed(number)
    return fits, "check digit fits" if fits else "check digit does not fit"


def _same_name(one: str, other: str) -> tuple[bool | None, str]:
    """The two names are the same company name (see :mod:`rules.names`)."""
    comparison = compare(one, other)
    verdict = {"same": True, "different": False, "unclear": None}[comparison.result]
    return verdict, ", ".join(reason.code for reason in comparison.reasons)


PREDICATES: dict[str, Predicate] = {
    predicate.name: predicate
    for predicate in (
        Predicate("corporate-number/1", (Kind.TEXT,), _corporate_number),
        Predicate("same-name/1", (Kind.TEXT, Kind.TEXT), _same_name),
    )
}
"""Every predicate by name and version, as packs write it."""
