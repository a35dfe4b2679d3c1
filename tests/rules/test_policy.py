"""The policy as the pipeline sees it."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.documents import canonical
from pipeline.identifiers import OrganisationId
from pipeline.model import Evidence, Gap, Judgement, Presence, Verdict
from pipeline.ports import Policy
from rules.policy import PackPolicy

NUMBER = "7999901000001"
SUBJECT = OrganisationId("JP-JCN", NUMBER)
NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)

APPLICATION: dict[str, Any] = {
    "schema": "application/1",
    "vendor": {
        "name": "㈱みなと台帳",
        "country": "JP",
        "identifiers": [{"scheme": "JP-JCN", "id": NUMBER}],
        "role": "direct",
        "is_manufacturer": True,
    },
    "contact": {"name": "担当", "email": "desk@minato.example"},
    "product": {
        "code": "ledger",
        "name": {"ja": "台帳"},
        "summary": {"ja": "台帳"},
        "category": "accounting",
    },
    "use": {"confidentiality": 2, "personal_data": True, "my_number": False},
    "certifications": [
        {
            "type": "ISO27001",
            "edition": "2022",
            "accredited": True,
            "covers_service": True,
            "valid_to": "2028-02-29",
        }
    ],
    "data": [{"class": name, "at_rest": ["JP"]} for name in ("content", "account", "backup", "telemetry")],
    "contract": {"governing_law": "JP", "court": "JP"},
}

FOUND = Evidence(
    "jp.nta",
    "vendor",
    SUBJECT,
    Presence.FOUND,
    {"number": NUMBER, "name": "株式会社みなと台帳", "closed": False},
    NOW,
    "sha256:" + "ab" * 32,
)


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The few rules that home registers and the application can answer."""
    return PackPolicy.load("jp-national-first")


def judged(policy: Policy, evidence: list[Evidence], gaps: list[Gap], **changes: Any) -> Judgement:
    document = {**copy.deepcopy(APPLICATION), **changes}
    return policy.judge(policy.assemble(document, evidence, gaps, NOW))


def test_a_sound_application_is_approved(policy: Policy) -> None:
    judgement = judged(policy, [FOUND], [])
    assert (judgement.verdict, judgement.reason) == (Verdict.APPROVE, "")
    assert judgement.outcome["counts"]["pass"] == 6


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ({"contract": {"governing_law": "IE", "court": "JP"}}, Verdict.REVIEW, "RES_FOREIGN_LAW_OR_COURT"),
        ({"certifications": []}, Verdict.REJECT, "SEC_NO_USABLE_ISO27001"),
        # The reason is that of the gravest result, whichever rule comes first.
        (
            {"contract": {"governing_law": "IE", "court": "IE"}, "certifications": []},
            Verdict.REJECT,
            "SEC_NO_USABLE_ISO27001",
        ),
    ],
)
def test_the_reason_is_the_first_that_moved_the_verdict(
    policy: Policy, changes: dict[str, Any], verdict: Verdict, reason: str
) -> None:
    judgement = judged(policy, [FOUND], [], **changes)
    assert (judgement.verdict, judgement.reason) == (verdict, reason)


def test_an_outage_neither_rejects_nor_approves(policy: Policy) -> None:
    judgement = judged(policy, [], [Gap("jp.nta", "vendor", SUBJECT, "timeout")])
    assert (judgement.verdict, judgement.reason) == (Verdict.REVIEW, "SOURCE_NO_ANSWER")


def test_a_source_that_was_never_asked_does_not_approve(policy: Policy) -> None:
    judgement = judged(policy, [], [])
    assert (judgement.verdict, judgement.reason) == (Verdict.REVIEW, "REG_REGISTER_UNKNOWN")


def test_a_mistyped_number_is_named(policy: Policy) -> None:
    vendor = {**APPLICATION["vendor"], "identifiers": [{"scheme": "JP-JCN", "id": "1999901000001"}]}
    judgement = judged(policy, [], [], vendor=vendor)
    assert (judgement.verdict, judgement.reason) == (Verdict.REJECT, "REG_NUMBER_CHECK_DIGIT")
    message = judgement.outcome["results"][0]["message"]
    assert "1999901000001" in message["ja"]
    assert "1999901000001" in message["en"]


def test_a_declared_register_entry_would_not_count(policy: Policy) -> None:
    dossier = policy.assemble(APPLICATION, [FOUND], [], NOW)
    declared = type(dossier)(dossier.as_of, dossier.facts, {"": {"source": "declaration"}})
    judgement = policy.judge(declared)
    assert (judgement.verdict, judgement.reason) == (Verdict.REVIEW, "EVIDENCE_UNVERIFIED")


def test_the_same_dossier_gives_the_same_bytes(policy: Policy) -> None:
    dossier = policy.assemble(APPLICATION, [FOUND], [], NOW)
    other = PackPolicy.load("jp-national-first")
    again = other.assemble(APPLICATION, [FOUND], [], NOW)
    assert again.digest == dossier.digest
    first, second = policy.judge(dossier), other.judge(again)
    assert canonical(first.outcome) == canonical(second.outcome)
    assert first.outcome["evidence_snapshot"] == dossier.digest


def test_the_national_policy_is_in_force_unless_another_is_named() -> None:
    judgement = judged(PackPolicy.load(), [FOUND], [])
    assert judgement.verdict is Verdict.REVIEW
    assert judgement.outcome["policy"][0].startswith("jp-national@")
    assert len(judgement.outcome["results"]) == 30


def test_other_packs_can_be_in_force() -> None:
    judgement = judged(PackPolicy.load("jp-national", ["kobe-city"]), [FOUND], [])
    assert judgement.verdict is Verdict.REVIEW
    assert len(judgement.outcome["results"]) == 34
