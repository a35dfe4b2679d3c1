"""Keys that names and addresses are looked up by: quick to make, and coarse on purpose.

Equal keys make two names candidates for one another, no more; :func:`rules.names.compare` says whether they
are the same and why.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from rules.names.forms import JAPANESE
from rules.names.kanji import NEW_FORMS
from rules.names.split import split
from rules.names.writing import is_east_asian, without_accents

VERSION: Final = "1"
"""Rises with every change that gives some name or address another key: what was indexed is then stale."""

_FORM_LENGTHS: Final = sorted({len(form) for form in JAPANESE}, reverse=True)
_FIRST_SIGNS: Final = frozenset(form[0] for form in JAPANESE)
_LAST_SIGNS: Final = frozenset(form[-1] for form in JAPANESE)
_SMALL_KANA: Final = dict(zip("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ", strict=True))


class _Signs(dict[int, str | None]):
    """What a character becomes in a name's key: a letter or digit, or nothing. Filled as they come up."""

    def __missing__(self, code: int) -> str | None:
        sign = NEW_FORMS.get(code, chr(code))
        if "ぁ" <= sign <= "ゖ":
            sign = chr(ord(sign) + 0x60)  # hiragana and katakana stand in the same order
        sign = _SMALL_KANA.get(sign, sign)
        kept = sign if sign.isalnum() and sign != "ー" else None
        self[code] = kept
        return kept


_SIGNS: Final = _Signs()


def name_key(name: str) -> str:
    """A name without legal form, spaces and marks, each character in one of the ways to write it.

    Folded are widths (NFKC), old and new forms of kanji, the two kana and their sizes, the long vowel mark,
    and case; in names without kana and kanji also accents and legal forms in Latin letters. A name that is
    nothing but a legal form keeps it.
    """
    text = unicodedata.normalize("NFKC", name).strip()
    core = _without_form(text)
    if not core.isascii() and is_east_asian(core):
        return core.casefold().translate(_SIGNS)
    words = core if core is not text else "".join(split(core).words)
    return without_accents(words).translate(_SIGNS) or core.casefold().translate(_SIGNS)


def _without_form(text: str) -> str:
    """The name without the longest legal form before or behind it, or the very text if it has none."""
    if text[:1] in _FIRST_SIGNS:
        for length in _FORM_LENGTHS:
            if text[:length] in JAPANESE:
                return text[length:].strip() or text
    if text[-1:] in _LAST_SIGNS:
        for length in _FORM_LENGTHS:
            if text[-length:] in JAPANESE:
                return text[:-length].strip() or text
    return text


_KANJI_DIGITS: Final = {sign: value for value, sign in enumerate("〇一二三四五六七八九")}
_KANJI_NUMBER: Final = re.compile("[〇一二三四五六七八九十]+(?=丁目)")
_LOOSE_HYPHEN: Final = re.compile("-(?![0-9])|(?<![0-9])-")
_ADDRESS_SIGNS: Final = {
    **NEW_FORMS,
    **dict.fromkeys(map(ord, "ヶヵがガ"), "ケ"),
    **dict.fromkeys(map(ord, "番号のノ‐‑‒–—―−ー"), "-"),
    **dict.fromkeys(map(ord, " ()")),
}


def address_key(address: str) -> str:
    """An address from the city on, its numbers joined by hyphens: ``千代田区霞ケ関3-1-1``.

    Folded are widths (NFKC), spaces, the ways to write block, lot and house (３丁目１番１号, 3-1-1, 三丁目),
    ヶ/ケ/が, の/ノ, and 大字. The largest unit stands first, so that an address known in part is a prefix.
    """
    text = unicodedata.normalize("NFKC", address)
    if "丁目" in text:
        text = _KANJI_NUMBER.sub(lambda match: str(_number(match[0])), text).replace("丁目", "-")
    text = text.replace("大字", "").replace("番地", "-").translate(_ADDRESS_SIGNS).replace("--", "-")
    return _LOOSE_HYPHEN.sub("", text).casefold()


def _number(kanji: str) -> int:
    """A number below a hundred in kanji."""
    tens, ten, ones = kanji.rpartition("十")
    return (_KANJI_DIGITS.get(tens, 1) * 10 if ten else 0) + _KANJI_DIGITS.get(ones, 0)
