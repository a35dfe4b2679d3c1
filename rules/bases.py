"""The register of legal bases: what rules may rest on, and how well each is documented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from pipeline.model import Text
from rules.strict_yaml import read_yaml


@dataclass(frozen=True, slots=True)
class Basis:
    """An instrument. ``mark`` says how it is known: ``D`` read in its own or a primary text, ``S`` in a
    secondary one, ``G`` general knowledge, ``-`` none at all (a value assumed for tests).

    ``since`` is its first day in force, where that is known and matters. A ``model`` is followed, not
    obeyed.
    """

    id: str
    title: Text
    mark: str
    since: date | None
    model: bool

    @property
    def documented(self) -> bool:
        """Whether a rejection may rest on it."""
        return self.mark == "D"

    def as_json(self) -> dict[str, Any]:
        """For outcome documents."""
        return {"id": self.id, "title": self.title.as_json(), "mark": self.mark}


@cache
def register() -> dict[str, Basis]:
    """Every legal basis by id, from ``bases.yaml``."""
    entries = read_yaml(resources.files("rules").joinpath("bases.yaml").read_text("utf-8")).value
    return {
        id_: Basis(
            id_,
            Text(ja=entry["ja"], en=entry["en"]),
            entry["mark"],
            date.fromisoformat(entry["from"]) if "from" in entry else None,
            entry.get("model", False),
        )
        for id_, entry in entries.items()
    }
