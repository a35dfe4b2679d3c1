"""``sekisho reviewers``: the people who sign in at Flower, and what they may do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import Command, Exit, Failure, as_json, console, emit, emit_all, note, state_folder
from pipeline.people import Role

if TYPE_CHECKING:
    from storage.accounts import Account
    from tasks.accounts import Accounts
    from tasks.settings import Settings

_EXITS = (Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN)

role_option = click.option(
    "--role",
    type=click.Choice([str(role) for role in Role]),
    default=str(Role.REVIEWER),
    show_default=True,
    help="What the person may do.",
)
asked = click.option(
    "--ask", is_flag=True, help="Ask for the password; without it one is made and shown once."
)


@click.group()
def reviewers() -> None:
    """Manage who signs in at Flower."""


@reviewers.command("add", cls=Command, exits=_EXITS)
@click.argument("name")
@role_option
@asked
@click.option(
    "--no-password", is_flag=True, help="For somebody who signs in at the identity provider only (OIDC)."
)
@state_folder
@as_json
def add(state: Path, name: str, role: str, *, ask: bool, no_password: bool, as_json: bool) -> None:
    """Add an account. NAME is an account name or a mail address, without spaces.

    The password is to be changed at the first sign-in.
    """
    if ask and no_password:
        raise click.UsageError("--ask and --no-password exclude each other")
    password = "" if no_password else _password(ask=ask)
    with _open(state) as accounts:
        account = accounts.add(name, Role(role), password)
    _hand_over(account, "" if ask else password, as_json=as_json)


@reviewers.command("list", cls=Command, exits=_EXITS)
@state_folder
@as_json
def list_(state: Path, *, as_json: bool) -> None:
    """List the accounts. No passwords are shown."""
    with _open(state) as accounts:
        roster = accounts.roster()
    if as_json:
        emit_all(_described(account) for account in roster)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("name", "role", "since", "signs in by", "state"):
        table.add_column(column, overflow="fold")
    for account in roster:
        ended = account.disabled_at
        table.add_row(
            account.name,
            str(account.role),
            f"{account.created_at:%Y-%m-%d}",
            "password" if account.password_hash else "identity provider",
            f"disabled {ended:%Y-%m-%d}" if ended else "active",
        )
    console().print(table)


@reviewers.command("disable", cls=Command, exits=_EXITS)
@click.argument("name")
@state_folder
@as_json
def disable(state: Path, name: str, *, as_json: bool) -> None:
    """Let an account sign in no more, and end its sessions. What it decided stays."""
    with _open(state) as accounts:
        account = accounts.disable(name)
    if as_json:
        emit({"name": account.name, "disabled": True})
    else:
        click.echo(f"{account.name} is disabled.")


@reviewers.command("reset", cls=Command, exits=_EXITS)
@click.argument("name")
@asked
@state_folder
@as_json
def reset(state: Path, name: str, *, ask: bool, as_json: bool) -> None:
    """Give an account a new password, lift its lock and end its sessions."""
    password = _password(ask=ask)
    with _open(state) as accounts:
        account = accounts.reset(name, password)
    _hand_over(account, "" if ask else password, as_json=as_json)


@reviewers.command("role", cls=Command, exits=_EXITS)
@click.argument("name")
@click.argument("role", type=click.Choice([str(role) for role in Role]))
@state_folder
@as_json
def role(state: Path, name: str, role: str, *, as_json: bool) -> None:
    """Give an account another role. It counts from the next page on."""
    with _open(state) as accounts:
        account = accounts.set_role(name, Role(role))
    if as_json:
        emit({"name": account.name, "role": role})
    else:
        click.echo(f"{account.name} is {role} now.")


def provide(settings: Settings, name: str, role: Role, password: str) -> None:
    """See to it that there is this account; one that is there stays as it is."""
    from storage.accounts import AccountError

    with _open_with(settings) as accounts:
        try:
            accounts.add(name, role, password, must_change=False)
        except AccountError:
            return


@contextmanager
def _open(state: Path) -> Iterator[Accounts]:
    from cli.installation import read_settings

    with _open_with(read_settings(state)) as accounts:
        yield accounts


@contextmanager
def _open_with(settings: Settings) -> Iterator[Accounts]:
    from cli.installation import open_memory
    from storage.accounts import AccountError
    from tasks.accounts import Accounts, PasswordRefused
    from tasks.bootstrap import SystemClock

    try:
        with open_memory(settings) as memory:
            yield Accounts(memory, SystemClock())
    except AccountError as error:
        status = Exit.NOT_FOUND if error.code == "unknown" else Exit.CONFLICT
        raise Failure(
            status, f"cli.account_{error.code}", str(error), "`sekisho reviewers list` names all."
        ) from None
    except PasswordRefused as error:
        raise Failure(
            Exit.INVALID, f"cli.password_{error.code}", "That cannot be a password", error.said.en
        ) from None
    except ValueError as error:
        raise Failure(Exit.INVALID, "cli.name_invalid", str(error)) from None


def _password(*, ask: bool) -> str:
    from tasks.accounts import new_password

    if not ask:
        return new_password()
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def _hand_over(account: Account, password: str, *, as_json: bool) -> None:
    shown = {"name": account.name, "role": str(account.role)}
    if password:
        shown["password"] = password
    if as_json:
        emit(shown)
        return
    for key, text in shown.items():
        click.echo(f"{key:<8}  {text}")
    if password:
        note("Keep this now: it is not shown again. It is to be changed at the first sign-in.")


def _described(account: Account) -> dict[str, object]:
    return {
        "name": account.name,
        "role": str(account.role),
        "password": bool(account.password_hash),
        "created_at": account.created_at.isoformat(),
        "disabled_at": account.disabled_at.isoformat() if account.disabled_at else None,
        "locked_until": account.locked_until.isoformat() if account.locked_until else None,
    }
