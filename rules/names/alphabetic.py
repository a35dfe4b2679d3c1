"""Names in letters: Latin, and Cyrillic brought to Latin. Compared word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rapidfuzz.distance import OSA, Levenshtein

from rules.names.differences import Difference
from rules.names.writing import without_accents, without_apostrophes, without_possessive

_INITIALS: Final = re.compile(r"\b[^\W\d_](?:\.[^\W\d_])+\b\.?")
_SLASHED: Final = re.compile(r"\b([^\W\d_])/([^\W\d_])\b")
_WORD: Final = re.compile(r"\d\w*(?:-\w*\d\w*)+|[^\W_]+")
_ARTICLE_LAST: Final = re.compile(r",\s*the\W*$")
"""How lists that are sorted by name write the article: ``Boeing Company, The``."""
_ROMAN: Final = re.compile(r"x{0,3}(?:ix|iv|v?i{0,3})")
_NUMBER_WORDS: Final = {
    word: str(number)
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=1
    )
}

_WRITTEN_OUT: Final = {
    "assn": "association",
    "bros": "brothers",
    "dept": "department",
    "govt": "government",
    "hldg": "holding",
    "hldgs": "holdings",
    "intl": "international",
    "intnl": "international",
    "mfg": "manufacturing",
    "mgmt": "management",
    "mtg": "mortgage",
    "natl": "national",
    "prods": "products",
    "st": "saint",
    "svc": "service",
    "svcs": "services",
    "univ": "university",
}
"""Short forms of words in English names of companies that stand for one word only."""

_SHORT: Final = 4
"""A word this short with one letter changed is often another word (Ford, Fjord)."""

_LONG: Final = 9
"""From this length on two letters may be slips."""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a name for comparison: lower case, no accents or marks, initials joined, no article at
    either end.
    """
    plain = without_apostrophes(without_possessive(without_accents(text)))
    plain = _INITIALS.sub(lambda match: match[0].replace(".", ""), plain.replace("&", " and "))
    words = _WORD.findall(_SLASHED.sub(r"\1\2", plain))
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    elif len(words) > 1 and _ARTICLE_LAST.search(plain):
        words = words[:-1]
    return tuple(_with_joined_initials(words))


def _with_joined_initials(words: Sequence[str]) -> list[str]:
    """Single letters that follow one another as one word."""
    joined: list[str] = []
    single = False
    for word in words:
        is_single = len(word) == 1 and word.isalpha()
        if single and is_single:
            joined[-1] += word
        else:
            joined.append(word)
        single = is_single
    return joined


def differences(one: Sequence[str], other: Sequence[str]) -> list[Difference]:
    """What differs between two names' words; nothing where they are equal. Two names without words differ."""
    if one and list(one) == list(other):
        return []
    if not one or not other:
        return [Difference("words_differ", f"{' '.join(one) or '-'} / {' '.join(other) or '-'}", 0.0)]
    full, other_full = _written_out(one), _written_out(other)
    if full != list(one) or other_full != list(other):
        abbreviated = Difference("abbreviation", f"{' '.join(one)} / {' '.join(other)}")
        if full == other_full:
            return [abbreviated]
        # Where both are abbreviated alike nothing was smoothed out.
        alike = (set(one) & _WRITTEN_OUT.keys()) == (set(other) & _WRITTEN_OUT.keys())
        return [*([] if alike else [abbreviated]), *_of_full_words(full, other_full)]
    return _of_full_words(one, other)


def _written_out(words: Sequence[str]) -> list[str]:
    return [_WRITTEN_OUT.get(word, word) for word in words]


def _of_full_words(one: Sequence[str], other: Sequence[str]) -> list[Difference]:
    first, second = _numbered(one), _numbered(other)
    if first == second:
        return [Difference("number_words", f"{' '.join(one)} / {' '.join(other)}")]
    if "".join(first) == "".join(second):
        return [Difference("spaces", f"{' '.join(one)} / {' '.join(other)}")]
    words, numbers = _parted(first)
    other_words, other_numbers = _parted(second)
    found: list[Difference] = []
    if numbers != other_numbers:
        found.append(_of_numbers(numbers, other_numbers, one, other))
    if words != other_words:
        found.append(_of_words(words, other_words))
    return found or [Difference("word_order", f"{' '.join(one)} / {' '.join(other)}")]


