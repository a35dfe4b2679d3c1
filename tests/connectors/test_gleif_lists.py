"""What the LEI API answers with besides LEI records, against genuine answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors import gleif, schemas
from connectors.sandbox.registers.gleif import GleifRegister
from connectors.sandbox.world import load
from pipeline.errors import SourceChanged
from pipeline.model import Capture

AT = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
CONNECTOR = gleif.connector({})


def read(body: object) -> list[tuple[str, dict[str, object]]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    capture = Capture("int.gleif", "https://gleif.example/", AT, 200, "application/vnd.api+json", raw)
    return [(str(one.subject), dict(one.record)) for one in CONNECTOR.evidence_in(capture)]


@pytest.fixture(scope="session")
def samples(reference):
    return reference / "registries-intl/samples/gleif"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "registration_authority_RA000044.json",
            [
                (
                    "XI-RA:RA000044",
                    {
                        "code": "RA000044",
                        "name": "JUCEMA Board of Trade of State of Maranhao",
                        "local_name": "Junta Comercial do Maranhão (MA)",
                        "website": "http://www.jucema.ma.gov.br/home/",
                        "jurisdictions": ["Maranhão"],
                    },
                )
            ],
        ),
        (
            "entity_legal_form_10UR.json",
            [
                (
                    "XI-ELF:10UR",
                    {
                        "code": "10UR",
                        "names": [
                            {"name": "Syndicat coopératif", "language": "fr", "latin": "Syndicat coopératif"}
                        ],
                        "country": "CA",
                        "subdivision": "CA-QC",
                        "active": True,
                    },
                )
            ],
        ),
        (
            "direct_parent_reporting_exception_5299001ERX0K10IZUL40.json",
            [
                (
                    "XI-LEI:5299001ERX0K10IZUL40",
                    {"lei": "5299001ERX0K10IZUL40", "parent": "direct", "reason": "NO_KNOWN_PERSON"},
                )
            ],
        ),
        (
            "fuzzycompletions_facebook.json",
            [
                (f"XI-LEI:{lei}", {"lei": lei, "name": name})
                for lei, name in (
                    ("549300BACZP326UOBH06", "FACEBOOK OPERATIONS, LLC"),
                    ("335800CZZQAMN5PMNQ89", "FACEBOOK INDIA ONLINE SERVICES PRIVATE LIMITED"),
                    ("635400XSFNRXSVRFGR47", "FACEBOOK INTERNATIONAL TREASURY OPERATIONS LIMITED"),
                )
            ],
        ),
        ("lei_records_empty_result.json", []),
    ],
)
def test_genuine_answers(samples, name, expected):
    assert read((samples / name).read_bytes()) == expected


def test_registration_authorities(samples):
    authorities = dict(read((samples / "registration_authorities_page1.json").read_bytes()))
    assert list(authorities) == [f"XI-RA:RA{number:06d}" for number in range(1, 11)]
    assert authorities["XI-RA:RA000003"] == {
        "code": "RA000003",
        "name": "National Center of the Trade Register",
        "local_name": "Centre National du Registre du Commerce (CNRC)",
        "register": "Trade Register",
        "local_register": "Registre du Commerce",
        "website": "https://sidjilcom.cnrc.dz/web/cnrc/accueil",
        "jurisdictions": ["Algeria"],
    }
    assert authorities["XI-RA:RA000004"]["local_register"] == "Registre de Societats Mercantils"


def test_fields(samples):
    fields = dict(read((samples / "fields_filterable.json").read_bytes()))
    assert fields["XI-GLEIF-FIELD:LEIREC_ADDRESSES_CITY"] == {
        "field": "entity.addresses.city",
        "label": "City",
        "type": "STRING",
        "operators": ["MATCH", "NOT_MATCH"],
    }
    assert {field["field"] for field in fields.values()} >= {"lei", "entity.registeredAs", "entity.names"}


def test_records_are_read_as_records(samples):
    [(subject, record)] = read((samples / "lei_record_254900MSZM6DMP853B11.json").read_bytes())
    assert (subject, record["name"]) == ("XI-LEI:254900MSZM6DMP853B11", "ROCA NETWORKS INC.")


def test_records_obey_the_schema_as_last_understood(samples):
    world = load()
    register = GleifRegister(world, "http://127.0.0.1:1")
    answers = [path.read_bytes() for path in sorted(samples.glob("*.json"))]
    answers += [register.answer("lei-records", "page%5Bsize%5D=200").body]
    seen = 0
    for answer in answers:
        data = json.loads(answer)["data"]
        for resource in data if isinstance(data, list) else [data]:
            if resource["type"] == "lei-records":
                schemas.check("int.gleif", resource["attributes"], "lei-records")
                seen += 1
    assert seen > 29


LEI, PARENT = "5299001ERX0K10IZUL40", "21380068P1DRHMJ8KU70"


def resource(kind: str, attributes: object, **more: object) -> dict[str, object]:
    return {"data": {"type": kind, "id": "x", "attributes": attributes, **more}}


@pytest.mark.parametrize(
    ("document", "record"),
    [
        (
            resource(
                "relationship-records",
                {
                    "relationship": {
                        "startNode": {"id": LEI, "type": "LEI"},
                        "endNode": {"id": PARENT, "type": "LEI"},
                        "type": "IS_DIRECTLY_CONSOLIDATED_BY",
                        "status": "ACTIVE",
                    }
                },
            ),
            {"child": LEI, "parent": PARENT, "kind": "IS_DIRECTLY_CONSOLIDATED_BY", "active": True},
        ),
        (
            resource("autocompletions", {"value": "GLOBAL", "highlighting": "<b>GLOBAL</b>"}),
            {"name": "GLOBAL"},
        ),
        (resource("jurisdictions", {"code": "AF-BGL", "name": None}), {"code": "AF-BGL"}),
        (resource("countries", {"code": "JP", "name": "Japan"}), {"code": "JP", "name": "Japan"}),
        (resource("isins", {"lei": LEI, "isin": "US82266JMB88"}), {"lei": LEI, "isin": "US82266JMB88"}),
        (resource("lei-issuers", {"lei": LEI, "name": "An issuer"}), {"lei": LEI, "name": "An issuer"}),
    ],
)
def test_further_types(document, record):
    assert [one for _, one in read(document)] == [record]


@pytest.mark.parametrize(
    "document",
    [
        resource("field-modifications", {}),
        resource("reporting-exceptions", {"lei": LEI, "category": "DIRECT", "reason": "NO_LEI"}),
        resource("reporting-exceptions", {"lei": LEI}),
        resource("registration-authorities", {"code": "RA1", "jurisdictions": []}),
        resource("fuzzycompletions", {"value": "A"}, relationships={"lei-records": {"data": {"id": "A"}}}),
        resource("fuzzycompletions", {"value": "A"}, relationships=[]),
        resource("countries", []),
        {"data": [resource("countries", {"code": "JP"})["data"], 1]},
        {"data": None},
        {"errors": [{"title": "Not Found"}]},
    ],
)
def test_what_is_of_no_known_shape(document):
    with pytest.raises(SourceChanged):
        read(document)


def test_completions_are_asked_for(registry, message):
    server = registry(message(b"{}", media_type="application/vnd.api+json"))
    connector = gleif.connector({"base_url": server.url})
    connector.complete("A & B 株式会社")
    connector.close()
    assert server.requests[0].startswith(
        b"GET /base/fuzzycompletions?field=entity.legalName&q=A%20%26%20B%20%E6%A0%AA"
    )
