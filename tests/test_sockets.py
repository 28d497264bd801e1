"""Frames pushed past aiohttp's writer, read by a client that is not ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

import isotherm.sockets
from isotherm.sockets import Socket
from tests.trust.raw_socket import CLOSE, PING, PONG, TEXT, RawSocket, frame, raw_socket


@asynccontextmanager
async def serving(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A server with one handler."""
    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@pytest.fixture
async def address(pushed: list[str | bytes]) -> AsyncIterator[str]:
    """A server that pushes all of `pushed` to whoever connects, then closes."""

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await Socket.upgrade(request, frame_bytes_max=1024, queued_bytes_max=1 << 20)
        assert all(map(socket.push, pushed))
        await socket.close(1001, "done")
        assert not socket.push("late"), "what comes after the goodbye is not written"
        return socket.response

    async with serving(handle) as found:
        yield found


async def ask_on(socket: RawSocket) -> None:
    """Pings, until the connection ends."""
    async with asyncio.timeout(60):
        while True:
            socket.send(*[frame(PING, b"x" * 125)] * 500)
            await socket.writer.drain()


async def test_a_goodbye_waits_for_nobody() -> None:
    """Whoever closes is done within the second that a peer has to answer, though the peer reads nothing; and the connection is gone."""
    closed = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await Socket.upgrade(request, frame_bytes_max=1024, queued_bytes_max=1 << 20)
        while socket.push(b"x" * 65_536):
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            await socket.close(1001, "the server stops")
        assert socket.queued_bytes == 0
        closed.set()
        return socket.response

    async with serving(handle) as address, raw_socket(address.rstrip("/"), "/"), asyncio.timeout(60):
        await closed.wait()


async def test_who_asks_and_does_not_listen_is_dropped() -> None:
    """Pings whose answers nobody reads: the connection ends before these fill memory."""
    most = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal most
        socket = await Socket.upgrade(request, frame_bytes_max=1024, queued_bytes_max=16_384)
        looking = asyncio.create_task(look(socket))
        async for _ in socket.receive():
            pass
        looking.cancel()
        return socket.response

    async def look(socket: Socket) -> None:
        nonlocal most
        while True:
            most = max(most, socket.queued_bytes)
            await asyncio.sleep(0)

    async with serving(handle) as address, raw_socket(address.rstrip("/"), "/") as deaf:
        deaf.writer.transport.pause_reading()
        with pytest.raises(ConnectionError):
            await ask_on(deaf)
    assert most < 1_000_000


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


async def test_what_is_taken_at_once_comes_in_the_order_of_the_wire() -> None:
    """Some frames are taken as they come, others are left to `receive`, which takes its time: none overtakes another, none is lost."""
    heard: list[tuple[int, str]] = []
    done = asyncio.Event()

    def at_once(data: bytes) -> bool:
        number = int(data)
        if number % 27 == 3:
            return False
        heard.append((number, "at once"))
        return True

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await Socket.upgrade(request, frame_bytes_max=1024, queued_bytes_max=1 << 20)
        async for data in socket.receive(at_once):
            for _ in range(int(data) % 5):  # meanwhile more comes
                await asyncio.sleep(0)
            heard.append((int(data), "received"))
        done.set()
        return socket.response

    async with serving(handle) as address, raw_socket(address.rstrip("/"), "/") as socket, asyncio.timeout(60):
        for start in range(0, 2000, 20):
            socket.send(*(frame(TEXT, str(number).encode()) for number in range(start, start + 20)))
            if start % 60 == 0:
                socket.send(frame(PING, b"all of these"))
                assert await socket.receive() == (PONG, b"all of these")
        socket.send(frame(CLOSE))
        await socket.ending()
        await done.wait()
    assert [number for number, _ in heard] == list(range(2000))
    ways = [way for _, way in heard]
    assert ways.count("at once") > 100
    assert ways.count("received") > 100


async def test_what_fails_at_once_is_told_to_whoever_receives() -> None:
    """A defect in what takes a frame ends its connection alone, with its own words, and nothing is taken after it."""
    taken: list[bytes] = []
    raised: list[Exception] = []

    def at_once(data: bytes) -> bool:
        taken.append(data)
        raise ZeroDivisionError(data)

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await Socket.upgrade(request, frame_bytes_max=1024, queued_bytes_max=1 << 20)
        try:
            async for data in socket.receive(at_once):
                taken.append(data)
        except ZeroDivisionError as error:
            raised.append(error)
        return socket.response

    async with serving(handle) as address, raw_socket(address.rstrip("/"), "/") as socket, asyncio.timeout(60):
        socket.send(frame(TEXT, b"one"), frame(TEXT, b"two"))
        await socket.ending()
    assert taken == [b"one"]
    assert [error.args for error in raised] == [(b"one",)]


async def test_whoever_speaks_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames that are taken at once are a sign of life, like answers to pings; who gives none is gone."""
    monkeypatch.setattr(isotherm.sockets, "_HEARTBEAT_S", 1.0)

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = await Socket.upgrade(request, frame_bytes_max=1024, queued_bytes_max=1 << 20)
        async for _ in socket.receive(lambda _: True):
            pass
        return socket.response

    async with serving(handle) as address, raw_socket(address.rstrip("/"), "/") as socket, asyncio.timeout(60):
        for _ in range(2):
            assert (await socket.receive())[0] == PING
            socket.send(frame(TEXT, b"no answer to that, but a word"))
        assert (await socket.receive())[0] == PING
        await socket.ending()
