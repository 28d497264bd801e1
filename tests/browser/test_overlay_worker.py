"""The overlay's worker: it hears and draws where a page's policy lets it, the page's thread is left in peace, and no policy is violated for it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from chromium import CHROMIUM_ARGUMENTS, Console, NewPage, chromium_path
from heat_pixels import NO_WORKER
from live_stage import Stage, stage
from playwright.async_api import Page, async_playwright, expect
from test_overlay import BOTH_WAYS, CANVAS_PIXELS, PANEL, SHOP, drawn, show
from tests.serving import eventually

#: What the page's own thread hears of its workers, the frames that the overlay asks of the browser there, and which policies were violated.
WATCHED = """
window.heard = { news: 0 }; window.asked = 0; window.violated = [];
window.Worker = class extends Worker {
  constructor(...of) { super(...of); this.addEventListener("message", ({ data: [name] }) => { heard[name] = (heard[name] ?? 0) + 1; }); }
};
const ask = window.requestAnimationFrame;
window.requestAnimationFrame = (callback) => { asked += new Error().stack.includes("/overlay/"); return ask(callback); };
document.addEventListener("securitypolicyviolation", (event) => violated.push(event.effectiveDirective));
"""
#: In the worker: numbers of frames that were read and of pictures that were drawn. A frame's header has two of these floats.
COUNTED = """() => {
  self.counted = { frames: 0, pictures: 0 };
  const read = DataView.prototype.getFloat64;
  DataView.prototype.getFloat64 = function (...of) { counted.frames += 0.5; return read.apply(this, of); };
  const put = OffscreenCanvasRenderingContext2D.prototype.putImageData;
  OffscreenCanvasRenderingContext2D.prototype.putImageData = function (...of) { counted.pictures += 1; return put.apply(this, of); };
}"""
#: The page's hand on its worker.
HAND = "window.Worker = class extends Worker { constructor(...of) { super(...of); window.hand = this; } };"
HEAT = "isotherm-overlay canvas.heat"
#: Takes the page out of sight, and back.
SEE = "(hidden) => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); }"
#: How many rows of the window's left edge have another colour than the row above.
EDGES = """async (png) => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, 1, image.height);
  let edges = 0;
  for (let i = 4; i < data.length; i += 4) if (data[i] !== data[i - 4] || data[i + 1] !== data[i - 3] || data[i + 2] !== data[i - 2]) edges += 1;
  return edges;
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def scene(console: Console) -> AsyncIterator[Stage]:
    async with stage() as now:
        now.pages["*"] = SHOP
        now.heat = {10: 5}
        yield now
        console.rest()


async def hired(page: Page, count: int = 1) -> None:
    """Returns once so many workers are there."""

    async def there() -> bool:
        return len(page.workers) == count

    await eventually(there)


async def opened(page: Page, scene: Stage) -> None:
    """The page is loaded and the overlay on it, whatever it says."""
    await page.goto(scene.shop + "/p/1")
    await expect(page.locator(PANEL)).to_have_count(1)


async def test_frames_are_drawn_and_the_page_hears_of_one_a_second(page: Page, scene: Stage) -> None:
    """Eight frames in less than a second: the picture is of the last; the page was told at most once, and asked the browser for no frame."""
    await page.add_init_script(WATCHED)
    await show(page, scene)
    await hired(page)
    await page.workers[0].evaluate(COUNTED)
    before = await page.evaluate("[heard.news, asked, performance.now()]")
    for cell in range(20, 28):
        await scene.warm({cell: 4})
    await drawn(page, 27)
    news, asked, at_ms = await page.evaluate("[heard.news, asked, performance.now()]")
    assert news - before[0] <= 1 + (at_ms - before[2]) / 900
    assert asked == before[1]
    assert await page.workers[0].evaluate("counted") == {"frames": 8, "pictures": 8}


