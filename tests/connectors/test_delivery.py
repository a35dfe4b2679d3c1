"""The way to endpoints: what they may do without harm, and which addresses they may have."""

from __future__ import annotations

import ipaddress
import socket
from datetime import timedelta

import pytest

from connectors.conformance.registry import drip, flood, hang, then_close, then_reset
from connectors.delivery import HttpCourier, Patience
from pipeline.delivery import ANSWER_LIMIT, Outcome, UnusableAddress
from pipeline.errors import ConfigurationError
from tests.certificates import certificate

HEADERS = {"content-type": "application/cloudevents+json", "webhook-id": "msg_1"}
BODY = '{"名":1}'.encode()
SHORT = Patience(connect=20.0, read=0.3)
AMPLE = Patience(connect=20.0, read=30.0)


class Resolver:
    """Stands in for ``getaddrinfo``: gives these answers one after another, the last for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, name: str, port: int, *args: object, **kwargs: object) -> list[tuple[object, ...]]:
        address = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))]


def courier(patience: Patience = AMPLE) -> HttpCourier:
    return HttpCourier(loopback=True, patience=patience)


def outcome(url: str, patience: Patience = AMPLE) -> Outcome:
    with courier(patience).open(url) as endpoint:
        return endpoint.post(HEADERS, BODY)


def test_a_message_arrives_as_it_was_signed(registry, message):
    server = registry(message(b"", "204 No Content", None, length=None))
    with HttpCourier(loopback=True, contact="https://market.example/contact").open(
        f"{server.url}/hook?token=a%2Fb"
    ) as endpoint:
        result = endpoint.post(HEADERS, BODY)
    assert (result.status, result.reason, result.taken) == (204, "", True)
    request, *lines = server.requests[0].decode().split("\r\n")
    assert request == "POST /base/hook?token=a%2Fb HTTP/1.1"
    sent = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    assert sent["host"] == f"127.0.0.1:{server.port}"
    assert sent["webhook-id"] == "msg_1"
    assert sent["content-type"] == "application/cloudevents+json"
    assert sent["content-length"] == str(len(BODY))
    assert sent["user-agent"].endswith(" (+https://market.example/contact)")
    assert server.bodies == [BODY]


def test_one_connection_serves_one_message_after_another(registry, message):
    server = registry(message(b"thank you", media_type="text/plain"))
    with courier().open(server.url) as endpoint:
        assert [endpoint.post(HEADERS, BODY).status for _ in range(3)] == [200] * 3
    assert server.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_made_anew(registry, message):
    answer = message(b"ok")

    def answer_and_close(exchange):
        exchange.send(answer)
        exchange.sock.shutdown(socket.SHUT_RDWR)

    server = registry(answer_and_close)
    with courier().open(server.url) as endpoint:
        assert [endpoint.post(HEADERS, BODY).status for _ in range(3)] == [200] * 3
    assert server.connections == 3


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("200 OK", ""),
        ("201 Created", ""),
        ("202 Accepted", ""),
        ("299 Fine", ""),
        ("301 Moved Permanently", "redirected"),
        ("307 Temporary Redirect", "redirected"),
        ("304 Not Modified", "redirected"),
        ("400 Bad Request", "refused"),
        ("401 Unauthorized", "refused"),
        ("404 Not Found", "refused"),
        ("408 Request Timeout", "timeout"),
        ("410 Gone", "gone"),
        ("429 Too Many Requests", "rate_limited"),
        ("500 Internal Server Error", "server_error"),
        ("503 Service Unavailable", "server_error"),
        ("999 Whatever", "server_error"),
    ],
)
def test_only_2xx_is_taken(registry, message, status, reason):
    server = registry(message(b"", status))
    result = outcome(server.url)
    assert (result.status, result.reason) == (int(status[:3]), reason)


def test_a_redirect_is_not_followed(registry, message):
    target = registry(message())
    server = registry(message(b"", "302 Found", headers=(f"Location: {target.url}",)))
    assert outcome(server.url).reason == "redirected"
    assert target.connections == 0


@pytest.mark.parametrize(
    ("header", "expected"),
    [("120", timedelta(seconds=120)), ("99999999999", timedelta(hours=24)), ("soon", None), ("-5", None)],
)
def test_retry_after_is_read_up_to_a_cap(registry, message, header, expected):
    server = registry(message(b"", "503 Busy", headers=(f"Retry-After: {header}",)))
    assert outcome(server.url).retry_after == expected


def test_of_an_answer_only_the_beginning_is_read(registry):
    head = b"HTTP/1.1 500 No\r\nContent-Length: 900000000\r\n\r\n"
    server = registry(flood(head, 50_000_000))
    result = outcome(server.url)
    assert (result.status, result.reason, result.answer) == (500, "server_error", b"x" * ANSWER_LIMIT)


def test_an_endless_chunked_answer_is_not_read_to_its_end(registry):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    def act(exchange):
        exchange.send(head)
        while not exchange.over.is_set():
            exchange.send(b"400\r\n" + b"y" * 1024 + b"\r\n")

    result = outcome(registry(act).url)
    assert (result.taken, result.answer) == (True, b"y" * ANSWER_LIMIT)


def test_a_status_counts_though_its_body_never_ends(registry):
    result = outcome(registry(hang(b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nabc")).url, SHORT)
    assert (result.status, result.taken, result.answer) == (202, True, b"abc")


@pytest.mark.parametrize(
    ("act", "reasons"),
    [
        (hang(), {"timeout"}),
        (hang(b"HTTP/1.1 200 OK\r\nX-A: "), {"timeout"}),
        (then_close(), {"unreachable"}),
        (then_reset(), {"unreachable"}),
        (then_close(b"SSH-2.0-OpenSSH_9.9\r\n"), {"server_error", "unreachable"}),
        (then_close(b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 500 + b"\r\n"), {"server_error"}),
        (then_close(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 200_000 + b"\r\n\r\n"), {"server_error"}),
        (flood(b"HTTP/1.1 200 OK\r\nX-Endless: ", 1_000_000), {"server_error"}),
    ],
    ids=[
        "silent", "half a head", "closed", "reset", "another protocol", "many headers", "long header",
        "endless header",
    ],
)  # fmt: skip
def test_whatever_a_hostile_endpoint_does_is_a_failure_with_a_reason(registry, act, reasons):
    result = outcome(registry(act).url, SHORT)
    assert result.reason in reasons
    assert result.status is None


def test_a_head_that_drips_ends_with_the_call(registry):
    # Each byte comes soon enough; the head would take 40 s.
    server = registry(drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 2000 + b"\r\n\r\n"))
    result = outcome(server.url, Patience(connect=0.3, read=0.7))
    assert (result.status, result.reason) == (None, "timeout")


def test_nobody_there_is_a_failure(registry, message):
    server = registry(message())
    url = server.url
    server.close()
    assert outcome(url).reason == "unreachable"


def test_a_certificate_that_does_not_verify_is_never_accepted(registry, message, tmp_path):
    server_side, client_side = certificate(tmp_path, ipaddress.IPv4Address("127.0.0.1"))
    server = registry(message(), tls=server_side)
    assert outcome(server.url).reason == "tls"
    assert server.requests == []
    with HttpCourier(loopback=True, trust=client_side).open(server.url) as endpoint:
        assert endpoint.post(HEADERS, BODY).taken


@pytest.mark.parametrize(
    "url",
    [
        "https://catalog.example/hook",
        "https://catalog.example",
        "https://catalog.example?key=1",
        "https://catalog.example:443/a/b?c=d&e=f",
        "https://[2a00::1]/hook",
    ],
)
def test_public_addresses_can_be_registered(monkeypatch, url):
    monkeypatch.setattr(socket, "getaddrinfo", Resolver("2a00::1"))
    HttpCourier().check(url)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://catalog.example/hook", "endpoint.address_malformed"),
        ("http://127.0.0.1/hook", "endpoint.address_malformed"),
        ("https://user@catalog.example/", "endpoint.address_malformed"),
        ("https://user:password@catalog.example/", "endpoint.address_malformed"),
        ("https://catalog.example/#part", "endpoint.address_malformed"),
        ("https://カタログ.example/", "endpoint.address_malformed"),
        ("https://catalog.example/a b", "endpoint.address_malformed"),
        ("https://catalog.example\\@10.0.0.1/", "endpoint.address_malformed"),
        ("https:///hook", "endpoint.address_malformed"),
        ("https://catalog.example:99999/", "endpoint.address_malformed"),
        ("https://[::1/", "endpoint.address_malformed"),
        ("ftp://catalog.example/", "endpoint.address_malformed"),
        ("https://catalog.example/" + "a" * 2000, "endpoint.address_malformed"),
        ("https://catalog.example:8443/", "endpoint.port_not_allowed"),
        ("https://catalog.example:22/", "endpoint.port_not_allowed"),
    ],
)
def test_other_forms_are_refused_in_both_languages(monkeypatch, url, code):
    monkeypatch.setattr(socket, "getaddrinfo", Resolver("8.8.8.8"))
    with pytest.raises(UnusableAddress) as caught:
        HttpCourier().check(url)
    assert caught.value.code == code
    assert caught.value.text.ja
    assert caught.value.text.en


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "::1", "fd00::1",
     "fe80::1", "::ffff:10.0.0.1", "0.1.2.3", "224.0.0.1"],
)  # fmt: skip
def test_a_name_that_leads_inside_is_refused_at_registration_and_when_sending(monkeypatch, address):
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(address))
    with pytest.raises(UnusableAddress) as caught:
        HttpCourier().check("https://catalog.example/hook")
    assert caught.value.code == "endpoint.forbidden_address"
    with HttpCourier(patience=AMPLE).open("https://catalog.example/hook") as endpoint:
        assert endpoint.post(HEADERS, BODY).reason == "forbidden_address"


def test_a_name_that_leads_elsewhere_once_it_was_checked_leads_nowhere(monkeypatch, registry, message):
    server = registry(message())
    resolver = Resolver("8.8.8.8", "127.0.0.1")
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    url = f"https://catalog.example:{server.port}/hook"
    rebinding = HttpCourier(ports=frozenset({server.port}), patience=AMPLE)
    rebinding.check(url)
    with rebinding.open(url) as endpoint:
        assert endpoint.post(HEADERS, BODY).reason == "forbidden_address"
    assert (server.connections, resolver.asked) == (0, 2)


def test_a_name_that_does_not_resolve_is_refused(monkeypatch):
    def nobody_knows(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nobody_knows)
    with pytest.raises(UnusableAddress) as caught:
        HttpCourier().check("https://catalog.example/hook")
    assert caught.value.code == "endpoint.unresolved"


def test_this_machine_is_an_endpoint_only_where_the_setting_allows_it(registry, message):
    server = registry(message())
    courier().check(server.url)
    with pytest.raises(UnusableAddress):
        HttpCourier().check(server.url)
    # It was registered while it was allowed: it is not sent to any more.
    with HttpCourier().open(server.url) as endpoint:
        assert endpoint.post(HEADERS, BODY).reason == "forbidden_address"
    assert server.connections == 0


def test_also_with_the_setting_no_other_private_address_is_one(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", Resolver("10.0.0.1"))
    with pytest.raises(UnusableAddress):
        courier().check("https://catalog.example/")
    with pytest.raises(UnusableAddress):
        courier().check("http://localhost:8080/")


def test_a_contact_that_cannot_stand_in_a_header_is_a_fault_of_the_settings():
    with pytest.raises(ConfigurationError):
        HttpCourier(contact="a\r\nb")
