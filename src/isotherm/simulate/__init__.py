"""Visitors that move, read, scroll, click and leave like people, over the public interfaces only.

    paths      how a hand moves                       layout   where pages have what people look at
    pointer    what a tracker sees of it              story    what everybody talks about, and when
    habits     what one visitor does                  people   who comes, on which device
    crowd      how many are there                     outbox   batches sent and not yet acknowledged
    clients    visitors in real time, one socket each replay   recorded events, sent again

All but `clients` and `replay` are pure: time and chance are handed in, so a seed gives the same crowd.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

import aiohttp

from isotherm.certificates import verified
from isotherm.simulate.clients import Refused, Street
from isotherm.simulate.crowd import Crowd
from isotherm.simulate.layout import LAYOUT_PATH, Site, decode, generic
from isotherm.simulate.people import DEVICES
from isotherm.simulate.report import Report

__all__ = ["Refused", "Report", "simulate"]

_LOOK_S: Final = 0.25  #: how often it is looked whether somebody should come in
_TELL_S: Final = 1.0
_REACH_S: Final = 10.0


async def simulate(
    url: str,
    *,
    visitors: int,
    seconds: float | None = None,
    seed: int = 1,
    site: str = "default",
    pages: Sequence[str] | None = None,
    on_progress: Callable[[Report], object] | None = None,
) -> Report:
    """Sends up to ``visitors`` at once over the server at ``url``, for so long, or until it is cancelled.

    They walk over the demo shop where the server has it, else over made-up layouts of ``pages``. ``on_progress`` gets the
    (growing) report each second. At the end all that was gathered is sent and its answers are waited for. Raises `Refused`,
    `LayoutError`, or `aiohttp.ClientError` where the server can't be reached at first; later it is tried again and again.
    """
    report = Report()
    began_s = time.monotonic()

    def now_ms() -> float:
        return (time.monotonic() - began_s) * 1000

    connector = aiohttp.TCPConnector(limit=0, ssl=verified())
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=_REACH_S)) as http:
        layout, origin = await _layout(http, url, pages)
        crowd = Crowd(layout, visitors=visitors, seed=seed)
        address = f"{url.rstrip('/')}/clickstream/{{session}}?site={quote(site, safe='')}"
        street = Street(http, address, report, now_ms, origin)
        walks: set[asyncio.Task[None]] = set()
        told_s = 0.0
        try:
            while (elapsed_s := now_ms() / 1000) < (seconds if seconds is not None else float("inf")):
                for steps in crowd.newcomers(now_ms(), len(walks)):
                    walks.add(asyncio.create_task(street.walk(steps)))
                report.seconds = elapsed_s
                if on_progress and elapsed_s - told_s >= _TELL_S:
                    told_s = elapsed_s
                    on_progress(report)
                done, walks = await asyncio.wait(walks, timeout=_LOOK_S) if walks else (set(), walks)
                for walk in done:
                    walk.result()
            street.close()
            await asyncio.gather(*walks)
        finally:
            for walk in walks:
                walk.cancel()
            if walks:
                await asyncio.wait(walks)
        report.seconds = now_ms() / 1000
    return report


async def _layout(http: aiohttp.ClientSession, url: str, pages: Sequence[str] | None) -> tuple[Site, str | None]:
    """The layout that the server has of its shop, and the shop's origin; made up, and without one, where it has none or where other
    pages are asked for."""
    widths_px = [device.width_px for device, _share in DEVICES]
    if pages:
        return generic(pages, widths_px), None
    async with http.get(url.rstrip("/") + LAYOUT_PATH) as answer:
        if answer.status != 200:
            return generic(["/"], widths_px), None
        return decode(await answer.read()), str(answer.url.origin())
