"""The sandbox's Japanese lists: in the shape of genuine answers, and true to what the samples declare."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors import gbizinfo, installed, invoice
from connectors.sandbox import registrations
from connectors.sandbox.registers import Request
from connectors.sandbox.registers.gbizinfo import TOKEN, GBizInfoRegister
from connectors.sandbox.registers.invoice import InvoiceRegister
from connectors.sandbox.registers.nta import APPLICATION_ID
from connectors.sandbox.server import Sandbox, serving
from connectors.sandbox.world import generate, load
from pipeline.model import Evidence, Inquiry, Presence

WORLD = load()
LISTS = registrations.of(WORLD)
SOURCES = (
    "jp.invoice", "jp.gbizinfo", "jp.ismap", "jp.isms", "jp.privacymark", "jp.suspension", "jp.startup",
)  # fmt: skip


def number(key: str) -> str:
    return WORLD.company(key).identifiers["JP-JCN"]


def samples() -> dict[str, dict[str, Any]]:
    files = resources.files("cli.samples").iterdir()
    return {
        file.name.removesuffix(".json"): json.loads(file.read_bytes())
        for file in files
        if file.name.endswith(".json") and file.name != "expected.json"
    }


SAMPLES = samples()


@pytest.fixture(scope="module")
def connectors() -> Iterator[dict[str, Any]]:
    """The connector of each source, asking one sandbox."""
    with serving(WORLD) as root:
        addresses = Sandbox(WORLD, root).addresses
        common = {"application_id": APPLICATION_ID, "token": TOKEN}
        chosen = {source: {"base_url": addresses[source], **common} for source in SOURCES}
        made = {connector.source: connector for connector in installed.connect(chosen)}
        yield made
        for connector in made.values():
            connector.close()


def ask(connectors: dict[str, Any], application: dict[str, Any]) -> dict[tuple[str, str], Evidence]:
    evidence = {}
    for connector in connectors.values():
        for inquiry in connector.inquiries(application):
            assert isinstance(inquiry, Inquiry)
            evidence[inquiry.key] = connector.parse(inquiry, connector.fetch(inquiry))
    return evidence


TRUE = sorted(SAMPLES.keys() - {"hoshizora-kanjo", "madara-ci", "michishirube-plan"})
"""Without those whose number is another's, nobody's, or mistyped."""


@pytest.mark.parametrize("name", TRUE)
def test_what_a_sample_declares_is_what_the_lists_say(connectors: dict[str, Any], name: str) -> None:
    application = SAMPLES[name]
    vendor = application["vendor"]
    evidence = ask(connectors, application)
    if "invoice_number" in vendor:
        record = evidence["jp.invoice", "vendor"].record
        assert record["number"] == vendor["invoice_number"]
        assert "revoked_on" not in record
        company = evidence["jp.gbizinfo", "vendor"]
        assert company.record.get("capital_jpy") == vendor.get("capital_jpy")
        assert company.record["employees"] == vendor["employees"]
        [qualification] = company.record["qualifications"]
        assert qualification["grade"] == application["qualification"]["grade"]
        stated = set(application["qualification"]["categories"])
        assert stated - set(qualification["kinds"]) == ({"goods_sale"} if name == "konpeki-ledger" else set())
    for certificate in application.get("certifications", ()):
        found = evidence.get(("jp.isms", certificate["type"].lower()))
        if found is not None:
            [listed] = found.record["certificates"]
            assert {
                key: listed[key] for key in ("number", "type", "body", "scope", "valid_from", "valid_to")
            } == {
                "number": certificate["number"],
                "type": certificate["type"],
                "body": certificate["certification_body"],
                "scope": certificate["scope"],
                "valid_from": certificate["valid_from"],
                "valid_to": certificate["valid_to"],
            }
            assert listed["standard"].endswith(f":{certificate['edition']}")
        assert (found is not None) == (certificate.get("accreditation_body") == "ISMS-AC")
        if certificate["type"] == "PRIVACYMARK":
            record = evidence["jp.privacymark", "vendor"].record
            assert (record["number"], record["valid_to"]) == (certificate["number"], certificate["valid_to"])
    claim = application["ismap"]
    if claim["list"] != "none":
        [listing] = evidence["jp.ismap", claim["list"]].record["listings"]
        assert (listing["number"], listing["valid_to"]) == (claim["number"], claim["valid_to"])
        assert listing["service"] == application["product"]["name"]["ja"]
    startup = evidence.get(("jp.startup", "j-startup"))
    assert (startup is not None) == bool(application.get("startup", {}).get("j_startup"))
    if startup is not None:
        assert [company["matched_by"] for company in startup.record["companies"]] == ["number"]
    suspended = evidence.get(("jp.suspension", "vendor"))
    if suspended is not None:
        ways = [one["matched_by"] for one in suspended.record["suspensions"]]
        assert ways == {"wakaba-estimate": ["name"], "kagerou-site": ["number"]}.get(name, [])


def test_a_false_claim_is_contradicted(connectors: dict[str, Any]) -> None:
    evidence = ask(connectors, SAMPLES["hoshizora-kanjo"])
    assert evidence["jp.invoice", "vendor"].record["name"] == "有限会社弓ヶ浜水産加工"
    assert evidence["jp.invoice", "vendor"].record["revoked_on"] == "2026-06-01"
    assert evidence["jp.isms", "iso27001"].presence is Presence.ABSENT
    nobody = ask(connectors, SAMPLES["madara-ci"])
    assert nobody["jp.gbizinfo", "vendor"].presence is Presence.ABSENT


def test_a_suspension_is_found_by_number(connectors: dict[str, Any]) -> None:
    identifiers = [{"scheme": "JP-JCN", "id": number("yumigahama")}]
    vendor = {"name": "（有）弓ヶ浜水産加工", "country": "JP", "identifiers": identifiers}
    connector = connectors["jp.suspension"]
    [inquiry] = connector.inquiries({"vendor": {**vendor, "name": "弓ヶ浜水産"}})
    [suspension] = connector.parse(inquiry, connector.fetch(inquiry)).record["suspensions"]
    assert suspension == {
        "name": "有限会社弓ヶ浜水産加工",
        "number": number("yumigahama"),
        "matched_by": "number",
        "address": "鳥取県鳥取市湖山町北９丁目９１８番地",
        "measured_on": "2026-08-03",
        "authority": "架空地方整備局",
        "measure": "指名停止6か月",
        "reason": "虚偽記載",
        "valid_from": "2026-08-03",
        "valid_to": "2027-01-31",
    }


def test_a_renewal_in_time_is_in_the_list(connectors: dict[str, Any]) -> None:
    claim = {"list": "ismap", "number": "C98-0100-5"}
    connector = connectors["jp.ismap"]
    [inquiry] = connector.inquiries({**SAMPLES["homei-rooms"], "ismap": claim})
    [listing] = connector.parse(inquiry, connector.fetch(inquiry)).record["listings"]
    assert (listing["valid_to"], listing["renewal_filed_on"]) == ("2026-09-30", "2026-08-14")
    assert listing["renewal_in_time"] is True
    [inquiry] = connector.inquiries(
        {**SAMPLES["homei-rooms"], "ismap": {"list": "ismap", "number": "C97-0001-1"}}
    )
    assert connector.parse(inquiry, connector.fetch(inquiry)).presence is Presence.ABSENT


def test_of_a_made_company_the_registers_know_the_basics() -> None:
    world = generate(8)
    made = world.companies[0].identifiers["JP-JCN"]
    lists = registrations.of(world)
    assert lists.businesses == {}
    request = Request("GET", made, "", {"x-hojininfo-api-token": TOKEN})
    [info] = json.loads(GBizInfoRegister(world, lists).answer_request(request).body)["hojin-infos"]
    assert info["name"] == world.companies[0].name
    reply = InvoiceRegister(world, lists).answer("num", f"id={APPLICATION_ID}&number=T{made}&type=21")
    assert json.loads(reply.body)["count"] == "1"


def test_an_announcement_has_the_members_of_a_genuine_one(reference: Path) -> None:
    sample = reference / "registries-jp/samples/invoice-kohyo/announcement_T6011001033049.json"
    [genuine] = json.loads(sample.read_bytes())
    [trader] = LISTS.sole_traders
    for one in (f"T{number('homei')}", f"T{number('suzume')}", f"T{number('yumigahama')}", trader):
        reply = InvoiceRegister(WORLD, LISTS).answer("num", f"id={APPLICATION_ID}&number={one}&type=21")
        [announcement] = json.loads(reply.body)["announcement"]
        assert list(announcement) == list(genuine) == list(invoice.FIELDS)
        assert all(isinstance(value, str) for value in announcement.values())


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        (f"number=T{number('homei')}&type=21", 404, ""),
        (f"id={APPLICATION_ID}&type=21", 400, "041"),
        (f"id={APPLICATION_ID}&number={number('homei')}&type=21", 400, "041"),
        (f"id={APPLICATION_ID}&number={','.join(f'T{n:013d}' for n in range(11))}&type=21", 400, "042"),
        (f"id={APPLICATION_ID}&number=T{number('homei')}&type=01", 400, "071"),
    ],
)
def test_what_the_invoice_register_refuses(query: str, status: int, code: str) -> None:
    reply = InvoiceRegister(WORLD, LISTS).answer("num", query)
    assert reply.status == status
    assert reply.body.decode().partition(",")[0] == code


def open_api(reference: Path, version: int) -> dict[str, Any]:
    folder = reference / "registries-jp/samples/gbizinfo"
    if version == 2:
        document: dict[str, Any] = json.loads((folder / "openapi_v2.json").read_bytes())
    else:
        document = yaml.safe_load((folder / "openapi_v1.yaml").read_bytes())
    schemas: dict[str, Any] = document["components"]["schemas"]
    return schemas


def assert_obeys(value: Any, schema: dict[str, Any], schemas: dict[str, Any], where: str) -> None:
    """Each member is one of the document, of its type or null, as the genuine answers have them."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if value is None:
        return
    kind = schema.get("type", "object")
    if kind == "object":
        assert isinstance(value, dict), where
        for member, inner in value.items():
            assert member in schema["properties"], f"{where}/{member}"
            assert_obeys(inner, schema["properties"][member], schemas, f"{where}/{member}")
    elif kind == "array":
        assert isinstance(value, list), where
        for item in value:
            assert_obeys(item, schema["items"], schemas, where)
    else:
        expected = {"string": str, "integer": int, "number": (int, float)}[kind]
        assert isinstance(value, expected), where


