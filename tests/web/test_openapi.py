"""The description of the API says what the routes do; schemas, probes and the plain page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pipeline import schemas
from pipeline.lifecycle import State
from pipeline.model import Verdict
from pipeline.problems import CATALOGUE
from web import openapi

Door = Any

UNDESCRIBED = {"/docs", "/openapi.json"}


def validator(name: str) -> Draft202012Validator:
    """A component's schema, with the whole description to look references up in."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", **openapi.document()})


def answer_schema(path: str, method: str, status: int) -> dict[str, Any]:
    [content] = openapi.document()["paths"][path][method]["responses"][str(status)]["content"].values()
    return {**content["schema"], "components": openapi.document()["components"]}


def test_every_route_is_described_and_nothing_else(door: Door) -> None:
    routes = {
        (route.path, method.lower())
        for route in door.app.routes
        for method in route.methods - {"HEAD"}
        if route.path not in UNDESCRIBED
    }
    described = {
        (path, method) for path, methods in openapi.document()["paths"].items() for method in methods
    }
    assert routes == described


def test_the_description_is_served(door: Door) -> None:
    answer = door.get("/openapi.json")
    assert answer.json() == openapi.document()
    assert answer.json()["openapi"].startswith("3.1")


def test_every_component_is_a_schema_whose_references_lead_somewhere() -> None:
    document = openapi.document()
    for name in document["components"]["schemas"]:
        Draft202012Validator.check_schema(document["components"]["schemas"][name])
    for reference in re.findall(r"'\$ref': '([^']*)'", str(document)):
        node = document
        assert reference.startswith("#/")
        for token in reference[2:].split("/"):
            node = node[token]


def test_every_problem_is_described_at_some_operation() -> None:
    described = str(openapi.document()["paths"])
    # These belong to no operation: no route, no such method, a fault.
    anywhere = {"request.method_not_allowed", "service.fault"}
    assert {code for code in CATALOGUE if f"`{code}`" not in described} == anywhere


def test_problem_texts_are_in_both_languages_and_their_codes_are_stable() -> None:
    japanese = re.compile(r"[぀-ヿ一-鿿]")
    for code, kind in CATALOGUE.items():
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", code)
        assert 400 <= kind.status < 600
        assert japanese.search(kind.text.ja)
        assert not japanese.search(kind.text.en + kind.title)


def test_the_submission_in_the_description_is_the_one_that_is_taken(door: Door) -> None:
    described = validator("Submission")
    good = {
        "type": "application.submitted",
        "timestamp": "2026-11-02T09:00:00Z",
        "data": door.application(),
    }
    described.validate(good)
    assert not described.is_valid({**good, "data": {**good["data"], "vendor": {}}})


@pytest.mark.parametrize("state", ["received", "referred", "listed"])
def test_real_answers_are_as_described(door: Door, state: str) -> None:
    accepted = door.submit(door.application("chat"))
    application_id = accepted.json()["id"]
    if state == "referred":
        door.move(application_id := door.accepted(), State.COLLECTING)
        door.record(application_id, jp_nta="answered", int_gleif="waiting timeout 60")
        door.move(application_id, State.ADJUDICATING)
        door.decide(application_id, Verdict.REVIEW, "X")
        door.move(application_id, State.REFERRED)
    elif state == "listed":
        listing = door.list(application_id := door.accepted())
        assert_described("/v1/listings/{id}", door.get(f"/v1/listings/{listing.listing_id}"))
    assert_described("/v1/applications", accepted, "post")
    assert_described("/v1/applications/{id}", door.status(application_id))
    assert_described("/v1/listings", door.get("/v1/listings"))
    assert_described("/v1/listings/changes", door.get("/v1/listings/changes"))


def test_real_problems_are_as_described(door: Door) -> None:
    assert_described("/v1/applications", door.post(b""), "post")
    assert_described("/v1/applications", door.submit({}), "post")
    assert_described("/v1/applications", door.submit({}, sender="nobody"), "post")
    assert_described("/v1/applications/{id}", door.get("/v1/applications/x"))
    assert_described("/v1/listings/{id}", door.get("/v1/listings/x"))
    assert_described("/v1/listings/changes", door.get("/v1/listings/changes?after=9"))


def assert_described(path: str, answer: Any, method: str = "get") -> None:
    Draft202012Validator(answer_schema(path, method, answer.status_code)).validate(answer.json())


@pytest.mark.parametrize(("name", "version"), [("application", 1), ("submission", 1), ("listing", 2)])
def test_a_schema_is_served_byte_for_byte(door: Door, name: str, version: int) -> None:
    newest, named = door.get(f"/v1/schemas/{name}"), door.get(f"/v1/schemas/{name}/{version}")
    schema = schemas.find(name)
    assert schema is not None
    assert schema.version == version
    assert newest.content == named.content == schema.body
    assert named.headers["content-type"] == "application/schema+json"
    assert named.headers["etag"] == newest.headers["etag"]
    again = door.get(f"/v1/schemas/{name}", if_none_match=named.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_an_older_version_of_a_schema_stays(door: Door) -> None:
    older = schemas.find("listing", 1)
    assert older is not None
    assert door.get("/v1/schemas/listing/1").content == older.body


def test_the_page_loads_nothing_from_anywhere(door: Door) -> None:
    answer = door.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert "//" not in answer.text
    assert "<script" not in answer.text
    assert "/v1/listings/changes" in answer.text
    assert "署名" in answer.text


def test_answers_are_not_to_be_guessed_at(door: Door) -> None:
    for path in ("/docs", "/v1/listings", "/v1/nowhere", "/v1/schemas/listing", "/livez"):
        assert door.get(path).headers["x-content-type-options"] == "nosniff"


def test_a_process_that_answers_is_alive_though_it_is_not_ready(door: Door) -> None:
    assert door.get("/readyz").json() == {"ok": True, "faults": []}
    door.faults.append("the database is not migrated")
    answer = door.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "faults": ["the database is not migrated"]}
    assert door.get("/livez").status_code == 200
