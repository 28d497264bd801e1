"""A stage for the overlay: a shop on one origin, and on another a host that speaks `/live` as docs/wire.md has it.

The test is the server here: it says what is warm, and may refuse, fall silent, hang up or renew a token. Frames are put together from the
wire's description alone, not by the code that the server uses, so that the two are held to the same page.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import struct
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from isotherm.answers import preflight

WEB = Path(__file__).parents[2] / "src" / "isotherm" / "web"
NEVER = 0xFFFFFFFF
NOBODY = {"start": 0, "end": 300_000, "people": 0, "grid-size": 50, "fold": None, "hidden-bands": 0, "bands": []}


@dataclass
class Sky:
    """What stands in every frame's header."""

    grid: int = 50
    window_ms: int = 300_000
    hop_ms: int = 250
    people: int = 3
    rate: float = 11.5
    quiet_ms: int = 100
    lag_ms: float = 40.0
    version: int = 1


def _header(kind: int, width: int, n: int, sky: Sky) -> bytes:
    sent = time.time() * 1000
    return struct.pack(
        "<BBBBIddIIIIfI",
        sky.version, kind, 0, width, sky.grid**2, sent - sky.lag_ms, sent,
        sky.window_ms, sky.hop_ms, n, sky.people, sky.rate, sky.quiet_ms,
    )  # fmt: skip


def _counts(counts: list[int]) -> tuple[int, bytes]:
    width = 1 if max(counts, default=0) < 256 else 2 if max(counts) < 65536 else 4
    return width, struct.pack(f"<{len(counts)}{'?BH?I'[width]}", *counts)


