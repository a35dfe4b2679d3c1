"""Where ports meet adapters: the only module that knows both sides."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from connectors.gleif import GleifConnector
from connectors.nta import NtaConnector
from connectors.sources import ConcurrentSources
from connectors.transport import Transport
from rules.policy import load_policy

from pipeline.adjudication import Adjudication
from pipeline.collection import Collection
from pipeline.model import Stage
from pipeline.ports import Connector, Policy
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


def connectors(current: Settings) -> list[Connector]:
    """A connector for each source that the settings give access to."""
    transport = Transport(
        connect_timeout=current.connect_timeout_seconds,
        read_timeout=current.read_timeout_seconds,
        contact=current.contact,
    )
    known: list[Connector] = []
    if application_id := current.nta_application_id.get_secret_value():
        known.append(NtaConnector(transport, current.nta_url, application_id))
    if current.gleif_url:
        known.append(GleifConnector(transport, current.gleif_url))
    return known


def build(current: Settings, make_connectors: Callable[[Settings], list[Connector]] = connectors) -> System:
    """Join everything as the settings say."""
    clock = SystemClock()
    database = Database(current.database_url.get_secret_value())
    memory = SqlMemory(database)
    sources = ConcurrentSources(make_connectors(current))
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
