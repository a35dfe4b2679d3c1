"""How every source is asked: each way an answer can fail, and that nothing secret is ever shown."""

from __future__ import annotations

import ipaddress
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import structlog.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.conformance.registry import drip, flood, hang, then_close, then_reset
from connectors.reasons import Reason
from connectors.transport import LONGEST_RETRY_AFTER, Limits, Transport, reason_of_status, retry_after
from pipeline.errors import ConfigurationError, SourceUnavailable
from pipeline.model import Capture
from tests.certificates import certificate

SECRET = "K9-secret/öÄ"
NOW = datetime(2026, 11, 6, 8, 49, 37, tzinfo=UTC)
AMPLE = Limits(connect=20.0, read=20.0, total=60.0, size=1000)
SHORT = Limits(connect=20.0, read=0.2, total=60.0, size=1000)


def transport(base_url, **options):
    options = {
        "accept": ("application/xml", "text/xml"),
        "secret_query": {"id": SECRET},
        "limits": AMPLE,
        "now": lambda: NOW,
        **options,
    }
    return Transport("jp.example", base_url, **options)


def failure(base_url, **options) -> SourceUnavailable:
    with pytest.raises(SourceUnavailable) as caught:
        transport(base_url, **options).get("/num?number=1")
    return caught.value


def test_an_answer_becomes_a_capture(registry, message):
    server = registry(message("日本".encode(), media_type="Application/XML; charset=UTF-8"))
    capture = transport(server.url, contact="https://market.example/contact").get("/num?number=1")
    assert capture == Capture(
        source="jp.example",
        url=f"{server.url}/num?number=1&id=***",
        fetched_at=NOW,
        status=200,
        media_type="application/xml",
        body="日本".encode(),
    )
    request, *headers = server.requests[0].decode().split("\r\n")
    assert request == "GET /base/num?number=1&id=K9-secret%2F%C3%B6%C3%84 HTTP/1.1"
    sent = dict(line.split(": ", 1) for line in headers)
    assert sent["Accept"] == "application/xml, text/xml"
    assert sent["Accept-Encoding"] == "identity"
    assert sent["User-Agent"].startswith("sekisho")
    assert sent["User-Agent"].endswith(" (+https://market.example/contact)")


def test_a_search_can_be_posted(registry, message):
    server = registry(message(b"<found/>"))
    capture = transport(server.url).post("/search", "q=日".encode(), "application/x-www-form-urlencoded")
    assert (capture.url, capture.body) == (f"{server.url}/search?id=***", b"<found/>")
    request, *headers = server.requests[0].decode().split("\r\n")
    assert request == "POST /base/search?id=K9-secret%2F%C3%B6%C3%84 HTTP/1.1"
    sent = dict(line.split(": ", 1) for line in headers)
    assert sent["Content-Type"] == "application/x-www-form-urlencoded"
    assert sent["Content-Length"] == "5"
    assert "Transfer-Encoding" not in sent
    assert server.bodies == ["q=日".encode()]


def test_a_get_sends_no_body(registry, message):
    server = registry(message())
    transport(server.url).get("/a")
    assert b"content-length" not in server.requests[0].lower()


def test_the_secret_joins_a_target_without_a_query(registry, message):
    server = registry(message())
    assert transport(server.url).get("/all").url == f"{server.url}/all?id=***"
    assert server.requests[0].startswith(b"GET /base/all?id=K9")


def test_without_a_secret_the_address_is_shown_as_it_was_asked(registry, message):
    server = registry(message())
    headers = {"Authorization": "Basic a2V5Og=="}
    capture = transport(server.url, secret_query={}, headers=headers).get("/all?q=1")
    assert capture.url == f"{server.url}/all?q=1"
    assert b"\r\nAuthorization: Basic a2V5Og==" in server.requests[0]
    assert "a2V5" not in repr(capture)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda m: m(b"", length=0), id="empty"),
        pytest.param(lambda m: m(b"x" * 1000), id="exactly as large as allowed"),
        pytest.param(
            lambda m: m(
                b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", length=None, headers=("Transfer-Encoding: chunked",)
            ),
            id="in chunks",
        ),
        pytest.param(lambda m: m(media_type="text/xml"), id="second media type"),
    ],
)
def test_whole_answers_keep_their_connection(registry, message, answer):
    server = registry(answer(message))
    way = transport(server.url)
    assert way.get("/a").body == way.get("/b").body
    assert server.connections == 1


