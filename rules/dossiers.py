"""Dossiers from outside: one JSON object a line (NDJSON), checked before anything is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import BinaryIO

from jsonschema_rs import Draft202012Validator, RegexOptions

from pipeline.documents import NotJson, pointer, read_json
from pipeline.errors import SekishoError
from pipeline.model import Dossier

_LONGEST = 1_000_000
"""Bytes of a line; a dossier has about 5,000."""


class NotADossier(SekishoError):
    """A line holds no dossier. It says which, and what is wrong."""


def read_dossiers(file: BinaryIO) -> Iterator[tuple[str, Dossier]]:
    """Each dossier with its name: that of its case, else the number of its line. Empty lines are passed over.

    :raises NotADossier: at the first line that is none.
    """
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        try:
            value = read_json(line)
        except NotJson as error:
            raise NotADossier(f"line {number}: {error}") from None
        for fault in _validator().iter_errors(value):
            at = pointer(*fault.instance_path) or "/"
            raise NotADossier(f"line {number}: {at}: {fault.message[:200]}")
        assert isinstance(value, dict)
        dossier = Dossier.from_json({"gaps": [], "evidence": [], **value})
        if dossier.as_of.tzinfo is None:
            raise NotADossier(f"line {number}: /as_of: has no time zone")
        yield str(value.get("case", f"line {number}")), dossier


def _lines(file: BinaryIO) -> Iterable[bytes]:
    number = 0
    while line := file.readline(_LONGEST + 1):
        number += 1
        if len(line) > _LONGEST:
            raise NotADossier(f"line {number}: more than {_LONGEST:,} bytes")
        yield line


@cache
def _validator() -> Draft202012Validator:
    schema = resources.files("rules").joinpath("schemas/dossier-1.json").read_text("utf-8")
    return Draft202012Validator(schema, validate_formats=True, pattern_options=RegexOptions())
