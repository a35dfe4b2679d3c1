"""A capture as it may be looked at: who may, and as what."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from pipeline.model import Capture, Check
from pipeline.people import Person, Role

MOST_SHOWN: Final = 200_000
"""Signs of a capture that a page shows; the file has the rest."""

OF_PEOPLE: Final = frozenset({"screening.yente", "gb.companies-house"})
"""Sources whose answers may tell of natural persons: candidates of a screening, officers, owners."""


def may_see(person: Person) -> Callable[[Check], bool]:
    """Whose captures somebody may look at: those that tell of natural persons only reviewers and up."""
    reviewer = person.may(Role.REVIEWER)
    return lambda check: reviewer or check.inquiry.source not in OF_PEOPLE


def shown(capture: Capture) -> str:
    """A capture as text: JSON indented, all else as it came; what is no text byte by byte."""
    text = capture.body.decode(_encoding(capture.media_type), errors="backslashreplace")
    if "json" in capture.media_type:
        try:
            text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
        except (ValueError, RecursionError):
            return text[:MOST_SHOWN]
    return text[:MOST_SHOWN]


def _encoding(media_type: str) -> str:
    lowered = media_type.lower().replace(" ", "")
    return "cp932" if "charset=shift_jis" in lowered or "charset=windows-31j" in lowered else "utf-8"
