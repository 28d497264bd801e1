"""A connection that ended leaves nothing to Python's collector, however it ended. By real sockets, on the event loop that serves."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from tests.inside import House, inside
from tests.serving import batch, eventually

_MANY = 30
_LEFT_MAX = 15  #: of all of them; it was 30 to 50 objects each
_GOODBYE = b"\x88\x82\0\0\0\0\x03\xe8"
_TOO_LARGE = b"\x81\xff" + (1 << 24).to_bytes(8) + b"\0\0\0\0"
_NO_FRAME = b"\xff\xff\xff\xff"


class Client:
    """A bare socket, so that nothing a client's library leaves is counted."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self._loop = asyncio.get_running_loop()

    async def ask(self, house: House, request: str, body: bytes = b"") -> bytes:
        """The answer's head, and what came with it."""
        if self.socket.getsockname()[1] == 0:
            await self._loop.sock_connect(self.socket, ("127.0.0.1", house.server.port))
        await self.say(f"{request}\r\n\r\n".encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += await self._loop.sock_recv(self.socket, 65536)
        return answer

    async def upgrade(self, house: House, path: str) -> None:
        key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="
        answer = await self.ask(house, f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}")
        assert b" 101 " in answer

    async def say(self, data: bytes) -> None:
        await self._loop.sock_sendall(self.socket, data)

    async def hear(self) -> bytes:
        return await self._loop.sock_recv(self.socket, 65536)

    async def goodbye(self, *words: bytes) -> None:
        """Says them, and waits until the server has hung up."""
        for word in words:
            await self.say(word)
        try:
            while await self.hear():
                pass
        except ConnectionError:
            pass
        self.socket.close()


def _text(payload: bytes) -> bytes:
    return b"\x81\xfe" + len(payload).to_bytes(2) + b"\0\0\0\0" + payload


Visit = Callable[[House, list[Client]], Awaitable[None]]


def _left(data: Path, visit: Visit) -> int:
    """Objects that the collector finds in rings, after many clients' visit."""

    async def measured() -> int:
        async with inside(data, trust_senders=True) as house:

            async def visited() -> None:
                await visit(house, [Client() for _ in range(_MANY)])

                async def all_freed() -> bool:
                    return not (house.server.connections.open or house.pipeline.groups.viewers or house.pipeline.gate.connections)

                await eventually(all_freed)
                await asyncio.sleep(0)  # the handlers' tasks end

            gc.disable()
            try:
                left = []
                for _ in range(3):  # what the process makes once, such as modules, falls into one of them
                    gc.collect()
                    await visited()
                    left.append(gc.collect())
                return min(left)
            finally:
                gc.enable()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measured())


async def _says_goodbye(_house: House, clients: list[Client]) -> None:
    for one in clients:
        await one.goodbye(_GOODBYE)


async def _is_gone(_house: House, clients: list[Client]) -> None:
    for one in clients:
        one.socket.close()


async def _says_too_much(_house: House, clients: list[Client]) -> None:
    for one in clients:
        await one.goodbye(_TOO_LARGE)


async def _says_what_is_no_frame(_house: House, clients: list[Client]) -> None:
    for one in clients:
        await one.goodbye(_NO_FRAME)


async def _is_sent_away(house: House, clients: list[Client]) -> None:
    closing = asyncio.gather(house.server._gateway.close(), house.server._live.close())
    for one in clients:
        await one.goodbye(_GOODBYE)
    await closing


async def _is_dropped(house: House, clients: list[Client]) -> None:
    for one in [*house.server._gateway._sockets, *house.server._live._sockets]:
        one.abort()
    for client in clients:
        await client.goodbye()


@pytest.mark.parametrize("end", [_says_goodbye, _is_gone, _says_too_much, _says_what_is_no_frame, _is_sent_away, _is_dropped])
@pytest.mark.parametrize("path", ["/live?page=/p/1", "/clickstream"])
def test_a_socket_leaves_no_ring(tmp_path: Path, path: str, end: Visit) -> None:
    said = _text(json.dumps(batch(1, [10.0])).encode())

    async def visit(house: House, clients: list[Client]) -> None:
        for one in clients:
            await one.upgrade(house, path)
            if path == "/clickstream":
                await one.say(said)
                await one.hear()
        await end(house, clients)

    assert _left(tmp_path, visit) <= _LEFT_MAX


@pytest.mark.parametrize("said", [b'{"seq": 1, "what": "%s"}' % (b"x" * 150), b"x" * 150])
def test_a_message_that_is_refused_leaves_no_ring(tmp_path: Path, said: bytes) -> None:
    async def visit(house: House, clients: list[Client]) -> None:
        for one in clients:
            await one.upgrade(house, "/clickstream")
            await one.say(_text(said))
            await one.hear()
        await _says_goodbye(house, clients)

    assert _left(tmp_path, visit) <= _LEFT_MAX


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        ("GET /healthz HTTP/1.1\r\nHost: x", b""),
        ("POST /clickstream HTTP/1.1\r\nHost: x\r\nContent-Length: 3", b"xyz"),
    ],
)
def test_requests_on_a_connection_leave_no_ring(tmp_path: Path, request_: str, body: bytes) -> None:
    async def visit(house: House, clients: list[Client]) -> None:
        for one in clients:
            for _ in range(2):
                await one.ask(house, request_, body)
            one.socket.close()

    assert _left(tmp_path, visit) <= _LEFT_MAX
