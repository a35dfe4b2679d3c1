"""Answers: JSON bytes, entities with an ETag, problems."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import PurePath
from traceback import extract_tb
from types import TracebackType

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.problems import FAULT, UNAVAILABLE, Problem

JSON = "application/json"
PROBLEM = "application/problem+json"

_SOON = timedelta(seconds=5)
_CHALLENGE = 'Bearer realm="sekisho", Standard-Webhooks realm="sekisho"'

log = structlog.get_logger()


def answer(
    body: bytes, headers: Mapping[str, str] | None = None, *, status: int = 200, media_type: str = JSON
) -> Response:
    """An answer with these bytes."""
    response = Response(body, status, headers, media_type)
    response.raw_headers.append((b"x-content-type-options", b"nosniff"))
    return response


def entity(
    request: Request, body: bytes, etag: str, headers: Mapping[str, str], *, media_type: str = JSON
) -> Response:
    """An answer that the caller may have already: 304 where ``If-None-Match`` names this ETag.

    ``etag`` is what stands between the quotes.
    """
    validators = {"ETag": f'"{etag}"', **headers}
    if holds(request, etag):
        return Response(status_code=304, headers=validators)
    return answer(body, validators, media_type=media_type)


def holds(request: Request, etag: str) -> bool:
    """Whether the caller has what this ETag names. ``etag`` is what stands between the quotes."""
    # RFC 9110, 13.1.2: a list of entity tags or *, compared weakly. An ETag of ours has no comma in it.
    tags = [tag.strip() for line in request.headers.getlist("if-none-match") for tag in line.split(",")]
    return "*" in tags or any(tag.removeprefix("W/") == f'"{etag}"' for tag in tags)


def problem_answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem document (RFC 9457) with the headers that belong to its status."""
    all_headers = dict(headers or {})
    if problem.retry_after is not None:
        all_headers["Retry-After"] = seconds(problem.retry_after)
    if problem.type.status == 401:
        all_headers["WWW-Authenticate"] = _CHALLENGE
    body = orjson.dumps(problem.as_json())
    return answer(body, all_headers, status=problem.type.status, media_type=PROBLEM)


def seconds(wait: timedelta) -> str:
    """A wait in whole seconds, at least one (RFC 9110, 10.2.3)."""
    return str(max(1, math.ceil(wait.total_seconds())))


@contextmanager
def outages_told() -> Iterator[None]:
    """Around what is done in the database: when it fails, the caller is asked to try again.

    The door knows no SQL and cannot tell an outage from a fault of ours; for the caller both mean the same.
    """
    try:
        yield
    except Problem:
        raise
    except Exception as error:  # noqa: BLE001 - the reason stands above
        log.error("storage.failed", **described(error))
        raise Problem(UNAVAILABLE, retry_after=_SOON) from None


class FaultBoundary:
    """Turns whatever a route raises and nobody expected into a problem document.

    What is logged are the error's type and the lines it passed: its message may hold what a sender wrote.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            log.error("request.failed", path=scope.get("path"), **described(error))
            if started:
                raise
            await problem_answer(Problem(FAULT))(scope, receive, send)


def described(error: BaseException) -> dict[str, str]:
    """An error for the log, without its message."""
    return {"error": type(error).__name__, "at": " < ".join(_lines(error.__traceback__))}


def _lines(traceback: TracebackType | None) -> Iterator[str]:
    for frame in reversed(extract_tb(traceback)[-6:]):
        yield f"{PurePath(frame.filename).name}:{frame.lineno}"
