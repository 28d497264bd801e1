"""Our WebSocket endpoints against RFC 6455, over raw sockets: what Autobahn's suite asks of a server, for what we use of it.

Bad UTF-8 in a text frame is answered, not closed on: to us a frame is bytes that should be JSON, and the public interface says
that what does not validate is answered and the socket stays open. A frame without a mask is read (aiohttp does not insist on one): the
mask keeps a browser's bytes from being taken for HTTP by what stands between, and no browser leaves it out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.serving import Served, batch, start
from tests.trust.raw_socket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawSocket, frame, raw_socket

WAYS_IN = "/clickstream/s"
ENDPOINTS = [WAYS_IN, "/live?page=/p", "/heatmap/p", "/api/overview", "/api/topics/heatmap"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: object) -> AsyncIterator[Served]:
    """One server for all of this: none of it may hurt the next."""
    folder: Path = tmp_path_factory.mktemp("data")  # type: ignore[attr-defined]
    running = await start(folder, "--open-heat")
    yield running
    assert await running.stop() == 0


pytestmark = pytest.mark.asyncio(loop_scope="module")

BROKEN = {
    "reserved bit 1, as compression would set it": [frame(TEXT, b"{}", rsv=4)],
    "reserved bit 2": [frame(TEXT, b"{}", rsv=2)],
    "reserved bit 3": [frame(BINARY, b"{}", rsv=1)],
    "a reserved opcode": [frame(3, b"{}")],
    "a reserved control opcode": [frame(11)],
    "a control frame of 126 bytes": [frame(PING, b"x" * 126)],
    "a control frame in parts": [frame(PING, b"x", fin=False), frame(CONTINUATION, b"y")],
    "a continuation of nothing": [frame(CONTINUATION, b"{}")],
    "a message within a message": [frame(TEXT, b"{", fin=False), frame(TEXT, b"{}")],
    "a close frame of one byte": [frame(CLOSE, b"\x03")],
    "a close code that may not be sent": [frame(CLOSE, b"\x03\xed")],
    "a close code below 1000": [frame(CLOSE, b"\x00\x01")],
    "a close reason that is no UTF-8": [frame(CLOSE, b"\x03\xe8\xff\xfe")],
}
CODES = {1002, 1003, 1007}


async def test_what_breaks_the_protocol_ends_the_connection(served: Served) -> None:
    """On every endpoint, with a code that says so, and the others are not disturbed."""
    async with raw_socket(served.address, WAYS_IN) as other:
        wrong = []
        for path in ENDPOINTS:
            for what, frames in BROKEN.items():
                async with raw_socket(served.address, path) as socket:
                    socket.send(*frames)
                    try:
                        async with asyncio.timeout(3):
                            code = await socket.ending()
                    except TimeoutError:
                        code = -1
                    if code not in CODES:
                        wrong.append((path, what, code))
        assert not wrong
        assert await acked(other, 1)


async def acked(socket: RawSocket, seq: int, *frames: bytes) -> bool:
    """Sends a batch, or the frames that hold one, and waits for its ack."""
    socket.send(*(frames or [frame(TEXT, json.dumps(batch(seq, [1])).encode())]))
    async with asyncio.timeout(20):
        while True:
            _, payload = await socket.receive()
            if json.loads(payload) == {"ack": seq}:
                return True


async def test_a_message_may_come_in_parts(served: Served) -> None:
    """Cut anywhere, also within a character, byte by byte, with empty parts, and with pings between, which are answered at once."""
    text = json.dumps(batch(7, [1], path="/ä"), ensure_ascii=False).encode()
    async with raw_socket(served.address, WAYS_IN + "parts") as socket:
        pieces = [frame(TEXT, text[:1], fin=False), frame(PING, b"between")]
        pieces += [frame(CONTINUATION, bytes([byte]), fin=False) for byte in text[1:]]
        socket.send(*pieces)
        async with asyncio.timeout(20):
            assert await socket.receive() == (PONG, b"between")
        assert await acked(socket, 7, frame(CONTINUATION, b"", fin=False), frame(CONTINUATION, b""))
        assert await acked(socket, 8, frame(BINARY, json.dumps(batch(8, [1])).encode())), "a binary frame is taken as well"
        socket.send(frame(PONG, b"nobody asked"), frame(PING, b"x" * 125))
        async with asyncio.timeout(20):
            assert await socket.receive() == (PONG, b"x" * 125)


async def test_a_frame_may_come_byte_by_byte(served: Served) -> None:
    """However the network cuts it."""
    async with raw_socket(served.address, WAYS_IN + "bytes") as socket:
        for byte in frame(TEXT, json.dumps(batch(9, [1])).encode()):
            socket.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await acked(socket, 9, b"")


async def test_a_goodbye_is_answered(served: Served) -> None:
    """And then the connection ends; what comes after it is not read."""
    for payload in (b"\x03\xe8bye", b"\x03\xe9", b"\x0b\xb8", b""):
        async with raw_socket(served.address, WAYS_IN + "bye") as socket, asyncio.timeout(20):
            socket.send(frame(CLOSE, payload), frame(TEXT, b"{}"))
            assert await socket.ending() == 1000


async def test_too_much_is_refused_before_it_has_come(served: Served) -> None:
    """A length beyond the limit closes with 1009 on every endpoint, without waiting for the bytes; so do parts that add up to it."""
    for path in ENDPOINTS:
        for length in (1 << 20, 1 << 62):
            async with raw_socket(served.address, path) as socket, asyncio.timeout(20):
                socket.send(frame(TEXT, b"x" * 10, length=length))
                assert await socket.ending() in (1009, 1002), (path, length)
    async with raw_socket(served.address, WAYS_IN) as socket, asyncio.timeout(20):
        socket.send(frame(TEXT, b"x" * 60_000, fin=False), frame(CONTINUATION, b"x" * 60_000, fin=False))
        assert await socket.ending() == 1009


async def test_text_that_is_no_utf8_is_answered(served: Served) -> None:
    """The field and why, and the socket stays open."""
    async with raw_socket(served.address, WAYS_IN + "utf8") as socket:
        for bad in (b'{"type": "\xff"}', b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            socket.send(frame(TEXT, bad))
            async with asyncio.timeout(20):
                _, payload = await socket.receive()
            assert "error" in json.loads(payload)
        assert await acked(socket, 11)


async def test_nothing_is_compressed(served: Served) -> None:
    """Whoever offers compression gets none, so no small frame can become a large message."""
    headers = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    async with raw_socket(served.address, WAYS_IN, headers) as socket, asyncio.timeout(20):
        socket.send(frame(TEXT, b"\xca\xc9\xc9\x07\x00", rsv=4))
        assert await socket.ending() == 1002
