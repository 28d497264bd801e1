"""The overlay in a real Chromium, on a page of its own origin, fed by a server that the test plays (live_stage.py)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from axe import AXE
from chromium import Console
from heat_pixels import CONTEXT, NO_WORKER
from live_stage import NEVER, Stage, stage
from playwright.async_api import Page, expect

PANEL = "isotherm-overlay .panel"
GRID = 50

#: A page as long as shops are, with marks at known places.
SHOP = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Shop</title>
<link rel="icon" href="/favicon.ico">
<style>
  body { margin: 0; font: 16px sans-serif; background: #fff; }
  main { position: relative; height: 4000px; }
  h1 { margin: 0; }
  i { position: absolute; width: 8px; height: 8px; margin: -4px; background: #06c; }
</style></head><body><main><h1>Shop</h1>
<i id="a" style="left: 20%; top: 300px"></i><i id="b" style="left: 71%; top: 1811px"></i><i id="c" style="left: 90%; top: 3805px"></i>
<button id="buy">Buy</button></main><script src="/boot.js"></script></body></html>"""

PLACE = """(selector) => { const box = document.querySelector(selector).getBoundingClientRect(); return {
  x: box.x + box.width / 2 + scrollX, y: box.y + box.height / 2 + scrollY,
  width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight }; }"""

#: Where two pictures of a window differ, in pixels of the picture.
DIFFERENCE = """async ([one, other]) => {
  const pixels = async (png) => {
    const image = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height);
  };
  const [a, b] = [await pixels(one), await pixels(other)];
  let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
  for (let i = 0; i < a.data.length; i += 4) {
    if (Math.abs(a.data[i] - b.data[i]) + Math.abs(a.data[i + 1] - b.data[i + 1]) + Math.abs(a.data[i + 2] - b.data[i + 2]) < 6) continue;
    const [x, y] = [(i / 4) % a.width, Math.floor(i / 4 / a.width)];
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
  }
  return right < 0 ? null : { left, top, right, bottom };
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def scene(console: Console) -> AsyncIterator[Stage]:
    async with stage() as now:
        now.pages["*"] = SHOP
        yield now
        console.rest()


#: Both ways to hear and to draw the heat: what a browser can, and what it is left with where no worker may draw.
BOTH_WAYS = pytest.mark.parametrize("worker", [True, False], ids=["in a worker", "on the page's thread"])


async def show(page: Page, scene: Stage, path: str = "/p/1", *, worker: bool = True, **choices: Any) -> None:
    """Opens the page with the overlay on it, its panel told of the first frame."""
    if not worker:
        await page.add_init_script(NO_WORKER)
    if choices:
        kept = json.dumps({"isotherm.overlay": json.dumps(choices)})
        await page.add_init_script(f"Object.assign(sessionStorage, {kept});")
    await page.goto(scene.shop + path)
    await expect(page.locator(PANEL)).to_have_count(1)
    if not scene.refuse and not scene.mute and not scene.policy:
        await settled(page)


#: Whether the canvas has got its first heat, or nobody sees it, or there is none to come.
DRAWN = """() => { const { shadowRoot } = document.querySelector("isotherm-overlay"), canvas = shadowRoot.querySelector("canvas");
  return canvas.hidden || canvas.width > 1 || shadowRoot.querySelector(".status").dataset.tone === "bad"; }"""


async def settled(page: Page) -> None:
    """The line is up, and what it brought is drawn."""
    await expect(page.locator(PANEL)).to_have_count(1)
    await page.wait_for_function("() => document.querySelector('isotherm-overlay').shadowRoot.querySelector('.status').dataset.tone !== 'waiting'")
    await page.wait_for_function(DRAWN)
    await frames(page)


async def frames(page: Page, count: int = 3) -> None:
    """So many frames of the browser have passed: what was due is drawn."""
    await page.evaluate("(count) => new Promise((done) => { const next = () => count-- ? requestAnimationFrame(next) : done(); next(); })", count)


async def cell_of(page: Page, selector: str) -> int:
    """The cell that the server counts a sample on the middle of this element in."""
    place = await page.evaluate(PLACE, selector)
    x = min(GRID - 1, int(GRID * place["x"] / place["width"]))
    y = min(GRID - 1, int(GRID * place["y"] / place["height"]))
    return y * GRID + x


async def heat_box(page: Page, decoder: Page) -> dict[str, float] | None:
    """Where the heat is on the screen, in CSS pixels of the window: a picture with it beside one without it."""
    await frames(page)
    with_heat = await page.screenshot()
    await page.keyboard.press("h")
    await frames(page)
    without = await page.screenshot()
    await page.keyboard.press("h")
    await frames(page)
    box = await decoder.evaluate(DIFFERENCE, [base64.b64encode(png).decode() for png in (with_heat, without)])
    ratio = await page.evaluate("devicePixelRatio")
    return box and {side: at / ratio for side, at in box.items()}


async def drawn(page: Page, cell: int, *, warm: bool = True) -> None:
    """Returns once this cell's pixel of the canvas is warm (or cold)."""
    await page.wait_for_function(
        f"([cell, warm]) => {CONTEXT}.getImageData(cell % 50, Math.floor(cell / 50), 1, 1).data[3] > 0 === warm",
        arg=[cell, warm],
    )


async def canvas_size(page: Page, side: str, pixels: int) -> None:
    """Returns once the canvas is so wide or high on the page."""
    await page.wait_for_function(
        """([side, pixels]) => document.querySelector("isotherm-overlay").shadowRoot.querySelector("canvas").getBoundingClientRect()[side] === pixels""",
        arg=[side, pixels],
    )


