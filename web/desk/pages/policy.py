"""Policies as officers read them: packs and how they stand, their tables, what a proposal changes,
back-test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import islice
from typing import Final

from pipeline.model import Dossier, Text
from rules import differences, pages
from rules.backtest import Backtest
from rules.library import Library
from rules.pack import Kind, Pack
from rules.prose import DECISIONS
from rules.ruleset import PolicyDateError, Ruleset
from rules.sheets import Sheet
from storage.policies import Publication
from tasks.policies import Standing, in_force, library_of, pack_of, standings

MOST_DOSSIERS: Final = 500
"""Dossiers that a page tries a proposal on; ``sekisho policy backtest`` takes all of them."""

MOST_FLIPS: Final = 50

STANDINGS: Final[Mapping[Standing, Text]] = {
    Standing.IN_FORCE: Text("適用中", "in force"),
    Standing.REPLACED: Text("置換え済み", "replaced"),
    Standing.APPROVED: Text("承認済み（適用日前）", "approved, not yet in force"),
    Standing.PROPOSED: Text("提案中", "proposed"),
    Standing.LAPSED: Text("失効（期日までに承認されず）", "lapsed: nobody approved it in time"),
}


@dataclass(frozen=True, slots=True)
class PackRow:
    """A version of a pack. ``publication`` is None for those that come with Sekisho."""

    name: str
    version: str
    kind: Text
    standing: Text
    effective: date
    publication: Publication | None
    proposed: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """What a proposal would have decided of the latest dossiers."""

    dossiers: int
    of: int
    flips: int
    transitions: tuple[tuple[Text, Text, int], ...]
    causes: tuple[tuple[str, int], ...]
    cases: tuple[tuple[str, Text, Text, str], ...]
    faults: int


@cache
def shipped() -> Library:
    """The packs that come with Sekisho; they change with its version only."""
    return Library.read()


def rows(publications: Sequence[Publication], day: date) -> list[PackRow]:
    """Every version of every pack: proposals first, then what is in force."""
    standing = standings(publications, day)
    replaced = {one.pack for one in publications if standing[one.id] is Standing.IN_FORCE}
    found = [
        PackRow(
            one.pack,
            one.version,
            _kind(one),
            STANDINGS[standing[one.id]],
            one.effective,
            one,
            standing[one.id] is Standing.PROPOSED,
        )
        for one in publications
    ]
    found += [
        PackRow(
            pack.name,
            pack.version,
            pages.KINDS[pack.kind],
            STANDINGS[Standing.REPLACED if pack.name in replaced else Standing.IN_FORCE],
            pack.period.since,
            None,
            proposed=False,
        )
        for pack in shipped().packs.values()
    ]
    return sorted(found, key=lambda row: (not row.proposed, row.name, row.version))


def _kind(publication: Publication) -> Text:
    known = shipped().packs.get(publication.pack)
    return pages.KINDS[(known or pack_of(publication)).kind]


def current(publications: Iterable[Publication], day: date) -> Library:
    """The packs in force on a day."""
    approved = [one for one in publications if one.approved_at is not None]
    return library_of(shipped(), in_force(approved, day))


def tables(pack: Pack, language: str) -> tuple[list[str], list[Sheet]]:
    """What stands above the officers' tables, and the tables."""
    return pages.lead(pack, language), pages.sheets(pack, language)


def changes(before: Pack | None, after: Pack, language: str) -> Sheet | None:
    """What a proposal changes in the pack of its name; None where there is none, or nothing changes."""
    found = [] if before is None else differences.between(before, after, language)
    return differences.sheet("", found, language) if found else None


def rulesets(base: str, in_effect: Library, proposed: Pack) -> tuple[Ruleset, Ruleset]:
    """The policy without and with a proposal: that of the base in force, and of the buyer where it is one's.

    :raises PackError: when the proposal does not go with the packs in force.
    """
    overlays = [proposed.name] if proposed.kind in {Kind.BUYER_NATIONAL, Kind.BUYER_LOCAL} else []
    known = overlays if proposed.name in in_effect.packs else []
    return in_effect.ruleset(base, known), in_effect.including([proposed]).ruleset(base, overlays)


def tried(run: Backtest, dossiers: Iterable[tuple[str, Dossier]], total: int) -> Tried:
    """Judge dossiers by both policies, as if the later one had been in force on their days."""
    cases: list[tuple[str, Text, Text, str]] = []
    failed = 0
    for reference, dossier in islice(dossiers, MOST_DOSSIERS):
        try:
            flip = run.compare(dossier)
        except PolicyDateError:
            failed += 1
            continue
        if flip is not None and len(cases) < MOST_FLIPS:
            rules = ", ".join(cause.rule for cause in flip.causes)
            cases.append((reference, DECISIONS[flip.before], DECISIONS[flip.after], rules))
    causes: dict[str, int] = {}
    for (_, _, rule), count in run.causes.items():
        causes[rule] = causes.get(rule, 0) + count
    return Tried(
        dossiers=run.dossiers,
        of=total,
        flips=run.flips,
        transitions=tuple(
            (DECISIONS[before], DECISIONS[after], count)
            for (before, after), count in sorted(run.transitions.items())
            if before != after
        ),
        causes=tuple(sorted(causes.items(), key=lambda one: -one[1])),
        cases=tuple(cases),
        faults=failed,
    )
