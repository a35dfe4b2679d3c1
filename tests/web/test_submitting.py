"""``POST /v1/applications``: every row of the table of answers, on a real database."""

from __future__ import annotations

import asyncio
import copy
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from pipeline.lifecycle import State
from pipeline.webhook import PrivateKey, SharedSecret, parse_signing_key, sign
from storage.senders import SqlSenders

Door = Any


def test_an_accepted_submission_is_in_the_database_before_the_answer(any_door: Door) -> None:
    answer = any_door.submit(any_door.application())
    assert answer.status_code == 202
    said = answer.json()
    assert answer.headers["location"] == f"/v1/applications/{said['id']}" == said["links"]["self"]
    assert said["status"] == "received"
    assert any_door.counts() == {"received": 1, "steps": 1}
    with any_door.memory.read() as tx:
        file = tx.cases.of_sender(any_door.credentials.sender_id, UUID(said["id"]))
    assert file.case.reference == said["reference"]
    assert [step.case_id for step in any_door.notified] == [file.case.id]


def test_the_same_message_again_is_the_same_application(any_door: Door) -> None:
    first = any_door.submit(any_door.application(), message_id="msg_a")
    any_door.clock.advance(timedelta(days=30))
    again = any_door.submit(any_door.application(), message_id="msg_a")
    assert again.status_code == 200
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["webhook-repeated"] == "true"
    assert again.json() == first.json()
    assert any_door.counts() == {"received": 1, "steps": 1}
    assert len(any_door.notified) == 1


def test_a_repeated_message_is_told_where_its_case_stands_by_now(door: Door) -> None:
    application_id = door.accepted(message_id="msg_a")
    door.move(application_id, State.ADJUDICATING)
    assert door.submit(door.application(), message_id="msg_a").json()["status"] == "adjudicating"


def test_the_same_message_id_with_another_body_is_refused_and_raises_an_alert(any_door: Door) -> None:
    any_door.accepted(message_id="msg_a")
    with capture_logs() as logs:
        answer = any_door.submit(any_door.application("other"), message_id="msg_a")
    assert answer.status_code == 422
    assert answer.json()["code"] == "webhook.id_reused"
    assert any_door.counts() == {"received": 1, "steps": 1}
    sender = str(any_door.credentials.sender_id)
    assert logs == [
        {
            "event": "submission.refused",
            "log_level": "error",
            "code": "webhook.id_reused",
            "sender": sender,
        }
    ]


def test_another_sender_may_use_the_same_message_id(door: Door) -> None:
    other = door.add_sender("other")
    door.accepted(message_id="msg_a")
    key = parse_signing_key(other.secret)
    answer = door.submit(door.application(), message_id="msg_a", key=key, sender="other")
    assert answer.status_code == 202


def test_many_at_once_are_each_kept_once(any_door: Door) -> None:
    bodies = [any_door.submission(any_door.application(f"product-{number}")) for number in range(20)]
    messages = [(body, any_door.signed(body, message_id=f"m{number}")) for number, body in enumerate(bodies)]

    async def send_all() -> list[Any]:
        async def send(body: bytes, headers: dict[str, str]) -> Any:
            return await any_door._client.post("/v1/applications", content=body, headers=headers)

        return await asyncio.gather(*(send(*message) for message in [*messages, *messages]))

    answers = any_door.run(send_all())
    assert sorted(answer.status_code for answer in answers) == [200] * 20 + [202] * 20
    assert len({answer.json()["id"] for answer in answers}) == 20
    assert any_door.counts() == {"received": 20, "steps": 20}


