"""Strict reading: every value in scope is understood or refused; there is no default for what is unknown.

Each function gives back the value it was handed, now known to be of its kind, and raises :class:`Unexpected`
otherwise. ``what`` names the place for operators; the value itself is never quoted, it is foreign and may be
personal. Whoever mends a connector finds it in the capture.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, cast

from pipeline.documents import NotJson, read_json
from pipeline.errors import SourceChanged
from pipeline.model import Capture

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Unexpected(ValueError):
    """The answer is not in the shape we know."""


@contextmanager
def reading(capture: Capture) -> Iterator[None]:
    """Turn :class:`Unexpected` into :class:`~pipeline.errors.SourceChanged` that names the capture."""
    try:
        yield
    except Unexpected as error:
        raise SourceChanged(capture.source, str(error), sha256=capture.sha256) from None


def json_object(body: bytes) -> dict[str, Any]:
    """The object that a JSON text holds (RFC 8259, read as RFC 7493 asks)."""
    try:
        return member_object(read_json(body), "the answer")
    except NotJson as error:
        raise Unexpected(f"the answer is not JSON ({error.code})") from None
    except RecursionError:
        raise Unexpected("the answer is nested too deeply") from None


def member_object(value: object, what: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise Unexpected(f"{what} is not an object")
    return cast("dict[str, Any]", value)


def member_list(value: object, what: str) -> list[Any]:
    """A JSON array."""
    if not isinstance(value, list):
        raise Unexpected(f"{what} is not a list")
    return value


def text(value: object, what: str) -> str:
    """A text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise Unexpected(f"{what} is not a text")
    return value


def one_of(value: object, known: Container[str], what: str) -> str:
    """A code of a closed table."""
    if not isinstance(value, str) or value not in known:
        raise Unexpected(f"{what} is not in its table")
    return value


def same(value: object, asked: str, what: str) -> None:
    """What was asked for: an answer about somebody else is none."""
    if value != asked:
        raise Unexpected(f"{what} is not the one asked for")


def digits(value: str, length: int, what: str) -> str:
    """So many ASCII digits."""
    if len(value) != length or not (value.isascii() and value.isdigit()):
        raise Unexpected(f"{what} is not {length} digits")
    return value


def day(value: str, what: str) -> str:
    """A calendar date, ``YYYY-MM-DD`` (ISO 8601-1, extended format)."""
    try:
        if _DAY.fullmatch(value):
            date.fromisoformat(value)
            return value
    except ValueError:
        pass
    raise Unexpected(f"{what} is not a date")


def day_of_moment(value: object, what: str) -> str:
    """The date, ``YYYY-MM-DD``, of a moment that is written in RFC 3339; in the offset it is written in."""
    try:
        if isinstance(value, str) and _DAY.match(value) and datetime.fromisoformat(value).tzinfo is not None:
            return value[:10]
    except ValueError:
        pass
    raise Unexpected(f"{what} is not a date and time")
