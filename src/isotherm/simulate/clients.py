"""Visitors over the public sockets: each walks through its visit in real time and sends what a tracker would.

One socket and two tasks a visitor: one takes the visit's steps as their time comes and sends what the `Outbox` has due, the
other hears the answers. A lost connection is opened again after a growing, jittered pause, and what was not acknowledged is
sent again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from math import inf
from random import Random
from typing import Final

import aiohttp

from isotherm.simulate.outbox import Outbox
from isotherm.simulate.pointer import Entered, Step
from isotherm.simulate.report import Report

__all__ = ["Refused", "Street"]

_BACKOFF_FIRST_MS: Final = 500.0
_BACKOFF_MAX_MS: Final = 15_000.0
_FULL_CODE: Final = 1013
_FOR_GOOD: Final = frozenset({401, 403, 404})
_GOODBYE_MS: Final = 5_000.0  #: how long the last answers are waited for
_HEARTBEAT_S: Final = 20.0  #: a line that is dead without a word is found by then
_ANSWER_BYTES_MAX: Final = 65_536


class Refused(Exception):
    """The server takes nobody from here (an unknown site, say): to try again would not help."""


class Street:
    """The way to the server, shared by all visitors. ``now_ms`` is the time since the simulation began."""

    def __init__(
        self, http: aiohttp.ClientSession, address: str, report: Report, now_ms: Callable[[], float], origin: str | None = None
    ) -> None:
        self.http = http
        self.origin = origin  #: where the pages are that they walk on, as their browsers would say it
        self.address = address  #: of the sockets, with `{session}` in it
        self.report = report
        self.now_ms = now_ms
        self.closed = False
        self._run = secrets.token_hex(6)  #: a seed that comes again within minutes is no repeat of its samples
        self._walking: set[_Visitor] = set()

    def close(self) -> None:
        """Everybody goes home: visits end at once, what was gathered is still sent."""
        self.closed = True
        for visitor in self._walking:
            visitor.news.set()

    async def walk(self, steps: Iterator[Step]) -> None:
        """One visitor, from coming to leaving. Raises `Refused`."""
        self.report.visitors += 1
        self.report.present += 1
        name = f"{self._run}-{self.report.visitors}"
        visitor = _Visitor(self, Outbox(f"sim-{name}", name, self.report))
        self._walking.add(visitor)
        try:
            await visitor.walk(steps)
        finally:
            self._walking.discard(visitor)
            self.report.present -= 1
            await visitor.leave()


class _Visitor:
    def __init__(self, street: Street, outbox: Outbox) -> None:
        self.news = asyncio.Event()  #: an answer that changes what is due, a broken line, or time to go home
        self._street = street
        self._outbox = outbox
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._listener: asyncio.Task[None] | None = None
        self._failures = 0
        self._chance = Random(outbox.session)

    async def walk(self, steps: Iterator[Step]) -> None:
        street, outbox = self._street, self._outbox
        for step in steps:
            while not street.closed and street.now_ms() < step.at_ms:
                await self._send_until(step.at_ms)
            if street.closed:
                break
            if isinstance(step, Entered):
                outbox.enter(step)
            else:
                outbox.take(step)
        outbox.flush(street.now_ms())
        last_ms = street.now_ms() + _GOODBYE_MS
        while len(outbox) and street.now_ms() < last_ms:
            await self._send_until(last_ms)

    async def leave(self) -> None:
        self._outbox.abandon()
        socket, listener = self._socket, self._listener
        self._socket = self._listener = None  # what ends now is not a lost line
        if socket:
            await socket.close()
        if listener:
            listener.cancel()
            await asyncio.wait([listener])

    async def _send_until(self, until_ms: float) -> None:
        """Sends what is due, then sleeps until that time, or until more is due, or news."""
        self.news.clear()
        if self._outbox.due_ms <= self._street.now_ms():
            await self._send()
        wake_ms = min(until_ms, self._outbox.due_ms)
        timer = asyncio.get_running_loop().call_later(max(0.0, wake_ms - self._street.now_ms()) / 1000, self.news.set)
        try:
            await self.news.wait()
        finally:
            timer.cancel()

    async def _send(self) -> None:
        try:
            socket = self._socket or await self._connect()
            for frame in self._outbox.frames(self._street.now_ms()):
                await socket.send_frame(frame, aiohttp.WSMsgType.TEXT)
        except aiohttp.WSServerHandshakeError as error:
            if error.status in _FOR_GOOD:
                raise Refused(f"the server refused the socket with status {error.status}") from None
            self._lost()
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            self._lost()

    async def _connect(self) -> aiohttp.ClientWebSocketResponse:
        socket = await self._street.http.ws_connect(
            self._street.address.format(session=self._outbox.session),
            max_msg_size=_ANSWER_BYTES_MAX,
            origin=self._street.origin,
            heartbeat=_HEARTBEAT_S,
        )
        self._socket = socket
        self._listener = asyncio.create_task(self._listen(socket))
        return socket

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            self._failures = 0
            self._outbox.answered(message.data, self._street.now_ms())
            if not len(self._outbox) or self._outbox.due_ms < inf:
                self.news.set()
        if self._socket is socket:
            self._lost(full=socket.close_code == _FULL_CODE)

    def _lost(self, *, full: bool = False) -> None:
        """The line is broken: the next attempt is after a pause, longer each time, longest where the server is full."""
        self._socket = self._listener = None
        self._street.report.connections_lost += 1
        pause_ms = _BACKOFF_MAX_MS if full else min(_BACKOFF_MAX_MS, _BACKOFF_FIRST_MS * 2**self._failures)
        self._failures += 1
        self._outbox.lost()
        self._outbox.hold(self._street.now_ms() + pause_ms * self._chance.uniform(0.5, 1.0))
        self.news.set()
