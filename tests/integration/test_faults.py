"""Whatever is killed, whenever: each application ends in one decision and at most one listing version."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import func, select

from cli.samples import samples
from connectors.sandbox.world import Company, generate
from pipeline.lifecycle import OPEN, State
from pipeline.webhook import SharedSecret, parse_signing_key, sign
from storage import tables as t
from storage.database import Database
from storage.senders import Cipher, SqlSenders
from tests.integration.cluster import Cluster, until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

APPLICATIONS = 200
KILLS = 10


def applications(companies: list[Company]) -> list[dict[str, Any]]:
    """One clean application for each company, for public information: no list need know the company."""
    template = next(sample for sample in samples() if sample.name == "sakyu-open-data").document
    documents = []
    for number, company in enumerate(companies):
        scheme, identifier = next(iter(company.identifiers.items()))
        vendor = template["vendor"] | {
            "name": company.name,
            "country": company.country,
            "identifiers": [{"scheme": scheme, "id": identifier}],
        }
        product = template["product"] | {"code": f"product-{number}"}
        documents.append({**template, "vendor": vendor, "product": product})
    return documents


@dataclass
class Sender:
    """Posts each message until it is answered with 2xx, under the same id, as a webhook sender does."""

    url: str
    key: SharedSecret
    accepted: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def post(self, message_id: str, document: dict[str, Any], until_gone: threading.Event) -> None:
        body = orjson.dumps(
            {"type": "application.submitted", "timestamp": "2026-11-02T09:00:00Z", "data": document}
        )
        while not until_gone.is_set():
            headers = sign([self.key], message_id, datetime.now(UTC), body)
            try:
                answer = httpx.post(
                    f"{self.url}/v1/applications",
                    content=body,
                    headers={"content-type": "application/json", **headers},
                    timeout=10,
                )
            except httpx.TransportError:
                until_gone.wait(0.1)
                continue
            if answer.status_code in {200, 202}:
                self.accepted[message_id] = answer.json()["id"]
                return
            if answer.status_code not in {429, 503}:
                self.refused.append(answer.text)
                return
            until_gone.wait(0.2)


def add_sender(cluster: Cluster, database: Database) -> SharedSecret:
    cipher = Cipher([cluster.environment["SEKISHO_SECRET_KEYS"]])
    with database.write() as connection:
        credentials = SqlSenders(connection, cipher).add("fault-test", datetime.now(UTC))
    key = parse_signing_key(credentials.secret)
    assert isinstance(key, SharedSecret)
    return key


def test_whatever_is_killed_each_application_ends_once(
    make_cluster: Callable[..., Cluster], database: Database
) -> None:
    # Few sources and the rules that they can answer: it is the kills that matter here.
    cluster = make_cluster(
        companies=APPLICATIONS, sources=("jp.nta", "int.gleif"), SEKISHO_POLICY="jp-national-first"
    )
    sender = Sender(cluster.url, add_sender(cluster, database))
    documents = applications(list(generate(APPLICATIONS).companies))
    over = threading.Event()

    def send(begin: int) -> None:
        for number in range(begin, APPLICATIONS, 4):
            sender.post(f"msg_{number}", documents[number], over)

    threads = [threading.Thread(target=send, args=(begin,)) for begin in range(4)]
    for thread in threads:
        thread.start()
    try:
        draw = random.Random(20261123)
        for _ in range(KILLS):
            seen = len(sender.accepted)
            # Not by the clock: after some progress, so that every kill finds work under way.
            until(
                lambda seen=seen: len(sender.accepted) >= min(seen + draw.randint(1, 15), APPLICATIONS),
                "intake",
            )
            for name in draw.sample(["web", "worker", "valkey", "beat"], draw.randint(1, 2)):
                cluster.kill(name)
                cluster.start(name)
        for thread in threads:
            thread.join(timeout=120)
    finally:
        over.set()
    assert sender.refused == []
    assert len(sender.accepted) == APPLICATIONS

    def open_cases() -> int:
        with database.read() as connection:
            return connection.execute(
                select(func.count()).select_from(t.cases).where(t.cases.c.state.in_(OPEN))
            ).scalar_one()

    until(lambda: open_cases() == 0, "the end of every case", seconds=120)
    with database.read() as connection:
        states = Counter(State(row.state) for row in connection.execute(select(t.cases.c.state)))
        decisions = Counter(row.case_id for row in connection.execute(select(t.decisions.c.case_id)))
        versions = [
            tuple(row)
            for row in connection.execute(
                select(t.listing_versions.c.listing_id, t.listing_versions.c.version)
            )
        ]
        positions = [row.position for row in connection.execute(select(t.listing_changes.c.position))]
        steps = connection.execute(select(func.count()).select_from(t.steps)).scalar_one()
    assert states == {State.LISTED: APPLICATIONS}
    assert set(decisions.values()) == {1}
    assert len(decisions) == APPLICATIONS
    assert sorted(positions) == list(range(1, APPLICATIONS + 1))
    assert {version for _, version in versions} == {1}
    assert steps == 0
