"""An application as its readers see it: value by value, each with its name in both languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pipeline.documents import Json
from pipeline.model import Text
from pipeline.schemas import find
from rules.labels import LABELS

YES: Final = Text("はい", "yes")
NO: Final = Text("いいえ", "no")


@dataclass(frozen=True, slots=True)
class Field:
    """One value of the application. ``pointer`` says where it stands (RFC 6901)."""

    pointer: str
    label: Text
    value: Text


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the application with its values."""

    name: str
    title: Text
    fields: tuple[Field, ...]


def sections(application: Json) -> list[Section]:
    """The application part by part, as far as it is in there (``Review.view`` leaves out what is
    personal).
    """
    return [
        Section(
            name,
            label(f"/{name}"),
            tuple(Field(pointer, label(pointer), said) for pointer, said in _leaves(value, f"/{name}")),
        )
        for name, value in application.items()
        if name != "schema"
    ]


def label(pointer: str) -> Text:
    """What a place in an application is called: from the schema's titles, and its names."""
    ja: list[str] = []
    en: list[str] = []
    node: Mapping[str, Any] | None = _schema()
    for part in pointer.split("/")[1:]:
        node = _child(node, part)
        if part.isdigit():
            ja.append(str(int(part) + 1))
            en.append(str(int(part) + 1))
        else:
            ja.append(str((node or {}).get("title") or part))
            en.append(part.replace("_", " "))
    if len(ja) > 1:
        # The section's own title stands above.
        ja, en = ja[1:], en[1:]
    return Text(" ".join(ja), " ".join(en))


def _child(node: Mapping[str, Any] | None, part: str) -> Mapping[str, Any] | None:
    if node is None:
        return None
    found = node.get("items") if part.isdigit() else node.get("properties", {}).get(part)
    if found is None:
        return None
    if "$ref" in found:
        definition = _schema()["$defs"][found["$ref"].rsplit("/", 1)[1]]
        return {**definition, **found}
    assert isinstance(found, Mapping)
    return found


def _leaves(value: Any, pointer: str) -> Iterator[tuple[str, Text]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _leaves(member, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{pointer}/{index}")
    elif isinstance(value, list):
        yield (
            pointer,
            Text("、".join(said(item).ja for item in value), ", ".join(said(item).en for item in value)),
        )
    else:
        yield pointer, said(value)


def said(value: Any) -> Text:
    """One value in words, where it is a code that has some."""
    if isinstance(value, bool):
        return YES if value else NO
    words = LABELS.get(value) if isinstance(value, str) else None
    return Text(words["ja"], words["en"]) if words else Text(str(value), str(value))


@cache
def _schema() -> Mapping[str, Any]:
    schema = find("application", 1)
    assert schema is not None
    return schema.document
