"""``POST /v1/messages``: a vendor says something about an application that it sent before.

Signed and looked at as a submission is (:mod:`web.intake`); the signed body names the application.
"""

from __future__ import annotations

from uuid import UUID

import orjson
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipeline import problems, schemas
from pipeline.correspondence import Acknowledgement, Correspondence
from pipeline.documents import Json, NotJson, read_json
from pipeline.problems import Problem
from web.answers import answer, outages_told
from web.directory import Directory
from web.intake import REPEATED, SenderRate, read_signed, refuse_other_media
from web.services import Services

log = structlog.get_logger()


class Messages:
    """The route."""

    def __init__(self, services: Services, directory: Directory) -> None:
        self._services = services
        self._directory = directory
        self._correspondence = Correspondence(services.memory, services.clock, services.times)
        self._rate = SenderRate(services.limits.submissions_per_minute)

    async def take(self, request: Request) -> Response:
        """Take one message."""
        sender_id: UUID | None = None
        try:
            signed = await read_signed(request, self._services, self._directory)
            sender_id, body = signed.sender_id, signed.body
            refuse_other_media(request)
            document = read_message(body)
            self._rate.refuse_excess(sender_id)
            told = await run_in_threadpool(self._accept, sender_id, signed.message_id, body, document)
        except Problem as problem:
            log.info("message.refused", code=problem.type.code, sender=str(sender_id) if sender_id else None)
            raise
        log.info("message.accepted", kind=document["type"], case=told.reference, repeated=told.repeated)
        return _answer(told)

    def _accept(self, sender_id: UUID, message_id: str, body: bytes, document: Json) -> Acknowledgement:
        with outages_told():
            return self._correspondence.accept(sender_id, message_id, body, document)


def read_message(body: bytes) -> Json:
    """The message in a body.

    :raises Problem: when it is not one JSON text, or not as the schema of its type asks.
    """
    try:
        document = read_json(body)
    except NotJson as error:
        raise Problem(problems.CATALOGUE[error.code], str(error)) from None
    violations = schemas.validate_message(document)
    if violations:
        raise Problem(problems.MESSAGE_INVALID, violations=violations)
    assert isinstance(document, dict), "the schemas ask for an object"
    return document


def _answer(told: Acknowledgement) -> Response:
    location = f"/v1/applications/{told.application_id}"
    body = orjson.dumps(
        {
            "id": str(told.application_id),
            "reference": told.reference,
            "status": str(told.state),
            "links": {"self": location},
        }
    )
    repeated = {REPEATED: "true"} if told.repeated else {}
    return answer(body, {"Content-Location": location, **repeated})
