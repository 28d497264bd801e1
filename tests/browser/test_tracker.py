"""The tracker in a real browser, against a server that only records: where and when a sample is taken."""

from __future__ import annotations

import gzip

from chromium import NewPage
from playwright.async_api import Page
from recorder import HEIGHT, TAG, WIDTH, Recorder
from tracker_steps import MOVE, connected, round_trip, run, run_until, stopped

from isotherm.web.tracker import compressed_tracker, served_tracker

SERVED_BYTES_MAX = 2500


async def test_a_sample_is_where_the_pointer_is_in_the_document(page: Page, recorder: Recorder) -> None:
    """Scrolled or not: x and y are positions in the document, beside its size and the viewport's width."""
    await recorder.open(page)
    await page.mouse.move(100, 200)
    await recorder.until(lambda: MOVE in recorder.points())
    await page.evaluate("scrollTo(300, 1500)")
    await recorder.until(lambda: ("move", 400.0, 1700.0) in recorder.points())
    await page.mouse.move(110, 205)
    await recorder.until(lambda: ("move", 410.0, 1705.0) in recorder.points())
    message = recorder.batches[-1].message
    assert (message["w"], message["h"], message["vw"]) == (WIDTH, HEIGHT, 1280)


async def test_scrolling_under_a_resting_pointer_is_movement(page: Page, recorder: Recorder) -> None:
    """The page moved under the pointer, so the pointer moved over the page; an inner box's scrolling moves no document."""
    recorder.pages["/"] = f"""<body style="margin:0"><div style="height:{HEIGHT}px"></div>
        <div id=box style="position:fixed;top:300px;height:99px;overflow:scroll"><div style="height:900px">x</div></div>{TAG}"""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    await page.mouse.wheel(0, 400)
    await run_until(page, lambda: ("move", 50.0, 450.0) in recorder.points())  # a browser tells of a scroll when it paints
    await run(page, 1500)
    count = len(recorder.points())
    await page.evaluate("new Promise(done => { box.onscroll = done; box.scrollTop = 300 })")
    await run(page, 3000)
    await round_trip(page, recorder)
    assert len(recorder.points()) == count + 2, "the click, and the movement to it"


async def test_a_pointer_that_left_the_page_is_not_scrolled_along(page: Page, recorder: Recorder) -> None:
    """Who scrolls by keyboard while the mouse is elsewhere looks nowhere that we know of."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    await page.evaluate("document.documentElement.dispatchEvent(new PointerEvent('pointerout', { bubbles: true, relatedTarget: null }))")
    await page.evaluate("new Promise(done => { onscroll = done; scrollTo(0, 700) })")
    await run(page, 3000)
    count = len(recorder.points())
    await round_trip(page, recorder)
    assert len(recorder.points()) == count + 2, "the click, and the movement to it"


async def test_positions_are_packed_in_the_smallest_type(page: Page, recorder: Recorder) -> None:
    """A page longer than 65,535 pixels has its positions too."""
    recorder.pages["/"] = f'<body style="margin:0"><div style="height:90000px"></div>{TAG}'
    await recorder.open(page)
    await page.evaluate("scrollTo(0, 70000)")
    await page.mouse.move(100, 200)
    await recorder.until(lambda: ("move", 100.0, 70200.0) in recorder.points())
    message = recorder.batches[-1].message
    assert (message["x"][:2], message["y"][:2]) == ("<B", "<I")


async def test_a_moving_pointer_is_sampled_four_times_a_second(page: Page, recorder: Recorder) -> None:
    """However many events come: one sample a beat, at once the first, and the place where it came to rest."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await page.mouse.move(0, 0)
    for step in range(1, 21):  # a second of movement, an event each 50 ms
        await page.mouse.move(10 * step, 5 * step)
        await run(page, 50)
    await page.mouse.move(333, 222)
    await run(page, 3000)
    await recorder.until(lambda: ("move", 333.0, 222.0) in recorder.points())
    moves = recorder.points()
    assert moves == [("move", 10.0 * n, 5.0 * n) for n in (0, 5, 10, 15, 20)] + [("move", 333.0, 222.0)]


