"""``sekisho case``: what became of an application, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import deciding
from cli.finding import find
from cli.outcomes import cited, print_buyers, print_results
from cli.output import Command, Exit, as_json, console, emit, emit_all, in_language, state_folder
from pipeline.lifecycle import MEANING, State

if TYPE_CHECKING:
    from pipeline.model import CaseFile, Check, Event

_EXITS = (Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN)


@click.group()
def case() -> None:
    """Look at cases, and decide them."""


for _command in deciding.COMMANDS:
    case.add_command(_command)


@case.command("list", cls=Command, exits=_EXITS)
@click.option(
    "--state",
    "states",
    type=click.Choice([str(state) for state in State]),
    multiple=True,
    help="Only cases in this state; may be given several times.",
)
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most."
)
@in_language
@state_folder
@as_json
def list_(state: Path, states: Sequence[str], limit: int, lang: str, *, as_json: bool) -> None:
    """List cases, the latest first."""
    from cli.installation import open_memory, read_settings

    with open_memory(read_settings(state)) as memory, memory.read() as tx:
        summaries = tx.cases.summaries([State(name) for name in states], limit)
    if as_json:
        emit_all(
            {
                "case": summary.reference,
                "application": str(summary.application_id),
                "state": str(summary.state),
                "reason": summary.reason,
                "vendor": summary.vendor_name,
                "product": summary.product_name,
                "opened_at": summary.opened_at.isoformat(),
                "changed_at": summary.changed_at.isoformat(),
            }
            for summary in summaries
        )
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("case", "opened", "state", "vendor", "product", "reason"):
        table.add_column(column, overflow="fold")
    for summary in summaries:
        table.add_row(
            summary.reference,
            _local(summary.opened_at),
            _state(summary.state, lang),
            summary.vendor_name,
            summary.product_name,
            summary.reason,
        )
    console().print(table)


@case.command("show", cls=Command, exits=_EXITS)
@click.argument("name", metavar="CASE")
@in_language
@state_folder
@as_json
def show(state: Path, name: str, lang: str, *, as_json: bool) -> None:
    """Show a case: its checks, its decision rule by rule, and its journal.

    CASE is a case reference (SK-…) or the application's id.
    """
    from cli.installation import open_memory, read_settings

    settings = read_settings(state)
    with open_memory(settings) as memory, memory.read() as tx:
        file = find(tx, name)
        journal = tx.journal.of_case(file.case.id)
    if as_json:
        emit(_described(file, journal))
    else:
        _print(file, journal, lang)


def _described(file: CaseFile, journal: Sequence[Event]) -> dict[str, Any]:
    decision = file.decision
    return {
        "case": file.case.reference,
        "application": str(file.application.id),
        "state": str(file.case.state),
        "version": file.case.version,
        "seen": deciding.seen_of(file),
        "vendor": file.application.vendor_name,
        "product": file.application.product_name,
        "opened_at": file.case.opened_at.isoformat(),
        "changed_at": file.case.changed_at.isoformat(),
        "checks": [_check(check) | {"outcome": file.presence(check)} for check in file.checks],
        "decision": None
        if decision is None
        else {
            "number": decision.number,
            "by": decision.by,
            "decided_at": decision.decided_at.isoformat(),
            "verdict": str(decision.judgement.verdict),
            "reason": decision.judgement.reason,
            "dossier": decision.dossier.digest,
            "outcome": decision.judgement.outcome,
        },
        "journal": [
            {"at": event.at.isoformat(), "name": event.name, "by": event.by, "data": event.data}
            for event in journal
        ],
    }


def _check(check: Check) -> dict[str, Any]:
    inquiry = check.inquiry
    return {
        "source": inquiry.source,
        "role": inquiry.role,
        "subject": str(inquiry.subject),
        "state": str(check.state),
        "tries": check.tries,
        "reused": check.reused,
        "reason": check.reason,
        "next_try_at": check.next_try_at.isoformat() if check.next_try_at else None,
        "capture": check.capture.sha256 if check.capture else None,
    }


def _print(file: CaseFile, journal: Sequence[Event], lang: str) -> None:
    from rich.table import Table

    out = console()
    case_, application = file.case, file.application
    out.print(f"{case_.reference}  {_state(case_.state, lang)}", style="bold")
    out.print(f"{application.vendor_name} ({application.vendor_id}): {application.product_name}")
    out.print(f"application {application.id}, received {_local(application.received_at)}")
    out.print(f"to act on it: --seen {deciding.seen_of(file)}")

    if file.checks:
        out.print("\nChecks", style="bold")
        table = Table(box=None, pad_edge=False, show_header=False)
        for check in file.checks:
            subject = f"{check.inquiry.role} {check.inquiry.subject}"
            outcome = file.presence(check) or check.state
            table.add_row(f"  {check.inquiry.source}", subject, str(outcome), _checked(check))
        out.print(table)

    if file.decision is not None:
        judgement = file.decision.judgement
        out.print(f"\nDecision: {judgement.verdict}", style="bold", end="")
        out.print(f" by {file.decision.by}, {_local(file.decision.decided_at)}; {cited(judgement.outcome)}")
        print_results(judgement.outcome, lang)
        print_buyers(judgement.outcome, lang)

    out.print("\nJournal", style="bold")
    for event in journal:
        out.print(f"  {_local(event.at)}  {event.name}  {_data(event.data)}", soft_wrap=True)


def _checked(check: Check) -> str:
    tries = f"{check.tries} tries" if check.tries != 1 else "1 try"
    if check.next_try_at is not None:
        return f"{check.reason}, {tries}, next {_local(check.next_try_at)}"
    if check.capture is not None:
        asked = "asked for another case" if check.reused else tries
        return f"{_local(check.capture.fetched_at)}, {asked}"
    return f"{check.reason}, {tries}"


def _data(data: Mapping[str, Any]) -> str:
    import json

    return json.dumps(data, ensure_ascii=False, separators=(", ", ": "))


def _state(state: State, lang: str) -> str:
    return MEANING[state][0] if lang == "ja" else str(state)


def _local(moment: datetime) -> str:
    """A moment in the reader's own time zone, to the second."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
