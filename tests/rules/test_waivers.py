"""What people set aside: a rule does not count on the same facts of a product, visibly, until its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.documents import Json
from pipeline.identifiers import new_id
from pipeline.model import Dossier, Verdict, Waiver, WaiverKind
from pipeline.waivers import grounds_of
from rules.backtest import causes
from rules.cases import CASES, changed
from rules.facts import dossier_of
from rules.policy import PackPolicy
from rules.strict_yaml import read_yaml

DAY = date(2026, 11, 2)
POLICY = PackPolicy.load("jp-national")
CLEAN: dict[str, Any] = read_yaml((CASES / "clean-vendor.yaml").read_text("utf-8")).value
FLAWS: tuple[dict[str, Any], ...] = (
    {"portability.retrieval_days": 20},
    {"portability.formats": ["vendor-binary"]},
    {"contract.court": "IE"},
    {"support_access": ["JP", "US"]},
    {"tax.arrears": True},
    {"registry.closed": True},
)


def dossier(*flaws: Json, day: date = DAY) -> Dossier:
    facts: Any = CLEAN
    for flaw in flaws:
        facts = changed(facts, flaw)
    return dossier_of(facts, day)


def in_the_way(outcome: Json) -> list[Json]:
    return [result for result in outcome["results"] if result["effect"] in {"review", "reject"}]


def waived(judged: Dossier, until: date | None = None, kind: WaiverKind = WaiverKind.APPEAL) -> Dossier:
    """The dossier with a waiver for everything that stands in its way."""
    waivers = tuple(
        Waiver(new_id(), result["rule"], grounds_of(result), kind, "EVIDENCE_SEEN", until)
        for result in in_the_way(POLICY.judge(judged).outcome)
    )
    return replace(judged, waivers=waivers)


@pytest.mark.parametrize("flaw", FLAWS, ids=str)
def test_what_is_waived_does_not_count_and_never_looks_like_a_pass(flaw: dict[str, Any]) -> None:
    plain = dossier(flaw)
    before = POLICY.judge(plain)
    after = POLICY.judge(waived(plain))
    assert before.verdict is not Verdict.APPROVE
    assert after.verdict is Verdict.APPROVE
    assert after.reason == ""
    was = {result["rule"]: result for result in before.outcome["results"]}
    for result in after.outcome["results"]:
        if result["effect"] == "waived":
            assert result["outcome"] == was[result["rule"]]["outcome"] != "pass"
            assert result["waived"]["effect"] == was[result["rule"]]["effect"]
            assert result["message"] == was[result["rule"]]["message"]
        else:
            assert result == was[result["rule"]]


@given(st.sets(st.sampled_from(range(len(FLAWS))), min_size=1))
def test_a_dossier_with_waivers_gives_the_same_bytes_for_ever(chosen: set[int]) -> None:
    judged = waived(dossier(*(FLAWS[index] for index in sorted(chosen))))
    again = Dossier.from_json(judged.as_json())
    assert again == judged
    assert again.digest == judged.digest
    assert POLICY.judge(again).document == POLICY.judge(judged).document


def test_a_dossier_without_waivers_keeps_its_name() -> None:
    assert "waivers" not in dossier().as_json()


def test_other_facts_are_another_question() -> None:
    waivers = waived(dossier(FLAWS[0])).waivers
    worse = replace(dossier({"portability.retrieval_days": 10}), waivers=waivers)
    [result] = in_the_way(POLICY.judge(worse).outcome)
    assert (result["rule"], result["effect"]) == ("LCK-02", "review")
    assert "waived" not in result
    other = replace(dossier(FLAWS[2]), waivers=waivers)
    assert POLICY.judge(other).verdict is Verdict.REVIEW


def test_the_same_facts_on_another_day_under_another_value_are_the_same_question() -> None:
    # From 1 April 2027 the policy asks for 60 days instead of 30.
    today, later = dossier(FLAWS[0]), dossier(FLAWS[0], day=date(2027, 4, 2))
    grounds = {
        grounds_of(result)
        for judged in (today, later)
        for result in POLICY.judge(judged).outcome["results"]
        if result["rule"] == "LCK-02"
    }
    assert len(grounds) == 1


def test_an_override_holds_through_its_last_day() -> None:
    until = DAY + timedelta(days=3)
    waivers = waived(dossier(FLAWS[0]), until, WaiverKind.OVERRIDE).waivers
    on_the_day = replace(dossier(FLAWS[0], day=until), waivers=waivers)
    after = replace(dossier(FLAWS[0], day=until + timedelta(days=1)), waivers=waivers)
    assert POLICY.judge(on_the_day).verdict is Verdict.APPROVE
    assert POLICY.judge(after).verdict is Verdict.REVIEW


def test_what_a_buyer_tightened_is_not_ours_to_waive() -> None:
    # Tokyo rejects what the national rule has a person look at.
    flawed = waived(dossier({"portability.formats": ["vendor-binary"]}))
    outcome = POLICY.judge(flawed).outcome
    assert outcome["decision"] == "approve"
    verdicts = {buyer["buyer"]: buyer["decision"] for buyer in outcome["buyers"]}
    assert verdicts["tokyo-metropolitan"] == "reject"


def test_a_back_test_names_what_a_waiver_changed() -> None:
    plain = dossier(FLAWS[0])
    [cause] = causes(POLICY.judge(plain).outcome, POLICY.judge(waived(plain)).outcome)
    assert (cause.rule, cause.before, cause.after) == ("LCK-02", "review", "waived")
