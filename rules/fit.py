"""A dossier put to another use: what a listed product's facts would be if it were offered for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pipeline.documents import Json
from pipeline.fit import WHAT_IF, Use
from pipeline.model import Dossier
from rules.facts.declared import office_in_area

_OFFICE = "office_in_buyer_area"


def put_to(dossier: Dossier, use: Use, offices: Sequence[Json] | None, as_of: datetime) -> Dossier:
    """The dossier for this use as of a moment; its evidence is as old as it was.

    ``offices`` are those that the vendor declared: whether one lies in the buyer's area depends on the buyer.
    """
    buyers = [] if use.buyer is None else [use.buyer]
    declared: dict[str, Any] = dict(dossier.facts.get("use", {}))
    vendor: dict[str, Any] = {
        name: value for name, value in dossier.facts.get("vendor", {}).items() if name != _OFFICE
    }
    if (near := office_in_area(offices, buyers)) is not None:
        vendor[_OFFICE] = near
    facts = {**dossier.facts, "use": {**declared, **use.given(), "buyers": buyers}, "vendor": vendor}
    told = {name: {"source": WHAT_IF} for name in (f"use.{name}" for name in [*use.given(), "buyers"])}
    return replace(dossier, as_of=as_of, facts=facts, provenance={**dossier.provenance, **told})
