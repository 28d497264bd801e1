"""The network breaks: in the middle of a batch, before an ack, or without a word."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
import struct
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import isotherm.sockets
from tests.end_to_end.test_out import heat
from tests.inside import House, inside
from tests.serving import batch, eventually


class Line:
    """A tracker's connection by hand, so that it can break anywhere."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, house: House, target: str = "/clickstream/s") -> Line:
        """Connects and upgrades."""
        reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        return cls(reader, writer)

    def cut(self) -> None:
        """As when a cable is pulled and the machine says so: a reset."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def frame(message: dict[str, Any]) -> bytes:
    """A masked text frame."""
    body = json.dumps(message).encode()
    return bytes((0x81, 0x80 | 126)) + struct.pack(">H", len(body)) + bytes(4) + body


async def total(http: aiohttp.ClientSession, house: House) -> int:
    return sum(count for column in (await heat(http, house.address))["value"].values() for count in column.values())


async def test_a_batch_cut_anywhere_counts_once(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """The line breaks within a batch's frame, or right behind it and before the ack; the tracker sends it again on a new line, twice:
    each counts once."""
    async with inside(tmp_path / "data") as house:
        whole = len(frame(batch(1, [1.0, 2.0])))
        cuts = [1, 3, 7, whole // 2, whole - 1, whole]
        for seq, cut in enumerate(cuts):
            line = await Line.to(house)
            line.writer.write(frame(batch(seq, [1.0, 2.0]))[:cut])
            await line.writer.drain()
            line.cut()
        async with http.ws_connect(f"{house.ws}/clickstream/s") as socket:
            for _ in range(2):
                acked = set()
                for seq in range(len(cuts)):
                    await socket.send_str(json.dumps(batch(seq, [1.0, 2.0])))
                while len(acked) < len(cuts):
                    acked.add(json.loads((await socket.receive()).data).get("ack"))
                    acked.discard(None)

        async def all_there() -> bool:
            return await total(http, house) >= 2 * len(cuts)

        await eventually(all_there)
        before = house.pipeline.source.end_ms
        await eventually(lambda: _returns(house.pipeline.source.end_ms > before + 500))
        assert await total(http, house) == 2 * len(cuts)
        await eventually(lambda: _returns(house.pipeline.gate.connections == 0))


async def _returns(value: bool) -> bool:
    return value


async def test_half_open_sockets_are_found(http: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracker and a viewer that went away without a word answer no ping: their sockets are freed. Those that answer stay, though they say
    nothing else."""
    monkeypatch.setattr(isotherm.sockets, "_HEARTBEAT_S", 2.0)
    async with (
        inside(tmp_path / "data") as house,
        http.ws_connect(f"{house.ws}/clickstream/s") as tracker,
        http.ws_connect(f"{house.ws}/live?page=/p/1") as viewer,
    ):
        listening = [asyncio.create_task(_listen(socket)) for socket in (tracker, viewer)]
        gone = [await Line.to(house), await Line.to(house, "/live?page=/p/1")]
        assert (house.pipeline.gate.connections, house.pipeline.groups.viewers) == (2, 2)
        await eventually(lambda: _returns((house.pipeline.gate.connections, house.pipeline.groups.viewers) == (1, 1)))
        await asyncio.sleep(5)  # some pings more
        assert (house.pipeline.gate.connections, house.pipeline.groups.viewers) == (1, 1)
        for line in gone:
            line.cut()
        for task in listening:
            assert not task.done()
            task.cancel()


async def _listen(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        pass
