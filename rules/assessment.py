"""Foreign assessments: policies whose requirements are JSON Schemas over a declaration.

The UK's frameworks are judged so: the whole schema is a definite pass, ``definitions.baseline`` the least
that a person may still accept. Here each of the two is a rule, and what a declaration does not satisfy
becomes reasons with JSON Pointers, in the outcome document that all policies have. Drafts 4, 6, 7, 2019-09
and 2020-12.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import islice
from typing import Any, Final

import referencing.exceptions
import referencing.jsonschema
from jsonschema import Draft202012Validator, ValidationError, validators  # type: ignore[import-untyped]
from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

from pipeline.documents import Json, pointer
from pipeline.model import Dossier, Text
from rules.bases import register
from rules.pack import Effect, Fault, Pack, PackError, Rule, SchemaRequirement, Source, Status, pack_of
from rules.parameters import Timeline
from rules.ruleset import CompiledRule, Ruleset, Saying
from rules.truth import FAIL, MALFORMED, MISSING, PASS, UNKNOWN, Run, Scope, Test, Truth
from rules.wording import Template

_POLICY: Final = "urn:sekisho:policy"
_MOST: Final = 100
"""Violations that one rule names; a declaration that has more is not read further."""
_SHOWN: Final = 10

_SETTLED: Final = (PASS,)

_WORDS: Final[dict[str, Text]] = {
    "enum": Text("{}のいずれかであること", "must be one of: {}"),
    "const": Text("{}であること", "must be {}"),
    "required": Text("記載すること", "must be given"),
    "type": Text("型が{}であること", "must be of the type {}"),
    "pattern": Text("形式が「{}」に合うこと", 'must have the form "{}"'),
    "minLength": Text("{}文字以上であること", "must have at least {} characters"),
    "maxLength": Text("{}文字以下であること", "must have at most {} characters"),
    "minItems": Text("{}件以上あること", "must have at least {} items"),
    "maxItems": Text("{}件以下であること", "must have at most {} items"),
    "minimum": Text("{}以上であること", "must be at least {}"),
    "maximum": Text("{}以下であること", "must be at most {}"),
}
_OTHERWISE: Final = Text("条件「{}」を満たすこと", 'must satisfy "{}"')


class Assessment(Ruleset):
    """A foreign assessment, judged as any other policy; its reasons name what the schemas do not find."""

    __slots__ = ()

    def evaluate(
        self, dossier: Dossier, *, policy_date: date | None = None, simulation: bool = False
    ) -> dict[str, Any]:
        """The outcome document, as :meth:`rules.ruleset.Ruleset.evaluate`."""
        outcome = super().evaluate(dossier, policy_date=policy_date, simulation=simulation)
        for result in outcome["results"]:
            if result["outcome"] == FAIL:
                result["message"] = _with_violations(result["message"], result["trace"])
        return outcome


def assessment(pack: Pack) -> Assessment:
    """Compile an assessment.

    :raises PackError: where a schema is none, or a rejection rests on nothing documented.
    """
    faults: list[Fault] = []
    rules = []
    for rule in pack.rules:
        faults += [
            pack.source.fault(
                rule.at + "/basis", f"the register has no basis {name}", "take one of rules/bases.yaml"
            )
            for name in rule.basis
            if name not in register()
        ]
        documented = any(name in register() and register()[name].documented for name in rule.basis)
        if rule.on_fail is Effect.REJECT and pack.status is not Status.TEST and not documented:
            faults.append(
                pack.source.fault(
                    rule.at + "/basis",
                    "rejects without a documented basis",
                    "name one that is marked D, or let it lead to review",
                )
            )
        assert rule.schema is not None
        try:
            rules.append(_compiled(rule, _test(rule.schema)))
        except ValueError as error:
            faults.append(pack.source.fault(rule.at + "/schema", str(error), "correct the schema"))
    if faults:
        raise PackError(faults)
    return Assessment((pack,), tuple(rules), {}, Timeline(()))


def pack_of_schema(schema: Json, name: str) -> Pack:
    """The pack that a bare JSON Schema makes: what fails its ``definitions.baseline`` is rejected, what fails
    only the rest goes to a person. Without a baseline everything that fails goes to a person.
    """
    slug = "-".join(re.findall(r"[a-z0-9]+", name.lower())) or "schema"
    slug = (slug if slug[0].isalpha() else f"policy-{slug}")[:60].rstrip("-")
    rules: dict[str, Any] = {}
    definitions = schema.get("definitions")
    if isinstance(definitions, Mapping) and "baseline" in definitions:
        rules["FP-01"] = _rule_of_schema(schema, name, "/definitions/baseline", Effect.REJECT, _LEAST)
    rules["FP-02"] = _rule_of_schema(schema, name, "", Effect.REVIEW, _WHOLE)
    document = {
        "pack": slug,
        "kind": "assessment",
        "version": "2000.0.0",
        "status": "test",
        "effective": {"from": "1900-01-01"},
        "owner": {"ja": name, "en": name},
        "summary": {"ja": "JSON Schemaによる審査基準", "en": "An assessment that is a JSON Schema"},
        "rules": rules,
    }
    return pack_of(document, Source(name, {"": 1}))


_LEAST: Final = (
    {"ja": "最低限の基準", "en": "The least that may be accepted"},
    {"ja": "最低限の基準を満たしています。", "en": "The least that may be accepted is met."},
    {"ja": "最低限の基準を満たしていません。", "en": "The least that may be accepted is not met."},
    "BASELINE",
)
_WHOLE: Final = (
    {"ja": "基準の全体", "en": "The whole policy"},
    {"ja": "基準の全てを満たしています。", "en": "The whole policy is met."},
    {"ja": "基準の全ては満たしていません。", "en": "The whole policy is not met."},
    "POLICY",
)


def _rule_of_schema(
    schema: Json, name: str, part: str, effect: Effect, words: tuple[dict[str, str], ...] | Any
) -> dict[str, Any]:
    title, met, not_met, code = words
    return {
        "title": title,
        "schema": {"file": name, "inline": schema, "part": part},
        "on_fail": effect.value,
        "reason": {"fail": f"{code}_NOT_MET", "unknown": f"{code}_UNKNOWN"},
        "message": {
            "pass": met,
            "fail": not_met,
            "unknown": {
                "ja": "申告を読み取ることができませんでした。",
                "en": "The declaration could not be read.",
            },
        },
        "remedy": {
            "ja": "該当する申告の項目を確認してください。",
            "en": "Check these answers of the declaration.",
        },
        "basis": ["FOREIGN-SCHEMA"],
    }


def _compiled(rule: Rule, require: Test) -> CompiledRule:
    bases = [register()[name].as_json() for name in rule.basis if name in register()]
    return CompiledRule(
        rule=rule,
        applies=None,
        guard=None,
        require=require,
        fail_only_if=None,
        amendments=(),
        sayings={
            outcome: (
                Saying(None, rule.reason[outcome], Template(rule.message[outcome]), Template(rule.remedy)),
            )
            for outcome in (FAIL, UNKNOWN)
        },
        items={},
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
                "message": rule.message[outcome].as_json(),
                "basis": bases,
            }
            for outcome in _SETTLED
        },
    )


def _test(schema: SchemaRequirement) -> Test:
    """The closure that judges the facts by a schema.

    :raises ValueError: where the schema, or the part of it, is none.
    """
    validator = _validator(schema)
    label = f"schema {schema.name}#{schema.part}".rstrip("#")

    def test(run: Run, _scope: Scope) -> Truth:
        found, instance = _member(run.facts, schema.of)
        if not found:
            return run.unknown(schema.of, None, label, MISSING)
        try:
            errors = list(islice(validator.iter_errors(instance), _MOST))
        except (RecursionError, re.error, ArithmeticError):
            return run.unknown(schema.of, None, label, MALFORMED)
        for at, error in sorted(((_at(error), error) for error in errors), key=lambda pair: pair[0]):
            run.note(
                {
                    "path": schema.of + at,
                    "value": _shown(error),
                    "test": _asked(error),
                    "result": FAIL,
                    "schema": pointer(*error.absolute_schema_path),
                }
            )
        if errors:
            return FAIL
        run.note({"path": schema.of, "value": None, "test": label, "result": PASS})
        return PASS

    return test


def _validator(schema: SchemaRequirement) -> Any:
    kind = validators.validator_for(schema.document, default=Draft202012Validator)
    try:
        kind.check_schema(schema.document)
    except SchemaError as error:
        raise ValueError(
            f"no JSON Schema at {pointer(*error.absolute_path) or '/'}: {error.message[:200]}"
        ) from None
    except (RecursionError, re.error):
        raise ValueError("no JSON Schema: it cannot be read") from None
    specification = referencing.jsonschema.specification_with(
        kind.META_SCHEMA.get("$id") or kind.META_SCHEMA["id"]
    )
    # Nothing is ever fetched: what a schema refers to stands in the schema, or is a published metaschema.
    registry = REGISTRY.with_resource(_POLICY, specification.create_resource(schema.document))
    reference = f"{_POLICY}#{schema.part}"
    try:
        registry.resolver().lookup(reference)
        within = registry.resolver().lookup(_POLICY).resolver
        for wanted in _references(schema.document):
            within.lookup(wanted)
    except (referencing.exceptions.Unresolvable, ValueError, TypeError) as error:
        raise ValueError(f"refers to what is not in it: {str(getattr(error, 'ref', error))[:200]}") from None
    return kind({"$ref": reference}, registry=registry)


def _references(schema: Any) -> Iterable[str]:
    """What the schema refers to in itself (``#…``) and by whole addresses."""
    pending = [schema]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            wanted = value.get("$ref")
            if isinstance(wanted, str) and (wanted.startswith("#") or "://" in wanted):
                yield wanted
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _member(facts: Any, at: str) -> tuple[bool, Any]:
    """The value at a JSON Pointer, and whether there is one."""
    value = facts
    for token in at.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        else:
            return False, None
    return True, value


def _at(error: ValidationError) -> str:
    """Where in the declaration: for what is missing, where it would stand."""
    at = pointer(*error.absolute_path)
    if error.validator == "required" and isinstance(error.validator_value, list):
        lacking = [name for name in error.validator_value if name not in error.instance]
        named = next((name for name in lacking if error.message.startswith(repr(name))), None)
        return at if named is None else at + pointer(named)
    return at


def _asked(error: ValidationError) -> str:
    """The keyword and what it asks, as the trace shows it."""
    if error.validator in {"required", "anyOf", "oneOf", "not", "if", "dependencies"}:
        return str(error.validator)
    value = error.validator_value
    values = value if isinstance(value, list) else [value]
    shown = ", ".join(_text(item) for item in values)
    return f"{error.validator} {shown}"[:200]


def _shown(error: ValidationError) -> Any:
    """The value that is not as it should be; a container is not repeated."""
    if error.validator == "required" or isinstance(error.instance, (dict, list)):
        return None
    return error.instance[:200] if isinstance(error.instance, str) else error.instance


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "…" if isinstance(value, (dict, list)) else str(value)


def _with_violations(message: Json, trace: list[dict[str, Any]]) -> dict[str, str]:
    """The rule's words and, one by one, what was not found as it should be."""
    named: dict[str, list[str]] = {"ja": [], "en": []}
    for entry in trace[:_SHOWN]:
        keyword, _, rest = entry["test"].partition(" ")
        words = _WORDS.get(keyword, _OTHERWISE)
        rest = rest if keyword in _WORDS else keyword
        at = entry["path"] or "/"
        named["ja"].append(f"{at}：{words.ja.replace('{}', rest)}")
        named["en"].append(f"{at} {words.en.replace('{}', rest)}")
    more = len(trace) - _SHOWN
    if more > 0:
        named["ja"].append(f"ほか{more}件")
        named["en"].append(f"and {more} more")
    return {
        "ja": f"{message['ja']}（{'、'.join(named['ja'])}）",
        "en": f"{message['en']} {'; '.join(named['en'])}.",
    }
