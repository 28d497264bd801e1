"""Outward: which addresses a webhook may go to. None that is private, loopback, link-local or otherwise of no one in the public, unless the
operator allows it.

It is asked when the socket is made, of the address that is about to be connected to: a name that means a public address when it is checked
and another one a moment later (DNS rebinding) gains nothing. Addresses that carry an IPv4 address (mapped, 6to4, NAT64) are as that one is.
Without encryption a webhook goes to allowed addresses only.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver

from isotherm.addresses import Proxies
from isotherm.certificates import verified

__all__ = ["OutwardError", "connector", "is_public"]

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")  #: an IPv4 address as IPv6 once wrote it: nobody's today
_CONNECTIONS_MAX: Final = 4


class OutwardError(OSError):
    """A webhook may not go to this address."""


def is_public(text: str) -> bool:
    """Whether anyone on the internet could have this address."""
    address: Any = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in _COMPATIBLE:
            return False
        if address in _NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        else:
            address = address.ipv4_mapped or address.sixtofour or address
    return bool(address.is_global and not address.is_multicast)


def connector(allowed: Proxies, *, plain: bool, resolver: AbstractResolver | None = None) -> aiohttp.TCPConnector:
    """Connects to public addresses, and to allowed ones; `plain` (no encryption): to allowed ones only."""

    def made(info: tuple[Any, ...]) -> socket.socket:
        family, type_, proto, _, (host, *_) = info
        if not allowed.trusts(host):
            if not is_public(host):
                raise OutwardError("its address is not a public one, and is not allowed by --webhook-allow")
            if plain:
                raise OutwardError("it is http:// and its address is not allowed by --webhook-allow: use https://")
        return socket.socket(family, type_, proto)

    return aiohttp.TCPConnector(
        socket_factory=made, resolver=resolver, force_close=True, limit=_CONNECTIONS_MAX, use_dns_cache=False, enable_cleanup_closed=True,
        ssl=True if plain else verified(),
    )  # fmt: skip
