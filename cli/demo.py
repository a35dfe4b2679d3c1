"""``sekisho demo``: every sample application through the whole pipeline, then a table."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import Command, Exit, as_json, console, emit, in_language, note

if TYPE_CHECKING:
    from cli.machine import Machine
    from cli.processes import Signals
    from cli.samples import Sample
    from cli.supervisor import Supervisor

SENDER = "demo"
DEADLINE = 200.0
"""Seconds that all applications together may take. The slowest waits for a registry that never answers."""

GRACE = 0.0
"""Seconds that a part has to end by itself: nothing is kept, so nothing is lost by haste."""

QUICK = {
    # A registry that does not answer is given up after seconds, as it would be after days.
    "SEKISHO_RETRY_DELAYS_SECONDS": "0.5,0.5",
    "SEKISHO_SOURCE_TIMEOUT_SECONDS": "2",
    "SEKISHO_EXPRESS_PATIENCE_SECONDS": "0.5",
    "SEKISHO_SWEEP_INTERVAL_SECONDS": "0.2",
}
"""Settings of the demo."""

_NOT_OURS = ("SEKISHO_", "FLOWER_", "CELERY_")
"""What the environment says to these is about another Sekisho."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What became of a sample: the case, its state once the pipeline was done with it (``""`` if it was not
    in time), the first reason, and the seconds from POST to there.
    """

    sample: Sample
    case: str
    actual: str
    reason: str
    seconds: float

    @property
    def is_expected(self) -> bool:
        """Whether it came out as it should."""
        return self.actual == self.sample.outcome

    @property
    def vendor(self) -> str:
        """The vendor's registered name."""
        return str(self.sample.document["vendor"]["name"])

    @property
    def product(self) -> str:
        """The product's name, in Japanese where it has one."""
        name = self.sample.document["product"]["name"]
        return str(name.get("ja") or name["en"])

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "case": self.case,
            "sample": self.sample.name,
            "vendor": self.vendor,
            "product": self.product,
            "expected": str(self.sample.outcome),
            "actual": self.actual,
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
        }


@click.command(cls=Command, exits=(Exit.FINDINGS,))
@click.option("--keep", is_flag=True, help="Keep the state folder and say where it is.")
@in_language
@as_json
def demo(lang: str, *, keep: bool, as_json: bool) -> int:
    """Send every sample application through the whole pipeline, and show what became of each.

    Starts everything on this machine in a state folder of its own and ends it again; what runs here otherwise
    is not touched. Exits with 6 unless every decision is the expected one and the feed holds exactly what was
    listed.
    """
    from cli.machine import Machine, Ports
    from cli.processes import Signals
    from cli.state import StateFolder
    from cli.supervisor import Supervisor

    began = time.monotonic()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    with (
        Signals() as signals,
        _folder(keep=keep) as path,
        _progress() as tell,
        Supervisor(signals, GRACE) as supervisor,
    ):
        tell("starting", 0)
        machine = Machine(StateFolder(path), environment | QUICK, Ports.free(), durable=False)
        machine.start(supervisor)
        shown, in_feed = _show(machine, supervisor, signals, tell, lang)
        seconds = time.monotonic() - began
        tell("ending", len(shown))
    if as_json:
        emit(summary(shown, seconds))
    else:
        _print(shown, seconds, lang)
    return verdict(shown, in_feed)


Tell = Callable[[str, int], None]
"""Says to whoever watches what is being done, and how many cases are decided."""


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="sekisho-demo-"))
    try:
        yield path
    finally:
        if keep:
            note(f"Kept: {path} (`sekisho up --state-dir {path}` looks into it)")
        else:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _progress() -> Iterator[Tell]:
    from cli.samples import samples

    if not sys.stderr.isatty():
        yield lambda _doing, _decided: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(samples()))
        yield lambda doing, decided: progress.update(task, description=doing, completed=decided)