async def text(page: Page, selector: str) -> str:
    """What stands there, without the empty lines that boxes leave."""
    lines = (await page.locator(f"{PANEL} {selector}").inner_text()).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip())


# The picture lies where the heat is


@pytest.mark.parametrize(
    ("width", "height", "density"),
    [(1440, 900, 1), (960, 600, 1.5), (1024, 768, 1), (390, 844, 1), (390, 844, 3), (260, 562, 1.5)],
    ids=["desktop", "desktop at 150 %", "tablet", "phone", "phone, dense", "phone at 150 %"],
)
async def test_heat_lies_on_the_tile_of_what_was_touched(new_page: Any, scene: Stage, width: int, height: int, density: float) -> None:
    """A mark's tile, and nothing else, is warm on the screen: at all widths, densities and zooms, and scrolled."""
    page = await new_page(viewport={"width": width, "height": height}, device_scale_factor=density)
    decoder = await new_page()
    await show(page, scene, look="tiles", folded=True, place={"right": False, "bottom": False, "x": 0, "y": 0})
    for mark in ("#a", "#b", "#c"):
        cell = await cell_of(page, mark)
        await scene.warm({other: 0 for other in scene.heat} | {cell: 40})
        await page.evaluate("(mark) => document.querySelector(mark).scrollIntoView({ block: 'center' })", mark)
        await drawn(page, cell)
        box = await heat_box(page, decoder)
        place = await page.evaluate(PLACE, mark)
        scroll = await page.evaluate("({ x: scrollX, y: scrollY })")
        tile_width, tile_height = place["width"] / GRID, place["height"] / GRID
        left, top = cell % GRID * tile_width - scroll["x"], cell // GRID * tile_height - scroll["y"]
        assert box, "nothing is warm"
        pixel = 1 / density + 0.01
        assert box["left"] == pytest.approx(left, abs=pixel)
        assert box["top"] == pytest.approx(top, abs=pixel)
        assert box["right"] == pytest.approx(left + tile_width, abs=pixel)
        assert box["bottom"] == pytest.approx(top + tile_height, abs=pixel)
        assert box["left"] - pixel <= place["x"] - scroll["x"] <= box["right"] + pixel
        assert box["top"] - pixel <= place["y"] - scroll["y"] <= box["bottom"] + pixel


@BOTH_WAYS
async def test_the_smooth_look_is_hottest_in_the_same_tile(page: Page, scene: Stage, worker: bool) -> None:
    """Where the smooth picture is most opaque is the tile that has the count."""
    cell = 23 * GRID + 31
    scene.heat = {cell: 30, 3 * GRID + 3: 4}
    await show(page, scene, worker=worker, look="smooth")
    hottest = await page.evaluate(f"() => {{ const context = {CONTEXT};" + """
      const { canvas } = context, { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      let at = 0;
      for (let i = 3; i < data.length; i += 4) if (data[i] > data[4 * at + 3]) at = (i - 3) / 4;
      const factor = canvas.width / 50;
      return Math.floor(Math.floor(at / canvas.width) / factor) * 50 + Math.floor((at % canvas.width) / factor);
    }""")
    assert hottest == cell


CANVAS_PIXELS = f"(cells) => {{ const context = {CONTEXT};" + """
  return cells.map((cell) => [...context.getImageData(cell % 50, Math.floor(cell / 50), 1, 1).data]);
}"""


@BOTH_WAYS
async def test_equal_counts_have_equal_shades_relative_to_the_hottest(page: Page, scene: Stage, worker: bool) -> None:
    """Equal counts, equal shade; cold is transparent; and all shades change when another tile becomes the hottest."""
    scene.heat = {10: 5, 20: 5, 30: 9}
    await show(page, scene, worker=worker)
    five, five_too, nine, cold = await page.evaluate(CANVAS_PIXELS, [10, 20, 30, 40])
    assert five == five_too != nine
    assert cold == [0, 0, 0, 0]
    await scene.warm({40: 100})
    await drawn(page, 40)
    assert (await page.evaluate(CANVAS_PIXELS, [40]))[0] == nine
    assert (await page.evaluate(CANVAS_PIXELS, [30]))[0] != nine


@BOTH_WAYS
async def test_heat_that_goes_cold_is_gone(page: Page, scene: Stage, worker: bool) -> None:
    """A count of zero leaves nothing on the canvas."""
    scene.heat = {10: 5}
    await show(page, scene, worker=worker)
    await scene.warm({10: 0})
    await drawn(page, 10, warm=False)


SIZES = """() => { const { width, height } = document.querySelector("isotherm-overlay").shadowRoot.querySelector("canvas").getBoundingClientRect();
  return { canvas: [width, height], page: [document.documentElement.scrollWidth, document.documentElement.scrollHeight] }; }"""


async def test_the_picture_follows_a_page_that_grows_and_shrinks_and_never_makes_it_larger(page: Page, scene: Stage) -> None:
    """The canvas is the document's size, whichever way that changes; the document's size is what it would be without."""
    await show(page, scene)
    for height in (7000, 4500, 5000):
        await page.evaluate("(height) => { document.querySelector('main').style.height = height + 'px'; }", height)
        await canvas_size(page, "height", height)
        sizes = await page.evaluate(SIZES)
        assert sizes["page"] == [1280, height]
        assert sizes["canvas"] == [1280, height]


