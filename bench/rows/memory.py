"""Memory: what one more connected visitor, viewer and live page take of the server; and a crowd that is mostly idle.

Resident memory of the server's process before and after, over how many came. A page is measured with its whole window: one visitor who
moved four times a second for five minutes. The kernel's own socket buffers are not in these figures.
"""

from __future__ import annotations

import asyncio
import resource

from bench.figures import Figure, at_most
from bench.machine import files_max
from bench.processes import TOKEN, Served, child, served
from bench.progress import Progress

__all__ = ["run"]

_MANY = 8_000
_PAGES = 2_000
_CROWD, _CROWD_PAGES = 100_000, 10_000
_FILES_KEPT = 400
_SETTLE_S = 2.0
_STORED_S = 20.0  #: a page's five minutes come within seconds here: what waits for that reason alone is settled and stored after so long
_OPTIONS = ("--trust-senders", "--max-trackers", "200000", "--max-viewers", "200000", "--max-pages", "200000")


async def _rss(server: Served, settle_s: float = _SETTLE_S) -> int:
    await asyncio.sleep(settle_s)
    return server.rss_bytes()


async def _visitors(number: int, pages: int) -> tuple[float, int]:
    """KiB each, once all of them have sent something and fell silent; and the server's whole memory."""
    async with served(*_OPTIONS) as server:
        async with child("bench.loads.trackers", port=server.port, trackers=1000, pages=pages) as warm:
            await warm.hear()
            warm.say(rate=1000, seconds=1)
            await warm.hear()
        before = await _rss(server)
        async with child("bench.loads.trackers", port=server.port, trackers=number, pages=pages, first=2000) as load:
            await load.hear()
            load.say(rate=2000, seconds=number / 2000)
            done = await load.hear()
            assert done["acked"] == done["sent"] >= number, done | {"acks_ms": None}
            after = await _rss(server)
    return (after - before) / number / 1024, after


async def _viewers(number: int) -> float:
    async with served(*_OPTIONS) as server:
        path = f"/live?page=/p/{{page}}&token={TOKEN}"
        async with child("bench.loads.viewers", port=server.port, viewers=1000, pages=1, first=0, path=path) as warm:
            await warm.hear()
        before = await _rss(server)
        async with child("bench.loads.viewers", port=server.port, viewers=number, pages=1, first=1000, path=path) as load:
            await load.hear()
            load.say(seconds=_SETTLE_S)
            await load.hear()
            return (await _rss(server) - before) / number / 1024


async def _pages(number: int) -> tuple[float, float]:
    """KiB a page with its whole window, and its samples."""
    async with served(*_OPTIONS) as server:
        async with child("bench.loads.history", port=server.port, pages=number // 4, first=number) as warm:
            await warm.hear()
        before, already = await _rss(server, _STORED_S), (await server.counters())["samples"]
        async with child("bench.loads.history", port=server.port, pages=number, first=0) as load:
            done = await load.hear()
        after = await _rss(server, _STORED_S)
        counted = (await server.counters())["samples"] - already
        assert counted == done["samples"], (counted, done)
    return (after - before) / number / 1024, counted / number


async def run(progress: Progress) -> list[Figure]:
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max(), files_max()))
    progress.tell("visitors")
    visitor_kib, _ = await _visitors(_MANY, 1)
    progress.tell("viewers")
    viewer_kib = await _viewers(_MANY)
    progress.tell("pages")
    page_kib, samples = await _pages(_PAGES)
    connected = min(_CROWD, files_max() - _FILES_KEPT)
    progress.tell(f"{connected:,} visitors")
    pages = _CROWD_PAGES * connected // _CROWD
    crowd_kib, whole = await _visitors(connected, pages)
    base = whole - crowd_kib * 1024 * connected
    gib = (base + crowd_kib * 1024 * _CROWD) / 2**30
    said = "" if connected == _CROWD else f", from {connected:,} on {pages:,}"
    return [
        Figure("memory, a connected visitor", visitor_kib, "KiB", target=at_most(15), about={"visitors": _MANY}),
        Figure("memory, a viewer", viewer_kib, "KiB", target=at_most(20), about={"viewers": _MANY}),
        Figure("memory, a live page with its whole window", page_kib, "KiB", target=at_most(64), about={"samples_a_page": samples}),
        Figure(
            f"memory, {_CROWD:,} visitors on {_CROWD_PAGES:,} pages{said}",
            gib,
            "GiB",
            target=at_most(2.5),
            about={"connected": connected, "pages": pages, "kib_each": crowd_kib, "server_mib": whole / 2**20, "files_max": files_max()},
        ),
    ]
