"""The receipt of a decision: who decided what on which document, by which policies, and until when to appeal.

It is a JSON Web Signature (RFC 7515) with Ed25519 in the compact form; its payload obeys the schema
``receipt``. Anyone who has the published key can check it, without us. Nothing personal is in it. It follows
from what is in the database and from the key: made again, it is the same.

The express lane does not wait for it. Decisions are found in the journal, in its order and without gaps, and
signed a moment later by whoever sweeps.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.documents import Json, sha256
from pipeline.journal import Kept
from pipeline.model import Application, Decision, Verdict, isoformat
from pipeline.review.policy import ReviewTimes

RECEIPT_KIND = "sekisho-receipt"
"""The ``typ`` of a receipt."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as the journal has it, with what it is about.

    ``settles_appeal``: it dismisses an appeal, and is not to be appealed once more.
    """

    kept: Kept
    reference: str
    application: Application
    decision: Decision
    settles_appeal: bool = False


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt as it is handed out: ``token``, by the digest of which it is found in public."""

    position: int
    decided: Decided
    token: str

    @property
    def sha256(self) -> str:
        """The receipt's name."""
        return sha256(self.token.encode("ascii"))


def payload(decided: Decided, times: ReviewTimes) -> Json:
    """What a receipt says; obeys ``pipeline/schemas/receipt-1.json``."""
    decision, outcome = decided.decision, decided.decision.judgement.outcome
    verdict = decision.judgement.verdict
    return {
        "schema": "receipt/1",
        "case": decided.reference,
        "document": decided.application.digest,
        "decision": {
            "number": decision.number,
            "verdict": str(verdict),
            "by": "policy" if decision.by == "policy" else "person",
            "at": isoformat(decision.decided_at),
        },
        "reasons": _reasons(outcome),
        "policy": [_policy(name) for name in outcome.get("policy", ())],
        "buyers": [
            {"buyer": buyer["buyer"], "verdict": buyer["decision"]} for buyer in outcome.get("buyers", ())
        ],
        "basis": decision.dossier.digest,
        "outcome": sha256(decision.judgement.document),
        **({} if decided.settles_appeal else _appeal_until(decision, times)),
        "journal": {"position": decided.kept.entry.position, "sha256": decided.kept.sha256},
    }


def _reasons(outcome: Json) -> list[dict[str, str]]:
    """What stands in the way: of a person's decision his reasons, else those of the rules."""
    reviewed = outcome.get("reviewed")
    if reviewed is not None and reviewed["verdict"] == outcome.get("decision"):
        return [_reason(reason["rule"], reason["code"]) for reason in reviewed["reasons"]]
    return [
        _reason(result["rule"], result["reason"])
        for result in outcome.get("results", ())
        if result["effect"] in {"review", "reject"}
    ]


def _reason(rule: str, code: str) -> dict[str, str]:
    return {"rule": rule, "code": code} if rule else {"code": code}


def _policy(name: str) -> dict[str, str]:
    pack, _, digest = name.partition("#")
    return {"pack": pack, "digest": digest}


def _appeal_until(decision: Decision, times: ReviewTimes) -> dict[str, str]:
    """A rejection can be appealed through this day, in Japan."""
    if decision.judgement.verdict is not Verdict.REJECT:
        return {}
    return {"appeal_until": times.appeal_by(decision.decided_at).isoformat()}