async def test_a_page_that_grows_behind_a_fixed_root_is_followed(page: Page, scene: Stage) -> None:
    """No box that can be observed changes, and still the canvas is as high as what can be scrolled."""
    scene.pages["*"] = SHOP.replace("body { margin", "html, body { height: 100%; } body { margin")
    await show(page, scene)
    await page.evaluate("document.querySelector('main').style.height = '6000px'")
    await canvas_size(page, "height", 6000)


@pytest.mark.parametrize("css", ["html { position: relative; margin: 32px 0 0 40px }", "html { margin-top: 32px }", "body { position: relative; top: 50px }"])
async def test_a_page_that_moves_its_root_does_not_move_the_heat(page: Page, new_page: Any, scene: Stage, css: str) -> None:
    """The picture begins at the document's corner, wherever a page puts its root element."""
    scene.pages["*"] = SHOP.replace("</style>", css + "</style>")
    scene.heat = {0: 5}
    await show(page, scene, folded=True, place={"right": True, "bottom": True, "x": 0, "y": 0})
    box = await heat_box(page, await new_page())
    assert box
    assert (box["left"], box["top"]) == (0, 0)


async def test_a_page_that_zooms_its_root_does_not_zoom_the_heat(page: Page, new_page: Any, scene: Stage) -> None:
    """CSS `zoom` on the root, also when it comes later: the tile lies where the mouse was, the panel is as large as ever."""
    await show(page, scene)
    before = await page.locator(PANEL).bounding_box()
    assert before
    await page.evaluate("document.documentElement.style.zoom = '1.5'")
    await canvas_size(page, "height", 6000)
    await canvas_size(page, "width", 1280)
    after = await page.locator(PANEL).bounding_box()
    assert after
    assert after["width"] == pytest.approx(before["width"], abs=1)
    assert after["x"] == pytest.approx(before["x"], abs=1)


async def test_window_resize_is_followed(page: Page, scene: Stage) -> None:
    await show(page, scene)
    await page.set_viewport_size({"width": 800, "height": 600})
    await canvas_size(page, "width", 800)


async def test_a_click_goes_through_to_the_page(page: Page, scene: Stage) -> None:
    """Everything but the panel lets clicks through, also on the hottest tile and under the tip."""
    scene.heat = dict.fromkeys(range(2500), 9)
    await show(page, scene)
    await page.evaluate("document.querySelector('#buy').addEventListener('click', () => { window.bought = true; })")
    box = await page.locator("#buy").bounding_box()
    assert box
    await page.mouse.move(box["x"] + 5, box["y"] + 5)
    await expect(page.locator("isotherm-overlay .tip")).to_be_visible()
    await page.mouse.click(box["x"] + 5, box["y"] + 5)
    assert await page.evaluate("window.bought")


# What it says


@BOTH_WAYS
async def test_hover_tells_count_share_and_rank(page: Page, scene: Stage, worker: bool) -> None:
    """The tip says them of the tile under the pointer, goes with it, and is silent over cold tiles and the panel."""
    scene.heat = {0: 60, 1: 30, 2: 10}
    await show(page, scene, worker=worker)
    tip = page.locator("isotherm-overlay .tip")
    await page.mouse.move(30, 10)
    await expect(tip).to_have_text("30 moves30.0 % of all · rank 2 of 3")
    await page.mouse.move(10, 10)
    await expect(tip).to_have_text("60 moves60.0 % of all · the hottest of 3")
    await scene.warm({0: 20})
    await expect(tip).to_have_text("20 moves33.3 % of all · rank 2 of 3")
    await page.mouse.move(10, 600)
    await expect(tip).to_be_hidden()
    await page.locator(f"{PANEL} .figures").hover()
    await expect(tip).to_be_hidden()


async def test_the_tip_stays_in_the_window(page: Page, scene: Stage) -> None:
    scene.heat = {0: 60, 49: 30}
    await show(page, scene)
    for x in (3, 1275):
        await page.mouse.move(x, 5)
        await expect(page.locator("isotherm-overlay .tip")).to_be_visible()
        box = await page.locator("isotherm-overlay .tip").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= 1280


async def test_the_panel_tells_people_rate_legend_and_both_times(page: Page, scene: Stage) -> None:
    """People, samples a second, the legend's counts; the last movement neutral, the pipeline's lag beside."""
    scene.heat = {5: 66, 6: 4}
    scene.sky.people, scene.sky.rate, scene.sky.quiet_ms = 1234, 146.2, 12_000
    await show(page, scene)
    assert (await text(page, ".figures")).splitlines() == ["1,234", "people now", "146", "samples a second"]
    # It goes on ageing here from the frame on, however long the test takes to look.
    assert re.fullmatch(r"Last movement (1[2-9]|[2-5]\d) s ago", await text(page, ".movement"))
    assert await text(page, ".status") == "Live\n<0.1 s behind"
    assert "70 in 5 min" in await text(page, ".legend")
    assert [await tick.inner_text() for tick in await page.locator(f"{PANEL} .ticks span").all()] == ["1", "4", "17", "37", "66"]


async def test_lag_above_a_second_is_amber_and_quiet_is_not(page: Page, scene: Stage) -> None:
    scene.heat = {5: 66}
    scene.sky.quiet_ms, scene.sky.lag_ms = 60_000, 2400
    await show(page, scene)
    status = page.locator(f"{PANEL} .status")
    await expect(status).to_have_attribute("data-tone", "warn")
    await expect(status).to_contain_text("2.4 s behind")
    scene.sky.lag_ms = 40
    for _ in range(4):
        await scene.tell()
    await expect(status).to_have_attribute("data-tone", "good")


