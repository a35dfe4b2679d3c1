"""``sekisho migrate``: bring the database to the shape that this version needs."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import Command, Exit, as_json, emit, state_folder


@click.command(cls=Command, exits=(Exit.NOT_FOUND, Exit.INVALID, Exit.FINDINGS, Exit.TRY_AGAIN))
@click.option("--dry-run", is_flag=True, help="Change nothing; exit with 6 if there is something to do.")
@state_folder
@as_json
def migrate(state: Path, *, dry_run: bool, as_json: bool) -> int:
    """Bring the database to the newest shape.

    Safe to run twice, and by two at once.
    """
    from cli.installation import open_database, read_settings
    from storage import migrations

    with open_database(read_settings(state), create=not dry_run) as database:
        before = migrations.current(database)
        if not dry_run:
            migrations.upgrade(database)
        after = migrations.current(database)
    needed = migrations.head()
    if as_json:
        emit({"before": before, "after": after, "needed": needed})
    elif before == needed:
        click.echo(f"The database is at {needed}, as it should be.")
    else:
        click.echo(f"The database is at {after or 'nothing'}, was at {before or 'nothing'}, needs {needed}.")
    return Exit.DONE if after == needed else Exit.FINDINGS
