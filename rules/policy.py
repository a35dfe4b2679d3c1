"""The door to the pipeline: a policy of packs as :class:`pipeline.ports.Policy`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pipeline.documents import Json
from pipeline.model import Dossier, Evidence, Gap, Judgement, Verdict
from rules import facts
from rules.library import Library
from rules.pack import Effect
from rules.ruleset import Ruleset

DEFAULT = "jp-national-first"
"""The base that judges cases."""


class PackPolicy:
    """The rules in force, made of policy packs."""

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset

    @classmethod
    def load(cls, base: str = DEFAULT, overlays: Sequence[str] = ()) -> PackPolicy:
        """The policy of these packs, out of those that come with Sekisho.

        :raises rules.pack.PackError: when they do not load or cannot be joined.
        """
        return cls(Library.read().ruleset(base, overlays))

    def assemble(
        self, application: Json, evidence: Sequence[Evidence], gaps: Sequence[Gap], as_of: datetime
    ) -> Dossier:
        """The facts that application and evidence give, each with where it comes from."""
        return facts.assemble(application, evidence, gaps, as_of)

    def judge(self, dossier: Dossier) -> Judgement:
        """What the policy says of a dossier.

        :raises rules.ruleset.PolicyDateError: when a pack does not hold on the dossier's day.
        """
        outcome = self.ruleset.evaluate(dossier)
        return Judgement(Verdict(outcome["decision"]), first_reason(outcome["results"]), outcome)


def first_reason(results: Sequence[dict[str, Any]]) -> str:
    """The reason of the first result with the strongest effect; ``""`` where none has any."""
    severity = max((Effect(result["effect"]).severity for result in results), default=0)
    if severity == 0:
        return ""
    return next(str(result["reason"]) for result in results if Effect(result["effect"]).severity == severity)
