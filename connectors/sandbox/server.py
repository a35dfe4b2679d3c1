"""The server: registers and faults behind one port of 127.0.0.1.

Besides the registers it answers ``/_sandbox/faults`` (GET lists the faults in force, PUT sets one, DELETE
goes back to those of the start) and ``/_sandbox/requests`` (GET: how many requests each source has had).

It shares the machine with what is measured against it, so it is an ASGI callable without a framework: one
request costs 0.2 ms of CPU under load and 0.35 ms when it comes alone, nearly all of it uvicorn's.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from connectors.sandbox import registrations
from connectors.sandbox.faults import Fault, Faults, Kind
from connectors.sandbox.registers import Register, Reply, Request, RequestRegister
from connectors.sandbox.registers.brreg import BrregRegister
from connectors.sandbox.registers.companies_house import CompaniesHouseRegister
from connectors.sandbox.registers.entreprises import EntreprisesRegister
from connectors.sandbox.registers.fedramp import FedrampRegister
from connectors.sandbox.registers.gbizinfo import GBizInfoRegister
from connectors.sandbox.registers.gleif import GleifRegister
from connectors.sandbox.registers.invoice import InvoiceRegister
from connectors.sandbox.registers.nta import NtaRegister
from connectors.sandbox.registers.pages import (
    IsmapRegister,
    IsmsRegister,
    PrivacyMarkRegister,
    StartupRegister,
    SuspensionRegister,
)
from connectors.sandbox.registers.vies import ViesRegister
from connectors.sandbox.registers.yente import YenteRegister
from connectors.sandbox.registrations import Registrations
from connectors.sandbox.world import World

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

_LARGEST_BODY = 64 * 1024


def _registers(world: World, root: str, lists: Registrations) -> tuple[Register, ...]:
    return (
        NtaRegister(world),
        GleifRegister(world, root),
        CompaniesHouseRegister(world),
        BrregRegister(world, root),
        EntreprisesRegister(world),
        ViesRegister(world),
        FedrampRegister(world),
        YenteRegister(world),
        InvoiceRegister(world, lists),
        GBizInfoRegister(world, lists),
        GBizInfoRegister(world, lists, version=1),
        IsmapRegister(lists),
        IsmsRegister(lists),
        PrivacyMarkRegister(lists),
        SuspensionRegister(lists),
        StartupRegister(lists),
    )


class Sandbox:
    """The ASGI application. One process has one: faults and counts live in it."""

    def __init__(self, world: World, root: str, lists: Registrations | None = None) -> None:
        """``root`` is the server's own address, such as ``http://127.0.0.1:8700``. ``lists`` is what Japanese
        lists say of the world's companies, if it is not what ``registrations.yaml`` has.

        ``addresses`` is where each source answers, ``requests`` how often each was asked.
        """
        self.faults = Faults(world.faults)
        said = registrations.of(world) if lists is None else lists
        self._registers = {register.base + "/": register for register in _registers(world, root, said)}
        self._whole = {
            base: register
            for base, register in self._registers.items()
            if isinstance(register, RequestRegister)
        }
        self.addresses = {register.source: f"{root}/{register.base}" for register in self._registers.values()}
        self.requests: Counter[str] = Counter(dict.fromkeys(self.addresses, 0))

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        assert scope["type"] == "http"
        method, path = scope["method"], scope["path"].lstrip("/")
        if path.startswith("_sandbox/"):
            await _send(send, await self._control(method, path, receive))
            return
        base = next(filter(path.startswith, self._registers), None)
        if base is None:
            await _send(send, Reply(404, "text/plain", b""))
            return
        register = self._registers[base]
        whole = self._whole.get(base)
        methods = ("GET",) if whole is None else whole.methods
        if method not in methods:
            allowed = ", ".join(methods).encode()
            await _send(send, Reply(405, "text/plain", b"", headers=((b"allow", allowed),)))
            return
        self.requests[register.source] += 1
        path, query = path.removeprefix(base), scope["query_string"].decode("ascii", "replace")
        if whole is None:
            reply = register.answer(path, query)
        else:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            try:
                body = b"" if method == "GET" else await _body(receive)
            except ValueError:
                await _send(send, Reply(413, "text/plain", b""))
                return
            reply = whole.answer_request(Request(method, path, query, headers, body))
        fault = self.faults.strike(register.source, reply.subjects)
        if fault is None:
            await _send(send, reply)
        else:
            await _befall(fault, reply, receive, send)

    async def _control(self, method: str, path: str, receive: ASGIReceiveCallable) -> Reply:
        match method, path:
            case "GET", "_sandbox/requests":
                return _json(200, dict(self.requests))
            case "GET", "_sandbox/faults":
                pass
            case "DELETE", "_sandbox/faults":
                self.faults.restore()
            case "PUT", "_sandbox/faults":
                try:
                    fault = Fault.from_json(json.loads(await _body(receive)))
                    if fault.source not in self.requests:
                        raise ValueError(f"source is one of {', '.join(sorted(self.requests))}")
                except (ValueError, RecursionError) as error:
                    return _json(400, {"error": str(error)})
                self.faults.set(fault)
            case _:
                return _json(404, {"error": "no such address or method"})
        return _json(200, [fault.as_json() for fault in self.faults.in_force()])


async def _befall(fault: Fault, reply: Reply, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    match fault.kind:
        case Kind.LATENCY:
            await asyncio.sleep(fault.milliseconds / 1000)
            await _send(send, reply)
        case Kind.HANG:
            while (await receive())["type"] != "http.disconnect":
                pass
        case Kind.TRUNCATED:
            await _send(send, reply, whole=False)
        case _:
            await _send(send, fault.spoil(reply))


async def _send(send: ASGISendCallable, reply: Reply, *, whole: bool = True) -> None:
    """Send a reply. One that is not whole stops half-way: uvicorn then closes the connection."""
    headers = [
        (b"content-type", reply.media_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers, "trailers": False})
    body = reply.body if whole else reply.body[: len(reply.body) // 2]
    await send({"type": "http.response.body", "body": body, "more_body": not whole})


async def _body(receive: ASGIReceiveCallable) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ValueError("the request broke off")
        body += message["body"]
        if len(body) > _LARGEST_BODY:
            raise ValueError(f"more than {_LARGEST_BODY} bytes")
        if not message["more_body"]:
            return body


def _json(status: int, value: Any) -> Reply:
    return Reply(status, "application/json", json.dumps(value).encode())


def listen(port: int = 0) -> tuple[socket.socket, str]:
    """A socket that takes connections on 127.0.0.1 (port 0: any free one), and its address."""
    # The protocol is named, for asyncio sets TCP_NODELAY only then; without it each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


def server(sandbox: Sandbox) -> uvicorn.Server:
    """The server for this sandbox: ``run(sockets=[listener])`` serves until ``should_exit`` or a signal."""
    return uvicorn.Server(
        uvicorn.Config(
            sandbox,
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",  # a fault that cuts an answer short is no error to write about
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=300,  # else it closes pooled connections under those who measure
            timeout_graceful_shutdown=0,  # else it waits for the requests that it leaves hanging
        )
    )


@contextmanager
def serving(world: World, port: int = 0, lists: Registrations | None = None) -> Iterator[str]:
    """Serve a world from a thread of this process for the length of the block; the value is the address."""
    listener, root = listen(port)
    running = server(Sandbox(world, root, lists))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, name="sandbox")
    thread.start()
    try:
        yield root
    finally:
        running.should_exit = True
        thread.join()
        listener.close()
