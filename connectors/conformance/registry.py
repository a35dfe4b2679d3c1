"""A registry on this machine that answers, or misbehaves, as it is told."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread

Act = bytes | Callable[["Exchange"], None]
"""What the registry does with one request: send these bytes and stay connected, or something of its own."""


class Exchange:
    """The connection on which a request came."""

    def __init__(self, sock: socket.socket, over: Event) -> None:
        """``over`` is set when the registry closes: whoever hangs, hangs until then."""
        self.sock = sock
        self.over = over

    def send(self, data: bytes) -> None:
        """Send these bytes."""
        self.sock.sendall(data)

    def close(self) -> None:
        """Close in good order."""
        self.sock.close()

    def reset(self) -> None:
        """Close so that the other side sees a reset (SO_LINGER of 0)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Registry:
    """Answers the n-th request with the n-th act, and every further one with the last.

    ``requests`` are the heads of the requests it had, ``bodies`` what followed them, ``connections`` how many
    connections they came over.
    """

    def __init__(self, acts: tuple[Act, ...], tls: ssl.SSLContext | None = None) -> None:
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
        """Where it listens on 127.0.0.1."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Its base address."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/base"

    def close(self) -> None:
        """End every exchange and stop listening."""
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
        # The client may be gone, or have refused our certificate: that is the caller's matter.
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


@contextmanager
def serving(*acts: Act) -> Iterator[Registry]:
    """A registry that acts so, for the length of the block."""
    registry = Registry(acts)
    try:
        yield registry
    finally:
        registry.close()


def message(
    body: bytes = b"<x/>",
    status: str = "200 OK",
    media_type: str | None = "application/xml",
    *,
    length: int | str | None = -1,
    headers: tuple[str, ...] = (),
) -> bytes:
    """An HTTP answer. ``length`` -1 is the true one, None leaves the header out."""
    lines = [f"HTTP/1.1 {status}"]
    if media_type is not None:
        lines.append(f"Content-Type: {media_type}")
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


def hang(start: bytes = b"") -> Act:
    """Send this and then nothing more."""

    def act(exchange: Exchange) -> None:
        exchange.send(start)
        exchange.over.wait()

    return act


def drip(data: bytes) -> Act:
    """One byte at a time, each soon enough, all together never."""

    def act(exchange: Exchange) -> None:
        for position in range(len(data)):
            exchange.send(data[position : position + 1])
            if exchange.over.wait(0.02):
                return
        exchange.over.wait()

    return act


def then_close(start: bytes = b"") -> Act:
    """Send this and close."""

    def act(exchange: Exchange) -> None:
        exchange.send(start)
        exchange.sock.shutdown(socket.SHUT_RDWR)

    return act


def then_reset(start: bytes = b"") -> Act:
    """Send this and reset the connection."""

    def act(exchange: Exchange) -> None:
        exchange.send(start)
        exchange.reset()

    return act


def flood(head: bytes, size: int) -> Act:
    """Send this and then ``size`` bytes more."""

    def act(exchange: Exchange) -> None:
        exchange.send(head)
        for _ in range(size // 100_000):
            exchange.send(b"x" * 100_000)

    return act