async def test_a_page_without_heat_says_so_and_offers_all_devices(page: Page, scene: Stage) -> None:
    scene.sky.people, scene.sky.quiet_ms = 0, NEVER
    await show(page, scene)
    await expect(page.locator(f"{PANEL} .notice")).to_contain_text("Nobody on a desktop has moved on this page in the last 5 min.")
    assert await text(page, ".movement") == "No movement yet"
    await page.get_by_role("button", name="Show all devices").click()
    await expect(page.locator(f"{PANEL} .notice")).to_contain_text("Nobody has moved")
    assert scene.asked[-1]["device"] == "all"


async def test_the_colours_turn_round_with_the_page(page: Page, scene: Stage) -> None:
    """On a dark page the hottest is bright, on a light one dark; a page that changes its theme is followed."""
    scene.heat = {5: 66}
    await show(page, scene)

    brightness = f"({CANVAS_PIXELS})([5])[0].slice(0, 3).reduce((sum, channel) => sum + channel)"
    light = await page.evaluate(brightness)
    await page.evaluate("document.body.style.background = '#111'")
    await expect(page.locator(f"{PANEL} .bar")).to_have_attribute("data-ground", "dark")
    await page.wait_for_function(f"(light) => {brightness} > 3 * light", arg=light)
    await page.evaluate("document.documentElement.style.background = document.body.style.background = 'oklch(0.98 0.01 90)'")
    await expect(page.locator(f"{PANEL} .bar")).to_have_attribute("data-ground", "light")


# What is chosen


@pytest.mark.parametrize(("width", "look"), [(767, "smooth"), (768, "tiles")])
async def test_on_a_phone_it_begins_smooth_unless_tiles_were_chosen(new_page: Any, scene: Stage, width: int, look: str) -> None:
    """A tile of a phone's page is a sliver; what was chosen stays, on a phone too."""
    page = await new_page(viewport={"width": width, "height": 800})
    await show(page, scene)
    await expect(page.locator(f"{PANEL} input[value={look}]")).to_be_checked()
    await page.locator(f"{PANEL} input[value=tiles]").evaluate("(input) => input.click()")
    await page.reload()
    await settled(page)
    await expect(page.locator(f"{PANEL} input[value=tiles]")).to_be_checked()


@pytest.mark.parametrize(("width", "device"), [(390, "mobile"), (767, "mobile"), (768, "tablet"), (1024, "desktop")])
async def test_it_starts_on_the_device_class_of_the_window(new_page: Any, scene: Stage, width: int, device: str) -> None:
    page = await new_page(viewport={"width": width, "height": 800})
    await show(page, scene)
    assert scene.asked == [{"page": "/p/1", "site": "default", "kind": "move", "device": device, "token": "first"}]


@BOTH_WAYS
async def test_kind_and_device_are_other_layers(page: Page, scene: Stage, worker: bool) -> None:
    """A choice draws a new line to that layer, and only that layer's heat is on the canvas."""
    scene.layers = {("/p/1", "move", "desktop"): {10: 5}, ("/p/1", "click", "desktop"): {20: 5}, ("/p/1", "click", "all"): {30: 5}}
    await show(page, scene, worker=worker)
    await page.get_by_role("radio", name="Clicks", exact=True).check()
    await drawn(page, 20)
    await drawn(page, 10, warm=False)
    await page.get_by_role("radio", name="All", exact=True).check()
    await drawn(page, 30)
    await drawn(page, 20, warm=False)
    await scene.watched_by(1)
    assert [(asked["kind"], asked["device"]) for asked in scene.asked] == [("move", "desktop"), ("click", "desktop"), ("click", "all")]


@BOTH_WAYS
async def test_paused_heat_stands_still_and_going_on_shows_what_came(page: Page, scene: Stage, worker: bool) -> None:
    scene.heat = {10: 5}
    await show(page, scene, worker=worker)
    await page.keyboard.press("p")
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("Paused")
    before = await page.evaluate(CANVAS_PIXELS, [10, 20])
    await scene.warm({10: 0, 20: 7})
    scene.sky.people = 77
    await scene.tell()
    await expect(page.locator(f"{PANEL} .figures")).to_contain_text("77")
    assert await page.evaluate(CANVAS_PIXELS, [10, 20]) == before
    await page.get_by_role("button", name="Go on").click()
    await drawn(page, 20)
    assert (await page.evaluate(CANVAS_PIXELS, [10]))[0][3] == 0


@BOTH_WAYS
async def test_opacity_look_and_colours_change_the_canvas(page: Page, scene: Stage, worker: bool) -> None:
    scene.heat = {10: 5, 11: 2}
    await show(page, scene, worker=worker)
    canvas = page.locator("isotherm-overlay canvas")
    await page.get_by_text("Colours and contrast").click()
    full = (await page.evaluate(CANVAS_PIXELS, [10]))[0][3]
    await page.get_by_label("Opacity of the heat, percent").fill("40")
    await page.wait_for_function(f"(full) => Math.abs(({CANVAS_PIXELS})([10])[0][3] - full) <= 1", arg=full * 40 / 85)
    seen = await page.evaluate(CANVAS_PIXELS, [11])
    for choose in (page.get_by_label("Viridis"), page.get_by_role("radio", name="Linear", exact=True)):
        await choose.check()
        await page.wait_for_function(f"(seen) => ({CANVAS_PIXELS})([11]).join() !== seen.join()", arg=seen)
        seen = await page.evaluate(CANVAS_PIXELS, [11])
    await page.get_by_role("radio", name="Smooth", exact=True).check()
    await expect(canvas).to_have_css("image-rendering", "auto")
    await expect(canvas).to_have_attribute("width", "150")


