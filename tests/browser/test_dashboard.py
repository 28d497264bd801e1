"""The dashboard, the topics page and the login page in a real browser: each test is one of their promises.

What they hear comes from a `Scene`, so that states stand still to be looked at; the last tests run against the real server.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe import complaints
from chromium import Console, NewPage
from dashboard_server import Scene, dashboard_server, now_ms, shop, topic
from playwright.async_api import Page, expect
from tests.serving import eventually, start

WIDTHS = [(1440, 900), (1024, 768), (390, 844)]


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest_asyncio.fixture(loop_scope="session")
async def address(scene: Scene) -> AsyncIterator[str]:
    async with dashboard_server(scene) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def page(address: str, new_page: NewPage) -> Page:
    """A page that is closed before its server is."""
    return await new_page()


def titles(tab: Page) -> Any:
    """The pages' paths as they stand, in order."""
    return tab.locator(".page[data-key] h3")


async def order(tab: Page) -> list[str]:
    return await titles(tab).all_text_contents()


async def until_order(tab: Page, paths: list[str]) -> None:
    await expect(titles(tab)).to_have_text(paths, timeout=15_000)


# -- live pages


async def test_live_pages_stand_hottest_first_with_people_and_rates(page: Page, scene: Scene, address: str) -> None:
    """A page is a card with its path, people now and samples a second; the hottest is first."""
    scene.populate(3)
    scene.pages[1] |= {"samples_per_second": 90.0, "visitors": 12}
    await page.goto(address)
    await until_order(page, ["/p/console", "/", "/p/laptop"])
    first = page.locator(".page").first
    await expect(first.locator(".visitors")).to_contain_text("12")
    await expect(first.locator(".rate")).to_contain_text("90.0/s")
    await expect(page.locator(".people .big")).to_have_text("18")
    await expect(page.locator("#page-count")).to_have_text("3")


async def test_pictures_are_asked_for_and_drawn_where_they_are_seen(page: Page, scene: Scene, address: str) -> None:
    """Of five hundred pages only those on the screen cost a picture, and each shows heat in many colours."""
    scene.populate(500)
    await page.goto(address)
    await expect(page.locator("iso-picture.known").first).to_be_visible()
    assert 0 < len(scene.wanted) <= 30
    colours = await page.locator("iso-picture canvas").first.evaluate(
        "c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
    )
    assert colours > 20
    before = set(scene.wanted)
    await page.locator(".page").nth(50).scroll_into_view_if_needed()
    await expect(page.locator(".page").nth(50).locator("iso-picture.known")).to_be_visible()
    assert set(scene.wanted) - before


async def test_numbers_tick_without_moving_anything(page: Page, scene: Scene, address: str) -> None:
    """However the figures change, every box stays where it was."""
    scene.populate(6)
    await page.goto(address)
    await expect(page.locator(".page")).to_have_count(6)
    boxes = "els => els.map(e => e.getBoundingClientRect()).map(b => [b.x, b.y, b.width, b.height].map(Math.round).join())"
    watched = page.locator(".head .tools > *, .now > *, .pulse .label b, .page, .page h3, .toolbar > *")
    before = await watched.evaluate_all(boxes)
    scene.pages[0] |= {"visitors": 4321, "samples_per_second": 998.7}
    scene.pages[5] |= {"visitors": 1, "quiet_ms": 59_000}
    scene.pipeline |= {"visitors": 98_765, "lag_ms": 777, "accepted": 3, "samples_per_second": 12_345.6, "viewers": 1234}
    await expect(page.locator(".page").first.locator(".visitors")).to_contain_text("4,321")
    assert await watched.evaluate_all(boxes) == before


async def test_the_order_is_held_while_somebody_points(page: Page, scene: Scene, address: str) -> None:
    """A card does not slip away under the mouse; once the mouse leaves, the hottest is first again."""
    scene.populate(3)
    await page.goto(address)
    await until_order(page, ["/", "/p/console", "/p/laptop"])
    await page.locator(".page").nth(2).hover()
    await expect(page.locator(".order")).to_contain_text("held")
    scene.pages[2]["samples_per_second"] = 900.0
    await expect(page.locator(".page").nth(2).locator(".rate")).to_contain_text("900.0")
    assert await order(page) == ["/", "/p/console", "/p/laptop"]
    await page.mouse.move(5, 300)
    await until_order(page, ["/p/laptop", "/", "/p/console"])


