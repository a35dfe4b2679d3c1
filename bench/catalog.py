"""``python -m bench.catalog``: reads of the catalog beside a bare framework that answers as many bytes.

Listings are a sample's, each with its own id, case and seller. The bare side is FastAPI on the same uvicorn
with nothing behind it: no database, no route but one, bytes made beforehand. One process each; the sides take
turns.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import insert, update
from starlette.requests import Request
from starlette.responses import Response

from bench.client import HOST, Fault, send_all
from bench.machines import DATABASES, Site, cpu_seconds, postgres
from bench.report import Table, percentile, spread
from cli.keys import new_secret_key
from cli.machine import free_port
from cli.processes import Interrupted, Signals
from cli.samples import samples
from cli.supervisor import Part
from pipeline.documents import canonical, sha256
from pipeline.identifiers import new_id, new_reference
from pipeline.lifecycle import State
from pipeline.listing import compose
from pipeline.model import Application, Case, CaseFile, Decision, Verdict
from rules.policy import PackPolicy
from storage import migrations
from storage import tables as t
from storage.database import Database
from storage.snapshots import write_snapshot

CONNECTIONS = 8
PAGE = 100
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """``listings`` in the catalog, ``rounds`` of about ``seconds`` for either side in turn."""

    databases: Sequence[str]
    listings: int
    rounds: int
    seconds: float


FULL = Plan(DATABASES, listings=100_000, rounds=5, seconds=3.0)
QUICK = Plan(("sqlite",), listings=2_000, rounds=2, seconds=0.5)


@dataclass(frozen=True, slots=True)
class Read:
    """One kind of read on one database: answers a second on both sides, a figure a round."""

    database: str
    what: str
    size: int
    per_second: Sequence[float]
    bare_per_second: Sequence[float]
    p50_ms: float
    p99_ms: float
    server_cpu_ms: float
    bare_cpu_ms: float

    @property
    def ratio(self) -> float:
        """How fast it is beside the bare side."""
        return median(self.per_second) / median(self.bare_per_second)


@dataclass(frozen=True, slots=True)
class Written:
    """A snapshot written: listings, bytes, seconds, and by how much the process's largest size grew."""

    database: str
    listings: int
    size: int
    seconds: float
    grown_mib: float


def constant() -> FastAPI:
    """The bare side: ``/{size}`` is so many bytes, made beforehand; with If-None-Match it is 304."""
    app = FastAPI()
    made: dict[str, bytes] = {}

    async def answer(request: Request) -> Response:
        size = request.path_params["size"]
        if "if-none-match" in request.headers:
            return Response(status_code=304, headers={"ETag": '"x"'})
        if size not in made:
            made[size] = b"x" * int(size)
        return Response(made[size], media_type="application/json", headers={"ETag": '"x"'})

    app.add_route("/{size}", answer, methods=["GET"])
    return app


def fill(database: Database, number: int) -> list[UUID]:
    """Put so many listings into the catalog, in one version each; their ids."""
    document = dict(_listing())
    sender = new_id()
    with database.write() as connection:
        connection.execute(insert(t.senders), {"id": sender, "name": "bench", "created_at": NOW})
    ids: list[UUID] = []
    for first in range(0, number, 1000):
        rows = [
            _rows(document, sender, position) for position in range(first + 1, min(first + 1000, number) + 1)
        ]
        with database.write() as connection:
            for table in (t.applications, t.cases, t.listings, t.listing_versions, t.listing_changes):
                connection.execute(insert(table), [row[table.name] for row in rows])
            connection.execute(update(t.feed_head).values(position=first + len(rows)))
        ids += [row["listings"]["id"] for row in rows]
    return ids


def _listing() -> Mapping[str, Any]:
    sample, policy = samples()[0].document, PackPolicy.load("jp-national")
    application = Application(new_id(), new_id(), "m", NOW, b"{}", sample)
    case = Case(new_id(), new_reference(), application.id, State.APPROVED, 1, 0, NOW, NOW)
    dossier = policy.assemble(sample, [], [], NOW)
    decision = Decision(new_id(), case.id, 1, "policy", NOW, policy.judge(dossier), dossier)
    assert decision.judgement.verdict is not Verdict.REJECT
    return compose(CaseFile(case, application), decision, new_id(), 1)


