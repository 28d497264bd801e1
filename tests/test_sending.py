"""Frames to many sockets in one go: whole, in order, to whom they are meant for; compiled and one by one the same."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from isotherm import sockets
from isotherm.sockets import Socket, push_each
from tests.trust.raw_socket import BINARY, CLOSE, PING, PONG, frame

Run = Callable[[Coroutine[Any, Any, None]], None]

needs_compiler = pytest.mark.skipif(sockets.compiled is None, reason="there was no C compiler when Isotherm was installed")
loops = pytest.mark.parametrize("run", [uvloop.run, asyncio.run], ids=["uvloop", "asyncio"])


@pytest.fixture(params=["compiled", "one by one"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the compiled call, and without."""
    if request.param == "one by one":
        monkeypatch.setattr(sockets, "compiled", None)
    elif sockets.compiled is None:
        pytest.skip("there was no C compiler when Isotherm was installed")


class Server:
    """Sockets of ours by the name that each client gave itself."""

    def __init__(self) -> None:
        self.open: dict[str, Socket] = {}
        self.gone: deque[Socket] = deque(maxlen=100)
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        one = await Socket.upgrade(request, frame_bytes_max=1024, queued_bytes_max=65_536)
        assert request.transport is not None
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # so that frames are cut
        name = request.match_info["name"]
        self.open[name] = one
        try:
            async for _ in one.receive():
                pass
        finally:
            self.gone.append(self.open.pop(name))
        return one.response

    @asynccontextmanager
    async def serving(self, *, unix: Path | None = None, encrypted: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_get("/{name}", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        if unix is not None:
            await web.UnixSite(runner, str(unix)).start()
        else:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=encrypted, backlog=512).start()
            self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()

    async def has(self, number: int) -> None:
        async with asyncio.timeout(30):
            while len(self.open) != number:
                await asyncio.sleep(0.001)


class Client:
    """A plain socket that reads when it is told to."""

    def __init__(self, port: int, name: str) -> None:
        self.name = name
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(5)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(
            f"GET /{name} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        self._left = b""
        self._answered = False

    def read(self, size: int = 65_536) -> list[tuple[int, bytes]] | None:
        """What came since: opcodes and payloads of whole frames. None: the connection ended."""
        try:
            data = self.socket.recv(size)
        except BlockingIOError:
            return []
        if not data:
            return None
        self._left += data
        if not self._answered:
            head, found, rest = self._left.partition(b"\r\n\r\n")
            if not found:
                return []
            assert head.startswith(b"HTTP/1.1 101 "), head
            self._answered, self._left = True, rest
        return list(self._frames())

    def _frames(self) -> Any:
        while len(self._left) >= 2:
            first, size, start = self._left[0], self._left[1], 2
            if size == 126:
                size, start = int.from_bytes(self._left[2:4], "big"), 4
            assert size != 127, "no frame here is so large"
            if len(self._left) < start + size:
                return
            assert first & 0xF0 == 0x80, "whole frames"
            yield first & 0x0F, self._left[start : start + size]
            self._left = self._left[start + size :]


@loops
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("seed", range(3))
def test_everyone_gets_what_was_taken_for_him_in_order(run: Run, seed: int) -> None:
    """Whatever is pushed in one go or alone, whoever reads how slowly, and with answers to pings between."""
    run(_everyone_gets_his(random.Random(seed)))


async def _everyone_gets_his(chance: random.Random) -> None:
    server = Server()
    async with server.serving():
        clients = [Client(server.port, f"{at}") for at in range(6)]
        await server.has(6)
        taken: dict[str, list[bytes]] = {one.name: [] for one in clients}
        got: dict[str, list[bytes]] = {one.name: [] for one in clients}
        refused = 0
        for one in clients:
            one.socket.setblocking(False)

        async def hear(one: Client, size: int = 65_536) -> int:
            await asyncio.sleep(0)
            frames = one.read(size)
            assert frames is not None, "nobody is dropped"
            got[one.name] += [payload for opcode, payload in frames if opcode == BINARY]
            return sum(opcode == PONG for opcode, _ in frames)

        def note(one: Client, payload: bytes, was_taken: bool) -> None:
            nonlocal refused
            refused += not was_taken
            if was_taken:
                taken[one.name].append(payload)

        for number in range(150):
            payload = number.to_bytes(4, "big") * chance.choice([0, 1, 25, 200, 2000, 8000])
            some = chance.sample(clients, chance.randint(1, 6))
            what = chance.choice(["each", "each", "one", "ping", "read", "read"])
            if what == "each":
                payloads = [payload + one.name.encode() for one in some]
                for one, mine, was_taken in zip(some, payloads, push_each([server.open[one.name] for one in some], payloads), strict=True):
                    note(one, mine, was_taken)
            elif what == "one":
                note(some[0], payload, server.open[some[0].name].push(payload))
            elif what == "ping" and server.open[some[0].name].queued_bytes < 60_000:
                some[0].socket.send(frame(PING, b"?"))
                while not await hear(some[0]):
                    pass
            elif what == "read":
                for one in some:
                    await hear(one, chance.choice([1, 1000, 65_536]))
        for one in clients:
            while len(got[one.name]) < len(taken[one.name]):
                await hear(one)
            one.socket.close()
        assert got == taken
        assert refused
        await server.has(0)


@loops
@needs_compiler
def test_nobody_gets_anothers(run: Run) -> None:
    """While connections come and go in every manner, at both ends, and descriptors are used again as soon as they are free."""
    run(_nobody_gets_anothers())


async def _nobody_gets_anothers() -> None:
    server, chance = Server(), random.Random(1)
    wrong: list[str] = []
    done = threading.Event()
    served = 0
    async with server.serving():
        coming = asyncio.gather(*(asyncio.to_thread(_come_and_go, server.port, at, done, wrong) for at in range(4)))
        strangers = asyncio.create_task(asyncio.to_thread(_open_others, done, wrong))
        try:
            while not coming.done():
                names, some = list(server.open), list(server.open.values())
                payloads = [f"{name}|".encode() * 40 for name in names]
                gone = list(server.gone)  # whoever lists those who are there and then waits has such, too
                taken = push_each(some + gone, payloads + [b"late"] * len(gone))
                assert not any(taken[len(some) :])
                served += sum(taken)
                if some and chance.random() < 0.2:
                    one = chance.choice(some)
                    one.abort() if chance.random() < 0.5 else asyncio.ensure_future(one.close(1001, "go"))
                    push_each(some, payloads)  # at once, while it is being closed
                await asyncio.sleep(0)
        finally:
            done.set()
            await asyncio.gather(coming, strangers)
        await server.has(0)
    assert not wrong
    assert served > 300


def _come_and_go(port: int, thread: int, done: threading.Event, wrong: list[str]) -> None:
    chance = random.Random(thread)
    for number in range(80):
        if done.is_set():
            return
        one = Client(port, name := f"{thread}-{number}")
        for _ in range(chance.randint(0, 4)):
            try:
                frames = one.read()
            except ConnectionError:
                break
            if frames is None:
                break
            for opcode, payload in frames:
                if opcode != CLOSE and payload.rstrip(b"|") and set(payload.rstrip(b"|").split(b"|")) != {name.encode()}:
                    wrong.append(f"{name} got {payload[:40]!r}")
        match chance.randrange(4):
            case 0:
                one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
            case 1:
                one.socket.shutdown(socket.SHUT_WR)
            case 2:
                one.socket.send(frame(CLOSE, struct.pack(">H", 1000)))
        one.socket.close()


def _open_others(done: threading.Event, wrong: list[str]) -> None:
    """Takes the descriptors that were freed, and looks whether anybody writes to them."""
    while not done.is_set():
        ends = [end for _ in range(8) for end in socket.socketpair()]
        for end in ends:
            end.setblocking(False)
        for end in ends:
            with suppress(BlockingIOError):
                wrong.append(f"a stranger got {end.recv(100)!r}")
        for end in ends:
            end.close()


@loops
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", ["unix", "encrypted"])
def test_other_kinds_of_sockets(run: Run, kind: str, tmp_path: Path) -> None:
    """A proxy may come by a socket of the file system; what is encrypted goes through its transport alone."""
    run(_over(kind, tmp_path))


async def _over(kind: str, folder: Path) -> None:
    server = Server()
    path = folder / "socket" if kind == "unix" else None
    connector = aiohttp.UnixConnector(str(path)) if path else aiohttp.TCPConnector(ssl=False)
    async with server.serving(unix=path, encrypted=None if path else _encrypted(folder)), aiohttp.ClientSession(connector=connector) as http:
        address = "http://localhost" if path else f"https://127.0.0.1:{server.port}"
        async with http.ws_connect(f"{address}/a") as one, http.ws_connect(f"{address}/b") as other:
            await server.has(2)
            for text in ("first", "second" * 2000):
                assert push_each([server.open["a"], server.open["b"]], [f"{text} a", f"{text} b"]) == [True, True]
                assert (await one.receive_str(), await other.receive_str()) == (f"{text} a", f"{text} b")


def _encrypted(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
    file = folder / "both.pem"
    file.write_bytes(
        made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@needs_compiler
def test_what_is_not_taken_is_told() -> None:
    """Files that are full or closed, and what would come behind a frame that was cut; the others get theirs."""
    assert sockets.compiled is not None
    send_each = sockets.compiled.send_each
    (one, one_end), (other, other_end), (gone, gone_end) = (socket.socketpair() for _ in range(3))
    large = bytes(8_000_000)
    closed = gone.fileno()
    gone.close()
    one.setblocking(False)
    told = send_each([one.fileno(), other.fileno(), closed, one.fileno(), other.fileno()], [large, b"a", b"x", b"behind", b"b"])
    assert [place for place, _ in told] == [3, 2, 0]
    assert [sent for _, sent in told[:2]] == [0, 0]
    assert 0 < told[2][1] < len(large)
    assert other_end.recv(10) == b"ab"
    assert send_each([one.fileno()], [b"full"]) == [(0, 0)]
    gone_end.close()
    assert send_each([], []) == []
    assert send_each([-1, other.fileno()], [b"x", b"c"]) == [(0, 0)]
    assert other_end.recv(10) == b"c"
    for files, frames in (([0], []), ([-1 << 40], [b"x"]), ([1 << 40], [b"x"]), (["1"], [b"x"]), ([1], ["text"]), ((), [])):
        with pytest.raises((TypeError, ValueError)):
            send_each(files, frames)
    for end in (one, one_end, other, other_end):
        end.close()