async def test_the_last_frame_of_a_burst_is_told_though_none_follows(page: Page, scene: Stage) -> None:
    """Nor is it waited for the line to be found silent, which is after 6.5 s."""
    await page.add_init_script(WATCHED)
    await show(page, scene)
    await hired(page)
    for cell in (20, 21):
        await scene.warm({cell: 4})
    await expect(page.locator(f"{PANEL} .legend")).to_contain_text("13 in 5 min", timeout=5_000)
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("Live")


async def test_a_pointed_tile_is_told_of_each_frame_and_no_longer_than_it_is_pointed_at(page: Page, scene: Stage) -> None:
    scene.heat = {0: 5}
    await page.add_init_script(WATCHED)
    await show(page, scene)
    tip = page.locator("isotherm-overlay .tip strong")
    await page.mouse.move(10, 10)
    await expect(tip).to_have_text("5 moves")
    news = await page.evaluate("heard.news")
    for count in (6, 7, 8):
        await scene.warm({0: count})
        await expect(tip).to_have_text(f"{count} moves")
    assert await page.evaluate("heard.news") >= news + 3
    await page.locator(f"{PANEL} .figures").hover()
    await expect(tip).to_be_hidden()
    news, at_ms = await page.evaluate("[heard.news, performance.now()]")
    for count in range(9, 20):
        await scene.warm({0: count})
    await page.wait_for_function(f"() => ({CANVAS_PIXELS})([0])[0][3] > 0")
    assert await page.evaluate("heard.news") - news <= 2 + (await page.evaluate("performance.now()") - at_ms) / 900


async def test_out_of_sight_the_worker_draws_nothing_and_tells_nobody(page: Page, scene: Stage) -> None:
    """Frames are heard; back in sight the newest heat is drawn at once."""
    await page.add_init_script(WATCHED)
    await show(page, scene)
    await hired(page)
    worker = page.workers[0]
    await worker.evaluate(COUNTED)
    await page.evaluate(SEE, True)
    await worker.evaluate("new Promise((done) => setTimeout(done))")  # what the page said before is heard by now
    news, pictures = await page.evaluate("heard.news"), await worker.evaluate("counted.pictures")
    for count in range(6, 12):
        await scene.warm({10: count, 40: count})

    async def frames() -> bool:
        return bool(await worker.evaluate("counted.frames") >= 6)

    await eventually(frames)
    assert await worker.evaluate("counted.pictures") == pictures
    assert await page.evaluate("heard.news") == news
    await page.evaluate(SEE, False)
    await drawn(page, 40)
    assert await worker.evaluate("counted.pictures") == pictures + 1


async def test_the_smooth_look_is_smooth_on_the_screen(page: Page, scene: Stage) -> None:
    """The browser stretches what the worker drew as it should: without edges, and with sharp ones after the look has changed."""
    scene.heat = {row * 50: 10 + 37 * row % 90 for row in range(50)}

    async def edges() -> int:
        png = base64.b64encode(await page.screenshot()).decode()
        return int(await page.evaluate(EDGES, png))

    await show(page, scene, look="smooth", folded=True, ground="light")
    await hired(page)

    async def smooth() -> bool:
        return await edges() > 60

    async def sharp() -> bool:
        return 5 <= await edges() <= 20

    await eventually(smooth)
    await page.keyboard.press("l")  # what is in view
    await page.keyboard.press("l")
    await expect(page.locator(f"{PANEL} input[value=tiles]")).to_be_checked()
    await eventually(sharp)


async def test_what_is_told_of_another_subject_is_left_out(page: Page, scene: Stage) -> None:
    """A word of the layer before may still be under way when another was chosen."""
    await show(page, scene)
    await hired(page)
    legend = page.locator(f"{PANEL} .legend")
    await page.workers[0].evaluate("postMessage(['shade', 888, 1])")
    await expect(legend).to_contain_text("888")
    await page.workers[0].evaluate("postMessage(['shade', 999, 0]); postMessage(['spots', null, 0]); postMessage(['shade', 777, 1])")
    await expect(legend).to_contain_text("777")
    await page.workers[0].evaluate("postMessage(['shade', 666, 1]); postMessage(['shade', 999, 0])")
    await expect(legend).to_contain_text("666")


