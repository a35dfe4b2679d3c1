"""Flower with the desk over a real database, in this process: the application that the stock command
makes.
"""

from __future__ import annotations

import asyncio
import copy
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from argon2 import PasswordHasher
from flower import urls
from flower.app import Flower
from flower.options import default_options
from sqlalchemy import insert
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets

from cli.samples import samples
from connectors.installed import connect
from connectors.limits import SharedLimits
from connectors.sources import ConcurrentSources
from pipeline.adjudication import Adjudication
from pipeline.collection import Collection
from pipeline.identifiers import new_id, new_reference
from pipeline.lifecycle import State
from pipeline.model import Application, Case, Stage, Step
from pipeline.people import Role
from pipeline.ports import Clock
from pipeline.publication import Publication
from pipeline.review.actions import Review
from pipeline.review.policy import ReviewTimes
from pipeline.review.timers import ReviewTimers
from pipeline.schedule import RetrySchedule
from pipeline.verification import Verification
from storage import migrations
from storage import tables as t
from storage.database import Database
from storage.memory import SqlMemory
from tasks.accounts import Accounts
from tasks.app import app as celery
from tasks.flower_options import FlowerSettings, options
from tasks.policies import PublishedPolicy
from tasks.sources import standings
from web.desk import frame
from web.desk.services import DeskServices

PASSWORD = "correct horse battery"
HOST = "127.0.0.1"
LEASE = timedelta(seconds=30)
CONNECTOR = connect({"int.gleif": {}})[0]
LIMITS = SharedLimits.at("redis://127.0.0.1:1/0")
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashes as those of the real ones, in no time."""


@dataclass
class ScriptedClock:
    moment: datetime = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def advance(self, by: timedelta) -> None:
        self.moment += by


def pipeline(memory: SqlMemory, clock: Clock, sources: ConcurrentSources) -> Verification:
    """The stages with the real policy."""
    policy = PublishedPolicy(memory, clock, "jp-national-first")
    schedule = RetrySchedule()
    return Verification(
        memory,
        {
            Stage.COLLECTION: Collection(memory, sources, clock, schedule, timedelta(seconds=1), LEASE),
            Stage.ADJUDICATION: Adjudication(memory, sources, policy, clock, schedule, LEASE, ReviewTimes()),
            Stage.PUBLICATION: Publication(memory, clock),
            Stage.REVIEW: ReviewTimers(memory, clock, LEASE),
        },
    )


@dataclass
class Browser:
    """A browser without a page: it keeps cookies and fills in the token of a form."""

    base: str
    language: str = "en"
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Accept-Language": self.language}
        self.client = httpx.Client(base_url=self.base, headers=headers, timeout=30)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)

    def post(self, path: str, **values: Any) -> httpx.Response:
        if "_xsrf" not in self.client.cookies:
            self.get("/login")
        return self.client.post(path, data={"_xsrf": self.client.cookies["_xsrf"], **values})

    def form(self, page: str, action: str) -> dict[str, str]:
        """The hidden fields of a form on a page that was got."""
        found = re.search(rf'<form[^>]*action="[^"]*/{action}"[^>]*>(.*?)</form>', page, re.DOTALL)
        assert found, f"no form {action} on the page"
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[1])
        return {name: unescape(value) for name, value in hidden if name != "_xsrf"}

    def act(self, reference: str, action: str, **values: Any) -> httpx.Response:
        """Fill in a form of a case's page, and say that one is sure."""
        page = self.get(f"/reviews/cases/{reference}").text
        hidden = self.form(page, action)
        return self.post(f"/reviews/cases/{reference}/{action}", **hidden, **values, sure="yes")

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        return self.post("/login", name=name, password=password)


