"""Whether a G-Cloud service answers its own framework's questions, by that framework's own JSON Schema.

Source: digitalmarketplace-api, ``json_schemas/services-*.json`` (draft 4) and ``app/validation.py``: each
fault names a field and a stable code; what belongs to no field names ``_form``. The codes are theirs.
Fields that the marketplace adds to what it exports are nobody's answers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from jsonschema_rs import Draft4Validator, ReferencingError, RegexOptions, ValidationError

from connectors.strict import Unexpected
from pipeline.documents import Json
from pipeline.model import Text

FORM = "_form"
EXPORTED = frozenset(
    {
        "id",
        "lot",
        "lotName",
        "supplierId",
        "supplierName",
        "links",
        "status",
        "frameworkSlug",
        "frameworkName",
        "createdAt",
        "updatedAt",
    }
)
"""What the marketplace adds itself."""

_WORDS = re.compile(r"\(\?:\\S\+\\s\+\)\{0,([0-9]+)\}")
_MONEY = re.compile(r"\\d(?:\+|\{[0-9,]+\})\(\?:\\\.\\d")

_SAYINGS: dict[str, tuple[str, str]] = {
    "answer_required": ("回答がありません。", "There is no answer."),
    "assurance_required": ("回答の裏付けが示されていません。", "How the answer is assured is missing."),
    "max_items_limit": ("項目が多すぎます。", "There are too many items."),
    "under_character_limit": ("文字数が多すぎます。", "The text has too many characters."),
    "not_money_format": ("金額の形式ではありません。", "This is no amount of money."),
    "invalid_format": ("形式が正しくありません。", "It does not have the right form."),
    "max_less_than_min": ("最高額が最低額を下回っています。", "The maximum lies below the minimum."),
    "not_an_option": ("選択肢にない値です。", "It is none of the options."),
    "wrong_type": ("値の種類が違います。", "It is of the wrong kind."),
    "not_unique": ("同じ項目が重複しています。", "An item comes twice."),
    "unexpected": ("この様式にない項目があります。", "There are fields that the form does not have."),
}
_OVER_WORDS = ("{count}語を超えています。", "It has more than {count} words.")


@dataclass(frozen=True, slots=True)
class Fault:
    """One answer that is missing or wrong."""

    field: str
    code: str
    text: Text

    def as_json(self) -> dict[str, str]:
        """As the command prints it."""
        return {"field": self.field, "code": self.code, **self.text.as_json()}


class Questions:
    """The questions of one framework and lot."""

    def __init__(self, schema: Json) -> None:
        """Take the schema.

        :raises Unexpected: when it is none.
        """
        try:
            # Patterns run in linear time: none may be made to backtrack by what a supplier wrote.
            self._validator = Draft4Validator(
                _anonymous(dict(schema)), validate_formats=True, pattern_options=RegexOptions()
            )
        except (ValueError, ValidationError, ReferencingError):
            raise Unexpected("the file is no JSON Schema of draft 4") from None

    def faults(self, service: Json, *, draft: bool = False, required: Collection[str] = ()) -> list[Fault]:
        """What is amiss, in the order of the fields. A draft may lack answers, except those ``required``."""
        answers = {name: value for name, value in service.items() if name not in EXPORTED}
        found = {fault for error in self._validator.iter_errors(answers) for fault in _read(error)}
        if _below(answers.get("priceMax"), answers.get("priceMin")):
            found.add(("priceMax", "max_less_than_min"))
        return [
            Fault(field, code, _text(code))
            for field, code in sorted(found)
            if not (draft and code == "answer_required" and field not in answers and field not in required)
        ]


def _anonymous(schema: Any) -> Any:
    """The schema without the ids of its parts: some are names for people (``SaaS - G4``) and no URIs."""
    if isinstance(schema, list):
        return [_anonymous(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {key: _anonymous(part) for key, part in value.items()}
        if name == "properties" and isinstance(value, dict)
        else _anonymous(value)
        for name, value in schema.items()
        if not (name == "id" and isinstance(value, str))
    }


def _read(error: ValidationError) -> Iterator[tuple[str, str]]:
    path: list[Any] = list(error.instance_path)
    keyword: str = error.kind.name
    if keyword == "additionalProperties":
        yield (str(path[0]) if path else FORM), "unexpected"
    elif keyword == "required":
        missing: Any = error.kind.value
        if not path:
            yield str(missing), "answer_required"
        else:
            yield str(path[0]), "assurance_required" if missing == "assurance" else "answer_required"
    else:
        yield (str(path[0]) if path else FORM), _code(error, keyword)


def _code(error: ValidationError, keyword: str) -> str:
    if keyword == "pattern":
        pattern = str(error.kind.value)
        if words := _WORDS.search(pattern):
            return f"under_{int(words[1]) + 1}_words" if str(error.instance).strip() else "answer_required"
        return "not_money_format" if _MONEY.search(pattern) else "invalid_format"
    return {
        "minLength": "answer_required",
        "minItems": "answer_required",
        "maxLength": "under_character_limit",
        "maxItems": "max_items_limit",
        "format": "invalid_format",
        "enum": "not_an_option",
        "type": "wrong_type",
        "uniqueItems": "not_unique",
    }.get(keyword, "invalid_format")


def _below(highest: object, lowest: object) -> bool:
    try:
        return bool(highest) and bool(lowest) and Decimal(str(highest)) < Decimal(str(lowest))
    except InvalidOperation:
        return False


def _text(code: str) -> Text:
    if words := re.fullmatch(r"under_([0-9]+)_words", code):
        return Text(*(saying.format(count=words[1]) for saying in _OVER_WORDS))
    return Text(*_SAYINGS[code])
