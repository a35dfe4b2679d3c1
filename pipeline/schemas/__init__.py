"""The JSON Schemas (2020-12) of what comes in and goes out, and what is said when a document does not obey.

``submission`` is the webhook's body, ``application`` what it carries, ``listing`` what the catalog shows. A
published version never changes its meaning: another meaning is another version beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any, NamedTuple

from jsonschema_rs import Draft202012Validator, RegexOptions, Registry, ValidationError

from pipeline.documents import Json, pointer
from pipeline.model import Text
from pipeline.problems import Violation

_LONGEST_NAME = 100


@dataclass(frozen=True)
class Schema:
    """One version of one schema. ``body`` is the file, byte for byte."""

    name: str
    version: int
    body: bytes

    @cached_property
    def document(self) -> Json:
        """The schema itself."""
        document: Json = json.loads(self.body)
        return document

    @property
    def id(self) -> str:
        """What other schemas call this one by."""
        return str(self.document["$id"])

    @cached_property
    def _validator(self) -> Draft202012Validator:
        # Patterns run in linear time: none of them may be made to backtrack by what a sender writes.
        return Draft202012Validator(
            dict(self.document),
            registry=Registry([(other.id, dict(other.document)) for other in SCHEMAS]),
            validate_formats=True,
            pattern_options=RegexOptions(),
        )

    def violations(self, document: object) -> list[Violation]:
        """Every place in which the document does not obey, in the order of their pointers.

        Of a list that is too long only so many items are looked at as show that it is.
        """
        try:
            # Nearly every document is valid, and this says so faster than looking for errors does.
            if self._validator.is_valid(document):
                return []
            # An error costs 15 µs to tell, and a body has room for ten thousand wrong items.
            errors = self._validator.iter_errors(_cut(_Place(self.document, self.document), document))
            found = {violation for error in errors for violation in _read(self, error)}
        except ValueError:
            # The validator's own limit of nesting, 255; no schema of ours is a tenth as deep.
            return [
                Violation("", "too_deep", Text("入れ子が深すぎます。", "The document is nested too deeply."))
            ]
        return sorted(found, key=lambda violation: (violation.pointer, violation.code, violation.text.en))

    def label(self, *path: str | int) -> Text:
        """What people call a place that the schema describes."""
        return _label(self, path)


def _load(name: str, version: int) -> Schema:
    return Schema(name, version, files(__name__).joinpath(f"{name}-{version}.json").read_bytes())


SCHEMAS: tuple[Schema, ...] = (
    _load("application", 1),
    _load("submission", 1),
    _load("listing", 1),
    _load("listing", 2),
    _load("withdrawal", 1),
    _load("answer", 1),
    _load("appeal", 1),
    _load("receipt", 1),
    _load("notification", 1),
)
"""Every version of every schema, the newest of each name last."""


def find(name: str, version: int | None = None) -> Schema | None:
    """A schema by its name, in this version or the newest."""
    named = [schema for schema in SCHEMAS if schema.name == name and version in {None, schema.version}]
    return named[-1] if named else None


SUBMISSION = SCHEMAS[1]


def validate_submission(document: object) -> list[Violation]:
    """Every place in which a webhook's body does not obey the schema ``submission``."""
    return SUBMISSION.violations(document)


MESSAGES: dict[str, Schema] = {
    str(schema.document["properties"]["type"]["const"]): schema
    for schema in SCHEMAS
    if schema.name in {"withdrawal", "answer", "appeal"}
}
"""The schema of each type of message that a vendor sends about an application."""


def validate_message(document: object) -> list[Violation]:
    """Every place in which a vendor's message does not obey the schema of its type."""
    kind = document.get("type") if isinstance(document, dict) else None
    schema = MESSAGES.get(kind) if isinstance(kind, str) else None
    if schema is None:
        known = ", ".join(MESSAGES)
        said = Text(f"「種類」は次のいずれかにしてください: {known}", f"“type” must be one of: {known}.")
        return [Violation("/type", "enum", said)]
    return schema.violations(document)


