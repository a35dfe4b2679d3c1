"""A policy judged after another says what it would say alone, and judges only what differs."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipeline.documents import Json
from pipeline.model import Dossier
from rules.cases import read_cases
from rules.contrast import Contrast
from rules.facts import dossier_of
from rules.library import PACKS, Library
from rules.loader import parse_pack
from rules.ruleset import Ruleset

DAY = date(2026, 11, 2)
LATER = date(2027, 4, 1)


def edited(name: str, *changes: tuple[str, str]) -> Ruleset:
    text = (PACKS / f"{name}.yaml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Library.read().including([parse_pack(text, "edited.yaml")]).ruleset("jp-national")


POLICIES: dict[str, Ruleset] = {
    "national": Library.read().ruleset("jp-national"),
    "tokyo": Library.read().ruleset("jp-national", ["tokyo-metropolitan"]),
    "kobe": Library.read().ruleset("jp-national", ["kobe-city"]),
    "both": Library.read().ruleset("jp-national", ["kobe-city", "tokyo-metropolitan"]),
    "first": Library.read().ruleset("jp-national-first"),
    "values": edited(
        "jp-national", ("{value: 30}, 2027-04-01: {value: 60}", "{value: 50}, 2027-04-01: {value: 99}")
    ),
    "condition": edited("jp-national", ("{eq: [tax.arrears, false]}", "{ne: [tax.arrears, true]}")),
    "effect": edited(
        "jp-national",
        ("    on_fail: review\n    reason: {fail: LCK", "    on_fail: note\n    reason: {fail: LCK"),
    ),
    "track": edited("startup", ("set: {on_fail: note}", "set: {on_fail: none}")),
    "admission": edited("startup", ("{eq: [startup.sbir, true]}", "{eq: [startup.sbir, false]}")),
}


@pytest.mark.parametrize("one", POLICIES)
@pytest.mark.parametrize("other", POLICIES)
def test_each_case_comes_out_as_alone(one: str, other: str) -> None:
    first, second = POLICIES[one], POLICIES[other]
    contrast = Contrast(first, second)
    for case in read_cases()[::5]:
        for policy_date in (case.as_of, LATER):
            outcome = first.evaluate(case.dossier, policy_date=case.as_of)
            alone = second.evaluate(case.dossier, policy_date=policy_date)
            after = contrast.evaluate(case.dossier, outcome, policy_date=policy_date)
            assert after == {"decision": alone["decision"], "results": alone["results"]}


def test_only_what_differs_is_judged(clean_vendor: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[list[str]] = []
    evaluate = Ruleset.evaluate

    def counted(self: Ruleset, dossier: Dossier, **dates: Any) -> dict[str, Any]:
        judged.append([rule.rule.id for rule in self.rules])
        return evaluate(self, dossier, **dates)

    dossier = dossier_of(clean_vendor, DAY)
    outcome = POLICIES["national"].evaluate(dossier)
    monkeypatch.setattr(Ruleset, "evaluate", counted)
    for other in ("national", "tokyo", "condition", "track"):
        Contrast(POLICIES["national"], POLICIES[other]).evaluate(dossier, outcome, policy_date=DAY)
    assert judged == [[], ["LCK-01", "RES-01", "RES-05", "TMG-01", "TMG-02"], ["EXC-07"], ["SEC-04"]]
