"""The way to subscribers' endpoints: one POST that ends within its limits, whatever the other side does.

An endpoint's address comes from outside, so it is the classic way into a private network (CWE-918). Its form
is checked when it is registered and before each use; its name is resolved and its addresses are checked for
every connection (:mod:`connectors.connections`), so that a name that leads elsewhere tomorrow (rebinding)
leads nowhere. No redirect is followed, no proxy is used, no certificate is excused.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, urlsplit

import requests
import urllib3
import urllib3.exceptions

from connectors.addresses import ForbiddenAddress, Reach, permitted
from connectors.connections import OneHostAdapter, call
from connectors.reasons import Reason
from connectors.transport import (
    is_this_machine,
    reason_of_error,
    reason_of_status,
    retry_after,
    system_trust,
    user_agent,
)
from pipeline.delivery import ANSWER_LIMIT, Outcome, UnusableAddress
from pipeline.model import Text

LONGEST_URL = 2000

_ANSWER_SECONDS = 2.0
"""What an answer's body may take once its status is there. It decides nothing but a ping."""

FAULTS: Mapping[str, Text] = {
    "endpoint.address_malformed": Text(
        "通知先はhttps://で始まるURLにしてください。認証情報とフラグメントは含められません。",
        "The address must be an https:// URL in ASCII, without credentials and fragment.",
    ),
    "endpoint.port_not_allowed": Text("このポートは許可されていません。", "This port is not allowed."),
    "endpoint.unresolved": Text("ホスト名を解決できません。", "The host's name does not resolve."),
    "endpoint.forbidden_address": Text(
        "内部ネットワークのアドレスは通知先にできません。",
        "The host leads into a private network, which is not allowed.",
    ),
}
"""Why an address cannot be registered, by code (``docs/reasons.md``)."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that connecting, and then waiting for the answer to begin, may take."""

    connect: float = 5.0
    read: float = 15.0


USUAL = Patience()


class HttpCourier:
    """Implements :class:`pipeline.ports.Courier`.

    :param ports: the ports that an endpoint may have.
    :param loopback: for development: endpoints on this machine, with any port and without TLS.
    :param trust: the trust store, by default that of ``certifi``.
    """

    def __init__(
        self,
        *,
        ports: frozenset[int] = frozenset({443}),
        loopback: bool = False,
        patience: Patience = USUAL,
        contact: str = "",
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._ports = ports
        self._loopback = loopback
        self._patience = patience
        self._user_agent = user_agent("delivery", contact)
        self._trust = trust

    def check(self, url: str) -> None:
        """Pass if this can be an endpoint's address, now and from here.

        :raises UnusableAddress: else.
        """
        address, reach = self._read(url)
        try:
            permitted(reach, address.hostname or "", address.port or 443)
        except socket.gaierror:
            raise _unusable("endpoint.unresolved") from None
        except ForbiddenAddress:
            raise _unusable("endpoint.forbidden_address") from None

    @contextmanager
    def open(self, url: str) -> Iterator[HttpEndpoint]:
        """The endpoint, for the length of a block. Whatever is wrong with it is told by its outcomes."""
        try:
            address, reach = self._read(url)
        except UnusableAddress:
            # It could be used when it was registered; the settings have changed.
            yield HttpEndpoint(None, url, Reach.PUBLIC, self._patience, self._user_agent)
            return
        trust = self._trust or system_trust() if address.scheme == "https" else None
        adapter = OneHostAdapter(f"{address.scheme}://{address.netloc}", trust)
        try:
            yield HttpEndpoint(adapter, url, reach, self._patience, self._user_agent)
        finally:
            adapter.close()

    def _read(self, url: str) -> tuple[SplitResult, Reach]:
        try:
            address = urlsplit(url)
            host, port = address.hostname, address.port
        except ValueError:
            raise _unusable("endpoint.address_malformed") from None
        here = self._loopback and is_this_machine(url)
        usable = (
            host
            and re.fullmatch(r"[!-~]+", url)
            and "\\" not in url
            and len(url) <= LONGEST_URL
            and not (address.fragment or address.username or address.password)
            and (address.scheme == "https" or (address.scheme == "http" and here))
        )
        if not usable:
            raise _unusable("endpoint.address_malformed")
        if not here and (port or 443) not in self._ports:
            raise _unusable("endpoint.port_not_allowed")
        return address, Reach.LOOPBACK if here else Reach.PUBLIC


class HttpEndpoint:
    """Implements :class:`pipeline.ports.Endpoint`: one connection, kept alive between messages."""

    def __init__(
        self, adapter: OneHostAdapter | None, url: str, reach: Reach, patience: Patience, user_agent: str
    ) -> None:
        self._adapter = adapter
        # The path begins with a slash, also where there is none before the query.
        self._url = re.sub(r"^([a-z]+://[^/?]+)(?=\?|$)", r"\1/", url)
        self._reach = reach
        self._patience = patience
        self._headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}

    def post(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send a message; never raises for whatever the endpoint does."""
        began = time.monotonic()
        outcome = self._post(headers, body)
        took = timedelta(seconds=time.monotonic() - began)
        return Outcome(outcome.status, outcome.reason, took, outcome.retry_after, outcome.answer)

    def _post(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        if self._adapter is None:
            return _failed(Reason.FORBIDDEN_ADDRESS)
        patience = self._patience
        call.deadline = time.monotonic() + patience.connect + patience.read
        call.patience = patience.read
        call.reach = self._reach
        call.secret = ""
        request = requests.PreparedRequest()
        request.method, request.url, request.body = "POST", self._url, body
        request.headers = {**self._headers, **headers, "Content-Length": str(len(body))}  # type: ignore[assignment]
        response = self._send(request)
        if isinstance(response, Outcome):
            return response
        try:
            return self._outcome(response.raw)
        finally:
            response.close()

    def _send(self, request: requests.PreparedRequest) -> requests.Response | Outcome:
        assert self._adapter is not None
        patience = self._patience
        reason = Reason.FAULT
        for _ in range(2):
            call.reused = True
            try:
                return self._adapter.send(request, stream=True, timeout=(patience.connect, patience.read))
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                reason, _detail = reason_of_error(error)
            if not (call.reused and reason is Reason.UNREACHABLE):
                break
            # It closed a connection that was kept alive in the moment we sent (RFC 9112, 9.3.1). To send
            # twice changes nothing: the id is the same.
        return _failed(reason)

    def _outcome(self, raw: urllib3.HTTPResponse) -> Outcome:
        status = raw.status
        wait = retry_after(raw.headers.get("retry-after"), lambda: datetime.now(UTC))
        answer = _beginning(raw)
        reason = "" if 200 <= status < 300 else _reason_of(status)
        return Outcome(status, reason, timedelta(), wait, answer)


def _unusable(code: str) -> UnusableAddress:
    return UnusableAddress(code, FAULTS[code])


def _beginning(raw: urllib3.HTTPResponse) -> bytes:
    call.deadline = min(call.deadline, time.monotonic() + _ANSWER_SECONDS)
    parts: list[bytes] = []
    left = ANSWER_LIMIT
    try:
        while left > 0 and (part := raw.read1(left, decode_content=False)):
            parts.append(part)
            left -= len(part)
    except (urllib3.exceptions.HTTPError, OSError):
        pass  # broken off, or too slow: what came until then will do
    return b"".join(parts)


def _reason_of(status: int) -> str:
    return "gone" if status == 410 else str(reason_of_status(status))


def _failed(reason: Reason) -> Outcome:
    return Outcome(None, str(reason), timedelta())
