"""One verification, several verdicts: what each buyer's overlay makes of a judgement.

A rule that an overlay neither adds nor changes comes out as it did: only the others are judged again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pipeline.documents import Json
from pipeline.model import Dossier
from rules.contrast import decision_of, names_a_parameter
from rules.labels import LABELS
from rules.library import Library
from rules.pack import Pack
from rules.provenance import JAPAN
from rules.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Buyer:
    """A buyer's rules over a base. ``differing`` is the joined policy, reduced to what these touch."""

    name: str
    overlay: Pack
    differing: Ruleset

    def holds_on(self, day: date) -> bool:
        """Whether the overlay is in force on a day."""
        return self.overlay.period.covers(day)

    def verdict(self, dossier: Dossier, national: Json) -> dict[str, Any]:
        """The buyer's verdict beside the outcome document of the base.

        ``differs`` has the results of the rules that the overlay adds, and of those whose outcome or effect
        it changes, each with what the base made of it (``national``, null for an added one).
        """
        own = {}
        if self.differing.rules:
            own = {result["rule"]: result for result in self.differing.evaluate(dossier)["results"]}
        there = {result["rule"]: result for result in national["results"]}
        effects = [result["effect"] for result in ({**there, **own}).values()]
        return {
            "buyer": self.name,
            "title": LABELS.get(self.name, {"ja": self.name, "en": self.name}),
            "decision": decision_of(effects),
            "policy": self.differing.citations,
            "differs": list(_differing(own, there)),
        }


def buyers_of(library: Library, base: str, overlays: Iterable[str] = ()) -> tuple[Buyer, ...]:
    """Every buyer whose overlay can be laid over a base and the overlays in force.

    :raises PackError: when one cannot be joined.
    """
    over = tuple(overlays)
    return tuple(_buyer(library, base, over, name) for name in library.buyers(base) if name not in over)


def verdicts(buyers: Iterable[Buyer], dossier: Dossier, national: Json) -> list[dict[str, Any]]:
    """The verdict of each buyer that the application names; of every buyer where it names none."""
    use = dossier.facts.get("use")
    named = use.get("buyers") if isinstance(use, dict) else None
    day = dossier.as_of.astimezone(JAPAN).date()
    return [
        buyer.verdict(dossier, national)
        for buyer in buyers
        if buyer.holds_on(day) and (not isinstance(named, list) or buyer.name in named)
    ]


def _buyer(library: Library, base: str, over: tuple[str, ...], name: str) -> Buyer:
    joined = library.ruleset(base, [*over, name])
    overlay = next(pack for pack in joined.packs if pack.name == name)
    touched = {rule.id for rule in overlay.rules} | {change.rule for change in overlay.changes}
    rules = tuple(
        rule
        for rule in joined.rules
        if rule.rule.id in touched or (overlay.parameters and names_a_parameter(rule.rule))
    )
    return Buyer(name, overlay, replace(joined, rules=rules))


def _differing(own: dict[str, Any], there: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for rule, result in own.items():
        national = there.get(rule)
        if national is None:
            yield {**result, "national": None}
        elif (national["outcome"], national["effect"]) != (result["outcome"], result["effect"]):
            yield {**result, "national": {"outcome": national["outcome"], "effect": national["effect"]}}
