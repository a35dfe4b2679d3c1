"""Layouts: what the pages of sources without an interface are taken to look like. Data, one file a source.

A page is read by what the headings of its tables mean, in Japanese and English, wherever they stand. Where
a source changes its words, or no genuine page was at hand, an operator copies the file, corrects it and names
it in the source's setting ``layout``; no code changes. A file has these members:

``verified``
    whether it was compared with a genuine page; ``seen`` says which and when.
``encoding``
    of pages and of what is sent, by its Python name; ``utf-8`` if left out.
``end``
    what a whole page ends with, white space aside; a page that does not was cut short.
``lists``
    the lists that can be asked, by name; each with ``by_number`` or ``by_name`` or both: a ``target`` below
    the base address and perhaps a ``form`` to post there, in which ``{number}`` and ``{name}`` are replaced.
    ``number`` is the shape (regular expression) of a number of this list.
``nothing_found``
    sentences, each all that its paragraph or cell says, that mean there is no such entry.
``count``
    a regular expression for the whole of a paragraph or cell; its group is the number of entries there are.
``fields``
    what an entry has: ``headings`` that announce it, ``kind`` (``text``, ``date`` or ``link``), ``pattern``
    of its value, ``required`` for those without which a table is not the list.

Headings and sentences are compared by their letters and digits alone: width, case, spaces and marks do not
matter. ``count`` sees a text of which only these are left; ``pattern`` and ``number`` see it in NFKC.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from connectors import schemas
from connectors.strict import Unexpected
from pipeline.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Search:
    """How a list is asked: by GET, or by POST where there is a form."""

    target: str
    form: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One list: its searches, and the shape of its numbers."""

    by_number: Search | None = None
    by_name: Search | None = None
    number: re.Pattern[str] | None = None


NOT_ASKED = Listed()
"""A list that a layout does not have."""


@dataclass(frozen=True, slots=True)
class Field:
    """What one column, or one line of a single entry, holds."""

    headings: tuple[str, ...]
    kind: str = "text"
    pattern: re.Pattern[str] | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """One file; its members are described above."""

    verified: bool
    lists: Mapping[str, Listed]
    fields: Mapping[str, Field]
    nothing_found: tuple[str, ...]
    encoding: str = "utf-8"
    end: str = "</html>"
    count: re.Pattern[str] | None = None


def load(source: str, lists: Container[str], file: str = "") -> Layout:
    """The layout of a source that knows these ``lists``: the one that comes with it, or the operator's file.

    :raises ConfigurationError: when the file cannot be read or does not say what a layout says, or has a
        field or list that this source does not know.
    """
    shipped = _layout(files(__name__).joinpath(f"{source}.yaml").read_bytes(), source)
    if not file:
        return shipped
    try:
        body = Path(file).read_bytes()
    except OSError as error:
        raise ConfigurationError([f"{source}: the layout cannot be read: {error.strerror}"]) from None
    own = _layout(body, source)
    unknown = [name for name in own.fields if name not in shipped.fields]
    unknown += [name for name in own.lists if name not in lists]
    if unknown:
        raise ConfigurationError([f"{source}: the layout has {name}, which is not known" for name in unknown])
    missing = sorted(
        name for name, field in shipped.fields.items() if field.required and name not in own.fields
    )
    if missing:
        raise ConfigurationError([f"{source}: the layout lacks the field {name}" for name in missing])
    return own


def _layout(body: bytes, source: str) -> Layout:
    try:
        document = yaml.safe_load(body)
        schemas.check("layout", document)
        " ".encode(document.get("encoding", "utf-8"))
        return Layout(
            verified=document["verified"],
            encoding=document.get("encoding", "utf-8"),
            end=document.get("end", "</html>"),
            lists={name: _listed(entry) for name, entry in document["lists"].items()},
            nothing_found=tuple(document["nothing_found"]),
            count=_pattern(document.get("count")),
            fields={
                name: Field(
                    tuple(entry["headings"]),
                    entry.get("kind", "text"),
                    _pattern(entry.get("pattern")),
                    entry.get("required", False),
                )
                for name, entry in document["fields"].items()
            },
        )
    except Unexpected as error:
        raise ConfigurationError([f"{source}: layout: {error}"]) from None
    except (yaml.YAMLError, UnicodeError, LookupError, RecursionError, ValueError):
        raise ConfigurationError([f"{source}: the layout is not YAML of the shape described"]) from None
    except re.error as error:
        raise ConfigurationError([f"{source}: layout: {error.pattern!r} is no regular expression"]) from None


def _listed(entry: Mapping[str, Any]) -> Listed:
    return Listed(
        by_number=_search(entry.get("by_number")),
        by_name=_search(entry.get("by_name")),
        number=_pattern(entry.get("number")),
    )


def _search(entry: Mapping[str, Any] | None) -> Search | None:
    if entry is None:
        return None
    form = entry.get("form")
    return Search(entry["target"], None if form is None else MappingProxyType(form))


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return None if text is None else re.compile(text)