def test_one_refusal_among_many_at_once_leaves_the_others(any_door: Door) -> None:
    any_door.accepted(message_id="m3")
    documents = [any_door.application(f"product-{number}") for number in range(6)]
    documents[4]["supersedes"] = "01890000-0000-7000-8000-000000000000"
    bodies = [any_door.submission(document) for document in documents]

    async def send_all() -> list[Any]:
        return await asyncio.gather(
            *(
                any_door._client.post(
                    "/v1/applications",
                    content=body,
                    headers=any_door.signed(body, message_id=f"m{number}"),
                )
                for number, body in enumerate(bodies)
            )
        )

    answers = any_door.run(send_all())
    assert [answer.status_code for answer in answers] == [202, 202, 202, 422, 422, 202]
    assert any_door.counts() == {"received": 5, "steps": 5}


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_400(door: Door, missing: str) -> None:
    answer = door.post(door.submission(door.application()), {missing: None})
    assert_refused(door, answer, 400, "webhook.header_invalid")
    assert missing in answer.json()["detail"]


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "ä", "a" * 256, "a\tb"])
def test_a_message_id_outside_the_alphabet_is_400(door: Door, message_id: str) -> None:
    headers: dict[str, Any] = {"webhook-id": message_id.encode("latin-1")}
    assert_refused(door, door.post(b"{}", headers), 400, "webhook.header_invalid")


def test_a_header_that_comes_twice_is_400(door: Door) -> None:
    body = door.submission(door.application())
    headers = [*door.signed(body).items(), ("webhook-id", "other")]
    answer = door.request("POST", "/v1/applications", content=body, headers=headers)
    assert_refused(door, answer, 400, "webhook.header_invalid")


@pytest.mark.parametrize("seconds", [-301, 301, -86400 * 365, 86400 * 365])
def test_a_message_from_another_time_is_401(door: Door, seconds: int) -> None:
    at = door.clock.now() + timedelta(seconds=seconds)
    assert_not_authenticated(door, door.submit(door.application(), at=at))


@pytest.mark.parametrize("seconds", [-300, 300])
def test_a_clock_may_be_wrong_by_five_minutes(door: Door, seconds: int) -> None:
    door.accepted(at=door.clock.now() + timedelta(seconds=seconds))


@pytest.mark.parametrize("timestamp", ["", "hello", "1795416768.5", "-1", "1e9", "٣", "9" * 300])
def test_a_time_that_is_none_is_401(door: Door, timestamp: str) -> None:
    headers: dict[str, Any] = {"webhook-timestamp": timestamp.encode()}
    assert_not_authenticated(door, door.post(b"{}", headers))


@pytest.mark.parametrize(
    "signature",
    ["", " ", "v1", "v1,", ",", "v1,!", "v1 v1,", "v1,=", "v1a,AAAA", "v2,abcd", "v1,é", "v1," + "A" * 9000],
)
def test_a_signature_that_is_none_is_401(door: Door, signature: str) -> None:
    headers: dict[str, Any] = {"webhook-signature": signature.encode()}
    assert_not_authenticated(door, door.post(b"{}", headers))


def test_a_changed_body_is_401(door: Door) -> None:
    body = door.submission(door.application())
    answer = door.request(
        "POST", "/v1/applications", content=body + b" ", headers=door.signed(body, message_id="msg_a")
    )
    assert_not_authenticated(door, answer)


def test_a_strangers_key_is_401_with_and_without_a_name(door: Door) -> None:
    for sender in ("portal", "nobody", None, str(door.credentials.sender_id)):
        answer = door.submit(door.application(), key=SharedSecret.new(), sender=sender)
        assert_not_authenticated(door, answer)


def test_whatever_is_wrong_with_a_signature_the_answer_is_the_same(door: Door) -> None:
    stale = door.submit(door.application(), at=door.clock.now() - timedelta(hours=1))
    forged = door.submit(door.application(), key=SharedSecret.new())
    nobody = door.submit(door.application(), sender="nobody")
    assert stale.json() == forged.json() == nobody.json()


@pytest.mark.parametrize("named", ["name", "id", "not at all"])
def test_a_sender_may_say_who_it_is(door: Door, named: str) -> None:
    sender = {"name": "portal", "id": str(door.credentials.sender_id), "not at all": None}[named]
    door.accepted(sender=sender)