def test_an_answer_may_end_with_its_connection(registry, message):
    def until_closed(exchange):
        exchange.send(message(b"<all/>", length=None, headers=("Connection: close",)))
        exchange.sock.shutdown(1)

    assert transport(registry(until_closed).url).get("/a").body == b"<all/>"


CHUNKED = {"length": None, "headers": ("Transfer-Encoding: chunked",)}
FAULTS = {
    "hangs before answering": (lambda m: hang(), Reason.TIMEOUT),
    "hangs in the headers": (lambda m: hang(m()[:30]), Reason.TIMEOUT),
    "hangs in the body": (lambda m: hang(m(b"<x", length=50)), Reason.TIMEOUT),
    "hangs in a chunk": (lambda m: hang(m(b"5\r\nab", **CHUNKED)), Reason.TIMEOUT),
    "closes without an answer": (lambda m: then_close(), Reason.UNREACHABLE),
    "resets without an answer": (lambda m: then_reset(), Reason.UNREACHABLE),
    "cut short of its Content-Length": (lambda m: then_close(m(b"<x", length=50)), Reason.TRUNCATED),
    "cut short of its first byte": (lambda m: then_close(m(b"", length=50)), Reason.TRUNCATED),
    "cut in a chunk": (lambda m: then_close(m(b"5\r\nab", **CHUNKED)), Reason.TRUNCATED),
    "cut between chunks": (lambda m: then_close(m(b"2\r\nab\r\n", **CHUNKED)), Reason.TRUNCATED),
    "chunks of garbage": (lambda m: m(b"zz\r\nab\r\n0\r\n\r\n", **CHUNKED), Reason.TRUNCATED),
    "not HTTP": (lambda m: then_close(b"SSH-2.0-OpenSSH_9.2\r\n"), Reason.SERVER_ERROR),
    "headers without end": (
        lambda m: then_close(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200),
        Reason.SERVER_ERROR,
    ),
    "two lengths": (lambda m: m(headers=("Content-Length: 7",)), Reason.SERVER_ERROR),
    "a web page": (lambda m: m(b"<html>", media_type="text/html; charset=utf-8"), Reason.WRONG_MEDIA_TYPE),
    "no media type": (lambda m: m(media_type=None), Reason.WRONG_MEDIA_TYPE),
    "two media types": (lambda m: m(headers=("Content-Type: text/html",)), Reason.WRONG_MEDIA_TYPE),
    "compressed": (lambda m: m(headers=("Content-Encoding: gzip",)), Reason.WRONG_MEDIA_TYPE),
    "100 MB, announced": (lambda m: hang(m(b"x", length=100_000_000)), Reason.TOO_LARGE),
    "100 MB, not announced": (lambda m: flood(m(b"", length=None), 100_000_000), Reason.TOO_LARGE),
    "one byte too large": (lambda m: m(b"x" * 1001), Reason.TOO_LARGE),
    "one byte too large, in chunks": (
        lambda m: m(b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n", **CHUNKED),
        Reason.TOO_LARGE,
    ),
    "elsewhere": (
        lambda m: m(b"", "302 Found", headers=("Location: http://169.254.169.254/latest",)),
        Reason.REDIRECTED,
    ),
    "elsewhere, nowhere": (lambda m: m(b"", "301 Moved", headers=("Location: http://[",)), Reason.REDIRECTED),
    "not modified": (lambda m: m(b"", "304 Not Modified"), Reason.REDIRECTED),
    "bad request": (lambda m: m(b"", "400 Bad Request"), Reason.REFUSED),
    "no credentials": (lambda m: m(b"", "401 Unauthorized"), Reason.REFUSED),
    "wrong credentials": (lambda m: m(b"", "403 Forbidden"), Reason.REFUSED),
    "nothing there": (lambda m: m(b"", "404 Not Found"), Reason.REFUSED),
    "too slow for it": (lambda m: m(b"", "408 Request Timeout"), Reason.TIMEOUT),
    "too often": (lambda m: m(b"", "429 Too Many Requests"), Reason.RATE_LIMITED),
    "broken": (lambda m: m(b"", "500 Internal Server Error"), Reason.SERVER_ERROR),
    "down": (lambda m: m(b"", "503 Service Unavailable"), Reason.SERVER_ERROR),
    "nothing to say": (lambda m: m(b"", "204 No Content", length=None), Reason.SERVER_ERROR),
}


@pytest.mark.parametrize(("act", "reason"), FAULTS.values(), ids=FAULTS)
def test_each_fault_has_its_reason_and_shows_no_secret(registry, message, caplog, act, reason):
    server = registry(act(message))
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as structured:
        error = failure(server.url, limits=SHORT if reason is Reason.TIMEOUT else AMPLE)
    assert (error.source, error.reason) == ("jp.example", reason)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert all(b"K9-secret" in request for request in server.requests)
    shown = f"{error}{error!r}{error.detail}{caplog.text}{structured}"
    assert "K9" not in shown
    assert len(server.requests) <= 1


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_server_that_drips_ends_at_the_deadline(registry, message, part):
    # Every byte comes within the read timeout; only the deadline of the whole call ends this.
    whole = message(b"x" * 1000)
    whole = whole if part == "body" else b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 60_000
    server = registry(drip(whole))
    error = failure(server.url, limits=Limits(connect=20.0, read=20.0, total=0.3, size=1000))
    assert error.reason == Reason.TIMEOUT


def test_nobody_listens(registry, message):
    server = registry(message())
    url = server.url
    server.close()
    error = failure(url)
    assert error.reason == Reason.UNREACHABLE
    assert error.__context__ is None


def test_no_such_host(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert failure("https://registry.example").reason == Reason.UNREACHABLE


def test_a_status_can_be_an_answer_whatever_its_media_type(registry, message):
    server = registry(message(b"<html>", "404 Not Found", "text/html"))
    capture = transport(server.url).get("/a", also=(404,))
    assert (capture.status, capture.media_type, capture.body) == (404, "text/html", b"<html>")


def test_a_status_can_have_a_meaning_of_its_own(registry, message):
    server = registry(message(b"", "403 Forbidden"))
    assert failure(server.url, reasons={403: Reason.RATE_LIMITED}).reason == Reason.RATE_LIMITED


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("Retry-After: 120", timedelta(minutes=2)),
        ("Retry-After: Fri, 06 Nov 2026 08:50:37 GMT", timedelta(minutes=1)),
        ("X-Other: 1", None),
    ],
)
def test_what_the_source_asks_for_is_handed_on(registry, message, status, header, wait):
    server = registry(message(b"", status, headers=(header,)))
    assert failure(server.url).retry_after == wait


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (None, None),
        ("0", timedelta(0)),
        (" 120 ", timedelta(minutes=2)),
        ("86400", timedelta(days=1)),
        ("86401", LONGEST_RETRY_AFTER),
        ("9" * 5000, LONGEST_RETRY_AFTER),
        ("Fri, 06 Nov 2026 08:50:37 GMT", timedelta(minutes=1)),
        ("Friday, 06-Nov-26 08:50:37 GMT", timedelta(minutes=1)),
        ("Fri Nov  6 08:50:37 2026", timedelta(minutes=1)),
        ("Fri, 06 Nov 2026 08:49:36 GMT", timedelta(0)),
        ("Fri, 06 Nov 2037 08:49:36 GMT", LONGEST_RETRY_AFTER),
        ("-5", None),
        ("1.5", None),
        ("１２０", None),
        ("", None),
        ("soon", None),
        ("Fri, 99 Nov 2026 08:49:37 GMT", None),
    ],
)
def test_retry_after(value, wait):
    # The three forms of an HTTP date are those of RFC 9110, 5.6.7.
    assert retry_after(value, lambda: NOW) == wait


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(r"[A-Za-z]{3}, \d+ \w+ \d+ [\d:]+ \S+"))
def test_retry_after_is_bounded_whatever_is_sent(value):
    wait = retry_after(value, lambda: NOW)
    assert wait is None or timedelta(0) <= wait <= LONGEST_RETRY_AFTER


