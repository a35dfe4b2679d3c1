"""How every source is asked: one request that ends within its limits in a capture or a documented reason."""

from __future__ import annotations

import http.client
import re
import ssl
import time
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from types import MappingProxyType
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import certifi
import requests
import urllib3
import urllib3.exceptions

from connectors.addresses import ForbiddenAddress, Reach
from connectors.connections import OneHostAdapter, call
from connectors.reasons import Reason
from pipeline.errors import ConfigurationError, SourceUnavailable
from pipeline.model import Capture

LONGEST_RETRY_AFTER = timedelta(hours=24)
"""What a source asks for beyond this is cut to it."""

_TRIES = 2
"""A server may close a connection that was kept alive in the moment we ask. Then we ask once more, as
RFC 9112, 9.3.1 allows where asking twice changes nothing: a GET, or a search that is sent by POST."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may take. Times are in seconds, ``size`` in bytes of the body.

    The name of the host is resolved outside these limits, in the time that the system's resolver takes.
    """

    connect: float = 4.0
    read: float = 10.0
    total: float = 20.0
    size: int = 2 * 1024 * 1024

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Limits:
        """The limits of a source whose settings may name ``timeout``: seconds for one call in all.

        :raises ConfigurationError: when it is no positive number.
        """
        text = settings.get("timeout", "")
        if not text:
            return cls()
        try:
            total = float(text)
        except ValueError:
            total = 0.0
        if not 0 < total < float("inf"):
            raise ConfigurationError(["timeout is a number of seconds above 0"])
        return cls(connect=min(cls().connect, total), read=min(cls().read, total), total=total)


DEFAULT_LIMITS = Limits()


