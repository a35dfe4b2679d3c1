"""Screening: several subjects in a request, candidates with their parts, and no names of people."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors import installed, yente
from pipeline.errors import ConfigurationError, SourceChanged
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry, Presence
from pipeline.ports import BatchConnector

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
CONNECTOR = yente.connector({"base_url": "https://screening.example"})


def capture(body: object) -> Capture:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Capture("screening.yente", "https://screening.example/", AT, 200, "application/json", raw)


def about(number: str = "5299001ERX0K10IZUL40", name: str = "Example AG", scheme: str = "XI-LEI") -> Inquiry:
    return Inquiry("screening.yente", "vendor", OrganisationId(scheme, number), name)


ENTITIES = [
    {
        "id": "NK-56Edov9bas9puzaChH5pBy",
        "name": 'ОБЩЕСТВО С ОГРАНИЧЕННОЙ ОТВЕТСТВЕННОСТЬЮ "ИЖТЕЛЕКОМ"',
        "schema": "Company",
        "topics": [],
        "datasets": ["ext_ru_egrul"],
        "countries": ["ru"],
        "last_change": "2026-01-09T03:48:50",
    },
    {
        "id": "NK-DSxJ9ZzHxBBMyEMnnTBhai",
        "name": 'Акціонерне товариство "ТрансКомплектХолдинг"',
        "schema": "Company",
        "topics": ["sanction"],
        "datasets": ["ext_ru_egrul", "ua_nsdc_sanctions"],
        "programs": ["UA-SA1644"],
        "countries": ["ru"],
        "last_change": "2026-01-09T03:48:50",
    },
    {
        "id": "NK-SiYwWfxwLVrVeFswsvAvsm",
        "name": 'НЕКОММЕРЧЕСКОЕ ПАРТНЕРСТВО "АССОЦИАЦИЯ БЕСПИЛОТНЫХ СИСТЕМ"',
        "schema": "Company",
        "topics": ["sanction.linked"],
        "datasets": ["ann_graph_topics", "ext_ru_egrul"],
        "countries": ["ru"],
        "last_change": "2026-01-09T03:48:50",
    },
    {
        "id": "NK-cWSvGMvufNH5KwEV88FwTA",
        "name": "Limited Liability Company Unmanned Systems",
        "schema": "Company",
        "topics": ["debarment", "export.control", "poi", "sanction"],
        "countries": ["ru"],
        "programs": ["EU-UKR", "SECO-UKRAINE", "UA-SA1644", "UA-WS-UAVS", "US-BIS-EL", "US-RUSHAR"],
        "numbers": ["1121831007759"],
        "last_change": "2026-04-24T10:57:01",
    },
    {
        "id": "NK-nR5AXM9AVPq4pQaSPSaVam",
        "name": "JSC Kalashnikov Concern",
        "schema": "Company",
        "topics": ["corp.disqual", "debarment", "export.control", "poi", "sanction"],
        "countries": ["ru"],
        "numbers": ["1111832003018", "1832090230"],
        "last_change": "2026-04-29T07:55:02",
    },
]


def test_genuine_entities(reference):
    path = reference / "registries-intl/samples/yente/companies_and_sanctions_part_a.ftm.jsonl"
    evidence = CONNECTOR.evidence_in(capture(path.read_bytes()))
    assert [one.subject.id for one in evidence] == [entity["id"] for entity in ENTITIES]
    for one, entity in zip(evidence, ENTITIES, strict=True):
        assert {key: one.record.get(key) for key in entity} == entity
    assert evidence[4].record["datasets"][:3] == [
        "au_dfat_sanctions",
        "be_fod_sanctions",
        "ca_dfatd_sema_sanctions",
    ]
    assert "jp_mof_sanctions" in evidence[4].record["datasets"]
    assert {"US-BIS-EL", "GB-RUS", "AU-RUSSIA"} <= set(evidence[4].record["programs"])


def result(id_: str, score: float, **more: object) -> dict[str, object]:
    return {
        "id": id_,
        "caption": "Beispiel AG",
        "schema": "Company",
        "properties": {"name": ["Beispiel AG"], "topics": ["debarment"], "country": ["zz"], "leiCode": ["X"]},
        "datasets": ["worldbank_debarred"],
        "referents": [],
        "target": True,
        "score": score,
        "match": score >= 0.7,
        "explanations": {"name_match": {"score": score, "detail": "[Beispiel]", "query": "a"}},
        **more,
    }


@pytest.fixture
def asked(registry, message):
    """``asked(inquiries, results, …)``: the question as it was sent, and the capture of the answer."""

    def ask(inquiries, *results):
        server = registry(message(b"{}", media_type="application/json"))
        connector = yente.connector({"base_url": server.url, "api_key": "K9secret", "dataset": "sanctions"})
        connector.fetch_many(inquiries)
        connector.close()
        question = json.loads(server.bodies[0])["queries"]
        responses = {
            key: {
                "status": 200,
                "results": list(found),
                "total": {"value": 9, "relation": "eq"},
                "query": query,
            }
            for (key, query), found in zip(question.items(), results, strict=True)
        }
        return server.requests[0], question, capture({"responses": responses, "limit": 5})

    return ask


def test_several_subjects_in_one_question(asked):
    one, other, again = about(), about("SC990028", "Other Ltd", "GB-COH"), about()
    request, question, answer = asked([one, other, again], [result("a", 0.9)], [])
    assert request.startswith(
        b"POST /base/match/sanctions?limit=5&threshold=0.7&topics=sanction&topics=sanction.linked"
        b"&topics=debarment&topics=export.control&topics=corp.disqual HTTP/1.1\r\n"
    )
    assert b"\r\nAuthorization: ApiKey K9secret" in request
    assert list(question.values()) == [
        {"schema": "Company", "properties": {"name": ["Example AG"], "leiCode": ["5299001ERX0K10IZUL40"]}},
        {
            "schema": "Company",
            "properties": {"name": ["Other Ltd"], "registrationNumber": ["SC990028"], "jurisdiction": ["gb"]},
        },
    ]
    assert CONNECTOR.parse(one, answer).presence is Presence.FOUND
    assert CONNECTOR.parse(other, answer).presence is Presence.ABSENT
    with pytest.raises(SourceChanged, match="none to this question"):
        CONNECTOR.parse(about(name="Somebody Else AG"), answer)
    assert isinstance(CONNECTOR, BatchConnector)
    assert CONNECTOR.batch_size == 100


def test_candidates_come_with_the_parts_of_their_score(asked):
    older = result("b", 0.5, last_change="2026-01-09T03:48:50")
    older["features"] = {"name_literal_match": 0.5, "country_mismatch": -0.2}
    del older["explanations"]
    _, _, answer = asked([about()], [result("a", 0.9), older])
    assert CONNECTOR.parse(about(), answer).record == {
        "threshold": 0.7,
        "candidates": [
            {
                "id": "a",
                "name": "Beispiel AG",
                "schema": "Company",
                "score": 0.9,
                "match": True,
                "parts": {"name_match": 0.9},
                "topics": ["debarment"],
                "datasets": ["worldbank_debarred"],
                "countries": ["zz"],
                "numbers": ["X"],
            },
            {
                "id": "b",
                "name": "Beispiel AG",
                "schema": "Company",
                "score": 0.5,
                "match": False,
                "parts": {"name_literal_match": 0.5, "country_mismatch": -0.2},
                "topics": ["debarment"],
                "datasets": ["worldbank_debarred"],
                "countries": ["zz"],
                "numbers": ["X"],
                "last_change": "2026-01-09T03:48:50",
            },
        ],
    }


def test_below_the_threshold_nobody_is_found(asked):
    _, _, answer = asked([about()], [result("a", 0.69)])
    evidence = CONNECTOR.parse(about(), answer)
    assert evidence.presence is Presence.ABSENT
    assert [candidate["id"] for candidate in evidence.record["candidates"]] == ["a"]


def test_the_name_of_a_person_stays_out(asked):
    person = result("a", 0.9, schema="Person", caption="Erika Mustermann")
    person["properties"]["name"] = ["Erika Mustermann"]
    _, _, answer = asked([about()], [person])
    [candidate] = CONNECTOR.parse(about(), answer).record["candidates"]
    assert "Mustermann" not in str(candidate)
    assert (candidate["id"], candidate["match"]) == ("a", True)


@pytest.mark.parametrize(
    "results",
    [
        [result("a", 1.5)],
        [result("a", 0.5), result("b", 0.6)],
        [result("a", 0.9, match="yes")],
        [result("a", 0.9, explanations={"name": 0.9})],
        [result("a", 0.9, properties=[])],
        [result("a", 0.9, caption="")],
        [result("", 0.9)],
    ],
)
def test_an_answer_out_of_its_shape(asked, results):
    _, _, answer = asked([about()], results)
    with pytest.raises(SourceChanged):
        CONNECTOR.parse(about(), answer)


def test_settings():
    with pytest.raises(ConfigurationError, match="base_url is not set"):
        installed.connect({"screening.yente": {}})
    for wrong in ({"threshold": "0"}, {"threshold": "high"}, {"threshold": "nan"}, {"network": "moon"}):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            installed.connect({"screening.yente": {"base_url": "https://screening.example", **wrong}})
    own = {"base_url": "http://yente:8000", "network": "private", "threshold": "0.8"}
    [connector] = installed.connect({"screening.yente": own})
    connector.close()
    with pytest.raises(ConfigurationError, match="base_url"):
        installed.connect({"screening.yente": {"base_url": "http://yente:8000"}})


def test_whom_it_asks_about():
    party = {"name": "Example AG", "identifiers": [{"scheme": "XI-LEI", "id": "5299001ERX0K10IZUL40"}]}
    assert list(CONNECTOR.inquiries({"vendor": party, "maker": {"name": "Nameless"}})) == [about()]
