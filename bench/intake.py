"""Accepted webhooks a second: Sekisho's door beside a bare FastAPI application with the same inserts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import median
from typing import Any, Protocol

from bench import bare
from bench.applications import bodies
from bench.client import Fault, post, send_all
from bench.contenders import Sekisho, register
from bench.machines import DATABASES, Broker, Registries, Site, cpu_seconds
from bench.report import Table, percentile, spread
from cli.keys import new_secret_key
from cli.machine import free_port
from cli.supervisor import Part
from pipeline.identifiers import new_id

CONNECTIONS = 16
WARMING_UP = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """``rounds`` of about ``seconds`` each, for either side in turn."""

    rounds: int
    seconds: float


FULL = Plan(rounds=5, seconds=4.0)
QUICK = Plan(rounds=2, seconds=1.5)


@dataclass(frozen=True, slots=True)
class Round:
    """One round: how many, in how many seconds; processor time of the server and of the client; seconds from
    each request to its answer.
    """

    requests: int
    seconds: float
    server_cpu: float
    client_cpu: float
    latencies: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """All rounds of one side on one database."""

    database: str
    contender: str
    rounds: tuple[Round, ...]

    @property
    def rates(self) -> list[float]:
        """Requests a second, a figure a round."""
        return [one.requests / one.seconds for one in self.rounds]

    @property
    def latencies(self) -> list[float]:
        """Milliseconds of all rounds."""
        return [seconds * 1000 for one in self.rounds for seconds in one.latencies]

    def per_request(self, of: Callable[[Round], float]) -> float:
        """Milliseconds of processor time a request."""
        return median(of(one) / one.requests * 1000 for one in self.rounds)

    @property
    def client_share(self) -> float:
        """How much of one core the client took."""
        return median(one.client_cpu / one.seconds for one in self.rounds)

    def as_json(self) -> dict[str, Any]:
        """The figures, and those of each round but the single latencies."""
        rounds = [{k: v for k, v in asdict(one).items() if k != "latencies"} for one in self.rounds]
        return {
            "database": self.database,
            "contender": self.contender,
            "per_second": median(self.rates),
            "p50_ms": percentile(self.latencies, 50),
            "p99_ms": percentile(self.latencies, 99),
            "server_cpu_ms": self.per_request(lambda one: one.server_cpu),
            "client_share_of_a_core": self.client_share,
            "rounds": rounds,
        }


class Door(Protocol):
    """A web process that takes submissions."""

    name: str
    port: int

    @property
    def web(self) -> Part: ...

    def request(self, body: bytes) -> bytes:
        """The POST that submits a body, to be sent soon."""


class Bare:
    """``bench.bare``."""

    name = "bare FastAPI"

    def __init__(self, site: Site, url: str) -> None:
        sender_id, _ = register(url, new_secret_key())
        environment = {bare.DATABASE_URL: url, bare.SENDER: str(sender_id)}
        self.port = free_port()
        self.web = site.web("bare", ("--factory", "bench.bare:create_app"), environment, self.port)

    def request(self, body: bytes) -> bytes:
        """The POST that submits a body; the message id is a column of the insert."""
        return post("/applications", body, {"webhook-id": f"msg_{new_id().hex}"})


def measure(site: Site, plan: Plan, note: Callable[[str], None]) -> Iterator[Cell]:
    """Measure on each database; the doors take turns."""
    registries, broker = Registries(site), Broker(site)
    with site.supervisor() as below:
        below.start([registries.part, broker.part])
        below.await_ready()
        for database in DATABASES:
            note(f"intake, {database}")
            with (
                site.database(database) as ours,
                site.database(database) as theirs,
                site.supervisor() as doors,
            ):
                sekisho, alternative = Sekisho(site, ours, broker, registries), Bare(site, theirs)
                contenders: tuple[Door, ...] = (sekisho, alternative)
                doors.start([contender.web for contender in contenders])
                doors.await_ready()
                supply = bodies()
                speeds = [_round(contender, supply, WARMING_UP) for contender in contenders]
                rounds: list[list[Round]] = [[], []]
                for _ in range(plan.rounds):
                    for contender, speed, taken in zip(contenders, speeds, rounds, strict=True):
                        number = round(speed.requests / speed.seconds * plan.seconds)
                        taken.append(_round(contender, supply, number))
                        doors.check()
                sekisho.close()
            for contender, taken in zip(contenders, rounds, strict=True):
                yield Cell(database, contender.name, tuple(taken))


def _round(door: Door, supply: Iterator[bytes], number: int) -> Round:
    requests = [door.request(body) for body in islice(supply, number)]
    server, client, began = cpu_seconds([door.web]), time.process_time(), time.perf_counter()
    exchanges = send_all(door.port, requests, CONNECTIONS)
    seconds, client = time.perf_counter() - began, time.process_time() - client
    server = cpu_seconds([door.web]) - server
    for exchange in exchanges:
        if exchange.status != 202:
            raise Fault(f"{door.name} answered {exchange.status}: {exchange.body[:300]!r}")
    latencies = tuple(exchange.ended - exchange.began for exchange in exchanges)
    return Round(number, seconds, server, client, latencies)


def table(cells: Sequence[Cell]) -> Table:
    """The cells side by side."""
    of_bare = {cell.database: median(cell.rates) for cell in cells if cell.contender == Bare.name}
    rows = [
        (
            cell.database,
            cell.contender,
            spread(cell.rates),
            f"{median(cell.rates) / of_bare[cell.database]:.2f}",
            f"{cell.per_request(lambda one: one.server_cpu):.2f}",
            f"{percentile(cell.latencies, 50):.1f}",
            f"{percentile(cell.latencies, 99):.1f}",
            f"{cell.client_share:.0%}",
        )
        for cell in cells
    ]
    columns = ("database", "", "accepted/s", "x bare", "CPU ms", "p50 ms", "p99 ms", "client, of a core")
    return Table(f"Accepted webhooks, {CONNECTIONS} connections kept alive", columns, rows)
