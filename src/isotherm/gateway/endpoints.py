"""The gateway's sockets and beacons. Only what HTTP needs: who is refused before the first byte, and how answers are written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from isotherm.core.sites import Site
from isotherm.gateway.conversation import Conversation
from isotherm.gateway.gate import Gate
from isotherm.gateway.messages import Refusal
from isotherm.sockets import Socket

__all__ = ["BODY_BYTES_MAX", "FRAME_BYTES_MAX", "GatewayEndpoints"]

FRAME_BYTES_MAX: Final = 64 * 1024
BODY_BYTES_MAX: Final = 1024 * 1024
_ANSWERS_QUEUED_BYTES_MAX: Final = 64 * 1024  #: a tracker that leaves a thousand acks unread is gone
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


class GatewayEndpoints:
    """Handlers for aiohttp; `rest` is what the address had after ``/clickstream/``."""

    def __init__(self, gate: Gate, now_ms: Callable[[], int]) -> None:
        self._gate = gate
        self._now_ms = now_ms
        self._sockets: set[Socket] = set()

    async def socket(self, request: web.Request, rest: str) -> web.StreamResponse:
        site, origin = self._admit(request)
        if self._gate.why_closed is not None:
            self._gate.counters.refuse("full", self._gate.why_closed, self._now_ms())
            return _answer(503, f"can't take events now: {self._gate.why_closed}", {"Retry-After": "2"})
        socket = await Socket.upgrade(request, frame_bytes_max=FRAME_BYTES_MAX, queued_bytes_max=_ANSWERS_QUEUED_BYTES_MAX)
        conversation = Conversation(self._gate, site, rest or None, origin, socket.push)
        self._sockets.add(socket)
        try:
            async for data in socket.receive():
                conversation.receive(data, self._now_ms())
        finally:
            self._sockets.discard(socket)
            conversation.close()
        return socket.response

    async def beacon(self, request: web.Request, rest: str) -> web.StreamResponse:
        site, origin = self._admit(request)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            self._gate.counters.refuse("too_large", "body", self._now_ms())
            return _answer(413, f"expected a body of at most {BODY_BYTES_MAX} bytes")
        waiting = _Waiting()
        try:
            waiting.left = self._gate.take_body(body, site, rest or None, origin, self._now_ms(), waiting)
        except Refusal as refusal:
            if refusal.retry_after_ms is None:
                return _answer(422, refusal.message)
            return _answer(503, refusal.message, {"Retry-After": str(-(-refusal.retry_after_ms // 1000))})
        if not await waiting.all_durable():
            return _answer(503, "could not be stored; send it again", {"Retry-After": "2"})
        return web.Response(status=202, headers=_CORS)

    async def preflight(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(status=204, headers=_CORS)

    async def close(self) -> None:
        """Ends all conversations: the server stops. What they sent before has been answered."""
        await asyncio.gather(*(socket.close(1001, "the server stops") for socket in list(self._sockets)), return_exceptions=True)

    async def turn_away(self, reason: str) -> None:
        """Ends all conversations: the server can't take events. Their trackers come back later."""
        await asyncio.gather(*(socket.close(1013, reason) for socket in list(self._sockets)), return_exceptions=True)

    def _admit(self, request: web.Request) -> tuple[Site, str | None]:
        key, origin = request.query.get("site"), request.headers.get("Origin")
        site = self._gate.sites.get(key)
        if site is None:
            self._gate.counters.refuse("site", key or "", self._now_ms())
            raise _forbidden(f"unknown site {key!r}: see the script tag on the dashboard")
        if not site.admits(origin):
            self._gate.counters.refuse("origin", origin or "", self._now_ms())
            raise _forbidden(f"origin {origin} may not send for this site: allow it with --origin")
        return site, origin if origin != "null" else None


class _Waiting:
    """A beacon that waits until all of its messages are durable."""

    def __init__(self) -> None:
        self.left = 0
        self._done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def durable(self, _seq: int) -> None:
        self.left -= 1
        if not self.left and not self._done.done():
            self._done.set_result(True)

    def failed(self, _seq: int) -> None:
        if not self._done.done():
            self._done.set_result(False)

    async def all_durable(self) -> bool:
        return True if not self.left else await self._done


def _forbidden(message: str) -> web.HTTPForbidden:
    return web.HTTPForbidden(text=_json(message), content_type="application/json", headers=_CORS)


def _json(message: str) -> str:
    return Refusal(message).answer()


def _answer(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=_json(message), content_type="application/json", headers={**_CORS, **(headers or {})})
