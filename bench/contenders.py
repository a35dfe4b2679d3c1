"""Sekisho and the canvas: two ways from a POST to a listing, on the same registries, broker and database."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Select, bindparam, create_engine, func, select

from bench import canvas, sources
from bench.client import post
from bench.machines import Broker, Registries, Site, cpu_seconds
from cli.keys import new_secret_key
from cli.machine import free_port
from cli.supervisor import Part
from pipeline.identifiers import new_id
from pipeline.lifecycle import State
from pipeline.webhook import SigningKey, parse_signing_key, sign
from storage import migrations
from storage import tables as t
from storage.database import Database
from storage.senders import Cipher, SqlSenders

SENDER = "bench"
NO_LIMIT = "100000000"
_WORKER = ("worker", "-P", "threads", "--without-mingle")


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of processor time: of the workers, and of all processes but database, broker, registries."""

    workers: float
    total: float

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.workers - other.workers, self.total - other.total)


class Contender(ABC):
    """One way from a POST to a listing. ``standing`` is what runs whichever workers there are."""

    name: str
    standing: Sequence[Part]
    workers: Sequence[Part] = ()

    def __init__(self, site: Site, url: str) -> None:
        self.port = free_port()
        self._site = site
        self._engine = create_engine(url, isolation_level="AUTOCOMMIT")

    @abstractmethod
    def request(self, body: bytes) -> bytes:
        """The POST that submits a body, to be sent soon."""

    @abstractmethod
    def worker(self, number: int, threads: int) -> Part:
        """A worker process."""

    @property
    @abstractmethod
    def _listed(self) -> Select[tuple[UUID]]:
        """The ids of the applications that are listed."""

    def employ(self, processes: int, threads: int) -> Sequence[Part]:
        """Have these workers from now on; they are to be started."""
        self.workers = [self.worker(number, threads) for number in range(processes)]
        return self.workers

    def listed(self) -> int:
        """How many applications are listed."""
        with self._engine.connect() as connection:
            return int(
                connection.execute(select(func.count()).select_from(self._listed.subquery())).scalar_one()
            )

    def is_listed(self, application_id: str) -> bool:
        """Whether this one is."""
        [column] = self._listed.selected_columns
        with self._engine.connect() as connection:
            query = self._listed.where(column == bindparam("wanted"))
            return connection.execute(query, {"wanted": UUID(application_id)}).first() is not None

    def cpu(self) -> Cpu:
        """What its processes have used so far."""
        workers = cpu_seconds(self.workers)
        return Cpu(workers, workers + cpu_seconds(self.standing))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


class Sekisho(Contender):
    """Signed webhooks, web, workers, the sweeper: the stock commands, with six sources from the settings."""

    name = "sekisho"
    _listed = select(t.cases.c.application_id).where(t.cases.c.state == State.LISTED)

    def __init__(self, site: Site, url: str, broker: Broker, registries: Registries) -> None:
        super().__init__(site, url)
        asked = sources.settings(registries.nta_url, registries.application_id, registries.gleif_url)
        secret = new_secret_key()
        self._environment = {
            "SEKISHO_DATABASE_URL": url,
            "SEKISHO_BROKER_URL": broker.url(0),
            "SEKISHO_SECRET_KEYS": secret,
            "SEKISHO_SOURCES": json.dumps(asked),
            # Every application asks its sources, as the canvas does: no answer is used again.
            "SEKISHO_ANSWER_AGES_SECONDS": '{"first": 0}',
            # The whole national policy would want answers of more registers than these six.
            "SEKISHO_POLICY": "jp-national-first",
            "SEKISHO_RATE_LIMIT_PER_MINUTE": NO_LIMIT,
            "SEKISHO_BACKLOG_LIMIT": NO_LIMIT,
        }
        self._key = register(url, secret)[1]
        self.web = site.web("web", ("--factory", "web.main:app_factory"), self._environment, self.port)
        self.standing = (self.web, site.celery("sweeper", "tasks", self._environment, "beat", "--pidfile="))

    def request(self, body: bytes) -> bytes:
        signed = sign([self._key], f"msg_{new_id().hex}", datetime.now(UTC), body)
        return post("/v1/applications", body, {**signed, "Sekisho-Sender": SENDER})

    def worker(self, number: int, threads: int) -> Part:
        environment = {**self._environment, "SEKISHO_WORKER_THREADS": str(threads)}
        return self._site.celery(
            f"worker-{number}", "tasks", environment, *_WORKER, "--hostname", f"sekisho-{number}@%h"
        )


class Canvas(Contender):
    """``bench.canvas``."""

    name = "canvas"
    _listed = select(canvas.listings.c.application_id)

    def __init__(self, site: Site, url: str, broker: Broker, registries: Registries) -> None:
        super().__init__(site, url)
        engine = canvas.open_engine(url)
        canvas.metadata.create_all(engine)
        engine.dispose()
        self._environment = {
            canvas.DATABASE_URL: url,
            canvas.BROKER_URL: broker.url(1),
            canvas.RESULT_URL: broker.url(2),
            canvas.NTA_URL: registries.nta_url,
            canvas.NTA_APPLICATION_ID: registries.application_id,
            canvas.GLEIF_URL: registries.gleif_url,
        }
        self.standing = (site.web("canvas-web", ("bench.canvas:web",), self._environment, self.port),)

    def request(self, body: bytes) -> bytes:
        return post("/applications", body)

    def worker(self, number: int, threads: int) -> Part:
        concurrency = ("--concurrency", str(threads), "--hostname", f"canvas-{number}@%h")
        return self._site.celery(
            f"canvas-worker-{number}", "bench.canvas", self._environment, *_WORKER, *concurrency
        )


def register(url: str, secret: str) -> tuple[UUID, SigningKey]:
    """Bring a database to its shape and make a sender there; its id, and the key that it signs with."""
    database = Database(url)
    try:
        migrations.upgrade(database)
        with database.write() as connection:
            added = SqlSenders(connection, Cipher([secret])).add(SENDER, datetime.now(UTC))
    finally:
        database.close()
    return added.sender_id, parse_signing_key(added.secret)
