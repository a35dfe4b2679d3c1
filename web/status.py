"""``GET /v1/applications/{id}``: how a sender's application stands, and what is asked of the vendor."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipeline import lifecycle
from pipeline.calendar import last_day
from pipeline.correspondence import APPEALABLE, appeal_period_from, was_appealed
from pipeline.documents import Json, sha256
from pipeline.lifecycle import State
from pipeline.model import Application, CaseFile, Check, CheckState, Decision, Presence, Text, isoformat
from pipeline.problems import NOT_FOUND, RECEIPT_NOT_SIGNED, Problem
from pipeline.review.model import (
    WAITS_FOR,
    Appeal,
    Audience,
    Note,
    Proposal,
    Question,
    ReviewRecord,
    WaitsFor,
)
from pipeline.review.policy import ReviewTimes
from pipeline.review.words import REJECTIONS, asked
from web.answers import entity, outages_told, seconds
from web.authentication import reading_sender
from web.directory import Directory
from web.journal import receipt_answer
from web.services import Services

_CHECK_MEANING = {
    CheckState.ANSWERED: Text("回答あり", "the source has answered"),
    CheckState.WAITING: Text(
        "回答待ち（自動で再照会します）", "no usable answer yet; it is asked again by itself"
    ),
    CheckState.GIVEN_UP: Text(
        "確認できず（担当者が確認します）", "could not be checked; a person looks at it"
    ),
}

_SHORTEST_POLL = timedelta(seconds=2)
_LONGEST_POLL = timedelta(minutes=5)


class Status:
    """The route."""

    def __init__(self, services: Services, directory: Directory) -> None:
        self._services = services
        self._directory = directory

    async def show(self, request: Request) -> Response:
        """Tell the state of one application of the sender that asks."""
        now = self._services.clock.now()
        sender_id = reading_sender(request, await self._directory.now(), now)
        status = await run_in_threadpool(self._read, sender_id, request.path_params["id"])
        file = status.file
        body = orjson.dumps(status_document(status, self._services.times))
        headers = {"Cache-Control": "no-cache"}
        if file.case.state not in lifecycle.FINAL:
            headers["Retry-After"] = seconds(poll_wait(file, now))
        return entity(request, body, sha256(body), headers)

    async def receipt(self, request: Request) -> Response:
        """The receipt of the decision in force."""
        sender_id = reading_sender(request, await self._directory.now(), self._services.clock.now())
        status = await run_in_threadpool(self._read, sender_id, request.path_params["id"])
        if status.file.decision is None:
            raise Problem(NOT_FOUND)
        if status.receipt is None:
            raise Problem(RECEIPT_NOT_SIGNED, retry_after=_SHORTEST_POLL)
        return receipt_answer(request, status.receipt, {"Cache-Control": "no-cache"})

    def _read(self, sender_id: UUID, application_id: str) -> Standing:
        try:
            wanted = UUID(application_id)
        except ValueError:
            raise Problem(NOT_FOUND) from None
        with outages_told(), self._services.memory.read() as tx:
            file = tx.cases.of_sender(sender_id, wanted)
            if file is None:
                raise Problem(NOT_FOUND)
            listing_id = None
            if file.case.state is State.LISTED:
                events = tx.journal.of_case(file.case.id)
                listing_id = next(
                    event.data["listing"] for event in events if event.name == "listing.published"
                )
            if file.decision is None:
                return Standing(file, listing_id)
            case_id, reviews = file.case.id, tx.reviews
            return Standing(
                file,
                listing_id,
                reviews.of(case_id),
                reviews.questions(case_id),
                tuple(note for note in reviews.notes(case_id) if note.audience is Audience.VENDOR),
                reviews.appeals(case_id),
                tx.receipts.of_case(case_id, file.decision.number),
                reviews.proposals(case_id) if file.case.state is State.SUSPENDED else (),
            )


@dataclass(frozen=True, slots=True)
class Standing:
    """All that the status of an application tells."""

    file: CaseFile
    listing_id: str | None = None
    review: ReviewRecord | None = None
    questions: tuple[Question, ...] = ()
    notes: tuple[Note, ...] = ()
    appeals: tuple[Appeal, ...] = ()
    receipt: str | None = None
    proposals: tuple[Proposal, ...] = ()


def poll_wait(file: CaseFile, now: datetime) -> timedelta:
    """When it is worth asking again: at the next try of a source, if that is what the case waits for."""
    if file.case.state in lifecycle.IN_REVIEW or file.case.state is State.SUSPENDED:
        return _LONGEST_POLL
    tries = [check.next_try_at for check in file.checks if check.next_try_at is not None]
    wait = min(tries) - now if tries and file.case.state is State.COLLECTING else _SHORTEST_POLL
    return min(max(wait, _SHORTEST_POLL), _LONGEST_POLL)


def status_document(status: Standing, times: ReviewTimes) -> Json:
    """What the sender sees. It has no personal data, and no reviewer's name."""
    file, listing_id = status.file, status.listing_id
    case = file.case
    ja, en = lifecycle.MEANING[case.state]
    location = f"/v1/applications/{case.application_id}"
    links = {"self": location}
    if listing_id is not None:
        links["listing"] = f"/v1/listings/{listing_id}"
    if status.receipt is not None:
        links["receipt"] = f"/v1/receipts/{sha256(status.receipt.encode())}"
    return {
        "id": str(case.application_id),
        "reference": case.reference,
        "state": {"code": str(case.state), "ja": ja, "en": en},
        "final": case.state in lifecycle.FINAL,
        "received_at": isoformat(file.application.received_at),
        "document": _document(file.application),
        "changed_at": isoformat(case.changed_at),
        "checks": [_check(check, file.presence(check)) for check in file.checks],
        "decision": None if file.decision is None else _decision(file.decision),
        "buyers": [] if file.decision is None else verdicts_of_buyers(file.decision),
        "asked_of_vendor": [] if file.decision is None else file.decision.judgement.asked_of_vendor,
        "turn": _turn(status),
        "questions": [_question(question) for question in status.questions],
        "messages": [{"at": isoformat(note.at), "text": note.text} for note in status.notes],
        "appeal": _appeal(status, times),
        "links": links,
    }


