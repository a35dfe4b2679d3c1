"""JSON as Sekisho takes and keeps it: read strictly, written canonically, named by digest."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

import orjson
import rfc8785

Json: TypeAlias = Mapping[str, Any]
"""A JSON object that was read by :func:`read_json` or built by us."""


class NotJson(ValueError):
    """The bytes are not one JSON text that every reader understands alike. ``code`` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def read_json(body: bytes) -> object:
    """The value of a JSON text (RFC 8259) that leaves no room for two readings (RFC 7493, I-JSON).

    Refused besides plain errors: repeated names, NaN and infinities, numbers beyond a double, lone
    surrogates, U+0000, nesting beyond what a reader can be trusted with, a byte order mark.

    :raises NotJson: with code ``json.syntax``, ``json.repeated_name``, ``json.null_character`` or
        ``json.encoding``.
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson("json.encoding", f"not UTF-8 at byte {error.start}") from None
    try:
        # orjson refuses NaN, Infinity, 1e400, lone surrogates and deep nesting, which json lets through.
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotJson("json.syntax", f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    if b"\\u0000" in body and _holds_null_character(value):
        raise NotJson("json.null_character", "a text holds the character U+0000")
    try:
        json.loads(body, object_pairs_hook=_refuse_repeated_names)
    except RecursionError:
        # orjson takes a little more nesting than Python's stack does; no document of ours comes near either.
        raise NotJson("json.syntax", "nested too deeply") from None
    return value


def _refuse_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = sorted(name for name, count in counts.items() if count > 1)
        raise NotJson("json.repeated_name", "repeated: " + ", ".join(twice)[:200])
    return value


def _holds_null_character(value: object) -> bool:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, dict):
            pending.extend(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return False


def canonical(value: object) -> bytes:
    """The one byte string for a JSON value (RFC 8785, JCS). Same value, same bytes, for ever."""
    # JCS differs from orjson's sorted output in whole and in very small floats, in integers beyond 2**53 and
    # in the order of names outside ASCII. Where none occurs orjson gives the same bytes forty times faster,
    # and a whole float is written as the integer that it equals (property test).
    plain, whole_floats = _survey(value)
    if not plain:
        return rfc8785.dumps(cast("Any", value))
    return orjson.dumps(_with_integers(value) if whole_floats else value, option=orjson.OPT_SORT_KEYS)


def _survey(value: object) -> tuple[bool, bool]:
    """Whether orjson writes this as JCS does, and whether that needs :func:`_with_integers` before."""
    whole_floats = False
    pending = [value]
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is dict:
            for name, member in cast("dict[Any, Any]", item).items():
                if type(name) is not str or not name.isascii():
                    return False, False
                pending.append(member)
        elif kind is list:
            pending.extend(cast("list[Any]", item))
        elif kind is float:
            number = cast("float", item)
            if number.is_integer():
                whole_floats = True
            if not (number == 0 or 1e-4 < abs(number) < 2**53):
                return False, False
        elif kind is not int or not -(2**53) < cast("int", item) < 2**53:
            return False, False
    return True, whole_floats


def _with_integers(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {name: _with_integers(member) for name, member in value.items()}
    if kind is list:
        return [_with_integers(member) for member in value]
    return int(value) if kind is float and value.is_integer() else value


def sha256(body: bytes) -> str:
    """The name of these bytes: ``sha256:`` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(body).hexdigest()


def digest(value: object) -> str:
    """The name of a JSON value: the SHA-256 of its canonical form."""
    return sha256(canonical(value))


def pointer(*parts: str | int) -> str:
    """A JSON Pointer (RFC 6901) of these reference tokens."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