RESPONSES = {
    1: ("HojinInfoResponse", "HojinInfoResponse"),
    2: ("HojinInfoResponseV2", "HojinInfoResponseForChildV2"),
}
PARTS = (
    "",
    "/certification",
    "/commendation",
    "/finance",
    "/patent",
    "/procurement",
    "/subsidy",
    "/workplace",
)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("key", ["homei", "suzume", "yumigahama"])
def test_answers_obey_the_published_open_api(reference: Path, version: int, key: str) -> None:
    schemas = open_api(reference, version)
    register = GBizInfoRegister(WORLD, LISTS, version)
    for part in PARTS:
        request = Request("GET", f"{number(key)}{part}", "", {"x-hojininfo-api-token": TOKEN})
        reply = register.answer_request(request)
        assert (reply.status, reply.media_type) == (200, "application/json")
        schema = schemas[RESPONSES[version][bool(part)]]
        assert_obeys(json.loads(reply.body), schema, schemas, part)


def test_refusals_are_written_as_genuine_ones_are(reference: Path) -> None:
    folder = reference / "registries-jp/samples/gbizinfo"
    register = GBizInfoRegister(WORLD, LISTS)
    unknown = Request("GET", "7000012050002", "", {"x-hojininfo-api-token": TOKEN})
    assert register.answer_request(unknown).body == (folder / "v2_404_no_match.json").read_bytes().strip()
    assert (
        register.answer("7000012050002", "").body == (folder / "v2_401_bad_token.json").read_bytes().strip()
    )
    slash = Request("GET", f"{number('homei')}/", "", {"x-hojininfo-api-token": TOKEN})
    assert register.answer_request(slash).status == 500


@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_are_read(version: int) -> None:
    with serving(WORLD) as root:
        way = gbizinfo.GBizInfo(TOKEN, base_url=f"{root}/gbizinfo/v{version}/hojin")
        [inquiry] = way.inquiries(SAMPLES["sakyu-open-data"])
        record = way.parse(inquiry, way.fetch(inquiry)).record
        way.close()
    dates = {"approved_on": "2025-04-01", **({"valid_to": "2028-03-31"} if version == 1 else {})}
    assert record["qualifications"] == [{"kinds": ["goods_sale", "services"], "grade": "D", **dates}]
    assert record["closed"] is False
    assert record["founded_on"] == "2019-06-03"


def test_every_page_register_has_addresses_that_it_does_not_know() -> None:
    sandbox = Sandbox(WORLD, "http://127.0.0.1:1")
    for source in ("jp.ismap", "jp.privacymark", "jp.startup"):
        register = next(one for one in sandbox._registers.values() if one.source == source)
        assert register.answer("elsewhere", "").status == 404
