"""A server that says what a test wants the dashboard to hear: docs/api.md spoken from a `Scene`, the pages served by the real routes.

States that a real pipeline reaches only by accident (five hundred pages, a lag, a refusal of each kind) are set here by hand; the
real server has its own tests.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import WSMsgType, web

from isotherm.access.guard import Guard
from isotherm.runtimes.pages import add_pages, secure

SHOP = "https://shop.example"
PATHS = [
    "/", "/p/console", "/p/laptop", "/cart", "/p/headphones", "/search", "/p/camera", "/checkout", "/p/watch", "/p/keyboard",
    "/about/delivery-and-returns", "/journal/how-we-choose-the-things-that-we-sell",
]  # fmt: skip


TOPICS = ["clickstream", "clickstream-group-by-page", "heatmap", "clickstream-dead-letter"]
NEWEST = 20


@dataclass
class Scene:
    """What there is to hear. Tests change it as they like; what it says next, it says with the next frame."""

    every_s: float = 0.1
    pages: list[dict[str, Any]] = field(default_factory=list)
    pipeline: dict[str, Any] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    first_event_ms: int | None = None
    script: str = "/tracker.js"
    sites: list[str] = field(default_factory=lambda: ["default"])
    topics: list[dict[str, Any]] = field(default_factory=lambda: [topic(name) for name in TOPICS])
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in TOPICS})
    listeners: dict[str, list[web.WebSocketResponse]] = field(default_factory=dict)
    token_status: int = 200
    wanted: list[str] = field(default_factory=list)  #: pictures that the dashboard asked for last
    tokens: list[str] = field(default_factory=list)  #: tokens given out
    zones: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  #: of a page's path
    past_zones: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  #: the same, of ranges
    past_pages: list[tuple[str, int, int | None]] = field(default_factory=list)  #: of ranges: path, samples, people
    asked_pages: list[dict[str, str]] = field(default_factory=list)
    usual_zones: list[dict[str, Any]] | None = None
    asked_zones: list[dict[str, str]] = field(default_factory=list)
    zones_error: tuple[int, str] | None = None  #: of live ones
    silent: bool = False

    def populate(self, howmany: int, *, origin: str | None = SHOP) -> None:
        """Pages with rates that fall off as they do on real sites: a few hot, most lukewarm."""
        self.first_event_ms = now_ms() - 7_200_000
        self.pages = [live_page(path_of(rank), 60.0 / (1 + rank) ** 1.1, origin=origin) for rank in range(howmany)]

    def stir(self, seconds: float) -> None:
        """Rates wave, each in its own time; for looking at, not for asserting."""
        for rank, one in enumerate(self.pages):
            base = 60.0 / (1 + rank) ** 1.1
            wave = 1 + 0.45 * math.sin(seconds / (5 + rank % 7) + rank) + 0.2 * math.sin(seconds * (1.3 + rank % 3) + 2 * rank)
            one["samples_per_second"] = round(base * wave, 1)
            one["visitors"] = max(1, round(base * wave / 4))
            one["samples"] = round(base * 300)
            one["quiet_ms"] = 90 if rank < 9 else 1000 * rank

    async def write(self, name: str, key: str | None, value: object, *, partition: int = 0) -> None:
        """One more message of a topic, to whoever listens for it."""
        about = next(one for one in self.topics if one["name"] == name)
        message = {"topic": name, "key": key, "partition": partition, "offset": about["messages"], "time": now_ms(), "value": value}
        about["messages"] += 1
        self.messages[name] = [*self.messages[name], message][-NEWEST:]
        for socket in self.listeners.get(f"{name}?", []) + self.listeners.get(f"{name}?{key}", []):
            if not socket.closed:
                await socket.send_json(message)

    def overview(self) -> dict[str, Any]:
        rate = round(sum(one["samples_per_second"] for one in self.pages), 1)
        pipeline = {
            "visitors": sum(one["visitors"] for one in self.pages), "connections": 0, "viewers": 2, "samples_per_second": rate,
            "messages_per_second": round(rate / 4, 1), "accepted": 102_312, "lag_ms": 14, "ready": True, "why": None,
            "window_ms": 300_000, "hop_ms": 250, "grid_size": 50, "runtime": "embedded",
        }  # fmt: skip
        return {
            "at": now_ms(),
            "pages": sorted(self.pages, key=lambda one: -one["samples_per_second"]),
            "pictures": {key: picture(key) for key in self.wanted},
            "pipeline": pipeline | self.pipeline,
            "counters": self.counters,
            "refusals": self.refusals,
            "first_event_ms": self.first_event_ms,
            "tag": {"script": self.script, "ingest": "/clickstream"},
            "sites": self.sites,
        }


def now_ms() -> int:
    return int(time.time() * 1000)


def path_of(rank: int) -> str:
    return PATHS[rank] if rank < len(PATHS) else f"/p/article-{rank}"


def live_page(path: str, rate: float, *, origin: str | None = SHOP) -> dict[str, Any]:
    """A page as the overview tells of it."""
    return {
        "site": "default",
        "path": path,
        "origin": origin,
        "origin_confirmed": origin is not None,
        "visitors": 3,
        "samples_per_second": round(rate, 1),
        "samples": round(rate * 300),
        "quiet_ms": 120,
    }


def zone(name: str, share: float, **more: Any) -> dict[str, Any]:
    """A zone as `/api/zones` tells of it."""
    told = {"zone": name, "share": share, "samples": round(1000 * share), "people": round(40 * share), "clicks": round(90 * share), "trend": 1.0}
    return told | more


def topic(name: str) -> dict[str, Any]:
    return {
        "name": name, "partitions": 1, "messages": 0, "messages_per_second": 0.0, "bytes_per_second": 0.0, "newest_ms": None, "lag": None,
    }  # fmt: skip


def picture(key: str, grid: int = 25) -> dict[str, Any]:
    """Heat where people look on a page: a header, a few pictures, a button; shifted for each page."""
    seed = sum(key.encode())
    spots = [(0.5, 0.06, 0.3, 0.03, 0.35)]
    for k in range(1, 6):
        spots.append(((seed * k * 37 % 80 + 10) / 100, (seed * k * 53 % 75 + 15) / 100, 0.05 + k % 3 * 0.03, 0.05 + k % 2 * 0.04, 1 / k))

    def heat_at(x: float, y: float) -> float:
        return sum(h * math.exp(-((x - cx) ** 2) / (2 * sx**2) - (y - cy) ** 2 / (2 * sy**2)) for cx, cy, sx, sy, h in spots)

    heat = [heat_at((x + 0.5) / grid, (y + 0.5) / grid) for y in range(grid) for x in range(grid)]
    top = max(heat)
    levels = bytes(round(255 * h / top) if h > 0.02 * top else 0 for h in heat)
    return {"grid": grid, "levels": "<B" + base64.b64encode(levels).decode()}


class _Door:
    """Lets everybody in, or nobody; no login link opens it."""

    def __init__(self, open_heat: bool) -> None:
        self._open = open_heat

    def sees_pages(self, _request: web.Request) -> bool:
        return self._open

    async def login(self, _request: web.Request) -> web.StreamResponse:
        raise web.HTTPSeeOther("/login")


@asynccontextmanager
async def dashboard_server(scene: Scene, *, open_heat: bool = True, port: int = 0) -> AsyncIterator[str]:
    """Serves the scene; yields the address."""
    app = web.Application()
    app.on_response_prepare.append(secure)
    add_pages(app, cast(Guard, _Door(open_heat)), tracker_name="tracker.js", ingest_path="/clickstream")
    _add_api(app, scene)
    async with _running(app, port) as bound:
        yield f"http://127.0.0.1:{bound}"


@asynccontextmanager
async def shop(script: str) -> AsyncIterator[str]:
    """Another site, at another origin, whose every page runs the script."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=f"<!doctype html><title>shop</title><script>{script}</script>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with _running(app, 0) as bound:
        yield f"http://localhost:{bound}"


