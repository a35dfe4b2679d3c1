"""``sekisho senders``: who may sign webhooks, and with which keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import Command, Exit, Failure, as_json, console, emit, emit_all, note, state_folder
from cli.spans import Span

if TYPE_CHECKING:
    from pipeline.webhook import PublicKey
    from storage.senders import Credentials, Sender, SqlSenders
    from tasks.settings import Settings

_EXITS = (Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN)

public_key = click.option(
    "--public-key",
    metavar="WHPK",
    help="The sender's own public key (whpk_…, scheme v1a); without it a shared secret is made (v1).",
)


@click.group()
def senders() -> None:
    """Manage who may sign webhooks."""


@senders.command("add", cls=Command, exits=_EXITS)
@click.argument("name")
@public_key
@state_folder
@as_json
def add(state: Path, name: str, public_key: str | None, *, as_json: bool) -> None:
    """Add a sender. Its secret and its token for reading are shown this once."""
    key = _parsed(public_key)
    with _open(state) as at:
        if at.named(name) is not None:
            raise Failure(Exit.CONFLICT, "cli.sender_exists", f"There is a sender {name} already")
        credentials = at.senders.add(name, at.now, key)
    _hand_over(name, credentials, as_json=as_json)


@senders.command("rotate", cls=Command, exits=_EXITS)
@click.argument("name")
@click.option(
    "--overlap",
    type=Span(),
    default="24h",
    show_default=True,
    help="How long the keys in force still count.",
)
@click.option("--token", "only_token", is_flag=True, help="Renew the token for reading instead, at once.")
@public_key
@state_folder
@as_json
def rotate(
    state: Path, name: str, overlap: timedelta, public_key: str | None, *, only_token: bool, as_json: bool
) -> None:
    """Give a sender a new key beside the old ones, which retire after the overlap."""
    if only_token and public_key:
        raise click.UsageError("--token renews the token only; leave --public-key out")
    key = _parsed(public_key)
    with _open(state) as at:
        at.must_be_active(name)
        if only_token:
            credentials = at.senders.renew_token(name)
        else:
            credentials = at.senders.rotate(name, at.now, at.now + overlap, key)
    _hand_over(name, credentials, as_json=as_json)


@senders.command("disable", cls=Command, exits=_EXITS)
@click.argument("name")
@state_folder
@as_json
def disable(state: Path, name: str, *, as_json: bool) -> None:
    """Let a sender sign and read no more. What it sent stays."""
    with _open(state) as at:
        at.must_be_active(name)
        at.senders.disable(name, at.now)
    if as_json:
        emit({"name": name, "disabled_at": at.now.isoformat()})
    else:
        click.echo(f"{name} is disabled.")


@senders.command("list", cls=Command, exits=(Exit.NOT_FOUND, Exit.CONFLICT, Exit.INVALID, Exit.TRY_AGAIN))
@state_folder
@as_json
def list_(state: Path, *, as_json: bool) -> None:
    """List the senders with the keys that count now. No secrets are shown."""
    with _open(state) as at:
        roster = at.senders.roster(at.now)
    if as_json:
        emit_all(_described(sender) for sender in roster)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("name", "since", "keys", "state"):
        table.add_column(column, overflow="fold")
    for sender in roster:
        keys = ", ".join(
            key.scheme + (f" until {key.retires_at:%Y-%m-%d %H:%M}" if key.retires_at else "")
            for key in sender.keys
        )
        ended = sender.disabled_at
        table.add_row(
            sender.name,
            f"{sender.created_at:%Y-%m-%d}",
            keys,
            f"disabled {ended:%Y-%m-%d}" if ended else "active",
        )
    console().print(table)


@senders.group("endpoint")
def endpoint() -> None:
    """Where a sender is told of its applications.

    It is a subscriber named `sender:` and the sender's name: `sekisho subscribers` has the rest.
    """


@endpoint.command("set", cls=Command, exits=_EXITS)
@click.argument("name")
@click.argument("url")
@click.option(
    "--key-pair", "pair", is_flag=True, help="Sign with a key pair (v1a, Ed25519) instead of a secret (v1)."
)
@state_folder
@as_json
def set_endpoint(state: Path, name: str, url: str, *, pair: bool, as_json: bool) -> None:
    """Set a sender's endpoint, or put another in its place. Its new secret is shown this once.

    `sekisho subscribers ping` then starts the deliveries.
    """
    from cli.subscribers import check, hand_over, opened

    check(state, url)
    with opened(state) as at:
        registered = at.subscribers.set_endpoint(name, url, at.now, pair=pair)
        at.write_down(registered.id, "added")
    hand_over(registered, as_json=as_json)


def provide(settings: Settings, name: str, secret: Path) -> None:
    """See to it that there is this sender, and its secret in this file; a disabled one stays as it is."""
    from cli.state import write_private

    with _open_with(settings) as at:
        sender = at.named(name)
        if sender is not None and (sender.disabled_at is not None or secret.exists()):
            return
        if sender is None:
            credentials = at.senders.add(name, at.now)
        else:
            credentials = at.senders.rotate(name, at.now, at.now)
        write_private(secret, credentials.secret)


@dataclass(frozen=True)
class _Senders:
    """The senders in one transaction, and the time of it."""

    senders: SqlSenders
    now: datetime

    def named(self, name: str) -> Sender | None:
        return next((sender for sender in self.senders.roster(self.now) if sender.name == name), None)

    def must_be_active(self, name: str) -> None:
        sender = self.named(name)
        if sender is None:
            raise Failure(
                Exit.NOT_FOUND,
                "cli.sender_unknown",
                f"There is no sender {name}",
                "`sekisho senders list` names all.",
            )
        if sender.disabled_at is not None:
            raise Failure(Exit.CONFLICT, "cli.sender_disabled", f"The sender {name} is disabled")


@contextmanager
def _open(state: Path) -> Iterator[_Senders]:
    from cli.installation import read_settings

    with _open_with(read_settings(state)) as at:
        yield at


@contextmanager
def _open_with(settings: Settings) -> Iterator[_Senders]:
    from cli.installation import open_database, unusable
    from pipeline.errors import ConfigurationError
    from storage.senders import Cipher, SenderError, SqlSenders

    try:
        cipher = Cipher([key.get_secret_value() for key in settings.secret_keys])
    except ConfigurationError as error:
        raise unusable([*error.faults, "`sekisho keys new` makes a key for SEKISHO_SECRET_KEYS"]) from None
    try:
        with open_database(settings) as database, database.write() as connection:
            yield _Senders(SqlSenders(connection, cipher), datetime.now(UTC))
    except SenderError as error:
        raise Failure(Exit.INVALID, "cli.sender_invalid", str(error)) from None


def _parsed(public_key: str | None) -> PublicKey | None:
    from pipeline.webhook import MalformedKey, PublicKey, parse_verifying_key

    if public_key is None:
        return None
    try:
        key = parse_verifying_key(public_key)
    except MalformedKey as error:
        raise Failure(Exit.INVALID, "cli.key_malformed", f"--public-key: {error}") from None
    if not isinstance(key, PublicKey):
        raise Failure(Exit.INVALID, "cli.key_malformed", "--public-key: a public key begins with whpk_")
    return key


def _hand_over(name: str, credentials: Credentials, *, as_json: bool) -> None:
    shown = {"name": name, "id": str(credentials.sender_id)}
    shown |= {
        key: text for key, text in (("secret", credentials.secret), ("token", credentials.token)) if text
    }
    if as_json:
        emit(shown)
        return
    for key, text in shown.items():
        click.echo(f"{key:<6}  {text}")
    if credentials.secret or credentials.token:
        note("Keep this now: it is not shown again.")


def _described(sender: Sender) -> dict[str, object]:
    return {
        "name": sender.name,
        "id": str(sender.id),
        "created_at": sender.created_at.isoformat(),
        "disabled_at": sender.disabled_at.isoformat() if sender.disabled_at else None,
        "keys": [
            {
                "scheme": key.scheme,
                "created_at": key.created_at.isoformat(),
                "retires_at": key.retires_at.isoformat() if key.retires_at else None,
            }
            for key in sender.keys
        ],
    }
