"""Are two company names the same name? With the reasons, never by one number alone.

Three answers: ``same``, ``different`` and ``unclear``, for a person to look at. What had to be smoothed out
to make the names equal, and what still differs, is listed. The score is 1.00 less what each smoothing costs,
so that it agrees with the answer: 0.90 and more is ``same``, below 0.60 is ``different``.

The same name is not the same company: homonyms are registered every day. A name only ever confirms a number.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pipeline.model import Text
from rules.names import alphabetic, east_asian
from rules.names.differences import DIFFERENCES, SLIPS, Difference
from rules.names.forms import related
from rules.names.split import Name, split
from rules.names.writing import is_cyrillic, is_east_asian, is_latin

Result: TypeAlias = Literal["same", "different", "unclear"]

_SAME = 90
_UNCLEAR = 60


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that was smoothed out or that differs. ``detail`` shows it, such as ``齋/斉``."""

    code: str
    detail: str

    @property
    def text(self) -> Text:
        """The reason in words."""
        return DIFFERENCES[self.code].text

    def as_json(self) -> dict[str, Any]:
        """For the command line and outcome documents."""
        return {"code": self.code, "detail": self.detail, **self.text.as_json()}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer for two names. ``score`` has two decimals; ``one`` and ``other`` are the names in parts."""

    result: Result
    score: float
    reasons: tuple[Reason, ...]
    one: Name
    other: Name

    @property
    def is_comparable(self) -> bool:
        """Whether both names are in one script."""
        return all(reason.code != "scripts_differ" for reason in self.reasons)

    def as_json(self) -> dict[str, Any]:
        """For the command line and outcome documents."""
        return {
            "result": self.result,
            "score": self.score,
            "reasons": [reason.as_json() for reason in self.reasons],
            "one": self.one.as_json(),
            "other": self.other.as_json(),
        }


def compare(one: str, other: str, *, approximate: bool = False) -> Comparison:
    """Compare two names as written.

    ``approximate`` says that the register could not store every character of its name and put similar ones in
    their place: one character that differs is then no difference.
    """
    first, second = split(one), split(other)
    candidates = [
        _answer(first, second, [*_of_writing(one, other), *_of_forms(first, second), *cores])
        for cores in _readings(first, second, approximate=approximate)
    ]
    return max(candidates, key=lambda comparison: comparison.score)


def best(declared: str, registered: Iterable[str], *, approximate: bool = False) -> Comparison | None:
    """The closest of several registered names; those in another script count only where there is no other."""
    comparisons = [compare(declared, name, approximate=approximate) for name in registered]
    comparable = [comparison for comparison in comparisons if comparison.is_comparable]
    return max(comparable or comparisons, key=lambda comparison: comparison.score, default=None)


def _answer(one: Name, other: Name, differences: Sequence[Difference]) -> Comparison:
    score = 100 - sum(difference.cost for difference in differences)
    score = min([score, *(difference.ceiling for difference in differences)])
    result: Result = "same" if score >= _SAME else "unclear" if score >= _UNCLEAR else "different"
    reasons = tuple(Reason(difference.code, difference.detail) for difference in differences)
    return Comparison(result, score / 100, reasons, one, other)


def _readings(one: Name, other: Name, *, approximate: bool) -> Iterable[list[Difference]]:
    """What differs between the cores, for each reading of names that stand side by side (A/B)."""
    east = (is_east_asian(one.core), is_east_asian(other.core))
    if one.core == other.core and any(map(str.isalnum, one.core)):
        yield []
    elif all(east):
        yield east_asian.differences(one.core, other.core, approximate=approximate)
    elif any(east) or is_latin(one.words) != is_latin(other.words):
        yield [Difference("scripts_differ", f"{one.core} / {other.core}")]
    else:
        yield _of_letters(one, other)
        for first in one.alternatives:
            for second in other.alternatives:
                if (first, second) != (one.words, other.words):
                    yield [Difference("one_of_several", one.core), *alphabetic.differences(first, second)]


def _of_letters(one: Name, other: Name) -> list[Difference]:
    found = alphabetic.differences(one.words, other.words)
    # Registered names of Japanese companies are exact in their Latin letters: Sanyo is not Sankyo.
    if one.is_japanese or other.is_japanese:
        found = [
            Difference("spelling_of_japanese_name", each.detail) if each.code in SLIPS else each
            for each in found
        ]
    if one.place and other.place and one.core != other.core and one.core.casefold() == other.core.casefold():
        found.append(Difference("case_in_japanese_name", f"{one.core} / {other.core}"))
    return found


def _of_writing(one: str, other: str) -> Iterable[Difference]:
    if one != other and any(unicodedata.normalize("NFKC", name) != name for name in (one, other)):
        yield Difference("width")
    if is_cyrillic(one) != is_cyrillic(other):
        yield Difference("transliteration")


def _of_forms(one: Name, other: Name) -> Iterable[Difference]:
    shown = " / ".join(", ".join(form for form, _ in name.forms) or "-" for name in (one, other))
    if one.misspelt or other.misspelt:
        yield Difference("legal_form_misspelt", shown)
    if one.kinds == other.kinds:
        if one.forms != other.forms:
            yield Difference("legal_form_notation", " / ".join(_written(name) for name in (one, other)))
        if one.place and other.place and one.place != other.place:
            yield Difference("legal_form_position", shown)
    elif not one.kinds or not other.kinds:
        yield Difference("legal_form_missing", shown)
    elif _may_be_the_same(one.kinds - other.kinds, other.kinds) and _may_be_the_same(
        other.kinds - one.kinds, one.kinds
    ):
        yield Difference("legal_form_related", shown)
    else:
        yield Difference("legal_form_conflict", shown)


def _may_be_the_same(own: frozenset[str], others: frozenset[str]) -> bool:
    """Whether each of these forms translates one of the others, or the others say it already."""
    return all(any(related(form, other) for other in others) for form in own)


def _written(name: Name) -> str:
    return ", ".join(written for _, written in name.forms)
