"""What the catalog shows: who says what, and until when it holds."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from typing import Any

import pytest

from cli.samples import samples
from pipeline.identifiers import new_id
from pipeline.lifecycle import State
from pipeline.listing import compose, valid_until
from pipeline.model import Application, Case, CaseFile, Decision, Dossier, Judgement, Verdict
from pipeline.schemas import find

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
TODAY = date(2026, 11, 2)
BY_ISMS = {"source": "jp.isms", "at": "2026-11-02T08:00:00.000000Z", "capture": "sha256:" + "1" * 64}
BY_NTA = {"source": "jp.nta", "at": "2026-11-02T08:00:00.000000Z", "capture": "sha256:" + "2" * 64}


def file(**changes: Any) -> CaseFile:
    document = {**copy.deepcopy(dict(samples()[0].document)), **changes}
    application = Application(new_id(), new_id(), "m", NOW, b"{}", document)
    case = Case(new_id(), "SK-000000000", application.id, State.APPROVED, 1, 0, NOW, NOW)
    return CaseFile(case, application)


def decided(
    facts: dict[str, Any] | None = None,
    provenance: dict[str, Any] | None = None,
    by: str = "policy",
    **outcome: Any,
) -> Decision:
    dossier = Dossier(NOW, facts or {}, {"": {"source": "declaration"}, **(provenance or {})})
    judgement = Judgement(Verdict.APPROVE, "", {"policy": ["jp-national@1#sha256:0"], **outcome})
    return Decision(new_id(), new_id(), 1, by, NOW, judgement, dossier)


def passed(*paths: str, **more: Any) -> dict[str, Any]:
    return {"rule": "X", "outcome": "pass", "evidence": [{"path": path} for path in paths], **more}


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_every_sample_makes_a_listing_that_obeys_its_schema(sample: Any) -> None:
    schema = find("listing", 2)
    assert schema is not None
    listing = compose(file(**sample.document), decided(), new_id(), 1)
    assert schema.violations(listing) == []
    contact = sample.document["contact"]
    assert contact["email"] not in str(listing)


def test_who_says_so_is_told_by_the_longest_pointer() -> None:
    decision = decided(
        {"certs": [{"type": "ISO27001", "valid_to": "2029-06-30"}, {"type": "ISO27017"}]},
        {
            "certs[0].type": BY_ISMS,
            "certs[0].valid_to": BY_ISMS,
            "registry.found": BY_NTA,
            "certs[1].valid_to": {**BY_ISMS, "conflict": {**BY_NTA, "value": "2020-01-01"}},
            "sanctions.result": BY_NTA,
        },
    )
    listing = compose(file(), decision, new_id(), 1)
    isms = {"status": "verified", **BY_ISMS}
    nta = {"status": "verified", **BY_NTA}
    assert listing["origins"] == {
        "": {"status": "declared"},
        "/certifications/0/type": isms,
        "/certifications/0/valid_to": isms,
        "/certifications/1/valid_to": {"status": "disputed", "source": "jp.nta"},
        "/seller/identifiers": nta,
        "/maker/identifiers": nta,
    }
    assert [entry["fact"] for entry in listing["verified"]] == [
        "certs[0].type",
        "certs[0].valid_to",
        "registry.found",
        "sanctions.result",
    ]


def test_what_a_source_says_stands_in_the_place_of_what_is_declared() -> None:
    declared = [{"type": "ISO27001", "number": "X-1", "valid_to": "2027-01-31"}]
    facts = {
        "certs": [{"type": "ISO27001", "valid_to": "2030-01-31"}],
        "ismap": {"list": "ismap", "valid_to": "2027-03-31"},
        "registry": {"found": True, "name": "例示ソフトウェア株式会社"},
        "vendor": {"sme": True},
    }
    listing = compose(file(certifications=declared), decided(facts), new_id(), 1)
    assert listing["certifications"] == [{"type": "ISO27001", "number": "X-1", "valid_to": "2030-01-31"}]
    assert listing["ismap"]["list"] == "ismap"
    assert listing["seller"]["registered_name"] == "例示ソフトウェア株式会社"
    assert listing["seller"]["sme"] is True
    assert listing["maker"]["is_seller"] is True


def test_a_person_is_not_named() -> None:
    listing = compose(file(), decided(by="hanako"), new_id(), 1)
    assert listing["decision"]["by"] == "person"
    assert "hanako" not in str(listing)


def test_a_listing_is_valid_until_the_first_end_of_what_settled_it() -> None:
    facts = {
        "certs": [{"valid_to": "2029-06-30"}, {"valid_to": "2026-12-31"}],
        "ismap": {"valid_to": "2027-03-31"},
        "qualification": {"valid_to": "2026-11-01"},
    }
    needed = passed("certs[0].type", "certs[0].valid_to", "qualification.valid_to")
    assert valid_until(file(), decided(facts, results=[needed])) == date(2029, 6, 30)
    also = [needed, passed("ismap.list", "ismap.valid_to")]
    assert valid_until(file(), decided(facts, results=also)) == date(2027, 3, 31)
    failed = {**passed("certs[1].valid_to"), "outcome": "fail"}
    assert valid_until(file(), decided(facts, results=[failed])) is None
    assert "valid_until" not in compose(file(), decided(facts), new_id(), 1)
    assert compose(file(), decided(facts, results=also), new_id(), 1)["valid_until"] == "2027-03-31"


def test_the_last_day_itself_still_counts() -> None:
    facts = {"ismap": {"valid_to": TODAY.isoformat()}}
    assert valid_until(file(), decided(facts, results=[passed("ismap.valid_to")])) == TODAY


def test_a_reseller_is_listed_as_long_as_the_maker_lets_it_sell() -> None:
    maker = {
        "name": "Example Software GmbH",
        "country": "DE",
        "authorisation": {"confirmed": True, "valid_to": "2027-09-30"},
    }
    decision = decided({"reseller": {"authorised": True}}, results=[passed("reseller.authorised")])
    assert valid_until(file(maker=maker), decision) == date(2027, 9, 30)
    listing = compose(file(maker=maker), decision, new_id(), 1)
    assert listing["maker"] == {
        "name": "Example Software GmbH",
        "country": "DE",
        "is_seller": False,
        "authorised": True,
    }


@pytest.mark.parametrize(
    ("founded_on", "until"),
    [("2020-04-01", "2030-03-31"), ("2020-02-29", "2030-02-28"), ("2024-03-01", "2034-02-28")],
)
def test_a_start_ups_mark_ends_by_itself(founded_on: str, until: str) -> None:
    vendor = {**samples()[0].document["vendor"], "founded_on": founded_on}
    eased = {"rule": "X", "outcome": "fail", "effect_from": ["jp-national:reject", "startup:review"]}
    decision = decided(tracks={"startup": "admitted"}, results=[eased])
    listing = compose(file(vendor=vendor), decision, new_id(), 1)
    assert listing["startup"] == {"mark": True, "until": until}
    assert listing["valid_until"] == until


def test_a_start_up_by_programme_has_no_end_and_who_is_none_no_mark() -> None:
    vendor = {**samples()[0].document["vendor"], "founded_on": "2020-04-01"}
    facts = {"startup": {"j_startup": True, "sbir": False}}
    listed = compose(file(vendor=vendor), decided(facts, tracks={"startup": "admitted"}), new_id(), 1)
    assert listed["startup"] == {"mark": True, "j_startup": True}
    other = compose(file(vendor=vendor), decided(tracks={"startup": "unknown"}), new_id(), 1)
    assert other["startup"] == {"mark": False}


def test_each_buyers_verdict_comes_with_what_stands_in_the_way() -> None:
    text = {"ja": "理由", "en": "why"}
    rule = {"rule": "KOBE-01", "title": text, "outcome": "unknown", "reason": "KOBE_X", "message": text}
    kobe = {
        "buyer": "kobe-city",
        "title": {"ja": "神戸市", "en": "Kobe City"},
        "decision": "review",
        "policy": ["kobe-city@1#sha256:0"],
        "differs": [{**rule, "effect": "review"}, {**rule, "rule": "KOBE-02", "effect": "none"}],
    }
    [told] = compose(file(), decided(buyers=[kobe]), new_id(), 1)["buyers"]
    assert told["verdict"] == "review"
    assert told["reasons"] == [{"rule": "KOBE-01", "effect": "review", "reason": "KOBE_X", "message": text}]
