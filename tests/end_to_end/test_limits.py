"""Limits: every line of docs/limits.md. Past a limit there is the answer that stands there and a counter; the others do not feel it."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket as sockets
from contextlib import AsyncExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import isotherm.live.groups
import isotherm.runtimes.server
from isotherm.cli.serve import serve as serve_command
from isotherm.core.counters import NAMES
from isotherm.core.limits import Limits
from tests.end_to_end.test_out import heat
from tests.inside import House, inside
from tests.serving import batch, event, eventually

TABLE = Path(__file__).parents[2] / "docs" / "limits.md"
FAR = {"X-Forwarded-For": "203.0.113.7"}
OTHER = {"X-Forwarded-For": "203.0.113.8"}
TRUSTED = ("127.0.0.1",)


def rows() -> dict[str, dict[str, str]]:
    """The table's lines by option."""
    lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in TABLE.read_text().splitlines() if line.startswith("|")]
    found, names = {}, []
    for cells in lines:
        if cells[0] == "option":
            names = cells
        elif cells[0].startswith("`--"):
            found[cells[0].strip("`")] = dict(zip(names, cells, strict=True))
    return found


def test_the_table_is_whole() -> None:
    """Each limit has its line, its line its option with that default, and a counter or a word on what is told; none is made up."""
    options = {name: parameter for parameter in serve_command.params for name in parameter.opts}
    table = rows()
    assert {limit.metadata["option"] for limit in fields(Limits)} | {"--samples-a-tile"} <= set(table)
    for option, row in table.items():
        assert option in options, option
        default = options[option].default
        assert str(default) == row["default"].removesuffix(" (off)"), option
        if "counter" in row:
            assert set(re.findall(r"`(\w+)`", row["counter"])) <= set(NAMES), option
            assert row["counter"], option
    tested = Path(__file__).read_text()
    assert not [option for option, row in table.items() if "counter" in row and f"`{option}`" not in tested], "each is proven below"


async def post(http: aiohttp.ClientSession, house: House, body: Any, **headers: str) -> int:
    async with http.post(f"{house.address}/clickstream", json=body, headers=headers) as answer:
        return answer.status


