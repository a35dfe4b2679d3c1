"""What a clerk is told of a company, from what sources answered; one row for each way to be told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.identifiers import OrganisationId
from pipeline.model import Evidence, Gap, Presence
from rules.roster import REGISTERS, REMARKS, Company, Standing, remarks_on, standing_of

AT = datetime(2026, 11, 6, tzinfo=UTC)
TODAY = "2026-11-06"
NUMBER = OrganisationId("JP-JCN", "7000012050002")
COMPANY = Company("株式会社例示", (NUMBER,))


def said(source: str, subject: OrganisationId = NUMBER, *, found: bool = True, **record: Any) -> Evidence:
    presence = Presence.FOUND if found else Presence.ABSENT
    return Evidence(source, "vendor", subject, presence, record, AT, "sha256:" + "0" * 64)


ISSUED = {"registration_status": "ISSUED"}
VALID = {"registered_on": "2023-10-01"}


@pytest.mark.parametrize(
    ("evidence", "codes", "standing"),
    [
        (said("jp.nta", name="株式会社例示", closed=False), [], Standing.CONFIRMED),
        (said("jp.nta", name="㈱例示", closed=False), [], Standing.CONFIRMED),
        (said("jp.nta", found=False), ["NOT_FOUND"], Standing.ATTENTION),
        (said("jp.nta", withdrawn=True, closed=True), ["WITHDRAWN"], Standing.ATTENTION),
        (said("jp.nta", name="株式会社例示", closed=True), ["CLOSED"], Standing.ATTENTION),
        (said("jp.nta", name="別会社株式会社"), ["NAME_DIFFERS"], Standing.ATTENTION),
        (said("jp.nta", name="新社名", former_names=["株式会社例示"]), ["NAME_FORMER"], Standing.ATTENTION),
        (said("jp.nta", name="Example Inc."), ["NAME_UNCLEAR"], Standing.ATTENTION),
        (said("jp.nta", name="別名", english_name="株式会社例示"), [], Standing.CONFIRMED),
        (said("no.brreg", name="株式会社例示", warnings=["bankrupt"]), ["WARNING"], Standing.ATTENTION),
        (said("fr.entreprises", found=False), ["NOT_SHOWN"], Standing.NOTHING_FOUND),
        (said("int.gleif", name="株式会社例示", **ISSUED), [], Standing.CONFIRMED),
        (said("int.gleif", registration_status="LAPSED"), ["LEI_NOT_CURRENT"], Standing.ATTENTION),
        (said("int.gleif", found=False), ["NOT_SHOWN"], Standing.NOTHING_FOUND),
        (said("int.gleif", OrganisationId("XI-LEI", "x"), found=False), ["NOT_FOUND"], Standing.ATTENTION),
        (said("eu.vies", valid=True), [], Standing.CONFIRMED),
        (said("jp.invoice", name="株式会社例示", **VALID), [], Standing.NOTHING_FOUND),
        (said("jp.invoice", **VALID), [], Standing.NOTHING_FOUND),
        (said("jp.invoice", found=False), ["NOT_AN_ISSUER"], Standing.ATTENTION),
        (said("jp.invoice", deleted=True), ["NOT_AN_ISSUER"], Standing.ATTENTION),
        (said("jp.invoice", revoked_on="2026-11-06", **VALID), ["ISSUER_ENDED"], Standing.ATTENTION),
        (said("jp.invoice", revoked_on="2026-11-07", **VALID), [], Standing.NOTHING_FOUND),
        (said("jp.invoice", registered_on="2026-12-01"), ["NOT_AN_ISSUER"], Standing.ATTENTION),
        (
            said("jp.suspension", suspensions=[{"authority": "某局", "valid_to": "2027-01-01"}]),
            ["SUSPENSION_FOUND"],
            Standing.ATTENTION,
        ),
        (said("jp.suspension", suspensions=[{"valid_to": "2026-11-05"}]), [], Standing.NOTHING_FOUND),
        (said("jp.suspension", found=False, suspensions=[]), [], Standing.NOTHING_FOUND),
        (
            said("screening.yente", candidates=[{"id": "x", "name": "Y", "score": 0.9, "match": True}]),
            ["SCREENING_CANDIDATE"],
            Standing.ATTENTION,
        ),
        (
            said("screening.yente", candidates=[{"id": "x", "score": 0.5, "match": False}]),
            [],
            Standing.NOTHING_FOUND,
        ),
        (said("jp.gbizinfo", name="ちがう名"), [], Standing.NOTHING_FOUND),
    ],
)
def test_what_each_source_gives_cause_to_say(
    evidence: Evidence, codes: list[str], standing: Standing
) -> None:
    remarks = remarks_on(COMPANY, [evidence], [], TODAY)
    assert [remark.code for remark in remarks] == codes
    assert standing_of(remarks, [evidence]) is standing


def test_a_source_that_could_not_be_asked_never_counts_for_or_against() -> None:
    gap = Gap("jp.nta", "vendor", NUMBER, "timeout")
    remarks = remarks_on(COMPANY, [], [gap], TODAY)
    assert [(one.code, one.detail) for one in remarks] == [("NOT_CHECKED", "timeout")]
    assert standing_of(remarks, []) is Standing.NOT_CHECKED
    confirmed = said("int.gleif", name="株式会社例示", **ISSUED)
    remarks = remarks_on(COMPANY, [confirmed], [gap], TODAY)
    assert standing_of(remarks, [confirmed]) is Standing.NOT_CHECKED


def test_a_company_without_a_declared_name_has_none_compared() -> None:
    assert remarks_on(Company(identifiers=(NUMBER,)), [said("jp.nta", name="何か")], [], TODAY) == []


def test_every_remark_is_said_in_both_languages() -> None:
    for code, (_, text) in REMARKS.items():
        assert code == code.upper()
        assert text.ja.endswith("。")
        assert text.en.endswith(".")
    assert "jp.gbizinfo" not in REGISTERS  # an enrichment: it confirms nobody
