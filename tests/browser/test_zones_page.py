"""The zones page in a real browser: each test is one of its promises. What it hears comes from a `Scene`; the last test is of the real server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from axe import complaints
from chromium import NewPage
from dashboard_server import Scene, dashboard_server, now_ms, zone
from playwright.async_api import Page, expect
from tests.serving import batch, eventually, start

HACK = "<img src=x onerror=\"document.title='hacked'\">"
LONG = "a-part-of-the-page-with-the-longest-name-that-a-tracker-will-send-us"
LEAGUE = [
    zone("offers", 0.4, trend=1.5),
    zone("add-to-bag", 0.3, clicks=50, trend=2 / 3),
    zone("#main>0>2", 0.2, trend=0.5),
    zone("/p/lamp", 0.005),
    zone(LONG, 0.004),
]


@pytest.fixture
def scene() -> Scene:
    found = Scene()
    found.populate(3)
    found.zones = {"/": [dict(one) for one in LEAGUE]}
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def address(scene: Scene) -> AsyncIterator[str]:
    async with dashboard_server(scene) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def page(address: str, new_page: NewPage) -> Page:
    """A page that is closed before its server is."""
    return await new_page()


def names(tab: Page) -> Any:
    return tab.locator(".zone .what bdi")


async def test_a_page_of_the_dashboard_opens_its_zones_those_with_most_attention_first(page: Page, scene: Scene, address: str) -> None:
    """From the card to the table: share, people, clicks, and the trend in a word; no figure is made up where there is too little."""
    await page.goto(address)
    await page.get_by_role("link", name="Zones of /", exact=True).click()
    await page.wait_for_url(f"{address}/zones?page=%2F&site=default")
    await expect(names(page)).to_have_text(["offers", "add-to-bag", "#main>0>2", "/p/lamp", LONG])
    rows = page.locator(".zone")
    await expect(rows.nth(0).locator("td")).to_have_text(["40 %", "16", "36", re.compile("up 50 %")])
    await expect(rows.nth(2).locator(".trend")).to_have_text(re.compile("down 50 %"))
    await expect(rows.nth(3).locator(".trend")).to_have_text(re.compile("too few to tell"))
    await expect(rows.nth(3).locator(".what")).to_contain_text("link")
    await expect(page.locator(".order")).to_have_text("41 people in the last 5 min")
    await expect(page.locator(".hint")).to_contain_text("data-heat-zone")


async def test_figures_tick_and_the_order_follows_without_a_row_being_made_anew(page: Page, scene: Scene, address: str) -> None:
    """The same element is the same zone, wherever it stands; and while somebody points at the table it holds still."""
    await page.goto(f"{address}/zones?page=/")
    await expect(names(page)).to_have_count(5)
    await page.evaluate("window.row = document.querySelector('[data-key=\"add-to-bag\"]')")
    await page.locator(".zone").nth(1).hover()
    scene.zones["/"][1]["share"] = 0.9
    await expect(page.locator(".zone").nth(1).locator(".share")).to_have_text("90 %")
    await expect(page.locator(".order")).to_contain_text("held")
    await expect(names(page).first).to_have_text("offers")
    await page.mouse.move(5, 300)
    await expect(names(page).first).to_have_text("add-to-bag")
    assert await page.evaluate("window.row.isConnected && window.row === document.querySelector('.zone')")


async def test_rage_and_dead_clicks_stand_there_where_the_server_knows_them(page: Page, scene: Scene, address: str) -> None:
    """A column that no zone has is not shown; any column sorts, by keyboard too."""
    await page.goto(f"{address}/zones?page=/")
    await expect(page.locator("thead th")).to_have_text(["Zone", "Attention", "People", "Clicks", "Trend"])
    for one in scene.zones["/"]:
        one["rage"] = 7 if one["zone"] == "/p/lamp" else 0
    await expect(page.locator("thead th")).to_have_text(["Zone", "Attention", "People", "Clicks", "Rage clicks", "Trend"])
    await page.get_by_role("button", name="Rage clicks").press("Enter")
    await expect(names(page).first).to_have_text("/p/lamp")
    await expect(page.locator("th.rage")).to_have_attribute("aria-sort", "descending")
    await page.get_by_role("button", name="Clicks", exact=True).press("Enter")
    await expect(names(page).first).to_have_text("add-to-bag")


async def test_another_page_is_chosen_and_stands_in_the_address(page: Page, scene: Scene, address: str) -> None:
    """Without a page it begins with the hottest; one that nobody is on says so; a search leaves what has all words."""
    await page.goto(f"{address}/zones")
    await expect(names(page)).to_have_count(5)
    await page.keyboard.press("/")
    await page.keyboard.type("to add")
    await expect(names(page)).to_have_text(["add-to-bag"])
    await page.keyboard.press("Escape")
    await page.get_by_label("Page", exact=True).select_option("default/p/console")
    await expect(page.get_by_role("heading", name="Nobody is on this page")).to_be_visible()
    assert page.url == f"{address}/zones?page=%2Fp%2Fconsole"
    scene.zones["/p/console"] = [zone("buy", 1.0)]
    await expect(names(page)).to_have_text(["buy"])


async def test_rows_stand_by_the_figures_that_are_read(page: Page, scene: Scene, address: str) -> None:
    """Looked at after every change of the document: shares that cross by a little each second are never out of order under the sort arrow."""
    await page.goto(f"{address}/zones?page=/")
    await expect(names(page)).to_have_count(5)
    await page.evaluate("""() => {
        window.wrong = [];
        const look = () => {
            const shares = [...document.querySelectorAll("td.share")].map((cell) => parseFloat(cell.textContent));
            if (shares.some((share, at) => at > 0 && share > shares[at - 1])) window.wrong.push(shares);
        };
        new MutationObserver(look).observe(document.getElementById("league"), { subtree: true, childList: true, characterData: true });
    }""")
    for first, second in ((0.33, 0.34), (0.36, 0.35), (0.35, 0.36)):
        scene.zones["/"][0]["share"], scene.zones["/"][1]["share"] = first, second
        await expect(names(page).first).to_have_text("offers" if first > second else "add-to-bag")
    assert await page.evaluate("window.wrong") == []


@pytest.mark.parametrize("width", [390, 1440])
async def test_before_the_first_visitor_it_says_what_to_do(new_page: NewPage, width: int) -> None:
    """No empty list to choose from: what zones are, and the way to the tag."""
    scene = Scene()
    async with dashboard_server(scene) as address:
        page = await new_page()
        await page.set_viewport_size({"width": width, "height": 800})
        await page.goto(f"{address}/zones")
        await expect(page.get_by_role("heading", name="No visitor has come yet")).to_be_visible()
        await expect(page.locator("select, #search")).to_have_count(0)
        assert await complaints(page) == []
        await page.get_by_role("link", name="Put Isotherm on your site").click()
        await expect(page.get_by_role("heading", name="Put Isotherm on your site")).to_be_visible()
        await page.close()


async def test_a_server_that_can_t_tell_says_why(page: Page, scene: Scene, address: str, console: Any) -> None:
    """Its own words stand there, not an empty table, until it can."""
    console.expect("503")
    scene.zones_error = (503, "zones are being mended")
    await page.goto(f"{address}/zones?page=/")
    await expect(page.locator(".empty")).to_contain_text("zones are being mended")
    scene.zones_error = None
    await expect(names(page)).to_have_count(5)


async def test_any_time_can_be_chosen_and_stands_in_the_address(page: Page, scene: Scene, address: str) -> None:
    """The last hour, today, or from one time to another; what was asked of the server is that range, and a link opens it again."""
    scene.past_zones["/"] = [zone("before", 1.0)]
    await page.goto(f"{address}/zones?page=/")
    await expect(names(page)).to_have_count(5)
    await page.get_by_role("button", name="1 h").press("Enter")
    await expect(names(page)).to_have_text(["before"])
    await expect(page.locator(".order")).to_contain_text("300 people in 1 h from")
    await expect(page.locator(".hint")).to_contain_text("1 zone with too few people is not shown")
    assert abs(int(scene.asked_zones[-1]["from"]) + 3_600_000 - now_ms()) < 60_000
    await page.get_by_role("button", name="Any").click()
    await page.get_by_label("from").fill("2026-01-02T03:04")
    await page.get_by_label("to", exact=True).fill("2026-01-03T03:04")

    async def asked() -> bool:
        last = scene.asked_zones[-1]
        return int(last.get("to", 0)) - int(last.get("from", 0)) == 86_400_000

    await eventually(asked)
    await expect(page.locator(".order")).to_contain_text("in 1 d from")
    link = page.url
    await page.get_by_role("button", name="5 min, live").click()
    await expect(names(page)).to_have_count(5)
    assert page.url == f"{address}/zones?page=%2F"
    await page.goto(link)
    await expect(names(page)).to_have_text(["before"])
    await expect(page.get_by_label("from")).to_have_value("2026-01-02T03:04")


async def test_what_is_hotter_than_usual_says_so(page: Page, scene: Scene, address: str) -> None:
    """Once there is a week: a mark on the zone, with how much there was and how much there usually is."""
    told = {"zone": "offers", "now": 540, "usual": 290.0, "most": 401.0, "times": 1.86, "hotter": True}
    scene.usual_zones = [told, told | {"zone": "add-to-bag", "hotter": False}]
    await page.goto(f"{address}/zones?page=/")
    await expect(page.locator(".unusual")).to_have_count(1)
    await expect(page.locator('[data-key="offers"] .unusual')).to_contain_text("hotter than usual")
    await expect(page.locator(".unusual")).to_have_attribute("title", re.compile("540 in the last hour.*290 on average, 401 at most"))


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_it_is_accessible_and_fits(scene: Scene, address: str, new_page: NewPage, theme: str) -> None:
    """axe finds nothing, on a desk and on a phone; nothing sticks out to the side of the page."""
    for one in scene.zones["/"]:
        one |= {"rage": 1, "dead": 2}
    scene.usual_zones = [{"zone": "offers", "now": 540, "usual": 290.0, "most": 401.0, "times": 1.86, "hotter": True}]
    for width, height in [(1440, 900), (1024, 768), (390, 844)]:
        tab = await new_page(viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce")
        await tab.goto(f"{address}/zones?page=/")
        await expect(names(tab)).to_have_count(5)
        assert await tab.evaluate("document.documentElement.scrollWidth") <= width
        await expect(tab.locator(".unusual")).to_be_visible()
        assert await complaints(tab) == [], f"{width} px"
        await tab.get_by_role("button", name="Any").click()
        await expect(tab.get_by_label("from")).to_be_visible()
        assert await complaints(tab) == [], f"{width} px, any time"
        assert await tab.evaluate("document.documentElement.scrollWidth") <= width


async def test_names_that_visitors_made_are_text_and_end_where_they_end(tmp_path: Path, new_page: NewPage) -> None:
    """The real server's zones: markup in a name is shown as it is, and letters that turn the direction of writing turn nothing beside it."""
    served = await start(tmp_path, "--open-heat", "--trust-senders")
    body = batch(1, [100, 200, 300, 400], anchors=[HACK, "\u202egnp.x"], anchor=[0, 0, 0, 1])
    async with aiohttp.ClientSession() as http, http.post(f"{served.address}/clickstream", json=body) as answer:
        assert answer.status == 202
    page = await new_page()
    await page.goto(f"{served.address}/zones?page=/p/1")
    await expect(names(page)).to_have_text([HACK, "\u202egnp.x"])
    assert await page.locator("img[src=x]").count() == 0
    assert await page.title() == "Zones · Isotherm"
    bidi = "all => all.map(one => getComputedStyle(one).unicodeBidi)"
    assert await names(page).evaluate_all(bidi) == ["isolate", "isolate"]
    await page.goto(served.address)
    assert await page.locator(".caption h3").first.evaluate("one => getComputedStyle(one).unicodeBidi") == "isolate"
    await page.context.close()
    await served.stop()
