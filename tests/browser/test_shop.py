"""The demo's shop in a real browser, as the demo serves it: under its own strict policy, with the tracker on every page.

The `new_page` fixture fails a test whose page complains in its console, so each of these also proves that the policy forbids nothing
that the shop needs and that no script throws.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
import pytest_asyncio
from axe import complaints
from chromium import NewPage
from playwright.async_api import Page, expect
from tests.serving import Served, eventually, start

from isotherm.web.shop import paths

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
Step = Callable[[Page], Awaitable[None]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """The demo without its simulated visitors."""
    served = await start(tmp_path_factory.mktemp("shop") / "data", "--visitors", "0", "--no-browser", command="demo")
    yield served
    await served.stop()


async def ready(page: Page, address: str) -> None:
    """The page is there, and what its scripts set out too."""
    await page.goto(address)
    await page.locator("h1").wait_for()
    if address.endswith(("/cart", "/checkout")):
        await page.locator(".sum dl").wait_for()
    await page.evaluate("document.fonts.ready.then(() => null)")


async def empty_the_bag(page: Page) -> None:
    for name in ("Orbit One", "Hush"):
        await page.get_by_role("button", name=f"One {name} less").click()
    await expect(page.get_by_text("Nothing in it yet.")).to_be_visible()


async def look_closer(page: Page) -> None:
    await page.get_by_role("button", name="Look closer").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def read_of_delivery(page: Page) -> None:
    await page.get_by_role("button", name="There by Thursday").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def order(page: Page) -> None:
    for label, text in (("Name", "Ada"), ("E-mail", "ada@example.com"), ("Street and number", "1 Lane"), ("Postcode", "12345"), ("Town", "Bath")):
        await page.get_by_label(label, exact=True).fill(text)
    await page.get_by_role("button", name="Place the order").press("Enter")
    await expect(page.get_by_role("dialog", name="Thank you!")).to_be_visible()


async def as_it_comes(_page: Page) -> None:
    """Nothing is done on it."""


KINDS: list[tuple[str, Step]] = [
    ("/shop/", as_it_comes), ("/shop/c/play", as_it_comes), ("/shop/p/console", as_it_comes), ("/shop/p/laptop", look_closer),
    ("/shop/p/headphones", read_of_delivery), ("/shop/search?q=audio", as_it_comes), ("/shop/search?q=unicorn", as_it_comes),
    ("/shop/cart", as_it_comes), ("/shop/cart", empty_the_bag), ("/shop/checkout", as_it_comes), ("/shop/checkout", order),
    ("/shop/help", as_it_comes), ("/shop/journal", as_it_comes), ("/shop/journal/quiet-rooms", as_it_comes),
]  # fmt: skip


@pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_every_kind_of_page_keeps_wcag_aa_and_fits_its_window(demo: Served, new_page: NewPage, window: dict[str, int]) -> None:
    """axe finds nothing, light and dark, dialogs open or not, and nothing sticks out to the side."""
    found = {}
    for path, step in KINDS:
        page = await new_page(viewport=window, color_scheme="light", reduced_motion="reduce")
        await ready(page, demo.address + path)
        await step(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= window["width"], path
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            if said := await complaints(page):
                found[f"{path} {step.__name__} {scheme}"] = said
        await page.context.close()
    assert found == {}


async def test_every_page_answers_and_has_one_title_of_its_own(demo: Served, new_page: NewPage) -> None:
    """All addresses of the shop: 200, one h1, no two documents with one name but the shell of the journal's."""
    page = await new_page()
    titles = []
    for path in paths():
        answer = await page.goto(demo.address + path)
        assert answer is not None
        assert answer.status == 200, path
        await expect(page.locator("h1")).to_have_count(1)
        titles.append(await page.title())
    assert len(set(titles)) == len(titles)


async def test_an_address_beyond_its_pages_is_no_page(demo: Served, new_page: NewPage, console: object) -> None:
    """404, so that a mistyped address warms no heat map."""
    async with aiohttp.ClientSession() as http, http.get(demo.address + "/shop/p/unicorn", headers={"Accept": "text/html"}) as answer:
        assert answer.status == 404
        assert 'href="/shop/"' in await answer.text(), "there is a way back"


