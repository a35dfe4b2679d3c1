from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from cli.output import Exit
from pipeline.delivery import Errand
from pipeline.identifiers import new_id
from pipeline.schemas import find
from storage import tables as t
from storage.database import Database
from storage.memory import SqlMemory
from tasks.bootstrap import SystemClock
from tasks.deliveries import sending_of
from tasks.settings import load_settings
from tests.cli.conftest import Sekisho
from tests.feed import publish
from tests.sinks import Sink

pytestmark = pytest.mark.usefixtures("installation")


@pytest.fixture
def sink() -> Iterator[Sink]:
    os.environ["SEKISHO_DELIVERY_LOOPBACK"] = "true"
    opened = Sink()
    yield opened
    opened.close()


@pytest.fixture
def database(installation: None) -> Iterator[Database]:
    opened = Database(os.environ["SEKISHO_DATABASE_URL"])
    yield opened
    opened.close()


def serve(database: Database) -> list[str]:
    """What the sweeper and a worker do."""
    settings, memory, words = load_settings(), SqlMemory(database), []
    sending = sending_of(settings, memory, SystemClock())

    def claim() -> list[Errand]:
        with memory.write() as tx:
            return tx.deliveries.claim(datetime.now(UTC), settings.lease, 4)

    while errands := claim():
        words += [sending(errand) for errand in errands]
    return words


def events(database: Database) -> list[str]:
    with database.read() as connection:
        rows = connection.execute(select(t.journal.c.name).order_by(t.journal.c.position))
        return [row.name for row in rows]


def test_from_registration_to_the_first_delivery(sekisho: Sekisho, sink: Sink, database: Database) -> None:
    handed = sekisho("subscribers", "add", "kensaku", sink.url, "--json").value
    assert handed["secret"].startswith("whsec_")
    publish(database, 2)
    assert serve(database) == []
    pinged = sekisho("subscribers", "ping", "kensaku", "--json")
    assert (pinged.status, pinged.value["state"]) == (Exit.DONE, "active")
    [ping] = sink.received
    assert ping.verified(handed["secret"])
    schema = find("notification")
    assert schema is not None
    assert list(schema.violations(ping.event)) == []
    assert serve(database) == ["2 taken"]
    assert sink.sequences == [1, 2]
    assert all(received.verified(handed["secret"]) for received in sink.messages)
    shown = sekisho("subscribers", "show", "kensaku", "--json").value
    assert (shown["waiting"], shown["delivered"], shown["exhausted"]) == (0, 2, 0)
    assert [one["attempts"][0]["status"] for one in shown["deliveries"]] == [204, 204]
    assert {one["id"] for one in shown["deliveries"]} == {received.id for received in sink.messages}
    assert handed["secret"] not in sekisho("subscribers", "show", "kensaku").out
    assert events(database) == ["subscriber.added", "subscriber.activated"]


def test_who_does_not_echo_the_challenge_is_not_active(
    sekisho: Sekisho, sink: Sink, database: Database
) -> None:
    sekisho("subscribers", "add", "kensaku", sink.url)
    sink.echoes = False
    pinged = sekisho("subscribers", "ping", "kensaku", "--json")
    assert pinged.status == Exit.FINDINGS
    assert (pinged.value["state"], pinged.value["status"], pinged.value["reason"]) == (
        "pending", 204, "challenge_missing",
    )  # fmt: skip
    sink.says = lambda _received: 500
    assert sekisho("subscribers", "ping", "kensaku", "--json").value["reason"] == "server_error"
    assert "did not come back" in sekisho("subscribers", "ping", "kensaku").out
    publish(database, 1)
    assert serve(database) == []


def test_disable_and_enable(sekisho: Sekisho, sink: Sink, database: Database) -> None:
    sekisho("subscribers", "add", "kensaku", sink.url)
    sekisho("subscribers", "ping", "kensaku")
    assert sekisho("subscribers", "disable", "kensaku").status == Exit.DONE
    assert sekisho("subscribers", "disable", "kensaku").status == Exit.CONFLICT
    publish(database, 3)
    # A ping of a disabled one tells how its endpoint is, and changes nothing.
    assert sekisho("subscribers", "ping", "kensaku", "--json").value["state"] == "disabled"
    assert serve(database) == []
    assert sekisho("subscribers", "enable", "kensaku").status == Exit.DONE
    assert serve(database) == ["3 taken"]
    sekisho("subscribers", "disable", "kensaku")
    publish(database, 2)
    sekisho("subscribers", "enable", "kensaku", "--skip-waiting")
    publish(database, 1)
    serve(database)
    assert sink.sequences == [1, 2, 3, 6]