async def test_choices_outlive_a_load_in_the_tab(page: Page, scene: Stage) -> None:
    await show(page, scene)
    await page.keyboard.press("l")
    await page.reload()
    await settled(page)
    await expect(page.locator(f"{PANEL} input[value=smooth]")).to_be_checked()


# The keyboard


async def test_every_shortcut_is_listed_and_does_what_it_says(page: Page, scene: Stage) -> None:
    scene.heat = {10: 5, 2000: 9}
    await show(page, scene)
    await page.keyboard.press("?")
    keys = [key.replace("\n", "+") for key in await page.locator(f"{PANEL} .help dt").all_inner_texts()]
    assert keys == ["P", "N", "ShiftN", "T", "B", "K", "D", "A", "L", "C", "S", "[", "]", "H", "F", "I", "?", "ShiftX"]
    await expect(page.get_by_role("button", name="Back")).to_be_focused()
    await page.keyboard.press("?")
    await expect(page.locator(f"{PANEL} .help")).to_have_count(0)
    await page.keyboard.press("?")
    await page.keyboard.press("Escape")
    await expect(page.locator(f"{PANEL} .help")).to_have_count(0)
    await expect(page.get_by_role("button", name="Keyboard shortcuts")).to_be_focused()

    for key, value in (
        ("l", "smooth"), ("c", "viridis"), ("s", "linear"), ("t", "hour"), ("b", "yes"), ("k", "click"), ("d", "tablet"), ("a", "all"),
    ):  # fmt: skip
        await page.keyboard.press(key)
        await expect(page.locator(f"{PANEL} input[value={value}]")).to_be_checked()
    await page.keyboard.press("[")
    await expect(page.locator(f"{PANEL} .opacity output")).to_have_text("80 %")
    await page.keyboard.press("]")
    await expect(page.locator(f"{PANEL} .opacity output")).to_have_text("85 %")
    await page.keyboard.press("h")
    await expect(page.locator("isotherm-overlay canvas")).to_be_hidden()
    await page.keyboard.press("h")
    await page.keyboard.press("f")
    await expect(page.locator(f"{PANEL} .body")).to_be_hidden()
    await page.keyboard.press("f")
    await page.keyboard.press("i")
    await expect(page.get_by_role("button", name="Fold the panel")).to_be_focused()
    await page.keyboard.press("Shift+X")
    await expect(page.locator("isotherm-overlay")).to_have_count(0)


async def test_keys_that_somebody_types_or_that_have_modifiers_are_not_ours(page: Page, scene: Stage) -> None:
    await show(page, scene)
    await page.evaluate("""document.querySelector('main').insertAdjacentHTML('beforeend',
      '<input id=search><textarea id=note></textarea><div id=rich contenteditable>x</div>')""")
    for field in ("#search", "#note", "#rich"):
        await page.locator(field).press("l")
    assert await page.locator("#search").input_value() == "l"
    await page.locator("#buy").press("Control+l")
    await expect(page.locator(f"{PANEL} input[value=tiles]")).to_be_checked()


async def test_single_keys_can_be_switched_off(page: Page, scene: Stage) -> None:
    await show(page, scene)
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    await page.get_by_label("Single keys are shortcuts").uncheck()
    await page.get_by_role("button", name="Back").click()
    await page.evaluate("addEventListener('keydown', (event) => { window.heard = event.key; })")
    await page.keyboard.press("l")
    await expect(page.locator(f"{PANEL} input[value=tiles]")).to_be_checked()
    assert await page.evaluate("window.heard") == "l"


@BOTH_WAYS
async def test_next_hottest_goes_there_and_says_it(page: Page, scene: Stage, worker: bool) -> None:
    """N goes down the ranks and the page, Shift+N comes back; what it found is spoken."""
    scene.heat = {45 * GRID + 10: 9, 2: 5}
    await page.emulate_media(reduced_motion="reduce")
    await show(page, scene, worker=worker)
    tip = page.locator("isotherm-overlay .tip strong")
    await page.keyboard.press("n")
    await expect(tip).to_have_text("9 moves")
    assert await page.evaluate("scrollY") > 3000
    await expect(page.locator("isotherm-overlay .spoken")).to_have_text("9 moves, 64.3 % of all · the hottest of 2")
    await page.keyboard.press("n")
    await expect(tip).to_have_text("5 moves")
    assert await page.evaluate("scrollY") == 0
    await page.keyboard.press("Shift+N")
    await expect(tip).to_have_text("9 moves")


async def test_all_of_the_panel_is_reached_by_tab(page: Page, scene: Stage) -> None:
    scene.heat = {10: 5}
    await show(page, scene, details=True)
    await page.keyboard.press("i")
    reached = []
    for _ in range(16):
        reached.append(await page.evaluate("""() => { const at = document.activeElement?.shadowRoot?.activeElement;
          return at ? at.getAttribute("aria-label") || at.getAttribute("name") || at.innerText.trim() : ""; }"""))
        await page.keyboard.press("Tab")
    assert reached[:15] == [
        "Fold the panel", "Close the heat map", "range", "kind", "device", "look", "Replay and compare", "Colours and contrast", "Inferno", "curve", "ground",
        "Opacity of the heat, percent", "Pause", "Go to the next hottest tile", "Hide the heat",
    ]  # fmt: skip


