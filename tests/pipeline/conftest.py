"""A whole pipeline over a real database, with sources and policy that a test scripts."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import insert, select

from pipeline.adjudication import Adjudication
from pipeline.collection import Collection
from pipeline.documents import Json, digest
from pipeline.errors import SourceChanged
from pipeline.identifiers import OrganisationId, new_id, new_reference
from pipeline.lifecycle import State
from pipeline.model import (
    Answer,
    Answered,
    Application,
    Capture,
    Case,
    CaseFile,
    Dossier,
    Evidence,
    Gap,
    Inquiry,
    Judgement,
    Pace,
    Presence,
    Stage,
    Step,
    Unanswered,
    Verdict,
)
from pipeline.publication import Publication
from pipeline.review.timers import ReviewTimers
from pipeline.schedule import RetrySchedule
from pipeline.verification import Verification
from pipeline.waivers import waiver_for
from storage import migrations
from storage import tables as t
from storage.database import Database
from storage.memory import SqlMemory

LEASE = timedelta(seconds=30)
DELAYS = (timedelta(seconds=10), timedelta(seconds=20))


@dataclass
class ScriptedClock:
    moment: datetime = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def advance(self, by: timedelta) -> None:
        self.moment += by


@dataclass
class ScriptedSources:
    """Answers what the script says next for a source, ``found`` where it says nothing."""

    clock: ScriptedClock
    names: tuple[str, ...] = ("jp.nta", "int.gleif")
    script: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, str]] = field(default_factory=list)
    requests: list[list[Inquiry]] = field(default_factory=list)
    paces: dict[str, Pace] = field(default_factory=dict)
    with_questions: bool = False
    meanwhile: Callable[[], None] | None = None

    def plan(self, application: Json) -> tuple[Inquiry, ...]:
        identifier = application["vendor"]["identifiers"][0]
        subject = OrganisationId(identifier["scheme"], identifier["id"])
        return tuple(
            Inquiry(
                name, "vendor", subject, question=digest([name, str(subject)]) if self.with_questions else ""
            )
            for name in self.names
        )

    def pace(self, source: str) -> Pace:
        return self.paces.get(source, Pace())

    def ask(self, inquiries: Sequence[Inquiry], *, patience: timedelta | None = None) -> list[Answer]:
        if self.meanwhile is not None:
            self.meanwhile()
        self.requests.append(list(inquiries))
        return [self._answer(inquiry) for inquiry in inquiries]

    def _answer(self, inquiry: Inquiry) -> Answer:
        self.asked.append(inquiry.key)
        says = self.script[inquiry.source].pop(0) if self.script[inquiry.source] else "found"
        if says in {"found", "absent", "unreadable"}:
            body = orjson.dumps({"says": says, "about": str(inquiry.subject), "at": inquiry.source})
            return Capture(
                inquiry.source, "https://source.example/x", self.clock.now(), 200, "application/json", body
            )
        reason, _, seconds = says.partition(" ")
        return Unanswered(reason, timedelta(seconds=int(seconds)) if seconds else None)

    def read(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        says = orjson.loads(capture.body)["says"]
        if says == "unreadable":
            raise SourceChanged(inquiry.source, "scripted", sha256=capture.sha256)
        return Evidence(
            inquiry.source,
            inquiry.role,
            inquiry.subject,
            Presence(says),
            {},
            capture.fetched_at,
            capture.sha256,
        )


class ScriptedPolicy:
    """Approves what every source found, rejects what one has not, refers what has a gap.

    While it is ``referring``, its rule R-1 refers what it would approve, unless that is waived.
    """

    def __init__(self) -> None:
        self.referring = False

    def assemble(
        self, application: Json, evidence: Sequence[Evidence], gaps: Sequence[Gap], as_of: datetime
    ) -> Dossier:
        facts = {item.source: str(item.presence) for item in evidence}
        provenance = {item.source: {"source": item.source, "capture": item.capture} for item in evidence}
        answered = tuple(Answered.of(item) for item in evidence)
        return Dossier(as_of, facts, provenance, tuple(gaps), answered)

    def judge(self, dossier: Dossier) -> Judgement:
        if "absent" in dossier.facts.values():
            verdict, reason = Verdict.REJECT, "NOT_FOUND"
        elif dossier.gaps:
            verdict, reason = Verdict.REVIEW, "NOT_CHECKED"
        else:
            verdict, reason = Verdict.APPROVE, ""
        outcome: dict[str, Any] = {"policy": ["scripted@1"]}
        if self.referring and verdict is Verdict.APPROVE:
            result: dict[str, Any] = {
                "rule": "R-1",
                "outcome": "unknown",
                "effect": "review",
                "reason": "LOOK",
                "message": {"ja": "確認が必要です。", "en": "Somebody has to look."},
                "remedy": {"ja": "お待ちください。", "en": "Wait."},
                "trace": [{"path": "scripted", "value": None, "result": "unknown"}],
            }
            if (waiver := waiver_for(result, dossier.waivers)) is None:
                verdict, reason = Verdict.REVIEW, "LOOK"
            else:
                result |= {"effect": "waived", "waived": waiver.as_json()}
            outcome["results"] = [result]
        return Judgement(verdict, reason, {**outcome, "decision": str(verdict)})


@dataclass
class World:
    """The pipeline and all that a test does to it."""

    database: Database
    clock: ScriptedClock = field(default_factory=ScriptedClock)

    def __post_init__(self) -> None:
        self.memory = SqlMemory(self.database)
        self.sources = ScriptedSources(self.clock)
        self.policy = ScriptedPolicy()
        schedule = RetrySchedule(DELAYS)
        self.verification = Verification(
            self.memory,
            {
                Stage.COLLECTION: Collection(
                    self.memory, self.sources, self.clock, schedule, timedelta(seconds=1), LEASE
                ),
                Stage.ADJUDICATION: Adjudication(
                    self.memory, self.sources, self.policy, self.clock, schedule, LEASE
                ),
                Stage.PUBLICATION: Publication(self.memory, self.clock),
                Stage.REVIEW: ReviewTimers(self.memory, self.clock, LEASE),
            },
        )
        self.sender_id = new_id()
        with self.database.write() as connection:
            connection.execute(
                insert(t.senders),
                {"id": self.sender_id, "name": str(self.sender_id), "created_at": self.clock.now()},
            )

    def receive(
        self, number: str = "7000012050002", code: str = "chat", name: str = "例示チャット", **more: Any
    ) -> Step:
        """An application, its case and its first step, as intake leaves them."""
        document = {
            "vendor": {
                "name": "例示株式会社",
                "country": "JP",
                "role": "direct",
                "identifiers": [{"scheme": "JP-JCN", "id": number}],
            },
            "product": {"code": code, "name": {"ja": name}},
            **more,
        }
        now = self.clock.now()
        body = orjson.dumps({"type": "application.submitted", "data": document})
        application = Application(new_id(), self.sender_id, str(new_id()), now, body, document)
        case = Case(new_id(), new_reference(), application.id, State.RECEIVED, 1, 0, now, now)
        step = Step(new_id(), case.id, case.reference, Stage.COLLECTION, now + LEASE)
        with self.memory.write() as tx:
            assert tx.applications.add([application])
            tx.cases.open([(case, application)])
            tx.ledger.add([step])
        return step

    def file(self, case_id: UUID) -> CaseFile:
        with self.memory.read() as tx:
            return tx.cases.file(case_id)

    def state(self, step: Step) -> State:
        return self.file(step.case_id).case.state

    def steps(self) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(t.steps).order_by(t.steps.c.id)))

    def rows(self, table: Any) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(table)))

    def sweep(self) -> list[str]:
        """What the sweeper and the workers would do now."""
        with self.memory.write() as tx:
            due = tx.ledger.claim_due(self.clock.now(), LEASE, 100)
        return [self.verification.carry_on(step.id) for step in due]

    def run_until_quiet(self, at_most: int = 60) -> None:
        for _ in range(at_most):
            if not self.steps():
                return
            self.clock.advance(timedelta(hours=2))
            self.sweep()
        raise AssertionError("the ledger does not empty")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture(scope="session")
def make_world(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], World]:
    """Fresh worlds on SQLite for examples of a state machine: a migrated file is copied each time."""
    folder = tmp_path_factory.mktemp("worlds")
    template = Database(f"sqlite:///{folder}/template.db")
    migrations.upgrade(template)
    with template.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    template.close()

    def make() -> World:
        path = folder / f"{new_id().hex}.db"
        shutil.copyfile(folder / "template.db", path)
        return World(Database(f"sqlite:///{path}"))

    return make
