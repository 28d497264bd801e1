"""The look by what is in view, in a real Chromium: its bands and lines, what it says, and when it asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
from axe import complaints
from chromium import Console, NewPage
from live_stage import Stage, stage
from playwright.async_api import Page, expect
from test_overlay import SHOP, frames, show
from tests.serving import Served, batch, start

BANDS = 50
PAGE = "/shop/p/console"
OVERLAY = "isotherm-overlay"
#: Each band's opacity, 0 … 255.
ALPHAS = """() => { const canvas = document.querySelector("isotherm-overlay").shadowRoot.querySelector(".bands");
return [...canvas.getContext("2d").getImageData(0, 0, 1, canvas.height).data].filter((_, at) => at % 4 === 3); }"""
#: Where lines stand, in the document.
LINES = """() => [...document.querySelector("isotherm-overlay").shadowRoot.querySelectorAll(".waterline")].map((line) => {
const box = line.getBoundingClientRect(); return [line.className, box.top + scrollY, box.width]; })"""


def exposure(people: list[int], *, seconds: float = 10.0, fold: float | None = 0.18) -> tuple[int, dict[str, Any]]:
    """So many people had each band in view, each for so long."""
    most = max(people)
    bands = [{"seconds": seconds * n, "people": n, "share": n / most if most else 0.0} for n in people]
    return 200, {"start": 0, "end": 300_000, "people": most, "grid-size": len(people), "fold": fold, "hidden-bands": 0, "bands": bands}


@pytest_asyncio.fixture(loop_scope="session")
async def scene(console: Console) -> AsyncIterator[Stage]:
    async with stage() as now:
        now.pages["*"] = SHOP
        now.exposure = exposure([40] * 9 + [31] * 11 + [25] * 10 + [12] * 10 + [0] * 10)
        yield now
        console.rest()


def asked(scene: Stage) -> list[dict[str, str]]:
    return [query for path, query in scene.looked if path == "/api/exposure"]


async def asks_again(scene: Stage, times: int = 1) -> None:
    """Returns once it was asked so often from now on."""
    target = len(asked(scene)) + times
    async with asyncio.timeout(20):
        while len(asked(scene)) < target:
            await asyncio.sleep(0.02)


async def test_bands_and_lines_stand_where_people_got_to(page: Page, scene: Stage) -> None:
    """Hotter the longer in view, clear where nobody got; the lines below the last band of so many people; the tip says it in words."""
    await show(page, scene, device="all")
    assert asked(scene) == []
    await page.get_by_role("radio", name="Scroll", exact=True).check()
    lines = page.locator(f"{OVERLAY} .waterline")
    await expect(lines).to_have_count(4)
    height = await page.evaluate("document.documentElement.scrollHeight")
    found = await page.evaluate(LINES)
    for (_, top, width), share in zip(found, (0.18, 0.4, 0.6, 0.8), strict=True):
        assert abs(top - share * height) < 2
        assert width == 1280
    labels = ["Average first screen ends here", *(f"{part} % of people got to here" for part in (75, 50, 25))]
    await expect(page.locator(f"{OVERLAY} .label")).to_have_text(labels)
    alphas = await page.evaluate(ALPHAS)
    assert len(alphas) == BANDS
    assert len(set(alphas)) == 5
    assert alphas == sorted(alphas, reverse=True)
    assert alphas[39] > alphas[40] == 0
    await expect(page.locator(f"{OVERLAY} canvas.heat")).to_be_hidden()
    await page.mouse.move(500, 0.15 * height)
    tip = page.locator(f"{OVERLAY} .tip:visible")
    await expect(tip).to_have_text("In view for 6 min 40 s, by 40 people100 % of the 40 who were on this page")
    await page.mouse.wheel(0, 0.7 * height)
    await page.wait_for_function("scrollY > 0")
    await expect(page.locator(f"{OVERLAY} .legend")).to_contain_text("40 people in 5 min")
    await expect(page.locator(f"{OVERLAY} .kind")).to_be_hidden()
    assert await complaints(page) == []


async def test_it_asks_once_a_second_while_it_is_looked_at(page: Page, scene: Stage) -> None:
    """With the pass and of the device class that is chosen; what comes back as it was draws nothing; hidden, or another look: not asked."""
    await show(page, scene, device="mobile", look="scroll")
    await asks_again(scene, 2)
    assert asked(scene)[-1] == {"page": "/p/1", "device": "mobile", "site": "default"}
    await page.evaluate("""() => { window.drawn = 0; const shadow = document.querySelector("isotherm-overlay").shadowRoot;
        new MutationObserver(() => { window.drawn += 1; }).observe(shadow.querySelector(".bands").parentElement, { subtree: true, childList: true, attributes: true }); }""")
    await asks_again(scene, 2)
    assert await page.evaluate("window.drawn") == 0
    scene.exposure = exposure([8] * 25 + [0] * 25)
    await expect(page.locator(f"{OVERLAY} .label")).to_have_text(["Average first screen ends here", "75 % of people got to here"])
    for key, back in (("h", "h"), ("l", None)):
        await page.keyboard.press(key)
        await frames(page)
        before = len(asked(scene))
        await page.wait_for_timeout(1500)
        assert len(asked(scene)) <= before + 1  # one that was on its way
        settled_at = len(asked(scene))
        await page.wait_for_timeout(1200)
        assert len(asked(scene)) == settled_at
        if back:
            await page.keyboard.press(back)
            await asks_again(scene)
    await expect(page.locator(f"{OVERLAY} .bands")).to_be_hidden()


async def test_what_is_not_known_is_said_in_words(page: Page, scene: Stage, console: Console) -> None:
    """Nobody yet; a server that knows of the past only, which is not asked again of now, but of the hour."""
    scene.exposure = exposure([0] * BANDS, fold=None)
    await show(page, scene, device="all", look="scroll")
    notice = page.locator(f"{OVERLAY} .notice")
    await expect(notice).to_contain_text("Nobody had this page in view in the last 5 min")
    await expect(page.locator(f"{OVERLAY} .waterline")).to_have_count(0)
    console.expect("501")
    scene.exposure = (501, {"error": "on Kafka exposure is known of ranges only"})
    await expect(notice).to_contain_text("Not known of now")
    scene.exposure = exposure([4] * BANDS)
    before = len(asked(scene))
    await notice.get_by_role("button", name="Show the last hour").click()
    await expect(page.locator(f"{OVERLAY} .label").last).to_have_text("75 % of people got to the end")
    assert [set(query) for query in asked(scene)[before:]] == [{"page", "device", "site", "from", "to"}]
    await expect(notice).to_be_hidden()


async def test_on_a_phone_every_label_is_seen_whole(new_page: NewPage, scene: Stage) -> None:
    """At 390 px no label is cut, and none lies over another, however near their lines."""
    page = await new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    scene.exposure = exposure([40] * 9 + [31] + [25] + [12] + [0] * 38)
    scene.pages["*"] = SHOP.replace("height: 4000px", "height: 900px")
    await show(page, scene, look="scroll", folded=True)
    labels = page.locator(f"{OVERLAY} .label")
    await expect(labels).to_have_count(4)
    boxes = await labels.evaluate_all("(all) => all.map((one) => [one.getBoundingClientRect().toJSON(), one.scrollWidth <= one.clientWidth])")
    assert all(whole and box["right"] <= 390 and box["left"] >= 0 for box, whole in boxes)
    assert all(above[0]["bottom"] <= below[0]["top"] + 0.5 for above, below in pairwise(boxes))


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[Served]:
    served = await start(tmp_path / "data", "--visitors", "0", "--no-browser", command="demo")
    yield served
    await served.stop()


async def test_of_the_real_server_what_was_scrolled_is_shown(demo: Served, new_page: NewPage) -> None:
    """Three saw the top fifth of the page, one of them the middle too: bands within one of where they were, and the tip of it."""
    viewer = await new_page()
    async with aiohttp.ClientSession() as http:
        for at, kinds in enumerate((["view", "leave"], ["view", "leave"], ["view", "view", "leave"])):
            ages = [4000 * (len(kinds) - nth) for nth in range(len(kinds))]
            down = [0.0, 500.0, 500.0] if at == 2 else [0.0, 0.0]
            seen = batch(0, [0.0] * len(kinds), down, path=PAGE, session=f"s{at}", load=f"l{at}", kind=kinds, age=ages, vh=200)
            async with http.post(f"{demo.address}/clickstream", json=seen) as answer:
                assert answer.status == 202
        async with http.post(f"{demo.address}/api/overlay-token", json={"site": "default"}) as answer:
            token = (await answer.json())["token"]
    await viewer.goto(f"{demo.address}{PAGE}#isotherm={token}")
    await viewer.get_by_role("radio", name="Scroll", exact=True).check()
    await expect(viewer.locator(f"{OVERLAY} .label")).to_have_text([
        "Average first screen ends here", "75 % of people got to here", "25 % of people got to here",
    ])  # fmt: skip
    height = await viewer.evaluate("document.documentElement.scrollHeight")
    tops = [top / height for _, top, _ in await viewer.evaluate(LINES)]
    assert all(abs(top - wanted) <= 1 / BANDS for top, wanted in zip(tops, (0.2, 0.2, 0.7), strict=True)), tops
    await viewer.mouse.move(300, 0.1 * height)
    await expect(viewer.locator(f"{OVERLAY} .tip:visible strong")).to_have_text("In view for 12 s, by 3 people")