# The panel


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["live", "late", "empty", "help", "refused", "folded"])
async def test_the_panel_keeps_wcag_aa(new_page: Any, console: Any, scene: Stage, scheme: str, state: str) -> None:
    """axe finds nothing to say against it, in each state, light and dark."""
    page = await new_page(color_scheme=scheme)
    scene.heat = {} if state == "empty" else {10: 5, 30: 90}
    scene.sky.lag_ms = 3000 if state == "late" else 40
    if state == "refused":
        console.expect("WebSocket connection")
        scene.refuse = 401
    await show(page, scene, details=True, folded=state == "folded")
    if state == "refused":
        await expect(page.locator(f"{PANEL} .status")).to_contain_text("Not let in", timeout=15_000)
    if state == "help":
        await page.keyboard.press("?")
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("""() => axe.run({ include: [["isotherm-overlay"]] },
      { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations", "incomplete"] })""")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found["violations"]] == []


async def test_the_panel_is_moved_by_its_head_and_by_arrow_keys_and_stays_in_the_window(page: Page, scene: Stage) -> None:
    await show(page, scene)
    panel = page.locator(PANEL)
    head = await page.locator(f"{PANEL} .path").bounding_box()
    assert head
    await page.mouse.move(head["x"] + 20, head["y"] + 8)
    await page.mouse.down()
    await page.mouse.move(100, 60, steps=4)
    await page.mouse.up()
    box = await panel.bounding_box()
    assert box
    assert box["x"] < 120
    assert box["y"] < 80
    await page.locator(f"{PANEL} .grip").press("ArrowRight")
    moved = await panel.bounding_box()
    assert moved
    assert moved["x"] == box["x"] + 16
    for _ in range(12):
        await page.locator(f"{PANEL} .grip").press("ArrowLeft")
    assert (await panel.bounding_box() or {})["x"] == 0


async def test_a_panel_in_the_corner_stays_in_it_when_the_window_shrinks(page: Page, scene: Stage) -> None:
    await show(page, scene)
    await page.set_viewport_size({"width": 700, "height": 500})
    box = await page.locator(PANEL).bounding_box()
    assert box
    assert box["x"] + box["width"] == 700 - 16
    assert box["y"] >= 0


async def test_on_a_phone_it_begins_folded(new_page: Any, scene: Stage) -> None:
    page = await new_page(viewport={"width": 390, "height": 844})
    await show(page, scene)
    await expect(page.locator(f"{PANEL} .body")).to_be_hidden()
    await page.get_by_role("button", name="Unfold the panel").click()
    box = await page.locator(PANEL).bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["y"] >= 0


async def test_numbers_that_tick_move_nothing(page: Page, scene: Stage) -> None:
    """The panel is as large with one person as with a thousand."""
    scene.heat = {10: 5}
    await show(page, scene)
    before = await page.locator(PANEL).bounding_box()
    scene.sky.people, scene.sky.rate = 1042, 4096.0
    await scene.warm({10: 123_456})
    await expect(page.locator(f"{PANEL} .figures")).to_contain_text("1,042")
    assert await page.locator(PANEL).bounding_box() == before


# The line


@BOTH_WAYS
async def test_a_line_that_breaks_is_mended_and_the_heat_begins_with_a_keyframe(page: Page, scene: Stage, worker: bool) -> None:
    scene.heat = {10: 5}
    await show(page, scene, worker=worker)
    scene.heat = {20: 5}
    await scene.hang_up()
    await scene.attempts(2)
    await drawn(page, 20)
    assert (await page.evaluate(CANVAS_PIXELS, [10]))[0][3] == 0


@BOTH_WAYS
async def test_the_next_line_carries_the_renewed_token(page: Page, scene: Stage, worker: bool) -> None:
    await show(page, scene, worker=worker)
    viewer = await scene.viewer()
    await viewer.socket.send_str('{"token": "second"}')
    await viewer.socket.send_str('{"weather": "fine"}')
    await viewer.socket.send_str("not for us")
    await scene.hang_up()
    await scene.attempts(2)
    assert [asked["token"] for asked in scene.asked] == ["first", "second"]


async def test_a_refused_token_reads_well_and_can_be_tried_again(page: Page, console: Any, scene: Stage) -> None:
    console.expect("WebSocket connection")
    scene.refuse = 401
    await show(page, scene)
    notice = page.locator(f"{PANEL} .notice")
    await expect(notice).to_contain_text("does not open this page’s heat: the pass has run out or was withdrawn", timeout=15_000)
    scene.refuse = 0
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("Live")


@BOTH_WAYS
async def test_a_server_that_throws_a_viewer_out_is_not_asked_again_at_once(page: Page, scene: Stage, worker: bool) -> None:
    await show(page, scene, worker=worker)
    await scene.hang_up(4401)
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("Not let in")
    assert len(scene.asked) == 1


async def test_silence_is_told_then_taken_for_a_dead_line(page: Page, scene: Stage) -> None:
    """The server sends at the latest after five seconds: 6.5 s without a word is amber, 12 s a new dial."""
    await page.clock.install()
    await show(page, scene, worker=False)
    await page.clock.fast_forward(7000)
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("No word for 7 s")
    await page.clock.fast_forward(6000)
    await page.clock.run_for(2000)
    await scene.attempts(2)
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("Live")


#: How far the channels of the warm tile's colour are from each other.
SPREAD = f"(([red, green, blue]) => Math.max(red, green, blue) - Math.min(red, green, blue))(({CANVAS_PIXELS})([10])[0])"


