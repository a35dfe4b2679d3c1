"""What the desk rests on with 10,000 open cases: the queue, a search, a case, a decision.

``python -m bench.reviews [--quick] [--postgres] [--json]``; see ``docs/bench.md``. What is timed is the work
behind the pages, without HTTP and HTML.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from sqlalchemy import Connection, insert

from bench.machines import postgres
from bench.report import Table, percentile
from cli.samples import samples
from pipeline.documents import sha256
from pipeline.identifiers import new_id, new_reference
from pipeline.model import CaseFile, Decision, Verdict
from pipeline.people import Person, Role
from pipeline.review.actions import Review
from pipeline.review.clock import in_the_way
from pipeline.review.model import QueueFilter, Seen, WaitsFor
from pipeline.review.policy import ReviewTimes
from rules.policy import PackPolicy
from storage import migrations
from storage import tables as t
from storage.database import Database
from storage.memory import SqlMemory
from tasks.similar import SimilarVendors

SEED = 7
BATCH = 500
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
REVIEWER = Person("aya", Role.REVIEWER)


@dataclass(frozen=True, slots=True)
class Scale:
    """How many open cases, how many vendors they are of, and how often each thing is timed."""

    cases: int
    vendors: int
    rounds: int


FULL = Scale(10_000, 2_500, 200)
QUICK = Scale(10_000, 2_500, 30)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something took, in milliseconds."""

    database: str
    what: str
    median_ms: float
    p95_ms: float


class Clock:
    """The time of the benchmark."""

    def now(self) -> datetime:
        """Always the same moment."""
        return NOW


def judged() -> tuple[Any, Decision]:
    """A sample application that the rules refer, with the decision that refers it."""
    policy = PackPolicy.load()
    for sample in samples():
        dossier = policy.assemble(sample.document, (), (), NOW)
        judgement = policy.judge(dossier)
        if judgement.verdict is Verdict.REVIEW:
            return sample.document, Decision(new_id(), new_id(), 1, "policy", NOW, judgement, dossier)
    raise RuntimeError("no sample is referred")


def fill(connection: Connection, scale: Scale) -> list[str]:
    """Put open cases into the queue; return their references."""
    document, decision = judged()
    draw = random.Random(SEED)
    sender = new_id()
    connection.execute(insert(t.senders), {"id": sender, "name": "bench", "created_at": NOW})
    dossier = {"sha256": decision.dossier.digest, "document": decision.dossier.document}
    connection.execute(insert(t.dossiers), dossier)
    reasons = in_the_way(decision)
    references: list[str] = []
    for start in range(0, scale.cases, BATCH):
        rows: dict[Any, list[dict[str, Any]]] = {
            table: [] for table in (t.applications, t.cases, t.decisions, t.reviews, t.review_reasons)
        }
        for number in range(start, min(start + BATCH, scale.cases)):
            vendor = draw.randrange(scale.vendors)
            for table, row in _rows(number, vendor, sender, document, decision, draw):
                rows[table].append(row)
            case_id = rows[t.cases][-1]["id"]
            rows[t.review_reasons] += [
                {"case_id": case_id, "rule": rule, "reason": reason} for rule, reason in reasons
            ]
        for table, values in rows.items():
            connection.execute(insert(table), values)
        references += [row["reference"] for row in rows[t.cases]]
    return references


