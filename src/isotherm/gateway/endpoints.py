"""The gateway's sockets and beacons. Only what HTTP needs: who is refused before the first byte, and how answers are written.

When the server is behind, the newest sockets are turned away first: those that were connected keep their heat, the others come back later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from aiohttp import web

from isotherm.addresses import address_of
from isotherm.answers import refused
from isotherm.core.limits import Limits
from isotherm.core.sites import Site
from isotherm.gateway.conversation import Conversation
from isotherm.gateway.gate import Gate
from isotherm.gateway.messages import Refusal
from isotherm.gateway.senders import Sender, is_crawler
from isotherm.gateway.turns import Turns
from isotherm.sockets import Socket

__all__ = ["BODY_BYTES_MAX", "FRAME_BYTES_MAX", "GatewayEndpoints"]

FRAME_BYTES_MAX: Final = Limits().frame_bytes_max
BODY_BYTES_MAX: Final = Limits().body_bytes_max
_BEACONS_WAITING_MAX: Final = 2000  #: bodies held until they are durable, 2 GB at the very worst and some MB in life
_FULL_RETRY_S: Final = "10"
_ANSWERS_QUEUED_BYTES_MAX: Final = 64 * 1024  #: a tracker that leaves a thousand acks unread is gone
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


class GatewayEndpoints:
    """Handlers for aiohttp; `rest` is what the address had after ``/clickstream/``."""

    def __init__(self, gate: Gate, now_ms: Callable[[], int], limits: Limits | None = None) -> None:
        self._gate = gate
        self._now_ms = now_ms
        self._limits = limits or Limits()
        self._sockets: dict[Socket, Conversation] = {}  # in the order in which they came
        self._beacons = 0
        self._turns = Turns()
        self.behind = False  #: the server can't keep up: nobody new is taken

    @property
    def waited_ms(self) -> int:
        """How long what trackers said has waited to be read."""
        return int(self._turns.waited_s * 1000)

    async def socket(self, request: web.Request, rest: str) -> web.StreamResponse:
        site, sender = self._admit(request)
        self._check_room(self._gate.connections >= self._limits.trackers_max)
        if self._gate.why_closed is not None:
            self._gate.counters.refuse("full", self._gate.why_closed, self._now_ms())
            return _answer(503, f"can't take events now: {self._gate.why_closed}", {"Retry-After": "2"})
        socket = await Socket.upgrade(request, frame_bytes_max=self._limits.frame_bytes_max, queued_bytes_max=_ANSWERS_QUEUED_BYTES_MAX)
        conversation = Conversation(self._gate, site, rest or None, _shown(sender), socket, sender)
        conversation.heard_ms = self._now_ms()
        self._sockets[socket] = conversation
        try:
            async for data in socket.receive(partial(self._at_once, conversation)):
                if self._turns.spent():
                    await self._turns.next()
                conversation.receive(data, self._now_ms())
                if conversation.full:
                    await socket.close(1013, "can't take events now")
                    break
            if socket.too_large:
                self._gate.counters.refuse("too_large", "frame", self._now_ms())
        finally:
            self._sockets.pop(socket, None)
            socket.deafen()
            conversation.close()
        return socket.response

    def _at_once(self, conversation: Conversation, data: bytes) -> bool:
        """Takes a frame as it comes; not where its sender may have to wait or to be turned away."""
        if self._gate.why_closed is not None or self._turns.spent():
            return False
        conversation.receive(data, self._now_ms())
        return True

    async def beacon(self, request: web.Request, rest: str) -> web.StreamResponse:
        site, sender = self._admit(request)
        self._check_room(self._beacons >= _BEACONS_WAITING_MAX)
        self._beacons += 1
        try:
            return await self._beacon(request, rest, site, sender)
        finally:
            self._beacons -= 1

    async def _beacon(self, request: web.Request, rest: str, site: Site, sender: Sender) -> web.StreamResponse:
        try:
            async with asyncio.timeout(self._limits.body_ms_max / 1000):
                body = await request.read()
        except TimeoutError:
            self._gate.counters.refuse("slow", "body", self._now_ms())
            return _answer(408, "the body did not come in time", {"Connection": "close"})
        except web.HTTPRequestEntityTooLarge:
            self._gate.counters.refuse("too_large", "body", self._now_ms())
            return _answer(413, f"expected a body of at most {self._limits.body_bytes_max} bytes")
        if self._turns.spent():
            await self._turns.next()
        waiting = _Waiting()
        try:
            waiting.left += self._gate.take_body(body, site, rest or None, _shown(sender), self._now_ms(), waiting, sender)
        except Refusal as refusal:
            if refusal.retry_after_ms is None:
                return _answer(422, refusal.message)
            status = 429 if refusal.reason in ("too_fast", "sessions") else 503
            return _answer(status, refusal.message, {"Retry-After": str(-(-refusal.retry_after_ms // 1000))})
        if not await waiting.all_durable():
            return _answer(503, "could not be stored; send it again", {"Retry-After": "2"})
        return web.Response(status=202, headers=_CORS)

    async def preflight(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(status=204, headers=_CORS)

    async def close(self) -> None:
        """Ends all conversations: the server stops. What they sent before has been answered."""
        await asyncio.gather(*(socket.close(1001, "the server stops") for socket in list(self._sockets)), return_exceptions=True)

    async def turn_away(self, share: float) -> None:
        """Ends the newest of the conversations, at least one: the server is behind. Their trackers come back later."""
        newest = list(self._sockets)[-max(1, int(len(self._sockets) * share)) :]
        self._gate.counters.add("turned_away", len(newest))
        await asyncio.gather(*(socket.close(1013, "the server is behind") for socket in newest), return_exceptions=True)

    async def close_idle(self) -> None:
        """Ends conversations in which nothing was said for long; a tracker opens another when it has something to say."""
        before_ms = self._now_ms() - self._limits.idle_ms_max
        idle = [socket for socket, conversation in self._sockets.items() if conversation.heard_ms < before_ms]
        self._gate.counters.add("idle_closed", len(idle))
        await asyncio.gather(*(socket.close(1001, "nothing came for long") for socket in idle), return_exceptions=True)

    def _check_room(self, full: bool) -> None:
        if full or self.behind:
            self._gate.counters.refuse("connections", "trackers" if full else "the server is behind", self._now_ms())
            headers = {**_CORS, "Retry-After": _FULL_RETRY_S}
            raise refused(web.HTTPServiceUnavailable, "too many are connected; come back later", headers)

    def _admit(self, request: web.Request) -> tuple[Site, Sender]:
        key, origin = request.query.get("site"), request.headers.get("Origin")
        site = self._gate.sites.get(key)
        if site is None:
            self._gate.counters.refuse("site", (key or "")[:80], self._now_ms())
            raise _forbidden(f"unknown site {(key or '')[:80]!r}: see the script tag on the dashboard")
        if not site.admits(origin):
            self._gate.counters.refuse("origin", origin or "", self._now_ms())
            raise _forbidden(f"origin {(origin or '')[:200]} may not send for this site: allow it with --origin, or `isotherm site add`")
        if self._gate.judge is None:
            return site, Sender(None, origin, False)
        crawler = origin is not None and is_crawler(request.headers.get("User-Agent", ""))
        return site, Sender(address_of(request.remote), origin, crawler)


def _shown(sender: Sender) -> str | None:
    """The origin, where it names a place that a page could be opened at."""
    return sender.origin if sender.origin != "null" else None


class _Waiting:
    """A beacon that waits until all of its messages are durable."""

    def __init__(self) -> None:
        self.left = 0
        self._done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def durable(self, *seqs: int) -> None:
        self.left -= len(seqs)
        if self.left == 0 and not self._done.done():
            self._done.set_result(True)

    def failed(self, _seq: int) -> None:
        if not self._done.done():
            self._done.set_result(False)

    async def all_durable(self) -> bool:
        return True if not self.left else await self._done


def _forbidden(message: str) -> web.HTTPError:
    return refused(web.HTTPForbidden, message, _CORS)


def _answer(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    text = Refusal(message).answer()
    return web.Response(status=status, text=text, content_type="application/json", headers={**_CORS, **(headers or {})})