class Transport:
    """The way to one source. Safe to share between threads; connections are kept alive.

    No proxy, credential or certificate is taken from the environment, no redirect is followed, no cookie is
    kept, and no compression is asked for, so that what is counted is what is kept. Only public addresses are
    connected to, unless the base address itself names this machine: then only this machine.

    :param base_url: ``https://host/path`` without a final slash; plain ``http`` only to this machine, or into
        the operator's own network.
    :param accept: the media types that are data here, in order of preference.
    :param secret_query: parameters that every request carries and nothing else ever shows.
    :param headers: further request headers, such as a key; no capture holds them.
    :param contact: where the source's operators can reach ours, an address or a page; for ``User-Agent``.
    :param reasons: what a status means at this source, where it differs from :func:`reason_of_status`.
    :param own_network: for a service that the operator runs himself: only his own network's addresses.
    :param trust: the trust store, by default that of ``certifi``.
    :raises ConfigurationError: when address or contact cannot be used.
    """

    def __init__(
        self,
        source: str,
        base_url: str,
        *,
        accept: Iterable[str],
        secret_query: Mapping[str, str] = MappingProxyType({}),
        headers: Mapping[str, str] = MappingProxyType({}),
        contact: str = "",
        limits: Limits = DEFAULT_LIMITS,
        reasons: Mapping[int, Reason] = MappingProxyType({}),
        own_network: bool = False,
        trust: ssl.SSLContext | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        address, self._reach = _address(source, base_url, own_network=own_network)
        self.source = source
        self._base = f"{address.scheme}://{address.netloc}{address.path.rstrip('/')}"
        self._accept = tuple(accept)
        self._secret = urlencode(secret_query, quote_via=quote)
        self._masked = "&".join(f"{quote(name)}=***" for name in secret_query)
        self._headers = {
            "User-Agent": user_agent(source, contact),
            "Accept": ", ".join(self._accept),
            "Accept-Encoding": "identity",
            **headers,
        }
        self._limits = limits
        self._timeout = (min(limits.connect, limits.total), limits.read)
        self._reasons = reasons
        self._now = now
        if trust is None and address.scheme == "https":
            trust = system_trust()
        self._adapter = OneHostAdapter(f"{address.scheme}://{address.netloc}", trust)

    def get(self, target: str, *, also: Container[int] = ()) -> Capture:
        """Ask for ``target``, a path with its query, percent-encoded, relative to the base address.

        Status 200 is an answer if its media type is data. The statuses in ``also`` are answers whatever their
        media type.

        :raises SourceUnavailable: with a reason of :class:`~connectors.reasons.Reason`. It has neither cause
            nor context: the texts of the libraries below hold addresses and foreign words.
        """
        return self._ask("GET", target, also)

    def post(self, target: str, body: bytes, media_type: str, *, also: Container[int] = ()) -> Capture:
        """Search by ``body``, where a source takes a search no other way; otherwise as :meth:`get`."""
        return self._ask("POST", target, also, body, {"Content-Type": media_type})

    def _ask(
        self,
        method: str,
        target: str,
        also: Container[int],
        body: bytes | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Capture:
        call.deadline = time.monotonic() + self._limits.total
        call.patience = self._limits.read
        call.reach = self._reach
        joint = "&" if "?" in target else "?"
        call.secret = joint + self._secret if self._secret else ""
        url = self._base + target
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, url, body
        request.headers = self._headers  # type: ignore[assignment]  # urllib3 copies it and looks nothing up
        if body is not None:
            request.headers = {**self._headers, **headers, "Content-Length": str(len(body))}  # type: ignore[assignment]
        outcome = self._exchange(request, also)
        if isinstance(outcome, SourceUnavailable):
            raise outcome
        status, media_type, answer = outcome
        shown = url + joint + self._masked if self._masked else url
        return Capture(self.source, shown, self._now(), status, media_type, answer)

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._adapter.close()

    def _exchange(
        self, request: requests.PreparedRequest, also: Container[int]
    ) -> tuple[int, str, bytes] | SourceUnavailable:
        response = self._send(request)
        if isinstance(response, SourceUnavailable):
            return response
        try:
            return self._receive(response.raw, also)
        except urllib3.exceptions.ReadTimeoutError:
            return self._unavailable(Reason.TIMEOUT, "in the body")
        except urllib3.exceptions.SSLError:
            return self._unavailable(Reason.TLS, "in the body")
        except urllib3.exceptions.HTTPError:
            return self._unavailable(Reason.TRUNCATED)
        finally:
            response.close()

    def _send(self, request: requests.PreparedRequest) -> requests.Response | SourceUnavailable:
        for _ in range(_TRIES):
            call.reused = True
            try:
                return self._adapter.send(request, stream=True, timeout=self._timeout)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                reason, detail = reason_of_error(error)
            if not (call.reused and reason is Reason.UNREACHABLE):
                break
        return self._unavailable(reason, detail)

    def _receive(
        self, raw: urllib3.HTTPResponse, also: Container[int]
    ) -> tuple[int, str, bytes] | SourceUnavailable:
        status, headers, size = raw.status, raw.headers, self._limits.size
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if status != 200 and status not in also:
            reason = self._reasons.get(status) or reason_of_status(status)
            return self._unavailable(
                reason, f"HTTP {status}", retry_after(headers.get("retry-after"), self._now)
            )
        if status == 200 and media_type not in self._accept:
            return self._unavailable(Reason.WRONG_MEDIA_TYPE)
        if headers.get("content-encoding", "identity").strip().lower() != "identity":
            return self._unavailable(Reason.WRONG_MEDIA_TYPE, "compressed, which we had not asked for")
        if raw.length_remaining is not None and raw.length_remaining > size:
            return self._unavailable(Reason.TOO_LARGE, "by its Content-Length")
        body = raw.read(size + 1, decode_content=False)
        if len(body) > size:
            return self._unavailable(Reason.TOO_LARGE)
        if raw.length_remaining:
            return self._unavailable(Reason.TRUNCATED, "shorter than its Content-Length")
        return status, media_type, body

    def _unavailable(
        self, reason: Reason, detail: str = "", retry: timedelta | None = None
    ) -> SourceUnavailable:
        return SourceUnavailable(self.source, reason, detail, retry_after=retry)


def reason_of_status(status: int) -> Reason:
    """What a status that is no answer means, as RFC 9110, 15 and RFC 6585, 4 (429) define it."""
    if status == 429:
        return Reason.RATE_LIMITED
    if status == 408:
        return Reason.TIMEOUT
    if 300 <= status < 400:
        return Reason.REDIRECTED
    if 400 <= status < 500:
        return Reason.REFUSED
    return Reason.SERVER_ERROR


def retry_after(value: str | None, now: Callable[[], datetime]) -> timedelta | None:
    """The wait that a ``Retry-After`` header asks for, in seconds or until a date (RFC 9110, 10.2.3).

    Never negative, at most :data:`LONGEST_RETRY_AFTER`; None without the header or where it is neither form.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]+", value, re.ASCII):
        seconds = LONGEST_RETRY_AFTER.total_seconds() if len(value) > 9 else int(value)
        return min(timedelta(seconds=seconds), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now(), timedelta(0)), LONGEST_RETRY_AFTER)


def reason_of_error(
    error: requests.RequestException | urllib3.exceptions.HTTPError,
) -> tuple[Reason, str]:
    """What an exception of the libraries below means, and a word on where; their texts are not repeated."""
    if isinstance(error, requests.Timeout):
        return Reason.TIMEOUT, "connecting" if isinstance(error, requests.ConnectTimeout) else "waiting"
    if isinstance(error, requests.exceptions.SSLError):
        return Reason.TLS, ""
    if isinstance(error, requests.ConnectionError):
        # urllib3 wraps what went wrong on a connection once it was made: ProtocolError(words, cause).
        aborted = error.args[0] if error.args else None
        cause = aborted.args[-1] if isinstance(aborted, urllib3.exceptions.ProtocolError) else None
        if isinstance(cause, ForbiddenAddress):
            return Reason.FORBIDDEN_ADDRESS, ""
        if not isinstance(cause, http.client.HTTPException) or isinstance(cause, OSError):
            return Reason.UNREACHABLE, "no connection" if cause is None else "connection closed"
    return Reason.SERVER_ERROR, "not HTTP"


def _address(source: str, base_url: str, *, own_network: bool) -> tuple[SplitResult, Reach]:
    try:
        address = urlsplit(base_url)
        host, _ = address.hostname, address.port
    except ValueError:
        raise ConfigurationError([f"{source}: base_url is not an address"]) from None
    reach = Reach.PRIVATE if own_network else Reach.PUBLIC
    if is_this_machine(base_url):
        reach = Reach.LOOPBACK
    usable = (
        host
        and (address.scheme == "https" or (address.scheme == "http" and reach is not Reach.PUBLIC))
        and re.fullmatch(r"[!-~]+", base_url)
        and not (address.query or address.fragment or address.username or address.password)
    )
    if not usable:
        raise ConfigurationError(
            [f"{source}: base_url must be https://host/path, or http:// to this machine, without a query"]
        )
    return address, reach


def is_this_machine(base_url: str) -> bool:
    """Whether a base address itself names this machine: then the source is the sandbox."""
    try:
        host = urlsplit(base_url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def user_agent(source: str, contact: str) -> str:
    """``User-Agent``: our product, and where its operators can be reached.

    :raises ConfigurationError: when the contact cannot stand in it.
    """
    try:
        product = f"sekisho/{version('sekisho')}"
    except PackageNotFoundError:  # run from a checkout that was not installed
        product = "sekisho"
    if not contact:
        return product
    if not re.fullmatch(r"[!-'*-~]+", contact):
        raise ConfigurationError([f"{source}: contact must be an address or a page, in ASCII"])
    return f"{product} (+{contact})"


@cache
def system_trust() -> ssl.SSLContext:
    """The trust store of ``certifi``, read once."""
    return ssl.create_default_context(cafile=certifi.where())
