"""Where ports meet adapters: the only module that knows both sides."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from sqlalchemy.exc import SQLAlchemyError

from connectors.installed import connect
from connectors.sources import ConcurrentSources
from pipeline.adjudication import Adjudication
from pipeline.collection import Collection
from pipeline.model import Stage, Step
from pipeline.ports import Policy
from pipeline.publication import Publication
from pipeline.verification import Verification
from rules.policy import PackPolicy
from storage import migrations
from storage.database import Database
from storage.memory import SqlMemory
from storage.senders import Cipher
from tasks.dispatch import Dispatcher
from tasks.settings import Settings, settings


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class System:
    """One process's Sekisho: everything joined."""

    settings: Settings
    clock: SystemClock
    database: Database
    memory: SqlMemory
    sources: ConcurrentSources
    policy: Policy
    verification: Verification

    def close(self) -> None:
        """Give threads and connections back."""
        self.sources.close()
        self.database.close()


def build(current: Settings) -> System:
    """Join everything as the settings say.

    :raises ConfigurationError: with every fault of the sources' settings.
    """
    clock = SystemClock()
    database = Database(current.database_url.get_secret_value())
    memory = SqlMemory(database)
    sources = ConcurrentSources(connect(current.sources))
    policy = PackPolicy.load(current.policy)
    verification = Verification(
        memory,
        {
            Stage.COLLECTION: Collection(
                memory, sources, clock, current.schedule, current.patience, current.lease
            ),
            Stage.ADJUDICATION: Adjudication(memory, sources, policy, clock, current.schedule, current.lease),
            Stage.PUBLICATION: Publication(memory, clock),
        },
    )
    return System(current, clock, database, memory, sources, policy, verification)


@dataclass(frozen=True)
class Door:
    """What a web process joins: it takes applications and shows listings, and asks no source."""

    settings: Settings
    clock: SystemClock
    database: Database
    memory: SqlMemory
    cipher: Cipher
    dispatcher: Dispatcher

    @property
    def notify(self) -> Callable[[Step], None]:
        """Has a message sent for a step that was just committed; never blocks, never raises."""
        return self.dispatcher.notify

    def readiness(self) -> list[str]:
        """What keeps this process from serving. The broker does not: intake keeps what comes without it."""
        try:
            at = migrations.current(self.database)
        except SQLAlchemyError:
            return ["the database cannot be reached"]
        if at != migrations.head():
            return ["the database is not migrated; run `sekisho migrate`"]
        return []

    def close(self) -> None:
        """Send what waits and give connections back."""
        self.dispatcher.close()
        self.database.close()


def web_services() -> Door:
    """What a web process needs, from the settings.

    :raises ConfigurationError: with every fault of the settings.
    """
    current = settings()
    database = Database(current.database_url.get_secret_value())
    return Door(
        settings=current,
        clock=SystemClock(),
        database=database,
        memory=SqlMemory(database),
        cipher=Cipher([key.get_secret_value() for key in current.secret_keys]),
        dispatcher=Dispatcher(),
    )


_building = threading.Lock()


@cache
def _system() -> System:
    return build(settings())


def system() -> System:
    """The process's Sekisho, built once and when first needed: after a fork, never before it."""
    with _building:
        return _system()


def close_system() -> None:
    """Give back what this process holds, if it ever built it."""
    with _building:
        if _system.cache_info().currsize:
            _system().close()
            _system.cache_clear()
