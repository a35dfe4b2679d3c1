"""Whatever is killed, the journal is one chain, its head gets signed and each decision gets its receipt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select

from connectors.sandbox.world import generate
from pipeline import audit
from pipeline.lifecycle import OPEN
from pipeline.notary import HEAD_KIND, Notary
from pipeline.receipts import RECEIPT_KIND
from pipeline.signing import KeySet, SigningKey, payload_of
from storage import tables as t
from storage.database import Database
from storage.memory import SqlMemory
from tasks.bootstrap import SystemClock
from tests.integration.cluster import Cluster, until
from tests.integration.test_faults import Sender, add_sender, applications

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

APPLICATIONS = 20


def count(database: Database, query: object) -> int:
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())  # type: ignore[call-overload]


def test_whatever_is_killed_everything_is_recorded_signed_and_verified(
    make_cluster: Callable[..., Cluster], database: Database
) -> None:
    old, renewed = SigningKey.new(), SigningKey.new()
    cluster = make_cluster(
        companies=APPLICATIONS,
        SEKISHO_SIGNING_KEYS=old.text,
        SEKISHO_HEAD_ENTRIES="20",
        SEKISHO_HEAD_MINUTES="0.02",
    )
    sender = Sender(cluster.url, add_sender(cluster, database))
    documents = applications(list(generate(APPLICATIONS).companies))
    for number, document in enumerate(documents):
        sender.post(f"msg_{number}", document, threading.Event())
        if number % 5 == 4:
            for name in ("worker", "beat", "web")[: 1 + number // 5 % 3]:
                cluster.kill(name)
                if name == "beat" and number > APPLICATIONS / 2:
                    cluster.environment["SEKISHO_SIGNING_KEYS"] = renewed.text
                cluster.start(name)
    assert len(sender.accepted) == APPLICATIONS
    still_open = select(func.count()).select_from(t.cases).where(t.cases.c.state.in_(OPEN))
    until(lambda: count(database, still_open) == 0, "the end of every case", seconds=120)
    decisions = count(database, select(func.count()).select_from(t.decisions))
    receipts = select(func.count()).select_from(t.receipts)
    until(lambda: count(database, receipts) == decisions >= APPLICATIONS, "every receipt", seconds=60)
    newest = select(func.max(t.journal_signed_heads.c.position))
    end = count(database, select(t.journal_head.c.position))
    until(lambda: count(database, newest) == end, "a signed head", seconds=60)
    until(cluster.is_ready, "web")

    keys = KeySet.from_json(httpx.get(f"{cluster.url}/.well-known/jwks.json").json())
    head = httpx.get(f"{cluster.url}/v1/journal/head").json()
    assert keys.verify(head["head"], HEAD_KIND)["position"] == end
    memory, clock = SqlMemory(database), SystemClock()
    notary = Notary(memory, clock, (), 1, timedelta())
    report = audit.verify(
        audit.Export(memory, clock, notary).lines(audit.Selection()), keys, [head["head"]], live=True
    )
    assert report.findings == []
    assert (report.entries, report.signed_to) == (end, end)
    with database.read() as connection:
        tokens = list(connection.execute(select(t.receipts.c.token)).scalars())
    assert all(keys.verify(token, RECEIPT_KIND) == payload_of(token) for token in tokens)
