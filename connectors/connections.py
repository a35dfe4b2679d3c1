"""Connections that keep to a deadline and keep a secret.

``urllib3`` limits how long each single read may take, not the whole answer: a server that sends one byte now
and then can hold a thread for hours. Here every read gets no more than what is left of the call.

Some registries take their key in the query. The address that ``requests`` and ``urllib3`` know, and put into
exceptions and log lines, must not hold it; so it joins the request here, on its way into the socket.

A source's name is resolved here too, and the connection made to an address that was checked
(:mod:`connectors.addresses`). Host, server name (RFC 6066, 3) and certificate stay those of the name.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import ssl
import threading
import time
from typing import Any, ClassVar, cast

import urllib3
import urllib3.connection
import urllib3.connectionpool
import urllib3.exceptions
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from connectors.addresses import Reach, permitted


class Call(threading.local):
    """What the connections of this thread have to know of the call under way."""

    deadline: float = math.inf
    """The moment, on the monotonic clock, after which nothing more is read."""
    patience: float = math.inf
    """Seconds that a single read may take."""
    secret: str = ""
    """What is appended to the request target on the wire only."""
    reach: Reach = Reach.PUBLIC
    """Which addresses may be connected to."""
    reused: bool = True
    """Whether the connection was open before the call."""


call = Call()


class _Reader(io.RawIOBase):
    """The receiving half of a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = call.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call's deadline has passed")
        seconds = min(left, call.patience)
        if seconds != self._sock.gettimeout():  # setting it is a system call
            self._sock.settimeout(seconds)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Receiver:
    """Stands in for the socket where ``http.client`` makes a file of it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock))


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(cast("socket.socket", _Receiver(sock)), *args, **kwargs)


class _Connection(urllib3.connection.HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        call.reused = False
        super().connect()

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        try:
            addresses = permitted(call.reach, name, self.port)
        except socket.gaierror as error:
            raise urllib3.exceptions.NameResolutionError(self.host, self, error) from None
        try:
            for turn, address in enumerate(addresses, start=1):
                self._dns_host = address
                try:
                    return super()._new_conn()
                except urllib3.exceptions.HTTPError:
                    if turn == len(addresses) or time.monotonic() >= call.deadline:
                        raise
        finally:
            self._dns_host = name  # by which certificate and Host go
        raise AssertionError("there is one address at least")

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        super().putrequest(method, url + call.secret, *args, **kwargs)


class _SecureConnection(_Connection, urllib3.connection.HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class OneHostAdapter(HTTPAdapter):
    """An adapter for the one origin that a source has.

    Used without a ``requests.Session``: of what a session adds, cookies, redirects, proxies and credentials
    from the environment, a registry is to have nothing. What is left is safe to share between threads, so
    that a connection kept alive serves whichever thread asks next. Each method overridden here does once, or
    not at all, what costs as much as the exchange itself when it is done for every request.
    """

    _KEPT_ALIVE: ClassVar[int] = 32

    def __init__(self, origin: str, trust: ssl.SSLContext | None) -> None:
        self._trust = trust
        super().__init__(pool_connections=1, pool_maxsize=self._KEPT_ALIVE)
        self._path_begins = len(origin)
        probe = PreparedRequest()
        probe.url = origin
        self._pool = super().get_connection_with_tls_context(probe, verify=True)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """The pools, with connections of our own and one trust store that is read once."""
        super().init_poolmanager(*args, ssl_context=self._trust, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def get_connection_with_tls_context(
        self, *_args: Any, **_kwargs: Any
    ) -> urllib3.connectionpool.ConnectionPool:
        """The one pool."""
        return self._pool

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Nothing to set: the pool was made to require certificates that its trust store verifies."""

    def request_url(self, request: PreparedRequest, _proxies: Any) -> str:
        """The request target (RFC 9112, 3.2.1)."""
        return cast("str", request.url)[self._path_begins :]

    def close(self) -> None:
        """Close what is kept alive; whoever asks from now on is refused."""
        self._pool.close()
        super().close()

    def build_response(self, req: PreparedRequest, resp: urllib3.BaseHTTPResponse) -> Response:
        """Status, headers and the unread body; no cookies."""
        response = Response()
        response.status_code = resp.status
        response.raw = resp
        response.request = req
        return response
