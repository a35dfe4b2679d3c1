"""YAML as policy packs and facts documents use it: JSON's values, written for people.

YAML 1.1 reads an unquoted ``NO`` as false, ``013`` as 11, ``12:30:45`` as 45045 and ``2026-11-01`` as a
date, and lets a repeated key win in silence. Here a plain scalar is a boolean, a number or null only where
it is exactly that in JSON (RFC 8259), or nothing at all; everything else is text. Repeated keys, anchors,
aliases, tags and second documents are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from pipeline.documents import pointer

# Fifteen digits: what a double, and so canonical JSON (RFC 8785), holds exactly.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}", re.ASCII)
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "": None}

_DEEPEST = 40
"""Levels of nesting; a pack needs about fifteen."""

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class NotYaml(ValueError):
    """The text is not the YAML described above. ``line`` counts from 1; ``remedy`` says what to do."""

    def __init__(self, line: int, problem: str, remedy: str) -> None:
        super().__init__(f"line {line}: {problem}; {remedy}")
        self.line = line
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A value and, for each JSON Pointer into it, its line: in a mapping, that of the key."""

    value: Any
    lines: Mapping[str, int]


def read_yaml(text: str) -> YamlDocument:
    """Read one document.

    :raises NotYaml: where the text is not YAML, or could be read in two ways.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise NotYaml(
            line, error.problem or "not YAML", "correct the indentation or the quotes there"
        ) from None
    except yaml.YAMLError:
        raise NotYaml(1, "the text holds a character that YAML does not allow", "remove it") from None
    if not builder.done:
        raise NotYaml(1, "the document is empty", "write a mapping")
    return YamlDocument(builder.value, builder.lines)


class _Builder:
    """Puts the parser's events together. ``_open`` is the stack of containers not yet closed."""

    def __init__(self) -> None:
        self.value: Any = None
        self.done = False
        self.lines: dict[str, int] = {}
        self._open: list[tuple[Any, str]] = []
        self._key: list[str | None] = []
        self._key_line = 0

    def take(self, event: yaml.Event) -> None:
        assert event.start_mark is not None
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise NotYaml(line, "anchors and aliases are not used here", "write the value out")
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) not in {None, "!"}:
            raise NotYaml(line, "tags are not used here", "remove the tag")
        if isinstance(event, yaml.DocumentStartEvent) and self.done:
            raise NotYaml(line, "a second document follows", "keep one document a file")
        if isinstance(event, yaml.MappingStartEvent):
            self._enter({}, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._enter([], line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._key.pop()
        elif isinstance(event, yaml.ScalarEvent):
            if self._open and isinstance(self._open[-1][0], dict) and self._key[-1] is None:
                self._take_key(event.value, line)
            else:
                self._put(event.value if event.style else _scalar(event.value), line)

    def _enter(self, container: Any, line: int) -> None:
        if len(self._open) == _DEEPEST:
            raise NotYaml(line, f"more than {_DEEPEST} levels of nesting", "write it flatter")
        if self._open and isinstance(self._open[-1][0], dict) and self._key[-1] is None:
            raise NotYaml(line, "a key must be plain text", "write the key as one word")
        at = self._put(container, line)
        self._open.append((container, at))
        self._key.append(None)

    def _take_key(self, key: str, line: int) -> None:
        container = self._open[-1][0]
        if key in container:
            raise NotYaml(line, f"the key {key!r} stands here a second time", "keep one of the two")
        self._key[-1] = key
        self._key_line = line

    def _put(self, value: Any, line: int) -> str:
        if not self._open:
            self.value, self.done = value, True
            self.lines[""] = line
            return ""
        container, at = self._open[-1]
        if isinstance(container, list):
            at += pointer(len(container))
            container.append(value)
        else:
            key = self._key[-1]
            assert key is not None
            at += pointer(key)
            container[key] = value
            self._key[-1] = None
            line = self._key_line
        self.lines[at] = line
        return at


def _scalar(plain: str) -> Any:
    if plain in _LITERALS:
        return _LITERALS[plain]
    if _INTEGER.fullmatch(plain):
        return int(plain)
    if _DECIMAL.fullmatch(plain):
        return float(plain)
    return plain
