"""A policy ready to judge: rules of a base, its buyers' overlays and its tracks, compiled once.

:meth:`Ruleset.evaluate` is pure. The same dossier, the same packs and the same policy date give the same
outcome document, byte for byte in its canonical form (RFC 8785), on any day and any machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from pipeline.documents import Json
from pipeline.errors import SekishoError
from pipeline.model import Dossier, Waiver
from pipeline.waivers import in_force, waiver_for
from rules.labels import CAUSES, SOURCES
from rules.leaves import AS_OF
from rules.pack import Effect, Kind, Pack, Period, Rule
from rules.parameters import Timeline
from rules.provenance import JAPAN, Provenance
from rules.truth import FAIL, PASS, UNKNOWN, Run, Test, Truth
from rules.vocabulary import BY_PATH
from rules.wording import Said, Template, joined, said, said_date

NOT_APPLICABLE: Final = "not_applicable"
SUPPRESSED: Final = "suppressed"

WAIVED: Final = "waived"
"""The effect, in an outcome document, of a result that people set aside. No pack can ask for it."""

_OVERLAYS: Final = frozenset({Kind.BUYER_NATIONAL, Kind.BUYER_LOCAL})
_OUTCOMES: Final = (PASS, FAIL, UNKNOWN, NOT_APPLICABLE, SUPPRESSED)
_ADMITTED: Final = {PASS: "admitted", FAIL: "not_admitted", UNKNOWN: "unknown"}
_DECISION: Final = {
    Effect.REJECT: "reject",
    Effect.REVIEW: "review",
    Effect.NOTE: "approve",
    Effect.NONE: "approve",
}
_NO_EFFECT: Final = Effect.NONE
"""Looked up here once: finding a member of an enumeration by its name costs as much as judging a leaf."""

_CAUSES: Final = {cause: (reason, Template(text)) for cause, (reason, text) in CAUSES.items()}


def severity_of(effect: str) -> int:
    """How grave the effect of a result in an outcome document is, 0 to 3; one that was waived is not."""
    return 0 if effect == WAIVED else Effect(effect).severity


class PolicyDateError(SekishoError):
    """A policy was asked for a day on which it does not hold, or with evidence from after that day."""


@dataclass(frozen=True, slots=True)
class Saying:
    """What is said where ``when`` holds; without it, always."""

    when: Test | None
    reason: str
    message: Template
    remedy: Template | None


@dataclass(frozen=True, slots=True)
class Amendment:
    """A layer's change of a rule's effects, compiled. ``track``: only vendors admitted there have it."""

    pack: str
    track: str | None
    relaxes: bool
    effects: Mapping[str, Effect]
    when: Test | None
    period: Period | None
    why: Json


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule with everything that layers make of it.

    ``sayings`` are by outcome, closest first. ``settled`` is, by outcome, what a result says that has no
    effect; its words are fixed.
    """

    rule: Rule
    applies: Test | None
    guard: Test | None
    require: Test
    fail_only_if: Test | None
    amendments: tuple[Amendment, ...]
    sayings: Mapping[str, tuple[Saying, ...]]
    items: Mapping[str, Template]
    title: Said
    basis: list[Json]
    settled: Mapping[str, dict[str, Any]]

    def outcome(self, run: Run) -> str:
        """The rule's outcome; ``run`` then holds its trace."""
        run.restart()
        if self.applies is not None:
            applies = self.applies(run, None)
            if applies != PASS:
                return NOT_APPLICABLE if applies == FAIL else UNKNOWN
            run.restart()
        guarded: Truth = FAIL
        if self.guard is not None:
            guarded = self.guard(run, None)
            if guarded == PASS:
                return SUPPRESSED
            run.restart()
        truth = self.require(run, None)
        if truth == FAIL and self.fail_only_if is not None and self.fail_only_if(run, None) != PASS:
            return UNKNOWN
        # A rule that a treaty may forbid is not held against the vendor.
        return UNKNOWN if truth == FAIL and guarded == UNKNOWN else truth

    def effect(
        self, outcome: str, run: Run, tracks: Mapping[str, Truth], day: date
    ) -> tuple[Effect, list[str], list[Json]]:
        """The effect of ``fail`` or ``unknown``, the layers it went through, and why they changed it.

        A relaxation applies only where its condition is known to hold. A tightening whose condition is not
        known goes to a person at most.
        """
        effect = self.rule.on_fail if outcome == FAIL else self.rule.on_unknown
        through = [f"{self.rule.pack}:{effect.value}"]
        reasons: list[Json] = []
        for amendment in self.amendments:
            wanted = amendment.effects.get(outcome)
            if wanted is None or (amendment.period is not None and not amendment.period.covers(day)):
                continue
            holds = PASS if amendment.track is None else tracks[amendment.track]
            if holds != FAIL and amendment.when is not None:
                condition = run.aside(amendment.when)
                holds = condition if holds == PASS or condition == FAIL else UNKNOWN
            if holds == FAIL or (holds == UNKNOWN and amendment.relaxes):
                continue
            if holds == UNKNOWN and wanted.severity > Effect.REVIEW.severity:
                wanted = Effect.REVIEW
            if (wanted.severity < effect.severity) == amendment.relaxes and wanted is not effect:
                effect = wanted
                through.append(f"{amendment.pack}:{effect.value}")
                reasons.append(amendment.why)
        return effect, through, reasons


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A compiled policy. ``packs`` are the base (and where it selects from), the overlays, the tracks, in
    order.
    """

    packs: tuple[Pack, ...]
    rules: tuple[CompiledRule, ...]
    tracks: Mapping[str, Test]
    timeline: Timeline

    @property
    def citations(self) -> list[str]:
        """Every pack as ``name@version#digest``."""
        return [pack.citation for pack in self.packs]

    @property
    def overlays(self) -> frozenset[str]:
        """The names of the buyers' packs."""
        return frozenset(pack.name for pack in self.packs if pack.kind in _OVERLAYS)

    def evaluate(
        self, dossier: Dossier, *, policy_date: date | None = None, simulation: bool = False
    ) -> dict[str, Any]:
        """The outcome document: the decision and, rule by rule, all that it rests on.

        ``policy_date`` chooses parameters and dated changes; left out, it is the dossier's day in Japan. The
        day that validity and age count from is always the dossier's. Parts of the document are shared between
        evaluations: it is to be read, not changed.

        :raises PolicyDateError: when a pack does not hold on the policy date, or the evidence is newer than
            it; a ``simulation`` may use newer evidence, and says so in the document.
        """
        day = dossier.as_of.astimezone(JAPAN).date()
        policy_day = day if policy_date is None else policy_date
        provenance = Provenance(dossier.provenance)
        self._check_dates(policy_day, max(day, provenance.newest() or day), simulation)
        run = Run(dossier.facts, provenance, day, self.timeline.at(policy_day))
        tracks = {name: run.aside(admits) for name, admits in self.tracks.items()}
        waivers = in_force(dossier.waivers, dossier.as_of)
        counts = dict.fromkeys(_OUTCOMES, 0)
        strongest = _NO_EFFECT
        results = []
        for rule in self.rules:
            outcome = rule.outcome(run)
            counts[outcome] += 1
            effect, result = _result(rule, outcome, run, tracks, policy_day)
            if waivers and effect.severity >= Effect.REVIEW.severity:
                effect = _waived(result, effect, waivers, self.overlays)
            if effect is not _NO_EFFECT and effect.severity > strongest.severity:
                strongest = effect
            results.append(result)
        document: dict[str, Any] = {
            "decision": _DECISION[strongest],
            "as_of": day.isoformat(),
            "policy_date": policy_day.isoformat(),
            "evidence_snapshot": dossier.digest,
            "policy": self.citations,
            "tracks": {name: _ADMITTED[truth] for name, truth in tracks.items()},
            "counts": counts,
            "results": results,
        }
        if simulation:
            document["simulation"] = True
        return document

    def _check_dates(self, policy_day: date, newest: date, simulation: bool) -> None:
        for pack in self.packs:
            if not pack.period.covers(policy_day):
                raise PolicyDateError(f"{pack.name}@{pack.version} does not hold on {policy_day.isoformat()}")
        if newest > policy_day and not simulation:
            raise PolicyDateError(
                f"the evidence is of {newest.isoformat()}, later than the policy date "
                f"{policy_day.isoformat()}; only a simulation may look ahead"
            )


