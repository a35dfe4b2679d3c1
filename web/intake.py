"""``POST /v1/applications``: a signed submission comes in.

What is cheap is looked at before what is dear, and nothing that a stranger sent is read before its signature
is verified: size, headers, time, signature, media type, JSON, schema, rate, backlog, then the database.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson
import structlog
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pipeline import problems, schemas
from pipeline.documents import Json, NotJson, read_json
from pipeline.intake import Intake, Receipt, Submission
from pipeline.problems import Problem
from web.answers import answer, outages_told
from web.authentication import read_claim, verified_sender
from web.directory import Directory
from web.services import Limits, Services

REPEATED = "webhook-repeated"
"""The header that says that the same message came before."""

_JSON_TYPE = re.compile(r'application/json\s*(;\s*charset="?utf-8"?\s*)?', re.IGNORECASE | re.ASCII)
MOST_TOGETHER = 128
"""Submissions of one transaction."""

_BACKLOG_WAIT = timedelta(seconds=30)

log = structlog.get_logger()


class Submissions:
    """The route."""

    def __init__(self, services: Services, directory: Directory) -> None:
        self._services = services
        self._directory = directory
        self._commits = GroupCommit(Intake(services.memory, services.clock, services.lease))
        self._rate = SenderRate(services.limits.submissions_per_minute)

    async def submit(self, request: Request) -> Response:
        """Take one submission."""
        sender_id: UUID | None = None
        try:
            signed = await read_signed(request, self._services, self._directory)
            sender_id, body = signed.sender_id, signed.body
            refuse_other_media(request)
            document = read_submission(body)
            self._refuse_excess(sender_id, signed.backlog)
            receipt = await self._commits.accept(Submission(sender_id, signed.message_id, body, document))
        except Problem as problem:
            alert = problem.type is problems.ID_REUSED
            (log.error if alert else log.info)(
                "submission.refused", code=problem.type.code, sender=str(sender_id) if sender_id else None
            )
            raise
        if receipt.step is not None:
            self._services.notify(receipt.step)
        log.info(
            "submission.accepted",
            application=str(receipt.application_id),
            case=receipt.reference,
            sender=str(sender_id),
            repeated=receipt.repeated,
        )
        return _receipt_answer(receipt)

    def _refuse_excess(self, sender_id: UUID, backlog: int) -> None:
        self._rate.refuse_excess(sender_id)
        if backlog > self._services.limits.backlog:
            raise Problem(problems.BACKLOG_FULL, retry_after=_BACKLOG_WAIT)


class GroupCommit:
    """Keeps all that arrives while one transaction commits together in the next one.

    The commit is the cost of intake, not the work before it. Nobody is kept waiting for company: a submission
    that comes alone is committed alone.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._waiting: list[tuple[Submission, asyncio.Future[Receipt]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def accept(self, submission: Submission) -> Receipt:
        """Return once the submission is committed.

        :raises Problem: when it cannot be taken, or the database cannot be used.
        """
        accepted: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((submission, accepted))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())
        return await accepted

    async def _commit(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            # In one order everywhere: two processes that keep the same messages cannot wait for each other.
            group.sort(key=lambda waiting: (waiting[0].sender_id, waiting[0].message_id))
            outcomes = await run_in_threadpool(self._accept_all, [submission for submission, _ in group])
            for (_, accepted), outcome in zip(group, outcomes, strict=True):
                if accepted.done():  # whoever waited for it has gone; it is kept all the same
                    continue
                if isinstance(outcome, Problem):
                    accepted.set_exception(outcome)
                else:
                    accepted.set_result(outcome)

    def _accept_all(self, submissions: list[Submission]) -> list[Receipt | Problem]:
        try:
            with outages_told():
                return self._intake.accept_all(submissions)
        except Problem as problem:
            return [problem] * len(submissions)


async def read_body(request: Request, limits: Limits) -> bytes:
    """The whole body, but never more than the limit and never longer than it may take.

    :raises Problem: when it is too large or too slow, or its length is none.
    """
    declared = request.headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()):
        raise Problem(problems.NOT_UNDERSTOOD, "Content-Length is not a number")
    too_large = Problem(problems.BODY_TOO_LARGE, f"more than {limits.body_bytes} bytes")
    if len(declared) > 18 or int(declared) > limits.body_bytes:
        raise too_large
    chunks = []
    size = 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limits.body_bytes:
                    raise too_large
                chunks.append(chunk)
    except (TimeoutError, ClientDisconnect):
        raise Problem(problems.BODY_TIMEOUT) from None
    return b"".join(chunks)


def read_submission(body: bytes) -> Json:
    """The submission in a body.

    :raises Problem: when it is not one JSON text, or not as the schema asks; then with every place.
    """
    try:
        document = read_json(body)
    except NotJson as error:
        raise Problem(problems.CATALOGUE[error.code], str(error)) from None
    violations = schemas.validate_submission(document)
    if violations:
        places = "1 place is wrong" if len(violations) == 1 else f"{len(violations)} places are wrong"
        raise Problem(problems.SUBMISSION_INVALID, places, violations=violations)
    assert isinstance(document, dict), "the schema asks for an object"
    return document


class SenderRate:
    """How many messages one sender may send a minute, as this process sees them."""

    def __init__(self, per_minute: int) -> None:
        self._rate = RateLimitItemPerMinute(per_minute)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def refuse_excess(self, sender_id: UUID) -> None:
        """Count one message of a sender; refuse it beyond the rate."""
        if not self._limiter.hit(self._rate, str(sender_id)):
            until = self._limiter.get_window_stats(self._rate, str(sender_id)).reset_time
            raise Problem(problems.RATE_EXCEEDED, retry_after=timedelta(seconds=until - time.time()))


@dataclass(frozen=True, slots=True)
class Signed:
    """A body whose signature is good, and whose it is. ``backlog`` is how many steps are open."""

    sender_id: UUID
    message_id: str
    body: bytes
    backlog: int


async def read_signed(request: Request, services: Services, directory: Directory) -> Signed:
    """Read a body and find its sender: size, headers, time, signature, the cheap before the dear.

    :raises Problem: where it is too large, or not signed by a sender who is known.
    """
    body = await read_body(request, services.limits)
    refuse_coding(request)
    claim = read_claim(request)
    known = await directory.now()
    sender_id = verified_sender(claim, body, known, services.clock.now())
    return Signed(sender_id, claim.message_id, body, known.backlog)


def refuse_coding(request: Request) -> None:
    """Refuse a compressed body."""
    # Nothing is unpacked here: a few bytes could become gigabytes before the signature is known to be good.
    codings = ",".join(request.headers.getlist("content-encoding")).strip().lower()
    if codings not in {"", "identity"}:
        raise Problem(problems.ENCODING_NOT_TAKEN)


def refuse_other_media(request: Request) -> None:
    """Refuse what is not JSON in UTF-8."""
    types = request.headers.getlist("content-type")
    if len(types) != 1 or _JSON_TYPE.fullmatch(types[0]) is None:
        raise Problem(problems.MEDIA_TYPE_NOT_TAKEN)


def _receipt_answer(receipt: Receipt) -> Response:
    location = f"/v1/applications/{receipt.application_id}"
    body = orjson.dumps(
        {
            "id": str(receipt.application_id),
            "reference": receipt.reference,
            "status": str(receipt.state),
            "links": {"self": location},
        }
    )
    if receipt.repeated:
        return answer(body, {"Location": location, REPEATED: "true"})
    return answer(body, {"Location": location}, status=202)