def _rows(
    number: int, vendor: int, sender: Any, document: Any, decision: Decision, draw: random.Random
) -> Iterator[tuple[Any, dict[str, Any]]]:
    name = f"株式会社例示{vendor:05d}製作所"
    identifiers = [{"scheme": "JP-JCN", "id": f"{vendor:013d}"}]
    own = {
        **document,
        "vendor": {**document["vendor"], "name": name, "identifiers": identifiers},
        "product": {**document["product"], "code": f"p{number % 3}"},
    }
    body = orjson.dumps({"type": "application.submitted", "data": own})
    application, case, opened = new_id(), new_id(), NOW - timedelta(minutes=number)
    yield (
        t.applications,
        {
            "id": application,
            "sender_id": sender,
            "message_id": f"m{number}",
            "body": body,
            "body_sha256": sha256(body),
            "received_at": opened,
        },
    )
    yield (
        t.cases,
        {
            "id": case,
            "reference": new_reference(),
            "application_id": application,
            "state": "referred",
            "version": 4,
            "outstanding": 0,
            "reason": decision.judgement.reason,
            "vendor_name": name,
            "vendor_scheme": "JP-JCN",
            "vendor_id": identifiers[0]["id"],
            "product_name": f"例示製品{number}",
            "opened_at": opened,
            "changed_at": opened,
        },
    )
    yield (
        t.decisions,
        {
            "id": new_id(),
            "case_id": case,
            "number": 1,
            "verdict": "review",
            "reason": decision.judgement.reason,
            "decided_by": "policy",
            "decided_at": opened,
            "dossier_sha256": decision.dossier.digest,
            "outcome": decision.judgement.document,
        },
    )
    yield (
        t.reviews,
        {
            "case_id": case,
            "referred_at": opened,
            "due_at": ReviewTimes().due(opened, 10),
            "target_days": 10,
            "track": draw.choice(["", "startup"]),
            "buyers": draw.choice(["  ", " kobe-city ", " tokyo-metropolitan kobe-city "]),
            "waits_for": "reviewer",
        },
    )


def timings(name: str, url: str, scale: Scale) -> Iterator[Timing]:
    """Fill a database and time what pages need of it."""
    database = Database(url)
    migrations.upgrade(database)
    with database.write() as connection:
        references = fill(connection, scale)
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    memory = SqlMemory(database)
    review = Review(memory, Clock(), ReviewTimes(), SimilarVendors(memory))
    review.view(references[0], REVIEWER)  # the names are read once a process
    draw = random.Random(SEED)

    def seen(reference: str) -> Seen:
        with memory.read() as tx:
            file: CaseFile | None = tx.cases.by_reference(reference)
        assert file is not None
        return Seen.of(file)

    middle = _page_in_the_middle(review, scale)
    acts: dict[str, Callable[[], object]] = {
        "queue, first page": lambda: review.queue(QueueFilter()),
        "queue, a page in the middle": lambda: review.queue(QueueFilter(), middle),
        "queue of a buyer and a track": lambda: review.queue(
            QueueFilter(waits_for=(WaitsFor.REVIEWER,), buyer="kobe-city", track="startup")
        ),
        "search by reference": lambda: review.queue(QueueFilter(search=draw.choice(references))),
        "search by number": lambda: review.queue(QueueFilter(search=f"{draw.randrange(scale.vendors):013d}")),
        "search by name": lambda: review.queue(
            QueueFilter(search=f"例示{draw.randrange(scale.vendors):05d}")
        ),
        "search that finds nothing": lambda: review.queue(QueueFilter(search="ありません")),
        "counts": review.counts,
        "case": lambda: review.view(draw.choice(references), REVIEWER),
        "approve (proposal)": lambda: review.approve(
            reference := references.pop(), seen(reference), REVIEWER
        ),
    }
    for what, act in acts.items():
        spent = [_timed(act) for _ in range(scale.rounds)]
        yield Timing(name, what, median(spent), percentile(spent, 95))
    database.close()


def _page_in_the_middle(review: Review, scale: Scale) -> str:
    after: str | None = None
    for _ in range(scale.cases // 2 // 500):
        after = review.queue(QueueFilter(), after, 500).next
    assert after is not None
    return after


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def table(measured: Sequence[Timing], scale: Scale) -> Table:
    """The figures for people."""
    return Table(
        f"Reviews: {scale.cases:,} open cases",
        ("database", "what", "median ms", "p95 ms"),
        [(one.database, one.what, f"{one.median_ms:.1f}", f"{one.p95_ms:.1f}") for one in measured],
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.reviews", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL too")
    parser.add_argument("--json", action="store_true", help="the figures as JSON objects, one a line")
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    with TemporaryDirectory(prefix="sekisho-bench-") as folder, ExitStack() as stack:
        places = {"sqlite": f"sqlite:///{folder}/desk.db"}
        if options.postgres:
            places["postgresql"] = stack.enter_context(postgres(Path(folder)))
        measured = [one for name, url in places.items() for one in timings(name, url, scale)]
    if options.json:
        for one in measured:
            print(json.dumps(asdict(one)))
    else:
        print(table(measured, scale).markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
