"""``sekisho import``: other marketplaces' catalogs as drafts of applications, and what they changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import Command, Exit, Failure, as_json, console, emit, language, note, state_folder
from cli.state import write_private

if TYPE_CHECKING:
    from connectors.marketplaces.answers import Questions
    from connectors.marketplaces.changes import Changes, Snapshot
    from connectors.marketplaces.foreign import ForeignCatalog

_EXITS = (Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID)
_MOST_SHOWN = 20

state_option = click.option(
    "--state",
    "kept",
    type=click.Path(path_type=Path),
    help="File, or folder, that keeps the import for the next one; default: imports/ in the state folder.",
)
out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the drafts, one file each, named by product code.",
)
dry_run = click.option("--dry-run", is_flag=True, help="Keep nothing: neither the state nor drafts.")


@click.group("import")
def imports() -> None:
    """Read another marketplace's catalog: a head start for its vendors, not a pass.

    Prints a draft application for every listing, what each draft still lacks, what was remarkable in the
    file, and what changed since the import before.
    """


@imports.command("fedramp", cls=Command, exits=_EXITS)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which terms must still run; default: today (UTC).",
)
@state_option
@out_option
@dry_run
@state_folder
@as_json
def import_fedramp(
    file: Path,
    as_of: datetime | None,
    kept: Path | None,
    out: Path | None,
    state: Path,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import FedRAMP's marketplace feed: data.json, of today or of before 2023, or its rows as JSON Lines."""
    from connectors.marketplaces import fedramp

    day: date = (as_of or datetime.now(UTC)).date()
    body = file.read_bytes()
    place = _place(kept, state, fedramp.MARKETPLACE)
    _import(
        lambda: fedramp.read(body, day), place, None if dry_run else out, keep=not dry_run, as_json=as_json
    )


