"""Zones drawn in the overlay, the whole way: picked on the page, named, kept by the server, counted, and removed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
from axe import complaints
from chromium import Console
from live_stage import Stage, stage
from playwright.async_api import Page, expect
from tests.serving import Served, batch, eventually, start

SHOP = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><link rel="icon" href="/favicon.ico">
<style>body { margin: 0 } main > * { display: block; width: 400px; height: 100px; background: #eee; margin-bottom: 10px }</style></head>
<body><main id="main"><h1>Shop</h1><section><a href="/p/2">Two</a><b>Three</b></section><p>Text</p></main>
<script>document.querySelector("section").addEventListener("click", () => { document.title = "clicked"; });</script>
<script src="/boot.js"></script></body></html>"""


@pytest_asyncio.fixture(loop_scope="session")
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    running = await start(tmp_path, "--trust-senders")
    yield running
    await running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def scene(served: Served, console: Console) -> AsyncIterator[Stage]:
    """The shop, whose overlay comes from that server and was opened by an operator."""
    async with stage() as now:
        now.host = served.address
        now.pages["*"] = SHOP
        now.token = await _token(served)
        yield now
        console.rest()


async def _token(served: Served, by: str | None = None) -> str:
    headers = {"Authorization": f"Bearer {by or served.token}"}
    async with aiohttp.ClientSession(headers=headers) as http, http.post(f"{served.address}/api/overlay-token", json={"site": "default"}) as answer:
        return str((await answer.json())["token"])


async def _zones(served: Served) -> dict[str, int]:
    headers = {"Authorization": f"Bearer {served.token}"}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(f"{served.address}/api/zones", params={"page": "/"}) as answer:
        return {zone["zone"]: zone["samples"] for zone in (await answer.json())["zones"]}


async def _move(served: Served, seq: int, *anchors: str) -> None:
    columns: dict[str, Any] = {"anchors": list(anchors), "anchor": list(range(len(anchors)))}
    async with aiohttp.ClientSession() as http:
        body = json.dumps(batch(seq, [1.0] * len(anchors), path="/", **columns))
        async with http.post(f"{served.address}/clickstream", data=body) as answer:
            assert answer.status == 202


async def test_a_part_of_the_page_is_picked_named_counted_and_removed(served: Served, scene: Stage, page: Page) -> None:
    """By mouse: the page's own link and listener do not hear the click. What lies on any part of it counts for the zone."""
    await page.goto(scene.shop)
    panel = page.locator("isotherm-overlay .panel")
    await panel.get_by_text("Zones", exact=True).click()
    begin = panel.get_by_role("button", name="Name a part of the page")
    await expect(begin).to_be_enabled()
    await begin.click()
    await page.mouse.move(200, 195)
    await expect(page.locator("isotherm-overlay .picking")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("isotherm-overlay .picking")).to_have_count(0)
    await begin.click()
    box = await page.locator("main section").bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
    await panel.get_by_label("Name of the zone").fill("Offers <b>")
    assert await complaints(page) == []
    await page.keyboard.press("Enter")
    row = panel.locator(".zones li")
    await expect(row).to_contain_text("Offers <b>")
    assert (await page.title(), page.url.rstrip("/")) == ("Shop", scene.shop.rstrip("/"))
    await _move(served, 0, "/p/2", "#main>1", "#main>1>1", "#main>2")

    async def counted() -> bool:
        return await _zones(served) == {"Offers <b>": 3, "#main>2": 1}

    await eventually(counted)
    await row.get_by_role("button", name="Remove Offers <b>").click()
    await expect(row).to_have_count(0)
    await _move(served, 1, "/p/2")

    async def removed() -> bool:
        return (await _zones(served)).get("/p/2") == 1

    await eventually(removed)


async def test_a_part_is_picked_by_keys_and_for_every_page(served: Served, scene: Stage, page: Page) -> None:
    """Arrow keys go through the page's tree; what is wrong with a name is said."""
    await page.goto(scene.shop)
    panel = page.locator("isotherm-overlay .panel")
    await panel.get_by_text("Zones", exact=True).click()
    begin = panel.get_by_role("button", name="Name a part of the page")
    await expect(begin).to_be_enabled()
    await begin.press("Enter")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):  # main, its h1, the section
        await page.keyboard.press(key)
    await page.keyboard.type("Everywhere")
    await panel.get_by_label("On every page that has it").check()
    await panel.get_by_role("button", name="Keep").click()
    await expect(panel.locator(".zones li")).to_contain_text("every page")
    headers = {"Authorization": f"Bearer {served.token}"}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(f"{served.address}/api/zones/drawn") as answer:
        (zone,) = (await answer.json())["zones"]
    assert (zone["name"], zone["page"], sorted(zone["anchors"])) == ("Everywhere", "", ["#main>1", "#main>1>1", "/p/2"])


async def test_who_may_not_draw_is_not_offered_it(served: Served, scene: Stage, page: Page, tmp_path: Path) -> None:
    """An overlay that was opened with the token of one site shows heat, and no more."""
    command = (sys.executable, "-m", "isotherm", "token", "add", "narrow", "--site", "default", "--data", str(tmp_path))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    made, _ = await process.communicate()
    scene.token = await _token(served, made.decode().split()[-1])
    await page.goto(scene.shop)
    await expect(page.locator("isotherm-overlay .status")).to_have_attribute("data-tone", "good")
    await expect(page.locator("isotherm-overlay .drawn")).to_be_hidden()
