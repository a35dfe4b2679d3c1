"""The application under a real server, spoken to through a socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from web.app import create_app

Door = Any
Address = tuple[str, int]


@pytest.fixture
def address(door: Door) -> Iterator[Address]:
    """Where the door's application is served."""
    config = uvicorn.Config(door.app, host="127.0.0.1", port=0, log_level="error", ws="none")
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    listener.listen()  # who connects before the server is up waits for it
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join(timeout=30)


def exchange(address: Address, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send these bytes and read one answer: its status, headers and body."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(sent)
        with connection.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            headers = {}
            while line := answer.readline().strip():
                name, _, value = line.decode("latin-1").partition(": ")
                headers[name] = value
            return status, headers, answer.read(int(headers["content-length"]))


def head(headers: dict[str, str], path: str = "/v1/applications") -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nHost: door.test\r\n{lines}\r\n".encode()


def test_a_submission_is_accepted(door: Door, address: Address) -> None:
    body = door.submission(door.application())
    headers = {**door.signed(body), "Content-Length": str(len(body))}
    status, told, said = exchange(address, head(headers) + body)
    assert status == 202
    assert told["location"] == json.loads(said)["links"]["self"]
    assert door.counts() == {"received": 1, "steps": 1}


def test_when_the_server_ends_what_it_holds_is_given_back(door: Door) -> None:
    closed = threading.Event()
    config = uvicorn.Config(
        create_app(door.services, closed.set), host="127.0.0.1", port=0, log_level="error", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    server.should_exit = True
    thread.start()
    thread.join(timeout=30)
    assert closed.is_set()


def test_a_submission_in_chunks_is_accepted(door: Door, address: Address) -> None:
    body = door.submission(door.application())
    headers = {**door.signed(body), "Transfer-Encoding": "chunked"}
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:100], body[100:])) + b"0\r\n\r\n"
    assert exchange(address, head(headers) + chunks)[0] == 202


def test_a_body_that_announces_too_much_is_refused_before_it_is_sent(door: Door, address: Address) -> None:
    headers = {**door.signed(b""), "Content-Length": "10000000", "Expect": "100-continue"}
    status, told, said = exchange(address, head(headers))
    assert (status, told["content-type"]) == (413, "application/problem+json")
    assert json.loads(said)["code"] == "request.too_large"


def test_chunks_without_end_are_cut_off_at_the_limit(door: Door, address: Address) -> None:
    headers = {**door.signed(b""), "Transfer-Encoding": "chunked"}
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    status, _, said = exchange(address, head(headers) + chunk * 9)
    assert (status, json.loads(said)["code"]) == (413, "request.too_large")
    assert door.counts() == {"steps": 0}
