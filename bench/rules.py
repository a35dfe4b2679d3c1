"""The rules: evaluations a second beside plain Python functions, and a back-test of stored dossiers.

``python -m bench.rules [--quick] [--json]``; see ``docs/bench.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import insert

from bench.plain_rules import decide
from bench.report import Table
from pipeline.documents import Json, sha256
from pipeline.identifiers import new_id, new_reference
from rules.cases import CASES, changed
from rules.facts import dossier_of
from rules.library import Library
from rules.strict_yaml import read_yaml
from storage import migrations
from storage import tables as t
from storage.database import Database

SEED = 7
BATCH = 1000
DAY = date(2026, 11, 2)

# What vendors get wrong, and how often; the rest is as the clean vendor has it.
FLAWS: tuple[tuple[float, Json], ...] = (
    (0.02, {"registry.closed": True}),
    (0.05, {"certs": []}),
    (0.08, {"portability.retrieval_days": 20}),
    (0.08, {"portability.formats": ["vendor-binary"]}),
    (0.05, {"contract.court": "IE"}),
    (0.05, {"support_access": ["JP", "US"]}),
    (0.03, {"tax.arrears": True}),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured. ``rounds`` of ``seconds`` each; back-tests of ``dossiers``."""

    rounds: int
    seconds: float
    dossiers: tuple[int, ...]


FULL = Scale(rounds=5, seconds=2.0, dossiers=(10_000, 100_000))
QUICK = Scale(rounds=2, seconds=0.3, dossiers=(1_000, 2_000))


@dataclass(frozen=True, slots=True)
class Speed:
    """Documents judged a second on one core: the median of the rounds."""

    what: str
    rules: int
    per_second: float

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Run:
    """One back-test by the command. ``peak_mib`` is the greatest resident set of its process."""

    dossiers: int
    flipped: int
    per_second: float
    peak_mib: float

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def vendors() -> Iterator[dict[str, Any]]:
    """Facts documents without end, always the same."""
    clean = read_yaml((CASES / "clean-vendor.yaml").read_text("utf-8")).value
    dice = random.Random(SEED)
    number = 0
    while True:
        number += 1
        document = changed(clean, {"vendor.name": f"例示{number}株式会社"})
        for chance, flaw in FLAWS:
            if dice.random() < chance:
                document = changed(document, flaw)
        yield document


def speeds(scale: Scale) -> Iterator[Speed]:
    """The full national policy with its trace, policies of fewer of its rules, and plain functions."""
    source = vendors()
    documents = [next(source) for _ in range(500)]
    dossiers = [dossier_of(document, DAY) for document in documents]
    for dossier in dossiers:
        assert dossier.digest  # worked out once and kept; it is not what is measured
    whole = Library.read().ruleset("jp-national")
    for document, dossier in zip(documents, dossiers, strict=True):
        assert decide(document) == whole.evaluate(dossier)["decision"]
    count = len(whole.rules)
    yield Speed("plain functions, true or false", count, _rate(decide, documents, scale))
    for number in (count, 20, 10, 5):
        ruleset = replace(whole, rules=whole.rules[:number])
        yield Speed("policy pack, with trace and reasons", number, _rate(ruleset.evaluate, dossiers, scale))


def _rate(work: Callable[[Any], object], items: Sequence[Any], scale: Scale) -> float:
    rates = []
    for _ in range(scale.rounds):
        done, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < scale.seconds:
            for item in items[:50]:
                work(item)
            done += 50
        rates.append(done / spent)
    return median(rates)


def backtests(folder: Path, scale: Scale, note: Callable[[str], None]) -> Iterator[Run]:
    """The command itself, on a database with so many decisions."""
    for count in scale.dossiers:
        url = f"sqlite:///{folder}/backtest-{count}.db"
        note(f"rules: storing {count:,} dossiers")
        _store(url, count)
        note(f"rules: back-test of {count:,} dossiers")
        yield _backtest(url, folder)


