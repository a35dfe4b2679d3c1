"""The installation that a command works on: its settings and its database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import Exit, Failure
from cli.state import StateFolder, fill

if TYPE_CHECKING:
    from connectors.limits import SharedLimits
    from pipeline.ports import Connector
    from storage.database import Database
    from storage.memory import SqlMemory
    from storage.mirror import Mirror
    from tasks.settings import Settings


def read_settings(state: Path) -> Settings:
    """The settings: from the environment, and from the state folder where that leaves them open.

    :raises Failure: with every fault.
    """
    from pipeline.errors import ConfigurationError
    from tasks.settings import load_settings

    fill(os.environ, StateFolder(state).kept_settings())
    try:
        return load_settings()
    except ConfigurationError as error:
        raise unusable(error.faults) from None


def read_register_settings(state: Path) -> Settings:
    """The settings. Where nobody said where the database is, the register's mirror is in the state folder.

    :raises Failure: with every fault.
    """
    fill(os.environ, StateFolder(state).kept_settings())
    if not {"SEKISHO_DATABASE_URL", "SEKISHO_DATABASE_URL_FILE"} & os.environ.keys():
        fill(os.environ, {"SEKISHO_MIRROR_URL": f"sqlite:///{state.absolute()}/mirror.db"})
    return read_settings(state)


@contextmanager
def joined(settings: Settings) -> Iterator[tuple[list[Connector], SharedLimits, Mirror | None]]:
    """The connectors of the sources that are asked, their limits, and the mirror, if there is one.

    :raises Failure: with every fault of the sources' settings.
    """
    from pipeline.errors import ConfigurationError
    from tasks.bootstrap import join, shared_limits
    from tasks.mirror import mirror_if_there

    with ExitStack() as stack:
        mirror = mirror_if_there(settings)
        if mirror is not None:
            stack.callback(mirror.close)
        limits = shared_limits(settings)
        stack.callback(limits.close)
        try:
            connectors = join(settings, limits, mirror)
        except ConfigurationError as error:
            raise unusable(error.faults) from None
        for connector in connectors:
            stack.callback(getattr(connector, "close", lambda: None))
        yield connectors, limits, mirror


def unusable(faults: list[str]) -> Failure:
    """The failure that wrong settings are."""
    return Failure(
        Exit.INVALID,
        "cli.settings_invalid",
        "The settings do not hold together",
        "`sekisho config show` says where each value comes from.",
        {"errors": [{"detail": fault} for fault in faults]},
    )


@contextmanager
def open_database(settings: Settings, *, create: bool = False) -> Iterator[Database]:
    """The database for the length of the block.

    :raises Failure: when it is not there, cannot be reached, or is not in the shape that this version needs.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, DBAPIError

    from storage.database import Database

    url = settings.database_url.get_secret_value()
    try:
        parsed = make_url(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        if is_sqlite and not create and parsed.database and not Path(parsed.database).exists():
            raise Failure(
                Exit.NOT_FOUND,
                "cli.database_missing",
                f"There is no database at {parsed.database}",
                "`sekisho up` makes one in the state folder, `sekisho migrate` at SEKISHO_DATABASE_URL.",
            )
        database = Database(url)
    except (ArgumentError, ImportError, ValueError, OSError) as error:
        raise unusable([f"SEKISHO_DATABASE_URL: {_without(url, str(error))}"]) from None
    try:
        yield database
    except DBAPIError as error:
        raise _diagnosis(database, error) from error
    finally:
        database.close()


@contextmanager
def open_memory(settings: Settings) -> Iterator[SqlMemory]:
    """The database as the core sees it, for the length of the block.

    :raises Failure: as :func:`open_database`.
    """
    from storage.memory import SqlMemory

    with open_database(settings) as database:
        yield SqlMemory(database)


def _diagnosis(database: Database, error: Exception) -> Failure:
    from sqlalchemy.exc import DBAPIError

    from storage import migrations

    try:
        current = migrations.current(database)
    except DBAPIError:
        return Failure(
            Exit.TRY_AGAIN,
            "cli.database_unreachable",
            "The database cannot be reached",
            str(getattr(error, "orig", error)).partition("\n")[0],
        )
    if current != migrations.head():
        return Failure(
            Exit.CONFLICT,
            "cli.database_not_migrated",
            "The database is not in the shape that this version needs",
            "`sekisho migrate` brings it there.",
            {"current": current, "needed": migrations.head()},
        )
    return Failure(Exit.FAILED, "cli.database_failed", "The database refused", type(error).__name__)


def _without(secret: str, text: str) -> str:
    return text.replace(secret, "…")
