"""``python -m bench.bulkhead``: whether a dead source slows cases down that have nothing to ask of it.

Half of the applications need ``jp.nta``, half do not. Bursts alternate between a world in which everybody
answers and one in which that register takes every request and never answers. What is measured is how fast the
half that does not need it is listed.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import requests
from sqlalchemy import create_engine, func, select

from bench.applications import COMPANIES, SEED, bodies
from bench.client import HOST, Fault, send_all
from bench.contenders import Sekisho
from bench.machines import Broker, Registries, Site
from bench.report import Table, spread
from cli.client import wrap
from cli.processes import Signals
from cli.samples import samples
from cli.supervisor import Supervisor
from connectors.sandbox.world import generate
from pipeline.lifecycle import State
from storage import tables as t

PROCESSES = 2
THREADS = 8
SENDERS = 8
DEADLINE = 120.0
DEAD = "jp.nta"
WELL = "every source answers"
DIES = f"{DEAD} dies as the burst comes"
DEAD_BY_NOW = f"{DEAD} is dead by then"


@dataclass(frozen=True, slots=True)
class Burst:
    """One burst: how many cases do not need the source, and how long they took to be listed."""

    cases: int
    seconds: float

    @property
    def rate(self) -> float:
        """Cases a second."""
        return self.cases / self.seconds


def main(arguments: list[str] | None = None) -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.bulkhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=300, help="of each kind in a burst")
    parser.add_argument("--quick", action="store_true", help="one round of few cases: to see that it runs")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    options = parser.parse_args(arguments)
    rounds, cases = (1, 60) if options.quick else (options.rounds, options.cases)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sekisho-bench-")))
        measured = measure(Site(folder, stack.enter_context(Signals())), rounds, cases)
    if options.json:
        print(json.dumps({name: [burst.rate for burst in bursts] for name, bursts in measured.items()}))
        return 0
    print(table(measured).markdown())
    return 0


def table(measured: dict[str, list[Burst]]) -> Table:
    """Both worlds side by side."""
    rates = {name: [burst.rate for burst in bursts] for name, bursts in measured.items()}
    well = median(rates[WELL])
    rows = [(name, spread(own), f"{median(own) / well:.2f}") for name, own in rates.items()]
    return Table(
        f"Cases that have nothing to ask of {DEAD}, listed a second", ("", "cases/s", "x well"), rows
    )


def measure(site: Site, rounds: int, cases: int) -> dict[str, list[Burst]]:
    """Both worlds by turns, after a burst that warms up."""
    registries, broker = Registries(site), Broker(site)
    measured: dict[str, list[Burst]] = {WELL: [], DIES: [], DEAD_BY_NOW: []}
    with site.supervisor() as below:
        below.start([registries.part, broker.part])
        below.await_ready()
        with site.database("sqlite") as url, site.supervisor() as above:
            contender = Sekisho(site, url, broker, registries)
            above.start(list(contender.standing))
            above.await_ready()
            above.start(list(contender.employ(PROCESSES, THREADS)))
            supply, others = bodies(), without_the_source()
            listed = _counting(url)
            _burst(contender, [*islice(supply, 30), *islice(others, 30)], 30, listed, above)
            for number in range(rounds):
                for name, bursts in measured.items():
                    _let(registries, hang=name != WELL)
                    mixed = [next(kind) for _ in range(cases) for kind in (supply, others)]
                    bursts.append(_burst(contender, mixed, cases, listed, above))
                    told = f"round {number + 1}, {name}: {bursts[-1].rate:.1f}/s"
                    print(told, file=sys.stderr, flush=True)
                _let(registries, hang=False)
            contender.close()
    return measured


def without_the_source() -> Iterator[bytes]:
    """Webhook bodies without end, of vendors abroad; the policy approves every one of them."""
    pattern = next(
        sample.document
        for sample in samples()
        if sample.outcome is State.LISTED
        and not any(each["scheme"] == "JP-JCN" for each in sample.document["vendor"]["identifiers"])
    )
    companies = generate(COMPANIES, SEED).companies
    vendors = cycle(
        company
        for company in companies
        if "XI-LEI" in company.identifiers and company.country == pattern["vendor"]["country"]
    )
    for number, vendor in zip(count(1), vendors):
        document: dict[str, Any] = copy.deepcopy(dict(pattern))
        document["vendor"]["name"] = vendor.name
        document["vendor"]["identifiers"] = [{"scheme": "XI-LEI", "id": vendor.identifiers["XI-LEI"]}]
        document["product"]["code"] = f"abroad-{number}"
        yield wrap(document, datetime.now(UTC))


def _counting(url: str) -> Callable[[], int]:
    """Says how many cases abroad are listed."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    query = select(func.count()).where(t.cases.c.state == State.LISTED, t.cases.c.vendor_scheme != "JP-JCN")

    def listed() -> int:
        with engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    return listed


def _let(registries: Registries, *, hang: bool) -> None:
    url = f"http://{HOST}:{registries.port}/_sandbox/faults"
    if hang:
        requests.put(url, json={"source": DEAD, "kind": "hang"}, timeout=5).raise_for_status()
    else:
        requests.delete(url, timeout=5).raise_for_status()


def _burst(
    contender: Sekisho, burst: Sequence[bytes], cases: int, listed: Callable[[], int], workers: Supervisor
) -> Burst:
    wanted = listed() + cases
    signed = [contender.request(body) for body in burst]
    began = time.perf_counter()
    for exchange in send_all(contender.port, signed, SENDERS):
        _ = exchange.application_id
    while (there := listed()) < wanted:
        workers.check()
        if time.perf_counter() - began > DEADLINE:
            raise Fault(f"{wanted - there} of {cases} cases are not listed in time")
        time.sleep(0.02)
    return Burst(cases, time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