def _store(url: str, count: int) -> None:
    database = Database(url)
    migrations.upgrade(database)
    now = datetime(2026, 11, 2, 3, tzinfo=UTC)
    sender = new_id()
    with database.write() as connection:
        connection.execute(insert(t.senders), {"id": sender, "name": "bench", "created_at": now})
    source = vendors()
    for start in range(0, count, BATCH):
        rows: dict[str, list[dict[str, Any]]] = {
            "applications": [],
            "cases": [],
            "dossiers": [],
            "decisions": [],
        }
        for _ in range(min(BATCH, count - start)):
            _case(rows, sender, now, next(source))
        with database.write() as connection:
            for table, values in rows.items():
                connection.execute(insert(t.metadata.tables[table]), values)
    database.close()


def _case(rows: dict[str, list[dict[str, Any]]], sender: Any, now: datetime, facts: dict[str, Any]) -> None:
    dossier = dossier_of(facts, DAY)
    application_id, case_id = new_id(), new_id()
    rows["applications"].append(
        {
            "id": application_id,
            "sender_id": sender,
            "message_id": str(application_id),
            "body": b"{}",
            "body_sha256": sha256(b"{}"),
            "received_at": now,
        }
    )
    rows["cases"].append(
        {
            "id": case_id,
            "reference": new_reference(),
            "application_id": application_id,
            "state": "referred",
            "version": 1,
            "outstanding": 0,
            "reason": "",
            "vendor_name": facts["vendor"]["name"],
            "vendor_scheme": "JP-JCN",
            "vendor_id": "7999901000001",
            "product_name": "例示",
            "opened_at": now,
            "changed_at": now,
        }
    )
    rows["dossiers"].append({"sha256": dossier.digest, "document": dossier.document})
    rows["decisions"].append(
        {
            "id": new_id(),
            "case_id": case_id,
            "number": 1,
            "verdict": "review",
            "reason": "",
            "decided_by": "policy",
            "decided_at": now,
            "dossier_sha256": dossier.digest,
            "outcome": b"{}",
        }
    )


def _backtest(url: str, folder: Path) -> Run:
    command = [
        *(sys.executable, "-c", "from cli.main import main; main()", "policy", "backtest", "--json"),
        *("--from", "jp-national", "--to", "jp-national+tokyo-metropolitan"),
    ]
    report = folder / "report.json"
    began = time.perf_counter()
    with report.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, env={**os.environ, "SEKISHO_DATABASE_URL": url})
        _, status, usage = os.wait4(process.pid, 0)
    spent = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the back-test ended with {process.returncode}")
    counts = json.loads(report.read_bytes())
    return Run(counts["dossiers"], counts["flipped"], counts["dossiers"] / spent, usage.ru_maxrss / 1024)


def measure(folder: Path, scale: Scale, note: Callable[[str], None]) -> tuple[list[Speed], list[Run]]:
    """Everything."""
    note("rules: evaluations")
    return list(speeds(scale)), list(backtests(folder, scale, note))


def tables(measured: Sequence[Speed], runs: Sequence[Run]) -> list[Table]:
    """The figures for people."""
    return [
        Table(
            "Rules: documents judged a second, one core",
            ("what", "rules", "a second"),
            [(speed.what, str(speed.rules), f"{speed.per_second:,.0f}") for speed in measured],
        ),
        Table(
            "Back-test of stored dossiers (SQLite, two policies each, the command as a whole)",
            ("dossiers", "flipped", "a second", "peak memory (MiB)"),
            [
                (f"{run.dossiers:,}", f"{run.flipped:,}", f"{run.per_second:,.0f}", f"{run.peak_mib:.0f}")
                for run in runs
            ],
        ),
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.rules", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it runs")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="sekisho-bench-") as folder:
        measured, runs = measure(
            Path(folder),
            QUICK if options.quick else FULL,
            lambda text: print(text, file=sys.stderr, flush=True),
        )
    if options.json:
        figures = {"rules": [one.as_json() for one in measured], "backtest": [run.as_json() for run in runs]}
        print(json.dumps(figures))
    else:
        for table in tables(measured, runs):
            print(table.markdown(), end="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
