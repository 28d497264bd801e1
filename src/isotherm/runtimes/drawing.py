"""Zones that operators draw, over HTTP. They are the site's: kept where its settings are, and the same at every gateway.

    GET    /api/zones/drawn?site=              those of a site
    PUT    /api/zones/drawn?site=              makes or replaces one: {"name", "page", "anchors"}
    DELETE /api/zones/drawn?site=&name=&page=  takes one away

They are counted from then on: what was taken before stays with the element that it lay on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from aiohttp import web

from isotherm.access.book import Book, BookError
from isotherm.answers import FROM_ANYWHERE, preflight, refused
from isotherm.core.drawn import Drawing, DrawnZone, DrawnZoneError, drawn_from_json, drawn_to_json
from isotherm.core.sites import Site, Sites
from isotherm.live.asked import site_asked

__all__ = ["DrawingEndpoints"]


class DrawingEndpoints:
    """`admit(request, site)` raises for whoever may not look at the site, `draws(request, site)` for whoever may not draw on it."""

    def __init__(
        self,
        book: Book,
        sites: Sites,
        admit: Callable[[web.Request, str | None], object],
        draws: Callable[[web.Request, str], object],
        may: Callable[[web.Request, str], bool],
    ) -> None:
        self._may = may
        self._book = book
        self._sites = sites
        self._admit = admit
        self._draws = draws
        self._turn = asyncio.Lock()  # read, changed and written by one at a time

    def add_to(self, app: web.Application) -> None:
        route = app.router
        route.add_get("/api/zones/drawn", self.drawn)
        route.add_put("/api/zones/drawn", self.put)
        route.add_delete("/api/zones/drawn", self.drop)
        route.add_route("OPTIONS", "/api/zones/drawn", preflight("GET, PUT, DELETE"))

    async def drawn(self, request: web.Request) -> web.StreamResponse:
        key = site_asked(request)
        self._admit(request, key)
        return _answer(self._site(key).drawing, may=self._may(request, key))

    async def put(self, request: web.Request) -> web.StreamResponse:
        key = site_asked(request)
        self._draws(request, key)
        zone = await self._zone(request, key)
        return await self._change(key, lambda drawing: drawing.with_zone(zone))

    async def drop(self, request: web.Request) -> web.StreamResponse:
        key = site_asked(request)
        self._draws(request, key)
        name, page = request.query.get("name", ""), request.query.get("page", "")
        if all((zone.name, zone.page) != (name, page) for zone in self._site(key).drawing.zones):
            raise refused(web.HTTPNotFound, f"there is no drawn zone {name[:80]!r} on {page[:80] or 'every page'}")
        return await self._change(key, lambda drawing: drawing.without(name, page))

    async def _zone(self, request: web.Request, key: str) -> DrawnZone:
        try:
            zone = drawn_from_json(await request.json())
        except (ValueError, RecursionError) as error:  # no JSON, or no zone
            why = str(error) if isinstance(error, DrawnZoneError) else "expected a JSON object with a name and anchors"
            raise refused(web.HTTPUnprocessableEntity, why) from None
        path = self._site(key).page_path(zone.page) if zone.page else ""
        if path is None:
            raise refused(web.HTTPUnprocessableEntity, "expected a page that the site's rules do not leave out")
        return replace(zone, page=path)

    async def _change(self, key: str, change: Callable[[Drawing], Drawing]) -> web.StreamResponse:
        async with self._turn:
            site = self._site(key)
            try:
                changed = replace(site, drawing=change(site.drawing))
                await asyncio.to_thread(self._write, changed)
            except DrawnZoneError as error:
                raise refused(web.HTTPUnprocessableEntity, str(error)) from None
            except BookError as error:
                raise refused(web.HTTPServiceUnavailable, str(error)) from None
            self._sites.by_key[key] = changed
        return _answer(changed.drawing, may=True)

    def _write(self, changed: Site) -> None:
        """Into what is kept: there the site may have other origins than this process was started with."""
        kept = next((site for site in self._book.sites() if site.key == changed.key), changed)
        self._book.put_site(replace(kept, drawing=changed.drawing))

    def _site(self, key: str) -> Site:
        site = self._sites.get(key)
        if site is None:
            raise refused(web.HTTPNotFound, f"there is no site {key[:80]!r}")
        return site


def _answer(drawing: Drawing, *, may: bool) -> web.Response:
    """`may`: whether the one who asks may change them."""
    return web.json_response({"zones": [drawn_to_json(zone) for zone in drawing.zones], "may": may}, headers=FROM_ANYWHERE)
