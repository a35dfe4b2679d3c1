"""Joins a base, its buyers' overlays and its tracks, checks what the law of layers and the lints ask, and
compiles.

A layer may add rules and tighten any effect. It may relax only what the base marks as relaxable for layers
of its kind, and give values only to parameters of its own or to those the base marks as adjustable.
Everything that is wrong is found before any of it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from pipeline.documents import pointer
from pipeline.model import Text
from rules.bases import register
from rules.conditions import Compiler, ConditionError, Raw
from rules.leaves import Demand
from rules.pack import Change, Effect, Fault, Kind, Pack, PackError, Rule, Special, Status
from rules.parameters import Timeline, UnknownParameter
from rules.ruleset import NOT_APPLICABLE, SUPPRESSED, Amendment, CompiledRule, Ruleset, Saying
from rules.truth import FAIL, PASS, UNKNOWN, Test
from rules.vocabulary import BY_PATH
from rules.vocabulary import Kind as FactKind
from rules.wording import Template

_ITEMS = "items"
_SETTLED = frozenset({PASS, NOT_APPLICABLE, SUPPRESSED})
"""Outcomes without effect. What is said of them has no placeholders."""


def join(base: Pack, layers: Sequence[Pack] = (), origin: Pack | None = None) -> Ruleset:
    """The policy that a base makes with these layers, overlays before tracks.

    ``origin`` is the pack that a selecting base takes its rules from.

    :raises PackError: with everything that keeps the packs from being joined.
    """
    return _Join(base, layers, origin).ruleset()


class _Join:
    def __init__(self, base: Pack, layers: Sequence[Pack], origin: Pack | None) -> None:
        self._base = base
        self._origin = origin
        self._layers = layers
        self._packs = tuple(pack for pack in (base, origin, *layers) if pack is not None)
        self._named = {pack.name: pack for pack in self._packs}
        self._faults: list[Fault] = []
        self._rules: dict[str, Rule] = {}
        self._timeline = Timeline(())

    def ruleset(self) -> Ruleset:
        self._collect_rules()
        self._collect_parameters()
        for pack in self._layers:
            for change in pack.changes:
                self._check_change(pack, change)
        compiled = [self._compiled(rule) for _, rule in sorted(self._rules.items())]
        tracks = {
            pack.name: self._condition(pack, pack.admits, "/admits")
            for pack in self._layers
            if pack.admits is not None
        }
        if self._faults:
            raise PackError(sorted(set(self._faults), key=lambda fault: (fault.file, fault.line, fault.at)))
        rules = tuple(rule for rule in compiled if rule is not None)
        admitting = {name: test for name, test in tracks.items() if test is not None}
        return Ruleset(self._packs, rules, admitting, self._timeline)

    def _fault(self, pack: Pack, at: str, problem: str, remedy: str) -> None:
        self._faults.append(pack.source.fault(at, problem, remedy))

    # --- joining

    def _collect_rules(self) -> None:
        self._rules = {rule.id: rule for rule in self._base.rules}
        if self._origin is not None:
            offered = {rule.id: rule for rule in self._origin.rules}
            for place, name in enumerate(self._base.selects):
                if name in offered:
                    self._rules[name] = offered[name]
                else:
                    at = f"/selects/rules/{place}"
                    self._fault(
                        self._base, at, f"{self._origin.name} has no rule {name}", "take one that it has"
                    )
        for pack in self._layers:
            if pack.extends != self._base.name:
                self._fault(pack, "/extends", f"does not extend {self._base.name}", "join it to its own base")
            for rule in pack.rules:
                if rule.id in self._rules:
                    there = self._rules[rule.id].pack
                    self._fault(
                        pack, rule.at, f"{there} has a rule {rule.id} already", "give it another name"
                    )
                else:
                    self._rules[rule.id] = rule

    def _collect_parameters(self) -> None:
        adjustable = {**self._base.adjustable, **(self._origin.adjustable if self._origin else {})}
        owners: dict[str, str] = {}
        values = []
        for pack in self._packs:
            for value in pack.parameters:
                owner = owners.setdefault(value.name, pack.name)
                if owner != pack.name and pack.kind.value not in adjustable.get(value.name, ()):
                    at = "/params" + pointer(value.name)
                    self._fault(
                        pack,
                        at,
                        f"{owner} does not let a {pack.kind} pack set @{value.name}",
                        "use another name",
                    )
                at = "/params" + pointer(value.name, value.since.isoformat())
                self._check_bases(pack, at, value.basis, value.since)
                values.append(value)
        try:
            self._timeline = Timeline(values)
        except UnknownParameter as error:
            pack = self._named[owners[error.name]]
            self._fault(
                pack, "/params" + pointer(error.name), str(error), f"give @{error.wanted} an earlier value"
            )

    # --- the law of layers

    def _check_change(self, pack: Pack, change: Change) -> None:
        rule = self._rules.get(change.rule)
        if rule is None:
            self._fault(
                pack, change.at + "/rule", f"there is no rule {change.rule}", "name a rule of the base"
            )
            return
        for outcome, wanted, stated in (
            ("on_fail", change.on_fail, rule.on_fail),
            ("on_unknown", change.on_unknown, rule.on_unknown),
        ):
            at = f"{change.at}/set/{outcome}"
            if wanted is None:
                continue
            if change.op == "tighten" and wanted.severity <= stated.severity:
                self._fault(
                    pack, at, f"{wanted} does not tighten {stated}", "name a stronger effect, or relax"
                )
            if change.op == "relax" and wanted.severity >= stated.severity:
                self._fault(pack, at, f"{wanted} does not relax {stated}", "name a milder effect, or tighten")
        if change.op == "relax" and pack.kind.value not in rule.relaxable:
            allowed = " or ".join(sorted(rule.relaxable)) or "nobody"
            self._fault(
                pack,
                change.at,
                f"a {pack.kind} pack may not relax {rule.id}; {allowed} may",
                "leave the rule as it is, or have its base allow it",
            )
        self._check_bases(pack, change.at, change.basis, (change.period or pack.period).since)
        if change.on_fail is Effect.REJECT:
            self._check_rejection(pack, change.at, change.basis)

    # --- compiling

    def _compiled(self, rule: Rule) -> CompiledRule | None:
        pack = self._named[rule.pack]
        known = self._timeline.names
        compiler = Compiler(known, Demand(rule.verified, rule.fresh))
        # Whether a rule applies, and what only chooses words, may rest on a declaration.
        words = Compiler(known, Demand())
        applies = self._try(words, pack, rule.applies, rule.at + "/applies")
        require = self._try(compiler, pack, rule.require, rule.at + "/require")
        fail_only_if = self._try(compiler, pack, rule.fail_only_if, rule.at + "/fail_only_if")
        self._check_nationality(pack, rule, compiler.reads | words.reads)
        specials = [
            (special, self._try(words, pack, special.when, f"{rule.at}/special/{place}/when"))
            for place, special in enumerate(rule.specials)
        ]
        self._check_parameters(pack, rule.at, compiler.parameters | words.parameters)
        self._check_words(pack, rule)
        self._check_bases(pack, rule.at + "/basis", rule.basis, pack.period.since)
        if rule.on_fail is Effect.REJECT:
            self._check_rejection(pack, rule.at + "/basis", rule.basis)
        guard = None
        if rule.discriminates:
            guard = self._condition(pack, pack.treaty_guard, "/treaty_guard")
            if pack.treaty_guard is None:
                self._fault(
                    pack,
                    rule.at + "/treaty",
                    "nothing says when a treaty forbids it",
                    "give the pack a treaty_guard",
                )
        amendments = tuple(self._amendments(rule))
        if require is None:
            return None
        bases = [register()[name].as_json() for name in rule.basis if name in register()]
        return CompiledRule(
            rule=rule,
            applies=applies,
            guard=guard,
            require=require,
            fail_only_if=fail_only_if,
            amendments=amendments,
            sayings={outcome: tuple(_sayings(rule, outcome, specials)) for outcome in (FAIL, UNKNOWN)},
            items={path: Template(text) for path, text in rule.items.items()},
            title=rule.title.as_json(),
            basis=list(bases),
            settled={
                outcome: {
                    "rule": rule.id,
                    "title": rule.title.as_json(),
                    "outcome": outcome,
                    "effect": Effect.NONE.value,
                    "effect_from": [],
                    "reason": "",
                    "message": text.as_json(),
                    "basis": bases,
                }
                for outcome, text in rule.message.items()
                if outcome in _SETTLED
            },
        )

    def _amendments(self, rule: Rule) -> Iterable[Amendment]:
        for pack in self._layers:
            for change in pack.changes:
                if change.rule != rule.id:
                    continue
                effects = {FAIL: change.on_fail, UNKNOWN: change.on_unknown}
                yield Amendment(
                    pack=pack.name,
                    track=pack.name if pack.kind is Kind.TRACK else None,
                    relaxes=change.op == "relax",
                    effects={outcome: effect for outcome, effect in effects.items() if effect is not None},
                    when=self._condition(pack, change.when, change.at + "/when"),
                    period=change.period,
                    why={
                        "pack": pack.name,
                        **change.why.as_json(),
                        "basis": [register()[name].as_json() for name in change.basis if name in register()],
                    },
                )

    def _condition(self, pack: Pack, raw: Raw | None, at: str) -> Test | None:
        compiler = Compiler(self._timeline.names, Demand())
        test = self._try(compiler, pack, raw, at)
        self._check_parameters(pack, at, compiler.parameters)
        return test

    def _try(self, compiler: Compiler, pack: Pack, raw: Raw | None, at: str) -> Test | None:
        if raw is None:
            return None
        try:
            return compiler.compile(raw, at)
        except ConditionError as error:
            self._fault(pack, error.at, error.problem, error.remedy)
            return None

    # --- lints

    def _check_bases(self, pack: Pack, at: str, names: Sequence[str], day: date) -> None:
        for name in names:
            basis = register().get(name)
            if basis is None:
                self._fault(pack, at, f"the register has no basis {name}", "take one of rules/bases.yaml")
            elif basis.since is not None and day < basis.since and not basis.model:
                self._fault(
                    pack,
                    at,
                    f"{name} is in force from {basis.since} only",
                    f"let it hold from {basis.since} on",
                )

    def _check_rejection(self, pack: Pack, at: str, names: Sequence[str]) -> None:
        if pack.status is Status.TEST or self._base.status is Status.TEST:
            return
        if not any(name in register() and register()[name].documented for name in names):
            self._fault(
                pack,
                at,
                "rejects without a documented basis",
                "name one that is marked D, or let it lead to review",
            )

    def _check_parameters(self, pack: Pack, at: str, names: Iterable[str]) -> None:
        for name in names:
            before, brace, rest = name.partition("{")
            after = rest.partition("}")[2]
            for known in self._timeline.names:
                fits = known.startswith(before) and known.endswith(after) if brace else known == name
                if fits and known not in self._timeline.at(pack.period.since):
                    self._fault(
                        pack,
                        at,
                        f"@{known} has no value on {pack.period.since}",
                        "give it one from that day on",
                    )

    def _check_nationality(self, pack: Pack, rule: Rule, reads: set[str]) -> None:
        if "vendor.country" in reads and not rule.discriminates and rule.treaty_why is None:
            self._fault(
                pack,
                rule.at,
                "names the seller's nationality",
                "mark it treaty: discriminates, or say under treaty_why why it does not",
            )

    def _check_words(self, pack: Pack, rule: Rule) -> None:
        texts = {f"/message/{outcome}": text for outcome, text in rule.message.items()}
        texts["/remedy"] = rule.remedy
        for place, special in enumerate(rule.specials):
            texts[f"/special/{place}/message"] = special.message
            if special.remedy is not None:
                texts[f"/special/{place}/remedy"] = special.remedy
        for at, text in texts.items():
            for name in Template(text).placeholders:
                if at.rpartition("/")[2] in _SETTLED:
                    self._fault(
                        pack, rule.at + at, f"{{{name}}} stands in a text that is fixed", "leave it out"
                    )
                if name == _ITEMS and rule.items:
                    continue
                fact = BY_PATH.get(name) or BY_PATH.get(name + "[]")
                if name != "as_of" and (fact is None or fact.kind is FactKind.OBJECTS):
                    self._fault(pack, rule.at + at, f"{{{name}}} is no fact that can be named", "take a path")
        for path, text in rule.items.items():
            for name in Template(text).placeholders:
                field = f"{path}[]" if name == "." else f"{path}[].{name}"
                fact = BY_PATH.get(field) or BY_PATH.get(field + "[]")
                if fact is None or fact.kind is FactKind.OBJECTS:
                    at = rule.at + pointer("item", path)
                    self._fault(pack, at, f"{{{name}}} is no field of {path}", "take one of docs/facts.md")


def _sayings(rule: Rule, outcome: str, specials: Sequence[tuple[Special, Test | None]]) -> Iterable[Saying]:
    """What is said of an outcome, the closest words first."""
    for special, when in specials:
        if special.outcome == outcome and when is not None:
            yield Saying(when, special.reason, Template(special.message), _optional(special.remedy))
    yield Saying(None, rule.reason[outcome], Template(rule.message[outcome]), Template(rule.remedy))


def _optional(text: Text | None) -> Template | None:
    return None if text is None else Template(text)
