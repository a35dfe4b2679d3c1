"""``GET /v1/applications/{id}``: for its own sender only, with what is asked of the vendor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from pipeline.lifecycle import State
from pipeline.model import Verdict
from pipeline.webhook import SharedSecret, parse_signing_key, sign

Door = Any

RESULTS = [
    {
        "rule": "REG-01",
        "outcome": "pass",
        "effect": "none",
        "reason": None,
        "message": None,
        "remedy": None,
        "basis": [],
    },
    {
        "rule": "SEC-04",
        "outcome": "fail",
        "effect": "note",
        "reason": "SEC_EXPIRES",
        "message": {"ja": "x", "en": "x"},
        "remedy": {"ja": "x", "en": "x"},
        "basis": [],
    },
    {
        "rule": "RES-02",
        "outcome": "fail",
        "effect": "review",
        "reason": "RES_FOREIGN_LAW",
        "message": {"ja": "準拠法が日本法ではありません。", "en": "The governing law is not Japan's."},
        "remedy": {"ja": "契約を見直してください。", "en": "Amend the contract."},
        "basis": [{"id": "DS-310", "title": {"ja": "…", "en": "…"}, "mark": "D"}],
        "trace": [{"path": "contract.governing_law", "value": "US"}],
    },
]


def test_a_fresh_application_is_received_and_worth_asking_for_soon(any_door: Door) -> None:
    application_id = any_door.accepted()
    answer = any_door.status(application_id)
    assert answer.status_code == 200
    said = answer.json()
    assert said["id"] == str(application_id)
    assert said["state"] == {
        "code": "received",
        "ja": "受付済み",
        "en": "accepted and waiting for its first check",
    }
    assert (said["final"], said["checks"], said["decision"], said["asked_of_vendor"]) == (False, [], None, [])
    assert said["links"] == {"self": f"/v1/applications/{application_id}"}
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["retry-after"] == "2"


def test_each_check_says_what_became_of_it_and_when_it_is_tried_again(any_door: Door) -> None:
    application_id = any_door.accepted()
    any_door.move(application_id, State.COLLECTING)
    any_door.record(
        application_id, jp_nta="answered", int_gleif="waiting rate_limited 90", jp_ismap="given_up timeout"
    )
    answer = any_door.status(application_id)
    checks = {check["source"]: check for check in answer.json()["checks"]}
    assert checks["jp.nta"]["state"]["code"] == "answered"
    assert checks["jp.nta"]["answered_at"] == "2026-11-02T09:00:02.000000Z"
    assert checks["jp.nta"]["next_try_at"] is None
    assert checks["int.gleif"]["state"]["ja"] == "回答待ち（自動で再照会します）"
    assert (checks["int.gleif"]["reason"], checks["int.gleif"]["role"]) == ("rate_limited", "vendor")
    assert checks["int.gleif"]["next_try_at"] == "2026-11-02T09:01:32.000000Z"
    assert checks["jp.ismap"]["state"]["code"] == "given_up"
    assert answer.headers["retry-after"] == "90"


@pytest.mark.parametrize(("seconds", "wait"), [(-5, "2"), (1, "2"), (100_000, "300")])
def test_the_wait_has_bounds(door: Door, seconds: int, wait: str) -> None:
    application_id = door.accepted()
    door.move(application_id, State.COLLECTING)
    door.record(application_id, jp_nta=f"waiting timeout {seconds}")
    assert door.status(application_id).headers["retry-after"] == wait


@pytest.mark.parametrize(
    ("verdict", "state", "final"),
    [(Verdict.REVIEW, State.REFERRED, False), (Verdict.REJECT, State.REJECTED, True)],
)
def test_what_is_asked_of_the_vendor_has_reason_remedy_and_legal_basis(
    any_door: Door, verdict: Verdict, state: State, *, final: bool
) -> None:
    application_id = any_door.accepted()
    any_door.move(application_id, State.ADJUDICATING)
    any_door.decide(application_id, verdict, "RES_FOREIGN_LAW", results=RESULTS)
    any_door.move(application_id, state)
    answer = any_door.status(application_id)
    said = answer.json()
    assert said["decision"] == {
        "number": 1,
        "verdict": str(verdict),
        "reason": "RES_FOREIGN_LAW",
        "reasons": [],
        "decided_at": "2026-11-02T09:00:02.000000Z",
        "by": "policy",
        "policy": ["jp-national@1#sha256:0"],
    }
    assert said["asked_of_vendor"] == [
        {
            "rule": "RES-02",
            "outcome": "fail",
            "effect": "review",
            "reason": "RES_FOREIGN_LAW",
            "message": {"ja": "準拠法が日本法ではありません。", "en": "The governing law is not Japan's."},
            "remedy": {"ja": "契約を見直してください。", "en": "Amend the contract."},
            "basis": ["DS-310"],
        }
    ]
    assert said["final"] is final
    assert ("retry-after" in answer.headers) is not final


def test_a_listed_application_leads_to_its_listing(any_door: Door) -> None:
    application_id = any_door.accepted()
    version = any_door.list(application_id)
    answer = any_door.status(application_id)
    said = answer.json()
    assert (said["state"]["code"], said["final"]) == ("listed", True)
    assert said["links"]["listing"] == f"/v1/listings/{version.listing_id}"
    assert any_door.get(said["links"]["listing"]).status_code == 200
    assert "retry-after" not in answer.headers


def test_the_etag_changes_with_the_case_and_with_its_checks(door: Door) -> None:
    application_id = door.accepted()
    seen = [door.status(application_id).headers["etag"]]
    door.clock.advance(timedelta(hours=1))
    assert door.status(application_id, if_none_match=seen[0]).status_code == 304
    door.move(application_id, State.COLLECTING)
    seen.append(door.status(application_id).headers["etag"])
    door.record(application_id, jp_nta="waiting timeout 60")
    seen.append(door.status(application_id).headers["etag"])
    door.record(application_id, jp_nta="answered")
    seen.append(door.status(application_id).headers["etag"])
    assert len(set(seen)) == 4
    assert door.status(application_id, if_none_match=seen[0]).status_code == 200


def test_304_has_the_headers_that_200_would_have(door: Door) -> None:
    application_id = door.accepted()
    full = door.status(application_id)
    short = door.status(application_id, if_none_match=full.headers["etag"])
    assert short.content == b""
    for name in ("etag", "cache-control", "retry-after"):
        assert short.headers[name] == full.headers[name]


def test_a_reader_may_sign_instead(door: Door) -> None:
    application_id = door.accepted()
    path = f"/v1/applications/{application_id}"
    headers = sign([door.key], "read_1", door.clock.now(), f"GET {path}".encode())
    assert door.get(path, **headers).status_code == 200
    assert door.get(path, **headers, sekisho_sender="portal").status_code == 200


def test_a_signature_for_one_application_opens_no_other(door: Door) -> None:
    first, second = door.accepted(), door.accepted()
    headers = sign([door.key], "read_1", door.clock.now(), f"GET /v1/applications/{first}".encode())
    assert door.get(f"/v1/applications/{second}", **headers).status_code == 401


def test_a_signed_reading_is_good_for_five_minutes(door: Door) -> None:
    application_id = door.accepted()
    path = f"/v1/applications/{application_id}"
    headers = sign([door.key], "read_1", door.clock.now(), f"GET {path}".encode())
    door.clock.advance(timedelta(seconds=301))
    assert door.get(path, **headers).status_code == 401


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "bearer skt_",
        "Basic cG9ydGFsOng=",
        "Bearer é",
        "Bearer a b c",
    ],
)
def test_without_the_token_it_is_401(door: Door, authorization: str) -> None:
    application_id = door.accepted()
    answer = door.request(
        "GET", f"/v1/applications/{application_id}", headers={"authorization": authorization.encode()}
    )
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "request.not_authenticated"


def test_the_signing_secret_is_no_token(door: Door) -> None:
    application_id = door.accepted()
    assert door.status(application_id, authorization=f"Bearer {door.credentials.secret}").status_code == 401


def test_somebody_elses_application_is_not_there(any_door: Door) -> None:
    application_id = any_door.accepted()
    other = any_door.add_sender("other")
    theirs = any_door.status(application_id, authorization=f"Bearer {other.token}")
    nobodys = any_door.status(uuid4(), authorization=f"Bearer {other.token}")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json() == nobodys.json()
    path = f"/v1/applications/{application_id}"
    headers = sign([parse_signing_key(other.secret)], "r", any_door.clock.now(), f"GET {path}".encode())
    assert any_door.get(path, **headers).status_code == 404


@pytest.mark.parametrize("wrong", ["x", "0", "SK-7Q4M2K9DX", "%00", "..%2flistings", "0" * 5000])
def test_what_is_no_id_is_not_there(door: Door, wrong: str) -> None:
    authorization = f"Bearer {door.credentials.token}"
    assert door.get(f"/v1/applications/{wrong}", authorization=authorization).status_code == 404


def test_a_strangers_signature_is_401(door: Door) -> None:
    application_id = door.accepted()
    path = f"/v1/applications/{application_id}"
    headers = sign([SharedSecret.new()], "r", door.clock.now(), f"GET {path}".encode())
    assert door.get(path, **headers).status_code == 401


def test_the_contact_person_and_reviewers_stay_out(door: Door) -> None:
    application_id = door.accepted()
    contact = door.application()["contact"]
    text = door.status(application_id).text
    assert contact["email"] not in text
    assert contact["name"] not in text


def test_while_the_database_is_away_it_is_503(door: Door) -> None:
    application_id = door.accepted()
    door.status(application_id)
    with door.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE checks RENAME TO checks_away")
    answer = door.status(UUID(str(application_id)))
    assert (answer.status_code, answer.json()["code"]) == (503, "service.unavailable")
    assert "retry-after" in answer.headers


def test_the_verdicts_of_buyers_stand_beside_the_decision(door: Door) -> None:
    buyers = [
        {
            "buyer": "kobe-city",
            "title": {"ja": "神戸市", "en": "Kobe City"},
            "decision": "reject",
            "policy": ["jp-national@1#sha256:0", "kobe-city@1#sha256:0"],
            "differs": [
                {
                    **RESULTS[2],
                    "title": {"ja": "準拠法", "en": "Governing law"},
                    "effect": "reject",
                    "national": {"outcome": "fail", "effect": "review"},
                    "effect_why": [{"pack": "kobe-city", "ja": "理由", "en": "why", "basis": []}],
                }
            ],
        }
    ]
    application_id = door.accepted()
    door.move(application_id, State.ADJUDICATING)
    door.decide(application_id, Verdict.REVIEW, "RES_FOREIGN_LAW", results=RESULTS, buyers=buyers)
    door.move(application_id, State.REFERRED)
    [said] = door.status(application_id).json()["buyers"]
    assert (said["buyer"], said["verdict"], said["policy"]) == ("kobe-city", "reject", buyers[0]["policy"])
    assert said["differs"] == [
        {
            "rule": "RES-02",
            "title": {"ja": "準拠法", "en": "Governing law"},
            "outcome": "fail",
            "effect": "reject",
            "national_effect": "review",
            "reason": "RES_FOREIGN_LAW",
            "message": RESULTS[2]["message"],
            "why": [{"ja": "理由", "en": "why"}],
        }
    ]
