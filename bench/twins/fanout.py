"""The bare broadcast: given frames, written to all viewers of their page four times a second, and nothing else.

As bare as the stack allows: aiohttp answers the upgrade; then each frame gets its WebSocket header once and is written to every
connection's transport, without a library between. Told ``{"frames": {page: [base64, …]}}`` it begins; the frames come round and round.

It takes batches too, where somebody sends it any: decodes each, appends what came to a file with one `fdatasync` a tick, in a thread, and
acknowledges. Nothing is checked, told from repeats or counted. So it is also what one process of this stack can do of both at a time.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import struct
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import msgspec
import uvloop
from aiohttp import WSMsgType, web

from bench.processes import tell

_HOP_S = 0.25
_SLICE = 100  #: writes before the loop has a turn
_TICK_S = 0.010  #: from the first batch to the commit, as Isotherm's


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


class _Batch(msgspec.Struct):
    """The like of gateway/messages.py, written again on purpose."""

    session: str
    load: str
    seq: int
    path: str
    kind: str
    x: list[float]
    y: list[float]
    age: list[float]
    w: float
    h: float


class _Batches:
    """Taken, durable, acknowledged."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_Batch).decode
        self._gathered: list[bytes] = []
        self._waiting: list[tuple[web.WebSocketResponse, int]] = []
        self._some = asyncio.Event()

    async def socket(self, request: web.Request) -> web.StreamResponse:
        response = web.WebSocketResponse(compress=False, decode_text=False, heartbeat=25.0)
        await response.prepare(request)
        async for message in response:
            if message.type is WSMsgType.TEXT:
                self._waiting.append((response, self._decode(message.data).seq))
                self._gathered.append(message.data)
                self._some.set()
        return response

    async def ticks(self, file: int) -> None:
        def append(parts: list[bytes]) -> None:
            os.write(file, b"".join(parts))
            os.fdatasync(file)

        thread = ThreadPoolExecutor(1)
        while True:
            await self._some.wait()
            await asyncio.sleep(_TICK_S)
            self._some.clear()
            parts, told = self._gathered[:], self._waiting[:]
            self._gathered.clear()
            self._waiting.clear()
            await asyncio.get_running_loop().run_in_executor(thread, append, parts)
            for response, seq in told:
                await response.send_str(f'{{"ack":{seq}}}')


async def _serve() -> None:
    batches = _Batches()
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
    app.router.add_get("/clickstream/{rest}", batches.socket)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    with tempfile.TemporaryFile(prefix="isotherm-bench-", buffering=0) as file:
        ticking = asyncio.create_task(batches.ticks(file.fileno()))
        tell(port=runner.addresses[0][1])
        order = json.loads(await asyncio.to_thread(sys.stdin.readline))
        frames = {page: [_framed(base64.b64decode(text)) for text in texts] for page, texts in order["frames"].items()}
        gc.freeze()
        tell(began=True)
        await asyncio.gather(ticking, _broadcast(frames, transports))


if __name__ == "__main__":
    uvloop.run(_serve())
