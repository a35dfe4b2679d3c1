"""``sekisho up``: everything on this machine, until it is told to end."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import Command, Exit, Failure, as_json, emit, note, state_folder

if TYPE_CHECKING:
    from cli.machine import Machine, Ports
    from cli.state import StateFolder

WEB_PORT = 8000
FLOWER_PORT = 5555
CATALOG_PORT = 8080
EXAMPLE_SENDER = "example"
FIRST_ACCOUNT = "reviewer"
FIRST_ACCOUNT_SECRET = "flower_password"  # noqa: S105 - the name of a file
"""Who may look at Flower from the start; an officer, who may do everything at the desk."""

GRACE = 20.0
"""Seconds that the worker has to finish the cases it is at."""


@click.command(cls=Command, exits=(Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN))
@click.option("--port", type=click.IntRange(1, 65535), help=f"Of web; else {WEB_PORT}, or any that is free.")
@click.option(
    "--flower-port",
    type=click.IntRange(1, 65535),
    help=f"Of Flower; else {FLOWER_PORT}, or any that is free.",
)
@click.option(
    "--catalog-port",
    type=click.IntRange(1, 65535),
    help=f"Of the buyers' site; else {CATALOG_PORT}, or any that is free.",
)
@state_folder
@as_json
def up(
    state: Path, port: int | None, flower_port: int | None, catalog_port: int | None, *, as_json: bool
) -> None:
    """Start everything on this machine, and stay. Ctrl-C ends it.

    What the environment names (SEKISHO_DATABASE_URL, SEKISHO_BROKER_URL, SEKISHO_SOURCES, …) is used; the
    rest is embedded: a broker, a SQLite database, the sandbox registries. All of it listens on
    127.0.0.1 only. Data, secrets and logs are in the state folder, and are there again at the next start.
    """
    from cli.machine import Machine
    from cli.processes import Interrupted, Signals
    from cli.state import InUse, StateFolder
    from cli.supervisor import Supervisor

    folder = StateFolder(state.absolute())
    folder.make()
    try:
        with folder.occupied() as tell, Signals() as signals, Supervisor(signals, GRACE) as supervisor:
            machine = Machine(folder, os.environ, _ports(port, flower_port, catalog_port))
            machine.start(supervisor)
            example = provide_example(machine)
            provide_account(machine)
            folder.keep_settings(_sekisho_settings(machine.environment))
            addresses = _addresses(machine)
            tell({"pid": os.getpid(), **addresses})
            if as_json:
                emit({**addresses, "submission": example})
            else:
                _announce(addresses, example)
            supervisor.keep_running(note)
    except InUse as in_use:
        raise _in_use(folder, in_use.holder) from None
    except Interrupted:
        note("Ended.")


def _in_use(folder: StateFolder, holder: Mapping[str, object]) -> Failure:
    return Failure(
        Exit.CONFLICT,
        "cli.state_in_use",
        f"A Sekisho runs in {folder.path} already",
        "\n".join(f"{name}: {value}" for name, value in holder.items()),
        {"holder": dict(holder)},
    )


def _ports(web: int | None, flower: int | None, catalog: int | None) -> Ports:
    from cli.machine import Ports

    try:
        return Ports.free(_port(web, WEB_PORT), _port(flower, FLOWER_PORT), _port(catalog, CATALOG_PORT))
    except OSError as error:
        raise Failure(Exit.CONFLICT, "cli.port_taken", f"The port is taken ({error.strerror})") from None


def _port(chosen: int | None, usual: int) -> int:
    from cli.machine import free_port

    if chosen is not None:
        return chosen
    try:
        return free_port(usual)
    except OSError:
        return 0


def provide_example(machine: Machine) -> list[str]:
    """A sender, a file with an application, and the command that submits it."""
    from cli.samples import samples
    from cli.senders import provide

    folder = machine.folder
    secret = folder.secret(f"sender_{EXAMPLE_SENDER}")
    provide(machine.settings, EXAMPLE_SENDER, secret)
    machine.environment |= {"SEKISHO_SENDER": EXAMPLE_SENDER, "SEKISHO_SENDER_SECRET_FILE": str(secret)}
    application = folder.path / "example-application.json"
    if not application.exists():
        text = json.dumps(dict(samples()[0].document), ensure_ascii=False, indent=2)
        application.write_text(text + "\n", encoding="utf-8")
    return ["sekisho", "submit", str(application), "--wait", "--state-dir", str(folder.path)]


def provide_account(machine: Machine) -> None:
    """An account to sign in with at Flower; its password stays in a file of the state folder."""
    import secrets

    from cli.reviewers import provide
    from pipeline.people import Role

    password = machine.folder.keep_secret(FIRST_ACCOUNT_SECRET, lambda: secrets.token_urlsafe(12))
    provide(machine.settings, FIRST_ACCOUNT, Role.OFFICER, password)


def _sekisho_settings(environment: Mapping[str, str]) -> dict[str, str]:
    from cli.state import PREFIX

    return {name: value for name, value in environment.items() if name.startswith(PREFIX)}


def _addresses(machine: Machine) -> dict[str, str]:
    url = machine.web_url
    return {
        "webhook": f"{url}/v1/applications",
        "feed": f"{url}/v1/listings/changes",
        "api": f"{url}/docs",
        "catalog": machine.catalog_url,
        "flower": machine.flower_url,
        "flower_user": FIRST_ACCOUNT,
        "flower_password_file": str(machine.folder.secret(FIRST_ACCOUNT_SECRET)),
        "state": str(machine.folder.path),
    }


def _announce(addresses: Mapping[str, str], example: list[str]) -> None:
    rows = {
        "webhook": addresses["webhook"],
        "feed": addresses["feed"],
        "API": addresses["api"],
        "buyers": addresses["catalog"],
        "Flower": f"{addresses['flower']}  (sign in as {addresses['flower_user']}, "
        f"password in {addresses['flower_password_file']})",
        "state": f"{addresses['state']}  (logs, database, secrets)",
    }
    for name, value in rows.items():
        click.echo(f"{name:<8}{value}")
    click.echo(
        f"\nSubmit an application (--dry-run shows it as a curl command):\n\n  {shlex.join(example)}\n"
    )
    note("Ctrl-C ends it.")
