"""Cases beside the packs: facts, and what a policy must make of them.

A file names a policy, a day and a facts document; each case changes single facts of it and states what is
expected. ``sekisho policy test`` and the tests run them, and they are what a change of a pack is tried on
first.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from pipeline.documents import Json, pointer
from pipeline.model import Dossier
from rules.facts import dossier_of
from rules.pack import Fault, PackError, Source
from rules.strict_yaml import NotYaml, YamlDocument, read_yaml

CASES = Path(str(resources.files("rules") / "cases"))
"""The cases that come with Sekisho."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case. ``expected`` has the keys ``decision``, ``rules``, ``effects``, ``reasons`` and ``tracks``,
    those that matter.
    """

    file: str
    line: int
    name: str
    base: str
    overlays: tuple[str, ...]
    as_of: date
    facts: Json
    expected: Json

    @property
    def dossier(self) -> Dossier:
        """The facts as a dossier of the day."""
        return dossier_of(self.facts, self.as_of)

    def mismatches(self, outcome: Json) -> list[str]:
        """What an outcome document does not say as expected, one sentence each; nothing where all is well."""
        results = {result["rule"]: result for result in outcome["results"]}
        found = []
        if "decision" in self.expected and outcome["decision"] != self.expected["decision"]:
            found.append(f"decision {outcome['decision']} instead of {self.expected['decision']}")
        for key, field in (("rules", "outcome"), ("effects", "effect"), ("reasons", "reason")):
            for rule, wanted in self.expected.get(key, {}).items():
                actual = results[rule][field] if rule in results else "no such rule"
                if actual != wanted:
                    found.append(f"{rule} {actual} instead of {wanted}")
        for track, wanted in self.expected.get("tracks", {}).items():
            actual = outcome["tracks"].get(track, "no such track")
            if actual != wanted:
                found.append(f"track {track} {actual} instead of {wanted}")
        return found


def read_cases(folder: Path = CASES) -> list[Case]:
    """Every case of a folder, in the order of the files.

    :raises PackError: with everything that is wrong with the files.
    """
    cases: list[Case] = []
    faults: list[Fault] = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            document = _read(file)
            if "cases" in document.value:
                cases.extend(_cases(file, document))
        except PackError as error:
            faults.extend(error.faults)
    if faults:
        raise PackError(faults)
    return cases


def changed(facts: Json, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A facts document with values put in by path; None takes away."""
    document: dict[str, Any] = copy.deepcopy(dict(facts))
    for path, value in changes.items():
        *sections, name = path.split(".")
        place = document
        for section in sections:
            place = place.setdefault(section, {})
        if value is None:
            place.pop(name, None)
        else:
            place[name] = copy.deepcopy(value)
    return document


def _read(file: Path) -> YamlDocument:
    try:
        document = read_yaml(file.read_text("utf-8"))
    except NotYaml as error:
        raise PackError([Fault(file.name, error.line, "", error.problem, error.remedy)]) from None
    if not isinstance(document.value, dict):
        raise PackError([Fault(file.name, 1, "", "is no mapping", "write keys and values")])
    return document


def _cases(file: Path, document: YamlDocument) -> Iterable[Case]:
    source = Source(file.name, document.lines)
    faults = [
        source.fault(pointer(*error.absolute_path), error.message[:200], "see rules/schemas/cases-1.json")
        for error in _validator().iter_errors(document.value)
    ]
    base = file.with_name(f"{document.value.get('base')}.yaml")
    if not faults and not base.is_file():
        faults.append(source.fault("/base", f"there is no {base.name}", "name a file of this folder"))
    if faults:
        raise PackError(faults)
    facts = _read(base).value
    for number, body in enumerate(document.value["cases"]):
        policy, *overlays = document.value["policy"]
        yield Case(
            file=file.name,
            line=document.lines[f"/cases/{number}"],
            name=body["case"],
            base=policy,
            overlays=tuple(overlays),
            as_of=date.fromisoformat(body.get("as_of", document.value["as_of"])),
            facts=changed(facts, body["given"]),
            expected=body["expect"],
        )


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(resources.files("rules").joinpath("schemas/cases-1.json").read_text("utf-8"))
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
