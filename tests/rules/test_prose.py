"""Packs and traces in words: each fact has a name, each rule and each leaf can be said in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.documents import Json
from rules import pages, prose
from rules.cases import read_cases
from rules.library import Library
from rules.pack import Kind
from rules.sheets import html, markdown
from rules.vocabulary import FACTS

Judge = Callable[..., dict[str, Any]]


def test_officers_have_a_name_for_each_fact() -> None:
    for fact in FACTS:
        words = prose.term(fact.path)
        assert fact.path not in {words.ja, words.en}, fact.path


def test_a_list_item_is_named_by_its_number() -> None:
    assert prose.term("certs[1].type").en == "standard of the certificate (no. 2)"
    assert prose.term("data[0].at_rest[2]").ja == "保存場所（1の3件目）"
    assert prose.term("of.nothing").en == "of.nothing"


@pytest.mark.parametrize(
    ("raw", "ja", "en"),
    [
        ({"eq": ["vendor.sme", True]}, "中小企業であること：はい", "small or medium firm: yes"),
        (
            {"ne": ["vendor.role", "reseller"]},
            "事業者の立場：reseller以外",
            "role of the vendor: not reseller",
        ),
        (
            {"lt": ["use.value_jpy", "@gpa.local_jpy"]},
            "予定価格（円）：「gpa.local_jpy」未満",
            "value in yen: below “gpa.local_jpy”",
        ),
        (
            {"le": ["ismap.renewal_filed_on", "ismap.valid_to"]},
            "ISMAP更新申請の日：ISMAP登録の期限以前",
            "day the ISMAP renewal was filed: on or before end of the ISMAP listing",
        ),
        (
            {"valid_on": ["ismap.valid_to", "$as_of"]},
            "ISMAP登録の期限：基準日に有効",
            "end of the ISMAP listing: in force on the as-of date",
        ),
        (
            {"age_le": ["sanctions.checked_on", 30]},
            "照合の日：過去30日以内",
            "day of the screening: within the last 30 days",
        ),
        (
            {"not": {"known": "registry.successor"}},
            "次に当たらないこと（承継法人の番号：判明していること）",
            "not (number of the successor: known)",
        ),
        (
            {"every": {"of": "support_access", "is": {"in": [".", ["JP", "NO"]]}}},
            "「保守アクセス元の国」の全てについて（その値：JP、NOのいずれか）",
            "for each of the countries of the support staff (it: one of JP, NO)",
        ),
        (
            {"all_of": [{"eq": ["tax.arrears", False]}, {"eq": ["ai.used", False]}]},
            "次の全て（税の滞納：いいえ；AIの利用：いいえ）",
            "all of these (tax arrears: no; AI used: no)",
        ),
        (
            {"matches_predicate": {"predicate": "corporate-number/1", "of": ["vendor.corporate_number"]}},
            "法人番号：検査用数字が正しい",
            "corporate number: the check digit fits",
        ),
    ],
)
def test_conditions_in_words(raw: Json, ja: str, en: str) -> None:
    phrase = prose.condition(raw)
    assert (phrase.inline("ja"), phrase.inline("en")) == (ja, en)


def test_every_leaf_of_every_case_can_be_said(library: Library) -> None:
    rulesets = {}
    for case in read_cases():
        names = (case.base, *case.overlays)
        ruleset = rulesets.setdefault(names, library.ruleset(case.base, case.overlays))
        for result in ruleset.evaluate(case.dossier)["results"]:
            for entry in result["trace"]:
                words = prose.leaf(entry)
                assert re.search(r"[ぁ-んァ-ン一-龥]", words.ja)
                assert not re.search(r"[ぁ-んァ-ン一-龥]", words.en) or entry["path"] in {
                    "vendor.name",
                    "registry.name",
                }
                assert "{" not in words.en.replace("{class}", "")


def test_a_leaf_says_why_it_is_unknown(judge: Judge, clean_vendor: Json) -> None:
    def decisive(changes: Json, rule: str) -> str:
        outcome = judge({**clean_vendor, **changes})
        result = next(result for result in outcome["results"] if result["rule"] == rule)
        return prose.leaf(result["trace"][result["trace_decisive"][0]]).en

    assert decisive({"registry": {}}, "REG-01") == (
        "entered in the home register = not stated; asked: yes → not known (nothing is stated)"
    )
    assert "contradict" in decisive({"tax": {"arrears": {"conflict": [True, False]}}}, "EXC-07")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_pack_can_be_shown(language: str, library: Library) -> None:
    for pack in library.packs.values():
        sheets = pages.sheets(pack, language)
        shown = [row[0] for sheet in sheets for row in sheet.rows]
        for rule in pack.rules:
            assert rule.id in shown
            assert rule.message["fail"].ja in html("t", [], sheets, language).replace("&quot;", '"')
        text = markdown(pack.name, pages.lead(pack, language), sheets)
        for line in text.splitlines():
            if line.startswith("|"):
                columns = len(re.findall(r"(?<!\\)\|", line)) - 1
                assert columns in {4, 7, 8}
        assert pages.KINDS[Kind(pack.kind)].as_json()[language] in text


def test_a_page_takes_no_markup_from_a_pack() -> None:
    from rules.sheets import Sheet

    sheet = Sheet("<b>", ("a|b",), (("<script>x</script>\n`|`",),))
    assert "<script>" not in html("<i>", ["<u>"], [sheet], "en")
    assert "<i>" not in html("<i>", ["<u>"], [sheet], "en")
    assert "&lt;script&gt;x&lt;/script&gt;<br>\\`\\|\\`" in markdown("t", [], [sheet])
