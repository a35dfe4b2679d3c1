"""Whether listed products fit a use: the policy in force, put to what a buyer has in mind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.documents import Json
from pipeline.fit import Fit, Use, read_judgement
from pipeline.model import Dossier, Text
from pipeline.ports import Clock
from rules.fit import put_to
from rules.labels import LABELS
from rules.provenance import JAPAN
from tasks.policies import PublishedPolicy


class PolicyFit:
    """Implements :class:`pipeline.ports.Fitting`."""

    def __init__(self, policy: PublishedPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock

    def buyers(self) -> Mapping[str, Text]:
        """The buyers whose own rules are in force today."""
        day = self._clock.now().astimezone(JAPAN).date()
        names = [buyer.name for buyer in self._policy.on(day).buyers if buyer.holds_on(day)]
        return {name: Text(**LABELS.get(name, {"ja": name, "en": name})) for name in names}

    def fit(self, dossier: Dossier, offices: Sequence[Json] | None, use: Use) -> Fit:
        """What the policy in force today says of a dossier for a use."""
        now = self._clock.now()
        what_if = put_to(dossier, use, offices, now)
        verdict, reasons, policy = read_judgement(self._policy.judge(what_if), use.buyer)
        return Fit(verdict, reasons, policy, what_if.facts["use"], now, dossier.as_of)