_TURN_OF_STATE = {
    State.REFERRED: WAITS_FOR[WaitsFor.REVIEWER],
    State.APPEALED: WAITS_FOR[WaitsFor.REVIEWER],
}
_PIPELINE = Text("自動処理中です。", "The pipeline is at work; nobody has to do anything.")
_NOBODY = Text("手続は終わっています。", "Nothing is waited for.")


def _turn(status: Standing) -> Json:
    """Whose turn it is, by when, whether the clock runs. That two people look is no matter of a vendor."""
    record, state = status.review, status.file.case.state
    if record is not None and record.waits_for is not None and state not in {State.LISTED, State.SUSPENDED}:
        who = WaitsFor.REVIEWER if record.waits_for is WaitsFor.SECOND else record.waits_for
        asked = [question.due_on for question in status.questions if question.outcome == "open"]
        due = min(asked) if who is WaitsFor.VENDOR and asked else None
        if who.clock_runs:
            due = last_day(record.due_at)
        return {
            "code": str(who),
            **WAITS_FOR[who].as_json(),
            "due_on": None if due is None else due.isoformat(),
            "clock": "running" if who.clock_runs else "stopped",
        }
    code, text = ("pipeline", _PIPELINE) if state in lifecycle.OPEN else ("nobody", _NOBODY)
    return {"code": code, **text.as_json(), "due_on": None, "clock": None}


def _question(question: Question) -> Json:
    return {
        **asked(question),
        "text": question.text or None,
        "asked_at": isoformat(question.asked_at),
        "outcome": question.outcome,
    }


def _appeal(status: Standing, times: ReviewTimes) -> Json | None:
    """Until when a decision may be appealed against, or what became of the latest appeal."""
    file, latest = status.file, status.appeals[-1] if status.appeals else None
    decision = file.decision
    if decision is not None and file.case.state in APPEALABLE:
        since = appeal_period_from(file, status.proposals)
        if not was_appealed(file, since, status.appeals):
            until = times.appeal_by(since).isoformat()
            return {"decision": decision.number, "state": "possible", "until": until}
    if latest is None:
        return None
    return {"decision": latest.decision, "state": str(latest.state), "until": None}


def _document(application: Application) -> Json:
    """What receipts name the document by, and the salt by which its sender can show that it is that one."""
    salt = base64.urlsafe_b64encode(application.salt).rstrip(b"=").decode("ascii")
    return {"digest": application.digest, "salt": salt or None}


def _check(check: Check, presence: Presence | None) -> Json:
    return {
        "source": check.inquiry.source,
        "role": check.inquiry.role,
        "state": {"code": str(check.state), **_CHECK_MEANING[check.state].as_json()},
        "outcome": presence,
        "reason": check.reason or None,
        "tries": check.tries,
        "answered_at": isoformat(check.capture.fetched_at) if check.capture is not None else None,
        "next_try_at": isoformat(check.next_try_at) if check.next_try_at is not None else None,
    }


def _decision(decision: Decision) -> Json:
    return {
        "number": decision.number,
        "verdict": str(decision.judgement.verdict),
        "reason": decision.judgement.reason or None,
        "reasons": _reasons(decision),
        "decided_at": isoformat(decision.decided_at),
        "by": "policy" if decision.by == "policy" else "reviewer",
        "policy": list(decision.judgement.outcome.get("policy", ())),
    }


def _reasons(decision: Decision) -> list[Json]:
    """What a person rejected for: of a rule its message, else the reason's own words."""
    outcome = decision.judgement.outcome
    messages = {result["rule"]: result.get("message") for result in outcome.get("results", ())}
    return [
        {
            "rule": reason["rule"] or None,
            "code": reason["code"],
            **(messages.get(reason["rule"]) or REJECTIONS[reason["code"]].as_json()),
        }
        for reason in outcome.get("reviewed", {}).get("reasons", ())
    ]


def verdicts_of_buyers(decision: Decision) -> list[dict[str, Any]]:
    """Each buyer's verdict beside the decision, with the rules that differ and why."""
    return [
        {
            "buyer": buyer["buyer"],
            "title": buyer["title"],
            "verdict": buyer["decision"],
            "policy": list(buyer["policy"]),
            "differs": [_differing(result) for result in buyer["differs"]],
        }
        for buyer in decision.judgement.outcome.get("buyers", ())
    ]


def _differing(result: dict[str, Any]) -> dict[str, Any]:
    national = result["national"]
    return {
        "rule": result["rule"],
        "title": result["title"],
        "outcome": result["outcome"],
        "effect": result["effect"],
        "national_effect": None if national is None else national["effect"],
        "reason": result["reason"] or None,
        "message": result["message"],
        "why": [{"ja": why["ja"], "en": why["en"]} for why in result.get("effect_why", ())],
    }
