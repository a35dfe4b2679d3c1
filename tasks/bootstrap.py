"""Where ports meet adapters: the only module that knows both sides."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from rules.policy import load_policy

from connectors.installed import connect
from connectors.sources import ConcurrentSources
from pipeline.adjudication import Adjudication
from pipeline.collection import Collection
from pipeline.model import Stage
from pipeline.ports import Policy
from pipeline.publication import Publication
from pipeline.verification import Verification
from storage.database import Database
from storage.memory import SqlMemory
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
    policy = load_policy(current.policy)
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
