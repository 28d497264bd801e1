"""The tracker in a real browser, against a server that only records: clicks that nothing comes of."""

from __future__ import annotations

import pytest
from playwright.async_api import Page
from recorder import TAG, Recorder
from test_tracker_zones import anchors
from tracker_steps import PRETEND_HIDDEN, run, stopped

STYLE = "<style>body { margin: 0; height: 3000px } body > * { position: absolute; left: 0; top: 0; width: 100px; height: 50px; box-sizing: border-box }</style>"


async def stage(page: Page, recorder: Recorder, html: str) -> None:
    """One element of 100 × 50 px at the page's corner, and the page's clock stands."""
    recorder.pages["/"] = f"{STYLE}<body>{html}{TAG}"
    recorder.pages["/next"] = "next"
    async with stopped(page, recorder):
        await recorder.open(page)


async def judged(page: Page, recorder: Recorder) -> list[str]:
    """The kinds of all clicks, once those that are dead have been told: a movement's place comes after them."""
    await run(page, 2500)
    await page.mouse.move(600, 400)
    await run(page, 2000)
    await recorder.until(lambda: any(x == 600.0 for _, x, _ in recorder.points()))
    return [kind for kind, _, _ in recorder.points() if kind != "move"]


async def test_a_click_on_a_plain_picture_is_dead(page: Page, recorder: Recorder) -> None:
    """Told once more a second later: at its place in the document, of the moment of the click, with what was clicked."""
    await stage(page, recorder, "<img id=photo alt=''>")
    await page.mouse.click(20, 30)
    assert await judged(page, recorder) == ["click", "dead"]
    told = {
        kind: (x, y, anchor)
        for batch in recorder.batches
        for (kind, x, y), anchor in zip(batch.samples, anchors(batch), strict=True)
    }
    assert told["dead"] == told["click"] == (20.0, 30.0, ("#photo", 200.0, 600.0))
    dead = next(batch for batch in recorder.batches if any(kind == "dead" for kind, _, _ in batch.points))
    assert dead.ages[[kind for kind, _, _ in dead.samples].index("dead")] >= 1000, "the click's own time"


ALIVE = {
    "text that changes": "<button onclick='firstChild.data = 1'>x</button>",
    "an attribute": "<p onclick='this.title = 1'>",
    "a child": "<p onclick='document.body.append(1)'>",
    "later, within a second": "<p onclick='setTimeout(() => this.title = 1, 900)'>",
    "a scroll": "<button onclick='window.onscroll = () => moved = 1; window.scrollTo(0, 500)'>x</button>",
    "a path": "<button onclick='history.pushState({}, 0, `/b`)'>x</button>",
    "a link": "<a href=/next>next</a>",
    "a link to the top": "<a href='#'>top</a>",
    "a link to elsewhere": "<a href='mailto:a@example.com' onclick='return true'>write</a>",
    "the focus": "<button onclick='field.focus()'>x</button><input id=field style='left:200px'>",
    "details": "<details><summary style='height:50px'>x</summary>y</details>",
    "a popover": "<button popovertarget=more>x</button><i popover id=more></i>",
    "a press": "<p onpointerdown='this.title = 1'>",
    "a field": "<input>",
    "a list": "<select><option>1</select>",
    "a label": "<label>x</label>",
    "a text to write in": "<p contenteditable>x</p>",
    "a player": "<video controls></video>",
    "a drawing": "<canvas></canvas>",
    "a selection": "<p onclick='getSelection().selectAllChildren(this)'>some text</p>",
}


@pytest.mark.parametrize("html", ALIVE.values(), ids=ALIVE)
async def test_a_click_that_something_follows_is_not_dead(page: Page, recorder: Recorder, html: str) -> None:
    """Whatever changes within a second, or need not show in the document."""
    await stage(page, recorder, html)
    await page.mouse.click(20, 30)
    if "moved" in html:
        await page.evaluate("window.moved || new Promise(done => { addEventListener('scroll', done) })")  # its frame has a clock of its own
    if "/next" in html:
        await page.wait_for_url("**/next")  # a tab that is closed in the midst of it may never be gone
        await recorder.until(lambda: ("click", 20.0, 30.0) in recorder.points())
        assert [kind for kind, _, _ in recorder.points() if kind != "move"].count("dead") == 0
    else:
        assert "dead" not in await judged(page, recorder)


@pytest.mark.parametrize("html", ["<button>x</button>", "<a href='/next' onclick='return false'>x</a>", "<p onclick='setTimeout(() => this.title = 1, 1100)'>"])
async def test_a_button_that_does_nothing_is_dead(page: Page, recorder: Recorder, html: str) -> None:
    """Though the press gives it the focus; a link whose own effect was taken away; what comes after a second comes too late."""
    await stage(page, recorder, html)
    await page.mouse.click(20, 30)
    assert await judged(page, recorder) == ["click", "dead"]


async def test_each_click_of_a_burst_is_dead_once(page: Page, recorder: Recorder) -> None:
    """Those that something follows in the end are not."""
    await stage(page, recorder, "<img alt=''>")
    for _ in range(3):
        await page.mouse.click(20, 30)
        await run(page, 200)
    assert sorted(await judged(page, recorder)) == ["click"] * 3 + ["dead"] * 3


async def test_who_leaves_within_the_second_leaves_no_dead_click(page: Page, recorder: Recorder) -> None:
    """Another tab came to the front: perhaps the click's doing."""
    await stage(page, recorder, "<img alt=''>")
    await page.mouse.click(20, 30)
    await run(page, 500)
    await page.evaluate(PRETEND_HIDDEN, True)
    await run(page, 2000)
    await page.evaluate(PRETEND_HIDDEN, False)
    assert "dead" not in await judged(page, recorder)


async def test_no_observer_stands(page: Page, recorder: Recorder) -> None:
    """It observes from a press on, and not beyond what follows it: a second, or the first change."""
    await stage(page, recorder, "<img alt=''>")
    await page.evaluate("""() => {
        window.observing = 0;
        const { observe, disconnect } = MutationObserver.prototype;
        MutationObserver.prototype.observe = function (...rest) { this.on = observing = 1; observe.apply(this, rest); };
        MutationObserver.prototype.disconnect = function () { if (this.on) this.on = observing = 0; disconnect.apply(this); };
    }""")
    assert await page.evaluate("observing") == 0
    await page.mouse.move(20, 30)
    await page.mouse.down()
    assert await page.evaluate("observing") == 1
    await run(page, 1100)
    assert await page.evaluate("observing") == 0, "a press that is held"
    await page.mouse.up()
    await run(page, 100)
    await page.mouse.click(20, 30)
    await page.evaluate("document.body.title = 1")
    assert await page.evaluate("observing") == 0
