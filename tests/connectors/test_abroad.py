"""The foreign sources against the sandbox's registers, over real sockets: what vendors abroad would meet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from connectors import brreg, companies_house, entreprises, fedramp, vies, yente
from connectors.sandbox.server import serving
from connectors.sandbox.world import load
from pipeline.errors import SourceError, SourceUnavailable
from pipeline.identifiers import OrganisationId
from pipeline.model import Evidence, Inquiry, Presence
from pipeline.ports import Connector

WORLD = load()
MODULES = {module.SOURCE: module for module in (brreg, companies_house, entreprises, fedramp, vies, yente)}


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with serving(WORLD) as root:
        yield root


@pytest.fixture(scope="module")
def connectors(root: str) -> Iterator[dict[str, Connector]]:
    bases = {
        "no.brreg": "brreg/enhetsregisteret/api",
        "gb.companies-house": "companies-house",
        "fr.entreprises": "recherche-entreprises",
        "us.fedramp": "fedramp",
        "eu.vies": "vies/rest-api",
        "screening.yente": "yente",
    }
    made = {
        source: module.connector(
            {"base_url": f"{root}/{bases[source]}", "api_key": "K9secret", "legal_basis": "tests"}
        )
        for source, module in MODULES.items()
    }
    yield made
    for connector in made.values():
        connector.close()


def inquiry(source: str, key: str, scheme: str) -> Inquiry:
    company = WORLD.company(key)
    return Inquiry(source, "vendor", OrganisationId(scheme, company.identifiers[scheme]), company.name)


def ask(connectors, source: str, key: str, scheme: str) -> Evidence:
    question = inquiry(source, key, scheme)
    return connectors[source].parse(question, connectors[source].fetch(question))


@pytest.mark.parametrize(
    ("source", "key", "scheme", "record"),
    [
        (
            "gb.companies-house",
            "thistledown",
            "GB-COH",
            {"number": "SC990028", "name": "THISTLEDOWN SOFTWARE LTD", "country": "GB", "closed": False,
             "jurisdiction": "scotland", "founded_on": "2011-03-04", "warnings": []},
        ),
        (
            "no.brreg",
            "nordlys",
            "NO-BRC",
            {"number": "999002900", "name": "NORDLYS SAMTALE AS", "country": "NO", "closed": False},
        ),
        (
            "no.brreg",
            "fjellrev",
            "NO-BRC",
            {"name": "FJELLREV PROGRAMVARE AS", "closed": True, "closed_on": "2026-08-19"},
        ),
        (
            "fr.entreprises",
            "bacasable",
            "FR-INSEE",
            {"number": "999003502", "name": "BAC À SABLE ANALYSE SAS", "country": "FR", "closed": False,
             "vat_numbers": ["FR63999003502"]},
        ),
        (
            "eu.vies",
            "comeragh",
            "XI-VAT",
            {"number": "IE9900308B", "country": "IE", "valid": True, "name": "Comeragh Analytics Limited"},
        ),
        ("eu.vies", "sternwarte", "XI-VAT", {"number": "DE990000336", "country": "DE", "valid": True}),
    ],
)  # fmt: skip
def test_a_company_is_found(connectors, source, key, scheme, record):
    evidence = ask(connectors, source, key, scheme)
    assert evidence.presence is Presence.FOUND
    assert evidence.record.items() >= record.items()
    assert evidence.source == source


@pytest.mark.parametrize(
    ("source", "scheme", "number"),
    [
        ("gb.companies-house", "GB-COH", "99999999"),
        ("no.brreg", "NO-BRC", "999003613"),
        ("fr.entreprises", "FR-INSEE", "999003601"),
        ("eu.vies", "XI-VAT", "IE9900309D"),
        ("us.fedramp", "US-UEI", "SANDNXBXDY11"),
    ],
)
def test_a_company_that_is_nobody_is_absent(connectors, source, scheme, number):
    question = Inquiry(source, "vendor", OrganisationId(scheme, number), "Nobody")
    evidence = connectors[source].parse(question, connectors[source].fetch(question))
    assert evidence.presence is Presence.ABSENT
    assert "register_date" in evidence.record


def test_offerings_of_the_marketplace(connectors):
    [offering] = ask(connectors, "us.fedramp", "lanternfish", "US-UEI").record["offerings"]
    assert (offering["status"], offering["valid"], offering["authorized_on"]) == (
        "authorized", True, "2024-03-01",
    )  # fmt: skip
    assert "contradictory" not in offering  # it is there twice, in other letters
    [other] = ask(connectors, "us.fedramp", "redwood", "US-UEI").record["offerings"]
    assert (other["status"], other["valid"]) == ("in-process", False)


def test_several_subjects_are_screened_in_one_request(connectors, root):
    before = requests.get(f"{root}/_sandbox/requests", timeout=10).json()["screening.yente"]
    questions = [
        inquiry("screening.yente", key, scheme)
        for key, scheme in (("windmolen", "XI-LEI"), ("sternwarte", "XI-LEI"), ("homei", "JP-JCN"))
    ]
    capture = connectors["screening.yente"].fetch_many(questions)
    evidence = [connectors["screening.yente"].parse(question, capture) for question in questions]
    assert requests.get(f"{root}/_sandbox/requests", timeout=10).json()["screening.yente"] == before + 1
    assert [one.presence for one in evidence] == [Presence.FOUND, Presence.ABSENT, Presence.ABSENT]
    [candidate] = evidence[0].record["candidates"]
    assert candidate["name"] == "Windmolen Vergadering B.V."
    assert candidate["topics"] == ["debarment"]
    assert candidate["parts"] == {"name_literal_match": candidate["score"]}
    assert not evidence[2].record["candidates"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [("300", "server_error"), ("301", "server_error"), ("302", "timeout"), ("400", "refused"),
     ("401", "refused"), ("202", "refused"), ("500", "rate_limited"), ("501", "rate_limited"),
     ("600", "rate_limited"), ("601", "rate_limited")],
)  # fmt: skip
def test_the_test_numbers_of_vies_that_are_no_verdict(connectors, number, reason):
    with pytest.raises(SourceUnavailable) as caught:
        connectors["eu.vies"].fetch(Inquiry("eu.vies", "vendor", OrganisationId("XI-VAT", f"DE{number}")))
    assert caught.value.reason == reason


@pytest.mark.parametrize(("number", "valid"), [("100", True), ("200", False), ("201", False)])
def test_the_test_numbers_of_vies_that_are_verdicts(connectors, number, valid):
    question = Inquiry("eu.vies", "vendor", OrganisationId("XI-VAT", f"DE{number}"))
    evidence = connectors["eu.vies"].parse(question, connectors["eu.vies"].fetch(question))
    assert evidence.record["valid"] is valid
    assert evidence.record.get("malformed", False) is (number == "201")
    assert evidence.presence is (Presence.FOUND if valid else Presence.ABSENT)


SUBJECTS = {
    "no.brreg": ("nordlys", "NO-BRC"),
    "gb.companies-house": ("thistledown", "GB-COH"),
    "fr.entreprises": ("bacasable", "FR-INSEE"),
    "us.fedramp": ("lanternfish", "US-UEI"),
    "eu.vies": ("comeragh", "XI-VAT"),
    "screening.yente": ("windmolen", "XI-LEI"),
}


@pytest.mark.parametrize("source", SUBJECTS)
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("429", "rate_limited"),
        ("503", "server_error"),
        ("truncated", "truncated"),
        ("wrong_media_type", "wrong_media_type"),
        ("wrong_shape", "source_changed"),
        ("empty", "source_changed"),
    ],
)
def test_a_fault_of_a_source_is_no_evidence(connectors, root, source, kind, reason):
    requests.put(
        f"{root}/_sandbox/faults", json={"source": source, "kind": kind, "times": 1}, timeout=10
    ).raise_for_status()
    with pytest.raises(SourceError) as caught:
        ask(connectors, source, *SUBJECTS[source])
    assert caught.value.reason == reason
    assert "K9secret" not in str(caught.value)
    assert ask(connectors, source, *SUBJECTS[source]).presence is Presence.FOUND