async def test_a_click_that_is_under_way_is_not_lost_when_the_order_changes(page: Page, scene: Scene, address: str) -> None:
    """A mouse that rested too long to hold the list presses; another page gets hot; it lets go: the click is on what it pressed."""
    scene.populate(3)
    await page.goto(address)
    await until_order(page, ["/", "/p/console", "/p/laptop"])
    button = page.get_by_role("button", name="Open overlay on /p/console")
    await button.hover()
    await page.evaluate("""() => { const now = performance.now.bind(performance); performance.now = () => now() + 60_000;
      document.addEventListener("click", (event) => { window.clicked = event.target.closest("button")?.ariaLabel; event.stopPropagation(); }, true); }""")
    await expect(page.locator(".order")).to_have_text("Hottest first")
    await page.mouse.down()
    scene.pages[2]["samples_per_second"] = 900.0
    await expect(page.locator(".page").nth(2).locator(".rate")).to_contain_text("900.0")
    assert await order(page) == ["/", "/p/console", "/p/laptop"]
    await page.mouse.up()
    await page.wait_for_function("() => window.clicked === 'Open overlay on /p/console'")
    await until_order(page, ["/p/laptop", "/", "/p/console"])


async def test_a_second_press_holds_the_list_as_the_first_did(page: Page, scene: Scene, address: str) -> None:
    """Of two presses in quick succession the first one's end does not let the list go under the second."""
    scene.populate(3)
    await page.goto(address)
    await until_order(page, ["/", "/p/console", "/p/laptop"])
    await page.get_by_role("button", name="Open overlay on /p/console").hover()
    await page.evaluate("""() => { const now = performance.now.bind(performance); performance.now = () => now() + 60_000;
      document.addEventListener("click", (event) => event.stopPropagation(), true); }""")
    await expect(page.locator(".order")).to_have_text("Hottest first")
    await page.mouse.down()
    await page.mouse.up()
    await page.mouse.down()
    await page.evaluate("() => new Promise((done) => setTimeout(done, 500))")  # the first press holds for 400 ms
    scene.pages[2]["samples_per_second"] = 90_000.0  # the hottest with the first frame that says so, smoothed or not
    await expect(page.locator(".page", has_text="/p/laptop").locator(".rate")).to_contain_text("90,000")
    assert await order(page) == ["/", "/p/console", "/p/laptop"]
    await page.mouse.up()
    await until_order(page, ["/p/laptop", "/", "/p/console"])


async def test_search_finds_pages_by_keyboard_alone(page: Page, scene: Scene, address: str) -> None:
    """`/` goes to the search, words filter, Escape shows all again; what is not found says so."""
    scene.populate(12)
    await page.goto(address)
    await expect(page.locator(".page")).to_have_count(12)
    await page.keyboard.press("/")
    await page.keyboard.type("p/ la")
    await until_order(page, ["/p/laptop"])
    await expect(page.locator("#page-count")).to_have_text("1 of 12")
    await page.keyboard.type("xyz")
    await expect(page.get_by_role("heading", name="No live page has")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator(".page")).to_have_count(12)


async def test_a_range_of_the_past_shows_the_pages_of_then(page: Page, scene: Scene, address: str) -> None:
    """With their people, in the server's order, under an address that can be sent on; searched there; and an empty one says so."""
    scene.populate(3)
    scene.past_pages = [("/gone", 900, 88), ("/p/console", 400, None), ("/one", 1, 1)]
    await page.goto(address)
    await expect(titles(page)).to_have_count(3)
    await page.get_by_role("button", name="1 h").press("Enter")
    await expect(titles(page)).to_have_text(["/gone", "/p/console", "/one"])
    assert page.url == f"{address}/?range=hour"
    await expect(page.locator(".page .visitors b")).to_have_text(["88", "few", "1"])
    await expect(page.locator(".page .quiet")).to_have_text(["900 moves and clicks", "400 moves and clicks", "1 move or click"])
    await expect(page.locator("iso-picture.known")).to_have_count(3)
    await expect(page.locator("#then")).to_contain_text("1 h from")
    await expect(page.locator("#page-count")).to_have_text("3")
    asked = scene.asked_pages[-1]
    assert abs(now_ms() - 3_600_000 - int(asked["from"])) < 30_000
    assert await page.locator("a.zones").first.get_attribute("href") == "/zones?page=%2Fgone&site=default&range=hour"
    await page.get_by_role("searchbox").fill("console")
    await expect(titles(page)).to_have_text(["/p/console"])
    await page.get_by_role("searchbox").fill("nowhere")
    await expect(page.get_by_text("No page of that time has")).to_be_visible()
    await page.get_by_role("button", name="Show all pages").click()
    await page.get_by_role("button", name="Rows").click()
    await expect(page.locator("tr.page td.number")).to_contain_text(["88", "900"])
    await page.reload()
    await expect(page.locator("tr.page")).to_have_count(3)
    scene.past_pages = []
    await page.get_by_role("button", name="Today").click()
    await expect(page.get_by_text("Nobody was here in that time")).to_be_visible()
    await page.get_by_role("button", name="min, live").click()
    await expect(page.locator("tr.page")).to_have_count(3)
    assert page.url == f"{address}/"


