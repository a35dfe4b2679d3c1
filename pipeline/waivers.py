"""Waivers: rules that people set aside for one product, while they fire on the same facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pipeline.calendar import day_of
from pipeline.documents import Json, digest
from pipeline.model import Waiver


def grounds_of(result: Json) -> str:
    """The digest of what a rule had read when it gave this result: its name, and each path with its value.

    Of a fact that is not known, it says why. What the policy asked for is not in it: the same rule on the
    same facts has the same grounds, though a parameter changed.
    """
    read = {
        (str(entry["path"]), digest([entry.get("value"), entry.get("cause"), entry.get("against")]))
        for entry in result.get("trace", ())
    }
    return digest([str(result["rule"]), sorted(map(list, read))])


def in_force(waivers: Sequence[Waiver], at: datetime) -> tuple[Waiver, ...]:
    """Those that hold on the day in Japan of a moment."""
    today = day_of(at)
    return tuple(waiver for waiver in waivers if waiver.until is None or today <= waiver.until)


def waiver_for(result: Json, waivers: Sequence[Waiver]) -> Waiver | None:
    """The waiver that covers a rule's result, if one does: for the same rule, on the same grounds."""
    named = [waiver for waiver in waivers if waiver.rule == result["rule"]]
    if not named:
        return None
    grounds = grounds_of(result)
    return next((waiver for waiver in named if waiver.grounds == grounds), None)
