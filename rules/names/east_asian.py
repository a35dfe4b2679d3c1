"""Names in kana, kanji or hangul: equal after smoothing, or different.

No fuzzy score tells 日本電気 from 日本電産.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Final

import jaconv
from rapidfuzz.distance import Levenshtein

from rules.names.differences import Difference
from rules.names.kanji import NEW_FORMS
from rules.names.writing import with_one_dash

_MARKS: Final = re.compile(r"[^\w\s]")
"""Not ``_``: it is what NFKC makes of ＿, with which the register replaces a character that it cannot store.
"""

_LARGE_KANA: Final = str.maketrans(
    "ァィゥェォヵヶッャュョヮぁぃぅぇぉっゃゅょゎ", "アイウエオカケツヤユヨワあいうえおつやゆよわ"
)

_STEPS: Final[Mapping[str, Callable[[str], str]]] = {
    "spaces": lambda text: "".join(text.split()),
    "marks": lambda text: _MARKS.sub("", with_one_dash(text)),
    "case_in_japanese_name": str.casefold,
    "kanji": lambda text: text.translate(NEW_FORMS),
    "kana_size": lambda text: text.translate(_LARGE_KANA),
    "kana_kind": jaconv.hira2kata,
    "long_vowel": lambda text: text.replace("ー", ""),
}
"""Each smoothing, by the difference that it removes."""


def differences(one: str, other: str, *, approximate: bool) -> list[Difference]:
    """What differs between two cores; only the smoothings without which they are not equal."""
    if one == other:
        return []
    first, second = _key(one), _key(other)
    if first == second:
        return [
            Difference(code, f"{one} / {other}") for code in _STEPS if _key(one, code) != _key(other, code)
        ]
    if approximate and len(first) == len(second) and _unequal(first, second) == 1:
        return [Difference("register_approximate", f"{one} / {other}")]
    return [
        Difference("characters_differ", f"{one} / {other}", Levenshtein.normalized_similarity(first, second))
    ]


def _key(text: str, without: str = "") -> str:
    """The text after every smoothing, save one."""
    return reduce(
        lambda smoothed, code: _STEPS[code](smoothed), (code for code in _STEPS if code != without), text
    )


def _unequal(one: str, other: str) -> int:
    return sum(left != right for left, right in zip(one, other, strict=True))
