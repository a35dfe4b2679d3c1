"""The alternative: what one would otherwise write with Celery's canvas.

A web process that keeps the application and starts ``chain(chord(six checks, decide), publish)``; workers
that ask the registries with ``requests``, a session a thread, read the answers with the same connectors, and
write a row for the decision and a row for the listing. The chord joins in the Redis result backend. It keeps
no capture and no journal, judges by one line, and what Redis forgets is lost: all in its favour here.
"""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import requests
from celery import Celery, chain, chord
from fastapi import Body, FastAPI
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Engine,
    MetaData,
    String,
    Table,
    Uuid,
    create_engine,
    event,
    insert,
)
from sqlalchemy.engine import make_url

from bench.sources import NTA, SOURCES
from connectors.gleif import Gleif
from connectors.nta import Nta
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Inquiry

DATABASE_URL = "BENCH_CANVAS_DATABASE_URL"
BROKER_URL = "BENCH_CANVAS_BROKER_URL"
RESULT_URL = "BENCH_CANVAS_RESULT_URL"
NTA_URL = "BENCH_CANVAS_NTA_URL"
NTA_APPLICATION_ID = "BENCH_CANVAS_NTA_APPLICATION_ID"
GLEIF_URL = "BENCH_CANVAS_GLEIF_URL"

metadata = MetaData()
applications = Table(
    "canvas_applications",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("document", JSON, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
)
decisions = Table(
    "canvas_decisions",
    metadata,
    Column("application_id", Uuid, primary_key=True),
    Column("verdict", String(16), nullable=False),
    Column("evidence", JSON, nullable=False),
)
listings = Table(
    "canvas_listings",
    metadata,
    Column("application_id", Uuid, primary_key=True),
    Column("published_at", DateTime(timezone=True), nullable=False),
)


def open_engine(url: str) -> Engine:
    """The database, with the settings that everybody gives SQLite."""
    engine = create_engine(make_url(url), pool_size=24)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA busy_timeout=15000")


app = Celery(
    "canvas",
    broker=os.environ.get(BROKER_URL, "memory://"),
    backend=os.environ.get(RESULT_URL, "cache+memory://"),
)
app.conf.update(
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
)

_engine = open_engine(os.environ.get(DATABASE_URL, "sqlite:///canvas.db"))
_parsers = {source: Nta("-") if source in NTA else Gleif() for source in SOURCES}
_local = threading.local()


def _session() -> requests.Session:
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
    return session


@app.task(autoretry_for=(requests.RequestException,), max_retries=3)  # type: ignore[untyped-decorator]
def check(source: str, scheme: str, number: str) -> dict[str, Any]:
    """What a source says of a number."""
    if source in NTA:
        answer = _session().get(
            f"{os.environ[NTA_URL]}/num",
            params={"id": os.environ[NTA_APPLICATION_ID], "number": number, "type": "12", "history": "1"},
            timeout=20,
        )
    else:
        answer = _session().get(f"{os.environ[GLEIF_URL]}/lei-records/{number}", timeout=20)
    answer.raise_for_status()
    media_type = answer.headers["content-type"]
    capture = Capture(source, answer.url, datetime.now(UTC), answer.status_code, media_type, answer.content)
    evidence = _parsers[source].parse(Inquiry(source, "vendor", OrganisationId(scheme, number)), capture)
    return {"source": source, "found": evidence.presence == "found", "record": dict(evidence.record)}


@app.task  # type: ignore[untyped-decorator]
def decide(evidence: list[dict[str, Any]], application_id: str) -> str:
    """Keep the decision."""
    good = all(answer["found"] and not answer["record"].get("closed") for answer in evidence)
    verdict = "approve" if good else "reject"
    with _engine.begin() as connection:
        row = {"application_id": UUID(application_id), "verdict": verdict, "evidence": evidence}
        connection.execute(insert(decisions), row)
    return verdict


@app.task(ignore_result=True)  # type: ignore[untyped-decorator]
def publish(verdict: str, application_id: str) -> None:
    """Keep the listing."""
    if verdict == "approve":
        with _engine.begin() as connection:
            row = {"application_id": UUID(application_id), "published_at": datetime.now(UTC)}
            connection.execute(insert(listings), row)


web = FastAPI()


@web.post("/applications", status_code=202)
def submit(submission: Annotated[dict[str, Any], Body()]) -> dict[str, str]:
    """Keep an application and start its verification."""
    document = submission["data"]
    application_id = uuid4()
    with _engine.begin() as connection:
        row = {"id": application_id, "document": document, "received_at": datetime.now(UTC)}
        connection.execute(insert(applications), row)
    vendor, maker = (document[role]["identifiers"][0] for role in ("vendor", "maker"))
    checks = [
        check.s(source, subject["scheme"], subject["id"])
        for source, subject in ((source, vendor if source in NTA else maker) for source in SOURCES)
    ]
    chain(chord(checks, decide.s(str(application_id))), publish.s(str(application_id))).apply_async()
    return {"id": str(application_id)}
