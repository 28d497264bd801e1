"""The look by elements: heat is drawn where its element is now, on whatever screen, and where that is not seen it is not drawn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe import complaints
from chromium import Console
from live_stage import Stage, stage
from playwright.async_api import Browser, Page, expect
from scripts.measure_elements import CASES, WINDOWS, Case, measure
from tests.serving import Served, start

OFF_MAX_PX = 8.0
LOOK = "addEventListener('DOMContentLoaded', () => {}); sessionStorage['isotherm.overlay'] ??= JSON.stringify({ look: 'elements', device: 'all' });"
MIDDLE = (500, 500)

#: Places for heat: seen, hidden in each way there is, scrolled out of a box, behind something, twice of one name.
SHOP = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><link rel="icon" href="/favicon.ico"><style>
body { margin: 0; height: 3000px; background: #fff }
[data-heat-zone], .plain { position: absolute; width: 100px; height: 60px; background: #ddd }
#box { position: absolute; left: 600px; top: 20px; width: 200px; height: 100px; overflow: auto } #box > * { top: 300px; left: 10px }
#cover { position: absolute; left: 20px; top: 500px; width: 100px; height: 60px; background: #333; z-index: 2 }
header { position: sticky; top: 0; height: 10px } dialog { width: 300px; height: 200px }
</style></head><body>
<header><div data-heat-zone="stays" style="left:850px;top:5px">Stays</div></header>
<main id="main"><h1>Shop</h1>
<div data-heat-zone="seen" style="left:20px;top:20px">Seen</div>
<div data-heat-zone="none" style="left:170px;top:20px;display:none">None</div>
<div data-heat-zone="invisible" style="left:320px;top:20px;visibility:hidden">Invisible</div>
<div data-heat-zone="clear" style="left:470px;top:20px;opacity:0">Clear</div>
<div id="box" tabindex="0"><div data-heat-zone="inside">Inside</div><p style="top:500px;position:absolute">End</p></div>
<div data-heat-zone="behind" style="left:20px;top:500px">Behind</div><div id="cover"></div>
<div data-heat-zone="twin" style="left:20px;top:250px">One</div><div data-heat-zone="twin" style="left:420px;top:250px">Other</div>
<a href="/p/2?x=1" class="plain" style="left:220px;top:250px" title="A link"></a>
<div id="own" class="plain" style="left:220px;top:500px"><span>Its text</span></div>
<dialog data-heat-zone="window"><button>Close</button></dialog>
</main><script src="/boot.js"></script></body></html>"""
NAMES = ["seen", "none", "invisible", "clear", "inside", "behind", "twin", "stays", "/p/2", "#own", "window"]
#: How opaque the heat is in the middle of an element, 0 … 255.
HEAT_ON = """(of) => { const canvas = document.querySelector('isotherm-overlay').shadowRoot.querySelector('.blots');
if (!canvas) return -1;
const box = (typeof of === 'string' ? document.querySelector(of) : of).getBoundingClientRect();
const [x, y] = [Math.floor((box.left + box.width / 2) / 4), Math.floor((box.top + box.height / 2) / 4)];
return canvas.getContext('2d').getImageData(x, y, 1, 1).data[3]; }"""


@pytest_asyncio.fixture(loop_scope="session")
async def scene(console: Console) -> AsyncIterator[Stage]:
    async with stage() as now:
        now.pages["*"] = SHOP
        now.spots = {(name, *MIDDLE): 4 for name in NAMES}
        now.heat = {5: 9}
        yield now
        console.rest()


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[Served]:
    """A demo without visitors, on whose pages nothing is warm."""
    served = await start(tmp_path / "data", "--visitors", "0", "--no-browser", command="demo")
    yield served
    await served.stop()


async def opened(page: Page, scene: Stage) -> None:
    await page.add_init_script(LOOK)
    await page.goto(scene.shop)
    await expect(page.locator("isotherm-overlay .status")).to_have_attribute("data-tone", "good")


async def until(page: Page, selector: str, warm: bool) -> None:
    """Until the heat is drawn on an element, or no more."""
    await page.wait_for_function(f"([of, warm]) => (({HEAT_ON})(of) > 60) === warm && ({HEAT_ON})(of) !== -1", arg=[selector, warm])


