"""Spots over the public interface: a viewer of `/live` who asks is told where on which element samples lay, from the whole window."""

from __future__ import annotations

import base64
import json
from typing import Any

import aiohttp
import numpy as np

from isotherm.core.spots import NEAR_COLUMNS, NEAR_ROWS, SIDE
from tests.serving import Served, batch, eventually

from .conftest import Serve

Picture = dict[tuple[str, int, int, int, int], int]


def unpacked(column: str) -> list[int]:
    return list(map(int, np.frombuffer(base64.b64decode(column[2:]), "<" + column[1])))


def on(seq: int, element: str, places: list[tuple[int, int]], **more: Any) -> dict[str, Any]:
    """A batch of samples on one element, at these thousandths of its box."""
    columns = {"anchors": [element], "anchor": [0] * len(places), "ax": [x for x, _ in places], "ay": [y for _, y in places]}
    return batch(seq, [500.0] * len(places), [250.0] * len(places), **(columns | more))


class Watch:
    """A viewer that keeps its picture as docs/wire.md says."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.picture: Picture = {}
        self.wholes = 0

    async def read(self) -> Any:
        """The next word about spots."""
        while True:
            message = await self.socket.receive(timeout=20)
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
            if message.type is aiohttp.WSMsgType.BINARY:
                continue
            told = json.loads(message.data)["spots"]
            if told:
                self._take(told)
            return told

    async def until(self, wanted: Picture) -> None:
        while self.picture != wanted:
            await self.read()

    def _take(self, told: dict[str, Any]) -> None:
        assert (told["side"], told["near-grid"]) == (SIDE, [NEAR_COLUMNS, NEAR_ROWS])
        self.wholes += told["whole"]
        if told["whole"]:
            self.picture = {}
        columns = (unpacked(told[name]) for name in ("element", "near", "cell", "count"))
        for element, near, cell, count in zip(*columns, strict=True):
            row, column = divmod(near, NEAR_COLUMNS)
            spot = (told["names"][element], column, row, cell % SIDE, cell // SIDE)
            self.picture[spot] = count
            if not count:
                del self.picture[spot]


async def send(http: aiohttp.ClientSession, served: Served, *messages: dict[str, Any]) -> None:
    for message in messages:
        async with http.post(f"{served.address}/clickstream", data=json.dumps(message)) as answer:
            assert answer.status == 202, await answer.text()


def at(element: str, x: int, y: int) -> tuple[str, int, int, int, int]:
    """A spot of a sample sent by `on`, as the document's rule has it."""
    return (element, NEAR_COLUMNS // 2, NEAR_ROWS // 4, min(SIDE - 1, x * SIDE // 1000), min(SIDE - 1, y * SIDE // 1000))


async def test_who_asks_gets_the_whole_window_and_then_what_changes(serve: Serve) -> None:
    """What came before the first question, each batch once; by kind and device; what comes after; after a restart; no more, once not wanted."""
    served = await serve("--open-heat", "--trust-senders")
    before = on(0, "buy", [(0, 500), (0, 500), (1000, 500)])
    picture = {at("buy", 0, 500): 2, at("buy", 1000, 500): 1}
    more = {at("buy", 0, 500): 3, at("buy", 1000, 500): 1, at("/p/2", 333, 1): 1}
    async with aiohttp.ClientSession() as http:
        await send(http, served, before, before, on(1, "buy", [(7, 7)], path="/p/2"), on(2, "buy", [(9, 9)], kind="click", vw=390))
        async with (
            http.ws_connect(f"{served.ws}/live?page=/p/1") as socket,
            http.ws_connect(f"{served.ws}/live?page=/p/1&kind=click&device=mobile") as other,
        ):
            watch, clicks = Watch(socket), Watch(other)
            for one in (watch, clicks):
                await one.socket.send_str('{"spots": true}')
            await clicks.until({at("buy", 9, 9): 1})
            await watch.until(picture)
            await send(http, served, on(3, "buy", [(0, 500)]), before, on(4, "/p/2", [(333, 1)], session="t"))
            await watch.until(more)
            assert (watch.wholes, clicks.wholes) == (1, 1), "all at once, then changes"
            await socket.send_str('{"spots": true}')
            await socket.send_str("what?")
            await socket.send_str('{"spots": false}')
            while (told := await watch.read()) is not False:
                assert told["whole"] is False
        async with http.ws_connect(f"{served.ws}/live?page=/p/1") as socket:
            await socket.send_str('{"spots": true}')
            await Watch(socket).until(more)
    await served.kill()
    again = await serve("--open-heat", "--trust-senders")
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{again.ws}/live?page=/p/1") as socket:
        await socket.send_str('{"spots": true}')
        await Watch(socket).until(more)


async def test_spots_cool_and_names_of_strangers_are_only_names(serve: Serve) -> None:
    served = await serve("--open-heat", "--trust-senders", "--window", "2s", "--no-history")
    strange = '\x00\t"><img src=x onerror=alert(1)>__proto__'
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{served.ws}/live?page=/p/1") as socket:
        watch = Watch(socket)
        await socket.send_str('{"spots": true}')
        await send(http, served, on(0, strange, [(500, 500)]))
        await watch.until({at(strange, 500, 500): 1})
        await watch.until({})
        assert watch.wholes == 1


async def test_where_tiles_of_few_people_are_hidden_there_are_no_spots(serve: Serve) -> None:
    """Who was on which spot is not known, so none is told."""
    served = await serve("--open-heat", "--trust-senders", "--min-people", "2")
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{served.ws}/live?page=/p/1") as socket:
        await socket.send_str('{"spots": true}')
        assert await Watch(socket).read() is None
        await send(http, served, on(0, "buy", [(500, 500)]))
        await eventually(lambda: _is_live(http, served))
        await socket.send_str('{"spots": false}')
        assert await Watch(socket).read() is None


async def _is_live(http: aiohttp.ClientSession, served: Served) -> bool:
    async with http.get(f"{served.address}/api/pages") as answer:
        return bool(await answer.json())
