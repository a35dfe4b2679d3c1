"""A first cut, replaced soon."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import Levenshtein

_FORMS = re.compile(
    r"株式会社|有限会社|合同会社|\(株\)|\(有\)|\b(k\.?k\.?|inc|ltd|limited|plc|ag|gmbh|corp|corporation|co|company)\b\.?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reason:
    code: str


@dataclass(frozen=True, slots=True)
class Comparison:
    result: Literal["same", "different", "unclear"]
    score: float
    reasons: tuple[Reason, ...] = ()


def compare(one: str, other: str, *, approximate: bool = False) -> Comparison:
    keys = [
        re.sub(r"[\W_]", "", _FORMS.sub("", unicodedata.normalize("NFKC", name)).casefold())
        for name in (one, other)
    ]
    score = 1.0 if keys[0] == keys[1] else round(min(0.85, Levenshtein.normalized_similarity(*keys)), 2)
    if score >= 0.9:
        return Comparison("same", score)
    return Comparison("unclear" if score >= 0.6 else "different", score)