@dataclass
class Desk:
    """Flower with the desk, listening, and what a test does to it."""

    database: Database
    settings: FlowerSettings
    clock: ScriptedClock = field(default_factory=ScriptedClock)
    browsers: list[Browser] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory = SqlMemory(self.database)
        self.accounts = Accounts(
            self.memory, self.clock, self.settings.session_lifetime, self.settings.session_idle, QUICK
        )
        self.review = Review(self.memory, self.clock, ReviewTimes())
        self.notified: list[Step] = []
        self.services = DeskServices(
            self.settings,
            self.clock,
            self.database,
            self.memory,
            self.accounts,
            self.review,
            self.notified.append,
            lambda: standings([CONNECTOR], LIMITS, self.memory),
        )
        self._sources = ConcurrentSources([], in_flight=1)
        self.pipeline = pipeline(self.memory, self.clock, self._sources)
        self.sender_id = new_id()
        with self.database.write() as connection:
            connection.execute(
                insert(t.senders),
                {"id": self.sender_id, "name": "portal", "created_at": self.clock.now()},
            )
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        assert self._ready.wait(30)

    def _serve(self) -> None:
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        frame.build(self.services)
        for name, value in {**options(self.settings), **frame.OPTIONS}.items():
            setattr(default_options, name, value)
        self.flower = Flower(
            capp=celery,
            options=default_options,
            io_loop=IOLoop.current(),
            **{**urls.settings, "cookie_secret": "x" * 32},
        )
        [socket] = bind_sockets(0, HOST)
        server = HTTPServer(self.flower)
        server.add_sockets([socket])
        self.url = f"http://{HOST}:{socket.getsockname()[1]}"
        self._ready.set()
        await self._end.wait()
        server.stop()
        await server.close_all_connections()
        self.flower.executor.shutdown()

    def receive(self, sample: int = 0, **product: Any) -> str:
        """A sample application, through the real rules with no source to ask: its case, and where it
        stands.
        """
        document = copy.deepcopy(dict(samples()[sample].document))
        document["product"] |= product
        now = self.clock.now()
        body = orjson.dumps({"type": "application.submitted", "data": document})
        application = Application(new_id(), self.sender_id, str(new_id()), now, body, document)
        case = Case(new_id(), new_reference(), application.id, State.RECEIVED, 1, 0, now, now)
        step = Step(new_id(), case.id, case.reference, Stage.COLLECTION, now + LEASE)
        with self.memory.write() as tx:
            tx.applications.add([application])
            tx.cases.open([(case, application)])
            tx.ledger.add([step])
        self.pipeline.carry_on(step.id)
        return case.reference

    def sweep(self) -> list[str]:
        """Do whatever is due."""
        self.clock.advance(LEASE)
        with self.memory.write() as tx:
            due = tx.ledger.claim_due(self.clock.now(), LEASE, 100)
        return [self.pipeline.carry_on(step.id) for step in due]

    def state(self, reference: str) -> State:
        """Where a case stands."""
        with self.memory.read() as tx:
            file = tx.cases.by_reference(reference)
        assert file is not None
        return file.case.state

    def close(self) -> None:
        self._sources.close()
        for browser in self.browsers:
            browser.client.close()
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)

    def browser(self, language: str = "en") -> Browser:
        self.browsers.append(Browser(self.url, language))
        return self.browsers[-1]

    def person(self, name: str, role: Role) -> str:
        """See to it that there is this account, with a password of its own."""
        if name not in {account.name for account in self.accounts.roster()}:
            self.accounts.add(name, role, PASSWORD, must_change=False)
        return name

    def signed_in(self, name: str, role: Role, language: str = "en") -> Browser:
        browser = self.browser(language)
        answer = browser.sign_in(self.person(name, role))
        assert answer.status_code == 302, answer.text
        return browser


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Opens desks on a fresh SQLite database, with settings; they are closed at the end."""
    opened: list[Desk] = []

    def open_one(**settings: Any) -> Desk:
        url = f"sqlite:///{tmp_path}/desk-{len(opened)}.db"
        database = Database(url)
        migrations.upgrade(database)
        opened.append(Desk(database, FlowerSettings(**settings)))
        return opened[-1]

    yield open_one
    for desk in opened:
        desk.close()
        desk.database.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    return open_desk()