def _rows(document: Mapping[str, Any], sender: UUID, position: int) -> dict[str, dict[str, Any]]:
    listing_id, case_id, application_id, reference = new_id(), new_id(), new_id(), new_reference()
    own = {
        **document,
        "id": str(listing_id),
        "case": reference,
        "seller": {**document["seller"], "name": f"例示{position}株式会社"},
    }
    body = canonical(own)
    return {
        "applications": {
            "id": application_id,
            "sender_id": sender,
            "message_id": str(position),
            "body": b"{}",
            "body_sha256": "sha256:",
            "received_at": NOW,
        },
        "cases": {
            "id": case_id,
            "reference": reference,
            "application_id": application_id,
            "state": "listed",
            "version": 1,
            "outstanding": 0,
            "reason": "",
            "vendor_name": own["seller"]["name"],
            "vendor_scheme": "JP-JCN",
            "vendor_id": str(position),
            "product_name": "x",
            "opened_at": NOW,
            "changed_at": NOW,
        },
        "listings": {
            "id": listing_id,
            "vendor_scheme": "JP-JCN",
            "vendor_id": str(position),
            "product_code": "x",
            "version": 1,
            "position": position,
            "changed_at": NOW,
        },
        "listing_versions": {
            "listing_id": listing_id,
            "version": 1,
            "case_id": case_id,
            "published_at": NOW,
            "document": body,
            "document_sha256": sha256(body),
        },
        "listing_changes": {
            "position": position,
            "kind": "published",
            "listing_id": listing_id,
            "version": 1,
            "occurred_at": NOW,
        },
    }


def get(path: str, etag: str = "") -> bytes:
    """A request as it goes over the wire."""
    condition = f"If-None-Match: {etag}\r\n" if etag else ""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{condition}\r\n".encode("ascii")


Requests = Callable[[], bytes]
"""Makes one request after the other."""


def measure(site: Site, plan: Plan, note: Callable[[str], None]) -> Iterator[tuple[list[Read], Written]]:
    """Each database in turn."""
    for kind in plan.databases:
        with site.database(kind) as url, site.supervisor() as servers:
            note(f"catalog, {kind}: {plan.listings:,} listings")
            database = Database(url)
            migrations.upgrade(database)
            ids = fill(database, plan.listings)
            written = _snapshot(database, kind, site.folder)
            ours, theirs = _servers(site, url)
            servers.start([ours[1], theirs[1]])
            servers.await_ready()
            reads = [
                _compare(kind, what, size, request, bare, ours, theirs, plan)
                for what, size, request, bare in _kinds(ours[0], ids, plan.listings)
            ]
            database.close()
        yield reads, written


def _servers(site: Site, url: str) -> tuple[tuple[int, Part], tuple[int, Part]]:
    environment = {
        "SEKISHO_DATABASE_URL": url,
        "SEKISHO_SECRET_KEYS": new_secret_key(),
        "SEKISHO_STATE_DIR": str(site.folder / "state"),
    }
    ours, theirs = free_port(), free_port()
    return (
        (ours, site.web("catalog", ("--factory", "web.main:app_factory"), environment, ours)),
        (theirs, site.web("constant", ("--factory", "bench.catalog:constant"), {}, theirs)),
    )


def _kinds(port: int, ids: Sequence[UUID], last: int) -> Iterator[tuple[str, int, Requests, Requests]]:
    chance = random.Random(4711)
    [one] = send_all(port, [get(f"/v1/listings/{ids[0]}")], 1)
    size = len(one.body)

    def listing() -> bytes:
        return get(f"/v1/listings/{chance.choice(ids)}")

    def page() -> bytes:
        return get(f"/v1/listings/changes?after={chance.randrange(last - PAGE)}&limit={PAGE}")

    [some] = send_all(port, [page()], 1)
    whole = len(some.body)
    digest = sha256(one.body)
    end = f"/v1/listings/changes?after={last}"
    [none] = send_all(port, [get(end)], 1)
    yield "one listing, 200", size, listing, lambda: get(f"/{size}")
    yield (
        "one listing, 304",
        0,
        lambda: get(f"/v1/listings/{ids[0]}", f'"{digest}"'),
        lambda: get("/0", '"x"'),
    )
    yield f"feed, {PAGE} changes", whole, page, lambda: get(f"/{whole}")
    yield "feed, nothing new, 200", len(none.body), lambda: get(end), lambda: get(f"/{len(none.body)}")
    tag = f'W/"changes-{last}-{last}-end"'
    yield "feed, nothing new, 304", 0, lambda: get(end, tag), lambda: get("/0", '"x"')


