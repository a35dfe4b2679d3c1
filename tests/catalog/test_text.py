"""Folding, terms and pairs of signs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.text import LONGEST_QUESTION, MOST_TERMS, fold, grams, terms


@pytest.mark.parametrize(
    "alike",
    [
        ("会計カイケイ", "会計ｶｲｹｲ", "会計かいけい"),
        ("ＩＳＭＡＰ", "ismap", "ISMAP"),
        ("Kōbe", "KOBE", "kobe"),
        ("ガ", "ｶﾞ", "か\u3099"),
        ("東京　都", "東京 都", " 東京\t都\n"),
        ("㈱みほん", "(株)みほん"),
        ("a–b", "a-b", "a‐b"),
    ],
)
def test_what_people_do_not_mean_to_tell_apart_is_alike(alike: tuple[str, ...]) -> None:
    assert len({fold(text) for text in alike}) == 1


def test_what_differs_stays_apart() -> None:
    assert fold("は") != fold("ば")
    assert fold("ー") != fold("-")


def test_a_question_is_cut_to_size() -> None:
    assert terms("会計　AI 会計") == ["会計", "ai"]
    assert len(terms(" ".join(map(str, range(100))))) == MOST_TERMS
    assert all(len(term) <= LONGEST_QUESTION for term in terms("x" * 10_000))
    assert terms("\0\x07") == []


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet="会計管理システムaiネ", min_size=1, max_size=20))
def test_every_pair_of_japanese_signs_is_found(text: str) -> None:
    folded = fold(text)
    pairs = grams(folded)
    for at in range(len(folded) - 1):
        pair = folded[at : at + 2]
        if not any(sign.isascii() for sign in pair):
            assert pair in pairs
    for sign in folded:
        if not sign.isascii():
            assert any(pair.startswith(sign) for pair in pairs)


def test_parts_of_latin_words_are_not_pairs() -> None:
    assert grams(fold("AI board 2年")) == {"ai", "2", "年"}
