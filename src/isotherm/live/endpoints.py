"""The viewers' sockets and requests. Who may look is asked of `admit`, which raises the answer for those who may not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from isotherm.answers import refused
from isotherm.core.heat import PageNow, Source, View, classic_json
from isotherm.core.layers import ALL_DEVICES, KINDS, layers_of
from isotherm.core.limits import Limits
from isotherm.core.pages import Page, canonical_path
from isotherm.live.asked import checked_page, site_asked
from isotherm.live.groups import Format, Groups
from isotherm.live.spots import SpotGroups
from isotherm.sockets import Socket

__all__ = ["Admit", "LiveEndpoints", "Past", "Renew", "keep_renewing", "page_json"]

Renew = Callable[[], str]
Past = Callable[[web.Request, View], Awaitable[web.StreamResponse]]
"""Answers a request for a view that asks for more than the live window as classic JSON."""

Admit = Callable[[web.Request, str | None], Renew | None]
"""Given a request and the site that it asks for (None: all), raises the answer for one who may not look. Where the
viewer came with a short-lived token, returns what makes the next one; an empty one: there is none any more."""

_RENEW_S: Final = 60.0  #: well within the ten minutes that a short-lived token lasts; so long does a revoked one go on
_FRAME_BYTES_MAX: Final = 4096  #: viewers have little to say
_DENIED: Final = 1008
_MORE: Final = {"from", "to", "format", "people"}


def page_json(page: PageNow, now_ms: int, *, origin_confirmed: bool) -> dict[str, object]:
    """One live page, as `/api/pages` has it. An origin that is not confirmed is what some sender said."""
    at = Page.from_key(page.key)
    return {
        "site": at.site,
        "path": at.path,
        "origin": page.origin,
        "origin_confirmed": origin_confirmed,
        "visitors": page.visitors,
        "samples_per_second": round(page.rate, 2),
        "samples": page.samples,
        "quiet_ms": max(0, now_ms - page.newest_ms) if page.newest_ms else None,
    }


class LiveEndpoints:
    """Handlers for aiohttp."""

    def __init__(
        self,
        groups: Groups,
        source: Source,
        admit: Admit,
        now_ms: Callable[[], int],
        *,
        limits: Limits | None = None,
        page_key: Callable[[str, str], str] = lambda site, path: site + canonical_path(path),
        past: Past | None = None,
        hiding: bool = False,
        spots: SpotGroups | None = None,
    ) -> None:
        """`page_key(site, path)`: the page that a path is, after the site's URL rules. `past`: who answers for what has been, and for the
        window too where tiles are `hiding` because too few people were on them."""
        self._past = past
        self._hiding = hiding
        self._spots = spots if spots is not None and not hiding else SpotGroups(None)  # who was on which spot is not known
        self._limits = limits or Limits()
        self._page_key = page_key
        self._groups = groups
        self._source = source
        self._admit = admit
        self._now_ms = now_ms
        self._sockets: set[Socket] = set()

    async def classic(self, request: web.Request, path: str) -> web.StreamResponse:
        """`WS /heatmap{path}`: the classic heat map, whole, at every hop at which it changed."""
        return await self._watch(request, path, Format.CLASSIC)

    async def live(self, request: web.Request) -> web.StreamResponse:
        """`WS /live?page=`: binary frames."""
        return await self._watch(request, request.query.get("page"), Format.BINARY)

    async def heatmap(self, request: web.Request) -> web.StreamResponse:
        """`GET /api/heatmap?page=`: the last emitted window in the classic shape; a range, other forms and people are the history's."""
        if self._past is not None and (self._hiding or _MORE & request.query.keys()):
            return await self.viewed(request, self._past)
        view = self._admitted(request)
        return web.Response(body=classic_json(self._source.whole(view)), content_type="application/json")

    async def viewed(self, request: web.Request, answer: Past) -> web.StreamResponse:
        """What `answer` says, if the viewer may look at the view that is asked for. The overlay asks from the shop's own pages."""
        try:
            response = await answer(request, self._admitted(request))
        except web.HTTPException as error:  # why not, they may read too
            error.headers["Access-Control-Allow-Origin"] = "*"
            raise
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    def _admitted(self, request: web.Request) -> View:
        self._admit(request, site_asked(request))
        return self._view(request, request.query.get("page"))

    async def close(self) -> None:
        """Ends all sockets: the server stops."""
        await asyncio.gather(*(socket.close(1001, "the server stops") for socket in list(self._sockets)), return_exceptions=True)

    async def _watch(self, request: web.Request, path: str | None, format_: str) -> web.StreamResponse:
        renew = self._admit(request, site_asked(request))
        view = self._view(request, path)
        if self._groups.viewers >= self._limits.viewers_max:
            self._groups.turn_away(self._now_ms())
            raise refused(web.HTTPServiceUnavailable, "too many viewers are connected; come back later")
        socket = await Socket.upgrade(request, frame_bytes_max=_FRAME_BYTES_MAX, queued_bytes_max=self._limits.viewer_queue_bytes_max)
        self._sockets.add(socket)
        self._groups.join(view, socket, format_, self._now_ms())
        renewing = asyncio.create_task(keep_renewing(socket, renew, tell=format_ == Format.BINARY)) if renew else None
        try:
            async for said in socket.receive():
                if format_ == Format.BINARY:
                    self._spots.hear(view, socket, said)
        finally:
            if renewing is not None:
                renewing.cancel()
            self._sockets.discard(socket)
            self._spots.leave(view, socket)
            self._groups.leave(view, socket)
        return socket.response

    def _view(self, request: web.Request, path: str | None) -> View:
        site = site_asked(request)
        path = checked_page(site, path)
        kind, device = request.query.get("kind") or KINDS[0], request.query.get("device") or ALL_DEVICES
        try:
            layers_of(kind, device)
        except ValueError as error:
            raise refused(web.HTTPUnprocessableEntity, str(error)) from None
        return View(self._page_key(site, path), kind, device)


async def keep_renewing(socket: Socket, renew: Renew, *, tell: bool) -> None:
    """A viewer with a short-lived token gets the next one in time, as long as it is connected; one whose token was revoked is let go."""
    while True:
        await asyncio.sleep(_RENEW_S)
        token = renew()
        if not token:
            await socket.close(_DENIED, "the token that this one came from was revoked")
            return
        if tell:
            socket.push(msgspec.json.encode({"token": token}).decode())
