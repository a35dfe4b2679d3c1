"""Takes a company name apart: its legal form, and the rest that tells it from others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from rapidfuzz.distance import OSA

from rules.names.alphabetic import words_of
from rules.names.forms import JAPANESE, JAPANESE_BANK, LATIN, LEADING, LONGEST_LATIN, ROMANISED
from rules.names.writing import clean, is_east_asian

Place: TypeAlias = Literal["before", "behind", ""]

_MISSPELT_FROM: Final = 10
"""Letters that a legal form must have to be recognised with one of them wrong."""

_SHORTEST_ALTERNATIVE: Final = 4
"""Letters: A/S is a legal form, not two names."""

_WRITTEN_LONGEST_FIRST: Final = sorted(JAPANESE, key=len, reverse=True)
_BEFORE: Final = re.compile(r"^([カユド])\)")
_BEHIND: Final = re.compile(r"\(([カユド])\)?$")


@dataclass(frozen=True, slots=True)
class Name:
    """A name in its parts.

    ``written`` is as given; ``core`` is what remains without legal forms; ``words`` are the core's words for
    comparison, empty where it is East Asian. ``forms`` are legal forms, each with how it was written.
    ``place`` says where a Japanese one stood. ``misspelt`` says that a form was recognised in spite of a
    slip.
    """

    written: str
    core: str
    words: tuple[str, ...]
    forms: tuple[tuple[str, str], ...]
    place: Place
    misspelt: bool

    @property
    def kinds(self) -> frozenset[str]:
        """The legal forms without how they were written."""
        return frozenset(form for form, _ in self.forms)

    @property
    def alternatives(self) -> tuple[tuple[str, ...], ...]:
        """The words, and where several names stand side by side (A/B), those of each."""
        parts = self.core.split("/")
        if len(parts) < 2 or any(len(part.strip()) < _SHORTEST_ALTERNATIVE for part in parts):
            return (self.words,)
        return (self.words, *(_without_latin_forms(words_of(part))[0] for part in parts))

    @property
    def is_japanese(self) -> bool:
        """Whether its legal form is Japanese."""
        return self.place != "" or not self.kinds.isdisjoint(ROMANISED)

    def as_json(self) -> dict[str, Any]:
        """For the command line."""
        return {"written": self.written, "core": self.core, "legal_forms": [form for form, _ in self.forms]}


def split(written: str) -> Name:
    """The parts of a name. A name that is nothing but a legal form keeps it as its core."""
    text = clean(written)
    core, forms, place = _without_japanese_form(text)
    if is_east_asian(core):
        return Name(written, core, (), forms, place, misspelt=False)
    words = words_of(core)
    rest, latin, misspelt = _without_latin_forms(words)
    return Name(written, core if rest == words else " ".join(rest), rest, (*forms, *latin), place, misspelt)


def _without_japanese_form(text: str) -> tuple[str, tuple[tuple[str, str], ...], Place]:
    for written in _WRITTEN_LONGEST_FIRST:
        form = ((JAPANESE[written], written),)
        if text.startswith(written) and (rest := text.removeprefix(written).strip()):
            return rest, form, "before"
        if text.endswith(written) and (rest := text.removesuffix(written).strip()):
            return rest, form, "behind"
    for pattern, place in ((_BEFORE, "before"), (_BEHIND, "behind")):
        if (match := pattern.search(text)) and (rest := pattern.sub("", text).strip()):
            return rest, ((JAPANESE_BANK[match[1]], match[0]),), "before" if place == "before" else "behind"
    return text, (), ""


def _without_latin_forms(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...], bool]:
    forms: list[tuple[str, str]] = []
    misspelt = False
    while True:
        for count in range(min(LONGEST_LATIN, len(words) - 1), 0, -1):
            form, slip = _form(words[-count:])
            if form is not None:
                forms.append((form, " ".join(words[-count:])))
                words = words[:-count]
                break
            form, slip = _form(words[:count])
            if form is not None and (form in LEADING or count > 2):
                forms.append((form, " ".join(words[:count])))
                words = words[count:]
                break
        else:
            return words, tuple(sorted(forms)), misspelt
        misspelt = misspelt or slip


def _form(words: Sequence[str]) -> tuple[str | None, bool]:
    """The legal form that these words are, and whether one letter of it is wrong."""
    exact = LATIN.get(tuple(words))
    if exact is not None:
        return exact, False
    joined = "".join(words)
    if len(joined) >= _MISSPELT_FROM:
        for way, form in LATIN.items():
            wanted = "".join(way)
            if len(wanted) >= _MISSPELT_FROM and OSA.distance(joined, wanted, score_cutoff=1) <= 1:
                return form, True
    return None, False
