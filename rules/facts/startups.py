"""Lists of start-ups: J-Startup, and the similar ones that an operator added.

They name companies, mostly without a number. Regional J-Startup programmes have lists of their own, so that
the one asked does not have a company contradicts its claim and does not refute it.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.model import Presence
from rules.facts.draft import Draft

_SOURCE = "jp.startup"
_CLAIMS: Mapping[str, str] = {"j_startup": "j-startup", "sbir": "sbir", "public_fund": "public-fund"}
"""The list of each claim."""


def add(draft: Draft) -> None:
    """``startup``: each claim whose list was asked."""
    for claim, listed in _CLAIMS.items():
        answer = draft.answer(_SOURCE, listed)
        if answer is None:
            continue
        path = f"startup.{claim}"
        if answer.presence is Presence.ABSENT:
            draft.contradict(path, False, answer)
            continue
        draft.verify(path, True, answer)
        if not any(company.get("number") == answer.subject.id for company in answer.record["companies"]):
            draft.doubt(path, answer)
