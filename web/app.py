"""The web application: routes over services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import orjson
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pipeline import problems
from pipeline.problems import Problem
from web import openapi
from web.answers import FaultBoundary, answer, outages_told, problem_answer
from web.catalog import Catalog
from web.directory import Directory
from web.fit import Fits
from web.intake import Submissions
from web.journal import Journal
from web.messages import Messages
from web.schemas import schema
from web.services import Services
from web.status import Status

_OF_STATUS = {404: problems.NOT_FOUND, 405: problems.METHOD_NOT_ALLOWED, 413: problems.BODY_TOO_LARGE}


def create_app(services: Services, close: Callable[[], None] | None = None) -> FastAPI:
    """The application over these services. It keeps no state but what it read a moment ago.

    ``close`` is called when the server shuts down, after the last answer.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        if close is not None:
            await run_in_threadpool(close)

    app = FastAPI(
        title=openapi.TITLE, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=lifespan
    )
    description = openapi.document()
    app.openapi = lambda: description  # type: ignore[method-assign]  # FastAPI's own way to replace it
    app.add_middleware(FaultBoundary)
    app.add_exception_handler(Problem, _told)
    app.add_exception_handler(HTTPException, _told_by_framework)

    directory = Directory(services)
    catalog = Catalog(services)
    fits = Fits(services)
    journal = Journal(services)
    app.state.feed_watch = catalog.watch
    status = Status(services, directory)
    app.add_route("/v1/applications", Submissions(services, directory).submit, methods=["POST"])
    app.add_route("/v1/messages", Messages(services, directory).take, methods=["POST"])
    for path, route in {
        "/v1/applications/{id}": status.show,
        "/v1/applications/{id}/receipt": status.receipt,
        "/v1/listings": catalog.listings,
        "/v1/listings/changes": catalog.changes,
        "/v1/listings/snapshot": catalog.snapshot,
        "/v1/listings/{id}": catalog.listing,
        "/v1/receipts/{digest}": journal.receipt,
        "/v1/decisions/{id}/receipt": journal.receipt_of_decision,
        "/v1/listings/{id}/fit": fits.one,
        "/v1/fit": fits.many,
        "/v1/journal/head": journal.head,
        "/.well-known/jwks.json": journal.keys,
        "/v1/schemas/{name}": schema,
        "/v1/schemas/{name}/{version}": schema,
        "/livez": _live,
        "/readyz": _ready(services),
        "/docs": _docs,
    }.items():
        app.add_route(path, route, methods=["GET"])
    return app


async def _live(_request: Request) -> Response:
    # Nothing else is asked: a probe that asks the database restarts processes that only wait for it.
    return _probe([])


def _ready(services: Services) -> Callable[[Request], Awaitable[Response]]:
    async def ready(_request: Request) -> Response:
        with outages_told():
            return _probe(await run_in_threadpool(services.readiness))

    return ready


def _probe(faults: list[str]) -> Response:
    return answer(orjson.dumps({"ok": not faults, "faults": faults}), status=503 if faults else 200)


async def _docs(_request: Request) -> Response:
    headers = {"Content-Security-Policy": "default-src 'none'"}
    return answer(openapi.page().encode(), headers, media_type="text/html")


async def _told(_request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return problem_answer(problem)


async def _told_by_framework(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _OF_STATUS.get(error.status_code, problems.NOT_UNDERSTOOD)
    return problem_answer(Problem(kind), error.headers)
