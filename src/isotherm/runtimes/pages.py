"""Our own pages and scripts: which file answers which address, and the headers that keep them safe."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web

import isotherm.web
from isotherm.access.guard import Guard
from isotherm.runtimes.files import Files, takes
from isotherm.web.tracker import TRACKER_NAME, compressed_tracker, served_tracker

__all__ = ["add_pages", "secure"]

WEB: Final = Path(isotherm.web.__file__).parent
_DASHBOARD: Final = WEB / "dashboard"
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self' ws: wss:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SAFE: Final = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "unsafe-none",  # the hand-over to an overlay needs its opener
}
_ANYWHERE: Final = ("/overlay/", "/shared/")  #: loaded by pages of any origin


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """Puts the headers on an answer; a signal of the application."""
    if isinstance(response, web.WebSocketResponse):
        return  # no page: they would say nothing, and a kilobyte of them would stay with each socket
    if request.path.startswith(_ANYWHERE):
        response.headers["Access-Control-Allow-Origin"] = "*"
    if "Access-Control-Allow-Origin" in response.headers:
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # a beacon's answer too, or it is an error in a visitor's console
    for name, value in _SAFE.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-cache")


def add_pages(app: web.Application, guard: Guard, *, tracker_name: str, ingest_path: str) -> None:
    """The dashboard's pages, the static folders, and the tracker under its names."""

    dashboard = Files(_DASHBOARD)

    def page(file: str) -> object:
        async def answer(request: web.Request) -> web.StreamResponse:
            if guard.sees_pages(request):
                return dashboard.answer(request, file)
            return web.Response(status=401, body=(_DASHBOARD / "login.html").read_bytes(), content_type="text/html", charset="utf-8")

        return answer

    async def login(request: web.Request) -> web.StreamResponse:
        if "code" in request.query:
            return await guard.login(request)
        return dashboard.answer(request, "login.html")

    def tracker(name: str) -> object:
        script = served_tracker(name, ingest_path)  # under each name, since a tag is found by it
        compressed = compressed_tracker(name, ingest_path)

        async def answer(request: web.Request) -> web.StreamResponse:
            encoding, body = next((one for one in compressed.items() if takes(request, one[0])), ("", script))
            return web.Response(body=body, headers={
                "Content-Type": "text/javascript; charset=utf-8",
                "Access-Control-Allow-Origin": "*",
                "Cache-Control": "public, max-age=300",
                "Timing-Allow-Origin": "*",
                "Vary": "Accept-Encoding",
                **({"Content-Encoding": encoding} if encoding else {}),
            })  # fmt: skip

        return answer

    app.router.add_get("/", page("index.html"))  # type: ignore[arg-type]
    app.router.add_get("/zones", page("zones.html"))  # type: ignore[arg-type]
    app.router.add_get("/rules", page("rules.html"))  # type: ignore[arg-type]
    app.router.add_get("/topics", page("topics.html"))  # type: ignore[arg-type]
    app.router.add_get("/login", login)
    for name in {TRACKER_NAME, tracker_name}:
        app.router.add_get(f"/{name}", tracker(name))  # type: ignore[arg-type]
    for folder in ("overlay", "shared"):
        app.router.add_get(f"/{folder}/{{path:.+}}", Files(WEB / folder).handle)
    app.router.add_get("/dashboard/{path:.+}", dashboard.handle)