def _numbered(words: Sequence[str]) -> list[str]:
    """Number words and Roman numerals as digits. A first word is never a numeral: it may be an initial."""
    numbered = []
    for place, word in enumerate(words):
        if place and word and _ROMAN.fullmatch(word):
            numbered.append(str(_arabic(word)))
        else:
            numbered.append(_NUMBER_WORDS.get(word, word))
    return numbered


def _arabic(roman: str) -> int:
    values = [{"i": 1, "v": 5, "x": 10}[sign] for sign in roman]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words without digits, and words with."""
    return (
        [word for word in words if not any(map(str.isdigit, word))],
        [word for word in words if any(map(str.isdigit, word))],
    )


def _of_numbers(
    numbers: Sequence[str], other_numbers: Sequence[str], one: Sequence[str], other: Sequence[str]
) -> Difference:
    """Plain numbers tell companies apart. A Roman numeral may be a letter and a code may hold a slip."""
    detail = f"{' '.join(numbers) or '-'} / {' '.join(other_numbers) or '-'}"
    if len(numbers) != len(other_numbers):
        return Difference("numbers_differ", detail)
    for number, counterpart in zip(numbers, other_numbers, strict=True):
        typed = number.isdigit() and number in one and counterpart.isdigit() and counterpart in other
        if typed and number != counterpart:
            return Difference("numbers_differ", detail)
    return Difference("series", detail)


def _of_words(words: Sequence[str], other_words: Sequence[str]) -> Difference:
    detail = f"{' '.join(words)} / {' '.join(other_words)}"
    if sorted(words) == sorted(other_words):
        return Difference("word_order", detail)
    if len(words) == len(other_words):
        unequal = [pair for pair in zip(words, other_words, strict=True) if pair[0] != pair[1]]
        if len(unequal) == 1 and (slip := _of_word(*unequal[0])) is not None:
            return slip
        shown = ", ".join(f"{left} / {right}" for left, right in unequal)
        return Difference("words_differ", shown, _closeness(words, other_words))
    if (slip := _of_word("".join(words), "".join(other_words))) is not None:
        return slip
    shorter, longer = sorted((words, other_words), key=len)
    if _is_subsequence(shorter, longer):
        extra = list(longer)
        for word in shorter:
            extra.remove(word)
        return Difference("words_added", " ".join(extra), _closeness(words, other_words))
    return Difference("words_differ", detail, _closeness(words, other_words))


def _of_word(one: str, other: str) -> Difference | None:
    """A slip of spelling, or None where these are two words."""
    if _singular(one) == _singular(other):
        return Difference("spelling", f"{one} / {other}")
    shorter = min(len(one), len(other))
    distance = OSA.distance(one, other)
    if distance == 1 and shorter > _SHORT:
        return Difference("spelling", f"{one} / {other}")
    if distance == 1 and shorter == _SHORT:
        return Difference("short_word_spelling", f"{one} / {other}")
    if distance == 2 and shorter >= _LONG:
        return Difference("spelling_of_two_letters", f"{one} / {other}")
    return None


def _singular(word: str) -> str:
    """``technologies`` as ``technology``; a plain plural is one letter and found as such."""
    return f"{word[:-3]}y" if word.endswith("ies") and len(word) > _SHORT + 3 else word


def _is_subsequence(shorter: Sequence[str], longer: Sequence[str]) -> bool:
    remaining = iter(longer)
    return all(word in remaining for word in shorter)


def _closeness(words: Sequence[str], other_words: Sequence[str]) -> float:
    return Levenshtein.normalized_similarity(" ".join(words), " ".join(other_words))