async def test_five_hundred_pages_come_sixty_at_a_time_as_cards_or_rows(page: Page, scene: Scene, address: str) -> None:
    """A flood stays readable: some pages at first, more on demand, and the chosen layout is remembered."""
    scene.populate(500)
    await page.goto(address)
    await expect(page.locator(".page")).to_have_count(60)
    await page.get_by_role("button", name="Show more of 500 pages").press("Enter")
    await expect(page.locator(".page")).to_have_count(120)
    await page.get_by_role("button", name="Rows").click()
    await expect(page.locator("tr.page")).to_have_count(120)
    await page.reload()
    await expect(page.locator("tr.page")).to_have_count(60)


async def test_what_visitors_send_is_only_ever_text(page: Page, scene: Scene, address: str) -> None:
    """A path that is markup stands there as it is; nothing of it becomes part of the page."""
    evil = '/<img src=x onerror="document.title=1">${1}<b>'
    scene.populate(1)
    scene.pages[0]["path"] = evil
    scene.refusals = [{"reason": "origin", "detail": "<script>1</script>", "count": 1, "last_ms": now_ms()}]
    await page.goto(address)
    await until_order(page, [evil])
    await expect(page.locator(".notice")).to_contain_text("<script>1</script>")
    assert await page.locator("main img, main script, h3 b").count() == 0
    await page.goto(f"{address}/topics#clickstream")
    await scene.write("clickstream", evil, {"pages": [evil], "error": evil})
    await page.get_by_role("cell", name=evil).first.click()
    await expect(page.locator(".message h2")).to_have_text(evil)
    assert await page.locator("main img, main script, .message-value b").count() == 0


# -- the tag, and what is wrong


async def test_the_tag_waits_and_turns_green_at_the_first_event(page: Page, scene: Scene, address: str) -> None:
    """A new server shows the tag to copy; the line under it says what is refused and why, and turns green at the first event."""
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(address)
    await expect(page.get_by_role("heading", name="Put Isotherm on your site")).to_be_visible()
    await expect(page.locator(".tag-line")).to_contain_text("Waiting for the first event")
    await page.get_by_role("button", name="Copy").click()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == f'<script async src="{address}/tracker.js" data-site="default"></script>'
    scene.refusals = [{"reason": "origin", "detail": "https://other.example", "count": 3, "last_ms": now_ms()}]
    await expect(page.locator(".notice.bad")).to_contain_text("isotherm serve --origin https://other.example")
    scene.populate(1)
    scene.refusals = []
    await expect(page.locator(".page")).to_have_count(1)
    await page.get_by_role("button", name="Add a site").click()
    await expect(page.locator("dialog .tag-line.good")).to_contain_text("Events are coming in")
    await page.keyboard.press("Escape")
    await expect(page.locator("#tag-dialog")).to_be_hidden()


async def test_the_tag_is_the_servers_own_and_the_chosen_sites(page: Page, scene: Scene, address: str) -> None:
    """A server that hands the tracker out under another name says so in its tag; of several sites the tag is the chosen one's."""
    scene.script = "/assets-1.js"
    scene.sites = ["default", "shop-berlin", "shop-lyon"]
    await page.goto(address)
    await expect(page.locator(".tag code")).to_have_text(f'<script async src="{address}/assets-1.js" data-site="default"></script>')
    await page.locator("#tag-first-site").select_option("shop-lyon")
    tag = f'<script async src="{address}/assets-1.js" data-site="shop-lyon"></script>'
    await expect(page.locator(".tag code")).to_have_text(tag)
    scene.populate(1)
    await page.get_by_role("button", name="Add a site").click()
    await expect(page.locator("dialog .tag code")).to_have_text(tag)


async def test_a_server_that_started_into_silence_does_not_say_that_events_come(page: Page, scene: Scene, address: str) -> None:
    """After a restart in a quiet hour the line tells of the first event ever, and is green only once one comes."""
    scene.first_event_ms = now_ms() - 86_400_000
    scene.pipeline = {"accepted": 0}
    await page.goto(address)
    await page.get_by_role("button", name="Add a site").click()
    line = page.locator("dialog .tag-line")
    await expect(line).to_contain_text("Quiet since this server started. The first event ever came on")
    await expect(page.locator("dialog .tag-line.good")).to_have_count(0)
    scene.pipeline = {"accepted": 3}
    await expect(page.locator("dialog .tag-line.good")).to_contain_text("Events are coming in: 3 since this server started.")


