"""The bare server of batches: aiohttp on uvloop, as Isotherm has it. It reads the same frames, decodes each, and its packed columns from
base64, appends their bytes to a file with one `fdatasync` a tick, in a thread, and then acknowledges. Nothing is checked, told from repeats
or counted. With `panes` in its settings it also places the samples of a tick, in numpy: a tile and a pane each, added to their page's
window, and kept so that they could be taken away again. That is the job, done plainly, on this stack.
"""

from __future__ import annotations

import asyncio
import binascii
import gc
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import uvloop
from aiohttp import WSMsgType, web

from bench.processes import settings, tell

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


_DTYPES: Final[dict[str, np.dtype[Any]]] = {"B": np.dtype(np.uint8), "H": np.dtype(np.uint16), "I": np.dtype(np.uint32)}


class _Panes:
    """Windows of 50x50 tiles, one a page, and what each tick put into them."""

    _GRID, _HOP_MS = 50, 250

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._windows = np.zeros(1 << 20, np.int32)
        self._ticks: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]] = []

    def place(self, batches: list[tuple[_Batch, tuple[bytes, bytes, bytes]]]) -> None:
        now_ms, cells = time.time_ns() // 1_000_000, self._GRID * self._GRID
        x, y, age = (
            np.concatenate([np.frombuffer(columns[at], _DTYPES[getattr(one, name)[1]]) for one, columns in batches])
            for at, name in enumerate(("x", "y", "age"))
        )
        sizes = np.array([len(columns[0]) // _DTYPES[one.x[1]].itemsize for one, columns in batches])
        of_batch = np.array([(self._places.setdefault(one.path, len(self._places)), one.w, one.h) for one, _ in batches])
        page, width, height = np.repeat(of_batch, sizes, axis=0).T
        column, row = (x * (self._GRID / width)).astype(np.int32), (y * (self._GRID / height)).astype(np.int32)
        cell = page.astype(np.int32) * cells + row * self._GRID + column
        self._windows[: len(self._places) * cells] += np.bincount(cell, minlength=len(self._places) * cells).astype(np.int32)
        self._ticks.append(((now_ms - age.astype(np.int64)) // self._HOP_MS, cell))


async def _serve() -> None:
    panes = _Panes() if settings().get("panes") else None
    placing: list[tuple[_Batch, tuple[bytes, bytes, bytes]]] = []
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
                columns = from_base64(batch.x[2:]), from_base64(batch.y[2:]), from_base64(batch.age[2:])
                gathered.extend(columns)
                if panes is not None:
                    placing.append((batch, columns))
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
            if panes is not None:
                panes.place(placing[: len(told)])
                del placing[: len(told)]
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
