"""The demo's shop answers to what is hot: the product that a crowd looks at rises to the top of the home page, and sinks again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
from chromium import NewPage
from playwright.async_api import expect
from tests.serving import Served, batch, start

ORDER = "() => [...document.querySelectorAll('.grid-popular > .card')].map((card) => card.dataset.product)"


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> Any:
    """The demo without its simulated visitors, with a short window."""
    served = await start(tmp_path / "data", "--visitors", "0", "--no-browser", "--window", "8s", command="demo")
    yield served
    await served.stop()


async def crowd(served: Served, zone: str, people: int) -> None:
    """Visitors of the home page who look at a zone, each some samples."""
    async with aiohttp.ClientSession() as http:
        for number in range(people):
            places = {"anchors": [zone], "anchor": [0] * 8}
            message = batch(0, [500.0] * 8, path="/shop/", session=f"{zone}-{number}", load=f"{zone}-{number}", **places)
            async with http.post(f"{served.address}/clickstream", data=json.dumps(message)) as answer:
                assert answer.status == 202


async def test_what_a_crowd_looks_at_rises_to_the_top_and_goes_back(demo: Served, new_page: NewPage) -> None:
    """For a visitor who is on the page already, and for one who comes later; marked for as long as it is hot."""
    visitor = await new_page()
    await visitor.goto(demo.address + "/shop/")
    before = await visitor.evaluate(ORDER)
    assert before[0] != "lamp"
    await visitor.mouse.move(300, 300)
    await visitor.mouse.move(320, 300, steps=3)
    card = visitor.locator(".grid-popular > .card[data-product=lamp]")
    began_s = time.monotonic()
    await crowd(demo, "product-lamp", 5)
    await expect(card.get_by_text("Popular now")).to_be_visible()
    print(f"from the crowd to the changed page: {time.monotonic() - began_s:.2f} s")
    assert (await visitor.evaluate(ORDER))[0] == "lamp"
    await visitor.set_viewport_size({"width": 390, "height": 844})
    mark, add = await card.get_by_text("Popular now").bounding_box(), await card.locator(".card-add").bounding_box()
    assert mark is not None
    assert add is not None
    assert mark["x"] + mark["width"] <= add["x"] or mark["y"] >= add["y"] + add["height"], "on a phone the mark leaves the button free"
    await crowd(demo, "product-lamp", 5)
    await expect(card.get_by_text("Popular now")).to_have_count(0)
    assert await visitor.evaluate(ORDER) == before, "it stands where it stood"


async def test_a_mouse_on_a_card_counts_for_its_product(demo: Served, new_page: NewPage) -> None:
    """A real browser's samples on any part of a card are that product's zone, in the league table of the page."""
    visitor = await new_page()
    await visitor.goto(demo.address + "/shop/")
    card = visitor.locator(".grid-popular > .card[data-product=turntable]")
    await card.scroll_into_view_if_needed()
    box = await card.bounding_box()
    assert box is not None
    await visitor.mouse.move(box["x"] + 40, box["y"] + 40)
    await visitor.mouse.move(box["x"] + 60, box["y"] + box["height"] - 30, steps=12)

    async with aiohttp.ClientSession() as http:
        zones: list[dict[str, Any]] = []
        while not any(zone["zone"] == "product-turntable" for zone in zones):
            async with http.get(f"{demo.address}/api/zones?page=/shop/") as answer:
                zones = (await answer.json())["zones"]
            await visitor.wait_for_timeout(50)
    assert next(zone for zone in zones if zone["zone"] == "product-turntable")["people"] == 1
