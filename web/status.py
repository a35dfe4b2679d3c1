"""``GET /v1/applications/{id}``: how a sender's application stands, and what is asked of the vendor."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipeline import lifecycle
from pipeline.documents import Json, sha256
from pipeline.lifecycle import State
from pipeline.model import CaseFile, Check, CheckState, Decision, Presence, Text, isoformat
from pipeline.problems import NOT_FOUND, Problem
from web.answers import entity, outages_told, seconds
from web.authentication import reading_sender
from web.directory import Directory
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
        file, listing_id = await run_in_threadpool(self._read, sender_id, request.path_params["id"])
        body = orjson.dumps(status_document(file, listing_id))
        headers = {"Cache-Control": "no-cache"}
        if file.case.state not in lifecycle.FINAL:
            headers["Retry-After"] = seconds(poll_wait(file, now))
        return entity(request, body, sha256(body), headers)

    def _read(self, sender_id: UUID, application_id: str) -> tuple[CaseFile, str | None]:
        try:
            wanted = UUID(application_id)
        except ValueError:
            raise Problem(NOT_FOUND) from None
        with outages_told(), self._services.memory.read() as tx:
            file = tx.cases.of_sender(sender_id, wanted)
            if file is None:
                raise Problem(NOT_FOUND)
            if file.case.state is not State.LISTED:
                return file, None
            events = tx.journal.of_case(file.case.id)
            return file, next(event.data["listing"] for event in events if event.name == "listing.published")


def poll_wait(file: CaseFile, now: datetime) -> timedelta:
    """When it is worth asking again: at the next try of a source, if that is what the case waits for."""
    if file.case.state is State.REFERRED:
        return _LONGEST_POLL
    tries = [check.next_try_at for check in file.checks if check.next_try_at is not None]
    wait = min(tries) - now if tries and file.case.state is State.COLLECTING else _SHORTEST_POLL
    return min(max(wait, _SHORTEST_POLL), _LONGEST_POLL)


def status_document(file: CaseFile, listing_id: str | None) -> Json:
    """What the sender sees. It has no personal data, and no reviewer's name."""
    case = file.case
    ja, en = lifecycle.MEANING[case.state]
    location = f"/v1/applications/{case.application_id}"
    links = {"self": location}
    if listing_id is not None:
        links["listing"] = f"/v1/listings/{listing_id}"
    return {
        "id": str(case.application_id),
        "reference": case.reference,
        "state": {"code": str(case.state), "ja": ja, "en": en},
        "final": case.state in lifecycle.FINAL,
        "received_at": isoformat(file.application.received_at),
        "changed_at": isoformat(case.changed_at),
        "checks": [_check(check, file.presence(check)) for check in file.checks],
        "decision": None if file.decision is None else _decision(file.decision),
        "buyers": [] if file.decision is None else verdicts_of_buyers(file.decision),
        "asked_of_vendor": [] if file.decision is None else file.decision.judgement.asked_of_vendor,
        "links": links,
    }


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
        "verdict": str(decision.judgement.verdict),
        "reason": decision.judgement.reason or None,
        "decided_at": isoformat(decision.decided_at),
        "by": "policy" if decision.by == "policy" else "reviewer",
        "policy": list(decision.judgement.outcome.get("policy", ())),
    }


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
