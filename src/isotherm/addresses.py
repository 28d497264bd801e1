"""Addresses: who a request comes from, through proxies that are trusted, and what counts as one address for a limit.

What a header says is believed only where the peer itself is a trusted proxy, and then from the right: each proxy adds whom it saw, so the
last that is no trusted proxy is the client, whatever the client wrote before it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from aiohttp import web

__all__ = ["AddressError", "Proxies", "address_of"]

_SCHEMES: Final = ("http", "https")
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AddressError(ValueError):
    """What should be an address or network is none; the message says what was expected."""


@lru_cache(maxsize=16_384)
def address_of(remote: str | None) -> str | None:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 customer is given. None: loopback, without limits."""
    try:
        address = ipaddress.ip_address((remote or "").partition("%")[0])
    except ValueError:
        return remote or None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return None if address.is_loopback else str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return None if address.is_loopback else str(address)


class Proxies:
    """The proxies that are believed, as addresses or networks."""

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        """Raises `AddressError`."""
        self._networks: list[_Network] = []
        for text in trusted:
            try:
                self._networks.append(ipaddress.ip_network(text, strict=False))
            except ValueError:
                raise AddressError(f"expected an address or network such as 127.0.0.1 or 10.0.0.0/8, got {text!r}") from None

    def __bool__(self) -> bool:
        return bool(self._networks)

    def trusts(self, address: str | None) -> bool:
        try:
            parsed = ipaddress.ip_address((address or "").partition("%")[0])
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._networks)

    def seen_through(self, request: web.Request) -> web.Request:
        """The request as the client made it: its address, scheme and host."""
        if not self._networks or not self.trusts(request.remote):
            return request
        remote = request.remote
        for hop in reversed(",".join(request.headers.getall("X-Forwarded-For", [])).split(",")):
            address = _address(hop)
            if address is None:
                break  # not an address: what stands before it is worth nothing
            remote = address
            if not self.trusts(address):
                break
        scheme = request.headers.get("X-Forwarded-Proto", "").strip().lower()
        host = request.headers.get("X-Forwarded-Host", "").strip()
        return request.clone(
            remote=remote or "",
            scheme=scheme if scheme in _SCHEMES else request.scheme,
            host=host if host and "," not in host else request.host,
        )


def _address(text: str) -> str | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