def test_beyond_64_keys_a_sender_must_say_who_it_is(door: Door) -> None:
    for number in range(64):
        door.add_sender(f"sender-{number}")
    assert_not_authenticated(door, door.submit(door.application(), sender=None))
    door.accepted(sender="portal")


def test_an_ed25519_signature_is_taken(door: Door) -> None:
    key = PrivateKey.new()
    door.add_sender("maker", public_key=key.public)
    for sender in ("maker", None):
        assert door.submit(door.application(), key=key, sender=sender).status_code == 202


def test_while_a_key_is_renewed_both_count_and_then_only_the_new_one(door: Door) -> None:
    with door.database.write() as connection:
        renewed = SqlSenders(connection, door.cipher).rotate(
            "portal", door.clock.now(), door.clock.now() + timedelta(hours=24)
        )
    new = parse_signing_key(renewed.secret)
    assert door.submit(door.application()).status_code == 202
    assert door.submit(door.application(), key=new).status_code == 202
    body = door.submission(door.application())
    both = {**door.signed(body), **sign([SharedSecret.new(), new], "both", door.clock.now(), body)}
    assert door.post(body, both).status_code == 202
    door.clock.advance(timedelta(hours=25))
    assert_not_authenticated(door, door.submit(door.application()), kept=3)
    assert door.submit(door.application(), key=new).status_code == 202


def test_a_disabled_sender_is_out_within_two_seconds(door: Door) -> None:
    door.accepted()
    with door.database.write() as connection:
        SqlSenders(connection, door.cipher).disable("portal", door.clock.now())
    door.clock.advance(timedelta(seconds=2))
    assert_not_authenticated(door, door.submit(door.application()), kept=1)


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/xml", "application/json; charset=utf-16", "application/jsonx", "", None],
)
def test_another_media_type_is_415(door: Door, media_type: str | None) -> None:
    answer = door.post(door.submission(door.application()), {"content-type": media_type})
    assert_refused(door, answer, 415, "request.media_type")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON",
        'application/json; charset="utf-8"',
        "application/json;charset=UTF-8",
    ],
)
def test_json_in_utf_8_may_be_said_in_several_ways(door: Door, media_type: str) -> None:
    answer = door.post(door.submission(door.application()), {"content-type": media_type})
    assert answer.status_code == 202


def test_schema_errors_are_told_all_at_once(door: Door) -> None:
    document = door.application()
    del document["vendor"]["name"]
    document["vendor"]["nick~name/"] = "x"
    document["contract"]["court"] = "Japan"
    document["use"] = copy.deepcopy(document["use"]) | {"confidentiality": 4}
    answer = door.submit(document)
    assert_refused(door, answer, 422, "submission.invalid")
    told = {(error["pointer"], error["code"]) for error in answer.json()["errors"]}
    assert told == {
        ("/data/vendor/name", "required"),
        ("/data/vendor/nick~0name~1", "additional_property"),
        ("/data/contract/court", "pattern"),
        ("/data/contract/court", "too_long"),
        ("/data/use/confidentiality", "too_large"),
    }
    assert all(error["ja"] and error["en"] for error in answer.json()["errors"])
    assert "「商号」が必要です。" in {error["ja"] for error in answer.json()["errors"]}


def test_too_many_from_one_sender_is_429(narrow_door: Door) -> None:
    narrow_door.accepted(message_id="m1")
    assert narrow_door.submit(narrow_door.application(), message_id="m1").status_code == 200
    answer = narrow_door.submit(narrow_door.application(), message_id="m1")
    assert_refused(narrow_door, answer, 429, "rate.exceeded", kept=1)
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_another_senders_rate_is_its_own(narrow_door: Door) -> None:
    other = narrow_door.add_sender("other")
    for _ in range(3):
        narrow_door.submit(narrow_door.application(), message_id="m1")
    key = parse_signing_key(other.secret)
    assert narrow_door.submit(narrow_door.application(), key=key, sender="other").status_code == 202


