"""What vendors say about their applications, signed, and what the status then tells."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from pipeline.lifecycle import State
from pipeline.model import Verdict
from pipeline.people import Person, Role
from pipeline.review.actions import Review
from pipeline.review.model import Ask, Audience, Reason, Seen
from pipeline.review.policy import ReviewTimes
from web import openapi

Door = Any

AYA = Person("aya", Role.REVIEWER)


def review(door: Door) -> Review:
    return Review(door.memory, door.clock, ReviewTimes())


def page(door: Door, application_id: UUID) -> tuple[str, Seen]:
    with door.memory.read() as tx:
        file = tx.cases.of_sender(door.credentials.sender_id, application_id)
    return file.case.reference, Seen.of(file)


def status(door: Door, application_id: UUID) -> Any:
    answer = door.status(application_id)
    assert answer.status_code == 200
    described = openapi.document()["components"]
    schema = {"$ref": "#/components/schemas/Status", "components": described}
    Draft202012Validator(schema).validate(answer.json())
    return answer.json()


def test_the_status_tells_whose_turn_it_is_and_what_is_asked(any_door: Door) -> None:
    door = any_door
    application_id = door.accepted()
    assert status(door, application_id)["turn"]["code"] == "pipeline"
    door.refer(application_id)
    turn = status(door, application_id)["turn"]
    assert (turn["code"], turn["due_on"], turn["clock"]) == ("reviewer", "2026-11-17", "running")

    reference, seen = page(door, application_id)
    asks = [Ask("FIELD_UNCLEAR", "/contract/court", "どこ？"), Ask("DOCUMENT_NEEDED", "certificate")]
    review(door).ask(reference, seen, AYA, asks)
    review(door).note(reference, AYA, "内部のみ")
    review(door).note(reference, AYA, "お待ちください。", Audience.VENDOR)
    told = status(door, application_id)
    assert told["state"]["code"] == "asked"
    assert (told["turn"]["code"], told["turn"]["clock"]) == ("vendor", "stopped")
    assert told["turn"]["due_on"] == "2026-11-17"
    field, document = told["questions"]
    assert (field["field"], field["document"], field["text"]) == ("/contract/court", None, "どこ？")
    assert (document["field"], document["document"]["code"]) == (None, "certificate")
    assert re.search("訂正申請", field["ja"])
    assert re.search("corrected application", field["en"])
    assert [message["text"] for message in told["messages"]] == ["お待ちください。"]
    assert "aya" not in door.status(application_id).text

    for question in told["questions"]:
        data = {
            "application": str(application_id),
            "question": question["id"],
            "answer": "https://x.example/1",
        }
        answer = door.say("question.answered", data)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-location"] == f"/v1/applications/{application_id}"
    told = status(door, application_id)
    assert (told["state"]["code"], told["turn"]["code"]) == ("referred", "reviewer")
    assert [question["outcome"] for question in told["questions"]] == ["answered", "answered"]


def test_a_second_reviewer_is_no_matter_of_the_vendor(door: Door) -> None:
    application_id = door.accepted()
    door.refer(application_id)
    reference, seen = page(door, application_id)
    assert review(door).approve(reference, seen, AYA).proposal is not None
    assert status(door, application_id)["turn"]["code"] == "reviewer"


def test_a_rejection_tells_reasons_and_until_when_one_may_appeal(door: Door) -> None:
    application_id = door.accepted()
    finding = {
        "rule": "R-1",
        "outcome": "fail",
        "effect": "review",
        "reason": "LOOK",
        "message": {"ja": "要件を満たしません。", "en": "It is not met."},
        "remedy": {"ja": "訂正してください。", "en": "Correct it."},
    }
    door.refer(application_id, results=[finding])
    reference, seen = page(door, application_id)
    reasons = [Reason("R-1", "LOOK"), Reason("", "OUT_OF_SCOPE")]
    review(door).reject(reference, seen, AYA, reasons, text="残念ですが。")
    told = status(door, application_id)
    assert (told["final"], told["decision"]["number"], told["decision"]["by"]) == (True, 2, "reviewer")
    assert [reason["en"] for reason in told["decision"]["reasons"]] == [
        "It is not met.",
        "The product is not of a kind that the catalog takes.",
    ]
    assert told["appeal"] == {"decision": 2, "state": "possible", "until": "2027-01-31"}

    data = {"application": str(application_id), "decision": 2, "grounds": "対象の製品です。"}
    assert door.say("appeal.submitted", data).json()["status"] == "appealed"
    told = status(door, application_id)
    assert told["appeal"] == {"decision": 2, "state": "open", "until": None}
    assert told["turn"]["code"] == "reviewer"
    assert told["final"] is False


def test_a_withdrawal_is_done_once(door: Door) -> None:
    application_id = door.accepted()
    data = {"application": str(application_id)}
    first = door.say("application.withdrawn", data, message_id="w1")
    again = door.say("application.withdrawn", data, message_id="w1")
    assert (first.status_code, first.json()["status"]) == (200, "withdrawn")
    assert again.headers["webhook-repeated"] == "true"
    told = status(door, application_id)
    assert (told["turn"]["code"], told["final"]) == ("nobody", True)
    refused = door.say("application.withdrawn", data)
    assert refused.status_code == 422
    [error] = refused.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/data/application", "not_in_this_state")


@pytest.mark.parametrize(
    ("kind", "data", "pointers"),
    [
        ("application.deleted", {}, ["/type"]),
        ("application.withdrawn", {}, ["/data/application"]),
        ("application.withdrawn", {"application": "1", "why": "x"}, ["/data/application", "/data/why"]),
        ("question.answered", {"application": "1"}, ["/data/answer", "/data/application", "/data/question"]),
        ("appeal.submitted", {"decision": 0, "grounds": " "}, ["/data/application", "/data/decision"]),
    ],
)
def test_what_is_wrong_with_a_message_is_told_everywhere(
    door: Door, kind: str, data: dict[str, Any], pointers: list[str]
) -> None:
    answer = door.say(kind, data)
    assert (answer.status_code, answer.json()["code"]) == (422, "message.invalid")
    assert [error["pointer"] for error in answer.json()["errors"]][: len(pointers)] == pointers


def test_a_message_is_looked_at_as_a_submission_is(door: Door) -> None:
    application_id = door.accepted()
    data = {"application": str(application_id)}
    assert door.say("application.withdrawn", data, sender="nobody").status_code == 401
    late = door.clock.now() - timedelta(minutes=6)
    assert door.say("application.withdrawn", data, at=late).status_code == 401
    other = door.add_sender("other")
    from pipeline.webhook import parse_signing_key

    foreign = door.say("application.withdrawn", data, sender="other", key=parse_signing_key(other.secret))
    assert (foreign.status_code, foreign.json()["errors"][0]["code"]) == (422, "unknown")
    assert door.request("POST", "/v1/messages", content=b"{}").json()["code"] == "webhook.header_invalid"
    assert status(door, application_id)["state"]["code"] == "received"


def test_a_rejection_by_the_rules_may_be_appealed_too(door: Door) -> None:
    application_id = door.accepted()
    door.move(application_id, State.ADJUDICATING)
    door.decide(application_id, Verdict.REJECT, "REG_CLOSED")
    door.move(application_id, State.REJECTED)
    assert status(door, application_id)["appeal"]["state"] == "possible"
    data = {"application": str(application_id), "decision": 1, "grounds": "x"}
    assert door.say("appeal.submitted", data).status_code == 200
