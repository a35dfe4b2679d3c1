"""What keeps a vendor out: suspensions from nomination, lists of sanctions and debarments.

**Only "found" is evidence.** There is no list of all suspensions. That the lists asked name none is kept as
an empty list with the source and the day, and says no more than that; which lists were asked stands beside
it. A screening candidate is a case for a person: the machine says ``clear`` or ``potential``, and
``confirmed`` only a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.documents import Json
from pipeline.model import Evidence, Presence
from rules.facts.draft import MAKER, VENDOR, Draft
from rules.provenance import JAPAN

_SUSPENSIONS = "jp.suspension"
_SCREENING = "screening.yente"

_BODIES: Mapping[str, str] = {
    "東京都": "tokyo-metropolitan",
    "東京消防庁": "tokyo-metropolitan",
    "警視庁": "tokyo-metropolitan",
    "神戸市": "kobe-city",
    "経済産業省": "meti",
    "農林水産省": "maff",
}
"""The buyers that have rules of their own, by how the name of an authority begins."""

_LOCAL = re.compile(
    r"^(東京消防庁|警視庁|東京都|(京都|大阪)府|.{2,3}県|.{1,6}?(?<![^京]都)[市区町村])|[都道府県]庁|広域連合|企業団"
)
_NATIONAL = re.compile(
    r"省|庁|内閣|人事院|会計検査院|裁判所|国会|衆議院|参議院|公正取引委員会|独立行政法人|国立|機構|高速道路|税関|総合事務局"
    r"|(整備|開発|農政|財務|国税|航空|運輸|労働|厚生|総合通信|防衛|森林管理|経済産業|法務|管区警察)局"
)

_ORGANISED_CRIME = "暴力団"


def add(draft: Draft) -> None:
    """``suspensions``, ``suspension_lists``, ``boryokudan`` and ``sanctions``."""
    if (gap := draft.gap(_SUSPENSIONS)) is not None:
        draft.give_up("suspensions", gap)
    elif (answer := draft.answer(_SUSPENSIONS)) is not None:
        _suspensions(draft, answer)
    _screening(draft)


def _suspensions(draft: Draft, answer: Evidence) -> None:
    today = draft.today.isoformat()
    draft.verify("suspensions", [], answer)
    draft.verify("suspension_lists", [answer.record["list"]] if "list" in answer.record else [], answer)
    for entry in answer.record.get("suspensions", ()):
        is_own = "number" in entry and entry["number"] == answer.subject.id
        if not is_own and entry.get("valid_to", today) < today:
            continue  # whoever it was, it is over
        place = f"suspensions[{len(draft.facts['suspensions'])}]"
        draft.facts["suspensions"].append(_suspension(entry))
        if not is_own:
            draft.doubt(place, answer)
        elif _ORGANISED_CRIME in entry.get("reason", "") and entry.get("valid_to", today) >= today:
            draft.verify("boryokudan.excluded", True, answer)


def _suspension(entry: Json) -> dict[str, Any]:
    authority = entry["authority"]
    known = {
        "by": next((code for name, code in _BODIES.items() if authority.startswith(name)), authority),
        "by_level": level(authority),
        "until": entry.get("valid_to"),
    }
    return {name: value for name, value in known.items() if value is not None}


def level(authority: str) -> str | None:
    """Whether an authority is ``national`` or ``local`` by its name; None where that does not show.

    A bureau of a ministry may bear a region's name (関東地方整備局), one of a prefecture the prefecture's
    (神奈川県県土整備局).
    """
    if _LOCAL.search(authority):
        return "local"
    if _NATIONAL.search(authority):
        return "national"
    return "local" if authority.startswith("北海道") else None


def _screening(draft: Draft) -> None:
    """Of vendor and maker; whom nobody could screen leaves it open."""
    answers = []
    for role in (VENDOR, MAKER):
        if (gap := draft.gap(_SCREENING, role)) is not None:
            draft.give_up("sanctions", gap)
            return
        if (answer := draft.answer(_SCREENING, role)) is not None:
            answers.append(answer)
    if not answers or answers[0].role != VENDOR:
        return
    told = min(answers, key=lambda answer: answer.presence is not Presence.FOUND)
    oldest = min(answers, key=lambda answer: answer.observed_at)
    draft.verify("sanctions.result", "potential" if told.presence is Presence.FOUND else "clear", told)
    draft.verify("sanctions.checked_on", oldest.observed_at.astimezone(JAPAN).date().isoformat(), oldest)
