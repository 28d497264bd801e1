"""A server that speaks docs/wire.md to trackers, remembers all they said, and answers as the test wants."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web
from playwright.async_api import Page

import isotherm.web
from isotherm.web.tracker import served_tracker

TAG = '<script async src="/tracker.js" data-site="shop"></script>'
WIDTH, HEIGHT = 3000, 5000
ALIVE = 'onclick="this.dataset.clicked = event.timeStamp"'  #: something follows each click, so none is dead
KINDS = ("move", "click", "dead", "view", "leave")  #: the wire's own table
GUEST = (Path(isotherm.web.__file__).parent / "overlay" / "guest.js").read_bytes()

OVERLAY = """
export function open(found) { window.overlay = found; }
"""


def unpack(column: str) -> list[float]:
    """A packed column, read by the letters of the wire's table."""
    assert column[0] == "<"
    return [float(value) for value in np.frombuffer(base64.b64decode(column[2:]), "<" + {"B": "u1", "H": "u2", "I": "u4"}[column[1]])]


@dataclass(frozen=True)
class Batch:
    text: str
    way: str  #: `socket` or `beacon`
    connection: int  #: which socket, counted from 0; -1 for a beacon
    address_session: str
    site: str | None
    message: dict[str, Any]

    @property
    def seq(self) -> int:
        return int(self.message["seq"])

    @property
    def session(self) -> str:
        """The message's own, or the address's."""
        return str(self.message.get("session", self.address_session))

    @property
    def told(self) -> dict[str, Any]:
        """All of it but the age, which a resend tells anew, by whichever way it came."""
        return self.message | {"session": self.session, "age": ""}

    @property
    def path(self) -> str:
        return str(self.message["path"])

    @property
    def points(self) -> list[tuple[str, float, float]]:
        """Kind, x and y of each sample of the pointer."""
        return [sample for sample in self.samples if sample[0] not in ("view", "leave")]

    @property
    def views(self) -> list[tuple[str, float]]:
        """Kind and y of each sample of what was seen."""
        return [(kind, y) for kind, _, y in self.samples if kind in ("view", "leave")]

    @property
    def samples(self) -> list[tuple[str, float, float]]:
        """Kind, x and y of each."""
        x, y = unpack(self.message["x"]), unpack(self.message["y"])
        kind = self.message["kind"]
        kinds = [kind] * len(x) if not kind.startswith("<") else [KINDS[int(at)] for at in unpack(kind)]
        return list(zip(kinds, x, y, strict=True))

    @property
    def ages(self) -> list[float]:
        ages = unpack(self.message["age"])
        assert len(ages) == len(self.samples)
        return ages


def ack(batch: Batch) -> list[dict[str, Any]]:
    return [{"ack": batch.seq}]


def silence(batch: Batch) -> list[dict[str, Any]]:
    return []


@dataclass
class Recorder:
    url: str = ""
    batches: list[Batch] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)  #: those that are open
    connections: int = 0
    answer: Callable[[Batch], list[dict[str, Any]]] = ack
    beacon_status: int = 202
    accepting: bool = True
    tracker: bytes = field(default_factory=served_tracker)
    pages: dict[str, str] = field(default_factory=dict)  #: HTML at a path; all others are a large empty page with the tag
    headers: dict[str, str] = field(default_factory=dict)  #: of every page
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    # -- what tests ask

    async def until(self, condition: Callable[[], Any], timeout_s: float = 45) -> Any:
        """Waits until `condition()` is true; looks again whenever something has come."""
        async with asyncio.timeout(timeout_s), self.changed:
            await self.changed.wait_for(condition)
        return condition()

    def points(self, way: str | None = None) -> list[tuple[str, float, float]]:
        return [point for batch in self.batches if way in (None, batch.way) for point in batch.points]

    def views(self, way: str | None = None) -> list[tuple[str, str, float]]:
        """Path, kind and y of each sample of what was seen; what came again counts once, as at a server."""
        once = {(batch.message["load"], batch.seq): batch for batch in self.batches if way in (None, batch.way)}
        return [(batch.path, *view) for batch in once.values() for view in batch.views]

    async def say(self, text: str) -> None:
        for socket in list(self.sockets):
            await socket.send_str(text)

    async def hint(self, every_ms: int) -> None:
        await self.say(json.dumps({"every": every_ms}))

    async def hang_up(self, code: int = 1001) -> None:
        for socket in list(self.sockets):
            await socket.close(code=code)

    async def open(self, page: Page, path: str = "/", *, host: str | None = None) -> None:
        """Opens a page and waits until its tracker has run."""
        await page.goto((host or self.url) + path)
        await page.wait_for_function("window.isotherm && window.isotherm.load")

    # -- the server

    async def _page(self, request: web.Request) -> web.Response:
        if request.path == "/favicon.ico":
            return web.Response(status=204)
        html = self.pages.get(request.path, f'<body style="margin:0" {ALIVE}><div style="width:{WIDTH}px;height:{HEIGHT}px"></div>{TAG}')
        icon = "" if self.headers else "<link rel=icon href=data:,>"  # a policy could forbid it; without it the browser may ask for one
        return web.Response(text="<!doctype html><meta charset=utf-8>" + icon + html, content_type="text/html", headers=self.headers)

    async def _script(self, request: web.Request) -> web.Response:
        text = {"/overlay/overlay.js": OVERLAY.encode(), "/overlay/guest.js": GUEST}.get(request.path, self.tracker)
        return web.Response(body=text, content_type="text/javascript", headers={"Access-Control-Allow-Origin": "*"})

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if not self.accepting:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = self.connections
        self.connections += 1
        self.sockets.append(socket)
        await self._notify()
        async for frame in socket:
            assert frame.type is WSMsgType.TEXT
            session, site = request.match_info["session"], request.query.get("site")
            batch = Batch(frame.data, "socket", connection, session, site, json.loads(frame.data))
            self.batches.append(batch)
            for message in self.answer(batch):
                await socket.send_str(json.dumps(message))
            await self._notify()
        self.sockets.remove(socket)
        await self._notify()
        return socket

    async def _beacon(self, request: web.Request) -> web.Response:
        text = (await request.read()).decode()
        if self.beacon_status == 202:
            self.batches.append(Batch(text, "beacon", -1, "", request.query.get("site"), json.loads(text)))
        await self._notify()
        return web.Response(status=self.beacon_status)

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    @web.middleware
    async def _remember(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        await self._notify()
        response: web.StreamResponse = await handler(request)
        return response

    def application(self, ingest_path: str = "/clickstream", tracker_path: str = "/tracker.js") -> web.Application:
        application = web.Application(middlewares=[self._remember])
        application.router.add_get(tracker_path, self._script)
        application.router.add_get("/copies/tracker.js", self._script)
        application.router.add_get("/overlay/{name}", self._script)
        application.router.add_get(ingest_path + "/{session}", self._socket)
        application.router.add_post(ingest_path, self._beacon)
        application.router.add_get("/{path:.*}", self._page)
        return application


@asynccontextmanager
async def recording(port: int = 0, **names: str) -> AsyncIterator[Recorder]:
    """A recorder that listens. `names` are those of `Recorder.application`."""
    recorder = Recorder()
    runner = web.AppRunner(recorder.application(**names), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    recorder.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield recorder
    finally:
        await recorder.hang_up()
        await runner.cleanup()