async def test_a_quiet_site_says_so(page: Page, scene: Scene, address: str) -> None:
    """Where events have come but nobody moves now, the page explains rather than shows nothing."""
    scene.first_event_ms = now_ms() - 86_400_000
    await page.goto(address)
    await expect(page.get_by_role("heading", name="It is quiet")).to_be_visible()


async def test_health_is_one_word_and_its_reason(page: Page, scene: Scene, address: str) -> None:
    """Live is green with the lag; above a second of lag amber; not ready red, with the server's reason behind the badge."""
    scene.populate(1)
    await page.goto(address)
    badge = page.locator("#health")
    await expect(badge).to_have_text("Live14 ms")
    scene.pipeline["lag_ms"] = 2300
    await expect(badge).to_have_class(re.compile("warn"))
    await expect(badge).to_have_text("2.3 s behind")
    scene.pipeline |= {"ready": False, "why": "the disk is full"}
    await expect(badge).to_have_text("Not ready")
    await badge.click()
    await expect(page.locator("#health-card")).to_contain_text("the disk is full")


async def test_a_lost_server_is_told_and_found_again(page: Page, scene: Scene, console: Console) -> None:
    """What was last heard stays, faded, while the dashboard tries again; with the server back it is live by itself."""
    console.expect("ERR_CONNECTION_REFUSED|WebSocket connection to")
    scene.populate(2)
    async with dashboard_server(scene) as first:
        await page.goto(first)
        await expect(page.locator(".page")).to_have_count(2)
    await expect(page.locator("#health")).to_have_text("No connection")
    await expect(page.locator(".page")).to_have_count(2)
    async with dashboard_server(scene, port=int(first.rpartition(":")[2])):
        await expect(page.locator("#health")).to_contain_text("Live", timeout=20_000)


# -- the overlay's hand-over


#: What the tracker does when it has an opener: it says that it is ready. Here it also keeps what it is told.
READY = "window.got = []; addEventListener('message', e => got.push([e.origin, e.data])); opener?.postMessage('isotherm:ready', '*');"


async def test_the_overlay_opens_on_the_page_itself_and_is_handed_its_token(page: Page, scene: Scene, address: str) -> None:
    """One click opens the page at its own origin with a token in the fragment; one that says it is ready is told the token too."""
    async with shop(READY) as site:
        scene.populate(1, origin=site)
        scene.pages[0]["path"] = "/größe/1"
        await page.goto(address)
        async with page.context.expect_page() as opening:
            await page.get_by_role("button", name="Open overlay on /größe/1").click()
        tab = await opening.value
        await tab.wait_for_url(f"{site}/gr%C3%B6%C3%9Fe/1#isotherm={scene.tokens[0] if scene.tokens else 'token-1-default'}")
        await tab.wait_for_function("got.length === 1")
        assert await tab.evaluate("got") == [[address, {"isotherm": "token-1-default"}]]


async def test_of_a_range_of_the_past_the_overlay_opens_on_that_range(page: Page, scene: Scene, address: str) -> None:
    """What one sees the pages of is what their overlay shows, handed over as the token is; back at the live pages it is the live heat."""
    async with shop(READY) as site:
        scene.populate(1, origin=site)
        scene.pages[0]["path"] = "/p/1"
        scene.past_pages = [("/p/1", 900, 88)]
        for query, range_ in (("?from=1700000000000&to=1700003600000", "from=1700000000000&to=1700003600000"), ("?range=hour", "range=hour"), ("", "")):
            await page.goto(f"{address}/{query}")
            async with page.context.expect_page() as opening:
                await page.get_by_role("button", name="Open overlay on /p/1").click()
            tab = await opening.value
            await tab.wait_for_function("globalThis.got?.length === 1")
            token = f"token-{len(scene.tokens)}-default"
            assert tab.url == f"{site}/p/1#isotherm={token}" + (range_ and f"&{range_}")
            assert await tab.evaluate("got[0][1]") == {"isotherm": token} | ({"range": range_} if range_ else {})
            await tab.close()