def zone(name: str) -> str:
    return f"[data-heat-zone={name}]"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_heat_lies_where_the_mouse_was_on_the_element_whatever_the_window(demo: Served, chromium: Browser, case: Case) -> None:
    """A real mouse on what stays, slides or lies over the page; drawn in that window and in one of another width."""
    for found in await measure(chromium, demo.address, case, WINDOWS[0]):
        assert found.off_px <= OFF_MAX_PX, found


async def test_what_is_not_seen_is_not_drawn_and_what_comes_into_sight_is(page: Page, scene: Stage) -> None:
    """Hidden elements, those scrolled out of their box, those behind others; then each is brought into sight, and one is removed."""
    await opened(page, scene)
    for name in ("seen", "stays"):
        await until(page, zone(name), True)
    await until(page, "a", True)
    await until(page, "#own", True)
    for name in ("invisible", "clear", "behind"):
        assert await page.evaluate(HEAT_ON, zone(name)) == 0, name
    assert await page.evaluate("() => document.documentElement.scrollHeight") == 3000, "the page is as long as before"
    await page.evaluate("() => { for (const one of document.querySelectorAll('[data-heat-zone]')) one.style.opacity = one.style.visibility = ''; }")
    await until(page, zone("invisible"), True)
    await until(page, zone("clear"), True)
    await page.evaluate(f"() => {{ document.querySelector('{zone('none')}').style.display = 'block'; document.querySelector('#cover').remove(); }}")
    await until(page, zone("none"), True)
    await until(page, zone("behind"), True)
    assert await page.evaluate(HEAT_ON, "#box") < 60
    await page.evaluate("() => document.querySelector('#box').scrollTo(0, 280)")
    await until(page, zone("inside"), True)
    place = await page.evaluate(f"() => document.querySelector('{zone('seen')}').getBoundingClientRect().toJSON()")
    await page.evaluate(f"() => document.querySelector('{zone('seen')}').remove()")
    await page.wait_for_function(
        f"(box) => ({HEAT_ON})({{ getBoundingClientRect: () => box }}) === 0", arg=place
    )
    await page.evaluate("() => scrollTo(0, 900)")
    await until(page, zone("stays"), True)
    await scene.stick({("stays", *MIDDLE): 0})
    await until(page, zone("stays"), False)


async def test_heat_lies_on_a_window_over_the_page_and_not_on_what_is_behind_it(page: Page, scene: Stage) -> None:
    """In the browser's own top layer, where nothing else can be drawn over; after it closes all is as before."""
    await opened(page, scene)
    await until(page, zone("seen"), True)
    await page.evaluate("() => document.querySelector('dialog').showModal()")
    await until(page, "dialog", True)
    on_top = "() => document.querySelector('isotherm-overlay').shadowRoot.querySelector('.window').matches(':popover-open')"
    await page.wait_for_function(on_top)
    await until(page, zone("seen"), False)
    await page.keyboard.press("Escape")
    await until(page, zone("seen"), True)
    assert not await page.evaluate(on_top)


async def test_of_elements_with_one_name_the_nearer_one_is_warm(page: Page, scene: Stage) -> None:
    """A sample says about where in the document it lay."""
    scene.spots = {}
    await opened(page, scene)
    await scene.viewer()
    await expect(page.locator("isotherm-overlay input[value=elements]")).to_be_checked()
    size = await page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    await scene.stick({("twin", *MIDDLE): 3}, near=(470 / size[0], 280 / size[1]))
    await until(page, f"{zone('twin')} ~ {zone('twin')}", True)
    assert await page.evaluate(HEAT_ON, zone("twin")) == 0
    await scene.stick({("twin", *MIDDLE): 3}, near=(70 / size[0], 280 / size[1]))
    await until(page, zone("twin"), True)


