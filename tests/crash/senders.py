"""A sender that outlives its server: it sends until all is acknowledged, and keeps the books that the heat is held against."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.oracle import tile
from tests.serving import batch

__all__ = ["Books", "keep_sending"]

Tiles = Counter[tuple[int, int]]
GRID_SIZE = 50


@dataclass
class Books:
    """What was sent and what of it was promised, by tile. `chance` makes the positions."""

    chance: random.Random
    sent: Tiles = field(default_factory=Counter)
    promised: Tiles = field(default_factory=Counter)
    open: dict[int, dict[str, Any]] = field(default_factory=dict)  #: batches without an answer, by seq
    newest: int = 0

    def new_batch(self, path: str = "/p/1") -> dict[str, Any]:
        """A batch that was never sent before; its session is one of many, so that no rate holds it up."""
        self.newest += 1
        x = [self.chance.uniform(0, 1000) for _ in range(self.chance.randint(1, 8))]
        y = [self.chance.uniform(0, 1000) for _ in x]
        made = batch(self.newest, x, y, path=path, session=f"s{self.newest % 50}", load="crash")
        self.open[self.newest] = made
        self.sent += tiles(made)
        return made

    def promise(self, seq: int) -> None:
        """The server acknowledged a batch; twice is as good as once."""
        made = self.open.pop(seq, None)
        if made is not None:
            self.promised += tiles(made)


def tiles(made: dict[str, Any]) -> Tiles:
    """A batch as the oracle counts it."""
    return Counter((tile(x, 1000, GRID_SIZE), tile(y, 1000, GRID_SIZE)) for x, y in zip(made["x"], made["y"], strict=True))


async def keep_sending(http: aiohttp.ClientSession, ws: str, books: Books, *, new: bool = True, open_max: int = 30) -> None:
    """Sends what is open again, then new batches, until the server is gone; without `new`, until all is acknowledged."""
    try:
        async with http.ws_connect(f"{ws}/clickstream/s") as socket:
            reading = asyncio.create_task(_read(socket, books))
            try:
                for made in list(books.open.values()):
                    await socket.send_str(json.dumps(made))
                while not reading.done() and (new or books.open):
                    if new and len(books.open) < open_max:
                        await socket.send_str(json.dumps(books.new_batch()))
                    await asyncio.sleep(0.002)
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
    except (aiohttp.ClientError, ConnectionError):
        return


async def _read(socket: aiohttp.ClientWebSocketResponse, books: Books) -> None:
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT and "ack" in (found := json.loads(message.data)):
            books.promise(found["ack"])
