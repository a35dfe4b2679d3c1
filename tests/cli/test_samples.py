"""The sample applications: complete, valid, about the sandbox's companies, and decided as they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from importlib import resources
from typing import Any

import jsonschema_rs
import pytest

from cli.samples import Sample, period, samples
from connectors.reasons import Reason
from connectors.sandbox.world import Company, load
from pipeline.corporate_number import is_well_formed
from pipeline.lifecycle import State
from pipeline.model import Dossier, Verdict
from rules.policy import PackPolicy
from tests.offices import Office, office

SAMPLES = samples()
WORLD = load()
VERDICTS = {State.LISTED: Verdict.APPROVE, State.REJECTED: Verdict.REJECT, State.REFERRED: Verdict.REVIEW}

each = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


def of_rule(rule: str) -> list[Sample]:
    return [sample for sample in SAMPLES if sample.rule == rule]


def identifiers(party: dict[str, Any]) -> dict[str, str]:
    return {identifier["scheme"]: identifier["id"] for identifier in party["identifiers"]}


def company(party: dict[str, Any]) -> Company | None:
    """The company of the world that a vendor or maker gives the number of."""
    found = {WORLD.find(scheme, number) for scheme, number in identifiers(party).items()}
    assert len(found) == 1, "the identifiers are of several companies"
    return found.pop()


def test_the_files_and_the_expectations_are_the_same_ones() -> None:
    files = {file.name for file in resources.files("cli.samples").iterdir() if file.name.endswith(".json")}
    assert files == {f"{sample.name}.json" for sample in SAMPLES} | {"expected.json"}
    assert len({sample.name for sample in SAMPLES}) == len(SAMPLES) >= 26


def test_they_cover_every_category_outcome_and_rule() -> None:
    schema = json.loads(resources.files("pipeline.schemas").joinpath("application-1.json").read_bytes())
    categories = schema["$defs"]["product"]["properties"]["category"]["enum"]
    assert {sample.document["product"]["category"] for sample in SAMPLES} == set(categories)
    assert {sample.rule for sample in SAMPLES} == {
        "", "REG-01", "REG-02", "REG-04", "REG-05", "EXC-03", "EXC-05",
        "SEC-00", "SEC-01", "SEC-02", "RES-01", "RES-02",
    }  # fmt: skip
    assert sum(sample.outcome is State.LISTED for sample in SAMPLES) >= 14
    assert {sample.outcome for sample in SAMPLES} == set(VERDICTS)


@each
def test_it_is_valid(sample: Sample) -> None:
    schema = json.loads(resources.files("pipeline.schemas").joinpath("application-1.json").read_bytes())
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    assert [error.message for error in validator.iter_errors(sample.document)] == []


@each
def test_it_says_everything_in_both_languages(sample: Sample) -> None:
    product = sample.document["product"]
    for text in (product["name"], product["summary"], sample.note.as_json()):
        assert set(text) == {"ja", "en"}
        assert any("\u3040" <= sign <= "\u9fff" for sign in text["ja"])
        assert text["en"].isascii()
    assert (sample.rule == "") == (sample.outcome is State.LISTED)


@each
def test_nobody_in_it_can_be_reached(sample: Sample) -> None:
    """Addresses are of domains that RFC 2606 and the registry of .jp keep for examples."""
    contact, product = sample.document["contact"], sample.document["product"]
    assert contact["email"].rpartition("@")[2] in {"example.jp", "example.com"}
    assert product["url"].split("/")[2] in {"example.jp", "example.com"}


@each
def test_its_numbers_are_right_and_of_the_sandboxs_companies(sample: Sample) -> None:
    vendor = sample.document["vendor"]
    number = identifiers(vendor).get("JP-JCN")
    assert number is None or is_well_formed(number) == (sample.name != "michishirube-plan")
    assert (company(vendor) is None) == (sample.name in {"michishirube-plan", "madara-ci"})
    if "maker" in sample.document:
        maker = company(sample.document["maker"])
        assert maker is not None
        assert maker.name == sample.document["maker"]["name"]


def test_no_two_offer_the_same_product() -> None:
    names = [
        (str(identifiers(sample.document["vendor"])), sample.document["product"]["code"])
        for sample in SAMPLES
    ]
    assert len(set(names)) == len(names)


def test_certificates_of_those_listed_are_valid_on_every_day_that_the_expectations_name() -> None:
    first, last = period()
    assert first < last
    for sample in SAMPLES:
        if sample.outcome is State.LISTED and sample.document["use"]["confidentiality"] == 2:
            assert any(
                certificate["valid_from"] <= first.isoformat() and last.isoformat() <= certificate["valid_to"]
                for certificate in sample.document["certifications"]
                if certificate["type"] == "ISO27001"
            ), sample.name


def test_every_fault_of_the_world_is_shown_by_a_sample() -> None:
    asked = {number for sample in SAMPLES for number in identifiers(sample.document["vendor"]).values()}
    assert {fault.subject for fault in WORLD.faults} <= asked


def test_what_they_are_rejected_for_by_the_register() -> None:
    shown = {sample.name: company(sample.document["vendor"]) for sample in of_rule("REG-01")}
    closed = {name for name, one in shown.items() if one is not None and one.closure is not None}
    unknown = {name for name, one in shown.items() if one is None}
    assert closed == {"suzume-books", "windmolen-meet"}
    assert unknown == {"michishirube-plan", "madara-ci"}
    assert set(shown) - closed - unknown == {"shijima-talk"}


def test_what_they_are_rejected_for_by_their_certificate() -> None:
    first, _ = period()
    for sample in of_rule("SEC-02"):
        certificates = sample.document.get("certifications")
        if sample.outcome is State.REFERRED:
            assert certificates is None or "isms_in_progress" in sample.document
        else:
            (certificate,) = certificates
            assert (
                date.fromisoformat(certificate["valid_to"]) < first
                or certificate["edition"] == "2013"
                or not certificate["accredited"]
            )


def test_what_they_are_referred_for_by_place_and_law() -> None:
    for sample in of_rule("RES-01"):
        assert {place for row in sample.document["data"] for place in row["at_rest"]} != {"JP"}
    for sample in of_rule("RES-02"):
        assert {place for row in sample.document["data"] for place in row["at_rest"]} == {"JP"}
        assert sample.document["contract"]["governing_law"] != "JP"


@pytest.fixture(scope="module")
def at() -> Iterator[Office]:
    with office() as opened:
        yield opened


def patiently(at: Office, sample: Sample, as_of: datetime) -> Dossier:
    """The dossier when a source that fails is asked up to three times, as the ledger does."""
    for _ in range(3):
        dossier = at.dossier(sample.document, as_of)
        if not dossier.gaps or dossier.gaps[0].reason == Reason.TIMEOUT:
            break
    return dossier


@each
def test_it_is_decided_as_it_says(sample: Sample, at: Office) -> None:
    policy = PackPolicy.load()
    for day in period():
        judgement = policy.judge(patiently(at, sample, datetime.combine(day, time(12), UTC)))
        assert judgement.verdict == VERDICTS[sample.outcome]
        deciding = [
            result["rule"]
            for result in judgement.outcome["results"]
            if sample.rule and result["effect"] == judgement.verdict
        ]
        assert (deciding or [""])[0] == sample.rule
