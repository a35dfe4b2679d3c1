"""``sekisho config``: the settings in force, where each comes from, no secret among them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from cli.output import Command, Exit, as_json, console, emit_all, state_folder
from cli.state import PREFIX, StateFolder, fill

HIDDEN = "••••••"
_SECRET_NAME = re.compile(r"pass|secret|token|key|credential", re.IGNORECASE)


@click.group()
def config() -> None:
    """Look at the settings."""


@config.command("show", cls=Command, exits=(Exit.INVALID,))
@state_folder
@as_json
def show(state: Path, *, as_json: bool) -> None:
    """List every setting with its value and where that comes from. Secrets are masked."""
    rows = list(described(state))
    if as_json:
        emit_all(rows)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row["name"], row["value"], row["origin"])
    console().print(table)


def described(state: Path) -> Iterator[dict[str, str]]:
    """Each setting: name, value without secrets, origin, meaning.

    :raises Failure: when the settings do not hold together.
    """
    from cli.installation import unusable
    from pipeline.errors import ConfigurationError
    from tasks.flower_options import load_flower_settings

    filled = fill(os.environ, StateFolder(state).kept_settings())
    try:
        settings = load_flower_settings()
    except ConfigurationError as error:
        raise unusable(error.faults) from None
    for field, meaning in type(settings).model_fields.items():
        name = f"{PREFIX}{field.upper()}"
        yield {
            "name": name,
            "value": shown(getattr(settings, field)),
            "origin": _origin(name, state, filled),
            "meaning": meaning.description or "",
        }


def _origin(name: str, state: Path, filled: frozenset[str]) -> str:
    for variable in (name, f"{name}_FILE"):
        if variable in os.environ:
            place = f"state folder {state}" if variable in filled else "environment"
            return place if variable == name else f"{place}, file {os.environ[variable]}"
    return "default"


def shown(value: Any) -> str:
    """A setting as it may be seen: addresses keep all but their passwords, other secrets show only that they
    are set.
    """
    from pydantic import SecretStr

    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        return _masked_addresses(secret) if "://" in secret else HIDDEN if secret else ""
    if isinstance(value, tuple):
        return ",".join(shown(item) for item in value)
    if isinstance(value, Mapping):
        # A connector of another package may call its secret anything.
        return ", ".join(
            f"{name} ({', '.join(members)})"
            if isinstance(members, Mapping)
            else f"{name or 'other'}: {members}"
            for name, members in value.items()
        )
    return str(value)


def _masked_addresses(text: str) -> str:
    """Addresses, separated by ``;``, without passwords in user information or parameters."""
    return ";".join(_masked(address) for address in text.split(";"))


def _masked(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    # Up to the last @: a password may hold one, and a slash, that somebody forgot to escape.
    user_information, at, rest = rest.rpartition("@")
    user = user_information.partition(":")[0]
    before, mark, query = rest.partition("?")
    parameters = [
        f"{name}={HIDDEN}" if _SECRET_NAME.search(name) else f"{name}{equals}{value}"
        for name, equals, value in (parameter.partition("=") for parameter in query.split("&"))
    ]
    hidden = f"{user}:{HIDDEN}{at}" if ":" in user_information else f"{user_information}{at}"
    return f"{scheme}{separator}{hidden}{before}{mark}{'&'.join(parameters)}"