async def answers_of(socket: aiohttp.ClientWebSocketResponse, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Sends each and waits for its answer; hints left out."""
    found: list[dict[str, Any]] = []
    for message in messages:
        await socket.send_str(json.dumps(message))
        while True:
            answer = json.loads((await socket.receive()).data)
            if "every" not in answer:
                found.append(answer)
                break
    return found


async def total(http: aiohttp.ClientSession, house: House, path: str = "/p/1") -> int:
    return sum(count for column in (await heat(http, house.address, path))["value"].values() for count in column.values())


async def test_frames(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """`--max-frame`: one of just that size is taken; a byte more ends the connection with 1009; another connection goes on."""
    async with inside(tmp_path / "data", limits=Limits(frame_bytes_max=2000)) as house:
        async with http.ws_connect(f"{house.ws}/clickstream/a") as socket, http.ws_connect(f"{house.ws}/clickstream/b") as other:
            fitting = batch(1, [1.0], pad="")
            fitting["pad"] = "x" * (2000 - len(json.dumps(fitting)))
            assert await answers_of(socket, fitting) == [{"ack": 1}]
            fitting["pad"] += "x"
            await socket.send_str(json.dumps(fitting))
            async for _ in socket:
                pass
            assert socket.close_code == 1009
            assert await answers_of(other, batch(2, [1.0])) == [{"ack": 2}]
        await eventually(lambda: _true(house.counter("refused_too_large") == 1))


async def _true(value: bool) -> bool:
    return value


async def test_compressed_frames_are_not_taken(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """A client that offers compression is answered without, so that nothing can be blown up."""
    async with inside(tmp_path / "data") as house, http.ws_connect(f"{house.ws}/clickstream/a", compress=15) as socket:
        assert socket.compress == 0
        assert await answers_of(socket, batch(1, [1.0])) == [{"ack": 1}]


async def test_bodies(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """`--max-body`: counted unpacked, so that a small body that blows up is refused as well; nothing of it is taken."""
    async with inside(tmp_path / "data", limits=Limits(body_bytes_max=10_000)) as house:
        assert await post(http, house, [event()] * 2) == 202
        assert await post(http, house, [event(pad="x" * 10_000)]) == 413
        bomb = gzip.compress(json.dumps([event(pad="x" * 1_000_000)]).encode())
        assert len(bomb) < 10_000
        async with http.post(f"{house.address}/clickstream", data=bomb, headers={"Content-Encoding": "gzip"}) as answer:
            assert answer.status == 413
        assert house.counter("refused_too_large") == 2
        assert house.counter("samples") == 2


async def test_batches_and_paths(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """`--max-batch`, `--max-path`: beyond, a final error with the batch's number; the socket stays open."""
    limits = Limits(batch_samples_max=3, path_bytes_max=10)
    async with inside(tmp_path / "data", limits=limits) as house, http.ws_connect(f"{house.ws}/clickstream/a") as socket:
        found = await answers_of(
            socket, batch(1, [1.0] * 4), batch(2, [1.0] * 3), batch(3, [1.0], path="/" + "ü" * 5), batch(4, [1.0], path="/" + "u" * 9)
        )
        assert [(answer.get("ack"), answer.get("seq"), "retry_after_ms" in answer) for answer in found] == [
            (None, 1, False), (2, None, False), (None, 3, False), (4, None, False),
        ]  # fmt: skip
        assert house.counter("refused_invalid") == 2


async def test_a_session_has_a_rate(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """`--session-rate`, `--session-burst`: beyond, a batch is refused before its ack, with the time after which it passes; samples that were
    gathered over as long a time are no burst, and other sessions do not feel it."""
    limits = Limits(session_samples_per_s=1, session_burst_samples=20)
    async with inside(tmp_path / "data", limits=limits) as house, http.ws_connect(f"{house.ws}/clickstream/a") as socket:
        first, second = await answers_of(socket, batch(1, [1.0] * 20), batch(2, [1.0] * 3))
        assert first == {"ack": 1}
        assert 0 < second["retry_after_ms"] <= 3001
        gathered = batch(3, [1.0] * 50, session="gathered", age=[1000 * at for at in range(50)])
        assert await answers_of(socket, gathered, batch(4, [1.0], session="other")) == [{"ack": 3}, {"ack": 4}]
        assert await post(http, house, batch(5, [1.0] * 20, load="b")) == 429

        async def passes() -> bool:
            return (await answers_of(socket, batch(2, [1.0] * 3)))[0] == {"ack": 2}

        await eventually(passes)
        assert house.counter("refused_too_fast") >= 1


async def test_an_address_has_a_rate(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """`--address-rate`, `--address-burst`: what is over is refused though each session is slow, what is not well formed costs too, and another
    address, and loopback, have their own."""
    limits = Limits(address_samples_per_s=1, address_burst_samples=30)
    async with inside(tmp_path / "data", limits=limits, trusted_proxies=TRUSTED) as house:
        assert await post(http, house, [event(session_id=f"s{at}") for at in range(29)], **FAR) == 202
        statuses = [await post(http, house, {"broken": at}, **FAR) for at in range(10)]
        assert statuses[0] == 422
        assert statuses[-1] == 429
        async with http.post(f"{house.address}/clickstream", json=[event()] * 30, headers=FAR) as answer:
            assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (429, True)
        assert await post(http, house, event(), **OTHER) == 202
        async with http.ws_connect(f"{house.ws}/clickstream/a", headers=FAR) as socket:
            (answer,) = await answers_of(socket, batch(7, [1.0]))
            assert (answer["seq"], answer["retry_after_ms"] > 0) == (7, True), "refused unread, and told which all the same"
        assert await post(http, house, [event()] * 100) == 202
        assert house.counter("refused_too_fast") >= 2


async def test_an_address_has_connections(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """`--address-connections`: one more is answered 429; another address gets in, and so does the next when one has gone."""
    limits = Limits(address_connections_max=3)
    async with inside(tmp_path / "data", limits=limits, trusted_proxies=TRUSTED) as house, AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(http.ws_connect(f"{house.ws}/clickstream/a", headers=FAR)) for _ in range(3)]
        with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
            await http.ws_connect(f"{house.ws}/clickstream/a", headers=FAR)
        assert await post(http, house, event(), **FAR) == 429
        assert await post(http, house, event(), **OTHER) == 202
        assert await answers_of(opened[0], batch(1, [1.0])) == [{"ack": 1}]
        assert house.counter("refused_connections") == 2
        await opened[1].close()

        async def let_in() -> bool:
            return await post(http, house, event(), **FAR) == 202

        await eventually(let_in)


async def test_sessions_are_bounded(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """`--address-sessions`, `--max-sessions`: a new session beyond is refused for now; those that are known go on."""
    limits = Limits(address_sessions_max=2, sessions_max=4)
    async with inside(tmp_path / "data", limits=limits, trusted_proxies=TRUSTED) as house:
        known = [event(session_id=f"s{at}") for at in range(2)]
        assert [await post(http, house, one, **FAR) for one in [*known, event(session_id="s2"), *known]] == [202, 202, 429, 202, 202]
        assert [await post(http, house, event(session_id=f"t{at}"), **OTHER) for at in range(2)] == [202, 202]
        async with http.ws_connect(f"{house.ws}/clickstream/a") as socket:
            (answer,) = await answers_of(socket, batch(1, [1.0], session="fifth"))
            assert answer["retry_after_ms"] > 0
        assert [await post(http, house, one, **FAR) for one in known] == [202, 202]
        assert house.counter("refused_sessions") == 2


async def test_sockets_are_bounded(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """`--max-trackers`, `--max-viewers`: one more is answered 503; those that are in go on."""
    limits = Limits(trackers_max=2, viewers_max=2)
    async with inside(tmp_path / "data", limits=limits) as house, AsyncExitStack() as stack:
        trackers = [await stack.enter_async_context(http.ws_connect(f"{house.ws}/clickstream/a")) for _ in range(2)]
        viewers = [await stack.enter_async_context(http.ws_connect(f"{house.ws}/heatmap/p/1")) for _ in range(2)]
        for full in ("/clickstream/a", "/heatmap/p/1", "/live?page=/p/1"):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await http.ws_connect(f"{house.ws}{full}")
        assert house.counter("refused_connections") == 3
        assert await answers_of(trackers[1], batch(1, [500.0])) == [{"ack": 1}]
        await viewers[1].receive()
        assert json.loads((await viewers[1].receive()).data)["value"] == {"25": {"25": 1}}


async def test_invented_pages_do_not_push_real_ones_out(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """`--max-pages`: a flood of paths that nobody serves: what is beyond is counted and not kept, real pages go on being counted, after a
    restart in the middle of the flood too, and the flood takes no memory."""
    limits = Limits(site_pages_max=20)
    for life in range(2):
        async with inside(tmp_path / "data", limits=limits) as house:
            for at in range(10):
                assert await post(http, house, event(path=f"/real/{at}")) == 202
            statuses = [await post(http, house, event(path=f"/invented/{life}/{at}")) for at in range(60)]
            assert statuses.count(202) == (10 if life == 0 else 0)
            assert set(statuses[-40:]) == {422}
            assert house.counter("refused_pages") == statuses.count(422)
            assert await post(http, house, event(path="/real/3")) == 202

            async def kept(house: House = house, life: int = life) -> bool:
                return await total(http, house, "/real/3") == 2 * (life + 1)

            await eventually(kept)
            async with http.get(f"{house.address}/api/pages") as answer:
                assert len((await answer.json())["pages"]) == 20
            assert len(house.pipeline.source.pages(house.pipeline.clock.now_ms())) == 20


async def test_slow_clients(tmp_path: Path) -> None:
    """`--handshake-timeout`, `--body-timeout`: a head that trickles, nothing at all, and a body that does not come end their connections;
    they are counted."""
    limits = Limits(handshake_ms_max=1000, body_ms_max=1000)
    async with inside(tmp_path / "data", limits=limits) as house:
        trickling = asyncio.create_task(_trickle(house, b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 10_000))
        silent = asyncio.create_task(_trickle(house, b""))
        body = asyncio.create_task(
            _trickle(house, b"POST /clickstream HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n" + b" " * 10_000, 200)
        )
        assert await trickling == b""
        assert await silent == b""
        assert b" 408 " in await body
        await eventually(lambda: _true(house.counter("refused_slow") == 3))


async def _trickle(house: House, content: bytes, at_once: int = 1) -> bytes:
    """Sends byte after byte until the server hangs up; what it answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.server.port)
    answered: list[bytes] = []
    reading = asyncio.ensure_future(_read_into(answered, reader))
    try:
        writer.write(content[:at_once])
        for at in range(at_once, len(content)):
            if reading.done():
                break
            writer.write(content[at : at + 1])
            await asyncio.wait([reading], timeout=0.05)
        await reading
    finally:
        writer.transport.abort()
    return b"".join(answered)


async def _read_into(answered: list[bytes], reader: asyncio.StreamReader) -> None:
    try:
        while data := await reader.read(1000):
            answered.append(data)
    except ConnectionError:
        pass  # what we sent into a closed connection is answered by a reset


async def test_idle_sockets(http: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--idle-timeout`: a tracker that says nothing for so long is told 1001; a viewer, who need not speak, stays."""
    monkeypatch.setattr(isotherm.runtimes.server, "_LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(isotherm.runtimes.server, "_IDLE_EVERY", 1)
    async with (
        inside(tmp_path / "data", limits=Limits(idle_ms_max=500)) as house,
        http.ws_connect(f"{house.ws}/clickstream/a") as tracker,
        http.ws_connect(f"{house.ws}/heatmap/p/1") as viewer,
    ):
        async for _ in tracker:
            pass
        assert tracker.close_code == 1001
        assert house.counter("idle_closed") == 1
        assert not viewer.closed
        assert house.pipeline.groups.viewers == 1


async def test_a_viewer_that_does_not_read(http: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--viewer-queue`: it skips frames, and what waits for it stays bounded; it is dropped in the end. Another viewer of the page gets every
    frame."""
    monkeypatch.setattr(isotherm.live.groups, "_STALLED_MS", 3000)
    limits = Limits(viewer_queue_bytes_max=16_384)
    async with (
        inside(tmp_path / "data", limits=limits, trust_senders=True, pipeline={"hop_ms": 100}) as house,
        http.ws_connect(f"{house.ws}/heatmap/p/1", max_msg_size=0) as viewer,
        http.ws_connect(f"{house.ws}/clickstream/a") as tracker,
    ):
        stalled = await _not_reading(house)
        ends = [0]
        reading = asyncio.create_task(_note_ends(viewer, ends))
        seq = 0
        while not house.counter("viewers_dropped"):
            seq += 1
            await answers_of(tracker, batch(seq, [(37 * at + seq) % 1000 for at in range(1000)], [at % 1000 for at in range(1000)]))
            assert sum(socket.queued_bytes for socket in house.server._live._sockets) < 1_000_000
        assert house.counter("frames_skipped") > 0
        await eventually(lambda: _true(house.pipeline.groups.viewers == 1))
        stalled.close()
        viewed = house.pipeline.source.end_ms
        await answers_of(tracker, batch(seq + 1, [1.0]))
        await eventually(lambda: _true(ends[-1] > viewed))
        reading.cancel()


async def _note_ends(viewer: aiohttp.ClientWebSocketResponse, ends: list[int]) -> None:
    async for message in viewer:
        ends.append(json.loads(message.data)["end"])


async def _not_reading(house: House) -> sockets.socket:
    """A viewer that upgrades and then reads nothing."""
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", house.server.port))
    await loop.sock_sendall(
        raw,
        b"GET /heatmap/p/1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    )
    await eventually(lambda: _true(house.pipeline.groups.viewers == 2))
    return raw


async def test_a_session_is_counted_so_often_on_a_tile(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """`--samples-a-tile`: of a session that stands on one tile in one pane so many count; the rest is acknowledged and left out, and told."""
    async with inside(tmp_path / "data", pipeline={"samples_a_tile_max": 2, "hop_ms": 60_000, "window_ms": 300_000}) as house:
        now_ms = house.pipeline.clock.now_ms()
        at_ms = now_ms - now_ms % 60_000 - 90_000  # within one pane, that has ended
        same = [event(session_id="a", timestamp=at_ms) for _ in range(5)]
        assert await post(http, house, [*same, event(session_id="b", timestamp=at_ms), event(900, session_id="a", timestamp=at_ms)]) == 202
        house.pipeline.catch_up()  # no hop counts what was acknowledged while the test runs
        assert house.counter("capped") == 3
