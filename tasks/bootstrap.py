"""Where ports meet adapters: the only module that knows both sides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property

from sqlalchemy.exc import SQLAlchemyError

from connectors import nta
from connectors.installed import connect
from connectors.limits import GuardedBatch, Rate, SharedLimits
from connectors.nta_mirrored import MirroredNta
from connectors.sources import ConcurrentSources
from connectors.transport import is_this_machine
from pipeline.adjudication import Adjudication
from pipeline.collection import Collection
from pipeline.model import Stage, Step
from pipeline.notary import Notary, Receipts
from pipeline.ports import Connector, Fitting, Policy
from pipeline.publication import Expiry, Publication, Retention
from pipeline.review.actions import Review
from pipeline.review.timers import ReviewTimers
from pipeline.sending import Sending
from pipeline.verification import Verification
from storage import migrations
from storage.database import Database
from storage.memory import SqlMemory
from storage.mirror import Mirror
from storage.senders import Cipher
from storage.snapshots import Snapshots
from tasks.deliveries import sending_of
from tasks.dispatch import Dispatcher
from tasks.fitting import PolicyFit
from tasks.mirror import Register, mirror_if_there
from tasks.policies import PublishedPolicy
from tasks.settings import Settings, settings
from tasks.similar import SimilarVendors
from tasks.sources import SourceStanding, standings


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
    mirror: Mirror | None
    memory: SqlMemory
    limits: SharedLimits
    sources: ConcurrentSources
    policy: Policy
    verification: Verification
    expiry: Expiry
    notary: Notary
    retention: Retention
    receipts: Receipts

    @cached_property
    def sending(self) -> Sending:
        """What serves subscribers' endpoints. Only it needs the key of the senders' secrets.

        :raises ConfigurationError: when there is none.
        """
        return sending_of(self.settings, self.memory, self.clock)

    def close(self) -> None:
        """Give threads and connections back."""
        self.sources.close()
        self.limits.close()
        self.database.close()
        if self.mirror is not None:
            self.mirror.close()


def build(current: Settings) -> System:
    """Join everything as the settings say.

    :raises ConfigurationError: with every fault of the sources' settings.
    """
    clock = SystemClock()
    database = Database(current.database_url.get_secret_value())
    memory = SqlMemory(database)
    mirror = mirror_if_there(current)
    limits = shared_limits(current)
    # A case may ask a source for its vendor and for its maker; no case is to wait for another one's threads.
    # In its lane a source that hangs holds a part of the worker's threads, never all.
    sources = ConcurrentSources(
        join(current, limits, mirror),
        in_flight=2 * current.worker_threads,
        patient=max(1, current.worker_threads // 4),
        slow_after=current.patience,
    )
    policy = PublishedPolicy(memory, clock, current.policy, current.policy_candidate)
    verification = Verification(
        memory,
        {
            Stage.COLLECTION: Collection(
                memory,
                sources,
                clock,
                current.schedule,
                current.patience,
                current.lease,
                current.freshness,
            ),
            Stage.ADJUDICATION: Adjudication(
                memory, sources, policy, clock, current.schedule, current.lease, current.review_times
            ),
            Stage.PUBLICATION: Publication(memory, clock),
            Stage.REVIEW: ReviewTimers(memory, clock, current.lease),
        },
    )
    expiry = Expiry(memory, clock)
    retention = Retention(memory, clock, current.feed_retention)
    return System(
        settings=current,
        clock=clock,
        database=database,
        mirror=mirror,
        memory=memory,
        limits=limits,
        sources=sources,
        policy=policy,
        verification=verification,
        expiry=expiry,
        retention=retention,
        notary=notary_of(current, memory, clock),
        receipts=Receipts(memory, clock, current.keys_that_sign, current.review_times),
    )


def notary_of(current: Settings, memory: SqlMemory, clock: SystemClock) -> Notary:
    """Who signs the journal's heads, as the settings say."""
    keys, longest = current.keys_that_sign, timedelta(minutes=current.head_minutes)
    return Notary(memory, clock, keys, current.head_entries, longest)


def shared_limits(current: Settings) -> SharedLimits:
    """The limits that all processes with this broker share."""
    return SharedLimits.at(current.broker_url.get_secret_value())


def join(current: Settings, limits: SharedLimits, mirror: Mirror | None) -> list[Connector]:
    """The connectors of these settings, each behind its limits; ``jp.nta`` asks the mirror first.

    That one is there also where only the mirror makes it possible. The mirror has no limits.

    :raises ConfigurationError: with every fault of the sources' settings.
    """
    guarded: list[Connector] = []
    api = None
    for connector in connect(current.sources):
        behind = limits.guard(connector, _rates(connector, current.sources[connector.source]))
        if connector.source == nta.SOURCE and isinstance(behind, GuardedBatch):
            api = behind
        else:
            guarded.append(behind)
    if api is None and mirror is None:
        return guarded
    register = None if mirror is None else Register(mirror)
    return [MirroredNta(register, timedelta(days=current.mirror_age_days), api), *guarded]


def _rates(connector: Connector, chosen: Mapping[str, str]) -> tuple[Rate, ...]:
    """How often a source may be asked. The sandbox on this machine may be asked at any rate."""
    if is_this_machine(chosen.get("base_url", "")):
        return ()
    return tuple(getattr(connector, "rates", ()))


@dataclass(frozen=True)
class Door:
    """What a web process joins: it takes applications and shows listings, and asks no source."""

    settings: Settings
    clock: SystemClock
    database: Database
    memory: SqlMemory
    cipher: Cipher
    snapshots: Snapshots
    fitting: Fitting
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
    clock, memory = SystemClock(), SqlMemory(database)
    policy = PublishedPolicy(memory, clock, current.policy)
    return Door(
        settings=current,
        clock=clock,
        database=database,
        memory=memory,
        cipher=Cipher([key.get_secret_value() for key in current.secret_keys]),
        snapshots=Snapshots(database, current.state_dir / "snapshots", clock, current.snapshot_age),
        fitting=PolicyFit(policy, clock),
        dispatcher=Dispatcher(),
    )


@dataclass(frozen=True)
class Desk:
    """What Flower's process joins for the reviewers: it shows cases and has people decide them."""

    clock: SystemClock
    database: Database
    memory: SqlMemory
    review: Review
    notify: Callable[[Step], None]
    sources: Callable[[], list[SourceStanding]]


def desk_services(current: Settings) -> Desk:
    """What the desk needs, as the settings say."""
    database = Database(current.database_url.get_secret_value())
    clock, memory, limits = SystemClock(), SqlMemory(database), shared_limits(current)
    connectors = join(current, limits, mirror_if_there(current))
    return Desk(
        clock=clock,
        database=database,
        memory=memory,
        review=Review(memory, clock, current.review_times, SimilarVendors(memory)),
        notify=Dispatcher().notify,
        sources=lambda: standings(connectors, limits, memory),
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
