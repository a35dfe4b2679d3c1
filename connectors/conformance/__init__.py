"""The conformance kit: whether a connector does what :class:`pipeline.ports.Connector` promises.

Whoever writes a connector hands over a :class:`Specimen`: how the connector is made, one inquiry, what its
source answers to that and to one about a subject it does not know. The kit puts the connector before a
registry that behaves so, and then misbehaves in every way there is a word for::

    from connectors.conformance import Reply, Specimen, examine

    for finding in examine(Specimen(…)):
        print(finding)

A test suite takes :data:`CASES` one by one and calls them with a specimen: each returns in silence or raises
:class:`Nonconformance`. Nothing is asked of any other machine.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache, partial
from types import MappingProxyType
from typing import Any

from connectors.conformance import registry
from connectors.conformance.registry import Act, message
from connectors.reasons import Reason
from pipeline.errors import SourceChanged, SourceError, SourceUnavailable
from pipeline.model import Capture, Evidence, Inquiry, Presence
from pipeline.ports import Connector

CHANGED = "source_changed"
"""The reason of :class:`~pipeline.errors.SourceChanged`."""

_SHORT = "0.4"
"""Seconds that a call may take where the registry hangs."""
_AMPLE = "60"
_NOWHERE = "http://127.0.0.1:9"
"""An address that nobody is to ask."""
_MUTATIONS = 200


class Nonconformance(Exception):
    """The connector does otherwise than promised; the text says how."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a source answers to one request."""

    body: bytes = field(repr=False)
    media_type: str
    status: str = "200 OK"

    def act(self) -> Act:
        """The reply as a registry sends it."""
        return message(self.body, self.status, self.media_type)


@dataclass(frozen=True, slots=True)
class Specimen:
    """A connector to be examined.

    ``factory`` makes it from ``settings`` and from ``base_url`` and ``timeout``, which the kit adds; the
    settings named in ``secrets`` must never be shown. ``inquiry`` is answered by ``found``, a reply for each
    request that one inquiry takes; where the source knows nobody, by ``absent``. ``other`` is an inquiry
    about somebody else, of whom ``found`` says nothing. ``status_404`` is what HTTP 404 means there: that the
    subject is ``absent``, or a reason.
    """

    factory: Callable[[Mapping[str, str]], Connector]
    inquiry: Inquiry
    found: tuple[Reply, ...]
    absent: tuple[Reply, ...]
    other: Inquiry
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    status_404: str = Reason.REFUSED


@dataclass(frozen=True, slots=True)
class Finding:
    """What one case found; ``fault`` is ``""`` where the connector conforms."""

    case: str
    fault: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.case}: {self.fault or 'conforms'}"


Case = Callable[[Specimen], None]
"""Returns in silence, or raises :class:`Nonconformance`."""


def examine(specimen: Specimen) -> Iterator[Finding]:
    """Every case in turn."""
    for name, case in CASES.items():
        try:
            case(specimen)
        except Nonconformance as fault:
            yield Finding(name, str(fault))
        else:
            yield Finding(name, "")


@contextmanager
def _connected(specimen: Specimen, *acts: Act, timeout: str = _AMPLE) -> Iterator[Connector]:
    """The connector before a registry that acts so."""
    with registry.serving(*acts) as server:
        connector = specimen.factory({**specimen.settings, "base_url": server.url, "timeout": timeout})
        try:
            yield connector
        finally:
            _close(connector)


def _close(connector: Connector) -> None:
    close = getattr(connector, "close", None)
    if close is not None:
        close()


def _fetched(specimen: Specimen, replies: tuple[Reply, ...]) -> Capture:
    with _connected(specimen, *(reply.act() for reply in replies)) as connector:
        try:
            capture = connector.fetch(specimen.inquiry)
        except Exception as error:
            raise Nonconformance(f"a good answer is not taken: {type(error).__name__}") from error
    if not isinstance(capture, Capture):
        raise Nonconformance("fetch gave no capture")
    _keeps_its_secrets(specimen, repr(capture))
    return capture


