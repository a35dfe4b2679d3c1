"""Japanese and English: what the desk says itself, by gettext; dates and numbers, by Babel.

What rules, reasons and states say comes in both languages already (:class:`pipeline.model.Text`); the
catalogs hold only the words of the pages. English is the language of the code, so there is one catalog,
Japanese. It is read from its ``.po`` file at the start.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from pipeline.model import Text
from rules.provenance import JAPAN

CATALOGS: Final = Path(__file__).with_name("locale")
COOKIE: Final = "sekisho_language"
DOMAIN: Final = "desk"


class Language:
    """One language of the pages. ``code`` is its tag (BCP 47); Tornado's templates find ``translate``
    here.
    """

    def __init__(self, code: str, name: str) -> None:
        self.code = code
        self.name = name
        self._locale = Locale.parse(code)

    @cached_property
    def _translations(self) -> gettext.NullTranslations:
        path = CATALOGS / self.code / "LC_MESSAGES" / f"{DOMAIN}.po"
        if not path.exists():
            return gettext.NullTranslations()
        with path.open("rb") as file:
            catalog = read_po(file, locale=self.code, domain=DOMAIN)
        compiled = io.BytesIO()
        write_mo(compiled, catalog)
        compiled.seek(0)
        return gettext.GNUTranslations(compiled)

    def translate(self, message: str, plural: str | None = None, count: int | None = None) -> str:
        """A sentence of the pages; with ``plural`` the form that goes with ``count``."""
        if plural is None:
            return self._translations.gettext(message)
        return self._translations.ngettext(message, plural, 0 if count is None else count)

    def pgettext(self, context: str, message: str) -> str:
        """A word that means different things in different places; ``context`` says which is meant."""
        return self._translations.pgettext(context, message)

    def of(self, text: Text | Mapping[str, str] | None) -> str:
        """Of a text in both languages this one; where a foreign document lacks it, the other."""
        if text is None:
            return ""
        both = text.as_json() if isinstance(text, Text) else text
        return both.get(self.code) or next(iter(both.values()), "")

    def moment(self, moment: datetime) -> str:
        """A moment in Japan's time, to the minute."""
        return f"{self.day(moment)} {moment.astimezone(JAPAN):%H:%M}"

    def day(self, moment: Any) -> str:
        """A day; of a moment, the day in Japan."""
        if isinstance(moment, datetime):
            moment = moment.astimezone(JAPAN).date()
        return dates.format_date(moment, "medium", locale=self._locale)

    def span(self, span: timedelta) -> str:
        """A length of time in its largest unit."""
        return dates.format_timedelta(span, threshold=1.2, locale=self._locale)

    def number(self, number: float) -> str:
        """A number with its separators."""
        return numbers.format_decimal(number, locale=self._locale)


JAPANESE: Final = Language("ja", "日本語")
ENGLISH: Final = Language("en", "English")
LANGUAGES: Final = {language.code: language for language in (JAPANESE, ENGLISH)}


def chosen(cookie: str | None, accept_language: str) -> Language:
    """The language that a reader chose, else the one their browser likes best (RFC 9110, 12.5.4), else
    Japanese.
    """
    if cookie in LANGUAGES:
        return LANGUAGES[cookie]
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language.split(",")):
        tag, _, parameters = part.strip().partition(";")
        wanted.append((-_quality(parameters), place, tag.strip().lower().partition("-")[0]))
    for quality, _, tag in sorted(wanted):
        if tag in LANGUAGES and quality < 0:
            return LANGUAGES[tag]
    return JAPANESE


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
