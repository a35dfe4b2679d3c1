"""``sekisho registry``: the corporate-number register on the own machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.installation import read_register_settings
from cli.output import Command, Exit, Failure, as_json, console, emit, emit_all, in_language, state_folder

if TYPE_CHECKING:
    from connectors.nta_bulk import BulkFile
    from pipeline.register import Entry, History
    from rules.names import Comparison
    from storage.mirror import Hit, Importer, Mirror, Outcome
    from tasks.settings import Settings

    Tell = Callable[[BulkFile, int], None]

_EXITS = (Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN)


@click.group()
def registry() -> None:
    """Hold the corporate-number register here, look numbers up, search names."""


@registry.command("import", cls=Command, exits=_EXITS)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER…")
@state_folder
@as_json
def import_(state: Path, paths: Sequence[Path], *, as_json: bool) -> None:
    """Import full and daily files, zipped or not; of a folder, every .zip and .csv in it.

    A file counts whole or not at all, and once. An import that was ended goes on where it was. The order of
    files does not matter. Files that cannot be read are named at the end; the others are imported.
    """
    settings = read_register_settings(state)
    with _mirror(settings, create=True) as mirror, _importing(mirror) as importer, _progress() as tell:
        _take(importer, list(_files(paths)), tell, as_json=as_json)


@registry.command("update", cls=Command, exits=_EXITS)
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Daily files that are here already, instead of those that the agency offers.",
)
@state_folder
@as_json
def update(state: Path, files: Sequence[Path], *, as_json: bool) -> None:
    """Import the daily files that are missing. The agency keeps forty of them."""
    from connectors.nta_downloads import BASE_URL, Downloads
    from connectors.nta_rows import UnreadableFile
    from pipeline.errors import SourceError, SourceUnavailable
    from tasks.mirror import RegisterGap
    from tasks.mirror import update as follow

    settings = read_register_settings(state)
    with _mirror(settings) as mirror, _importing(mirror) as importer, _progress() as tell:
        if files:
            _take(importer, list(_files(files)), tell, as_json=as_json)
            return
        downloads = Downloads(base_url=settings.nta_download_url or BASE_URL, contact=settings.contact)
        try:
            for file, outcome in follow(mirror, importer, downloads, tell):
                _say(file, outcome, as_json=as_json)
        except RegisterGap as gap:
            raise Failure(
                Exit.CONFLICT,
                "registry.gap",
                "Daily files are missing that are not offered any more",
                f"{gap}; import the current full file.",
            ) from None
        except SourceError as error:
            status = Exit.TRY_AGAIN if isinstance(error, SourceUnavailable) else Exit.FAILED
            raise Failure(
                status, f"registry.{error.reason}", "The agency's files cannot be had", error.detail
            ) from None
        except UnreadableFile as error:
            raise _unreadable(Path("the downloaded file"), error) from None
        finally:
            downloads.close()


@registry.command("status", cls=Command, exits=_EXITS)
@click.option("--digest", is_flag=True, help="Also a digest of all that the mirror says; reads everything.")
@state_folder
@as_json
def status(state: Path, *, digest: bool, as_json: bool) -> None:
    """Say which files are here, and which day's state they add up to."""
    with _mirror(read_register_settings(state)) as mirror:
        files = mirror.files()
        day = mirror.register_date()
        state_digest = mirror.digest() if digest else None
    if as_json:
        emit(
            {
                "register_date": day and day.isoformat(),
                **({"digest": f"sha256:{state_digest}"} if state_digest else {}),
                "files": [
                    {
                        "name": file.name,
                        "kind": str(file.kind),
                        "sha256": file.sha256,
                        "encoding": file.encoding,
                        "rows": file.rows,
                        "complete": file.complete,
                        "imported_at": file.imported_at,
                    }
                    for file in files
                ],
            }
        )
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("file", "kind", "rows", "complete"):
        table.add_column(column)
    for file in files:
        table.add_row(file.name, str(file.kind), f"{file.rows:,}", "yes" if file.complete else "not yet")
    console().print(table)
    click.echo(f"State of the register: {day or 'not whole; a full file of the whole country is missing'}")
    if state_digest:
        click.echo(f"Digest: sha256:{state_digest}")


@registry.command("show", cls=Command, exits=_EXITS)
@click.argument("number")
@click.option("--as-of", "day", type=click.DateTime(["%Y-%m-%d"]), help="How it stood at the end of a day.")
@state_folder
@as_json
def show(state: Path, number: str, day: datetime | None, *, as_json: bool) -> None:
    """Show a corporate number: its record, its history, what it was merged into.

    With --as-of, the events that had happened by then count, by their own dates.
    """
    number = _well_formed(number)
    with _mirror(read_register_settings(state)) as mirror:
        history = _at(mirror.history(number), number, day)
        shown = _shown(mirror, number, history, day)
    if as_json:
        emit(shown)
    else:
        _print(shown)


