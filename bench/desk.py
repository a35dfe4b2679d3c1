"""The desk with ten thousand open cases: each page in the stock Flower, over HTTP, as a reviewer gets it.

``python -m bench.desk [CASES]`` fills a database, starts Flower and times every page. The goal is a median
below 300 ms.
"""

from __future__ import annotations

import copy
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import orjson
from sqlalchemy import insert

from cli.machine import answers, free_port
from cli.processes import Child
from cli.samples import samples
from pipeline.identifiers import new_id, new_reference
from pipeline.lifecycle import State
from pipeline.model import Application, Case, CaseFile, Decision, Event
from pipeline.people import Role
from pipeline.review.clock import in_the_way, referred
from pipeline.review.policy import ReviewTimes
from storage import migrations
from storage import tables as t
from storage.database import Database
from storage.memory import SqlMemory
from tasks.accounts import Accounts
from tasks.bootstrap import SystemClock
from tasks.policies import PublishedPolicy

ROUNDS = 15
GOAL = 0.3
BATCH = 250
PASSWORD = "a long password to measure with"
HOST = "127.0.0.1"


def fill(memory: SqlMemory, database: Database, number: int) -> str:
    """So many referred cases of as many vendors, judged by the real rules; the reference of one of them."""
    sample = samples()[0].document
    sender_id = new_id()
    with database.write() as connection:
        connection.execute(
            insert(t.senders), {"id": sender_id, "name": "portal", "created_at": datetime.now(UTC)}
        )
    policy = PublishedPolicy(memory, SystemClock(), "jp-national-first")
    now = datetime.now(UTC)
    dossier = policy.assemble(sample, (), (), now)
    judgement = policy.judge(dossier)
    reference = ""
    for first in range(0, number, BATCH):
        with memory.write() as tx:
            for place in range(first, min(first + BATCH, number)):
                case, application = _case(sender_id, place, now - timedelta(hours=place % 700))
                reference = reference or case.reference
                assert tx.applications.add([application])
                tx.cases.open([(case, application)])
                decision = Decision(new_id(), case.id, 1, "policy", case.opened_at, judgement, dossier)
                tx.decisions.add(decision)
                record = referred(CaseFile(case, application), decision, case.opened_at, ReviewTimes())
                tx.reviews.refer(record, in_the_way(decision))
                tx.journal.write([Event(case.id, "application.received", "intake", case.opened_at, {})])
    return reference


def _case(sender_id: UUID, place: int, at: datetime) -> tuple[Case, Application]:
    document = copy.deepcopy(dict(samples()[0].document))
    document["vendor"]["name"] = f"試験電機{place}株式会社"
    document["vendor"]["identifiers"] = [{"scheme": "JP-JCN", "id": f"{9000000000000 + place}"}]
    body = orjson.dumps({"type": "application.submitted", "data": document})
    application = Application(new_id(), sender_id, str(new_id()), at, body, document)
    return Case(new_id(), new_reference(), application.id, State.REFERRED, 3, 0, at, at), application


@contextmanager
def flower(folder: Path, database_url: str) -> Iterator[str]:
    """The stock command, over this database; yields where it answers."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")}
    environment |= {
        "SEKISHO_DATABASE_URL": database_url,
        "SEKISHO_BROKER_URL": f"redis://{HOST}:{free_port()}/0",
    }
    command = [sys.executable, "-m", "celery", "-A", "tasks", "flower", f"--address={HOST}", f"--port={port}"]
    child = Child("flower", command, folder / "flower.log", environment, Path(__file__).resolve().parents[1])
    child.start()
    try:
        until = time.monotonic() + 120
        while not answers(port, "/healthcheck"):
            if time.monotonic() > until:
                raise SystemExit(f"Flower did not start:\n{child.last_lines()}")
            time.sleep(0.2)
        yield f"http://{HOST}:{port}"
    finally:
        child.signal(9)


def measure(url: str, reference: str) -> list[tuple[str, float, float]]:
    """Each page's median and slowest of some rounds, in seconds."""
    with httpx.Client(base_url=url, timeout=60) as client:
        client.get("/login")
        form = {"_xsrf": client.cookies["_xsrf"], "name": "bench", "password": PASSWORD}
        assert client.post("/login", data=form).status_code == 302
        found = []
        for name, path in (
            ("queue", "/reviews"),
            ("queue, by vendor", "/reviews?q=試験電機77"),
            ("queue, by reason", "/reviews?q=SOURCE_NO_ANSWER"),
            ("queue, overdue", "/reviews?overdue=1"),
            ("case", f"/reviews/cases/{reference}"),
            ("proposals", "/reviews/proposals"),
            ("policies", "/reviews/policies"),
            ("a pack's tables", "/reviews/policies/packs/jp-national"),
            ("pipeline", "/reviews/pipeline"),
        ):
            spans = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                answer = client.get(path)
                spans.append(time.perf_counter() - began)
                assert answer.status_code == 200, (path, answer.status_code)
            found.append((name, statistics.median(spans), max(spans)))
        return found


def main(number: int) -> int:
    """Fill, measure, tell; 1 where a page misses the goal."""
    with tempfile.TemporaryDirectory(prefix="sekisho-desk-") as place:
        folder = Path(place)
        database_url = f"sqlite:///{folder}/sekisho.db"
        database = Database(database_url)
        migrations.upgrade(database)
        memory = SqlMemory(database)
        Accounts(memory, SystemClock()).add("bench", Role.OFFICER, PASSWORD, must_change=False)
        reference = fill(memory, database, number)
        database.close()
        with flower(folder, database_url) as url:
            found = measure(url, reference)
    print(f"The desk with {number:,} open cases on SQLite; {ROUNDS} rounds a page, milliseconds\n")
    print("| page | median | slowest |\n| --- | ---: | ---: |")
    for name, median, slowest in found:
        print(f"| {name} | {median * 1000:.0f} | {slowest * 1000:.0f} |")
    late = [name for name, median, _ in found if median > GOAL]
    print(
        f"\nGoal: a median below {GOAL * 1000:.0f} ms. " + ("Missed: " + ", ".join(late) if late else "Met.")
    )
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
