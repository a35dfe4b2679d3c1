"""Rule cases of another engine, said in conditions: those that map come out alike, the others do not load."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rules.facts import dossier_of
from rules.layers import join
from rules.loader import parse_pack
from rules.pack import PackError

PATHS = {"country": "vendor.country", "name": "vendor.name", "age": "vendor.age_years"}
OPERATORS = {"equals": "eq", "gt": "gt", "lte": "le"}
PACK = """\
pack: a-base
kind: base
version: 2026.1.0
status: test
effective: {from: 2024-04-01}
owner: {ja: 担当, en: an officer}
summary: {ja: 検査用, en: for tests}
rules:
"""
RULE = """\
  AB-0%d:
    title: {ja: 題, en: title}
    require: %s
    on_fail: review
    treaty_why: {ja: 検査用, en: for tests}
    reason: {fail: FAILED, unknown: NOT_KNOWN}
    message: {pass: {ja: 適, en: p}, fail: {ja: 否, en: f}, unknown: {ja: 不, en: u}}
    remedy: {ja: 対応, en: remedy}
    basis: [COMMON-STANDARDS]
"""


def condition(rule: Any) -> Any:
    for theirs, ours in (("all", "all_of"), ("any", "any_of")):
        if theirs in rule:
            return {ours: [condition(part) for part in rule[theirs]]}
    operator = OPERATORS.get(rule["op"], rule["op"].lower())
    return {operator: [PATHS.get(rule["path"], rule["path"]), rule["value"]]}


@pytest.fixture
def cases(reference: Path) -> dict[str, Any]:
    shared = json.loads((reference / "peers" / "ballerine" / "rule-cases.json").read_text("utf-8"))
    return {case["id"]: case for case in shared["cases"]}


def results(case: Any) -> list[dict[str, Any]]:
    text = PACK + "".join(
        RULE % (number, json.dumps(condition(rule))) for number, rule in enumerate(case["rules"])
    )
    facts: dict[str, Any] = {
        "vendor": {PATHS[name].split(".")[1]: value for name, value in case["context"].items()}
    }
    return list(join(parse_pack(text, "p.yaml")).evaluate(dossier_of(facts, date(2026, 11, 2)))["results"])


def test_nested_conditions_hold(cases: dict[str, Any]) -> None:
    case = cases["nested or/and"]
    assert [result["outcome"] for result in results(case)] == case["expected"]


def test_a_value_that_differs_fails(cases: dict[str, Any]) -> None:
    case = cases["value differs"]
    assert [result["outcome"] for result in results(case)] == case["expected"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("field absent", "no fact has the path 'nonexistent'"),
        ("unknown operator", "unknown key 'unknown'; take one of: all_of, any_of, not"),
        ("wrong parameter type", "unknown key 'within_last_years'"),
        ("empty path", "does not have the form wanted"),
    ],
)
def test_what_cannot_mean_anything_is_refused_when_it_is_loaded(
    name: str, said: str, cases: dict[str, Any]
) -> None:
    with pytest.raises(PackError, match=said):
        results(cases[name])


def test_a_fact_that_is_absent_is_reported_absent_not_unequal(cases: dict[str, Any]) -> None:
    case = json.loads(json.dumps(cases["value differs"]))
    del case["context"]["country"]
    [result] = results(case)
    assert result["outcome"] == "unknown"
    assert result["trace"][0]["cause"] == "missing"
