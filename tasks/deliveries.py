"""Deliveries over the queue: one message an endpoint, which carries ids only.

The sweeper leases endpoints that something is due to and sends a message for each; the task serves the
endpoint for a while. What is lost on the way is sent again when the lease has run out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from celery import Celery

from connectors.delivery import HttpCourier, Patience
from pipeline.delivery import DeliverySchedule, Errand
from pipeline.ports import Clock, Memory
from pipeline.sending import Sending
from storage.senders import Cipher
from tasks.routes import DELIVERIES, SEND
from tasks.settings import Settings

log = structlog.get_logger()


def courier_of(current: Settings) -> HttpCourier:
    """The way to endpoints, as the settings allow it.

    :raises ConfigurationError: when the operator's contact cannot be told.
    """
    return HttpCourier(
        ports=frozenset(current.delivery_ports),
        loopback=current.delivery_loopback,
        patience=Patience(
            min(Patience().connect, current.delivery_timeout_seconds), current.delivery_timeout_seconds
        ),
        contact=current.contact,
    )


def sending_of(current: Settings, memory: Memory, clock: Clock) -> Sending:
    """What serves endpoints, as the settings say.

    :raises ConfigurationError: when there is no key to open the subscribers' keys with.
    """
    return Sending(
        memory,
        courier_of(current),
        clock,
        Cipher([key.get_secret_value() for key in current.secret_keys]).decrypt,
        DeliverySchedule(current.delivery_delays),
        base_url=current.public_url.rstrip("/"),
        lease=current.lease + current.longest_delivery,
    )


def send(app: Celery, errands: Sequence[Errand]) -> None:
    """Send a message for each endpoint.

    :raises Exception: what the broker's client raises when it cannot be reached.
    """
    with app.producer_pool.acquire(block=True, timeout=5) as producer, producer.batch():
        for errand in errands:
            app.send_task(producer=producer, **message(errand))
    log.info("deliveries.sent", endpoints=len(errands))


def message(errand: Errand) -> dict[str, Any]:
    """What is sent for an endpoint. Its name, which an operator chose, is what Flower shows."""
    kwargs = {
        "endpoint": errand.name,
        "subscriber": str(errand.subscriber_id),
        "lease": str(errand.lease),
    }
    return {
        "name": SEND,
        "kwargs": kwargs,
        "argsrepr": "()",
        "kwargsrepr": f"{{'endpoint': '{errand.name}'}}",
        "queue": DELIVERIES,
        "ignore_result": True,
        "retry": False,
    }


def errand_of(endpoint: str, subscriber: str, lease: str) -> Errand:
    """What :func:`message` carries."""
    return Errand(UUID(subscriber), endpoint, UUID(lease))
