"""Text as it is searched: folded alike in listings and in questions, and cut into what can be looked up.

A question is a few terms; a listing answers it if its text holds every one of them, anywhere. So a term
needs no boundary of words, which Japanese does not write. Terms of three signs and more are looked up by
trigrams; shorter ones, such as 会計 or AI, by the pairs of signs that :func:`grams` gives.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_QUESTION = 200
"""Signs of a question that are read."""

MOST_TERMS = 8
TRIGRAM = 3

_KATAKANA_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−ｰ"), "-")
_RUN = re.compile(r"[^\W_]+")
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_LATIN_WORD = re.compile(r"[0-9a-z]+")


def fold(text: str) -> str:
    """The text without what people do not mean to tell apart: width, case, katakana, accents, kinds of space.

    NFKC takes the width; ``Kōbe`` becomes ``kobe``; ``カイケイ`` and ``ｶｲｹｲ`` become ``かいけい``.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = unicodedata.normalize("NFKC", plain).translate(_KATAKANA_TO_HIRAGANA).translate(_DASHES)
    if not plain.isascii():
        plain = _ACCENTED.sub(_without_accent, plain)
    if not plain.isprintable():
        plain = "".join(sign if sign.isprintable() else " " for sign in plain)
    return " ".join(plain.split())


def _without_accent(found: re.Match[str]) -> str:
    base = unicodedata.normalize("NFD", found[0])[0]
    return base if base.isascii() else found[0]


def terms(question: str) -> list[str]:
    """The terms of a question, folded, each once. Marks of any query language are signs like others."""
    found = dict.fromkeys(fold(question[:LONGEST_QUESTION]).split())
    return list(found)[:MOST_TERMS]


def grams(folded: str) -> set[str]:
    """What a folded text can be found by with one or two signs.

    Of Japanese: every pair of neighbours and every last sign (one sign is looked up as the beginning of a
    pair). Of Latin letters and digits: whole words of one or two; parts of longer ones would find
    everything.
    """
    found: set[str] = set()
    for run in _RUN.findall(folded):
        for part in re.split(r"([0-9a-z]+)", run):
            if _LATIN_WORD.fullmatch(part):
                if len(part) < TRIGRAM:
                    found.add(part)
            elif part:
                found.update(part[at : at + 2] for at in range(len(part)))
    return found
