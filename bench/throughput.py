"""Applications a second, time from POST to listing, processor time: Sekisho beside the canvas."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import median
from typing import Any

from bench.applications import bodies
from bench.client import Connection, Fault, send_all
from bench.contenders import Canvas, Contender, Sekisho
from bench.machines import DATABASES, Broker, Registries, Site
from bench.report import Table, percentile, spread
from cli.supervisor import Supervisor
from tasks.settings import Settings

PROCESSES = 2
"""Worker processes of each side: one a core here."""

SENDERS = 8
"""Connections that a burst comes over."""

RATE = 6.0
"""Applications a second where the time to a listing is measured."""

DEADLINE = 60.0
"""Seconds after which a burst that is not listed is a fault."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How slow the registries are, in milliseconds, and how many threads each worker of either side has."""

    latency: int
    threads: int
    canvas_threads: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured on each database.

    A burst takes about ``seconds`` at the speed seen while warming up; ``steady`` applications come one by
    one in each round.
    """

    conditions: tuple[Condition, ...]
    rounds: int
    seconds: float
    steady: int


THREADS: int = Settings.model_fields["worker_threads"].default
CANVAS_THREADS = 24
"""The canvas at its best: more threads a process were no faster, fewer were slower."""

FULL = Plan(
    conditions=(
        Condition(0, THREADS, CANVAS_THREADS),
        Condition(50, THREADS, CANVAS_THREADS),
        Condition(200, THREADS, CANVAS_THREADS),
        Condition(200, 2 * THREADS, 4 * CANVAS_THREADS),
    ),
    rounds=3,
    seconds=6.0,
    steady=36,
)
QUICK = Plan(conditions=(Condition(50, THREADS, CANVAS_THREADS),), rounds=1, seconds=3.0, steady=18)


@dataclass(frozen=True, slots=True)
class Round:
    """One burst and the steady flow after it. Times to the listing are in seconds, CPU too."""

    applications: int
    seconds: float
    worker_cpu: float
    total_cpu: float
    latencies: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """All rounds of one contender under one condition."""

    rounds: tuple[Round, ...]

    @property
    def rates(self) -> list[float]:
        """Applications a second, a figure a round."""
        return [one.applications / one.seconds for one in self.rounds]

    @property
    def latencies(self) -> list[float]:
        """Milliseconds from POST to listing, of all rounds."""
        return [seconds * 1000 for one in self.rounds for seconds in one.latencies]

    def cpu(self, of: Callable[[Round], float]) -> float:
        """Milliseconds of processor time an application."""
        return median(of(one) / one.applications * 1000 for one in self.rounds)

    def figures(self) -> dict[str, float]:
        """The figures that the table shows."""
        return {
            "per_second": median(self.rates),
            "worker_cpu_ms": self.cpu(lambda one: one.worker_cpu),
            "total_cpu_ms": self.cpu(lambda one: one.total_cpu),
            "p50_ms": percentile(self.latencies, 50),
            "p99_ms": percentile(self.latencies, 99),
        }


@dataclass(frozen=True, slots=True)
class Pair:
    """Both contenders under one condition."""

    database: str
    condition: Condition
    sekisho: Cell
    canvas: Cell

    @property
    def ratio(self) -> float:
        """How many applications a second Sekisho carries for one of the canvas."""
        return median(self.sekisho.rates) / median(self.canvas.rates)

    def as_json(self) -> dict[str, Any]:
        """Figures, and the rounds that they come from."""
        return {
            **asdict(self),
            "ratio": self.ratio,
            "figures": {"sekisho": self.sekisho.figures(), "canvas": self.canvas.figures()},
        }


def measure(site: Site, plan: Plan, note: Callable[[str], None]) -> Iterator[Pair]:
    """Measure, condition by condition; within one the contenders take turns."""
    registries, broker = Registries(site), Broker(site)
    with site.supervisor() as below:
        below.start([registries.part, broker.part])
        below.await_ready()
        for database in DATABASES:
            with (
                site.database(database) as ours,
                site.database(database) as theirs,
                site.supervisor() as doors,
            ):
                contenders = (
                    Sekisho(site, ours, broker, registries),
                    Canvas(site, theirs, broker, registries),
                )
                doors.start([part for contender in contenders for part in contender.standing])
                doors.await_ready()
                for condition in plan.conditions:
                    note(f"throughput, {database}, sources at {condition.latency} ms")
                    registries.slow_down(condition.latency)
                    threads = (condition.threads, condition.canvas_threads)
                    with site.supervisor() as workers:
                        for contender, number in zip(contenders, threads, strict=True):
                            workers.start(contender.employ(PROCESSES, number))
                        rounds = _take_turns(contenders, plan, workers)
                    yield Pair(database, condition, *(Cell(tuple(taken)) for taken in rounds))
                for contender in contenders:
                    contender.close()


def _take_turns(contenders: Sequence[Contender], plan: Plan, workers: Supervisor) -> list[list[Round]]:
    rounds: list[list[Round]] = [[] for _ in contenders]
    supply = bodies()
    speeds = []
    for contender in contenders:
        _burst(contender, list(islice(supply, 30)), workers)
        speeds.append(60 / _burst(contender, list(islice(supply, 60)), workers))
    for _ in range(plan.rounds):
        for contender, speed, taken in zip(contenders, speeds, rounds, strict=True):
            number = max(60, round(speed * plan.seconds))
            before = contender.cpu()
            seconds = _burst(contender, list(islice(supply, number)), workers)
            used = contender.cpu() - before
            latencies = _steady(contender, list(islice(supply, plan.steady)))
            taken.append(Round(number, seconds, used.workers, used.total, latencies))
            workers.check()
    return rounds


def _burst(contender: Contender, burst: Sequence[bytes], workers: Supervisor) -> float:
    """Send a burst; the seconds from the first POST to the last listing."""
    wanted = contender.listed() + len(burst)
    requests = [contender.request(body) for body in burst]
    began = time.perf_counter()
    for exchange in send_all(contender.port, requests, SENDERS):
        _ = exchange.application_id
    while (listed := contender.listed()) < wanted:
        workers.check()
        if time.perf_counter() - began > DEADLINE:
            raise Fault(f"{contender.name}: {wanted - listed} of {len(burst)} are not listed in time")
        time.sleep(0.02)
    return time.perf_counter() - began


def _steady(contender: Contender, flow: Sequence[bytes]) -> tuple[float, ...]:
    """Send one after the other at :data:`RATE`; the seconds from each POST to its listing."""
    watch = _Watch(contender)
    connection = Connection(contender.port)
    begin = time.perf_counter()
    for number, body in enumerate(flow):
        request = contender.request(body)
        time.sleep(max(0.0, begin + number / RATE - time.perf_counter()))
        exchange = connection.exchange(request)
        watch.add(exchange.application_id, exchange.began)
    connection.close()
    return watch.result(len(flow))


class _Watch:
    """Looks every two milliseconds whether an application is listed by now, from a thread of its own."""

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._outstanding: dict[str, float] = {}
        self._seconds: list[float] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def add(self, application_id: str, began: float) -> None:
        """Look for this one too; it was sent then."""
        self._outstanding[application_id] = began

    def result(self, number: int) -> tuple[float, ...]:
        """The seconds of all, once they are listed."""
        deadline = time.perf_counter() + DEADLINE
        while self._outstanding and time.perf_counter() < deadline:
            time.sleep(0.01)
        self._ending.set()
        self._thread.join()
        if len(self._seconds) != number:
            raise Fault(f"{self._contender.name}: {len(self._outstanding)} are not listed in time")
        return tuple(self._seconds)

    def _run(self) -> None:
        while not self._ending.wait(0.002):
            for application_id, began in list(self._outstanding.items()):
                if self._contender.is_listed(application_id):
                    self._seconds.append(time.perf_counter() - began)
                    del self._outstanding[application_id]


def table(pairs: Sequence[Pair]) -> Table:
    """The contenders side by side under each condition."""
    rows = []
    for pair in pairs:
        condition = pair.condition
        for name, cell, threads, ratio in (
            (Sekisho.name, pair.sekisho, condition.threads, pair.ratio),
            (Canvas.name, pair.canvas, condition.canvas_threads, 1.0),
        ):
            figures = cell.figures()
            rows.append(
                (
                    pair.database,
                    str(condition.latency),
                    name,
                    f"{PROCESSES} x {threads}",
                    spread(cell.rates),
                    f"{ratio:.2f}",
                    *(f"{figures[name]:.1f}" for name in list(figures)[1:]),
                )
            )
    columns = ("database", "ms", "", "workers", "applications/s", "x canvas")
    return Table(
        "From POST to listing, six sources an application",
        (*columns, "worker CPU ms", "total CPU ms", "p50 ms", "p99 ms"),
        rows,
    )