def test_a_full_backlog_is_503(narrow_door: Door) -> None:
    narrow_door.accepted()
    narrow_door.accepted()
    other = narrow_door.add_sender("other")
    narrow_door.clock.advance(timedelta(seconds=2))
    key = parse_signing_key(other.secret)
    answer = narrow_door.submit(narrow_door.application(), key=key, sender="other")
    assert_refused(narrow_door, answer, 503, "service.backlog_full", kept=2)
    assert int(answer.headers["retry-after"]) >= 1


def test_while_the_database_is_away_the_answer_is_503_and_nothing_is_told_of_it(door: Door) -> None:
    door.accepted()
    with door.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE journal RENAME TO journal_away")
    with capture_logs() as logs:
        answer = door.submit(door.application(), message_id="msg_b")
    assert_refused(door, answer, 503, "service.unavailable", kept=1)
    assert int(answer.headers["retry-after"]) >= 1
    assert "journal" not in answer.text
    [failure] = [entry for entry in logs if entry["event"] == "storage.failed"]
    assert failure["error"] == "OperationalError"
    assert "例" not in str(logs)
    assert "INSERT" not in str(logs)
    with door.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE journal_away RENAME TO journal")
    assert door.submit(door.application(), message_id="msg_b").status_code == 202


def test_without_the_database_nobody_can_be_verified(door: Door) -> None:
    with door.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE senders RENAME TO senders_away")
    answer = door.submit(door.application())
    assert answer.status_code == 503
    assert answer.json()["code"] == "service.unavailable"


def test_a_sender_whose_key_cannot_be_decrypted_locks_nobody_else_out(door: Door) -> None:
    with door.database.write() as connection:
        connection.exec_driver_sql("UPDATE sender_keys SET key_material = X'00'")
    key = parse_signing_key(door.add_sender("other").secret)
    with capture_logs() as logs:
        assert door.submit(door.application(), key=key, sender=None).status_code == 202
    assert "sender.key_unreadable" in {entry["event"] for entry in logs}
    assert_not_authenticated(door, door.submit(door.application()), kept=1)


def test_what_is_logged_has_ids_and_codes_only(door: Door) -> None:
    document = door.application()
    with capture_logs() as logs:
        door.accepted(document)
        door.submit({**document, "use": {}})
        door.submit(document, sender="nobody")
    written = str(logs)
    assert {entry["event"] for entry in logs} == {
        "submission.accepted",
        "submission.refused",
        "sender.not_verified",
    }
    for personal in (
        document["vendor"]["name"],
        document["contact"]["name"],
        document["contact"]["email"],
        door.credentials.secret,
    ):
        assert personal not in written


def test_a_correction_takes_the_place_of_what_it_supersedes(any_door: Door) -> None:
    first = any_door.accepted()
    answer = any_door.submit({**any_door.application(), "supersedes": str(first)})
    assert answer.status_code == 202
    assert any_door.counts() == {"received": 1, "superseded": 1, "steps": 1}
    assert any_door.status(first).json()["state"]["code"] == "superseded"


def test_somebody_elses_application_cannot_be_superseded(door: Door) -> None:
    first = door.accepted()
    key = parse_signing_key(door.add_sender("other").secret)
    answer = door.submit({**door.application(), "supersedes": str(first)}, key=key, sender="other")
    assert_refused(door, answer, 422, "submission.invalid", kept=1)
    [error] = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/data/supersedes", "not_supersedable")


def assert_refused(door: Door, answer: Any, status: int, code: str, *, kept: int = 0) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["status"], said["code"], said["type"]) == (status, code, f"urn:sekisho:problem:{code}")
    assert said["title"]
    assert said["detail"]
    assert said["ja"] != said["en"]
    assert len(door.notified) == kept
    assert door.counts().get("received", 0) == kept


def assert_not_authenticated(door: Door, answer: Any, *, kept: int = 0) -> None:
    assert_refused(door, answer, 401, "request.not_authenticated", kept=kept)
    assert "Standard-Webhooks" in answer.headers["www-authenticate"]
