"""``sekisho erase``: take what is about a person out, and show that the journal still holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from cli.output import Command, Exit, Failure, as_json, console, emit, in_language, note, state_folder

if TYPE_CHECKING:
    from pipeline.audit import Report
    from pipeline.erasure import Erasure
    from storage.database import Database
    from storage.memory import SqlMemory, SqlTransaction

_EXITS = (Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.FINDINGS, Exit.TRY_AGAIN)


@click.command(cls=Command, exits=_EXITS)
@click.option(
    "--application", "applications", metavar="CASE", multiple=True, help="SK-… or an application's id."
)
@click.option("--sender", help="All that this sender sent.")
@click.option("--vendor", metavar="SCHEME:ID", help="All about this vendor: JP-JCN:7000012050002.")
@click.option(
    "--captures",
    is_flag=True,
    help="Registers' answers that may name people too, unless a listing rests on them.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be erased; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@in_language
@state_folder
@as_json
def erase(
    applications: Sequence[str],
    sender: str | None,
    vendor: str | None,
    state: Path,
    lang: str,
    *,
    captures: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Erase a vendor contact's personal data for good.

    What proves the decision stays: the application without its contact, facts, reasons, journal, under the
    same digests. A case that is still under way is left alone. Exits with 6 if any case was, or if the
    journal does not verify afterwards.
    """
    from cli.installation import open_database, read_settings
    from storage.memory import SqlMemory

    if sum((bool(applications), sender is not None, vendor is not None)) != 1:
        raise click.UsageError("name one of --application, --sender, --vendor")
    with open_database(read_settings(state)) as database:
        memory = SqlMemory(database)
        with memory.read() as tx:
            cases = _cases(tx, applications, sender, vendor)
        if not dry_run and not yes:
            _confirm(len(cases))
        erased = [_erase(memory, case, captures=captures, dry_run=dry_run) for case in cases]
        report = None if dry_run else _verified(memory)
        scrubbed = None if dry_run else _scrub(database)
    if as_json:
        emit(
            {
                "dry_run": dry_run,
                "cases": [each.as_json() for each in erased],
                "files_scrubbed": scrubbed,
                "journal": None if report is None else report.as_json(),
            }
        )
    else:
        _print(erased, report, lang, dry_run=dry_run)
    if scrubbed is False:
        note("sekisho: the database's files may still hold what was erased; let its owner VACUUM it")
    kept = any(each.fate == "under_way" for each in erased)
    return Exit.FINDINGS if kept or (report is not None and not report.sound) else Exit.DONE


def _cases(
    tx: SqlTransaction, applications: Sequence[str], sender: str | None, vendor: str | None
) -> list[UUID]:
    from cli.finding import find
    from pipeline.identifiers import OrganisationId
    from storage.erasure import cases_of_sender, cases_of_vendor

    if applications:
        return [find(tx, name).case.id for name in applications]
    if sender is not None:
        found = cases_of_sender(tx.connection, sender)
    else:
        scheme, _, number = (vendor or "").partition(":")
        if not scheme or not number:
            raise click.UsageError("a vendor is a scheme and an id, such as JP-JCN:7000012050002")
        found = cases_of_vendor(tx.connection, OrganisationId(scheme, number))
    if not found:
        raise Failure(Exit.NOT_FOUND, "cli.nothing_to_erase", f"There is no case of {sender or vendor}", "")
    return found


def _confirm(number: int) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here; --yes erases, --dry-run shows what")
    click.confirm(f"Erase the personal data of {number} cases for good?", abort=True, err=True)


class _Dry(Exception):
    """Ends a transaction that was only to show what it would do."""


def _erase(memory: SqlMemory, case_id: UUID, *, captures: bool, dry_run: bool) -> Erasure:
    from connectors.persons import may_name_people
    from pipeline.erasure import erase
    from storage.erasure import SqlErasure

    found: list[Erasure] = []
    with _rolled_back_if(dry_run), memory.write() as tx:
        eraser = SqlErasure(tx.connection, tx.journal)
        names_people = may_name_people if captures else None
        found.append(erase(eraser, case_id, datetime.now(UTC), "operator", names_people))
        if dry_run:
            raise _Dry
    return found[0]


@contextmanager
def _rolled_back_if(dry_run: bool) -> Iterator[None]:
    try:
        yield
    except _Dry:
        assert dry_run


def _verified(memory: SqlMemory) -> Report:
    from datetime import timedelta

    from pipeline import audit
    from pipeline.notary import Notary
    from tasks.bootstrap import SystemClock

    clock = SystemClock()
    export = audit.Export(memory, clock, Notary(memory, clock, (), 1, timedelta()))
    return audit.verify(export.lines(audit.Selection()), live=True)


def _scrub(database: Database) -> bool:
    from sqlalchemy.exc import DBAPIError

    from storage.erasure import scrub

    try:
        scrub(database)
    except DBAPIError:
        return False
    return True


_SAID: dict[str, dict[str, str]] = {
    "ja": {
        "erased": "消去しました",
        "would_erase": "消去されます",
        "nothing_left": "消去するものはありません",
        "under_way": "審査中のため残しました（取下げまたは判定の後に消去できます）",
        "kept": "証拠として残す照会回答: {number}件",
        "sound": "記録の連鎖は有効です（{entries}件）。",
        "broken": "記録の連鎖に異常があります。`sekisho audit verify` を実行してください。",
    },
    "en": {
        "erased": "erased",
        "would_erase": "would be erased",
        "nothing_left": "nothing left to erase",
        "under_way": "kept: the case is under way; it can be erased once it is withdrawn or decided",
        "kept": "answers of registers kept as evidence: {number}",
        "sound": "The journal still verifies: {entries} entries.",
        "broken": "The journal does not verify: `sekisho audit verify` says where.",
    },
}


def _print(erased: Sequence[Erasure], report: Report | None, lang: str, *, dry_run: bool) -> None:
    said: dict[str, Any] = _SAID[lang]
    out = console()
    for each in erased:
        word = "would_erase" if dry_run and each.fate == "erased" else str(each.fate)
        places = ", ".join(f"{name} {number}" for name, number in each.places.items())
        out.print(f"{each.reference}  {said[word]}{': ' if places else ''}{places}", soft_wrap=True)
        if each.kept:
            out.print("  " + said["kept"].format(number=each.kept))
    if report is not None:
        text = said["sound"].format(entries=report.entries) if report.sound else said["broken"]
        out.print(text, style="green" if report.sound else "red")
