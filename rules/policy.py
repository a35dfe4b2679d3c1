"""The door to the pipeline: a policy of packs as :class:`pipeline.ports.Policy`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pipeline.documents import Json
from pipeline.model import Dossier, Evidence, Gap, Judgement, Verdict
from rules import facts
from rules.backtest import causes, nearest_day
from rules.buyers import Buyer, buyers_of, verdicts
from rules.library import Library
from rules.provenance import JAPAN
from rules.ruleset import Ruleset, severity_of

DEFAULT = "jp-national"
"""The base that judges cases."""


class PackPolicy:
    """The rules in force, made of policy packs.

    ``buyers`` give their verdicts beside the decision. A ``candidate`` is a policy that is tried: what it
    would have decided is recorded, and never applied.
    """

    def __init__(
        self, ruleset: Ruleset, buyers: Sequence[Buyer] = (), candidate: Ruleset | None = None
    ) -> None:
        self.ruleset = ruleset
        self.buyers = tuple(buyers)
        self.candidate = candidate

    @classmethod
    def load(
        cls,
        base: str = DEFAULT,
        overlays: Sequence[str] = (),
        library: Library | None = None,
        candidate: Ruleset | None = None,
    ) -> PackPolicy:
        """The policy of these packs, out of a library: without one, the packs that come with Sekisho.

        :raises rules.pack.PackError: when they do not load or cannot be joined.
        """
        packs = Library.read() if library is None else library
        return cls(packs.ruleset(base, overlays), buyers_of(packs, base, overlays), candidate)

    def assemble(
        self, application: Json, evidence: Sequence[Evidence], gaps: Sequence[Gap], as_of: datetime
    ) -> Dossier:
        """The facts that application and evidence give, each with where it comes from."""
        return facts.assemble(application, evidence, gaps, as_of)

    def judge(self, dossier: Dossier) -> Judgement:
        """What the policy says of a dossier.

        The outcome document has besides what :meth:`rules.ruleset.Ruleset.evaluate` gives ``buyers``, the
        verdict of each buyer (:mod:`rules.buyers`), and where a candidate is tried ``candidate``.

        :raises rules.ruleset.PolicyDateError: when a pack does not hold on the dossier's day.
        """
        outcome = self.ruleset.evaluate(dossier)
        outcome["buyers"] = verdicts(self.buyers, dossier, outcome)
        if self.candidate is not None:
            outcome["candidate"] = _tried(self.candidate, dossier, outcome)
        return Judgement(Verdict(outcome["decision"]), first_reason(outcome["results"]), outcome)


def first_reason(results: Sequence[dict[str, Any]]) -> str:
    """The reason of the first result with the strongest effect; ``""`` where none has any."""
    severity = max((severity_of(result["effect"]) for result in results), default=0)
    if severity == 0:
        return ""
    return next(str(result["reason"]) for result in results if severity_of(result["effect"]) == severity)


def _tried(candidate: Ruleset, dossier: Dossier, outcome: Json) -> dict[str, Any]:
    """What a candidate would have decided, and the rules that make the difference.

    A candidate that holds later is tried as of its first day. One that cannot judge says so, and the case
    goes its way.
    """
    tried: dict[str, Any] = {"policy": candidate.citations}
    try:
        day = nearest_day(candidate, dossier.as_of.astimezone(JAPAN).date())
        would = candidate.evaluate(dossier, policy_date=day)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a trial must not touch the case
        return {**tried, "fault": type(error).__name__}
    changed = would["decision"] != outcome["decision"]
    return {
        **tried,
        "decision": would["decision"],
        "causes": [cause.as_json() for cause in causes(outcome, would)] if changed else [],
    }
