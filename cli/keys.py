"""``sekisho keys``: secrets made here, of the right form and from the system's random numbers."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import click

from cli.output import Command, Exit, Failure, as_json, emit, note


def new_secret_key() -> str:
    """A fresh Fernet key, which encrypts the senders' secrets."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")


def new_signing_key() -> str:
    """A fresh Ed25519 key, which signs the journal's heads and receipts."""
    from pipeline.signing import SigningKey

    return SigningKey.new().text


@click.group()
def keys() -> None:
    """Make secrets."""


@keys.command("new", cls=Command)
@click.option("--signing", is_flag=True, help="A key for SEKISHO_SIGNING_KEYS instead (Ed25519).")
@as_json
def new(*, signing: bool, as_json: bool) -> None:
    """Print a fresh key for SEKISHO_SECRET_KEYS.

    To renew the key in force put the fresh one before it, with a comma between: what was encrypted with the
    old one is still read. A signing key that was renewed may be taken away at once: its public half stays
    published, and what it signed can be verified for ever.
    """
    key = new_signing_key() if signing else new_secret_key()
    if as_json:
        emit({"signing_key" if signing else "secret_key": key})
    else:
        click.echo(key)


@keys.command("compose", cls=Command)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@as_json
def compose(folder: Path, *, as_json: bool) -> None:
    """Make the secrets that docker-compose.yml reads from FOLDER.

    Files that are there stay as they are. The folder is for its owner only; the files in it can be read by
    the containers' users, each of which sees only those mounted for it.
    """
    postgres = _kept(folder, "postgres_password") or secrets.token_urlsafe(24)
    redis = _kept(folder, "redis_password") or secrets.token_urlsafe(24)
    wanted = {
        "postgres_password": postgres,
        "redis_password": redis,
        "database_url": f"postgresql://sekisho:{postgres}@postgres:5432/sekisho",
        "broker_url": f"redis://:{redis}@redis:6379/0",
        "secret_keys": new_secret_key(),
        "signing_keys": new_signing_key(),
        "flower_cookie_secret": secrets.token_urlsafe(48),
        "sources": "{}\n",
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            note(f"sekisho: {folder} is open to others on this machine; chmod 700 closes it")
        made = [name for name, text in wanted.items() if _write_new(folder / name, text)]
    except OSError as error:
        raise Failure(Exit.FAILED, "cli.not_written", f"{folder}: {error.strerror}") from None
    if as_json:
        emit({"folder": str(folder), "made": made})
    else:
        click.echo(f"{folder}: made {', '.join(made) or 'nothing, all of them are there'}.")
        if "sources" in made:
            click.echo("Put the keys of the registries into sources, as docs/operations.md says.")


def _kept(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _write_new(path: Path, text: str) -> bool:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    path.chmod(0o644)
    return True
