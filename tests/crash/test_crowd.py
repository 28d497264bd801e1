"""Viewers who read nothing: the others get every frame, and what waits for the silent ones is bounded."""

from __future__ import annotations

import asyncio
import json
import resource
import socket as sockets
import statistics
from collections.abc import Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.crash.test_disk import figure
from tests.end_to_end.conftest import Serve
from tests.serving import Served, batch, decode_frame, eventually

TARGET = "/live?page=/p/1"


class Viewers:
    """Connections that were upgraded, read by hand: five thousand clients in one process must cost little."""

    def __init__(self, served: Served) -> None:
        host, _, port = served.address.removeprefix("http://").partition(":")
        self._address = (host, int(port))
        self.frames: list[list[bytes]] = []  #: of each reader
        self.silent: list[sockets.socket] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, number: int, *, silent: bool) -> None:
        for _ in range(number):
            raw = sockets.socket()
            if silent:
                raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
            raw.setblocking(False)
            await asyncio.get_running_loop().sock_connect(raw, self._address)
            reader, writer = await asyncio.open_connection(sock=raw, limit=1 << 20) if not silent else (None, None)
            head = (
                f"GET {TARGET} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            ).encode()
            if reader is None or writer is None:
                await asyncio.get_running_loop().sock_sendall(raw, head)
                self.silent.append(raw)
                continue
            writer.write(head)
            assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
            kept: list[bytes] = []
            self.frames.append(kept)
            self._tasks.append(asyncio.create_task(_read(reader, writer, kept)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for raw in self.silent:
            raw.close()


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: list[bytes]) -> None:
    """Keeps the frames; answers pings."""
    try:
        while True:
            first, size = await reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
            data = await reader.readexactly(size)
            if first & 0xF == 9:
                writer.write(bytes((0x8A, 0x80 | size)) + bytes(4) + data)
            elif first & 0xF == 2:
                kept.append(data)
    finally:
        writer.transport.abort()


async def silent_ones_bother_nobody(serve: Serve, http: aiohttp.ClientSession, readers: int, silent: int) -> None:
    served = await serve("--open-heat", "--trust-senders", "--viewer-queue", "16KiB", "--max-viewers", "20000")
    viewers = Viewers(served)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(viewers.close)
        tracker = await stack.enter_async_context(http.ws_connect(f"{served.ws}/clickstream/s"))
        await viewers.open(readers, silent=False)
        seq = 0

        first = viewers.frames[0]

        async def hops(number: int) -> float:
            """So many frames, each of a hop with other heat. Returns how long after its window's end a frame was sent to all, in ms."""
            nonlocal seq
            lags_ms = []
            for _ in range(number):
                seq += 1
                seen = len(first)
                positions = [(37 * at + seq * 11) % 1000 for at in range(1000)]
                await tracker.send_str(json.dumps(batch(seq, positions, [at % 1000 for at in range(1000)])))
                while json.loads((await tracker.receive()).data).get("ack") != seq:
                    pass
                await eventually(lambda seen=seen: _true(len(first) > seen), 60)
                lags_ms.append(1000 * await figure(http, served, "isotherm_lag_seconds"))
            return statistics.median(lags_ms)

        await eventually(lambda: _is(figure, http, served, "isotherm_viewers", readers), 120)
        before_ms = await hops(8)
        await viewers.open(silent, silent=True)
        await eventually(lambda: _is(figure, http, served, "isotherm_viewers", readers + silent), 120)
        skipped = 0.0
        while skipped < 3 * silent:
            await hops(5)
            skipped = await figure(http, served, "isotherm_frames_skipped_total")
        await eventually(lambda: _true(len({frames[-1] for frames in viewers.frames}) == 1), 60)
        before = [len(frames) for frames in viewers.frames]
        beside_ms = await hops(8)
        assert beside_ms < 3 * before_ms + 100, "as soon as without the silent ones; on a busy machine no two hops are alike"
        await eventually(lambda: _true(all(len(frames) >= begin + 8 for frames, begin in zip(viewers.frames, before, strict=True))), 60)
        got = {tuple(frames[begin : begin + 8]) for frames, begin in zip(viewers.frames, before, strict=True)}
        assert len(got) == 1, "each gets the frame of each hop, to the last byte"
        assert not any(decode_frame(frame).key for frame in next(iter(got))), "nobody who reads had to skip"
        resident_bytes = await figure(http, served, "process_resident_memory_bytes")
        assert resident_bytes < 150e6 + (readers + silent) * 60_000
        print(
            f"{readers} readers, {silent} silent: {resident_bytes / 1e6:.0f} MB, {skipped:.0f} frames skipped, sent to all after {before_ms:.0f} ms, {beside_ms:.0f} ms beside the silent"
        )


async def _is(ask: Callable[..., object], *arguments: object) -> bool:
    *given, expected = arguments
    return await ask(*given) == expected  # type: ignore[misc, no-any-return]


async def _true(value: bool) -> bool:
    return value


@pytest.mark.timeout(300)
async def test_silent_viewers_bother_nobody(serve: Serve, http: aiohttp.ClientSession) -> None:
    """500 viewers, 50 of whom read nothing: each of the others gets each hop's frame, the same bytes, without a gap."""
    await silent_ones_bother_nobody(serve, http, 450, 50)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
async def test_five_thousand_viewers(serve: Serve, http: aiohttp.ClientSession) -> None:
    """The same with 5,000, 500 of whom read nothing."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    await silent_ones_bother_nobody(serve, http, 4500, 500)
