"""Each rule can pass, fail and be unknown, and no condition stands in a pack for nothing.

For every rule some case has each outcome. Then each condition is taken out, one at a time, and some case must
notice.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from rules.cases import read_cases
from rules.layers import join
from rules.library import PACKS
from rules.pack import Pack, Source, pack_of
from rules.ruleset import Ruleset
from rules.strict_yaml import read_yaml

DOCUMENTS: dict[str, dict[str, Any]] = {
    file.stem: read_yaml(file.read_text("utf-8")).value for file in sorted(PACKS.glob("*.yaml"))
}
CASES = read_cases()
BASE = "jp-national"


def _notices(documents: dict[str, dict[str, Any]], rules: set[str], tracks: set[str]) -> bool:
    """Whether some case comes out otherwise than expected when only these rules are judged."""
    rulesets: dict[tuple[str, ...], Ruleset] = {}
    for case in CASES:
        expected = {
            key: {name: wanted for name, wanted in case.expected.get(key, {}).items() if name in names}
            for key, names in (("rules", rules), ("effects", rules), ("reasons", rules), ("tracks", tracks))
        }
        if not any(expected.values()):
            continue
        if case.overlays not in rulesets:
            rulesets[case.overlays] = _ruleset(documents, rules, case.overlays)
        narrowed = dataclasses.replace(case, expected=expected)
        if narrowed.mismatches(rulesets[case.overlays].evaluate(case.dossier)):
            return True
    return False


def _ruleset(documents: dict[str, dict[str, Any]], rules: set[str], overlays: tuple[str, ...]) -> Ruleset:
    """The policy of these packs, reduced to some rules."""

    def reduced(document: dict[str, Any]) -> Pack:
        kept = {
            **document,
            "rules": {rule: body for rule, body in document.get("rules", {}).items() if rule in rules},
            "changes": [change for change in document.get("changes", []) if change["rule"] in rules],
        }
        return pack_of(kept, Source(document["pack"], {}))

    tracks = [reduced(document) for document in documents.values() if document["kind"] == "track"]
    return join(reduced(documents[BASE]), [*(reduced(documents[name]) for name in overlays), *tracks])


def _without(condition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The condition with one part of it taken out, each in turn."""
    ((name, body),) = condition.items()
    if name in {"all_of", "any_of"}:
        for place, part in enumerate(body):
            yield {name: body[:place] + body[place + 1 :]} if len(body) > 2 else body[1 - place]
            for mutant in _without(part):
                yield {name: [*body[:place], mutant, *body[place + 1 :]]}
    elif name == "not":
        yield body
        for mutant in _without(body):
            yield {"not": mutant}
    elif name in {"every", "some"}:
        for mutant in _without(body["is"]):
            yield {name: {**body, "is": mutant}}
        if body.get("allow_empty"):
            yield {name: {key: value for key, value in body.items() if key != "allow_empty"}}
    elif name == "has_each":
        for place in range(len(body[2])):
            yield {name: [*body[:2], body[2][:place] + body[2][place + 1 :]]}
    elif name in {"in", "not_in"} and isinstance(body[1], list):
        for place in range(len(body[1])):
            yield {name: [body[0], body[1][:place] + body[1][place + 1 :]]}


def _mutants() -> Iterator[tuple[str, set[str], set[str], dict[str, dict[str, Any]]]]:
    """A label, the rules and tracks to look at, and all packs with one condition taken out."""
    for name, document in DOCUMENTS.items():
        for rule, body in document.get("rules", {}).items():
            for number, mutant in enumerate(_of_rule(body)):
                changed = copy.deepcopy(document)
                changed["rules"][rule] = mutant
                yield f"{name} {rule} {number}", {rule}, set(), {**DOCUMENTS, name: changed}
        for place, change in enumerate(document.get("changes", [])):
            mutants = [None]
            if "when" in change:
                bare = {key: value for key, value in change.items() if key != "when"}
                mutants += [bare, *({**change, "when": when} for when in _without(change["when"]))]
            for number, mutant in enumerate(mutants):
                changed = copy.deepcopy(document)
                changed["changes"][place : place + 1] = [] if mutant is None else [mutant]
                label = f"{name} change of {change['rule']} {number}"
                yield label, {change["rule"]}, set(), {**DOCUMENTS, name: changed}
        if "admits" in document:
            for number, admits in enumerate(_without(document["admits"])):
                yield (
                    f"{name} admits {number}",
                    set(),
                    {name},
                    {**DOCUMENTS, name: {**document, "admits": admits}},
                )
        if "treaty_guard" in document:
            guarded = {
                rule for rule, body in document["rules"].items() if body.get("treaty") == "discriminates"
            }
            for number, guard in enumerate(_without(document["treaty_guard"])):
                mutant = {**document, "treaty_guard": guard}
                yield f"{name} guard {number}", guarded, set(), {**DOCUMENTS, name: mutant}


def _of_rule(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("applies", "require", "fail_only_if"):
        if key in body:
            for condition in _without(body[key]):
                yield {**body, key: condition}
    for key in ("applies", "fail_only_if"):
        if key in body:
            yield {name: value for name, value in body.items() if name != key}
    for place, special in enumerate(body.get("special", [])):
        others = body["special"][:place] + body["special"][place + 1 :]
        yield {**body, "special": others}
        for when in _without(special["when"]):
            yield {**body, "special": [*others[:place], {**special, "when": when}, *others[place:]]}


RULES = [(name, rule) for name, document in DOCUMENTS.items() for rule in document.get("rules", {})]


@pytest.mark.parametrize(("pack", "rule"), RULES, ids=lambda value: value)
def test_every_rule_passes_fails_and_is_unknown_in_some_case(pack: str, rule: str) -> None:
    wanted = {"pass", "fail", "unknown"}
    body = DOCUMENTS[pack]["rules"][rule]
    if "applies" in body:
        wanted |= {"not_applicable"}
    if body.get("treaty") == "discriminates":
        wanted |= {"suppressed"}
    assert {case.expected.get("rules", {}).get(rule) for case in CASES} - {None} == wanted


@pytest.mark.parametrize(
    ("rules", "tracks", "documents"),
    [pytest.param(rules, tracks, documents, id=label) for label, rules, tracks, documents in _mutants()],
)
def test_a_case_notices_when_a_condition_is_taken_out(
    rules: set[str], tracks: set[str], documents: dict[str, dict[str, Any]]
) -> None:
    assert _notices(documents, rules, tracks)


def test_no_case_complains_about_the_packs_as_they_stand() -> None:
    tracks = {name for name, document in DOCUMENTS.items() if document["kind"] == "track"}
    assert not _notices(DOCUMENTS, {rule for _, rule in RULES}, tracks)
