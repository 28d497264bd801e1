"""A real Chromium without a GPU, and what it says that a page costs: its main thread's time, and the frames of its sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web
from playwright.async_api import CDPSession, Page, WebSocket, async_playwright
from scripts.browser import CHROMIUM_ARGUMENTS, chromium_path

__all__ = ["Tab", "Wire", "site", "tab"]

_SAMPLING_US = 100
_PAUSE_US = 2_000  #: a sample that came so late says only that the machine did something else
_HEAD_BYTES = 8  #: of a browser's frame that is no longer than 64 KiB: 2, 2 more from 126 bytes on, and the mask


@dataclass
class Wire:
    """What went over a page's sockets, whose address has a given word in it."""

    word: str
    sent: list[float] = field(default_factory=list)  #: when, on the loop's clock
    sent_bytes: int = 0
    received: int = 0

    def watch(self, page: Page) -> None:
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        if self.word not in socket.url:
            return
        socket.on("framesent", self._sent)
        socket.on("framereceived", self._received)

    def _sent(self, payload: str | bytes) -> None:
        self.sent.append(asyncio.get_running_loop().time())
        self.sent_bytes += len(payload.encode() if isinstance(payload, str) else payload) + _HEAD_BYTES

    def _received(self, _payload: str | bytes) -> None:
        self.received += 1


@dataclass
class Tab:
    page: Page
    cdp: CDPSession
    wire: Wire

    async def seconds(self, name: str) -> float:
        """One of the browser's own sums: `ScriptDuration`, `TaskDuration`, …"""
        metrics = (await self.cdp.send("Performance.getMetrics"))["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == name))

    @contextlib.asynccontextmanager
    async def profiled(self, script: str) -> AsyncIterator[dict[str, float]]:
        """Afterwards ``ms`` is the time that was spent in functions of this script, by the browser's sampling profiler."""
        found: dict[str, float] = {}
        await self.cdp.send("Profiler.start")
        yield found
        profile = (await self.cdp.send("Profiler.stop"))["profile"]
        ours = {node["id"] for node in profile["nodes"] if node["callFrame"]["url"].endswith(script)}
        samples = zip(profile["samples"], profile["timeDeltas"], strict=True)
        found["ms"] = sum(delta_us for node, delta_us in samples if node in ours and delta_us < _PAUSE_US) / 1000

    async def move(self, seconds: float, each_s: float = 0.03) -> int:
        """Moves the mouse steadily; how many events that were."""
        loop = asyncio.get_running_loop()
        began_s, moves = loop.time(), 0
        while (at_s := loop.time() - began_s) < seconds:
            await self.page.mouse.move(100 + (moves * 7) % 900, 200 + (moves * 3) % 400)
            moves += 1
            await asyncio.sleep(max(0.0, moves * each_s - at_s))
        return moves


@contextlib.asynccontextmanager
async def tab(word: str = "/clickstream") -> AsyncIterator[Tab]:
    """A fresh page of a fresh browser; `word` is in the addresses of the sockets that are looked at."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1280, "height": 720})
        wire = Wire(word)
        wire.watch(page)
        cdp = await page.context.new_cdp_session(page)
        await cdp.send("Performance.enable", {"timeDomain": "threadTicks"})  # CPU of the thread, not the wall
        await cdp.send("Profiler.enable")
        await cdp.send("Profiler.setSamplingInterval", {"interval": _SAMPLING_US})
        yield Tab(page, cdp, wire)
        await browser.close()


@contextlib.asynccontextmanager
async def site(html: str) -> AsyncIterator[str]:
    """A web site whose pages are all this HTML; its address."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()
