"""The door: how many connections are open, of an address and in all, before the first byte of any of them is read.

A thin protocol before aiohttp's own. Requests that pass are counted once more by the address that trusted proxies name (`Crowd`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from isotherm.addresses import Proxies, address_of
from isotherm.core.counters import Counters
from isotherm.core.limits import Limits

__all__ = ["Crowd", "Door"]

_BODY: Final = b'{"error":"too many connections; come back later"}'
_FULL: Final = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nRetry-After: 10\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"


_NEARLY: Final = 0.9  #: of the time for a head: the server's timer and our clock differ by a little


class Crowd:
    """Things that are open, by address."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[str, int] = {}

    def enter(self, address: str | None) -> bool:
        """False: there are enough of this address. None has no limit."""
        if address is None:
            return True
        number = self._open.get(address, 0)
        if number >= self._most:
            return False
        self._open[address] = number + 1
        return True

    def leave(self, address: str | None) -> None:
        if address is None:
            return
        number = self._open[address] - 1
        if number:
            self._open[address] = number
        else:
            del self._open[address]


class Door:
    """A factory of protocols for `loop.create_server`, around another."""

    def __init__(
        self,
        inner: Callable[[], asyncio.Protocol],
        limits: Limits,
        counters: Counters,
        proxies: Proxies,
        *,
        trusting: bool,
        now_ms: Callable[[], int],
    ) -> None:
        self.inner = inner
        self.limits = limits
        self.counters = counters
        self.open = 0
        self.ended = 0  #: since the start
        self.crowd = Crowd(limits.address_connections_max)
        self._proxies = proxies
        self._trusting = trusting
        self.now_ms = now_ms

    def __call__(self) -> asyncio.Protocol:
        return _Connection(self)

    def address_of(self, remote: str | None) -> str | None:
        """The address that a limit holds for; None: none does."""
        return None if self._trusting or self._proxies.trusts(remote) else address_of(remote)


class _Connection(asyncio.Protocol):
    """Hands everything on to the inner protocol, once it was let in."""

    __slots__ = ("_address", "_asked", "_door", "_end", "_inner", "_since_ms")

    def __init__(self, door: Door) -> None:
        self._door = door
        self._inner: asyncio.Protocol | None = None
        self._address: str | None = None
        self._asked = False  #: the head of its first request has come
        self._since_ms = door.now_ms()
        self._end = b""  #: of what came so far, to find the head's end across two pieces

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        door = self._door
        peer = transport.get_extra_info("peername")
        self._address = door.address_of(peer[0] if peer else None)
        full = door.open >= door.limits.connections_max
        if full or not door.crowd.enter(self._address):
            door.counters.refuse("connections", "in all" if full else "of one address", door.now_ms())
            status = b"503 Service Unavailable" if full else b"429 Too Many Requests"
            writing = cast(asyncio.Transport, transport)  # uvloop's is none of asyncio's classes
            writing.write(_FULL % (status, len(_BODY), _BODY))
            writing.close()
            return
        door.open += 1
        self._inner = door.inner()
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._inner is not None:
            door = self._door
            if not self._asked and door.now_ms() - self._since_ms >= _NEARLY * door.limits.handshake_ms_max:
                door.counters.refuse("slow", "head", door.now_ms())
            door.open -= 1
            door.ended += 1
            door.crowd.leave(self._address)
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            if not self._asked:
                seen = self._end + data
                self._asked, self._end = b"\r\n\r\n" in seen, seen[-3:]
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner is not None else None

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()
