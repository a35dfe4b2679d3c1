"""The shared scenarios under N (national), T (Tokyo too) and K (Kobe too), and the cases beside the packs."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from pipeline.documents import Json
from rules.cases import Case, read_cases
from rules.library import Library
from rules.ruleset import Ruleset

Judge = Callable[..., dict[str, Any]]

# Every rule whose effect is not none, as outcome→effect. A policy that is not listed does as N does.
EFFECTS: dict[str, dict[str, dict[str, str]]] = {
    "P01": {"N": {}},
    "P02": {"N": {"RES-06": "fail→review"}},
    "P03": {
        "N": {"SEC-01": "fail→review", "SEC-02": "fail→review", "SEC-04": "fail→note"},
        "K": {"SEC-01": "fail→note", "SEC-02": "fail→review", "SEC-04": "fail→note"},
    },
    "P04": {"N": {"REG-01": "fail→reject"}},
    "P05": {"N": {"REG-01": "unknown→review", "REG-02": "unknown→review"}},
    "P06": {
        "N": {"SEC-01": "fail→review", "SEC-02": "fail→reject"},
        "K": {"SEC-01": "fail→note", "SEC-02": "fail→reject"},
    },
    "P07": {"N": {}},
    "P08": {"N": {"RES-05": "fail→review"}, "T": {"RES-05": "fail→reject"}},
    "P09": {
        "N": {"EXC-03L": "fail→review"},
        "K": {"EXC-03L": "fail→review", "KOBE-01": "fail→reject"},
    },
    "P10": {
        "N": {
            "REG-05": "fail→review",
            "REG-06": "fail→review",
            "RES-01": "fail→review",
            "RES-02": "fail→review",
            "SEC-01": "fail→review",
        },
        "T": {
            "REG-05": "fail→review",
            "REG-06": "fail→review",
            "RES-01": "fail→reject",
            "RES-02": "fail→review",
            "SEC-01": "fail→review",
        },
        "K": {
            "KOBE-04": "fail→review",
            "REG-05": "fail→review",
            "REG-06": "fail→review",
            "RES-01": "fail→review",
            "RES-02": "fail→review",
            "SEC-01": "fail→note",
        },
    },
    "P11": {
        "N": {"RES-01": "fail→review", "RES-04": "fail→reject"},
        "T": {"RES-01": "fail→reject", "RES-04": "fail→reject"},
    },
    "P12": {
        "N": {"LCK-01": "fail→review", "LCK-02": "fail→review", "LCK-03": "fail→review"},
        "T": {"LCK-01": "fail→reject", "LCK-02": "fail→review", "LCK-03": "fail→review"},
    },
}


@pytest.mark.parametrize("policy", "NTK")
@pytest.mark.parametrize("name", EFFECTS)
def test_exactly_the_named_rules_have_an_effect(
    name: str, policy: str, scenarios: dict[str, Json], judge: Judge
) -> None:
    outcome = judge(scenarios[name], policy)
    found = {
        result["rule"]: f"{result['outcome']}→{result['effect']}"
        for result in outcome["results"]
        if result["effect"] != "none"
    }
    assert found == EFFECTS[name].get(policy, EFFECTS[name]["N"])


def test_the_decisions_are_those_of_the_page(
    scenario_texts: str, scenarios: dict[str, Json], judge: Judge
) -> None:
    rows = re.findall(
        r"^\| (P\d\d) \|.*?\|.*?\| (\w+) \| (\w+) \| (\w+) \|", scenario_texts, flags=re.MULTILINE
    )
    assert len(rows) == len(scenarios) == 12
    for name, *decisions in rows:
        assert [judge(scenarios[name], policy)["decision"] for policy in "NTK"] == decisions, name


def test_all_rules_are_in_the_document(scenarios: dict[str, Json], judge: Judge) -> None:
    outcome = judge(scenarios["P01"], "K")
    assert len(outcome["results"]) == 34 == sum(outcome["counts"].values())
    for result in outcome["results"]:
        assert result["message"]["ja"]
        assert result["message"]["en"]
        assert result["basis"]
        assert result["trace"]


def test_without_the_track_the_startup_would_be_rejected(
    scenarios: dict[str, Json], library: Library, judge: Judge
) -> None:
    admitted = judge(scenarios["P03"])
    assert admitted["tracks"]["startup"] == "admitted"
    relaxed = next(result for result in admitted["results"] if result["rule"] == "SEC-02")
    assert relaxed["effect_from"] == ["jp-national:reject", "startup:review"]
    assert [why["pack"] for why in relaxed["effect_why"]] == ["startup"]
    facts = {**scenarios["P03"], "startup": {}, "vendor": {**scenarios["P03"]["vendor"], "age_years": 30}}
    assert judge({**facts, "startup": scenarios["P01"]["startup"]})["decision"] == "reject"


def test_the_renewal_clause_shows_both_dates(scenarios: dict[str, Json], judge: Judge) -> None:
    listing = next(result for result in judge(scenarios["P07"])["results"] if result["rule"] == "SEC-01")
    assert listing["outcome"] == "pass"
    renewal = listing["trace"][listing["trace_decisive"][-1]]
    assert renewal["value"] == "2026-09-30"
    assert renewal["against"] == {"path": "ismap.valid_to", "value": "2026-10-13"}


def test_the_reason_names_the_sub_processor_and_not_the_list(
    scenarios: dict[str, Json], judge: Judge
) -> None:
    result = next(result for result in judge(scenarios["P08"], "T")["results"] if result["rule"] == "RES-05")
    assert result["effect_from"] == ["jp-national:review", "tokyo-metropolitan:reject"]
    assert "「MailB」（US）" in result["message"]["ja"]
    assert '"MailB" (US)' in result["message"]["en"]
    assert "HostA" not in result["message"]["ja"] + result["message"]["en"]
    assert {entry["path"] for entry in result["evidence"]} == {
        "subprocessors[1].country",
        "subprocessors[1].no_personal_data",
        "subprocessors[1].appi28_equivalent_system",
    }


def test_a_successor_is_named(scenarios: dict[str, Json], judge: Judge) -> None:
    facts = {**scenarios["P04"], "registry": {**scenarios["P04"]["registry"], "successor": "6999901000002"}}
    result = next(result for result in judge(facts)["results"] if result["rule"] == "REG-01")
    assert result["reason"] == "REG_CLOSED_SUCCESSOR"
    assert "6999901000002" in result["message"]["ja"]
    assert "6999901000002" in result["message"]["en"]


@cache
def _ruleset(base: str, overlays: tuple[str, ...]) -> Ruleset:
    return Library.read().ruleset(base, overlays)


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: f"{case.file}:{case.line}")
def test_the_cases_beside_the_packs(case: Case) -> None:
    assert case.mismatches(_ruleset(case.base, case.overlays).evaluate(case.dossier)) == []
