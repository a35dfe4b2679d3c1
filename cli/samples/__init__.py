"""Sample applications and the decisions they should meet: for the demo, for tests, and to copy from.

Every company in them is invented and stands in the sandbox's world, unless the sample is about one that does
not. ``expected.json`` says in the order of showing what each comes to under the national base policy, and
between which days that holds: certificates end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from typing import Any

from pipeline.documents import Json
from pipeline.lifecycle import State
from pipeline.model import Text


@dataclass(frozen=True, slots=True)
class Sample:
    """One application with what is to become of it.

    ``outcome`` is where its case comes to rest: ``listed``, ``rejected`` or ``referred``. ``rule`` is the
    first rule whose effect is the decision, ``""`` where it is listed. ``note`` says what it shows.
    """

    name: str
    document: Json = field(repr=False)
    outcome: State
    rule: str
    note: Text


def samples() -> tuple[Sample, ...]:
    """All samples, in the order in which they are best shown."""
    return tuple(
        Sample(
            name=entry["name"],
            document=_read(f"{entry['name']}.json"),
            outcome=State(entry["outcome"]),
            rule=entry["rule"],
            note=Text(**entry["note"]),
        )
        for entry in _read("expected.json")["samples"]
    )


def period() -> tuple[date, date]:
    """The first and the last day on which the expected decisions hold."""
    expected = _read("expected.json")
    return date.fromisoformat(expected["holds_from"]), date.fromisoformat(expected["holds_through"])


def _read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(resources.files(__name__).joinpath(name).read_bytes())
    return document