def _result(
    compiled: CompiledRule, outcome: str, run: Run, tracks: Mapping[str, Truth], day: date
) -> tuple[Effect, dict[str, Any]]:
    trace, decisive = run.trace, run.decisive
    evidence = _evidence(run, trace, decisive)
    settled = compiled.settled.get(outcome)
    if settled is not None:
        result = settled.copy()
        result["evidence"] = evidence
        result["trace"] = trace
        result["trace_decisive"] = decisive
        return _NO_EFFECT, result
    effect, through, why = compiled.effect(outcome, run, tracks, day)
    result = {
        "rule": compiled.rule.id,
        "title": compiled.title,
        "outcome": outcome,
        "effect": effect.value,
        "effect_from": through,
        "basis": compiled.basis,
        **_said(compiled, outcome, run),
        "evidence": evidence,
        "trace": trace,
        "trace_decisive": decisive,
    }
    if why:
        result["effect_why"] = why
    return effect, result


def _waived(
    result: dict[str, Any], effect: Effect, waivers: Sequence[Waiver], overlays: frozenset[str]
) -> Effect:
    """The effect of a result that people may have set aside; if they did, the result says so.

    What a buyer's own rule or tightening asks for is not theirs to set aside.
    """
    if not overlays.isdisjoint(step.rpartition(":")[0] for step in result["effect_from"]):
        return effect
    waiver = waiver_for(result, waivers)
    if waiver is None:
        return effect
    until = None if waiver.until is None else waiver.until.isoformat()
    result["waived"] = {
        "id": str(waiver.id),
        "kind": str(waiver.kind),
        "reason": waiver.reason,
        "until": until,
        "effect": effect.value,
    }
    result["effect"] = WAIVED
    return Effect.NONE