def test_rotate_signs_with_both_keys_for_a_day(sekisho: Sekisho, sink: Sink, database: Database) -> None:
    old = sekisho("subscribers", "add", "kensaku", sink.url, "--json").value["secret"]
    sekisho("subscribers", "ping", "kensaku")
    new = sekisho("subscribers", "rotate", "kensaku", "--json").value["secret"]
    assert new != old
    publish(database, 1)
    serve(database)
    [message] = sink.messages
    assert message.verified(old)
    assert message.verified(new)
    keys = sekisho("subscribers", "show", "kensaku", "--json").value["keys"]
    ends = [key["retires_at"] for key in keys]
    assert ends[0] is None
    left = datetime.fromisoformat(ends[1]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)


def test_a_key_pair_can_be_looked_up_again(sekisho: Sekisho, sink: Sink) -> None:
    handed = sekisho("subscribers", "add", "kensaku", sink.url, "--key-pair", "--json").value
    assert "secret" not in handed
    [key] = sekisho("subscribers", "show", "kensaku", "--json").value["keys"]
    assert (key["scheme"], key["public"]) == ("v1a", handed["public_key"])
    sekisho("subscribers", "ping", "kensaku")
    assert sink.received[0].verified(handed["public_key"])


def test_replay_by_id_range_and_state(sekisho: Sekisho, sink: Sink, database: Database) -> None:
    publish(database, 2)
    sekisho("subscribers", "add", "kensaku", sink.url)
    sekisho("subscribers", "ping", "kensaku")
    publish(database, 3)
    serve(database)
    first = sink.messages[0]
    assert sekisho("subscribers", "replay", "kensaku", "--id", first.id, "--json").value["deliveries"] == 1
    serve(database)
    again = sink.messages[-1]
    assert (again.id, again.body) == (first.id, first.body)
    replayed = sekisho("subscribers", "replay", "kensaku", "--from", "2", "--to", "4", "--json")
    assert replayed.value["deliveries"] == 3
    serve(database)
    assert sink.sequences == [3, 4, 5, 3, 2, 3, 4]
    assert sekisho("subscribers", "replay", "kensaku", "--exhausted", "--json").value["deliveries"] == 0
    assert sekisho("subscribers", "replay", "kensaku", "--all", "--json").value["deliveries"] == 4
    unknown = sekisho("subscribers", "replay", "kensaku", "--id", str(new_id()), "--json")
    assert (unknown.status, unknown.problem["code"]) == (Exit.NOT_FOUND, "cli.delivery_unknown")
    assert sekisho("subscribers", "replay", "kensaku", "--from", "4", "--to", "9").status == Exit.INVALID
    assert sekisho("subscribers", "replay", "kensaku", "--from", "4").status == Exit.USAGE
    assert sekisho("subscribers", "replay", "kensaku", "--all", "--exhausted").status == Exit.USAGE


def test_list_tells_how_each_stands(sekisho: Sekisho, sink: Sink, database: Database) -> None:
    for name in ("kensaku", "hikaku"):
        sekisho("subscribers", "add", name, sink.url)
    sekisho("subscribers", "ping", "kensaku")
    sink.says = lambda _received: 400
    publish(database, 1)
    serve(database)
    hikaku, kensaku = sekisho("subscribers", "list", "--json").values
    assert (hikaku["name"], hikaku["state"]) == ("hikaku", "pending")
    assert (kensaku["state"], kensaku["waiting"], kensaku["failures"]) == ("active", 1, 1)
    assert "kensaku" in sekisho("subscribers", "list").out
    assert "HTTP 400 refused" in sekisho("subscribers", "show", "kensaku").out


def test_what_an_endpoint_says_cannot_command_the_terminal(
    sekisho: Sekisho, sink: Sink, database: Database
) -> None:
    sekisho("subscribers", "add", "kensaku", sink.url)
    sekisho("subscribers", "ping", "kensaku")
    publish(database, 1)
    sink.says = lambda _received: 400
    serve(database)
    with database.write() as connection:
        connection.execute(update(t.delivery_attempts).values(answer=b"\x1b[2Jgone\xff\n"))
    [delivery] = sekisho("subscribers", "show", "kensaku", "--json").value["deliveries"]
    assert delivery["attempts"][0]["answer"] == "\ufffd[2Jgone\ufffd\ufffd"


