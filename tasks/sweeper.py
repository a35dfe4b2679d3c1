"""The sweeper: sends whatever is due and unfinished, and does what is due in the catalog.

It runs as Celery's beat (``celery -A tasks beat``) but sends the due steps themselves instead of a periodic
task that would look for them: one message less a second, and nothing of it in the reviewers' Flower.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Any

import structlog
from celery.beat import Scheduler

from pipeline import notary
from pipeline.errors import JournalBroken
from pipeline.model import Stage, Step
from tasks import deliveries, dispatch, heartbeat, upkeep
from tasks.bootstrap import system
from tasks.routes import EXPRESS, route
from tasks.settings import settings

log = structlog.get_logger()

BATCH = 200
RETENTION_SECONDS = 3600.0
"""How often the feed is looked through for changes that are too old."""

UPKEEP_SECONDS = 60.0
"""How often it is looked whether the register's mirror is to be updated."""

LONG_QUEUE = 500
"""A queue this long is alive but behind: sending its steps once more would only make it longer."""


class Sweeper(Scheduler):  # type: ignore[misc]  # Celery has no types
    """A beat scheduler whose schedule is the ledger."""

    _retention_due = 0.0
    _upkeep_due = 0.0

    def setup_schedule(self) -> None:
        """Nothing to set up: the schedule is in the database."""

    def tick(self, *_: Any, **__: Any) -> float:
        """Sweep once; return the seconds until the next time."""
        heartbeat.beat()
        try:
            swept = sweep(self.app)
        except Exception as error:  # noqa: BLE001 - the broker or the database is away; the next tick tries again
            log.warning("sweep.failed", error=type(error).__name__)
            swept = 0
        attest()
        try:
            self._keep_catalog()  # it needs no broker
        except Exception as error:  # noqa: BLE001 - the database is away; the next tick tries again
            log.warning("catalog.not_kept", error=type(error).__name__)
        try:
            self._keep_register()
        except Exception as error:  # noqa: BLE001 - the broker or the database is away; it is due again
            log.warning("register.not_kept", error=type(error).__name__)
        return 0.05 if swept == BATCH else settings().sweep_interval_seconds

    def _keep_register(self) -> None:
        if monotonic() < self._upkeep_due:
            return
        self._upkeep_due = monotonic() + UPKEEP_SECONDS
        if upkeep.is_due(settings(), system().memory, system().clock.now()):
            self.app.send_task(upkeep.CHORE, queue=EXPRESS, ignore_result=True, retry=False)

    def _keep_catalog(self) -> None:
        if expired := system().expiry():
            log.info("sweep.expired", listings=expired)
        if monotonic() >= self._retention_due:
            self._retention_due = monotonic() + RETENTION_SECONDS
            if dropped := system().retention():
                log.info("sweep.forgotten", changes=dropped)
            with system().memory.write() as tx:
                dropped = tx.deliveries.forget(system().clock.now() - settings().delivery_retention)
            if dropped:
                log.info("sweep.forgotten", deliveries=dropped)


def sweep(app: Any) -> int:
    """Send the steps that are due and put each off by its lease; return how many."""
    behind = long_queues(app)
    with system().memory.write() as tx:
        now = system().clock.now()
        steps = tx.ledger.claim_due(now, settings().lease, BATCH)
        errands = tx.deliveries.claim(now, settings().lease, settings().delivery_lanes)
    sendable = list(one_a_request([step for step in steps if route(step)[1] not in behind]))
    if sendable:
        dispatch.send(sendable)
        log.info("sweep.sent", **Counter(_lane(step) for step in sendable))
    if errands:
        deliveries.send(app, errands)
    return len(steps)


def one_a_request(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps less those that a worker does together with another of their lane.

    Whoever does a lane's step asks for as many other cases as the request takes. Only a step that is sent for
    the first time may be left out: if the others leave it behind, it is sent the next time.
    """
    together: Counter[str] = Counter()
    for step in steps:
        if step.stage is not Stage.COLLECTION or step.source is None or step.sends:
            yield step
            continue
        batch = system().sources.pace(step.source).batch
        if together[step.source] % batch == 0:
            yield step
        together[step.source] += 1


def attest() -> None:
    """Sign the receipts of new decisions, and the journal's head if that is due."""
    try:
        while system().receipts.sign_due() == notary.BATCH:
            heartbeat.beat()
        signed = system().notary.sign_if_due()
    except JournalBroken as broken:
        log.error("journal.broken", position=broken.position)
    except Exception as error:  # noqa: BLE001 - as above; nothing else waits for it
        log.warning("attest.failed", error=type(error).__name__)
    else:
        if signed is not None:
            log.info("journal.signed", position=signed.position, sha256=signed.sha256)


def long_queues(app: Any) -> set[str]:
    """The queues that hold more than they should."""
    with app.connection_for_write() as connection:
        client = connection.default_channel.client
        return {queue for queue in app.amqp.queues if client.llen(queue) > LONG_QUEUE}


def _lane(step: Step) -> str:
    return f"{step.stage}.{step.source}" if step.source else str(step.stage)
