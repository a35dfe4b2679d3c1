"""Verdicts of buyers beside the decision, and a candidate: only what differs is judged again."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import pytest

from pipeline.documents import Json
from pipeline.model import Dossier
from rules.buyers import Buyer, buyers_of
from rules.cases import CASES, changed
from rules.facts import dossier_of
from rules.library import PACKS, Library
from rules.loader import parse_pack
from rules.policy import PackPolicy
from rules.ruleset import Ruleset
from rules.strict_yaml import read_yaml

DAY = date(2026, 11, 2)
CLEAN: dict[str, Any] = read_yaml((CASES / "clean-vendor.yaml").read_text("utf-8")).value


@pytest.fixture(scope="module")
def policy(library: Library) -> PackPolicy:
    return PackPolicy.load("jp-national", library=library)


def beside(policy: PackPolicy, facts: Json, day: date = DAY) -> dict[str, dict[str, Any]]:
    outcome = policy.judge(dossier_of(facts, day)).outcome
    return {buyer["buyer"]: buyer for buyer in outcome["buyers"]}


def test_each_buyer_says_what_its_whole_policy_would_say(
    policy: PackPolicy, library: Library, scenarios: dict[str, Json]
) -> None:
    whole = {name: library.ruleset("jp-national", [name]) for name in library.buyers("jp-national")}
    assert set(whole) == {"tokyo-metropolitan", "kobe-city", "meti", "maff"}
    for facts in scenarios.values():
        national = {
            result["rule"]: result for result in policy.judge(dossier_of(facts, DAY)).outcome["results"]
        }
        for name, verdict in beside(policy, facts).items():
            outcome = whole[name].evaluate(dossier_of(facts, DAY))
            assert verdict["decision"] == outcome["decision"]
            assert verdict["policy"] == outcome["policy"]
            assert [
                {**result, "national": None}
                for result in outcome["results"]
                if result["rule"] not in national
            ] + [
                result
                for result in outcome["results"]
                if result["rule"] in national and result["effect"] != national[result["rule"]]["effect"]
            ] == sorted(
                (
                    {**result, "national": None}
                    if result["national"] is None
                    else {key: value for key, value in result.items() if key != "national"}
                    for result in verdict["differs"]
                ),
                key=lambda result: (result["rule"] in national, result["rule"]),
            )


def test_the_rules_that_differ_say_why(policy: PackPolicy) -> None:
    verdict = beside(policy, changed(CLEAN, {"portability.formats": ["vendor-binary"]}))["tokyo-metropolitan"]
    [result] = [result for result in verdict["differs"] if result["national"] is not None]
    assert (result["rule"], result["effect"]) == ("LCK-01", "reject")
    assert result["national"] == {"outcome": "fail", "effect": "review"}
    assert result["effect_why"][0]["ja"]


def test_a_buyer_that_is_named_is_judged_alone(policy: PackPolicy) -> None:
    assert set(beside(policy, changed(CLEAN, {"use.buyers": ["kobe-city", "osaka-city"]}))) == {"kobe-city"}
    assert beside(policy, changed(CLEAN, {"use.buyers": []})) == {}
    assert len(beside(policy, CLEAN)) == 4


def test_an_overlay_that_does_not_hold_yet_says_nothing(policy: PackPolicy) -> None:
    assert "kobe-city" not in beside(policy, CLEAN, date(2024, 9, 26))
    assert "kobe-city" in beside(policy, CLEAN, date(2024, 9, 27))


def test_only_rules_that_the_overlay_touches_are_judged_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[list[str]] = []
    evaluate = Ruleset.evaluate

    def counted(self: Ruleset, dossier: Dossier, **dates: Any) -> dict[str, Any]:
        judged.append([rule.rule.id for rule in self.rules])
        return evaluate(self, dossier, **dates)

    monkeypatch.setattr(Ruleset, "evaluate", counted)
    beside(PackPolicy.load("jp-national", library=library), CLEAN)
    assert [len(rules) for rules in judged] == [30, 5, 5]
    assert judged[1:] == [
        ["KOBE-01", "KOBE-02", "KOBE-03", "KOBE-04", "SEC-01"],
        ["LCK-01", "RES-01", "RES-05", "TMG-01", "TMG-02"],
    ]


def test_an_overlay_with_a_parameter_of_its_own_is_judged_by_it(library: Library) -> None:
    national = (PACKS / "jp-national.yaml").read_text("utf-8")
    national = national.replace(
        "\nparams:\n", "\nadjustable:\n  retrieval_days: [buyer-national]\nparams:\n", 1
    )
    meti = (PACKS / "meti.yaml").read_text("utf-8") + "params:\n  retrieval_days: {2024-04-01: {value: 95}}\n"
    changed_library = library.including([parse_pack(national, "n"), parse_pack(meti, "m")])
    verdict = beside(PackPolicy.load("jp-national", library=changed_library), CLEAN)["meti"]
    assert verdict["decision"] == "review"
    assert [result["rule"] for result in verdict["differs"]] == ["LCK-02"]


def test_an_overlay_lies_over_a_base_that_selects_too(library: Library) -> None:
    names = [buyer.name for buyer in buyers_of(library, "jp-national-first")]
    assert names == library.buyers("jp-national")
    verdict = beside(PackPolicy.load("jp-national-first", library=library), CLEAN)
    assert {result["rule"] for result in verdict["tokyo-metropolitan"]["differs"]} >= {"TMG-01", "TMG-02"}


def test_what_lies_in_force_already_is_no_buyer_besides(library: Library) -> None:
    policy = PackPolicy.load("jp-national", ["kobe-city"], library=library)
    assert "kobe-city" not in beside(policy, CLEAN)
    assert all(isinstance(buyer, Buyer) for buyer in policy.buyers)


class TestCandidate:
    def test_its_verdict_is_recorded_and_never_applied(self, library: Library) -> None:
        candidate = library.ruleset("jp-national", ["tokyo-metropolitan"])
        policy = PackPolicy.load("jp-national", library=library, candidate=candidate)
        facts = changed(CLEAN, {"portability.formats": ["vendor-binary"]})
        judgement = policy.judge(dossier_of(facts, DAY))
        assert judgement.verdict == "review"
        tried = judgement.outcome["candidate"]
        assert (tried["decision"], tried["policy"]) == ("reject", candidate.citations)
        assert [cause["rule"] for cause in tried["causes"]] == ["LCK-01"]
        assert policy.judge(dossier_of(CLEAN, DAY)).outcome["candidate"]["causes"] == []

    def test_one_that_holds_later_is_tried_as_of_its_first_day(self, library: Library) -> None:
        text = (PACKS / "jp-national.yaml").read_text("utf-8")
        text = text.replace("effective: {from: 2024-04-01}", "effective: {from: 2027-05-01}")
        candidate = library.including([parse_pack(text, "later")]).ruleset("jp-national")
        policy = PackPolicy.load("jp-national", library=library, candidate=candidate)
        tried = policy.judge(dossier_of(changed(CLEAN, {"portability.retrieval_days": 45}), DAY))
        assert tried.outcome["candidate"]["decision"] == "review"
        assert tried.verdict == "approve"

    def test_one_that_cannot_judge_does_not_touch_the_case(self, library: Library) -> None:
        sound = library.ruleset("jp-national")

        def fault(*_: object) -> Any:
            raise ZeroDivisionError

        broken = dataclasses.replace(
            sound, rules=(dataclasses.replace(sound.rules[0], applies=None, require=fault),)
        )
        judgement = PackPolicy.load("jp-national", library=library, candidate=broken).judge(
            dossier_of(CLEAN, DAY)
        )
        assert judgement.verdict == "approve"
        assert judgement.outcome["candidate"] == {"policy": sound.citations, "fault": "ZeroDivisionError"}
