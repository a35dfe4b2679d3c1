"""``python -m bench.deliveries``: hints a second to a sink on this machine, and what it costs a case to tell.

The sink is a process of its own that answers 204 and keeps nothing. Beside ours stands what one would
otherwise write: sign and ``requests.Session.post`` in a loop, without state, so that a process that dies
loses all that was not sent. The second table is what a case pays: its moves with no endpoint set, with one,
and without the statement that tells.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import requests
from cryptography.fernet import Fernet
from sqlalchemy import create_engine, delete, insert, text, update
from sqlalchemy.engine import make_url

from bench.machines import DATABASES, postgres
from bench.report import Table, spread
from connectors.delivery import HttpCourier
from pipeline.delivery import About, Delivery, DeliverySchedule, envelope
from pipeline.documents import canonical
from pipeline.identifiers import new_id, new_reference
from pipeline.lifecycle import State
from pipeline.model import Case
from pipeline.sending import MEDIA_TYPE, Sending
from pipeline.webhook import SharedSecret, sign
from storage import migrations
from storage import tables as t
from storage.cases import _MOVE, SqlCases
from storage.database import Database
from storage.memory import SqlMemory
from storage.senders import Cipher
from storage.subscribers import SqlSubscribers
from storage.writes import write

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
LEASE = timedelta(seconds=30)
CIPHER = Cipher([Fernet.generate_key().decode()])


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.deliveries", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of few: to see that it runs")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    parser.add_argument("--sink", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sink:
        asyncio.run(_sink())
        return 0
    rounds, messages, moves = (1, 300, 300) if options.quick else (5, 2000, 2000)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="sekisho-bench-")))
        postgres_url = stack.enter_context(postgres(folder))
        url = stack.enter_context(_sink_process())
        contenders = [Contender("requests in a loop, no state", "", lambda: _bare(url, messages))]
        told = []
        for kind in DATABASES:
            database = stack.enter_context(_database(kind, folder, postgres_url))
            ours = partial(_serve, database, messages)
            contenders.append(Contender("sekisho", kind, ours, partial(_subscribe, database, url, messages)))
            told += _measure(_movers(database, kind, moves), rounds, moves)
        sent = _measure(contenders, rounds, messages)
    if options.json:
        print(json.dumps({"sent": sent, "told": told}))
        return 0
    print(_table("Hints to a sink", "a second", sent).markdown(), end="\n\n")
    print(_table("A case's move", "moves a second", told).markdown())
    return 0


def _table(title: str, unit: str, figures: list[dict[str, Any]]) -> Table:
    rows = [
        (one["what"], one["on"], spread(one["rates"]), f"{median(one['cpu_milliseconds']):.2f} ms")
        for one in figures
    ]
    return Table(title, ("what", "on", unit, "CPU each"), rows)


@dataclass(frozen=True, slots=True)
class Contender:
    """What is measured, and what has to be made ready for it each time."""

    what: str
    on: str
    run: Callable[[], None]
    prepare: Callable[[], None] = lambda: None


def _measure(contenders: list[Contender], rounds: int, count: int) -> list[dict[str, Any]]:
    """The contenders in turn, so that whatever else the machine does hits all of them; once to warm up."""
    figures: list[dict[str, Any]] = [
        {"what": one.what, "on": one.on, "rates": [], "cpu_milliseconds": []} for one in contenders
    ]
    for turn in range(rounds + 1):
        for contender, figure in zip(contenders, figures, strict=True):
            contender.prepare()
            began, worked = time.perf_counter(), time.process_time()
            contender.run()
            if turn:
                figure["rates"].append(count / (time.perf_counter() - began))
                figure["cpu_milliseconds"].append((time.process_time() - worked) / count * 1000)
    return figures


def _bare(url: str, count: int) -> None:
    key, session = SharedSecret.new(), requests.Session()
    for position in range(count):
        now = datetime.now(UTC)
        delivery = Delivery(new_id(), About.LISTING, new_id(), position, 1, "published", now, 0)
        body = canonical(envelope(delivery))
        headers = {"content-type": MEDIA_TYPE, **sign([key], str(delivery.id), now, body)}
        session.post(url, data=body, headers=headers, timeout=15).raise_for_status()


def _subscribe(database: Database, url: str, count: int) -> None:
    """One active subscriber, and so many changes for it."""
    with database.write() as connection:
        connection.execute(update(t.subscribers).values(state="disabled"))
        subscribers = SqlSubscribers(connection, CIPHER)
        registered = subscribers.add(new_id().hex, url, datetime.now(UTC))
        subscribers.activate(registered.id, datetime.now(UTC))
        _change(connection, count)


def _serve(database: Database, count: int) -> None:
    memory, taken = SqlMemory(database), 0
    sending = Sending(memory, HttpCourier(loopback=True), _Clock(), CIPHER.decrypt, DeliverySchedule())
    while True:
        with memory.write() as tx:
            errands = tx.deliveries.claim(datetime.now(UTC), LEASE, 4)
        if not errands:
            break
        taken += sum(int(sending(errand).split()[0]) for errand in errands)
    if taken != count:
        raise AssertionError(f"{taken} of {count} were taken")


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def _movers(database: Database, kind: str, count: int) -> list[Contender]:
    cases = _cases(database, count)

    def bare() -> None:
        for case in cases:
            with database.write() as connection:
                _bare_move(connection, case)

    def move() -> None:
        for case in cases:
            with database.write() as connection:
                SqlCases(connection).move(case, State.COLLECTING, datetime.now(UTC), outstanding=1)

    def again(*, endpoint: bool) -> None:
        with database.write() as connection:
            connection.execute(update(t.cases).values(state=State.RECEIVED, version=1, outstanding=0))
            connection.execute(delete(t.deliveries))
            connection.execute(delete(t.subscriber_keys))
            connection.execute(delete(t.subscribers))
            if endpoint:
                url = "https://vendor.example/"
                SqlSubscribers(connection, CIPHER).set_endpoint("bench", url, datetime.now(UTC))

    return [
        Contender("the change of state alone", kind, bare, partial(again, endpoint=False)),
        Contender("no endpoint set", kind, move, partial(again, endpoint=False)),
        Contender("an endpoint set", kind, move, partial(again, endpoint=True)),
    ]


def _bare_move(connection: Any, case: Case) -> None:
    row = {
        "case_id": case.id, "seen_version": 1, "to_state": State.COLLECTING, "to_outstanding": 1,
        "to_reason": "", "moved_at": datetime.now(UTC),
    }  # fmt: skip
    write(connection, (_MOVE, [row]))


def _cases(database: Database, count: int) -> list[Case]:
    now, sender = datetime.now(UTC), new_id()
    with database.write() as connection:
        connection.execute(insert(t.senders).values(id=sender, name="bench", created_at=now))
        return [_case(connection, sender, now) for _ in range(count)]


def _case(connection: Any, sender: UUID, now: datetime) -> Case:
    application = new_id()
    case = Case(new_id(), new_reference(), application, State.RECEIVED, 1, 0, now, now)
    connection.execute(
        insert(t.applications).values(
            id=application, sender_id=sender, message_id=str(application), body=b"{}", body_sha256="",
            received_at=now,
        )
    )  # fmt: skip
    connection.execute(
        insert(t.cases).values(
            id=case.id, reference=case.reference, application_id=application, state=case.state, version=1,
            outstanding=0, reason="", vendor_name="", vendor_scheme="", vendor_id="", product_name="",
            opened_at=now, changed_at=now,
        )
    )  # fmt: skip
    return case


def _change(connection: Any, count: int) -> None:
    """Put so many changes of one listing into the feed."""
    now, sender, listing = datetime.now(UTC), new_id(), new_id()
    connection.execute(insert(t.senders).values(id=sender, name=sender.hex, created_at=now))
    case = _case(connection, sender, now)
    connection.execute(
        insert(t.listings).values(
            id=listing, vendor_scheme="JP-JCN", vendor_id=listing.hex, product_code="x", version=1
        )
    )
    connection.execute(
        insert(t.listing_versions).values(
            listing_id=listing,
            version=1,
            case_id=case.id,
            published_at=now,
            document=b"{}",
            document_sha256="",
        )
    )
    position = t.feed_head.c.position
    advanced = connection.execute(
        update(t.feed_head).values(position=position + count).returning(position)
    ).scalar_one()
    connection.execute(
        insert(t.listing_changes),
        [
            {
                "position": number, "kind": "published", "listing_id": listing, "version": 1,
                "occurred_at": now,
            }
            for number in range(advanced - count + 1, advanced + 1)
        ],
    )  # fmt: skip


@contextmanager
def _database(kind: str, folder: Path, postgres_url: str) -> Iterator[Database]:
    name = f"bench_{new_id().hex}"
    url = f"sqlite:///{folder}/{name}.db"
    if kind == "postgresql":
        admin = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        url = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    database = Database(url)
    try:
        migrations.upgrade(database)
        yield database
    finally:
        database.close()


@contextmanager
def _sink_process() -> Iterator[str]:
    command = (sys.executable, "-m", "bench.deliveries", "--sink")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/hook"
        finally:
            process.terminate()


async def _sink() -> None:
    """Answer each request with 204, as little as a server can do."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                at = head.lower().index(b"content-length:") + len(b"content-length:")
                await reader.readexactly(int(head[at:].split(b"\r\n", 1)[0]))
                writer.write(ANSWER)
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
