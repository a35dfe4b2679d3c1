"""The sandbox's LEI register says what genuine answers say, in the same members, order and signs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.registers import Reply
from connectors.sandbox.registers.gleif import MEDIA_TYPE, GleifRegister
from connectors.sandbox.world import generate, load

ROOT = "http://127.0.0.1:8700"
WORLD = load()
REGISTER = GleifRegister(WORLD, ROOT)
MANY = GleifRegister(generate(8 * 40), ROOT)  # forty with an LEI


def number(key: str) -> str:
    return WORLD.company(key).identifiers["XI-LEI"]


def record(key: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(REGISTER.answer(f"lei-records/{number(key)}", "").body)
    return value


def page(register: GleifRegister = REGISTER, **parameters: object) -> tuple[Reply, dict[str, Any]]:
    reply = register.answer("lei-records", urlencode(parameters))
    return reply, json.loads(reply.body)


def names(document: dict[str, Any]) -> list[str]:
    return [item["attributes"]["entity"]["legalName"]["name"] for item in document["data"]]


def assert_same_members(ours: Any, genuine: Any, where: str = "") -> None:
    """The same members in the same order. What may be null, or a list without items, fits anything."""
    if isinstance(ours, dict) and isinstance(genuine, dict):
        assert list(ours) == list(genuine), where
        for member, value in ours.items():
            assert_same_members(value, genuine[member], f"{where}/{member}")
    elif isinstance(ours, list) and isinstance(genuine, list):
        if ours and genuine:
            assert_same_members(ours[0], genuine[0], f"{where}/0")
    else:
        assert ours is None or genuine is None or type(ours) is type(genuine), where


def genuine_answer(reference: Path, name: str) -> Any:
    return json.loads((reference / "registries-intl/samples/gleif" / name).read_bytes())


@pytest.mark.parametrize("key", ["homei", "thistledown", "nordlys", "windmolen", "lanternfish"])
def test_a_record_has_the_members_of_a_genuine_one(reference: Path, key: str) -> None:
    assert_same_members(record(key), genuine_answer(reference, "lei_record_254900MSZM6DMP853B11.json"))


@pytest.mark.parametrize(
    "sample", ["lei_record_254900LNRYNOQ9YPU758.json", "lei_record_5299001ERX0K10IZUL40.json"]
)
def test_attributes_have_the_members_of_further_genuine_ones(reference: Path, sample: str) -> None:
    genuine = genuine_answer(reference, sample)["data"]["attributes"]
    assert_same_members(record("sternwarte")["data"]["attributes"], genuine)


def test_a_japanese_record_is_like_a_genuine_japanese_one(reference: Path) -> None:
    children = genuine_answer(reference, "direct_children_21380068P1DRHMJ8KU70.json")["data"]
    genuine = next(item for item in children if item["attributes"]["entity"]["jurisdiction"] == "JP")
    ours = record("homei")["data"]
    assert_same_members(ours["attributes"], genuine["attributes"])
    for item in (ours, genuine):
        attributes = item["attributes"]
        entity = attributes["entity"]
        assert entity["registeredAt"]["id"] == "RA000412"
        assert entity["registeredAs"].replace("-", "") == attributes["ocid"].removeprefix("jp/")[1:]
        assert entity["legalForm"] == {"id": "T417", "other": None}
        assert entity["legalName"]["language"] == "ja"
        assert [name["type"] for name in entity["transliteratedOtherNames"]] == [
            "PREFERRED_ASCII_TRANSLITERATED_LEGAL_NAME"
        ]


def test_a_page_has_the_members_of_a_genuine_one(reference: Path) -> None:
    genuine = genuine_answer(reference, "direct_children_21380068P1DRHMJ8KU70.json")
    _, first = page(MANY)
    assert list(first) == ["meta", "links", "data"]
    assert_same_members(first["meta"], genuine["meta"])
    assert_same_members(first["links"], genuine["links"])
    assert_same_members(first["data"][0]["attributes"], genuine["data"][0]["attributes"])


def test_an_empty_page_is_a_genuine_empty_page(reference: Path) -> None:
    genuine = genuine_answer(reference, "lei_records_empty_result.json")
    reply, ours = page(
        **{"filter[entity.jurisdiction]": "GB", "filter[entity.registeredAs]": "00223668"},
    )
    assert (reply.status, reply.media_type) == (200, MEDIA_TYPE)
    assert ours["meta"]["pagination"] == genuine["meta"]["pagination"]
    assert ours["data"] == []
    host = "https://api.gleif.org/api/v1"
    assert {name: link.replace(f"{ROOT}/gleif/api/v1", host) for name, link in ours["links"].items()} == (
        genuine["links"]
    )


def test_it_is_written_as_genuine_answers_are(reference: Path) -> None:
    sample = reference / "registries-intl/samples/gleif/direct_children_21380068P1DRHMJ8KU70.json"
    for body in (sample.read_bytes().rstrip(), REGISTER.answer(f"lei-records/{number('homei')}", "").body):
        text = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=True).replace("/", "\\/")
        assert body == text.encode()


def test_a_lapsed_registration_is_not_the_end_of_a_company() -> None:
    attributes = record("nordlys")["data"]["attributes"]
    assert attributes["registration"]["status"] == "LAPSED"
    assert attributes["entity"]["status"] == "ACTIVE"


def test_a_dissolved_company_is_inactive_and_says_since_when() -> None:
    entity = record("windmolen")["data"]["attributes"]["entity"]
    assert entity["status"] == "INACTIVE"
    assert entity["expiration"] == {"date": "2026-04-30T00:00:00Z", "reason": "DISSOLVED"}


def test_an_unknown_lei_is_404_in_json() -> None:
    reply = REGISTER.answer("lei-records/529900T8BM49AURSDO55", "")
    assert (reply.status, reply.media_type) == (404, MEDIA_TYPE)
    assert json.loads(reply.body)["errors"]
    assert reply.subjects == ("529900T8BM49AURSDO55",)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"filter[lei]": f"{number('nordlys')},{'X' * 20},{number('homei')}"}, {"nordlys", "homei"}),
        ({"filter[entity.legalName]": "SOFTWARE thistledown"}, {"thistledown"}),
        ({"filter[entity.legalName]": "homei"}, set()),
        ({"filter[entity.names]": "electric homéi"}, {"homei"}),
        ({"filter[entity.registeredAs]": "990030", "filter[entity.registeredAt]": "RA000402"}, {"comeragh"}),
        ({"filter[entity.registeredAs]": "0100-01-990001"}, {"homei"}),
        ({"filter[entity.jurisdiction]": "US-DE,US-CA"}, {"lanternfish", "redwood"}),
        ({"filter[entity.legalAddress.country]": "ZZ"}, set()),
        ({"filter[entity.status]": "INACTIVE"}, {"windmolen"}),
        ({"filter[registration.status]": "!ISSUED"}, {"nordlys", "windmolen"}),
        ({"filter[registration.status]": "LAPSED", "filter[entity.status]": "ACTIVE"}, {"nordlys"}),
    ],
)
def test_filters(parameters: dict[str, str], expected: set[str]) -> None:
    reply, document = page(**parameters)
    assert reply.status == 200
    assert set(names(document)) == {WORLD.company(key).name for key in expected}
    assert document["meta"]["pagination"]["total"] == len(expected)


@pytest.mark.parametrize(
    "parameters",
    [
        {"filter[entity.colour]": "green"},
        {"include": "everything"},
        {"filter[entity.status]": "active"},
        {"filter[registration.status]": "ISSUED,issued"},
        {"page[size]": "201"},
        {"page[size]": "0"},
        {"page[number]": "-1"},
        {"page[size]": "two"},
        {"page[size]": "200", "page[number]": "51"},
    ],
)
def test_what_the_api_refuses_is_400_with_a_title(parameters: dict[str, str]) -> None:
    reply, document = page(**parameters)
    assert (reply.status, reply.media_type) == (400, MEDIA_TYPE)
    assert document["errors"][0]["title"]


@given(size=st.integers(1, 60))
def test_pages_follow_one_another_to_the_end(size: int) -> None:
    seen: list[str] = []
    link = f"{ROOT}/gleif/api/v1/lei-records?{urlencode({'page[size]': size})}"
    for turn in range(1, -(-40 // size) + 1):
        _, document = page(MANY, **dict(parse_qsl(urlsplit(link).query)))
        pagination = document["meta"]["pagination"]
        assert pagination["currentPage"] == turn
        assert (pagination["from"], pagination["to"]) == (
            len(seen) + 1,
            len(seen) + len(document["data"]),
        )
        seen += [item["id"] for item in document["data"]]
        link = document["links"].get("next", "")
    assert link == ""
    assert len(seen) == len(set(seen)) == 40