async def test_nothing_inline_nothing_from_elsewhere(demo: Served, new_page: NewPage) -> None:
    """The policy is strict: scripts and styles from this server's files alone; and the shop asks for nothing else."""
    page = await new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer = await page.goto(demo.address + "/shop/p/console", wait_until="networkidle")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert asked
    assert [url for url in asked if not url.startswith((demo.address, demo.ws))] == []


async def test_it_is_walked_by_keyboard_alone(demo: Served, page: Page) -> None:
    """The first Tab offers to skip the head; Enter goes to the content; from there every step shows where it is."""
    await ready(page, demo.address + "/shop/")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()
    reached = []
    for _ in range(8):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("document.activeElement.textContent.trim()"))
        style = await page.evaluate("(({ outlineStyle, outlineWidth }) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))")
        assert style == ["solid", "3px"], reached[-1]
    assert reached[:2] == ["See the Orbit One", "Play"]
    await page.get_by_role("link", name="See the Orbit One").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Orbit One")


async def test_search_leaves_what_has_every_word(demo: Served, page: Page) -> None:
    """From the head of any page; the count is told, and what is not found says so."""
    await ready(page, demo.address + "/shop/")
    await page.get_by_role("searchbox", name="Search the shop").fill("speaker portable")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/shop/search?q=speaker*")
    await expect(page.get_by_role("status").filter(has_text="1 thing")).to_be_visible()
    await expect(page.locator(".card:visible h2")).to_have_text(["Pebble"])
    await page.locator("#find-large").fill("unicorn")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Nothing here by that name.")).to_be_visible()
    await expect(page.locator(".card:visible")).to_have_count(0)


async def test_the_bag_counts_and_sums(demo: Served, page: Page) -> None:
    """What is added on a product's page lies in the bag, with the sum of it; by keyboard, focus stays where it worked."""
    await ready(page, demo.address + "/shop/p/laptop")
    await page.get_by_role("button", name="Add to bag").press("Enter")
    await expect(page.get_by_role("status").filter(has_text="Featherbook 14 is in your bag.")).to_be_visible()
    await expect(page.locator("[data-bag-count]")).to_have_text("3")
    await page.get_by_role("link", name=re.compile("^Bag")).click()
    await expect(page.locator(".bag-line h2")).to_have_text(["Orbit One", "Featherbook 14", "Hush"])
    await expect(page.locator(".sum .all dd")).to_have_text("€690.90")
    await page.get_by_role("button", name="One Featherbook 14 more").press("Enter")
    await expect(page.locator(".sum .all dd")).to_have_text("€703.80")
    await expect(page.get_by_role("button", name="One Featherbook 14 more")).to_be_focused()
    await page.get_by_role("link", name="To the checkout").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Checkout")
    await expect(page.locator(".sum .all dd")).to_have_text("€703.80")


async def test_the_checkout_wants_what_it_needs_and_sends_nothing(demo: Served, page: Page) -> None:
    """An empty form stays; a full one thanks, empties the bag, and no request leaves the page."""
    await ready(page, demo.address + "/shop/checkout")
    await page.get_by_role("button", name="Place the order").press("Enter")
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    await order(page)
    assert asked == []
    await expect(page.locator("[data-bag-count]")).to_have_text("")


@pytest.mark.parametrize(("path", "opens"), [("/shop/p/console", "Look closer"), ("/shop/p/console", "There by Thursday")])
async def test_a_dialog_holds_the_focus_and_gives_it_back(demo: Served, page: Page, path: str, opens: str) -> None:
    """Opened by key, the focus is in it; Escape, its cross, and a click beside it close it, and the focus is where it was."""
    await ready(page, demo.address + path)
    button = page.get_by_role("button", name=opens)
    dialog = page.get_by_role("dialog")
    cross = dialog.get_by_role("button", name="Close")
    for close in (page.keyboard.press("Escape"), cross.press("Enter"), page.mouse.click(5, 5)):
        await button.press("Enter")
        await expect(cross).to_be_focused()
        await close
        await expect(dialog).to_have_count(0)
        await expect(button).to_be_focused()


