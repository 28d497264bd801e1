"""The bare broadcast: given frames, written to all viewers of their page four times a second, and nothing else.

As bare as the stack allows: aiohttp answers the upgrade; then each frame gets its WebSocket header once and is written to every
connection's transport, without a library between. Told ``{"frames": {page: [base64, …]}}`` it begins; the frames come round and round.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import struct
import sys

import uvloop
from aiohttp import web

from bench.processes import tell

_HOP_S = 0.25
_SLICE = 100  #: writes before the loop has a turn, as Isotherm does it


def _framed(payload: bytes) -> bytes:
    size = len(payload)
    return (bytes((0x82, size)) if size < 126 else struct.pack(">BBH", 0x82, 126, size)) + payload


async def _broadcast(frames: dict[str, list[bytes]], transports: dict[str, list[asyncio.Transport]]) -> None:
    hop = written = 0
    loop = asyncio.get_running_loop()
    next_s = loop.time()
    while True:
        next_s += _HOP_S
        await asyncio.sleep(max(0.0, next_s - loop.time()))
        for page, given in frames.items():
            data = given[hop % len(given)]
            for transport in transports.get(page, ()):
                transport.write(data)
                written += 1
                if written % _SLICE == 0:
                    await asyncio.sleep(0)
        hop += 1


async def _serve() -> None:
    transports: dict[str, list[asyncio.Transport]] = {}

    async def socket(request: web.Request) -> web.StreamResponse:
        response = web.WebSocketResponse(compress=False, heartbeat=25.0)
        await response.prepare(request)
        assert request.transport is not None
        transports.setdefault(request.match_info["page"], []).append(request.transport)
        async for _ in response:
            pass
        return response

    app = web.Application()
    app.router.add_get("/live/{page}", socket)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    tell(port=runner.addresses[0][1])
    order = json.loads(await asyncio.to_thread(sys.stdin.readline))
    frames = {page: [_framed(base64.b64decode(text)) for text in texts] for page, texts in order["frames"].items()}
    gc.freeze()
    tell(began=True)
    await _broadcast(frames, transports)


if __name__ == "__main__":
    uvloop.run(_serve())