@settings(deadline=None)
@given(st.integers(100, 999).filter(lambda status: status != 200))
def test_every_status_has_a_meaning(status):
    assert reason_of_status(status) in Reason


def test_a_connection_closed_while_it_was_kept_is_replaced_once(registry, message):
    server = registry(message(b"<first/>"), then_close(), message(b"<second/>"))
    way = transport(server.url)
    assert way.get("/a").body == b"<first/>"
    assert way.get("/b").body == b"<second/>"
    assert len(server.requests) == 3
    assert server.connections == 2


def test_a_source_that_always_closes_is_not_asked_for_ever(registry, message):
    server = registry(message(), then_close())
    way = transport(server.url)
    way.get("/a")
    with pytest.raises(SourceUnavailable, match="unreachable"):
        way.get("/b")
    assert len(server.requests) == 3


def test_threads_share_what_is_kept_alive(registry, message):
    server = registry(message())
    way = transport(server.url)
    with ThreadPoolExecutor(8) as threads:
        captures = list(threads.map(lambda n: way.get(f"/num?number={n}"), range(64)))
    assert [capture.url for capture in captures] == [f"{server.url}/num?number={n}&id=***" for n in range(64)]
    assert server.connections <= 8


def test_one_threads_secret_is_not_anothers(registry, message):
    servers = [registry(message()), registry(message())]
    ways = [transport(server.url, secret_query={"id": f"key-{n}"}) for n, server in enumerate(servers)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: ways[n % 2].get("/a"), range(40)))
    for number, server in enumerate(servers):
        assert {request.split()[1] for request in server.requests} == {b"/base/a?id=key-%d" % number}