async def test_another_origin_in_that_tab_is_told_nothing(page: Page, scene: Scene, address: str) -> None:
    """When the opened tab has gone elsewhere, whoever is there may ask, and gets no answer."""
    async with shop(READY) as site, shop(READY) as elsewhere:
        scene.populate(1, origin=site)
        await page.goto(address)
        async with page.context.expect_page() as opening:
            await page.get_by_role("button", name="Open overlay on /").click()
        tab = await opening.value
        await tab.wait_for_function("window.got?.length === 1")
        await tab.goto(elsewhere)
        await tab.goto(site)  # asks as well, and is answered: by then the question from elsewhere would have been
        await tab.wait_for_function("window.got?.length === 1")
        await tab.goto(elsewhere)
        assert await tab.evaluate("got") == []


async def test_where_no_browser_said_the_address_it_is_asked_for_once(page: Page, scene: Scene, address: str) -> None:
    """A site of unknown address is asked for, nonsense is told, and the answer is remembered."""
    async with shop(READY) as site:
        scene.populate(1, origin=None)
        await page.goto(address)
        button = page.get_by_role("button", name="Open overlay on /")
        await button.click()
        field = page.get_by_role("textbox", name="Address of the site")
        await expect(field).to_be_focused()
        await field.fill("javascript://alert(1)")
        await field.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("no address")
        async with page.context.expect_page() as opening:
            await field.fill(f"{site}/some/page")
            await field.press("Enter")
        await (await opening.value).wait_for_url(f"{site}/#isotherm=token-1-default")
        await expect(page.locator(".toast")).to_contain_text(f"Opened on {site}")
        async with page.context.expect_page() as again:
            await button.click()
        await (await again.value).wait_for_url(f"{site}/#isotherm=token-2-default")


async def test_a_refused_token_is_told_and_leaves_no_empty_tab(page: Page, scene: Scene, address: str, console: Console) -> None:
    """When the server gives no token the new tab closes again and the dashboard says why."""
    console.expect("500")
    scene.populate(1)
    scene.token_status = 500
    await page.goto(address)
    await page.get_by_role("button", name="Open overlay on /").click()
    await expect(page.locator(".toast")).to_contain_text("no token for the overlay (500)")

    async def alone() -> bool:
        return len(page.context.pages) == 1

    await eventually(alone)  # the browser tells of the closing when it has done it


# -- topics


async def test_topics_say_what_is_wrong(page: Page, scene: Scene, address: str) -> None:
    """While the server takes nothing, the page says why in the server's words; when it does again, they are gone."""
    scene.pipeline |= {"ready": False, "why": "Kafka takes no events"}
    await page.goto(f"{address}/topics")
    trouble = page.get_by_role("status").filter(has_text="Kafka takes no events")
    await expect(trouble).to_be_visible()
    scene.pipeline |= {"ready": True, "why": None}
    await expect(page.locator("#trouble")).to_be_hidden()


async def test_topics_show_their_rates_and_their_messages(page: Page, scene: Scene, address: str) -> None:
    """The pipeline is drawn with the rate of each topic; a message shows key, partition, offset and time."""
    scene.populate(2)
    scene.topics[0] |= {"messages_per_second": 49.0, "bytes_per_second": 20_480.0, "messages": 1023}
    await page.goto(f"{address}/topics")
    node = page.get_by_role("button", name="clickstream 49.0")
    await expect(node).to_contain_text("20.0 KiB/s, 1,023 in all")
    await expect(node).to_have_attribute("aria-pressed", "true")
    await scene.write("clickstream", "3", {"pages": ["default/p/1"], "sessions": ["a"], "samples": {"x": [1, 2], "y": [3, 4]}}, partition=5)
    row = page.locator(".list tbody tr")
    await expect(row).to_have_count(1)
    time = re.compile(r"^\s*\d\d:\d\d:\d\d\.\d{3}\s*$")
    await expect(row.locator("td")).to_have_text([time, "3", "5", "1023", "2 samples of 1 session on default/p/1"])


async def test_a_message_unfolds_to_tables_by_keyboard(page: Page, scene: Scene, address: str) -> None:
    """Enter unfolds a message: its columns are a table, its numbers as they were."""
    await page.goto(f"{address}/topics#clickstream-group-by-page")
    for n in range(3):
        value = {"path": "/p/1", "visitors": n, "pane": [7, 7], "tile": [10, 11], "count": [4, n]}
        await scene.write("clickstream-group-by-page", "default/p/1", value)
    await expect(page.locator(".list tbody tr")).to_have_count(3)
    await page.locator(".list tbody button").first.focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message h2")).to_have_text("default/p/1")
    await expect(page.locator(".message .columns thead")).to_contain_text("panetilecount")
    await expect(page.locator(".message .columns tbody tr").nth(1)).to_have_text("17111")
    await page.keyboard.press("Escape")
    await expect(page.locator(".message h2")).to_have_count(0)


