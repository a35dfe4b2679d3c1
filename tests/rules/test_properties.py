"""What holds for every document, pack and policy, not only for the cases somebody thought of."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.documents import canonical
from pipeline.model import Dossier
from rules.cases import CASES, read_cases
from rules.facts import dossier_of
from rules.layers import join
from rules.library import PACKS, Library
from rules.pack import Effect, Kind, Pack, PackError, Source, pack_of
from rules.ruleset import Ruleset
from rules.strict_yaml import read_yaml
from rules.vocabulary import FACTS, Fact
from rules.vocabulary import Kind as FactKind

DAY = date(2026, 11, 2)
LIBRARY = Library.read()
POLICIES = {
    "N": LIBRARY.ruleset("jp-national"),
    "T": LIBRARY.ruleset("jp-national", ["tokyo-metropolitan"]),
    "K": LIBRARY.ruleset("jp-national", ["kobe-city"]),
}
CLEAN: dict[str, Any] = read_yaml((CASES / "clean-vendor.yaml").read_text("utf-8")).value
DOCUMENTS = [dict(case.facts) for case in read_cases()]
NATIONAL = read_yaml((PACKS / "jp-national.yaml").read_text("utf-8")).value

COUNTRIES = st.sampled_from(["JP", "IE", "NO", "US", "SG"])
DATES = st.sampled_from(["2025-10-31", "2026-10-13", "2026-11-01", "2026-11-02", "2026-12-01", "2027-06-30"])


def values(fact: Fact) -> st.SearchStrategy[Any]:
    """Values that a fact may well have."""
    match fact.kind:
        case FactKind.BOOLEAN:
            return st.booleans()
        case FactKind.INTEGER:
            return st.sampled_from([0, 1, 2, 3, 9, 10, 30, 60, 61, 36_000_000, 40_000_000])
        case FactKind.DECIMAL:
            return st.sampled_from([0.0, 0.41, 0.6, 0.89, 0.9, 1.0])
        case FactKind.DATE:
            return DATES
        case FactKind.COUNTRY:
            return COUNTRIES
        case FactKind.CODE:
            return st.sampled_from(fact.codes or ("kobe-city", "tokyo-metropolitan", "csv", "vendor-binary"))
        case _:
            return st.sampled_from(["2013", "2022", "7999901000001", "1999901000001", "株式会社みなと台帳"])


def section(name: str) -> st.SearchStrategy[Any]:
    """A section of a facts document: an object, a list of objects or a list of values."""
    facts = [fact for fact in FACTS if fact.path.split(".")[0].removesuffix("[]") == name]
    if facts[0].path == f"{name}[]":
        if facts[0].kind is not FactKind.OBJECTS:
            return st.lists(values(facts[0]), max_size=3)
        return st.lists(fields(facts[1:], f"{name}[]."), max_size=4)
    return fields(facts, f"{name}.")


def fields(facts: list[Fact], prefix: str) -> st.SearchStrategy[dict[str, Any]]:
    optional = {}
    for fact in facts:
        name = fact.path.removeprefix(prefix)
        listed = name.endswith("[]")
        optional[name.removesuffix("[]")] = st.lists(values(fact), max_size=3) if listed else values(fact)
    return st.fixed_dictionaries({}, optional=optional)


SECTIONS = sorted({fact.path.split(".")[0].removesuffix("[]") for fact in FACTS})
GENERATED = st.fixed_dictionaries({}, optional={name: section(name) for name in SECTIONS})


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A facts document: a known one or the clean one, with some sections generated."""
    base = copy.deepcopy(draw(st.sampled_from([CLEAN, *DOCUMENTS])))
    return {**base, **draw(GENERATED)} if draw(st.booleans()) else base


