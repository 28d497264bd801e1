"""Frames pushed past aiohttp's writer, read by a client that is not ours."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from isotherm.sockets import Socket


@pytest.fixture
async def address(pushed: list[str | bytes]) -> AsyncIterator[str]:
    """A server that pushes all of `pushed` to whoever connects, then closes."""

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await Socket.upgrade(request, frame_bytes_max=1024, queued_bytes_max=1 << 20)
        assert all(map(socket.push, pushed))
        await socket.close(1001, "done")
        assert not socket.push("late"), "what comes after the goodbye is not written"
        return socket.response

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


_SAME = b"the same object"


@pytest.mark.parametrize(
    "pushed",
    [
        [b"", "", b"x", "é€😀"],
        [b"x" * size for size in (125, 126, 127, 65_535, 65_536, 70_000)],
        [_SAME, _SAME, "the same object", b"the same object", _SAME],
    ],
    ids=["small", "every kind of head", "the same again"],
)
async def test_what_is_pushed_comes_as_it_was(pushed: list[str | bytes], address: str) -> None:
    """Text as text, bytes as bytes, of every size, and then the goodbye."""
    async with aiohttp.ClientSession() as http, http.ws_connect(address, max_msg_size=1 << 20) as socket:
        got = [message.data async for message in socket]
        assert got == pushed
        assert socket.close_code == 1001
