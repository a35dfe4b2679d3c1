"""Fit: whether a listed product would do for one buyer and one use, judged as if it were applied for today.

What was found out about the product and its seller stays as the listing's dossier has it; only the use is
another. No source is asked and nothing is kept: a question, not a decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.documents import Json
from pipeline.model import Judgement, Verdict

WHAT_IF = "what-if"
"""The source of facts that the asker gives."""


ROUTES = ("comparison", "policy-purpose", "open-tender", "small-contract")
"""How a buyer may contract, as in the schema ``application``."""

LARGEST_VALUE = 10_000_000_000_000
"""Yen."""


@dataclass(frozen=True, slots=True)
class Use:
    """The use that a buyer has in mind, in the application's words; None leaves what the vendor declared."""

    buyer: str | None = None
    confidentiality: int | None = None
    personal_data: bool | None = None
    my_number: bool | None = None
    low_impact: bool | None = None
    route: str | None = None
    value_jpy: int | None = None

    def given(self) -> dict[str, Any]:
        """What the asker gives, without the buyer, as members of the application's ``use``."""
        members = {
            "confidentiality": self.confidentiality,
            "personal_data": self.personal_data,
            "my_number": self.my_number,
            "low_impact": self.low_impact,
            "route": self.route,
            "value_jpy": self.value_jpy,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Fit:
    """The answer. ``use`` is the whole use that was judged; ``evidence_as_of`` the moment of the evidence."""

    verdict: Verdict
    reasons: tuple[Json, ...]
    policy: tuple[str, ...]
    use: Json
    as_of: datetime
    evidence_as_of: datetime


def read_judgement(
    judgement: Judgement, buyer: str | None
) -> tuple[Verdict, tuple[Json, ...], tuple[str, ...]]:
    """Verdict, reasons and policy packs for a buyer, or by the national rules alone."""
    outcome = judgement.outcome
    results = {result["rule"]: result for result in outcome["results"]}
    if buyer is None:
        verdict, policy = judgement.verdict, outcome["policy"]
    else:
        [own] = [verdict for verdict in outcome["buyers"] if verdict["buyer"] == buyer]
        verdict, policy = Verdict(own["decision"]), own["policy"]
        results |= {result["rule"]: result for result in own["differs"]}
    return verdict, tuple(_reasons(results)), tuple(policy)


def _reasons(results: Mapping[str, Json]) -> Iterator[Json]:
    """What stands in the way, what rejects first."""
    for effect in ("reject", "review"):
        for result in results.values():
            if result["effect"] == effect:
                yield {
                    "rule": result["rule"],
                    "title": result["title"],
                    "outcome": result["outcome"],
                    "effect": effect,
                    "reason": result["reason"],
                    "message": result["message"],
                    "basis": [basis["id"] for basis in result.get("basis", ())],
                }
