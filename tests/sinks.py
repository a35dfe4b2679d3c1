"""Endpoints on this machine that receive webhooks as a subscriber would."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.webhooks import verified


@dataclass(frozen=True)
class Received:
    """A message as it came. ``at`` is the receiver's own time."""

    headers: dict[str, str]
    body: bytes
    at: datetime

    @property
    def event(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def is_ping(self) -> bool:
        return self.event["type"] == "sekisho.subscriber.ping"

    def verified(self, key: str) -> bool:
        return verified(key, self.headers, self.body, self.at)


class Sink:
    """Keeps what it receives. ``says`` gives the status for a message, by default 204.

    A ping is answered with its challenge, unless ``echoes`` is turned off.
    """

    def __init__(self, says: Callable[[Received], int] = lambda _received: 204, port: int = 0) -> None:
        self.received: list[Received] = []
        self.says = says
        self.echoes = True
        self._lock = threading.Lock()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                received = Received(headers, body, datetime.now(UTC))
                with sink._lock:
                    sink.received.append(received)
                status, answer = sink.says(received), b""
                if received.is_ping and status < 300 and sink.echoes:
                    status, answer = 200, json.dumps(received.event["data"]).encode()
                with suppress(ConnectionError):  # the sender has not waited, or was killed
                    self.send_response(status)
                    self.send_header("content-length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    @property
    def messages(self) -> list[Received]:
        """What came besides pings."""
        with self._lock:
            return [received for received in self.received if not received.is_ping]

    @property
    def sequences(self) -> list[int]:
        return [int(received.event["sequence"]) for received in self.messages]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
