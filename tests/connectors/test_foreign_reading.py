"""Whatever a foreign source writes, reading it gives evidence or a documented error, and nothing personal."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import brreg, companies_house, entreprises, fedramp, gleif, vies, yente
from pipeline.errors import SourceChanged, SourceError
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
SETTINGS = {"api_key": "K9secret", "base_url": "https://source.example", "legal_basis": "tests"}
CONNECTORS = {
    module.SOURCE: module.connector(SETTINGS)
    for module in (brreg, companies_house, entreprises, fedramp, gleif, vies, yente)
}
SUBJECTS = {
    "no.brreg": ("NO-BRC", "923609016"),
    "gb.companies-house": ("GB-COH", "00445790"),
    "fr.entreprises": ("FR-INSEE", "418166096"),
    "us.fedramp": ("US-UEI", "NSDFW8DZAP24"),
    "int.gleif": ("XI-LEI", "5299001ERX0K10IZUL40"),
    "eu.vies": ("XI-VAT", "BE0244142664"),
    "screening.yente": ("XI-LEI", "5299001ERX0K10IZUL40"),
}
FOLDERS = {
    "no.brreg": "brreg",
    "gb.companies-house": "companies-house",
    "fr.entreprises": "recherche-entreprises",
    "us.fedramp": "fedramp",
    "int.gleif": "gleif",
    "eu.vies": "vies",
    "screening.yente": "yente",
}
ERRORS = {
    "companies-house/error_401.json": "refused",
    "recherche-entreprises/open-api.yml": "source_changed",
    "vies/checkVatService.wsdl": "source_changed",
    "vies/error_MS_MAX_CONCURRENT_REQ.json": "rate_limited",
    "vies/error_MS_UNAVAILABLE.json": "server_error",
}
"""The samples that are no answers, each with the reason of its error."""

NOTHING = {
    "brreg/enheter_search_empty.json",
    "companies-house/error_404.json",
    "companies-house/search_companies_empty.json",
    "gleif/lei_records_empty_result.json",
    "recherche-entreprises/search_empty.json",
}
"""The samples that say that there is nothing."""


def capture(source: str, body: bytes, status: int = 200) -> Capture:
    return Capture(source, "https://source.example/", AT, status, "application/json", body)


def about(source: str) -> Inquiry:
    return Inquiry(source, "vendor", OrganisationId(*SUBJECTS[source]), "Example")


@pytest.fixture(scope="session")
def samples(reference):
    return reference / "registries-intl/samples"


def test_every_sample_is_read_or_refused_by_name(samples):
    seen = 0
    for source, folder in FOLDERS.items():
        for path in sorted((samples / folder).iterdir()):
            name = f"{folder}/{path.name}"
            taken = capture(source, path.read_bytes())
            if name in ERRORS:
                with pytest.raises(SourceError) as caught:
                    CONNECTORS[source].evidence_in(taken)
                assert caught.value.reason == ERRORS[name], name
            else:
                evidence = CONNECTORS[source].evidence_in(taken)
                assert (not evidence) is (name in NOTHING), name
                assert all(one.source == source and one.capture == taken.sha256 for one in evidence)
                json.dumps([one.as_json() for one in evidence])
            seen += 1
    assert seen == sum(1 for path in samples.rglob("*") if path.is_file()) - 1  # the manifest


def survives(source: str, body: bytes) -> None:
    connector = CONNECTORS[source]
    taken = capture(source, body)
    for read in (
        lambda: [connector.parse(about(source), taken)],
        lambda: connector.evidence_in(taken),
    ):
        with contextlib.suppress(SourceError):
            json.dumps([one.as_json() for one in read()], allow_nan=False)


HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"<html>",
    b"\xef\xbb\xbf{}",
    b'{"data": NaN}',
    b'{"data": "\\ud800"}',
    b'{"data": "\\u0000"}',
    b'{"a": 1, "a": 2}',
    b"[" * 100_000,
    b'{"responses":' * 5000,
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>',
]


@pytest.mark.parametrize("source", CONNECTORS)
@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:12]))
def test_what_is_no_answer_is_a_changed_source(source, body):
    with pytest.raises(SourceChanged) as caught:
        CONNECTORS[source].parse(about(source), capture(source, body))
    assert caught.value.sha256 == capture(source, body).sha256
    survives(source, body)


@pytest.mark.parametrize("source", CONNECTORS)
@given(body=st.binary() | st.text().map(str.encode))
@settings(max_examples=40)
def test_arbitrary_bytes(source, body):
    survives(source, body)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("2026-02-30"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


MATCHES = {
    "responses": {
        "k": {
            "status": 200,
            "results": [
                {
                    "id": "Q1",
                    "caption": "A",
                    "schema": "Company",
                    "properties": {"topics": ["debarment"], "country": ["zz"]},
                    "datasets": ["a"],
                    "score": 0.8,
                    "match": True,
                    "explanations": {"name": {"score": 0.8, "detail": None}},
                    "last_change": None,
                }
            ],
            "total": {"value": 1, "relation": "eq"},
        }
    },
    "limit": 5,
}


@pytest.fixture(scope="session")
def documents(samples):
    """The samples as JSON, by source; for yente an answer in the shape of its data classes."""
    found = {"screening.yente": [MATCHES]}
    for source, folder in FOLDERS.items():
        if source != "screening.yente":
            paths = [
                path for path in sorted((samples / folder).glob("*.json")) if path.stat().st_size < 45_000
            ]
            found[source] = [json.loads(path.read_bytes()) for path in paths]
    return found


@pytest.mark.parametrize("source", CONNECTORS)
@given(data=st.data())
@settings(max_examples=60)
def test_arbitrary_values_in_place_of_genuine_ones(source, documents, data):
    document = json.loads(json.dumps(data.draw(st.sampled_from(documents[source]))))
    for _ in range(data.draw(st.integers(1, 3))):
        place = document
        while True:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(keys))
            inner = place[key]
            if not isinstance(inner, (dict, list)) or not inner or data.draw(st.integers(0, 4)) == 0:
                break
            place = inner
        if isinstance(place, dict) and data.draw(st.booleans()):
            del place[key]
        else:
            place[key] = data.draw(anything)
        if not document:
            break
    survives(source, json.dumps(document).encode())
