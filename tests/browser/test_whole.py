"""The whole product in a real browser: a mouse over the demo's shop, heat under it in the overlay and in the frames, then nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio
from chromium import NewPage
from heat_pixels import CONTEXT
from playwright.async_api import Page, expect
from tests.serving import Served, apply, decode_frame, eventually, start

GRID = 50
PAGE = "/shop/p/console"
ALPHA = f"([cell, size]) => {CONTEXT}.getImageData(cell % size, Math.floor(cell / size), 1, 1).data[3]"
DOCUMENT = """() => ({ width: Math.max(document.documentElement.scrollWidth, document.body.scrollWidth), y: scrollY,
height: Math.max(document.documentElement.scrollHeight, document.body.scrollHeight) })"""


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[Served]:
    """The demo without its simulated visitors, with a short window."""
    served = await start(tmp_path / "data", "--visitors", "0", "--no-browser", "--window", "6s", command="demo")
    yield served
    await served.stop()


async def tile_under(page: Page, x: float, y: float) -> int:
    """The cell that a mouse at this place of the window is counted on, by the public interface's formula."""
    document = await page.evaluate(DOCUMENT)
    column = min(GRID - 1, int(GRID * x / document["width"]))
    row = min(GRID - 1, int(GRID * (y + document["y"]) / document["height"]))
    return row * GRID + column


async def test_a_real_mouse_warms_the_tile_under_it_and_it_cools(demo: Served, new_page: NewPage) -> None:
    """Scrolled too; seen in the overlay on the very page and in the socket's frames; cold after a window without events."""
    visitor = await new_page()
    await visitor.goto(demo.address + PAGE)
    dashboard = await new_page()
    await dashboard.goto(demo.address)
    await visitor.mouse.move(300, 300)
    await visitor.mouse.move(310, 320, steps=4)
    async with dashboard.context.expect_page() as opening:
        await dashboard.get_by_role("button", name=f"Open overlay on {PAGE}").click(timeout=20_000)
    overlay = await opening.value
    await expect(overlay.locator("isotherm-overlay")).to_be_attached()

    async def beside() -> bool:
        return len(overlay.workers) == 1

    await eventually(beside)  # Isotherm's own pages let it have its worker
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{demo.ws}/live?page={PAGE}") as live:
        picture: dict[int, int] = {}

        async def warm(cell: int) -> bool:
            nonlocal picture
            picture = apply(picture, decode_frame((await live.receive(timeout=10)).data))
            return picture.get(cell, 0) > 0

        scrolled = 0
        for x, y, scroll in ((640.0, 400.0, 0), (200.0, 500.0, 300), (1000.0, 200.0, 300)):
            if scroll:
                scrolled += scroll
                await visitor.mouse.wheel(0, scroll)
                await visitor.wait_for_function("(at) => scrollY === at", arg=scrolled)  # else it moves on under the mouse
            cell = await tile_under(visitor, x, y)
            await visitor.mouse.move(x - 30, y - 10)
            await visitor.mouse.move(x, y, steps=5)
            await eventually(lambda at=cell: warm(at))
            await overlay.wait_for_function(f"(place) => ({ALPHA})(place) > 0", arg=[cell, GRID])
        quiet = await tile_under(visitor, 40.0, 680.0)
        assert await overlay.evaluate(ALPHA, [quiet, GRID]) == 0

        async def cold() -> bool:
            nonlocal picture
            picture = apply(picture, decode_frame((await live.receive(timeout=10)).data))
            return not picture

        await visitor.context.close()
        await eventually(cold, timeout_s=30)
        await overlay.wait_for_function(
            f"() => {{ const context = {CONTEXT}, {{ canvas }} = context;"
            " return context.getImageData(0, 0, canvas.width, canvas.height).data.every((byte, at) => at % 4 !== 3 || !byte); }"
        )
    await asyncio.gather(overlay.close(), dashboard.close())


async def test_quick_clicks_on_one_spot_show_as_rage(demo: Served, new_page: NewPage) -> None:
    """They are a kind of their own in the overlay and on the socket; single clicks elsewhere are not."""
    visitor, viewer = await new_page(), await new_page()
    await visitor.goto(demo.address + PAGE)
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{demo.ws}/live?page={PAGE}&kind=rage") as live:
        async with http.post(f"{demo.address}/api/overlay-token", json={"site": "default"}) as answer:
            token = (await answer.json())["token"]
        await viewer.goto(f"{demo.address}{PAGE}#isotherm={token}")
        overlay = viewer.locator("isotherm-overlay")
        await overlay.get_by_role("radio", name="Rage").check(force=True)
        await expect(overlay.get_by_text("clicked in a rage")).to_be_visible()
        calm, angry = await tile_under(visitor, 40.0, 600.0), await tile_under(visitor, 30.0, 300.0)
        picture: dict[int, int] = {}

        await visitor.mouse.click(40, 600)

        async def furious() -> bool:
            nonlocal picture
            for _ in range(4):
                await visitor.mouse.click(30, 300, delay=30)  # a second one within 20 ms is a label's
            picture = apply(picture, decode_frame((await live.receive(timeout=10)).data))
            return picture.get(angry, 0) > 2

        await eventually(furious)
        assert calm not in picture
        await viewer.wait_for_function(f"(place) => ({ALPHA})(place) > 0", arg=[angry, GRID])
        assert await viewer.evaluate(ALPHA, [calm, GRID]) == 0
        await expect(overlay.get_by_text("rage clicks a tile")).to_be_visible()
    await viewer.close()


async def test_the_viewers_own_mouse_is_not_tracked(demo: Served, new_page: NewPage) -> None:
    """Whoever watches a page does not warm it."""
    visitor = await new_page()
    await visitor.goto(demo.address + PAGE)
    dashboard = await new_page()
    await dashboard.goto(demo.address)
    await visitor.mouse.move(300, 300)
    await visitor.mouse.move(310, 320, steps=4)
    async with dashboard.context.expect_page() as opening:
        await dashboard.get_by_role("button", name=f"Open overlay on {PAGE}").click(timeout=20_000)
    overlay = await opening.value
    await expect(overlay.locator("isotherm-overlay")).to_be_attached()
    for step in range(20):
        await overlay.mouse.move(900 + step, 600)
    await visitor.mouse.move(500, 200, steps=4)
    cell = await tile_under(visitor, 500, 200)
    await overlay.wait_for_function(f"(place) => ({ALPHA})(place) > 0", arg=[cell, GRID])
    async with aiohttp.ClientSession() as http, http.get(f"{demo.address}/api/pages") as answer:
        (page,) = (await answer.json())["pages"]
    assert page["visitors"] == 1
    assert await overlay.evaluate(ALPHA, [await tile_under(overlay, 910, 600), GRID]) == 0
