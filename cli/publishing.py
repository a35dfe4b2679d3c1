"""``sekisho policy propose|approve|packs|shadow``: two officers and a date; a candidate that is tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from cli.output import Command, Exit, Failure, as_json, console, emit, emit_all, in_language, state_folder
from cli.policy_input import DAY, policies_told
from cli.spool import Spool

if TYPE_CHECKING:
    from storage.memory import SqlMemory
    from storage.policies import Publication

_EXITS = (Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN)
_LARGEST = 1_000_000
_SHOWN = 30
_OFFICER = "The officer's account or mail address."


@click.command("propose", cls=Command, exits=_EXITS)
@click.argument("file", metavar="FILE")
@click.option("--by", required=True, metavar="OFFICER", help=_OFFICER)
@click.option("--effective", required=True, type=DAY, help="The first day on which the pack is in force.")
@state_folder
@as_json
def propose(file: str, by: str, effective: date, state: Path, *, as_json: bool) -> None:
    """Propose a pack file, to be in force from a day on once another officer has approved it.

    The pack is checked with all that will be in force on that day.
    """
    from tasks.bootstrap import SystemClock
    from tasks.policies import propose as propose_pack

    text = _text(file)
    with _memory(state) as memory, _told():
        publication = propose_pack(memory, SystemClock(), text, by, effective)
    if as_json:
        emit(_described(publication))
    else:
        click.echo(f"{publication.id}  {publication.pack}@{publication.version}#{publication.digest}")
        click.echo(f"Another officer approves it with: sekisho policy approve {publication.id} --by OFFICER")


@click.command("approve", cls=Command, exits=_EXITS)
@click.argument("name", metavar="ID")
@click.option("--by", required=True, metavar="OFFICER", help=_OFFICER)
@state_folder
@as_json
def approve(name: str, by: str, state: Path, *, as_json: bool) -> None:
    """Approve a proposal, as another officer than the one who made it."""
    from tasks.bootstrap import SystemClock
    from tasks.policies import approve as approve_pack

    with _memory(state) as memory, _told():
        publication = approve_pack(memory, SystemClock(), _id(name), by)
    if as_json:
        emit(_described(publication))
    else:
        click.echo(f"{publication.pack}@{publication.version} is in force from {publication.effective} on.")


@click.command("packs", cls=Command, exits=_EXITS)
@click.argument("name", metavar="[ID]", required=False)
@click.option("--on", "day", type=DAY, help="The day; default: today in Japan.")
@state_folder
@as_json
def packs(name: str | None, day: date | None, state: Path, *, as_json: bool) -> None:
    """List the packs in force on a day, those proposed and approved, and the candidate.

    With the ID of a proposal its file is printed, to be shown, compared or tried.
    """
    from cli.installation import open_memory, read_settings

    settings = read_settings(state)
    with open_memory(settings) as memory, _told(), memory.read() as tx:
        if name is not None:
            click.echo(tx.policies.get(_id(name)).text, nl=False)
            return
        publications = tx.policies.all()
    rows = _rows(publications, day or _today(), settings.policy_candidate)
    if as_json:
        emit_all(rows)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("pack", "version", "standing", "from", "proposed by", "approved by", "id"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(
            *(
                str(row[key] or "")
                for key in ("pack", "version", "standing", "effective", "proposed_by", "approved_by", "id")
            )
        )
    console().print(table)


@click.command("shadow", cls=Command, exits=_EXITS)
@in_language
@state_folder
@as_json
def shadow(lang: str, state: Path, *, as_json: bool) -> None:
    """Report what candidates would have decided: how often they agreed, and each case in which not."""
    from cli.installation import open_database, read_settings
    from storage.decisions import SqlHistory

    counts: dict[tuple[str, ...], Counter[str]] = {}
    with Spool() as disagreements, open_database(read_settings(state)) as database:
        for reference, decided_at, outcome in SqlHistory(database).outcomes():
            tried = outcome.get("candidate")
            if tried is None:
                continue
            count = counts.setdefault(tuple(tried["policy"]), Counter())
            if "fault" in tried:
                count["faults"] += 1
            elif tried["decision"] == outcome["decision"]:
                count["agreed"] += 1
            else:
                count["disagreed"] += 1
                disagreements.add(
                    {
                        "case": reference,
                        "decided_at": decided_at.isoformat(),
                        "policy": tried["policy"],
                        "decision": outcome["decision"],
                        "candidate": tried["decision"],
                        "causes": tried["causes"],
                    }
                )
        head = {
            "candidates": [
                {"policy": list(policy), **{key: count[key] for key in ("agreed", "disagreed", "faults")}}
                for policy, count in counts.items()
            ]
        }
        if as_json:
            disagreements.emit(head, "disagreements")
        else:
            _print_shadow(head["candidates"], disagreements, lang)


def _print_shadow(candidates: Sequence[dict[str, Any]], disagreements: Spool, lang: str) -> None:
    from rich.table import Table

    out = console()
    if not candidates:
        out.print("No candidate was tried; SEKISHO_POLICY_CANDIDATE names one.")
    for candidate in candidates:
        out.print(candidate["policy"][0].partition("#")[0], style="bold", end="")
        out.print(f": {candidate['agreed']:,} agree, {candidate['disagreed']:,} differ", end="")
        out.print(f", {candidate['faults']:,} could not be judged" if candidate["faults"] else "")
    table = Table(box=None, pad_edge=False, show_header=False)
    for number, row in enumerate(disagreements.rows()):
        if number == _SHOWN:
            break
        causes = "\n".join(f"{cause['rule']} {cause['title'][lang]}" for cause in row["causes"])
        table.add_row(f"  {row['case']}", f"{row['decision']} → {row['candidate']}", causes)
    out.print(table)
    if disagreements.count > _SHOWN:
        out.print(f"{disagreements.count - _SHOWN:,} more: --json names all.")


def _rows(publications: Sequence[Publication], day: date, candidate: str) -> list[dict[str, Any]]:
    from rules.library import Library
    from tasks.policies import Standing, standings

    standing = standings(publications, day)
    replaced = {one.pack for one in publications if standing[one.id] is Standing.IN_FORCE}
    rows = [
        {
            "pack": pack.name,
            "version": pack.version,
            "standing": "replaced" if pack.name in replaced else "in force",
            "effective": pack.period.since.isoformat(),
            "digest": pack.digest,
            "id": None,
            "proposed_by": None,
            "approved_by": None,
        }
        for pack in Library.read().packs.values()
    ]
    rows += [{**_described(one), "standing": str(standing[one.id])} for one in publications]
    if candidate:
        empty = dict.fromkeys(rows[0])
        rows.append({**empty, "pack": candidate, "standing": "candidate"})
    return rows


def _described(publication: Publication) -> dict[str, Any]:
    return {
        "pack": publication.pack,
        "version": publication.version,
        "effective": publication.effective.isoformat(),
        "digest": publication.digest,
        "id": str(publication.id),
        "proposed_by": publication.proposed_by,
        "proposed_at": publication.proposed_at.isoformat(),
        "approved_by": publication.approved_by,
        "approved_at": publication.approved_at.isoformat() if publication.approved_at else None,
    }


@contextmanager
def _memory(state: Path) -> Iterator[SqlMemory]:
    from cli.installation import open_memory, read_settings

    with open_memory(read_settings(state)) as memory:
        yield memory


@contextmanager
def _told() -> Iterator[None]:
    """Turn refusals into failures."""
    from storage.policies import PublicationError
    from tasks.policies import ProposalError

    try:
        with policies_told():
            yield
    except ProposalError as error:
        raise Failure(
            Exit.INVALID, "policy.proposal_refused", "The pack cannot be published so", str(error)
        ) from None
    except PublicationError as error:
        status = Exit.NOT_FOUND if error.code == "unknown" else Exit.CONFLICT
        raise Failure(status, f"policy.{error.code}", "That cannot be done", str(error)) from None


def _id(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        raise Failure(
            Exit.INVALID,
            "policy.id_malformed",
            f"{name!r} is no proposal's id",
            "`sekisho policy packs` lists them.",
        ) from None


def _text(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(_LARGEST + 1)
        if len(content) <= _LARGEST:
            return content.decode("utf-8")
        problem = f"more than {_LARGEST:,} bytes"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "it is not UTF-8"
    except ValueError:
        problem = "that is no file name"
    raise Failure(Exit.INVALID, "policy.pack_invalid", f"{file} is no pack file", problem)


def _today() -> date:
    from rules.provenance import JAPAN
    from tasks.bootstrap import SystemClock

    return SystemClock().now().astimezone(JAPAN).date()