@asynccontextmanager
async def _running(app: web.Application, port: int) -> AsyncIterator[int]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _add_api(app: web.Application, scene: Scene) -> None:
    async def overview(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        telling = asyncio.create_task(_tell(socket, scene))
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                scene.wanted = message.json()["pictures"]
        telling.cancel()
        return socket

    async def topics(_request: web.Request) -> web.Response:
        return web.json_response({"topics": scene.topics})

    async def messages(request: web.Request) -> web.StreamResponse:
        name, key = request.match_info["name"], request.query.get("key", "")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for message in scene.messages[name]:
            if not key or message["key"] == key:
                await socket.send_json(message)
        listening = scene.listeners.setdefault(f"{name}?{key}", [])
        listening.append(socket)
        async for _ in socket:
            pass
        listening.remove(socket)
        return socket

    async def zones(request: web.Request) -> web.Response:
        scene.asked_zones.append(dict(request.query))
        if "from" in request.query:
            start, end = int(request.query["from"]), int(request.query.get("to", now_ms()))
            past = scene.past_zones.get(request.query["page"], [])
            return web.json_response({"start": start, "end": end, "people": 300, "zones": past, "hidden-zones": 1})
        if scene.zones_error is not None:
            status, words = scene.zones_error
            return web.json_response({"error": words}, status=status)
        league = scene.zones.get(request.query["page"], [])
        return web.json_response({"start": now_ms() - 300_000, "end": now_ms(), "people": 41, "zones": league})

    async def pages(request: web.Request) -> web.Response:
        scene.asked_pages.append(dict(request.query))
        start, end = int(request.query["from"]), int(request.query.get("to", now_ms()))
        words = request.query.get("search", "").split()
        found = [one for one in scene.past_pages if all(word in one[0] for word in words)]
        told = [
            {"site": "default", "path": path, "samples": samples, "people": people, "picture": picture(path)}
            for path, samples, people in found[: int(request.query["limit"])]
        ]
        return web.json_response({"start": start, "end": end, "known": len(found), "pages": told})

    async def overlay_token(request: web.Request) -> web.Response:
        site = (await request.json())["site"]
        if scene.token_status != 200:
            return web.json_response({"error": "no"}, status=scene.token_status)
        scene.tokens.append(f"token-{len(scene.tokens) + 1}-{site}")
        return web.json_response({"token": scene.tokens[-1], "expires_in_ms": 600_000})

    app.router.add_get("/api/overview", overview)
    app.router.add_get("/api/topics", topics)
    app.router.add_get("/api/topics/{name}", messages)
    async def usual(_request: web.Request) -> web.Response:
        return web.json_response({"at": now_ms(), "zones": scene.usual_zones})

    app.router.add_get("/api/pages", pages)
    app.router.add_get("/api/zones", zones)
    app.router.add_get("/api/zones/usual", usual)
    app.router.add_post("/api/overlay-token", overlay_token)


async def _tell(socket: web.WebSocketResponse, scene: Scene) -> None:
    with contextlib.suppress(ConnectionResetError):
        while not socket.closed:
            if not scene.silent:
                await socket.send_json(scene.overview())
            await asyncio.sleep(scene.every_s)