def _said(compiled: CompiledRule, outcome: str, run: Run) -> dict[str, Any]:
    """Reason code, message and remedy of a rule that did not pass."""
    items = _items(compiled, run)

    def said_of(name: str) -> Said:
        return items if name == "items" else _value(name, run)

    saying = next(
        saying
        for saying in compiled.sayings[outcome]
        if saying.when is None or run.aside(saying.when) == PASS
    )
    message = saying.message.fill(said_of)
    reason = saying.reason
    if outcome == UNKNOWN and (cause := _cause(run)) is not None:
        reason, sentence = cause
        message = {"ja": message["ja"] + sentence["ja"], "en": f"{message['en']} {sentence['en']}"}
    remedy = saying.remedy or compiled.sayings[outcome][-1].remedy
    assert remedy is not None
    return {"reason": reason, "message": message, "remedy": remedy.fill(said_of)}


def _cause(run: Run) -> tuple[str, Said] | None:
    """The gravest reason why something decisive is unknown, besides its merely missing."""
    found: dict[str, dict[str, Any]] = {}
    for index in run.decisive:
        entry = run.trace[index]
        if "cause" in entry:
            found.setdefault(entry["cause"], entry)
    for cause, (reason, sentence) in _CAUSES.items():
        if cause in found:
            entry = found[cause]
            parts = {
                "path": said(entry.get("of", entry["path"])),
                "source": SOURCES.get(entry.get("source", ""), said(entry.get("source"))),
                "detail": said(entry.get("detail")),
            }
            return reason, sentence.fill(parts.__getitem__)
    return None


def _value(name: str, run: Run) -> Said:
    """The words for a placeholder that is a path, or ``as_of``."""
    if name == "as_of":
        return said_date(run.as_of)
    return said(_at(name, run), BY_PATH.get(name) or BY_PATH.get(name + "[]"))


def _items(compiled: CompiledRule, run: Run) -> Said:
    """The list items that settled the outcome, each in the rule's words for it."""
    found: dict[tuple[str, int], None] = {}
    for index in run.decisive:
        listed, bracket, rest = run.trace[index]["path"].partition("[")
        if bracket and listed in compiled.items:
            found[listed, int(rest.partition("]")[0])] = None
    return joined([compiled.items[listed].fill(_item(listed, number, run)) for listed, number in found])


def _item(listed: str, number: int, run: Run) -> Callable[[str], Said]:
    """Words the fields of one item, and the item itself as ``.``."""
    item = _at(listed, run)[number]

    def said_of(field: str) -> Said:
        if field == ".":
            return said(item, BY_PATH[listed + "[]"])
        path = f"{listed}[].{field}"
        value = item.get(field) if isinstance(item, dict) else None
        return said(value, BY_PATH.get(path) or BY_PATH.get(path + "[]"))

    return said_of


def _at(path: str, run: Run) -> Any:
    value: Any = run.facts
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _evidence(run: Run, trace: Sequence[dict[str, Any]], decisive: Sequence[int]) -> list[dict[str, Any]]:
    """Where the facts come from that settled the outcome, each path once."""
    paths: dict[str, None] = {}
    for index in decisive:
        entry = trace[index]
        paths[entry["path"]] = None
        if "against" in entry:
            paths[entry["against"]["path"]] = None
        elif "of" in entry:
            paths[entry["of"]] = None
    evidence = run.provenance.evidence
    return [evidence(path) for path in paths if path != AS_OF]