@imports.command("g-cloud", cls=Command, exits=_EXITS)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--supplier",
    "suppliers",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of supplier records, which have the register's number; may be repeated.",
)
@click.option(
    "--schema",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON Schema of the services' own framework: names answers that are missing or wrong there.",
)
@state_option
@out_option
@dry_run
@state_folder
@as_json
def import_g_cloud(
    files: Sequence[Path],
    suppliers: Sequence[Path],
    schema: Path | None,
    kept: Path | None,
    out: Path | None,
    state: Path,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import services of the United Kingdom's G-Cloud. The FILES together are the catalog.

    A file holds one service, a list of them, an answer of the marketplace's API, or one a line.
    """
    from connectors.marketplaces import g_cloud

    bodies = [path.read_bytes() for path in files]
    records = [path.read_bytes() for path in suppliers]
    place = _place(kept, state, g_cloud.MARKETPLACE)
    _import(
        lambda: g_cloud.read(bodies, records, None if schema is None else _questions(schema)),
        place,
        None if dry_run else out,
        keep=not dry_run,
        as_json=as_json,
    )


def _questions(schema: Path) -> Questions:
    from connectors.marketplaces.answers import Questions
    from connectors.strict import json_object

    return Questions(json_object(schema.read_bytes()))


def _place(kept: Path | None, state: Path, marketplace: str) -> Path:
    if kept is None:
        return state / "imports" / f"{marketplace}.json"
    return kept / f"{marketplace}.json" if kept.is_dir() or kept.suffix == "" else kept


def _import(
    read: Callable[[], ForeignCatalog], place: Path, out: Path | None, *, keep: bool, as_json: bool
) -> None:
    from connectors.marketplaces.changes import Snapshot, changes
    from connectors.strict import Unexpected

    try:
        catalog = read()
    except Unexpected as error:
        raise Failure(
            Exit.INVALID,
            "import.not_read",
            "The file cannot be read as this marketplace's catalog",
            str(error),
            {
                "ja": "このマーケットプレイスのカタログとして読めません。ファイルの形式を確認してください。",
                "en": "Check that the file is what the marketplace publishes, unchanged.",
            },
        ) from None
    before, now = _before(place, catalog.marketplace), Snapshot.of(catalog)
    found = changes(before, now, catalog.status_field)
    if out is not None:
        _write_drafts(catalog, out)
    if keep:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(place, now.document.decode("utf-8"))
    if as_json:
        emit(_report(catalog, before, now, found))
    else:
        _show(catalog, before, found)


def _before(place: Path, marketplace: str) -> Snapshot | None:
    from connectors.marketplaces.changes import Snapshot
    from connectors.strict import Unexpected
    from pipeline.documents import NotJson

    if not place.exists():
        return None
    try:
        before = Snapshot.read(place.read_bytes())
    except (Unexpected, NotJson, KeyError, UnicodeDecodeError):
        fault = "is not a state that an import wrote"
    else:
        if before.marketplace == marketplace:
            return before
        fault = f"keeps an import of {before.marketplace}"
    raise Failure(
        Exit.CONFLICT,
        "import.state_unusable",
        f"{place} {fault}",
        "Name another file with --state, or remove this one to begin anew.",
    )


def _write_drafts(catalog: ForeignCatalog, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    names: Counter[str] = Counter()
    for number, listing in enumerate(catalog.listings, 1):
        # A code is letters, digits, dots, hyphens and underscores, and begins with a letter or digit.
        name = str(listing.application["product"].get("code", f"row-{number}"))
        names[name] += 1
        suffix = f"-{names[name]}" if names[name] > 1 else ""
        text = json.dumps(listing.application, ensure_ascii=False, indent=2) + "\n"
        (out / f"{name}{suffix}.json").write_text(text, encoding="utf-8")


def _report(
    catalog: ForeignCatalog, before: Snapshot | None, now: Snapshot, found: Changes
) -> dict[str, Any]:
    return {
        "marketplace": catalog.marketplace,
        "digest": now.digest,
        "stamp": catalog.stamp,
        "rows": catalog.rows,
        "distinct_ids": len(catalog.listings),
        "duplicate_ids": list(catalog.repeated),
        **catalog.counts,
        "expired": catalog.expired,
        "previous": None if before is None else before.digest,
        "changes": found.as_json(),
        "remarks": [remark.as_json() for remark in (*found.remarks, *catalog.remarks)],
        "drafts": [
            {
                "id": listing.id,
                "application": listing.application,
                "missing": [violation.as_json() for violation in listing.missing()],
                "unused": list(listing.unused),
                "faults": [fault.as_json() for fault in listing.faults],
            }
            for listing in catalog.listings
        ],
    }


def _show(catalog: ForeignCatalog, before: Snapshot | None, found: Changes) -> None:
    from rich.table import Table

    from connectors.marketplaces.foreign import SAYINGS

    spoken = language()
    click.echo(f"{catalog.marketplace}: {catalog.rows} rows, {len(catalog.listings)} listings")
    if before is None:
        click.echo("first import: nothing to compare with")
    else:
        click.echo(
            f"since the import before: {len(found.added)} added, {len(found.removed)} removed, "
            f"{len(found.fields)} changed, {len(found.status)} of them in {found.status_field}"
        )
    for id_, (old, new) in list(found.status.items())[:_MOST_SHOWN]:
        click.echo(f"  {id_}: {old} → {new}")
    remarks = Table("remark", "times", "meaning", title=None)
    for code, times in Counter(one.code for one in (*found.remarks, *catalog.remarks)).most_common():
        remarks.add_row(code, str(times), SAYINGS[code].as_json()[spoken])
    missing = Table("missing", "code", "drafts", title=None)
    lacking = Counter((one.pointer, one.code) for listing in catalog.listings for one in listing.missing())
    for (pointer, code), times in lacking.most_common():
        missing.add_row(pointer, code, str(times))
    faults = Table("listing", "field", "code", "meaning", title=None)
    for listing in catalog.listings:
        for fault in listing.faults:
            faults.add_row(listing.id, fault.field, fault.code, fault.text.as_json()[spoken])
    console().print(remarks)
    if faults.rows:
        console().print(faults)
    console().print(missing)
    note("A draft is a head start: its vendor completes it and submits it. --out writes the drafts.")
