"""Which rules come out alike under two policies, so that they are judged once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any

from pipeline.model import Dossier
from rules.pack import Effect, Pack, Rule
from rules.ruleset import Ruleset

_DECISIONS = ((Effect.REJECT, "reject"), (Effect.REVIEW, "review"))


class Contrast:
    """A policy judged after another: only the rules that differ are evaluated, the rest is taken over."""

    def __init__(self, first: Ruleset, second: Ruleset) -> None:
        self._first = first
        self._second = second
        self._differing = lru_cache(maxsize=64)(self._reduced)

    def evaluate(
        self, dossier: Dossier, outcome: dict[str, Any], *, policy_date: date, simulation: bool = False
    ) -> dict[str, Any]:
        """The ``decision`` and the ``results`` of the second policy. ``outcome`` is what the first gave.

        :raises PolicyDateError: as :meth:`rules.ruleset.Ruleset.evaluate`.
        """
        first_date = date.fromisoformat(outcome["policy_date"])
        reduced = self._differing(first_date, policy_date)
        own = reduced.evaluate(dossier, policy_date=policy_date, simulation=simulation)
        results = {result["rule"]: result for result in (*outcome["results"], *own["results"])}
        kept = [results[rule.rule.id] for rule in self._second.rules]
        return {"decision": decision_of(result["effect"] for result in kept), "results": kept}

    def _reduced(self, first_date: date, second_date: date) -> Ruleset:
        """The second policy without the rules that come out as in the first on these dates."""
        if type(self._first) is not Ruleset or type(self._second) is not Ruleset:
            return self._second
        known = {rule.rule.id: rule.rule for rule in self._first.rules}
        same_values = self._first.timeline.at(first_date) == self._second.timeline.at(second_date)
        rules = tuple(
            rule
            for rule in self._second.rules
            if rule.rule != known.get(rule.rule.id)
            or (names_a_parameter(rule.rule) and not same_values)
            or _around(self._first, rule.rule, first_date) != _around(self._second, rule.rule, second_date)
        )
        return replace(self._second, rules=rules)


def decision_of(effects: Iterable[str]) -> str:
    """The decision that the strongest of these effects makes."""
    found = set(effects)
    return next((decision for effect, decision in _DECISIONS if effect.value in found), "approve")


def names_a_parameter(rule: Rule) -> bool:
    """Whether a condition of the rule does. Lists of values may take one another in: any may be concerned."""
    return any(_named(part) for part in (rule.applies, rule.require, rule.fail_only_if)) or any(
        _named(said.when) for said in rule.specials
    )


def _named(part: Any) -> bool:
    if isinstance(part, str):
        return part.startswith("@")
    if isinstance(part, list):
        return any(map(_named, part))
    return isinstance(part, dict) and any(map(_named, part.values()))


def _around(ruleset: Ruleset, rule: Rule, day: date) -> list[Any]:
    """What else decides how a rule comes out: changes by layers on a day, their tracks, the treaty guard.

    A condition there that names a parameter makes the rule differ from any other.
    """
    found: list[Any] = []
    for pack in ruleset.packs:
        found += [_change(pack, change) for change in pack.changes if _concerns(change, rule, day)]
        if rule.discriminates and pack.name == rule.pack:
            found.append(pack.treaty_guard if not _named(pack.treaty_guard) else object())
    return found


def _change(pack: Pack, change: Any) -> Any:
    if _named(change.when) or _named(pack.admits):
        return object()
    return pack.name, pack.kind, pack.admits, replace(change, at="", period=None)


def _concerns(change: Any, rule: Rule, day: date) -> bool:
    return change.rule == rule.id and (change.period is None or change.period.covers(day))
