"""The bare socket server: aiohttp on uvloop, as Isotherm has it, that decodes and validates each classic event. Nothing is kept."""

from __future__ import annotations

import asyncio
import gc
from typing import Annotated

import msgspec
import uvloop
from aiohttp import WSMsgType, web

from bench.processes import tell

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


async def _serve() -> None:
    decode = msgspec.json.Decoder(_Event).decode
    counted = 0

    async def socket(request: web.Request) -> web.StreamResponse:
        nonlocal counted
        response = web.WebSocketResponse(compress=False, decode_text=False, heartbeat=25.0)
        await response.prepare(request)
        async for message in response:
            if message.type is WSMsgType.TEXT:
                decode(message.data)
                counted += 1
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
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve())
