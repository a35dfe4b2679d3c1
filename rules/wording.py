"""Texts with placeholders, filled from facts.

A placeholder is a path in braces: ``{registry.successor}``, ``{as_of}``, ``{items}``, or in the words for an
item its own fields (``{name}``). Nothing in the braces is evaluated, and what is filled in is never read as
a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Template:
    """A bilingual text, split once at its placeholders: every second part is one."""

    ja: tuple[str, ...]
    en: tuple[str, ...]

    @classmethod
    def of(cls, text: Text) -> Template:
        """The template of a text."""
        return cls(tuple(_PLACEHOLDER.split(text.ja)), tuple(_PLACEHOLDER.split(text.en)))

    @property
    def placeholders(self) -> frozenset[str]:
        """What stands in braces, in either language."""
        return frozenset(self.ja[1::2] + self.en[1::2])

    def fill(self, said_of: Callable[[str], Said]) -> Said:
        """The text in both languages. ``said_of`` words the value of a placeholder."""
        return {
            "ja": "".join(_filled(self.ja, "ja", said_of)),
            "en": "".join(_filled(self.en, "en", said_of)),
        }


def _filled(parts: tuple[str, ...], language: str, said_of: Callable[[str], Said]) -> Iterable[str]:
    if len(parts) == 1:
        return parts
    return (said_of(part)[language] if place % 2 else part for place, part in enumerate(parts))


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
