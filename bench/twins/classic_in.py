"""The bare socket server: aiohttp on uvloop, as Isotherm has it, that decodes and validates each classic event. Nothing is kept; with the
setting `durable` what came is appended to a file with one `fdatasync` a tick, in a thread. Nothing is checked or counted.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import msgspec
import uvloop
from aiohttp import WSMsgType, web

from bench.processes import settings, tell

_TICK_S = 0.020  #: between the ends of commits, as Isotherm's where nobody waits for an answer

# The like of gateway/messages.py, written again on purpose: a twin that imported what it is held against would change with it.
_Positive = Annotated[float, msgspec.Meta(gt=0)]


class _Size(msgspec.Struct):
    width: _Positive
    height: _Positive


class _Point(msgspec.Struct):
    x: float
    y: float


class _Event(msgspec.Struct):
    type: str
    relative_path: Annotated[str, msgspec.Meta(pattern="^/")]
    session_id: str
    window: _Size
    point: _Point = msgspec.field(name="mouse-coordinates")
    timestamp: float | None = None


async def _ticks(gathered: list[bytes], some: asyncio.Event) -> None:
    def append(file: int, parts: list[bytes]) -> None:
        os.write(file, b"\n".join(parts))
        os.fdatasync(file)

    thread = ThreadPoolExecutor(1)
    with tempfile.TemporaryFile(prefix="isotherm-bench-", buffering=0) as file:
        while True:
            await some.wait()
            await asyncio.sleep(_TICK_S)
            some.clear()
            parts = gathered[:]
            gathered.clear()
            await asyncio.get_running_loop().run_in_executor(thread, append, file.fileno(), parts)


async def _serve() -> None:
    decode = msgspec.json.Decoder(_Event).decode
    durable, counted = settings()["durable"], 0
    gathered: list[bytes] = []
    some = asyncio.Event()

    async def socket(request: web.Request) -> web.StreamResponse:
        nonlocal counted
        response = web.WebSocketResponse(compress=False, decode_text=False, heartbeat=25.0)
        await response.prepare(request)
        async for message in response:
            if message.type is WSMsgType.TEXT:
                decode(message.data)
                counted += 1
                if durable:
                    gathered.append(message.data)
                    some.set()
        return response

    async def count(_request: web.Request) -> web.Response:
        return web.json_response({"counted": counted})

    app = web.Application()
    app.router.add_get("/clickstream/{rest}", socket)
    app.router.add_get("/count", count)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    gc.freeze()
    tell(port=runner.addresses[0][1])
    await _ticks(gathered, some)


if __name__ == "__main__":
    uvloop.run(_serve())
