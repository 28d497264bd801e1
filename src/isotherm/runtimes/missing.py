"""What is not there, told to a person: a browser that opens an unknown address gets a page; programs get their JSON."""

from __future__ import annotations

from html import escape
from typing import Final

from aiohttp import web

from isotherm.runtimes.pages import WEB

__all__ = ["asks_for_a_page", "no_such_page"]

_PAGE: Final = (WEB / "dashboard" / "not_found.html").read_text("utf-8")
_SHOP: Final = '<a class="button" href="/shop/">Go to the demo shop</a>'
_PATH_CHARACTERS_MAX: Final = 200


def asks_for_a_page(request: web.Request) -> bool:
    """Whether HTML is named among what the client takes: a browser names it when somebody opens an address, and for nothing else."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "").lower()


def no_such_page(path: str, *, shop: bool) -> web.Response:
    """The page. `shop`: the demo's shop is there to go to."""
    short = path if len(path) <= _PATH_CHARACTERS_MAX else path[:_PATH_CHARACTERS_MAX] + "…"
    body = _PAGE.replace("{{shop}}", _SHOP if shop else "").replace("{{path}}", escape(short))
    return web.Response(
        status=404, body=body.encode("utf-8", "replace"), content_type="text/html", charset="utf-8", headers={"Vary": "Accept"}
    )