async def test_heat_is_drawn_where_a_message_is_heat(page: Page, scene: Scene, address: str) -> None:
    """A message of the heat map's topic shows the picture that it is."""
    await page.goto(f"{address}/topics#heatmap")
    await scene.write("heatmap", "default/", {"start": 0, "end": 300_000, "value": {"5": {"6": 9}}, "grid-size": 50})
    await page.locator(".list tbody tr").first.click()
    await expect(page.locator(".message iso-picture.known")).to_be_visible()


async def test_pause_holds_the_list_and_counts_what_comes(page: Page, scene: Scene, address: str) -> None:
    """Paused, the list stands still and says how much is newer; resumed, it is up to date."""
    await page.goto(f"{address}/topics#clickstream")
    await scene.write("clickstream", "0", {"n": 0})
    await expect(page.locator(".list tbody tr")).to_have_count(1)
    await page.keyboard.press("p")
    for n in range(1, 4):
        await scene.write("clickstream", "0", {"n": n})
    await expect(page.get_by_role("status")).to_have_text("3 newer")
    await expect(page.locator(".list tbody tr")).to_have_count(1)
    await page.get_by_role("button", name="Resume").click()
    await expect(page.locator(".list tbody tr")).to_have_count(4)


async def test_messages_are_filtered_by_key(page: Page, scene: Scene, address: str) -> None:
    """With a key only its messages come; the way back is one press."""
    await page.goto(f"{address}/topics#heatmap")
    for key in ("default/a", "default/b", "default/a"):
        await scene.write("heatmap", key, {"value": {}, "grid-size": 50})
    await expect(page.locator(".list tbody tr")).to_have_count(3)
    field = page.get_by_role("combobox", name="Only messages with this key")
    await field.fill("default/a")
    await field.press("Enter")
    await expect(page.locator(".list tbody tr")).to_have_count(2)
    await field.fill("default/none")
    await field.press("Enter")
    await expect(page.get_by_role("heading", name="No message with the key")).to_be_visible()
    await page.get_by_role("button", name="Show all keys").click()
    await expect(page.locator(".list tbody tr")).to_have_count(3)


async def test_dead_letters_stand_out_with_their_error(page: Page, scene: Scene, address: str) -> None:
    """Without dead letters the topic says that all is well; with one its error is in the list and above the message."""
    await page.goto(f"{address}/topics#clickstream-dead-letter")
    await expect(page.get_by_role("heading", name="No dead letters")).to_be_visible()
    await scene.write("clickstream-dead-letter", None, {"error": "expected a record of format 1, got 2", "value": "…"})
    await expect(page.locator(".list .wrong")).to_have_text("expected a record of format 1, got 2")
    await expect(page.locator(".topic-node.bad")).to_contain_text("clickstream-dead-letter")
    await page.locator(".list tbody tr").click()
    await expect(page.locator(".message .notice")).to_contain_text("expected a record of format 1, got 2")


# -- logging in


async def test_a_stranger_is_told_how_to_log_in(scene: Scene, new_page: NewPage, console: Console) -> None:
    """Without a cookie every page is the login page; a link that opens nothing says so there."""
    console.expect("401")
    async with dashboard_server(scene, open_heat=False) as closed:
        tab = await new_page()
        for path in ("/", "/zones", "/rules", "/topics"):
            answer = await tab.goto(closed + path)
            assert answer is not None
            assert answer.status == 401
            await expect(tab.get_by_role("heading", name="Log in to Isotherm")).to_be_visible()
            await expect(tab.locator("#used")).to_be_hidden()
        await tab.goto(f"{closed}/login?code=used")
        await expect(tab.locator("#used")).to_be_visible()
        await tab.close()


# -- everybody, everywhere


async def show_dashboard(tab: Page, address: str, scene: Scene) -> None:
    scene.populate(12)
    scene.refusals = [{"reason": "origin", "detail": "https://other.example", "count": 3, "last_ms": now_ms()}]
    await tab.goto(address)
    await expect(tab.locator("iso-picture.known").first).to_be_visible()


async def show_rows(tab: Page, address: str, scene: Scene) -> None:
    await show_dashboard(tab, address, scene)
    await tab.get_by_role("button", name="Rows").click()
    await expect(tab.locator("tr.page").first).to_be_visible()


async def show_first_step(tab: Page, address: str, scene: Scene) -> None:
    scene.script = "/assets/a-name-of-the-tracker-that-no-list-of-blocked-words-will-ever-have.js"
    await tab.goto(address)
    await expect(tab.locator(".tag")).to_be_visible()


