"""What is sent, and how it is answered: the public interface's *In*, over real sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.end_to_end.conftest import Serve
from tests.serving import batch, event, eventually


async def total(http: aiohttp.ClientSession, address: str, path: str = "/p/1", **query: str) -> int:
    async with http.get(f"{address}/api/heatmap", params={"page": path, **query}) as answer:
        assert answer.status == 200
        return sum(count for column in (await answer.json())["value"].values() for count in column.values())


async def answer_to(socket: aiohttp.ClientWebSocketResponse, message: Any) -> dict[str, Any]:
    """The next answer that is no hint."""
    await socket.send_str(message if isinstance(message, str) else json.dumps(message))
    while True:
        answer = json.loads(await socket.receive_str(timeout=10))
        if "every" not in answer:
            return answer  # type: ignore[no-any-return]


async def test_beacons(serve: Serve, http: aiohttp.ClientSession) -> None:
    """One event, an array, a batch, any content type: 202 once durable. Invalid: 422 and nothing of it taken."""
    served = await serve("--open-heat")
    url = f"{served.address}/clickstream"
    for body, content_type in (
        (event(), "application/json"),
        ([event(), event(), event(type="scroll")], "text/plain;charset=UTF-8"),
        (batch(1, [1, 2, 3]), "application/x-www-form-urlencoded"),
    ):
        async with http.post(url, data=json.dumps(body), headers={"Content-Type": content_type}) as answer:
            assert (answer.status, await answer.read()) == (202, b"")
    assert await eventually(lambda: _at_least(http, served.address, 6)) == 6
    bad = event() | {"window": {"width": "wide", "height": 1}}
    for body in (bad, [event(), bad], [], "x", [event()] * 1001):
        async with http.post(url, json=body) as answer:
            assert answer.status == 422
            assert (await answer.json())["error"]
    async with http.post(url, json=[event(), bad]) as answer:
        assert "$.window.width" in (await answer.json())["error"]
        assert "event 1" in (await answer.json())["error"]
    async with http.post(url, data=b"x" * (1024 * 1024 + 1)) as answer:
        assert answer.status == 413
    async with http.post(url, params={"site": "unknown"}, json=event()) as answer:
        assert answer.status == 403
    async with http.post(url, params={"site": "default"}, json=event(path="/marker")) as answer:
        assert answer.status == 202
    await eventually(lambda: total(http, served.address, "/marker"))
    assert await total(http, served.address) == 6


async def test_a_socket_is_answered_as_the_interface_has_it(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Acks when durable, errors with the field; the socket stays open; a classic event is answered only when wrong."""
    served = await serve("--open-heat")
    async with http.ws_connect(f"{served.ws}/clickstream/from-the-address?site=default") as socket:
        await socket.send_str(json.dumps(event()))
        assert await answer_to(socket, batch(1, [10, 20])) == {"ack": 1}
        assert await answer_to(socket, batch(1, [10, 20])) == {"ack": 1}
        assert "$.w" in (await answer_to(socket, batch(2, [1], w=-1)))["error"]
        assert (await answer_to(socket, batch(3, [1], age=[-5])))["seq"] == 3
        assert "error" in await answer_to(socket, "not json")
        assert "error" in await answer_to(socket, "\ud7ff" * 9)
        await socket.send_bytes(b'"\xff"')
        assert "error" in json.loads(await socket.receive_str(timeout=10))
        bare = {name: value for name, value in event().items() if name != "session_id"}
        await socket.send_str(json.dumps(bare))
        assert await answer_to(socket, batch(4, [30])) == {"ack": 4}
        assert await eventually(lambda: _at_least(http, served.address, 5)) == 5
    async with http.ws_connect(f"{served.ws}/clickstream") as socket:
        assert "session" in (await answer_to(socket, bare))["error"]


async def _at_least(http: aiohttp.ClientSession, address: str, least: int, path: str = "/p/1") -> int:
    found = await total(http, address, path)
    return found if found >= least else 0


