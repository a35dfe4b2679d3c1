"""Where a source may be reached: every forbidden range, every way to write it, and names that change."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.addresses import ForbiddenAddress, Reach, permits, permitted
from connectors.reasons import Reason
from connectors.transport import Limits, Transport
from pipeline.errors import ConfigurationError, SourceUnavailable

FORBIDDEN = (
    "0.0.0.0",  # noqa: S104 - nothing is bound to it
    "0.255.255.255", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1",
    "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1",
    "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.175.48.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "233.252.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1",
    "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
    "2620:4f:8000::1", "3fff::1", "3fff:fff:ffff::1", "4000::1", "5f00::1", "fc00::1", "fd12:3456::1",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1",
)  # fmt: skip
PUBLIC = (
    "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
    "192.88.98.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8",
    "2001:4860:4860::8888", "2400:cb00::1", "2a00:1450::1", "3ffe:ffff::1", "3fff:1000::1",
)  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_source_is_reached_at(address):
    assert not permits(Reach.PUBLIC, address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_source_is_reached_at(address):
    assert permits(Reach.PUBLIC, address)


@pytest.mark.parametrize(
    ("reach", "addresses"),
    [
        (Reach.LOOPBACK, {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"}),
        (
            Reach.PRIVATE,
            {
                "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1",
                "fd12:3456::1", "::ffff:10.0.0.1",
            },
        ),
    ],
)  # fmt: skip
def test_this_machine_and_the_own_network_are_ways_apart(reach, addresses):
    assert {address for address in (*FORBIDDEN, *PUBLIC) if permits(reach, address)} == addresses


@given(st.ip_addresses())
def test_whatever_the_standard_library_holds_for_not_global_is_forbidden(ip):
    if not ip.is_global:
        assert not permits(Reach.PUBLIC, str(ip))
    if ip.version == 4:
        assert permits(Reach.PUBLIC, f"::ffff:{ip}") == permits(Reach.PUBLIC, str(ip))


@given(st.text())
def test_what_is_no_address_is_forbidden(text):
    try:
        ipaddress.ip_address(text)
    except ValueError:
        assert not any(permits(reach, text) for reach in Reach)


class Resolver:
    """Answers for every name with these addresses, one after the other where there are several answers.

    What is an address already is no name: it stands for itself, as with every resolver.
    """

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, name, port, *_, **__):
        try:
            answer = (str(ipaddress.ip_address(name)),)
        except ValueError:
            self.asked.append(name)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port),
            )
            for address in answer
        ]


def test_of_several_addresses_only_the_permitted_are_kept_and_each_once(monkeypatch):
    monkeypatch.setattr(
        socket, "getaddrinfo", Resolver(("10.0.0.1", "8.8.8.8", "64:ff9b::808:808", "8.8.8.8", "2a00::1"))
    )
    assert permitted(Reach.PUBLIC, "registry.example", 443) == ["8.8.8.8", "2a00::1"]
    assert permitted(Reach.PRIVATE, "registry.example", 443) == ["10.0.0.1"]
    with pytest.raises(ForbiddenAddress):
        permitted(Reach.LOOPBACK, "registry.example", 443)


@pytest.mark.parametrize("name", ["a" * 64, "a..b", ".", "x" * 300])
def test_what_is_no_host_name_does_not_resolve(name):
    with pytest.raises(OSError, match=r".") as caught:
        permitted(Reach.PUBLIC, name, 443)
    assert not isinstance(caught.value, UnicodeError)


def reason(base_url: str, **options) -> str:
    way = Transport("xx.example", base_url, accept=("text/plain",), limits=Limits(), **options)
    with pytest.raises(SourceUnavailable) as caught:
        way.get("/")
    assert caught.value.__context__ is None
    way.close()
    return caught.value.reason


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "0",
        "10.0.0.1", "169.254.169.254", "192.168.1.1", "[::ffff:169.254.169.254]", "[::ffff:7f00:1]",
        "[fe80::1]", "[64:ff9b::a9fe:a9fe]",
    ],
)  # fmt: skip
def test_a_private_host_however_it_is_written_is_not_connected_to(host):
    assert reason(f"https://{host}") == Reason.FORBIDDEN_ADDRESS


def test_a_public_name_that_leads_to_this_machine_is_not_connected_to(registry, message, monkeypatch):
    server = registry(message())
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(("127.0.0.1",)))
    assert reason(f"https://registry.example:{server.port}") == Reason.FORBIDDEN_ADDRESS
    assert server.connections == 0


def test_what_is_connected_to_is_what_was_checked(registry, message, monkeypatch):
    # A name that answers otherwise the second time: there is no second time.
    server = registry(message(media_type="text/plain"))
    resolver = Resolver(("127.0.0.1",), ("169.254.169.254",))
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    way = Transport("xx.example", f"http://localhost:{server.port}", accept=("text/plain",))
    assert way.get("/").status == 200
    way.close()
    assert resolver.asked == ["localhost"]
    assert b"\r\nHost: localhost:" in server.requests[0]


@pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"])
def test_the_next_address_is_tried_when_one_does_not_answer(registry, message, monkeypatch):
    server = registry(message(media_type="text/plain"))
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(("127.0.0.2", "127.0.0.1")))
    way = Transport("xx.example", f"http://localhost:{server.port}", accept=("text/plain",))
    assert way.get("/").status == 200
    way.close()


def test_localhost_that_leads_elsewhere_is_not_connected_to(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(("8.8.8.8", "10.0.0.1")))
    assert reason("http://localhost:9") == Reason.FORBIDDEN_ADDRESS


def test_the_own_network_is_reached_only_where_it_is_meant_to_be(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(("8.8.8.8", "169.254.169.254", "127.0.0.1")))
    assert reason("http://screening.internal:8000", own_network=True) == Reason.FORBIDDEN_ADDRESS


@pytest.mark.parametrize(
    "base_url",
    [
        "https://registry.example@10.0.0.1/",
        "https://127.0.0.1:80@registry.example/",
        "https://１２７.0.0.1/",
        "https://①②⑦.0.0.1/",
        "gopher://127.0.0.1/",
        "file:///etc/passwd",
        "http://2130706433/",
        "http://10.0.0.1/",
    ],
)
def test_addresses_that_hide_their_host_are_faults_of_the_settings(base_url):
    with pytest.raises(ConfigurationError):
        Transport("xx.example", base_url, accept=())
