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
from chromium import Console, NewPage
from live_stage import Stage, stage
from playwright.async_api import Locator, Page, expect
from tests.serving import Served, batch, eventually, start

SHOP = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><link rel="icon" href="/favicon.ico">
<style>body { margin: 0 } main > * { display: block; width: 400px; height: 100px; background: #eee; margin-bottom: 10px }</style></head>
<body><main id="main"><h1>Shop</h1><section><a href="/p/2">Two</a><b>Three</b></section><p>Text</p></main>
<script>document.querySelector("section").addEventListener("click", () => { document.title = "clicked"; });</script>
<script src="/boot.js"></script></body></html>"""

CARDS = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><link rel="icon" href="/favicon.ico">
<meta name="viewport" content="width=device-width"><style>body { margin: 0; height: 3000px } #row { display: inline-flex; gap: 10px; margin: 20px 10px }
article { width: 100px; background: #eee } article * { display: block; height: 60px; margin: 0 }</style></head><body><main id="main"><div id="row">
<article><a href="/p/1">One</a><p>9</p></article><article><a href="/p/2">Two</a><p>8</p></article><article><a href="/p/3">Three</a><p>7</p></article>
</div></main><script>for (const type of ["pointerdown", "mousedown", "touchstart", "click", "dragstart", "selectstart"])
document.addEventListener(type, (event) => { if (event.target.localName !== "isotherm-overlay") document.title = type; });</script>
<script src="/boot.js"></script></body></html>"""
#: What lies in a rectangle from the first card to the second. The row that holds all three does not.
TWO_CARDS = ["#row>0", "#row>0>1", "#row>1", "#row>1>1", "/p/1", "/p/2"]


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


async def _begin(page: Page) -> Locator:
    """Opens the fold and begins to pick; the panel."""
    panel = page.locator("isotherm-overlay .panel")
    await panel.get_by_text("Zones", exact=True).click()
    begin = panel.get_by_role("button", name="Name a part of the page")
    await expect(begin).to_be_enabled()
    await begin.click()
    return panel


async def test_a_rectangle_takes_all_that_lies_in_it(served: Served, scene: Stage, page: Page) -> None:
    """Dragged from within a link: the page hears none of it, and no link and no text is dragged along. Both cards count for the zone."""
    scene.pages["*"] = CARDS
    await page.goto(scene.shop)
    panel = await _begin(page)
    drawn = page.locator("isotherm-overlay .drawing")
    await page.mouse.move(14, 24)
    await page.mouse.down()
    await page.mouse.move(116, 132, steps=3)
    await expect(drawn).to_have_text("3 parts")
    await page.mouse.move(216, 136)
    await expect(drawn).to_have_text("6 parts")
    await expect(drawn.locator(".outline:visible")).to_have_count(6)
    await page.mouse.up()
    await expect(drawn).to_have_count(0)
    await expect(panel.locator(".drawn .hint")).to_have_text("A zone of 6 parts. What is it called?")
    await page.keyboard.type("Offers")
    await page.keyboard.press("Enter")
    await expect(panel.locator(".zones li")).to_contain_text("Offers")
    assert await page.evaluate("[document.title, location.pathname, String(getSelection())]") == ["Shop", "/", ""]
    await _move(served, 0, *TWO_CARDS, "/p/3", "#row")

    async def counted() -> bool:
        return await _zones(served) == {"Offers": 6, "/p/3": 1, "#row": 1}

    await eventually(counted)


async def test_a_rectangle_around_nothing_or_given_up_makes_no_zone(scene: Stage, page: Page) -> None:
    """What was wrong is said; Escape in the middle of it leaves the release to nobody; afterwards the page has its clicks again."""
    scene.pages["*"] = CARDS
    await page.goto(scene.shop)
    panel = await _begin(page)
    begin = panel.get_by_role("button", name="Name a part of the page")
    drawn = page.locator("isotherm-overlay .drawing")
    await page.mouse.move(20, 300)
    await page.mouse.down()
    await page.mouse.move(120, 400)
    await expect(drawn).to_have_text("Nothing in it yet")
    await page.mouse.up()
    await expect(panel.get_by_text("Nothing lies in that rectangle")).to_be_visible()
    await begin.click()
    await page.mouse.move(14, 24)
    await page.mouse.down()
    await page.mouse.move(216, 136)
    await page.keyboard.press("Escape")
    await expect(drawn).to_have_count(0)
    await page.mouse.up()
    await expect(begin).to_be_focused()
    await expect(panel.get_by_label("Name of the zone")).to_be_hidden()
    await begin.click()
    await panel.get_by_role("button", name="Cancel").click()
    await expect(begin).to_be_focused()
    assert await page.title() == "Shop"
    await page.mouse.click(20, 300)
    await expect(page).to_have_title("click")


async def test_a_finger_draws_and_the_page_scrolls_again_afterwards(scene: Stage, new_page: NewPage) -> None:
    """A touch that goes down the page draws while one picks, and scrolls when that is over."""
    scene.pages["*"] = CARDS
    page = await new_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    await page.goto(scene.shop)
    await page.locator("isotherm-overlay").get_by_role("button", name="Unfold the panel").tap()
    panel = await _begin(page)
    fingers = await page.context.new_cdp_session(page)

    async def touch(kind: str, *at: tuple[int, int]) -> None:
        points = [{"x": x, "y": y} for x, y in at]
        await fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    await touch("touchStart", (216, 136))
    await touch("touchMove", (150, 80))
    await touch("touchMove", (14, 24))
    await expect(page.locator("isotherm-overlay .drawing")).to_have_text("6 parts")
    await touch("touchEnd")
    await expect(panel.get_by_label("Name of the zone")).to_be_focused()
    assert await page.evaluate("[document.title, scrollY]") == ["Shop", 0]
    await panel.get_by_role("button", name="Cancel").click()
    await touch("touchStart", (40, 140))
    for y in (110, 60, 20):
        await touch("touchMove", (40, y))
    await touch("touchEnd")
    await page.wait_for_function("scrollY > 0")


async def test_who_may_not_draw_is_not_offered_it(served: Served, scene: Stage, page: Page, tmp_path: Path) -> None:
    """An overlay that was opened with the token of one site shows heat, and no more."""
    command = (sys.executable, "-m", "isotherm", "token", "add", "narrow", "--site", "default", "--data", str(tmp_path))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    made, _ = await process.communicate()
    scene.token = await _token(served, made.decode().split()[-1])
    await page.goto(scene.shop)
    await expect(page.locator("isotherm-overlay .status")).to_have_attribute("data-tone", "good")
    await expect(page.locator("isotherm-overlay .drawn")).to_be_hidden()