async def test_closing_ends_the_worker(page: Page, scene: Stage) -> None:
    await show(page, scene)
    await hired(page)
    await page.get_by_role("button", name="Close the heat map").click()
    await hired(page, 0)
    await scene.watched_by(0)
    assert await page.evaluate("Object.keys(sessionStorage)") == []


async def test_closing_at_once_leaves_neither_worker_nor_word(page: Page, scene: Stage) -> None:
    """Closed before anybody knew whether there may be a worker."""
    scene.pages["*"] = SHOP.replace('<script src="/boot.js"></script>', "")
    await page.goto(scene.shop + "/p/1")
    asked = "(host) => import(host + '/overlay/overlay.js').then(({ open }) => open({ host, site: 'default', token: 't' }).close())"
    await page.evaluate(asked, scene.host)
    await page.evaluate("fetch(location.href).then((answer) => answer.text())")  # a question that was under way is answered by now
    await hired(page, 0)
    assert await page.evaluate("Object.keys(sessionStorage)") == []
    assert scene.asked == []


@BOTH_WAYS
async def test_a_page_that_is_put_away_hangs_up_and_is_live_when_it_is_back(console: Console, scene: Stage, worker: bool) -> None:
    """Put away, not unloaded: the browser keeps the page, with its overlay, for whoever goes back. Playwright's browsers do not, unless told."""
    scene.pages["/other"] = "<p>Elsewhere"
    async with async_playwright() as playwright:
        keeping = {"ignore_default_args": ["--disable-back-forward-cache"]}
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS, **keeping)
        page = await browser.new_page()
        await page.add_init_script("addEventListener('pageshow', ({ persisted }) => { window.persisted = persisted; });")
        await show(page, scene, worker=worker)
        if worker:
            await hired(page)
        await page.goto(scene.shop + "/other")
        await asyncio.wait_for(scene.watched_by(0), 10)
        scene.heat = {10: 7}
        await page.evaluate("history.back()")
        await asyncio.wait_for(scene.watched_by(1), 10)
        await expect(page.locator(f"{PANEL} .legend")).to_contain_text("7 in 5 min")
        assert await page.evaluate("persisted")
        assert len(scene.asked) == 2
        await browser.close()


# Policies

ALLOWING = "default-src 'self' {host}; style-src 'unsafe-inline'; connect-src 'self' {host} ws:; worker-src blob: {host}"


@pytest.mark.parametrize(
    ("policy", "there"),
    [
        ("", True),
        (ALLOWING, True),
        ("script-src 'self' blob: {host}", True),
        (ALLOWING.replace("blob: {host}", "blob:"), False),
        ("img-src 'self'", True),
        ("script-src 'self' {host}", False),
        (ALLOWING + "; require-trusted-types-for 'script'", False),
        (ALLOWING.replace("blob: ", ""), False),
    ],
)
async def test_a_worker_is_there_where_the_policy_lets_it_and_none_is_tried_where_not(page: Page, scene: Stage, policy: str, there: bool) -> None:
    """Either way the heat is drawn, and nothing is violated (the fixture looks at the console besides)."""
    scene.policy = policy
    await page.add_init_script(WATCHED)
    await opened(page, scene)
    await drawn(page, 10)
    assert len(page.workers) == there
    assert await page.evaluate("violated") == []


async def test_a_policy_that_is_only_reported_is_not_offended_either(page: Page, scene: Stage) -> None:
    scene.reported = ALLOWING.replace("blob: ", "")
    await page.add_init_script(WATCHED)
    await opened(page, scene)
    await drawn(page, 10)
    assert page.workers == []
    assert await page.evaluate("violated") == []


async def test_an_answer_that_is_no_success_says_nothing_of_the_page(page: Page, console: Console, scene: Stage) -> None:
    console.expect("405")
    scene.policy = ALLOWING.replace("blob: ", "")
    scene.head = 405
    await page.add_init_script(WATCHED)
    await opened(page, scene)
    await drawn(page, 10)
    assert page.workers == []
    assert await page.evaluate("violated") == []