async def test_the_strip_scrolls_by_button_and_by_key_and_the_page_does_not(demo: Served, page: Page) -> None:
    """The carousel is an inner scroller: its buttons and arrow keys move it alone."""
    await page.emulate_media(reduced_motion="reduce")
    await ready(page, demo.address + "/shop/")
    track = page.locator("[data-carousel-track]")
    await track.scroll_into_view_if_needed()
    left = "() => document.querySelector('[data-carousel-track]').scrollLeft"
    assert await page.evaluate(left) == 0
    await page.get_by_role("button", name="Onward").press("Enter")
    await page.wait_for_function(f"{left} > 300")
    await page.get_by_role("button", name="Back").press("Enter")
    await page.wait_for_function(f"{left} === 0")
    await track.press("ArrowRight")
    await page.wait_for_function(f"{left} > 0")
    assert await page.evaluate("scrollX") == 0


async def test_the_reviews_scroll_inside_their_box(demo: Served, page: Page) -> None:
    """By wheel over the box and by key in it, the reviews move and the page stays."""
    await ready(page, demo.address + "/shop/p/console")
    box = page.locator(".reviews-box")
    await box.scroll_into_view_if_needed()
    assert await box.evaluate("(box) => box.scrollHeight > box.clientHeight + 40")
    before = await page.evaluate("scrollY")
    await box.hover()
    await page.mouse.wheel(0, 60)
    await page.wait_for_function("() => document.querySelector('.reviews-box').scrollTop > 0")
    at = await box.evaluate("(box) => box.scrollTop")
    await box.press("ArrowDown")
    await page.wait_for_function("(at) => document.querySelector('.reviews-box').scrollTop > at", arg=at)
    assert await page.evaluate("scrollY") == before


async def test_a_product_shows_its_details(demo: Served, page: Page) -> None:
    """A small picture chooses what the large one shows, and says that it is the chosen one."""
    await ready(page, demo.address + "/shop/p/console")
    large = page.locator(".gallery-main img")
    assert "#" not in (await large.get_attribute("src") or "")
    detail = page.get_by_role("button", name="Detail, picture 2")
    await detail.press("Enter")
    await expect(large).to_have_attribute("src", re.compile("#svgView"))
    await expect(detail).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_role("button", name="Whole, picture 1")).to_have_attribute("aria-pressed", "false")


async def test_the_journal_changes_its_address_without_a_load_and_the_tracker_follows(demo: Served, page: Page) -> None:
    """A single-page application: what is moved on each of its views is heat of that view's own path, and back works."""
    await ready(page, demo.address + "/shop/journal")
    await page.evaluate("window.sameDocument = true")

    async def live() -> set[str]:
        async with aiohttp.ClientSession() as http, http.get(f"{demo.address}/api/pages") as answer:
            return {one["path"] for one in (await answer.json())["pages"] if one["samples"]}

    async def moved_on(path: str) -> bool:
        await page.mouse.move(400, 300)
        await page.mouse.move(430, 330, steps=3)
        return path in await live()

    await eventually(lambda: moved_on("/shop/journal"))
    await page.locator(".journal-list a").nth(1).press("Enter")
    path = await page.evaluate("location.pathname")
    assert path.startswith("/shop/journal/")
    await expect(page.locator("#main")).to_be_focused()
    await expect(page.locator("article h1")).to_be_visible()
    await eventually(lambda: moved_on(path))
    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_have_text("The journal")
    assert await page.evaluate("window.sameDocument")
    await page.goto(demo.address + path)
    await expect(page.locator("article h1")).to_be_visible()


async def test_the_head_stays_while_the_page_scrolls(demo: Served, page: Page) -> None:
    """Sticky at the top, and what a link leads to is not under it."""
    await ready(page, demo.address + "/shop/p/console")
    await page.get_by_role("link", name=re.compile("Rated")).first.press("Enter")
    await page.wait_for_function("() => scrollY > 200")
    head = await page.locator("header.top").bounding_box()
    reviews = await page.locator("#reviews").bounding_box()
    assert head
    assert reviews
    assert head["y"] == 0
    assert reviews["y"] >= head["height"] - 1
