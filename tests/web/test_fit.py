"""Would it do for this buyer and this use?"""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from typing import Any

import pytest

from pipeline.fit import ROUTES
from pipeline.model import ChangeKind
from pipeline.schemas import find
from rules.strict_yaml import read_yaml
from storage.decisions import SqlDecisions

Door = Any


@pytest.fixture
def listed(any_door: Door) -> str:
    """A listing whose dossier leaves nothing to be desired."""
    text = files("rules").joinpath("cases/clean-vendor.yaml").read_text("utf-8")
    any_door.facts = dict(read_yaml(text).value)
    any_door.provenance = {"": {"source": "document"}}
    return str(any_door.list(any_door.accepted(any_door.application("chat"))).listing_id)


def fit(door: Door, listing: str, query: str = "") -> dict[str, Any]:
    answer = door.get(f"/v1/listings/{listing}/fit?{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_as_declared_it_fits(any_door: Door, listed: str) -> None:
    told = fit(any_door, listed)
    assert (told["verdict"], told["reasons"]) == ("approve", [])
    assert told["use"]["confidentiality"] == 2
    assert told["asked"] == {"buyer": None}
    assert told["policy"][0].startswith("jp-national@")
    assert told["evidence_as_of"] < told["as_of"]


def test_another_use_may_not_fit_and_says_why_in_both_languages(any_door: Door, listed: str) -> None:
    told = fit(any_door, listed, "confidentiality=3")
    assert told["verdict"] == "reject"
    [reason] = told["reasons"]
    assert (reason["rule"], reason["effect"], reason["reason"]) == ("SEC-00", "reject", "SEC_CLASS_TOO_HIGH")
    assert reason["message"]["ja"] != reason["message"]["en"] != ""
    assert told["use"]["confidentiality"] == 3
    assert told["asked"] == {"buyer": None, "confidentiality": 3}


def test_a_buyers_own_rules_count_where_it_is_named(any_door: Door) -> None:
    any_door.facts = {"use": {"confidentiality": 1, "personal_data": False, "my_number": False}}
    listing = str(any_door.list(any_door.accepted(any_door.application("chat"))).listing_id)
    national = {reason["rule"] for reason in fit(any_door, listing)["reasons"]}
    kobe = fit(any_door, listing, "buyer=kobe-city")
    assert any(reason["rule"].startswith("KOBE-") for reason in kobe["reasons"])
    assert not any(rule.startswith("KOBE-") for rule in national)
    assert any(citation.startswith("kobe-city@") for citation in kobe["policy"])
    assert kobe["use"]["buyers"] == ["kobe-city"]


def test_what_has_run_out_since_does_not_fit_any_more(any_door: Door, listed: str) -> None:
    any_door.clock.advance(timedelta(days=700))
    told = fit(any_door, listed)
    assert told["verdict"] != "approve"
    assert "SEC-02" in {reason["rule"] for reason in told["reasons"]}


def test_asking_changes_nothing(any_door: Door, listed: str) -> None:
    before = any_door.get("/v1/listings/changes").json()["items"]
    first, again = (fit(any_door, listed, "confidentiality=3&my_number=true") for _ in range(2))
    assert {**first, "generated_at": ""} == {**again, "generated_at": ""}
    assert any_door.get("/v1/listings/changes").json()["items"] == before


def test_the_same_is_asked_of_a_page_and_of_those_that_are_named(any_door: Door, listed: str) -> None:
    others = [str(any_door.list(any_door.accepted(any_door.application(code))).listing_id) for code in "ab"]
    seen: list[str] = []
    path = "/v1/fit?confidentiality=3&limit=2"
    page = any_door.get(path).json()
    seen += [item["listing_id"] for item in page["items"]]
    assert page["has_more"]
    page = any_door.get(f"{path}&page_token={page['next']}").json()
    seen += [item["listing_id"] for item in page["items"]]
    assert (page["has_more"], page["next"]) == (False, None)
    assert seen == sorted([listed, *others])
    assert {item["verdict"] for item in page["items"]} == {"reject"}
    named = any_door.get(f"/v1/fit?listing={others[1]}&listing={listed}").json()
    assert [item["listing_id"] for item in named["items"]] == [others[1], listed]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("confidentiality=4", "confidentiality is a number from 1 to 3"),
        ("confidentiality=two", "confidentiality is a number from 1 to 3"),
        ("value_jpy=-1", "value_jpy is a number from 0 to 10000000000000"),
        ("my_number=yes", "my_number is one of: false, true"),
        ("route=auction", f"route is one of: {', '.join(ROUTES)}"),
        ("buyer=atlantis", "buyer is one of: kobe-city, maff, meti, tokyo-metropolitan"),
        ("buyer=meti&buyer=maff", "buyer is given once"),
        ("confidence=2", "'confidence' is none of: buyer, confidentiality, personal_data"),
    ],
)
def test_what_cannot_be_asked_is_told_with_what_can(door: Door, query: str, says: str) -> None:
    answer = door.get(f"/v1/listings/x/fit?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "request.parameter_invalid")
    assert says in answer.json()["detail"]


def test_too_many_or_both_ways_at_once_are_refused(door: Door) -> None:
    many = "&".join(["listing=x"] * 101)
    for query in (many, "listing=x&limit=3", "limit=101", "limit=0"):
        assert door.get(f"/v1/fit?{query}").status_code == 400


def test_what_is_out_is_not_asked_about(any_door: Door, listed: str) -> None:
    with any_door.memory.write() as tx:
        tx.listings.take_out(
            tx.listings.page(None, 1)[0].listing_id, ChangeKind.HIDDEN, any_door.clock.now(), "X"
        )
    assert any_door.get(f"/v1/listings/{listed}/fit").json()["code"] == "listing.hidden"
    assert any_door.get(f"/v1/fit?listing={listed}").json()["code"] == "listing.hidden"
    assert any_door.get("/v1/listings/x/fit").status_code == 404


def test_without_its_dossier_a_person_is_to_be_asked(
    any_door: Door, listed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqlDecisions, "dossiers", lambda *_: {})
    told = fit(any_door, listed)
    assert (told["verdict"], told["reasons"][0]["reason"]) == ("review", "BASIS_NOT_KEPT")
    with any_door.memory.read() as tx:
        monkeypatch.undo()
        assert tx.decisions.dossiers(["sha256:0"]) == {}


def test_the_routes_are_those_of_the_application() -> None:
    schema = find("application")
    assert schema is not None
    assert tuple(schema.document["$defs"]["use"]["properties"]["route"]["enum"]) == ROUTES