@registry.command("search", cls=Command, exits=_EXITS)
@click.argument("name")
@click.option("--address", is_flag=True, help="Search for an address that begins so, not for a name.")
@click.option("--prefecture", default="", help="Only there: 13, 東京都, or 東京.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many at most."
)
@in_language
@state_folder
@as_json
def search(
    state: Path, name: str, prefecture: str, limit: int, lang: str, *, address: bool, as_json: bool
) -> None:
    """Search by name, or by address; former ones too. The best first, with what made each match.

    Legal forms, widths, old and new characters, kana, spaces and marks do not matter for finding, and are
    told where they differ.
    """
    area = _area(prefecture)
    if address:
        area, name = _without_prefecture(name, area)
    with _mirror(read_register_settings(state)) as mirror:
        find = mirror.addresses if address else mirror.names
        hits = find(name, prefecture=area, limit=limit)
    found = [_found(hit, None if address else name) for hit in hits]
    if as_json:
        emit_all(found)
        return
    for one in found:
        _print_found(one, lang)
    if not found:
        click.echo("Nothing found.")


@contextmanager
def _mirror(settings: Settings, *, create: bool = False) -> Iterator[Mirror]:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError, DBAPIError

    from cli.installation import unusable
    from storage.mirror import MirrorUnusable
    from tasks.mirror import mirror_url, open_mirror

    mirror = None
    try:
        url = make_url(mirror_url(settings))
        if create and url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mirror = open_mirror(settings, create=create)
        yield mirror
    except MirrorUnusable as error:
        exit_ = Exit.NOT_FOUND if error.code == "missing" else Exit.CONFLICT
        raise Failure(
            exit_,
            f"registry.mirror_{error.code}",
            str(error).capitalize(),
            "`sekisho registry import` makes it.",
        ) from None
    except (ArgumentError, ImportError, ValueError, OSError) as error:
        raise unusable([f"SEKISHO_MIRROR_URL: {type(error).__name__}"]) from None
    except DBAPIError as error:
        detail = str(getattr(error, "orig", error)).partition("\n")[0]
        raise Failure(
            Exit.TRY_AGAIN, "registry.mirror_unreachable", "The mirror cannot be used now", detail
        ) from None
    finally:
        if mirror is not None:
            mirror.close()


@contextmanager
def _importing(mirror: Mirror) -> Iterator[Importer]:
    from storage.mirror import ImportRunning

    try:
        with mirror.importing() as importer:
            yield importer
    except ImportRunning:
        raise Failure(
            Exit.TRY_AGAIN, "registry.import_running", "Another import into this mirror is running"
        ) from None


@contextmanager
def _progress() -> Iterator[Tell]:
    """A line on standard error that tells how far the file under way is."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda file, rows: progress.update(
            task, description=file.name, total=file.lines, completed=rows
        )


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.iterdir() if each.suffix in (".csv", ".zip"))
        else:
            yield path


def _take(importer: Importer, paths: Sequence[Path], tell: Tell, *, as_json: bool) -> None:
    from connectors.nta_rows import UnreadableFile
    from tasks.mirror import take

    failures = []
    for path in paths:
        try:
            file, outcome = take(importer, path, tell)
        except UnreadableFile as error:
            failures.append(_unreadable(path, error))
        else:
            _say(file, outcome, as_json=as_json)
    if not failures:
        return
    if len(paths) == 1:
        raise failures[0]
    raise Failure(
        Exit.INVALID,
        failures[0].kind,
        f"{len(failures)} of {len(paths)} files cannot be imported",
        members={"errors": [{"code": each.kind, "detail": each.detail} for each in failures]},
    )


def _unreadable(path: Path, error: Any) -> Failure:
    members = {"file": path.name} | ({} if error.row is None else {"row": error.row})
    return Failure(
        Exit.INVALID,
        f"registry.{error.code}",
        "The file is not one of the register as it is published; nothing of it was imported",
        f"{path}: {error}",
        members,
    )


def _say(file: BulkFile, outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        emit({"file": file.name, "kind": str(file.kind), "rows": file.lines, "outcome": str(outcome)})
    else:
        click.echo(f"{file.name}: {outcome}, {file.lines:,} rows")


def _well_formed(text: str) -> str:
    from pipeline.corporate_number import is_well_formed

    number = text.strip().upper().removeprefix("JP-JCN:").replace("-", "")
    if len(number) != 13 or not number.isascii() or not number.isdigit():
        raise Failure(Exit.INVALID, "registry.number_malformed", "A corporate number has thirteen digits")
    if not is_well_formed(number):
        raise Failure(
            Exit.INVALID,
            "registry.number_check_digit",
            "The number's check digit is wrong",
            "One of its digits is mistyped; which one cannot be told.",
        )
    return number


def _at(history: History | None, number: str, day: datetime | None) -> History:
    if history is None:
        raise Failure(
            Exit.NOT_FOUND,
            "registry.number_unknown",
            f"The mirror has no {number}",
            "`sekisho registry status` says what it has.",
        )
    if day is None:
        return history
    then = history.until(f"{day:%Y-%m-%d}")
    if then is None:
        if history.complete:
            raise Failure(
                Exit.NOT_FOUND,
                "registry.number_not_yet_assigned",
                f"{number} was not assigned yet on {day:%Y-%m-%d}",
            )
        raise Failure(
            Exit.NOT_FOUND,
            "registry.history_incomplete",
            f"What the mirror knows of {number} begins later than {day:%Y-%m-%d}",
        )
    return then


def _shown(mirror: Mirror, number: str, history: History, day: datetime | None) -> dict[str, Any]:
    register_date = mirror.register_date()
    record = _record(history, number)
    return {
        "number": number,
        "state": _state(record),
        "as_of": day and f"{day:%Y-%m-%d}",
        "register_date": register_date and register_date.isoformat(),
        "record": record,
        "history_complete": history.complete,
        "history": [_event(entry) for entry in history.entries],
        "successors": list(_successors(mirror, record)),
    }


def _record(history: History, number: str) -> dict[str, Any]:
    from connectors.nta_mirrored import record_of
    from connectors.strict import Unexpected

    try:
        return record_of(history)
    except Unexpected as error:
        raise Failure(
            Exit.FAILED,
            "registry.history_contradictory",
            f"The rows of {number} contradict one another",
            str(error),
        ) from None


def _state(record: Mapping[str, Any]) -> str:
    return "withdrawn" if record.get("withdrawn") else "closed" if record["closed"] else "live"


def _event(entry: Entry) -> dict[str, Any]:
    """A row with where it stands; blank columns are left out."""
    fields = {name: value for name, value in entry.fields().items() if value}
    return {"file": entry.file, "sha256": entry.sha256, "row": entry.place, "columns": fields}


def _successors(mirror: Mirror, record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What it was merged into, and what that was merged into; as it stands now, each number once."""
    from pipeline.register import MOST_SUCCESSORS

    seen = {record["number"]}
    for _ in range(MOST_SUCCESSORS):
        number = record.get("successor")
        if number is None:
            return
        if number in seen:
            yield {"number": number, "state": "repeated"}
            return
        seen.add(number)
        history = mirror.history(number)
        if history is None:
            yield {"number": number, "state": "unknown"}
            return
        record = _record(history, number)
        yield {"number": number, "state": _state(record), "name": record.get("name")}
    if record.get("successor"):
        yield {"number": record["successor"], "state": "not_followed"}