async def test_the_tip_and_the_key_speak_of_elements(page: Page, scene: Stage) -> None:
    """Under the pointer, and by key, hottest first; the words are those of the zone or of what the element says."""
    assert scene.spots is not None
    scene.spots[("#own", *MIDDLE)] = 10
    await opened(page, scene)
    await until(page, zone("seen"), True)
    tip = page.locator("isotherm-overlay .window .tip")
    await page.mouse.move(70, 50)
    await expect(tip).to_have_text(f"4 moves on seen{100 * 4 / (10 + 4 * (len(NAMES) - 1)):.1f} % of all on elements · rank 2 of {len(NAMES)}")
    await page.mouse.move(270, 280)
    await expect(tip).to_contain_text("4 moves on “A link”")
    await page.keyboard.press("n")
    await expect(tip).to_contain_text("10 moves on “Its text”")
    await expect(tip).to_contain_text(f"the hottest of {len(NAMES)}")
    await expect(page.locator("isotherm-overlay .spoken")).to_contain_text("10 moves on “Its text”")
    await expect(page.locator("isotherm-overlay .legend .unit")).to_have_text("≈ moves a spot")
    await expect(page.locator("isotherm-overlay .legend .sum")).to_contain_text(f"{10 + 4 * (len(NAMES) - 1)} in 5 min")
    assert await complaints(page) == []


async def test_it_is_offered_where_the_server_can_and_of_the_live_window(page: Page, scene: Stage) -> None:
    """Not by an older server, and not where there are no spots: tiles are drawn then, also of the past."""
    scene.spots = None
    await opened(page, scene)
    option = page.locator("isotherm-overlay .look label", has=page.locator("input[value=elements]"))
    await expect(option).to_be_hidden()
    await expect(page.locator("isotherm-overlay canvas.heat")).to_be_visible()
    scene.spots = {("seen", *MIDDLE): 1}
    await scene.hang_up()
    await until(page, zone("seen"), True)
    await expect(option).to_be_visible()
    await expect(page.locator("isotherm-overlay canvas.heat")).to_be_hidden()
    await page.keyboard.press("t")
    await expect(page.locator("isotherm-overlay canvas.heat")).to_be_visible()
    await page.keyboard.press("Shift+?")
    await page.keyboard.press("Escape")
    for _ in range(3):
        await page.keyboard.press("t")
    await until(page, zone("seen"), True)
    await page.get_by_role("radio", name="Tiles", exact=True).check()
    await expect(page.locator("isotherm-overlay canvas.heat")).to_be_visible()
    assert {"spots": False} in scene.wished


async def test_where_trackers_say_no_elements_the_panel_says_so(page: Page, scene: Stage) -> None:
    """The classic tracker's samples are on tiles alone."""
    scene.spots = {}
    await opened(page, scene)
    notice = page.locator("isotherm-overlay .notice")
    await expect(notice).to_contain_text("No heat by elements here")
    await notice.get_by_role("button").click()
    await expect(page.locator("isotherm-overlay canvas.heat")).to_be_visible()
    await expect(notice).to_be_hidden()


async def test_another_layouts_heat_can_be_seen_by_elements(page: Page, scene: Stage) -> None:
    await page.add_init_script("sessionStorage['isotherm.overlay'] ??= JSON.stringify({ look: 'tiles', device: 'mobile' });")
    await page.goto(scene.shop)
    await page.locator("isotherm-overlay .notice").get_by_role("button", name="Show by elements").click()
    await until(page, zone("seen"), True)
    await expect(page.locator("isotherm-overlay .notice")).to_be_hidden()


STRANGE = ['"]<img src=x onerror=alert(1)>', "__proto__", "constructor", "#", "#<b>", ">9>9>9", "#main>999999999999999999", ">>>", "<", "a" * 256, "\u0000", "#main" + ">0" * 90]


async def test_names_that_strangers_made_up_are_compared_and_nothing_else(page: Page, scene: Stage) -> None:
    """No element has them, so nothing is drawn; nothing breaks, and what is real is drawn beside them."""
    problems: list[Any] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    scene.spots = {(name, *MIDDLE): 50 for name in STRANGE} | {("seen", *MIDDLE): 50}
    await opened(page, scene)
    await until(page, zone("seen"), True)
    assert await page.evaluate(HEAT_ON, "a") == 0
    assert (problems, await page.title(), await page.evaluate("() => Object.keys(Object.prototype).length")) == ([], "Shop", 0)