async def test_each_path_is_asked_once_and_none_after_a_no(page: Page, scene: Stage) -> None:
    """One page of a site may have a policy that the others have not."""
    scene.policies["/p/2"] = scene.policies["/p/3"] = ALLOWING.replace("blob: ", "")
    await page.add_init_script(WATCHED)
    for path, workers in (("/p/1", 1), ("/p/1?again", 1), ("/p/2", 0), ("/p/3", 0), ("/p/1", 0)):
        await page.goto(scene.shop + path)
        await expect(page.locator(PANEL)).to_have_count(1)
        await drawn(page, 10)
        assert len(page.workers) == workers, path
        assert await page.evaluate("violated") == []
    assert scene.heads == ["/p/1", "/p/2"]


async def test_a_canvas_that_can_not_be_handed_over_is_drawn_on_where_it_is(page: Page, scene: Stage) -> None:
    await page.add_init_script("HTMLCanvasElement.prototype.transferControlToOffscreen = () => { throw new Error(); };")
    await show(page, scene)
    await drawn(page, 10)
    await hired(page, 0)


async def test_a_policy_that_stands_in_the_page_is_read_there(page: Page, scene: Stage) -> None:
    scene.pages["*"] = SHOP.replace("<head>", f"<head><meta http-equiv='Content-Security-Policy' content=\"script-src 'self' {scene.host}\">")
    await opened(page, scene)
    await drawn(page, 10)
    assert page.workers == []


async def test_a_policy_that_can_not_be_read_is_violated_once_in_a_tab(page: Page, console: Console, scene: Stage) -> None:
    """A page that may not even ask its own server: the question is the one violation, and it is not asked again in this tab."""
    console.expect("connect")
    scene.policy = "script-src 'self' {host}; connect-src {host} ws:"
    await page.add_init_script(WATCHED)
    for violated in (["connect-src"], []):
        await opened(page, scene)
        await drawn(page, 10)
        assert page.workers == []
        assert await page.evaluate("violated") == violated


async def test_a_worker_that_does_not_come_is_done_without(page: Page, console: Console, scene: Stage) -> None:
    """Its module can't be had: the page's own thread draws, and no worker is tried again in this tab."""
    console.expect("worker.js|Failed to load resource|ERR_FAILED")
    await page.context.route("**/overlay/worker.js", lambda route: route.abort())
    await page.add_init_script(WATCHED)
    for _ in range(2):
        await opened(page, scene)
        await drawn(page, 10)
        assert page.workers == []


async def test_a_policy_that_forbids_the_workers_line_is_named(page: Page, console: Console, scene: Stage) -> None:
    console.expect("Content Security Policy")
    scene.policy = "script-src 'self' {host}; worker-src blob: {host}; connect-src 'self'"
    await opened(page, scene)
    await expect(page.locator(f"{PANEL} .notice")).to_contain_text(f"Add {scene.host.replace('http', 'ws')} to connect-src.")
    assert scene.asked == []


@pytest.mark.parametrize("end", ["hand.postMessage(['close'])", "hand.terminate()"], ids=["closes itself", "is ended"])
async def test_a_worker_that_ends_is_done_without(page: Page, scene: Stage, end: str) -> None:
    """Nobody is told of it: it is missed. The page's own thread then draws what is chosen, by the newest token, and says how its line stands."""
    scene.quiet_ms, scene.tick_ms = 500, 500
    await page.add_init_script(HAND)
    await show(page, scene, kind="click", look="smooth")
    await hired(page)
    viewer = await scene.viewer()
    scene.token = "second"
    await viewer.socket.send_str(json.dumps({"token": scene.token}))
    await scene.warm({20: 4})
    await expect(page.locator(f"{PANEL} .legend")).to_contain_text("9 in 5 min")  # told after the token was
    status = page.locator(f"{PANEL} .status")
    await expect(status).to_contain_text("Live")
    box = await page.locator(HEAT).bounding_box()
    await page.evaluate(end)
    await scene.attempts(2)
    assert page.workers == []
    assert (scene.asked[1]["kind"], scene.asked[1]["token"]) == ("click", "second")
    await scene.viewer()
    await page.keyboard.press("l")  # what is in view
    await page.keyboard.press("l")
    await scene.warm({30: 6})
    await drawn(page, 30)
    await drawn(page, 20)
    assert await page.locator(HEAT).bounding_box() == box
    await expect(page.locator(f"{PANEL} .legend")).to_contain_text("15 in 5 min")
    await expect(status).to_contain_text("Live")
    await scene.hang_up()
    await scene.attempts(3)
    await scene.viewer()
    await expect(status).to_contain_text("Live")
    await page.evaluate("overlay.close()")
    await scene.watched_by(0)


