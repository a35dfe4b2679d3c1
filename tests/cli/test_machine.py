from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from cli.machine import HOST, Machine, Ports, answers, free_port, pongs
from cli.output import Exit, Failure
from cli.processes import Signals
from cli.state import StateFolder
from cli.supervisor import Supervisor
from connectors.installed import BUILT_IN
from tasks.settings import OPEN_SOURCES


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    # A folder that a configuration file and a URL must take as it is.
    return StateFolder(tmp_path / 'a "state" folder\\ 関所 %20')


def test_free_ports_differ_and_can_be_taken() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == len(ports)
    for port in ports:
        socket.create_server((HOST, port)).close()


def test_a_free_port_is_not_given_to_others_meanwhile() -> None:
    reserved = {free_port() for _ in range(20)}
    others = [socket.create_server((HOST, 0)) for _ in range(500)]
    taken = {other.getsockname()[1] for other in others}
    for other in others:
        other.close()
    assert reserved.isdisjoint(taken)


def test_a_chosen_port_that_is_taken_is_refused() -> None:
    with socket.create_server((HOST, 0)) as server, pytest.raises(OSError, match="in use"):
        free_port(server.getsockname()[1])


def test_what_the_environment_leaves_open_is_embedded(folder: StateFolder) -> None:
    machine = Machine(folder, {"PATH": "/bin"}, Ports(1, 2, 3, 4))
    settings = machine.settings
    assert settings.database_url.get_secret_value() == f"sqlite:///{folder.database}"
    assert settings.broker_url.get_secret_value().endswith("@127.0.0.1:3/0")
    assert settings.sources.keys() == BUILT_IN.keys()
    assert all(source["base_url"].startswith("http://127.0.0.1:4/") for source in settings.sources.values())
    assert list(machine.parts) == ["broker", "sandbox", "web", "worker", "flower", "sweeper"]


def test_the_buyers_site_runs_where_it_has_a_port(folder: StateFolder) -> None:
    given_ = {"SEKISHO_CATALOG_WAIT_SECONDS": "5"}
    site = Machine(folder, given_, Ports(1, 2, 3, 4, 5)).parts["catalog"].child
    assert site.environment["SEKISHO_CATALOG_API_URL"] == "http://127.0.0.1:1"
    assert site.environment["SEKISHO_CATALOG_DATABASE_URL"] == f"sqlite:///{folder.catalog}"
    assert site.environment["SEKISHO_CATALOG_WAIT_SECONDS"] == "5"
    assert all(
        name.startswith("SEKISHO_CATALOG_") for name in site.environment if name.startswith("SEKISHO_")
    )


def test_what_the_environment_names_is_used(folder: StateFolder, tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.write_text('{"jp.nta": {"application_id": "a-real-key-00"}}\n')
    given_ = {
        "SEKISHO_DATABASE_URL": "postgresql://db/x",
        "SEKISHO_BROKER_URL": "redis://elsewhere/0",
        "SEKISHO_SOURCES_FILE": str(sources),
    }
    machine = Machine(folder, given_, Ports(1, 2, 3, 4))
    settings = machine.settings
    assert settings.database_url.get_secret_value() == "postgresql://db/x"
    assert settings.broker_url.get_secret_value() == "redis://elsewhere/0"
    assert settings.sources["jp.nta"]["application_id"] == "a-real-key-00"
    assert settings.sources.keys() == {"jp.nta", *OPEN_SOURCES}
    assert not any("base_url" in source for source in settings.sources.values())
    assert "broker" not in machine.parts


def test_the_settings_of_this_process_do_not_reach_a_machine(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEKISHO_POLICY", "another")
    before = dict(os.environ)
    assert Machine(folder, {}, Ports(1, 2, 3, 4)).settings.policy != "another"
    assert dict(os.environ) == before


def test_no_secret_is_in_a_command(folder: StateFolder) -> None:
    machine = Machine(folder, {}, Ports(1, 2, 3, 4))
    secrets = [path.read_text() for path in (folder.path / "secrets").iterdir()]
    assert len(secrets) >= 4
    words = " ".join(word for part in machine.parts.values() for word in part.child.command)
    values = [value for part in machine.parts.values() for value in part.child.environment.values()]
    for secret in secrets:
        assert secret not in words
        assert secret not in values


def test_a_second_start_has_the_same_secrets(folder: StateFolder) -> None:
    def kept() -> dict[str, str]:
        Machine(folder, {}, Ports(1, 2, 3, 4))
        return {path.name: path.read_text() for path in (folder.path / "secrets").iterdir()}

    assert kept() == kept()


@pytest.mark.processes
@pytest.mark.parametrize("durable", [True, False])
def test_the_embedded_broker_keeps_the_rules(folder: StateFolder, durable: bool) -> None:
    import redis

    machine = Machine(folder, {}, Ports.free(), durable=durable)
    url = machine.settings.broker_url.get_secret_value()
    with Signals() as signals, Supervisor(signals, 10) as supervisor:
        supervisor.start([machine.parts["broker"]])
        supervisor.await_ready()
        with redis.Redis.from_url(url, decode_responses=True) as broker:
            assert broker.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert broker.config_get("appendonly") == {"appendonly": "yes" if durable else "no"}
            assert broker.config_get("bind") == {"bind": HOST}
            assert broker.config_get("dir") == {"dir": str(folder.broker)}
        assert not pongs(machine.ports.broker, "guessed")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\xff\x00" * 50,
        b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
        b"HTTP/1.1 99999999999 OK\r\n\r\n",
        b"+OK\r\n-NOAUTH\r\n",
        b"-WRONGPASS\r\n+PONG\r\n",
    ],
)
def test_a_stranger_on_a_port_is_not_taken_for_a_part(said: bytes) -> None:
    with socket.create_server((HOST, 0)) as stranger:
        port = stranger.getsockname()[1]

        def say() -> None:
            for _ in range(2):
                visitor, _address = stranger.accept()
                with visitor:
                    visitor.sendall(said)

        thread = threading.Thread(target=say)
        thread.start()
        assert not answers(port, "/")
        assert not pongs(port, "x")
        thread.join()
    assert not answers(port, "/")
    assert not pongs(port, "x")


@pytest.mark.parametrize(
    "given_",
    [{"SEKISHO_WORKER_THREADS": "many"}, {"SEKISHO_SECRET_KEYS": "none"}, {"SEKISHO_SESSION_HOURS": "0"}],
    ids=lambda given_: next(iter(given_)),
)
def test_what_does_not_hold_together_is_told_before_anything_starts(
    folder: StateFolder, given_: dict[str, str]
) -> None:
    with Signals() as signals, Supervisor(signals, 0) as supervisor:
        with pytest.raises(Failure) as failure:
            Machine(folder, given_, Ports(1, 2, 3, 4)).start(supervisor)
        assert supervisor.parts == []
    assert failure.value.status == Exit.INVALID
    assert next(iter(given_)) in failure.value.text()