def test_remove_asks_and_leaves_nothing(sekisho: Sekisho, sink: Sink, database: Database) -> None:
    sekisho("subscribers", "add", "kensaku", sink.url)
    assert sekisho("subscribers", "remove", "kensaku", "--yes").status == Exit.DONE
    assert sekisho("subscribers", "list", "--json").values == []
    assert sekisho("subscribers", "show", "kensaku").status == Exit.NOT_FOUND
    assert events(database)[-1] == "subscriber.removed"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://catalog.example/", "endpoint.address_malformed"),
        ("https://10.0.0.1/", "endpoint.forbidden_address"),
        ("https://169.254.169.254/latest", "endpoint.forbidden_address"),
        ("https://127.0.0.1/", "endpoint.forbidden_address"),
        ("https://93.184.216.34:8443/", "endpoint.port_not_allowed"),
    ],
)
def test_an_address_that_leads_inside_is_not_registered(sekisho: Sekisho, url: str, code: str) -> None:
    answer = sekisho("subscribers", "add", "kensaku", url, "--json")
    assert (answer.status, answer.problem["code"]) == (Exit.INVALID, code)
    assert answer.problem["ja"]
    assert sekisho("subscribers", "list", "--json").values == []


def test_what_is_asked_wrongly_is_told(sekisho: Sekisho, sink: Sink) -> None:
    assert sekisho("subscribers", "add", "Kensaku", sink.url).status == Exit.INVALID
    assert sekisho("subscribers", "add", "sender:portal", sink.url).status == Exit.INVALID
    assert sekisho("subscribers", "add", "kensaku", sink.url, "--after", "1").status == Exit.INVALID
    assert sekisho("subscribers", "add", "kensaku", sink.url).status == Exit.DONE
    twice = sekisho("subscribers", "add", "kensaku", sink.url, "--json")
    assert (twice.status, twice.problem["code"]) == (Exit.CONFLICT, "cli.subscriber_exists")
    for command in ("ping", "enable", "disable", "rotate", "show"):
        assert sekisho("subscribers", command, "none-such").status == Exit.NOT_FOUND


def test_a_senders_endpoint_is_a_subscriber_too(sekisho: Sekisho, sink: Sink) -> None:
    assert sekisho("senders", "endpoint", "set", "portal", sink.url).status == Exit.NOT_FOUND
    sekisho("senders", "add", "portal")
    first = sekisho("senders", "endpoint", "set", "portal", sink.url, "--json").value
    assert first["name"] == "sender:portal"
    assert sekisho("subscribers", "ping", "sender:portal").status == Exit.DONE
    assert sink.received[0].verified(first["secret"])
    # Another address has to answer for itself, and has another secret.
    second = sekisho("senders", "endpoint", "set", "portal", sink.url + "/new", "--json").value
    assert second["id"] == first["id"]
    assert sekisho("subscribers", "show", "sender:portal", "--json").value["state"] == "pending"
    assert sekisho("subscribers", "ping", "sender:portal").status == Exit.DONE
    assert sink.received[-1].verified(second["secret"])
    assert not sink.received[-1].verified(first["secret"])
    assert (
        sekisho("subscribers", "replay", "sender:portal", "--from", "1", "--to", "1").status == Exit.INVALID
    )
    # A sender that may send no more is told no more.
    sekisho("senders", "disable", "portal")
    assert sekisho("subscribers", "show", "sender:portal", "--json").value["state"] == "disabled"
    assert sekisho("senders", "endpoint", "set", "portal", sink.url).status == Exit.CONFLICT


def test_doctor_tells_of_what_does_not_arrive(sekisho: Sekisho, sink: Sink, database: Database) -> None:
    def findings() -> dict[str, str]:
        return {one["name"]: one["seen"] for one in sekisho("doctor", "--offline", "--json").values}

    assert findings()["deliveries"] == "0 waiting for 0 active subscribers"
    sekisho("subscribers", "add", "kensaku", sink.url)
    sekisho("subscribers", "ping", "kensaku")
    publish(database, 1, at=datetime.now(UTC) - timedelta(minutes=30))
    assert findings()["deliveries"] == "1 waiting for 1 active subscribers"
    sink.says = lambda _received: 400
    serve(database)
    assert findings()["deliveries"] == "1 waiting for 1 active subscribers, the oldest for 30 min"
    with database.write() as connection:
        connection.execute(update(t.deliveries).values(state="exhausted"))
        connection.execute(update(t.subscribers).values(state="disabled", reason="gone"))
    found = findings()
    assert found["subscribers"] == "disabled by themselves: kensaku (gone)"
    assert found["dead letters"] == "1 were never taken"
