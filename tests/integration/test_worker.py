"""A worker takes messages without noting them as open, and tells Flower of each."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from celery import Celery

from tests.integration.cluster import Cluster, until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

TASKS = 40


@pytest.fixture
def cluster(tmp_path: Path, sqlite_database_url: str) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path, sqlite_database_url)
    yield cluster
    cluster.close()


def test_every_message_is_told_of_and_none_is_left_in_the_broker(cluster: Cluster) -> None:
    broker_url = cluster.environment["SEKISHO_BROKER_URL"]
    told: dict[str, list[str]] = defaultdict(list)

    def note(event: dict[str, Any]) -> None:
        told[event.get("uuid", "worker")].append(event["type"])

    app = Celery(broker=broker_url)
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": note})
        with receiver.consumer_context(wakeup=False) as (subscribed, _channel, _consumers):
            while "worker-heartbeat" not in told["worker"]:
                subscribed.drain_events(timeout=30)
            for _ in range(TASKS):
                step = {"case": "SK-000000000", "step": str(uuid4())}
                app.send_task("publication", kwargs=step, queue="finish", ignore_result=True)
            with redis.Redis.from_url(broker_url) as broker:
                until(lambda: not broker.exists("finish"), "the worker to take every message")
                assert not broker.exists("unacked", "unacked_index")
            # Its last events wait to be sent together: it must not take them with it.
            cluster.children["worker"].signal(signal.SIGTERM)
            while sum("task-succeeded" in types for types in told.values()) < TASKS:
                subscribed.drain_events(timeout=30)
    del told["worker"]
    assert all(types == ["task-received", "task-started", "task-succeeded"] for types in told.values())
    app.close()
