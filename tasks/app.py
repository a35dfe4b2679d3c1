"""The Celery application and its settings, each with what fails without it.

Facts behind the choices: ``docs/decisions/0001-the-database-remembers.md``.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_ready
from kombu.entity import Queue

from tasks import heartbeat, logs
from tasks.routes import DELIVERIES, EXPRESS, FINISH, lane
from tasks.settings import Settings, settings


def queues(current: Settings) -> tuple[str, ...]:
    """Every queue that a worker reads, unless it is told otherwise."""
    return (EXPRESS, FINISH, DELIVERIES, *map(lane, current.sources))


def _options() -> dict[str, Any]:
    current = settings()
    return {
        "broker_url": current.broker_url.get_secret_value(),
        "broker_connection_retry_on_startup": True,
        "broker_pool_acquire_timeout": 10,
        "broker_transport_options": {
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 25,
        },
        # The ledger repeats what is lost, so results and acknowledgements would only cost.
        "task_ignore_result": True,
        "task_queues": [
            Queue(name, no_ack=True) for name in (EXPRESS, FINISH, DELIVERIES, *map(lane, current.sources))
        ],
        # A message that waited in a worker would be lost with it; in the broker it waits for whoever is free.
        "worker_disable_prefetch": True,
        "worker_pool": "threads",  # waiting for sources is what a worker mostly does
        "worker_concurrency": current.worker_threads,
        "worker_consumer": "tasks.worker:Consumer",
        "worker_soft_shutdown_timeout": 20,
        "worker_hijack_root_logger": False,
        # Flower sees a task only through these events.
        "worker_send_task_events": True,
        "task_send_sent_event": True,
        "task_track_started": True,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        # A misspelt queue would be created in silence and never read.
        "task_create_missing_queues": False,
        "task_default_queue": EXPRESS,
        "beat_scheduler": "tasks.sweeper:Sweeper",
        "beat_max_loop_interval": current.sweep_interval_seconds,
    }


app = Celery("sekisho", task_cls="tasks.worker:Task", include=["tasks.verification"])
app.add_defaults(_options)


def _set_up_logging(**_: object) -> None:
    logs.configure()


def _start_heartbeat(sender: Any, **_: object) -> None:
    heartbeat.start(sender)


# The signals hold weak references: the functions must stay names of this module.
setup_logging.connect(_set_up_logging)
worker_ready.connect(_start_heartbeat)