def deletions(document: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every field of a document, as the way to it."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        if isinstance(document, dict):
            yield (*at, key)
        if isinstance(value, dict | list):
            yield from deletions(value, (*at, key))


def without(document: dict[str, Any], way: tuple[Any, ...]) -> dict[str, Any]:
    kept = copy.deepcopy(document)
    place: Any = kept
    for step in way[:-1]:
        place = place[step]
    del place[way[-1]]
    return kept


def outcomes(ruleset: Ruleset, facts: dict[str, Any]) -> dict[str, str]:
    document = ruleset.evaluate(dossier_of(facts, DAY))
    return {result["rule"]: result["outcome"] for result in document["results"]}


def severity(ruleset: Ruleset, facts: dict[str, Any]) -> int:
    return ["approve", "review", "reject"].index(ruleset.evaluate(dossier_of(facts, DAY))["decision"])


@given(documents(), st.sampled_from("NTK"), st.data())
@settings(max_examples=200, deadline=None)
def test_deleting_a_field_only_leads_towards_unknown(
    facts: dict[str, Any], policy: str, data: st.DataObject
) -> None:
    way = data.draw(st.sampled_from(list(deletions(facts))))
    before, after = outcomes(POLICIES[policy], facts), outcomes(POLICIES[policy], without(facts, way))
    for rule, outcome in before.items():
        assert (outcome, after[rule]) not in {("pass", "fail"), ("fail", "pass")}, (rule, way)


@pytest.mark.parametrize("policy", "NTK")
def test_deleting_any_field_of_any_case_only_leads_towards_unknown(policy: str) -> None:
    ruleset = POLICIES[policy]
    for facts in DOCUMENTS[::20]:
        before = outcomes(ruleset, facts)
        for way in deletions(facts):
            for rule, after in outcomes(ruleset, without(facts, way)).items():
                assert (before[rule], after) not in {("pass", "fail"), ("fail", "pass")}, (rule, way)


@pytest.mark.parametrize("policy", "NTK")
@pytest.mark.parametrize("kept", [None, *sorted(CLEAN)])
def test_an_almost_empty_application_goes_to_a_person(policy: str, kept: str | None) -> None:
    facts = {} if kept is None else {kept: CLEAN[kept]}
    assert POLICIES[policy].evaluate(dossier_of(facts, DAY))["decision"] == "review"


@given(documents())
@settings(max_examples=150, deadline=None)
def test_tokyo_which_only_tightens_is_never_milder(facts: dict[str, Any]) -> None:
    assert severity(POLICIES["T"], facts) >= severity(POLICIES["N"], facts)


RULES = sorted(NATIONAL["rules"])
WORDS = {"ja": "仮", "en": "for a test"}
CONDITIONS = st.sampled_from(
    [
        None,
        {"eq": ["use.personal_data", True]},
        {"eq": ["tax.arrears", False]},
        {"ne": ["vendor.country", "JP"]},
    ]
)


def layer(kind: str, changes: list[dict[str, Any]]) -> Pack:
    document = {
        "pack": "a-layer",
        "kind": kind,
        "extends": "jp-national",
        "version": "2026.1.0",
        "status": "test",
        "effective": {"from": "2024-04-01"},
        "owner": WORDS,
        "summary": WORDS,
        "changes": changes,
    }
    if kind == "track":
        document["admits"] = {"eq": ["vendor.country", "JP"]}
    return pack_of(document, Source("a-layer", {}))


def change(op: str, rule: str, effect: str, when: dict[str, Any] | None) -> dict[str, Any]:
    body = {"op": op, "rule": rule, "set": {"on_fail": effect}, "why": WORDS, "basis": ["TMG-ASSUMED"]}
    return body if when is None else {**body, "when": when}


@st.composite
def tightenings(draw: st.DrawFn) -> list[dict[str, Any]]:
    mild = [rule for rule in RULES if NATIONAL["rules"][rule]["on_fail"] == "review"]
    rules = draw(st.lists(st.sampled_from(mild), min_size=1, max_size=8, unique=True))
    return [change("tighten", rule, "reject", draw(CONDITIONS)) for rule in rules]


@given(documents(), tightenings(), st.sampled_from(["buyer-local", "buyer-national", "track"]))
@settings(max_examples=40, deadline=None)
def test_no_tightening_layer_makes_a_decision_milder(
    facts: dict[str, Any], changes: list[dict[str, Any]], kind: str
) -> None:
    base = LIBRARY.packs["jp-national"]
    assert severity(join(base, [layer(kind, changes)]), facts) >= severity(join(base), facts)


@pytest.mark.parametrize("kind", ["buyer-local", "buyer-national", "track"])
@pytest.mark.parametrize("rule", RULES)
def test_a_relaxation_that_the_base_does_not_allow_does_not_load(rule: str, kind: str) -> None:
    base = LIBRARY.packs["jp-national"]
    relaxed = layer(kind, [change("relax", rule, "note", None)])
    if kind in NATIONAL["rules"][rule].get("relaxable", []):
        assert join(base, [relaxed]).rules
        return
    with pytest.raises(PackError) as caught:
        join(base, [relaxed])
    assert f"may not relax {rule}" in caught.value.faults[0].problem


@given(st.permutations(RULES), documents())
@settings(max_examples=30, deadline=None)
def test_the_order_of_rules_changes_nothing(order: list[str], facts: dict[str, Any]) -> None:
    shuffled = {**NATIONAL, "rules": {rule: NATIONAL["rules"][rule] for rule in order}}
    pack = pack_of(shuffled, Source("shuffled", {}))
    assert pack.digest == LIBRARY.packs["jp-national"].digest
    tracks = [pack for pack in LIBRARY.packs.values() if pack.kind is Kind.TRACK]
    dossier = dossier_of(facts, DAY)
    ordered = join(LIBRARY.packs["jp-national"], tracks).evaluate(dossier)
    assert canonical(join(pack, tracks).evaluate(dossier)) == canonical(ordered)


@given(documents(), st.sampled_from("NTK"))
@settings(max_examples=100, deadline=None)
def test_a_replay_gives_the_same_bytes(facts: dict[str, Any], policy: str) -> None:
    dossier = dossier_of(facts, DAY)
    first = canonical(POLICIES[policy].evaluate(dossier))
    stored = orjson.loads(canonical(dossier.as_json()))
    replayed = Dossier(dossier.as_of, stored["facts"], stored["provenance"])
    assert replayed.digest == dossier.digest
    assert canonical(POLICIES[policy].evaluate(replayed)) == first


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(documents(), st.sampled_from("NTK"), JSON, st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_stands_in_a_field_the_policy_gives_a_whole_outcome(
    facts: dict[str, Any], policy: str, junk: Any, data: st.DataObject
) -> None:
    facts = copy.deepcopy(facts)
    way = data.draw(st.sampled_from(list(deletions(facts))))
    place: Any = facts
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = junk
    document = POLICIES[policy].evaluate(dossier_of(facts, DAY))
    assert canonical(document)
    for result in document["results"]:
        assert result["message"]["ja"]
        assert all(index < len(result["trace"]) for index in result["trace_decisive"])
        strongest = Effect(result["effect"])
        assert (strongest is Effect.NONE) == (result["outcome"] not in {"fail", "unknown"})