async def test_an_origin_that_only_a_sender_named_is_asked_about(page: Page, scene: Scene, address: str) -> None:
    """No token leaves the dashboard before the operator says that the address is his; then it is remembered, also for other claims."""
    async with shop(READY) as site:
        scene.populate(2, origin=site)
        for shown in scene.pages:
            shown["origin_confirmed"] = False
        await page.goto(address)
        await page.get_by_role("button", name="Open overlay on /", exact=True).click()
        dialog = page.locator("#address-dialog")
        await expect(dialog).to_contain_text(f"Somebody’s browser said that the site default is at {site}")
        await expect(page.get_by_role("textbox", name="Address of the site")).to_have_value(site)
        await dialog.get_by_role("button", name="Close").click()
        assert scene.tokens == []
        await page.get_by_role("button", name="Open overlay on /", exact=True).click()
        async with page.context.expect_page() as opening:
            await dialog.get_by_role("button", name="Open overlay").click()
        await (await opening.value).wait_for_url(f"{site}/#isotherm=token-1-default")
        scene.pages[1]["origin"] = "https://evil.example"
        await expect(page.locator(".where").nth(1)).to_have_text("evil.example")
        async with page.context.expect_page() as opening:
            await page.get_by_role("button", name="Open overlay on /p/console").click()
        await (await opening.value).wait_for_url(f"{site}/p/console#isotherm=token-2-default")


async def show_what_opens(tab: Page, address: str, scene: Scene) -> None:
    await show_dashboard(tab, address, scene)
    await tab.locator("#health").click()
    await expect(tab.locator("#health-card")).to_be_visible()


async def show_dialog(tab: Page, address: str, scene: Scene) -> None:
    scene.populate(1, origin=None)
    await tab.goto(address)
    await tab.get_by_role("button", name="Open overlay on /").click()
    await expect(tab.locator("#address-dialog")).to_be_visible()


_NUMBERS = itertools.count()


async def show_topics(tab: Page, address: str, scene: Scene) -> None:
    scene.populate(2)
    if len(scene.topics) == len(Scene().topics):
        scene.topics.append(topic("isotherm-interest"))
    await tab.goto(f"{address}/topics#clickstream")
    value = {"at": now_ms(), "error": "wrong", "runs": {"x": [1] * 9, "y": [2] * 9}, "o": {"a": None}}
    key = f"default/a/very/long/key/indeed/{next(_NUMBERS)}"
    await scene.write("clickstream", key, value)
    await tab.locator(".list tbody tr", has_text=key).get_by_role("button").press("Enter")
    await expect(tab.locator(".message h2")).to_be_visible()


async def show_past(tab: Page, address: str, scene: Scene) -> None:
    scene.populate(2)
    scene.past_pages = [(f"/a-page-with-a-rather-long-name/{number}", 123_456 - number, 9876) for number in range(9)]
    await tab.goto(f"{address}/?from={now_ms() - 9_000_000}")
    await expect(tab.locator("iso-picture.known").first).to_be_visible()


async def show_login(tab: Page, address: str, _scene: Scene) -> None:
    await tab.goto(f"{address}/login?code=used")
    await expect(tab.locator("#used")).to_be_visible()


VIEWS = [show_dashboard, show_rows, show_first_step, show_what_opens, show_dialog, show_past, show_topics, show_login]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("show", VIEWS, ids=lambda show: show.__name__.removeprefix("show_"))
async def test_every_view_is_accessible(scene: Scene, address: str, new_page: NewPage, show: Any, theme: str) -> None:
    """axe finds nothing against WCAG 2.2 A and AA, in light and dark, on a desk and on a phone."""
    for width, height in (WIDTHS[0], WIDTHS[2]):
        tab = await new_page(viewport={"width": width, "height": height}, color_scheme=theme, reduced_motion="reduce")
        await show(tab, address, scene)
        assert await complaints(tab) == [], f"{width} px"


@pytest.mark.parametrize("show", VIEWS, ids=lambda show: show.__name__.removeprefix("show_"))
async def test_every_view_fits_every_width(scene: Scene, address: str, new_page: NewPage, show: Any) -> None:
    """At 1440, 1024 and 390 px nothing sticks out to the side."""
    for width, height in WIDTHS:
        tab = await new_page(viewport={"width": width, "height": height})
        await show(tab, address, scene)
        assert await tab.evaluate("document.documentElement.scrollWidth") <= width, f"{width} px"
        cut = "els => els.filter(e => e.getBoundingClientRect().right > e.closest('.page').getBoundingClientRect().right + 1).length"
        assert await tab.locator(".caption *").evaluate_all(cut) == 0, f"{width} px"
        inside = "els => els.every(e => e.scrollWidth <= e.clientWidth && e.getBoundingClientRect().right <= e.parentElement.getBoundingClientRect().right)"
        assert await tab.locator(".tag:visible, .tag:visible > *, .tag:visible code").evaluate_all(inside), f"{width} px"


