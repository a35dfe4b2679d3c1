"""The alternative to intake: a bare FastAPI application that makes the same inserts in one commit.

No signature, no schema, no limits, no messages: ``uvicorn --factory bench.bare:create_app``.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import orjson
from fastapi import FastAPI
from fastapi.requests import Request
from fastapi.responses import Response
from sqlalchemy import insert
from starlette.concurrency import run_in_threadpool

from pipeline.documents import sha256
from pipeline.identifiers import new_id, new_reference
from storage import tables as t
from storage.database import Database

DATABASE_URL = "BENCH_BARE_DATABASE_URL"
SENDER = "BENCH_BARE_SENDER"

_APPLICATION, _CASE, _STEP, _EVENT = (
    insert(table) for table in (t.applications, t.cases, t.steps, t.journal)
)


def create_app() -> FastAPI:
    """The application on the database that the environment names."""
    app = FastAPI()
    database = Database(os.environ[DATABASE_URL])
    sender_id = UUID(os.environ[SENDER])
    positions = count(time.time_ns())  # as a journal's, behind those of an earlier run

    def keep(message_id: str, body: bytes, document: Any) -> UUID:
        application_id, case_id, reference, now = new_id(), new_id(), new_reference(), datetime.now(UTC)
        vendor, product, digest = document["vendor"], document["product"], sha256(body)
        application = {
            "id": application_id,
            "sender_id": sender_id,
            "message_id": message_id,
            "body": body,
            "body_sha256": digest,
            "supersedes": None,
            "received_at": now,
        }
        case = {
            "id": case_id,
            "reference": reference,
            "application_id": application_id,
            "state": "received",
            "version": 1,
            "outstanding": 0,
            "reason": "",
            "vendor_name": vendor["name"],
            "vendor_scheme": vendor["identifiers"][0]["scheme"],
            "vendor_id": vendor["identifiers"][0]["id"],
            "product_name": product["name"]["ja"],
            "opened_at": now,
            "changed_at": now,
        }
        step = {
            "id": new_id(),
            "case_id": case_id,
            "reference": reference,
            "stage": "collection",
            "source": None,
            "role": None,
            "due_at": now,
            "sends": 0,
        }
        event = {
            "position": next(positions),
            "case_id": case_id,
            "name": "application.received",
            "acted_by": "intake",
            "at": now,
            "data": orjson.dumps({"application": str(application_id), "body": digest}),
            "sha256": digest,
        }
        with database.write() as connection:
            connection.execute(_APPLICATION, application)
            connection.execute(_CASE, case)
            connection.execute(_STEP, step)
            connection.execute(_EVENT, event)
        return application_id

    @app.post("/applications")
    async def submit(request: Request) -> Response:
        body = await request.body()
        submission = orjson.loads(body)
        application_id = await run_in_threadpool(
            keep, request.headers["webhook-id"], body, submission["data"]
        )
        return Response(orjson.dumps({"id": str(application_id)}), 202, media_type="application/json")

    return app