def test_no_cookie_is_kept(registry, message):
    server = registry(message(headers=("Set-Cookie: session=1; Path=/",)))
    way = transport(server.url)
    way.get("/a")
    way.get("/b")
    assert b"cookie" not in server.requests[1].lower()


def test_the_environment_has_no_say(registry, message, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / "netrc").chmod(0o600)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server = registry(message())
    assert transport(server.url).get("/a").status == 200
    assert b"authorization" not in server.requests[0].lower()


def test_after_closing_nothing_is_asked(registry, message):
    server = registry(message())
    way = transport(server.url)
    way.get("/a")
    way.close()
    with pytest.raises(SourceUnavailable, match="unreachable"):
        way.get("/b")
    assert len(server.requests) == 1


THIS_MACHINE = ipaddress.IPv4Address("127.0.0.1")


def test_a_certificate_that_verifies_is_accepted(registry, message, tmp_path):
    server_side, client_side = certificate(tmp_path, THIS_MACHINE)
    server = registry(message(b"<sealed/>"), tls=server_side)
    way = transport(server.url, trust=client_side)
    assert way.get("/a").body == b"<sealed/>"
    assert way.get("/b").body == b"<sealed/>"
    assert server.connections == 1


def test_a_certificate_of_nobody_we_trust_is_refused(registry, message, tmp_path):
    server_side, _ = certificate(tmp_path, THIS_MACHINE)
    server = registry(message(), tls=server_side)
    assert failure(server.url).reason == Reason.TLS
    assert server.requests == []


def test_a_certificate_for_another_host_is_refused(registry, message, tmp_path):
    server_side, client_side = certificate(tmp_path, ipaddress.IPv4Address("127.0.0.2"))
    server = registry(message(), tls=server_side)
    assert failure(server.url, trust=client_side).reason == Reason.TLS
    assert server.requests == []


def test_a_handshake_that_never_ends_is_not_waited_for(registry, message):
    server = registry(message())
    limits = Limits(connect=0.2, read=20.0, total=60.0, size=1000)
    assert failure(server.url.replace("http:", "https:"), limits=limits).reason == Reason.TIMEOUT
    assert server.requests == []


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.example/v1",
        "ftp://api.example/",
        "file:///etc/passwd",
        "http://api.example/v1",
        "http://10.0.0.1/v1",
        "http://127.0.0.1.example/v1",
        "https://",
        "https://user:word@api.example/",
        "https://api.example/v1?key=1",
        "https://api.example/v1#part",
        "https://api.example:port/",
        "https://[::1/",
        "https://api.example/a b",
        "https://api.example/日本",
        "https://api.example/\r\nX: 1",
    ],
)
def test_an_address_that_cannot_be_used_is_a_fault_of_the_settings(base_url):
    with pytest.raises(ConfigurationError, match=r"^jp\.example: base_url"):
        transport(base_url)


@pytest.mark.parametrize(
    "base_url", ["https://api.example/v1/", "http://localhost:8000", "http://[::1]:80/a"]
)
def test_addresses_that_can_be_used(base_url):
    transport(base_url).close()


@pytest.mark.parametrize("contact", ["a\r\nX-Evil: 1", "日本", "a (b)", "two words"])
def test_a_contact_must_fit_into_a_header(contact):
    with pytest.raises(ConfigurationError, match="contact"):
        transport("https://api.example", contact=contact)