@BOTH_WAYS
async def test_a_line_that_stays_down_says_how_old_the_picture_is(page: Page, console: Any, scene: Stage, worker: bool) -> None:
    console.expect("WebSocket connection|Failed to load resource|ERR_")
    scene.heat = {10: 5}
    await show(page, scene, worker=worker)
    fresh = await page.evaluate(SPREAD)
    await page.route("**/healthz", lambda route: route.abort())
    scene.refuse = 502
    await scene.hang_up()
    await expect(page.locator(f"{PANEL} .notice")).to_contain_text("does not answer. What you see is", timeout=15_000)
    await page.wait_for_function(f"(fresh) => {SPREAD} < fresh / 3", arg=fresh)  # the colours have gone grey
    scene.refuse = 0
    await page.get_by_role("button", name="Try now").click()
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("Live")


async def test_a_frame_that_is_none_begins_anew(page: Page, scene: Stage) -> None:
    await show(page, scene)
    await (await scene.viewer()).send(b"\x01\x09 nonsense")
    await scene.attempts(2)
    await settled(page)


@BOTH_WAYS
async def test_a_route_without_a_load_is_followed(page: Page, scene: Stage, worker: bool) -> None:
    """pushState, replaceState and back: the line goes to the page that is shown, and the panel says which."""
    scene.layers = {("/p/2", "move", "desktop"): {20: 5}}
    scene.heat = {10: 5}
    await show(page, scene, worker=worker)
    await page.evaluate("history.pushState({}, '', '/p/2?x=1#y')")
    await drawn(page, 20)
    await expect(page.locator(f"{PANEL} .path")).to_have_text("/p/2")
    await page.go_back()
    await scene.attempts(3)
    await page.evaluate("history.replaceState({}, '', '/caf%C3%A9')")
    await scene.attempts(4)
    await expect(page.locator(f"{PANEL} .path")).to_have_text("/café")
    assert [asked["page"] for asked in scene.asked] == ["/p/1", "/p/2", "/p/1", "/caf%C3%A9"]
    await scene.watched_by(1)


async def test_a_route_is_followed_where_the_browser_does_not_tell_of_it(page: Page, scene: Stage) -> None:
    await page.add_init_script("Object.defineProperty(window, 'navigation', { value: undefined });")
    await show(page, scene)
    await page.evaluate("history.pushState({}, '', '/p/2')")
    await scene.attempts(2)
    assert scene.asked[-1]["page"] == "/p/2"


async def test_an_unseen_tab_hangs_up_and_comes_back(page: Page, scene: Stage) -> None:
    """Nobody watches: trackers must not be kept at the quick pace."""
    await page.clock.install()
    await show(page, scene, worker=False)
    hide = "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); }"
    await page.evaluate(hide, True)
    await page.clock.fast_forward(21_000)
    await scene.watched_by(0)
    await page.evaluate(hide, False)
    await scene.watched_by(1)
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("Live")


# The page that it stands on

STRICT = (
    "default-src 'none'; script-src 'self' {host}; style-src 'self'; img-src 'self'; connect-src 'self' {host} ws://{address};"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)


async def test_it_works_under_a_strict_policy_with_trusted_types(page: Page, scene: Stage) -> None:
    """Nothing inline, no markup from text, nothing loaded but scripts: the console stays quiet (the fixture looks)."""
    scene.pages["*"] = SHOP.replace("<style>", "<template>").replace("</style>", "</template>").replace("style=", "data-style=")
    scene.heat = {10: 5}
    scene.policy = STRICT.replace("{address}", scene.host.removeprefix("http://"))
    await show(page, scene)
    await settled(page)
    await page.keyboard.press("?")
    await page.keyboard.press("?")
    await page.mouse.move(10 * 1280 / 50 + 5, 5)
    await expect(page.locator("isotherm-overlay .tip")).to_be_visible()
    assert (await page.locator(PANEL).bounding_box() or {})["width"] == 292
    assert (await page.evaluate(CANVAS_PIXELS, [10]))[0][3] > 0


async def test_a_policy_that_forbids_the_line_is_named(page: Page, console: Any, scene: Stage) -> None:
    console.expect("Content Security Policy")
    scene.policy = "script-src 'self' {host}; connect-src 'self'"
    await show(page, scene)
    await expect(page.locator(f"{PANEL} .notice")).to_contain_text(f"Add {scene.host.replace('http', 'ws')} to connect-src.")
    assert scene.asked == []


HOSTILE = """<style>* { color: red !important; font-size: 40px !important; display: inline !important; position: static !important }
  html { font-size: 62.5% } div, section, button { border: 9px solid lime !important; transform: rotate(3deg) !important }
  isotherm-overlay { display: none !important; opacity: 0 !important; filter: blur(4px) !important }</style>"""


async def test_the_pages_own_styles_do_not_reach_it(page: Page, scene: Stage) -> None:
    scene.heat = {10: 5}
    await show(page, scene)
    before = await page.locator(PANEL).bounding_box()
    await page.evaluate("(css) => document.head.insertAdjacentHTML('beforeend', css)", HOSTILE)
    await frames(page)
    assert await page.locator(PANEL).bounding_box() == before
    await expect(page.locator(PANEL)).to_have_css("font-size", "13px")
    assert await page.evaluate("getComputedStyle(document.querySelector('isotherm-overlay')).opacity") == "1"


