"""The demo shop's addresses, in `isotherm demo` only."""

from __future__ import annotations

from aiohttp import web

from isotherm.runtimes.files import Files
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

    shop = Files(WEB / "shop")

    async def asset(request: web.Request) -> web.StreamResponse:
        return shop.answer(request, request.path.removeprefix("/shop/"))

    app.router.add_get("/shop", home)
    app.router.add_get("/shop/layout.json", asset)
    app.router.add_get("/shop/assets/{path:.+}", asset)
    app.router.add_get("/shop/{path:.*}", page)
