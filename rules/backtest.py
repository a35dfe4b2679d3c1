"""A back-test: what another policy would have said of dossiers that were judged. It changes nothing.

Two dates are kept apart. The evidence of a dossier is of its own day, always. The *policy date* chooses the
values and the packs: the dossier's own day, or one day for all. Where a policy does not hold yet on the
dossier's day its first day counts. Evidence newer than the policy date is refused, except in a simulation.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from pipeline.documents import Json
from pipeline.model import Dossier
from rules.contrast import Contrast
from rules.pack import Effect
from rules.provenance import JAPAN
from rules.ruleset import PolicyDateError, Ruleset, severity_of

_SEVERITY: Final = {"approve": 0, "review": Effect.REVIEW.severity, "reject": Effect.REJECT.severity}


@dataclass(frozen=True, slots=True)
class Cause:
    """A rule that flips a decision: its effect under either policy (None: it is not there), and why."""

    rule: str
    before: str | None
    after: str | None
    reason: str
    title: Json

    def as_json(self) -> dict[str, Any]:
        """For reports."""
        return {
            "rule": self.rule,
            "title": dict(self.title),
            "before": self.before,
            "after": self.after,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Flip:
    """A decision that the two policies give differently, and the rules that flip it."""

    before: str
    after: str
    causes: tuple[Cause, ...]

    def as_json(self) -> dict[str, Any]:
        """For reports."""
        return {
            "before": self.before,
            "after": self.after,
            "causes": [cause.as_json() for cause in self.causes],
        }


@dataclass
class Backtest:
    """One run over dossiers, one at a time. Only counts are kept.

    ``transitions`` counts pairs of decisions, the unchanged too; ``causes`` counts for each pair the rules
    that flipped it.
    """

    before: Ruleset
    after: Ruleset
    policy_date: date | None = None
    simulation: bool = False
    dossiers: int = 0
    flips: int = 0
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    causes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        self._contrast = Contrast(self.before, self.after)

    def compare(self, dossier: Dossier) -> Flip | None:
        """Judge a dossier by both policies; None where they agree.

        :raises PolicyDateError: when the evidence is newer than the policy date and this is no simulation, or
            the later policy does not hold on the policy date asked for.
        """
        day = dossier.as_of.astimezone(JAPAN).date()
        first = self.before.evaluate(
            dossier,
            policy_date=nearest_day(self.before, self.policy_date or day),
            simulation=self.simulation,
        )
        second = self._contrast.evaluate(
            dossier,
            first,
            policy_date=self.policy_date or nearest_day(self.after, day),
            simulation=self.simulation,
        )
        self.dossiers += 1
        self.since = day if self.since is None else min(self.since, day)
        self.until = day if self.until is None else max(self.until, day)
        before, after = str(first["decision"]), str(second["decision"])
        self.transitions[before, after] += 1
        if before == after:
            return None
        self.flips += 1
        flip = Flip(before, after, causes(first, second))
        for cause in flip.causes:
            self.causes[before, after, cause.rule] += 1
        return flip

    def report(self) -> dict[str, Any]:
        """The counts, and what was compared, as one JSON object."""
        document: dict[str, Any] = {
            "from": self.before.citations,
            "to": self.after.citations,
            "policy_date": None if self.policy_date is None else self.policy_date.isoformat(),
            "evidence": {
                "from": None if self.since is None else self.since.isoformat(),
                "to": None if self.until is None else self.until.isoformat(),
            },
            "dossiers": self.dossiers,
            "flipped": self.flips,
            "transitions": [
                {"before": before, "after": after, "count": count}
                for (before, after), count in sorted(self.transitions.items())
            ],
            "causes": [
                {"before": before, "after": after, "rule": rule, "count": count}
                for (before, after, rule), count in sorted(
                    self.causes.items(), key=lambda item: (-item[1], item[0])
                )
            ],
        }
        if self.simulation:
            document["simulation"] = True
        return document


def causes(before: Json, after: Json) -> tuple[Cause, ...]:
    """The rules that make two outcome documents of one dossier decide differently.

    Where the later decision is the graver one: each rule with an effect as grave as that, which it had not
    before. Where it is milder: each rule that had an effect as grave as the earlier decision, and no longer
    has.
    """
    graver = _SEVERITY[after["decision"]] > _SEVERITY[before["decision"]]
    one, other = (after, before) if graver else (before, after)
    threshold = _SEVERITY[one["decision"]]
    others = {result["rule"]: result for result in other["results"]}
    found = []
    for result in one["results"]:
        counterpart = others.get(result["rule"])
        effect = None if counterpart is None else str(counterpart["effect"])
        if severity_of(result["effect"]) < threshold:
            continue
        if effect is not None and severity_of(effect) >= threshold:
            continue
        effects = [effect, str(result["effect"])]
        was, now = effects if graver else reversed(effects)
        found.append(Cause(result["rule"], was, now, str(result["reason"]), result["title"]))
    return tuple(found)


def nearest_day(ruleset: Ruleset, day: date) -> date:
    """The day, or the nearest one on which all packs of the policy hold.

    :raises PolicyDateError: when there is none.
    """
    first = max(pack.period.since for pack in ruleset.packs)
    last = min((pack.period.until for pack in ruleset.packs if pack.period.until is not None), default=None)
    if last is not None and last < first:
        names = ", ".join(pack.name for pack in ruleset.packs)
        raise PolicyDateError(f"there is no day on which all of these hold: {names}")
    return max(first, day if last is None else min(day, last))