LISTENERS = """
window.listening = new Set();
const add = EventTarget.prototype.addEventListener;
const remove = EventTarget.prototype.removeEventListener;
EventTarget.prototype.addEventListener = function (type, listener, options) {
  const entry = { target: this, type, listener };
  if (!new Error().stack.includes("/overlay/")) return add.call(this, type, listener, options);
  if (this === window || this === document || this === document.documentElement || this instanceof MediaQueryList || this === window.navigation) {
    listening.add(entry);
    options?.signal?.addEventListener("abort", () => listening.delete(entry));
  }
  return add.call(this, type, listener, options);
};
EventTarget.prototype.removeEventListener = function (type, listener, options) {
  for (const entry of listening) if (entry.target === this && entry.type === type && entry.listener === listener) listening.delete(entry);
  return remove.call(this, type, listener, options);
};
window.ticking = new Set();
const [set, clear] = [window.setInterval, window.clearInterval];
window.setInterval = (...args) => { const id = set(...args); ticking.add(id); return id; };
window.clearInterval = (id) => { ticking.delete(id); clear(id); };
const [later, never] = [window.setTimeout, window.clearTimeout];
window.setTimeout = (run, ...args) => { const id = later(() => { ticking.delete(id); run(); }, ...args); ticking.add(id); return id; };
window.clearTimeout = (id) => { ticking.delete(id); never(id); };
"""

TRACE = """() => ({
  html: document.documentElement.outerHTML, sheets: document.adoptedStyleSheets.length, listening: [...listening].map((entry) => entry.target.constructor.name + ' ' + entry.type), ticking: ticking.size,
  storage: Object.keys(sessionStorage).concat(Object.keys(localStorage)), size: [document.documentElement.scrollWidth, document.documentElement.scrollHeight],
})"""


async def test_closing_leaves_no_trace(page: Page, scene: Stage) -> None:
    """Document, styles, listeners, timers, storage, socket: all as before it was opened."""
    scene.heat = {10: 5}
    scene.pages["*"] = SHOP.replace('<script src="/boot.js"></script>', "")
    await page.add_init_script(LISTENERS)
    await page.goto(scene.shop + "/p/1")
    before = await page.evaluate(TRACE)
    await page.evaluate("(host) => import(host + '/overlay/overlay.js').then((overlay) => { overlay.open({ host, site: 'default', token: 't' }); })", scene.host)
    await settled(page)
    await page.mouse.move(10 * 1280 / 50 + 5, 5)
    await page.keyboard.press("l")
    await page.keyboard.press("n")
    during = await page.evaluate(TRACE)
    assert during["listening"]
    assert during["ticking"]
    assert during["size"] == before["size"]
    await page.get_by_role("button", name="Close the heat map").click()
    assert await page.evaluate(TRACE) == before
    await scene.watched_by(0)
    assert len(scene.asked) == 1


async def test_opening_twice_leaves_one(page: Page, scene: Stage) -> None:
    await show(page, scene)
    await page.evaluate("(host) => import(host + '/overlay/overlay.js').then((overlay) => { overlay.open({ host: host.replace('http://', ''), site: 'default', token: 'new' }); })", scene.host)
    await scene.attempts(2)
    await expect(page.locator("isotherm-overlay")).to_have_count(1)
    await settled(page)
    assert scene.asked[-1]["token"] == "new"


COUNTING = """
window.drawn = 0; window.asked = 0;
const put = CanvasRenderingContext2D.prototype.putImageData;
CanvasRenderingContext2D.prototype.putImageData = function (...args) { drawn += 1; return put.apply(this, args); };
const ask = window.requestAnimationFrame;
window.requestAnimationFrame = (callback) => { asked += 1; return ask(callback); };
"""


async def test_nothing_new_asks_for_no_frame(page: Page, scene: Stage) -> None:
    """Frames without changes draw nothing; frames with changes that come together are drawn once."""
    await page.add_init_script(COUNTING)
    scene.heat = {10: 5}
    await show(page, scene, worker=False)
    await page.evaluate("window.asked = 0; window.drawn = 0")
    scene.sky.people = 41
    for _ in range(5):
        await scene.tell()
    await expect(page.locator(f"{PANEL} .figures")).to_contain_text("41")
    assert await page.evaluate("[asked, drawn]") == [0, 0]
    await scene.warm({10: 6})
    await page.wait_for_function("() => drawn === 1")


SET_ANEW = """() => { window.anew = [];
  new MutationObserver((records) => { for (const { target, attributeName, oldValue } of records) {
    if (target.getAttribute(attributeName) === oldValue) anew.push(`${target.localName}.${target.className} ${attributeName}`);
  } }).observe(document.querySelector("isotherm-overlay").shadowRoot, { subtree: true, attributes: true, attributeOldValue: true }); }"""


async def test_what_is_as_it_was_is_not_set_anew(page: Page, scene: Stage) -> None:
    """Neither by its looks at the page nor by new numbers: an attribute that is set to what it is costs the page a frame of the browser."""
    await page.clock.install()
    scene.heat = {10: 5}
    await show(page, scene, worker=False)
    await page.evaluate(SET_ANEW)
    scene.sky.people = 41
    await scene.tell()
    await page.clock.run_for(3000)
    await expect(page.locator(f"{PANEL} .figures")).to_contain_text("41")
    await scene.warm({10: 6})
    await drawn(page, 10)
    await page.clock.run_for(1000)
    assert await page.evaluate("anew") == []


async def test_an_unseen_tab_draws_nothing(page: Page, scene: Stage) -> None:
    """Another tab in front: changes come in, no pixel is written; back in front, the newest heat is drawn."""
    await page.add_init_script(COUNTING)
    scene.heat = {10: 5}
    await show(page, scene, worker=False)
    other = await page.context.new_page()
    await other.bring_to_front()
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange'));")
    await page.evaluate("window.asked = 0; window.drawn = 0")
    viewer = await scene.viewer()
    for count in range(6, 12):
        await scene.warm({10: count})
    await viewer.socket.send_str("{}")
    assert await page.evaluate("drawn") == 0
