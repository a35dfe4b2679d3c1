"""``sekisho catalog``: the catalog as a file, and the proof that it can be trusted."""

from __future__ import annotations

from pathlib import Path

import click

from cli.buyers import selection, serve
from cli.output import Command, Exit, Failure, as_json, emit, state_folder


@click.group()
def catalog() -> None:
    """Serve the catalog to buyers, write it to a file, prove that its readings agree."""


catalog.add_command(serve)
catalog.add_command(selection)


@catalog.command(cls=Command, exits=(Exit.NOT_FOUND, Exit.INVALID, Exit.TRY_AGAIN))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@state_folder
@as_json
def snapshot(file: Path, state: Path, *, as_json: bool) -> None:
    """Write every listing to FILE, as gzipped NDJSON.

    The first line has the position from which to follow the feed, the number of listings and their digest.
    The file is there once it is whole.
    """
    from datetime import UTC, datetime

    from cli.installation import open_database, read_settings
    from storage.snapshots import write_snapshot

    with open_database(read_settings(state)) as database:
        try:
            made = write_snapshot(database, file, datetime.now(UTC))
        except OSError as error:
            raise Failure(
                Exit.INVALID, "catalog.not_written", f"{file} cannot be written: {error.strerror}"
            ) from None
    told = {"file": str(file), "position": made.position, "count": made.count, "digest": made.digest}
    if as_json:
        emit(told)
    else:
        click.echo(f"{made.count} listings as at position {made.position}: {file}")
        click.echo(made.digest)


@catalog.command(cls=Command, exits=(Exit.FINDINGS, Exit.TRY_AGAIN))
@click.argument("url")
@as_json
def verify(url: str, *, as_json: bool) -> int:
    """Prove that the snapshot, the feed and the listings of the catalog at URL are the same.

    Every document is held against its digest. Exits with 6 where something differs, and names it.
    """
    from catalog.client import CatalogClient, CatalogError, Corrupt
    from catalog.verification import verify as prove

    try:
        proof = prove(CatalogClient(url, tries=3, longest_wait=5.0))
    except Corrupt as error:
        if as_json:
            emit({"holds": False, "corrupt": str(error)})
        else:
            click.echo(f"The catalog does not hold together: {error}")
        return Exit.FINDINGS
    except CatalogError as error:
        raise Failure(
            Exit.TRY_AGAIN, "catalog.unread", f"the catalog at {url} cannot be read", str(error)
        ) from None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="URL") from None
    if as_json:
        emit(
            {
                "holds": proof.holds,
                "position": proof.position,
                "listings": proof.listings,
                "state": proof.state,
                "snapshot_position": proof.snapshot_position,
                "changes": proof.changes,
                "whole_feed": proof.whole_feed,
                "differences": [difference.as_json() for difference in proof.differences],
            }
        )
        return Exit.DONE if proof.holds else Exit.FINDINGS
    read = "the whole feed" if proof.whole_feed else "the feed as far back as it is kept"
    click.echo(f"{proof.listings} listings at position {proof.position}: {proof.state}")
    click.echo(
        f"Read: the snapshot at {proof.snapshot_position}, {read} ({proof.changes} changes), every page."
    )
    for difference in proof.differences:
        click.echo(
            f"{difference.listing_id}: the {difference.reading} show {difference.shows or 'nothing'},"
            f" not {difference.expected or 'nothing'}"
        )
    click.echo("They agree." if proof.holds else f"{len(proof.differences)} listings differ.")
    return Exit.DONE if proof.holds else Exit.FINDINGS
