"""The web application over a real database, with a clock that a test moves and a sender to sign as."""

from __future__ import annotations

import asyncio
import copy
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from cli.samples import samples
from pipeline.identifiers import OrganisationId, new_id
from pipeline.lifecycle import State
from pipeline.model import (
    Capture,
    Check,
    CheckState,
    Decision,
    Dossier,
    Event,
    Inquiry,
    Judgement,
    ListingVersion,
    Step,
    Verdict,
)
from pipeline.publication import compose
from pipeline.review.clock import in_the_way, referred
from pipeline.review.policy import ReviewTimes
from pipeline.webhook import SigningKey, parse_signing_key, sign
from storage import migrations
from storage.database import Database
from storage.memory import SqlMemory
from storage.senders import Cipher, Credentials, SqlSenders
from storage.snapshots import Snapshots
from tasks.fitting import PolicyFit
from tasks.policies import PublishedPolicy
from web.app import create_app
from web.directory import FRESH_FOR
from web.services import Limits, Services

CIPHER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
LEASE = timedelta(seconds=30)


@dataclass
class ScriptedClock:
    moment: datetime = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def advance(self, by: timedelta) -> None:
        self.moment += by


@dataclass
class Door:
    """The application, and all that a test does at it."""

    database: Database
    limits: Limits = field(default_factory=Limits)
    clock: ScriptedClock = field(default_factory=ScriptedClock)
    notified: list[Step] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=lambda: {"registry": {"found": True}})

    def __post_init__(self) -> None:
        self.memory = SqlMemory(self.database)
        self.cipher = Cipher([CIPHER_KEY])
        self._folder = tempfile.TemporaryDirectory()
        self.snapshots = Snapshots(
            self.database, Path(self._folder.name) / "snapshots", self.clock, timedelta(minutes=10)
        )
        self.credentials = self.add_sender("portal")
        self.key = parse_signing_key(self.credentials.secret)
        self.services = Services(
            memory=self.memory,
            clock=self.clock,
            cipher=self.cipher,
            snapshots=self.snapshots,
            fitting=PolicyFit(PublishedPolicy(self.memory, self.clock, "jp-national"), self.clock),
            notify=self.notified.append,
            readiness=lambda: self.faults,
            lease=LEASE,
            limits=self.limits,
        )
        self.app = create_app(self.services)
        self._runner = asyncio.Runner()
        self._ids = itertools.count(1)
        transport = httpx.ASGITransport(app=self.app)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://door.test")

    @staticmethod
    def application(code: str | None = None) -> dict[str, Any]:
        """A valid application, to be changed at will."""
        document = copy.deepcopy(dict(samples()[0].document))
        if code is not None:
            document["product"]["code"] = code
        return document

    @staticmethod
    def submission(document: object) -> bytes:
        """The body of a webhook that carries this application."""
        envelope = {"type": "application.submitted", "timestamp": "2026-11-02T09:00:00Z", "data": document}
        return orjson.dumps(envelope)

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()
        self._folder.cleanup()

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def add_sender(self, name: str, **options: Any) -> Credentials:
        self.clock.advance(FRESH_FOR)
        with self.database.write() as connection:
            return SqlSenders(connection, self.cipher).add(name, self.clock.now(), **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.run(self._client.request(method, path, **options))

    def get(self, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("GET", path, headers=named)

    def signed(
        self,
        body: bytes,
        *,
        message_id: str | None = None,
        key: SigningKey | None = None,
        at: datetime | None = None,
        sender: str | None = "portal",
    ) -> dict[str, str]:
        """The headers of a message as its sender would send them."""
        headers = sign(
            [key or self.key], message_id or f"msg_{next(self._ids)}", at or self.clock.now(), body
        )
        headers["content-type"] = "application/json"
        if sender is not None:
            headers["sekisho-sender"] = sender
        return headers

    def post(
        self, body: bytes, headers: dict[str, str | None] | None = None, **signing: Any
    ) -> httpx.Response:
        """Send a body, signed; ``headers`` overrides what goes with it, None leaves a header out."""
        all_headers = {**self.signed(body, **signing), **(headers or {})}
        given = {name: value for name, value in all_headers.items() if value is not None}
        return self.request("POST", "/v1/applications", content=body, headers=given)

    def say(self, kind: str, data: dict[str, Any], **signing: Any) -> httpx.Response:
        """Send a message about an application, signed."""
        body = orjson.dumps({"type": kind, "timestamp": "2026-11-02T09:00:00Z", "data": data})
        headers = self.signed(body, **signing)
        return self.request("POST", "/v1/messages", content=body, headers=headers)

    def refer(self, application_id: UUID, **outcome: Any) -> None:
        """Have a case referred, as adjudication would."""
        self.move(application_id, State.ADJUDICATING)
        decision = self.decide(application_id, Verdict.REVIEW, "LOOK", **outcome)
        self.move(application_id, State.REFERRED)
        with self.memory.write() as tx:
            file = tx.cases.of_sender(self.credentials.sender_id, application_id)
            record = referred(file, decision, self.clock.now(), ReviewTimes())
            tx.reviews.refer(record, in_the_way(decision))

    def submit(self, document: object, **signing: Any) -> httpx.Response:
        return self.post(self.submission(document), **signing)

    def accepted(self, document: object = None, **signing: Any) -> UUID:
        """Have an application accepted and return its id."""
        answer = self.submit(self.application() if document is None else document, **signing)
        assert answer.status_code == 202, answer.text
        return UUID(answer.json()["id"])

    def status(self, application_id: UUID, **headers: str) -> httpx.Response:
        authorization = f"Bearer {self.credentials.token}"
        return self.get(f"/v1/applications/{application_id}", **{"authorization": authorization, **headers})

    def counts(self) -> dict[str, int]:
        with self.memory.read() as tx:
            return {**tx.cases.counts(), "steps": tx.ledger.backlog(self.clock.now())}

    def move(self, application_id: UUID, *states: State) -> None:
        """Take a case through states, as the stages would."""
        with self.memory.write() as tx:
            case = tx.cases.of_sender(self.credentials.sender_id, application_id).case
            for state in states:
                case = tx.cases.move(case, state, self.clock.now())

    def record(self, application_id: UUID, **states: str) -> None:
        """Write checks: ``answered``, ``given_up <reason>`` or ``waiting <reason> <seconds>`` by source."""
        checks = []
        for source, says in states.items():
            inquiry = Inquiry(source.replace("_", "."), "vendor", OrganisationId("JP-JCN", "7000012050002"))
            state, _, rest = says.partition(" ")
            reason, _, seconds = rest.partition(" ")
            now = self.clock.now()
            checks.append(
                Check(
                    inquiry,
                    CheckState(state),
                    tries=1,
                    reason=reason,
                    next_try_at=now + timedelta(seconds=int(seconds)) if seconds else None,
                    capture=Capture(
                        inquiry.source, "https://registry.example/", now, 200, "text/xml", b"<x/>"
                    )
                    if state == "answered"
                    else None,
                )
            )
        with self.memory.write() as tx:
            tx.cases.record(tx.cases.of_sender(self.credentials.sender_id, application_id).case, checks)

    def decide(self, application_id: UUID, verdict: Verdict, reason: str = "", **outcome: Any) -> Decision:
        """Write a decision, as adjudication would."""
        with self.memory.write() as tx:
            case = tx.cases.of_sender(self.credentials.sender_id, application_id).case
            dossier = Dossier(
                as_of=self.clock.now() - timedelta(hours=1),
                facts=self.facts,
                provenance={
                    "registry.found": {
                        "source": "jp.nta",
                        "at": "2026-11-02T08:00:00.000000Z",
                        "capture": "sha256:" + "0" * 64,
                    },
                    "vendor.name": {"source": "declaration", "at": "2026-11-02T08:00:00.000000Z"},
                    **self.provenance,
                },
            )
            judgement = Judgement(verdict, reason, {"policy": ["jp-national@1#sha256:0"], **outcome})
            decision = Decision(new_id(), case.id, 1, "policy", self.clock.now(), judgement, dossier)
            tx.decisions.add(decision)
        return decision

    def list(self, application_id: UUID) -> ListingVersion:
        """Take a case to the catalog, as the stages would."""
        self.move(application_id, State.ADJUDICATING)
        decision = self.decide(application_id, Verdict.APPROVE)
        self.move(application_id, State.APPROVED)
        with self.memory.write() as tx:
            file = tx.cases.of_sender(self.credentials.sender_id, application_id)
            listing_id, number = tx.listings.next_version(file.application)
            document = compose(file, decision, listing_id, number)
            version = ListingVersion(listing_id, number, file.case.id, self.clock.now(), document)
            tx.cases.move(file.case, State.LISTED, self.clock.now())
            position = tx.listings.publish(version)
            published = {"listing": str(listing_id), "version": number, "position": position}
            tx.journal.write(
                [Event(file.case.id, "listing.published", "publication", self.clock.now(), published)]
            )
        return version


@pytest.fixture
def door(sqlite_database_url: str) -> Iterator[Door]:
    """A door over SQLite."""
    yield from _opened(Database(sqlite_database_url))


@pytest.fixture
def any_door(database: Database) -> Iterator[Door]:
    """A door over each kind of database."""
    opened = Door(database)
    yield opened
    opened.close()


@pytest.fixture
def narrow_door(sqlite_database_url: str) -> Iterator[Door]:
    """A door with limits that are easily reached."""
    yield from _opened(
        Database(sqlite_database_url),
        Limits(body_bytes=8192, body_seconds=0.01, submissions_per_minute=2, backlog=1),
    )


@pytest.fixture(scope="module")
def lasting_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door for many examples, with a limit that they do not reach."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('door')}/sekisho.db")
    migrations.upgrade(database)
    yield from _opened(database, Limits(submissions_per_minute=1_000_000, backlog=1_000_000))


def _opened(database: Database, limits: Limits | None = None) -> Iterator[Door]:
    door = Door(database, limits or Limits())
    yield door
    door.close()
    database.close()