async def test_a_resting_page_does_nothing(page: Page, recorder: Recorder) -> None:
    """250 ms after the last movement no timer runs; but for the first view nothing is sent until somebody moves."""
    await page.add_init_script("""
        const timers = window.timers = new Set();
        for (const kind of ["Timeout", "Interval"]) {
            const set = window["set" + kind], clear = window["clear" + kind];
            window["set" + kind] = (work, ...rest) => {
                const id = set(() => { if (kind == "Timeout") timers.delete(id); work(); }, ...rest);
                timers.add(id);
                return id;
            };
            window["clear" + kind] = (id) => { timers.delete(id); clear(id); };
        }
        window.requestAnimationFrame = window.requestIdleCallback = () => { throw Error("nothing is drawn") };
    """)
    await recorder.open(page)
    await recorder.until(lambda: recorder.batches)
    await page.wait_for_function("timers.size == 0")  # before anything moves
    assert (recorder.views(), recorder.points()) == ([("/", "view", 0.0)], [])
    await page.mouse.move(100, 200)
    await page.mouse.move(150, 200)
    await recorder.until(lambda: ("move", 150.0, 200.0) in recorder.points())
    await page.wait_for_function("timers.size == 0")
    sent = len(recorder.batches)
    await page.mouse.move(150, 200)  # the browser says again what it said before
    assert await page.evaluate("timers.size") == 0
    assert len(recorder.batches) == sent


async def test_a_click_is_sent_at_once_and_after_the_movement_to_it(page: Page, recorder: Recorder) -> None:
    """No clock has to run for it."""
    async with stopped(page, recorder):
        await recorder.open(page)
    await connected(page, recorder)
    await page.mouse.move(300, 400)
    await page.mouse.click(301, 402)
    await recorder.until(lambda: recorder.points()[-1] == ("click", 301.0, 402.0))
    assert recorder.points()[-3:-1] == [("move", 300.0, 400.0), ("move", 301.0, 402.0)]


async def test_a_click_without_a_place_is_none(page: Page, recorder: Recorder) -> None:
    """Enter on a button, a script's `click()` and the second click that a label makes are not told; the label's own is, once."""
    recorder.pages["/"] = f"<button id=b>Buy</button> <label id=l>Gift <input type=checkbox></label>{TAG}"
    await recorder.open(page)
    await page.focus("#b")
    await page.keyboard.press("Enter")
    await page.evaluate("b.click()")
    await page.click("#l", position={"x": 2, "y": 2})
    await recorder.until(lambda: any(kind == "click" for kind, _, _ in recorder.points()))
    await page.click("#b")
    await recorder.until(lambda: recorder.points()[-1][0] == "click" and recorder.points()[-1][1] < 40)
    assert [kind for kind, _, _ in recorder.points()].count("click") == 2


async def test_touch_counts(new_page: NewPage, recorder: Recorder) -> None:
    """A tap is a place and a click; the page that glides on after the finger has left is nobody's pointer."""
    page = await new_page(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    recorder.pages["/"] = f'<meta name=viewport content="width=device-width"><body style="margin:0"><div style="height:4000px"></div>{TAG}'
    await recorder.open(page)
    await page.touchscreen.tap(100, 200)
    await recorder.until(lambda: ("click", 100.0, 200.0) in recorder.points())
    assert recorder.points() == [MOVE, ("click", 100.0, 200.0)]
    await page.evaluate("new Promise(done => { onscroll = done; scrollTo(0, 900) })")
    await page.touchscreen.tap(120, 210)
    await recorder.until(lambda: ("click", 120.0, 1110.0) in recorder.points())
    assert recorder.points()[2:] == [("move", 120.0, 1110.0), ("click", 120.0, 1110.0)]
    assert recorder.batches[-1].message["vw"] == 390


def test_it_is_small() -> None:
    """At most 2.5 KB as served, by any encoding; each is the script itself."""
    compressed = compressed_tracker()
    assert max(map(len, compressed.values())) <= SERVED_BYTES_MAX
    assert gzip.decompress(compressed["gzip"]) == served_tracker()
