"""The bare server of batches: aiohttp on uvloop, as Isotherm has it. It reads the same frames, decodes each, and its packed columns from
base64, appends their bytes to a file with one `fdatasync` a tick, in a thread, and then acknowledges. Nothing is checked, told from repeats
or counted.
"""

from __future__ import annotations

import asyncio
import binascii
import gc
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor

import msgspec
import uvloop
from aiohttp import WSMsgType, web

from bench.processes import tell

_TICK_S = 0.010  #: between the ends of commits, as Isotherm's


class _Batch(msgspec.Struct):
    """The like of gateway/messages.py, written again on purpose."""

    session: str
    load: str
    seq: int
    path: str
    x: str
    y: str
    age: str
    w: float
    h: float


async def _serve() -> None:
    decode, from_base64 = msgspec.json.Decoder(_Batch).decode, binascii.a2b_base64
    gathered: list[bytes] = []
    waiting: list[tuple[web.WebSocketResponse, int]] = []
    some, thread = asyncio.Event(), ThreadPoolExecutor(1)

    async def socket(request: web.Request) -> web.StreamResponse:
        response = web.WebSocketResponse(compress=False, decode_text=False, heartbeat=25.0)
        await response.prepare(request)
        async for message in response:
            if message.type is WSMsgType.TEXT:
                batch = decode(message.data)
                gathered.extend((from_base64(batch.x[2:]), from_base64(batch.y[2:]), from_base64(batch.age[2:])))
                waiting.append((response, batch.seq))
                some.set()
        return response

    async def ticks(file: int) -> None:
        def append(parts: list[bytes]) -> None:
            os.write(file, b"".join(parts))
            os.fdatasync(file)

        while True:
            await some.wait()
            await asyncio.sleep(_TICK_S)
            some.clear()
            parts, told = gathered[:], waiting[:]
            gathered.clear()
            waiting.clear()
            await asyncio.get_running_loop().run_in_executor(thread, append, parts)
            for response, seq in told:
                await response.send_str(f'{{"ack":{seq}}}')

    app = web.Application()
    app.router.add_get("/clickstream/{rest}", socket)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    with tempfile.TemporaryFile(prefix="isotherm-bench-", buffering=0) as file:
        ticking = asyncio.create_task(ticks(file.fileno()))
        gc.freeze()
        tell(port=runner.addresses[0][1])
        await ticking


if __name__ == "__main__":
    uvloop.run(_serve())
