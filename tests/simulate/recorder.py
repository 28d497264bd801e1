"""A small server that speaks `docs/wire.md` from the receiving side, keeps what it was sent, and can misbehave on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from isotherm.core.columns import unpack


@dataclass
class Batch:
    session: str
    load: str
    seq: int
    path: str
    w: float
    h: float
    vw: float
    kind: list[str]
    x: list[float]
    y: list[float]
    age: list[float]


@dataclass
class Recorder:
    url: str = ""
    sessions: set[str] = field(default_factory=set)  #: of the sockets' addresses
    sites: set[str] = field(default_factory=set)
    frames: list[Batch] = field(default_factory=list)  #: as they came, repeats too
    posts: list[list[dict[str, Any]]] = field(default_factory=list)  #: taken
    post_headers: list[dict[str, str]] = field(default_factory=list)
    sockets: set[web.WebSocketResponse] = field(default_factory=set)
    sockets_most: int = 0
    upgrades_refused: int = 0
    every_ms: int | None = None  #: hinted on connect
    ack: bool = True
    upgrade_status: int = 0  #: refuse sockets with this
    answer: Callable[[Batch], dict[str, Any] | None] | None = None  #: instead of an ack
    on_post: Callable[[list[dict[str, Any]]], web.Response | None] | None = None  #: instead of 202; may raise
    layout: Path | None = None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def counted(self) -> dict[tuple[str, str, int], Batch]:
        """What counts: a batch once, by session, load and number."""
        return {(batch.session, batch.load, batch.seq): batch for batch in self.frames}

    async def until(self, true: Callable[[], bool]) -> None:
        async with self.changed:
            await self.changed.wait_for(true)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if self.upgrade_status:
            async with self.changed:
                self.upgrades_refused += 1
                self.changed.notify_all()
            return web.Response(status=self.upgrade_status)
        self.sessions.add(request.match_info["session"])
        self.sites.add(request.query.get("site", ""))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.add(socket)
        self.sockets_most = max(self.sockets_most, len(self.sockets))
        if self.every_ms is not None:
            await socket.send_json({"every": self.every_ms})
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                batch = decode(json.loads(message.data), request.match_info["session"])
                async with self.changed:
                    self.frames.append(batch)
                    self.changed.notify_all()
                answer = self.answer(batch) if self.answer else None
                if answer or self.ack:
                    await socket.send_json(answer or {"ack": batch.seq})
        async with self.changed:
            self.sockets.discard(socket)
            self.changed.notify_all()
        return socket

    async def post(self, request: web.Request) -> web.Response:
        events = await request.json()
        if self.on_post and (refusal := self.on_post(events)) is not None:
            return refusal
        self.post_headers.append(dict(request.headers))
        self.sites.add(request.query.get("site", ""))
        async with self.changed:
            self.posts.append(events)
            self.changed.notify_all()
        return web.Response(status=202)

    async def layout_file(self, _request: web.Request) -> web.StreamResponse:
        if self.layout is None:
            raise web.HTTPNotFound
        return web.FileResponse(self.layout)


def column(value: str | list[Any]) -> list[Any]:
    return unpack(value).tolist() if isinstance(value, str) else value


def decode(message: dict[str, Any], session: str) -> Batch:
    assert message["v"] == 1
    x = column(message["x"])
    kind = message["kind"]
    if isinstance(kind, str) and not kind.startswith("<"):
        kinds = [kind] * len(x)
    else:
        table = message.get("kinds", ["move", "click", "dead", "view", "leave"])
        kinds = [table[place] for place in column(kind)]
    batch = Batch(
        message.get("session", session), message["load"], message["seq"], message["path"], message["w"], message["h"], message["vw"],
        kinds, x, column(message["y"]), column(message["age"]),
    )  # fmt: skip
    assert 1 <= len(batch.x) == len(batch.y) == len(batch.age) == len(batch.kind) <= 1000
    return batch


@asynccontextmanager
async def recording(**settings: Any) -> AsyncIterator[Recorder]:
    recorder = Recorder(**settings)
    app = web.Application(client_max_size=1 << 20)
    app.router.add_get("/clickstream/{session}", recorder.socket)
    app.router.add_post("/clickstream", recorder.post)
    app.router.add_get("/shop/layout.json", recorder.layout_file)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    recorder.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield recorder
    finally:
        for socket in list(recorder.sockets):
            await socket.close()
        await runner.cleanup()
