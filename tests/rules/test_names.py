"""Company names: the same, different or unclear, and why."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rules.names import best, compare
from rules.names.differences import DIFFERENCES


def answer(one: str, other: str) -> tuple[str, set[str]]:
    comparison = compare(one, other)
    return comparison.result, {reason.code for reason in comparison.reasons}


@pytest.mark.parametrize(
    ("one", "other", "reasons"),
    [
        ("株式会社みなと台帳", "株式会社みなと台帳", set()),
        ("シェルジャパン株式会社", "株式会社シェルジャパン", {"legal_form_position"}),
        ("ﾄﾖﾀ自動車㈱", "トヨタ自動車株式会社", {"width", "legal_form_notation"}),
        ("㍿みなと台帳", "株式会社みなと台帳", {"width"}),
        ("（株）みなと台帳", "株式会社みなと台帳", {"width", "legal_form_notation"}),
        ("カ）ミナト台帳", "株式会社ミナト台帳", {"width", "legal_form_notation"}),
        ("ミナト台帳（カ", "ミナト台帳株式会社", {"width", "legal_form_notation"}),
        ("(一社)みなと会", "一般社団法人みなと会", {"legal_form_notation"}),
        ("特定非営利活動法人みなと", "NPO法人みなと", {"legal_form_notation"}),
        ("みなと台帳", "株式会社みなと台帳", {"legal_form_missing"}),
        ("株式会社髙﨑商店", "株式会社高崎商店", {"kanji"}),
        ("株式会社齋藤製作所", "株式会社斎藤製作所", {"kanji"}),
        ("濵田鐵工所㈲", "浜田鉄工所有限会社", {"width", "legal_form_notation", "kanji"}),
        ("株式会社渡邉", "株式会社渡辺", {"kanji"}),
        ("キヤノン株式会社", "キャノン株式会社", {"kana_size"}),
        ("株式会社霞ヶ関", "株式会社霞ケ関", {"kana_size"}),
        ("株式会社ビー・ロット", "株式会社ビーロット", {"marks"}),
        ("株式会社ビー･ロット", "株式会社ビー・ロット", {"width"}),
        ("ソニ－株式会社", "ソニー株式会社", {"width", "marks"}),
        ("ＣＡＲＴＡ　ＨＯＬＤＩＮＧＳ株式会社", "CARTA HOLDINGS株式会社", {"width"}),
        ("株式会社Ｃｌｉｆｆ", "株式会社CLIFF", {"width", "case_in_japanese_name"}),
        ("葛\U000e0101飾商店", "葛飾商店", set()),
        ("Sansan株式会社", "Sansan, Inc.", {"legal_form_related"}),
        ("Siemens Aktiengesellschaft", "Siemens AG", {"legal_form_notation"}),
        ("Cloudware, Inc.", "CLOUDWARE INC", set()),
        ("Kowalski Spółka z ograniczoną odpowiedzialnością", "Kowalski Sp. z o.o.", {"legal_form_notation"}),
        ("Łódź Dane S.A.", "Lodz Dane SA", set()),
        ("Société Générale S.A.", "Societe Generale", {"legal_form_missing"}),
        ("Müller & Söhne GmbH", "Muller and Sohne GmbH", set()),
        ("A.B.C. Company", "ABC Co.", {"legal_form_notation"}),
        ("The Coca-Cola Company", "Coca Cola Company", set()),
        ("Good Will Ltd", "Goodwill Limited", {"legal_form_notation", "spaces"}),
        ("OAO Gazprom", "Open Joint Stock Company Gazprom", {"legal_form_notation"}),
        ("ОАО «Газпром»", "Gazprom OAO", {"transliteration"}),
        ("P.T. Astra International", "PT Astra International", set()),
        ("Three Rivers Ltd", "3 Rivers Ltd", {"number_words"}),
        ("Crystalord Limited", "Cristalord Limited", {"spelling"}),
        ("Siemens Aktiengeselschaft", "Siemens AG", {"legal_form_misspelt", "legal_form_notation"}),
        ("Henry II Ltd", "Henry 2 Ltd", {"number_words"}),
        ("Al Qasr / Palace Trading", "Palace Trading", {"one_of_several"}),
        ("주식회사 미나토", "(주)미나토", {"legal_form_notation"}),
        ("Minato Intl Svcs Ltd", "Minato International Services Ltd", {"abbreviation"}),
        ("St. Brigid Data Ltd", "Saint Brigid Data Ltd", {"abbreviation"}),
        ("Minato Technologies Ltd", "Minato Technology Ltd", {"spelling"}),
        ("Ledger Company, The", "The Ledger Company", set()),
    ],
)
def test_the_same_name(one: str, other: str, reasons: set[str]) -> None:
    assert answer(one, other) == ("same", reasons)


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("日本電気株式会社", "日本電産株式会社", "characters_differ"),
        ("三菱電機株式会社", "三菱電気株式会社", "characters_differ"),
        ("日本電気株式会社", "日本電気システム株式会社", "characters_differ"),
        ("第一台帳株式会社", "第二台帳株式会社", "characters_differ"),
        ("ソニー株式会社", "ソニア株式会社", "characters_differ"),
        ("Siemens AG", "Siemens Energy AG", "words_added"),
        ("Banco Santander, S.A.", "Banco Santander Mexico, S.A.", "words_added"),
        ("Fjord Invest 2 AS", "Fjord Invest 3 AS", "numbers_differ"),
        ("Fjord Invest AS", "Fjord Invest 3 AS", "numbers_differ"),
        ("BD p.l.c.", "BP p.l.c.", "words_differ"),
        ("C.B.A. Company", "A.B.C. Company", "words_differ"),
        ("Bank of China (Hong Kong) Limited", "Bank of China (Singapore) Limited", "words_differ"),
        ("", "Fjord Invest AS", "words_differ"),
        ("Minato Intl Ltd", "Minato National Ltd", "words_differ"),
        ("Fjord Svcs Ltd", "Fjord Svcs Norway Ltd", "words_added"),
        ("!!!", "???", "words_differ"),
    ],
)
def test_different_names(one: str, other: str, reason: str) -> None:
    result, reasons = answer(one, other)
    assert result == "different"
    assert reason in reasons


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("トヨタ自動車株式会社", "Toyota Motor Corporation", "scripts_differ"),
        ("Αθήνα Cloud", "Athina Cloud", "scripts_differ"),
        ("株式会社みなと台帳", "合同会社みなと台帳", "legal_form_conflict"),
        ("Siemens AG", "Siemens GmbH", "legal_form_conflict"),
        ("freee株式会社", "株式会社Ｆｒｅｅｅ", "case_in_japanese_name"),
        ("みなと株式会社", "ミナト株式会社", "kana_kind"),
        ("日本コンピュータ株式会社", "日本コンピューター株式会社", "long_vowel"),
        ("Sankyo K.K.", "Sanyo K.K.", "spelling_of_japanese_name"),
        ("Fjord Motor Company", "Ford Motor Company", "short_word_spelling"),
        ("Bain Capital Fund X L.P.", "Bain Capital Fund XI L.P.", "series"),
        ("China Bank Ltd", "Bank China Ltd", "word_order"),
    ],
)
def test_a_person_looks(one: str, other: str, reason: str) -> None:
    result, reasons = answer(one, other)
    assert result == "unclear"
    assert reason in reasons


def test_a_substitute_character_of_the_register() -> None:
    assert compare("株式会社𦚰口", "株式会社＿口", approximate=True).result == "same"
    assert compare("株式会社𦚰口", "株式会社＿口").result == "different"
    assert compare("株式会社𦚰谷", "株式会社＿口", approximate=True).result == "different"


def test_the_closest_of_several_names() -> None:
    closest = best("株式会社みなと", ["株式会社うみべ", "Minato Ltd", "株式会社ミナト"])
    assert closest is not None
    assert closest.other.written == "株式会社ミナト"
    # A name in another script says nothing where one in the same script is there.
    other = best("株式会社みなと", ["株式会社うみべ", "Minato Ltd"])
    assert other is not None
    assert other.result == "different"
    assert best("株式会社みなと", []) is None


def test_the_answer_explains_itself() -> None:
    comparison = compare("㈱齋藤製作所", "斎藤製作所株式会社")
    document = comparison.as_json()
    assert document["one"] == {
        "written": "㈱齋藤製作所",
        "core": "齋藤製作所",
        "legal_forms": ["株式会社"],
    }
    kanji = next(reason for reason in document["reasons"] if reason["code"] == "kanji")
    assert kanji["detail"] == "齋藤製作所 / 斎藤製作所"
    assert kanji["ja"]
    assert kanji["en"]
    assert document["score"] == 0.92


def test_every_difference_has_words() -> None:
    for weight in DIFFERENCES.values():
        assert weight.text.ja
        assert weight.text.en
        assert (weight.cost == 0) or (weight.ceiling == 100)


NAMES = st.one_of(
    st.text(max_size=30),
    st.lists(
        st.sampled_from(
            [
                "株式会社",
                "㈱",
                "みなと",
                "ミナト",
                "Siemens",
                "AG",
                "GmbH",
                "&",
                "II",
                "2",
                "・",
                " ",
                "齋藤",
                "A.B.",
                "/",
                "'s",
            ]
        ),
        max_size=6,
    ).map("".join),
)


@given(NAMES, NAMES)
def test_the_score_agrees_with_the_answer_either_way_round(one: str, other: str) -> None:
    there, back = compare(one, other), compare(other, one)
    assert (there.result, there.score) == (back.result, back.score)
    assert 0.0 <= there.score <= 1.0
    assert there.score == round(there.score, 2)
    expected = "same" if there.score >= 0.9 else "unclear" if there.score >= 0.6 else "different"
    assert there.result == expected


@given(NAMES)
def test_a_name_is_the_same_as_itself(name: str) -> None:
    itself = compare(name, name)
    # Signs that say nothing, alone or beside a legal form, are no name.
    assume(any(map(str.isalnum, itself.one.core)))
    assert itself.result == "same"


def pairs(reference: Path) -> list[dict[str, str]]:
    with (reference / "peers" / "names" / "organisation-pairs.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        return list(csv.DictReader(file))


def test_the_shared_pairs_that_are_sure(reference: Path) -> None:
    strong = [pair for pair in pairs(reference) if pair["quality"] == "STRONG"]
    assert len(strong) == 14
    for pair in strong:
        expected = "same" if pair["is_match"] == "true" else "different"
        assert compare(pair["name1"], pair["name2"]).result == expected, pair


@pytest.mark.parametrize("matching", [{"same"}, {"same", "unclear"}], ids=["strict", "lenient"])
def test_the_shared_pairs_of_medium_sureness(reference: Path, matching: set[str]) -> None:
    """F1 of 0.85 at least, whether "unclear" is taken for no match or for a match."""
    found = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for pair in pairs(reference):
        if pair["quality"] == "MEDIUM":
            result = compare(pair["name1"], pair["name2"]).result
            found[pair["is_match"] == "true", result in matching] += 1
    hits, misses, false_alarms = found[True, True], found[True, False], found[False, True]
    assert 2 * hits / (2 * hits + misses + false_alarms) >= 0.85
