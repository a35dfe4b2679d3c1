"""How names are written: scripts, widths, marks and letters, brought to one form for comparison only."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_INVISIBLE: Final = re.compile(
    "[\u00ad\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
"""Soft hyphens, joiners, direction marks and variation selectors."""

_EAST_ASIAN: Final = re.compile(
    "[\u1100-\u11ff\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Kana, kanji and hangul."""

_LATIN_LETTERS: Final = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)
_CYRILLIC: Final = str.maketrans(
    dict(
        zip(
            "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў",
            "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya i yi ye g u".replace(
                "_", ""
            ).split(" "),
            strict=True,
        )
    )
)
"""After BGN/PCGN, simplified."""

_APOSTROPHES: Final = re.compile("['`´ʹʻʼʾʿ‘’‛′＇]")
_DASHES: Final = re.compile("[\u002d\u2010-\u2015\u2212\u30fc\ufe63\uff0d\uff70]")
_KATAKANA: Final = re.compile("[\u30a1-\u30fa]")


def clean(name: str) -> str:
    """NFKC without invisible characters, spaces single. NFKC unites widths too: ﾄﾖﾀ and トヨタ."""
    return " ".join(_INVISIBLE.sub("", unicodedata.normalize("NFKC", _INVISIBLE.sub("", name))).split())


def is_east_asian(text: str) -> bool:
    """Whether it has kana, kanji or hangul in it."""
    return _EAST_ASIAN.search(text) is not None


def without_accents(text: str) -> str:
    """Latin letters without marks, Cyrillic ones in Latin, all in lower case."""
    folded = text.casefold().translate(_CYRILLIC).translate(_LATIN_LETTERS)
    return "".join(sign for sign in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(sign))


def is_cyrillic(text: str) -> bool:
    """Whether it has Cyrillic letters in it."""
    return any("\u0400" <= sign <= "\u04ff" for sign in text)


def is_latin(words: Iterable[str]) -> bool:
    """Whether every letter is Latin, or was brought to Latin."""
    return all(sign < "\u0250" or not sign.isalpha() for word in words for sign in word)


def without_apostrophes(text: str) -> str:
    """No apostrophe of any kind."""
    return _APOSTROPHES.sub("", text)


def without_possessive(text: str) -> str:
    """No English genitive: ``Bank's`` becomes ``Bank``."""
    return re.sub(r"'s\b", "", _APOSTROPHES.sub("'", text), flags=re.IGNORECASE)


def with_one_dash(text: str) -> str:
    """Every dash as ``-``, save that after katakana it is the mark of a long vowel, whichever was typed."""
    folded: list[str] = []
    for sign in text:
        if _DASHES.match(sign):
            before = folded[-1] if folded else ""
            folded.append("ー" if before == "ー" or _KATAKANA.match(before) else "-")
        else:
            folded.append(sign)
    return "".join(folded)