def _print(shown: Mapping[str, Any]) -> None:
    from rich.table import Table

    record = shown["record"]
    out = console()
    out.print(f"{shown['number']}  {record.get('name', '')}  {shown['state']}", style="bold")
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in record.items():
        if key not in ("number", "name", "closed"):
            table.add_row(f"  {key}", ", ".join(value) if isinstance(value, list) else str(value))
    out.print(table)
    out.print("\nHistory" + ("" if shown["history_complete"] else ", incomplete"), style="bold")
    for event in shown["history"]:
        columns = event["columns"]
        when = columns.get("changeDate", columns["updateDate"])
        where = f"{event['file']}, row {event['row']}"
        out.print(f"  {when}  {columns['process']}  {columns.get('name', '')}  ({where})", soft_wrap=True)
    for successor in shown["successors"]:
        out.print(f"  → {successor['number']}  {successor.get('name', '')}  {successor['state']}")


def _area(text: str) -> str:
    """The code of a prefecture that is given by code or name."""
    from connectors.nta_rows import PREFECTURES

    if not text or text in PREFECTURES:
        return text
    for code, name in PREFECTURES.items():
        if text in (name, name[:-1]):
            return code
    raise Failure(Exit.INVALID, "registry.prefecture_unknown", f"There is no prefecture {text}")


def _without_prefecture(address: str, area: str) -> tuple[str, str]:
    """An address without the prefecture it may begin with, which then is where to look."""
    from connectors.nta_rows import PREFECTURES

    for code, name in PREFECTURES.items():
        if address.startswith(name):
            return area or code, address.removeprefix(name)
    return area, address


def _found(hit: Hit, name: str | None) -> dict[str, Any]:
    record = _record(hit.history, hit.number)
    found = {
        "number": hit.number,
        "state": _state(record),
        "name": record.get("name"),
        "matched": hit.matched,
        "match": str(hit.match),
        "former": hit.former,
        "similarity": hit.similarity,
        "address": record.get("address") or record.get("address_abroad"),
        "file": hit.entry.file,
        "row": hit.entry.place,
    }
    if name is not None:
        found["comparison"] = _compared(name, hit, record).as_json()
    return found


def _compared(name: str, hit: Hit, record: Mapping[str, Any]) -> Comparison:
    from rules.names import compare

    return compare(name, hit.matched, approximate=bool(record.get("name_is_approximate")))


def _print_found(found: Mapping[str, Any], lang: str) -> None:
    former = f" (formerly {found['matched']})" if found["former"] else ""
    click.echo(f"{found['number']}  {found['name']}{former}  {found['state']}  {found['address'] or ''}")
    comparison = found.get("comparison")
    reasons = [reason[lang] for reason in comparison["reasons"]] if comparison else []
    click.echo(f"    {found['match']}" + (f": {'; '.join(reasons)}" if reasons else ""))
