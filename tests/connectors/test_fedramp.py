"""The FedRAMP marketplace against a genuine feed and changelog, and against what they do to readers."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime

import pytest

from connectors import fedramp
from pipeline.errors import SourceChanged
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
CONNECTOR = fedramp.connector({})
CHARGIE = "NSDFW8DZAP24"


def capture(body: object) -> Capture:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Capture("us.fedramp", "https://feed.example/", AT, 200, "text/plain", raw)


def about(uei: str, name: str = "Example") -> Inquiry:
    return Inquiry("us.fedramp", "vendor", OrganisationId("US-UEI", uei), name)


@pytest.fixture(scope="session")
def samples(reference):
    return reference / "registries-intl/samples/fedramp"


@pytest.fixture(scope="session")
def genuine(samples):
    return json.loads((samples / "marketplace_data_2025-01-30_part_a.json").read_bytes())


@pytest.fixture
def feed(genuine):
    return copy.deepcopy(genuine)


OFFERINGS = {
    "F1607067912": ("18F - 18F Cloud.gov", "CG-TTS - Cloud.Gov", None, "authorized", "Moderate", "JAB",
                    "2017-02-02", "2016-05-20", "01/18", "SecureIT", "PaaS"),
    "FR1707156421": ("Acadis", "Acadis Readiness Suite", None, "authorized", "Moderate", "Agency",
                     "2019-06-05", None, "05/31", "Kratos", "SaaS"),
    "FR1923743650": ("Automattic, Inc.", "WordPress VIP Go", None, "authorized", "LI-SaaS", "Agency",
                     "2021-03-29", None, "02/18", "Fortreum, LLC", "SaaS"),
    "FR2025827270": ("AvePoint Inc.", "AvePoint Online Services for US Government (AOS-UG)", None,
                     "authorized", "Moderate", "Agency", "2021-03-31", None, "01/29", "Lunarline, Inc.",
                     "SaaS"),
    "FR2027958176": ("Issio Solutions, Inc.", "Issio Information System", None, "ready", "Low", "Agency",
                     None, "2024-09-11", "05/06", "Lunarline, Inc.", "SaaS"),
    "FR2106555313": ("AchieveIt Online, LLC", "AchieveIt", None, "authorized", "Low", "Agency",
                     "2021-07-29", None, "02/11", "Linford & Company", "SaaS"),
    "FR2322741394": ("AgileRank", "Agile RTLS Suite (A-RTLS)", "Y5PTNH8M5GA1", "in-process", "LI-SaaS",
                     "Agency", None, None, None, "ControlCase", "SaaS"),
    "FR2328145448": ("Chargie, LLC", "Electric Vehicle Infrastructure Platform for Government", CHARGIE,
                     "authorized", "LI-SaaS", "Agency", "2024-01-23", None, "01/18", "Lunarline, Inc.",
                     "SaaS"),
    "FR2330939028": ("Aqua Security Software Inc.", "Aqua Platform for Government", "UT1CMKQJZG78",
                     "in-process", "High", "Agency", None, None, None, "Schellman Compliance, LLC", "SaaS"),
    "FR2401839361": ("Ask Sage, Inc.", "Ask Sage", "W9X4EWLUBAW1", "in-process", "High", "Agency",
                     None, None, None, "Kratos", "SaaS"),
    "FR2416859101": ("Verkada Inc", "Verkada Command Platform", "UFN8CLHC7NP3", "ready", "Moderate",
                     "Agency", None, "2024-07-02", None, "Fortreum, LLC", "SaaS"),
}  # fmt: skip
COLUMNS = ("provider", "offering", "uei", "status", "impact_level", "authorization_type", "authorized_on",
           "ready_on", "annual_assessment", "assessor")  # fmt: skip


def test_every_genuine_offering(samples):
    taken = capture((samples / "marketplace_data_2025-01-30_part_a.json").read_bytes())
    evidence = CONNECTOR.evidence_in(taken)
    assert [one.subject.id for one in evidence] == list(OFFERINGS)
    for one in evidence:
        *values, model = OFFERINGS[one.subject.id]
        public = one.subject.id in {"FR1923743650", "FR2027958176", "FR2106555313"}
        assert one.record == {
            "id": one.subject.id,
            **{column: value for column, value in zip(COLUMNS, values, strict=True) if value is not None},
            "valid": values[3] == "authorized",
            "service_models": [model],
            "deployment": "Public Cloud" if public else "Government Community Cloud",
            "register_date": "2025-01-30",
        }
        assert "@" not in str(one.record)


R, P, A, F = "review", "review", "authorized", "ready"
HISTORIES = {
    "FR2322741394": (A, [(R, "2024-08-15"), (P, "2024-11-06"), (A, "2025-01-23")]),
    "FR2330939028": (A, [(R, "2023-08-31"), (P, "2024-06-11"), (A, "2025-03-31")]),
    "FR2401839361": (A, [(R, "2023-11-04"), (P, "2024-06-24"), (A, "2025-01-24")]),
    "FR2027958176": (F, [(R, "2021-05-06"), (P, "2021-05-06"), (F, "2024-09-11")]),
    "FR2416859101": (A, [(F, "2024-07-02"), (R, "2025-07-24"), (P, "2026-04-09"), (A, "2026-05-12")]),
    "F1607067912": (A, [(F, "2016-05-20"), (R, "2016-08-09"), (A, "2017-02-02")]),
    "FR1707156421": (A, [(R, "2018-05-09"), (P, "2019-04-30"), (A, "2019-06-05")]),
    "FR2106555313": (A, [(R, "2020-12-10"), (P, "2021-02-11"), (A, "2021-07-29")]),
    # Authorized in the feed of January 2025, and no longer in the marketplace sixteen months later.
    "FR1923743650": ("none", [(R, "2020-05-11"), (P, "2021-02-18")]),
    "FR2025827270": (A, [(R, "2020-07-08"), (P, "2021-01-29"), (A, "2021-03-31")]),
    "FR2328145448": (A, [(R, "2023-07-11"), (P, "2024-01-18"), (A, "2024-01-23")]),
}


def test_every_genuine_history(samples):
    taken = capture((samples / "status_changelog_2026-05-30_part_a.json").read_bytes())
    assert {one.subject.id: one.record for one in CONNECTOR.evidence_in(taken)} == {
        id_: {
            "id": id_,
            "status": status,
            "valid": status == "authorized",
            "history": [{"status": step, "since": since} for step, since in steps],
            "register_date": "2026-05-30",
        }
        for id_, (status, steps) in HISTORIES.items()
    }


def test_a_company_by_its_uei(feed):
    evidence = CONNECTOR.parse(about(CHARGIE), capture(feed))
    assert evidence.presence is Presence.FOUND
    [offering] = evidence.record["offerings"]
    assert (offering["id"], offering["valid"]) == ("FR2328145448", True)
    assert evidence.record["register_date"] == "2025-01-30"


def test_a_row_that_only_bears_the_name_is_for_a_person(feed):
    evidence = CONNECTOR.parse(about("SANDNXBXDY11", "automattic,  INC."), capture(feed))
    assert evidence.presence is Presence.ABSENT
    assert evidence.record["same_name"] == ["FR1923743650"]
    assert evidence.record["offerings"] == []
    nameless = CONNECTOR.parse(about("SANDNXBXDY11", ""), capture(feed))
    assert nameless.record["same_name"] == []


@pytest.mark.parametrize("malformed", ["N8MAWLN45HN5SAM", "", None, "0SDFW8DZAP24", "NSDFW8DZAPO4"])
def test_a_malformed_uei_is_nobodys(feed, malformed):
    feed["data"]["Products"][0]["uei"] = malformed
    assert "uei" not in CONNECTOR.evidence_in(capture(feed))[6].record


def row(feed, id_="FR2328145448"):
    return next(row for row in feed["data"]["Products"] if row["id"] == id_)


def test_spaces_and_letters_do_not_matter(feed):
    row(feed).update(
        id=" FR2328145448 ", uei=f" {CHARGIE.lower()} ", status="FEDRAMP  authorized ", csp=" Chargie, LLC"
    )
    [offering] = CONNECTOR.parse(about(CHARGIE), capture(feed)).record["offerings"]
    assert (offering["id"], offering["uei"]) == ("FR2328145448", CHARGIE)
    assert (offering["provider"], offering["status"]) == ("Chargie, LLC", "authorized")


def test_an_id_that_comes_twice(feed):
    again = copy.deepcopy(row(feed)) | {"id": " FR2328145448", "status": "fedramp authorized"}
    feed["data"]["Products"].append(again)
    [offering] = CONNECTOR.parse(about(CHARGIE), capture(feed)).record["offerings"]
    assert "contradictory" not in offering
    assert len(CONNECTOR.evidence_in(capture(feed))) == len(OFFERINGS)
    # The other row has lost its UEI and its authorization: neither row is believed.
    again |= {"status": "FedRAMP Ready", "uei": ""}
    [offering] = CONNECTOR.parse(about(CHARGIE), capture(feed)).record["offerings"]
    assert (offering["contradictory"], offering["valid"]) == (True, False)


@pytest.mark.parametrize("word", ["Not Active", "not  active", "No FRR Date", "Not Authorized", "", None])
def test_a_date_may_be_a_word(feed, word):
    row(feed).update(auth_date=word, fedramp_auth=word)
    [offering] = CONNECTOR.parse(about(CHARGIE), capture(feed)).record["offerings"]
    assert "authorized_on" not in offering


@pytest.mark.parametrize(
    ("words", "status", "valid"),
    [
        ("FedRAMP Certified", "certified", True),
        ("FedRAMP Certified (In Remediation)", "in-remediation", False),
        ("Agency In Process", "agency-in-process", False),
        ("Delisted", "delisted", False),
    ],
)
def test_later_words(feed, words, status, valid):
    row(feed)["status"] = words
    [offering] = CONNECTOR.parse(about(CHARGIE), capture(feed)).record["offerings"]
    assert (offering["status"], offering["valid"]) == (status, valid)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "FedRAMP Splendid"),
        ("status", None),
        ("auth_date", "soon"),
        ("auth_date", "2024-13-01T20:00:00.000Z"),
        ("auth_date", 1706040000),
        ("cso", " "),
        ("service_model", "SaaS"),
    ],
)
def test_a_row_out_of_its_shape_matters_to_its_company_alone(feed, column, value):
    row(feed)[column] = value
    with pytest.raises(SourceChanged):
        CONNECTOR.parse(about(CHARGIE), capture(feed))
    assert CONNECTOR.parse(about("W9X4EWLUBAW1"), capture(feed)).presence is Presence.FOUND


@pytest.mark.parametrize("change", [{"meta": {}}, {"data": {"Products": []}}, {"data": {}}])
def test_a_feed_out_of_its_shape(feed, change):
    with pytest.raises(SourceChanged):
        CONNECTOR.parse(about(CHARGIE), capture(feed | change))


def test_the_changelog_since_june_2026():
    def change(to: str, on: str, recorded: str, **more: str) -> dict[str, str]:
        return {"product_id": "FR1", "from_status": "", "to_status": to, "transition_date": on,
                "recorded_date": recorded, **more}  # fmt: skip

    entries = [
        # Recorded anew every night: what counts is the day of the transition.
        change("FedRAMP Certified", "2025-03-01T00:00:00Z", "2026-11-05T07:00:00Z", cert_class="Class C"),
        change("Delisted", "2026-07-01T00:00:00Z", "2026-07-02T07:00:00Z", cert_class="Class C"),
        change("FedRAMP In Process", "2024-03-01", "2026-11-06T07:00:00Z"),
        change("FedRAMP In Process", "2024-04-01", "2026-11-06T07:00:00Z"),
        change("", "2026-08-01", "2026-11-06T07:00:00Z"),
        change("FedRAMP Ready", "Not Active", "2026-11-06T07:00:00Z"),
        {"product_id": " FR0", "to_status": "FedRAMP Certified", "transition_date": "2026-06-30",
         "cert_type": "20x", "cert_path": "Program", "cert_class": "Class B"},
    ]  # fmt: skip
    log = {
        "metadata": {"export_timestamp": "2026-11-06T07:30:00.000Z"},
        "data": {"certprocessstatuschangelog": entries},
    }
    assert [one.record for one in CONNECTOR.evidence_in(capture(log))] == [
        {
            "id": "FR0",
            "status": "certified",
            "valid": True,
            "history": [{"status": "certified", "since": "2026-06-30"}],
            "type": "20x",
            "path": "Program",
            "class": "Class B",
            "register_date": "2026-11-06",
        },
        {
            "id": "FR1",
            "status": "delisted",
            "valid": False,
            "history": [
                {"status": "in-process", "since": "2024-03-01"},
                {"status": "certified", "since": "2025-03-01"},
                {"status": "delisted", "since": "2026-07-01"},
            ],
            "class": "Class C",
            "register_date": "2026-11-06",
        },
    ]


def test_the_whole_feed_is_asked_for_and_may_be_large(registry, message):
    body = b"{" + b" " * 5_000_000 + b"}"
    server = registry(message(body, media_type="text/plain; charset=utf-8"))
    for settings in ({}, {"timeout": "50"}):
        connector = fedramp.connector({"base_url": server.url, **settings})
        assert connector.fetch(about(CHARGIE)).body == body
        assert connector.fetch_changelog().body == body
        connector.close()
    assert [request.split()[1] for request in server.requests] == [
        b"/base/data.json", b"/base/fedramp-status-changelog.json",
    ] * 2  # fmt: skip


def test_whom_it_asks_about():
    vendor = {"name": "Example", "identifiers": [{"scheme": "US-UEI", "id": CHARGIE}]}
    assert list(CONNECTOR.inquiries({"vendor": vendor})) == [about(CHARGIE)]
    vendor["identifiers"][0]["id"] = "NSDFW8DZAPO4"
    assert list(CONNECTOR.inquiries({"vendor": vendor})) == []