async def test_a_repeat_counts_once_by_whatever_way(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Socket, another socket, beacon."""
    served = await serve("--open-heat")
    for _ in range(2):
        async with http.ws_connect(f"{served.ws}/clickstream/s") as socket:
            assert await answer_to(socket, batch(1, [10, 20])) == {"ack": 1}
    async with http.post(f"{served.address}/clickstream", json=batch(1, [10, 20])) as answer:
        assert answer.status == 202
    async with http.post(f"{served.address}/clickstream", json=batch(1, [30], load="another")) as answer:
        assert answer.status == 202
    assert await eventually(lambda: _at_least(http, served.address, 3)) == 3


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1])
async def test_a_frame_is_at_most_64_kib(serve: Serve, http: aiohttp.ClientSession, size: int) -> None:
    """One byte more closes with 1009."""
    served = await serve("--open-heat")
    async with http.ws_connect(f"{served.ws}/clickstream/s") as socket:
        filled = json.dumps(batch(1, [1]) | {"padding": ""})
        await socket.send_str(filled.replace('"padding": ""', '"padding": "' + "x" * (size - len(filled)) + '"'))
        message = await socket.receive(timeout=10)
        while message.type is aiohttp.WSMsgType.TEXT and "every" in message.data:
            message = await socket.receive(timeout=10)
        if size > 64 * 1024:
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)
        else:
            assert json.loads(message.data) == {"ack": 1}


async def test_origins(serve: Serve, http: aiohttp.ClientSession) -> None:
    """A foreign origin gets 403, on the upgrade too; a request without one is taken; `null` is foreign."""
    served = await serve("--open-heat", "--origin", "https://shop.example", "--origin", "https://www.shop.example")
    for origin, status in ((None, 202), ("https://shop.example", 202), ("https://www.shop.example", 202), ("https://evil.example", 403),
                           ("null", 403), ("http://shop.example", 403), ("https://shop.example.evil", 403)):  # fmt: skip
        headers = {"Origin": origin} if origin else {}
        async with http.post(f"{served.address}/clickstream", json=event(), headers=headers) as answer:
            assert answer.status == status, origin
        if status == 202:
            async with http.ws_connect(f"{served.ws}/clickstream/s", headers=headers) as socket:
                assert await answer_to(socket, batch(1, [1])) == {"ack": 1}
        else:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(f"{served.ws}/clickstream/s", headers=headers)
            assert refused.value.status == 403


async def test_paths_are_one_page_however_they_are_written(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Events, sockets and `page=` agree."""
    served = await serve("--open-heat")
    for path in ("/caf%C3%A9", "/café"):
        async with http.post(f"{served.address}/clickstream", json=event(path=path)) as answer:
            assert answer.status == 202
    assert await eventually(lambda: _at_least(http, served.address, 2, "/café")) == 2
    assert await total(http, served.address, "/caf%C3%A9") == 2
    async with http.ws_connect(f"{served.ws}/heatmap/caf%C3%A9") as socket:
        assert sum(count for column in json.loads(await socket.receive_str())["value"].values() for count in column.values()) == 2


async def test_timestamps_ahead_and_behind(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Too far ahead: the time of arrival, counted. Older than the window: not in the live heat."""
    served = await serve("--open-heat", "--window", "10s", "--max-skew", "2s")
    async with http.get(f"{served.address}/api/pages") as answer:
        now_ms = (await answer.json())["at"]
    for at_ms in (now_ms + 3_600_000, now_ms - 3_600_000, now_ms - 1000):
        async with http.post(f"{served.address}/clickstream", json=event(timestamp=at_ms)) as answer:
            assert answer.status == 202
    assert await eventually(lambda: _at_least(http, served.address, 2)) == 2
    async with http.get(f"{served.address}/metrics") as answer:
        text = await answer.text()
    assert "isotherm_timestamp_ahead_total 1.0" in text
    assert "isotherm_late_total 1.0" in text


async def test_trackers_are_told_their_pace(serve: Serve, http: aiohttp.ClientSession) -> None:
    """Long where nobody watches, 250 ms from the moment that somebody does, long again after."""
    served = await serve("--open-heat")
    async with http.ws_connect(f"{served.ws}/clickstream/s") as tracker:
        await tracker.send_str(json.dumps(batch(1, [1])))

        async def hint() -> int:
            while True:
                message = json.loads(await tracker.receive_str(timeout=10))
                if "every" in message:
                    return int(message["every"])

        assert await hint() >= 4000
        async with http.ws_connect(f"{served.ws}/live?page=/p/1"):
            assert await hint() == 250
        assert await hint() >= 4000
        async with http.ws_connect(f"{served.ws}/api/overview") as overview:
            await overview.send_str('{"pictures":["default/p/1"]}')
            await eventually(lambda: _picture(overview))
        async with http.ws_connect(f"{served.ws}/heatmap/p/1"):
            assert await hint() == 250


async def _picture(overview: aiohttp.ClientWebSocketResponse) -> bool:
    return bool(json.loads(await overview.receive_str(timeout=10))["pictures"])


async def test_many_sessions_on_one_socket(serve: Serve, http: aiohttp.ClientSession) -> None:
    """All counted, all visitors known."""
    served = await serve("--open-heat")
    async with http.ws_connect(f"{served.ws}/clickstream") as socket:
        await asyncio.gather(*(socket.send_str(json.dumps(batch(1, [n], session=f"s{n}"))) for n in range(100)))
        acks = 0
        while acks < 100:
            acks += "ack" in json.loads(await socket.receive_str(timeout=10))

    async def visitors() -> int:
        async with http.get(f"{served.address}/api/pages") as answer:
            pages = (await answer.json())["pages"]
            return pages and pages[0]["samples"] == 100 and pages[0]["visitors"]

    assert await eventually(visitors) == 100


async def test_script_and_endpoint_under_other_names(serve: Serve, http: aiohttp.ClientSession) -> None:
    """As well as their own; each script looks for a tag of the name that it was asked by."""
    served = await serve("--open-heat", "--tracker-name", "js/page.js", "--ingest-path", "/px")
    for name in ("js/page.js", "tracker.js"):
        async with http.get(f"{served.address}/{name}") as answer:
            assert answer.status == 200
            script = await answer.text()
        assert name in script
        assert "/px" in script
    for path in ("/px", "/clickstream"):
        async with http.post(served.address + path, json=event()) as answer:
            assert answer.status == 202
    async with http.ws_connect(f"{served.ws}/px/s") as socket:
        assert await answer_to(socket, batch(1, [1])) == {"ack": 1}
    assert await eventually(lambda: _at_least(http, served.address, 3)) == 3