async def test_a_paused_picture_goes_on_where_the_worker_ends(page: Page, scene: Stage) -> None:
    """What it stood still at is lost with the worker: the panel does not say that it is paused."""
    scene.quiet_ms, scene.tick_ms = 500, 500
    await page.add_init_script(HAND)
    await show(page, scene)
    await hired(page)
    await page.keyboard.press("p")
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("Paused")
    await page.evaluate("hand.terminate()")
    await scene.attempts(2)
    await scene.viewer()
    await scene.warm({30: 6})
    await drawn(page, 30)
    await expect(page.locator(f"{PANEL} .status")).to_contain_text("Live")


@pytest.mark.parametrize("why", ["no heat", "refused", "blocked"])
async def test_a_worker_with_nothing_to_say_is_not_taken_for_dead(page: Page, console: Console, scene: Stage, why: str) -> None:
    """It is asked again and again, and answers."""
    scene.quiet_ms = 50
    if why == "refused":
        console.expect("WebSocket")
        scene.refuse = 403
    if why == "blocked":
        console.expect("Content Security Policy")
        scene.policy = "script-src 'self' {host}; worker-src blob: {host}; connect-src 'self'"
    await page.add_init_script(WATCHED)
    await opened(page, scene)
    await hired(page)
    words = {"no heat": "Live", "refused": "Not let in", "blocked": "Blocked"}
    await expect(page.locator(f"{PANEL} .status")).to_contain_text(words[why])
    dials = len(scene.asked)
    heard = await page.evaluate("heard.pong ?? 0")
    await page.wait_for_function("(count) => heard.pong >= count", arg=heard + 8)
    assert len(page.workers) == 1
    assert len(scene.asked) == dials
    await expect(page.locator(f"{PANEL} .status")).to_contain_text(words[why])


async def test_out_of_sight_a_worker_is_not_asked(page: Page, scene: Stage) -> None:
    """Browsers hold it back there; in sight again it is asked as before."""
    scene.quiet_ms = 50
    await page.add_init_script(WATCHED)
    await show(page, scene)
    await page.wait_for_function("heard.pong >= 2")
    await page.evaluate(SEE, True)
    await page.workers[0].evaluate("new Promise((done) => setTimeout(done))")  # what was asked before is answered by now
    pongs = await page.evaluate("heard.pong")
    await page.evaluate("new Promise((done) => setTimeout(done, 300))")  # a timer of the watchdog's would be through before this one
    assert await page.evaluate("heard.pong") == pongs
    await page.evaluate(SEE, False)
    await page.wait_for_function("(count) => heard.pong >= count", arg=pongs + 2)


async def test_both_ways_draw_the_same(new_page: NewPage, scene: Stage) -> None:
    """Pixel by pixel, in each look that is drawn from counts."""
    scene.heat = {cell: cell * 7919 % 400 for cell in range(0, 2500, 3)}
    cells = list(range(0, 2500, 7))
    found: dict[str, list[Any]] = {"tiles": [], "smooth": []}
    for worker in (True, False):
        page = await new_page()
        if not worker:
            await page.add_init_script(NO_WORKER)
        await show(page, scene, look="tiles")
        assert len(page.workers) == worker
        found["tiles"].append(await page.evaluate(CANVAS_PIXELS, cells))
        await page.keyboard.press("l")
        await expect(page.locator("isotherm-overlay canvas")).to_have_attribute("width", "150")
        found["smooth"].append(await page.evaluate(CANVAS_PIXELS, cells))
    for one, other in found.values():
        assert one == other
