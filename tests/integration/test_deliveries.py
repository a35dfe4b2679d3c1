"""Real workers and real endpoints, good and bad: nothing is lost, and the order is told by the sequence."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
import orjson
import pytest
from sqlalchemy import func, select, update

from cli.samples import samples
from connectors.conformance.registry import Act, Registry, drip, flood, hang, message, then_close
from pipeline.delivery import DeliveryState
from pipeline.lifecycle import State
from pipeline.webhook import parse_signing_key, sign
from storage import tables as t
from storage.database import Database
from storage.senders import Cipher, SqlSenders
from storage.subscribers import SqlSubscribers
from tests.certificates import certificate
from tests.feed import publish
from tests.integration.cluster import Cluster, free_port, until
from tests.sinks import Received, Sink

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

SETTINGS = {
    "SEKISHO_DELIVERY_LOOPBACK": "true",
    "SEKISHO_DELIVERY_TIMEOUT_SECONDS": "1",
    "SEKISHO_DELIVERY_DELAYS_SECONDS": ",".join(["1"] * 30),
}


def cipher(cluster: Cluster) -> Cipher:
    return Cipher([cluster.environment["SEKISHO_SECRET_KEYS"]])


def subscribe(cluster: Cluster, database: Database, name: str, url: str, *, ordered: bool = False) -> str:
    """A subscriber whose endpoint is taken to have echoed its challenge; its secret."""
    with database.write() as connection:
        subscribers = SqlSubscribers(connection, cipher(cluster))
        registered = subscribers.add(name, url, datetime.now(UTC), ordered=ordered)
        subscribers.activate(registered.id, datetime.now(UTC))
    return registered.key


def reasons(database: Database) -> dict[str, set[str]]:
    """Why tries failed, by subscriber."""
    query = (
        select(t.subscribers.c.name, t.delivery_attempts.c.reason)
        .join(t.deliveries, t.deliveries.c.id == t.delivery_attempts.c.delivery_id)
        .join(t.subscribers, t.subscribers.c.id == t.deliveries.c.subscriber_id)
        .where(t.delivery_attempts.c.reason != "")
    )
    found: dict[str, set[str]] = defaultdict(set)
    with database.read() as connection:
        for row in connection.execute(query):
            found[row.name].add(row.reason)
    return found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def misbehaving(stack: ExitStack, *acts: Act, tls: object = None) -> Registry:
    registry = Registry(acts, tls)  # type: ignore[arg-type]
    stack.callback(registry.close)
    return registry


def receiving(stack: ExitStack, says: Callable[[Received], int] = lambda _received: 204) -> Sink:
    sink = Sink(says)
    stack.callback(sink.close)
    return sink


CHANGES = 60


def test_hostile_endpoints_hurt_nobody_else(
    make_cluster: Callable[..., Cluster], database: Database, stack: ExitStack, tmp_path: Path
) -> None:
    cluster = make_cluster(**SETTINGS)
    well = receiving(stack)
    refusals = iter([500])

    def refuses_the_seventh_once(received: Received) -> int:
        return next(refusals, 200) if int(received.event["sequence"]) == 7 else 200

    in_order = receiving(stack, refuses_the_seventh_once)
    lately: Counter[str] = Counter()

    def late(received: Received) -> int:
        # It takes each of the first three, but says so too late the first time.
        lately[received.id] += 1
        if len(lately) <= 3 and lately[received.id] == 1:
            time.sleep(1.5)
        return 200

    slow = receiving(stack, late)
    inside = misbehaving(stack, message())
    server_side, _ = certificate(tmp_path, ipaddress.IPv4Address("127.0.0.1"))
    bad = {
        "redirecting": misbehaving(stack, message(b"", "307 No", headers=(f"Location: {inside.url}",))).url,
        "silent": misbehaving(stack, hang()).url,
        "dripping": misbehaving(stack, drip(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 5000)).url,
        "endless": misbehaving(stack, flood(b"HTTP/1.1 500 No\r\n\r\n", 50_000_000)).url,
        "huge-headers": misbehaving(
            stack, then_close(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 500_000 + b"\r\n\r\n")
        ).url,
        "bad-tls": misbehaving(stack, message(), tls=server_side).url,
        "dead": f"http://127.0.0.1:{free_port()}/hook",
        "private": "https://10.0.0.1/hook",
        "metadata": "https://169.254.169.254/hook",
        "gone": misbehaving(stack, message(b"", "410 Gone")).url,
    }
    secrets = {
        name: subscribe(cluster, database, name, sink.url, ordered=name == "in-order")
        for name, sink in {"well": well, "in-order": in_order, "slow": slow}.items()
    }
    for name, url in bad.items():
        subscribe(cluster, database, name, url)
    publish(database, CHANGES)

    everything = set(range(1, CHANGES + 1))
    until(lambda: set(well.sequences) == everything, "the one that is well", seconds=60)
    until(lambda: set(slow.sequences) == everything, "the slow one", seconds=90)
    until(lambda: set(in_order.sequences) == everything, "the one that wants order", seconds=90)
    expected = {
        "redirecting": {"redirected"},
        "silent": {"timeout"},
        "dripping": {"timeout"},
        "endless": {"server_error"},
        "huge-headers": {"server_error"},
        "bad-tls": {"tls"},
        "dead": {"unreachable"},
        "private": {"forbidden_address"},
        "metadata": {"forbidden_address"},
        "gone": {"gone"},
    }
    until(lambda: expected.keys() <= reasons(database).keys(), "a try of each", seconds=90)
    found = reasons(database)
    assert {name: found[name] for name in expected} == expected
    assert inside.connections == 0
    # Each was signed for its receiver, and what came twice came under one id, with the same words.
    for name, sink in {"well": well, "in-order": in_order, "slow": slow}.items():
        bodies: dict[str, set[bytes]] = defaultdict(set)
        for received in sink.messages:
            assert received.verified(secrets[name])
            bodies[received.id].add(received.body)
        assert len(bodies) == CHANGES
        assert all(len(of_one) == 1 for of_one in bodies.values())
    assert well.sequences == sorted(everything)
    assert len(slow.messages) > CHANGES
    # Nothing overtook the one that was refused at first.
    assert in_order.sequences == [*range(1, 8), *range(7, CHANGES + 1)]
    with database.read() as connection:
        rows = connection.execute(select(t.subscribers.c.name, t.subscribers.c.state))
        states = {row.name: row.state for row in rows}
        lost = connection.execute(
            select(func.count())
            .select_from(t.deliveries)
            .where(t.deliveries.c.state == DeliveryState.EXHAUSTED)
        ).scalar_one()
    assert states["gone"] == "disabled"
    assert lost == 0


def test_an_endpoint_that_comes_back_gets_everything(
    make_cluster: Callable[..., Cluster], database: Database
) -> None:
    cluster = make_cluster(**SETTINGS)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    subscribe(cluster, database, "back", f"http://127.0.0.1:{port}/hook")
    publish(database, 20)
    until(lambda: reasons(database)["back"] == {"unreachable"}, "a first try")
    sink = Sink(port=port)
    try:
        until(lambda: set(sink.sequences) == set(range(1, 21)), "everything", seconds=120)
    finally:
        sink.close()


MANY = 240
KILLS = 4


def test_whatever_is_killed_nothing_is_lost_and_each_keeps_its_id(
    make_cluster: Callable[..., Cluster], database: Database, stack: ExitStack
) -> None:
    cluster = make_cluster(**SETTINGS)
    pace = threading.Event()

    def at_a_pace(_received: Received) -> int:
        pace.wait(0.02)
        return 202

    sinks = {name: receiving(stack, at_a_pace) for name in ("kensaku", "hikaku")}
    secrets = {name: subscribe(cluster, database, name, sink.url) for name, sink in sinks.items()}
    publish(database, MANY)
    for turn in range(KILLS):
        goal = MANY * (turn + 1) // (KILLS + 2)
        until(lambda goal=goal: len(sinks["kensaku"].messages) >= goal, f"{goal} deliveries")
        # Valkey keeps nothing on disk: with it every message is gone.
        for name in ("worker", "valkey", "beat")[: 1 + turn % 3]:
            cluster.kill(name)
            cluster.start(name)
    pace.set()
    for name, sink in sinks.items():
        until(lambda sink=sink: len(set(sink.sequences)) == MANY, f"everything at {name}", seconds=120)

    def waiting() -> int:
        query = select(func.count()).select_from(t.deliveries).where(t.deliveries.c.state == "pending")
        with database.read() as connection:
            return connection.execute(query).scalar_one()

    until(lambda: waiting() == 0, "the last to be written down")
    for name, sink in sinks.items():
        ids: dict[int, set[str]] = defaultdict(set)
        for received in sink.messages:
            assert received.verified(secrets[name])
            ids[int(received.event["sequence"])].add(received.id)
        assert ids.keys() == set(range(1, MANY + 1))
        assert all(len(of_one) == 1 for of_one in ids.values())
        # At least once: again only what was under way when its worker was killed.
        assert len(sink.messages) - MANY <= KILLS * 16
    with database.read() as connection:
        kept = connection.execute(
            select(t.deliveries.c.subscriber_id, t.deliveries.c.sequence, t.deliveries.c.state)
        ).all()
    assert len(kept) == len(set(kept)) == 2 * MANY
    assert {row.state for row in kept} == {DeliveryState.DELIVERED}


def test_a_vendor_is_told_from_post_to_listing(
    make_cluster: Callable[..., Cluster], database: Database, stack: ExitStack
) -> None:
    cluster = make_cluster(**SETTINGS)
    sink = receiving(stack)
    with database.write() as connection:
        key = parse_signing_key(
            SqlSenders(connection, cipher(cluster)).add("portal", datetime.now(UTC)).secret
        )
        subscribers = SqlSubscribers(connection, cipher(cluster))
        registered = subscribers.set_endpoint("portal", sink.url, datetime.now(UTC))
        subscribers.activate(registered.id, datetime.now(UTC))
    document = next(sample for sample in samples() if sample.outcome is State.LISTED).document
    body = orjson.dumps(
        {"type": "application.submitted", "timestamp": "2026-11-02T09:00:00Z", "data": document}
    )
    answer = httpx.post(
        f"{cluster.url}/v1/applications",
        content=body,
        headers={"content-type": "application/json", **sign([key], "msg_1", datetime.now(UTC), body)},
        timeout=30,
    )
    assert answer.status_code == 202

    def final() -> bool:
        with database.read() as connection:
            row = connection.execute(select(t.cases.c.state, t.cases.c.version)).one()
        told = sink.sequences
        return row.state not in {"received", "collecting", "adjudicating", "approved"} and row.version in told

    until(final, "the last change of state to be told")
    assert all(received.verified(registered.key) for received in sink.messages)
    assert {received.event["subject"] for received in sink.messages} == {answer.json()["id"]}
    # The case moves from version to version, and each of them is told.
    assert sorted(sink.sequences) == list(range(2, max(sink.sequences) + 1))
    told = b"".join(received.body for received in sink.messages).decode()
    contact = document["contact"]
    for value in (document["vendor"]["name"], contact["name"], contact["email"]):
        assert value not in told


def test_an_address_that_is_no_longer_allowed_is_not_sent_to(
    make_cluster: Callable[..., Cluster], database: Database, stack: ExitStack
) -> None:
    # Registered while this machine was allowed; the worker is started without that setting.
    cluster = make_cluster(**(SETTINGS | {"SEKISHO_DELIVERY_LOOPBACK": "false"}))
    sink = receiving(stack)
    subscribe(cluster, database, "here", sink.url)
    publish(database, 3)
    until(lambda: reasons(database)["here"] == {"forbidden_address"}, "a try")
    assert sink.received == []
    with database.write() as connection:
        connection.execute(update(t.subscribers).values(url="https://localhost/hook", rests_until=None))
        connection.execute(update(t.deliveries).values(next_attempt_at=datetime.now(UTC)))
    with database.read() as connection:
        before = connection.execute(select(func.count()).select_from(t.delivery_attempts)).scalar_one()

    def tried_again() -> bool:
        with database.read() as connection:
            count = connection.execute(select(func.count()).select_from(t.delivery_attempts)).scalar_one()
        return count > before

    until(tried_again, "another try")
    assert reasons(database)["here"] == {"forbidden_address"}