async def test_the_theme_is_as_the_system_until_somebody_chooses(scene: Scene, address: str, new_page: NewPage) -> None:
    """The button goes from the system's theme to light to dark; the choice holds for every page."""
    tab = await new_page(color_scheme="light")
    await tab.goto(address)
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = await tab.evaluate(ground)
    button = tab.locator("#theme")
    await expect(button).to_have_attribute("aria-label", "Theme: system")
    await button.click()
    await button.click()
    await expect(button).to_have_attribute("aria-label", "Theme: dark")
    dark = await tab.evaluate(ground)
    assert dark != light
    await tab.goto(f"{address}/topics")
    assert await tab.evaluate(ground) == dark


async def test_nothing_is_loaded_from_elsewhere(page: Page, scene: Scene, address: str) -> None:
    """Every request of every page goes to the server that served it."""
    foreign: list[str] = []
    page.on("request", lambda request: foreign.append(request.url) if not request.url.startswith((address, "data:")) else None)
    scene.populate(3)
    for path in ("/", "/zones", "/topics", "/login"):
        await page.goto(address + path)
        await expect(page.get_by_role("heading").first).to_be_attached()
    assert foreign == []


# -- the real server


async def test_a_login_link_opens_the_dashboard_and_the_page_that_waited(tmp_path: Path, new_page: NewPage, console: Console) -> None:
    """`isotherm login` prints a link; opened in one tab it logs this browser in, and the tab that asked goes on by itself."""
    console.expect("401")
    served = await start(tmp_path)
    waiting = await new_page()
    await waiting.goto(f"{served.address}/topics")
    await expect(waiting.get_by_role("heading", name="Log in to Isotherm")).to_be_visible()
    login = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "isotherm", "login", "--data", str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    link = (await login.communicate())[0].decode().strip()
    opened = await waiting.context.new_page()
    await opened.goto(link)
    await expect(opened.get_by_role("heading", name="Put Isotherm on your site")).to_be_visible()
    await expect(opened.locator("#health")).to_contain_text("Live")
    await waiting.evaluate("dispatchEvent(new Event('focus'))")
    await expect(waiting.get_by_role("button", name="clickstream-dead-letter")).to_be_visible()
    await opened.goto(link)
    await expect(opened.locator("#used")).to_be_visible()
    await waiting.context.close()
    await served.stop()


async def test_from_the_tag_to_the_overlay_on_a_real_site(tmp_path: Path, new_page: NewPage) -> None:
    """A visitor moves on a site that carries the tag; its page appears with a picture, and one click opens the overlay on it."""
    served = await start(tmp_path, "--open-heat", "--trust-senders")
    async with shop(site_with_tag(served.address)) as site:
        dashboard = await new_page()
        await dashboard.goto(served.address)
        await expect(dashboard.locator(".tag")).to_be_visible()
        visitor = await new_page()
        await visitor.goto(f"{site}/p/1")
        async with asyncio.timeout(20):
            for step in itertools.count():
                if await dashboard.locator("iso-picture.known").count():
                    break
                await visitor.mouse.move(200 + 7 * step % 800, 200 + 5 * step % 400)
        await until_order(dashboard, ["/p/1"])
        await expect(dashboard.locator(".where")).to_have_text(site.removeprefix("http://"))
        async with dashboard.context.expect_page() as opening:
            await dashboard.get_by_role("button", name="Open overlay on /p/1").click()
        overlay = await opening.value
        await expect(overlay.locator("isotherm-overlay")).to_be_attached()
        await expect(dashboard.locator(".facts")).to_contain_text(re.compile(r"Watching\s*1"))
        await dashboard.goto(f"{served.address}/topics#clickstream")
        await expect(dashboard.locator(".list .value").first).to_contain_text("on default/p/1")
        for context in (dashboard.context, visitor.context):
            await context.close()
    await served.stop()


def site_with_tag(host: str) -> str:
    """A script that puts the tag on its page, as a tag manager would."""
    return f"document.head.append(Object.assign(document.createElement('script'), {{ async: true, src: '{host}/tracker.js' }}));"
