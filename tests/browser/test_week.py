"""A week and a day of a shop's zones in the history, then a crowd on one of them: the real server, and what its zones page says."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from axe import complaints
from chromium import NewPage
from playwright.async_api import expect
from tests.history.test_zones import Row, zoned
from tests.serving import batch, start

from isotherm.core.tiers import DAY_MS, HOUR_MS, MINUTE_MS
from isotherm.history import History, Retention

USUAL = {"offers": 6, "add-to-bag": 6, "size-guide": 2}  #: samples of a visitor
QUARTER_MS = 15 * MINUTE_MS


def week(until_ms: int, seed: int = 1) -> list[list[Row]]:
    """Eight days of visitors, a list a quarter of an hour: from three at night to nine by day."""
    chance = random.Random(seed)
    quarters = []
    for begun_ms in range(until_ms - 8 * DAY_MS, until_ms - QUARTER_MS, QUARTER_MS):
        visitors = round(6 - 3 * math.cos(2 * math.pi * (begun_ms % DAY_MS / DAY_MS - 1 / 8)))
        quarters.append(
            [
                (begun_ms + chance.randrange(QUARTER_MS), zone, int(chance.random() < 0.05), f"{begun_ms}-{visitor}", chance.randint(1, 2 * usual))
                for visitor in range(visitors)
                for zone, usual in USUAL.items()
            ]
        )
    return quarters


async def keep(data: Path, quarters: list[list[Row]]) -> None:
    """The week's counts go into the server's history as its records' do; their log is gone since."""
    history = History(data / "history.sqlite", grid_size=50, hop_ms=250, window_ms=300_000, retention=Retention())
    history.open()
    for number, rows in enumerate(quarters):
        history.add(zoned(*rows, page="default/p/1"), number, rows[0][0])
    await history.close()


def usual(rows: list[Row], zone: str, at_ms: int) -> list[float]:
    """Brute force: its samples on each of the seven days before, of this hour and the one before by how far this one has come."""
    this, passed = at_ms // HOUR_MS, at_ms % HOUR_MS / HOUR_MS
    hours = [(row[0] // HOUR_MS, row[4]) for row in rows if row[1] == zone]
    return [
        sum(count * (passed if hour == this - 24 * day else 1 - passed) for hour, count in hours if this - hour - 24 * day in (0, 1))
        for day in range(1, 8)
    ]


@pytest.mark.nightly
async def test_a_zone_that_is_hotter_than_in_a_whole_week_is_told(tmp_path: Path, new_page: NewPage) -> None:
    """A crowd on the offers: they are hotter than usual, by as much as a brute-force count of the week says; all else is as ever."""
    quarters = week(int(time.time() * 1000))
    await keep(tmp_path, quarters)
    served = await start(tmp_path, "--open-heat", "--trust-senders")
    body = [
        batch(1, [100.0] * 210, session=f"new-{visitor}", load=f"l{visitor}", anchors=["offers", "add-to-bag"], anchor=[0] * 200 + [1] * 10)
        for visitor in range(8)
    ]
    async with aiohttp.ClientSession(served.address) as http:
        for one in body:
            async with http.post("/clickstream", json=one) as answer:
                assert answer.status == 202
        page = await new_page()
        await page.goto(f"{served.address}/zones?page=/p/1")
        told = page.locator(".zone", has=page.locator(".unusual"))
        await expect(told).to_have_count(1)
        await expect(told.locator(".what bdi")).to_have_text("offers")
        async with http.get("/api/zones/usual", params={"page": "/p/1"}) as answer:
            found: dict[str, Any] = await answer.json()
    rows = [row for quarter in quarters for row in quarter]
    assert {one["zone"] for one in found["zones"]} == set(USUAL)
    for one in found["zones"]:
        days = usual(rows, one["zone"], found["at"])
        assert one["usual"] == pytest.approx(sum(days) / 7, abs=0.06)
        assert one["most"] == pytest.approx(max(days), abs=0.06)
        assert one["hotter"] == (one["zone"] == "offers")
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # a literal of its own
        for width in (390, 1024, 1440):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await complaints(page) == []
    await page.context.close()
    assert await served.stop() == 0
