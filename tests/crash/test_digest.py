"""kill -9 of a server that keeps digests: the next start reads one, and the heat is the brute-force count."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from pathlib import Path

import aiohttp

from tests.crash.senders import Books, keep_sending
from tests.crash.test_kills import counted
from tests.serving import Served, eventually, start

#: A server that keeps a digest each moment.
QUICK = """
from isotherm.runtimes import digesting
digesting.CUT_MS = 200
from isotherm.cli import main
main()
"""
OPTIONS = ("--open-heat", "--window", "1h")


def digests(data: Path) -> list[tuple[int, int]]:
    """The first and the last record of each."""
    files = list((data / "digest").glob("*.*")) if (data / "digest").is_dir() else []
    spans = [path.name.split(".")[0].split("-") for path in files if path.suffix != ".memory"]
    return sorted((int(first), int(last)) for first, last in spans)


async def life(http: aiohttp.ClientSession, served: Served, books: Books, data: Path, *, digests_min: int) -> None:
    """Sends until something more is promised and so many digests are there, and kills the server in the midst of it."""
    promised = books.promised.total()
    sending = asyncio.create_task(keep_sending(http, served.ws, books))

    async def enough() -> bool:
        return books.promised.total() > promised + 20 and len(digests(data)) >= digests_min

    try:
        await eventually(enough, 60)
    finally:
        await served.kill()
    await sending


async def test_a_start_after_a_kill_reads_a_digest(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Killed twice while it was sent to; then the records that the digests hold are taken out of the log, so that only the digests know of
    them. After the start all that was acknowledged is counted, and what was open and comes again is counted once."""
    data, books = tmp_path / "data", Books(random.Random(7))
    await life(http, await start(data, *OPTIONS, program=("-c", QUICK)), books, data, digests_min=2)
    held = digests(data)
    await life(http, await start(data, *OPTIONS), books, data, digests_min=2)
    assert digests(data)[: len(held)] == held
    with sqlite3.connect(data / "log.sqlite") as log:
        for first, last in held:  # the last one stays: by its checksum the digest is known to be of this log
            assert log.execute("DELETE FROM records WHERE offset >= ? AND offset < ?", (first, last)).rowcount == last - first > 0
    log.close()
    served = await start(data, *OPTIONS)
    try:
        found = await counted(http, served.address)
        assert not (lost := books.promised - found), f"acknowledged, and lost: {lost}"
        await keep_sending(http, served.ws, books, new=False)
        assert not books.open

        async def true() -> bool:
            return await counted(http, served.address) == books.sent

        await eventually(true, 60)
    finally:
        await served.kill()