_SAYINGS: dict[str, tuple[str, str, str]] = {
    "required": ("required", "「{ja}」が必要です。", "{en} is required."),
    "type": ("type", "「{ja}」は{limit}で指定してください。", "{en} must be {limit}."),
    "format": ("format", "「{ja}」は{limit}の形式で指定してください。", "{en} must be {limit}."),
    "const": ("const", "「{ja}」は {limit} としてください。", "{en} must be {limit}."),
    "enum": ("enum", "「{ja}」は次のいずれかにしてください: {limit}", "{en} must be one of: {limit}."),
    "pattern": (
        "pattern",
        "「{ja}」の形式が正しくありません（{limit}）。",
        "{en} does not have the form {limit}.",
    ),
    "minLength": (
        "too_short",
        "「{ja}」は{limit}文字以上必要です。",
        "{en} needs {limit} or more characters.",
    ),
    "maxLength": ("too_long", "「{ja}」は{limit}文字以内です。", "{en} can have {limit} characters at most."),
    "minimum": ("too_small", "「{ja}」は{limit}以上です。", "{en} must be {limit} or more."),
    "maximum": ("too_large", "「{ja}」は{limit}以下です。", "{en} must be {limit} or less."),
    "minItems": ("too_few", "「{ja}」は{limit}件以上必要です。", "{en} needs {limit} or more items."),
    "maxItems": ("too_many", "「{ja}」は{limit}件以内です。", "{en} can have {limit} items at most."),
    "uniqueItems": ("not_unique", "「{ja}」に重複があります。", "{en} has an item twice."),
    "minProperties": (
        "too_few_members",
        "「{ja}」には{limit}項目以上必要です。",
        "{en} needs {limit} or more members.",
    ),
}
"""For each keyword that our schemas use: the code, what is said in Japanese, what is said in English."""

_BLANK = ("blank", "「{ja}」を空白だけにすることはできません。", "{en} must not be blank.")
_UNEXPECTED = (
    "additional_property",
    Text("この項目は様式にありません。", "The schema has no such member here."),
)

_KINDS: dict[str, Text] = {
    "array": Text("配列", "an array"),
    "boolean": Text("true又はfalse", "true or false"),
    "integer": Text("整数", "a whole number"),
    "object": Text("オブジェクト", "an object"),
    "string": Text("文字列", "a text"),
    "date": Text("実在する日付（YYYY-MM-DD）", "a date (YYYY-MM-DD)"),
    "date-time": Text("日時（RFC 3339）", "a moment (RFC 3339)"),
    "email": Text("メールアドレス", "a mail address"),
    "uri": Text("URI（RFC 3986）", "a URI (RFC 3986)"),
    "uuid": Text("UUID", "a UUID"),
}
"""What people call the types and formats that our schemas use."""


def _read(schema: Schema, error: ValidationError) -> Iterator[Violation]:
    path = error.instance_path
    keyword: str = error.kind.name
    limit: Any = error.kind.value
    if keyword == "required":
        path = [*path, limit]
    elif keyword == "additionalProperties":
        for name in limit:
            # The name is the caller's own. A long one is not repeated: the object that holds it is named.
            yield Violation(pointer(*path, *([name] if len(name) <= _LONGEST_NAME else [])), *_UNEXPECTED)
        return
    code, japanese, english = _BLANK if (keyword, limit) == ("pattern", r"\S") else _SAYINGS[keyword]
    limit = ", ".join(limit) if isinstance(limit, list) else str(limit)
    limits = _KINDS[limit] if keyword in {"type", "format"} else Text(limit, limit)
    label = _label(schema, path)
    text = Text(japanese.format(ja=label.ja, limit=limits.ja), english.format(en=label.en, limit=limits.en))
    yield Violation(pointer(*path), code, text)


def _label(schema: Schema, path: Sequence[str | int]) -> Text:
    """What people call the place: in Japanese the schema's ``title``, in English the member's name."""
    place = _Place(schema.document, schema.document)
    label = Text("本文", "The body")
    for part in path:
        below = place.below(part)
        assert below is not None, "only places that a schema describes can be wrong"
        place = below
        label = Text(place.title or label.ja, label.en if isinstance(part, int) else f"“{part}”")
    return label


class _Place(NamedTuple):
    """What a schema says of one place. ``document`` is the schema that its references count from."""

    document: Json
    node: Json
    title: str = ""

    def below(self, part: str | int) -> _Place | None:
        """The place of a member or item, None where the schema describes none."""
        node = self.node.get("items") if isinstance(part, int) else self.node.get("properties", {}).get(part)
        if node is None:
            return None
        document, title = self.document, node.get("title", "")
        while "$ref" in node:
            base, _, fragment = node["$ref"].partition("#")
            document = next(other.document for other in SCHEMAS if other.id == base) if base else document
            node = document
            for token in fragment.split("/")[1:]:
                node = node[token]
            title = title or node.get("title", "")
        return _Place(document, node, title)


def _cut(place: _Place | None, value: object) -> object:
    """The value with each list cut to one item more than it may have."""
    if place is None:
        return value
    if isinstance(value, list):
        return [_cut(place.below(0), item) for item in value[: place.node.get("maxItems", len(value)) + 1]]
    if isinstance(value, dict):
        return {name: _cut(place.below(name), member) for name, member in value.items()}
    return value
