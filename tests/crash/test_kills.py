"""kill -9 at random moments: what was acknowledged is counted, once."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.crash.senders import Books, Tiles, keep_sending
from tests.end_to_end.test_out import heat
from tests.oracle import from_classic
from tests.serving import Served, eventually, start

OPTIONS = ("--open-heat", "--window", "1h")


async def counted(http: aiohttp.ClientSession, address: str) -> Tiles:
    """The heat as the oracle counts."""
    return Tiles(from_classic((await heat(http, address))["value"]))


async def one_life(http: aiohttp.ClientSession, data: Path, books: Books, chance: random.Random) -> None:
    """Starts the server, holds its heat against the books, sends, and kills it after some acks."""
    served = await start(data, *OPTIONS)
    try:
        found = await counted(http, served.address)
        assert not (lost := books.promised - found), f"acknowledged, and lost: {lost}"
        assert not (invented := found - books.sent), f"counted more often than it was sent: {invented}"
        promised = books.promised.total() + chance.choice((1, 1, 20, 100))
        sending = asyncio.create_task(keep_sending(http, served.ws, books))
        await eventually(lambda: _true(books.promised.total() >= promised), 60)
        await asyncio.sleep(chance.uniform(0, 0.03))  # anywhere in a tick
    finally:
        await served.kill()
    await sending


async def one_birth(data: Path, chance: random.Random) -> None:
    """Starts the server and kills it before anyone hears of it: while it imports, opens its log, reads it again, or after."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "isotherm", "serve", "--data", str(data), "--port", "0", *OPTIONS,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await asyncio.sleep(chance.uniform(0.2, 1.2))
    assert process.returncode is None
    process.kill()
    await process.wait()


async def lives(http: aiohttp.ClientSession, data: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    books = Books(random.Random(seed + 1))
    for _ in range(kills):
        if chance.random() < 0.25:
            await one_birth(data, chance)
        else:
            await one_life(http, data, books, chance)
    served: Served = await start(data, *OPTIONS)
    try:
        await keep_sending(http, served.ws, books, new=False)
        assert not books.open
        await eventually(lambda: _is(http, served.address, books.sent), 60)
        async with http.get(f"{served.address}/healthz") as answer:
            assert "damaged" not in await answer.text(), "a kill damages nothing"
    finally:
        await served.kill()


async def _is(http: aiohttp.ClientSession, address: str, expected: Tiles) -> bool:
    return await counted(http, address) == expected


async def _true(value: bool) -> bool:
    return value


@pytest.mark.timeout(600)
async def test_every_acknowledged_sample_counts_once(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Twelve kills: after each start the heat has all that was acknowledged and nothing that was not sent; at the end, when what was
    open has been sent again, it is the brute-force count."""
    await lives(http, tmp_path / "data", 12, seed=5)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
async def test_two_hundred_kills(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """The same, 200 times, with a seed of its own each night (`ISOTHERM_SEED` repeats one)."""
    seed = int(os.environ.get("ISOTHERM_SEED") or random.randrange(1 << 30))
    print(f"ISOTHERM_SEED={seed}")
    await lives(http, tmp_path / "data", 200, seed)
