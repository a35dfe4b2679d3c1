"""Texts with placeholders, filled from facts.

A placeholder is a path in braces: ``{registry.successor}``, ``{as_of}``, ``{items}``, or in the words for an
item its own fields (``{name}``). Nothing in the braces is evaluated, and what is filled in is never read as
a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final, TypeAlias

from pipeline.model import Text
from rules.labels import LABELS, MONTHS, NOT_STATED
from rules.vocabulary import Fact, Kind

Said: TypeAlias = dict[str, str]
"""The same in each language, by language tag."""

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_LANGUAGES: Final = ("ja", "en")
_JOINT: Final = {"ja": "、", "en": ", "}


class Template:
    """A bilingual text, split once at its placeholders: every second part is one.

    ``fixed`` is the text in both languages where it has none.
    """

    __slots__ = ("_parts", "fixed")

    def __init__(self, text: Text) -> None:
        self._parts = {"ja": _PLACEHOLDER.split(text.ja), "en": _PLACEHOLDER.split(text.en)}
        self.fixed = text.as_json() if all(len(parts) == 1 for parts in self._parts.values()) else None

    @property
    def placeholders(self) -> frozenset[str]:
        """What stands in braces, in either language."""
        return frozenset(name for parts in self._parts.values() for name in parts[1::2])

    def fill(self, said_of: Callable[[str], Said]) -> Said:
        """The text in both languages. ``said_of`` words the value of a placeholder."""
        if self.fixed is not None:
            return self.fixed
        return {
            language: "".join(
                said_of(part)[language] if place % 2 else part for place, part in enumerate(parts)
            ).strip()
            for language, parts in self._parts.items()
        }


def said(value: Any, fact: Fact | None = None) -> Said:
    """A fact's value in words. Codes that have a label are named by it; names and numbers are never
    labelled.
    """
    if value is None or value == []:
        return NOT_STATED
    if isinstance(value, list):
        return joined([said(item, fact) for item in value])
    kind = fact.kind if fact is not None else Kind.TEXT
    if isinstance(value, bool):
        return LABELS["true" if value else "false"]
    if isinstance(value, int):
        return dict.fromkeys(_LANGUAGES, f"{value:,}")
    if kind is Kind.CODE and str(value) in LABELS:
        return LABELS[str(value)]
    if kind is Kind.DATE:
        return said_date(str(value))
    return dict.fromkeys(_LANGUAGES, str(value))


def said_date(text: str) -> Said:
    """A date ``YYYY-MM-DD`` in words; anything else stays as it is."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return dict.fromkeys(_LANGUAGES, text)
    return {
        "ja": f"{day.year}年{day.month}月{day.day}日",
        "en": f"{day.day} {MONTHS[day.month - 1]} {day.year}",
    }


def joined(several: list[Said]) -> Said:
    """Several in one sentence."""
    return {language: _JOINT[language].join(each[language] for each in several) for language in _LANGUAGES}
