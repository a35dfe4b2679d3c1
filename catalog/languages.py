"""Japanese and English: gettext catalogs read at the start, dates and numbers as each language writes them.

Messages are English in the code and templates; ``locale/ja.po`` has the Japanese. A message without a
translation, or a fuzzy one, fails a test, so nobody sees a page in two languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from importlib.resources import files

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal

LANGUAGES = ("ja", "en")
JAPAN = timezone(timedelta(hours=9), "JST")


def N_(message: str) -> str:  # noqa: N802 - gettext's own name
    """Mark a message for translation where it is used elsewhere."""
    return message


@dataclass(frozen=True)
class Language:
    """One of the two languages."""

    tag: str
    messages: Mapping[str, str]

    @property
    def locale(self) -> Locale:
        """Babel's locale."""
        return Locale.parse("ja_JP" if self.tag == "ja" else "en_GB")

    @property
    def other(self) -> str:
        """The tag of the other language."""
        return "en" if self.tag == "ja" else "ja"

    def gettext(self, message: str) -> str:
        """The message in this language."""
        return self.messages.get(message, message)

    def ngettext(self, singular: str, plural: str, count: int) -> str:
        """The message for a count; Japanese has one form."""
        return self.gettext(singular if count == 1 else plural)

    def country(self, code: object) -> str:
        """A country's name; the code where there is none of it, and nothing for what is no code."""
        return str(self.locale.territories.get(code, code)) if isinstance(code, str) else ""

    def tongue(self, tag: object) -> str:
        """A language's name; the tag where there is none of it, and nothing for what is no tag."""
        if not isinstance(tag, str):
            return ""
        return str(self.locale.languages.get(tag.split("-", maxsplit=1)[0], tag))

    def day(self, written: object) -> str:
        """A date (or ``YYYY-MM-DD``) in words; a text that is none as it is, nothing for anything else."""
        try:
            day = date.fromisoformat(written) if isinstance(written, str) else written
        except ValueError:
            return str(written)
        return format_date(day, "long", locale=self.locale) if isinstance(day, date) else ""

    def moment(self, written: object) -> str:
        """A moment (RFC 3339) in Japan's time; a text that is none as it is, nothing for anything else."""
        if not isinstance(written, str):
            return ""
        try:
            moment = datetime.fromisoformat(written)
        except ValueError:
            return written
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        pattern = "y年M月d日 H:mm" if self.tag == "ja" else "d MMMM y, HH:mm"
        return format_datetime(moment.astimezone(JAPAN), pattern, locale=self.locale) + " JST"

    def yen(self, amount: int) -> str:
        """An amount of yen."""
        return format_currency(amount, "JPY", locale=Locale.parse(self.tag))

    def number(self, value: int) -> str:
        """A count."""
        return format_decimal(value, locale=self.locale)


@cache
def language(tag: str) -> Language:
    """The language of a tag, ``ja`` or ``en``."""
    if tag == "en":
        return Language("en", {})
    with files(__package__).joinpath("locale", f"{tag}.po").open("rb") as file:
        catalog = read_po(file, locale=tag)
    found = {}
    for message in catalog:
        if message.id and isinstance(message.id, str) and isinstance(message.string, str):
            found[message.id] = message.string
    return Language(tag, found)


def preferred(header: str) -> str:
    """The language of an ``Accept-Language`` header (RFC 9110, 12.5.4): the better of ours, else Japanese."""
    best, weight = "ja", 0.0
    for part in header[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.strip().lower().split("-")[0]
        try:
            quality = float(parameters.strip().removeprefix("q=")) if parameters else 1.0
        except ValueError:
            continue
        if primary in LANGUAGES and quality > weight:
            best, weight = primary, quality
    return best