def _read(specimen: Specimen, inquiry: Inquiry, capture: Capture) -> Evidence:
    """Read, with every way to the network cut; whatever is not documented is a nonconformance."""
    connector = specimen.factory({**specimen.settings, "base_url": _NOWHERE, "timeout": _AMPLE})
    try:
        with _offline():
            evidence = connector.parse(inquiry, capture)
    except (SourceChanged, Nonconformance):
        raise
    except Exception as error:
        raise Nonconformance(f"parse raised {type(error).__name__}") from error
    finally:
        _close(connector)
    if not isinstance(evidence, Evidence):
        raise Nonconformance("parse gave no evidence")
    return evidence


def _keeps_its_secrets(specimen: Specimen, shown: str) -> None:
    for name in specimen.secrets:
        if specimen.settings[name] in shown:
            raise Nonconformance(f"the setting {name} is shown")


def _subject_that_is_found(specimen: Specimen) -> None:
    capture = _fetched(specimen, specimen.found)
    evidence = _evidence(specimen, capture)
    expected = Evidence(
        source=specimen.inquiry.source,
        role=specimen.inquiry.role,
        subject=specimen.inquiry.subject,
        presence=Presence.FOUND,
        record=evidence.record,
        observed_at=capture.fetched_at,
        capture=capture.sha256,
    )
    if evidence != expected:
        raise Nonconformance("the evidence is not of this source, role, subject, time and capture, and found")
    try:
        json.dumps(evidence.as_json(), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Nonconformance("the record is no JSON") from error


def _subject_that_is_unknown(specimen: Specimen) -> None:
    if _evidence(specimen, _fetched(specimen, specimen.absent)).presence is not Presence.ABSENT:
        raise Nonconformance("a subject that the source does not know is found")


def _answer_about_somebody_else(specimen: Specimen) -> None:
    try:
        evidence = _read(specimen, specimen.other, _fetched(specimen, specimen.found))
    except SourceChanged:
        return
    if evidence.presence is Presence.FOUND:
        raise Nonconformance("another's record is taken for the subject's")


def _parse_is_pure(specimen: Specimen) -> None:
    for replies in (specimen.found, specimen.absent):
        capture = _fetched(specimen, replies)
        first = _evidence(specimen, capture)
        if any(_evidence(specimen, replace(capture)) != first for _ in range(3)):
            raise Nonconformance("the same capture is read in two ways")


def _evidence(specimen: Specimen, capture: Capture) -> Evidence:
    try:
        return _read(specimen, specimen.inquiry, capture)
    except SourceChanged as error:
        raise Nonconformance(f"a good answer is not understood: {error.detail}") from error


def _hostile_bytes(specimen: Specimen) -> None:
    capture = _fetched(specimen, specimen.found)
    for body in (*_BOMBS, *_mutations(capture.body)):
        try:
            _read(specimen, specimen.inquiry, replace(capture, body=body)).as_json()
        except SourceChanged as error:
            _names_the_capture(error, replace(capture, body=body))


def _mutations(body: bytes) -> Iterator[bytes]:
    # The same ones every time: what fails once fails again.
    draw = random.Random(0)  # noqa: S311
    for _ in range(_MUTATIONS):
        mutant = body
        for _ in range(draw.randint(1, 3)):
            start = draw.randint(0, len(mutant))
            end = start + draw.randint(0, 40)
            mutant = mutant[:start] + draw.choice(_PIECES) + mutant[end:]
        yield mutant


def _names_the_capture(error: SourceChanged, capture: Capture) -> None:
    if (error.source, error.sha256) != (capture.source, capture.sha256):
        raise Nonconformance("a changed source does not name its capture by digest")


def _fault(
    misbehave: Callable[[Reply], Act], reason: str, specimen: Specimen, *, timeout: str = _AMPLE
) -> None:
    """Let each of an inquiry's requests in turn meet the fault; the others are answered well."""
    for position in range(len(specimen.found)):
        acts = [reply.act() for reply in specimen.found[:position]]
        acts.append(misbehave(specimen.found[position]))
        outcome = _outcome(specimen, acts, timeout)
        if outcome != reason:
            raise Nonconformance(f"request {position + 1}: {outcome}, not {reason}")


def _outcome(specimen: Specimen, acts: list[Act], timeout: str) -> str:
    """A reason, or what the evidence says of the subject."""
    try:
        with _connected(specimen, *acts, timeout=timeout) as connector:
            capture = connector.fetch(specimen.inquiry)
        return str(_read(specimen, specimen.inquiry, capture).presence)
    except SourceUnavailable as error:
        _keeps_its_secrets(specimen, f"{error!r}{error.detail}")
        if error.reason not in frozenset(Reason):
            raise Nonconformance("the reason is not one of the closed set") from error
        return str(error.reason)
    except SourceError as error:
        _keeps_its_secrets(specimen, f"{error!r}{error.detail}")
        return error.reason
    except Nonconformance:
        raise
    except Exception as error:
        raise Nonconformance(f"fetch raised {type(error).__name__}") from error


def _what_404_means(specimen: Specimen) -> None:
    outcome = _outcome(specimen, [message(_PAGE, "404 Not Found", "text/html")], _AMPLE)
    # Where 404 is an answer, a page about something else need not be taken for one.
    if outcome not in {specimen.status_404, CHANGED}:
        raise Nonconformance(f"{outcome}, not {specimen.status_404}")


def _too_often(specimen: Specimen) -> None:
    act = message(b"", "429 Too Many Requests", "text/html", headers=("Retry-After: 7",))
    try:
        with _connected(specimen, act) as connector:
            connector.fetch(specimen.inquiry)
    except SourceUnavailable as error:
        waits = error.retry_after.total_seconds() if error.retry_after else None
        if (error.reason, waits) != (Reason.RATE_LIMITED, 7.0):
            raise Nonconformance(f"{error.reason}, asked again after {waits} seconds, not 7") from error
    else:
        raise Nonconformance("429 is taken for an answer")


def _another_encoding(specimen: Specimen) -> None:
    tried = 0
    for encoding in ("utf-16", "utf-32", "cp932", "euc_jp", "latin-1"):
        for position, reply in enumerate(specimen.found):
            try:
                body = reply.body.decode("utf-8").encode(encoding)
            except UnicodeError:
                continue
            if body == reply.body:
                continue
            tried += 1
            acts = [other.act() for other in specimen.found]
            acts[position] = replace(reply, body=body).act()
            outcome = _outcome(specimen, acts, _AMPLE)
            if outcome != CHANGED:
                raise Nonconformance(f"an answer in {encoding}: {outcome}, not {CHANGED}")
    if not tried:
        raise Nonconformance("the specimen's answer cannot be put into another encoding")


def _other_shape(body: bytes, specimen: Specimen) -> None:
    _fault(lambda reply: replace(reply, body=body).act(), CHANGED, specimen)


_PAGE = "<!DOCTYPE html><html><body><p>ただいまメンテナンス中です。</p></body></html>".encode()
_BOMB = b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'>%s]><a>&k;</a>" % b"".join(
    b"<!ENTITY %c '%s'>" % (name, b"&%c;" % (name - 1) * 10) for name in b"cdefghijk"
)
_BOMBS = (
    b"",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"<a>" * 100_000,
    b"<table><tr><td>" * 10_000,
    b'"' * 100_001,
    b"9" * 100_000,
    b"\x1e" * 1000,
    _BOMB,
)
_PIECES = (
    b"", b"\0", b'"', b"<", b">", b"{", b"}", b"[", b"]", b",", b"null", b"true", b"-1", b"1e999",
    b"\xff", b"\n", b"&amp;", b"</a>", b"\\u0000", b"\\ud800", b"9" * 400, "　".encode(), b"<tr>",
    b"0001-02-30",
)  # fmt: skip
_HUGE = 100_000_000
_CHUNKED = {"length": None, "headers": ("Transfer-Encoding: chunked",)}