def keyframe(heat: Mapping[int, int], sky: Sky) -> bytes:
    """The whole heat: cell to count."""
    cells = sorted(cell for cell, count in heat.items() if count)
    bitmap = bytearray(4 * -(-(sky.grid**2) // 32))
    for cell in cells:
        bitmap[cell >> 3] |= 1 << (cell & 7)
    width, counts = _counts([heat[cell] for cell in cells])
    return _header(1, width, len(cells), sky) + bytes(bitmap) + counts


def changes(heat: Mapping[int, int], sky: Sky) -> bytes:
    """The cells that have another count now; 0: cold."""
    letter = "H" if sky.grid**2 <= 65536 else "I"
    cells = struct.pack(f"<{len(heat)}{letter}", *heat)
    width, counts = _counts(list(heat.values()))
    return _header(2, width, len(heat), sky) + cells + bytes(-len(cells) % 4) + counts


def _column(numbers: list[int]) -> str:
    return "<H" + base64.b64encode(struct.pack(f"<{len(numbers)}H", *numbers)).decode()


def spots_of(spots: Mapping[tuple[str, int, int], int], *, whole: bool = True, near: tuple[float, float] = (0, 0)) -> dict[str, Any]:
    """All of them near one place in the document, told in parts of it."""
    names = list(dict.fromkeys(name for name, _, _ in spots))
    place = min(255, int(near[1] * 256)) * 32 + min(31, int(near[0] * 32))
    return {
        "end": time.time() * 1000, "whole": whole, "side": 250, "near-grid": [32, 256], "names": names,
        "element": _column([names.index(name) for name, _, _ in spots]),
        "near": _column([place] * len(spots)),
        "cell": _column([min(249, y // 4) * 250 + min(249, x // 4) for _, x, y in spots]),
        "count": _column(list(spots.values())),
    }  # fmt: skip


@dataclass
class Viewer:
    """One socket of an overlay."""

    query: dict[str, str]
    socket: web.WebSocketResponse

    async def send(self, frame: bytes) -> None:
        await self.socket.send_bytes(frame)


@dataclass
class Stage:
    """The two origins, and what the test says that happens on them."""

    shop: str = ""
    host: str = ""
    sky: Sky = field(default_factory=Sky)
    heat: dict[int, int] = field(default_factory=dict)
    layers: dict[tuple[str, str, str], dict[int, int]] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    policy: str = ""
    policies: dict[str, str] = field(default_factory=dict)  #: of single pages
    reported: str = ""  #: a policy that is only reported
    heads: list[str] = field(default_factory=list)  #: of which pages the headers alone were asked
    head: int = 200  #: what that is answered with
    refuse: int = 0
    mute: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    history: Callable[[str, dict[str, str]], dict[str, Any]] | None = None  #: answers of the past, by path and query
    exposure: tuple[int, dict[str, Any]] = (200, NOBODY)  #: what `/api/exposure` answers
    gone: bool = False  #: no history is kept
    looked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    spots: dict[tuple[str, int, int], int] | None = None  #: samples by element and thousandths of its box; None: not told here
    speaks_of_spots: bool = True  #: an older server says nothing when it is asked for them
    wished: list[Any] = field(default_factory=list)  #: what viewers said
    token: str = "first"  #: that the overlay is opened with
    viewers: list[Viewer] = field(default_factory=list)
    quiet_ms: int = 12_000  #: after which the overlay asks its worker whether it is there
    tick_ms: int = 7_500  #: of four that it has for an answer: on a busy machine it may take longer than a viewer would wait
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def heat_of(self, query: Mapping[str, str]) -> dict[int, int]:
        return self.layers.get((query["page"], query["kind"], query["device"]), self.heat)

    async def warm(self, heat: Mapping[int, int]) -> None:
        """Changes the heat, and tells everybody who watches."""
        self.heat.update(heat)
        for viewer in self.viewers:
            await viewer.send(changes(heat, self.sky))

    async def stick(self, spots: Mapping[tuple[str, int, int], int], near: tuple[float, float] = (0, 0)) -> None:
        """Changes the heat on elements, and tells everybody."""
        assert self.spots is not None
        self.spots.update(spots)
        for viewer in self.viewers:
            await viewer.socket.send_str(json.dumps({"spots": spots_of(spots, whole=False, near=near)}))

    async def tell(self) -> None:
        """A frame without changes."""
        await self.warm({})

    async def watched_by(self, count: int) -> None:
        """Returns once so many watch."""
        while len(self.viewers) != count:
            self._news.clear()
            await self._news.wait()

    async def viewer(self) -> Viewer:
        """The one who watches, once there is one."""
        await self.watched_by(1)
        return self.viewers[0]

    async def attempts(self, count: int) -> None:
        """Returns once so many dials have come."""
        while len(self.asked) < count:
            self._news.clear()
            await self._news.wait()

    async def hang_up(self, code: int = 1001) -> None:
        for viewer in list(self.viewers):
            await viewer.socket.close(code=code)

    async def live(self, request: web.Request) -> web.StreamResponse:
        assert "token" not in request.query, "addresses are printed and logged"
        ours, token = request.headers["Sec-WebSocket-Protocol"].replace(" ", "").split(",")
        query = {**request.query, "token": token.removeprefix("token.")}
        self.asked.append(query)
        self._news.set()
        if self.refuse:
            return web.Response(status=self.refuse)
        socket = web.WebSocketResponse(protocols=[ours])
        await socket.prepare(request)
        viewer = Viewer(query, socket)
        if not self.mute:
            await viewer.send(keyframe(self.heat_of(query), self.sky))
        self.viewers.append(viewer)
        self._news.set()
        async for message in socket:
            wish = json.loads(message.data)
            self.wished.append(wish)
            if self.speaks_of_spots:
                told = None if self.spots is None else spots_of(self.spots) if wish["spots"] else False
                await socket.send_str(json.dumps({"spots": told}))
        self.viewers.remove(viewer)
        self._news.set()
        return socket

    async def past(self, request: web.Request) -> web.Response:
        """`/api/heatmap` and `/api/heatmap/steps`, as docs/api.md has them."""
        query = dict(request.query)
        self.looked.append((request.path, query))
        if self.gone:
            return web.json_response({"error": "this server keeps no history"}, status=404)
        answer = self.history(request.path, query) if self.history is not None else None
        return web.json_response(answer or {"start": 0, "end": 1, "value": {}, "grid-size": self.sky.grid, "step": 1, "steps": []})

    async def exposed(self, request: web.Request) -> web.Response:
        """`/api/exposure`."""
        self.looked.append((request.path, dict(request.query)))
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"error": "expected the token"}, status=401)
        status, answer = self.exposure
        return web.json_response(answer, status=status)

    async def page(self, request: web.Request) -> web.Response:
        html = self.pages.get(request.path, self.pages.get("*", ""))
        policies = {"": self.policies.get(request.path, self.policy), "-Report-Only": self.reported}
        headers = {f"Content-Security-Policy{kind}": policy.format(host=self.host) for kind, policy in policies.items() if policy}
        if request.method == "HEAD":
            self.heads.append(request.path)
            return web.Response(status=self.head, headers=headers if self.head == 200 else {})
        return web.Response(text=html, content_type="text/html", headers=headers)

    async def hire(self, _: web.Request) -> web.Response:
        """A busy machine's worker, and its headers, may take longer than a viewer would wait."""
        text, count = re.subn(r"(PATIENCE_MS = )[\d_]+", r"\g<1>30_000", (WEB / "overlay" / "hire.js").read_text("utf-8"))
        assert count == 2
        return web.Response(text=text, content_type="text/javascript")

    async def watchdog(self, _: web.Request) -> web.Response:
        text = (WEB / "overlay" / "watchdog.js").read_text("utf-8")
        for name, ms in {"QUIET_MS": self.quiet_ms, "TICK_MS": self.tick_ms}.items():
            text, count = re.subn(rf"(const {name} = )[\d_]+", rf"\g<1>{ms}", text)
            assert count == 1
        return web.Response(text=text, content_type="text/javascript")

    async def boot(self, _: web.Request) -> web.Response:
        """What the tracker does once it has a token."""
        text = (
            f'import("{self.host}/overlay/overlay.js").then((overlay) => {{'
            f' window.overlay = overlay.open({{ host: "{self.host}", site: "default", token: "{self.token}" }}); }});'
        )
        return web.Response(text=text, content_type="text/javascript")


@web.middleware
async def _from_anywhere(request: web.Request, handler: web.RequestHandler) -> web.StreamResponse:
    response = await handler(request)  # type: ignore[operator]
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


async def _serve(app: web.Application) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Both origins, up."""
    now = Stage()
    host = web.Application(middlewares=[_from_anywhere])
    host.router.add_get("/live", now.live)
    host.router.add_get("/api/heatmap", now.past)
    host.router.add_get("/api/heatmap/steps", now.past)
    host.router.add_get("/api/exposure", now.exposed)
    host.router.add_route("OPTIONS", "/api/exposure", preflight("GET"))
    host.router.add_get("/healthz", _answer)
    host.router.add_get("/overlay/hire.js", now.hire)
    host.router.add_get("/overlay/watchdog.js", now.watchdog)
    host.router.add_static("/overlay", WEB / "overlay")
    host.router.add_static("/shared", WEB / "shared")
    shop = web.Application()
    shop.router.add_get("/boot.js", now.boot)
    shop.router.add_get("/favicon.ico", _answer)
    shop.router.add_get("/{path:.*}", now.page)
    host_runner, now.host = await _serve(host)
    shop_runner, now.shop = await _serve(shop)
    try:
        yield now
    finally:
        await shop_runner.cleanup()
        await host_runner.cleanup()


async def _answer(_: web.Request) -> web.Response:
    return web.Response(text="ok")