def _compare(
    kind: str,
    what: str,
    size: int,
    request: Requests,
    bare: Requests,
    ours: tuple[int, Part],
    theirs: tuple[int, Part],
    plan: Plan,
) -> Read:
    status = 304 if size == 0 else 200
    sides = ((ours, request), (theirs, bare))
    rates: tuple[list[float], list[float]] = ([], [])
    costs: tuple[list[float], list[float]] = ([], [])
    latencies: list[float] = []
    numbers = [max(20, round(_round(*side, 50, status)[0] * plan.seconds)) for side in sides]
    for _ in range(plan.rounds):
        for side, number, rate, cost in zip(sides, numbers, rates, costs, strict=True):
            per_second, cpu, waits = _round(*side, number, status)
            rate.append(per_second)
            cost.append(cpu / number * 1000)
            if side is sides[0]:
                latencies += waits
    return Read(
        kind,
        what,
        size,
        rates[0],
        rates[1],
        percentile(latencies, 50),
        percentile(latencies, 99),
        median(costs[0]),
        median(costs[1]),
    )


def _round(
    server: tuple[int, Part], request: Requests, number: int, status: int
) -> tuple[float, float, list[float]]:
    """Answers a second, processor time of the server, milliseconds of each answer."""
    port, part = server
    requests = [request() for _ in range(number)]
    cpu, began = cpu_seconds([part]), time.perf_counter()
    exchanges = send_all(port, requests, CONNECTIONS)
    seconds = time.perf_counter() - began
    for exchange in exchanges:
        if exchange.status != status:
            raise Fault(f"answered {exchange.status}: {exchange.body[:300]!r}")
    waits = [(exchange.ended - exchange.began) * 1000 for exchange in exchanges]
    return number / seconds, cpu_seconds([part]) - cpu, waits


def _snapshot(database: Database, kind: str, folder: Path) -> Written:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    made = write_snapshot(database, folder / "snapshot", NOW)
    seconds = time.perf_counter() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return Written(kind, made.count, made.path.stat().st_size, seconds, grown / 1024)


def tables(reads: Sequence[Read], written: Sequence[Written]) -> list[Table]:
    """The figures for people."""
    return [
        Table(
            f"Reads of the catalog, {CONNECTIONS} connections kept alive, one web process",
            ("database", "what", "bytes", "a second", "bare", "x bare", "CPU ms", "bare", "p50 ms", "p99 ms"),
            [
                (
                    read.database,
                    read.what,
                    f"{read.size:,}",
                    spread(read.per_second),
                    spread(read.bare_per_second),
                    f"{read.ratio:.2f}",
                    f"{read.server_cpu_ms:.2f}",
                    f"{read.bare_cpu_ms:.2f}",
                    f"{read.p50_ms:.1f}",
                    f"{read.p99_ms:.1f}",
                )
                for read in reads
            ],
        ),
        Table(
            "A snapshot of the whole catalog, gzipped",
            ("database", "listings", "MiB", "seconds", "listings/s", "memory grew by (MiB)"),
            [
                (
                    one.database,
                    f"{one.listings:,}",
                    f"{one.size / 2**20:.1f}",
                    f"{one.seconds:.1f}",
                    f"{one.listings / one.seconds:,.0f}",
                    f"{one.grown_mib:.0f}",
                )
                for one in written
            ],
        ),
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.catalog", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="few listings, short rounds: to see that it runs"
    )
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    options = parser.parse_args()
    plan = QUICK if options.quick else FULL
    reads: list[Read] = []
    written: list[Written] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sekisho-bench-")))
        try:
            site = Site(folder, stack.enter_context(Signals()))
            if "postgresql" in plan.databases:
                site.postgres_url = stack.enter_context(postgres(folder))
            for some, one in measure(site, plan, lambda text: print(text, file=sys.stderr, flush=True)):
                reads += some
                written.append(one)
        except Interrupted as interruption:
            return 128 + interruption.signum
        except Fault as fault:
            print(f"bench: {fault}", file=sys.stderr)
            return 1
    if options.json:
        figures = {"reads": [asdict(read) for read in reads], "snapshots": [asdict(one) for one in written]}
        print(json.dumps({**figures, "cores": os.cpu_count(), "load_average": os.getloadavg()[0]}))
    else:
        for table in tables(reads, written):
            print(table.markdown(), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
