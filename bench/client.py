"""Clients of an HTTP server on this machine, light enough not to be what is measured."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import orjson

HOST = "127.0.0.1"

TIMEOUT = 60.0
"""Seconds after which a server that does not answer is a fault."""


class Fault(Exception):
    """The server did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. ``began`` and ``ended`` are seconds on the performance counter."""

    began: float
    ended: float
    status: int
    body: bytes

    @property
    def application_id(self) -> str:
        """The ``id`` in an answer that accepted something.

        :raises Fault: when it did not.
        """
        if self.status != 202:
            raise Fault(f"answered {self.status}: {self.body[:300]!r}")
        return str(orjson.loads(self.body)["id"])


def post(path: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("ascii") + body


class Connection:
    """A connection that is kept alive; one exchange at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._began = 0.0
        self._received = b""

    def send(self, request: bytes) -> None:
        """Send a request."""
        self._received = b""
        self._began = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> Exchange | None:
        """Read what has come; the exchange if that was all of the answer."""
        data = self.socket.recv(65536)
        if not data:
            raise Fault("the server closed the connection")
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return None
        if head[9:12] == b"304":
            return Exchange(self._began, time.perf_counter(), 304, b"")
        at = head.lower().index(b"content-length:") + len(b"content-length:")
        if len(body) < int(head[at:].split(b"\r\n", 1)[0]):
            return None
        return Exchange(self._began, time.perf_counter(), int(head[9:12]), body)

    def exchange(self, request: bytes) -> Exchange:
        """Send a request and wait for its answer."""
        self.send(request)
        while True:
            exchange = self.receive()
            if exchange is not None:
                return exchange

    def close(self) -> None:
        """Close it."""
        self.socket.close()


def send_all(port: int, requests: Sequence[bytes], connections: int) -> list[Exchange]:
    """Send all requests as fast as they are answered, each connection one after the other."""
    waiting = iter(requests)
    exchanges: list[Exchange] = []
    with selectors.DefaultSelector() as selector:
        for request in islice(waiting, connections):
            connection = Connection(port)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(request)
        while selector.get_map():
            ready = selector.select(TIMEOUT)
            if not ready:
                raise Fault(f"no answer within {TIMEOUT:.0f} seconds")
            for key, _ in ready:
                exchange = key.data.receive()
                if exchange is None:
                    continue
                exchanges.append(exchange)
                following = next(waiting, None)
                if following is None:
                    selector.unregister(key.fileobj)
                    key.data.close()
                else:
                    key.data.send(following)
    return exchanges
