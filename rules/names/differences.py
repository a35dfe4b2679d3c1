"""What can differ between two names, what each difference costs, and how it is said to people.

A smoothing costs little and several add up; where a difference has a ceiling, no agreement elsewhere makes
up for it. Costs and scores are in hundredths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.model import Text


@dataclass(frozen=True, slots=True)
class Weight:
    """The cost of a difference, the best score that it leaves, and its words."""

    cost: int
    ceiling: int
    text: Text


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference found. ``detail`` shows it; ``closeness`` (0 to 1) lowers the ceiling where it is
    known.
    """

    code: str
    detail: str = ""
    closeness: float = 1.0

    @property
    def cost(self) -> int:
        """What it costs."""
        return DIFFERENCES[self.code].cost

    @property
    def ceiling(self) -> int:
        """The best score that it leaves."""
        return int(DIFFERENCES[self.code].ceiling * self.closeness)


def _smoothed(cost: int, ja: str, en: str) -> Weight:
    return Weight(cost, 100, Text(ja, en))


def _limited(ceiling: int, ja: str, en: str) -> Weight:
    return Weight(0, ceiling, Text(ja, en))


DIFFERENCES: Final[Mapping[str, Weight]] = {
    "width": _smoothed(0, "全角・半角等の表記を揃えました", "the width of characters was made alike"),
    "case_in_japanese_name": _smoothed(
        5, "英字の大文字・小文字が異なります", "Latin letters of a Japanese name differ in case"
    ),
    "spaces": _smoothed(1, "空白の有無が異なります", "spaces differ"),
    "marks": _smoothed(1, "中点、ハイフン等の記号が異なります", "dots, hyphens or other marks differ"),
    "kanji": _smoothed(2, "漢字の新旧の字体が異なります", "old and new forms of a kanji"),
    "kana_size": _smoothed(3, "仮名の大書き・小書きが異なります", "large and small kana"),
    "kana_kind": _limited(85, "平仮名と片仮名の違いがあります", "hiragana against katakana"),
    "transliteration": _smoothed(
        3, "キリル文字をラテン文字に置き換えて比較しました", "Cyrillic was transliterated"
    ),
    "number_words": _smoothed(1, "数の表記が異なります", "a number is written in another way"),
    "abbreviation": _smoothed(3, "略語を展開しました", "an abbreviation was written out"),
    "one_of_several": _smoothed(
        2, "併記された名称の一つと比較しました", "compared with one of several names that stand side by side"
    ),
    "spelling": _smoothed(5, "綴りが一字異なります", "one letter of a word differs"),
    "spelling_of_two_letters": _smoothed(
        8, "長い語の綴りが二字異なります", "two letters of a long word differ"
    ),
    "register_approximate": _smoothed(
        8,
        "登録簿が代替文字を用いているため、一字の違いを許容しました",
        "the register put a similar character in place; one difference is allowed",
    ),
    "legal_form_notation": _smoothed(
        0, "同じ法人格を異なる表記で示しています", "the same legal form, written in another way"
    ),
    "legal_form_misspelt": _smoothed(2, "法人格の綴りに誤りがあります", "the legal form is misspelt"),
    "legal_form_missing": _smoothed(4, "一方に法人格の表示がありません", "one name lacks the legal form"),
    "legal_form_related": _smoothed(
        2, "法人格の表示が異なりますが、同じ法人格を指し得ます", "legal forms that may stand for the same"
    ),
    "legal_form_position": _smoothed(
        6, "法人格の位置（前・後）が異なります", "the legal form stands before the one and behind the other"
    ),
    "legal_form_conflict": _limited(75, "法人格が異なります", "different legal forms"),
    "scripts_differ": _limited(
        70,
        "文字体系が異なり、比較できません。登録簿の英語名等が必要です",
        "different scripts cannot be compared; the register's name in the other script is needed",
    ),
    "word_order": _limited(75, "語順が異なります", "the same words in another order"),
    "short_word_spelling": _limited(75, "短い語の綴りが一字異なります", "one letter of a short word differs"),
    "spelling_of_japanese_name": _limited(
        75, "英字の綴りが異なります", "Latin letters of a Japanese name differ"
    ),
    "long_vowel": _limited(85, "長音符号の有無が異なります", "the mark of a long vowel"),
    "series": _limited(
        70, "番号又は記号の部分が異なります", "a Roman numeral or a code differs; it may be a slip"
    ),
    "numbers_differ": _limited(55, "番号が異なります", "the numbers differ"),
    "words_added": _limited(55, "一方にのみ語が加わっています", "one name has words that the other lacks"),
    "words_differ": _limited(55, "異なる語が含まれています", "the words differ"),
    "characters_differ": _limited(55, "異なる文字が含まれています", "the characters differ"),
}
"""Every difference by code."""

SLIPS: Final = frozenset({"spelling", "spelling_of_two_letters", "short_word_spelling"})
"""Differences that are taken for slips of spelling."""
