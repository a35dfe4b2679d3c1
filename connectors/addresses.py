"""Which addresses a source may be reached at: never ones inside a network that trusts whoever is in it.

A name is only as good as whoever answers for it. A registry's name that leads to this machine, to a cloud's
metadata service or into the government's network makes of the connector a way in (server-side request
forgery, CWE-918; rebinding included). So the addresses that a name resolves to are checked, and the
connection is made to the very address that was checked.

Source: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and its updates), read more
strictly than "globally reachable": multicast, relays and translators are no place for a registry either.
``ipaddress.is_global`` differs between releases of Python and lets some of them pass.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network


class Reach(StrEnum):
    """How far the way to a source goes."""

    PUBLIC = "public"
    """Addresses of the public Internet only."""
    PRIVATE = "private"
    """Addresses of the operator's own network only (RFC 1918, RFC 4193): a service that he runs himself."""
    LOOPBACK = "loopback"
    """This machine only: the sandbox."""


class ForbiddenAddress(OSError):
    """None of the addresses of a source's name may be connected to."""


def permitted(reach: Reach, name: str, port: int) -> list[str]:
    """The addresses of ``name`` that may be connected to, in the order of the resolver.

    :raises socket.gaierror: when the name does not resolve.
    :raises ForbiddenAddress: when it resolves to none of them.
    """
    found = list(dict.fromkeys(_resolved(name, port)))
    kept = [address for address in found if permits(reach, address)]
    if not kept:
        raise ForbiddenAddress(f"none of {len(found)} addresses is {reach.value}")
    return kept


def permits(reach: Reach, address: str) -> bool:
    """Whether this address, as ``getaddrinfo`` writes it, may be connected to."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped  # the kernel connects to the IPv4 address
    if reach is Reach.LOOPBACK:
        return ip.is_loopback
    if reach is Reach.PRIVATE:
        return any(ip in network for network in _OWN)
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _NOT_PUBLIC_IPV4)
    return ip in _GLOBAL_UNICAST and not any(ip in network for network in _NOT_PUBLIC_IPV6)


def _resolved(name: str, port: int) -> Iterator[str]:
    try:
        infos = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # no label of a host name is empty or longer than 63 octets
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from None
    return (str(info[4][0]) for info in infos)


_OWN = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),
)

_NOT_PUBLIC_IPV4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network (RFC 791)
            "10.0.0.0/8",  # private use (RFC 1918)
            "100.64.0.0/10",  # shared address space of carriers (RFC 6598)
            "127.0.0.0/8",  # loopback (RFC 1122)
            "169.254.0.0/16",  # link-local (RFC 3927), with the metadata service of clouds
            "172.16.0.0/12",  # private use
            "192.0.0.0/24",  # protocol assignments (RFC 6890)
            "192.0.2.0/24",  # documentation (RFC 5737)
            "192.31.196.0/24",  # AS112 (RFC 7535)
            "192.52.193.0/24",  # multicast tunnelling (RFC 7450)
            "192.88.99.0/24",  # 6to4 relay (RFC 7526)
            "192.168.0.0/16",  # private use
            "192.175.48.0/24",  # AS112 (RFC 7534)
            "198.18.0.0/15",  # benchmarking (RFC 2544)
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast (RFC 5771)
            "240.0.0.0/4",  # reserved (RFC 1112), with the broadcast address
        ),
    )
)

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that is assigned to the public (RFC 4291, 2.4). Outside lie loopback, unspecified, IPv4-compatible,
NAT64 (64:ff9b::/96, 64:ff9b:1::/48), discard (100::/64), segment routing (5f00::/16), unique local,
link-local, site-local and multicast."""

_NOT_PUBLIC_IPV6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID, anycast (RFC 2928)
            "2001:db8::/32",  # documentation (RFC 3849)
            "2002::/16",  # 6to4 holds any IPv4 address (RFC 3056)
            "2620:4f:8000::/48",  # AS112 (RFC 7534)
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)