def _show(
    machine: Machine, supervisor: Supervisor, signals: Signals, tell: Tell, lang: str
) -> tuple[list[Shown], Counter[str]]:
    """Submit every sample and follow it; also return how often each case is in the feed."""
    from cli.client import Client, message_id_of, wrap
    from cli.samples import samples
    from cli.senders import provide
    from pipeline.webhook import parse_signing_key

    secret = machine.folder.secret("sender")
    provide(machine.settings, SENDER, secret)
    client = Client(machine.web_url, SENDER, parse_signing_key(secret.read_text(encoding="utf-8")))
    receipts = {}
    for sample in samples():
        signals.check()
        tell(f"posting {sample.name}: {sample.note.ja if lang == 'ja' else sample.note.en}", 0)
        body = wrap(sample.document, datetime.now(UTC))
        receipts[sample.name] = client.submit(message_id_of(body), body)
    decided: dict[str, Shown] = {}
    waiting = ""
    deadline = time.monotonic() + DEADLINE
    while len(decided) < len(receipts) and time.monotonic() < deadline:
        supervisor.check()
        for sample in samples():
            if sample.name in decided:
                continue
            standing = client.status(receipts[sample.name].application)
            if standing.is_settled:
                seconds = (standing.changed_at - standing.received_at).total_seconds()
                decided[sample.name] = Shown(sample, standing.case, standing.state, standing.reason, seconds)
            else:
                waiting = f"{standing.case} waits for {', '.join(standing.awaited) or 'a worker'}"
        tell(waiting, len(decided))
        signals.wait(0.1)
    shown = [
        decided.get(sample.name) or Shown(sample, receipts[sample.name].case, "", "", DEADLINE)
        for sample in samples()
    ]
    return shown, Counter(client.published())


def summary(shown: Sequence[Shown], seconds: float) -> dict[str, Any]:
    """For ``--json``. ``seconds`` is the whole run, from the start of the parts to the last decision."""
    return {
        "applications": len(shown),
        **_counts(shown),
        "seconds": round(seconds, 3),
        "cases": [case.as_json() for case in shown],
    }


def _counts(shown: Sequence[Shown]) -> dict[str, int]:
    return {
        state: sum(case.actual == state for case in shown) for state in ("listed", "rejected", "referred")
    }


def _print(shown: Sequence[Shown], seconds: float, lang: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from pipeline.lifecycle import MEANING, State

    colour = {"listed": "green", "rejected": "red", "referred": "yellow"}
    table = Table(box=None, pad_edge=False)
    for column in ("case", "vendor", "product", "decision", "first reason"):
        table.add_column(column, overflow="fold")
    table.add_column("seconds", justify="right")
    for case in shown:
        decision = case.actual or "none in time"
        if lang == "ja" and case.actual:
            decision = MEANING[State(case.actual)][0]
        if not case.is_expected:
            decision += f" (expected: {case.sample.outcome})"
        table.add_row(
            case.case,
            case.vendor,
            case.product,
            Text(decision, style=colour[case.actual] if case.is_expected else "bold red"),
            case.reason,
            f"{case.seconds:.2f}",
        )
    console().print(table)
    counts = ", ".join(f"{count} {state}" for state, count in _counts(shown).items())
    click.echo(f"\n{len(shown)} applications: {counts}. {seconds:.1f} seconds in all.")


def verdict(shown: Sequence[Shown], in_feed: Counter[str]) -> int:
    """The exit status; says what is not as it should be."""
    from cli.samples import period

    faults = [
        f"{case.sample.name}: expected {case.sample.outcome}, is {case.actual or 'undecided'}"
        for case in shown
        if not case.is_expected
    ]
    listed = Counter(case.case for case in shown if case.actual == "listed")
    if in_feed != listed:
        faults.append(
            f"the feed and the decisions differ in: {', '.join(sorted(_differing(in_feed, listed)))}"
        )
    first, last = period()
    if faults and not first <= datetime.now(UTC).date() <= last:
        faults.append(f"the samples' decisions are expected from {first} through {last}, not today")
    for fault in faults:
        note(f"sekisho: {fault}")
    return Exit.FINDINGS if faults else Exit.DONE


def _differing(one: Counter[str], other: Counter[str]) -> set[str]:
    return {name for name in {*one, *other} if one[name] != other[name]}
