"""Reads pack files: YAML, then the schema of packs, then the typed value. Every fault is found before any is
told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]

from pipeline.documents import NotJson, canonical, pointer, read_json
from rules.pack import Fault, Kind, Pack, PackError, Source, pack_of
from rules.strict_yaml import NotYaml, read_yaml

_LARGEST = 1_000_000
"""Bytes of a pack file; the national one has about 60,000."""


def read_pack(file: Path) -> Pack:
    """The pack in a file.

    :raises PackError: with everything that is wrong with the file.
    """
    name = file.name
    try:
        content = file.read_bytes()
    except OSError as error:
        raise PackError([Fault(name, 1, "", f"cannot be read: {error.strerror}", "check the path")]) from None
    if len(content) > _LARGEST:
        raise PackError([Fault(name, 1, "", f"has more than {_LARGEST:,} bytes", "split the pack")])
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PackError([Fault(name, line, "", "is not UTF-8", "save the file as UTF-8")]) from None
    return parse_pack(text, name, file.parent)


def parse_pack(text: str, name: str, folder: Path | None = None) -> Pack:
    """The pack in a text. ``name`` stands for the file in faults; files that it names lie in ``folder``.

    :raises PackError: with everything that is wrong with the text.
    """
    try:
        document = read_yaml(text)
    except NotYaml as error:
        raise PackError([Fault(name, error.line, "", error.problem, error.remedy)]) from None
    source = Source(name, document.lines)
    faults = [
        source.fault(at, problem, remedy)
        for error in _validator().iter_errors(document.value)
        for at, problem, remedy in _explained(error)
    ]
    if faults:
        raise PackError(sorted(set(faults), key=lambda fault: (fault.line, fault.at, fault.problem)))
    return pack_of(_with_schemas(document.value, source, folder), source)


def _with_schemas(document: Any, source: Source, folder: Path | None) -> Any:
    """The document with the JSON Schemas of the files that it names written out: its digest covers them."""
    if document["kind"] != Kind.ASSESSMENT:
        return document
    faults = []
    rules = {}
    for rule, body in document["rules"].items():
        schema = body["schema"]
        if "file" in schema:
            try:
                if folder is None:
                    raise ValueError("a pack without a folder cannot name files")
                schema = {**schema, "inline": read_schema(folder / schema["file"])}
            except ValueError as error:
                at = f"/rules/{rule}/schema/file"
                faults.append(source.fault(at, str(error), "name a JSON Schema file beside the pack"))
        rules[rule] = {**body, "schema": schema}
    if faults:
        raise PackError(faults)
    return {**document, "rules": rules}


def read_schema(file: Path) -> dict[str, Any]:
    """The JSON Schema in a file.

    A name that stands twice with one value leaves no doubt; schemas in the field have such.

    :raises ValueError: with what is wrong with the file.
    """
    name = file.name
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{name!r} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ValueError("that is no file name") from None
    if len(content) > _LARGEST:
        raise ValueError(f"{name!r} has more than {_LARGEST:,} bytes")
    try:
        value = read_json(content)
    except NotJson as error:
        if error.code != "json.repeated_name":
            raise ValueError(f"{name!r} is not JSON: {error}") from None
        value = json.loads(content, object_pairs_hook=_once)
    if not isinstance(value, dict):
        raise ValueError(f"{name!r} holds no object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, member in pairs:
        if name in value and canonical(value[name]) != canonical(member):
            raise ValueError(f"the name {name[:60]!r} stands twice with two values")
        value[name] = member
    return value


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(resources.files("rules").joinpath("schemas/pack-1.json").read_text("utf-8"))
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def _explained(error: ValidationError) -> Iterable[tuple[str, str, str]]:
    """Each fault of a validation error as place, problem and remedy."""
    at = pointer(*error.absolute_path)
    schema: Any = error.schema
    match error.validator:
        case "additionalProperties":
            known = schema["properties"]
            for key in sorted(set(error.instance) - set(known)):
                yield at + pointer(key), f"unknown key {key!r}", "take one of: " + ", ".join(known)
        case "required":
            for key in error.validator_value:
                if key not in error.instance:
                    yield at, f"the key {key!r} is missing", "add it"
        case "enum":
            yield (
                at,
                f"{error.instance!r} is not known here",
                "take one of: " + ", ".join(map(str, schema["enum"])),
            )
        case "type":
            wanted = error.validator_value
            wanted = wanted if isinstance(wanted, str) else " or ".join(wanted)
            yield at, f"{_short(error.instance)} is no {wanted}", "quote it where text is meant"
        case "pattern" | "format":
            yield at, f"{_short(error.instance)} does not have the form wanted", _form(schema)
        case "minProperties" | "maxProperties" if "all_of" in schema.get("properties", {}):
            yield at, "a condition has exactly one operator", "join several with all_of or any_of"
        case "not":
            yield at, "does not belong here", "remove it"
        case _:
            yield at, error.message[:200], schema.get("description", "see rules/schemas/pack-1.json")


def _form(schema: Any) -> str:
    return str(schema.get("description") or f"it must match {schema.get('pattern', schema.get('format'))}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