def _announced(reply: Reply, length: int) -> bytes:
    return message(reply.body[:1], media_type=reply.media_type, length=length)


_TIMEOUT, _TOO_LARGE, _TRUNCATED = Reason.TIMEOUT, Reason.TOO_LARGE, Reason.TRUNCATED

CASES: Mapping[str, Case] = MappingProxyType(
    {
        "a subject that is found": _subject_that_is_found,
        "a subject that is unknown": _subject_that_is_unknown,
        "an answer about somebody else": _answer_about_somebody_else,
        "parse is pure and needs no network": _parse_is_pure,
        "hostile bytes": _hostile_bytes,
        "timeout": partial(_fault, lambda _: registry.hang(), _TIMEOUT, timeout=_SHORT),
        "hang in the body": partial(
            _fault, lambda reply: registry.hang(_announced(reply, 50)), _TIMEOUT, timeout=_SHORT
        ),
        "no answer": partial(_fault, lambda _: registry.then_close(), Reason.UNREACHABLE),
        "not HTTP": partial(_fault, lambda _: registry.then_close(b"SSH-2.0-x\r\n"), Reason.SERVER_ERROR),
        "429": _too_often,
        "500": partial(
            _fault, lambda _: message(_PAGE, "500 Internal Server Error", "text/html"), Reason.SERVER_ERROR
        ),
        "503": partial(
            _fault, lambda _: message(_PAGE, "503 Service Unavailable", "text/html"), Reason.SERVER_ERROR
        ),
        "404": _what_404_means,
        "elsewhere": partial(
            _fault,
            lambda _: message(b"", "302 Found", headers=("Location: http://169.254.169.254/latest",)),
            Reason.REDIRECTED,
        ),
        "wrong media type": partial(
            _fault,
            lambda reply: message(reply.body, media_type="application/x-something"),
            Reason.WRONG_MEDIA_TYPE,
        ),
        "truncated": partial(_fault, lambda reply: registry.then_close(_announced(reply, 50)), _TRUNCATED),
        "cut short and said to be whole": partial(
            _fault,
            lambda reply: message(reply.body[: len(reply.body) // 2], media_type=reply.media_type),
            CHANGED,
        ),
        "wrong encoding": _another_encoding,
        "entity bomb": partial(_other_shape, _BOMB),
        "100 MB, announced": partial(
            _fault, lambda reply: registry.hang(_announced(reply, _HUGE)), _TOO_LARGE
        ),
        "100 MB, not announced": partial(
            _fault,
            lambda reply: registry.flood(message(b"", media_type=reply.media_type, length=None), _HUGE),
            _TOO_LARGE,
        ),
        "changed layout: a page": partial(_other_shape, _PAGE),
        "changed layout: an empty object": partial(_other_shape, b"{}"),
        "changed layout: an empty list": partial(_other_shape, b"[]"),
        "changed layout: other members": partial(_other_shape, b'{"entries": [{"no": 1}], "total": 1}'),
        "changed layout: other elements": partial(
            _other_shape, b'<?xml version="1.0"?><entries><no/></entries>'
        ),
        "changed layout: nothing": partial(_other_shape, b""),
    }
)
"""Every case by its name."""


_reading: ContextVar[bool] = ContextVar("reading", default=False)
_FORBIDDEN = ("socket.", "subprocess.", "urllib.", "http.client.", "os.system", "os.exec", "os.posix_spawn")


@contextmanager
def _offline() -> Iterator[None]:
    """Forbid the network, and other programs, to what runs inside."""
    _watch()
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


@cache
def _watch() -> None:
    # An audit hook cannot be taken away again, so it asks whether somebody is reading (PEP 578).
    sys.addaudithook(_forbid)


def _forbid(event: str, _arguments: tuple[Any, ...]) -> None:
    if _reading.get() and event.startswith(_FORBIDDEN):
        raise Nonconformance(f"parse reaches out of the process ({event})")
