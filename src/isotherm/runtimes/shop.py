"""The demo shop's addresses, in `isotherm demo` only."""

from __future__ import annotations

from aiohttp import web

from isotherm.runtimes.pages import WEB
from isotherm.web.shop import render

__all__ = ["add_shop"]


def add_shop(app: web.Application) -> None:
    """Serves the shop under ``/shop/``."""

    async def page(request: web.Request) -> web.StreamResponse:
        body = render(request.path)
        if body is None:
            raise web.HTTPNotFound
        return web.Response(body=body, content_type="text/html", charset="utf-8")

    async def home(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPMovedPermanently("/shop/")

    async def layout(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(WEB / "shop" / "layout.json")

    app.router.add_get("/shop", home)
    app.router.add_get("/shop/layout.json", layout)
    app.router.add_static("/shop/assets/", WEB / "shop" / "assets")
    app.router.add_get("/shop/{path:.*}", page)
